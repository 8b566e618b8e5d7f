//! Each line of the arithmetic contract (`docs/src/reference/arithmetic.md`) once more, in plain scalar loops written from
//! the formula, and the crate's own bits beside it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![allow(clippy::needless_range_loop, clippy::type_complexity, reason = "loops as the formulas have them")]

mod averages;
#[path = "../common/mod.rs"]
mod common;
mod network;
mod optimizers;
mod others;
mod plain;
mod steps;
mod weights;

use plain::{Pair, Stream, expect, in_lanes, key, one_minus_power, same, tree};
