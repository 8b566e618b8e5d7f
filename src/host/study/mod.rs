//! What compares the outcomes of runs.

pub mod ensemble;
pub mod plane;
mod reproduce;
pub mod soup;

pub use reproduce::{Figures, NOTES, Recipe, Reproduction, Stage, Variant, Variants};
