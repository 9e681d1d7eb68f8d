//! Filters: whether a key may be in a part of a file, without looking for it.
//!
//! A Bloom filter of ten bits for each key, which is wrong for about one absent key in a hundred.

use byteview::ByteView;

const BITS_PER_KEY: usize = 10;
const PROBES: u64 = 7;

/// The hash that filters are made of and asked with; part of the format.
pub fn hash(key: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(key)
}

/// Writes a filter of the keys with these hashes to `out`.
pub fn build(hashes: &[u64], out: &mut Vec<u8>) {
    let bytes = (hashes.len() * BITS_PER_KEY).div_ceil(8).max(8);
    out.clear();
    out.resize(bytes, 0);
    for &hash in hashes {
        for bit in probes(hash, bytes) {
            out[bit >> 3] |= 1 << (bit & 7);
        }
    }
}

fn probes(hash: u64, bytes: usize) -> impl Iterator<Item = usize> {
    let bits = bytes as u64 * 8;
    let step = (hash >> 32) | 1;
    (0..PROBES).map(move |probe| {
        // The upper half of the product lies evenly in 0..bits.
        let mixed = hash.wrapping_add(step.wrapping_mul(probe)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        ((u128::from(mixed) * u128::from(bits)) >> 64) as usize
    })
}

#[derive(Clone, Debug)]
pub struct Filter(ByteView);

impl Filter {
    /// Nothing, where the bytes are not a filter.
    pub fn parse(bytes: ByteView) -> Option<Filter> {
        (!bytes.is_empty()).then_some(Filter(bytes))
    }

    pub fn may_hold(&self, hash: u64) -> bool {
        probes(hash, self.0.len()).all(|bit| self.0[bit >> 3] & (1 << (bit & 7)) != 0)
    }

    pub fn bytes(&self) -> usize {
        self.0.len() + size_of::<Filter>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_is_lost_and_few_are_imagined() {
        let hashes: Vec<u64> = (0..20_000_u32).map(|key| hash(&key.to_be_bytes())).collect();
        let mut out = Vec::new();
        build(&hashes, &mut out);
        let filter = Filter::parse(out.into()).unwrap();
        assert!(hashes.iter().all(|hash| filter.may_hold(*hash)));
        let absent = (20_000..120_000_u32).map(|key| hash(&key.to_be_bytes()));
        let wrong = absent.filter(|hash| filter.may_hold(*hash)).count();
        assert!(wrong < 1_500, "{wrong} of 100,000");
    }
}
