//! `cygnet train --folds`: cross-validation of a table.

use super::{INTERRUPTED, stop_on_ctrl_c};
use crate::cli::{self, Progress};
use crate::{complain, is_quiet, note, say};
use cygnet::host::HostError;
use cygnet::host::data::Tables;
use cygnet::host::plan::Plan;
use cygnet::host::report;
use cygnet::host::training::{Outcome, train};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;

/// Trains a model for each fold and says how good all of them are.
pub(super) fn run(arguments: &cli::Train, folds: &[Tables], from: Option<&cli::Named>) -> Result<ExitCode, HostError> {
    let Some(first) = folds.first() else { return Ok(ExitCode::SUCCESS) };
    let plan = arguments.plan(first.rows(), from)?;
    plan.check()?;
    let data = first.dataset(plan.split())?;
    let spec = plan.spec(data.train.inputs(), data.classes)?;
    plan.check_batches(data.split(plan.split())?.0.len())?;
    let (stop, has_classes) = (stop_on_ctrl_c(), data.train.has_classes());
    if !is_quiet() {
        say(&cli::introduction(&plan, &spec, &data, arguments.data.path(), None))?;
    }
    for (fold, k) in folds.iter().zip(1..) {
        let unseen = fold.dataset(plan.split())?.unseen_classes(plan.split())?;
        if !unseen.is_empty() {
            let names = unseen.join("`, `");
            complain(&format!("warning: no training sample of `{names}` in fold {k}: its model cannot learn that"));
        }
    }
    if from.is_some() {
        note("note: a fold is no test for a model of --from that was trained on its rows");
    }
    let mut progress = Progress::new(None, &plan, has_classes, None).without_lines();
    let outcomes = cross_validate(folds, &plan, &mut progress, &stop);
    progress.finish();
    let outcomes = outcomes?;
    say(&format!("{}", report::of_folds(&outcomes)))?;
    if outcomes.len() < folds.len() {
        complain(&format!("interrupted: {} of {} folds are complete", outcomes.len(), folds.len()));
        return Ok(ExitCode::from(INTERRUPTED));
    }
    if !is_quiet() {
        say(
            "\nEach row is of one model, on rows that it was not trained on. No model is saved: `cygnet train` without --folds saves one.",
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What a model for each fold leaves, fewer where `stop` was set; its validation rows are its own.
fn cross_validate(
    folds: &[Tables],
    plan: &Plan,
    progress: &mut Progress,
    stop: &AtomicBool,
) -> Result<Vec<Outcome>, HostError> {
    let mut outcomes = Vec::new();
    for fold in folds {
        let outcome = train(&fold.dataset(plan.split())?, plan, progress, stop)?;
        match outcome.diverged {
            Some(error) => return Err(error),
            None if outcome.interrupted => break,
            None => outcomes.push(outcome),
        }
    }
    Ok(outcomes)
}
