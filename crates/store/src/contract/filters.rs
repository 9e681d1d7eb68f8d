//! Each kind of filter finds what `Filter::matches` says, and nothing else.

use model::{DateTime, Name, TypeSelector};
use query::{
    Comparison, Condition, Direction, Filter, GeoCondition, GeoRelation, Link, Operand, OrderBy,
    OrderKey, Pattern, Range, ScopeCondition, Target, Test,
};

use super::Home;
use super::notation::{geometry, id, name};
use super::trial::Trial;

const CITY: &[&str] = &[
    "urn:a Lamp /Kallio/North brightness=10 state=on street->urn:s1 location@24.94,60.17",
    "urn:b Lamp /Kallio brightness=20.5 state=off street->urn:s2 location@24.95,60.18",
    "urn:c Lamp Device /Toolo/North brightness=30 near->[urn:a,urn:b] location@25.5,60.3",
    r#"urn:d Meter reading={"kwh":5,"phases":[1,2]} state=on since="2026-01-01T00:00:00Z""#,
    r#"urn:e Meter reading={"kwh":7.25} brightness=bright since="2026-03-01T00:00:00Z""#,
    "urn:m Lamp brightness=1(datasetId=urn:d:1) brightness=99(datasetId=urn:d:2)",
    "urn:o Lamp brightness=40(observedAt=2026-03-31T00:00:00Z accuracy=0.5 by->urn:p)",
    "urn:s1 Street name=Mannerheimintie lanes=4 open=true \
     area@Polygon[[[24.9,60.1],[25,60.1],[25,60.2],[24.9,60.2],[24.9,60.1]]]",
    "urn:s2 Street name=Aleksi lanes=2 open=false area@LineString[[24.94,60.16],[24.96,60.17]]",
];

const ALL: &str = "a b c d e m o s1 s2";

async fn city(home: &dyn Home) -> Trial {
    let trial = Trial::new(home.open().await);
    trial.create_all(CITY).await;
    trial
}

async fn check(trial: &Trial, filter: Filter, expected: &str) {
    let shown = format!("{filter:?}");
    assert_eq!(trial.ids(filter.clone()).await, expected, "{shown}");
    // The same, were it one of two conditions, whatever index the other brings.
    let both = Filter::All(vec![of_type("Lamp"), filter]);
    let lamps = expected.split(' ').filter(|id| ["a", "b", "c", "m", "o"].contains(id));
    assert_eq!(trial.ids(both).await, lamps.collect::<Vec<_>>().join(" "), "Lamp and {shown}");
}

pub(super) async fn entities_are_found_by_id(home: &dyn Home) {
    let trial = city(home).await;
    check(&trial, Filter::Everything, ALL).await;
    check(&trial, Filter::All(Vec::new()), ALL).await;
    check(&trial, Filter::Ids(["urn:c", "urn:a", "urn:none", "urn:a"].map(id).into()), "a c").await;
    check(&trial, Filter::Ids(Vec::new()), "").await;
    check(&trial, Filter::IdPattern(pattern("^urn:s")), "s1 s2").await;
    check(&trial, Filter::IdPattern(pattern("[ab]$")), "a b").await;
}

pub(super) async fn entities_are_found_by_type(home: &dyn Home) {
    use TypeSelector::{AllOf, Any, Is, OneOf};
    let trial = city(home).await;
    let is = |term: &str| Is(name(term));
    for (selector, expected) in [
        (Any, ALL),
        (is("Lamp"), "a b c m o"),
        (is("Device"), "c"),
        (is("Nothing"), ""),
        (OneOf(vec![is("Device"), is("Street"), is("Nothing")]), "c s1 s2"),
        (AllOf(vec![is("Lamp"), is("Device")]), "c"),
        (AllOf(vec![is("Lamp"), OneOf(vec![is("Device"), is("Meter")])]), "c"),
        (OneOf(vec![AllOf(vec![is("Lamp"), is("Device")]), is("Meter")]), "c d e"),
    ] {
        check(&trial, Filter::Types(selector), expected).await;
    }
}

pub(super) async fn entities_are_found_by_attribute(home: &dyn Home) {
    let trial = city(home).await;
    let has = |terms: &[&str]| Filter::Attributes(terms.iter().map(|term| name(term)).collect());
    check(&trial, has(&["brightness"]), "a b c e m o").await;
    check(&trial, has(&["lanes", "reading", "nothing"]), "d e s1 s2").await;
    check(&trial, has(&["nothing"]), "").await;
}

pub(super) async fn entities_are_found_by_value(home: &dyn Home) {
    let trial = city(home).await;
    for (filter, expected) in [
        (exists("brightness"), "a b c e m o"),
        (exists("nothing"), ""),
        (test("brightness", Comparison::Absent), "d s1 s2"),
        (equals("brightness", number(20.5)), "b"),
        (equals("brightness", number(99.0)), "m"),
        (equals("state", text("on")), "a d"),
        (equals("open", Operand::Boolean(false)), "s2"),
        (equals("street", Operand::Uri("urn:s1".into())), "a"),
        (equals("near", Operand::Uri("urn:b".into())), "c"),
        (greater("brightness", number(20.5)), "c m o"),
        (test("brightness", Comparison::GreaterOrEqual(number(20.5))), "b c m o"),
        (test("brightness", Comparison::Less(number(10.0))), "m"),
        (test("brightness", Comparison::LessOrEqual(number(10.0))), "a m"),
        (test("brightness", Comparison::Equals(vec![between(10.0, 20.5)])), "a b"),
        (
            test(
                "brightness",
                Comparison::Equals(vec![Range::Only(number(30.0)), between(0.0, 5.0)]),
            ),
            "c m",
        ),
        (test("state", Comparison::NotEquals(vec![Range::Only(text("on"))])), "b"),
        (test("brightness", Comparison::NotEquals(vec![between(0.0, 50.0)])), "e m"),
        (test("state", Comparison::Matches(pattern("^o"))), "a b d"),
        (test("state", Comparison::NotMatches(pattern("n$"))), "b"),
        (test("name", Comparison::Matches(pattern("(?i)ALEKSI"))), "s2"),
    ] {
        check(&trial, filter, expected).await;
    }
}

pub(super) async fn entities_are_found_by_what_is_inside_a_value(home: &dyn Home) {
    let trial = city(home).await;
    let inside = |path: &[&str], comparison| {
        let inside = path.iter().map(ToString::to_string).collect();
        condition(Target { inside, ..target(&["reading"]) }, comparison)
    };
    check(&trial, inside(&["kwh"], Comparison::Greater(number(6.0))), "e").await;
    check(&trial, inside(&["kwh"], Comparison::Equals(vec![Range::Only(number(5.0))])), "d").await;
    check(&trial, inside(&["kwh"], Comparison::Exists), "d e").await;
    check(&trial, inside(&["kwh", "deeper"], Comparison::Exists), "").await;
}

pub(super) async fn entities_are_found_by_attributes_of_attributes(home: &dyn Home) {
    let trial = city(home).await;
    let below = |path: &[&str], comparison| condition(target(path), comparison);
    check(&trial, below(&["brightness", "accuracy"], Comparison::Exists), "o").await;
    check(&trial, below(&["brightness", "accuracy"], Comparison::Less(number(0.7))), "o").await;
    check(&trial, below(&["brightness", "accuracy"], Comparison::Less(number(0.5))), "").await;
    let since = Comparison::GreaterOrEqual(moment("2026-03-30T00:00:00Z"));
    check(&trial, below(&["brightness", "observedAt"], since), "o").await;
}

pub(super) async fn entities_are_found_by_moment(home: &dyn Home) {
    let trial = city(home).await;
    let after = |term: &str, text: &str| greater(term, moment(text));
    check(&trial, after("since", "2026-02-01T00:00:00Z"), "e").await;
    check(&trial, after("since", "2025-02-01T00:00:00Z"), "d e").await;
    check(&trial, after("createdAt", "2026-03-01T00:00:00Z"), ALL).await;
    check(&trial, after("modifiedAt", "2026-05-01T00:00:00Z"), "").await;
}

pub(super) async fn entities_are_found_by_what_they_point_to(home: &dyn Home) {
    let trial = city(home).await;
    let linked = |relationship: &str, types: Option<&str>, term: &str, least: f64| {
        let types = types.map(|term| TypeSelector::Is(name(term)));
        let link = Link { relationship: name(relationship), types };
        let target = Target { links: vec![link], ..target(&[term]) };
        condition(target, Comparison::GreaterOrEqual(number(least)))
    };
    check(&trial, linked("street", None, "lanes", 1.0), "a b").await;
    check(&trial, linked("street", None, "lanes", 3.0), "a").await;
    check(&trial, linked("street", Some("Street"), "lanes", 3.0), "a").await;
    check(&trial, linked("street", Some("Meter"), "lanes", 3.0), "").await;
    check(&trial, linked("near", None, "brightness", 20.0), "c").await;
    trial.done("append urn:s1 lanes=1").await;
    check(&trial, linked("street", None, "lanes", 2.0), "b").await;
}

pub(super) async fn conditions_are_joined_by_and_and_or(home: &dyn Home) {
    let trial = city(home).await;
    let is = |term: &str, operand| test_of(target(&[term]), only(operand));
    let (on, off) = (is("state", text("on")), is("state", text("off")));
    let ten = is("brightness", number(10.0));
    for (condition, expected) in [
        (Condition::Any(vec![on.clone(), off.clone()]), "a b d"),
        (Condition::All(vec![on.clone(), ten.clone()]), "a"),
        (Condition::All(vec![on.clone(), off.clone()]), ""),
        (Condition::Any(vec![Condition::All(vec![on, ten]), off]), "a b"),
    ] {
        check(&trial, Filter::Condition(condition), expected).await;
    }
}

pub(super) async fn filters_are_turned_round(home: &dyn Home) {
    let trial = city(home).await;
    let not = |filter: Filter| Filter::Not(Box::new(filter));
    let (on, bright) = (equals("state", text("on")), exists("brightness"));
    check(&trial, not(Filter::Everything), "").await;
    check(&trial, not(Filter::Any(Vec::new())), ALL).await;
    check(&trial, not(not(on.clone())), "a d").await;
    check(&trial, Filter::All(vec![bright.clone(), not(on.clone())]), "b c e m o").await;
    check(&trial, not(Filter::Any(vec![not(bright.clone()), not(on.clone())])), "a").await;
    check(&trial, Filter::Any(vec![not(not(of_type("Street"))), on]), "a d s1 s2").await;
    check(&trial, Filter::All(vec![not(of_type("Lamp")), bright]), "e").await;
}

pub(super) async fn entities_are_found_by_place(home: &dyn Home) {
    use GeoRelation::{Disjoint, Equals, Intersects, NearMax, NearMin, Within};
    let trial = city(home).await;
    let center = "Polygon[[[24.9,60.1],[25.1,60.1],[25.1,60.2],[24.9,60.2],[24.9,60.1]]]";
    for (property, relation, place, expected) in [
        ("location", NearMax(500.0), "24.94,60.17", "a"),
        ("location", NearMax(2_000.0), "24.94,60.17", "a b"),
        ("location", NearMax(100_000.0), "24.94,60.17", "a b c"),
        ("location", NearMin(2_000.0), "24.94,60.17", "c"),
        ("location", Within, center, "a b"),
        ("location", Intersects, center, "a b"),
        ("location", Disjoint, center, "c"),
        ("location", Equals, "25.5,60.3", "c"),
        ("area", Intersects, "24.95,60.15", "s1"),
        ("area", Within, center, "s1 s2"),
        ("area", GeoRelation::Contains, "24.95,60.15", "s1"),
        ("nothing", Within, center, ""),
    ] {
        let (property, geometry) = (name(property), geometry(place));
        check(&trial, Filter::Geo(GeoCondition { property, relation, geometry }), expected).await;
    }
}

pub(super) async fn places_are_found_where_the_world_is_sewn_together(home: &dyn Home) {
    let trial = Trial::new(home.open().await);
    trial
        .create_all(&[
            "urn:east Lamp location@179.999,0",
            "urn:west Lamp location@-179.999,0",
            "urn:north Lamp location@10,89.999",
            "urn:pole Lamp location@-170,89.999",
            "urn:null Lamp location@0,0",
        ])
        .await;
    let near = |place: &str| {
        let relation = GeoRelation::NearMax(1_000.0);
        let (property, geometry) = (name("location"), geometry(place));
        Filter::Geo(GeoCondition { property, relation, geometry })
    };
    assert_eq!(trial.ids(near("180,0")).await, "east west");
    assert_eq!(trial.ids(near("-179.9995,0")).await, "east west");
    assert_eq!(trial.ids(near("0,90")).await, "north pole");
    assert_eq!(trial.ids(near("0.001,-0.001")).await, "null");
}

pub(super) async fn entities_are_found_by_scope(home: &dyn Home) {
    let trial = city(home).await;
    let scope = |levels: &[&str], below| {
        let level = |level: &&str| (*level != "+").then(|| (*level).to_owned());
        ScopeCondition::Matches { levels: levels.iter().map(level).collect(), below }
    };
    for (condition, expected) in [
        (scope(&["Kallio"], false), "b"),
        (scope(&["Kallio"], true), "a b"),
        (scope(&["Kallio", "North"], false), "a"),
        (scope(&["+", "North"], false), "a c"),
        (scope(&["+"], true), "a b c"),
        (scope(&["Kal"], true), ""),
        (scope(&[], true), "a b c"),
        (ScopeCondition::Any(vec![scope(&["Kallio"], false), scope(&["Toolo"], true)]), "b c"),
        (ScopeCondition::All(vec![scope(&["Kallio"], true), scope(&["+", "North"], false)]), "a"),
    ] {
        check(&trial, Filter::Scope(condition), expected).await;
    }
}

pub(super) async fn filters_follow_changes(home: &dyn Home) {
    let trial = city(home).await;
    let near = Filter::Geo(GeoCondition {
        property: name("location"),
        relation: GeoRelation::NearMax(500.0),
        geometry: geometry("24.94,60.17"),
    });
    let kallio = ScopeCondition::Matches { levels: vec![Some("Kallio".into())], below: true };
    trial.done("append urn:a /Toolo brightness=50 state=off location@25.5,60.3").await;
    trial.done("delete urn:b").await;
    trial.done("append urn:d Lamp").await;
    assert_eq!(trial.ids(near).await, "");
    assert_eq!(trial.ids(Filter::Scope(kallio)).await, "");
    assert_eq!(trial.ids(equals("brightness", number(10.0))).await, "");
    assert_eq!(trial.ids(equals("brightness", number(50.0))).await, "a");
    assert_eq!(trial.ids(equals("state", text("off"))).await, "a");
    assert_eq!(trial.ids(of_type("Lamp")).await, "a c d m o");
    trial.done("delete-attribute urn:a brightness").await;
    assert_eq!(trial.ids(exists("brightness")).await, "c e m o");
}

pub(super) fn of_type(term: &str) -> Filter {
    Filter::Types(TypeSelector::Is(name(term)))
}

pub(super) fn exists(term: &str) -> Filter {
    test(term, Comparison::Exists)
}

pub(super) fn equals(term: &str, operand: Operand) -> Filter {
    test(term, only(operand))
}

pub(super) fn greater(term: &str, operand: Operand) -> Filter {
    test(term, Comparison::Greater(operand))
}

pub(super) fn number(number: f64) -> Operand {
    Operand::Number(number)
}

pub(super) fn text(text: &str) -> Operand {
    Operand::Text(text.to_owned())
}

pub(super) fn by_id(direction: Direction) -> OrderBy {
    OrderBy { key: OrderKey::Id, direction }
}

pub(super) fn by_value(term: &str, direction: Direction) -> OrderBy {
    OrderBy { key: OrderKey::Value(target(&[term])), direction }
}

fn test(term: &str, comparison: Comparison) -> Filter {
    condition(target(&[term]), comparison)
}

fn condition(target: Target, comparison: Comparison) -> Filter {
    Filter::Condition(test_of(target, comparison))
}

fn test_of(target: Target, comparison: Comparison) -> Condition {
    Condition::Test(Test { target, comparison })
}

fn target(path: &[&str]) -> Target {
    let attributes: Vec<Name> = path.iter().map(|term| name(term)).collect();
    Target { links: Vec::new(), attributes, inside: Vec::new() }
}

pub(super) fn only(operand: Operand) -> Comparison {
    Comparison::Equals(vec![Range::Only(operand)])
}

fn between(least: f64, most: f64) -> Range {
    Range::Between(number(least), number(most))
}

fn moment(text: &str) -> Operand {
    Operand::DateTime(DateTime::parse(text).expect("a moment").instant())
}

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).expect("a pattern")
}
