//! Percent-encoding: parts of a URI in, parts of a URI out (RFC 3986, 2.1).

use std::borrow::Cow;

/// The text that a path segment stands for; nothing where it is not one.
pub(crate) fn decoded(segment: &str) -> Option<Cow<'_, str>> {
    decode(segment, false)
}

/// The text that a name or value of a query stands for, `+` being a space.
pub(crate) fn decoded_query(part: &str) -> Option<Cow<'_, str>> {
    decode(part, true)
}

fn decode(part: &str, plus_is_space: bool) -> Option<Cow<'_, str>> {
    if !part.bytes().any(|b| b == b'%' || (plus_is_space && b == b'+')) {
        return Some(Cow::Borrowed(part));
    }
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => digit(rest.next()?)? << 4 | digit(rest.next()?)?,
            b'+' if plus_is_space => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// A text as one segment of a path.
pub(crate) fn segment(text: &str) -> Cow<'_, str> {
    encode(text, |b| matches!(b, b':' | b'@' | b'!' | b'$' | b'\'' | b'(' | b')' | b'*' | b'='))
}

/// A text as a value in a query. What a list of links would be split at is encoded too.
pub(crate) fn query_value(text: &str) -> Cow<'_, str> {
    encode(text, |b| matches!(b, b':' | b'@' | b'!' | b'$' | b'\'' | b'(' | b')' | b'*' | b'/'))
}

fn encode(text: &str, plain: impl Fn(u8) -> bool) -> Cow<'_, str> {
    let plain =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') || plain(b);
    if text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut encoded = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        if plain(byte) {
            encoded.push(char::from(byte));
        } else {
            const DIGITS: [char; 16] =
                ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
            encoded.push('%');
            encoded.push(DIGITS[usize::from(byte >> 4)]);
            encoded.push(DIGITS[usize::from(byte & 15)]);
        }
    }
    Cow::Owned(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded_to_itself() {
        for text in ["urn:ngsi-ld:Lamp:7", "https://a.org/b#c?d", "ä €", "100%", "a+b,c;d\"e"] {
            assert_eq!(decoded(&segment(text)).as_deref(), Some(text));
            assert_eq!(decoded_query(&query_value(text)).as_deref(), Some(text));
        }
        assert_eq!(segment("https://a.org/b"), "https:%2F%2Fa.org%2Fb");
        assert_eq!(query_value("A,B"), "A%2CB");
    }

    #[test]
    fn broken_encodings_are_refused() {
        for text in ["%", "%4", "%zz", "%ff"] {
            assert_eq!(decoded(text), None, "{text}");
        }
        assert_eq!(decoded_query("a+b").as_deref(), Some("a b"));
        assert_eq!(decoded("a+b").as_deref(), Some("a+b"));
    }
}
