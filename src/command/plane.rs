//! `cygnet plane`: loss and error between models, drawn.

use super::{INTERRUPTED, stop_on_ctrl_c};
use crate::cli::{self, Places};
use crate::{complain, say_noted};
use cygnet::host::HostError;
use cygnet::host::report::plot;
use cygnet::host::study::plane;
use std::path::Path;
use std::process::ExitCode;

/// Draws the plane through three models, or the line through two.
pub(super) fn draw(arguments: &cli::Plane) -> Result<ExitCode, HostError> {
    let target = arguments.target()?;
    let models = cli::read_models(&arguments.models)?;
    let frame = plane::Frame::new(&models)?;
    let (data, notes) = arguments.data.for_models(&models)?;
    let Some((_, first)) = models.first() else { return Ok(ExitCode::SUCCESS) };
    let (stop, bar) = (stop_on_ctrl_c(), Places::new());
    let grid = plane::survey(first, &frame, arguments.view(), &data, &stop, &mut |done, total| bar.show(done, total));
    bar.finish();
    let Some(grid) = grid? else {
        complain("interrupted: no plot was written");
        return Ok(ExitCode::from(INTERRUPTED));
    };
    target.write(&plot::draw(&grid, frame.marks())?)?;
    let [svg, csv] = [0, 1].map(|i| target.path(i).unwrap_or(Path::new("")).display());
    let drawn = format!("{}\n\nPlot saved in {svg}, its data in {csv}.", plot::least(&grid));
    say_noted(&notes, &drawn)?;
    Ok(ExitCode::SUCCESS)
}
