use model::Timestamp;
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::{
    Body, Chain, Entry, Event, Excerpt, Gap, GapCause, Identity, Outcome, RecordId, SigningKey, Who,
};

fn key(number: u8) -> SigningKey {
    SigningKey::of_secret(&[number; 32])
}

fn entry(number: u64) -> Entry {
    let who = Who { name: "meters".into(), kind: Identity::Key, tenant: None };
    Entry::new(Event::Write, who, Outcome::Allowed)
        .target(&format!("urn:ngsi-ld:Lamp:{number}"))
        .detail("attribute", "brightness")
}

/// A record of every kind of line: heads at every fifth line and at the end, a new key in the
/// middle, and a second segment.
fn record(lines: u64) -> Vec<Vec<u8>> {
    let at = |second: u64| Timestamp(1_775_000_000_000_000 + second as i64 * 1_000_000);
    let (mut chain, first) = Chain::begin(RecordId([7; 16]), key(1), at(0));
    let mut record = vec![first];
    for number in 2..lines {
        let line = match number {
            _ if number == lines / 2 => chain.rotate(at(number), key(2)),
            _ if number == lines / 2 + 1 => chain.segment(at(number)),
            _ if number % 5 == 0 => chain.head(at(number)),
            7 => {
                let gap = Gap { entries: Some(3), ..Gap::of(GapCause::Lost) };
                chain.gap(at(number), gap)
            }
            _ => chain.seal(at(number), entry(number)),
        };
        record.push(line);
    }
    record.push(chain.head(at(lines)));
    record
}

fn trust() -> Trust {
    Trust { keys: vec![key(1).public()], whole: true, ..Trust::default() }
}

fn told(report: &Report) -> String {
    let findings = report.findings.iter().map(|finding| format!("{finding}\n"));
    findings.collect()
}

#[track_caller]
fn check(lines: &[Vec<u8>], trust: Trust, expected: &str) {
    assert_eq!(told(&verify(lines, trust)), expected);
}

/// Lines from the `from`th on, tied together again by one who has no key.
fn rewritten(mut lines: Vec<Vec<u8>>, from: usize) -> Vec<Vec<u8>> {
    for at in from..lines.len() {
        let mut line = Line::parse(&lines[at]).unwrap();
        line.prev = HashAlgorithm::Sha256.hash(&lines[at - 1]);
        lines[at] = line.print();
    }
    lines
}

fn edited(line: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(line.to_vec()).unwrap();
    assert!(text.contains(from), "{text}");
    text.replacen(from, to, 1).into_bytes()
}

#[test]
fn a_record_as_it_was_written_is_intact() {
    let lines = record(20);
    let report = verify(&lines, trust());
    assert!(report.is_intact(), "{}", told(&report));
    assert_eq!((report.lines, report.first, report.entries), (20, Some(1), 13));
    assert_eq!((report.signed, report.unsigned(), report.gaps), (Some(20), 0, 1));
    assert_eq!(report.begins, Begins::AtTheBeginning);
    assert_eq!(report.key.unwrap().public, key(2).public());
    assert!(report.key_known);
    // What the last key signs covers what the first one did.
    let report = verify(&lines, Trust { keys: vec![key(2).public()], ..trust() });
    assert!(report.is_intact() && report.key_known);
    // Without a key from elsewhere the record is taken at its word, and that is said.
    let report = verify(&lines, Trust::default());
    assert!(report.is_intact() && !report.key_known);
}

#[test]
fn what_was_done_is_told_with_its_place() {
    let lines = record(20);
    let with = |change: &dyn Fn(&mut Vec<Vec<u8>>)| {
        let mut lines = lines.clone();
        change(&mut lines);
        lines
    };
    let altered = with(&|lines| lines[7] = edited(&lines[7], "Lamp:8", "Lamp:9"));
    check(&altered, trust(), "entry 8 (line 8): it was altered\n");
    check(
        &rewritten(altered, 8)[..10],
        trust(),
        "entry 10 (line 10): its signature is not good: it was altered, or what stands between \
         the signature before and this one was\n",
    );
    let removed = with(&|lines| drop(lines.drain(11..14)));
    check(&removed, trust(), "entry 15 (line 12): before it, entries 12 to 14 missing\n");
    let swapped = with(&|lines| lines.swap(11, 13));
    check(
        &swapped,
        trust(),
        "entry 14 (line 12): it stands too early: entries 12 to 13 should be before it\n",
    );
    let repeated = with(&|lines| lines.insert(9, lines[2].clone()));
    let expected = "entry 3 (line 10): it was inserted: another line has its number\n";
    check(&repeated, trust(), expected);
    let numbered = with(&|lines| lines[7] = edited(&lines[7], "\"seq\":8", "\"seq\":80"));
    check(&numbered, trust(), "entry 8 (line 8): it was altered\n");
    let torn = with(&|lines| lines[19].truncate(100));
    assert!(told(&verify(&torn, trust())).starts_with("entry 20 (line 20): it cannot be read"));
}

/// A forged line that is tied to the line before it: it is the line after it that tells.
#[test]
fn a_forged_line_is_found_on_either_side_of_the_one_it_copies() {
    let lines = record(20);
    let mut forged = Line::parse(&lines[7]).unwrap();
    forged.body = Body::Entry(Box::new(entry(999)));
    let told_of = |at: usize| {
        let mut lines = lines.clone();
        lines.insert(at, forged.print());
        told(&verify(&lines, trust()))
    };
    assert_eq!(told_of(7), "entry 8 (line 8): it was inserted: another line has its number\n");
    assert_eq!(told_of(8), "entry 8 (line 9): it was inserted: another line has its number\n");
}

#[test]
fn an_end_that_was_cut_is_told_by_an_anchor() {
    let mut lines = record(20);
    let anchor = verify(&lines, trust()).last.unwrap();
    let anchored = || Trust { anchors: vec![anchor], ..trust() };
    let report = verify(&lines, anchored());
    assert!(report.is_intact());
    assert_eq!(report.anchors_met, 1);
    lines.truncate(18);
    let report = verify(&lines, trust());
    assert!(report.is_intact());
    assert_eq!((report.signed, report.unsigned()), (Some(15), 3));
    let expected = "entry 19 (line 19): the end was cut: an anchor knows the record up to 20\n";
    check(&lines, anchored(), expected);
}

/// Who has the key can write another record. Nothing but an anchor tells.
#[test]
fn a_record_that_was_replaced_is_told_by_an_anchor() {
    let lines = record(20);
    let anchors: Vec<Anchor> = verify(&lines, trust()).last.into_iter().collect();
    let (mut chain, first) = Chain::begin(RecordId([7; 16]), key(1), Timestamp(0));
    let mut other = vec![first];
    other.extend((2..25).map(|number| chain.seal(Timestamp(0), entry(number))));
    other.push(chain.head(Timestamp(0)));
    assert!(verify(&other, trust()).is_intact());
    let report = verify(&other, Trust { anchors: anchors.clone(), ..trust() });
    assert_eq!(report.findings, [Finding { place: 20, seq: 20, fault: Fault::Anchor }]);
    let report = verify(&other[20..], Trust { anchors, ..trust() });
    assert_eq!(report.findings[0], Finding { place: 1, seq: 21, fault: Fault::AnchorBefore });
}

#[test]
fn a_key_that_is_not_known_signs_nothing() {
    let lines = record(20);
    let others = Trust { keys: vec![key(9).public()], ..trust() };
    let report = verify(&lines, others);
    assert!(matches!(report.findings[..], [Finding { place: 5, fault: Fault::KeyUnknown(_), .. }]));
    assert_eq!((report.signed, report.unsigned()), (None, 20));
    // A head by the old key after the new one took over.
    let mut lines = lines[..12].to_vec();
    let (first, last) = (lines[0].clone(), lines[8].clone());
    let mut old = Chain::resume(&first, &last, key(1)).unwrap();
    old.go_back(old.mark());
    lines.truncate(9);
    lines.push(old.rotate(Timestamp(0), key(2)));
    let mut later = old.clone();
    lines.push(later.segment(Timestamp(0)));
    let mut fork = Chain::resume(&first, &last, key(1)).unwrap();
    fork.seal(Timestamp(0), entry(1));
    fork.seal(Timestamp(0), entry(1));
    let mut head = Line::parse(&fork.head(Timestamp(0))).unwrap();
    head.prev = later.last().hash;
    crate::line::sign(&mut head, &key(1));
    lines.push(head.print());
    let told = told(&verify(&lines, trust()));
    assert!(told.starts_with("entry 12 (line 12): it is signed with key"), "{told}");
}

#[test]
fn a_beginning_is_accounted_for_or_it_was_cut() {
    let lines = record(20);
    let both = vec![key(1).public(), key(2).public()];
    let trust = Trust { keys: both, ..trust() };
    let rest = &lines[10..];
    assert!(matches!(Line::parse(&rest[0]).unwrap().body, Body::Segment(_)));
    check(
        rest,
        trust.clone(),
        "entry 11 (line 1): the beginning was cut: nothing accounts for what stood before it\n",
    );
    let part = verify(rest, Trust { whole: false, ..trust.clone() });
    assert!(part.is_intact());
    assert_eq!((part.begins, part.first), (Begins::InTheMiddle, Some(11)));

    let anchor = Anchor { seq: 10, hash: HashAlgorithm::Sha256.hash(&lines[9]) };
    let anchored = Trust { anchors: vec![anchor], ..trust.clone() };
    assert_eq!(verify(rest, anchored).begins, Begins::AfterAnchor);

    let mut chain = Chain::resume(&rest[0], &lines[19], key(2)).unwrap();
    let mut rest = rest.to_vec();
    rest.push(chain.retention(Timestamp(0), 11, anchor.hash));
    let begins = |rest: &[Vec<u8>]| verify(rest, Trust { whole: false, ..trust.clone() }).begins;
    assert_eq!(begins(&rest), Begins::InTheMiddle, "no head signs it");
    rest.push(chain.head(Timestamp(0)));
    assert_eq!(begins(&rest), Begins::AfterRetention);
    assert!(verify(&rest, trust.clone()).is_intact());
    // Retention says from where on the record is kept; more than that was cut here.
    let cut = verify(&rest[3..], trust.clone());
    assert_eq!(cut.findings[0], Finding { place: 1, seq: 14, fault: Fault::BeginningCut });
}

#[test]
fn what_is_wrong_everywhere_is_counted() {
    let lines = vec![b"nonsense".to_vec(); 250];
    let report = verify(&lines, trust());
    assert_eq!(report.findings.len(), FINDINGS_MAX);
    // And nothing of it is signed.
    assert_eq!(report.findings_left_out, 151);
}

/// Lines that are tied to each other by someone who has no key.
#[test]
fn what_nobody_signed_is_not_taken_for_the_record() {
    let at = |second: i64| Timestamp(1_775_000_000_000_000 + second * 1_000_000);
    let (mut chain, first) = Chain::begin(RecordId([7; 16]), key(1), at(0));
    let mut lines = vec![first];
    lines.extend((1..5).map(|number| chain.seal(at(number), entry(number as u64))));
    check(
        &lines,
        trust(),
        "entry 6 (line 6): no line before it is signed by a key that is known\n",
    );
    assert!(verify(&lines, Trust::default()).is_intact(), "nothing is known of its key");
    check(&[], trust(), "entry 1 (line 1): no line before it is signed by a key that is known\n");

    lines.push(chain.head(at(5)));
    let signed = chain.clone();
    let with = |more: &dyn Fn(&mut Chain) -> Vec<Vec<u8>>| {
        let mut chain = signed.clone();
        [lines.clone(), more(&mut chain)].concat()
    };
    let interval = Some(Duration::from_secs(60));
    let trust = || Trust { head_interval: interval, ..trust() };
    let end = |lines: u64| {
        format!(
            "entry 7 (line 7): it and what follows, {lines} lines, are not signed, though a signature \
         was due since: they may be forged\n"
        )
    };
    // As many, and as old, as a writer may leave.
    let most =
        with(&|chain| (0..UNSIGNED_LINES_MAX).map(|_| chain.seal(at(6), entry(6))).collect());
    check(&most, trust(), "");
    let more =
        with(&|chain| (0..=UNSIGNED_LINES_MAX).map(|_| chain.seal(at(6), entry(6))).collect());
    check(&more, trust(), &end(UNSIGNED_LINES_MAX + 1));
    let late = |second: i64| {
        with(&|chain| vec![chain.seal(at(6), entry(6)), chain.seal(at(second), entry(7))])
    };
    check(&late(126), trust(), "");
    check(&late(127), trust(), &end(2));
    // The next start may be much later.
    let started = with(&|chain| {
        vec![chain.seal(at(6), entry(6)), chain.gap(at(9_999), Gap::of(GapCause::Unclean))]
    });
    check(&started, trust(), "");
    let segment =
        with(&|chain| vec![chain.seal(at(6), entry(6)), chain.segment(at(7)), chain.head(at(8))]);
    let expected = "entry 8 (line 8): it begins a segment, and the line before it is not signed: lines were put there\n";
    check(&segment, trust(), expected);
}

#[test]
fn a_part_is_verified_by_what_its_excerpt_says() {
    let lines = record(20);
    let Body::Record(opening) = Line::parse(&lines[0]).unwrap().body else { panic!() };
    let anchor =
        |at: usize| Anchor { seq: at as u64, hash: HashAlgorithm::Sha256.hash(&lines[at - 1]) };
    let part = |from: usize, handovers: &[Vec<u8>], before: Anchor| {
        let excerpt = Excerpt::new(&opening, handovers, before).print();
        [vec![excerpt], lines[from..].to_vec()].concat()
    };
    let trust = || Trust { whole: false, ..trust() };
    // The key that signs there was introduced before it.
    let told = told(&verify(&lines[13..], trust()));
    assert!(told.contains("which is not the one that may sign here"), "{told}");
    let report = verify(part(13, &lines[9..10], anchor(13)), trust());
    assert!(report.is_intact() && report.key_known, "{:?}", report.findings);
    assert_eq!((report.begins, report.first), (Begins::InTheMiddle, Some(14)));
    // Before the handover nothing is introduced.
    assert!(verify(part(6, &[], anchor(6)), trust()).is_intact());
    let wrong = |lines: Vec<Vec<u8>>| verify(lines, trust()).findings.remove(0);
    let finding = |place, seq| Finding { place, seq, fault: Fault::Opening };
    assert_eq!(wrong(part(13, &lines[9..10], anchor(12))), finding(2, 14), "it begins elsewhere");
    let forged = [edited(&lines[9], "\"seq\":10", "\"seq\":11")];
    assert_eq!(wrong(part(13, &forged, anchor(13))), finding(1, 13), "nobody signed it");
    let mut twice = part(13, &lines[9..10], anchor(13));
    twice.insert(2, twice[0].clone());
    assert!(matches!(wrong(twice).fault, Fault::Unreadable(_)), "only at the beginning");
}

fn text_of(lines: &[Vec<u8>]) -> Vec<u8> {
    lines.iter().flat_map(|line| [line.as_slice(), b"\n"].concat()).collect()
}

fn lines_of(text: &[u8]) -> Vec<Vec<u8>> {
    let lines = text.strip_suffix(b"\n").unwrap_or(text);
    lines.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

/// Where the first trouble is found, in lines from 1.
fn place(lines: &[Vec<u8>]) -> Option<u64> {
    verify(lines, trust()).findings.first().map(|finding| finding.place)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_altered_byte_is_found_in_its_line(
        lines in 8_u64..40,
        at in any::<Index>(),
        by in 1_u8..=255,
    ) {
        let lines = record(lines);
        let mut text = text_of(&lines);
        // The last end of line is no part of any line.
        let at = at.index(text.len() - 1);
        let line = text[..at].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
        text[at] ^= by;
        prop_assert_eq!(place(&lines_of(&text)), Some(line));
    }

    #[test]
    fn any_removal_is_found_in_its_place(
        count in 8_u64..40,
        from in any::<Index>(),
        length in 1_usize..10,
    ) {
        let mut lines = record(count);
        let anchor = verify(&lines, trust()).last.unwrap();
        let from = from.index(lines.len());
        let to = (from + length).min(lines.len());
        lines.drain(from..to);
        let anchored = Trust { anchors: vec![anchor], ..trust() };
        let report = verify(&lines, anchored);
        let place = report.findings.first().map(|finding| finding.place);
        prop_assert_eq!(place, Some(from as u64 + 1));
    }

    #[test]
    fn any_swap_is_found_at_the_first_of_the_two(
        count in 8_u64..40,
        one in any::<Index>(),
        other in any::<Index>(),
    ) {
        let mut lines = record(count);
        let (one, other) = (one.index(lines.len()), other.index(lines.len()));
        prop_assume!(one != other);
        lines.swap(one, other);
        prop_assert_eq!(place(&lines), Some(one.min(other) as u64 + 1));
    }

    #[test]
    fn any_line_twice_is_found_at_one_of_the_two(
        count in 8_u64..40,
        of in any::<Index>(),
        at in any::<Index>(),
    ) {
        let mut lines = record(count);
        let (of, at) = (of.index(lines.len()), at.index(lines.len() + 1));
        lines.insert(at, lines[of].clone());
        // Next to itself, neither is the first.
        let expected = if of == at { at + 1 } else { at } as u64 + 1;
        prop_assert_eq!(place(&lines), Some(expected));
    }

    /// Whatever is made of a record with its own lines: it is intact if and only if it is a part of
    /// it without a gap, which a single line is as well.
    #[test]
    fn only_a_part_without_a_gap_is_intact(
        count in 8_u64..30,
        edits in prop::collection::vec((0..4_u8, any::<Index>(), any::<Index>()), 1..5),
    ) {
        let record = record(count);
        let mut lines = record.clone();
        for (kind, one, other) in edits {
            if lines.is_empty() {
                break;
            }
            let (one, other) = (one.index(lines.len()), other.index(lines.len()));
            match kind {
                0 => drop(lines.drain(..one)),
                1 => lines.truncate(other),
                2 => lines.swap(one, other),
                _ => lines.insert(one, lines[other].clone()),
            }
        }
        let is_part = lines.is_empty() || record.windows(lines.len()).any(|part| part == lines);
        let is_signed = lines.iter().any(|line| Line::parse(line).unwrap().signed().is_some());
        let keys = vec![key(1).public(), key(2).public()];
        let report = verify(&lines, Trust { keys, ..Trust::default() });
        prop_assert_eq!(report.is_intact(), is_part && is_signed, "{}", told(&report));
    }

    #[test]
    fn no_input_is_a_panic(lines in prop::collection::vec(".{0,60}", 0..20)) {
        verify(lines.iter().map(String::as_bytes), trust());
    }
}
