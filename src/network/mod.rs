//! A network's description: layers, activations, loss, mathematics, and what follows from them for one layer.

pub(crate) mod link;

pub(crate) mod activation;

pub(crate) mod dropout;

pub(crate) mod loss;

mod fingerprint;

pub(crate) mod layout;

pub(crate) mod norm;

pub(crate) mod layer;

pub(crate) mod spec;

mod sizes;

mod layers;

mod cut;

pub use crate::math::Math;
pub use activation::Activation;
pub use layer::Layer;
pub use layout::{MAX_LAYERS, NormKind, Part};
pub use loss::Loss;
pub use spec::Spec;
