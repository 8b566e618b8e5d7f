//! From files to samples: images, tables and their preparation.

mod augment;
mod cell;
mod columns;
mod dataset;
mod elements;
mod header;
pub(in crate::host) mod identity;
pub mod idx;
pub mod image;
mod lines;
mod mnist;
mod preparation;
mod questions;
mod sheet;
mod sparse;
mod table;
mod tables;

pub use augment::{Augment, Augmenter, Elastic};
pub use columns::{Choice, Columns};
#[cfg(test)]
pub(in crate::host) use dataset::Answers;
pub(in crate::host) use dataset::TargetSpace;
pub use dataset::{Dataset, PIXEL_SCALE, Samples};
pub use identity::{DataIdentity, DataKind};
pub use mnist::ImageFiles;
pub use preparation::Preparation;
pub(in crate::host) use questions::{Question, Questions};
pub use table::Dialect;
pub use tables::{Source, TablePlan, Tables};
