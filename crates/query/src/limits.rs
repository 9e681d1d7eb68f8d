//! How much of a query is taken.

/// The limits of query texts, each under the name of its setting. What exceeds one is refused
/// with an [`Invalid`](crate::Invalid) that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long one text may be: `q`, `type`, `attrs`, ..
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
    /// How many relationships one path may follow.
    pub join_level_max: usize,
}

impl Limits {
    pub const DEFAULT: Limits = Limits {
        query_bytes_max: 16 * 1024,
        query_terms_max: 256,
        query_depth_max: 16,
        query_order_keys_max: 16,
        query_geometry_bytes_max: 256 * 1024,
        pattern_bytes_max: 1024,
        pattern_compiled_bytes_max: 1024 * 1024,
        join_level_max: 10,
    };
}

impl Default for Limits {
    fn default() -> Limits {
        Limits::DEFAULT
    }
}
