//! The page of the article's experiment.

use super::comparison::spread;
use super::document::Page;
use super::history::{Curve, ERRORS, LOSSES, chart};
use super::piece::{Figure, Piece};
use super::runs::{Source, coupled, model_sections};
use super::settings::{batch, rate};
use crate::host::HostError;
use crate::host::prelude::*;
use crate::host::report::chart::Stroke;
use crate::host::report::notes::NOTES;
use crate::host::report::svg::{BLUE, BROWN, GREEN, INK, ORANGE, PURPLE};
use crate::host::report::table::{Table, fixed};
use crate::host::report::variants::{TEST, of_variants};
use crate::host::study::{Reproduction, Stage, Variant};
use crate::host::training::Epoch;

/// Errors of more than this multiple of the least would leave the others no room in a plot.
const OUTLIER: f64 = 4.0;

/// A page about the article's experiment with so many seeds, as far as it came and with what ended it.
///
/// # Errors
/// As [`TestSet::new`](crate::host::evaluation::TestSet::new).
pub fn of_reproduction(
    source: Source<'_>,
    reproduction: &Reproduction<'_>,
    seeds: u32,
    failure: Option<&HostError>,
) -> Result<Page, HostError> {
    let plan = &reproduction.recipe().plan;
    let spec = plan.spec(source.data.train.inputs(), source.data.classes)?;
    let whole = reproduction.variants.whole();
    let seed = match seeds {
        1 => plan.seed.to_string(),
        n => format!("{} to {}", plan.seed, plan.seed.wrapping_add(u64::from(n) - 1)),
    };
    let mut page = source.page(plan, &spec, "experiment of the article", &seed);
    let done = whole.first().map_or(0, |variant| variant.figures.len());
    if done < seeds as usize || reproduction.histories.len() < Stage::ALL.len() {
        let why = failure.map_or_else(String::new, |error| format!(" ({error})"));
        let text = "This page shows the completed stages and seeds.";
        page = page.notice(&format!("The experiment is not complete{why}. {text}"));
    }
    let several = if done > 1 { format!(", mean ± standard deviation of {done} seeds") } else { String::new() };
    let caption = format!("Model comparison: errors in percent{several}; updates of all models together");
    let whose = format!("The curves, the confusion matrix and the pictures below are those of seed {}.", plan.seed);
    let result = [
        (done > 0).then(|| Piece::table(&of_variants(&reproduction.variants), &caption)),
        (done > 1).then(|| Piece::text(&whose)),
    ];
    let page = page
        .section("Results", result.into_iter().flatten())
        .section("Training", [overlay(&reproduction.histories, &whole)]);
    let page = match &reproduction.average {
        Some(average) => model_sections(page, source.data, &spec, ("SWA of one model", &average.params), &[])?,
        None => page,
    };
    let [settings, layers] = source.what_was_run(plan, &spec, &seed);
    Ok(page
        .section("Settings", [Piece::beside([Piece::block([stages(reproduction), layers]), settings])])
        .section("What the article does not specify", [Piece::notes(NOTES)]))
}

/// The curves of all stages over each other, of replicas that are pulled to their mean those of the mean; and the test
/// errors.
fn overlay(histories: &[(Stage, Vec<Epoch>)], variants: &[Variant]) -> Piece {
    let looks = |stage: Stage| match stage {
        Stage::Single => (ORANGE, "one model"),
        Stage::Falling => (GREEN, stage.title()),
        Stage::Growing => (BROWN, stage.title()),
        Stage::Apart => (INK, "one of the independent replicas"),
        Stage::Common => (PURPLE, "mean, common start"),
        Stage::Independent => (PURPLE, "mean, independent start"),
    };
    let runs: Vec<(Stage, [&[Epoch]; 1])> = histories.iter().map(|(stage, epochs)| (*stage, [&epochs[..]])).collect();
    let figure = |name: &str, title: &str, caption: &str, get: [fn(&Epoch) -> Option<f64>; 2]| {
        let curves = runs.iter().flat_map(|(stage, runs)| {
            let (colour, name) = looks(*stage);
            let is_mean = matches!(stage, Stage::Common | Stage::Independent);
            let stroke = if *stage == Stage::Independent { Stroke::Dashed } else { Stroke::Solid };
            let own = Curve { name, colour, stroke, runs, get: get[usize::from(is_mean)] };
            let swa = Curve { name: "one model, SWA", colour: BLUE, stroke: Stroke::Solid, runs, get: get[1] };
            [Some(own), (*stage == Stage::Single).then_some(swa)].into_iter().flatten()
        });
        let chart = chart(title, &curves.collect::<Vec<_>>(), None)?;
        Some(Figure::new(name, &format!("{title} of each stage after each epoch"), caption, chart))
    };
    let caption =
        "Measured on the validation samples. Of replicas that are pulled together, the mean of their weights.";
    let curves = [figure("loss", "NLL", caption, LOSSES), figure("error", "error, %", "On the same samples.", ERRORS)];
    Piece::row(curves.into_iter().flatten().chain(errors(variants)))
}

/// What each stage changes.
fn stages(reproduction: &Reproduction<'_>) -> Piece {
    let recipe = reproduction.recipe();
    let row = |stage: Stage| {
        let plan = recipe.plan_of(stage, recipe.plan.seed);
        let what = match recipe.replicas_of(stage) {
            Some(replicas) => coupled(&replicas),
            None if plan.averages.is_some() => {
                format!("learning rate {}; with averaging", rate(plan.rate, plan.decay, plan.warmup))
            }
            None => format!(
                "learning rate {}; batch {}",
                rate(plan.rate, plan.decay, plan.warmup),
                batch(plan.batch, plan.micro_batch, plan.growth)
            ),
        };
        vec![stage.title().to_owned(), what]
    };
    let table = Table::new(["stage", "settings"], Stage::ALL.map(row));
    Piece::words(&table, "Settings of each stage that differ from those of the run")
}

/// Test errors, but for those far outside.
fn errors(variants: &[Variant]) -> Option<Figure> {
    let of = |variant: &Variant| variant.figures.iter().map(|figures| figures.cells[TEST]).collect::<Vec<f64>>();
    let all: Vec<_> = variants.iter().map(|variant| (variant.name.clone(), of(variant))).collect();
    let least = all.iter().flat_map(|(_, errors)| errors).copied().fold(f64::INFINITY, f64::min);
    let is_near = |(_, errors): &(String, Vec<f64>)| errors.iter().all(|&error| error <= OUTLIER * least);
    let (near, far): (Vec<_>, Vec<_>) = all.into_iter().partition(is_near);
    let names: Vec<_> = far.into_iter().map(|(name, _)| name).collect();
    let left_out = match &names[..] {
        [] => String::new(),
        names => format!("Not shown because the error is much larger: {}.", names.join(", ")),
    };
    Some(Figure { caption: left_out, ..spread(&near, "test error, %", &|x| fixed(x, 2)) }).filter(|_| !near.is_empty())
}
