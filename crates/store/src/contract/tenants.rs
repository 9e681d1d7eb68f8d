//! Nothing of one tenant is visible to another.

use model::Change;
use query::Filter;

use super::Home;
use super::notation::{change, tenant};
use super::trial::Trial;

pub(super) async fn nothing_of_one_tenant_is_visible_to_another(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    let (north, south) = (trial.within("north"), trial.within("south"));
    // Names that begin alike must not be taken for one another.
    let northeast = trial.within("north.east");
    trial.done("create urn:a Lamp of=default").await;
    north.done("create urn:a Lamp of=north").await;
    northeast.done("create urn:b Meter of=northeast").await;
    assert_eq!(trial.shown("urn:a").await, "urn:a Lamp of=default");
    assert_eq!(north.shown("urn:a").await, "urn:a Lamp of=north");
    assert_eq!(northeast.shown("urn:a").await, "-");
    assert_eq!(south.shown("urn:a").await, "-");
    for (tenant, ids, census) in [
        (&trial, "a", "Lamp=1 Lamp.of:Property=1"),
        (&north, "a", "Lamp=1 Lamp.of:Property=1"),
        (&northeast, "b", "Meter=1 Meter.of:Property=1"),
        (&south, "", ""),
    ] {
        assert_eq!(tenant.ids(Filter::Everything).await, ids);
        assert_eq!(tenant.census().await, census);
    }
    north.done("delete urn:a").await;
    assert_eq!(trial.shown("urn:a").await, "urn:a Lamp of=default");
    let tenants: Vec<String> =
        trial.journal(0, 10).await.iter().map(|r| r.event.tenant.to_string()).collect();
    assert_eq!(tenants, ["(default)", "north", "north.east", "north"]);
}

pub(super) async fn one_call_may_change_several_tenants(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    let changes = ["north", "south"].map(|name| {
        trial.permitted(Change { tenant: tenant(name), ..change("create urn:a Lamp") })
    });
    let outcomes = trial.store.commit(changes.into(), trial.now).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(trial.within("north").shown("urn:a").await, "urn:a Lamp");
    assert_eq!(trial.within("south").shown("urn:a").await, "urn:a Lamp");
    assert_eq!(trial.shown("urn:a").await, "-");
}

pub(super) async fn the_first_write_creates_a_tenant_and_nothing_ends_it(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    let north = trial.within("north");
    assert!(knows(&trial).await, "the default tenant always exists");
    assert!(!knows(&north).await);
    north.refused("delete urn:a").await;
    assert!(!knows(&north).await, "what is refused creates nothing");
    north.done("create urn:a Lamp").await;
    assert!(knows(&north).await);
    assert!(!knows(&trial.within("nor")).await);
    north.done("delete urn:a").await;
    assert!(knows(&north).await, "a tenant stays when its last entity goes");
}

async fn knows(trial: &Trial) -> bool {
    trial.store.has_tenant(&trial.tenant).await.expect("an answer")
}
