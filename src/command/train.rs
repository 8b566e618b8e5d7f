//! `cygnet train`: a run of one model or of replicas, for one seed or several.

use super::folds;
use super::watch::Watch;
use super::{INTERRUPTED, stop_on_ctrl_c, warn};
use crate::cli::{self, Progress};
use crate::{complain, is_quiet, say};
use cygnet::host::HostError;
use cygnet::host::data::Dataset;
use cygnet::host::files::Place;
use cygnet::host::plan::{Plan, ReplicaPlan};
use cygnet::host::report::{self, output, page};
use cygnet::host::study::ensemble::{self, Comparison};
use cygnet::host::training::{self, Epoch, Outcome};
use std::path::Path;
use std::process::ExitCode;
use std::slice::from_ref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Trains, saves, and says what it gained; a run that has `begun` goes on in its directory.
pub(super) fn train(arguments: &cli::Train, begun: Option<Place>) -> Result<ExitCode, HostError> {
    let from = arguments.from()?;
    // Before the data are read, too.
    arguments.plan(1, from.as_ref())?.check()?;
    if let Some(columns) = arguments.described()? {
        return say(&columns).map(|()| ExitCode::SUCCESS);
    }
    let loaded = arguments.read(from.as_ref())?;
    if let (Some(folds), cli::Loaded::Tables(tables)) = (arguments.folds, &loaded) {
        return folds::run(arguments, &tables.folds(folds, arguments.seed)?, from.as_ref());
    }
    let plan = arguments.plan(loaded.samples(), from.as_ref())?;
    plan.check()?;
    let data = loaded.dataset(&plan)?;
    let replicas = arguments.replicas.plan();
    replicas.iter().try_for_each(|replicas| replicas.check(&plan))?;
    let spec = plan.spec(data.train.inputs(), data.classes)?;
    plan.check_batches(data.split(plan.split())?.0.len())?;
    let (named, from) = (cli::source(arguments.data.path()), (&arguments.data, arguments.files()));
    let start = |target: &Path| cli::record(&plan, arguments.seeds, (from.0, &data, &named), &from.1, target);
    let place = begun.map_or_else(|| arguments.place(&plan, &start), Ok)?;
    let stop = stop_on_ctrl_c();
    if !is_quiet() {
        say(&cli::introduction(&plan, &spec, &data, arguments.data.path(), Some(place.directory())))?;
        let notes = loaded.notes();
        notes.iter().try_for_each(|note| say(note))?;
        if !notes.is_empty() {
            say("")?;
        }
    }
    let record = place.started();
    let (name, origin) = (record.settings.get("data").unwrap_or(&named).clone(), cli::origin(&record));
    let mut run = Run { arguments, plan: &plan, loaded: &loaded, data: &data, name, origin, place, stop, cut: false };
    match replicas {
        None => run.models(),
        Some(replicas) => run.replicas(&replicas),
    }
}

/// What a run leaves of each seed, and whether one diverged.
type Left<T> = (Vec<(u64, T)>, Result<(), HostError>);

/// What the seeds of a run have in common.
struct Run<'a> {
    arguments: &'a cli::Train,
    plan: &'a Plan,
    loaded: &'a cli::Loaded,
    /// Samples as the first seed has them.
    data: &'a Dataset,
    /// What they are called.
    name: String,
    /// How and when it was started.
    origin: String,
    place: Place,
    stop: Arc<AtomicBool>,
    /// Whether it was stopped.
    cut: bool,
}

impl Run<'_> {
    /// What `one` leaves of each seed until the end, a stop or a divergence, and why it diverged.
    fn each<T>(
        &mut self,
        one: impl Fn(&mut Self, &Plan, &str) -> Result<(T, Option<HostError>), HostError>,
    ) -> Result<Left<T>, HostError> {
        let mut all = Vec::new();
        for (plan, under) in self.seeds() {
            let (left, diverged) = one(self, &plan, &under)?;
            if let Some(error) = diverged {
                return Ok((all, Err(error)));
            }
            all.push((plan.seed, left));
            if self.stop.load(Relaxed) {
                break;
            }
        }
        Ok((all, Ok(())))
    }

    /// One model for each seed, its averages, and with `--baseline` a run with learning rate decay in place of averaging.
    fn models(&mut self) -> Result<ExitCode, HostError> {
        let (outcomes, ended) = self.each(Self::model)?;
        let all: Vec<&Outcome> = outcomes.iter().map(|(_, outcome)| outcome).collect();
        let whole: Vec<&Outcome> = all.iter().copied().filter(|outcome| !outcome.interrupted).collect();
        if whole.len() > 1 {
            let (table, count) = (report::seeds(&whole), whole.len());
            say(&format!("{table}\n\nMean ± standard deviation of {count} seeds.\n{}\n", report::of_seeds(&whole)))?;
        }
        if self.is_many() {
            page::of_seeds(self.source(self.data), self.plan, &outcomes)?.write(&mut self.place, "")?;
        }
        let shown = (!all.is_empty()).then(|| report::preferred(&all));
        self.end(outcomes.len(), shown, ended)
    }

    /// One model: trained, saved, compared.
    fn model(&mut self, plan: &Plan, under: &str) -> Result<(Outcome, Option<HostError>), HostError> {
        let progress = self.progress(plan);
        let data = self.loaded.dataset(plan)?;
        warn(&data, plan.split())?;
        let mut watch = Watch::new(progress, &mut self.place, self.arguments.checkpoint_every, format!("{under}run"));
        let outcome = training::train(&data, plan, &mut watch, &self.stop).and_then(|mut outcome| {
            if self.arguments.baseline && !outcome.interrupted && outcome.diverged.is_none() {
                let title = "Baseline (learning rate decay to zero, no averaging):";
                watch.begin(title, format!("{under}baseline"));
                let baseline = training::train(&data, &plan.baseline(), &mut watch, &self.stop)?;
                outcome.baseline = (!baseline.interrupted).then_some(baseline.last_marks);
                outcome.baseline_history = baseline.history;
                outcome.interrupted = baseline.interrupted;
            }
            Ok(outcome)
        });
        watch.progress.finish();
        let mut outcome = outcome?;
        let page = page::of_run(self.source(&data), plan, &outcome);
        let saved = output::save(&mut self.place, under, &outcome, &data)
            .and_then(|()| page?.write(&mut self.place, under))
            .and_then(|()| output::record(&mut self.place, &outcome, plan.seed));
        say(&format!("\n{}\n\n{}\n", report::comparison(&outcome), report::remark(&outcome)))?;
        if let Some(draws) = ensemble::draws(&outcome.averages, &outcome.spec) {
            say(&format!("{}\n", report::of_votes(&[draws])))?;
        }
        self.cut |= outcome.interrupted;
        let diverged = outcome.diverged.take();
        self.say_left("models", outcome.best, &outcome.history, diverged.is_some().then_some(under))?;
        saved.map(|()| (outcome, diverged))
    }

    /// Replicas, their mean, its averages, a soup and their votes in one table, for each seed.
    fn replicas(&mut self, replicas: &ReplicaPlan) -> Result<ExitCode, HostError> {
        let (left, ended) = self.each(|run, plan, under| run.together(replicas, plan, under))?;
        let shown = left.first().map(|(_, comparison)| report::preferred_replica(comparison));
        let begun = left.len() + usize::from(ended.is_err());
        let seeds: Vec<u64> = self.seeds().into_iter().take(begun).map(|(plan, _)| plan.seed).collect();
        let mut whole: Vec<Comparison> = left.into_iter().map(|(_, comparison)| comparison).collect();
        if self.cut {
            whole.pop();
        }
        let table = report::of_votes(&whole);
        if whole.len() > 1 {
            say(&format!("{table}\n\nMean ± standard deviation of {} seeds.\n", whole.len()))?;
        }
        if self.is_many() {
            let source = self.source(self.data);
            page::of_replica_seeds(source, self.plan, replicas, &table, &seeds)?.write(&mut self.place, "")?;
        }
        if replicas.is_apart() {
            say(&format!("{}\n", report::APART))?;
        }
        self.end(seeds.len(), shown, ended)
    }

    /// Replicas of one seed: trained, saved, compared; why they diverged, where they did.
    fn together(
        &mut self,
        replicas: &ReplicaPlan,
        plan: &Plan,
        under: &str,
    ) -> Result<(Comparison, Option<HostError>), HostError> {
        let progress = self.progress(plan);
        let data = self.loaded.dataset(plan)?;
        warn(&data, plan.split())?;
        let mut watch = Watch::new(progress, &mut self.place, self.arguments.checkpoint_every, format!("{under}run"));
        let trained = training::train_replicas(&data, plan, replicas, &mut watch, &self.stop);
        watch.progress.finish();
        let trained = trained?;
        let source = page::Source { data: &data, name: &self.name, origin: &self.origin };
        let comparison = output::save_replicas(&mut self.place, under, &trained, replicas, plan, source)?;
        output::record_replicas(&mut self.place, &comparison, &trained.history, plan.seed)?;
        say(&format!("\n{}\n\n{}\n", report::of_votes(from_ref(&comparison)), report::of_ensemble(&comparison)))?;
        self.cut = trained.interrupted;
        self.say_left("replicas", trained.best, &trained.history, trained.diverged.is_some().then_some(under))?;
        Ok((comparison, trained.diverged))
    }

    fn is_many(&self) -> bool {
        self.arguments.seeds > 1
    }

    /// The plan of each seed, and the directory of its files within that of the run, with a `/` behind it.
    fn seeds(&self) -> Vec<(Plan, String)> {
        let of = |i: u32| {
            let seed = self.plan.seed.wrapping_add(i.into());
            let under = if self.is_many() { format!("seed-{seed}/") } else { String::new() };
            (Plan { seed, ..self.plan.clone() }, under)
        };
        (0..self.arguments.seeds).map(of).collect()
    }

    fn progress(&self, plan: &Plan) -> Progress {
        let (seed, has_classes) = (self.is_many().then_some(plan.seed), self.data.train.has_classes());
        Progress::new(seed, plan, has_classes, self.arguments.log_every)
    }

    /// Samples for a page, with what is said of all of the run.
    fn source<'s>(&'s self, data: &'s Dataset) -> page::Source<'s> {
        page::Source { data, name: &self.name, origin: &self.origin }
    }

    /// Which epoch was the best, where that decided; and where a run diverged, in which directory it left models of that
    /// epoch, or of the last good one.
    fn say_left(
        &self,
        what: &str,
        best: Option<u64>,
        history: &[Epoch],
        diverged: Option<&str>,
    ) -> Result<(), HostError> {
        best.map_or(Ok(()), |best| say(&format!("{}\n", report::early_stop(best, history))))?;
        if let Some(under) = diverged {
            let (epoch, directory) = (best.unwrap_or(history.len() as u64), self.place.directory().join(under));
            complain(&format!("the {what} of epoch {epoch} are saved in {}", directory.display()));
        }
        Ok(())
    }

    /// The end of a run of which so many seeds have one: `shown` is the model of the first that is recommended.
    fn end(
        &mut self,
        seeds: usize,
        shown: Option<String>,
        ended: Result<(), HostError>,
    ) -> Result<ExitCode, HostError> {
        // Between two seeds, too.
        let cut = self.cut || seeds < self.arguments.seeds as usize;
        self.place.record(|run| run.recommended.clone_from(&shown))?;
        if !cut && ended.is_ok() {
            self.place.finish()?;
        }
        let out = self.place.directory();
        if let Some(shown) = shown.filter(|_| !is_quiet()) {
            let first = if self.is_many() { out.join(format!("seed-{}", self.plan.seed)) } else { out.to_path_buf() };
            say(&cli::saved(out, &first.join(format!("{shown}.cygnet")), self.data.preparation.is_some()))?;
        } else if self.arguments.out.is_none() {
            say(&cli::counted(out))?;
        }
        ended?;
        if cut {
            let out = out.display();
            complain(&format!(
                "interrupted: the models trained so far are saved in {out}; to go on: cygnet train --resume {out}"
            ));
            return Ok(ExitCode::from(INTERRUPTED));
        }
        Ok(ExitCode::SUCCESS)
    }
}
