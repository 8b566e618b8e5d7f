//! What compares the outcomes of runs.

pub mod ensemble;
pub mod posthoc;
pub mod soup;
pub mod plane;
mod reproduce;

pub use reproduce::{Figures, Recipe, Reproduction, Stage, Variant, Variants};
