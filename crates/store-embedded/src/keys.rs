//! Keys of index entries: their spaces, and values in an order that bytes keep.

use keyring::Domain;
use model::{DateTime, Timestamp};
use query::CellId;
use smallvec::SmallVec;
use sorted::Slice;

use crate::encryption::domain_of_tenant;
use crate::names::NameId;

/// A number that stands for an entity, unique in the store, never used again: the domain of its
/// tenant in the upper 24 bits, a count in the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityNumber(pub u64);

/// More entities than this were never made in one store.
pub const ENTITIES_MADE_MAX: u64 = (1 << COUNT_BITS) - 1;

/// The domain of a tenant has to fit into the number of an entity.
pub const TENANT_MAX: NameId = NameId((1 << (64 - COUNT_BITS)) - 2);

const COUNT_BITS: u32 = 40;

impl EntityNumber {
    /// `tenant` and `count` are within their bounds.
    pub fn new(tenant: NameId, count: u64) -> EntityNumber {
        EntityNumber(u64::from(domain_of_tenant(tenant)) << COUNT_BITS | count)
    }

    pub fn domain(self) -> Domain {
        (self.0 >> COUNT_BITS) as Domain
    }

    pub fn count(self) -> u64 {
        self.0 & ENTITIES_MADE_MAX
    }
}

/// What an entry says of the entity whose number ends its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Space {
    /// It has this type.
    Type = 1,
    /// It has this attribute, and no value or cell of it is in the index.
    Attribute = 2,
    /// It has this value at this path.
    Value = 3,
    /// This attribute holds more than the index takes, so that it must be looked at.
    Unindexed = 4,
    /// This GeoProperty lies in this cell.
    Cell = 5,
    /// It has this scope.
    Scope = 6,
    /// It, or something in it, expires at this moment.
    Expiry = 7,
    /// Its evolution has this type; the entity has not, or is gone.
    PastType = 8,
    /// Its evolution has this attribute; the entity has not, or is gone.
    PastAttribute = 9,
}

/// The count of an entity's number takes five bytes of a key; the tenant stands before.
const COUNT_BYTES: usize = 5;

/// Expiries of all tenants lie together, so that one look finds what is due: the number is whole.
pub const EVERY_TENANT: NameId = NameId(u32::MAX);

/// Texts longer than this are cut, and told apart by a hash.
const TEXT_BYTES_MAX: usize = 40;

/// A key under construction; nearly all fit in here without an allocation.
#[derive(Clone, Debug)]
pub struct Key(KeyBytes);

type KeyBytes = SmallVec<[u8; 64]>;

impl Key {
    pub fn new(space: Space, tenant: NameId) -> Key {
        let mut key = Key(KeyBytes::new());
        key.0.push(space as u8);
        key.name(tenant)
    }

    /// No number is the start of another, so that a prefix of a key names one thing. Short keys
    /// matter: up to 20 bytes the tables hold them without an allocation.
    pub fn name(mut self, name: NameId) -> Key {
        let mut number = name.0;
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
        self
    }

    pub fn cell(mut self, cell: u64) -> Key {
        self.0.extend_from_slice(&cell.to_be_bytes());
        self
    }

    /// The levels of a scope, each closed, so that a prefix is a branch of the tree.
    pub fn scope<'a>(mut self, levels: impl Iterator<Item = &'a str>) -> Key {
        for level in levels {
            self.0.extend_from_slice(level.as_bytes());
            self.0.push(b'/');
        }
        self
    }

    /// Closes a scope, so that scopes below it have other keys.
    pub fn end_of_scope(mut self) -> Key {
        self.0.push(0);
        self
    }

    pub fn moment(mut self, moment: Timestamp) -> Key {
        self.0.extend_from_slice(&ordered(moment.0));
        self
    }

    pub fn value(mut self, value: &IndexValue<'_>) -> Key {
        value.put(&mut self.0);
        self
    }

    /// Only as much of a text as its order goes by.
    pub fn text_start(mut self, text: &str) -> Key {
        self.0.push(TEXT);
        self.0.extend(text.bytes().take(TEXT_BYTES_MAX).map(without_zero));
        self
    }

    pub fn tag(mut self, tag: u8) -> Key {
        self.0.push(tag);
        self
    }

    pub fn number(mut self, number: EntityNumber) -> Slice {
        let number = number.0.to_be_bytes();
        let start = if is_expiry(&self.0) { 0 } else { number.len() - COUNT_BYTES };
        self.0.extend_from_slice(&number[start..]);
        Slice::from(&*self.0)
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0.into_vec()
    }
}

/// The number that ends a key.
pub fn number_of(key: &[u8]) -> EntityNumber {
    let number = |bytes: usize| {
        let tail = &key[key.len().saturating_sub(bytes)..];
        tail.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
    };
    match tenant_in(key) {
        Some(tenant) if !is_expiry(key) => EntityNumber::new(tenant, number(COUNT_BYTES)),
        _ => EntityNumber(number(8)),
    }
}

fn is_expiry(key: &[u8]) -> bool {
    key.first() == Some(&(Space::Expiry as u8))
}

/// The tenant in a key, behind its space.
pub fn tenant_in(key: &[u8]) -> Option<NameId> {
    let mut number = 0;
    for (byte, shift) in key.get(1..)?.iter().zip((0..32).step_by(7)) {
        number |= u32::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(NameId(number));
        }
    }
    None
}

/// The cell in a key of [`Space::Cell`].
pub fn cell_of(key: &[u8]) -> Option<CellId> {
    let before = key.len().checked_sub(COUNT_BYTES + 8)?;
    let cell = key.get(before..)?.first_chunk().copied()?;
    CellId::from_u64(u64::from_be_bytes(cell))
}

/// A scalar as the index sees it.
#[derive(Clone, Debug, PartialEq)]
pub enum IndexValue<'a> {
    Number(f64),
    Boolean(bool),
    Text(&'a str),
    Moment(Timestamp),
}

pub const NUMBER: u8 = 1;
pub const BOOLEAN: u8 = 2;
pub const TEXT: u8 = 3;
pub const MOMENT: u8 = 4;

impl IndexValue<'_> {
    fn put(&self, out: &mut KeyBytes) {
        match self {
            IndexValue::Number(number) => {
                out.push(NUMBER);
                // -0 and 0 are the same number.
                let bits = (if *number == 0.0 { 0.0 } else { *number }).to_bits() as i64;
                // IEEE 754 orders like integers, negative ones the other way round.
                out.extend_from_slice(&ordered(bits ^ ((bits >> 63) as u64 >> 1) as i64));
            }
            IndexValue::Boolean(boolean) => out.extend([BOOLEAN, u8::from(*boolean)]),
            IndexValue::Text(text) => {
                out.push(TEXT);
                out.extend(text.bytes().take(TEXT_BYTES_MAX).map(without_zero));
                out.push(0);
                if text.len() > TEXT_BYTES_MAX {
                    out.extend_from_slice(&crc32c::crc32c(text.as_bytes()).to_be_bytes());
                }
            }
            IndexValue::Moment(moment) => {
                out.push(MOMENT);
                out.extend_from_slice(&ordered(moment.0));
            }
        }
    }
}

/// The moment that a text stands for, if it does.
pub fn moment_of(text: &str) -> Option<Timestamp> {
    // Most texts are told apart by their length or their last letter.
    let plausible = (20..=27).contains(&text.len()) && text.ends_with('Z');
    plausible.then(|| DateTime::parse(text).ok()).flatten().map(|moment| moment.instant())
}

/// Zero ends a text; candidates are looked at anyway, so that two texts may share a key.
fn without_zero(byte: u8) -> u8 {
    byte.max(1)
}

/// Signed numbers as bytes that compare alike.
fn ordered(number: i64) -> [u8; 8] {
    (number as u64 ^ 1 << 63).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(value: &IndexValue<'_>) -> Vec<u8> {
        Key::new(Space::Value, NameId(0)).name(NameId(1)).value(value).into_bytes()
    }

    proptest! {
        #[test]
        fn numbers_and_moments_compare_like_their_keys(a: f64, b: f64, m: i64, n: i64) {
            prop_assume!(!a.is_nan() && !b.is_nan());
            prop_assert_eq!(
                a.partial_cmp(&b).unwrap(),
                key(&IndexValue::Number(a)).cmp(&key(&IndexValue::Number(b)))
            );
            let moment = |micros| key(&IndexValue::Moment(Timestamp(micros)));
            prop_assert_eq!(m.cmp(&n), moment(m).cmp(&moment(n)));
        }

        #[test]
        fn texts_never_compare_against_their_keys(a in ".{0,60}", b in ".{0,60}") {
            let order = key(&IndexValue::Text(&a)).cmp(&key(&IndexValue::Text(&b)));
            let starts = (a.as_bytes().iter().take(40), b.as_bytes().iter().take(40));
            if !a.contains('\0') && !b.contains('\0') && !starts.0.eq(starts.1) {
                prop_assert_eq!(order, a.as_bytes().cmp(b.as_bytes()));
            }
        }

        #[test]
        fn a_key_ends_with_its_number(tenant in 0..=TENANT_MAX.0, count in 0..=ENTITIES_MADE_MAX) {
            let number = EntityNumber::new(NameId(tenant), count);
            prop_assert_eq!((number.domain(), number.count()), (tenant + 1, count));
            let key = Key::new(Space::Type, NameId(tenant)).name(NameId(2)).number(number);
            prop_assert_eq!(number_of(&key), number);
            let key = Key::new(Space::Expiry, EVERY_TENANT).moment(Timestamp(0)).number(number);
            prop_assert_eq!(number_of(&key), number);
        }
    }
}
