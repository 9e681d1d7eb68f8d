//! One language of a LanguageProperty (clause 4.15).

use model::Json;

/// Language ranges, the preferred first (RFC 4647); `*` takes any.
pub type Languages<'a> = &'a [String];

/// The language that suits best, and what the map says in it. Where none suits, the default
/// language of the map is taken, or else its first.
pub(super) fn best(map: &Json, languages: Languages<'_>) -> Option<(String, Json)> {
    let members = map.members()?;
    let wanted = languages.iter().find_map(|range| {
        members
            .iter()
            .position(|(tag, _)| tag.eq_ignore_ascii_case(range))
            .or_else(|| members.iter().position(|(tag, _)| is_within(tag, range)))
    });
    let default = || members.iter().position(|(tag, _)| tag == "@none");
    let at = wanted.or_else(default).unwrap_or(0);
    members.into_iter().nth(at)
}

/// `fr-CH` is within `fr` (basic filtering).
fn is_within(tag: &str, range: &str) -> bool {
    tag.len() > range.len()
        && tag.as_bytes()[range.len()] == b'-'
        && tag.as_bytes()[..range.len()].eq_ignore_ascii_case(range.as_bytes())
}
