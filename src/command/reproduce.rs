//! `cygnet reproduce`: the article's experiment.

use super::watch::Watch;
use super::{INTERRUPTED, stop_on_ctrl_c, warn};
use crate::cli::{self, Progress};
use crate::{complain, is_quiet, say};
use cygnet::host::HostError;
use cygnet::host::data::Split;
use cygnet::host::files::Place;
use cygnet::host::report::{self, output, page};
use cygnet::host::study::{Reproduction, Stage};
use std::path::Path;
use std::process::ExitCode;

/// Every way of the article to train and to predict, in one table and on one page; a run that has `begun` goes on in its
/// directory.
pub(super) fn reproduce(arguments: &cli::Reproduce, begun: Option<Place>) -> Result<ExitCode, HostError> {
    let data = arguments.read()?;
    let name = cli::source(arguments.path());
    let mut reproduction = Reproduction::new(&data, arguments.recipe())?;
    let plan = reproduction.recipe().plan.clone();
    let spec = plan.spec(data.train.inputs(), data.classes)?;
    let from = arguments.data();
    let start = |target: &Path| cli::record(&plan, arguments.seeds, (&from, &data, &name), &from.files(), target);
    let mut place = begun.map_or_else(|| arguments.place(&start), Ok)?;
    let record = place.started();
    let (name, origin) = (record.settings.get("data").unwrap_or(&name).clone(), cli::origin(&record));
    let stop = stop_on_ctrl_c();
    if !is_quiet() {
        say(&cli::introduction(&plan, &spec, &data, arguments.path(), Some(place.directory())))?;
    }
    let seeds = (0..arguments.seeds).map(|i| arguments.seed.wrapping_add(i.into()));
    seeds.clone().try_for_each(|seed| warn(&data, Split { seed, ..plan.split() }))?;
    let mut trained = Ok(true);
    for (seed, stage) in seeds.flat_map(|seed| Stage::ALL.map(|stage| (seed, stage))) {
        let plan = reproduction.recipe().plan_of(stage, seed);
        let (progress, name) = (Progress::new(None, &plan, true, None), format!("seed-{seed}/{}", stage.name()));
        let mut watch = Watch::new(progress, &mut place, arguments.checkpoint_every, name.clone());
        watch.begin(&format!("{}, seed {seed}:", stage.title()), name);
        trained = reproduction.run(stage, seed, &mut watch, &stop);
        watch.progress.finish();
        // After each stage, since there may be no next; what training says comes first.
        let written = output::save_reproduction(&mut place, &reproduction);
        trained = trained.and_then(|done| written.map(|()| done));
        if !matches!(trained, Ok(true)) {
            break;
        }
    }
    let source = page::Source { data: &data, name: &name, origin: &origin };
    let page = page::of_reproduction(source, &reproduction, arguments.seeds, trained.as_ref().err());
    let paged = page.and_then(|page| page.write(&mut place, ""));
    say(&format!("\n{}", report::of_variants(&reproduction.variants)))?;
    if paged.is_ok() && matches!(trained, Ok(true)) {
        place.finish()?;
    }
    let out = place.directory();
    if is_quiet() && arguments.out.is_none() {
        say(&cli::counted(out))?;
    } else if !is_quiet() {
        let page = out.join("report.html");
        say(&format!("\n{}\n\nSaved in {}. Report: {}", cli::notes(), out.display(), page.display()))?;
    }
    let trained = trained?;
    paged?;
    if !trained {
        let out = out.display();
        complain(&format!(
            "interrupted: the completed stages are saved in {out}; to go on: cygnet reproduce --resume {out}"
        ));
        return Ok(ExitCode::from(INTERRUPTED));
    }
    Ok(ExitCode::SUCCESS)
}
