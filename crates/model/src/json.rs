//! A JSON value kept as its own text: number precision and member order survive.

use std::borrow::Cow;
use std::fmt;

use serde_json::value::RawValue;

use crate::text::Text;

/// Valid JSON without white space between tokens.
///
/// Two values are equal when their texts are; [`Json::same_as`] compares what they mean.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Json(Text);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonKind {
    Null,
    Boolean,
    Number,
    Text,
    Array,
    Object,
}

#[derive(Debug, thiserror::Error)]
#[error("not valid JSON: {0}")]
pub struct NotJson(#[source] serde_json::Error);

impl Json {
    pub fn parse(text: &str) -> Result<Json, NotJson> {
        let raw: &RawValue = serde_json::from_str(text).map_err(NotJson)?;
        Ok(Json::from_raw(raw))
    }

    /// Takes text that a JSON parser has accepted already.
    pub fn from_raw(raw: &RawValue) -> Json {
        Json(compact(raw.get()).into())
    }

    pub fn text(value: &str) -> Json {
        Json(serde_json::Value::from(value).to_string().into())
    }

    pub fn number(value: f64) -> Json {
        Json(serde_json::Value::from(value).to_string().into())
    }

    pub fn boolean(value: bool) -> Json {
        Json(value.to_string().into())
    }

    pub fn from_tree(tree: &serde_json::Value) -> Json {
        Json(tree.to_string().into())
    }

    /// Takes text that was a `Json` before: the way back from a store.
    pub fn from_compact(text: impl Into<Text>) -> Json {
        Json(text.into())
    }

    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    pub fn kind(&self) -> JsonKind {
        match self.as_str().as_bytes().first() {
            Some(b'"') => JsonKind::Text,
            Some(b'{') => JsonKind::Object,
            Some(b'[') => JsonKind::Array,
            Some(b't' | b'f') => JsonKind::Boolean,
            Some(b'n') | None => JsonKind::Null,
            Some(_) => JsonKind::Number,
        }
    }

    pub fn as_text(&self) -> Option<Cow<'_, str>> {
        match self.kind() {
            JsonKind::Text if !self.as_str().contains('\\') => {
                self.as_str().get(1..self.as_str().len() - 1).map(Cow::Borrowed)
            }
            JsonKind::Text => serde_json::from_str(self.as_str()).ok().map(Cow::Owned),
            _ => None,
        }
    }

    /// The nearest double; the text keeps what a double cannot.
    pub fn as_number(&self) -> Option<f64> {
        if self.kind() == JsonKind::Number { self.as_str().parse().ok() } else { None }
    }

    pub fn as_boolean(&self) -> Option<bool> {
        match self.as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    pub fn is_null(&self) -> bool {
        self.kind() == JsonKind::Null
    }

    /// The members of an object, in the order written; of a repeated name the last one counts.
    pub fn members(&self) -> Option<Vec<(String, Json)>> {
        if self.kind() != JsonKind::Object {
            return None;
        }
        let raw: Members<'_> = serde_json::from_str(self.as_str()).ok()?;
        Some(raw.0.into_iter().map(|(name, raw)| (name, Json(raw.get().into()))).collect())
    }

    /// The elements of an array.
    pub fn elements(&self) -> Option<Vec<Json>> {
        if self.kind() != JsonKind::Array {
            return None;
        }
        let raw: Vec<&RawValue> = serde_json::from_str(self.as_str()).ok()?;
        Some(raw.into_iter().map(|raw| Json(raw.get().into())).collect())
    }

    /// An object with these members, in this order.
    pub fn object<'a>(members: impl IntoIterator<Item = (&'a str, &'a Json)>) -> Json {
        let mut text = String::from("{");
        for (name, value) in members {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(Json::text(name).as_str());
            text.push(':');
            text.push_str(value.as_str());
        }
        text.push('}');
        Json(text.into())
    }

    pub fn array<'a>(elements: impl IntoIterator<Item = &'a Json>) -> Json {
        let texts: Vec<&str> = elements.into_iter().map(Json::as_str).collect();
        Json(format!("[{}]", texts.join(",")).into())
    }

    /// The value at a path of member names; arrays on the way are searched element by element,
    /// so that one path may lead to several values.
    pub fn at_path<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Vec<Json> {
        let mut found = vec![self.clone()];
        for name in path {
            found = found.iter().flat_map(|value| value.members_named(name)).collect();
        }
        found
    }

    fn members_named(&self, name: &str) -> Vec<Json> {
        match self.kind() {
            JsonKind::Object => {
                let members = self.members().unwrap_or_default();
                members.into_iter().filter(|(n, _)| n == name).map(|(_, value)| value).collect()
            }
            JsonKind::Array => {
                let elements = self.elements().unwrap_or_default();
                elements.iter().flat_map(|element| element.members_named(name)).collect()
            }
            _ => Vec::new(),
        }
    }

    pub fn to_tree(&self) -> serde_json::Value {
        serde_json::from_str(self.as_str()).unwrap_or(serde_json::Value::Null)
    }

    /// Equal as values: numbers by amount, texts by characters, objects in any member order.
    pub fn same_as(&self, other: &Json) -> bool {
        self == other
            || match (self.kind(), other.kind()) {
                (JsonKind::Number, JsonKind::Number) => self.as_number() == other.as_number(),
                (JsonKind::Text, JsonKind::Text) => self.as_text() == other.as_text(),
                (JsonKind::Array, JsonKind::Array) | (JsonKind::Object, JsonKind::Object) => {
                    same_trees(&self.to_tree(), &other.to_tree())
                }
                _ => false,
            }
    }

    /// This value with `patch` merged into it (RFC 7396); the NGSI-LD Null removes a member
    /// (clause 5.5.12).
    pub fn merged_with(&self, patch: &Json) -> Json {
        let Some(patch_members) = patch.members() else {
            return patch.clone();
        };
        let mut members = self.members().unwrap_or_default();
        for (name, value) in patch_members {
            let place = members.iter().position(|(n, _)| *n == name);
            match (place, value.is_removal()) {
                (Some(at), true) => drop(members.remove(at)),
                (None, true) => {}
                (Some(at), false) => members[at].1 = members[at].1.merged_with(&value),
                // Merged with nothing, so that nulls deep inside do not survive.
                (None, false) => members.push((name, Json("{}".into()).merged_with(&value))),
            }
        }
        Json::object(members.iter().map(|(name, value)| (name.as_str(), value)))
    }

    /// Is this the NGSI-LD Null?
    pub fn is_removal(&self) -> bool {
        self.as_text().is_some_and(|text| text == crate::NULL)
    }

    /// Does the NGSI-LD Null stand anywhere inside?
    pub fn holds_removal(&self) -> bool {
        // Escapes can spell it in other ways.
        let plausible = self.as_str().contains(crate::NULL) || self.as_str().contains("\\u00");
        plausible
            && match self.kind() {
                JsonKind::Object => self
                    .members()
                    .is_some_and(|members| members.iter().any(|(_, value)| value.holds_removal())),
                JsonKind::Array => {
                    self.elements().is_some_and(|elements| elements.iter().any(Json::holds_removal))
                }
                _ => self.is_removal(),
            }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn same_trees(left: &serde_json::Value, right: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Number, Object};
    match (left, right) {
        (Number(a), Number(b)) => a.as_f64() == b.as_f64(),
        (Array(a), Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_trees(a, b))
        }
        (Object(a), Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same_trees(a, b)))
        }
        _ => left == right,
    }
}

/// The text without white space outside strings; borrowed where there is none.
fn compact(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t')) {
        return Cow::Borrowed(text);
    }
    let mut compact = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    for c in text.chars() {
        if in_string {
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else if matches!(c, ' ' | '\n' | '\r' | '\t') {
            continue;
        } else {
            in_string = c == '"';
        }
        compact.push(c);
    }
    Cow::Owned(compact)
}

/// Members of an object with their raw values, in order, the last of a repeated name winning.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Self::Value, A::Error> {
                let mut members: Vec<(String, &'de RawValue)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    match members.iter_mut().find(|(known, _)| *known == name) {
                        Some(member) => member.1 = value,
                        None => members.push((name, value)),
                    }
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json(text: &str) -> Json {
        Json::parse(text).unwrap()
    }

    #[test]
    fn numbers_keep_their_digits_and_members_their_order() {
        let text = r#"{"z":1.00000000000000000001,"a":[1e400,-0.0],"m":"x \" y"}"#;
        assert_eq!(json(text).as_str(), text);
        assert_eq!(json(" [ 1 , \" a \\\\\" , { } ] ").as_str(), r#"[1," a \\",{}]"#);
    }

    #[test]
    fn a_merge_follows_rfc_7396() {
        let check = |target: &str, patch: &str, expected: &str| {
            assert_eq!(json(target).merged_with(&json(patch)).as_str(), expected);
        };
        check(r#"{"a":1,"b":2}"#, r#"{"b":"urn:ngsi-ld:null","c":3}"#, r#"{"a":1,"c":3}"#);
        check(r#"{"a":{"x":1,"y":2}}"#, r#"{"a":{"y":3}}"#, r#"{"a":{"x":1,"y":3}}"#);
        check("[1,2]", r#"{"a":1}"#, r#"{"a":1}"#);
        check(r#"{"a":1}"#, "5", "5");
        check("{}", r#"{"a":{"b":"urn:ngsi-ld:null"}}"#, r#"{"a":{}}"#);
    }

    #[test]
    fn values_are_the_same_whatever_their_spelling() {
        assert!(json("1.0").same_as(&json("1")));
        assert!(json(r#""A""#).same_as(&json(r#""A""#)));
        assert!(json(r#"{"a":1,"b":[2.0]}"#).same_as(&json(r#"{"b":[2],"a":1}"#)));
        assert!(!json("1").same_as(&json("\"1\"")));
    }

    #[test]
    fn a_path_reaches_into_arrays() {
        let value = json(r#"{"a":[{"b":1},{"b":2},{"c":3}]}"#);
        assert_eq!(value.at_path(["a", "b"]), [json("1"), json("2")]);
    }

    proptest! {
        #[test]
        fn compacting_changes_no_meaning(text in "[ \\[\\]{}\",:a0\\\\]{0,24}") {
            if let Ok(value) = Json::parse(&text) {
                let meant: serde_json::Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(value.to_tree(), meant);
            }
        }
    }
}
