//! The page of the article's experiment.

use super::comparison::spread;
use super::document::Page;
use super::history::{History, history};
use super::piece::Piece;
use super::runs::{Source, coupled, lead, model_sections, title, what_was_run};
use super::settings::{batch, rate};
use crate::host::HostError;
use crate::host::prelude::*;
use crate::host::report::notes::NOTES;
use crate::host::report::table::Table;
use crate::host::report::variants::of_variants;
use crate::host::study::{Reproduction, Stage, Variant};

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
    let mut page = Page::new(&title(&spec, "experiment of the article"), &lead(source, plan, &seed));
    let done = whole.first().map_or(0, |variant| variant.figures.len());
    if done < seeds as usize || reproduction.histories.len() < Stage::ALL.len() {
        let why = failure.map_or_else(String::new, |error| format!(" ({error})"));
        let text = "This page shows the completed stages and seeds.";
        page = page.notice(&format!("The experiment is not complete{why}. {text}"));
    }
    let caption = match done {
        1 => "Model comparison: errors in percent; updates of all models together".to_owned(),
        n => {
            format!(
                "Model comparison: errors in percent, mean ± standard deviation of {n} seeds; updates of all models together"
            )
        }
    };
    let result = match done {
        0 => Vec::new(),
        _ => vec![
            Piece::table(&of_variants(&reproduction.variants), &caption),
            errors(&whole)?,
            first_seed(done, plan.seed),
        ],
    };
    let page = page.section("Results", result).section("What the article does not specify", [Piece::notes(NOTES)]);
    let training = reproduction.histories.iter().map(|(stage, epochs)| {
        let names = match stage {
            Stage::Single | Stage::Falling | Stage::Growing => ["last iterate", "average"],
            Stage::Apart | Stage::Common | Stage::Independent => ["first replica", "mean of the weights"],
        };
        let start = epochs.iter().find(|epoch| *stage == Stage::Single && epoch.averaged > 0);
        let start = start.map(|epoch| epoch.epoch as f64);
        let curves = History { runs: &[epochs], baselines: &[], start, loss: "NLL", names };
        Ok((stage, history(&curves)?.under(stage.name())))
    });
    let training = training.collect::<Result<Vec<_>, HostError>>()?;
    let page = training.into_iter().fold(page, |page, (stage, curves)| page.section(&heading(*stage), [curves]));
    let page = match &reproduction.average {
        Some(average) => model_sections(page, source.data, &spec, ("SWA of one model", &average.params), &[])?,
        None => page,
    };
    Ok(page.section("Settings", [stages(reproduction), what_was_run(source, plan, &seed, &spec)]))
}

/// Whose curves and classes follow.
fn first_seed(seeds: usize, seed: u64) -> Piece {
    Piece::text(&if seeds > 1 {
        format!("The curves, the confusion matrix and the pictures below are those of seed {seed}.")
    } else {
        String::new()
    })
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
    let header = ["stage", "settings"].map(str::to_owned).to_vec();
    Piece::words(
        &Table { header, rows: Stage::ALL.map(row).to_vec() },
        "Settings of each stage that differ from the table below",
    )
}

fn heading(stage: Stage) -> String {
    let title = stage.title();
    let first = title.chars().next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}", title.chars().skip(1).collect::<String>())
}

/// Test errors, but for those far outside.
fn errors(variants: &[Variant]) -> Result<Piece, HostError> {
    let of = |variant: &Variant| variant.figures.iter().map(|figures| figures.errors[2]).collect::<Vec<f64>>();
    let all: Vec<_> = variants.iter().map(|variant| (variant.name.clone(), of(variant))).collect();
    let least = all.iter().flat_map(|(_, errors)| errors).copied().fold(f64::INFINITY, f64::min);
    let is_near = |(_, errors): &(String, Vec<f64>)| errors.iter().all(|&error| error <= OUTLIER * least);
    let (near, far): (Vec<_>, Vec<_>) = all.into_iter().partition(is_near);
    let names: Vec<_> = far.into_iter().map(|(name, _)| name).collect();
    let left_out = match &names[..] {
        [] => String::new(),
        names => format!("Not shown because the error is much larger: {}.", names.join(", ")),
    };
    Ok([spread(&near)?, Piece::text(&left_out)].into_iter().collect())
}
