//! One line of a record: JSON with its members in one fixed order, written in one way only.

use model::{DateTime, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::error::Category;

use crate::entry::{DETAILS_MAX, Entry};
use crate::hash::{Hash, HashAlgorithm, hex, unhex};
use crate::key::{KeyId, PublicKey, Signature, SignatureAlgorithm, SigningKey};
use crate::text::Text;

/// How long a line may be. The longest entry, every character of it escaped, is shorter.
pub const LINE_BYTES_MAX: usize = 128 * 1024;

/// How long the name of a file may be that was set aside.
pub const FILE_BYTES_MAX: usize = 128;

/// The version of the form of lines.
pub const VERSION: u32 = 1;

/// A line as it is read and written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// One more than that of the line before; 1 in the first line of a record.
    pub seq: u64,
    /// The hash of the line before; [`Hash::NOTHING`] in the first line of a record.
    pub prev: Hash,
    /// When, to the microsecond.
    #[serde(with = "moment")]
    pub at: Timestamp,
    #[serde(flatten)]
    pub body: Body,
}

/// What a line is for. Lines that carry `sig` are signed: up to, and without, that member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Body {
    /// The first line of a record.
    Record(Opening),
    /// The first line of every further segment: what a reader must know that begins here.
    Segment(Opening),
    Entry(Box<Entry>),
    /// Signs everything up to here.
    Head {
        key: KeyId,
        sig: Signature,
    },
    /// From here on `new` signs; said by the key before it.
    Key {
        new: NamedKey,
        key: KeyId,
        sig: Signature,
    },
    /// Something is not in the record, or was taken out of it, and this is why.
    Gap(Gap),
    /// What is older than retention keeps is removed: everything before `first`.
    Retention {
        first: u64,
        /// The hash of the last line that is removed.
        before: Hash,
    },
}

/// What is said at the beginning of a record, and of each of its segments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    pub version: u32,
    pub record: RecordId,
    pub hash: HashAlgorithm,
    pub signature: SignatureAlgorithm,
    /// The key that signs.
    pub key: NamedKey,
}

/// Tells one record from another: 128 bits of chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecordId(pub [u8; 16]);

/// A public key and its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedKey {
    pub id: KeyId,
    pub public: PublicKey,
}

/// What is not in the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    pub cause: GapCause,
    /// How many entries were lost, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
    /// How many bytes were set aside, and where they lie now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Where the cause is [`GapCause::Damaged`], the file that lies where it lay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aside: Option<Text<FILE_BYTES_MAX>>,
    /// How many lines before this one no head had signed. Where the record was not ended in good
    /// order, that is how many could have been put there by someone without the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsigned: Option<u64>,
}

/// Why there is a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapCause {
    /// The process or the machine stopped in the middle of a line.
    Torn,
    /// Entries could not be written, and the settings say to go on.
    Lost,
    /// The process before this one did not end the record: what it knew to be lost, and what waited
    /// for the disk, is not told.
    Unclean,
    /// Lines before this one cannot be read or are not tied to each other; the record goes on.
    Damaged,
    /// There was a key that signed a record, and no line of it.
    Missing,
}

impl GapCause {
    pub const ALL: [GapCause; 5] =
        [GapCause::Torn, GapCause::Lost, GapCause::Unclean, GapCause::Damaged, GapCause::Missing];

    /// As lines of the record have it.
    pub fn name(self) -> &'static str {
        match self {
            GapCause::Torn => "torn",
            GapCause::Lost => "lost",
            GapCause::Unclean => "unclean",
            GapCause::Damaged => "damaged",
            GapCause::Missing => "missing",
        }
    }
}

impl Gap {
    /// Of which nothing more is known.
    pub fn of(cause: GapCause) -> Gap {
        Gap { cause, entries: None, bytes: None, aside: None, unsigned: None }
    }
}

/// Why a text is not a line of a record. It repeats nothing of the text: whoever altered it could
/// otherwise say what they like on the terminal of whoever verifies it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    #[error("it is longer than {LINE_BYTES_MAX} bytes")]
    TooLong,
    #[error("it is not JSON from byte {0} on")]
    Json(usize),
    #[error("it ends in the middle")]
    Torn,
    #[error("its members or their values are not those of a line")]
    Members,
    #[error("it has {0} details; {DETAILS_MAX} is the most")]
    Details(usize),
    #[error("it is of version {0}; this program knows {VERSION}")]
    Version(u32),
    #[error("it is of a kind that this program does not know")]
    Kind,
    #[error("it is not written as lines are: other members, order, spaces or escapes")]
    Form,
}

impl Line {
    /// Reads a line, without the end of line. Only what [`Line::print`] gives is taken.
    pub fn parse(text: &[u8]) -> Result<Line, LineError> {
        if text.len() > LINE_BYTES_MAX {
            return Err(LineError::TooLong);
        }
        let line: Line = serde_json::from_slice(text).map_err(|error| not_a_line(text, &error))?;
        match &line.body {
            Body::Entry(entry) if entry.details.len() > DETAILS_MAX => {
                return Err(LineError::Details(entry.details.len()));
            }
            Body::Record(opening) | Body::Segment(opening) if opening.version != VERSION => {
                return Err(LineError::Version(opening.version));
            }
            _ => {}
        }
        if line.print() == text { Ok(line) } else { Err(LineError::Form) }
    }

    /// Without the end of line.
    pub fn print(&self) -> Vec<u8> {
        // Fails only for maps whose keys are not text, and for what refuses to be written; there
        // is neither.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The key that a signed line says has signed it, and its signature.
    pub(crate) fn signed(&self) -> Option<(KeyId, &Signature)> {
        match &self.body {
            Body::Head { key, sig } | Body::Key { key, sig, .. } => Some((*key, sig)),
            _ => None,
        }
    }
}

impl LineError {
    /// Is it a line that a newer version of this program may have written?
    pub fn is_newer(&self) -> bool {
        matches!(self, LineError::Kind) || matches!(self, LineError::Version(of) if VERSION < *of)
    }
}

fn not_a_line(text: &[u8], error: &serde_json::Error) -> LineError {
    match error.classify() {
        Category::Io | Category::Syntax => LineError::Json(error.column()),
        Category::Eof => LineError::Torn,
        Category::Data => foreign(text).unwrap_or(LineError::Members),
    }
}

/// Every kind of line that this program knows.
const KINDS: [&str; 7] = ["record", "segment", "entry", "head", "key", "gap", "retention"];

/// JSON that is a line of another version, by what all versions have in common.
fn foreign(text: &[u8]) -> Option<LineError> {
    #[derive(Deserialize)]
    struct Common {
        #[serde(rename = "seq")]
        _seq: u64,
        #[serde(rename = "prev")]
        _prev: String,
        kind: String,
        version: Option<u32>,
    }
    let Common { kind, version, .. } = serde_json::from_slice(text).ok()?;
    if let Some(version) = version.filter(|version| *version != VERSION) {
        return Some(LineError::Version(version));
    }
    (!KINDS.contains(&kind.as_str())).then_some(LineError::Kind)
}

/// The part of a signed line that is signed.
pub(crate) fn signed_part(line: &[u8]) -> &[u8] {
    /// `,"sig":"` and the signature, and `"}`.
    const REST: usize = r#","sig":""#.len() + 128 + r#""}"#.len();
    &line[..line.len().saturating_sub(REST)]
}

/// Puts the signature at the end of a line that has anything in its place.
pub(crate) fn sign(line: &mut Line, with: &SigningKey) {
    let printed = line.print();
    let signature = with.sign(signed_part(&printed));
    if let Body::Head { sig, .. } | Body::Key { sig, .. } = &mut line.body {
        *sig = signature;
    }
}

impl Opening {
    pub fn new(record: RecordId, key: PublicKey) -> Opening {
        Opening {
            version: VERSION,
            record,
            hash: HashAlgorithm::default(),
            signature: SignatureAlgorithm::default(),
            key: NamedKey::of(key),
        }
    }
}

impl NamedKey {
    pub fn of(public: PublicKey) -> NamedKey {
        NamedKey { id: public.id(), public }
    }

    /// Is the id the one of the key?
    pub(crate) fn fits(&self) -> bool {
        self.public.id() == self.id
    }
}

impl TryFrom<String> for RecordId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<RecordId, &'static str> {
        unhex(&text).map(RecordId).ok_or("not the id of a record: 32 of the digits 0-9 and a-f")
    }
}

impl From<RecordId> for String {
    fn from(id: RecordId) -> String {
        hex(&id.0)
    }
}

/// Moments as text, to the microsecond, so that there is one way to write each.
mod moment {
    use super::*;

    const DIGITS: u8 = DateTime::DIGITS_MAX;

    pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(DateTime::new(*at, DIGITS).text().as_str())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(from)?;
        let read = DateTime::parse(&text).map_err(serde::de::Error::custom)?;
        Ok(read.instant())
    }
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
