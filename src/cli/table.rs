//! The arguments that say what the columns of a table are, and how they become inputs.

use clap::{Args, ValueEnum};
use cygnet::host::HostError;
use cygnet::host::data::{Choice, Dialect, TablePlan};
use cygnet::preprocess::{Clip, Missing, PreprocessConfig, Scaling};

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum ScaleName {
    Standard,
    Minmax,
    None,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub(super) enum YesNo {
    Yes,
    No,
}

/// What becomes of missing values.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Gap {
    Drop,
    Fill(Missing),
}

#[derive(Args)]
pub(crate) struct TableArguments {
    /// Column to predict, by name or by number, counted from 1; with --regression several are possible [default: the
    /// column named target, label or class, else the last]
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', help_heading = "Table (a CSV file as --data)")]
    label: Vec<String>,
    /// Columns to ignore, by name, or by number if no column has that name
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', help_heading = "Table (a CSV file as --data)")]
    ignore: Vec<String>,
    /// Columns of words, such as codes that are numbers; text columns are recognised
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', help_heading = "Table (a CSV file as --data)")]
    categorical: Vec<String>,
    /// Most words of a column that get an input of their own; the others, and words in fewer than 3 training rows, share one
    /// input [default: 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Table (a CSV file as --data)")]
    max_levels: Option<u16>,
    /// Print what each column contains and what it becomes, and train nothing
    #[arg(long, help_heading = "Table (a CSV file as --data)")]
    pub(crate) describe: bool,
    /// Predict numbers instead of classes
    #[arg(long, help_heading = "Table (a CSV file as --data)")]
    regression: bool,
    /// Scaling of each input, computed from the training rows: standard (mean 0, standard deviation 1), minmax (0 to 1)
    /// or none [default: standard]
    #[arg(
        long,
        value_enum,
        value_name = "HOW",
        hide_possible_values = true,
        help_heading = "Table (a CSV file as --data)"
    )]
    scale: Option<ScaleName>,
    /// Replacement of missing inputs (empty, ?, NA, NaN, #N/A, null, none, - and similar): mean, a number, drop to remove
    /// their rows, or error [default: mean, with one more input that marks the gaps of a column if they are in at least 3
    /// training rows]
    #[arg(long, value_name = "HOW", value_parser = parse_gap, help_heading = "Table (a CSV file as --data)")]
    missing: Option<Gap>,
    /// Clip each input to K standard deviations from its mean, or to the `range` of the training rows
    #[arg(long, value_name = "K", value_parser = parse_clip, help_heading = "Table (a CSV file as --data)")]
    clip_outliers: Option<Clip>,
    /// Whether the first line is a header [default: yes if it has a word above numbers, or no number, or is 0, 1, 2, …]
    #[arg(
        long,
        value_enum,
        value_name = "YES",
        hide_possible_values = true,
        help_heading = "Table (a CSV file as --data)"
    )]
    header: Option<YesNo>,
    /// Separator of the cells: one character, `tab`, or `space` for one or more spaces [default: comma, semicolon, tab or
    /// spaces, detected from the first line]
    #[arg(long, value_name = "CHAR", value_parser = parse_separator, help_heading = "Table (a CSV file as --data)")]
    separator: Option<u8>,
    /// Decimal point of the numbers: `.` or `,` [default: .]
    #[arg(long, value_name = "CHAR", value_parser = [".", ","], hide_possible_values = true, help_heading = "Table (a CSV file as --data)")]
    decimal: Option<String>,
}

fn parse_gap(text: &str) -> Result<Gap, String> {
    match text {
        "mean" => Ok(Gap::Fill(Missing::Mean)),
        "drop" => Ok(Gap::Drop),
        "error" => Ok(Gap::Fill(Missing::Refuse)),
        _ => {
            let value = text.parse().ok().filter(|x: &f32| x.is_finite());
            let fill = value.map(|x| Gap::Fill(Missing::Constant(x)));
            fill.ok_or_else(|| format!("`{text}` is not mean, drop, error or a number"))
        }
    }
}

fn parse_clip(text: &str) -> Result<Clip, String> {
    if text == "range" {
        return Ok(Clip::Range);
    }
    let k = text.parse().ok().filter(|k: &f32| k.is_finite() && *k > 0.0);
    k.map(Clip::Deviations).ok_or_else(|| format!("`{text}` is not range or a number above 0"))
}

fn parse_separator(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"tab" | b"\\t" => Ok(b'\t'),
        b"space" => Ok(b' '),
        [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b"\"\r\n.-+".contains(byte) => Ok(*byte),
        _ => Err(format!("`{text}` is not a separator: give one character such as ; or the word tab or space")),
    }
}

impl TableArguments {
    /// Whether numbers are to be predicted.
    pub(crate) fn is_regression(&self) -> bool {
        self.regression
    }

    /// What these arguments ask for, which is nothing where there is no table.
    pub(crate) fn plan(&self, is_table: bool) -> Result<Option<TablePlan>, HostError> {
        let some = [
            !self.label.is_empty(),
            !self.ignore.is_empty(),
            self.regression,
            self.scale.is_some(),
            self.missing.is_some(),
            self.clip_outliers.is_some(),
            self.header.is_some(),
            self.separator.is_some(),
            self.decimal.is_some(),
            !self.categorical.is_empty(),
            self.max_levels.is_some(),
            self.describe,
        ];
        if !is_table {
            if some.contains(&true) {
                let which = "--label, --ignore, --categorical, --max-levels, --describe, --regression, --scale, --missing, \
                             --clip-outliers, --header, --separator and --decimal";
                return Err(HostError::Usage(format!("{which} need a CSV file as --data")));
            }
            return Ok(None);
        }
        let (drops_missing, missing) = match self.missing {
            Some(Gap::Drop) => (true, Missing::Refuse),
            Some(Gap::Fill(missing)) => (false, missing),
            None => (false, Missing::Mean),
        };
        let scaling = match self.scale {
            None | Some(ScaleName::Standard) => Scaling::Standard,
            Some(ScaleName::Minmax) => Scaling::MinMax,
            Some(ScaleName::None) => Scaling::None,
        };
        Ok(Some(TablePlan {
            dialect: Dialect {
                header: self.header.map(|header| header == YesNo::Yes),
                separator: self.separator,
                decimal_comma: self.decimal.as_deref() == Some(","),
            },
            choice: Choice {
                labels: self.label.clone(),
                ignored: self.ignore.clone(),
                categorical: self.categorical.clone(),
                regression: self.regression,
            },
            preprocess: PreprocessConfig { scaling, missing, clip: self.clip_outliers.unwrap_or_default() },
            drops_missing,
            marks_missing: self.missing.is_none(),
            max_levels: self.max_levels.map_or(TablePlan::default().max_levels, usize::from),
        }))
    }
}
