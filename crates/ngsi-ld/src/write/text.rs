//! JSON punctuation and strings, appended to a text.

use model::{DateTime, Timestamp};

/// `,"name":`, without the comma where an object was just opened. The name goes out as it is.
pub(super) fn member(out: &mut String, name: &str) {
    separate(out);
    out.push('"');
    out.push_str(name);
    out.push_str("\":");
}

/// Like [`member`], for a name that a user chose.
pub(super) fn named_member(out: &mut String, name: &str) {
    separate(out);
    string(out, name);
    out.push(':');
}

/// `"name":"text"`, for a text that needs no escapes.
pub(super) fn plain_member(out: &mut String, name: &str, text: &str) {
    member(out, name);
    plain(out, text);
}

/// `"name":"2026-04-01T12:00:00Z"`.
pub(super) fn moment_member(out: &mut String, name: &str, moment: DateTime) {
    plain_member(out, name, moment.text().as_str());
}

/// A moment that nobody wrote before, with as few digits as it takes.
pub(crate) fn shortest(at: Timestamp) -> DateTime {
    let whole_seconds = at.0 % 1_000_000 == 0;
    if whole_seconds { DateTime::new(at, 0) } else { at.date_time() }
}

/// A string without characters that need escapes, such as a URI.
pub(super) fn plain(out: &mut String, text: &str) {
    out.push('"');
    out.push_str(text);
    out.push('"');
}

/// Any string.
pub(super) fn string(out: &mut String, text: &str) {
    if text.bytes().all(|b| b >= b' ' && b != b'"' && b != b'\\') {
        plain(out, text);
    } else {
        out.push_str(model::Json::text(text).as_str());
    }
}

/// `[a,b]`.
pub(super) fn array<T>(
    out: &mut String,
    items: impl IntoIterator<Item = T>,
    mut item: impl FnMut(&mut String, T),
) {
    out.push('[');
    for (index, one) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        item(out, one);
    }
    out.push(']');
}

/// `a` where there is one item and `array` does not insist, `[a,b]` otherwise.
pub(super) fn one_or_many<T>(
    out: &mut String,
    items: &[T],
    is_array: bool,
    mut item: impl FnMut(&mut String, &T),
) {
    match items {
        [one] if !is_array => item(out, one),
        _ => array(out, items, item),
    }
}

/// No value ends with an opening brace, so one tells that nothing was written in it yet.
fn separate(out: &mut String) {
    if !out.ends_with('{') {
        out.push(',');
    }
}
