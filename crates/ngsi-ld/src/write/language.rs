//! One language of a LanguageProperty (clause 4.15).

use model::Json;
use query::LanguageRanges;

/// The languages that a reader wants.
pub type Languages<'a> = &'a LanguageRanges;

/// The language that suits best, and what the map says in it; nothing where the map is empty.
pub(super) fn best(map: &Json, languages: Languages<'_>) -> Option<(String, Json)> {
    let members = map.members()?;
    let tags: Vec<&str> = members.iter().map(|(tag, _)| tag.as_str()).collect();
    let wanted = languages.pick_from(&tags)?;
    let at = tags.iter().position(|tag| *tag == wanted)?;
    members.into_iter().nth(at)
}
