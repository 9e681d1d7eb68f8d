//! The names in a subscription, written out and in short (clause 5.5.7).
//!
//! What is kept has all names expanded, so that it means the same when contexts change, and is
//! shown in the words of whoever reads it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::contexts::Compiled;

/// What separates the names of a type selection (4.17), and of a projection (4.21).
const IN_TYPES: &[char] = &['|', ';', ',', '(', ')', ' '];
const IN_PROJECTIONS: &[char] = &['{', '}', ',', '|', ' '];

/// Members of a projection that are no attributes.
const ENTITY_MEMBERS: [&str; 5] = ["id", "@id", "type", "@type", "scope"];

/// What the words of `q` stand for, as the context of the subscription has it.
pub(super) type Words = BTreeMap<String, String>;

/// Each name in these members of a subscription by what `name` makes of it. What is not of the
/// form that it should have stays as it is, to be found wrong later.
pub(super) fn renamed(members: &mut Map<String, Value>, name: &dyn Fn(&str) -> String) {
    let types = |text: &str| rewritten(text, IN_TYPES, name);
    let projected = |text: &str| {
        rewritten(text, IN_PROJECTIONS, &|term| match ENTITY_MEMBERS.contains(&term) {
            true => term.to_owned(),
            false => name(term),
        })
    };
    for selector in members.get_mut("entities").and_then(Value::as_array_mut).into_iter().flatten()
    {
        if let Some(written) = selector.get_mut("type") {
            each_text(written, &types);
        }
    }
    if let Some(watched) = members.get_mut("watchedAttributes") {
        each_text(watched, &|text| name(text));
    }
    if let Some(geoproperty) = members.get_mut("geoQ").and_then(|geo| geo.get_mut("geoproperty")) {
        each_text(geoproperty, &|text| name(text));
    }
    if let Some(notification) = members.get_mut("notification") {
        for member in ["attributes", "pick", "omit"] {
            if let Some(written) = notification.get_mut(member) {
                each_text(written, &projected);
            }
        }
    }
}

fn each_text(value: &mut Value, change: &dyn Fn(&str) -> String) {
    match value {
        Value::String(text) if text != "*" => *text = change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, change)),
        _ => {}
    }
}

/// The text with each of its names replaced.
fn rewritten(text: &str, separators: &[char], name: &dyn Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(separators).unwrap_or(rest.len());
        let (term, tail) = rest.split_at(end);
        if !term.is_empty() {
            out.push_str(&name(term));
        }
        let separator = tail.chars().next();
        out.extend(separator);
        rest = &tail[separator.map_or(0, char::len_utf8)..];
    }
    out
}

/// Expands terms, by a context or by what is known of it.
pub(super) enum Terms<'a> {
    Of(&'a Compiled, RefCell<Words>),
    Known(&'a Words),
}

impl<'a> Terms<'a> {
    pub fn of(compiled: &'a Compiled) -> Terms<'a> {
        Terms::Of(compiled, RefCell::default())
    }

    pub fn expand(&self, term: &str) -> String {
        match self {
            Terms::Of(compiled, used) => {
                let name = compiled.context().expand_term(term).into_owned();
                used.borrow_mut().insert(term.to_owned(), name.clone());
                name
            }
            Terms::Known(words) => words.get(term).map_or(term, |name| name).to_owned(),
        }
    }

    /// What was asked.
    pub fn into_words(self) -> Words {
        match self {
            Terms::Of(_, used) => used.into_inner(),
            Terms::Known(words) => words.clone(),
        }
    }
}

/// A name in the words of a context.
pub(super) fn compacted(name: &str, compiled: &Compiled) -> String {
    compiled.context().compact_name(name).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_and_what_stands_between_them_stays() {
        let shout = |term: &str| term.to_uppercase();
        assert_eq!(rewritten("(a|b);c", IN_TYPES, &shout), "(A|B);C");
        assert_eq!(
            rewritten("street{name,a:lanes}", IN_PROJECTIONS, &shout),
            "STREET{NAME,A:LANES}"
        );
        assert_eq!(rewritten("ä", IN_TYPES, &shout), "Ä");
    }

    #[test]
    fn only_names_are_renamed() {
        let json = r#"{"entities":[{"type":"A|B","id":"urn:a"},{"type":"*"}],"q":"a",
            "watchedAttributes":["a"],"geoQ":{"geoproperty":"a","georel":"near"},
            "notification":{"pick":["id","a{b}"],"format":"a"}}"#;
        let mut members: Map<String, Value> = serde_json::from_str(json).unwrap();
        renamed(&mut members, &|term| format!("x:{term}"));
        assert_eq!(
            Value::from(members).to_string(),
            r#"{"entities":[{"type":"x:A|x:B","id":"urn:a"},{"type":"*"}],"q":"a","#.to_owned()
                + r#""watchedAttributes":["x:a"],"geoQ":{"geoproperty":"x:a","georel":"near"},"#
                + r#""notification":{"pick":["id","x:a{x:b}"],"format":"a"}}"#
        );
    }
}
