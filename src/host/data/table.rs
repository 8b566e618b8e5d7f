//! Rows of tables as numbers: inputs, and a class or values to predict.

use super::columns::{Columns, Places};
use super::encoding::Encoding;
use super::samples::Answers;
use crate::host::DataError;
use crate::host::prelude::*;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

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

/// Words in the order in which they came, each with its number.
#[derive(Clone, Debug, Default)]
pub(in crate::host) struct Words {
    pub names: Vec<String>,
    known: HashMap<String, u32>,
}

impl Words {
    /// The number of a word, which may be new.
    fn number(&mut self, word: String) -> u32 {
        let next = self.names.len() as u32;
        *self.known.entry(word).or_insert_with_key(|word| {
            self.names.push(word.clone());
            next
        })
    }
}

/// Rows of a file.
#[derive(Clone, Debug, Default)]
pub(in crate::host) struct Table {
    pub path: PathBuf,
    /// Line of each row, from 1 on.
    pub lines: Vec<u64>,
    /// Numbers, and numbers of words; shape `(rows, columns of inputs)`, NaN where a value is missing.
    pub cells: Vec<f32>,
    /// The words of each of these columns.
    words: Vec<Words>,
    /// The class of each row among `classes`, where classes are read.
    labels: Vec<u32>,
    pub classes: Words,
    /// Shape `(rows, targets)`, where numbers are read.
    pub values: Vec<f32>,
    /// Of each row, where weights are read.
    pub weights: Vec<f32>,
    /// Rows that were left out.
    pub dropped: usize,
}

impl Table {
    /// No rows yet.
    pub(in crate::host) fn of(path: &Path, places: &Places) -> Self {
        Self { path: path.to_owned(), words: vec![Words::default(); places.inputs.len()], ..Self::default() }
    }

    /// One more word of input `k`, or none.
    pub(in crate::host) fn push_word(&mut self, k: usize, word: Option<String>) {
        let number = word.map_or(f32::NAN, |word| self.words[k].number(word) as f32);
        self.cells.push(number);
    }

    /// One more class.
    pub(in crate::host) fn push_class(&mut self, class: String) {
        let number = self.classes.number(class);
        self.labels.push(number);
    }

    /// All words of all inputs.
    pub(in crate::host) fn words(&self) -> String {
        let all = self.words.iter().enumerate().filter(|(_, words)| !words.names.is_empty());
        all.map(|(k, words)| format!("{k}:{}\n", words.names.join("\n"))).collect()
    }

    /// How often each word of input `k` is there, and in how many rows none.
    pub(in crate::host) fn counts(&self, k: usize) -> (Vec<(String, usize)>, usize) {
        let mut counts = vec![0; self.words[k].names.len()];
        let mut missing = 0;
        for x in self.cells.iter().skip(k).step_by(self.words.len()) {
            match counts.get_mut(*x as usize) {
                _ if x.is_nan() => missing += 1,
                Some(count) => *count += 1,
                None => {}
            }
        }
        (self.words[k].names.iter().cloned().zip(counts).collect(), missing)
    }

    /// The inputs that the rows become.
    pub(in crate::host) fn encoded(&self, columns: &Columns) -> Vec<f32> {
        if columns.encodings.is_empty() {
            return self.cells.clone();
        }
        let places = |(words, encoding): (&Words, &Encoding)| -> Vec<f32> {
            words.names.iter().map(|word| encoding.place(word)).collect()
        };
        let places: Vec<Vec<f32>> = self.words.iter().zip(&columns.encodings).map(places).collect();
        let (mut row, mut inputs) = (Vec::new(), Vec::new());
        for cells in self.cells.chunks(self.words.len()) {
            row.clear();
            let of_words = |(&x, places): (&f32, &Vec<f32>)| {
                if places.is_empty() || x.is_nan() { x } else { places.get(x as usize).copied().unwrap_or(x) }
            };
            row.extend(cells.iter().zip(&places).map(of_words));
            columns.encode(&row, &mut inputs);
        }
        inputs
    }

    /// The class of each row among those of `columns`; an error where it is not among them.
    pub(in crate::host) fn labels(&self, columns: &Columns) -> Result<Vec<u8>, DataError> {
        let place = |name: &String| columns.classes.iter().position(|class| class == name);
        let places: Vec<Option<usize>> = self.classes.names.iter().map(place).collect();
        let class = |(&label, &line): (&u32, &u64)| {
            let place = places.get(label as usize).copied().flatten();
            place.map(|class| class as u8).ok_or_else(|| {
                let name = self.classes.names.get(label as usize).map_or("", String::as_str);
                let known = columns.classes.iter().take(10).cloned().collect::<Vec<_>>().join(", ");
                let column = columns.targets.first().map_or("", String::as_str);
                let problem = format!("class `{name}` is not in the training data; its classes are {known}");
                DataError::table(&self.path, format!("line {line}, column `{column}`: {problem}"))
            })
        };
        self.labels.iter().zip(&self.lines).map(class).collect()
    }

    /// What is to be predicted of each row.
    pub(in crate::host) fn answers(&self, columns: &Columns) -> Result<Answers, DataError> {
        Ok(if columns.has_classes() {
            Answers::Classes(self.labels(columns)?)
        } else {
            Answers::Values { width: columns.targets.len(), values: self.values.clone() }
        })
    }

    /// Refuses a label that is not 0 or 1.
    pub(in crate::host) fn check_labels(&self, targets: &[String]) -> Result<(), DataError> {
        let Some(at) = self.values.iter().position(|x| ![0.0, 1.0].contains(x)) else { return Ok(()) };
        let (line, name, x) = (self.lines[at / targets.len()], &targets[at % targets.len()], self.values[at]);
        Err(DataError::table(&self.path, format!("line {line}, column `{name}`: expected a label 0 or 1, found {x}")))
    }

    /// These rows and those of another part of the same file.
    pub(in crate::host) fn joined(mut self, other: &Self) -> Self {
        self.lines.extend(&other.lines);
        self.cells.extend(&other.cells);
        self.labels.extend(&other.labels);
        self.values.extend(&other.values);
        self.weights.extend(&other.weights);
        self
    }

    /// The rows that `pick` names.
    pub(in crate::host) fn part(&self, pick: &[u32]) -> Self {
        let rows = self.lines.len();
        Self {
            path: self.path.clone(),
            lines: picked(&self.lines, rows, pick),
            cells: picked(&self.cells, rows, pick),
            words: self.words.clone(),
            labels: picked(&self.labels, rows, pick),
            classes: self.classes.clone(),
            values: picked(&self.values, rows, pick),
            weights: picked(&self.weights, rows, pick),
            ..Self::default()
        }
    }
}

/// Those of so many rows that `pick` names, of any width.
fn picked<T: Copy>(all: &[T], rows: usize, pick: &[u32]) -> Vec<T> {
    let width = all.len().checked_div(rows).unwrap_or(0);
    let row = |&i: &u32| all.get(i as usize * width..(i as usize + 1) * width).unwrap_or(&[]);
    pick.iter().flat_map(row).copied().collect()
}
