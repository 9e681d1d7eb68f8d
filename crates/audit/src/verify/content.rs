//! What the lines themselves say: signatures, keys, openings, and what anchors know of them.

use super::{ANCHORS_MAX, Read, Trust};
use crate::hash::{Hash, HashAlgorithm};
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
        }
    }

    /// How a line is hashed: as the record's first line says.
    pub(super) fn algorithm(&mut self, line: &Line) -> HashAlgorithm {
        if let (None, Body::Record(opening) | Body::Segment(opening)) = (self.first, &line.body) {
            self.algorithm = opening.hash;
        }
        self.algorithm
    }

    /// The first line that can be read.
    pub(super) fn begin(&mut self, read: &Read<'_>, report: &mut Report) {
        let Line { seq, prev, .. } = read.line;
        self.first = Some((seq, prev));
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
        match &read.line.body {
            Body::Record(opening) => {
                if read.place != 1 {
                    report.find(read.place, seq, Fault::Opening);
                }
                self.check_opening(opening, read, seq, report);
            }
            Body::Segment(opening) => self.check_opening(opening, read, seq, report),
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
    fn covered(&self, seq: u64, report: &mut Report) {
        report.signed = Some(seq);
        if self.accounted && report.begins == Begins::InTheMiddle {
            report.begins = Begins::AfterRetention;
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
    }
}
