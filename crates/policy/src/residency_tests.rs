use model::{EntityId, Json, Timestamp, Value};
use proptest::prelude::*;

use super::*;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const TYPES: [&str; 2] = ["T", "U"];
const REGIONS: [&str; 3] = ["de", "fr", "us"];

fn name(text: &str) -> Name {
    Name::new(text)
}

fn region(text: &str) -> Region {
    Region::parse(text).unwrap()
}

/// `T a b(c) d`: types in capitals, attributes with those inside them.
fn entity(text: &str) -> Arc<Entity> {
    let mut types = Vec::new();
    let mut attributes = Vec::new();
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if word.starts_with(|c: char| c.is_ascii_uppercase()) {
            types.push(name(word));
            continue;
        }
        let (own, inner) = word.split_once('(').unwrap_or((word, ""));
        let inner = inner.trim_end_matches(')');
        let inner = (!inner.is_empty()).then(|| attribute(inner, Attributes::default()));
        attributes.push(attribute(own, Attributes::new(inner)));
    }
    Arc::new(Entity {
        id: EntityId::parse("urn:x:1").unwrap(),
        types,
        scopes: Vec::new(),
        expires_at: None,
        created_at: Timestamp(0),
        modified_at: Timestamp(0),
        attributes: Attributes::new(attributes),
    })
}

fn attribute(own: &str, attributes: Attributes) -> Attribute {
    let value = Value::Property(Json::text("v"));
    let instance = Instance { attributes, ..Instance::new(value) };
    Attribute { name: name(own), instances: std::iter::once(instance).collect() }
}

fn shown(entity: &Entity) -> String {
    let types = entity.types.iter().map(|one| one.as_str().to_owned());
    let attributes = entity.attributes.iter().map(|attribute| {
        let inner = attribute.instances.iter().flat_map(|one| one.attributes.iter());
        let inner: Vec<&str> = inner.map(|one| one.name.as_str()).collect();
        let own = attribute.name.as_str();
        if inner.is_empty() { own.to_owned() } else { format!("{own}({})", inner.join(" ")) }
    });
    types.chain(attributes).collect::<Vec<_>>().join(" ")
}

/// `tenant T.a: de fr`, each of the three with `*` for any.
fn rule(text: &str) -> ResidencyRule {
    let (about, regions) = text.split_once(':').unwrap();
    let (tenant, what) = about.split_once(' ').unwrap();
    let (entity_type, attribute) = what.split_once('.').unwrap();
    let some = |text: &str| (text != "*").then(|| name(text));
    ResidencyRule {
        tenant: (tenant != "*").then(|| Tenant::parse(tenant).unwrap()),
        entity_type: some(entity_type),
        attribute: some(attribute),
        regions: regions.split_whitespace().map(region).collect(),
    }
}

fn release(rules: &[&str], to: &str) -> Release {
    let regions: Vec<Region> = to.split_whitespace().map(region).collect();
    let rules = rules.iter().map(|text| rule(text));
    Residency::new(rules).release(&Tenant::parse("north").unwrap(), &regions)
}

fn check(rules: &[&str], to: &str, what: &str, expected: &str) {
    let Released { rest, held } = release(rules, to).entity(&entity(what));
    let rest = rest.map_or("nothing".to_owned(), |rest| shown(&rest));
    let names: Vec<&str> = held.attributes.iter().map(Name::as_str).collect();
    let told = format!("{rest} | {} | {:?}", names.join(" "), held.rules);
    assert_eq!(told, expected, "{rules:?} {to} {what}");
}

#[test]
fn what_no_rule_is_about_goes_anywhere() {
    check(&[], "", "T a b", "T a b |  | []");
    check(&["south *.*: de"], "us", "T a b", "T a b |  | []");
    check(&["* U.*: de", "* T.c: de"], "us", "T a b", "T a b |  | []");
}

#[test]
fn an_attribute_stays_where_its_rule_says() {
    check(&["* *.a: de fr"], "fr", "T a b", "T a b |  | []");
    check(&["* *.a: de fr"], "us", "T a b", "T b | a | [1]");
    check(&["north T.a: de"], "", "T a b", "T b | a | [1]");
    check(&["* U.a: de"], "us", "T U a b", "T U b | a | [1]");
    check(&["* *.c: de"], "us", "T a b(c)", "T a b | c | [1]");
    check(&["* *.a: de", "* *.b: de"], "us", "T a b", "nothing | a b | [1, 2]");
}

#[test]
fn all_rules_about_the_same_must_allow_it() {
    let rules = ["* *.a: de fr", "* T.a: fr us"];
    check(&rules, "fr", "T a b", "T a b |  | []");
    check(&rules, "de", "T a b", "T b | a | [2]");
    check(&rules, "us", "T a b", "T b | a | [1]");
    // A destination in several regions is in each of them.
    check(&rules, "de us", "T a b", "T a b |  | []");
    // Nowhere at all.
    check(&["* *.a:"], "de", "T a b", "T b | a | [1]");
}

#[test]
fn an_entity_or_a_tenant_stays_whole() {
    check(&["* T.*: de"], "us", "T a b", "nothing |  | [1]");
    check(&["* T.*: de"], "us", "T U a b", "nothing |  | [1]");
    check(&["north *.*: de"], "us", "T a b", "nothing |  | [1]");
    assert_eq!(release(&["* T.*: de", "north *.*: de"], "us").nothing(), Some(2));
    assert_eq!(release(&["north *.*: de"], "de").nothing(), None);
    assert_eq!(release(&["* T.a: de"], "us").holds_back(&name("a")), Some(1));
}

fn check_event(rules: &[&str], before: &str, after: &str, expected: &str) {
    let tenant = Tenant::parse("north").unwrap();
    let state = |text: &str| (!text.is_empty()).then(|| entity(text));
    let (before, after) = (state(before), state(after));
    let id = EntityId::parse("urn:x:1").unwrap();
    let event = Event::between(tenant, id, Timestamp(1), before.as_deref(), after);
    let told = release(rules, "us").event(&Arc::new(event)).rest.map_or_else(
        || "nothing".to_owned(),
        |event| {
            let state = |one: &Option<Arc<Entity>>| one.as_deref().map(shown).unwrap_or_default();
            let changed: Vec<&str> = event.changed.iter().map(Name::as_str).collect();
            format!("{} > {} | {}", state(&event.before), state(&event.after), changed.join(" "))
        },
    );
    assert_eq!(told, expected);
}

#[test]
fn an_event_tells_of_the_rest_alone() {
    check_event(&["* *.a: de"], "", "T a b", " > T b | b");
    check_event(&["* *.a: de"], "T a b", "T b", "T > T b | ");
    check_event(&["* *.a: de"], "T a b", "", "T b >  | b");
    check_event(&["* T.*: de"], "U a", "T a", "nothing");
    check_event(&["* T.*: de"], "T a", "U a", " > U a | ");
    check_event(&["* T.*: de"], "T a", "", "nothing");
}

#[test]
fn regions_have_plain_names() {
    assert_eq!(Region::parse("DE").unwrap().as_str(), "de");
    for bad in ["", "a b", "dé", "a,b", &"x".repeat(REGION_BYTES_MAX + 1)] {
        assert_eq!(Region::parse(bad), None, "{bad}");
    }
}

fn any_rule() -> impl Strategy<Value = String> {
    let maybe =
        |all: &'static [&'static str]| prop_oneof![Just("*"), proptest::sample::select(all)];
    let regions = proptest::sample::subsequence(&REGIONS[..], 0..=2);
    let tenants = proptest::sample::select(&["*", "north", "south"][..]);
    (tenants, maybe(&TYPES), maybe(&NAMES), regions).prop_map(|(tenant, kind, name, regions)| {
        format!("{tenant} {kind}.{name}:{}", regions.join(" "))
    })
}

fn any_entity() -> impl Strategy<Value = String> {
    let types = proptest::sample::subsequence(&TYPES[..], 1..=2);
    let attribute = (proptest::sample::select(&NAMES[..]), proptest::option::of(0..4_usize));
    (types, proptest::collection::vec(attribute, 0..4)).prop_map(|(types, attributes)| {
        let attributes = attributes.iter().map(|(own, inner)| match inner {
            Some(inner) => format!("{own}({})", NAMES[*inner]),
            None => (*own).to_owned(),
        });
        types.iter().map(|one| (*one).to_owned()).chain(attributes).collect::<Vec<_>>().join(" ")
    })
}

/// May this go by the rules as they are written? Said once more, in another way.
fn may_go(rules: &[ResidencyRule], to: &[Region], types: &[Name], name: Option<&Name>) -> bool {
    rules.iter().all(|rule| {
        let other_tenant = rule.tenant.as_ref().is_some_and(|one| one.as_str() != "north");
        let other_type = rule.entity_type.as_ref().is_some_and(|one| !types.contains(one));
        let other_name = rule.attribute.as_ref() != name;
        let allows = rule.regions.iter().any(|one| to.contains(one));
        other_tenant || other_type || other_name || allows
    })
}

proptest! {
    #[test]
    fn nothing_goes_that_a_rule_holds_back_and_everything_else_does(
        rules in proptest::collection::vec(any_rule(), 0..5),
        to in proptest::sample::subsequence(&REGIONS[..], 0..=2),
        text in any_entity(),
    ) {
        let texts: Vec<&str> = rules.iter().map(String::as_str).collect();
        let rules: Vec<ResidencyRule> = texts.iter().map(|text| rule(text)).collect();
        let release = release(&texts, &to.join(" "));
        let to: Vec<Region> = to.iter().map(|one| region(one)).collect();
        let whole = entity(&text);
        let may = |name: &Name| may_go(&rules, &to, &whole.types, Some(name));
        let Released { rest, held } = release.entity(&whole);
        let left = whole.attributes.iter().filter(|one| may(&one.name)).count();
        if !may_go(&rules, &to, &whole.types, None) {
            prop_assert!(rest.is_none() && held.rules.len() == 1);
        } else if let Some(rest) = rest {
            prop_assert_eq!(rest.attributes.len(), left);
            for attribute in &rest.attributes {
                prop_assert!(may(&attribute.name));
                let old = &whole.attributes.get(&attribute.name).unwrap().instances[0].attributes;
                let new = &attribute.instances[0].attributes;
                prop_assert!(new.iter().all(|inner| may(&inner.name)));
                prop_assert_eq!(new.len(), old.iter().filter(|one| may(&one.name)).count());
            }
            // What is left is left once more.
            let again = release.entity(&rest);
            prop_assert!(again.held.is_nothing());
            prop_assert_eq!(again.rest, Some(rest));
        } else {
            prop_assert!(left == 0 && !held.is_nothing());
        }
    }

    #[test]
    fn an_event_holds_no_more_than_the_entities_in_it_may(
        rules in proptest::collection::vec(any_rule(), 0..5),
        before in proptest::option::of(any_entity()),
        after in any_entity(),
    ) {
        let texts: Vec<&str> = rules.iter().map(String::as_str).collect();
        let release = release(&texts, "us");
        let (tenant, id) = (Tenant::parse("north").unwrap(), EntityId::parse("urn:x:1").unwrap());
        let (before, after) = (before.map(|text| entity(&text)), entity(&after));
        let event = Event::between(tenant, id, Timestamp(1), before.as_deref(), Some(after));
        let Some(told) = release.event(&Arc::new(event)).rest else { return Ok(()) };
        for state in [&told.before, &told.after].into_iter().flatten() {
            let again = release.entity(state);
            prop_assert!(again.held.is_nothing());
        }
        let state = |name: &Name| {
            let mut states = [&told.before, &told.after].into_iter().flatten();
            states.any(|state| state.attributes.get(name).is_some())
        };
        prop_assert!(told.changed.iter().all(state));
    }
}
