//! How often a model is right where it is so sure.

use super::Piece;
use super::axis::Axis;
use super::canvas::MUTED;
use super::chart::{Chart, Dots, Line, Stroke};
use super::models::colour;
use crate::host::HostError;
use crate::{Calibration, Reliability};
use std::format;
use std::string::String;

/// Accuracy over confidence of each model, in 15 bins, with the expected calibration error.
///
/// # Errors
/// None in practice: a plot that cannot be drawn.
pub fn reliability(models: &[(String, Calibration)]) -> Result<Piece, HostError> {
    if models.is_empty() {
        return Ok(Piece::default());
    }
    let mut lines = std::vec![Line::new("as sure as right", MUTED, [(0.0, 0.0), (1.0, 1.0)]).stroke(Stroke::Dotted)];
    for (i, (name, calibration)) in models.iter().enumerate() {
        let most = known(calibration).map(|bin| bin.samples).max().unwrap_or(1) as f64;
        let ece = format!("{name}, ECE {:.2} %", 100.0 * calibration.ece());
        let bins = || known(calibration).map(|bin| (f64::from(bin.confidence), f64::from(bin.accuracy), bin.samples));
        let stroke = if i == 0 { Stroke::Dashed } else { Stroke::Solid };
        let mut line =
            Line::new(&ece, colour(i, name), bins().map(|(x, y, _)| (x, y))).stroke(stroke).dots(Dots::Filled);
        for ((_, _, radius), (_, _, samples)) in line.points.iter_mut().zip(bins()) {
            *radius = 1.75 + 4.25 * (samples as f64 / most).sqrt();
        }
        lines.push(line);
    }
    let [x, y] = ["confidence", "accuracy"].map(|name| Axis::linear(name, 0.0, 1.0));
    let chart = Chart { height: 260, ..Chart::new("accuracy where the model is so sure", x, y, lines) };
    let caption = "Test samples in 15 bins of confidence, the largest probability. The area of a point is their number; bins of less \
                   than five are left out.";
    Ok(Piece::plot(chart.plot("reliability", "Reliability diagram")?, caption))
}

/// Bins with enough samples to say anything.
fn known(calibration: &Calibration) -> impl Iterator<Item = Reliability> {
    calibration.reliability().filter(|bin| bin.samples >= 5)
}
