//! Entities and changes as one line of text, for tests.
//!
//! ```text
//! urn:lamp:1 Lamp Device /Kallio/Streets brightness=60 street->urn:street:1 location@24.94,60.17
//! ```
//!
//! An id, then types, scopes and attributes in any order:
//!
//! | written | means |
//! |---|---|
//! | `Lamp` | a type |
//! | `/Kallio/Streets` | a scope |
//! | `expiresAt=2026-05-01T00:00:00Z` | when the entity expires |
//! | `brightness=60`, `a={"b":1}`, `state="on fire"` | a Property |
//! | `state=on` | the same, a text of one word |
//! | `street->urn:street:1`, `near->[urn:a,urn:b]` | a Relationship, to one or an array |
//! | `location@24.94,60.17`, `area@Polygon[[[0,0],[1,0],[1,1],[0,0]]]` | a GeoProperty |
//! | `label~{"fi":"katu"}` | a LanguageProperty |
//! | `raw:={"a":1}` | a JsonProperty |
//! | `colour^Red`, `colour^[Red,Blue]` | a VocabProperty |
//! | `track#[1,2]` | a ListProperty |
//! | `route=>[urn:a,urn:b]` | a ListRelationship |
//! | `brightness=60(unitCode=LX observedAt=… accuracy=0.5)` | members, and attributes below |
//! | `brightness=60(datasetId=urn:d:1)` | one of several instances |
//! | `brightness=60(t=10)` | `observedAt` is ten seconds after a trial starts |
//!
//! Fragments may also say `-brightness`, `-brightness(datasetId=urn:d:1)`, `-scope` and
//! `-expiresAt` for what goes away, and `brightness(observedAt=…)` for a value that stays.
//!
//! Names are expanded as the core context would. A mistake in the text panics.

mod change;
mod fragment;
mod history;
mod show;
mod tokens;
mod value;

use model::{Draft, Entity, EntityId, Name, Tenant, Timestamp, Uri};

pub use change::change;
pub use fragment::fragment;
pub use history::{at, history_change, readings, show_evolution};
pub use show::{show, show_census};
pub use value::geometry;

/// An entity that was created and modified at the same moment.
pub fn entity(text: &str, at: Timestamp) -> Entity {
    let (id, rest) = id_and_rest(text);
    draft(rest).into_entity(id, at, at)
}

/// What stands after the id: types, scopes and attributes.
pub fn draft(text: &str) -> Draft {
    fragment(text).into_draft().unwrap_or_else(|error| panic!("{error}: {text}"))
}

pub fn id(text: &str) -> EntityId {
    Uri::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

/// A name as the core context expands it: its own terms, and all others by its `@vocab`.
pub fn name(term: &str) -> Name {
    if term.contains(':') {
        Name::new(term)
    } else if CORE_TERMS.contains(&term) {
        Name::new(format!("{CORE}{term}"))
    } else {
        Name::new(format!("{CORE}{VOCABULARY}{term}"))
    }
}

/// Empty for the default tenant.
pub fn tenant(text: &str) -> Tenant {
    if text.is_empty() {
        return Tenant::default();
    }
    Tenant::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

const CORE: &str = "https://uri.etsi.org/ngsi-ld/";
const VOCABULARY: &str = "default-context/";

/// Those that tests need.
const CORE_TERMS: [&str; 14] = [
    "id",
    "type",
    "scope",
    "location",
    "observationSpace",
    "operationSpace",
    "createdAt",
    "modifiedAt",
    "observedAt",
    "expiresAt",
    "unitCode",
    "datasetId",
    "valueType",
    "objectType",
];

/// The term that [`name`] expands to this.
fn term(name: &Name) -> &str {
    let core = name.as_str().strip_prefix(CORE);
    core.map_or(name.as_str(), |term| term.strip_prefix(VOCABULARY).unwrap_or(term))
}

fn id_and_rest(text: &str) -> (EntityId, &str) {
    let (first, rest) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    (id(first), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) {
        let written = format!("urn:lamp:1 {text}");
        assert_eq!(show(&entity(&written, Timestamp(0))), written);
    }

    #[test]
    fn an_entity_reads_back_as_it_was_written() {
        check("Lamp");
        check("Lamp Device /Kallio/Streets expiresAt=2026-05-01T00:00:00Z");
        check(r#"Lamp a=60 b=-1.50 c=on d="on fire" e={"f":[1,"x y"]} g=[1,2] h=true i="7""#);
        check("Lamp street->urn:street:1 near->[urn:a,urn:b] route=>[urn:b,urn:a]");
        check("Lamp location@24.94,60.17 area@Polygon[[[0,0],[1,0],[1,1],[0,0]]]");
        check(r#"Lamp label~{"fi":"katu"} raw:={"a":1} colour^Red hues^[Red,Blue] track#[1,2]"#);
        check("Lamp a=60(datasetId=urn:d:1) a=70(unitCode=LX observedAt=2026-04-01T00:00:00.5Z)");
        check(r#"Lamp a=60(expiresAt=2026-05-01T00:00:00Z by->urn:p:1(since="x (y)" sure=true))"#);
        check("Lamp a=60(valueType=Integer) b->urn:x(objectType=[Street,Road])");
    }

    #[test]
    fn names_are_expanded_as_the_core_context_does() {
        assert_eq!(name("location").as_str(), "https://uri.etsi.org/ngsi-ld/location");
        assert_eq!(name("Lamp").as_str(), "https://uri.etsi.org/ngsi-ld/default-context/Lamp");
        assert_eq!(name("urn:x:Lamp").as_str(), "urn:x:Lamp");
    }
}
