//! How texts stand among each other in an order (clause 4.23.1, RFC 6067).

use std::cmp::Ordering;
use std::str::FromStr;
use std::sync::{Arc, LazyLock};

use icu_collator::options::{AlternateHandling, CaseLevel, CollatorOptions, MaxVariable, Strength};
use icu_collator::preferences::{CollationCaseFirst, CollationNumericOrdering, CollationType};
use icu_collator::{CollatorBorrowed, CollatorPreferences};
use icu_locale_core::Locale;
use icu_locale_core::extensions::unicode::{Key, Value, key};

use crate::invalid::Invalid;

/// How long the tag of a collation may be.
pub const COLLATION_BYTES_MAX: usize = 128;

/// An ICU collation. The default is the root collation, which favours no language.
#[derive(Clone)]
pub struct Collation {
    tag: Arc<str>,
    collator: Arc<CollatorBorrowed<'static>>,
}

static ROOT: LazyLock<Collation> = LazyLock::new(|| {
    let collator =
        CollatorBorrowed::try_new(CollatorPreferences::default(), CollatorOptions::default());
    let collator = collator.expect("the root collation is compiled in");
    Collation { tag: "und".into(), collator: Arc::new(collator) }
});

impl Default for Collation {
    fn default() -> Collation {
        ROOT.clone()
    }
}

impl Collation {
    /// Reads a BCP 47 tag such as `und-u-ks-identic` or `de-u-co-phonebk`.
    ///
    /// A language without rules of its own has those of the root collation. The keys known are
    /// `co`, `kf`, `kn`, `ka`, `kc`, `ks` and `kv`; what else may stand after `-u-` says nothing
    /// of order, and is left alone.
    pub fn parse(tag: &str) -> Result<Collation, Invalid> {
        let invalid = |problem: String| Invalid::new("collation", "", 0, problem);
        if tag.len() > COLLATION_BYTES_MAX {
            return Err(invalid(format!("a tag takes at most {COLLATION_BYTES_MAX} bytes")));
        }
        let not_a_collation =
            || invalid(format!("`{tag}` is not a collation such as `und` or `de-u-co-phonebk`"));
        let locale = Locale::try_from_str(tag).map_err(|_| not_a_collation())?;
        let unknown = |key: &str| invalid(format!("`{tag}` has an unknown value after `{key}`"));
        let options = options(&locale).map_err(unknown)?;
        let collator = CollatorBorrowed::try_new(CollatorPreferences::from(&locale), options);
        let collator = collator.map_err(|_| not_a_collation())?;
        Ok(Collation { tag: tag.into(), collator: Arc::new(collator) })
    }

    pub fn tag(&self) -> &str {
        &self.tag
    }

    pub fn compare(&self, left: &str, right: &str) -> Ordering {
        self.collator.compare(left, right)
    }

    /// Bytes that stand among each other as their texts do.
    pub(crate) fn sort_key(&self, text: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(2 * text.len() + 8);
        let Ok(()) = self.collator.write_sort_key_to(text, &mut bytes);
        bytes
    }
}

impl PartialEq for Collation {
    fn eq(&self, other: &Collation) -> bool {
        self.tag.eq_ignore_ascii_case(&other.tag)
    }
}

impl std::fmt::Debug for Collation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Collation").field(&self.tag).finish()
    }
}

/// The options that are not preferences of the locale itself, or the key whose value is unknown.
fn options(locale: &Locale) -> Result<CollatorOptions, &'static str> {
    check::<CollationType>(locale, key!("co"), "co")?;
    check::<CollationCaseFirst>(locale, key!("kf"), "kf")?;
    check::<CollationNumericOrdering>(locale, key!("kn"), "kn")?;
    let mut options = CollatorOptions::default();
    options.strength = choose(
        locale,
        key!("ks"),
        "ks",
        &[
            ("level1", Strength::Primary),
            ("level2", Strength::Secondary),
            ("level3", Strength::Tertiary),
            ("level4", Strength::Quaternary),
            ("identic", Strength::Identical),
        ],
    )?;
    options.alternate_handling = choose(
        locale,
        key!("ka"),
        "ka",
        &[("noignore", AlternateHandling::NonIgnorable), ("shifted", AlternateHandling::Shifted)],
    )?;
    options.case_level = choose(
        locale,
        key!("kc"),
        "kc",
        &[("", CaseLevel::On), ("true", CaseLevel::On), ("false", CaseLevel::Off)],
    )?;
    options.max_variable = choose(
        locale,
        key!("kv"),
        "kv",
        &[
            ("space", MaxVariable::Space),
            ("punct", MaxVariable::Punctuation),
            ("symbol", MaxVariable::Symbol),
            ("currency", MaxVariable::Currency),
        ],
    )?;
    Ok(options)
}

fn check<T>(locale: &Locale, key: Key, name: &'static str) -> Result<(), &'static str>
where
    T: for<'a> TryFrom<&'a Value>,
{
    match locale.extensions.unicode.keywords.get(&key) {
        Some(value) if T::try_from(value).is_err() => Err(name),
        _ => Ok(()),
    }
}

fn choose<T: Copy>(
    locale: &Locale,
    key: Key,
    name: &'static str,
    choices: &[(&str, T)],
) -> Result<Option<T>, &'static str> {
    let Some(value) = locale.extensions.unicode.keywords.get(&key) else { return Ok(None) };
    let same = |text: &str| Value::from_str(text).is_ok_and(|known| known == *value);
    let choice = choices.iter().find(|(text, _)| same(text));
    choice.map(|(_, choice)| Some(*choice)).ok_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sorts words, and marks those that stand in the same place with `=`.
    fn check(tag: &str, words: &str, expected: &str) {
        let sorted = Collation::parse(tag).map(|collation| {
            let mut words: Vec<&str> = words.split(' ').collect();
            words.sort_by(|left, right| collation.compare(left, right));
            let mut keys = words.clone();
            keys.sort_by_cached_key(|word| collation.sort_key(word));
            assert_eq!(keys, words, "sort keys of {tag}");
            let mut line = String::new();
            for (at, word) in words.iter().enumerate() {
                let before = at.checked_sub(1).map(|before| words[before]);
                line.push_str(match before.map(|before| collation.compare(before, word)) {
                    None => "",
                    Some(Ordering::Equal) => "=",
                    Some(_) => " ",
                });
                line.push_str(word);
            }
            line
        });
        assert_eq!(sorted.unwrap_or_else(|e| e.problem), expected, "{tag}");
    }

    #[test]
    fn the_root_collation_favours_no_language() {
        check("und", "b á A a B", "a A á b B");
        check(Collation::default().tag(), "Zebra Ähre zebra", "Ähre zebra Zebra");
    }

    #[test]
    fn a_language_may_have_rules_of_its_own() {
        check("de-u-co-phonebk", "Ähre Afrika Adler", "Adler Ähre Afrika");
        check("de", "Ähre Afrika Adler", "Adler Afrika Ähre");
        check("sv", "öl zon ål", "zon ål öl");
    }

    #[test]
    fn options_stand_after_u() {
        check("und-u-ks-level1", "á A a", "á=A=a");
        check("und-u-ks-level2", "á A a", "A=a á");
        check("und-u-ks-identic", "b a A", "a A b");
        check("und-u-kn", "10 9", "9 10");
        check("und-u-kf-upper", "a A", "A a");
        check("und-u-ka-shifted", "a-c ab", "ab a-c");
    }

    #[test]
    fn what_is_not_a_collation_is_refused() {
        let hint = "is not a collation such as `und` or `de-u-co-phonebk`";
        check("!!nope", "", &format!("`!!nope` {hint}"));
        check("not a bcp47 tag!!", "", &format!("`not a bcp47 tag!!` {hint}"));
        check("", "", &format!("`` {hint}"));
        check("und-u-ks-loud", "", "`und-u-ks-loud` has an unknown value after `ks`");
        check("und-u-co-nosuch", "", "`und-u-co-nosuch` has an unknown value after `co`");
    }
}
