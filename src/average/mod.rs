//! An average holds the mean of a network's weights along a run; it predicts in the place of the model.

mod rule;

mod snapshots;

mod state;

mod parts;

mod norm_update;

mod averager;

mod averaged;

mod window;

mod swag;

pub use averaged::Averaged;
pub use averager::Averager;
pub use norm_update::NormUpdate;
pub use parts::Parts;
pub use rule::{Ema, Origin, Rule, Warmup};
pub use snapshots::{Gate, Snapshots};
pub use state::AverageState;
pub use swag::{Draws, Swag, SwagState};
pub use window::{Window, WindowState};
