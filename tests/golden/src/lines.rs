//! What came after the first run: one line each, with a hash of its own, so that a new one changes no other.

use super::frozen::frozen;
use super::layer_norm::layer_norm;
use super::losses::losses;
use super::polynomial::polynomial;
use super::reservoir::reservoir;
use super::resume::resume;
use super::schedule_free_adam::schedule_free_adam;
use super::states::states;
use super::weights::weights;
use cygnet::Error;

/// Computes in scratch memory, and folds what comes of it into a hash by the function.
pub(crate) type Line = fn(&mut [f32], u64, fn(u64, f32) -> u64) -> Result<u64, Error>;

/// Name, line, and its hash on every target: it changes only with the arithmetic contract, or with the line itself.
pub(crate) const LINES: &[(&str, Line, u64)] = &[
    ("polynomial averages", polynomial, 0x95c9_8e08_7261_f5dd),
    ("weights", weights, 0x0758_9f00_066d_ab37),
    ("pinball and Gaussian losses", losses, 0x3267_45fd_585d_67ae),
    ("a frozen body", frozen, 0x4340_3bd6_c738_b74e),
    ("reservoir", reservoir, 0x3591_e2ee_c7eb_1a3f),
    ("states", states, 0xa404_cf84_6aaf_6e18),
    ("layer norms", layer_norm, 0x4922_05a8_ff12_17c5),
    ("schedule-free AdamW", schedule_free_adam, 0x0ed4_fa9b_f1fa_c6fc),
    ("a run that was stopped on x86-64", resume, 0xeef9_913d_ef99_6a25),
];
