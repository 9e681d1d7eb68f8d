//! GeoJSON features as entities.

use serde_json::{Map, Value};

use super::mapping::{self, Mapping, Row};

/// Has this the look of a GeoJSON Feature?
pub fn is_feature(tree: &Value) -> bool {
    tree.get("type").is_some_and(|kind| kind == "Feature") && tree.get("properties").is_some()
}

/// The entity of a feature: by the mapping, or else every property an attribute, the geometry
/// its `location`, and the type that the feature itself or the import names.
pub fn entity(
    feature: Value,
    mapping: Option<&Mapping>,
    entity_type: Option<&str>,
) -> Result<String, String> {
    match mapping {
        Some(mapping) => mapping.entity(&Cells(&feature)),
        None => unmapped(feature, entity_type),
    }
}

fn unmapped(mut feature: Value, entity_type: Option<&str>) -> Result<String, String> {
    let mut properties = match feature["properties"].take() {
        Value::Object(properties) => properties,
        Value::Null => Map::new(),
        _ => return Err("the `properties` of a feature are an object".to_owned()),
    };
    let own_type = properties.shift_remove("type").filter(|kind| !kind.is_null());
    let entity_type = match entity_type {
        Some(name) => name.into(),
        None => own_type.ok_or("the feature has no type; give one with --type")?,
    };
    let mut entity = Map::new();
    entity.insert("id".to_owned(), id(&feature["id"], &entity_type)?.into());
    entity.insert("type".to_owned(), entity_type);
    let named = properties.into_iter().filter(|(_, value)| !value.is_null());
    entity.extend(named.filter(|(name, _)| name != "id"));
    let geometry = feature["geometry"].take();
    if !entity.contains_key("location") && !geometry.is_null() {
        entity.insert("location".to_owned(), geometry);
    }
    Ok(Value::Object(entity).to_string())
}

/// A URI as it is; anything else becomes part of one, below the type.
fn id(id: &Value, entity_type: &Value) -> Result<String, String> {
    let text = match id {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return Err("the feature has no id; a mapping can make one".to_owned()),
    };
    if text.starts_with("urn:") || text.contains("://") {
        return Ok(text);
    }
    let entity_type = entity_type.as_str().unwrap_or("Feature");
    let mut uri = format!("urn:ngsi-ld:{entity_type}:");
    mapping::encode(&text, &mut uri);
    Ok(uri)
}

/// Properties as cells; `id` is the id of the feature where no property has the name.
struct Cells<'a>(&'a Value);

impl Row for Cells<'_> {
    fn cell(&self, column: &str) -> Option<String> {
        let own = self.0["properties"].get(column);
        let value = own.or_else(|| (column == "id").then(|| &self.0["id"]))?;
        match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            other => Some(other.to_string()),
        }
    }

    fn geometry(&self) -> Option<&Value> {
        self.0.get("geometry").filter(|geometry| !geometry.is_null())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(feature: &str, entity_type: Option<&str>, expected: &str) {
        let feature = serde_json::from_str(feature).unwrap();
        let made = entity(feature, None, entity_type).unwrap_or_else(|problem| problem);
        assert_eq!(made, expected);
    }

    #[test]
    fn a_feature_becomes_an_entity_with_a_location() {
        check(
            r#"{"type":"Feature","id":"way/7","properties":{"name":"x","gone":null},
                "geometry":{"type":"Point","coordinates":[1,2]}}"#,
            Some("Bench"),
            concat!(
                r#"{"id":"urn:ngsi-ld:Bench:way/7","type":"Bench","name":"x","#,
                r#""location":{"type":"Point","coordinates":[1,2]}}"#
            ),
        );
        check(
            r#"{"type":"Feature","id":"urn:a:1","properties":{"type":"Bench"},"geometry":null}"#,
            None,
            r#"{"id":"urn:a:1","type":"Bench"}"#,
        );
    }

    #[test]
    fn a_feature_without_type_or_id_is_refused() {
        check(
            r#"{"type":"Feature","id":1,"properties":null}"#,
            None,
            "the feature has no type; give one with --type",
        );
        check(
            r#"{"type":"Feature","properties":{}}"#,
            Some("Bench"),
            "the feature has no id; a mapping can make one",
        );
    }
}
