//! Contexts: whatever one says, a compacted name means what it meant before.

use std::collections::HashMap;
use std::sync::Arc;

use jsonld::{CompileError, ContextRef, Limits, compile};
use serde_json::Value;

use crate::entity::entity_in;
use crate::sample::is_shallow;

/// A document with a `@context`, which is read as an entity in that context too. Where the
/// context leads to another document, that is `library`, a member of this one.
pub fn context(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if !is_shallow(text) {
        return;
    }
    let Ok(document) = serde_json::from_str::<Value>(text) else { return };
    let Some(Ok(reference)) = document.get("@context").map(ContextRef::parse) else { return };
    let limits = Limits { context_terms_max: 500, ..Limits::default() };
    let mut library = HashMap::new();
    let found = Arc::new(document.get("library").cloned().unwrap_or_default());
    let compiled = loop {
        match compile(&reference, &library, &limits) {
            Err(CompileError::Needs(url)) => {
                let before = library.insert(url.clone(), found.clone());
                assert!(before.is_none(), "`{url}` was there, and is asked for again");
            }
            other => break other,
        }
    };
    let Ok(context) = compiled else { return };
    let mut texts = vec!["", "a", "type", "urn:x", "https://example.org/a", "ex:a", "@id"];
    gather(&document, &mut texts);
    let mut writable = true;
    for text in texts {
        let name = context.expand_term(text);
        let compact = context.compact_iri(&name);
        if compact == name && context.expand_id(&name) != name {
            // The context made a prefix of its scheme: the one kind of IRI that cannot be written.
            writable = false;
            continue;
        }
        assert_eq!(context.expand_term(&compact), name, "`{text}`, by way of `{compact}`");
        context.expand_id(text);
        context.keyword(text);
        context.coercion(text);
    }
    if writable {
        entity_in(text, &context);
    }
}

/// The texts and member names in a tree, as far as there are few.
fn gather<'a>(tree: &'a Value, texts: &mut Vec<&'a str>) {
    const TEXTS_MAX: usize = 200;
    if texts.len() > TEXTS_MAX {
        return;
    }
    match tree {
        Value::String(text) => texts.push(text),
        Value::Array(elements) => elements.iter().for_each(|element| gather(element, texts)),
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            texts.push(name);
            gather(member, texts);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
