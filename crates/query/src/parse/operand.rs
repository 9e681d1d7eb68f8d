//! What stands right of an operator in `q` (clause 4.9).

use model::{DateTime, Json, JsonKind, Uri};

use crate::clock;
use crate::filter::{Operand, Range};
use crate::invalid::Invalid;
use crate::pattern::Pattern;

use super::cursor::Cursor;

/// One value, a list of values, or a range.
pub(super) fn ranges(cursor: &mut Cursor<'_>, operator: &str) -> Result<Vec<Range>, Invalid> {
    let start = cursor.at();
    let first = literal(cursor, &format!("a value after `{operator}`"))?;
    if cursor.eat("..") {
        let last = literal(cursor, "a value after `..`")?;
        if !is_comparable(&first) || std::mem::discriminant(&first) != std::mem::discriminant(&last)
        {
            let problem = "a range goes between two numbers, texts in quotes, dates or times";
            return Err(cursor.error_at(start, problem));
        }
        return Ok(vec![Range::Between(first, last)]);
    }
    let mut ranges = vec![Range::Only(first)];
    while cursor.eat(",") {
        cursor.check_terms(ranges.len(), "values in a list")?;
        cursor.skip_spaces();
        ranges.push(Range::Only(literal(cursor, "a value after `,`")?));
    }
    Ok(ranges)
}

/// One value that has a place among others of its kind.
pub(super) fn comparable(cursor: &mut Cursor<'_>, operator: &str) -> Result<Operand, Invalid> {
    let start = cursor.at();
    let wanted = format!("a number, a text in quotes, a date or a time after `{operator}`");
    let operand = literal(cursor, &wanted)?;
    if !is_comparable(&operand) {
        return Err(cursor.error_at(start, format!("expected {wanted}")));
    }
    if cursor.rest().starts_with("..") || cursor.rest().starts_with(',') {
        return Err(cursor.error("ranges and lists may only stand after `==` and `!=`"));
    }
    Ok(operand)
}

fn is_comparable(operand: &Operand) -> bool {
    !matches!(operand, Operand::Boolean(_) | Operand::Uri(_))
}

fn literal(cursor: &mut Cursor<'_>, wanted: &str) -> Result<Operand, Invalid> {
    match cursor.peek() {
        Some('"') => quoted(cursor).map(Operand::Text),
        Some('%') if cursor.rest().starts_with("%22") => twice_encoded(cursor).map(Operand::Text),
        _ => bare(cursor, wanted),
    }
}

/// A JSON string.
fn quoted(cursor: &mut Cursor<'_>) -> Result<String, Invalid> {
    let start = cursor.at();
    let Some(length) = quoted_length(cursor.rest()) else {
        return Err(cursor.error("a text in quotes has no end"));
    };
    let json = Json::parse(cursor.take(length)).ok();
    let text = json.as_ref().and_then(Json::as_text);
    let text = text.ok_or_else(|| cursor.error_at(start, "what is in quotes is not a JSON string"));
    text.map(|text| text.into_owned())
}

/// The bytes from an opening quote to its closing one, both included.
fn quoted_length(text: &str) -> Option<usize> {
    let mut escaped = true;
    text.bytes()
        .position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        })
        .map(|end| end + 1)
}

/// `%22..%22`: quotes that a client encoded although `q` stood in a body, or encoded twice.
fn twice_encoded(cursor: &mut Cursor<'_>) -> Result<String, Invalid> {
    const QUOTE: &str = "%22";
    let start = cursor.at();
    cursor.eat(QUOTE);
    let Some(length) = cursor.rest().find(QUOTE) else {
        return Err(cursor.error_at(start, "a text in quotes has no end"));
    };
    let text = decoded(cursor.take(length));
    cursor.eat(QUOTE);
    text.ok_or_else(|| cursor.error_at(start, "what is percent-encoded is not UTF-8"))
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, code) {
            (b'%', Some(code)) => {
                bytes.push(code);
                rest = after.get(2..)?;
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

/// A number, a boolean, a date or time, a URI, or a word.
fn bare(cursor: &mut Cursor<'_>, wanted: &str) -> Result<Operand, Invalid> {
    let start = cursor.at();
    let run = cursor.clone().take_while(|c| !matches!(c, ';' | '|' | ',' | '(' | ')' | '"' | ' '));
    let end = fraction_end(cursor.rest(), run.len()).unwrap_or_else(|| {
        let low = run.split_once("..").map(|(low, _)| low);
        low.filter(|low| scalar(low).is_some_and(|low| is_comparable(&low))).unwrap_or(run).len()
    });
    let run = cursor.take(end);
    if run.is_empty() {
        return Err(cursor.expected(wanted));
    }
    let operand = scalar(run).or_else(|| word(run));
    let operand = operand.ok_or_else(|| {
        cursor.error_at(start, format!("expected {wanted}, found `{run}`; put texts in quotes"))
    })?;
    match operand {
        Operand::Number(number) if !number.is_finite() => {
            Err(cursor.error_at(start, format!("the number `{run}` is too large")))
        }
        operand => Ok(operand),
    }
}

/// Where a time ends whose fraction stands after a comma, `12:00:00,5Z` (clause 4.6.3).
fn fraction_end(text: &str, comma: usize) -> Option<usize> {
    let fraction = text.get(comma..)?.strip_prefix(',')?;
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let end = comma + 1 + digits + 1;
    let time = text.get(..end).and_then(scalar);
    matches!(time, Some(Operand::DateTime(_) | Operand::Time(_))).then_some(end)
}

fn scalar(run: &str) -> Option<Operand> {
    match run {
        "true" => return Some(Operand::Boolean(true)),
        "false" => return Some(Operand::Boolean(false)),
        _ => {}
    }
    if run.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        let json = Json::parse(run).ok().filter(|json| json.kind() == JsonKind::Number);
        if let Some(number) = json.and_then(|json| json.as_number()) {
            return Some(Operand::Number(number));
        }
        if let Ok(moment) = DateTime::parse(run) {
            return Some(Operand::DateTime(moment.instant()));
        }
        if clock::is_date(run) {
            return Some(Operand::Date(run.to_owned()));
        }
        if clock::time_of_day(run).is_some() {
            return Some(Operand::Time(run.to_owned()));
        }
    }
    None
}

fn word(run: &str) -> Option<Operand> {
    if Uri::parse(run).is_ok() {
        return Some(Operand::Uri(run.to_owned()));
    }
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '%' | '+');
    let is_word = run.starts_with(char::is_alphabetic) && run.chars().all(plain);
    is_word.then(|| Operand::Text(run.to_owned()))
}

/// A regular expression, in quotes or up to the next `;`, `|` or `)` outside its own groups.
///
/// In quotes only `\"` is an escape: a backslash before anything else belongs to the pattern.
pub(super) fn pattern(cursor: &mut Cursor<'_>, operator: &str) -> Result<Pattern, Invalid> {
    let start = cursor.at();
    let text = match cursor.peek() {
        Some('"') => {
            let Some(length) = quoted_length(cursor.rest()) else {
                return Err(cursor.error("a pattern in quotes has no end"));
            };
            let quoted = cursor.take(length);
            quoted.get(1..length - 1).unwrap_or_default().replace("\\\"", "\"")
        }
        Some('%') if cursor.rest().starts_with("%22") => twice_encoded(cursor)?,
        _ => bare_pattern(cursor).to_owned(),
    };
    if text.is_empty() {
        return Err(cursor.error_at(start, format!("expected a pattern after `{operator}`")));
    }
    Pattern::within(&text, cursor.limits).map_err(|invalid| Invalid {
        exceeds: invalid.exceeds,
        ..cursor.error_at(start, invalid.problem)
    })
}

fn bare_pattern<'a>(cursor: &mut Cursor<'a>) -> &'a str {
    let (mut groups, mut in_class, mut escaped) = (0_usize, false, false);
    let rest = cursor.rest();
    let end = rest.find(|c| {
        if escaped {
            escaped = false;
            return false;
        }
        match c {
            '\\' => escaped = true,
            ']' => in_class = false,
            _ if in_class => {}
            '[' => in_class = true,
            '(' => groups += 1,
            ')' | '|' | ';' if groups == 0 => return true,
            ')' => groups -= 1,
            _ => {}
        }
        false
    });
    cursor.take(end.unwrap_or(rest.len()))
}
