//! The host side, feature `std`: MNIST, model files and the runner behind the command `cygnet`.

mod error;
pub mod idx;
pub mod image;
pub mod inspect;
pub mod mnist;
pub mod model_file;
pub mod plan;
pub mod report;
pub mod run;

pub use error::HostError;
