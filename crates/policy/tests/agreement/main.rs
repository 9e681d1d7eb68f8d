//! Random policies, callers, entities and questions: rights decide as Cedar decides, and a narrowed
//! question finds what the question finds in the view.

mod original;

use std::sync::Arc;

use model::{Entity, Tenant, Timestamp};
use policy::Caller;
use policy::cedar::{Action, Policies, Rights};
use query::{Collation, Filter, Links, compare};
use testkit::Chance;
use testkit::model_based::random;
use testkit::notation::name;

use random::{ATTRIBUTES, expand, principal, sources, tenant_ruled as tenant};

/// Each with policies of its own.
const CASES: u64 = 150;

const ON_ENTITIES: [Action; 4] = [Action::Read, Action::Create, Action::Update, Action::Delete];

/// What happened so often that the comparison says something.
#[derive(Debug, Default)]
struct Counted {
    yes: usize,
    no: usize,
    partly: usize,
}

impl Counted {
    fn add(&mut self, holds: bool) {
        *(if holds { &mut self.yes } else { &mut self.no }) += 1;
    }
}

struct City(Vec<Arc<Entity>>);

impl City {
    fn random(chance: &mut Chance) -> City {
        let at = Timestamp(0);
        let entity = |chance: &mut Chance| {
            let id = random::id(chance);
            Arc::new(random::draft(chance).into_entity(id, at, at))
        };
        let mut entities = chance.list(6, 8, entity);
        entities.sort_by(|left, right| left.id.cmp(&right.id));
        entities.dedup_by(|left, right| left.id == right.id);
        City(entities)
    }
}

impl Links for City {
    fn entity(&self, id: &model::EntityId) -> Option<Arc<Entity>> {
        self.0.iter().find(|entity| entity.id == *id).cloned()
    }
}

/// Everything that one case is about; several callers ask the same policies, one after another.
struct Case {
    text: String,
    policies: Policies,
    city: City,
    callers: Vec<(Caller, Tenant)>,
}

impl Case {
    fn random(chance: &mut Chance) -> Case {
        let (sources, text) = sources(chance);
        let policies = Policies::load(&sources, &expand).unwrap_or_else(|problems| {
            let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
            panic!("{}\n{text}", told.join("\n"));
        });
        let city = City::random(chance);
        let callers = chance.list(2, 4, |chance| (principal(chance), tenant(chance)));
        Case { text, policies, city, callers }
    }
}

fn each_case(mut check: impl FnMut(&mut Chance, &Case)) {
    for seed in 0..CASES {
        let mut chance = Chance::new(seed);
        let case = Case::random(&mut chance);
        check(&mut chance, &case);
    }
}

#[test]
fn rights_and_explanations_are_those_of_cedar() {
    let mut counted = Counted::default();
    each_case(|_, case| {
        let original = original::Original::new(&case.text);
        for (principal, tenant) in &case.callers {
            for action in ON_ENTITIES {
                let rights = case.policies.rights(principal, action, tenant);
                for entity in &case.city.0 {
                    check_view(&rights, entity);
                    check_entity(case, &original, principal, tenant, &rights, entity, &mut counted);
                }
            }
        }
    });
    assert!(1_000 < counted.yes && 1_000 < counted.no && 300 < counted.partly, "{counted:?}");
}

/// A view has the attributes that the rights show, as they are, and all else of the entity.
fn check_view(rights: &Rights, entity: &Arc<Entity>) {
    let Some(view) = rights.view(entity.clone()) else { return assert!(!rights.covers(entity)) };
    assert!(rights.covers(entity));
    assert_eq!(view.header(), entity.header());
    let shown = entity.attributes.iter().filter(|one| rights.shows(entity, &one.name));
    assert!(view.attributes.iter().eq(shown), "{entity:?}\nseen as {view:?}");
}

fn check_entity(
    case: &Case,
    original: &original::Original,
    principal: &Caller,
    tenant: &Tenant,
    rights: &Rights,
    entity: &Entity,
    counted: &mut Counted,
) {
    let action = rights.action();
    let elsewhere = principal.tenant.as_ref().is_some_and(|bound| bound != tenant);
    let explained = case.policies.explain(principal, action, tenant, entity);
    let question = original.question(principal, tenant, entity);
    let mut permitted = 0;
    for term in ATTRIBUTES {
        let about = || format!("{action} {term} {principal:?}\n{entity:?}\n{}", case.text);
        let name = name(term);
        let (decided, ids) = original.decide(&question, action, term);
        let expected = decided && !elsewhere;
        let found = rights.covers(entity) && rights.shows(entity, &name);
        assert_eq!(found, expected, "{}", about());
        if let Some(verdict) = explained.attributes.get(&name) {
            assert_eq!(verdict.is_permitted(), expected, "{verdict} {}", about());
            let mut told: Vec<&str> =
                verdict.deciders().iter().map(|decider| decider.policy.as_str()).collect();
            told.sort_unstable();
            assert_eq!(told, ids, "{}", about());
        }
        counted.add(expected);
        permitted += usize::from(expected);
    }
    counted.partly += usize::from(0 < permitted && permitted < ATTRIBUTES.len());
    assert_eq!(rights.covers(entity), 0 < permitted, "{entity:?} {}", case.text);
    assert_eq!(explained.verdict.is_permitted(), 0 < permitted, "{explained} {}", case.text);
}

#[test]
fn a_narrowed_filter_finds_what_the_filter_finds_in_the_view() {
    let mut counted = Counted::default();
    each_case(|chance, case| {
        let filters = chance.list(40, 40, |chance| random::filter(chance, 2));
        for (principal, tenant) in &case.callers {
            let rights = case.policies.rights(principal, Action::Read, tenant);
            let links = rights.links(&case.city);
            let views = case.city.0.iter().filter_map(|entity| rights.view(entity.clone()));
            let seen_city = City(views.collect());
            for filter in &filters {
                let narrowed = rights.narrow(filter);
                for entity in &case.city.0 {
                    let view = rights.view(entity.clone());
                    let expected =
                        view.as_ref().is_some_and(|seen| filter.matches(seen, &seen_city));
                    let found = narrowed.matches(entity, &links);
                    assert_eq!(
                        found, expected,
                        "{filter:?}\nnarrowed {narrowed:?}\n{entity:?}\nseen as {view:?}\n{}",
                        case.text
                    );
                    counted.add(found);
                    let plainly = filter.matches(entity, &case.city);
                    counted.partly += usize::from(view.is_some() && plainly != found);
                }
            }
        }
    });
    assert!(1_000 < counted.yes && 1_000 < counted.no && 300 < counted.partly, "{counted:?}");
}

#[test]
fn an_order_tells_what_the_view_tells() {
    let mut counted = Counted::default();
    each_case(|chance, case| {
        let orders = chance.list(8, 8, |chance| chance.list(1, 2, random::order));
        let collation = Collation::default();
        for (principal, tenant) in &case.callers {
            let rights = case.policies.rights(principal, Action::Read, tenant);
            let seen = case.city.0.iter().filter_map(|entity| {
                rights.view(entity.clone()).map(|view| (entity.clone(), view))
            });
            let seen: Vec<_> = seen.collect();
            for order in &orders {
                let in_view = rights.order(order);
                for (left, right) in seen.iter().zip(seen.iter().skip(1)) {
                    let expected = compare(&left.1, &right.1, order, &collation);
                    let (left, right) =
                        if in_view.of_views { (&left.1, &right.1) } else { (&left.0, &right.0) };
                    let found = compare(left, right, &in_view.keys, &collation);
                    assert_eq!(found, expected, "{order:?}\n{in_view:?}\n{}", case.text);
                    counted.add(in_view.of_views);
                    counted.partly += usize::from(in_view.keys.len() < order.len());
                }
            }
        }
    });
    assert!(500 < counted.yes && 500 < counted.no && 100 < counted.partly, "{counted:?}");
}

/// Whoever reads less than a whole entity sees the same of what was read.
#[test]
fn a_view_needs_only_the_attributes_it_reads() {
    let mut counted = Counted::default();
    each_case(|_, case| {
        for (principal, tenant) in &case.callers {
            let rights = case.policies.rights(principal, Action::Read, tenant);
            let read = rights.attributes_read();
            for entity in &case.city.0 {
                let kept = entity.attributes.iter().filter(|one| read.contains(&&one.name));
                let attributes = model::Attributes::from_distinct(kept.cloned().collect());
                let less = Entity { attributes, ..entity.header() };
                assert_eq!(rights.covers(&less), rights.covers(entity), "{}", case.text);
                for term in ATTRIBUTES {
                    let shown = rights.shows(&less, &name(term));
                    assert_eq!(shown, rights.shows(entity, &name(term)), "{}", case.text);
                    counted.add(shown);
                }
            }
        }
    });
    assert!(1_000 < counted.yes && 1_000 < counted.no, "{counted:?}");
}

/// Without conditions, the filter is the caller's own: an index answers it as before.
#[test]
fn who_may_see_everything_asks_the_same_question() {
    let policies = Policies::load(&policy::cedar::Sources::defaults(), &expand).expect("policies");
    let reader = Caller { roles: ["reader".to_owned()].into(), ..Caller::default() };
    let rights = policies.rights(&reader, Action::Read, &Tenant::default());
    assert!(rights.are_all());
    let filter = Filter::Attributes(vec![name("size")]);
    assert_eq!(format!("{:?}", rights.narrow(&filter)), format!("{filter:?}"));
}
