//! What has to be kept beside an average, and its bytes.

use super::rule::{Ema, Kind, Origin, Progress, Rule, Warmup};
use crate::bytes::{Reader, Writer};
use crate::error::{CheckpointFault, Error};
use crate::math::Total;

/// What an average is besides its floats: kept with them, for [`Averager::resume`](crate::Averager::resume).
///
/// | byte | what |
/// |---|---|
/// | 0 | `u8` kind: 0 mean, 1 weighted mean, 2 capped mean, 3 exponential, 4 polynomial; `u8` origin: 0 corrected, 1 first; `u8` warm-up: 0 none, 1 ratio, 2 power; `u8` 1 while the mean's slice holds live weights, else 0 |
/// | 4 | `f32` ε, or η of a polynomial average |
/// | 8 | `u64` most models of a capped mean, or `f32` γ and `f32` p of a warm-up |
/// | 16 | `u64` number of models |
/// | 24 | `f32` sum of weights or `z`, `f32` what rounding took from it |
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AverageState {
    pub(super) rule: Rule,
    pub(super) progress: Progress,
    /// Whether the mean's slice holds live weights.
    pub(super) is_exchanged: bool,
}

impl AverageState {
    /// Bytes of a state.
    pub const BYTES: usize = 32;

    pub(super) const fn new(rule: Rule, progress: Progress) -> Self {
        Self { rule, progress, is_exchanged: false }
    }

    /// A running mean of `count` models.
    #[must_use]
    pub const fn mean_of(count: u64) -> Self {
        Self::new(Rule::mean(), Progress { count, total: Total::NONE })
    }

    /// Number of models in the average.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.progress.count
    }

    /// The kind of average.
    #[must_use]
    pub const fn rule(&self) -> Rule {
        self.rule
    }

    /// The state as bytes, little-endian on every target.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let none = ([0, 0, 0, 0], 0.0, [0; 8]);
        let (mut kind, epsilon, constants) = match self.rule.kind {
            Kind::Mean => none,
            Kind::Weighted => ([1, 0, 0, 0], 0.0, [0; 8]),
            Kind::Capped(most) => ([2, 0, 0, 0], 0.0, most.to_le_bytes()),
            Kind::Polynomial(eta) => ([4, 0, 0, 0], eta, [0; 8]),
            Kind::Ema(Ema { epsilon, origin, warmup }) => {
                let (warmup, [gamma, power]) = match warmup {
                    Warmup::None => (0, [0.0; 2]),
                    Warmup::Ratio => (1, [0.0; 2]),
                    Warmup::Power { gamma, power } => (2, [gamma, power]),
                };
                let [a, b, c, d] = gamma.to_le_bytes();
                let [e, f, g, h] = power.to_le_bytes();
                ([3, u8::from(origin == Origin::First), warmup, 0], epsilon, [a, b, c, d, e, f, g, h])
            }
        };
        kind[3] = u8::from(self.is_exchanged);
        let Progress { count, total } = self.progress;
        let (high, low) = total.parts();
        let mut bytes = [0; Self::BYTES];
        let mut out = Writer::new(&mut bytes);
        out.bytes(&kind);
        out.float(epsilon);
        out.bytes(&constants);
        out.long(count);
        out.float(high);
        out.float(low);
        bytes
    }

    /// The state that these bytes encode.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] with the byte of a field that is not valid, 0 where a byte without a meaning is not zero;
    /// [`Error::Setting`] for a rule that is not.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Result<Self, Error> {
        let wrong = |at| Err(Error::Checkpoint(CheckpointFault::Field(at)));
        let mut input = Reader::new(bytes);
        let [kind, origin, warmup, exchanged] = input.array()?;
        let epsilon = input.float()?;
        let constants = input.array()?;
        let (count, high, low) = (input.long()?, input.float()?, input.float()?);
        let origin = match origin {
            0 => Origin::Corrected,
            1 => Origin::First,
            _ => return wrong(1),
        };
        let warmup = match warmup {
            0 => Warmup::None,
            1 => Warmup::Ratio,
            2 => {
                let mut input = Reader::new(&constants);
                Warmup::Power { gamma: input.float()?, power: input.float()? }
            }
            _ => return wrong(2),
        };
        let rule = match kind {
            0 => Rule::mean(),
            1 => Rule::weighted(),
            2 => Rule::capped(u64::from_le_bytes(constants)),
            3 => Rule::ema(Ema { epsilon, origin, warmup }),
            4 => Rule::polynomial(epsilon),
            _ => return wrong(0),
        };
        rule.check()?;
        let Some(total) = Total::from_parts(high, low).filter(|total| rule.leaves(count, *total)) else {
            return wrong(24);
        };
        let is_exchanged = exchanged == 1;
        // Without models there is nothing to exchange.
        if is_exchanged && count == 0 {
            return wrong(3);
        }
        let state = Self { is_exchanged, ..Self::new(rule, Progress { count, total }) };
        // Whatever stands where nothing is meant would be lost.
        if state.to_bytes() != *bytes { wrong(0) } else { Ok(state) }
    }
}
