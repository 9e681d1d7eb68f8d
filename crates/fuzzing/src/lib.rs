//! What reads input from outside keeps its promises, whatever the input: a function for each
//! reader. Each takes any bytes, and panics where a promise is broken.
//!
//! `tests/corpus.rs` calls them with the files in `corpus`; `fuzz` at the root of the repository
//! calls them with what libFuzzer thinks up.

mod audit_record;
mod context;
mod door;
mod entity;
mod geo;
mod import;
mod json;
mod order;
mod query_languages;
mod sample;
mod temporal;

pub use audit_record::audit;
pub use context::context;
pub use door::parameters;
pub use entity::{attribute, entity, fragment};
pub use geo::geo;
pub use import::import;
pub use json::{identifiers, json};
pub use order::order_by;
pub use query_languages::{lang, projection, q, scope_q, types};
pub use temporal::{evolution, temporal};

/// Reads any bytes, and panics where it should not.
pub type Target = fn(&[u8]);

/// Every target by its name, which is also that of its folder in `corpus`.
pub const TARGETS: [(&str, Target); 18] = [
    ("entity", entity),
    ("fragment", fragment),
    ("attribute", attribute),
    ("json", json),
    ("identifiers", identifiers),
    ("context", context),
    ("q", q),
    ("geo", geo),
    ("scope_q", scope_q),
    ("types", types),
    ("projection", projection),
    ("order_by", order_by),
    ("lang", lang),
    ("parameters", parameters),
    ("import", import),
    ("evolution", evolution),
    ("temporal", temporal),
    ("audit", audit),
];

/// The input as text, and its first line taken off: it says how to read the rest.
fn with_first_line(data: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(data).ok()?.split_once('\n')
}
