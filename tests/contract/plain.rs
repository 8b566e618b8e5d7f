//! What several lines of the contract share: sums in lanes, sums in two floats, draws.

/// Equal bits, but for the sign of a zero.
pub(crate) fn same(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits() || a == 0.0 && b == 0.0
}

/// The first place where two slices differ.
#[track_caller]
pub(crate) fn expect(found: &[f32], expected: &[f32], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let differing = (0..found.len()).find(|&i| !same(found[i], expected[i]));
    if let Some(i) = differing {
        panic!("{what}: {i} of {}: {:?}, the formula gives {:?}", found.len(), found[i], expected[i]);
    }
}

/// `((0+4)+(2+6)) + ((1+5)+(3+7))`.
pub(crate) fn tree(l: [f32; 8]) -> f32 {
    ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]))
}

/// A sum of terms in 8 lanes by their number, then the tree.
pub(crate) fn in_lanes(terms: impl IntoIterator<Item = f32>) -> f32 {
    let mut lanes = [0.0_f32; 8];
    for (i, term) in terms.into_iter().enumerate() {
        lanes[i % 8] += term;
    }
    tree(lanes)
}

/// `1 − (1 − ε)ⁿ` by doubling, from the lowest bit of `n` on: `c(a + b) = c(a) + c(b)·(1 − c(a))`.
pub(crate) fn one_minus_power(epsilon: f32, n: u64) -> f32 {
    let (mut sum, mut doubled) = (0.0_f32, epsilon);
    for bit in 0..64 {
        if n >> bit & 1 == 1 {
            sum += doubled * (1.0 - sum);
        }
        doubled += doubled * (1.0 - doubled);
    }
    sum
}

/// A sum in two floats (Knuth): high, low.
#[derive(Clone, Copy, Default)]
pub(crate) struct Pair(pub(crate) f32, pub(crate) f32);

impl Pair {
    pub(crate) fn add(self, x: f32) -> Self {
        let sum = self.0 + x;
        let kept = sum - self.0;
        let low = self.1 + ((self.0 - (sum - kept)) + (x - kept));
        let high = sum + low;
        Self(high, low - (high - sum))
    }

    pub(crate) fn value(self) -> f32 {
        self.0 + self.1
    }
}

/// Word after word of a purpose's stream, and N(0, 1) by the polar method.
pub(crate) struct Stream {
    key: [u32; 2],
    counter: u128,
    words: Vec<u32>,
}

impl Stream {
    pub(crate) fn new(seed: u64, purpose: u64, number: u64) -> Self {
        Self { key: key(seed, purpose), counter: u128::from(number) << 64, words: Vec::new() }
    }

    pub(crate) fn word(&mut self) -> u32 {
        if self.words.is_empty() {
            let c = self.counter;
            let block = [c as u32, (c >> 32) as u32, (c >> 64) as u32, (c >> 96) as u32];
            self.words = rand_philox::philox4x32_10(block, self.key).into_iter().rev().collect();
            self.counter += 1;
        }
        self.words.pop().unwrap()
    }

    /// `2·(⌊word/2⁹⌋ + 1/2)/2²³ − 1`.
    pub(crate) fn symmetric(&mut self) -> f32 {
        2.0 * (((self.word() >> 9) as f32 + 0.5) / 8_388_608.0) - 1.0
    }

    pub(crate) fn normal(&mut self) -> f32 {
        loop {
            let (u, v) = (self.symmetric(), self.symmetric());
            let s = u * u + v * v;
            if s > 0.0 && s < 1.0 {
                return u * (-2.0 * libm::logf(s) / s).sqrt();
            }
        }
    }
}

/// Of a seed and the number of a purpose.
pub(crate) fn key(seed: u64, purpose: u64) -> [u32; 2] {
    let mixed = rand_philox::splitmix64(seed ^ purpose.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    [mixed as u32, (mixed >> 32) as u32]
}
