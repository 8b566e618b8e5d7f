//! Where an axis begins and ends, and which numbers stand at it.

use crate::host::prelude::*;
use crate::host::report::drawing::extent;
use core::ops::Range;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};

/// How values lie on an axis.
#[derive(Clone, Copy, PartialEq)]
enum Scale {
    Linear,
    Log,
    Rows,
}

/// An axis of a chart.
#[derive(Clone)]
pub(super) struct Axis {
    /// What stands beside it.
    pub(super) name: String,
    scale: Scale,
    /// Its ends, as they lie.
    pub(super) ends: [f64; 2],
    /// Where numbers stand, as they lie.
    ticks: Vec<f64>,
    labels: Vec<String>,
}

/// About so many numbers at an axis.
const TICKS: f64 = 5.0;
/// From this ratio of the largest to the smallest value on an axis is logarithmic.
const WIDE: f64 = 3.0;

impl Axis {
    /// From `low` to `high`.
    pub(super) fn linear(name: &str, low: f64, high: f64) -> Self {
        let ticks = steps(low, high, false);
        let labels = ticks.iter().map(|&x| number(x)).collect();
        Self { name: name.into(), scale: Scale::Linear, ends: [low, high], ticks, labels }
    }

    /// From `low` to `high`, both above zero, in equal ratios.
    pub(super) fn log(name: &str, low: f64, high: f64) -> Self {
        let values = ratios(low, high);
        let labels = values.iter().map(|&x| number(x)).collect();
        Self {
            name: name.into(),
            scale: Scale::Log,
            ends: [low, high].map(f64::log10),
            ticks: values.iter().map(|x| x.log10()).collect(),
            labels,
        }
    }

    /// Whole numbers, as of epochs.
    pub(super) fn whole(name: &str, low: f64, high: f64) -> Self {
        let room = if low < high { 0.0 } else { 0.5 };
        let ticks = steps(low, high, true);
        let labels = ticks.iter().map(|&x| number(x)).collect();
        Self { name: name.into(), scale: Scale::Linear, ends: [low - room, high + room], ticks, labels }
    }

    /// Around `values`, in equal ratios where they differ by much; never below zero where they are not.
    pub(super) fn around(name: &str, values: impl Iterator<Item = f64> + Clone) -> Self {
        let (low, high) = extent(values);
        if low > 0.0 && high / low >= WIDE {
            let room = (high / low).powf(0.04);
            return Self::log(&format!("{name}, log scale"), low / room, high * room);
        }
        Self::linear_around(name, low, high)
    }

    /// Around `low` to `high` likewise, in equal steps.
    pub(super) fn linear_around(name: &str, low: f64, high: f64) -> Self {
        let room = if high > low { 0.06 * (high - low) } else { 0.1 * high.abs().max(1e-3) };
        let bottom = if low >= 0.0 { (low - room).max(0.0) } else { low - room };
        Self::linear(name, bottom, high + room)
    }

    /// Names at 0, 1, 2, … from the top down, as they are drawn at negative places.
    pub(super) fn rows(names: impl IntoIterator<Item = String>) -> Self {
        let labels: Vec<String> = names.into_iter().collect();
        let ticks: Vec<f64> = (0..labels.len()).map(|i| -(i as f64)).collect();
        Self { name: String::new(), scale: Scale::Rows, ends: [0.5 - labels.len() as f64, 0.5], ticks, labels }
    }

    /// Where a value lies; none where it is not on the axis.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        let at = if self.scale == Scale::Log { value.log10() } else { value };
        let slack = 1e-9 * (self.ends[1] - self.ends[0]);
        (at >= self.ends[0] - slack && at <= self.ends[1] + slack).then_some(at)
    }

    /// Whether its places are names, between which there is nothing.
    pub(super) fn is_rows(&self) -> bool {
        self.scale == Scale::Rows
    }

    pub(super) fn labels(&self) -> &[String] {
        &self.labels
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, place: &f64, (from, to): (i32, i32)) -> i32 {
        let share = (place - self.ends[0]) / (self.ends[1] - self.ends[0]);
        from + (share * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.ticks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.ends[0]..self.ends[1]
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, place: &f64) -> String {
        let at = self.ticks.iter().position(|tick| (tick - place).abs() < 1e-9);
        at.and_then(|i| self.labels.get(i)).cloned().unwrap_or_default()
    }
}

/// Multiples of 1, 2 or 5 times a power of ten.
fn steps(low: f64, high: f64, is_whole: bool) -> Vec<f64> {
    let rough = ((high - low) / TICKS).max(f64::MIN_POSITIVE);
    let power = 10_f64.powf(rough.log10().floor());
    let nice = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|step| *step >= 0.999 * rough);
    let mut step = nice.unwrap_or(10.0 * power);
    if is_whole {
        step = step.max(1.0).round();
    }
    let first = (low / step - 1e-6).ceil();
    (0..100).map(|k| first + f64::from(k)).take_while(|n| n * step <= high + 1e-6 * step).map(|n| n * step).collect()
}

/// 1, 2 and 5 times powers of ten, only powers where that is enough, or equal steps where there is less than one.
fn ratios(low: f64, high: f64) -> Vec<f64> {
    let decades = (low.log10().floor() as i32)..=(high.log10().ceil() as i32);
    let within = |x: &f64| *x >= 0.999 * low && *x <= 1.001 * high;
    let of = |digits: &'static [f64]| {
        let decades = decades.clone();
        decades.flat_map(move |e| digits.iter().map(move |d| d * 10_f64.powi(e))).filter(within).collect::<Vec<_>>()
    };
    let (powers, all) = (of(&[1.0]), of(&[1.0, 2.0, 5.0]));
    match (powers.len(), all.len()) {
        (4.., _) | (2.., 8..) => powers,
        (_, 3..) => all,
        _ => steps(low, high, false),
    }
}

/// A number with no more digits than it has.
pub(super) fn number(x: f64) -> String {
    if x == 0.0 {
        return "0".into();
    }
    let size = x.abs();
    if !(1e-4..1e6).contains(&size) {
        return format!("{x:e}");
    }
    let places = (8 - size.log10().floor() as i32).clamp(0, 9) as usize;
    let text = format!("{x:.places$}");
    let trimmed = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    trimmed.to_string()
}
