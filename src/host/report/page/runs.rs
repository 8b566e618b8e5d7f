//! Whole pages: of a run, of several seeds, of replicas.

use super::classes::{confusion, curves};
use super::comparison::{gap, spread};
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
use crate::host::evaluation::{Interval, Marks, SavedModel, TestSet};
use crate::host::plan::{AverageKind, Coupling, Plan, ReplicaPlan, widths};
use crate::host::prelude::*;
use crate::host::report::comparison::{
    BASELINE, LAST, TEST, comparison, measures, models, models_of_seeds, seeds, test_rows,
};
use crate::host::report::info::layers;
use crate::host::report::table::Table;
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

    /// The settings and the layers of the network, side by side.
    pub(super) fn what_was_run(&self, plan: &Plan, spec: &Spec, seed: &str) -> [Piece; 2] {
        [settings(plan, &self.describe(), seed), Piece::table(&layers(spec), "Layers of the network")]
    }

    /// The last section: a sentence, and what was run.
    fn settings(&self, page: Page, plan: &Plan, spec: &Spec, seed: &str, text: &str) -> Page {
        page.section("Settings", [Piece::text(text), Piece::beside(self.what_was_run(plan, spec, seed))])
    }
}

/// What the baseline is.
const COMPARED: &str = "Baseline: a model trained with the same seed and the same number of epochs, with learning rate decay to 0 and \
                        without averaging.";

/// The same page with what ended a run early, and how many updates were dropped.
fn ended(page: Page, diverged: Option<&HostError>, interrupted: bool, history: &[Epoch]) -> Page {
    let page = match history.last().map_or(0, |epoch| epoch.dropped) {
        0 => page,
        1 => page.notice("1 update was dropped because it was not finite."),
        n => page.notice(&format!("{n} updates were dropped because they were not finite.")),
    };
    match diverged {
        Some(error) => {
            let epochs = history.len();
            page.notice(&format!("This run diverged: {error}. The page shows the models of epoch {epochs}."))
        }
        None if interrupted => page.notice("This run was interrupted. The page shows the models trained so far."),
        None => page,
    }
}

/// A page about one run; the model shown in detail is its average.
///
/// # Errors
/// As [`TestSet::new`].
pub fn of_run(source: Source<'_>, plan: &Plan, outcome: &Outcome) -> Result<Page, HostError> {
    let (spec, models, seed) = (&outcome.spec, models(outcome), plan.seed.to_string());
    let params = outcome.averages.first().map_or(&outcome.last, |average| &average.params);
    let name = models.get(usize::from(!outcome.averages.is_empty())).map_or("", |(name, _)| name);
    let (runs, baselines) = curves_of(&[outcome]);
    let drawn = History { baselines: &baselines, start: start(plan, outcome), ..History::new(&runs, spec) };
    let page = source.page(plan, spec, "training run", &seed);
    let page = ended(page, outcome.diverged.as_ref(), outcome.interrupted, &outcome.history);
    let compared = [Piece::table(&comparison(outcome), "Model comparison"), Piece::text(&remark(outcome))];
    let page = page
        .section("Results", [tiles(outcome), Piece::beside(compared)])
        .section("Training", [history(&drawn)])
        .section("Generalisation gap", [gap(&models, spec)]);
    // Of several averages the first.
    let known = |(i, (name, marks)): (usize, &(String, &Marks))| {
        let is_shown = i < 2 || name == BASELINE;
        Some((name.clone(), marks.calibration.filter(|_| is_shown)?))
    };
    let calibrations: Vec<_> = models.iter().enumerate().filter_map(known).collect();
    let page = model_sections(page, source.data, spec, (name, params), &calibrations)?;
    Ok(source.settings(page, plan, spec, &seed, outcome.baseline.as_ref().map_or("", |_| COMPARED)))
}

/// The epochs of runs, and those of their baselines.
fn curves_of<'a>(outcomes: &[&'a Outcome]) -> (Vec<&'a [Epoch]>, Vec<&'a [Epoch]>) {
    let baselines = outcomes.iter().map(|outcome| &outcome.baseline_history[..]);
    (outcomes.iter().map(|o| &o.history[..]).collect(), baselines.filter(|run| !run.is_empty()).collect())
}

/// Seeds that follow each other, and links to the page of each.
fn seeds_and_links(seeds: &[u64]) -> (String, Piece) {
    let seed = match seeds {
        [first, .., last] => format!("{first} to {last}"),
        [one] => one.to_string(),
        [] => "none".to_owned(),
    };
    (seed, Piece::links(seeds.iter().map(|seed| (format!("seed-{seed}/report.html"), format!("seed {seed}")))))
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
    let (seed, links) = seeds_and_links(seeds);
    let caption = "Model comparison: mean ± standard deviation of the completed seeds";
    let result = (!table.rows.is_empty()).then(|| Piece::table(table, caption));
    let warning = replicas.is_apart().then(|| Piece::text(APART));
    let page = source
        .page(plan, &spec, &format!("{} replicas with several seeds", replicas.count), &seed)
        .section("Results", result.into_iter().chain(warning))
        .section("Reports of each seed", [links]);
    Ok(source.settings(page, plan, &spec, &seed, &coupled(replicas)))
}

/// A page about runs that differ in their seeds alone, with links to their own, `seed-N/report.html`.
///
/// # Errors
/// As [`Plan::spec`].
pub fn of_seeds(source: Source<'_>, plan: &Plan, outcomes: &[(u64, Outcome)]) -> Result<Page, HostError> {
    let spec = plan.spec(source.data.train.inputs(), source.data.classes)?;
    let whole: Vec<&Outcome> = outcomes.iter().filter(|(_, o)| !o.interrupted).map(|(_, outcome)| outcome).collect();
    let (seed, links) = seeds_and_links(&outcomes.iter().map(|(seed, _)| *seed).collect::<Vec<_>>());
    let (runs, baselines) = curves_of(&whole);
    let mut page = source.page(plan, &spec, "several seeds", &seed);
    if whole.len() < outcomes.len() {
        page = page.notice("The last run was interrupted. It is not part of the means.");
    }
    if let Some(first) = whole.first() {
        let caption = match whole.len() {
            1 => "Model comparison: one seed".to_owned(),
            seeds => format!("Model comparison: mean ± standard deviation of {seeds} seeds"),
        };
        let measure = &measures(&first.last_marks)[TEST];
        let of_test = models_of_seeds(&whole).into_iter().map(|(name, marks)| (name, measure.of(&marks)));
        let spread = spread(&of_test.collect::<Vec<_>>(), &measure.name(&spec), &|x| measure.text(x));
        let drawn = History { baselines: &baselines, start: start(plan, first), ..History::new(&runs, &spec) };
        page = page
            .section("Results", [Piece::beside([Piece::table(&seeds(&whole), &caption), Piece::row([spread])])])
            .section("Training", [history(&drawn)]);
    }
    let page = page.section("Reports of each seed", [links]);
    Ok(source.settings(page, plan, &spec, &seed, if baselines.is_empty() { "" } else { COMPARED }))
}

/// A page about replicas and the `table` of all models and their votes; one model is shown in detail.
///
/// # Errors
/// As [`TestSet::new`].
pub fn of_replicas(
    source: Source<'_>,
    plan: &Plan,
    replicas: &ReplicaPlan,
    trained: &Replicas,
    table: &Table,
    (name, shown): (&str, &SavedModel),
) -> Result<Page, HostError> {
    let (spec, seed, runs) = (&shown.spec, plan.seed.to_string(), [&trained.history[..]]);
    let drawn = History { names: ["first replica", "mean of the weights"], ..History::new(&runs, spec) };
    let warning = replicas.is_apart().then(|| Piece::text(APART));
    let result = Piece::table(table, "Model comparison: replicas, averages of their weights, and votes");
    let page = source.page(plan, spec, &format!("{} replicas", replicas.count), &seed);
    let page = ended(page, trained.diverged.as_ref(), trained.interrupted, &trained.history)
        .section("Results", [result].into_iter().chain(warning))
        .section("Training", [history(&drawn)]);
    let page = model_sections(page, source.data, spec, (name, &shown.params), &[])?;
    Ok(source.settings(page, plan, spec, &seed, &coupled(replicas)))
}

/// How replicas were trained together, in a sentence.
pub(super) fn coupled(replicas: &ReplicaPlan) -> String {
    let start = if replicas.start == Start::Common { "common initial weights" } else { "independent initial weights" };
    let pulled = |strength: &str| format!("pulled to their mean with strength {strength}");
    let pull = match replicas.coupling {
        Coupling::Mean(Pull::Fading) => pulled("1 − t/T (time t, length of the run T)"),
        Coupling::Mean(Pull::Growing) => pulled("t/T (time t, length of the run T)"),
        Coupling::Mean(Pull::Constant(0.0)) => "not pulled".to_owned(),
        Coupling::Mean(Pull::Constant(share)) => pulled(&share.to_string()),
        Coupling::Elastic(share) => format!("elastic averaging with α {share}"),
    };
    let every =
        replicas.every.map_or_else(|| "at the end of each epoch".to_owned(), |steps| format!("every {steps} steps"));
    let every = if replicas.is_free() { String::new() } else { format!(", {every}") };
    format!("{} replicas with {start}, {pull}{every}.", replicas.count)
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
    let has_snapshots =
        averages.kinds.iter().any(|kind| !matches!(kind, AverageKind::Ema(_) | AverageKind::Polynomial(_)));
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
    let average = outcome.averages.first().map(|average| &average.marks);
    let (shown, marks) = average.map_or((LAST, last), |marks| ("average", marks));
    let loss = marks.results.loss();
    let bounds = match &marks.regression {
        // 1 − R² is a multiple of the mean squared error.
        Some([.., test]) => [
            [loss.low.max(0.0), loss.high].map(f64::sqrt),
            [loss.high, loss.low].map(|bound| 1.0 - (1.0 - test.r2) * bound / loss.estimate),
        ],
        None => {
            let error = Interval::of_share(marks.test.samples() - marks.test.hits(), marks.test.samples());
            [[error.low, error.high].map(|bound| 100.0 * bound), [loss.low, loss.high]]
        }
    };
    let figure = |row: usize, bounds: [f64; 2]| {
        let measure = &measures(marks)[row];
        let name = measure.name(&outcome.spec);
        let (name, unit) = name.strip_suffix(", %").map_or((&*name, ""), |name| (name, "\u{a0}%"));
        let text = |marks: &Marks| measure.text(measure.value(marks)) + unit;
        let is_known = bounds.iter().all(|bound| bound.is_finite());
        let bounds = is_known.then(|| format!("95 % interval {}", bounds.map(|x| measure.text(x)).join("–")));
        let against = average.map(|_| format!("{LAST} {}", text(last)));
        let beside: Vec<String> = bounds.into_iter().chain(against).collect();
        [format!("{name}, {shown}"), text(marks), beside.join(", ")]
    };
    let (epochs, seconds) = outcome.history.last().map_or((0, 0.0), |epoch| (epoch.epoch, epoch.seconds));
    let [first, second] = test_rows(marks);
    Piece::figures(&[
        figure(first, bounds[0]),
        figure(second, bounds[1]),
        ["parameters".to_owned(), grouped(outcome.spec.param_len()), String::new()],
        ["training time".to_owned(), format!("{seconds:.1} s"), format!("epochs: {epochs}")],
    ])
}
