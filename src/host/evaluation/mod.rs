//! Evaluation of models, and their predictions.

mod threads;
mod figures;
mod intervals;
mod results;
mod model;
mod evaluator;
mod calibration;
mod regression;
mod marks;
mod votes;
mod per_class;
mod classes;
mod test_set;
mod answers;

pub use answers::{Answer, Event, Listener, Verdict, predict_file, predict_table};
#[cfg(test)]
pub(in crate::host) use calibration::calibrate;
pub use classes::{Evaluation, SetEvaluation};
pub use evaluator::Evaluator;
pub(in crate::host) use figures::{error_percent, mean_and_sd};
pub use intervals::{Change, Interval};
pub use marks::Marks;
pub use model::SavedModel;
pub use per_class::{ClassEvaluation, Pr, Roc};
pub use regression::{Regression, RegressionEvaluation, TargetEvaluation};
pub use results::Results;
pub use test_set::TestSet;
pub use votes::Tally;
pub(in crate::host) use votes::{Poll, VOTES, poll};
