//! A page about runs: one HTML file that needs no other, and its plots as SVG files beside it.
//!
//! A [`Page`] is a list of sections, a section a list of pieces, and there is a function for each kind of piece: curves over
//! epochs, comparison of models, confusion matrix and curves of classes, reliability diagram, predicted numbers, pictures,
//! settings.
//! [`of_run`], [`of_seeds`], [`of_replicas`] and [`of_reproduction`] make whole pages of them.

mod escape;
mod piece;
mod document;
mod history;
mod comparison;
mod reliability;
mod classes;
mod regression;
mod pictures;
mod settings;
mod runs;
mod reproduction;
#[cfg(test)]
mod tests;

pub use document::{Page, files};
pub use reproduction::of_reproduction;
pub use runs::{Source, of_replica_seeds, of_replicas, of_run, of_seeds};
pub use settings::{named_settings, training};
