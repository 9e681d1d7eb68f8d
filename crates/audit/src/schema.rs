//! The published JSON schema of the lines: `docs/audit.schema.json`.

use serde_json::{Map, Value, json};

use crate::entry::{
    ADDRESS_BYTES_MAX, DETAIL_BYTES_MAX, DETAILS_MAX, Event, Identity, NAME_BYTES_MAX, Outcome,
    REASON_BYTES_MAX, REQUEST_BYTES_MAX, TARGET_BYTES_MAX,
};
use crate::excerpt::HANDOVERS_MAX;
use crate::line::{FILE_BYTES_MAX, GapCause, VERSION};

/// The schema, as it stands in `docs`.
pub fn text() -> String {
    // A value of JSON can always be written.
    let text = serde_json::to_string_pretty(&schema()).unwrap_or_default();
    format!("{text}\n")
}

/// JSON Schema 2020-12.
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:comity:audit:1",
        "title": "A line of Comity's audit record",
        "description": "A record is lines of JSON, each with the hash of the line before. Lines \
            with a member `sig` are signed: the text `comity audit line`, a line feed, and the \
            line up to, and without, `,\"sig\"`.",
        "oneOf": [
            line("record", &opening(), &[]),
            line("segment", &opening(), &[]),
            line("entry", &entry(), &["target", "from", "reason", "request", "details"]),
            line("head", &signed(json!({})), &[]),
            line("key", &signed(json!({"new": {"$ref": "#/$defs/key"}})), &[]),
            line("gap", &gap(), &["entries", "bytes", "aside", "unsigned"]),
            line("retention", &retention(), &[]),
            excerpt(),
        ],
        "$defs": {
            "hash": {"description": "SHA-256", "type": "string", "pattern": "^[0-9a-f]{64}$"},
            "at": {
                "description": "When, in UTC and to the microsecond",
                "type": "string",
                "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$",
            },
            "keyId": {
                "description": "The first 64 bits of the SHA-256 of the public key",
                "type": "string",
                "pattern": "^[0-9a-f]{16}$",
            },
            "signature": {"type": "string", "pattern": "^[0-9a-f]{128}$"},
            "key": {
                "type": "object",
                "properties": {
                    "id": {"$ref": "#/$defs/keyId"},
                    "public": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                },
                "required": ["id", "public"],
                "additionalProperties": false,
            },
        },
    })
}

/// The schema of one kind of line: what all have, and members of its own, all of which are
/// required but for those named.
fn line(kind: &str, own: &Value, optional: &[&str]) -> Value {
    let mut members = Map::new();
    members.insert("seq".to_owned(), json!({"type": "integer", "minimum": 1}));
    members.insert("prev".to_owned(), json!({"$ref": "#/$defs/hash"}));
    members.insert("at".to_owned(), json!({"$ref": "#/$defs/at"}));
    members.insert("kind".to_owned(), json!({"const": kind}));
    members.extend(own.as_object().cloned().unwrap_or_default());
    let required: Vec<&String> =
        members.keys().filter(|name| !optional.contains(&name.as_str())).collect();
    let mut line = json!({"type": "object", "required": required});
    if kind == "entry" {
        line["allOf"] =
            json!([reason("allowed", false), reason("refused", true), reason("failed", true),]);
    }
    line["properties"] = Value::Object(members);
    line["additionalProperties"] = json!(false);
    line
}

/// Whether an entry of this outcome has a reason.
fn reason(outcome: &str, has: bool) -> Value {
    let then = if has { json!({"required": ["reason"]}) } else { none_of("reason") };
    json!({"if": {"properties": {"outcome": {"const": outcome}}}, "then": then})
}

fn none_of(member: &str) -> Value {
    json!({"not": {"required": [member]}})
}

fn opening() -> Value {
    json!({
        "version": {"const": VERSION},
        "record": {
            "description": "Tells one record from another",
            "type": "string",
            "pattern": "^[0-9a-f]{32}$",
        },
        "hash": {"enum": ["sha-256"]},
        "signature": {"enum": ["ed25519"]},
        "key": {"$ref": "#/$defs/key"},
    })
}

fn entry() -> Value {
    let events: Vec<&str> = Event::ALL.iter().map(|event| event.name()).collect();
    let kinds: Vec<&str> = Identity::ALL.iter().map(|kind| kind.name()).collect();
    json!({
        "event": {"enum": events},
        "who": {
            "type": "object",
            "properties": {
                "name": text_of(NAME_BYTES_MAX),
                "kind": {"description": "How the caller is known", "enum": kinds},
                "tenant": text_of(NAME_BYTES_MAX),
            },
            "required": ["name", "kind"],
            "additionalProperties": false,
        },
        "target": text_of(TARGET_BYTES_MAX),
        "from": text_of(ADDRESS_BYTES_MAX),
        "outcome": {"enum": Outcome::NAMES},
        "reason": text_of(REASON_BYTES_MAX),
        "request": text_of(REQUEST_BYTES_MAX),
        "details": {
            "type": "object",
            "additionalProperties": text_of(DETAIL_BYTES_MAX),
            "maxProperties": DETAILS_MAX,
        },
    })
}

/// The limits are of bytes, of which no text has fewer than it has characters.
fn text_of(length: usize) -> Value {
    json!({"type": "string", "maxLength": length})
}

fn signed(own: Value) -> Value {
    let mut members = own.as_object().cloned().unwrap_or_default();
    members.insert("key".to_owned(), json!({"$ref": "#/$defs/keyId"}));
    members.insert("sig".to_owned(), json!({"$ref": "#/$defs/signature"}));
    Value::Object(members)
}

fn gap() -> Value {
    json!({
        "cause": {"enum": GapCause::ALL.map(GapCause::name)},
        "entries": {"type": "integer", "minimum": 0},
        "bytes": {"type": "integer", "minimum": 0},
        "aside": text_of(FILE_BYTES_MAX),
        "unsigned": {"type": "integer", "minimum": 0},
    })
}

/// The first line of an export that does not begin with the record: no line of the record itself.
fn excerpt() -> Value {
    let mut properties = Map::new();
    properties.insert("kind".to_owned(), json!({"const": "excerpt"}));
    properties.extend(opening().as_object().cloned().unwrap_or_default());
    let handovers = json!({
        "description": "The lines by which each key introduced the next, up to the one in force",
        "type": "array",
        "items": {"type": "string"},
        "maxItems": HANDOVERS_MAX,
    });
    properties.insert("handovers".to_owned(), handovers);
    let before = json!({
        "description": "The number and the hash of the line before the next one",
        "type": "string",
        "pattern": "^[0-9]+:[0-9a-f]{64}$",
    });
    properties.insert("before".to_owned(), before);
    let required: Vec<&String> = properties.keys().collect();
    json!({
        "description": "Stands before a part of a record, so that it can be verified by itself",
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": false,
    })
}

fn retention() -> Value {
    json!({
        "first": {
            "description": "Everything before the line of this number is removed",
            "type": "integer",
            "minimum": 1,
        },
        "before": {"$ref": "#/$defs/hash"},
    })
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
