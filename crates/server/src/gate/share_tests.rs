//! Tenants that flood, wait and give up.

use proptest::prelude::*;

use super::*;

fn tenant(name: &str) -> Tenant {
    Tenant::parse(name).unwrap()
}

fn share(all_max: usize, tenant_max: usize) -> Share {
    Share::new(ShareRules { all_max, tenant_max })
}

#[test]
fn one_tenant_leaves_room_for_another() {
    let (flood, other) = (tenant("flood"), tenant("other"));
    let mut share = share(4, 3);
    let entries: Vec<Entry> = (0..5).map(|_| share.enter(&flood)).collect();
    let later = |nth| Entry::Later(Ticket(nth));
    assert_eq!(entries, [Entry::Now, Entry::Now, Entry::Now, later(1), later(2)]);
    assert_eq!(share.enter(&other), Entry::Now);
    assert_eq!(share.leave(&flood), [Ticket(1)], "the first that waited is the next");
}

#[test]
fn whoever_has_less_is_first() {
    let (flood, other, third) = (tenant("flood"), tenant("other"), tenant("third"));
    let mut share = share(2, 2);
    assert_eq!((share.enter(&flood), share.enter(&flood)), (Entry::Now, Entry::Now));
    let tickets = [&flood, &flood, &other, &third, &other].map(|tenant| share.enter(tenant));
    assert_eq!(tickets, [1, 2, 3, 4, 5].map(|nth| Entry::Later(Ticket(nth))));
    assert_eq!(share.leave(&flood), [Ticket(3)], "of the flood one runs, of the others none");
    assert_eq!(share.leave(&flood), [Ticket(1)], "of it none runs, and its turn was long ago");
    assert_eq!(share.leave(&flood), [Ticket(4)], "its turn was just now");
    assert_eq!(share.leave(&third), [Ticket(2)], "of the other one runs");
}

#[test]
fn those_that_came_first_do_not_go_before_all_others() {
    let (flood, other) = (tenant("flood"), tenant("other"));
    let mut share = share(1, 1);
    (0..100).for_each(|_| {
        share.enter(&flood);
    });
    let Entry::Later(ticket) = share.enter(&other) else { panic!("there is room for one") };
    assert_ne!(share.leave(&flood), [ticket]);
    assert_eq!(share.leave(&flood), [ticket]);
}

#[test]
fn whoever_gives_up_is_not_called() {
    let north = tenant("north");
    let mut share = share(1, 1);
    assert_eq!(share.enter(&north), Entry::Now);
    let (Entry::Later(first), Entry::Later(second)) = (share.enter(&north), share.enter(&north))
    else {
        panic!("there is room for one");
    };
    assert!(share.give_up(&north, first));
    assert!(!share.give_up(&north, first));
    assert_eq!(share.leave(&north), [second]);
    assert!(!share.give_up(&north, second), "it was called");
    assert!(share.leave(&north).is_empty());
    assert!(share.tenants.is_empty(), "those of which nothing runs or waits take no room");
}

#[test]
fn a_tenant_may_have_a_share_of_its_own() {
    let north = tenant("north");
    let mut share = share(10, 2);
    share.limit(&north, Some(3));
    let mut now =
        |count: usize| (0..count).filter(|_| matches!(share.enter(&north), Entry::Now)).count();
    assert_eq!(now(5), 3);
    share.limit(&north, None);
    assert!(share.leave(&north).is_empty(), "two are what it may have");
    assert_eq!(share.leave(&north).len(), 1);
}

proptest! {
    /// Whatever tenants do: no limit is passed, nobody waits while there is room for them, each is
    /// called once, and of one tenant in the order in which they came.
    #[test]
    fn fair_whatever_happens(
        all_max in 1_usize..6,
        tenant_max in 1_usize..6,
        steps in proptest::collection::vec((0_usize..3, 0_usize..4, any::<prop::sample::Index>()), 1..200),
    ) {
        let tenants = ["a", "b", "c"].map(tenant);
        let mut share = share(all_max, tenant_max);
        let tenant_max = tenant_max.min(all_max);
        let mut running = [0_usize; 3];
        let mut waiting: [Vec<Ticket>; 3] = Default::default();
        for (who, what, which) in steps {
            let name = &tenants[who];
            let called = match what {
                0 | 1 => {
                    match share.enter(name) {
                        Entry::Now => running[who] += 1,
                        Entry::Later(ticket) => waiting[who].push(ticket),
                    }
                    Vec::new()
                }
                2 if running[who] > 0 => {
                    running[who] -= 1;
                    share.leave(name)
                }
                3 if !waiting[who].is_empty() => {
                    let at = which.index(waiting[who].len());
                    let ticket = waiting[who].remove(at);
                    prop_assert!(share.give_up(name, ticket));
                    Vec::new()
                }
                _ => continue,
            };
            for ticket in called {
                let whose = waiting.iter().position(|line| line.first() == Some(&ticket));
                let whose = whose.expect("the first of a line");
                waiting[whose].remove(0);
                running[whose] += 1;
            }
            let all: usize = running.iter().sum();
            prop_assert!(all <= all_max);
            for who in 0..3 {
                prop_assert!(running[who] <= tenant_max);
                let has_room = all < all_max && running[who] < tenant_max;
                prop_assert!(waiting[who].is_empty() || !has_room);
            }
        }
    }
}
