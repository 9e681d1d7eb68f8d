use query::NoLinks;

use super::Index;
use crate::changes::Changes;
use crate::notation::{event, subscription};

const SUBSCRIPTIONS: [&str; 10] = [
    "s0 type=Lamp",
    "s1 type=Lamp watch=a",
    "s2 type=Lamp watch=b,c",
    "s3 id=urn:1,urn:2",
    "s4 id=urn:2 watch=a",
    "s5 pattern=^urn:1",
    "s6 watch=a",
    "s7 type=(Lamp;Old)",
    "s8 type=Bench|Lamp type=Tree",
    "s9 tenant=north type=Lamp",
];

fn index() -> Index {
    let mut index = Index::default();
    for (slot, text) in (0..).zip(SUBSCRIPTIONS) {
        index.insert(slot, &subscription(text));
    }
    index
}

fn check(index: &Index, change: &str, expected: &[u64]) {
    assert_eq!(index.candidates(&event(&[change])), expected, "{change}");
}

#[test]
fn only_subscriptions_that_may_match_are_looked_at() {
    let index = index();
    check(&index, "create urn:9 Lamp a=1", &[0, 1, 5, 6, 7, 8]);
    check(&index, "create urn:9 Lamp b=1 c=2", &[0, 2, 5, 7, 8]);
    check(&index, "create urn:2 Bench a=1", &[3, 4, 5, 6, 8]);
    check(&index, "create urn:2 Stone", &[3, 5]);
    check(&index, "create urn:7 Tree Lamp", &[0, 5, 7, 8]);
}

#[test]
fn whoever_matches_is_among_the_candidates() {
    let index = index();
    let subscriptions = SUBSCRIPTIONS.map(subscription);
    for change in ["create urn:1 Lamp a=1", "create urn:2 Old Lamp b=1", "create urn:3 Tree c=1"] {
        let event = event(&[change]);
        let candidates = index.candidates(&event);
        for (slot, subscription) in (0..).zip(&subscriptions) {
            let ours = subscription.key.tenant == event.tenant;
            let changes = Changes::of(&event);
            let matches = subscription.matches(&changes, &NoLinks).is_some();
            assert!(!(ours && matches) || candidates.contains(&slot), "{slot}: {change}");
        }
    }
}

#[test]
fn what_is_taken_out_leaves_nothing_behind() {
    let mut index = index();
    for (slot, text) in (0..).zip(SUBSCRIPTIONS) {
        index.remove(slot, &subscription(text));
    }
    check(&index, "create urn:1 Lamp Old Bench Tree a=1 b=1 c=1", &[]);
    let empty = index.tenants.values().all(|one| one.ids.is_empty() && one.types.is_empty());
    assert!(empty, "{index:?}");
}

#[test]
fn the_cost_of_an_event_follows_those_it_may_concern() {
    let mut index = Index::default();
    for slot in 0..30_000 {
        let text = match slot % 3 {
            0 => format!("s type=T{slot}"),
            1 => format!("s id=urn:{slot}"),
            _ => format!("s type=Lamp watch=a{slot}"),
        };
        index.insert(slot, &subscription(&text));
    }
    check(&index, "create urn:x Lamp a=1", &[]);
    check(&index, "create urn:4 T3 Lamp a5=1 a=1", &[3, 4, 5]);
}
