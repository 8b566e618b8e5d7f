//! What a model of numbers predicts for the test samples: beside the true values, and how far it is off.

use super::piece::{Figure, Piece};
use crate::Spec;
use crate::host::HostError;
use crate::host::data::Dataset;
use crate::host::evaluation::Evaluator;
use crate::host::prelude::*;
use crate::host::report::axis::extent;
use crate::host::report::axis::{Axis, digits};
use crate::host::report::chart::{Chart, Dots, Line, Stroke};
use crate::host::report::svg::{BLUE, MUTED, ORANGE};

/// Predicted numbers that are shown, of several the first.
const TARGETS: usize = 4;
/// Samples that are drawn, of more every other, every third and so on.
const DRAWN: usize = 600;
/// Parts of the test samples, by the size of the target.
const PARTS: usize = 5;

/// Predicted and true values of the test samples, in the units of the target.
struct Numbers {
    name: String,
    /// Each a true value and a prediction, by the true value.
    pairs: Vec<[f64; 2]>,
}

fn numbers(spec: &Spec, params: &[f32], data: &Dataset) -> Result<Vec<Numbers>, HostError> {
    let test: Vec<u32> = (0..data.test.len() as u32).collect();
    let (_, outputs) = Evaluator::new(spec, data)?.outputs(params, &data.test, &test)?;
    let columns = data.preparation.as_ref().and_then(|preparation| preparation.columns.as_ref());
    let of = |k: usize| {
        let name = columns.and_then(|columns| columns.targets.get(k).cloned()).unwrap_or_else(|| (k + 1).to_string());
        let (mean, sd) =
            data.units.as_ref().map_or((0.0, 1.0), |units| (units.means[k].into(), units.deviations[k].into()));
        let targets = (0..data.test.len()).filter_map(|i| data.test.values(i).get(k));
        let pairs = targets.zip(outputs.iter().skip(k).step_by(spec.targets()));
        let mut pairs: Vec<[f64; 2]> = pairs.map(|(&t, &p)| [t, p].map(|x| f64::from(x) * sd + mean)).collect();
        pairs.sort_by(|a, b| a[0].total_cmp(&b[0]));
        Numbers { name, pairs }
    };
    Ok((0..data.classes.min(TARGETS)).map(of).collect())
}

/// For each predicted number its prediction over the true value, the residuals, and the error by quantile of the target.
/// Outputs that are not finite are an error.
pub(super) fn predictions(spec: &Spec, params: &[f32], data: &Dataset) -> Result<Piece, HostError> {
    let all = numbers(spec, params, data)?;
    let left_out = match data.classes.saturating_sub(all.len()) {
        0 => Piece::default(),
        more => Piece::text(&format!("{more} more predicted columns are not drawn: `cygnet eval` shows all of them.")),
    };
    let rows = all.iter().enumerate().map(|(k, numbers)| {
        let suffix = if k == 0 { String::new() } else { format!("-{}", k + 1) };
        Piece::row([numbers.predicted(&suffix), numbers.residuals(&suffix), numbers.quantiles(&suffix)])
    });
    Ok(rows.chain([left_out]).collect())
}

impl Numbers {
    fn drawn(&self) -> (impl Iterator<Item = [f64; 2]> + '_, String) {
        let every = self.pairs.len().div_ceil(DRAWN).max(1);
        let which = if every > 1 { format!(" One sample of {every} is drawn.") } else { String::new() };
        (self.pairs.iter().copied().step_by(every), which)
    }

    fn predicted(&self, suffix: &str) -> Figure {
        let (low, high) = extent(self.pairs.iter().flatten().copied());
        let [x, y] = ["actual", "predicted"].map(|name| Axis::linear_around(name, low, high));
        let (drawn, which) = self.drawn();
        let [from, to] = x.ends;
        let lines = vec![
            Line::new("predicted = actual", MUTED, [(from, from), (to, to)]).stroke(Stroke::Dotted),
            dots(drawn.map(|[t, p]| (t, p))),
        ];
        let title = format!("{}: predicted", self.name);
        let chart = Chart { title, ..Chart::new(x, y, lines) };
        let caption = format!("Test samples; a good model is near the dotted line.{which}");
        Figure::new(&format!("predicted{suffix}"), "Predicted over actual values", &caption, chart)
    }

    fn residuals(&self, suffix: &str) -> Figure {
        let (drawn, _) = self.drawn();
        let points: Vec<(f64, f64)> = drawn.map(|[t, p]| (p, p - t)).collect();
        let [(x0, x1), (y0, y1)] =
            [extent(points.iter().map(|point| point.0)), extent(points.iter().map(|point| point.1))];
        let [x, y] =
            [("predicted", x0, x1), ("residual", y0, y1)].map(|(name, low, high)| Axis::linear_around(name, low, high));
        let zero = Line::new("", MUTED, x.ends.map(|x| (x, 0.0))).stroke(Stroke::Dotted);
        let title = format!("{}: residual", self.name);
        let chart = Chart { title, ..Chart::new(x, y, vec![zero, dots(points)]) };
        let caption = "Predicted − actual value. A slope or a curve means that something is not learned; a funnel, that the \
                       error grows with the value.";
        Figure::new(&format!("residuals{suffix}"), "Residuals over predicted values", caption, chart)
    }

    /// RMSE and mean residual in parts of equally many samples.
    fn quantiles(&self, suffix: &str) -> Figure {
        let size = self.pairs.len().div_ceil(PARTS).max(1);
        let part = |(i, part): (usize, &[[f64; 2]])| {
            let mean = |f: &dyn Fn(f64) -> f64| part.iter().map(|[t, p]| f(p - t)).sum::<f64>() / part.len() as f64;
            let ends = [part.first(), part.last()].map(|pair| pair.map_or(f64::NAN, |[t, _]| *t));
            let name = ends.map(digits).join(" to ");
            (name, (mean(&|r| r * r).sqrt(), -(i as f64)), (mean(&|r| r), -(i as f64)))
        };
        let parts: Vec<_> = self.pairs.chunks(size).enumerate().map(part).collect();
        let lines = vec![
            Line::new("RMSE", BLUE, parts.iter().map(|part| part.1)).dots(Dots::Filled).radius(4.5),
            Line::new("mean residual", ORANGE, parts.iter().map(|part| part.2))
                .stroke(Stroke::Dashed)
                .dots(Dots::Hollow)
                .radius(4.5),
        ];
        let (low, high) = extent(lines.iter().flat_map(|line| line.points.iter().map(|point| point.0)));
        let (x, y) = (Axis::linear_around("", low.min(0.0), high), Axis::rows(parts.into_iter().map(|part| part.0)));
        let title = format!("{}: error by quantile", self.name);
        let chart = Chart { title, ..Chart::new(x, y, lines) };
        let caption = "Test samples in parts of equal size, from the lowest to the highest actual values.";
        Figure::new(&format!("quantiles{suffix}"), "Error by quantile of the target", caption, chart)
    }
}

fn dots(points: impl IntoIterator<Item = (f64, f64)>) -> Line {
    Line::new("", BLUE, points).stroke(Stroke::None).dots(Dots::Filled).radius(2.5)
}
