//! Seeded, counter-based random numbers (Philox4x32-10, Salmon et al. 2011): a draw depends on its seed and its place
//! alone, so threads, order and batch size do not matter.

use crate::kernels;
pub use rand_philox::Philox;
use rand_philox::{philox4x32_10, splitmix64, u32_to_unit_f32};

/// What draws are for; each purpose has a key of its own under one seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Purpose {
    /// Initial parameters.
    Init = 1,
    /// Dropout masks.
    Dropout = 2,
    /// The order of samples in an epoch.
    Shuffle = 3,
    /// The validation split.
    Split = 4,
    /// Weights from a posterior.
    Posterior = 5,
    /// How an image is augmented.
    Augment = 6,
    /// The seeds of replicas.
    Replicas = 7,
}

const fn key(seed: u64, purpose: Purpose) -> u64 {
    seed ^ (purpose as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The generator for one purpose and stream of a seed; it implements `rand_core`'s traits, so `rand` and its kin take
/// it.
#[must_use]
pub fn stream(seed: u64, purpose: Purpose, stream: u64) -> Philox {
    Philox::from_u64_seed_stream(key(seed, purpose), stream)
}

/// One Fisher–Yates shuffle: every order of `items` is equally likely.
pub fn shuffle(items: &mut [u32], random: &mut Philox) {
    let mut rest = items;
    while let Some(bound) = u32::try_from(rest.len()).ok().filter(|&n| n > 1) {
        let pick = random.bounded(bound) as usize;
        let Some((last, head)) = rest.split_last_mut() else { return };
        if let Some(picked) = head.get_mut(pick) {
            core::mem::swap(picked, last);
        }
        rest = head;
    }
}

/// One draw from N(0, 1) by Marsaglia's polar method (1964): no trigonometry, single precision only.
#[must_use]
pub fn normal(random: &mut Philox) -> f32 {
    loop {
        let (u, v) = (uniform(random), uniform(random));
        let s = u * u + v * v;
        if s < 1.0 && s > 0.0 {
            return u * kernels::sqrt(-2.0 * libm::logf(s) / s);
        }
    }
}

/// Uniform on (−1, 1).
fn uniform(random: &mut Philox) -> f32 {
    symmetric(random.next_u32())
}

/// A word as a number, uniform on (−1, 1).
pub(crate) fn symmetric(word: u32) -> f32 {
    2.0 * u32_to_unit_f32(word) - 1.0
}

/// The dropout masks of one step: eight 16-bit draws a block, addressed by layer, sample and unit.
#[derive(Clone, Copy)]
pub(crate) struct Masks {
    key: [u32; 2],
    step: [u32; 2],
}

impl Masks {
    pub(crate) fn new(seed: u64, step: u64) -> Self {
        let halves = |x: u64| [x as u32, (x >> 32) as u32];
        Self { key: halves(splitmix64(key(seed, Purpose::Dropout))), step: halves(step) }
    }

    /// The draws of units `8·block ..` of one sample in one layer.
    #[inline(always)]
    pub(crate) fn block(&self, layer: u16, sample: u32, block: u16) -> [u16; 8] {
        let unit = u32::from(layer) << 16 | u32::from(block);
        let [a, b, c, d] = philox4x32_10([unit, sample, self.step[0], self.step[1]], self.key);
        let (lo, hi) = (|w: u32| w as u16, |w: u32| (w >> 16) as u16);
        [lo(a), hi(a), lo(b), hi(b), lo(c), hi(c), lo(d), hi(d)]
    }
}

/// The draws of one augmented sample in one epoch, four words a block.
#[cfg(feature = "std")]
#[derive(Clone, Copy)]
pub(crate) struct SampleDraws {
    key: [u32; 2],
    epoch: [u32; 2],
    sample: u32,
}

#[cfg(feature = "std")]
impl SampleDraws {
    pub(crate) fn new(seed: u64, epoch: u64, sample: u32) -> Self {
        let halves = |x: u64| [x as u32, (x >> 32) as u32];
        Self { key: halves(splitmix64(key(seed, Purpose::Augment))), epoch: halves(epoch), sample }
    }

    /// Block `i`.
    #[inline(always)]
    pub(crate) fn block(&self, i: u32) -> [u32; 4] {
        philox4x32_10([i, self.sample, self.epoch[0], self.epoch[1]], self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shuffle_is_a_permutation_and_depends_on_seed_and_stream() {
        let order = |seed, epoch| {
            let mut items: [u32; 100] = core::array::from_fn(|i| i as u32);
            shuffle(&mut items, &mut stream(seed, Purpose::Shuffle, epoch));
            items
        };
        let mut sorted = order(1, 0);
        sorted.sort_unstable();
        assert!(sorted.iter().enumerate().all(|(i, &x)| i == x as usize));
        assert_eq!(order(1, 0), order(1, 0));
        assert_ne!(order(1, 0), order(1, 1));
        assert_ne!(order(1, 0), order(2, 0));
    }

    #[test]
    fn shuffle_puts_every_item_everywhere_equally_often() {
        let mut random = stream(7, Purpose::Shuffle, 0);
        let mut counts = [[0_u32; 4]; 4];
        for _ in 0..24_000 {
            let mut items = [0, 1, 2, 3];
            shuffle(&mut items, &mut random);
            for (at, &item) in items.iter().enumerate() {
                counts[at][item as usize] += 1;
            }
        }
        assert!(counts.iter().flatten().all(|&c| (5700..6300).contains(&c)), "{counts:?}");
    }

    #[test]
    fn normal_has_the_moments_of_a_normal() {
        let mut random = stream(3, Purpose::Init, 0);
        let (mut m1, mut m2, mut m4) = (0.0_f64, 0.0, 0.0);
        let n = 100_000;
        for _ in 0..n {
            let x = f64::from(normal(&mut random));
            m1 += x;
            m2 += x * x;
            m4 += x.powi(4);
        }
        let n = f64::from(n);
        assert!((m1 / n).abs() < 0.01 && (m2 / n - 1.0).abs() < 0.02 && (m4 / n - 3.0).abs() < 0.1);
    }

    #[test]
    fn masks_depend_on_every_part_of_their_address() {
        let first = Masks::new(1, 2).block(3, 4, 5);
        assert_eq!(first, Masks::new(1, 2).block(3, 4, 5));
        for other in [
            Masks::new(9, 2).block(3, 4, 5),
            Masks::new(1, 9).block(3, 4, 5),
            Masks::new(1, 2 << 32).block(3, 4, 5),
            Masks::new(1, 2).block(9, 4, 5),
            Masks::new(1, 2).block(3, 9, 5),
            Masks::new(1, 2).block(3, 4, 9),
        ] {
            assert_ne!(first, other);
        }
    }

    #[cfg(feature = "std")]
    #[test]
    fn draws_of_a_sample_depend_on_every_part_of_their_address() {
        let block = |seed, epoch, sample, i| SampleDraws::new(seed, epoch, sample).block(i);
        let first = block(1, 2, 3, 4);
        assert_eq!(first, block(1, 2, 3, 4));
        for other in
            [block(9, 2, 3, 4), block(1, 9, 3, 4), block(1, 2 << 32, 3, 4), block(1, 2, 9, 4), block(1, 2, 3, 9)]
        {
            assert_ne!(first, other);
        }
    }
}
