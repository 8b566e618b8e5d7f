//! Where an axis begins and ends, and which numbers stand at it: always one at each end.

use crate::host::prelude::*;

/// How values lie on an axis.
#[derive(Clone, Copy, PartialEq)]
enum Scale {
    Linear,
    Log,
    /// Whole numbers.
    Whole,
    Rows,
}

/// An axis of a chart.
#[derive(Clone)]
pub(super) struct Axis {
    /// What stands beside it.
    pub(super) name: String,
    scale: Scale,
    /// The values at its ends.
    pub(super) ends: [f64; 2],
    /// Values with what stands at them.
    pub(super) ticks: Vec<(f64, String)>,
}

/// About so many numbers at an axis.
const TICKS: f64 = 5.0;
/// From this ratio of the largest to the smallest value on an axis is logarithmic.
const WIDE: f64 = 3.0;

impl Axis {
    fn new(name: &str, scale: Scale, ends: [f64; 2], ticks: Vec<f64>) -> Self {
        let ticks = ticks.into_iter().map(|x| (x, number(x))).collect();
        Self { name: name.into(), scale, ends, ticks }
    }

    /// From `low` to `high`, or a little farther, where round numbers are.
    pub(super) fn linear(name: &str, low: f64, high: f64) -> Self {
        let step = step(low, high);
        let [first, last] = [(low / step + 1e-6).floor(), (high / step - 1e-6).ceil()];
        let ticks: Vec<f64> = (0..=(last - first) as u32).map(|k| (first + f64::from(k)) * step).collect();
        Self::new(name, Scale::Linear, [first * step, last * step], ticks)
    }

    /// Likewise, both above zero, in equal ratios.
    pub(super) fn log(name: &str, low: f64, high: f64) -> Self {
        // Ends of one digit.
        let power = |x: f64| 10_f64.powf(x.log10().floor());
        let low = (low / power(low) + 1e-9).floor() * power(low);
        let high = (high / power(high) - 1e-9).ceil() * power(high);
        let decades = (low.log10().floor() as i32)..=(high.log10().ceil() as i32);
        let of = |digits: &[f64]| -> Vec<f64> {
            let all = decades.clone().flat_map(|e| digits.iter().map(move |d| d * 10_f64.powi(e)));
            all.filter(|x| *x > low && *x < high).collect()
        };
        let [powers, some, all] =
            [&[1.0][..], &[1.0, 2.0, 5.0], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]].map(of);
        let between = match (powers.len(), some.len(), all.len()) {
            (4.., ..) | (2.., 7.., _) => powers,
            (_, 2.., 6..) => some,
            _ => all,
        };
        // Not so near to an end that two numbers would touch.
        let is_apart = |x: &f64| [low, high].iter().all(|end| (x / end).ln().abs() > 0.09 * (high / low).ln());
        let ticks = [low].into_iter().chain(between.into_iter().filter(is_apart)).chain([high]).collect();
        Self::new(name, Scale::Log, [low, high], ticks)
    }

    /// Whole numbers, as of epochs, from the first to the last.
    pub(super) fn whole(name: &str, low: f64, high: f64) -> Self {
        if low >= high {
            return Self::new(name, Scale::Whole, [low - 0.5, low + 0.5], vec![low]);
        }
        let step = step(low, high).max(1.0).round();
        let multiples = (1..100).map(|k| ((low / step).floor() + f64::from(k)) * step);
        let between = multiples.filter(|x| x - low >= 0.6 * step && high - x >= 0.6 * step);
        Self::new(name, Scale::Whole, [low, high], [low].into_iter().chain(between).chain([high]).collect())
    }

    /// Around `values`, in equal ratios where they differ by much; never below zero where they are not.
    pub(super) fn around(name: &str, values: impl Iterator<Item = f64> + Clone) -> Self {
        let (low, high) = extent(values);
        if low > 0.0 && high / low >= WIDE {
            return Self::log(&format!("{name}, log scale"), low, high);
        }
        Self::linear_around(name, low, high)
    }

    /// Around `low` to `high` likewise, in equal steps.
    pub(super) fn linear_around(name: &str, low: f64, high: f64) -> Self {
        let room = if high > low { 0.0 } else { 0.1 * high.abs().max(1e-3) };
        let bottom = if low >= 0.0 { (low - room).max(0.0) } else { low - room };
        Self::linear(name, bottom, high + room)
    }

    /// Names at 0, −1, −2, … from the top down.
    pub(super) fn rows(names: impl IntoIterator<Item = String>) -> Self {
        let ticks: Vec<_> = names.into_iter().enumerate().map(|(i, name)| (-(i as f64), name)).collect();
        Self { name: String::new(), scale: Scale::Rows, ends: [0.5 - ticks.len() as f64, 0.5], ticks }
    }

    /// Where a value lies between the ends, from 0 to 1; none where it is not on the axis.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        let at = |x: f64| if self.scale == Scale::Log { x.log10() } else { x };
        let [low, high] = self.ends.map(at);
        let share = (at(value) - low) / (high - low);
        (-1e-9..=1.0 + 1e-9).contains(&share).then_some(share)
    }

    /// Whether its places are names, between which there is nothing.
    pub(super) fn is_rows(&self) -> bool {
        self.scale == Scale::Rows
    }

    /// Whether its places are whole numbers, at which all lines have points.
    pub(super) fn is_whole(&self) -> bool {
        self.scale == Scale::Whole
    }

    /// A value with the name of the axis, or the name of the row.
    pub(super) fn said(&self, value: f64) -> String {
        if self.is_rows() {
            let row = self.ticks.iter().find(|(place, _)| (place - value).abs() < 0.5);
            return row.map(|(_, name)| name.clone()).unwrap_or_default();
        }
        format!("{} {}", self.name.trim_end_matches(", log scale"), digits(value)).trim().to_owned()
    }
}

/// Least and greatest; 0 and 1 of nothing.
pub(super) fn extent(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let values = values.filter(|x| x.is_finite());
    let (low, high) = values.fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)));
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

/// A multiple of 1, 2 or 5 times a power of ten, about a fifth of the extent.
fn step(low: f64, high: f64) -> f64 {
    let rough = ((high - low) / TICKS).max(f64::MIN_POSITIVE);
    let power = 10_f64.powf(rough.log10().floor());
    let nice = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|step| *step >= 0.75 * rough);
    nice.unwrap_or(10.0 * power)
}

/// A number of four digits.
pub(super) fn digits(x: f64) -> String {
    format!("{x:.3e}").parse().map_or_else(|_| x.to_string(), number)
}

/// A number with no more digits than it has.
pub(super) fn number(x: f64) -> String {
    if x == 0.0 {
        return "0".into();
    }
    let size = x.abs();
    if !(1e-4..1e6).contains(&size) {
        return format!("{:e}", format!("{x:.6e}").parse().unwrap_or(x));
    }
    let places = (8 - size.log10().floor() as i32).clamp(0, 9) as usize;
    let text = format!("{x:.places$}");
    let trimmed = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    trimmed.to_string()
}
