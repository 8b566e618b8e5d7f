//! Normalisation of a layer's pre-activations. Batch norm (Ioffe & Szegedy 2015) goes over the batch in training, by
//! running statistics in prediction; layer norm (Ba et al. 2016) over the units of each sample in both.
//!
//! The files know units, not layers, but for the last, which is what a network knows of a norm.

mod pooled;

mod running;

mod batch;

mod by_sample;

mod table;

pub(crate) use by_sample::room as layer_room;
pub(crate) use pooled::Pooled;
pub(crate) use table::{BATCH_NORM, LAYER_NORM, Norm, ROOM, fold, left};
