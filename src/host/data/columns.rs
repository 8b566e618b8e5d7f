//! The columns of a table: which are inputs, which is to be predicted, and the names of its classes.

use crate::host::prelude::*;
use std::collections::HashSet;

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
    /// The inputs.
    pub inputs: Vec<String>,
    /// What is predicted: one column of classes, or columns of numbers.
    pub targets: Vec<String>,
    /// Names of the classes, as the table has them; none where numbers are predicted.
    pub classes: Vec<String>,
    /// Whether rows with missing values were left out.
    pub drops_missing: bool,
}

impl Columns {
    /// Whether it can be: names that differ, and one column of up to 256 classes, if any.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(in crate::host) fn check(&self) -> Result<(), String> {
        let mut seen = HashSet::new();
        if let Some(name) = self.inputs.iter().chain(&self.targets).find(|name| !seen.insert(*name)) {
            return Err(format!("two columns have the name `{name}`"));
        }
        seen.clear();
        if let Some(name) = self.classes.iter().find(|name| !seen.insert(*name)) {
            return Err(format!("two classes have the name `{name}`"));
        }
        let (classes, targets) = (self.classes.len(), self.targets.len());
        if classes > MAX_CLASSES || classes > 0 && targets != 1 {
            return Err(format!("{classes} classes in {targets} columns"));
        }
        Ok(())
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
    /// Columns to predict, by name or number from 1 on; none for the last.
    pub labels: Vec<String>,
    /// Columns that are neither inputs nor to be predicted.
    pub ignored: Vec<String>,
    /// Whether numbers are predicted, not classes.
    pub regression: bool,
}

/// Places of inputs and targets among the columns of a file, from 0 on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::host) struct Places {
    pub inputs: Vec<usize>,
    pub targets: Vec<usize>,
}

impl Choice {
    /// The columns that this chooses among `names`; those of `indices`, which count the rows, only where they are named.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(in crate::host) fn among(
        &self,
        names: &[String],
        has_header: bool,
        indices: &[usize],
    ) -> Result<(Columns, Places), String> {
        let place = |name: &String| {
            let place = by_name(names, name)?.or_else(|| by_number(names, name));
            place.ok_or_else(|| absent(names, name))
        };
        let mut targets = self.labels.iter().map(place).collect::<Result<Vec<_>, _>>()?;
        let mut ignored = self.ignored.iter().map(place).collect::<Result<Vec<_>, _>>()?;
        ignored.extend(indices.iter().filter(|i| !targets.contains(i)));
        if targets.is_empty() {
            let last = (0..names.len()).rev().find(|i| !ignored.contains(i));
            targets = last.into_iter().collect();
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
        let inputs: Vec<usize> = (0..names.len()).filter(|i| !targets.contains(i) && !ignored.contains(i)).collect();
        if inputs.is_empty() || targets.is_empty() {
            let columns = if names.len() == 1 { "column is" } else { "columns are" };
            return Err(format!(
                "{} {columns} not enough: there must be an input and a column to predict",
                names.len()
            ));
        }
        if inputs.len() > usize::from(u16::MAX) {
            return Err(format!("{} inputs are too many: the maximum is {}", inputs.len(), u16::MAX));
        }
        for &i in inputs.iter().chain(&targets) {
            by_name(names, &names[i])?;
        }
        let named = |places: &[usize]| places.iter().map(|&i| names[i].clone()).collect();
        let columns =
            Columns { header: has_header, inputs: named(&inputs), targets: named(&targets), ..Columns::default() };
        Ok((columns, Places { inputs, targets }))
    }

    /// What `--ignore` says, to be pasted, once it names these columns, too.
    pub(in crate::host) fn ignoring(&self, names: &[String], more: &[usize]) -> String {
        // A comma or another column of this name: the number says it.
        let name = |&i: &usize| {
            let is_clear = !names[i].contains(',') && by_name(names, &names[i]).is_ok();
            if is_clear { names[i].clone() } else { (i + 1).to_string() }
        };
        let all = self.ignored.iter().cloned().chain(more.iter().map(name)).collect::<Vec<_>>().join(",");
        let is_plain = |c: char| c.is_alphanumeric() || "_,.:+-/".contains(c);
        if all.chars().all(is_plain) { all } else { format!("'{}'", all.replace('\'', "'\\''")) }
    }
}

impl Columns {
    /// Where these are among `names`; targets only where they are asked for.
    ///
    /// # Errors
    /// What is missing.
    pub(in crate::host) fn among(
        &self,
        names: &[String],
        has_header: bool,
        with_targets: bool,
    ) -> Result<Places, String> {
        // A file of the inputs alone has them in their order.
        if !has_header && !with_targets && names.len() == self.inputs.len() {
            return Ok(Places { inputs: (0..names.len()).collect(), targets: Vec::new() });
        }
        if self.header && !has_header {
            let all = self.inputs.join(", ");
            return Err(format!("the file has no header, but the model needs the columns {all}"));
        }
        let place = |name: &String| {
            let place = if self.header { by_name(names, name)? } else { by_number(names, name) };
            place.ok_or_else(|| absent(names, name))
        };
        let inputs = self.inputs.iter().map(place).collect::<Result<_, _>>()?;
        let targets = if with_targets { self.targets.iter().map(place).collect::<Result<_, _>>()? } else { Vec::new() };
        Ok(Places { inputs, targets })
    }
}

/// The column of this name.
///
/// # Errors
/// There are several.
fn by_name(names: &[String], wanted: &str) -> Result<Option<usize>, String> {
    let mut found = (0..names.len()).filter(|&i| names[i] == wanted);
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(format!("several columns have the name `{wanted}`")),
        (first, None) => Ok(first),
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
///
/// # Errors
/// What is wrong with them.
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
    // Hardly a number comes twice.
    if numbers.is_some() && names.len() > 20 && names.len() > rows / 2 {
        return Err(format!(
            "{} different numbers in {rows} rows are not classes: use --regression to predict numbers",
            names.len()
        ));
    }
    let is_index = |x: &f64| (0.0..MAX_CLASSES as f64).contains(x);
    if let Some(numbers) = &numbers
        && numbers.iter().all(is_index)
    {
        let largest = numbers.iter().fold(0.0_f64, |most, &x| most.max(x)) as usize;
        return Ok((0..=largest).map(|class| class.to_string()).collect());
    }
    let mut sorted = names.to_vec();
    match numbers {
        Some(_) => sorted.sort_by(|a, b| {
            let value = |name: &String| name.parse().unwrap_or(0.0_f64);
            value(a).total_cmp(&value(b))
        }),
        None => sorted.sort(),
    }
    Ok(sorted)
}

#[cfg(test)]
mod tests;
