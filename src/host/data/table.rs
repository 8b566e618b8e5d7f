//! Rows of tables as numbers: inputs, and a class or values to predict.

use super::columns::{Columns, MAX_CLASSES, Places};
use crate::host::DataError;
use crate::host::prelude::*;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// What a file says by itself or is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dialect {
    /// Whether the first line is a header; none to see: it is one if it has a word above numbers, or if it says `0, 1, 2, …`.
    pub header: Option<bool>,
    /// What separates cells, a blank for any number of them; none to see: whichever of `,`, `;` and tab the first line has
    /// most of, and blanks where it has none.
    pub separator: Option<u8>,
}

/// What becomes of a row with a missing input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::host) enum Gaps {
    /// It stays, with NaN there.
    Keep,
    /// It is left out.
    Drop,
    /// The file is refused.
    Refuse,
}

/// Rows of a file.
#[derive(Clone, Debug, Default)]
pub(in crate::host) struct Table {
    pub path: PathBuf,
    /// Line of each row, from 1 on.
    pub lines: Vec<u64>,
    /// Shape `(rows, inputs)`.
    pub inputs: Vec<f32>,
    /// The class of each row among `names`, where classes are read.
    pub labels: Vec<u16>,
    /// Classes in the order in which they came, and the number of each.
    pub names: Vec<String>,
    known: HashMap<String, u16>,
    /// Shape `(rows, targets)`, where numbers are read.
    pub values: Vec<f32>,
    /// Of each input and target, over all rows that were read.
    extents: Vec<Extent>,
    /// Rows that were left out.
    pub dropped: usize,
}

/// The number of a class among `names`, where it is put if it is new.
fn label(class: String, names: &mut Vec<String>, known: &mut HashMap<String, u16>) -> u16 {
    let next = known.len() as u16;
    // One more than there may be, so that whoever names the classes can say so.
    if known.len() > MAX_CLASSES && !known.contains_key(&class) {
        return next;
    }
    *known.entry(class).or_insert_with_key(|class| {
        names.push(class.clone());
        next
    })
}

/// From where to where the numbers of a column go, and how far the nearest f32 is off at most.
#[derive(Clone, Copy, Debug)]
struct Extent {
    least: f64,
    largest: f64,
    error: f64,
}

impl Default for Extent {
    fn default() -> Self {
        Self { least: f64::INFINITY, largest: f64::NEG_INFINITY, error: 0.0 }
    }
}

impl Extent {
    /// One more number, as f32 has it.
    fn take(&mut self, x: f64) -> f32 {
        let near = x as f32;
        (self.least, self.largest) = (self.least.min(x), self.largest.max(x));
        self.error = self.error.max((x - f64::from(near)).abs());
        near
    }

    /// Whether rounding hides what they differ by: an error beyond a hundredth of the range.
    fn is_blurred(&self) -> bool {
        self.largest > self.least && self.error > 0.01 * (self.largest - self.least)
    }
}

impl Table {
    /// No rows yet.
    pub(in crate::host) fn of(path: &Path, places: &Places) -> Self {
        let extents = vec![Extent::default(); places.inputs.len() + places.targets.len()];
        Self { path: path.to_owned(), extents, ..Self::default() }
    }

    /// One more number of input `k`, or NaN.
    pub(in crate::host) fn push_input(&mut self, k: usize, x: f64) {
        let near = if x.is_nan() { f32::NAN } else { self.extents[k].take(x) };
        self.inputs.push(near);
    }

    /// One more number to predict, of column `k` where inputs come first.
    pub(in crate::host) fn push_value(&mut self, k: usize, x: f64) {
        self.values.push(self.extents[k].take(x));
    }

    /// One more class.
    pub(in crate::host) fn push_class(&mut self, class: String) {
        self.labels.push(label(class, &mut self.names, &mut self.known));
    }

    /// What is wrong with the first of the columns, inputs and then targets, whose numbers f32 cannot tell apart.
    pub(in crate::host) fn blurred(&self, columns: &Columns) -> Option<String> {
        let names = columns.inputs.iter().chain(&columns.targets);
        let (name, extent) = names.zip(&self.extents).find(|(_, extent)| extent.is_blurred())?;
        let Extent { least, largest, .. } = extent;
        Some(format!(
            "column `{name}`: the numbers from {least} to {largest} are too close together for f32; subtract {least} from all of them"
        ))
    }

    /// The class of each row among those of `columns`.
    ///
    /// # Errors
    /// [`DataError::Table`] for a class that is not among them.
    pub(in crate::host) fn classes(&self, columns: &Columns) -> Result<Vec<u8>, DataError> {
        let place = |name: &String| columns.classes.iter().position(|class| class == name);
        let places: Vec<Option<usize>> = self.names.iter().map(place).collect();
        let class = |(&label, &line): (&u16, &u64)| {
            let place = places.get(usize::from(label)).copied().flatten();
            place.map(|class| class as u8).ok_or_else(|| {
                let name = self.names.get(usize::from(label)).map_or("", String::as_str);
                let known = columns.classes.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
                let column = columns.targets.first().map_or("", String::as_str);
                DataError::table(
                    &self.path,
                    format!("line {line}, column `{column}`: class `{name}` is not in the training data; its classes are {known}"),
                )
            })
        };
        self.labels.iter().zip(&self.lines).map(class).collect()
    }

    /// The rows that `pick` names, of so many inputs and targets.
    pub(in crate::host) fn part(&self, pick: &[u32], [inputs, targets]: [usize; 2]) -> Self {
        let of = |all: &[f32], width: usize| -> Vec<f32> {
            let row = |&i: &u32| all.get(i as usize * width..(i as usize + 1) * width).unwrap_or(&[]);
            pick.iter().flat_map(row).copied().collect()
        };
        Self {
            path: self.path.clone(),
            lines: pick.iter().filter_map(|&i| self.lines.get(i as usize).copied()).collect(),
            inputs: of(&self.inputs, inputs),
            labels: pick.iter().filter_map(|&i| self.labels.get(i as usize).copied()).collect(),
            names: self.names.clone(),
            values: of(&self.values, targets),
            ..Self::default()
        }
    }
}
