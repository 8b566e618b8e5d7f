//! Cross-validation: each fold of a table is once the test of a model that is trained on the others.

use crate::host::HostError;
use crate::host::data::Tables;
use crate::host::plan::Plan;
use crate::host::prelude::*;
use crate::host::training::{Observer, Outcome, train};
use std::sync::atomic::AtomicBool;

/// Trains a model for each fold, each as `plan` says, with its own validation rows; what they leave, fewer where `stop` was
/// set.
///
/// # Errors
/// As [`Tables::dataset`] and [`train`]; [`HostError::Diverged`] in any epoch.
pub fn cross_validate(
    folds: &[Tables],
    plan: &Plan,
    observer: &mut dyn Observer,
    stop: &AtomicBool,
) -> Result<Vec<Outcome>, HostError> {
    let mut outcomes = Vec::new();
    for fold in folds {
        let mut outcome = train(&fold.dataset(plan.split())?, plan, observer, stop)?;
        if let Some(error) = outcome.diverged.take() {
            return Err(error);
        }
        if outcome.interrupted {
            break;
        }
        outcomes.push(outcome);
    }
    Ok(outcomes)
}
