//! From files to samples: images, tables and their preparation.

mod elements;
pub mod idx;
mod picture;
mod image;
mod appearance;
mod digit;
mod augment;
mod sparse;
mod samples;
pub(in crate::host) mod identity;
mod cell;
mod header;
mod lines;
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
mod form;
mod folders;

pub use appearance::{Appearance, Frame};
pub use augment::{Augment, Augmenter, Elastic};
pub use columns::{Choice, Columns};
pub use dataset::Dataset;
pub use folders::{Folders, pictures_in};
pub use form::PictureForm;
pub use identity::{DataIdentity, DataKind, Looks};
pub use idx::PIXEL_SCALE;
pub use mnist::ImageFiles;
pub use picture::{MAX_PICTURE, Picture};
pub use preparation::Preparation;
pub(in crate::host) use questions::{Question, Questions};
#[cfg(test)]
pub(in crate::host) use samples::Answers;
pub use samples::Samples;
pub(in crate::host) use samples::TargetSpace;
pub use split::Split;
pub use table::Dialect;
pub use tables::{Source, TablePlan, Tables};
pub use units::Units;
