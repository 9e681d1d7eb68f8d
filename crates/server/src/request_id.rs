//! The id of a request: in its answer, in log lines and in the audit record.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue};

pub const NAME: HeaderName = HeaderName::from_static("x-request-id");

/// How long an id may be that a client gives. Keys and tokens are longer: one that is sent here by
/// mistake does not come into logs.
pub const LENGTH_MAX: usize = 64;

/// Tells the ids of one process from those of another.
static PROCESS: LazyLock<u64> = LazyLock::new(|| {
    let mut bytes = [0; 8];
    // Without chance, ids of two processes are alike; nothing is lost but convenience.
    let _ = getrandom::fill(&mut bytes);
    u64::from_ne_bytes(bytes)
});

static NUMBER: AtomicU64 = AtomicU64::new(1);

/// The id that the headers have, where it is short and plain; else one that is made, which they have
/// from then on.
pub fn admit(headers: &mut HeaderMap) -> HeaderValue {
    if let Some(given) = headers.get(NAME).filter(|id| is_plain(id.as_bytes())) {
        let given = given.clone();
        // One, whatever was sent.
        headers.insert(NAME, given.clone());
        return given;
    }
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let made = HeaderValue::try_from(format!("{:016x}-{number:x}", *PROCESS));
    let made = made.unwrap_or(HeaderValue::from_static("-"));
    headers.insert(NAME, made.clone());
    made
}

fn is_plain(id: &[u8]) -> bool {
    let is_plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':');
    (1..=LENGTH_MAX).contains(&id.len()) && id.iter().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_and_plain_ids_are_taken_over() {
        let check = |given: &[u8], is_taken: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(NAME, HeaderValue::from_bytes(given).unwrap());
            headers.append(NAME, HeaderValue::from_static("second"));
            let id = admit(&mut headers);
            assert_eq!(id.as_bytes() == given, is_taken, "{given:?}");
            assert_eq!(headers.get_all(NAME).iter().collect::<Vec<_>>(), [&id]);
            assert!(is_plain(id.as_bytes()));
        };
        check(b"7f3a-01:b_c.d", true);
        check(&[b'a'; LENGTH_MAX], true);
        check(&[b'a'; LENGTH_MAX + 1], false);
        check(b"", false);
        check(b"a b", false);
        check(b"a\"b", false);
        check("\u{e9}".as_bytes(), false);
        assert_ne!(admit(&mut HeaderMap::new()), admit(&mut HeaderMap::new()));
    }
}
