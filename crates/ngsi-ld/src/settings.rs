//! What the operator of the door can choose: its limits, each under its name.

use serde::Deserialize;

/// The limits of this door. Whatever exceeds one is refused with a problem that names it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How large a request body may be.
    pub body_bytes_max: usize,
    /// How deep the JSON of a body may nest.
    pub json_depth_max: usize,
    /// How long the path and query of a request may be together.
    pub uri_bytes_max: usize,
    /// Attributes of one entity in one request, at all depths together.
    pub attributes_max: usize,
    /// Instances of one attribute in one request.
    pub instances_max: usize,
    /// Instances over time in one change of a temporal evolution, of all its attributes together.
    pub history_change_readings_max: usize,
    /// How many entities one batch operation takes.
    pub batch_max: usize,
    /// How many entities a page holds where the request names no `limit`.
    pub page_limit_default: usize,
    /// The highest `limit` a request may name.
    pub page_limit_max: usize,
    /// How many instances over time one answer holds, of all its entities and attributes together.
    pub history_answer_readings_max: usize,
    /// How many levels of linked entities a request may ask for (`joinLevel`).
    pub join_level_max: usize,
    /// How many linked entities one answer may bring in.
    pub linked_entities_max: usize,
    /// How long one text of a query may be: `q`, `type`, `attrs`, ..
    pub query_bytes_max: usize,
    /// How many comparisons, types, scopes, names, values or languages one text may list.
    pub query_terms_max: usize,
    /// How many parentheses may stand inside each other, and how many names in one path.
    pub query_depth_max: usize,
    /// How many keys one order may have.
    pub query_order_keys_max: usize,
    /// How long the coordinates of one geometry may be.
    pub query_geometry_bytes_max: usize,
    /// How long one regular expression may be.
    pub pattern_bytes_max: usize,
    /// What one regular expression may take when compiled.
    pub pattern_compiled_bytes_max: usize,
    /// What the terms of one `@context` and the IRIs they stand for may take together.
    pub context_bytes_max: usize,
    /// How many terms one `@context` may define.
    pub context_terms_max: usize,
    /// How deep the documents of one `@context` may lead to others.
    pub context_depth_max: usize,
    /// How many documents one `@context` may lead to.
    pub contexts_max: usize,
    /// How many contexts are kept for one tenant, hosted and cached together.
    pub contexts_stored_max: usize,
    /// How much memory contexts take that are ready for use.
    pub context_cache_bytes_max: u64,
    /// For how many seconds a remote context is kept whose server does not say.
    pub context_lifetime_default: u64,
    /// For how many seconds a remote context is kept at least, whatever its server says.
    pub context_lifetime_min: u64,
    /// Where clients reach this server, such as `https://city.example`. Hosted contexts are
    /// listed under it; without it, under the `Host` of the request.
    pub public_url: Option<String>,
    /// The name by which other brokers know this one: `contextSourceAlias` (clause 5.2.40).
    pub source_alias: String,
}

impl Default for Settings {
    fn default() -> Settings {
        let jsonld = jsonld::Limits::default();
        let query = query::Limits::DEFAULT;
        Settings {
            body_bytes_max: 4 * 1024 * 1024,
            json_depth_max: 64,
            uri_bytes_max: 8 * 1024,
            attributes_max: 1_000,
            instances_max: 1_000,
            history_change_readings_max: 100_000,
            batch_max: 10_000,
            page_limit_default: query::Page::LIMIT_DEFAULT,
            page_limit_max: 1_000,
            history_answer_readings_max: 10_000,
            join_level_max: query.join_level_max,
            linked_entities_max: 10_000,
            query_bytes_max: query.query_bytes_max,
            query_terms_max: query.query_terms_max,
            query_depth_max: query.query_depth_max,
            query_order_keys_max: query.query_order_keys_max,
            query_geometry_bytes_max: query.query_geometry_bytes_max,
            pattern_bytes_max: query.pattern_bytes_max,
            pattern_compiled_bytes_max: query.pattern_compiled_bytes_max,
            context_bytes_max: jsonld.context_bytes_max,
            context_terms_max: jsonld.context_terms_max,
            context_depth_max: jsonld.context_depth_max,
            contexts_max: jsonld.contexts_max,
            contexts_stored_max: 1_000,
            context_cache_bytes_max: 64 * 1024 * 1024,
            context_lifetime_default: 24 * 3600,
            context_lifetime_min: 60,
            public_url: None,
            source_alias: "comity".to_owned(),
        }
    }
}

impl Settings {
    /// What a payload may hold.
    pub fn payload(&self) -> crate::read::Limits {
        crate::read::Limits {
            attributes_max: self.attributes_max,
            instances_max: self.instances_max,
            readings_max: self.history_change_readings_max,
        }
    }

    pub(crate) fn query(&self) -> query::Limits {
        query::Limits {
            query_bytes_max: self.query_bytes_max,
            query_terms_max: self.query_terms_max,
            query_depth_max: self.query_depth_max,
            query_order_keys_max: self.query_order_keys_max,
            query_geometry_bytes_max: self.query_geometry_bytes_max,
            pattern_bytes_max: self.pattern_bytes_max,
            pattern_compiled_bytes_max: self.pattern_compiled_bytes_max,
            join_level_max: self.join_level_max,
        }
    }

    /// How much of a context is taken.
    pub fn context(&self) -> jsonld::Limits {
        jsonld::Limits {
            context_bytes_max: self.context_bytes_max,
            context_terms_max: self.context_terms_max,
            context_depth_max: self.context_depth_max,
            contexts_max: self.contexts_max,
        }
    }
}
