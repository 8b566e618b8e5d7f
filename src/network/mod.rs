//! A network's description: layers, activations, loss, mathematics, and what follows from them for one layer.

pub(crate) mod link;

pub(crate) mod activation;

pub(crate) mod dropout;

pub(crate) mod loss;

mod fingerprint;

pub(crate) mod norm;

pub(crate) mod layer;

pub(crate) mod part;

pub(crate) mod spec;

pub use crate::math::Math;
pub use activation::Activation;
pub use layer::Layer;
pub use loss::Loss;
pub use part::Part;
pub use spec::{MAX_LAYERS, Spec};
