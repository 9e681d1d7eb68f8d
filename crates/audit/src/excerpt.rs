//! What stands before a part of a record, so that the part can be verified by itself.

use serde::{Deserialize, Serialize};

use crate::hash::{Anchor, HashAlgorithm};
use crate::key::{PublicKey, SignatureAlgorithm};
use crate::line::Opening;
use crate::line::{
    Body, LINE_BYTES_MAX, Line, LineError, NamedKey, RecordId, VERSION, signed_part,
};

/// How many lines by which keys were handed over an excerpt carries: the latest ones.
pub const HANDOVERS_MAX: usize = 200;

/// The first line of an export that begins later than the record. It is not signed itself: each
/// key in it is introduced by the one before, and the first is known to whoever verifies, or not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Excerpt {
    kind: Kind,
    version: u32,
    pub(crate) record: RecordId,
    pub(crate) hash: HashAlgorithm,
    signature: SignatureAlgorithm,
    /// The key before the first handover.
    pub(crate) key: NamedKey,
    /// Lines of kind `key`, as they stand in the record.
    handovers: Vec<String>,
    /// The line before the first one that follows.
    pub(crate) before: Anchor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Excerpt,
}

impl Excerpt {
    /// Of the record that `opening` opens, whose key the first handover replaces.
    pub fn new(opening: &Opening, handovers: &[Vec<u8>], before: Anchor) -> Excerpt {
        let later = handovers.len().saturating_sub(HANDOVERS_MAX);
        let (left_out, handovers) = handovers.split_at(later);
        let introduced = left_out.last().and_then(|line| introduced(line));
        let text = |line: &Vec<u8>| String::from_utf8_lossy(line).into_owned();
        Excerpt {
            kind: Kind::Excerpt,
            version: VERSION,
            record: opening.record,
            hash: opening.hash,
            signature: opening.signature,
            key: introduced.unwrap_or(opening.key),
            handovers: handovers.iter().map(text).collect(),
            before,
        }
    }

    /// Without the end of line.
    pub fn print(&self) -> Vec<u8> {
        // As of a line: nothing in it can fail to be written.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Does a text begin as one does? No line of a record does.
    pub(crate) fn is_one(text: &[u8]) -> bool {
        text.starts_with(br#"{"kind":"excerpt","#)
    }

    pub(crate) fn parse(text: &[u8]) -> Result<Excerpt, LineError> {
        if text.len() > EXCERPT_BYTES_MAX {
            return Err(LineError::TooLong);
        }
        let excerpt: Excerpt = serde_json::from_slice(text).map_err(|_| LineError::Members)?;
        if excerpt.version != VERSION {
            return Err(LineError::Version(excerpt.version));
        }
        let is_form = excerpt.print() == text && excerpt.handovers.len() <= HANDOVERS_MAX;
        if is_form { Ok(excerpt) } else { Err(LineError::Form) }
    }

    /// The keys in their turn, the first one included. Nothing if one of them was not introduced
    /// by the one before it.
    pub(crate) fn keys(&self) -> Option<Vec<PublicKey>> {
        let mut keys = vec![self.key.fits().then_some(self.key.public)?];
        for text in &self.handovers {
            let before = *keys.last()?;
            let line = Line::parse(text.as_bytes()).ok()?;
            let Body::Key { new, key, sig } = line.body else { return None };
            let signed = key == before.id() && before.verifies(signed_part(text.as_bytes()), &sig);
            keys.push((signed && new.fits()).then_some(new.public)?);
        }
        Some(keys)
    }
}

/// It is read by what reads lines.
const EXCERPT_BYTES_MAX: usize = LINE_BYTES_MAX;

/// More than a line of kind `key` has, every quotation mark in it escaped.
const HANDOVER_BYTES_MAX: usize = 640;

const _: () = assert!(HANDOVERS_MAX * HANDOVER_BYTES_MAX + 1_024 <= EXCERPT_BYTES_MAX);

fn introduced(line: &[u8]) -> Option<NamedKey> {
    match Line::parse(line).ok()?.body {
        Body::Key { new, .. } => Some(new),
        _ => None,
    }
}
