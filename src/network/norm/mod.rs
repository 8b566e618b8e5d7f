//! Batch normalisation (Ioffe & Szegedy 2015) of a layer's pre-activations: over the batch in training, by running
//! statistics in prediction.
//!
//! The files know units, not layers, but for the last, which is what a network knows of a norm.

mod pooled;

mod running;

mod batch;

mod table;

pub(crate) use pooled::Pooled;
pub(crate) use table::{NORM, Norm, ROOM, fold, left};
