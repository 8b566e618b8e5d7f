//! The host side, feature `std`: MNIST and tables, model files and the runner behind the command `cygnet`.
//!
//! Its wings stand in the order of the flow: a wing uses only those above it, and a file of a wing only those that its
//! `mod.rs` lists above it.

mod prelude;
mod data_error;
mod error;
mod memory;

pub mod data;
pub mod plan;
pub mod evaluation;
pub mod training;
pub mod study;
pub mod files;
pub mod report;

pub use data_error::DataError;
pub use error::HostError;
