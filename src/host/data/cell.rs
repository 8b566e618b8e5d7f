//! The value of a cell of a table: a number, a missing value, a date, or a word.

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
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// What is wrong with a cell.
pub(in crate::host) const NO_INPUT: &str = "expected a number, found";
pub(in crate::host) const NO_WEIGHT: &str = "expected a weight, found";
pub(in crate::host) const NO_TARGET: &str = "expected a number to predict, found";

/// What a file says by itself or is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dialect {
    /// Whether the first line is a header; none to see: it is one if it has a word above numbers, or if it says `0, 1, 2, …`.
    pub header: Option<bool>,
    /// What separates cells, a blank for any number of them; none to see: whichever of `,`, `;` and tab the first line has
    /// most of, and blanks where it has none.
    pub separator: Option<u8>,
    /// Whether a comma stands for the decimal point.
    pub decimal_comma: bool,
}

/// How numbers are written in a table.
#[derive(Clone, Copy, Debug)]
pub(in crate::host) struct Spelling {
    /// What separates the cells.
    pub separator: u8,
    /// Whether a comma stands for the decimal point.
    pub decimal_comma: bool,
}

/// What a cell is, as far as that can be seen from it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::host) enum Kind {
    Missing,
    Number,
    /// A number with a thousands separator or another decimal point.
    Spelt,
    Date,
    /// What a column may be called.
    Name,
    /// Neither a number nor a name, such as `5 %`.
    Other,
}

impl Spelling {
    /// What a cell is.
    pub(in crate::host) fn kind(self, cell: &str) -> Kind {
        let begins_as_number = || cell.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        let count = |is: fn(&char) -> bool| cell.chars().filter(is).count();
        match cell {
            _ if is_missing(cell) => Kind::Missing,
            _ if self.parse(cell).is_some() => Kind::Number,
            _ if self.plain(cell).is_some() || cell.replacen(',', ".", 1).parse::<f64>().is_ok() => Kind::Spelt,
            _ if is_date(cell) => Kind::Date,
            _ if begins_as_number() && count(|c| c.is_ascii_digit()) > count(|c| c.is_alphabetic()) => Kind::Other,
            _ => Kind::Name,
        }
    }

    fn parse(self, cell: &str) -> Option<f64> {
        match self.decimal_comma && cell.contains([',', '.']) {
            // A point is none in such a table, but a thousands separator.
            true if cell.contains('.') => None,
            true => cell.replacen(',', ".", 1).parse().ok(),
            false => cell.parse().ok(),
        }
    }

    /// The number that a cell holds, or what is wrong with it, which begins with `problem` where it looks like no number at all.
    pub(in crate::host) fn number(self, cell: &str, problem: &str) -> Result<f64, String> {
        match self.parse(cell) {
            Some(x) if (x as f32).abs() < LARGEST => return Ok(x),
            Some(_) => return Err(format!("`{cell}` is infinite or too large")),
            None => {}
        }
        let point = cell.replacen(',', ".", 1);
        let is_decimal = !self.decimal_comma && point.parse::<f64>().is_ok();
        Err(match self.plain(cell) {
            // Where commas separate cells, one within a cell is no decimal comma.
            Some(plain) if is_decimal && self.separator != b',' => {
                format!(
                    "`{cell}` has a thousands separator or a decimal comma: write {plain} or {point}, or use --decimal ,"
                )
            }
            Some(plain) => format!("`{cell}` has a thousands separator: write {plain}"),
            None if is_decimal => format!("expected a decimal point, found `{cell}`: use --decimal ,"),
            None if self.decimal_comma && cell.parse::<f64>().is_ok() => {
                format!("expected a decimal comma, found `{cell}`")
            }
            None => format!("{problem} `{cell}`"),
        })
    }

    /// A number without what separates the groups of its digits, as the table writes numbers.
    fn plain(self, cell: &str) -> Option<String> {
        let plain = ungrouped(cell)?;
        Some(if self.decimal_comma { plain.replacen('.', ",", 1) } else { plain })
    }
}

/// Whether there is no value.
pub(in crate::host) fn is_missing(cell: &str) -> bool {
    is_no_class(cell) || MISSING.iter().any(|missing| cell.eq_ignore_ascii_case(missing))
}

/// Whether there is no class: NaN, or a spelling of it.
pub(in crate::host) fn is_no_class(cell: &str) -> bool {
    let is_among = || NO_CLASS.iter().any(|missing| cell.eq_ignore_ascii_case(missing));
    cell.parse::<f32>().map_or_else(|_| is_among(), f32::is_nan)
}

/// Whether a cell is a date, a time of day or both, such as `2024-05-01T12:30:00Z`, `1.5.2024`, `Nov 11, 2007` or `12:30`.
fn is_date(cell: &str) -> bool {
    let is_number = |text: &&str| [1, 2, 4].contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let is_month = |text: &&str| text.get(..3).is_some_and(|start| MONTHS.contains(&&*start.to_ascii_lowercase()));
    let is_day = |text: &str| {
        let groups: Vec<&str> = text.split(['-', '/', '.', ' ', ',']).filter(|group| !group.is_empty()).collect();
        let has_year = groups.iter().any(|group| group.len() == 4) || groups.iter().all(|group| group.len() == 2);
        let months = groups.iter().filter(|group| is_month(group)).count();
        groups.len() == 3 && months < 2 && has_year && groups.iter().all(|group| is_number(group) || is_month(group))
    };
    let is_time = |text: &str| {
        let groups: Vec<&str> = text.splitn(3, ':').map(|group| group.get(..2).unwrap_or(group)).collect();
        groups.len() > 1 && groups[1].len() == 2 && groups[..2].iter().all(is_number)
    };
    // A day and a time behind it.
    let parts = cell.find(':').and_then(|colon| cell[..colon].rfind([' ', 'T']));
    match parts {
        Some(end) => is_day(&cell[..end]) && is_time(&cell[end + 1..]),
        None => is_day(cell) || is_time(cell),
    }
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
