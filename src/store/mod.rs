//! A checkpoint holds a network and its parameters as bytes, and a preprocessing may stand behind it. A container holds all
//! that a run goes on from.
//!
//! | to | |
//! |---|---|
//! | write one | [`save`], into [`Spec::checkpoint_len`](crate::Spec::checkpoint_len) bytes |
//! | read the parameters of a known network | [`load_params`], [`Model::load`](crate::Model::load) |
//! | read any | [`load_header`] tells how long everything is, then [`load`] |
//! | write and read a head that learns on a frozen body, join both | [`save_head`], [`load_head`], [`join`] |
//! | put parameters into an image | [`embed!`](crate::embed), [`checksum`] |
//! | write a run's state, in one pass from where it lies | [`Container`] of [`Section`]s |
//! | read it, after all of it was checked | [`Stored`] |
//! | read and write what stands behind | [`Preprocess::load`](crate::preprocess::Preprocess::load), [`Preprocess::save`](crate::preprocess::Preprocess::save) |

pub(crate) mod checkpoint;

mod head;

mod embedded;

mod preprocessing;

mod container;

mod record;

mod stored;

#[cfg(feature = "flash")]
mod slots;

pub use crate::tag::Tag;
pub use checkpoint::{holds_average, load, load_header, load_params, load_spec, save};
pub use container::{Container, Data, Record, Section, container_len};
pub use embedded::{embed, embed_text, embedded_checksum};
pub use head::{body_checksum, checksum, join, load_head, save_head};
#[cfg(feature = "flash")]
pub use slots::{ConfigFault, Saved, Sink, SlotError, SlotFault, Slots, SlotsConfig};
pub use stored::{Entry, Load, OpenError, Place, Stored};
