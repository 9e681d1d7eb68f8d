//! The query languages: what is read can be asked of any entity, and written and read again.

use model::{EntityId, Name, Scope, TypeSelector};
use query::{Filter, Invalid, LanguageRanges, Limits, Links, Member, Parser, Projection};

use crate::sample::{ENTITIES, expand};

/// Finds the sample entities.
#[derive(Debug)]
struct Sample;

impl Links for Sample {
    fn entity(&self, id: &EntityId) -> Option<std::sync::Arc<model::Entity>> {
        ENTITIES.iter().find(|entity| entity.id == *id).cloned().map(std::sync::Arc::new)
    }
}

/// `q`; before it, perhaps, a line with `expandValues` and one with `jsonKeys`.
pub fn q(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let lines: Vec<&str> = text.splitn(3, '\n').collect();
    let (text, expand_values, json_keys) = match *lines {
        [expand_values, json_keys, q] => (q, Some(expand_values), Some(json_keys)),
        [expand_values, q] => (q, Some(expand_values), None),
        _ => (text, None, None),
    };
    let parser = Parser::new(&expand);
    let options = parser.q_options(expand_values, json_keys).unwrap_or_default();
    match checked(text, parser.q(text, &options)) {
        None => {}
        Some(condition) => {
            condition.link_depth();
            condition.asks_for_attributes();
            agree(&Filter::Condition(condition));
        }
    }
}

/// A store may be quicker than `Filter::matches`; it may not answer otherwise.
fn agree(filter: &Filter) {
    let (prepared, conjuncts) = (filter.prepared(), filter.conjuncts());
    for entity in ENTITIES.iter() {
        let matches = filter.matches(entity, &Sample);
        assert_eq!(prepared.matches(entity, &Sample), matches, "{filter:?} of {}", entity.id);
        let all = conjuncts.iter().all(|one| one.matches(entity, &Sample));
        assert_eq!(all, matches, "{filter:?} of {}", entity.id);
    }
}

pub fn scope_q(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let condition = checked(text, Parser::new(&expand).scope_q(text));
    // A short one is also a query, for itself.
    if let Ok(scope) = Scope::parse(text)
        && text.len() <= Limits::DEFAULT.query_bytes_max
    {
        let condition = condition.as_ref().unwrap_or_else(|| panic!("`{text}` is a scope"));
        assert!(condition.matches(&[scope]), "`{text}` is not found by its own name");
    }
    if let Some(condition) = condition {
        agree(&Filter::Scope(condition));
    }
}

pub fn types(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(selector) = checked(text, Parser::new(&expand).types(text)) {
        agree(&Filter::Types(selector));
    }
    if let Some(selector) = checked(text, Parser::new(&as_it_is).types(text)) {
        let written = type_selector(&selector);
        if written.len() <= Limits::DEFAULT.query_bytes_max {
            assert_eq!(Parser::new(&as_it_is).types(&written), Ok(selector), "{written}");
        }
    }
}

/// `pick` or `omit`, and `attrs`, which is a list of names.
pub fn projection(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let parser = Parser::new(&as_it_is);
    if let Some(names) = checked(text, parser.names("attrs", text)) {
        let written: Vec<&str> = names.iter().map(Name::as_str).collect();
        assert_eq!(parser.names("attrs", &written.join(",")), Ok(names.clone()));
    }
    let _ = checked(text, Parser::new(&expand).projection("pick", text));
    let Some(projection) = checked(text, parser.projection("pick", text)) else { return };
    projection.link_depth();
    let written = projected(&projection);
    assert_eq!(parser.projection("pick", &written), Ok(projection), "{written}");
}

/// The language picked is one there is, wherever there is any.
pub fn lang(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(ranges) = checked(text, LanguageRanges::parse(text)) else { return };
    for available in [&["fi", "sv-FI", "@none"][..], &["zh-Hant-TW", "en"], &["@none"], &["xx"]] {
        let picked = ranges.pick_from(available).expect("there is a language to pick");
        assert!(available.contains(&picked));
    }
    assert_eq!(ranges.pick_from(&[]), None);
}

/// A problem points into the text, or right behind it.
pub fn checked<T>(text: &str, parsed: Result<T, Invalid>) -> Option<T> {
    parsed
        .map_err(|invalid| {
            let characters = text.chars().count();
            assert!(invalid.at <= text.len(), "{invalid} is beyond `{text}`");
            assert!((1..=characters + 1).contains(&invalid.character), "{invalid}: `{text}`");
        })
        .ok()
}

/// Names that stay as they are written can be written again.
fn as_it_is(term: &str) -> Result<Name, String> {
    Ok(Name::new(term))
}

/// No more parentheses than it takes: they have a limit. `;` binds tighter than `|`.
fn type_selector(selector: &TypeSelector) -> String {
    let in_parentheses = |one: &TypeSelector| format!("({})", type_selector(one));
    match selector {
        TypeSelector::Any => "*".to_owned(),
        TypeSelector::Is(name) => name.as_str().to_owned(),
        TypeSelector::AllOf(parts) => join(parts, ";", |one| match one {
            TypeSelector::AllOf(_) | TypeSelector::OneOf(_) => in_parentheses(one),
            TypeSelector::Any | TypeSelector::Is(_) => type_selector(one),
        }),
        TypeSelector::OneOf(parts) => join(parts, "|", |one| match one {
            TypeSelector::OneOf(_) => in_parentheses(one),
            _ => type_selector(one),
        }),
    }
}

fn join(parts: &[TypeSelector], mark: &str, write: impl Fn(&TypeSelector) -> String) -> String {
    parts.iter().map(write).collect::<Vec<_>>().join(mark)
}

fn projected(projection: &Projection) -> String {
    let members = projection.members.iter().map(|one| {
        let name = match &one.member {
            Member::Id => "id",
            Member::Type => "type",
            Member::Scope => "scope",
            Member::Attribute(name) => name.as_str(),
        };
        match &one.linked {
            None => name.to_owned(),
            Some(linked) => format!("{name}{{{}}}", projected(linked)),
        }
    });
    members.collect::<Vec<_>>().join(",")
}
