//! Clause 4.9, by what it finds.

use std::sync::Arc;

use model::{
    Attribute, Attributes, DateTime, Draft, Entity, EntityId, Geometry, Instance, Json, Name,
    Scope, Timestamp, Uri, Value,
};

use crate::filter::{Filter, Links};
use crate::parse::{QOptions, parse_q};

/// Which of the entities does `q` find? With `expandValues=category`.
fn check(q: &str, expected: &str) {
    let options = QOptions { expand_values: vec![Name::new("category")], json_keys: Vec::new() };
    let city = City::new();
    let found = parse_q(q, &options, &expand).map(|condition| {
        let filter = Filter::Condition(condition);
        let (prepared, negated) = (filter.prepared(), Filter::Not(Box::new(filter.clone())));
        let mut found: Vec<&str> = Vec::new();
        for entity in &city.0 {
            let matches = filter.matches(entity, &city);
            assert_eq!(prepared.matches(entity, &city), matches, "prepared {q}");
            assert_eq!(negated.matches(entity, &city), !matches, "not {q}");
            assert_eq!(negated.prepared().matches(entity, &city), !matches, "prepared not {q}");
            let id = entity.id.as_str();
            found.extend(matches.then(|| id.strip_prefix("urn:").unwrap_or(id)));
        }
        found.join(" ")
    });
    assert_eq!(found.unwrap_or_else(|e| e.to_string()), expected, "{q}");
}

/// Terms are their own names, but for those of the core context.
pub(crate) fn expand(term: &str) -> Result<Name, String> {
    const SYSTEM: [&str; 6] =
        ["createdAt", "modifiedAt", "observedAt", "unitCode", "datasetId", "scope"];
    Ok(match term {
        "id" | "type" => Name::new(format!("@{term}")),
        "commercial" => Name::new("http://example.org/commercial"),
        _ if SYSTEM.contains(&term) => Name::new(format!("https://uri.etsi.org/ngsi-ld/{term}")),
        _ => Name::new(term),
    })
}

struct City(Vec<Arc<Entity>>);

impl Links for City {
    fn entity(&self, id: &EntityId) -> Option<Arc<Entity>> {
        self.0.iter().find(|entity| entity.id == *id).cloned()
    }
}

impl City {
    fn new() -> City {
        let accuracy = Attributes::new([attribute("accuracy", [property("0.5")])]);
        let observed = Instance {
            observed_at: DateTime::parse("2026-03-01T12:00:00Z").ok(),
            unit_code: Some(Json::text("KMH")),
            attributes: accuracy,
            ..property("30")
        };
        let dataset =
            |id: &str, json| Instance { dataset_id: Uri::parse(id).ok(), ..property(json) };
        let vocab = |terms: &[&str]| Value::VocabProperty {
            terms: terms.iter().map(|term| Name::new(*term)).collect(),
            array: terms.len() > 1,
        };
        City(vec![
            entity(
                "urn:n",
                "Car",
                [
                    attribute("speed", [observed]),
                    attribute("name", [property(r#""m""#)]),
                    attribute("parked", [property("false")]),
                ],
            ),
            entity(
                "urn:t",
                "Car",
                [
                    attribute("speed", [property(r#""30""#)]),
                    attribute("name", [property(r#""zeta \"Ü\"""#)]),
                    attribute("parked", [property("true")]),
                    attribute("since", [property(r#""2026-04-01T10:00:00.5Z""#)]),
                    attribute("day", [property(r#""2026-04-01""#)]),
                    attribute("hour", [property(r#""12:00:00.5Z""#)]),
                ],
            ),
            entity(
                "urn:a",
                "Car",
                [
                    attribute("speed", [dataset("urn:d:1", "5"), dataset("urn:d:2", "80")]),
                    attribute("tags", [property(r#"["blue","red",7,["deep"]]"#)]),
                    attribute(
                        "since",
                        [property(r#"{"@type":"DateTime","@value":"2026-05-01T00:00:00Z"}"#)],
                    ),
                    attribute("list", [Instance::new(Value::ListProperty(json("[1,2,3]")))]),
                ],
            ),
            entity(
                "urn:c",
                "Shop Place",
                [
                    attribute(
                        "address",
                        [property(
                            r#"{"city":"Berlin","geo":{"lat":52.5},"none":null,"all":[{"x":1}]}"#,
                        )],
                    ),
                    attribute(
                        "color",
                        [language(r#"{"fr":["chat","rouge"],"en":"red","de":"rot"}"#)],
                    ),
                    attribute(
                        "category",
                        [Instance::new(vocab(&["http://example.org/commercial"]))],
                    ),
                    attribute(
                        "tickets",
                        [Instance::new(Value::JsonProperty(json(
                            r#"{"id":"85","value":"Overstay 60 minutes"}"#,
                        )))],
                    ),
                    attribute("location", [geo("[8,40]")]),
                    attribute("managedBy", [relationship(&["urn:n", "urn:nowhere"])]),
                ],
            ),
            entity(
                "urn:l",
                "Shop",
                [
                    attribute("color", [language(r#"{"fr":"red","en":"black","de":"blau"}"#)]),
                    attribute("category", [Instance::new(vocab(&["urn:x", "urn:y"]))]),
                    attribute("managedBy", [relationship(&["urn:c"])]),
                    attribute(
                        "stops",
                        [Instance::new(Value::ListRelationship(uris(&["urn:t", "urn:a"])))],
                    ),
                ],
            ),
        ])
    }
}

fn entity<const N: usize>(id: &str, types: &str, attributes: [Attribute; N]) -> Arc<Entity> {
    let scopes: Vec<Scope> = Scope::parse("/Mitte").into_iter().filter(|_| id == "urn:n").collect();
    let draft = Draft {
        types: types.split(' ').map(Name::new).collect(),
        scopes,
        expires_at: None,
        attributes: Attributes::new(attributes),
    };
    let created = DateTime::parse("2026-01-01T00:00:00Z").expect("a moment").instant();
    let modified = Timestamp(created.0 + i64::from(id == "urn:t"));
    Arc::new(draft.into_entity(Uri::parse(id).expect("a URI"), created, modified))
}

fn attribute<const N: usize>(name: &str, instances: [Instance; N]) -> Attribute {
    Attribute { name: Name::new(name), instances: instances.into_iter().collect() }
}

fn json(text: &str) -> Json {
    Json::parse(text).expect("JSON")
}

fn property(text: &str) -> Instance {
    Instance::new(Value::Property(json(text)))
}

fn language(text: &str) -> Instance {
    Instance::new(Value::LanguageProperty(json(text)))
}

fn geo(coordinates: &str) -> Instance {
    let geometry = Geometry::from_parts("Point", &json(coordinates)).expect("a geometry");
    Instance::new(Value::GeoProperty(geometry))
}

fn uris(texts: &[&str]) -> Vec<Uri> {
    texts.iter().map(|text| Uri::parse(text).expect("a URI")).collect()
}

fn relationship(objects: &[&str]) -> Instance {
    let array = objects.len() > 1;
    Instance::new(Value::Relationship { objects: uris(objects), array })
}

#[test]
fn an_attribute_alone_must_exist() {
    check("speed", "n t a");
    check("managedBy", "c l");
    check("location", "c");
    check("nothing", "");
    check("!speed", "c l");
    check("!parked;speed", "a");
}

#[test]
fn equal_wants_the_same_datatype() {
    check("speed==30", "n");
    check("speed==3e1", "n");
    check(r#"speed=="30""#, "t");
    check("parked==true", "t");
    check(r#"parked=="true""#, "");
    check(r#"name=="zeta \"Ü\"""#, "t");
    check("name==m", "n");
    check("location==1", "");
}

#[test]
fn equal_is_met_by_one_element_of_an_array() {
    check(r#"tags=="red""#, "a");
    check("tags==7", "a");
    check(r#"tags=="deep""#, "");
    check(r#"tags=="x","blue""#, "a");
    check(r#"tags=="x","z""#, "");
    check("list==2", "a");
    check("list==4", "");
}

#[test]
fn equal_takes_lists_and_ranges() {
    check("speed==30,5", "n a");
    check("speed==10..40", "n");
    check("speed==30..30", "n");
    check("speed==40..10", "");
    check(r#"speed=="3".."4""#, "t");
    check("tags==1..9", "");
}

#[test]
fn unequal_wants_the_target_and_no_equal_value_in_it() {
    check("speed!=30", "t a");
    check("speed!=5", "n t a");
    check("nothing!=5", "");
    check(r#"tags!="red""#, "");
    check(r#"tags!="c""#, "a");
    check(r#"tags!="c","red""#, "");
    check("speed!=10..40", "t a");
    check("location!=1", "c");
}

#[test]
fn greater_and_less_want_the_same_datatype() {
    check("speed>25", "n a");
    check("speed>30", "a");
    check("speed>=30", "n a");
    check("speed<30", "a");
    check("speed<=30", "n a");
    check(r#"speed>"200""#, "t");
    check(r#"name>"m""#, "t");
    check(r#"name>="m""#, "n t");
    check("tags>1", "");
    check("parked>5", "");
}

#[test]
fn dates_and_times_stand_in_temporal_order() {
    check("since>2026-04-01T10:00:00Z", "t a");
    check("since==2026-04-01T10:00:00.500Z", "t");
    check("since==2026-04-01T00:00:00Z..2026-04-30T00:00:00Z", "t");
    check("day<2026-04-02", "t");
    check("day>2026-04-01", "");
    check("hour>12:00:00Z", "t");
    check("hour==12:00:00,500Z", "t");
    check("since==2026-04-01T10:00:00,5Z", "t");
    check("hour==12:00:00,25Z..12:00:00,75Z", "t");
    check("since>2026-04-01", "");
}

#[test]
fn patterns_look_at_texts_only() {
    check(r#"name~="^m""#, "n");
    check("name~=^(m|z)", "n t");
    check(r#"name!~="^m""#, "t");
    check(r#"speed~="3.*""#, "t");
    check(r#"speed!~="4.*""#, "t");
    check(r#"tags~="red""#, "");
    check(r#"managedBy~="urn""#, "");
    check(r#"color~="^r""#, "c l");
    check(r#"color!~="^r""#, "");
    check(r#"color[en]!~="^r""#, "l");
    check(r#"category~="commercial$""#, "c");
}

#[test]
fn a_path_leads_into_a_value() {
    check(r#"address[city]=="Berlin""#, "c");
    check("address[geo.lat]>50", "c");
    check("address[geo]", "c");
    check("address[none]", "c");
    check("address[postcode]", "");
    check("address[city.deeper]", "");
    check(r#"address[postcode]!="Berlin""#, "");
    check("address[all.x]", "");
    check("!address[city];managedBy", "l");
    check(r#"tickets[value]=="Overstay 60 minutes""#, "c");
    check("location[type]", "");
}

#[test]
fn a_language_may_be_asked_for() {
    check(r#"color[en]=="red""#, "c");
    check(r#"color[fr]=="rouge""#, "c");
    check(r#"color[*]=="red""#, "c l");
    check(r#"color=="red""#, "c l");
    check(r#"color[*]!="red""#, "");
    check(r#"color[en]!="red""#, "l");
    check(r#"color!="rot""#, "l");
    check("color[it]", "");
}

#[test]
fn vocabulary_compares_expanded() {
    check("category==commercial", "c");
    check(r#"category=="commercial""#, "c");
    check("category!=commercial", "l");
    check("category==urn:y", "l");
    check("category==urn:x,commercial", "c l");
}

#[test]
fn relationships_are_equal_or_unequal_only() {
    check("managedBy==urn:n", "c");
    check(r#"managedBy=="urn:n""#, "c");
    check(r#"managedBy=="urn:c","urn:n""#, "c l");
    check("managedBy!=urn:n", "l");
    check(r#"managedBy>"urn:a""#, "");
    check(r#"managedBy<="urn:n""#, "");
    check("stops==urn:a", "l");
    check("stops!=urn:a", "");
}

#[test]
fn attributes_have_attributes() {
    check("speed.accuracy<0.7", "n");
    check("speed.accuracy", "n");
    check("speed.accuracy.more", "");
    check("speed.observedAt>=2026-03-01T12:00:00Z", "n");
    check(r#"speed.observedAt>"2026-03-01T00:00:00Z""#, "n");
    check(r#"speed.unitCode=="KMH""#, "n");
    check("speed.datasetId==urn:d:2", "a");
    check("speed.modifiedAt>2020-01-01T00:00:00Z", "n t a");
}

#[test]
fn entities_have_system_members() {
    check("createdAt==2026-01-01T00:00:00Z", "n t a c l");
    check(r#"modifiedAt>"2026-01-01T00:00:00Z""#, "t");
    check(r#"scope=="/Mitte""#, "n");
    check("type==Place", "c");
    check("id==urn:l", "l");
    check("observedAt", "");
}

#[test]
fn links_are_followed() {
    check("managedBy{speed}==30", "c");
    check("managedBy{Car:speed}>20", "c");
    check("managedBy{Bus,Car:speed}>20", "c");
    check("managedBy{Shop:speed}>20", "");
    check("managedBy{managedBy{speed}}==30", "l");
    check("managedBy{Place:managedBy{Car:speed.accuracy}}<1", "l");
    check(r#"managedBy{address[city]}=="Berlin""#, "l");
    check("stops{speed}>70", "l");
    check("!managedBy{speed};managedBy", "l");
}

#[test]
fn and_binds_tighter_than_or() {
    check("parked==true|parked==false;speed==30", "n t");
    check("(parked==true|parked==false);speed==30", "n");
    check("((speed>50|speed==30);!tags)", "n");
}
