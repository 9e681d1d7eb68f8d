//! What a verification found.

use std::fmt;

use crate::hash::Anchor;
use crate::key::KeyId;
use crate::line::{LineError, NamedKey, RecordId};

/// How many findings a report lists; further ones are counted.
pub const FINDINGS_MAX: usize = 100;

/// What a verification found, and how far what it looked at goes.
#[derive(Debug, Default)]
pub struct Report {
    pub record: Option<RecordId>,
    /// How many lines there were, and what they were.
    pub lines: u64,
    pub entries: u64,
    pub heads: u64,
    pub gaps: u64,
    /// The number of the first line.
    pub first: Option<u64>,
    pub begins: Begins,
    /// The last line: worth keeping elsewhere.
    pub last: Option<Anchor>,
    /// Up to here a good signature covers the record. What follows could be cut without a trace,
    /// unless an anchor tells.
    pub signed: Option<u64>,
    /// The key that signed last.
    pub key: Option<NamedKey>,
    /// Is it one of those that were given, or introduced by one that is?
    pub key_known: bool,
    /// How many anchors the record agrees with.
    pub anchors_met: u64,
    /// In the order of the lines.
    pub findings: Vec<Finding>,
    /// How many more there are.
    pub findings_left_out: u64,
}

/// Where the lines begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Begins {
    /// There is no line, or none that can be read.
    #[default]
    Nowhere,
    /// With the first line of the record.
    AtTheBeginning,
    /// Later, and a signed line says that what was before was removed by retention.
    AfterRetention,
    /// Later, and the line before it has the hash that an anchor says.
    AfterAnchor,
    /// Later, and nothing tells why.
    InTheMiddle,
}

/// Something is wrong, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// The line: the first is 1.
    pub place: u64,
    /// The number in the record that the line has, or should have.
    pub seq: u64,
    pub fault: Fault,
}

/// What is wrong with a line, or before it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("it cannot be read: {0}")]
    Unreadable(LineError),
    #[error("it was altered")]
    Altered,
    #[error("before it, {} missing", Entries(*first, *last))]
    Missing { first: u64, last: u64 },
    #[error("it stands too early: {} should be before it", Entries(*first, *last))]
    Reordered { first: u64, last: u64 },
    #[error("it was inserted: another line has its number")]
    Repeated,
    #[error(
        "its signature is not good: it was altered, or what stands between the signature before \
         and this one was"
    )]
    Signature,
    #[error("it is signed with key {0}, which is not the one that may sign here")]
    Key(KeyId),
    #[error("it is signed with key {0}, and no key that is known signs this or anything later")]
    KeyUnknown(KeyId),
    #[error("it begins a segment, and the line before it is not signed: lines were put there")]
    SegmentUnsigned,
    #[error("no line before it is signed by a key that is known")]
    Unsigned,
    #[error(
        "it and what follows, {0} lines, are not signed, though a signature was due since: they \
         may be forged"
    )]
    UnsignedEnd(u64),
    #[error("what it says of the record or its key is not what was said before")]
    Opening,
    #[error(
        "it is not the line that an anchor knows by this number: it or the record was replaced"
    )]
    Anchor,
    #[error("the line before it is not the one that an anchor knows: the record was replaced")]
    AnchorBefore,
    #[error("the beginning was cut: nothing accounts for what stood before it")]
    BeginningCut,
    #[error("the end was cut: an anchor knows the record up to {0}")]
    EndCut(u64),
}

/// One entry, or several.
struct Entries(u64, u64);

impl fmt::Display for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Entries(first, last) if first == last => write!(f, "entry {first}"),
            Entries(first, last) => write!(f, "entries {first} to {last}"),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {} (line {}): {}", self.seq, self.place, self.fault)
    }
}

impl Report {
    /// Is there nothing wrong?
    pub fn is_intact(&self) -> bool {
        self.findings.is_empty()
    }

    /// How many lines at the end no good signature covers.
    pub fn unsigned(&self) -> u64 {
        match (self.last, self.signed) {
            (Some(last), Some(signed)) => last.seq.saturating_sub(signed),
            (Some(_), None) => self.lines,
            (None, _) => 0,
        }
    }

    /// One finding for each place: the first tells what was done, others only what follows.
    pub(super) fn find(&mut self, place: u64, seq: u64, fault: Fault) {
        if self.has(place) {
            return;
        }
        if self.findings.len() == FINDINGS_MAX {
            self.findings_left_out += 1;
        } else {
            self.findings.push(Finding { place, seq, fault });
        }
    }

    pub(super) fn has(&self, place: u64) -> bool {
        self.findings.iter().any(|finding| finding.place == place)
    }

    /// The finding is about another line than was thought.
    pub(super) fn replace(&mut self, place: u64, by: u64) {
        if let Some(finding) = self.findings.iter_mut().find(|finding| finding.place == place) {
            finding.place = by;
        }
    }

    /// A line that was thought missing stands elsewhere. False if none of this number was.
    pub(super) fn reorder(&mut self, seq: u64) -> bool {
        for finding in &mut self.findings {
            match finding.fault {
                Fault::Missing { first, last } if (first..=last).contains(&seq) => {
                    finding.fault = Fault::Reordered { first, last };
                    return true;
                }
                Fault::Reordered { first, last } if (first..=last).contains(&seq) => return true,
                _ => {}
            }
        }
        false
    }
}
