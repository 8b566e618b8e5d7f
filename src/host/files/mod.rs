//! Models and results on disk, in and out.

mod whole;
mod manifest;
mod place;
mod target;
mod reading;
mod checkpoint;
mod dtypes;
mod modules;
mod safetensors;
mod model_file;

pub use place::{Expected, Place};
pub use reading::{Format, Reading, Unsaid};
pub use target::Target;
