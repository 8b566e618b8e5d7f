//! How the cells of a column become inputs of a network: a number stays one, words become 0 or 1.

use crate::host::prelude::*;
use std::collections::HashSet;

/// What is in fewer training rows, a word or a gap, has no input of its own.
pub(in crate::host) const RARE: usize = 3;

/// How the cells of a column become inputs.
///
/// A number is one input. Words have an input each, which is 1 where the cell has this word and else 0; where there are but
/// two, one input says whether it is the second. Of a missing value, and of a word without an input, these are NaN, which
/// the preprocessing fills.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Encoding {
    /// The words of the column; none where it holds numbers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<String>,
    /// Whether all other words count as one more.
    #[serde(skip_serializing_if = "is_false")]
    pub other: bool,
    /// Whether one more input is 1 where the value is missing, else 0.
    #[serde(skip_serializing_if = "is_false")]
    pub missing: bool,
}

/// Whether a member of a JSON object can be left out.
pub(in crate::host) fn is_false(x: &bool) -> bool {
    !x
}

/// Words with the number of their rows, the most frequent first.
pub(in crate::host) fn by_frequency(mut words: Vec<(String, usize)>) -> Vec<(String, usize)> {
    words.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    words
}

impl Encoding {
    /// Of words of which `counts` says in how many training rows each is: the most frequent ones, `most` at most, of those
    /// that are not rare, in their order.
    pub(in crate::host) fn of_words(counts: &[(String, usize)], most: usize) -> Self {
        let ranked = by_frequency(counts.iter().filter(|(_, count)| *count > 0).cloned().collect());
        let frequent = ranked.iter().take(most).filter(|(_, count)| *count >= RARE).count().max(1);
        let other = ranked.len() > frequent;
        let mut levels: Vec<String> = ranked.iter().take(frequent).map(|(word, _)| word.clone()).collect();
        let value = |word: &String| word.parse().unwrap_or(f64::INFINITY);
        levels.sort_by(|a, b| value(a).total_cmp(&value(b)).then_with(|| a.cmp(b)));
        Self { levels, other, missing: false }
    }

    /// Whether the column holds words.
    #[must_use]
    pub fn has_words(&self) -> bool {
        !self.levels.is_empty()
    }

    /// Words that are told apart.
    fn words(&self) -> usize {
        self.levels.len() + usize::from(self.other)
    }

    /// The inputs that words have: of two only the second.
    fn shown(&self) -> core::ops::Range<usize> {
        usize::from(self.words() == 2)..self.words()
    }

    /// How many inputs the column becomes.
    #[must_use]
    pub fn width(&self) -> usize {
        self.shown().len().max(1) + usize::from(self.missing)
    }

    /// What the inputs of the column `name` are called.
    pub(in crate::host) fn names(&self, name: &str) -> Vec<String> {
        let word = |k: usize| format!("{name} is {}", self.levels.get(k).map_or("another", String::as_str));
        let mut names = if self.has_words() { self.shown().map(word).collect() } else { vec![name.to_owned()] };
        names.extend(self.missing.then(|| format!("{name} is missing")));
        names
    }

    /// Which inputs are 0 or 1.
    pub(in crate::host) fn are_binary(&self) -> impl Iterator<Item = bool> {
        (0..self.width()).map(|k| self.has_words() || k > 0)
    }

    /// The place of a word among those that are told apart; infinite where it has none.
    pub(in crate::host) fn place(&self, word: &str) -> f32 {
        let place = self.levels.iter().position(|level| level == word);
        place.or_else(|| self.other.then_some(self.levels.len())).map_or(f32::INFINITY, |place| place as f32)
    }

    /// Appends the inputs of a cell: a number or the place of a word, NaN where it is missing.
    pub(in crate::host) fn encode(&self, x: f32, inputs: &mut Vec<f32>) {
        if self.has_words() {
            let input = |k: usize| if x.is_finite() { f32::from(k == x as usize) } else { f32::NAN };
            inputs.extend(self.shown().map(input));
        } else {
            inputs.push(x);
        }
        inputs.extend(self.missing.then(|| f32::from(x.is_nan())));
    }

    /// Whether it can be.
    pub(in crate::host) fn check(&self) -> Result<(), String> {
        let mut seen = HashSet::new();
        if let Some(level) = self.levels.iter().find(|level| !seen.insert(*level)) {
            return Err(format!("the word `{level}` stands twice"));
        }
        if self.other && self.levels.is_empty() { Err("a column of numbers has words".to_owned()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
