//! Where in a token a claim stands, and what it says.

use serde_json::{Map, Value};

/// How long a path to a claim may be.
pub const CLAIM_PATH_BYTES_MAX: usize = 200;

/// A way to a claim: `realm_access.roles`, or a JSON Pointer (RFC 6901) where a name has a dot or
/// slash in it: `/https:~1~1city.example~1roles`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimPath(Vec<String>);

impl ClaimPath {
    /// What is wrong is said so that it reads after the name of a setting.
    pub fn parse(text: &str) -> Result<ClaimPath, String> {
        if CLAIM_PATH_BYTES_MAX < text.len() {
            return Err(format!("is longer than {CLAIM_PATH_BYTES_MAX} bytes"));
        }
        if text.contains("://") {
            let pointer = text.replace('~', "~0").replace('/', "~1");
            return Err(format!("`{text}` is a name with dots and slashes; write `/{pointer}`"));
        }
        let names: Vec<String> = match text.strip_prefix('/') {
            Some(pointer) => {
                pointer.split('/').map(|name| name.replace("~1", "/").replace("~0", "~")).collect()
            }
            None => text.split('.').map(str::to_owned).collect(),
        };
        if names.iter().any(String::is_empty) {
            return Err(format!(
                "`{text}` is not the path of a claim; write `roles` or `realm_access.roles`"
            ));
        }
        Ok(ClaimPath(names))
    }

    /// Is it a claim of scopes, by the name that it has?
    pub(crate) fn is_scope(&self) -> bool {
        self.0.last().is_some_and(|name| matches!(name.as_str(), "scope" | "scp"))
    }

    pub(crate) fn find<'a>(&self, claims: &'a Map<String, Value>) -> Option<&'a Value> {
        let (first, rest) = self.0.split_first()?;
        rest.iter().try_fold(claims.get(first)?, |value, name| value.get(name))
    }
}

/// The words of a claim of scopes: a list of texts, or one text with spaces between them.
pub(crate) fn words(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => text.split_ascii_whitespace().collect(),
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The texts of a claim that is one text or a list of them, as `aud` is.
pub(crate) fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(path: &str, expected: Option<&str>) {
        let claims = json!({
            "role": "a", "realm_access": {"roles": "b"}, "https://city.example/r.s": "c",
            "x": {"y/z~": "d"}, "list": ["e"],
        });
        let found = ClaimPath::parse(path).unwrap().find(claims.as_object().unwrap()).cloned();
        assert_eq!(found.as_ref().and_then(Value::as_str), expected, "{path}");
    }

    #[test]
    fn paths_lead_to_claims() {
        check("role", Some("a"));
        check("/role", Some("a"));
        check("realm_access.roles", Some("b"));
        check("/realm_access/roles", Some("b"));
        check("/https:~1~1city.example~1r.s", Some("c"));
        check("/x/y~1z~0", Some("d"));
        check("role.x", None);
        check("list.0", None);
        check("none.roles", None);
    }

    #[test]
    fn what_is_no_path_is_told() {
        for bad in ["", ".", "a.", "a..b", "/", "/a//b"] {
            assert!(ClaimPath::parse(bad).unwrap_err().contains("not the path"), "{bad}");
        }
        let told = ClaimPath::parse("https://city.example/roles").unwrap_err();
        assert!(told.contains("write `/https:~1~1city.example~1roles`"), "{told}");
        assert!(ClaimPath::parse(&"x".repeat(201)).unwrap_err().contains("longer than 200"));
    }

    #[test]
    fn lists_are_lists_or_texts() {
        assert_eq!(words(&json!("a  b")), ["a", "b"]);
        assert_eq!(words(&json!(["a b", 1, "c"])), ["a b", "c"]);
        assert_eq!(words(&json!({"a": 1})), [""; 0]);
        assert_eq!(texts(&json!("a b")), ["a b"]);
    }
}
