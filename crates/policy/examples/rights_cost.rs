//! What a decision costs: rights of callers that were seen before, and the view of an entity.
//!
//! `cargo run --release -p policy --example rights_cost`

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use model::{Entity, Name, Tenant, Timestamp};
use policy::cedar::{Action, DEFAULTS, Policies, Source, Sources};
use policy::{Caller, Policy, role};
use query::{Filter, Query};
use testkit::notation;

/// Added to the defaults: one policy of each kind for each of so many roles.
const ROLES: usize = 50;
const REPEATS: u32 = 200_000;

fn main() {
    let (text, expand) = (policies(), |term: &str| Ok(notation::name(term)));
    let sources = Sources { policies: vec![Source::new("city.cedar", text)], areas: Vec::new() };
    let (policies, load) = timed(1, || Policies::load(&sources, &expand));
    let Ok(policies) = policies else { return println!("the policies do not load") };
    println!("load {} policies: {load:?}", 3 * ROLES + 10);

    let tenant = Tenant::default();
    let callers: Vec<Caller> = (0..ROLES).map(caller).collect();
    let mut nth = 0;
    let mut next = || {
        nth += 1;
        policies.rights(&callers[nth % callers.len()], Action::Read, &tenant)
    };
    let (_, first) = timed(ROLES as u32, &mut next);
    println!("rights, first time for a kind of caller: {first:?}");
    let (rights, again) = timed(REPEATS, &mut next);
    println!("rights, looked up: {again:?}");

    let policy = Policy::new(Arc::new(policies), 1);
    let query = Query::of(tenant.clone(), Filter::Everything);
    let (_, cost) = timed(REPEATS, || policy.permit(black_box(&callers[0]), query.clone()));
    println!("a permit for a query, the query cloned: {cost:?}");
    let admin = Caller::with_role("ada", role::ADMIN);
    let (_, cost) = timed(REPEATS, || policy.permit(black_box(&admin), query.clone()));
    println!("the same for who may do everything: {cost:?}");

    let whole = entity("urn:l:1 Lamp /District0 brightness=60 state=on");
    let (_, cost) = timed(REPEATS, || rights.view(black_box(whole.clone())));
    println!("view, nothing hidden: {cost:?}");
    let person = entity("urn:p:1 Person /District0 name=x email0=y email1=y age=9");
    let (_, cost) = timed(REPEATS, || rights.view(black_box(person.clone())));
    println!("view, something hidden: {cost:?}");
}

fn policies() -> String {
    let of_role = |nth: usize| {
        format!(
            r#"
            permit (principal in Role::"r{nth}", action == Action::"read", resource);
            forbid (principal in Role::"r{nth}", action == Action::"read",
                    resource in EntityType::"Person")
            when {{ context.attribute == "email{}" }};
            forbid (principal in Role::"r{nth}", action, resource)
            when {{ resource is Entity && !(resource in Scope::"/District{nth}")
                    && resource in Query::"age>{nth}" }};
            "#,
            nth % 10
        )
    };
    (0..ROLES).map(of_role).fold(DEFAULTS.to_owned(), |text, more| text + &more)
}

fn caller(nth: usize) -> Caller {
    Caller {
        name: format!("caller-{nth}"),
        roles: [format!("r{nth}"), "reader".to_owned()].into(),
        ..Caller::default()
    }
}

fn entity(text: &str) -> Arc<Entity> {
    let mut entity = notation::entity(text, Timestamp(0));
    entity.types.dedup_by_key(|name: &mut Name| name.clone());
    Arc::new(entity)
}

/// What came out last, and what one of them took.
#[expect(clippy::disallowed_methods, reason = "this measures")]
fn timed<T>(repeats: u32, mut work: impl FnMut() -> T) -> (T, Duration) {
    let start = Instant::now();
    let mut last = work();
    for _ in 1..repeats {
        last = black_box(work());
    }
    (last, start.elapsed() / repeats)
}
