//! Each representation of an evolution, by clause.

use broker::{Evolution, Told};
use expect_test::{Expect, expect};
use model::{EvolutionHeader, Json, Kind, Name, Timestamp};
use query::{AggregatedSeries, Method, PeriodValue, TimeProperty};

use super::entity_tests::{LIMITS, context};
use super::{Shape, Telling};
use crate::read;

const VALUES: Telling = Telling::Values(TimeProperty::ObservedAt);

/// What these members say of an entity, recorded in 1970.
fn told(members: &str) -> Evolution {
    let body = format!(r#"{{"id": "urn:a:1", "type": "T", {members}}}"#);
    let (id, mut readings) = read::evolution(&body, &context(), &LIMITS).unwrap();
    readings.stamp(Timestamp(1_000_000));
    let all = readings.attributes.into_iter();
    Evolution {
        header: EvolutionHeader {
            id,
            types: readings.types,
            created_at: Timestamp(0),
            modified_at: Timestamp(1_000_000),
            deleted_at: None,
        },
        attributes: all.map(|(name, readings)| (name, Told::Readings(readings))).collect(),
    }
}

/// The members written, without what they begin with and without the numbers of series.
fn shown(evolution: &Evolution, shape: &Shape<'_>, telling: Telling) -> String {
    let mut out = String::new();
    super::evolution(&mut out, evolution, &context(), shape, telling);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&json["id"], &json["type"]), (&"urn:a:1".into(), &"T".into()));
    out.replace(r#""id":"urn:a:1","type":"T""#, "..").replace("},{", "},\n{")
}

fn check(members: &str, telling: Telling, expected: Expect) {
    let shape = Shape::default();
    expected.assert_eq(&shown(&told(members), &shape, telling));
}

const ALL_KINDS: &str = r#"
    "a": [{"value": 1, "observedAt": "2026-01-01T00:00:00.5Z", "unitCode": "CEL"}, {"value": 2}],
    "b": [{"object": "urn:b:1", "datasetId": "urn:d:1", "observedAt": "2026-01-01T00:00:00Z"},
          {"object": ["urn:b:1", "urn:b:2"], "observedAt": "2026-01-01T00:00:00Z"}],
    "c": {"languageMap": {"en": "x", "fr": "y"}, "observedAt": "2026-01-01T00:00:00Z"},
    "d": {"vocab": "Male", "observedAt": "2026-01-01T00:00:00Z"},
    "e": {"json": {"f": 1}, "observedAt": "2026-01-01T00:00:00Z"},
    "f": {"valueList": [1, 2], "observedAt": "2026-01-01T00:00:00Z"},
    "g": {"objectList": ["urn:b:1"], "observedAt": "2026-01-01T00:00:00Z"},
    "location": {"type": "Point", "coordinates": [1, 2]}"#;

const DELETED: &str = r#"
    "a": {"value": "urn:ngsi-ld:null", "observedAt": "2026-01-01T00:00:00Z", "datasetId": "urn:d:1"},
    "b": {"object": "urn:ngsi-ld:null"}, "c": {"languageMap": "urn:ngsi-ld:null"},
    "f": {"valueList": "urn:ngsi-ld:null"}, "g": {"objectList": ["urn:ngsi-ld:null"]},
    "scope": {"value": "urn:ngsi-ld:null"}"#;

#[test]
fn every_reading_is_an_instance_with_an_id() {
    check(
        ALL_KINDS,
        Telling::Instances,
        expect![[r#"
        {..,"a":[{"type":"Property","value":1,"unitCode":"CEL","observedAt":"2026-01-01T00:00:00.5Z","instanceId":"urn:ngsi-ld:instance:3aac4f7f82d7ad19:o647484627e120"},
        {"type":"Property","value":2,"instanceId":"urn:ngsi-ld:instance:3aac4f7f82d7ad19:rf4240"}],"b":[{"type":"Relationship","object":"urn:b:1","observedAt":"2026-01-01T00:00:00Z","datasetId":"urn:d:1","instanceId":"urn:ngsi-ld:instance:939974ca18278d3a:o6474846204000"},
        {"type":"Relationship","object":["urn:b:1","urn:b:2"],"observedAt":"2026-01-01T00:00:00Z","instanceId":"urn:ngsi-ld:instance:3aafb57f82da9042:o6474846204000"}],"c":[{"type":"LanguageProperty","languageMap":{"en":"x","fr":"y"},"observedAt":"2026-01-01T00:00:00Z","instanceId":"urn:ngsi-ld:instance:3ab31b7f82dd736b:o6474846204000"}],"d":[{"type":"VocabProperty","vocab":"Male","observedAt":"2026-01-01T00:00:00Z","instanceId":"urn:ngsi-ld:instance:3ab6817f82e05694:o6474846204000"}],"e":[{"type":"JsonProperty","json":{"f":1},"observedAt":"2026-01-01T00:00:00Z","instanceId":"urn:ngsi-ld:instance:3ab9e77f82e339bd:o6474846204000"}],"f":[{"type":"ListProperty","valueList":[1,2],"observedAt":"2026-01-01T00:00:00Z","instanceId":"urn:ngsi-ld:instance:3abd4d7f82e61ce6:o6474846204000"}],"g":[{"type":"ListRelationship","objectList":[{"object":"urn:b:1"}],"observedAt":"2026-01-01T00:00:00Z","instanceId":"urn:ngsi-ld:instance:3ac0b37f82e9000f:o6474846204000"}],"location":[{"type":"GeoProperty","value":{"type":"Point","coordinates":[1,2]},"instanceId":"urn:ngsi-ld:instance:9c43a02f4fdcc109:rf4240"}]}"#]],
    );
}

#[test]
fn the_simplified_form_has_values_and_moments() {
    check(
        ALL_KINDS,
        VALUES,
        expect![[r#"
        {..,"a":{"type":"Property","values":[[1,"2026-01-01T00:00:00.5Z"],[2,"1970-01-01T00:00:01.000Z"]]},"b":[{"type":"Relationship","datasetId":"urn:d:1","objects":[["urn:b:1","2026-01-01T00:00:00Z"]]},
        {"type":"Relationship","objects":[[["urn:b:1","urn:b:2"],"2026-01-01T00:00:00Z"]]}],"c":{"type":"LanguageProperty","languageMaps":[[{"languageMap":{"en":"x","fr":"y"}},"2026-01-01T00:00:00Z"]]},"d":{"type":"VocabProperty","vocabs":[[{"vocab":"Male"},"2026-01-01T00:00:00Z"]]},"e":{"type":"JsonProperty","jsons":[[{"json":{"f":1}},"2026-01-01T00:00:00Z"]]},"f":{"type":"ListProperty","valueLists":[[[1,2],"2026-01-01T00:00:00Z"]]},"g":{"type":"ListRelationship","objectLists":[[["urn:b:1"],"2026-01-01T00:00:00Z"]]},"location":{"type":"GeoProperty","values":[[{"type":"Point","coordinates":[1,2]},"1970-01-01T00:00:01.000Z"]]}}"#]],
    );
    check(
        r#""a": [{"value": 1}, {"object": "urn:b:1"}, {"value": 2}]"#,
        Telling::Values(TimeProperty::ModifiedAt),
        expect![[r#"
            {..,"a":[{"type":"Property","values":[[1,"1970-01-01T00:00:01.000Z"],[2,"1970-01-01T00:00:01.000002Z"]]},
            {"type":"Relationship","objects":[["urn:b:1","1970-01-01T00:00:01.000001Z"]]}]}"#]],
    );
}

#[test]
fn a_deletion_is_the_null_of_its_kind() {
    check(
        DELETED,
        Telling::Instances,
        expect![[
            r#"{..,"a":[{"type":"Property","value":"urn:ngsi-ld:null","observedAt":"2026-01-01T00:00:00Z","datasetId":"urn:d:1","deletedAt":"1970-01-01T00:00:01.000Z","instanceId":"urn:ngsi-ld:instance:02049a6dce325d63:o6474846204000"}],"b":[{"type":"Relationship","object":"urn:ngsi-ld:null","deletedAt":"1970-01-01T00:00:01.000Z","instanceId":"urn:ngsi-ld:instance:3aafb57f82da9042:rf4240"}],"c":[{"type":"LanguageProperty","languageMap":{"@none":"urn:ngsi-ld:null"},"deletedAt":"1970-01-01T00:00:01.000Z","instanceId":"urn:ngsi-ld:instance:3ab31b7f82dd736b:rf4240"}],"f":[{"type":"ListProperty","valueList":["urn:ngsi-ld:null"],"deletedAt":"1970-01-01T00:00:01.000Z","instanceId":"urn:ngsi-ld:instance:3abd4d7f82e61ce6:rf4240"}],"g":[{"type":"ListRelationship","objectList":["urn:ngsi-ld:null"],"deletedAt":"1970-01-01T00:00:01.000Z","instanceId":"urn:ngsi-ld:instance:3ac0b37f82e9000f:rf4240"}],"scope":[{"type":"Property","value":[],"deletedAt":"1970-01-01T00:00:01.000Z","instanceId":"urn:ngsi-ld:instance:5ad8ebad36e97260:rf4240"}]}"#
        ]],
    );
    check(
        DELETED,
        Telling::Values(TimeProperty::DeletedAt),
        expect![[
            r#"{..,"a":{"type":"Property","datasetId":"urn:d:1","values":[["urn:ngsi-ld:null","1970-01-01T00:00:01.000Z"]]},"b":{"type":"Relationship","objects":[["urn:ngsi-ld:null","1970-01-01T00:00:01.000Z"]]},"c":{"type":"LanguageProperty","languageMaps":[[{"languageMap":{"@none":"urn:ngsi-ld:null"}},"1970-01-01T00:00:01.000Z"]]},"f":{"type":"ListProperty","valueLists":[[["urn:ngsi-ld:null"],"1970-01-01T00:00:01.000Z"]]},"g":{"type":"ListRelationship","objectLists":[[["urn:ngsi-ld:null"],"1970-01-01T00:00:01.000Z"]]},"scope":{"type":"Property","values":[[[],"1970-01-01T00:00:01.000Z"]]}}"#
        ]],
    );
}

#[test]
fn the_system_tells_its_moments_where_asked() {
    let shape = Shape { sys_attrs: true, ..Shape::default() };
    let mut evolution = told(
        r#""a": [{"value": 1, "expiresAt": "2026-01-01T00:00:00Z"}, {"value": "urn:ngsi-ld:null"}]"#,
    );
    evolution.header.deleted_at = Some(Timestamp(2_000_000));
    expect![[r#"
        {..,"createdAt":"1970-01-01T00:00:00.000Z","modifiedAt":"1970-01-01T00:00:01.000Z","deletedAt":"1970-01-01T00:00:02.000Z","a":[{"type":"Property","value":1,"createdAt":"1970-01-01T00:00:01.000Z","modifiedAt":"1970-01-01T00:00:01.000Z","expiresAt":"2026-01-01T00:00:00Z","instanceId":"urn:ngsi-ld:instance:3aac4f7f82d7ad19:rf4240"},
        {"type":"Property","value":"urn:ngsi-ld:null","createdAt":"1970-01-01T00:00:01.000001Z","modifiedAt":"1970-01-01T00:00:01.000001Z","deletedAt":"1970-01-01T00:00:01.000001Z","instanceId":"urn:ngsi-ld:instance:3aac4f7f82d7ad19:rf4241"}]}"#]].assert_eq(&shown(&evolution, &shape, Telling::Instances));
}

#[test]
fn one_language_may_be_chosen() {
    let ranges = query::LanguageRanges::within("fr", &query::Limits::DEFAULT).unwrap();
    let shape = Shape { languages: Some(&ranges), ..Shape::default() };
    let evolution = told(
        r#""c": [{"languageMap": {"en": "x", "fr": "y"}}, {"languageMap": "urn:ngsi-ld:null"}]"#,
    );
    expect![[r#"
        {..,"c":[{"type":"Property","value":"y","lang":"fr","instanceId":"urn:ngsi-ld:instance:3ab31b7f82dd736b:rf4240"},
        {"type":"Property","value":"urn:ngsi-ld:null","deletedAt":"1970-01-01T00:00:01.000001Z","instanceId":"urn:ngsi-ld:instance:3ab31b7f82dd736b:rf4241"}]}"#]].assert_eq(&shown(&evolution, &shape, Telling::Instances));
    expect![[r#"{..,"c":{"type":"Property","values":[["y","1970-01-01T00:00:01.000Z"],["urn:ngsi-ld:null","1970-01-01T00:00:01.000001Z"]]}}"#]].assert_eq(&shown(&evolution, &shape, VALUES));
}

#[test]
fn aggregates_stand_by_method_and_period() {
    let period = |value: &str, start: i64, end: i64| PeriodValue {
        value: Json::from_compact(value),
        start: Timestamp(start),
        end: Timestamp(end),
    };
    let series = |dataset_id, value: &str| AggregatedSeries {
        kind: Kind::Property,
        dataset_id,
        methods: vec![
            (
                Method::Average,
                vec![period(value, 0, 1_000_000), period("2.5", 1_000_000, 2_000_001)],
            ),
            (Method::TotalCount, vec![]),
        ],
    };
    let mut evolution = told(r#""a": 1"#);
    let dataset = model::Uri::parse("urn:d:1").unwrap();
    evolution.attributes = vec![
        (Name::new("https://example.org/a"), Told::Aggregates(vec![series(None, "1")])),
        (
            Name::new("https://example.org/b"),
            Told::Aggregates(vec![series(None, "2"), series(Some(dataset), "3")]),
        ),
    ];
    expect![[r#"
        {..,"ex:a":{"type":"Property","avg":[[1,"1970-01-01T00:00:00Z","1970-01-01T00:00:01Z"],[2.5,"1970-01-01T00:00:01Z","1970-01-01T00:00:02.000001Z"]],"totalCount":[]},"ex:b":[{"type":"Property","avg":[[2,"1970-01-01T00:00:00Z","1970-01-01T00:00:01Z"],[2.5,"1970-01-01T00:00:01Z","1970-01-01T00:00:02.000001Z"]],"totalCount":[]},
        {"type":"Property","datasetId":"urn:d:1","avg":[[3,"1970-01-01T00:00:00Z","1970-01-01T00:00:01Z"],[2.5,"1970-01-01T00:00:01Z","1970-01-01T00:00:02.000001Z"]],"totalCount":[]}]}"#]].assert_eq(&shown(&evolution, &Shape::default(), Telling::Instances));
}

#[test]
fn what_lies_beyond_the_answer_stands_empty() {
    let mut evolution = told(r#""a": 1"#);
    evolution.attributes[0].1 = Told::Readings(Vec::new());
    let shown = |telling| shown(&evolution, &Shape::default(), telling);
    assert_eq!(shown(Telling::Instances), r#"{..,"a":[]}"#);
    assert_eq!(shown(VALUES), r#"{..,"a":{"values":[]}}"#);
}
