//! Looking into JSON text in place, without building a tree.

use std::borrow::Cow;

use model::{Json, JsonKind};

/// A JSON value inside a text that a parser has accepted, without white space between tokens.
///
/// On text that is not JSON the answers mean nothing; there is no panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Raw<'a>(&'a str);

impl<'a> Raw<'a> {
    pub fn of(json: &'a Json) -> Raw<'a> {
        Raw(json.as_str())
    }

    pub fn as_str(self) -> &'a str {
        self.0
    }

    pub fn kind(self) -> JsonKind {
        match self.0.as_bytes().first() {
            Some(b'"') => JsonKind::Text,
            Some(b'{') => JsonKind::Object,
            Some(b'[') => JsonKind::Array,
            Some(b't' | b'f') => JsonKind::Boolean,
            Some(b'n') | None => JsonKind::Null,
            Some(_) => JsonKind::Number,
        }
    }

    pub fn number(self) -> Option<f64> {
        if self.kind() == JsonKind::Number { self.0.parse().ok() } else { None }
    }

    pub fn boolean(self) -> Option<bool> {
        match self.0 {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    pub fn text(self) -> Option<Cow<'a, str>> {
        if self.kind() != JsonKind::Text {
            return None;
        }
        if !self.0.contains('\\') {
            return self.0.get(1..self.0.len() - 1).map(Cow::Borrowed);
        }
        Json::from_compact(self.0).as_text().map(|text| Cow::Owned(text.into_owned()))
    }

    /// What a path of member names leads to, as a member expression of ECMA 262 would: through
    /// objects only, never into the elements of an array (clause 4.9).
    pub fn at(self, path: &[String]) -> Option<Raw<'a>> {
        path.iter().try_fold(self, |value, name| value.member(name))
    }

    /// Of a repeated name the last one counts.
    pub fn member(self, name: &str) -> Option<Raw<'a>> {
        self.members()
            .filter(|(key, _)| key.text().is_some_and(|key| key == name))
            .last()
            .map(|(_, value)| value)
    }

    /// The members of an object; their names are texts.
    pub fn members(self) -> impl Iterator<Item = (Raw<'a>, Raw<'a>)> {
        let mut tokens = Tokens::inside(self, b'{');
        std::iter::from_fn(move || {
            let key = tokens.value()?;
            tokens.skip(b':');
            let value = tokens.value()?;
            tokens.skip(b',');
            Some((key, value))
        })
    }

    /// The elements of an array.
    pub fn elements(self) -> impl Iterator<Item = Raw<'a>> {
        let mut tokens = Tokens::inside(self, b'[');
        std::iter::from_fn(move || {
            let value = tokens.value()?;
            tokens.skip(b',');
            Some(value)
        })
    }
}

/// What is left between the brackets of an object or array.
struct Tokens<'a>(&'a str);

impl<'a> Tokens<'a> {
    fn inside(raw: Raw<'a>, bracket: u8) -> Tokens<'a> {
        let opens = raw.0.as_bytes().first() == Some(&bracket);
        let inner = if opens { raw.0.get(1..raw.0.len() - 1) } else { None };
        Tokens(inner.unwrap_or_default())
    }

    fn skip(&mut self, mark: u8) {
        if self.0.as_bytes().first() == Some(&mark) {
            self.0 = self.0.get(1..).unwrap_or_default();
        }
    }

    fn value(&mut self) -> Option<Raw<'a>> {
        let end = end_of_value(self.0.as_bytes());
        let value = self.0.get(..end).filter(|value| !value.is_empty())?;
        self.0 = self.0.get(end..).unwrap_or_default();
        Some(Raw(value))
    }
}

/// Where the value ends that the bytes begin with: before a mark outside all of its brackets.
fn end_of_value(bytes: &[u8]) -> usize {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for (at, byte) in bytes.iter().enumerate() {
        if in_text {
            in_text = escaped || *byte != b'"';
            escaped = !escaped && *byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' | b':' if depth == 0 => return at,
            _ => {}
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(json: &str, path: &str, expected: &str) {
        let json = Json::parse(json).expect("JSON");
        let path: Vec<String> =
            path.split('.').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let found = Raw::of(&json).at(&path).map_or("-", Raw::as_str);
        assert_eq!(found, expected, "{path:?} in {json}");
    }

    #[test]
    fn a_path_leads_through_objects() {
        let json = r#"{"a":{"b":[1,{"c":2}],"é\"":"x,]}"},"a2":null,"b":-1e3}"#;
        check(json, "a.b", r#"[1,{"c":2}]"#);
        check(json, "a.é\"", r#""x,]}""#);
        check(json, "a2", "null");
        check(json, "b", "-1e3");
        check(json, "c", "-");
        check(json, "a.b.c", "-");
        check(r#"{"a":1,"a":2}"#, "a", "2");
        check("[]", "a", "-");
        check("{}", "a", "-");
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_a_parser_finds(text in "[ \\[\\]{}\",:ab01\\\\]{0,24}") {
            if let Ok(json) = Json::parse(&text) {
                let raw: Vec<_> = Raw::of(&json).elements().map(Raw::as_str).collect();
                let parsed = json.elements().unwrap_or_default();
                prop_assert_eq!(raw, parsed.iter().map(Json::as_str).collect::<Vec<_>>());
                for (name, value) in json.members().unwrap_or_default() {
                    let found = Raw::of(&json).member(&name).map(Raw::as_str);
                    prop_assert_eq!(found, Some(value.as_str()));
                }
            }
        }
    }
}
