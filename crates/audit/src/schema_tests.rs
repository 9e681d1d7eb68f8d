use model::Timestamp;
use regex::Regex;

use super::*;
use crate::{Chain, Entry, Excerpt, Gap, GapCause, Hash, Opening, RecordId, SigningKey, Who};

/// Does the value pass? As much of JSON Schema as ours uses; any other keyword is a panic, so that
/// none is passed over.
fn passes(value: &Value, schema: &Value, root: &Value) -> bool {
    let members = schema.as_object().unwrap();
    members.iter().all(|(keyword, rule)| match keyword.as_str() {
        "$schema" | "$id" | "title" | "description" | "$defs" | "then" => true,
        "$ref" => {
            let pointer = rule.as_str().unwrap().strip_prefix('#').unwrap();
            passes(value, root.pointer(pointer).unwrap(), root)
        }
        "oneOf" => {
            let passed = rule.as_array().unwrap().iter().filter(|one| passes(value, one, root));
            passed.count() == 1
        }
        "allOf" => rule.as_array().unwrap().iter().all(|one| passes(value, one, root)),
        "not" => !passes(value, rule, root),
        "if" => !passes(value, rule, root) || passes(value, &members["then"], root),
        "const" => value == rule,
        "enum" => rule.as_array().unwrap().contains(value),
        "type" => match rule.as_str().unwrap() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "integer" => value.is_u64(),
            other => panic!("type {other}"),
        },
        "minimum" => value.as_u64().is_none_or(|number| number >= rule.as_u64().unwrap()),
        "maxLength" => {
            let length = value.as_str().map_or(0, |text| text.chars().count());
            length <= rule.as_u64().unwrap() as usize
        }
        "pattern" => {
            let pattern = Regex::new(rule.as_str().unwrap()).unwrap();
            value.as_str().is_none_or(|text| pattern.is_match(text))
        }
        "required" => {
            let names = rule.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
            names.into_iter().all(|name| value.get(name).is_some())
        }
        "maxItems" => {
            let count = value.as_array().map_or(0, Vec::len);
            count <= rule.as_u64().unwrap() as usize
        }
        "items" => {
            let items = value.as_array().map_or(&[][..], Vec::as_slice);
            items.iter().all(|item| passes(item, rule, root))
        }
        "maxProperties" => {
            let count = value.as_object().map_or(0, Map::len);
            count <= rule.as_u64().unwrap() as usize
        }
        "properties" => {
            let known = rule.as_object().unwrap();
            known.iter().all(|(name, rule)| value.get(name).is_none_or(|v| passes(v, rule, root)))
        }
        "additionalProperties" => {
            let known = schema.get("properties").and_then(Value::as_object);
            let is_known = |name: &str| known.is_some_and(|known| known.contains_key(name));
            let others = value.as_object().unwrap().iter().filter(|(name, _)| !is_known(name));
            let mut others = others.map(|(_, value)| value);
            match rule {
                Value::Bool(allowed) => *allowed || others.next().is_none(),
                rule => others.all(|value| passes(value, rule, root)),
            }
        }
        other => panic!("keyword {other}"),
    })
}

/// A line of every kind, and an entry of every event and outcome.
fn lines() -> Vec<Value> {
    let at = Timestamp(1_775_000_000_000_000);
    let (mut chain, first) = Chain::begin(RecordId([1; 16]), SigningKey::of_secret(&[1; 32]), at);
    let mut lines = vec![first];
    for outcome in [Outcome::Allowed, Outcome::refused("no right"), Outcome::failed("no room")] {
        for event in Event::ALL {
            lines.push(chain.seal(at, Entry::new(event, Who::system(), outcome.clone())));
            let full = Entry::new(event, Who::system(), outcome.clone());
            let full = full.target(&"x".repeat(9_999)).from("::1").request("7").detail("a", "b");
            lines.push(chain.seal(at, full));
        }
    }
    let gap = Gap {
        cause: GapCause::Torn,
        entries: None,
        bytes: Some(17),
        aside: Some("torn-00000000000000000001".into()),
        unsigned: Some(2),
    };
    lines.push(chain.gap(at, gap));
    let gap = Gap { entries: Some(3), ..Gap::of(GapCause::Lost) };
    lines.push(chain.gap(at, gap));
    for cause in GapCause::ALL {
        lines.push(chain.gap(at, Gap::of(cause)));
    }
    let handover = chain.rotate(at, SigningKey::of_secret(&[2; 32]));
    let opening = Opening::new(RecordId([1; 16]), SigningKey::of_secret(&[1; 32]).public());
    lines.push(Excerpt::new(&opening, std::slice::from_ref(&handover), chain.last()).print());
    lines.push(handover);
    lines.push(chain.segment(at));
    lines.push(chain.retention(at, 5, Hash::NOTHING));
    lines.push(chain.head(at));
    lines.iter().map(|line| serde_json::from_slice(line).unwrap()).collect()
}

#[test]
fn every_line_passes() {
    let schema = schema();
    for line in lines() {
        assert!(passes(&line, &schema, &schema), "{line}");
    }
}

#[test]
fn a_line_that_lacks_or_adds_a_member_does_not_pass() {
    let schema = schema();
    for line in lines() {
        let mut more = line.clone();
        more["more"] = json!(1);
        assert!(!passes(&more, &schema, &schema), "{more}");
        for name in line.as_object().unwrap().keys() {
            let mut less = line.clone();
            less.as_object_mut().unwrap().remove(name);
            let optional =
                ["target", "from", "request", "details", "entries", "bytes", "aside", "unsigned"];
            let expected = optional.contains(&name.as_str());
            assert_eq!(passes(&less, &schema, &schema), expected, "{less}");
        }
    }
}

/// `make docs` writes it.
#[test]
fn the_schema_in_docs_is_the_one_of_this_program() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/audit.schema.json");
    assert_eq!(std::fs::read_to_string(path).unwrap(), text(), "run `make docs`");
}
