//! JSON kept as text is the JSON that `serde_json` sees; names and moments read back as written.

use model::{DateTime, Geometry, Json, JsonKind, Scope, Tenant, Uri};
use serde_json::Value;

use crate::sample::is_shallow;

/// JSON text; on a line of its own below it, perhaps a patch to merge into it.
pub fn json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (text, patch) = text.split_once("\n~\n").unwrap_or((text, "{}"));
    if !is_shallow(text) || !is_shallow(patch) {
        return;
    }
    let tree: Result<Value, _> = serde_json::from_str(text);
    let Ok(json) = Json::parse(text) else {
        assert!(tree.is_err(), "serde_json reads it: {text}");
        return;
    };
    assert_eq!(Json::parse(json.as_str()).ok().as_ref(), Some(&json), "not compact: {text}");
    assert!(json.same_as(&json));
    json.holds_removal();
    json.at_path(["a", "b"]);
    // Numbers beyond a double and lone surrogates are kept, and are no tree.
    let Ok(tree) = tree else { return };
    assert_eq!(json.to_tree(), tree, "{text}");
    sees_as(&json, &tree);
    let written = Json::from_tree(&tree);
    if written.to_tree() == tree && json.kind() != JsonKind::Number {
        assert!(json.same_as(&written), "{text}");
    }
    if let Ok(patch) = Json::parse(patch) {
        let merged = json.merged_with(&patch);
        let parsed = Json::parse(merged.as_str());
        assert_eq!(parsed.ok().as_ref(), Some(&merged), "a merge made what is not JSON");
    }
    if let Ok(geometry) = Geometry::parse(&json) {
        geometry.shape();
        assert_eq!(Geometry::parse(geometry.json()), Ok(geometry.clone()));
    }
}

/// A `Json` reads a number as the nearest double; `serde_json` may miss that by a few.
fn is_near(nearest: Option<f64>, other: Option<f64>) -> bool {
    let (Some(nearest), Some(other)) = (nearest, other) else { return nearest == other };
    nearest == other || (nearest - other).abs() <= nearest.abs() * 8.0 * f64::EPSILON
}

fn sees_as(json: &Json, tree: &Value) {
    match tree {
        Value::Null => assert!(json.is_null()),
        Value::Bool(value) => assert_eq!(json.as_boolean(), Some(*value)),
        Value::Number(number) => assert!(is_near(json.as_number(), number.as_f64()), "{json}"),
        Value::String(text) => assert_eq!(json.as_text().as_deref(), Some(&**text)),
        Value::Array(trees) => {
            assert_eq!(json.kind(), JsonKind::Array);
            let elements = json.elements().expect("an array has elements");
            assert_eq!(elements.len(), trees.len(), "{json}");
            elements.iter().zip(trees).for_each(|(element, tree)| sees_as(element, tree));
        }
        Value::Object(trees) => {
            assert_eq!(json.kind(), JsonKind::Object);
            let members = json.members().expect("an object has members");
            assert_eq!(members.len(), trees.len(), "{json}");
            members.iter().for_each(|(name, member)| sees_as(member, &trees[name]));
        }
    }
}

/// URIs, tenants, scopes and moments: what they are written as reads as they are.
pub fn identifiers(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(moment) = DateTime::parse(text) {
        let written = moment.to_string();
        let again = DateTime::parse(&written)
            .unwrap_or_else(|error| panic!("{error}; it was read from `{text}`"));
        assert_eq!((again, again.digits()), (moment, moment.digits()), "{text}");
    }
    if let Ok(uri) = Uri::parse(text) {
        assert_eq!(Uri::parse(&uri.to_string()), Ok(uri));
    }
    if let Ok(tenant) = Tenant::parse(text) {
        assert_eq!(Tenant::parse(&tenant.to_string()).ok(), Some(tenant));
    }
    if let Ok(scope) = Scope::parse(text) {
        assert_eq!(Scope::parse(&scope.to_string()), Ok(scope));
    }
}
