//! Sealing: entries in, lines out, each tied to the one before.

use model::Timestamp;

use crate::entry::Entry;
use crate::hash::{Anchor, Hash};
use crate::key::{PublicKey, Signature, SigningKey};
use crate::line::{Body, Gap, Line, LineError, NamedKey, Opening, RecordId, sign};

/// The end of a record, to which lines are added.
#[derive(Clone, Debug)]
pub struct Chain {
    opening: Opening,
    key: SigningKey,
    mark: Mark,
}

/// How far a chain is. Whoever could not keep the lines it gave goes back to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    last: Anchor,
    /// How many lines no head has signed.
    unsigned: u64,
}

/// Why a record cannot be continued.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    #[error("the first line of the segment cannot be read: {0}")]
    First(LineError),
    #[error("the segment does not begin with the line that opens one")]
    NotAnOpening,
    #[error("the last line cannot be read: {0}")]
    Last(LineError),
    #[error("the record is signed with key {expected}; the key at hand is {found}")]
    OtherKey { expected: String, found: String },
}

impl Mark {
    /// The last line before it.
    pub fn last(&self) -> Anchor {
        self.last
    }
}

impl Chain {
    /// A new record, and its first line.
    pub fn begin(record: RecordId, key: SigningKey, at: Timestamp) -> (Chain, Vec<u8>) {
        let opening = Opening::new(record, key.public());
        let mark = Mark { last: Anchor { seq: 0, hash: Hash::NOTHING }, unsigned: 0 };
        let mut chain = Chain { opening: opening.clone(), key, mark };
        let line = chain.line(at, Body::Record(opening));
        (chain, line)
    }

    /// Goes on after `last`; `first` is the first line of the segment in which it stands. Both are
    /// trusted as they are: to find out whether they may be is what verifying is for.
    pub fn resume(first: &[u8], last: &[u8], key: SigningKey) -> Result<Chain, ResumeError> {
        let first = Line::parse(first).map_err(ResumeError::First)?;
        let (Body::Record(mut opening) | Body::Segment(mut opening)) = first.body else {
            return Err(ResumeError::NotAnOpening);
        };
        let line = Line::parse(last).map_err(ResumeError::Last)?;
        if let Body::Key { new, .. } = &line.body {
            opening.key = *new;
        }
        let last = Anchor { seq: line.seq, hash: opening.hash.hash(last) };
        // How many there are is not known; one is enough for the next head to be due.
        let unsigned = u64::from(line.signed().is_none());
        Chain::after(opening, last, unsigned, key)
    }

    /// Goes on after a line that need not be readable, with so many lines that no head signs. The
    /// key in the opening is the one that is to sign from here on.
    pub fn after(
        opening: Opening,
        last: Anchor,
        unsigned: u64,
        key: SigningKey,
    ) -> Result<Chain, ResumeError> {
        if opening.key.id != key.public().id() {
            let (expected, found) = (opening.key.id.to_string(), key.public().id().to_string());
            return Err(ResumeError::OtherKey { expected, found });
        }
        Ok(Chain { opening, key, mark: Mark { last, unsigned } })
    }

    /// The last line.
    pub fn last(&self) -> Anchor {
        self.mark.last
    }

    /// How many lines no head has signed yet.
    pub fn unsigned(&self) -> u64 {
        self.mark.unsigned
    }

    pub fn public_key(&self) -> PublicKey {
        self.key.public()
    }

    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// As if nothing had been sealed since. Keys do not go back: rotate only where all is kept.
    pub fn go_back(&mut self, mark: Mark) {
        self.mark = mark;
    }

    /// The line of an entry. Like every line here, it ends without an end of line.
    pub fn seal(&mut self, at: Timestamp, entry: Entry) -> Vec<u8> {
        self.line(at, Body::Entry(Box::new(entry)))
    }

    /// Signs everything up to here.
    pub fn head(&mut self, at: Timestamp) -> Vec<u8> {
        let (key, sig) = (self.key.public().id(), Signature::PLACE);
        self.line(at, Body::Head { key, sig })
    }

    /// Hands over to another key, with a line that the present one signs. A segment ends here: the
    /// next line is to be [`Chain::segment`].
    pub fn rotate(&mut self, at: Timestamp, key: SigningKey) -> Vec<u8> {
        let new = NamedKey::of(key.public());
        let body = Body::Key { new, key: self.key.public().id(), sig: Signature::PLACE };
        let line = self.line(at, body);
        self.opening.key = new;
        self.key = key;
        line
    }

    /// The first line of a further segment.
    pub fn segment(&mut self, at: Timestamp) -> Vec<u8> {
        let opening = self.opening.clone();
        self.line(at, Body::Segment(opening))
    }

    pub fn gap(&mut self, at: Timestamp, gap: Gap) -> Vec<u8> {
        self.line(at, Body::Gap(gap))
    }

    /// Says that lines are removed: all before the one numbered `first`, of which the last has the
    /// hash `before`. To be said, signed and kept before they are.
    pub fn retention(&mut self, at: Timestamp, first: u64, before: Hash) -> Vec<u8> {
        self.line(at, Body::Retention { first, before })
    }

    fn line(&mut self, at: Timestamp, body: Body) -> Vec<u8> {
        let Anchor { seq, hash: prev } = self.mark.last;
        let mut line = Line { seq: seq + 1, prev, at, body };
        self.mark.unsigned += 1;
        if line.signed().is_some() {
            sign(&mut line, &self.key);
            self.mark.unsigned = 0;
        }
        let text = line.print();
        self.mark.last = Anchor { seq: seq + 1, hash: self.opening.hash.hash(&text) };
        text
    }
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
