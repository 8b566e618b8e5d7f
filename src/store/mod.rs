//! What lasts: a network with its parameters, and what stands behind them.

pub(crate) mod checkpoint;

mod section;

pub use checkpoint::{holds_average, load, load_params, load_spec, save};
