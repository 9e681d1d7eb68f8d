//! Limits that no setting moves, with the reason why.

use identity::oidc;

/// A limit of input that is the same everywhere.
#[derive(Debug)]
pub struct Fixed {
    pub what: &'static str,
    pub max: usize,
    pub unit: &'static str,
    pub why: &'static str,
}

const fn fixed(what: &'static str, max: usize, unit: &'static str, why: &'static str) -> Fixed {
    Fixed { what, max, unit, why }
}

const KEY: &str = "It becomes part of keys in the store, which have a limit of their own.";

/// In the order of the reference.
pub const FIXED: &[Fixed] = &[
    fixed(
        "a URI: the id of an entity, a `datasetId`, the object of a relationship",
        model::Uri::BYTES_MAX,
        "bytes",
        KEY,
    ),
    fixed(
        "the name of an attribute or entity type, expanded",
        model::Name::BYTES_MAX,
        "bytes",
        "The store keeps every name that was ever used.",
    ),
    fixed("a scope", model::Scope::BYTES_MAX, "bytes", KEY),
    fixed(
        "what the changes of one commit come to, each with the entity as it is then",
        store_embedded::GROUP_BYTES_MAX,
        "bytes",
        "They are held in memory until they are on disk.",
    ),
    fixed("the name of a tenant", model::Tenant::BYTES_MAX, "bytes", KEY),
    fixed(
        "the name of a key",
        identity::NAME_CHARS_MAX,
        "characters",
        "It stands in lists and in every log line about its holder.",
    ),
    fixed(
        "identity providers (`[[issuers]]`)",
        super::ISSUERS_MAX,
        "tables",
        "A token that was seen before is looked for at each.",
    ),
    fixed(
        "listeners (`[[listeners]]`)",
        super::LISTENERS_MAX,
        "tables",
        "Each has `connections_max` connections of its own.",
    ),
    fixed(
        "client certificates that are mapped (`[[certificates]]`)",
        super::CERTIFICATES_MAX,
        "tables",
        "They are held in memory.",
    ),
    fixed(
        "a file of certificates or of a key",
        crate::tls::FILE_BYTES_MAX,
        "bytes",
        "It is read whole each time it changes.",
    ),
    fixed(
        "a file of revoked certificates",
        crate::tls::REVOCATIONS_BYTES_MAX,
        "bytes",
        "It is read whole each time it changes, and held in memory.",
    ),
    fixed(
        "the token of an identity provider",
        oidc::TOKEN_BYTES_MAX,
        "bytes",
        "It is read before anything is known of its sender.",
    ),
    fixed(
        "the key set of an identity provider",
        oidc::JWKS_BYTES_MAX,
        "bytes",
        "Providers publish a few keys.",
    ),
    fixed("keys in it", oidc::KEYS_MAX, "keys", "Providers publish a few keys."),
    fixed(
        "tokens of one identity provider that are remembered as verified",
        oidc::VERIFIED_TOKENS_MAX,
        "tokens",
        "Those used least give way, and are verified again when they come again.",
    ),
    fixed(
        "requests that wait for the keys of one identity provider at a time",
        crate::oidc::WAITERS_MAX,
        "requests",
        "They hold connections that others need; further ones are answered with 503.",
    ),
    fixed(
        "how long each of them waits",
        crate::oidc::WAIT_MAX.as_secs() as usize,
        "seconds",
        "Whoever has a key must not wait for a provider.",
    ),
    fixed(
        "the name of a caller in a token",
        oidc::SUBJECT_CHARS_MAX,
        "characters",
        "Providers keep to it (OpenID Connect Core, section 2).",
    ),
    fixed("the path of a claim", oidc::CLAIM_PATH_BYTES_MAX, "bytes", "No provider nests so deep."),
    fixed(
        "networks in one list",
        super::NETWORKS_MAX,
        "networks",
        "Each is looked at for every request.",
    ),
    fixed(
        "rules of residency (`[[residency]]`)",
        super::RESIDENCY_MAX,
        "tables",
        "Those of a tenant are looked at for every notification.",
    ),
    fixed(
        "tables that say which destinations lie in a region (`[[regions]]`)",
        super::REGIONS_MAX,
        "tables",
        "All are looked at for every notification of a tenant that has rules of residency.",
    ),
    fixed(
        "kinds of held back data that wait to be recorded",
        crate::border::KINDS_MAX,
        "kinds",
        "They wait in memory; what is of further ones is counted, and recorded when it comes again.",
    ),
    fixed(
        "destinations in one list",
        super::DESTINATIONS_MAX,
        "destinations",
        "Each is looked at for every connection that goes out.",
    ),
    fixed(
        "addresses of one name that are tried when a connection goes out",
        crate::egress::ADDRESSES_MAX,
        "addresses",
        "Each is checked; further ones are passed over.",
    ),
    fixed(
        "trusted proxies behind each other",
        crate::gate::PROXIES_MAX,
        "proxies",
        "What they tell is read for every request.",
    ),
    fixed(
        "`lockout_failures_max`",
        crate::gate::FAILURES_MAX,
        "failures",
        "The moment of each is remembered.",
    ),
    fixed(
        "how long the answer to a failed sign-in is held back",
        crate::gate::DELAY_MAX.as_secs() as usize,
        "seconds",
        "It holds a connection.",
    ),
    fixed("`collation`", query::COLLATION_BYTES_MAX, "bytes", "No language tag is longer."),
    fixed(
        "groups inside each other in a regular expression",
        query::PATTERN_DEPTH_MAX as usize,
        "levels",
        STACK,
    ),
    fixed(
        "any of the settings that limit how deep something nests",
        super::Depth::MAX,
        "levels",
        STACK,
    ),
    fixed(
        "the head of the answer to a download",
        crate::fetch::HEAD_BYTES_MAX,
        "bytes",
        "Servers of contexts send far less.",
    ),
    fixed(
        "the header fields of the answer to a download",
        crate::fetch::HEADERS_MAX,
        "fields",
        "Servers of contexts send far less.",
    ),
    fixed(
        "the answer of an endpoint to a notification",
        crate::notify::ANSWER_BYTES_MAX,
        "bytes",
        "Only its status matters; where there is more, the connection is closed.",
    ),
    fixed(
        "one answer of an MQTT broker",
        crate::mqtt::ANSWER_BYTES_MAX,
        "bytes",
        "Acknowledgements are far smaller.",
    ),
    fixed(
        "dead letters that one request lists, throws away or sends once more",
        subscriptions::LETTERS_AT_ONCE,
        "letters",
        "Ask again for the next ones.",
    ),
    fixed(
        "pairs in `receiverInfo` and in `notifierInfo`, each",
        ngsi_ld::ENDPOINT_INFO_MAX,
        "pairs",
        "They become header fields, of which receivers take few more.",
    ),
    fixed(
        "linked entities looked at for a condition of a subscription, for each change",
        subscriptions::LINKED_MAX,
        "entities",
        "Each is read from the store; further ones are as if they did not exist.",
    ),
    fixed(
        "contexts of one tenant that answers brought about",
        ngsi_ld::IMPLICIT_CONTEXTS_MAX,
        "contexts",
        "The least used one gives way, and comes back when it is needed.",
    ),
    fixed(
        "linked entities written inside relationships (`join=inline`), each time they are",
        ngsi_ld::write::INLINED_MAX,
        "times in one answer",
        "Entities that point to each other unfold without end; further ones stay links.",
    ),
    fixed(
        "a line of the audit record",
        audit::LINE_BYTES_MAX,
        "bytes",
        "Texts that would make it longer are cut, and say so.",
    ),
    fixed(
        "entries of the audit record that one request lists",
        crate::audit::SEARCH_LIMIT_MAX,
        "entries",
        "Ask again for the next ones.",
    ),
];

const STACK: &str = "It is read by a function that calls itself, and a stack has an end.";
