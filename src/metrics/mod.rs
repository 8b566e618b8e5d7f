//! Metrics say how good a model is on samples that it does not learn from.
//!
//! | metric | item |
//! |---|---|
//! | mean loss and accuracy | [`evaluate`](fn@evaluate), [`Model::evaluate`](crate::Model::evaluate) |
//! | errors by class, precision, recall, F1 | [`Confusion`] |
//! | ROC and precision-recall curves, their areas | [`Curves`] |
//! | expected calibration error | [`Calibration`] |
//! | top-k | [`rank`](fn@rank) |

mod calibration;

mod confusion;

mod sort;

mod curves;

mod rank;

mod evaluate;

pub use crate::network::loss::{deviation, softmax};
pub use crate::score::Score;
pub use crate::targets::{argmax, class_of};
pub use calibration::{Calibration, Reliability};
pub use confusion::{ClassCounts, Confusion};
pub use curves::{Curves, Threshold};
pub use evaluate::evaluate;
#[cfg(feature = "std")]
pub(crate) use evaluate::score_each;
pub use rank::rank;
pub use sort::ClassScore;
