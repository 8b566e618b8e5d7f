//! The value of a cell of a table: a number, a missing value, or a word.

use crate::host::prelude::*;

/// Inputs from here on are refused, as [`Fit`](crate::preprocess::Fit) does.
const LARGEST: f32 = 1e15;
/// How a missing value is spelt beside NaN, in lower case. These no class is called …
const NO_CLASS: [&str; 14] = [
    "", "?", "#n/a", "#n/a n/a", "#na", "#nv", "<na>", "(null)", "\\n", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan",
    "--",
];
/// … and these a class may be called.
const MISSING: [&str; 7] = ["na", "n/a", "null", "none", "nat", "-", "."];

/// What is wrong with a cell.
pub(in crate::host) const NO_INPUT: &str = "expected a number, found";
pub(in crate::host) const NO_TARGET: &str = "expected a number to predict, found";

/// What a cell is, as far as that can be seen from it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::host) enum Kind {
    Missing,
    Number,
    /// What a column may be called.
    Name,
    /// Neither a number nor a name: a date, a time, `5 %`, `1,039`.
    Other,
}

impl Kind {
    pub(in crate::host) fn of(cell: &str) -> Self {
        let begins_as_number = || cell.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        let count = |is: fn(&char) -> bool| cell.chars().filter(is).count();
        match cell {
            _ if is_missing(cell) => Self::Missing,
            _ if cell.parse::<f64>().is_ok() => Self::Number,
            _ if begins_as_number() && count(|c| c.is_ascii_digit()) > count(|c| c.is_alphabetic()) => Self::Other,
            _ => Self::Name,
        }
    }
}

/// Whether there is no value.
pub(in crate::host) fn is_missing(cell: &str) -> bool {
    is_among(cell, &[&NO_CLASS, &MISSING])
}

/// Whether there is no class.
pub(in crate::host) fn is_no_class(cell: &str) -> bool {
    is_among(cell, &[&NO_CLASS])
}

/// Whether a cell is NaN or has one of these spellings, which are no numbers.
fn is_among(cell: &str, lists: &[&[&str]]) -> bool {
    match cell.parse::<f32>() {
        Ok(x) => x.is_nan(),
        Err(_) => lists.iter().any(|list| list.iter().any(|missing| cell.eq_ignore_ascii_case(missing))),
    }
}

/// The number that a cell of a table with this separator holds.
///
/// # Errors
/// What is wrong with it, which begins with `problem` where it looks like no number at all.
pub(in crate::host) fn number(cell: &str, separator: u8, problem: &str) -> Result<f64, String> {
    match cell.parse::<f64>() {
        Ok(x) if (x as f32).abs() < LARGEST => return Ok(x),
        Ok(_) => return Err(format!("`{cell}` is infinite or too large")),
        Err(_) => {}
    }
    let point = cell.replacen(',', ".", 1);
    let is_decimal = point.parse::<f64>().is_ok();
    Err(match ungrouped(cell) {
        // Where commas separate cells, one within a cell is no decimal comma.
        Some(plain) if is_decimal && separator != b',' => {
            format!("`{cell}` has a thousands separator or a decimal comma: write {plain} or {point}")
        }
        Some(plain) => format!("`{cell}` has a thousands separator: write {plain}"),
        None if is_decimal => format!("expected a decimal point, found `{cell}`"),
        None => format!("{problem} `{cell}`"),
    })
}

/// A number whose digits stand in groups, without what separates these: the last group has three digits, those before it
/// three or, in India, two.
fn ungrouped(cell: &str) -> Option<String> {
    let digits = cell.trim_start_matches(['+', '-']);
    let sign = if cell.starts_with('-') { "-" } else { "" };
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    [',', '.', '\'', '’', '_', ' ', '\u{a0}', '\u{202f}'].iter().find_map(|&mark| {
        let point = if mark == '.' { ',' } else { '.' };
        let (whole, fraction) = digits.split_once(point).map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
        let groups: Vec<&str> = whole.split(mark).collect();
        let [first, middle @ .., last] = &groups[..] else { return None };
        let is_grouped = (1..=3).contains(&first.len()) && !first.starts_with('0') && last.len() == 3;
        let fits = is_grouped && middle.iter().all(|group| (2..=3).contains(&group.len()));
        let all_digits = groups.iter().chain(fraction.iter()).all(|group| are_digits(group));
        (fits && all_digits).then(|| {
            let fraction = fraction.map_or_else(String::new, |fraction| format!(".{fraction}"));
            sign.to_owned() + &groups.concat() + &fraction
        })
    })
}

#[cfg(test)]
mod tests;
