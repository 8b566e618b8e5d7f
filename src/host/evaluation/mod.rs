//! What judges a model.

mod evaluator;
mod marks;
mod per_class;
mod poll;
pub(in crate::host) mod regression;
mod table;

pub use evaluator::Evaluator;
pub(in crate::host) use marks::by_class;
pub use marks::{Evaluation, SetEvaluation};
pub use per_class::{ClassEvaluation, Pr, Roc};
pub(in crate::host) use poll::{Poll, Tally, VOTES, poll};
pub use regression::{Regression, RegressionEvaluation, TargetEvaluation, Units};
