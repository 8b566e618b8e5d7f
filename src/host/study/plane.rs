//! Loss and error over the plane through three models, and along the line through two.

use crate::host::HostError;
use crate::host::data::Dataset;
use crate::host::evaluation::{Evaluator, Regression, SavedModel, error_percent};
use crate::host::prelude::*;
use crate::host::training::Norms;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;

/// A point of a plane or a line with its name; `y = 0` on a line.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// What it is.
    pub name: String,
    /// Distances from the first model along the axes, in weight space.
    pub at: [f64; 2],
}

/// An orthonormal frame in weight space: the first model, the direction to the second, and what of the third is
/// perpendicular to it (Garipov et al. 2018).
#[derive(Debug)]
pub struct Frame {
    origin: Vec<f32>,
    axes: Vec<Vec<f64>>,
    marks: Vec<Mark>,
}

impl Frame {
    /// Through two or three models of one network, with their average.
    ///
    /// # Errors
    /// [`HostError::Mismatch`] for different networks, equal models, or three on one line.
    pub fn new(models: &[(String, SavedModel)]) -> Result<Self, HostError> {
        let Some(((first, origin), others)) = models.split_first() else {
            return Err(HostError::Usage("a plane needs three models, a line needs two".to_owned()));
        };
        let mut frame = Self { origin: origin.params.clone(), axes: Vec::new(), marks: Vec::new() };
        frame.marks.push(Mark { name: short(first), at: [0.0, 0.0] });
        for (name, model) in others {
            origin.check_kin(first, model, name)?;
            let mut rest: Vec<f64> =
                model.params.iter().zip(&origin.params).map(|(&w, &o)| f64::from(w) - f64::from(o)).collect();
            // Statistics are no weights: each place gets its own.
            for layer in model.spec.layers() {
                rest[layer.statistics()].fill(0.0);
            }
            let whole = norm(&rest);
            let mut at = [0.0, 0.0];
            for (place, axis) in at.iter_mut().zip(&frame.axes) {
                *place = dot(&rest, axis);
                rest.iter_mut().zip(axis).for_each(|(r, a)| *r -= *place * a);
            }
            let length = norm(&rest);
            // What is left of a difference of floats is rounding.
            if length <= 1e-6 * whole || whole == 0.0 {
                let problem = if frame.axes.is_empty() || whole == 0.0 { "equals" } else { "lies on the line through" };
                return Err(HostError::Mismatch(format!("{name} {problem} the models before it")));
            }
            if let Some(place) = at.get_mut(frame.axes.len()) {
                *place = length;
            }
            frame.axes.push(rest.iter().map(|r| r / length).collect());
            frame.marks.push(Mark { name: short(name), at });
        }
        let mean = |i: usize| frame.marks.iter().map(|mark| mark.at[i]).sum::<f64>() / frame.marks.len() as f64;
        let at = [mean(0), mean(1)];
        frame.marks.push(Mark { name: "average".to_owned(), at });
        Ok(frame)
    }

    /// The models and, last, their average.
    #[must_use]
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// The weights at a place.
    fn weights(&self, at: [f64; 2], params: &mut [f32]) {
        for (i, (w, &o)) in params.iter_mut().zip(&self.origin).enumerate() {
            let moved: f64 = self.axes.iter().zip(at).map(|(axis, x)| axis[i] * x).sum();
            *w = (f64::from(o) + moved) as f32;
        }
    }

    /// Where `steps` places lie along axis `i`, `margin` times the models' extent beyond them.
    fn places(&self, i: usize, steps: usize, margin: f64) -> Vec<f64> {
        let along = || self.marks.iter().map(|mark| mark.at[i]);
        let (low, high) = along().fold((f64::MAX, f64::MIN), |(l, h), x| (l.min(x), h.max(x)));
        let (low, extent) = (low - margin * (high - low), (high - low) * (1.0 + 2.0 * margin));
        (0..steps).map(|k| low + extent * k as f64 / (steps - 1) as f64).collect()
    }
}

/// The name of a model's file without its format, and the directory it is in.
fn short(name: &str) -> String {
    let path = std::path::Path::new(name);
    let stem = path.file_stem().map_or_else(|| name.into(), |s| s.to_string_lossy());
    match path.parent().and_then(std::path::Path::file_name) {
        Some(directory) => format!("{}/{stem}", directory.to_string_lossy()),
        None => stem.into_owned(),
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn norm(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// Loss and error, or RMSE, at the places of a grid, row by row from the lowest `y`; a single row along a line.
#[derive(Clone, Debug)]
pub struct Grid {
    /// Places along the first axis.
    pub xs: Vec<f64>,
    /// Along the second; one on a line.
    pub ys: Vec<f64>,
    /// Mean loss on the training samples.
    pub losses: Vec<f64>,
    /// Error on the test samples, in percent; of numbers the RMSE.
    pub errors: Vec<f64>,
    /// Whether they are errors of classes.
    pub has_classes: bool,
}

/// Which part of the plane is computed, and at how many points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Places along each axis, at least 2.
    pub steps: usize,
    /// How far beyond the models, as a share of their extent.
    pub margin: f64,
    /// Training samples that the loss is the mean over, and norms are updated with: the first so many.
    pub samples: usize,
}

/// Scores every place of a grid, on all cores; `each` hears how many are done of how many. `None` where `stop` was set.
///
/// # Errors
/// [`HostError::Usage`] for a view that cannot be, [`HostError::Mismatch`] where model and data do not go together or a
/// place has no finite loss.
pub fn survey(
    model: &SavedModel,
    frame: &Frame,
    view: View,
    data: &Dataset,
    stop: &AtomicBool,
    each: &mut dyn FnMut(usize, usize),
) -> Result<Option<Grid>, HostError> {
    if view.steps < 2 || !(0.0..=100.0).contains(&view.margin) || view.samples == 0 {
        let rule = "--steps must be at least 2, --margin from 0 to 100, and --samples at least 1";
        return Err(HostError::Usage(rule.to_owned()));
    }
    let mut evaluator = Evaluator::new(&model.spec, data)?;
    let train: Vec<u32> = (0..data.train.len().min(view.samples) as u32).collect();
    let test: Vec<u32> = (0..data.test.len() as u32).collect();
    let mut norms = Norms::new(&model.spec, &data.train, &train)?;
    let xs = frame.places(0, view.steps, view.margin);
    let ys = if frame.axes.len() > 1 { frame.places(1, view.steps, view.margin) } else { vec![0.0] };
    let has_classes = data.train.has_classes();
    let mut grid = Grid { xs, ys, losses: Vec::new(), errors: Vec::new(), has_classes };
    let units = data.units.as_ref().filter(|_| model.spec.targets() == 1);
    let mut params = vec![0.0; model.params.len()];
    let total = grid.xs.len() * grid.ys.len();
    for &y in &grid.ys {
        for &x in &grid.xs {
            if stop.load(Relaxed) {
                return Ok(None);
            }
            frame.weights([x, y], &mut params);
            let nowhere =
                |_| HostError::Mismatch(format!("the loss at ({x:.3}, {y:.3}) is not finite: use a smaller --margin"));
            let params = norms.of(&params).map_err(nowhere)?;
            grid.losses.push(evaluator.score(params, &data.train, &train).map_err(nowhere)?.loss().into());
            let (score, outputs) = evaluator.outputs(params, &data.test, &test).map_err(nowhere)?;
            let off = || Regression::mean(&data.test, &test, &outputs, units).0.rmse;
            grid.errors.push(if has_classes { error_percent(&score) } else { off() });
            each(grid.losses.len(), total);
        }
    }
    Ok(Some(grid))
}

#[cfg(test)]
mod tests;
