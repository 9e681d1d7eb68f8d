//! Whatever a context says, a compacted name means what it meant before.

use jsonld::{Context, ContextRef, Limits, compile};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

const TERMS: [&str; 12] =
    ["a", "b", "ab", "ex", "urn", "http", "value", "type", "ex:a", "a/b", "ngsi-ld", ":a"];
const IRIS: [&str; 16] = [
    "http://e/",
    "http://e/a",
    "http://e/a/",
    "http://e/a#",
    "urn:x:",
    "urn:x:a",
    "ex:",
    "ex:a",
    "ex:a/",
    "b:",
    "a",
    "@type",
    "https://uri.etsi.org/ngsi-ld/",
    "https://uri.etsi.org/ngsi-ld/hasValue",
    "https://uri.etsi.org/ngsi-ld/default-context/",
    "https://uri.etsi.org/ngsi-ld/default-context/a",
];

fn definition() -> impl Strategy<Value = Value> {
    let iri = select(&IRIS[..]);
    prop_oneof![
        1 => Just(Value::Null),
        6 => iri.clone().prop_map(|iri| json!(iri)),
        2 => (iri, any::<bool>()).prop_map(|(iri, is_prefix)| json!({"@id": iri, "@prefix": is_prefix})),
        1 => Just(json!({"@type": "@vocab"})),
    ]
}

fn object() -> impl Strategy<Value = Value> {
    let vocab = prop_oneof![4 => Just(None), 1 => select(&IRIS[..]).prop_map(Some)];
    (vec((select(&TERMS[..]), definition()), 0..5), vocab).prop_map(|(terms, vocab)| {
        let vocab = vocab.map(|vocab| ("@vocab".to_owned(), json!(vocab)));
        let terms = terms.into_iter().map(|(term, definition)| (term.to_owned(), definition));
        Value::Object(terms.chain(vocab).collect::<Map<_, _>>())
    })
}

fn context() -> impl Strategy<Value = Context> {
    vec(object(), 0..4).prop_filter_map("not a valid context", |objects| {
        let named = ContextRef::parse(&Value::Array(objects)).ok()?;
        compile(&named, &HashMap::new(), &Limits::default()).ok()
    })
}

fn name() -> impl Strategy<Value = String> {
    let rest = prop_oneof![select(&TERMS[..]).prop_map(str::to_owned), "[a-zé:/@_]{1,4}"];
    let head = prop_oneof![
        Just(String::new()),
        select(&TERMS[..]).prop_map(|term| format!("{term}:")),
        select(&IRIS[..]).prop_map(str::to_owned),
    ];
    (head, rest).prop_map(|(head, rest)| head + &rest)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn what_a_name_means_survives_compaction(context in context(), name in name()) {
        let iri = context.expand_term(&name);
        let compact = context.compact_iri(&iri);
        prop_assert_eq!(context.expand_term(&compact), &*iri, "by way of `{}`", compact);
    }

    #[test]
    fn any_web_iri_survives_compaction(context in context(), path in "[a-z/#:@é]{0,6}") {
        for root in ["http://e/", "https://uri.etsi.org/ngsi-ld/", "https://uri.etsi.org/ngsi-ld/default-context/"] {
            let iri = format!("{root}{path}");
            let compact = context.compact_iri(&iri);
            prop_assert_eq!(context.expand_term(&compact), &*iri, "by way of `{}`", &compact);
        }
    }
}
