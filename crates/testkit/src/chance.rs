//! Chance that repeats: the same seed throws the same dice.

/// A xorshift64* generator. Good enough to find bugs with, and for nothing else.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// Neighbouring seeds give unlike sequences.
    pub fn new(seed: u64) -> Chance {
        // One step of splitmix64; the generator must not start at zero.
        let mut mixed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Chance((mixed ^ (mixed >> 31)).max(1))
    }

    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number from 0 to `end`, not included; `end` is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }

    /// True once in `times`, on average.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of these; there must be one.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// Between `least` and `most` things, both included.
    pub fn list<T>(
        &mut self,
        least: usize,
        most: usize,
        mut make: impl FnMut(&mut Chance) -> T,
    ) -> Vec<T> {
        let count = least + self.below(most - least + 1);
        (0..count).map(|_| make(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_its_neighbour_differs() {
        let throws = |seed| {
            let mut chance = Chance::new(seed);
            chance.list(20, 20, |chance| chance.below(1_000))
        };
        assert_eq!(throws(7), throws(7));
        assert_ne!(throws(7), throws(8));
        assert_ne!(throws(0), throws(1));
    }

    #[test]
    fn every_face_of_a_die_shows() {
        let mut chance = Chance::new(1);
        let mut seen = [0; 6];
        (0..600).for_each(|_| seen[chance.below(6)] += 1);
        assert!(seen.iter().all(|count| (50..150).contains(count)), "{seen:?}");
    }
}
