//! The host side, feature `std`: MNIST and tables, model files and the runner behind the command `cygnet`.

mod ahead;
mod error;
mod memory;
mod threads;
mod whole;

pub mod data;
pub mod evaluation;
pub mod files;
pub mod plan;
pub mod report;
pub mod study;
pub mod training;

pub use error::HostError;
