//! The core contexts that ETSI publishes, built in (NGSI-LD 4.4, annex B).

use crate::{define, terms::Terms};
use std::sync::LazyLock;

/// The newest core context: the one that is always in force.
pub const CORE_CONTEXT_URL: &str =
    "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld";

/// What a name expands to that no context defines, followed by the name itself.
pub const DEFAULT_VOCAB: &str = "https://uri.etsi.org/ngsi-ld/default-context/";

const NEWEST: &str = include_str!("../contexts/ngsi-ld-core-context-v1.9.jsonld");

/// By what follows `..ngsi-ld-core-context` in the URL.
const DOCUMENTS: [(&str, &str); 9] = [
    (".jsonld", NEWEST),
    ("-v1.9.jsonld", NEWEST),
    ("-v1.8.jsonld", include_str!("../contexts/ngsi-ld-core-context-v1.8.jsonld")),
    ("-v1.7.jsonld", include_str!("../contexts/ngsi-ld-core-context-v1.7.jsonld")),
    ("-v1.6.jsonld", include_str!("../contexts/ngsi-ld-core-context-v1.6.jsonld")),
    ("-v1.5.jsonld", include_str!("../contexts/ngsi-ld-core-context-v1.5.jsonld")),
    ("-v1.4.jsonld", include_str!("../contexts/ngsi-ld-core-context-v1.4.jsonld")),
    ("-v1.3.jsonld", include_str!("../contexts/ngsi-ld-core-context-v1.3.jsonld")),
    ("-v1.0.jsonld", include_str!("../contexts/ngsi-ld-core-context-v1.0.jsonld")),
];

static TERMS: LazyLock<Terms> = LazyLock::new(|| {
    define::core_terms(NEWEST).expect("the core context is built in, and a test compiles it")
});

pub(crate) fn terms() -> &'static Terms {
    &TERMS
}

/// Whether this URL names a core context, of whatever version. Naming one is naming the one in force.
pub fn is_core_url(url: &str) -> bool {
    core_document(url).is_some()
}

/// The document that ETSI publishes at this URL, byte for byte.
pub fn core_document(url: &str) -> Option<&'static str> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"))?;
    let version = rest.strip_prefix("uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context")?;
    DOCUMENTS.iter().find(|(name, _)| *name == version).map(|(_, document)| *document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_published_version_is_built_in() {
        for version in ["", "-v1.0", "-v1.3", "-v1.4", "-v1.5", "-v1.6", "-v1.7", "-v1.8", "-v1.9"]
        {
            for scheme in ["http", "https"] {
                let path = "uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context";
                let url = format!("{scheme}://{path}{version}.jsonld");
                let document = core_document(&url).unwrap_or_else(|| panic!("{url}"));
                assert!(define::core_terms(document).is_ok(), "{url}");
            }
        }
        assert_eq!(core_document(CORE_CONTEXT_URL), Some(NEWEST));
        assert!(!is_core_url("https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.1.jsonld"));
    }
}
