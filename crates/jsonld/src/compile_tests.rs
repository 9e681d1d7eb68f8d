//! What compiling accepts, asks for and refuses.

use super::*;
use serde_json::json;

fn library() -> HashMap<String, Arc<Value>> {
    let documents = [
        (
            "https://e/list.jsonld",
            json!({"@context": ["sub/a.jsonld", {"b": "https://e/b"}, "/b.jsonld"]}),
        ),
        (
            "https://e/sub/a.jsonld",
            json!({"@context": {"a": "https://e/a", "ns": "https://e/ns#"}}),
        ),
        ("https://e/b.jsonld", json!({"@context": [["../sub/a.jsonld"], {"b": "ns:b"}]})),
        ("https://e/loop.jsonld", json!({"@context": ["https://e/loop2.jsonld"]})),
        ("https://e/loop2.jsonld", json!({"@context": "loop.jsonld"})),
        ("https://e/none.jsonld", json!({"a": "https://e/a"})),
        ("https://e/null.jsonld", json!({"@context": null})),
        ("https://e/far.jsonld", json!({"@context": "missing.jsonld"})),
        ("https://e/import.jsonld", json!({"@context": {"@import": "sub/a.jsonld"}})),
    ];
    documents.into_iter().map(|(url, document)| (url.to_owned(), Arc::new(document))).collect()
}

fn with(written: &Value, limits: &Limits) -> Result<Context, CompileError> {
    compile(&ContextRef::parse(written).unwrap(), &library(), limits)
}

/// Compiling it is refused with this text.
fn check(written: Value, expected: &str) {
    let error = with(&written, &Limits::default()).expect_err(expected);
    assert_eq!(error.to_string(), expected, "{written}");
}

#[test]
fn documents_lead_to_documents_by_relative_urls() {
    let context = with(&json!("https://e/list.jsonld"), &Limits::default()).unwrap();
    assert_eq!(context.expand_term("a"), "https://e/a");
    assert_eq!(context.expand_term("b"), "https://e/ns#b");
}

#[test]
fn a_missing_document_is_asked_for_by_its_absolute_url() {
    let found = with(&json!("https://e/far.jsonld"), &Limits::default()).unwrap_err();
    assert_eq!(found, CompileError::Needs("https://e/missing.jsonld".to_owned()));
}

#[test]
fn an_import_is_overlaid_by_the_context_that_imports() {
    let written = json!({"@import": "https://e/sub/a.jsonld", "b": "https://e/mine"});
    let context = with(&written, &Limits::default()).unwrap();
    assert_eq!(context.expand_term("a"), "https://e/a");
    assert_eq!(context.expand_term("b"), "https://e/mine");
    let again = "`https://e/import.jsonld` is not a valid context: only one object without `@import` can be imported";
    check(json!({"@import": "https://e/import.jsonld"}), again);
}

#[test]
fn keywords_that_change_no_name_are_understood() {
    let written = json!({
        "@version": 1.1, "@base": "https://e/", "@language": "de", "@direction": null, "@protected": true,
        "@propagate": true, "@type": {"@container": "@set"},
        "names": {"@id": "urn:x:names", "@container": ["@set", "@language"], "@protected": true}
    });
    assert_eq!(with(&written, &Limits::default()).unwrap().expand_term("names"), "urn:x:names");
}

#[test]
fn a_keyword_is_never_a_prefix() {
    let written = json!({"@vocab": "https://e/", "a": "@vocab:x"});
    let context = with(&written, &Limits::default()).unwrap();
    assert_eq!(context.expand_term("a"), "https://e/@vocab:x");
}

#[test]
fn scoped_contexts_are_refused_even_on_core_terms() {
    for term in ["a", "location"] {
        let why = format!(
            "term `{term}` in the @context has a context of its own; NGSI-LD does not allow scoped contexts"
        );
        check(json!({term: {"@id": "https://e/a", "@context": {"value": "https://e/v"}}}), &why);
    }
}

#[test]
fn embedded_contexts_are_refused() {
    check(
        json!({"@context": {"a": "https://e/a"}}),
        "the @context has a @context inside; NGSI-LD does not allow embedded contexts",
    );
}

#[test]
fn what_leads_to_itself_is_refused() {
    let document = "https://e/loop.jsonld";
    check(json!(document), &format!("the context leads from `{document}` to `{document}` again"));
    check(json!({"a": "b:x", "b": "a:x"}), "the context leads from `a` to `a` again");
}

#[test]
fn what_is_not_a_context_is_refused_in_the_users_words() {
    for (written, why) in [
        (json!("c.jsonld"), "`c.jsonld` is not an absolute URL"),
        (json!({"a": 7}), "term `a` is neither a text nor an object"),
        (json!({"a": {"@id": 7}}), "term `a` has a `@id` that it cannot have"),
        (json!({"a": {"id": "urn:x"}}), "term `a` has a `id` that it cannot have"),
        (json!({"a": "@context"}), "term `a` cannot stand for `@context`"),
        (
            json!({"a": "not an iri"}),
            "term `a` cannot stand for `https://uri.etsi.org/ngsi-ld/default-context/not an iri`",
        ),
        (
            json!({"a": {"@reverse": "urn:x"}}),
            "term `a` is `@reverse`, which NGSI-LD has no use for",
        ),
        (json!({"a": {"@type": "@set"}}), "the `@type` of term `a` cannot be `@set`"),
        (json!({"": "urn:x"}), "a term may not be empty"),
        (json!({"@version": 1.0}), "`@version` has a value that it cannot have"),
        (json!({"@propagate": false}), "`@propagate` has a value that it cannot have"),
        (json!({"@vocab": "relative"}), "`@vocab` is `relative`, which is not an absolute IRI"),
        (json!({"@id": "urn:x"}), "a context cannot define `@id` here"),
        (
            json!({"http://e/a": "http://e/b"}),
            "term `http://e/a` reads as an IRI, but stands for `http://e/b`",
        ),
    ] {
        check(written, &format!("the @context is not a valid context: {why}"));
    }
    let place = "`https://e/none.jsonld` is not a valid context";
    check(json!("https://e/none.jsonld"), &format!("{place}: the document has no `@context`"));
    let place = "`https://e/null.jsonld` is not a valid context";
    check(
        json!("https://e/null.jsonld"),
        &format!("{place}: a @context is a URL, an object, or an array of these; not null"),
    );
}

#[test]
fn every_limit_holds() {
    let few = Limits {
        context_bytes_max: 100,
        context_terms_max: 4,
        context_depth_max: 2,
        contexts_max: 2,
    };
    let too_large = |limit, max| CompileError::TooLarge { limit, max };
    let url = "https://e/sub/a.jsonld";
    let long = format!("urn:x:{}:", "x".repeat(50));
    for (written, expected) in [
        (json!([url, url, url]), too_large("contexts_max", 2)),
        (
            json!({"a": null, "b": null, "c": null, "d": null, "e": null}),
            too_large("context_terms_max", 4),
        ),
        (json!({"a": long, "b": "a:b", "c": "a:c"}), too_large("context_bytes_max", 100)),
        (json!([[[[]]]]), CompileError::TooDeep { max: 2 }),
        (json!({"a": "b:x", "b": "c:x/", "c": "urn:x:"}), CompileError::TooDeep { max: 2 }),
    ] {
        assert_eq!(with(&written, &few).unwrap_err(), expected, "{written}");
    }
}
