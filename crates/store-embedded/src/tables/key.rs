//! Keys as the maps in memory hold them: compared as numbers, not byte by byte.

use std::cmp::Ordering;

use sorted::Slice;

/// A key, in the order of its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayerKey {
    /// Up to [`SHORT_BYTES_MAX`] bytes from the top down, zeros behind them, and their number last:
    /// as numbers they compare as the bytes do.
    Short([u64; 3]),
    Long(Slice),
}

const SHORT_BYTES_MAX: usize = 23;

impl LayerKey {
    pub fn of(bytes: &[u8]) -> LayerKey {
        LayerKey::short(bytes).unwrap_or_else(|| LayerKey::Long(bytes.into()))
    }

    pub fn of_slice(slice: Slice) -> LayerKey {
        LayerKey::short(&slice).unwrap_or(LayerKey::Long(slice))
    }

    fn short(bytes: &[u8]) -> Option<LayerKey> {
        let mut padded = [0; SHORT_BYTES_MAX + 1];
        padded
            .get_mut(..bytes.len())
            .filter(|room| room.len() <= SHORT_BYTES_MAX)?
            .copy_from_slice(bytes);
        padded[SHORT_BYTES_MAX] = bytes.len() as u8;
        let mut words = [0; 3];
        for (word, bytes) in words.iter_mut().zip(padded.as_chunks().0) {
            *word = u64::from_be_bytes(*bytes);
        }
        Some(LayerKey::Short(words))
    }

    pub fn len(&self) -> usize {
        match self {
            LayerKey::Short([_, _, last]) => usize::from(*last as u8),
            LayerKey::Long(slice) => slice.len(),
        }
    }

    pub fn to_slice(&self) -> Slice {
        match self {
            LayerKey::Short(words) => Slice::from(&unpacked(*words)[..self.len()]),
            LayerKey::Long(slice) => slice.clone(),
        }
    }

    /// Hands the bytes to `read`.
    pub fn with_bytes<T>(&self, read: impl FnOnce(&[u8]) -> T) -> T {
        match self {
            LayerKey::Short(words) => read(&unpacked(*words)[..self.len()]),
            LayerKey::Long(slice) => read(slice),
        }
    }
}

fn unpacked(words: [u64; 3]) -> [u8; SHORT_BYTES_MAX + 1] {
    let mut bytes = [0; SHORT_BYTES_MAX + 1];
    for (room, word) in bytes.as_chunks_mut().0.iter_mut().zip(words) {
        *room = word.to_be_bytes();
    }
    bytes
}

impl Ord for LayerKey {
    fn cmp(&self, other: &LayerKey) -> Ordering {
        match (self, other) {
            (LayerKey::Short(a), LayerKey::Short(b)) => a.cmp(b),
            (LayerKey::Long(a), LayerKey::Long(b)) => a.cmp(b),
            (LayerKey::Short(_), LayerKey::Long(b)) => self.with_bytes(|a| a.cmp(&**b)),
            (LayerKey::Long(a), LayerKey::Short(_)) => other.with_bytes(|b| (**a).cmp(b)),
        }
    }
}

impl PartialOrd for LayerKey {
    fn partial_cmp(&self, other: &LayerKey) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::sample::select(vec![0, 1, 0x7f, 0xff]), 0..30)
    }

    proptest! {
        #[test]
        fn keys_are_in_the_order_of_their_bytes(a in bytes(), b in bytes()) {
            let (key_a, key_b) = (LayerKey::of(&a), LayerKey::of_slice(b.as_slice().into()));
            prop_assert_eq!(key_a.cmp(&key_b), a.cmp(&b));
            prop_assert_eq!(&*key_a.to_slice(), &a[..]);
            prop_assert_eq!(key_b.with_bytes(<[u8]>::to_vec), b);
        }
    }
}
