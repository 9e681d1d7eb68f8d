//! Which language a client wants (clause 4.15).

use crate::invalid::Invalid;
use crate::limits::Limits;
use crate::parse::Cursor;

/// Language ranges, the most wanted first (RFC 4647, RFC 3282).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LanguageRanges {
    wanted: Vec<Range>,
    /// `q=0`: only where nothing else is there.
    unwanted: Vec<Range>,
}

/// A language tag, or the start of one; empty for `*`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Range(String);

/// The key of a text for those who speak no other language of a map (clause 4.6.5).
const NONE: &str = "@none";

impl LanguageRanges {
    /// Reads `fr-CH,fr;q=0.9,en;q=0.8,*;q=0.5` within the default limits.
    pub fn parse(text: &str) -> Result<LanguageRanges, Invalid> {
        LanguageRanges::within(text, &Limits::DEFAULT)
    }

    pub fn within(text: &str, limits: &Limits) -> Result<LanguageRanges, Invalid> {
        let unquoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let mut cursor = Cursor::new("lang", unquoted.unwrap_or(text), limits)?;
        let mut ranges: Vec<(Range, u16)> = Vec::new();
        loop {
            cursor.check_terms(ranges.len(), "languages")?;
            cursor.skip_spaces();
            let range = range(&mut cursor)?;
            cursor.skip_spaces();
            let quality = if cursor.eat(";") { quality(&mut cursor)? } else { QUALITY_MAX };
            ranges.push((range, quality));
            cursor.skip_spaces();
            if cursor.is_at_end() {
                break;
            }
            cursor.expect(",", "or the end")?;
        }
        ranges.sort_by_key(|(_, quality)| std::cmp::Reverse(*quality));
        let (wanted, unwanted): (Vec<_>, Vec<_>) =
            ranges.into_iter().partition(|(_, quality)| *quality > 0);
        let only = |ranges: Vec<(Range, u16)>| ranges.into_iter().map(|(range, _)| range);
        Ok(LanguageRanges { wanted: only(wanted).collect(), unwanted: only(unwanted).collect() })
    }

    /// The best of these tags; one of them in any case, if there is one.
    ///
    /// A range finds its own tag, else a longer one (`en` finds `en-US`), else what it finds when
    /// cut shorter (`nl-BE` finds `nl`). Where no range finds anything, or for `*`, it is the
    /// text for those without a language, `@none`, else the first.
    pub fn pick_from<'a>(&self, available: &[&'a str]) -> Option<&'a str> {
        let unwanted = |tag: &str| self.unwanted.iter().any(|range| range.covers(tag));
        let mut acceptable = available.iter().copied().filter(|tag| !unwanted(tag)).peekable();
        let acceptable: Vec<&str> =
            if acceptable.peek().is_some() { acceptable.collect() } else { available.to_vec() };
        let found = self.wanted.iter().find_map(|range| range.find(&acceptable));
        found.or_else(|| any(&acceptable))
    }
}

fn any<'a>(available: &[&'a str]) -> Option<&'a str> {
    available.iter().find(|tag| **tag == NONE).or(available.first()).copied()
}

impl Range {
    fn find<'a>(&self, available: &[&'a str]) -> Option<&'a str> {
        if self.0.is_empty() {
            return any(available);
        }
        let mut range = self.0.as_str();
        loop {
            let same = |tag: &&&str| tag.eq_ignore_ascii_case(range);
            let longer = |tag: &&&str| extends(range, tag);
            let found = available.iter().find(same).or_else(|| available.iter().find(longer));
            if found.is_some() {
                return found.copied();
            }
            range = shorter(range)?;
        }
    }

    fn covers(&self, tag: &str) -> bool {
        !self.0.is_empty() && (tag.eq_ignore_ascii_case(&self.0) || extends(&self.0, tag))
    }
}

fn extends(range: &str, tag: &str) -> bool {
    let head = tag.get(..range.len());
    head.is_some_and(|head| head.eq_ignore_ascii_case(range))
        && tag.as_bytes().get(range.len()) == Some(&b'-')
}

/// Without the last subtag, and without a single letter that would then stand last
/// (RFC 4647, 3.4).
fn shorter(range: &str) -> Option<&str> {
    let (range, _) = range.rsplit_once('-')?;
    match range.rsplit_once('-') {
        Some((head, last)) if last.len() == 1 => Some(head),
        _ => Some(range),
    }
}

const QUALITY_MAX: u16 = 1000;

fn range(cursor: &mut Cursor<'_>) -> Result<Range, Invalid> {
    let start = cursor.at();
    let tag = cursor.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '*' | '@'));
    let subtag = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    match tag {
        "*" => Ok(Range(String::new())),
        NONE => Ok(Range(NONE.to_owned())),
        _ if tag.split('-').all(subtag) => Ok(Range(tag.to_owned())),
        "" => Err(cursor.expected("a language such as `en` or `*`")),
        _ => Err(cursor.error_at(start, format!("`{tag}` is not a language tag"))),
    }
}

/// `q=0.9`, in thousandths.
fn quality(cursor: &mut Cursor<'_>) -> Result<u16, Invalid> {
    cursor.skip_spaces();
    if !cursor.eat("q=") {
        return Err(cursor.expected("`q=` after `;`"));
    }
    let start = cursor.at();
    let text = cursor.take_while(|c| c.is_ascii_digit() || c == '.');
    let number: Option<f64> = text.parse().ok();
    match number.filter(|number| (0.0..=1.0).contains(number)) {
        Some(number) => Ok((number * f64::from(QUALITY_MAX)).round() as u16),
        None => Err(cursor.error_at(start, "expected a quality from 0 to 1")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ranges: &str, available: &str, expected: &str) {
        let tags: Vec<&str> = available.split_whitespace().collect();
        let picked = LanguageRanges::parse(ranges).map(|ranges| ranges.pick_from(&tags));
        let shown = picked.map_or_else(|e| e.to_string(), |tag| tag.unwrap_or("-").to_owned());
        assert_eq!(shown, expected, "{ranges} from {available}");
    }

    #[test]
    fn the_language_asked_for_is_picked() {
        check("fr", "en fr nl", "fr");
        check("\"fr\"", "en fr nl", "fr");
        check("FR", "en fr nl", "fr");
        check("fr-CH,fr", "fr fr-CH", "fr-CH");
        check("fr-CH,fr;q=0.9,en;q=0.8,*;q=0.5", "nl en", "en");
        check("fr-CH,fr;q=0.9,en;q=0.8,*;q=0.5", "nl de", "nl");
    }

    #[test]
    fn quality_outranks_position() {
        check("fr;q=0.2,nl;q=0.9", "fr nl", "nl");
        check("fr;q=0.5, nl;q=0.5", "nl fr", "fr");
        check("*;q=0.1,nl", "fr nl", "nl");
        check("en;q=0,*", "en fr", "fr");
        check("en;q=0", "en", "en");
    }

    #[test]
    fn ranges_are_cut_shorter_and_extended() {
        check("nl-BE", "fr nl", "nl");
        check("en", "de en-US", "en-US");
        check("zh-Hant-CN-x-private", "zh-Hant", "zh-Hant");
        check("e", "en", "en");
        check("fr-CH", "fr-FR de", "fr-FR");
    }

    #[test]
    fn any_language_is_better_than_none() {
        check("pt", "fr nl", "fr");
        check("pt", "fr @none", "@none");
        check("*", "fr nl", "fr");
        check("pt", "", "-");
    }

    #[test]
    fn what_is_not_a_language_is_pointed_at() {
        check("", "", "`lang`, character 1: expected a language such as `en` or `*`");
        check("fr;x", "", "`lang`, character 4: expected `q=` after `;`, found `x`");
        check("fr;q=2", "", "`lang`, character 6: expected a quality from 0 to 1");
        check("toolongtag", "", "`lang`, character 1: `toolongtag` is not a language tag");
        check("fr nl", "", "`lang`, character 4: expected `,` or the end, found `n`");
    }
}
