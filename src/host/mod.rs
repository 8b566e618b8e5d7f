//! The host side, feature `std`: MNIST, model files and the runner behind the command `cygnet`.

mod ahead;
pub mod augment;
pub mod averages;
pub mod ensemble;
mod error;
pub mod evaluation;
mod evaluator;
mod feed;
pub mod growing;
pub mod idx;
pub mod image;
pub mod inspect;
mod memory;
pub mod mnist;
pub mod model_file;
pub mod names;
mod norms;
pub mod page;
pub mod plan;
pub mod plane;
pub mod plot;
mod poll;
pub mod replicas;
pub mod report;
pub mod reproduce;
pub mod run;
mod safetensors;
pub mod soup;
mod threads;
mod trainer;

pub use error::HostError;
pub use evaluator::Evaluator;
