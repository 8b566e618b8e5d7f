//! What compares the outcomes of runs.

pub mod ensemble;
pub mod soup;
pub mod plane;
pub mod folds;
mod reproduce;

pub use reproduce::{Figures, Recipe, Reproduction, Stage, Variant, Variants};
