//! Series: the readings of one attribute and dataset, and the keys under which they lie.

use model::{Timestamp, Uri};
use smallvec::SmallVec;

use crate::bytes::{Malformed, Reader};
use crate::keys::EntityNumber;
use crate::names::NameId;

/// By which moment the readings of a series stand in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Axis {
    /// When they were observed, by their own account.
    Observed = 0,
    /// When they were recorded, as they do not say.
    Recorded = 1,
}

impl Axis {
    pub fn from_number(number: u64) -> Option<Axis> {
        match number {
            0 => Some(Axis::Observed),
            1 => Some(Axis::Recorded),
            _ => None,
        }
    }
}

/// Names a series of an entity; the bytes are the part of its keys after the entity's number, in
/// whose order series stand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesKey(SmallVec<[u8; 16]>);

impl SeriesKey {
    pub fn new(attribute: NameId, dataset: Option<&Uri>, axis: Axis) -> SeriesKey {
        let mut bytes = SmallVec::new();
        bytes.extend(attribute.0.to_be_bytes());
        bytes.extend_from_slice(dataset.map_or("", Uri::as_str).as_bytes());
        bytes.extend([0, axis as u8]);
        SeriesKey(bytes)
    }

    /// The series whose chunk lies under a key, and the moment of the chunk's first reading.
    pub fn of_chunk(key: &[u8]) -> Result<(SeriesKey, i64), Malformed> {
        let mut reader = Reader::new(key);
        let bad = |reader: &Reader<'_>| reader.malformed("the key of a chunk is damaged");
        reader.take(NUMBER_BYTES)?;
        let length = key.len().checked_sub(NUMBER_BYTES + 8).filter(|length| *length >= 6);
        let series = reader.take(length.ok_or_else(|| bad(&reader))?)?;
        let first: [u8; 8] = reader.take(8)?.try_into().map_err(|_| bad(&reader))?;
        let first = (u64::from_be_bytes(first) ^ 1 << 63) as i64;
        Ok((SeriesKey(series.into()), first))
    }

    /// The series of which a block of roll-ups lies under a key.
    pub fn of_roll_up(key: &[u8]) -> Result<SeriesKey, Malformed> {
        let (chunk, end) = key.split_at_checked(key.len().saturating_sub(9)).unwrap_or_default();
        SeriesKey::of_chunk(&[chunk, end.get(1..).unwrap_or_default()].concat()).map(|(key, _)| key)
    }

    pub fn attribute(&self) -> NameId {
        let bytes = self.0.first_chunk().copied().unwrap_or_default();
        NameId(u32::from_be_bytes(bytes))
    }

    pub fn dataset(&self) -> Option<Uri> {
        let dataset = self.0.get(4..self.0.len().saturating_sub(2)).unwrap_or_default();
        let dataset = std::str::from_utf8(dataset).unwrap_or_default();
        (!dataset.is_empty()).then(|| Uri::from_valid(dataset))
    }

    pub fn axis(&self) -> Axis {
        if self.0.last() == Some(&0) { Axis::Observed } else { Axis::Recorded }
    }

    /// What the keys of its chunks begin with.
    pub fn prefix(&self, entity: EntityNumber) -> Vec<u8> {
        [&entity.0.to_be_bytes()[..], &self.0].concat()
    }

    /// The key of the chunk whose first reading stands at a moment.
    pub fn chunk(&self, entity: EntityNumber, first: i64) -> Vec<u8> {
        [&entity.0.to_be_bytes()[..], &self.0, &(first as u64 ^ 1 << 63).to_be_bytes()].concat()
    }
}

/// Keys of history begin with the number of an entity.
pub const NUMBER_BYTES: usize = 8;

/// The entity to which a key of history belongs.
pub fn entity_of(key: &[u8]) -> EntityNumber {
    let number = key.first_chunk().copied().unwrap_or_default();
    EntityNumber(u64::from_be_bytes(number))
}

/// From one moment (included) to another (excluded).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub from: i64,
    pub until: i64,
}

impl Span {
    pub const ALL: Span = Span { from: i64::MIN, until: i64::MAX };

    pub fn between(from: Option<Timestamp>, until: Option<Timestamp>) -> Span {
        let from = from.map_or(i64::MIN, |from| from.0);
        Span { from, until: until.map_or(i64::MAX, |until| until.0) }
    }

    pub fn contains(&self, at: i64) -> bool {
        self.from <= at && (at < self.until || self.until == i64::MAX)
    }
}
