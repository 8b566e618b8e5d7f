//! The reliability diagram: accuracy over confidence.

use super::comparison::colour;
use super::piece::Figure;
use crate::host::prelude::*;
use crate::host::report::axis::Axis;
use crate::host::report::chart::{Chart, Dots, Line, Stroke};
use crate::host::report::svg::MUTED;
use crate::metrics::{Calibration, Reliability};

/// Fewer samples than these say little of the accuracy of a bin: its standard error is up to 9 points.
const KNOWN: u64 = 30;

/// Accuracy over confidence of each model, in 15 bins, with the expected calibration error.
pub(super) fn reliability(models: &[(String, Calibration)]) -> Option<Figure> {
    let mut lines = vec![Line::new("perfect calibration", MUTED, [(0.0, 0.0), (1.0, 1.0)]).stroke(Stroke::Dotted)];
    for (i, (name, calibration)) in models.iter().enumerate() {
        let bins: Vec<Reliability> = calibration.reliability().filter(|bin| bin.samples > 0).collect();
        let most = bins.iter().map(|bin| bin.samples).max().unwrap_or(1) as f64;
        let (known, few): (Vec<_>, Vec<_>) = bins.into_iter().partition(|bin| bin.samples >= KNOWN);
        let line = |legend: &str, bins: &[Reliability]| {
            let places = bins.iter().map(|bin| (f64::from(bin.confidence), f64::from(bin.accuracy)));
            let mut line = Line::new(legend, colour(i, name), places);
            for ((_, _, radius), bin) in line.points.iter_mut().zip(bins) {
                *radius = 1.75 + 4.25 * (bin.samples as f64 / most).sqrt();
            }
            line
        };
        let stroke = if i == 0 { Stroke::Dashed } else { Stroke::Solid };
        let ece = format!("{name}, ECE {:.2} %", 100.0 * calibration.ece());
        lines.push(line(&ece, &known).stroke(stroke).dots(Dots::Filled));
        lines.push(line("", &few).stroke(Stroke::None).dots(Dots::Hollow));
    }
    let [x, y] = ["confidence", "accuracy"].map(|name| Axis::linear(name, 0.0, 1.0));
    let chart = Chart { title: "accuracy (reliability diagram)".into(), ..Chart::new(x, y, lines) };
    let caption = format!(
        "Test samples in 15 bins of confidence (the largest probability). A larger point has more samples; hollow points, \
         which have fewer than {KNOWN}, are not connected. ECE is the expected calibration error."
    );
    (!models.is_empty()).then(|| Figure::new("reliability", "Reliability diagram", &caption, chart))
}
