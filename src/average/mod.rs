//! An average holds the mean of a network's weights along a run; it predicts in the place of the model.
//!
//! | question | answer |
//! |---|---|
//! | which models of a run are averaged | [`Snapshots`] by their step, [`Gate`] by their loss |
//! | how a model enters the average | [`Averager::update`], by the share that its [`Rule`] gives |
//! | how to predict with it | [`Averager::in_place_of`] for a while, [`Averager::finish`] for good |
//! | what to do about norms | a [`NormUpdate`] before predictions |
//! | how to keep it | [`AverageState`] beside the floats |

mod rule;

mod choose;

mod state;

mod parts;

mod norm_update;

mod averager;

mod averaged;

mod window;

mod swag;

pub use averaged::Averaged;
pub use averager::Averager;
pub use choose::{Gate, Snapshots};
pub use norm_update::{NormUpdate, NormUpdateState};
pub use parts::Parts;
pub use rule::{Ema, Origin, Rule, Warmup};
pub use state::AverageState;
pub use swag::{Draws, Swag, SwagState};
pub use window::{Window, WindowState};
