//! The host side, feature `std`: MNIST, model files and the runner behind the command `cygnet`.

mod ahead;
pub mod augment;
pub mod averages;
mod error;
mod evaluator;
mod feed;
pub mod idx;
pub mod image;
pub mod inspect;
mod memory;
pub mod mnist;
pub mod model_file;
mod norms;
pub mod plan;
pub mod plane;
pub mod plot;
pub mod report;
pub mod run;
pub mod soup;

pub use error::HostError;
pub use evaluator::Evaluator;
