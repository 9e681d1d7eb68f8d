//! What the lines themselves say: signatures, keys, openings, and what anchors know of them.

use model::Timestamp;

use super::{ANCHORS_MAX, HEAD_LATE_MAX, Read, Trust, UNSIGNED_LINES_MAX};
use crate::excerpt::Excerpt;
use crate::hash::{Anchor, Hash, HashAlgorithm};
use crate::key::{KeyId, PublicKey, Signature};
use crate::line::{Body, Line, NamedKey, Opening, RecordId, signed_part};
use crate::verify::report::{Begins, Fault, Report};

#[derive(Debug)]
pub(super) struct Content {
    trust: Trust,
    algorithm: HashAlgorithm,
    record: Option<RecordId>,
    /// The key whose turn it is to sign.
    signer: Option<Signer>,
    /// The first line with a good signature by a key that is not known.
    unknown: Option<(u64, u64, KeyId)>,
    /// The number of the first line, and the hash it gives of the line before.
    first: Option<(u64, Hash)>,
    /// A line says that what is missing at the beginning was removed; it is not signed yet.
    accounted: bool,
    /// The last line with a good signature of its own, by whichever key had its turn.
    sealed: Option<u64>,
    /// The lines that no signature covers that counts.
    uncovered: Option<Uncovered>,
    /// The line before the first one, as an excerpt says.
    before: Option<Anchor>,
}

/// Lines at the end.
#[derive(Clone, Copy, Debug)]
struct Uncovered {
    /// The first of them.
    place: u64,
    seq: u64,
    since: Timestamp,
    lines: u64,
    /// The last entry among them.
    until: Timestamp,
}

/// A key that may sign. It is known if it is one of those that were given, or was introduced by
/// one that is.
#[derive(Clone, Copy, Debug)]
struct Signer {
    key: PublicKey,
    known: bool,
}

impl Content {
    pub(super) fn new(mut trust: Trust) -> Content {
        trust.anchors.sort_by_key(|anchor| anchor.seq);
        let further = trust.anchors.len().saturating_sub(ANCHORS_MAX);
        trust.anchors.drain(..further);
        Content {
            trust,
            algorithm: HashAlgorithm::default(),
            record: None,
            signer: None,
            unknown: None,
            first: None,
            accounted: false,
            sealed: None,
            uncovered: None,
            before: None,
        }
    }

    /// How a line is hashed: as the record's first line says.
    pub(super) fn algorithm(&mut self, line: &Line) -> HashAlgorithm {
        if let (None, Body::Record(opening) | Body::Segment(opening)) = (self.first, &line.body) {
            self.algorithm = opening.hash;
        }
        self.algorithm
    }

    /// What an excerpt says of keys, each introduced by the one before.
    pub(super) fn introduce(&mut self, text: &[u8], report: &mut Report) {
        let excerpt = match Excerpt::parse(text) {
            Ok(excerpt) => excerpt,
            Err(error) => return report.find(1, 0, Fault::Unreadable(error)),
        };
        let Some(keys) = excerpt.keys() else {
            return report.find(1, excerpt.before.seq, Fault::Opening);
        };
        (self.record, self.algorithm) = (Some(excerpt.record), excerpt.hash);
        self.before = Some(excerpt.before);
        for key in keys {
            self.hand_over(key);
        }
    }

    /// The first line that can be read.
    pub(super) fn begin(&mut self, read: &Read<'_>, report: &mut Report) {
        let Line { seq, prev, .. } = read.line;
        self.first = Some((seq, prev));
        if self
            .before
            .is_some_and(|before| before.seq.checked_add(1) != Some(seq) || before.hash != prev)
        {
            report.find(read.place, seq, Fault::Opening);
        }
        let is_first = seq == 1 && prev == Hash::NOTHING;
        report.begins = match &read.line.body {
            Body::Record(_) if is_first => Begins::AtTheBeginning,
            Body::Record(_) => {
                report.find(read.place, seq, Fault::Altered);
                Begins::AtTheBeginning
            }
            _ => self.begin_later(read, report),
        };
    }

    fn begin_later(&mut self, read: &Read<'_>, report: &mut Report) -> Begins {
        let Line { seq, prev, .. } = read.line;
        let known = |at: u64| self.trust.anchors.iter().filter(move |anchor| anchor.seq == at);
        let before: Vec<bool> =
            known(seq.saturating_sub(1)).map(|anchor| anchor.hash == prev).collect();
        match before.as_slice() {
            [] => Begins::InTheMiddle,
            met if met.iter().all(|met| *met) => {
                report.anchors_met += met.len() as u64;
                Begins::AfterAnchor
            }
            _ => {
                report.find(read.place, seq, Fault::AnchorBefore);
                Begins::InTheMiddle
            }
        }
    }

    /// A line in its place. True if it has a signature of its own, and it is good.
    pub(super) fn check(&mut self, read: &Read<'_>, seq: u64, report: &mut Report) -> bool {
        self.check_anchors(read, seq, report);
        self.count_uncovered(read, seq);
        match &read.line.body {
            Body::Record(opening) => {
                if read.place != 1 {
                    report.find(read.place, seq, Fault::Opening);
                }
                self.check_opening(opening, read, seq, report);
            }
            Body::Segment(opening) => {
                let is_first = self.first.is_some_and(|(first, _)| first == seq);
                if !is_first && self.sealed.and_then(|sealed| sealed.checked_add(1)) != Some(seq) {
                    report.find(read.place, seq, Fault::SegmentUnsigned);
                }
                self.check_opening(opening, read, seq, report);
            }
            Body::Entry(_) => report.entries += 1,
            Body::Gap(_) => report.gaps += 1,
            Body::Retention { first, before } => {
                self.accounted |= self
                    .first
                    .is_some_and(|(seq, prev)| seq < *first || (seq == *first && prev == *before));
            }
            Body::Head { key, sig } => {
                report.heads += 1;
                return self.check_signature(*key, sig, read, seq, report);
            }
            Body::Key { new, key, sig } => {
                let good = self.check_signature(*key, sig, read, seq, report);
                if good && new.fits() {
                    self.hand_over(new.public);
                } else {
                    report.find(read.place, seq, Fault::Opening);
                }
                return good;
            }
        }
        false
    }

    fn check_opening(&mut self, opening: &Opening, read: &Read<'_>, seq: u64, report: &mut Report) {
        let same_record = *self.record.get_or_insert(opening.record) == opening.record;
        let same_key = self.signer.is_none_or(|signer| signer.key == opening.key.public);
        if !same_record || !same_key || !opening.key.fits() || opening.hash != self.algorithm {
            report.find(read.place, seq, Fault::Opening);
        }
        report.record = self.record;
        // A key that is not known may sign: a later one that is, covers the same lines.
        let known = self.trust.keys.contains(&opening.key.public);
        self.signer.get_or_insert(Signer { key: opening.key.public, known });
    }

    fn check_signature(
        &mut self,
        key: KeyId,
        signature: &Signature,
        read: &Read<'_>,
        seq: u64,
        report: &mut Report,
    ) -> bool {
        // Lines that begin in the middle of a segment name their key nowhere else.
        let given = || self.trust.keys.iter().find(|given| given.id() == key);
        let given = || given().map(|given| Signer { key: *given, known: true });
        self.signer = self.signer.or_else(given);
        let Some(signer) = self.signer.filter(|signer| signer.key.id() == key) else {
            report.find(read.place, seq, Fault::Key(key));
            return false;
        };
        if !signer.key.verifies(signed_part(read.text), signature) {
            report.find(read.place, seq, Fault::Signature);
            return false;
        }
        self.sealed = Some(seq);
        report.key = Some(NamedKey::of(signer.key));
        report.key_known = signer.known;
        if signer.known || self.trust.keys.is_empty() {
            self.covered(seq, report);
        } else {
            self.unknown.get_or_insert((read.place, seq, key));
        }
        true
    }

    /// A signature that counts covers everything up to here.
    fn covered(&mut self, seq: u64, report: &mut Report) {
        (report.signed, self.uncovered) = (Some(seq), None);
        if self.accounted && report.begins == Begins::InTheMiddle {
            report.begins = Begins::AfterRetention;
        }
    }

    fn count_uncovered(&mut self, read: &Read<'_>, seq: u64) {
        let Read { place, ref line, .. } = *read;
        let uncovered = self.uncovered.get_or_insert(Uncovered {
            place,
            seq,
            since: line.at,
            lines: 0,
            until: line.at,
        });
        uncovered.lines += 1;
        // A line that is written at the next start may be much later, and no fault.
        if matches!(line.body, Body::Entry(_)) {
            uncovered.until = uncovered.until.max(line.at);
        }
    }

    /// Where the keys are known, who writes the record has signed it, and not long ago.
    fn check_uncovered(&self, report: &mut Report) {
        if self.trust.keys.is_empty() {
            return;
        }
        if report.signed.is_none() {
            let end = report.last.map_or(0, |last| last.seq);
            if self.unknown.is_none() {
                report.find(report.lines + 1, end.saturating_add(1), Fault::Unsigned);
            }
            return;
        }
        let Some(Uncovered { place, seq, since, lines, until }) = self.uncovered else { return };
        let span = i128::from(until.0) - i128::from(since.0);
        let is_long = self.trust.head_interval.is_some_and(|interval| {
            span > i128::try_from((interval + HEAD_LATE_MAX).as_micros()).unwrap_or(i128::MAX)
        });
        if is_long || UNSIGNED_LINES_MAX < lines {
            report.find(place, seq, Fault::UnsignedEnd(lines));
        }
    }

    /// Another key signs from here on; the one before it says so.
    fn hand_over(&mut self, key: PublicKey) {
        let introduced = self.signer.is_some_and(|signer| signer.known);
        let known = introduced || self.trust.keys.contains(&key);
        self.signer = Some(Signer { key, known });
    }

    fn check_anchors(&self, read: &Read<'_>, seq: u64, report: &mut Report) {
        let anchors = &self.trust.anchors;
        let from = anchors.partition_point(|anchor| anchor.seq < seq);
        for anchor in anchors[from..].iter().take_while(|anchor| anchor.seq == seq) {
            if anchor.hash == read.hash {
                report.anchors_met += 1;
            } else {
                report.find(read.place, seq, Fault::Anchor);
            }
        }
    }

    /// What can be said only when all is read.
    pub(super) fn finish(&self, report: &mut Report) {
        if self.trust.whole && report.begins == Begins::InTheMiddle {
            let seq = report.first.unwrap_or_default();
            report.find(1, seq, Fault::BeginningCut);
        }
        if let (None, Some((place, seq, key))) = (report.signed, self.unknown) {
            report.find(place, seq, Fault::KeyUnknown(key));
        }
        let end = report.last.map_or(0, |last| last.seq);
        if let Some(anchor) = self.trust.anchors.last().filter(|anchor| anchor.seq > end) {
            report.find(report.lines + 1, end.saturating_add(1), Fault::EndCut(anchor.seq));
        }
        self.check_uncovered(report);
    }
}
