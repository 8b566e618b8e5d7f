//! Seeded, counter-based random numbers (Philox4x32-10, Salmon et al. 2011): a draw depends on its seed and its place
//! alone, so threads, order and batch size do not matter.

use crate::slices::cut_mut;
use crate::{kernels, math};
use rand_core::{Infallible, TryRng};
use rand_philox::{philox4x32_10, splitmix64, u32_to_unit_f32};

/// A stream of draws, from [`stream`]. It implements [`rand_core::TryRng`] without errors, and so `Rng`: `rand` and its kin
/// take it.
#[derive(Clone, Debug)]
pub struct Philox(rand_philox::Philox);

impl Philox {
    /// The next word, uniform on all of them.
    #[inline]
    pub fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// The next two words, the first of which is the lower half.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A whole number below `bound`, each equally likely (Lemire 2019); 0 where the bound is 0 or 1.
    #[inline]
    pub fn bounded(&mut self, bound: u32) -> u32 {
        self.0.bounded(bound.max(1))
    }
}

impl TryRng for Philox {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next_u64())
    }

    /// The bytes of the next words, little-endian; of the last one as many as there is room for.
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (word, tail) = cut_mut(rest, 4);
            word.iter_mut().zip(self.next_u32().to_le_bytes()).for_each(|(to, byte)| *to = byte);
            rest = tail;
        }
        Ok(())
    }
}

/// What draws are for; each purpose has a key of its own under one seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
#[non_exhaustive]
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
    /// Which samples a reservoir holds.
    Reservoir = 8,
    /// Which held samples are trained on once more.
    Replay = 9,
}

const fn key(seed: u64, purpose: Purpose) -> u64 {
    seed ^ (purpose as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The generator for one purpose and stream of a seed.
#[must_use]
pub fn stream(seed: u64, purpose: Purpose, stream: u64) -> Philox {
    Philox(rand_philox::Philox::from_u64_seed_stream(key(seed, purpose), stream))
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
            return u * kernels::sqrt(-2.0 * math::ln(s) / s);
        }
    }
}

/// Uniform on (−1, 1). Once in an image, and with it the generator.
#[inline(never)]
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
mod tests;
