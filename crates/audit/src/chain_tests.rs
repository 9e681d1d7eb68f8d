use super::*;
use crate::{Event, Outcome, Trust, Who, verify};

fn key(number: u8) -> SigningKey {
    SigningKey::of_secret(&[number; 32])
}

fn entry() -> Entry {
    Entry::new(Event::Start, Who::system(), Outcome::Allowed)
}

#[test]
fn a_chain_goes_on_where_it_stopped() {
    let at = Timestamp(1_775_000_000_123_456);
    let (mut chain, first) = Chain::begin(RecordId([1; 16]), key(1), at);
    let mut lines = vec![first.clone(), chain.seal(at, entry())];
    let mut resumed = Chain::resume(&first, &lines[1], key(1)).unwrap();
    assert_eq!(resumed.last(), chain.last());
    lines.push(resumed.rotate(at, key(2)));
    assert_eq!(resumed.unsigned(), 0);
    // The last line handed over, so the new key goes on and the old one may not.
    let mut resumed = Chain::resume(&first, &lines[2], key(2)).unwrap();
    let refused = Chain::resume(&first, &lines[2], key(1)).unwrap_err();
    assert!(refused.to_string().starts_with("the record is signed with key"), "{refused}");
    lines.push(resumed.segment(at));
    lines.push(resumed.head(at));
    let trust = Trust {
        keys: vec![key(1).public()],
        anchors: vec![resumed.last()],
        whole: true,
        ..Trust::default()
    };
    let report = verify(&lines, trust);
    assert!(report.is_intact(), "{:?}", report.findings);
}

#[test]
fn lines_that_were_not_kept_are_as_if_they_had_not_been() {
    let (mut chain, _) = Chain::begin(RecordId([1; 16]), key(1), Timestamp(0));
    let mark = chain.mark();
    let line = chain.seal(Timestamp(5), entry());
    chain.head(Timestamp(6));
    chain.go_back(mark);
    assert_eq!(chain.seal(Timestamp(5), entry()), line);
    assert_eq!(chain.unsigned(), 2);
}

#[test]
fn what_is_no_record_is_not_continued() {
    let (mut chain, first) = Chain::begin(RecordId([1; 16]), key(1), Timestamp(0));
    let second = chain.seal(Timestamp(0), entry());
    let resume = |first: &[u8], last: &[u8]| Chain::resume(first, last, key(1)).unwrap_err();
    assert!(matches!(resume(b"", &second), ResumeError::First(_)));
    assert!(matches!(resume(&second, &second), ResumeError::NotAnOpening));
    assert!(matches!(resume(&first, &second[1..]), ResumeError::Last(_)));
}
