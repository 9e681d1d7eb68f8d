use proptest::prelude::*;

use super::*;
use crate::{Chain, Event, Identity, Outcome, Who};

fn at() -> Timestamp {
    DateTime::parse("2026-04-01T12:00:00.000001Z").unwrap().instant()
}

fn entry() -> Entry {
    let who = Who { name: "ops".into(), kind: Identity::Key, tenant: Some("helsinki".into()) };
    Entry::new(Event::Refusal, who, Outcome::refused("a reader may not write"))
        .target("/ngsi-ld/v1/entities")
        .from("192.0.2.7:4711")
        .request("0c1f")
        .detail("method", "POST")
        .detail("action", "create")
}

fn chain() -> Chain {
    Chain::begin(RecordId([1; 16]), SigningKey::of_secret(&[1; 32]), at()).0
}

#[test]
fn members_have_one_order() {
    let line = String::from_utf8(chain().seal(at(), entry())).unwrap();
    let (before, rest) = line.split_once(r#","at":"#).unwrap();
    assert!(before.starts_with(r#"{"seq":2,"prev":""#), "{before}");
    let expected = concat!(
        r#""2026-04-01T12:00:00.000001Z","kind":"entry","event":"refusal","#,
        r#""who":{"name":"ops","kind":"key","tenant":"helsinki"},"target":"/ngsi-ld/v1/entities","#,
        r#""from":"192.0.2.7:4711","outcome":"refused","reason":"a reader may not write","#,
        r#""request":"0c1f","details":{"action":"create","method":"POST"}}"#,
    );
    assert_eq!(rest, expected);
    let read = Line::parse(line.as_bytes()).unwrap();
    assert_eq!(read.body, Body::Entry(Box::new(entry())));
    assert_eq!((read.seq, read.at), (2, at()));
}

#[test]
fn a_line_is_written_in_one_way_only() {
    let line = String::from_utf8(chain().seal(at(), entry())).unwrap();
    let problem = |from: &str, to: &str| {
        let other = line.replacen(from, to, 1);
        assert_ne!(other, line);
        Line::parse(other.as_bytes()).unwrap_err()
    };
    assert_eq!(problem("\"seq\":2", "\"seq\": 2"), LineError::Form);
    assert_eq!(problem("\"target\"", "\"more\":1,\"target\""), LineError::Form);
    assert_eq!(problem("refusal", "\\u0072efusal"), LineError::Form);
    assert_eq!(problem("00.000001Z", "00.0000010Z"), LineError::Members);
    assert_eq!(problem(".000001Z", "Z"), LineError::Form);
    assert_eq!(problem("\"seq\"", "seq"), LineError::Json(2));
    assert_eq!(Line::parse(&line.as_bytes()[..50]).unwrap_err(), LineError::Torn);
    // Nothing of it is repeated: it might say that no problems were found.
    assert_eq!(problem("refusal", "\\u001b[2J"), LineError::Members);
    assert_eq!(problem("\"kind\":\"entry\"", "\"kind\":\"other\""), LineError::Kind);
    let long = vec![b' '; LINE_BYTES_MAX + 1];
    assert_eq!(Line::parse(&long).unwrap_err(), LineError::TooLong);
}

#[test]
fn a_line_of_a_later_version_says_so() {
    let key = SigningKey::of_secret(&[1; 32]);
    let (_, first) = Chain::begin(RecordId([1; 16]), key, at());
    let later = String::from_utf8(first).unwrap().replace("\"version\":1", "\"version\":2");
    assert_eq!(Line::parse(later.as_bytes()).unwrap_err(), LineError::Version(2));
    let more = later.replace("\"key\":{", "\"more\":1,\"key\":{").replace("sha-256", "sha-512");
    let error = Line::parse(more.as_bytes()).unwrap_err();
    assert!(error == LineError::Version(2) && error.is_newer(), "{error}");
    assert!(!LineError::Version(0).is_newer() && !LineError::Members.is_newer());
}

#[test]
fn the_longest_entry_fits_in_a_line() {
    let long = "\u{1}".repeat(10_000);
    let who = Who {
        name: long.as_str().into(),
        kind: Identity::Certificate,
        tenant: Some(long.as_str().into()),
    };
    let mut entry = Entry::new(Event::ConfigurationChange, who, Outcome::failed(&long));
    entry = entry.target(&long).from(&long).request(&long);
    for number in 0..DETAILS_MAX + 5 {
        entry = entry.detail(&format!("{number}{long}"), &long);
    }
    let line = chain().seal(at(), entry);
    assert!(line.len() <= LINE_BYTES_MAX, "{}", line.len());
    assert!(Line::parse(&line).is_ok());
}

proptest! {
    #[test]
    fn entries_read_back(
        texts in prop::collection::vec(any::<String>(), 6),
        details in prop::collection::btree_map(any::<String>(), any::<String>(), 0..20),
        micros in 0..253_402_300_799_999_999_i64,
    ) {
        let who = Who {
            name: texts[0].as_str().into(),
            kind: Identity::Token,
            tenant: Some(texts[1].as_str().into()),
        };
        let mut entry = Entry::new(Event::Read, who, Outcome::refused(&texts[2]))
            .target(&texts[3])
            .from(&texts[4])
            .request(&texts[5]);
        for (name, value) in &details {
            entry = entry.detail(name, value);
        }
        let line = chain().seal(Timestamp(micros), entry.clone());
        prop_assert!(!line.contains(&b'\n'));
        let read = Line::parse(&line).unwrap();
        prop_assert_eq!(read.at, Timestamp(micros));
        prop_assert_eq!(read.body, Body::Entry(Box::new(entry)));
    }
}
