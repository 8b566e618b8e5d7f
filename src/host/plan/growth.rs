//! How the batch of a run grows.

/// How a batch grows over the run, from [`Plan::batch`](super::Plan::batch) on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GrowthPlan {
    /// What asks for more.
    pub rule: GrowthRule,
    /// The largest batch.
    pub most: usize,
    /// Updates in a row that must ask for more.
    pub patience: u32,
}

/// [`Growth`](crate::train::Growth) in terms that do not depend on the number of samples.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum GrowthRule {
    /// As [`Growth::NormTest`](crate::train::Growth::NormTest).
    NormTest(f32),
    /// As [`Growth::NoiseScale`](crate::train::Growth::NoiseScale).
    NoiseScale(f32),
    /// Twofold every so many epochs.
    Doubling(u64),
}

impl Default for GrowthPlan {
    /// Up to 1024 samples, by the norm test with 0.9, which 50 updates in a row have to fail.
    fn default() -> Self {
        Self { rule: GrowthRule::NormTest(0.9), most: 1024, patience: 50 }
    }
}
