//! What stands behind the name of an attribute.

use model::{Geometry, Json, Uri, Value};

use super::tokens::list;
use super::{id, name};

/// Longest first, so that `=>` is not read as `=`.
const OPERATORS: [&str; 8] = ["->", "=>", ":=", "=", "@", "~", "^", "#"];

/// `brightness=60`: the name, and the value. Nothing where there is no operator.
pub fn name_and_value(word: &str) -> Option<(&str, Value)> {
    let end = word.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    let (name, rest) = word.split_at(end);
    let operator = OPERATORS.into_iter().find(|operator| rest.starts_with(operator))?;
    Some((name, read(operator, &rest[operator.len()..])))
}

fn read(operator: &str, text: &str) -> Value {
    match operator {
        "=" => Value::Property(json_or_text(text)),
        ":=" => Value::JsonProperty(json(text)),
        "~" => Value::LanguageProperty(json(text)),
        "#" => Value::ListProperty(json(text)),
        "@" => Value::GeoProperty(geometry(text)),
        "=>" => Value::ListRelationship(uris(text).0),
        "->" => {
            let (objects, array) = uris(text);
            Value::Relationship { objects, array }
        }
        _ => {
            let (terms, array) = list(text);
            Value::VocabProperty { terms: terms.into_iter().map(name).collect(), array }
        }
    }
}

/// `on` needs no quotes.
pub fn json_or_text(text: &str) -> Json {
    Json::parse(text).unwrap_or_else(|_| Json::text(text))
}

fn json(text: &str) -> Json {
    Json::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn uris(text: &str) -> (Vec<Uri>, bool) {
    let (texts, array) = list(text);
    (texts.into_iter().map(id).collect(), array)
}

/// `24.94,60.17`, or a GeoJSON type with its coordinates: `LineString[[0,0],[1,1]]`.
pub fn geometry(text: &str) -> Geometry {
    let (kind, coordinates) = match text.find('[') {
        Some(at) => (&text[..at], text[at..].to_owned()),
        None => ("Point", format!("[{text}]")),
    };
    Geometry::from_parts(kind, &json(&coordinates))
        .unwrap_or_else(|error| panic!("{error}: {text}"))
}
