//! Whole pages: of a run, of several seeds, of replicas.

use super::classes::{confusion, curves};
use super::comparison::{fault, faults, gap, spread};
use super::document::Page;
use super::escape::grouped;
use super::history::{History, history};
use super::pictures::{picture_size, weights, wrong};
use super::piece::Piece;
use super::regression::predictions;
use super::reliability::reliability;
use super::settings::settings;
use crate::Spec;
use crate::host::HostError;
use crate::host::data::Dataset;
use crate::host::evaluation::{Interval, Marks, SavedModel, TestSet, error_percent};
use crate::host::plan::{AverageKind, Coupling, Plan, ReplicaPlan, widths};
use crate::host::prelude::*;
use crate::host::report::comparison::{BASELINE, comparison, loss_short, models, models_of_seeds, seeds};
use crate::host::report::info::layers;
use crate::host::report::table::{Table, significant};
use crate::host::report::verdicts::remark;
use crate::host::report::votes::APART;
use crate::host::training::{Epoch, Outcome, Replicas};
use crate::metrics::Calibration;
use crate::replicas::{Pull, Start};

/// What a run was, and on which data.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The samples.
    pub data: &'a Dataset,
    /// What they are called.
    pub name: &'a str,
    /// How and when the run was started: a sentence.
    pub origin: &'a str,
}

impl Source<'_> {
    fn describe(&self) -> String {
        let Dataset { train, test, classes, .. } = self.data;
        let columns = self.data.preparation.as_ref().and_then(|preparation| preparation.columns.as_ref());
        let asked = match columns {
            Some(columns) if !columns.has_classes() => format!("prediction of {}", columns.targets.join(", ")),
            _ => format!("{classes} classes"),
        };
        let [train, test] = [train.len(), test.len()].map(grouped);
        format!("{}: {train} training samples, {test} test samples, {asked}", self.name)
    }

    /// A page about a run, or several, of this plan.
    pub(super) fn page(&self, plan: &Plan, spec: &Spec, what: &str, seed: &str) -> Page {
        let Plan { epochs, batch, dropout, .. } = plan;
        let lead = format!(
            "Data: {}. Epochs: {epochs}. Batch size: {batch}. Dropout: {dropout}. Seed: {seed}.\n{}",
            self.describe(),
            self.origin
        );
        Page::new(&format!("cygnet: {what}, network {}", widths(spec)), &lead)
    }
}

const INTERRUPTED: &str = "This run was interrupted. The page shows the models trained so far.";

/// What the baseline is.
const COMPARED: &str = "Baseline: a model trained with the same seed and the same number of epochs, with learning rate decay to 0 and \
                        without averaging.";

fn diverged(error: &HostError, epochs: usize) -> String {
    format!("This run diverged: {error}. The page shows the models of epoch {epochs}.")
}

/// A page about one run; the model shown in detail is its average.
///
/// # Errors
/// As [`TestSet::new`].
pub fn of_run(source: Source<'_>, plan: &Plan, outcome: &Outcome) -> Result<Page, HostError> {
    let spec = &outcome.spec;
    let models = models(outcome);
    let params = outcome.averages.first().map_or(&outcome.last, |average| &average.params);
    let name = models.get(usize::from(!outcome.averages.is_empty())).map_or("", |(name, _)| name);
    let baselines: Vec<&[Epoch]> =
        Some(&outcome.baseline_history[..]).filter(|run| !run.is_empty()).into_iter().collect();
    let drawn = History {
        runs: &[&outcome.history],
        baselines: &baselines,
        start: start(plan, outcome),
        loss: loss_short(spec),
        names: ["last iterate", "average"],
    };
    let seed = plan.seed.to_string();
    let mut page = source.page(plan, spec, "training run", &seed);
    if let Some(error) = &outcome.diverged {
        page = page.notice(&diverged(error, outcome.history.len()));
    } else if outcome.interrupted {
        page = page.notice(INTERRUPTED);
    }
    let page = page
        .section(
            "Results",
            [
                tiles(outcome),
                Piece::beside([Piece::table(&comparison(outcome), "Model comparison"), Piece::text(&remark(outcome))]),
            ],
        )
        .section("Training", [history(&drawn)])
        .section("Generalisation gap", [gap(&models, loss_short(spec))]);
    // Of several averages the first.
    let known = |(i, (name, marks)): (usize, &(String, &Marks))| {
        let is_shown = i < 2 || name == BASELINE;
        Some((name.clone(), marks.calibration.filter(|_| is_shown)?))
    };
    let calibrations: Vec<_> = models.iter().enumerate().filter_map(known).collect();
    let compared = outcome.baseline.as_ref().map_or("", |_| COMPARED);
    Ok(model_sections(page, source.data, spec, (name, params), &calibrations)?
        .section("Settings", [Piece::beside(what_was_run(source, plan, &seed, spec)), Piece::text(compared)]))
}

/// What a table of means over seeds is called.
fn of_so_many(seeds: usize) -> String {
    if seeds == 1 {
        "Model comparison: one seed".to_owned()
    } else {
        format!("Model comparison: mean ± standard deviation of {seeds} seeds")
    }
}

/// Seeds that follow each other.
fn range(seeds: &[u64]) -> String {
    match seeds {
        [first, .., last] => format!("{first} to {last}"),
        [one] => one.to_string(),
        [] => "none".to_owned(),
    }
}

/// A page about replicas trained with several seeds, `table` their means, with links to the pages of each.
///
/// # Errors
/// As [`Plan::spec`].
pub fn of_replica_seeds(
    source: Source<'_>,
    plan: &Plan,
    replicas: &ReplicaPlan,
    table: &Table,
    seeds: &[u64],
) -> Result<Page, HostError> {
    let spec = plan.spec(source.data.train.inputs(), source.data.classes)?;
    let seed = range(seeds);
    let links = seeds.iter().map(|seed| (format!("seed-{seed}/report.html"), format!("seed {seed}")));
    let page = source.page(plan, &spec, &format!("{} replicas with several seeds", replicas.count), &seed);
    let caption = "Model comparison: mean ± standard deviation of the completed seeds";
    let result = (!table.rows.is_empty()).then(|| Piece::table(table, caption));
    let warning = replicas.is_apart().then(|| Piece::text(APART));
    Ok(page
        .section("Results", result.into_iter().chain(warning))
        .section("Reports of each seed", [Piece::links(&links.collect::<Vec<_>>())])
        .section(
            "Settings",
            [Piece::text(&coupled(replicas)), Piece::beside(what_was_run(source, plan, &seed, &spec))],
        ))
}

/// A page about runs that differ in their seeds alone, with links to their own, `seed-N/report.html`.
#[must_use]
pub fn of_seeds(source: Source<'_>, plan: &Plan, outcomes: &[(u64, Outcome)]) -> Page {
    let whole: Vec<&Outcome> = outcomes.iter().filter(|(_, o)| !o.interrupted).map(|(_, outcome)| outcome).collect();
    let links: Vec<_> =
        outcomes.iter().map(|(seed, _)| (format!("seed-{seed}/report.html"), format!("seed {seed}"))).collect();
    let Some(first) = whole.first() else {
        return Page::new("cygnet: no completed run", &format!("No run was completed.\n{}", source.origin))
            .section("Reports of each seed", [Piece::links(&links)]);
    };
    let runs: Vec<&[Epoch]> = whole.iter().map(|outcome| &outcome.history[..]).collect();
    let baselines: Vec<&[Epoch]> =
        whole.iter().map(|o| &o.baseline_history[..]).filter(|run| !run.is_empty()).collect();
    let drawn = History {
        runs: &runs,
        baselines: &baselines,
        start: start(plan, first),
        loss: loss_short(&first.spec),
        names: ["last iterate", "average"],
    };
    let seeds_of: Vec<u64> = outcomes.iter().filter(|(_, o)| !o.interrupted).map(|&(seed, _)| seed).collect();
    let seed = range(&seeds_of);
    let mut page = source.page(plan, &first.spec, "several seeds", &seed);
    if whole.len() < outcomes.len() {
        page = page.notice("The last run was interrupted. It is not part of the means.");
    }
    let caption = of_so_many(whole.len());
    let of_test = |marks: &&Marks| faults(marks)[1];
    let faults = models_of_seeds(&whole).into_iter().map(|(name, seeds)| (name, seeds.iter().map(of_test).collect()));
    let (fault, digits) = fault(&first.last_marks);
    let compared = if baselines.is_empty() { "" } else { COMPARED };
    let spread = Piece::row([spread(&faults.collect::<Vec<_>>(), &format!("test {fault}"), digits)]);
    page.section("Results", [Piece::beside([Piece::table(&seeds(&whole), &caption), spread])])
        .section("Training", [history(&drawn)])
        .section("Reports of each seed", [Piece::links(&links)])
        .section("Settings", [Piece::beside(what_was_run(source, plan, &seed, &first.spec)), Piece::text(compared)])
}

/// What a run of replicas leaves for its page.
#[derive(Clone, Copy, Debug)]
pub struct ReplicaRun<'a> {
    /// How they were trained.
    pub replicas: &'a ReplicaPlan,
    /// What that left.
    pub trained: &'a Replicas,
    /// All models and their votes.
    pub table: &'a Table,
    /// The model that is shown, with its name.
    pub shown: (&'a str, &'a SavedModel),
}

/// A page about replicas.
///
/// # Errors
/// As [`TestSet::new`].
pub fn of_replicas(source: Source<'_>, plan: &Plan, run: ReplicaRun<'_>) -> Result<Page, HostError> {
    let ReplicaRun { replicas, trained, table, shown: (name, shown) } = run;
    let spec = &shown.spec;
    let drawn = History {
        runs: &[&trained.history],
        baselines: &[],
        start: None,
        loss: loss_short(spec),
        names: ["first replica", "mean of the weights"],
    };
    let seed = plan.seed.to_string();
    let mut page = source.page(plan, spec, &format!("{} replicas", replicas.count), &seed);
    if let Some(error) = &trained.diverged {
        page = page.notice(&diverged(error, trained.history.len()));
    } else if trained.interrupted {
        page = page.notice(INTERRUPTED);
    }
    let warning = replicas.is_apart().then(|| Piece::text(APART));
    let result = [Piece::table(table, "Model comparison: replicas, averages of their weights, and votes")]
        .into_iter()
        .chain(warning);
    let page = page.section("Results", result).section("Training", [history(&drawn)]);
    Ok(model_sections(page, source.data, spec, (name, &shown.params), &[])?
        .section("Settings", [Piece::text(&coupled(replicas)), Piece::beside(what_was_run(source, plan, &seed, spec))]))
}

/// How replicas were trained together, in a sentence.
pub(super) fn coupled(replicas: &ReplicaPlan) -> String {
    let start = if replicas.start == Start::Common { "common initial weights" } else { "independent initial weights" };
    let pull = match replicas.coupling {
        Coupling::Mean(Pull::Fading) => {
            "pulled to their mean with strength 1 − t/T (time t, length of the run T)".to_owned()
        }
        Coupling::Mean(Pull::Growing) => {
            "pulled to their mean with strength t/T (time t, length of the run T)".to_owned()
        }
        Coupling::Mean(Pull::Constant(0.0)) => "not pulled".to_owned(),
        Coupling::Mean(Pull::Constant(share)) => format!("pulled to their mean with strength {share}"),
        Coupling::Elastic(share) => format!("elastic averaging with α {share}"),
    };
    let every =
        replicas.every.map_or_else(|| "at the end of each epoch".to_owned(), |steps| format!("every {steps} steps"));
    let every = if replicas.is_free() { String::new() } else { format!(", {every}") };
    format!("{} replicas with {start}, {pull}{every}.", replicas.count)
}

pub(super) fn what_was_run(source: Source<'_>, plan: &Plan, seed: &str, spec: &Spec) -> [Piece; 2] {
    [settings(plan, &source.describe(), seed), Piece::table(&layers(spec), "Layers of the network")]
}

/// Sections about one model: what it predicts, confusion matrix, curves, most confident errors, first-layer weights; its
/// own calibration where there is no other.
pub(super) fn model_sections(
    page: Page,
    data: &Dataset,
    spec: &Spec,
    (name, params): (&str, &[f32]),
    calibrations: &[(String, Calibration)],
) -> Result<Page, HostError> {
    if !data.train.has_classes() {
        return Ok(page.section(&format!("Predictions: {name}"), [predictions(spec, params, data)?]));
    }
    let test = TestSet::new(spec, params, data)?;
    let own: Vec<_> = test.calibration.into_iter().map(|own| (name.to_owned(), own)).collect();
    let calibrations = if calibrations.is_empty() { &own } else { calibrations };
    let plots = Piece::row(curves(&test).into_iter().chain(reliability(calibrations)));
    let page = page
        .section(&format!("Confusion matrix: {name}"), [confusion(&test)])
        .section(&format!("ROC, precision-recall and calibration: {name}"), [plots]);
    let Some(size) = picture_size(&data.test) else { return Ok(page) };
    let pictures = [wrong(&test, size)?, weights(spec, params, size)?];
    Ok(page.section(&format!("Most confident errors and first-layer weights: {name}"), [Piece::beside(pictures)]))
}

/// Epochs before the first model is averaged: those of the plan for snapshots, else the first of which there is one.
fn start(plan: &Plan, outcome: &Outcome) -> Option<f64> {
    outcome.averages.first()?;
    let first = outcome.history.iter().find(|epoch| epoch.averaged > 0)?.epoch as f64;
    let averages = plan.averages.as_ref()?;
    let has_snapshots = averages.kinds.iter().any(|kind| !matches!(kind, AverageKind::Ema(_)));
    let share = f64::from(averages.start) * plan.epochs as f64;
    Some(match averages.every {
        _ if !has_snapshots => first,
        Some(_) => share,
        None => (share * (1.0 - 1e-7)).ceil().max(1.0),
    })
}

/// The figures that are looked for first, those of the test with their 95 % intervals.
fn tiles(outcome: &Outcome) -> Piece {
    let last = &outcome.last_marks;
    let (name, marks) = match outcome.averages.first() {
        Some(average) => ("average", &average.marks),
        None => ("last iterate", last),
    };
    let (epochs, seconds) = outcome.history.last().map_or((0, 0.0), |epoch| (epoch.epoch, epoch.seconds));
    let tile = |what: &str, figure: &dyn Fn(&Marks) -> String, bounds: [f64; 2], digits: fn(f64) -> String| {
        let bounds = bounds
            .iter()
            .all(|bound| bound.is_finite())
            .then(|| format!("95 % interval {}", bounds.map(digits).join("–")));
        let against = (!outcome.averages.is_empty()).then(|| format!("last iterate {}", figure(last)));
        let beside: Vec<String> = bounds.into_iter().chain(against).collect();
        [format!("test {what}, {name}"), figure(marks), beside.join(", ")]
    };
    let loss = marks.results.loss();
    let [first, second] = if let Some([.., test]) = &marks.regression {
        let r2 = |marks: &Marks| marks.regression.as_ref().map_or(f64::NAN, |[.., test]| test.r2);
        // 1 − R² is a multiple of the mean squared error.
        let r2_bounds = [loss.high, loss.low].map(|bound| 1.0 - (1.0 - test.r2) * bound / loss.estimate);
        let rmse_bounds = [loss.low.max(0.0), loss.high].map(f64::sqrt);
        [
            tile("RMSE", &|marks| significant(faults(marks)[1]), rmse_bounds, significant),
            tile("R²", &|marks| format!("{:.4}", r2(marks)), r2_bounds, significant),
        ]
    } else {
        let error = Interval::of_share(marks.test.samples() - marks.test.hits(), marks.test.samples());
        let error_bounds = [error.low, error.high].map(|bound| 100.0 * bound);
        let what = loss_short(&outcome.spec);
        [
            tile("error", &|marks| format!("{:.2}\u{a0}%", error_percent(&marks.test)), error_bounds, |x| {
                format!("{x:.2}")
            }),
            tile(what, &|marks| format!("{:.4}", marks.test.loss()), [loss.low, loss.high], significant),
        ]
    };
    Piece::figures(&[
        first,
        second,
        ["parameters".to_owned(), grouped(outcome.spec.param_len()), String::new()],
        ["training time".to_owned(), format!("{seconds:.1} s"), format!("epochs: {epochs}")],
    ])
}
