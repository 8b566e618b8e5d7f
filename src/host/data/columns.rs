//! The columns of a table: which are inputs, which is to be predicted, and the names of its classes.

use super::cell::Dialect;
use super::encoding::{Encoding, is_false};
use super::facts::ColumnKind;
use crate::host::prelude::*;
use std::collections::{HashMap, HashSet};

/// What a column to predict is called where nobody says which it is.
const USUAL_TARGETS: [&str; 3] = ["target", "label", "class"];
/// How a column becomes an input where nothing is said: it holds numbers.
static PLAIN: Encoding = Encoding { levels: Vec::new(), other: false, missing: false };
/// The most classes.
pub(in crate::host) const MAX_CLASSES: usize = 256;

/// What a model knows of the table that it was trained on. Columns are called as in its header, or by their number from 1 on.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Columns {
    /// Whether the table has a header.
    pub header: bool,
    /// What separates its cells, where that had to be said.
    #[serde(default)]
    pub separator: Option<u8>,
    /// Whether a comma stands for the decimal point.
    #[serde(default, skip_serializing_if = "is_false")]
    pub decimal_comma: bool,
    /// The columns that inputs are made of.
    pub inputs: Vec<String>,
    /// How, for each of these columns; empty where all hold numbers and each is one input.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub encodings: Vec<Encoding>,
    /// What is predicted: one column of classes, or columns of numbers.
    pub targets: Vec<String>,
    /// Names of the classes, as the table has them; none where numbers are predicted.
    pub classes: Vec<String>,
    /// Whether rows with missing values were left out.
    pub drops_missing: bool,
    /// Whether the numbers that are predicted are labels, 0 or 1 each.
    #[serde(default, skip_serializing_if = "is_false")]
    pub multi_label: bool,
}

impl Columns {
    /// Whether it can be: names that differ, and one column of up to 256 classes, if any.
    pub(in crate::host) fn check(&self) -> Result<(), String> {
        let mut seen = HashSet::new();
        if let Some(name) = self.inputs.iter().chain(&self.targets).find(|name| !seen.insert(*name)) {
            return Err(format!("two columns have the name `{name}`"));
        }
        seen.clear();
        if let Some(name) = self.classes.iter().find(|name| !seen.insert(*name)) {
            return Err(format!("two classes have the name `{name}`"));
        }
        if !self.encodings.is_empty() {
            if self.encodings.len() != self.inputs.len() || self.encodings.iter().all(|e| *e == PLAIN) {
                return Err("the encodings do not fit the columns".to_owned());
            }
            self.encodings.iter().try_for_each(Encoding::check)?;
        }
        let (classes, targets) = (self.classes.len(), self.targets.len());
        if classes > MAX_CLASSES || classes > 0 && targets != 1 {
            return Err(format!("{classes} classes in {targets} columns"));
        }
        Ok(())
    }

    /// How the table is read.
    pub(in crate::host) fn dialect(&self) -> Dialect {
        Dialect { header: Some(self.header), separator: self.separator, decimal_comma: self.decimal_comma }
    }

    /// The columns of the inputs, each with how it becomes inputs.
    fn encoded(&self) -> impl Iterator<Item = (&String, &Encoding)> {
        self.inputs.iter().enumerate().map(|(k, name)| (name, self.encodings.get(k).unwrap_or(&PLAIN)))
    }

    /// Inputs of a model.
    pub(in crate::host) fn width(&self) -> usize {
        self.encoded().map(|(_, encoding)| encoding.width()).sum()
    }

    /// Whether column `k` of the inputs holds words.
    pub(in crate::host) fn has_words(&self, k: usize) -> bool {
        self.encodings.get(k).is_some_and(Encoding::has_words)
    }

    /// What the inputs of a model are called.
    #[must_use]
    pub fn input_names(&self) -> Vec<String> {
        self.encoded().flat_map(|(name, encoding)| encoding.names(name)).collect()
    }

    /// The columns of the inputs, with the number of inputs of those that become several.
    #[must_use]
    pub fn described_inputs(&self) -> Vec<String> {
        let described = |(name, encoding): (&String, &Encoding)| match encoding.width() {
            1 => name.clone(),
            several => format!("{name} ({several} inputs)"),
        };
        self.encoded().map(described).collect()
    }

    /// The column that input `i` is made of.
    pub(in crate::host) fn of_input(&self, i: usize) -> &str {
        let mut names = self.encoded().flat_map(|(name, encoding)| (0..encoding.width()).map(move |_| name));
        names.nth(i).map_or("", String::as_str)
    }

    /// Appends the inputs that the cells of a row become: numbers and [places of words](Encoding::place), NaN where one is missing.
    pub(in crate::host) fn encode(&self, row: &[f32], inputs: &mut Vec<f32>) {
        self.encoded().zip(row).for_each(|((_, encoding), &x)| encoding.encode(x, inputs));
    }

    /// Outputs of a model.
    pub(in crate::host) fn outputs(&self) -> usize {
        if self.has_classes() { self.classes.len() } else { self.targets.len() }
    }

    /// Whether classes are predicted, not numbers.
    #[must_use]
    pub fn has_classes(&self) -> bool {
        !self.classes.is_empty()
    }
}

/// Which columns of a table to take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Columns to predict, by name or number from 1 on; none for the only one that is called target, label or class, or the
    /// last.
    pub labels: Vec<String>,
    /// Columns that are neither inputs nor to be predicted.
    pub ignored: Vec<String>,
    /// Columns that hold words, whatever they look like.
    pub categorical: Vec<String>,
    /// Whether numbers are predicted, not classes.
    pub regression: bool,
    /// Whether these are 0 or 1, a label each of which any may hold.
    pub multi_label: bool,
    /// Column of the weights of rows in training.
    pub weight: Option<String>,
}

/// Places of inputs and targets among the columns of a file, from 0 on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::host) struct Places {
    pub inputs: Vec<usize>,
    /// Whether each of the inputs holds words.
    pub are_words: Vec<bool>,
    pub targets: Vec<usize>,
    /// Whether the targets are classes, not numbers.
    pub has_classes: bool,
    /// The weights, where they are read.
    pub weight: Option<usize>,
}

impl Choice {
    /// The columns of a file with these names that this chooses; `kinds` says what they hold, and becomes what they are taken
    /// for.
    pub(in crate::host) fn among(
        &self,
        names: &[String],
        has_header: bool,
        kinds: &mut [ColumnKind],
    ) -> Result<(Columns, Places), String> {
        let known = by_names(names);
        let place = |name: &String| {
            let place = by_name(&known, name)?.or_else(|| by_number(names, name));
            place.ok_or_else(|| absent(names, name))
        };
        let places = |names: &[String]| names.iter().map(place).collect::<Result<Vec<_>, _>>();
        let (mut targets, ignored) = (places(&self.labels)?, places(&self.ignored)?);
        places(&self.categorical)?.into_iter().for_each(|i| kinds[i] = ColumnKind::Words);
        if targets.is_empty() {
            targets.extend(self.usual_target(names, &ignored, kinds));
        }
        if let Some(&both) = targets.iter().find(|i| ignored.contains(i)) {
            return Err(format!("column `{}` is both predicted and ignored", names[both]));
        }
        if let Some((i, _)) = targets.iter().enumerate().find(|(i, target)| targets[..*i].contains(target)) {
            return Err(format!("column `{}` is given twice as a column to predict", names[targets[i]]));
        }
        if targets.len() > 1 && !self.regression {
            return Err(format!("{} columns to predict, but only one is possible for classes", targets.len()));
        }
        let weight = self.weight.as_ref().map(place).transpose()?;
        if let Some(both) = weight.filter(|i| targets.contains(i)) {
            return Err(format!("column `{}` is both predicted and a weight", names[both]));
        }
        ignored.iter().for_each(|&i| kinds[i] = ColumnKind::Ignored);
        weight.iter().for_each(|&i| kinds[i] = ColumnKind::Weight);
        targets.iter().for_each(|&i| kinds[i] = ColumnKind::Target);
        let inputs: Vec<usize> = (0..names.len()).filter(|&i| kinds[i].is_input()).collect();
        if inputs.is_empty() || targets.is_empty() {
            let columns = if names.len() == 1 { "column is" } else { "columns are" };
            return Err(format!(
                "{} {columns} not enough: there must be an input and a column to predict",
                names.len()
            ));
        }
        for &i in inputs.iter().chain(&targets) {
            by_name(&known, &names[i])?;
        }
        let named = |places: &[usize]| places.iter().map(|&i| names[i].clone()).collect();
        let columns = Columns {
            header: has_header,
            inputs: named(&inputs),
            targets: named(&targets),
            multi_label: self.multi_label,
            ..Columns::default()
        };
        let are_words = inputs.iter().map(|&i| kinds[i] == ColumnKind::Words).collect();
        Ok((columns, Places { inputs, are_words, targets, has_classes: !self.regression, weight }))
    }

    /// The only column that is called as what is predicted, else the last.
    fn usual_target(&self, names: &[String], ignored: &[usize], kinds: &[ColumnKind]) -> Option<usize> {
        let is_left = |i: usize| matches!(kinds[i], ColumnKind::Index | ColumnKind::Empty) || ignored.contains(&i);
        let is_called = |&i: &usize| {
            let is_usual = USUAL_TARGETS.iter().any(|usual| names[i].eq_ignore_ascii_case(usual));
            is_usual && !is_left(i) && (!self.regression || kinds[i] == ColumnKind::Number)
        };
        let mut called = (0..names.len()).filter(is_called);
        match (called.next(), called.next()) {
            (Some(only), None) => Some(only),
            _ => (0..names.len()).rev().find(|&i| !is_left(i)),
        }
    }

    /// What `--ignore` says, to be pasted, once it names these columns as well.
    pub(in crate::host) fn ignoring(&self, names: &[String], more: &[usize]) -> String {
        let known = by_names(names);
        // A comma or another column of this name: the number says it.
        let name = |&i: &usize| {
            let is_clear = !names[i].contains(',') && by_name(&known, &names[i]).is_ok();
            if is_clear { names[i].clone() } else { (i + 1).to_string() }
        };
        let all = self.ignored.iter().cloned().chain(more.iter().map(name)).collect::<Vec<_>>().join(",");
        let is_plain = |c: char| c.is_alphanumeric() || "_,.:+-/".contains(c);
        if all.chars().all(is_plain) { all } else { format!("'{}'", all.replace('\'', "'\\''")) }
    }
}

impl Columns {
    /// Where these are among `names`; targets only where they are asked for.
    pub(in crate::host) fn among(
        &self,
        names: &[String],
        has_header: bool,
        with_targets: bool,
    ) -> Result<Places, String> {
        let are_words = (0..self.inputs.len()).map(|k| self.has_words(k)).collect();
        // A file of the inputs alone has them in their order.
        if !has_header && !with_targets && names.len() == self.inputs.len() {
            return Ok(Places { inputs: (0..names.len()).collect(), are_words, ..Places::default() });
        }
        if self.header && !has_header {
            let all = self.inputs.join(", ");
            return Err(format!("the file has no header, but the model needs the columns {all}"));
        }
        let known = by_names(names);
        let place = |name: &String| {
            let place = if self.header { by_name(&known, name)? } else { by_number(names, name) };
            place.ok_or_else(|| absent(names, name))
        };
        let inputs = self.inputs.iter().map(place).collect::<Result<_, _>>()?;
        let targets = if with_targets { self.targets.iter().map(place).collect::<Result<_, _>>()? } else { Vec::new() };
        Ok(Places { inputs, are_words, targets, has_classes: self.has_classes(), weight: None })
    }
}

/// The column of each name; none of a name that several have.
fn by_names(names: &[String]) -> HashMap<&str, Option<usize>> {
    let mut known = HashMap::new();
    for (i, name) in names.iter().enumerate() {
        known.entry(name.as_str()).and_modify(|place| *place = None).or_insert(Some(i));
    }
    known
}

/// The column of this name; an error where there are several.
fn by_name(known: &HashMap<&str, Option<usize>>, wanted: &str) -> Result<Option<usize>, String> {
    match known.get(wanted) {
        Some(None) => Err(format!("several columns have the name `{wanted}`")),
        place => Ok(place.copied().flatten()),
    }
}

/// The column of this number, from 1 on.
fn by_number(names: &[String], wanted: &str) -> Option<usize> {
    wanted.parse().ok().and_then(|n: usize| n.checked_sub(1)).filter(|&i| i < names.len())
}

fn absent(names: &[String], wanted: &str) -> String {
    const SHOWN: usize = 10;
    let more = if names.len() > SHOWN { ", …" } else { "" };
    let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    format!("there is no column `{wanted}`; the columns are {shown}{more}")
}

/// A class as it is called: whole numbers as such, however they are spelt.
pub(in crate::host) fn class_name(text: &str) -> String {
    let whole = text.parse().ok().filter(|x: &f64| x.fract() == 0.0 && x.abs() < 1e15);
    whole.map_or_else(|| text.to_owned(), |x| (x as i64).to_string())
}

/// The classes that these names in so many rows are: whole numbers from 0 on stay what they are, others stand in their order.
pub(in crate::host) fn classes(names: &[String], rows: usize) -> Result<Vec<String>, String> {
    if names.len() < 2 {
        let only = names.first().map_or("", String::as_str);
        return Err(format!("there is only the class `{only}`, but at least two are needed"));
    }
    let numbers: Option<Vec<f64>> = names.iter().map(|name| name.parse().ok()).collect();
    if let Some(broken) = numbers.iter().flatten().find(|x| x.fract() != 0.0) {
        return Err(format!("numbers such as {broken} are not classes: use --regression to predict numbers"));
    }
    if names.len() > MAX_CLASSES {
        let rather = if numbers.is_some() { ": use --regression to predict numbers" } else { "" };
        return Err(format!("more than {MAX_CLASSES} classes{rather}"));
    }
    let mut sorted = names.to_vec();
    let Some(numbers) = numbers else {
        sorted.sort();
        return Ok(sorted);
    };
    if are_no_classes(&numbers, rows) {
        let count = names.len();
        return Err(format!(
            "{count} different numbers in {rows} rows are not classes: use --regression to predict numbers"
        ));
    }
    if numbers.iter().all(|x| (0.0..MAX_CLASSES as f64).contains(x)) {
        let largest = numbers.iter().fold(0.0_f64, |most, &x| most.max(x)) as usize;
        return Ok((0..=largest).map(|class| class.to_string()).collect());
    }
    let value = |name: &String| name.parse().unwrap_or(0.0_f64);
    sorted.sort_by(|a, b| value(a).total_cmp(&value(b)));
    Ok(sorted)
}

/// Whether these different numbers in so many rows are rather measured: so many that few rows have the same one, unless they
/// count from 0 or 1 on.
fn are_no_classes(numbers: &[f64], rows: usize) -> bool {
    let count = numbers.len();
    let largest = numbers.iter().fold(0.0_f64, |most, &x| most.max(x));
    let counts = numbers.iter().all(|&x| x >= 0.0) && largest <= count as f64;
    count > 20 && count > rows / if counts { 2 } else { 20 }
}

#[cfg(test)]
mod tests;
