//! A flash store: the newest complete state survives a power cut at any moment.

mod error;

mod store;

pub use error::{ConfigFault, SlotError, SlotFault};
pub use store::{Saved, Slots, SlotsConfig};
