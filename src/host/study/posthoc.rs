//! Post-hoc synthesis: a polynomial average of any width out of stored ones of other widths (Karras et al. 2024,
//! arXiv 2312.02696, section 3.2).

use crate::host::HostError;
use crate::host::prelude::*;
use core::iter::zip;
use std::path::Path;

/// A larger share of the weights that is not met is refused.
const MOST: f64 = 0.1;
/// How a file of a stored average is called, between its exponent and its number of models.
const STEM: [&str; 2] = ["polynomial-", "-of-"];

/// A stored polynomial average: its exponent, and how many models it is of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moment {
    /// `η`.
    pub exponent: f32,
    /// `t`.
    pub models: u64,
}

impl Moment {
    /// What its file is called, without the ending.
    #[must_use]
    pub fn stem(&self) -> String {
        let [before, between] = STEM;
        format!("{before}{}{between}{}", self.exponent, self.models)
    }

    /// That of a file, by its name.
    ///
    /// # Errors
    /// [`HostError::Usage`] for another name.
    pub fn of_file(name: &str) -> Result<Self, HostError> {
        let stem = Path::new(name).file_stem().and_then(|stem| stem.to_str());
        let parts = stem.and_then(|stem| stem.strip_prefix(STEM[0])?.split_once(STEM[1]));
        let moment = parts.and_then(|(exponent, models)| {
            let (exponent, models) = (exponent.parse::<f32>().ok()?, models.parse().ok()?);
            (exponent >= 0.0 && exponent.is_finite() && models > 0).then_some(Self { exponent, models })
        });
        moment.ok_or_else(|| {
            HostError::Usage(format!(
                "{name} is not named as train --posthoc names its files, {}",
                STEM.join("…") + "…"
            ))
        })
    }

    /// The share of each of its models, followed by zeros for all models up to `all`.
    fn shares(self, all: u64) -> Vec<f64> {
        let mut shares = shares(self.exponent.into(), self.models);
        shares.resize(all as usize, 0.0);
        shares
    }
}

/// The share of each of `models` in a polynomial average: `γ_s·Π_{r > s} (1 − γ_r)` with `γ_r = (η + 1)/(r + η)`.
fn shares(exponent: f64, models: u64) -> Vec<f64> {
    let mut rest = 1.0;
    let share = |r: u64| {
        let gain = (exponent + 1.0) / (r as f64 + exponent);
        let share = gain * rest;
        rest *= 1.0 - gain;
        share
    };
    let mut shares: Vec<f64> = (1..=models).rev().map(share).collect();
    shares.reverse();
    shares
}

/// The relative width of a long polynomial average: the standard deviation of its shares' times over its end,
/// `√(η + 1)/((η + 2)·√(η + 3))`.
#[must_use]
pub fn width(exponent: f64) -> f64 {
    (exponent + 1.0).sqrt() / ((exponent + 2.0) * (exponent + 3.0).sqrt())
}

/// The exponent of a width above 0, up to that of a mean.
fn exponent(wanted: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0 / wanted);
    for _ in 0..100 {
        let middle = 0.5 * (low + high);
        if width(middle) > wanted { low = middle } else { high = middle }
    }
    low
}

/// How stored averages make another one.
#[derive(Clone, Debug, PartialEq)]
pub struct Synthesis {
    /// Its width.
    pub width: f64,
    /// What each stored average is multiplied by; their sum is 1.
    pub coefficients: Vec<f64>,
    /// How far its shares are from those that are wanted, `|Σ cᵢpᵢ − p| / |p|`.
    pub residual: f64,
}

impl Synthesis {
    /// The nearest to a polynomial average of this width at the latest moment, by least squares over the shares of all models.
    ///
    /// # Errors
    /// [`HostError::Usage`] for a width that no average has, for fewer than two different moments, and for one that these
    /// do not make: a residual of more than 10 %.
    pub fn new(moments: &[Moment], width: f64) -> Result<Self, HostError> {
        let usage = |fault: String| Err(HostError::Usage(fault));
        if !(width > 0.0 && width <= self::width(0.0)) {
            return usage(format!("posthoc {width} is out of range: above 0 and at most {:.3}", self::width(0.0)));
        }
        let end = moments.iter().map(|moment| moment.models).max().unwrap_or(0);
        let profiles: Vec<_> = moments.iter().map(|moment| moment.shares(end)).collect();
        let wanted = shares(exponent(width), end);
        let Some(coefficients) = nearest(&profiles, &wanted) else {
            return usage("posthoc needs averages of different exponents or moments".to_owned());
        };
        let missed = (0..wanted.len()).map(|s| {
            let made: f64 = zip(&coefficients, &profiles).map(|(c, profile)| c * profile[s]).sum();
            (made - wanted[s]).powi(2)
        });
        let residual = (missed.sum::<f64>() / dot(&wanted, &wanted)).sqrt();
        if residual > MOST {
            let [missed, most] = [residual, MOST].map(|share| 100.0 * share);
            let fault = format!(
                "posthoc {width} is too far from what these averages can make: {missed:.0} % of its weights are \
                 missed, at most {most:.0} % may be"
            );
            return usage(fault);
        }
        Ok(Self { width, coefficients, residual })
    }

    /// Those of all widths from 0.05 on, 0.025 apart, that the moments can make.
    #[must_use]
    pub fn all(moments: &[Moment]) -> Vec<Self> {
        (2..12).filter_map(|i| Self::new(moments, 0.025 * f64::from(i)).ok()).collect()
    }

    /// The average itself, of the stored ones in the order of the moments; each element is a sum in f64.
    pub(super) fn blend<'p>(&self, stored: impl Iterator<Item = &'p [f32]> + Clone, mean: &mut [f32]) {
        for (i, mean) in mean.iter_mut().enumerate() {
            *mean =
                zip(&self.coefficients, stored.clone()).map(|(c, params)| c * f64::from(params[i])).sum::<f64>() as f32;
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    zip(a, b).map(|(a, b)| a * b).sum()
}

/// Coefficients with a sum of 1 that bring the sum of `profiles` nearest to `wanted`; none where some follow from others.
///
/// The last one is what is missing to 1, so that the normal equations are of differences from it.
fn nearest(profiles: &[Vec<f64>], wanted: &[f64]) -> Option<Vec<f64>> {
    let (last, others) = profiles.split_last().filter(|(_, others)| !others.is_empty())?;
    let apart = |profile: &[f64]| zip(profile, last).map(|(p, last)| p - last).collect::<Vec<f64>>();
    let (apart_wanted, apart): (_, Vec<_>) = (apart(wanted), others.iter().map(|profile| apart(profile)).collect());
    let row = |a: &Vec<f64>| apart.iter().map(|b| dot(a, b)).chain([dot(a, &apart_wanted)]).collect();
    let mut coefficients = solve(apart.iter().map(row).collect())?;
    coefficients.push(1.0 - coefficients.iter().sum::<f64>());
    Some(coefficients)
}

/// Solves linear equations, each a row with its right side at the end, by elimination with the largest pivot; none where
/// some follow from others.
fn solve(mut rows: Vec<Vec<f64>>) -> Option<Vec<f64>> {
    let n = rows.len();
    let scale = rows.iter().enumerate().map(|(i, row)| row[i]).fold(0.0, f64::max);
    for i in 0..n {
        let pivot = (i..n).max_by(|&a, &b| rows[a][i].abs().total_cmp(&rows[b][i].abs()))?;
        rows.swap(i, pivot);
        if rows[i][i].abs() <= 1e-13 * scale {
            return None;
        }
        let (above, below) = rows.split_at_mut(i + 1);
        for row in below {
            let factor = row[i] / above[i][i];
            zip(&mut row[i..], &above[i][i..]).for_each(|(x, above)| *x -= factor * above);
        }
    }
    let mut solved = vec![0.0; n];
    for i in (0..n).rev() {
        let known = dot(&rows[i][i + 1..n], &solved[i + 1..]);
        solved[i] = (rows[i][n] - known) / rows[i][i];
    }
    Some(solved)
}

#[cfg(test)]
mod tests;
