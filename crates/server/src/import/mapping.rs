//! Mappings: how the columns of a table, or the properties of features, become an entity.
//!
//! ```toml
//! id = "urn:ngsi-ld:Streetlight:{number}"
//! type = "Streetlight"
//!
//! # when all of that was observed, for history
//! observed_at = "time"
//!
//! [attributes]
//! location = { kind = "point", longitude = "lon", latitude = "lat" }
//! power = { kind = "number", column = "watts", unit = "WTT" }
//! refRoadSegment = { kind = "relationship", object = "urn:ngsi-ld:RoadSegment:{street}" }
//! name = { kind = "language", columns = { fi = "name", sv = "name_sv" } }
//! ```

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// How one row becomes one entity.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// A URI with columns in braces.
    id: String,
    #[serde(rename = "type")]
    entity_type: String,
    /// What stands between two cells; a comma unless given.
    delimiter: Option<char>,
    /// The column that tells when all attributes were observed that do not say so themselves.
    observed_at: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, Attribute>,
}

/// From which cells an attribute comes, and of which kind it is. An empty cell gives none.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum Attribute {
    Text {
        column: String,
        observed_at: Option<String>,
    },
    Number {
        column: String,
        unit: Option<String>,
        observed_at: Option<String>,
    },
    Boolean {
        column: String,
        observed_at: Option<String>,
    },
    DateTime {
        column: String,
    },
    /// The cell holds JSON.
    Json {
        column: String,
        observed_at: Option<String>,
    },
    /// A URI with columns in braces; nothing where one of them is empty.
    Relationship {
        object: String,
    },
    /// Columns by language tag.
    Language {
        columns: BTreeMap<String, String>,
    },
    Point {
        longitude: String,
        latitude: String,
    },
    /// The geometry of a GeoJSON feature.
    Geometry {},
}

#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    #[error("the mapping is not valid: {0}")]
    Invalid(String),
    #[error("the delimiter of a mapping is one ASCII character, not `{0}`")]
    Delimiter(char),
    #[error("the template `{0}` has a brace that is not closed")]
    Brace(String),
}

/// What a mapping reads.
pub trait Row {
    /// Nothing where the cell is empty.
    fn cell(&self, column: &str) -> Option<String>;

    fn geometry(&self) -> Option<&Value>;
}

impl Mapping {
    pub fn parse(text: &str) -> Result<Mapping, MappingError> {
        let mapping: Mapping =
            toml::from_str(text).map_err(|error| MappingError::Invalid(error.to_string()))?;
        if let Some(delimiter) = mapping.delimiter.filter(|delimiter| !delimiter.is_ascii()) {
            return Err(MappingError::Delimiter(delimiter));
        }
        let objects = mapping.attributes.values().filter_map(|attribute| match attribute {
            Attribute::Relationship { object } => Some(object),
            _ => None,
        });
        for template in objects.chain([&mapping.id]) {
            if pieces(template).is_none() {
                return Err(MappingError::Brace(template.clone()));
            }
        }
        Ok(mapping)
    }

    pub fn delimiter(&self) -> u8 {
        self.delimiter.and_then(|delimiter| u8::try_from(delimiter).ok()).unwrap_or(b',')
    }

    /// All columns the mapping names.
    pub fn columns(&self) -> Vec<&str> {
        let attributes = self.attributes.values().flat_map(Attribute::columns);
        attributes.chain(template_columns(&self.id)).chain(self.observed_at.as_deref()).collect()
    }

    /// As [`Mapping::entity`], for a reading of each attribute; it must say when that was.
    pub fn readings(&self, row: &dyn Row) -> Result<String, String> {
        let text = self.entity(row)?;
        let entity: Map<String, Value> =
            serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let mut attributes = entity.iter().filter(|(name, _)| *name != "id" && *name != "type");
        match attributes.find(|(_, attribute)| attribute.get("observedAt").is_none()) {
            None => Ok(text),
            Some((name, _)) => Err(format!(
                "`{name}` does not say when it was observed; name the column as `observed_at` in \
                 the mapping, and fill it"
            )),
        }
    }

    /// The entity of a row, in the concise representation.
    pub fn entity(&self, row: &dyn Row) -> Result<String, String> {
        let mut entity = Map::new();
        entity.insert("id".to_owned(), fill(&self.id, row)?.into());
        entity.insert("type".to_owned(), self.entity_type.clone().into());
        for (name, attribute) in &self.attributes {
            let value = attribute.value(row);
            if let Some(mut value) = value.map_err(|problem| format!("`{name}`: {problem}"))? {
                let observed_at = self.observed_at.as_ref().and_then(|column| row.cell(column));
                if let Some(moment) = observed_at.filter(|_| value.get("observedAt").is_none()) {
                    value["observedAt"] = moment.into();
                }
                entity.insert(name.clone(), value);
            }
        }
        Ok(Value::Object(entity).to_string())
    }
}

impl Attribute {
    fn columns(&self) -> Vec<&str> {
        match self {
            Attribute::Text { column, observed_at }
            | Attribute::Number { column, observed_at, .. }
            | Attribute::Boolean { column, observed_at }
            | Attribute::Json { column, observed_at } => {
                observed_at.iter().chain([column]).map(String::as_str).collect()
            }
            Attribute::DateTime { column } => vec![column],
            Attribute::Relationship { object } => template_columns(object).collect(),
            Attribute::Language { columns } => columns.values().map(String::as_str).collect(),
            Attribute::Point { longitude, latitude } => vec![longitude, latitude],
            Attribute::Geometry {} => Vec::new(),
        }
    }

    fn value(&self, row: &dyn Row) -> Result<Option<Value>, String> {
        let cell = |column: &String| row.cell(column);
        Ok(match self {
            Attribute::Text { column, observed_at } => {
                cell(column).map(|text| property(json!(text), None, observed_at, row))
            }
            Attribute::Number { column, unit, observed_at } => {
                let number = cell(column).map(|text| number(&text)).transpose()?;
                number.map(|number| property(number, unit.as_deref(), observed_at, row))
            }
            Attribute::Boolean { column, observed_at } => {
                let value = cell(column).map(|text| boolean(&text)).transpose()?;
                value.map(|value| property(json!(value), None, observed_at, row))
            }
            Attribute::DateTime { column } => {
                cell(column).map(|text| json!({"value": {"@type": "DateTime", "@value": text}}))
            }
            Attribute::Json { column, observed_at } => {
                let value = cell(column).map(|text| {
                    serde_json::from_str(&text).map_err(|error| format!("not JSON: {error}"))
                });
                value.transpose()?.map(|value| property(value, None, observed_at, row))
            }
            Attribute::Relationship { object } => {
                let filled = template_columns(object).all(|column| row.cell(column).is_some());
                let object = filled.then(|| fill(object, row)).transpose()?;
                object.map(|object| json!({"object": object}))
            }
            Attribute::Language { columns } => {
                let texts = columns
                    .iter()
                    .filter_map(|(tag, column)| Some((tag.clone(), Value::from(cell(column)?))));
                let map: Map<String, Value> = texts.collect();
                (!map.is_empty()).then(|| json!({"languageMap": map}))
            }
            Attribute::Point { longitude, latitude } => match (cell(longitude), cell(latitude)) {
                (Some(x), Some(y)) => Some(json!({
                    "type": "GeoProperty",
                    "value": {"type": "Point", "coordinates": [number(&x)?, number(&y)?]}
                })),
                _ => None,
            },
            Attribute::Geometry {} => {
                row.geometry().map(|geometry| json!({"type": "GeoProperty", "value": geometry}))
            }
        })
    }
}

fn property(
    value: Value,
    unit: Option<&str>,
    observed_at: &Option<String>,
    row: &dyn Row,
) -> Value {
    let mut property = json!({"type": "Property", "value": value});
    if let Some(unit) = unit {
        property["unitCode"] = unit.into();
    }
    if let Some(moment) = observed_at.as_ref().and_then(|column| row.cell(column)) {
        property["observedAt"] = moment.into();
    }
    property
}

/// Takes a decimal comma too. The digits stay as they are.
fn number(text: &str) -> Result<Value, String> {
    let plain = text.trim().replace(',', ".");
    let number: Result<serde_json::Number, _> = serde_json::from_str(&plain);
    number.map(Value::Number).map_err(|_| format!("`{text}` is not a number"))
}

fn boolean(text: &str) -> Result<bool, String> {
    match text.trim().to_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err(format!("`{text}` is neither true nor false")),
    }
}

/// The pieces of a template: text, and columns in braces.
fn pieces(template: &str) -> Option<Vec<(&str, Option<&str>)>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once('{') {
        let (column, after) = after.split_once('}')?;
        pieces.push((text, Some(column)));
        rest = after;
    }
    pieces.push((rest, None));
    Some(pieces)
}

fn template_columns(template: &str) -> impl Iterator<Item = &str> {
    pieces(template).unwrap_or_default().into_iter().filter_map(|(_, column)| column)
}

fn fill(template: &str, row: &dyn Row) -> Result<String, String> {
    let mut filled = String::new();
    for (text, column) in pieces(template).unwrap_or_default() {
        filled.push_str(text);
        if let Some(column) = column {
            let cell = row.cell(column).ok_or_else(|| format!("column `{column}` is empty"))?;
            encode(&cell, &mut filled);
        }
    }
    Ok(filled)
}

/// What may not stand in a URI is written as percent signs and digits.
pub fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:@!$&'()*+,;=/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
#[path = "mapping_tests.rs"]
mod tests;
