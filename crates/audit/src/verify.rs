//! Whether a record was altered, cut or reordered, and where: line by line, in bounded memory.

mod content;
mod report;

use std::cmp::Ordering;
use std::time::Duration;

use crate::excerpt::Excerpt;
use crate::hash::{Anchor, Hash, HashAlgorithm};
use crate::key::PublicKey;
use crate::line::{Line, LineError};

use content::Content;
pub use report::{Begins, FINDINGS_MAX, Fault, Finding, Report};

/// How many anchors one verification takes.
pub const ANCHORS_MAX: usize = 10_000;

/// How many lines at the end a head may still be owed to: who writes a record signs more often.
pub const UNSIGNED_LINES_MAX: u64 = 2_048;

/// How much later than it is due a head may come, for a disk that is slow.
const HEAD_LATE_MAX: Duration = Duration::from_secs(60);

/// What is known from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Keys that are known to sign this record. A signature by one of them, or by one that they
    /// introduced, covers every line before it. Where there are none, the record is taken at its
    /// word about its first key, and the report says so.
    pub keys: Vec<PublicKey>,
    /// Places of the record that were kept elsewhere. Only [`ANCHORS_MAX`] of them count, the
    /// latest ones.
    pub anchors: Vec<Anchor>,
    /// How often a head is due, where that is known. It is asked of a record whose keys are known:
    /// entries at the end of it that span more time than that were not put there by its writer.
    pub head_interval: Option<Duration>,
    /// These are all lines there are: what is missing at the beginning must be accounted for, by
    /// retention or by an anchor.
    pub whole: bool,
}

/// Reads the lines of a record in order.
#[derive(Debug)]
pub struct Verifier {
    content: Content,
    last: Option<Last>,
    /// The link to the last line is broken, and it is not known yet which side of it was altered.
    suspect: Option<Suspect>,
    /// Another line that claims the place of the last one. One of the two was inserted; which one,
    /// is told by the next line.
    rival: Option<Last>,
    report: Report,
}

/// The line from which the next one goes on.
#[derive(Clone, Copy, Debug)]
struct Last {
    place: u64,
    seq: u64,
    hash: Hash,
    /// The hash of the line before it, as that one was read.
    before: Hash,
}

/// A broken link between two lines.
#[derive(Clone, Copy, Debug)]
struct Suspect {
    left: Last,
    right: Last,
}

/// A line that could be read.
#[derive(Debug)]
struct Read<'a> {
    /// It is the first, the second, ... of those that were given.
    place: u64,
    text: &'a [u8],
    hash: Hash,
    line: Line,
}

/// Verifies lines that are all at hand.
pub fn verify<L: AsRef<[u8]>>(lines: impl IntoIterator<Item = L>, trust: Trust) -> Report {
    let mut verifier = Verifier::new(trust);
    lines.into_iter().for_each(|line| verifier.push(line.as_ref()));
    verifier.finish()
}

impl Verifier {
    pub fn new(trust: Trust) -> Verifier {
        Verifier {
            content: Content::new(trust),
            last: None,
            suspect: None,
            rival: None,
            report: Report::default(),
        }
    }

    /// The next line, without its end of line.
    pub fn push(&mut self, text: &[u8]) {
        self.report.lines += 1;
        let place = self.report.lines;
        if place == 1 && Excerpt::is_one(text) {
            return self.content.introduce(text, &mut self.report);
        }
        match Line::parse(text) {
            Ok(line) => {
                let hash = self.content.algorithm(&line).hash(text);
                self.read(&Read { place, text, hash, line });
            }
            Err(error) => self.unreadable(place, text, error),
        }
    }

    /// What it all came to.
    pub fn finish(mut self) -> Report {
        if let Some(Suspect { left, .. }) = self.suspect.take() {
            self.altered(left);
        }
        self.report.last = self.last.map(|last| Anchor { seq: last.seq, hash: last.hash });
        self.content.finish(&mut self.report);
        self.report.findings.sort_by_key(|finding| finding.place);
        self.report
    }

    fn due(&self) -> u64 {
        self.last.map_or(1, |last| last.seq.saturating_add(1))
    }

    fn altered(&mut self, line: Last) {
        self.report.find(line.place, line.seq, Fault::Altered);
    }

    /// Nothing is known of such a line but its hash. It stands for whatever should be there.
    fn unreadable(&mut self, place: u64, text: &[u8], error: LineError) {
        let seq = self.due();
        if let Some(Suspect { left, .. }) = self.suspect.take() {
            self.altered(left);
        }
        self.report.find(place, seq, Fault::Unreadable(error));
        let before = self.last.map_or(Hash::NOTHING, |last| last.hash);
        let hash = HashAlgorithm::default().hash(text);
        self.last = Some(Last { place, seq, hash, before });
    }

    fn read(&mut self, read: &Read<'_>) {
        self.settle_rival(read);
        let Some(last) = self.last else {
            self.report.first = Some(read.line.seq);
            self.content.begin(read, &mut self.report);
            self.accept(read, read.line.seq, Hash::NOTHING);
            return;
        };
        let due = self.due();
        let linked = read.line.prev == last.hash;
        match (read.line.seq.cmp(&due), linked) {
            (Ordering::Equal, _) => self.follow(read, last, linked),
            // It does go on from the last line, so it is the number that was altered.
            (_, true) => {
                self.report.find(read.place, due, Fault::Altered);
                self.follow(read, last, true);
            }
            (Ordering::Greater, false) => self.jump(read, last),
            (Ordering::Less, false) => self.back(read, last),
        }
    }

    /// Where two lines claimed one place, the next line tells which of them it goes on from.
    fn settle_rival(&mut self, read: &Read<'_>) {
        let (Some(rival), Some(last)) = (self.rival.take(), self.last) else { return };
        if read.line.seq == self.due() && read.line.prev == rival.hash && rival.hash != last.hash {
            self.report.replace(rival.place, last.place);
            self.last = Some(rival);
        }
    }

    /// A line with the number that is due.
    fn follow(&mut self, read: &Read<'_>, last: Last, linked: bool) {
        let seq = self.due();
        let authentic = self.accept(read, seq, last.hash);
        // What is found already says enough of its line.
        let linked = linked || self.report.has(last.place);
        let flawed = self.report.has(read.place);
        match self.suspect.take() {
            // A broken link on both sides: it is the line between that was altered.
            Some(Suspect { right, .. }) if !linked && !flawed => self.altered(right),
            Some(Suspect { left, .. }) => self.altered(left),
            None if linked || flawed => {}
            None if authentic => self.altered(last),
            None => self.suspect = self.last.map(|right| Suspect { left: last, right }),
        }
    }

    /// A line with a higher number than is due.
    fn jump(&mut self, read: &Read<'_>, last: Last) {
        if let Some(Suspect { left, .. }) = self.suspect.take() {
            self.altered(left);
        }
        let missing = Fault::Missing { first: self.due(), last: read.line.seq - 1 };
        self.report.find(read.place, read.line.seq, missing);
        self.accept(read, read.line.seq, last.hash);
    }

    /// A line with a lower number than is due.
    fn back(&mut self, read: &Read<'_>, last: Last) {
        let seq = read.line.seq;
        let in_place_of_last = seq == last.seq && read.line.prev == last.before;
        let suspected = self.suspect.is_some_and(|suspect| suspect.right.place == last.place);
        if in_place_of_last && suspected {
            self.suspect = None;
            self.report.find(last.place, seq, Fault::Repeated);
            self.accept(read, seq, last.before);
        } else if in_place_of_last {
            self.report.find(read.place, seq, Fault::Repeated);
            self.rival = Some(Last { place: read.place, hash: read.hash, ..last });
        } else if !self.report.reorder(seq) {
            self.report.find(read.place, seq, Fault::Repeated);
        }
    }

    /// Takes the line as the one with this number; the hash is that of the line before. True if
    /// the line has a signature of its own, and it is good.
    fn accept(&mut self, read: &Read<'_>, seq: u64, before: Hash) -> bool {
        self.last = Some(Last { place: read.place, seq, hash: read.hash, before });
        self.content.check(read, seq, &mut self.report)
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
