//! What inputs are read against: a context, and a few entities that look like a city's.

use std::collections::HashMap;
use std::sync::LazyLock;

use jsonld::{Context, ContextRef};
use model::{Entity, Name, Timestamp};
use ngsi_ld::read::{self, Limits};

pub const LIMITS: Limits = Limits { attributes_max: 1000, instances_max: 1000, readings_max: 1000 };

/// How deep the door lets JSON nest.
pub const JSON_DEPTH_MAX: usize = 64;

/// A context with a prefix, an alias of a keyword, a vocabulary term and a prefix inside another.
pub static CONTEXT: LazyLock<Context> = LazyLock::new(|| {
    let written = serde_json::json!({
        "ex": "https://example.org/",
        "city": "https://example.org/city#",
        "Male": "ex:gender#male",
        "kind": "@type",
        "speed": "ex:speed",
        "position": "ngsi-ld:location",
    });
    compiled(&written).expect("the sample context is valid")
});

/// A context that needs no other document, within the limits of the door.
pub fn compiled(written: &serde_json::Value) -> Option<Context> {
    let reference = ContextRef::parse(written).ok()?;
    jsonld::compile(&reference, &HashMap::new(), &jsonld::Limits::default()).ok()
}

pub fn expand(term: &str) -> Result<Name, String> {
    Ok(Name::new(&*CONTEXT.expand_term(term)))
}

pub static ENTITIES: LazyLock<Vec<Entity>> = LazyLock::new(|| {
    let read = |text: &&str| {
        let (id, draft) =
            read::entity(text, &CONTEXT, &LIMITS).expect("the sample entities are valid");
        draft.into_entity(id, Timestamp(0), Timestamp(1_000_000))
    };
    WRITTEN.iter().map(read).collect()
});

/// One attribute of each kind, several instances, and much that compares with nothing.
pub const WRITTEN: [&str; 3] = [
    r#"{"id":"urn:ngsi-ld:Road:1","type":["Road","ex:Way"],"scope":["/Town/West","/A"],
        "speed":{"type":"Property","value":60,"unitCode":"KMH","observedAt":"2026-04-01T12:00:00Z",
                 "accuracy":0.5},
        "lanes":[{"type":"Property","value":2},
                 {"type":"Property","value":"three","datasetId":"urn:d:1"}],
        "location":{"type":"Point","coordinates":[24.94,60.17]},
        "name":{"languageMap":{"fi":"Tie","sv":["Väg","Gata"],"@none":"R"}},
        "crosses":{"object":["urn:ngsi-ld:Road:2","urn:ngsi-ld:Road:3"]},
        "address":{"street":{"name":"a \"b\"","number":7},"tags":["x",1,true,null,{"y":[]}]}}"#,
    r#"{"id":"urn:ngsi-ld:Road:2","type":"Road","speed":-1.5e3,"open":true,
        "of":{"vocab":["Male","ex:other"]},"raw":{"json":{"a":[1,{"b":null}]}},
        "list":{"valueList":[3,"1",{"a":1}]},"next":{"objectList":["urn:ngsi-ld:Road:1"]},
        "since":{"value":{"@type":"DateTime","@value":"2026-04-01T12:00:00Z"}},
        "location":{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}}"#,
    r#"{"id":"urn:x:empty","type":"T"}"#,
];

/// Does the door let this nest so deep?
pub fn is_shallow(text: &str) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > JSON_DEPTH_MAX {
            return false;
        }
    }
    true
}
