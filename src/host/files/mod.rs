//! Models and results on disk, in and out.

mod whole;
mod record;
mod manifest;
mod inputs;
mod directory;
mod place;
mod target;
mod reading;
mod checkpoint;
mod dtypes;
mod modules;
mod safetensors;
mod model_file;

pub use inputs::{check_digests, digests};
pub use manifest::{Written, seen_from};
pub use model_file::Head;
pub use place::{Expected, Noted, Place, Start};
pub use reading::{Format, Reading, Unsaid};
pub use record::{ModelRecord, Record, SetRecord};
pub use target::Target;
