//! From files to samples: images, tables and their preparation.

mod elements;
pub mod idx;
pub mod image;
mod augment;
mod sparse;
mod samples;
pub(in crate::host) mod identity;
mod cell;
mod facts;
mod header;
mod lines;
mod encoding;
mod columns;
mod table;
mod csv;
mod preparation;
mod split;
mod units;
mod dataset;
mod tables;
mod questions;
mod mnist;

pub use augment::{Augment, Augmenter, Elastic};
pub use cell::Dialect;
pub use columns::{Choice, Columns};
pub use dataset::Dataset;
pub use encoding::Encoding;
pub use facts::ColumnKind;
pub use identity::{DataIdentity, DataKind};
pub use idx::PIXEL_SCALE;
pub use lines::no_table;
pub use mnist::ImageFiles;
pub use preparation::Preparation;
pub(in crate::host) use questions::{Question, Questions};
#[cfg(test)]
pub(in crate::host) use samples::Answers;
pub use samples::Samples;
pub(in crate::host) use samples::TargetSpace;
pub use split::Split;
pub use tables::{ColumnSummary, Source, TablePlan, Tables};
pub use units::Units;
