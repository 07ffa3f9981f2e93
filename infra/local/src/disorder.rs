//! What a queue and a stream's reader may do to the order and number of messages: at-least-once delivery, in any order.

/// The disorder to create. The default creates none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Disorder {
    /// Each message and each record is delivered twice.
    pub duplicates: bool,
    /// In another order. The stream's reader keeps the order of one item's records, the queue keeps none.
    pub reorder: bool,
    /// The same seed gives the same order.
    pub seed: u64,
}

impl Disorder {
    /// Everything twice and in another order.
    pub fn full(seed: u64) -> Self {
        Self { duplicates: true, reorder: true, seed }
    }
}

/// Numbers that look random and repeat with the seed.
#[derive(Debug, Clone)]
pub struct Random(fastrand::Rng);

impl Default for Random {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// The next 64 bits, which can also seed another sequence.
    pub fn next_seed(&mut self) -> u64 {
        self.0.u64(..)
    }

    /// A number below `bound`; 0 if that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0.usize(..bound.max(1))
    }

    /// One of `weighted`, with the probability of its weight.
    ///
    /// # Panics
    /// If no weight is above 0.
    pub fn choose<T: Copy>(&mut self, weighted: &[(usize, T)]) -> T {
        let mut drawn = self.below(weighted.iter().map(|(weight, _)| weight).sum());
        let chosen = weighted.iter().find(|(weight, _)| match drawn.checked_sub(*weight) {
            Some(rest) => {
                drawn = rest;
                false
            }
            None => true,
        });
        chosen.expect("a weight above 0").1
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        self.0.shuffle(items);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_as_likely_as_its_weight() {
        let mut random = Random::new(3);
        let mut counts = [0; 3];
        for _ in 0..1000 {
            counts[random.choose(&[(1, 0), (0, 1), (3, 2)])] += 1;
        }
        assert!((200..300).contains(&counts[0]) && counts[1] == 0, "{counts:?}");
    }

    #[test]
    fn a_seed_repeats_its_order_and_another_has_another() {
        let order = |seed| {
            let mut items: Vec<_> = (0..20).collect();
            Random::new(seed).shuffle(&mut items);
            items
        };
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
        let mut sorted = order(1);
        sorted.sort_unstable();
        assert_eq!(sorted, (0..20).collect::<Vec<_>>());
    }
}
