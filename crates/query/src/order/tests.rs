//! Clause 4.23, by the order in which entities stand.

use model::{
    Attribute, Attributes, Draft, Entity, Geometry, Instance, InstanceList, Json, Name, Timestamp,
    Uri, Value,
};

use super::{Sorter, compare};
use crate::collation::Collation;
use crate::meaning::tests::expand;
use crate::parse::Parser;

/// Sorts entities, each `id value`, by `orderBy`; distances are measured from [8,40].
fn check(order: &str, entities: &[&str], expected: &str) {
    let from = Parser::new(&expand).order_from("[8,40]", None).expect("a geometry");
    let collation = Collation::default();
    let found = Parser::new(&expand).order_by(order, Some(&from)).map(|order| {
        let mut entities: Vec<Entity> = entities.iter().map(|text| entity(text)).collect();
        let mut by_key = entities.clone();
        entities.sort_by(|left, right| compare(left, right, &order, &collation));
        let sorter = Sorter::new(&order, &collation);
        by_key.sort_by_cached_key(|entity| sorter.key(entity));
        assert_eq!(ids(&by_key), ids(&entities), "by key");
        ids(&entities)
    });
    assert_eq!(found.unwrap_or_else(|e| e.to_string()), expected);
}

fn ids(entities: &[Entity]) -> String {
    let ids = entities.iter().map(|entity| entity.id.as_str().trim_start_matches("urn:"));
    ids.collect::<Vec<_>>().join(" ")
}

/// `a:Lamp v=1 w="x" location@[8,40]`: the type may be missing, and so may all attributes.
fn entity(text: &str) -> Entity {
    let mut words = text.split(' ');
    let (id, kind) = words.next().map_or(("", "T"), |id| id.split_once(':').unwrap_or((id, "T")));
    let json = |text: &str| Json::parse(text).expect("JSON");
    let attributes = words.map(|word| {
        let (name, value) = match word.split_once('@') {
            Some((name, at)) => {
                let geometry = Geometry::from_parts("Point", &json(at)).expect("a geometry");
                (name, Value::GeoProperty(geometry))
            }
            None => word
                .split_once('=')
                .map(|(name, text)| (name, Value::Property(json(text))))
                .expect("an attribute"),
        };
        Attribute { name: Name::new(name), instances: InstanceList::from([Instance::new(value)]) }
    });
    let draft = Draft {
        types: vec![Name::new(kind)],
        scopes: Vec::new(),
        expires_at: None,
        attributes: Attributes::new(attributes),
    };
    let id = Uri::parse(&format!("urn:{id}")).expect("a URI");
    draft.into_entity(id, Timestamp(0), Timestamp(0))
}

#[test]
fn datatypes_stand_in_the_order_of_the_clause() {
    const ALL: [&str; 10] = [
        "missing",
        "null v=null",
        r#"moment v="2026-01-01T00:00:00Z""#,
        r#"date v="2026-01-01""#,
        r#"time v="12:00:00Z""#,
        "boolean v=true",
        "array v=[1]",
        r#"object v={"a":1}"#,
        r#"text v="a""#,
        "number v=1",
    ];
    const EXPECTED: &str = "number text object array boolean time date moment null missing";
    check("v", &ALL, EXPECTED);
    check("v;desc", &ALL, EXPECTED);
}

#[test]
fn values_of_one_datatype_follow_the_direction() {
    check("v", &["a v=10", "b v=9", "c v=-1.5", "d v=-2", "e v=0"], "d c e b a");
    check("v;desc", &["a v=10", "b v=9", "c v=-1.5", "none"], "a b c none");
    check("v", &[r#"a v="b""#, r#"b v="á""#, r#"c v="A""#], "c b a");
    check("v", &["a v=[10]", "b v=[2,1]", "c v=[2]", r#"d v=["x"]"#], "c b a d");
    check("v;asc", &[r#"a v="12:00:00.5Z""#, r#"b v="12:00:00Z""#], "b a");
    check("v", &["a v=true", "b v=false"], "b a");
    check("v", &["b v=0", "a v=-0.0"], "b a");
}

#[test]
fn a_later_key_decides_what_an_earlier_one_leaves_open() {
    let all = ["a:X v=1", "b:Y v=2", "c:X v=2", "d:Y v=1"];
    check("v,id;desc", &all, "d a c b");
    check("type;desc, v", &all, "d b a c");
    check("type", &all, "a c b d");
}

#[test]
fn a_path_leads_into_a_value() {
    let all = [r#"a address={"city":"Zurich"}"#, r#"b address={"city":"Berlin"}"#, "c"];
    check("address[city]", &all, "b a c");
    check("address[city];desc", &all, "a b c");
    check("address.createdAt,id", &all, "a b c");
}

#[test]
fn distances_stand_before_what_has_none() {
    let all = [
        "mid location@[9,41]",
        "none",
        "far location@[10,45]",
        "text location=1",
        "near location@[8,40]",
    ];
    check("location;dist-asc", &all, "near mid far text none");
    check("location;dist-desc", &all, "far mid near text none");
}

#[test]
fn what_is_not_an_order_is_pointed_at() {
    let cases = [
        ("", "`orderBy`, character 1: expected an attribute name"),
        ("v;up", "`orderBy`, character 3: expected `asc`, `desc`, `dist-asc` or `dist-desc`"),
        ("v,", "`orderBy`, character 3: expected an attribute name"),
        ("v{w}", "`orderBy`, character 2: expected `,` or the end, found `{`"),
        (
            "a.b;dist-asc",
            "`orderBy`, character 1: a distance is measured to a GeoProperty of the entity",
        ),
    ];
    for (order, expected) in cases {
        check(order, &[], expected);
    }
}

#[test]
fn distances_need_an_origin() {
    let error = |found: Result<_, crate::Invalid>| found.err().map(|e| e.to_string());
    let found = Parser::new(&expand).order_by("location;dist-asc", None).map(|_| ());
    let expected = "`orderBy`, character 1: an order by distance needs `orderFrom`";
    assert_eq!(error(found).as_deref(), Some(expected));
    let found = Parser::new(&expand).order_from("8,40", None).map(|_| ());
    let expected = "`orderFrom`, character 1: expected coordinates such as `[8,40]`";
    assert_eq!(error(found).as_deref(), Some(expected));
    assert!(Parser::new(&expand).order_from("[[8,40],[9,42]]", Some("LineString")).is_ok());
}
