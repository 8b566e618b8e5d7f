//! A training step runs samples → forward → loss → backward → optimizer.

mod noise;

mod growth;

mod gradient;

mod guard;

mod sink;

mod backward;

mod step;

pub use crate::weighted::{AnyTargets, Weighted, balanced};
pub use gradient::Gradient;
pub use growth::{BatchSize, Growth};
pub use noise::{Noise, NoiseScale};
