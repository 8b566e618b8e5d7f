//! Models and results on disk, in and out.

mod dtypes;
mod manifest;
mod model_file;
mod modules;
mod place;
mod safetensors;
mod target;

pub use model_file::{Format, MAX_PARAMS, Reading, SavedModel, Unsaid};
pub use place::{Expected, Place};
pub use target::Target;
