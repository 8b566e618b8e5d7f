//! The arguments that say what the columns of a table are, and how they become inputs.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use cygnet::Loss;
use cygnet::host::HostError;
use cygnet::host::data::{Choice, Dialect, TablePlan};
use cygnet::preprocess::{Clip, Missing, PreprocessConfig, Scaling};

/// Takes `yes` or `no`.
pub(super) fn yes_or_no() -> impl TypedValueParser<Value = bool> {
    PossibleValuesParser::new(["yes", "no"]).map(|text| text == "yes")
}

/// What becomes of missing values.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Gap {
    Drop,
    Fill(Missing),
}

#[derive(Args, Default, PartialEq)]
#[command(next_help_heading = "Table (a CSV file as --data)")]
pub(crate) struct TableArguments {
    /// Column to predict, by name or by number, counted from 1; several with --regression, or with --loss bce, where each
    /// is a label 0 or 1 [default: the column named target, label or class, else the last]
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    label: Vec<String>,
    /// Columns to ignore, by name, or by number if no column has that name
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    ignore: Vec<String>,
    /// Column of the weights of the rows in training, each above 0
    #[arg(long, value_name = "COLUMN")]
    pub(crate) weight_column: Option<String>,
    /// Columns of words, such as codes that are numbers; text columns are recognised
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',')]
    categorical: Vec<String>,
    /// Most words of a column that get an input of their own; the others, and words in fewer than 3 training rows, share one
    /// input [default: 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    max_levels: Option<u16>,
    /// Print what each column contains and what it becomes, and train nothing
    #[arg(long)]
    pub(crate) describe: bool,
    /// Predict numbers instead of classes
    #[arg(long)]
    regression: bool,
    /// Scaling of each input, computed from the training rows: standard (mean 0, standard deviation 1), minmax (0 to 1)
    /// or none [default: standard]
    #[arg(long, value_parser = scales(), value_name = "HOW", hide_possible_values = true)]
    scale: Option<Scaling>,
    /// Replacement of missing inputs (empty, ?, NA, NaN, #N/A, null, none, - and similar): mean, a number, drop to remove
    /// their rows, or error [default: mean, with one more input that marks the gaps of a column if they are in at least 3
    /// training rows]
    #[arg(long, value_name = "HOW", value_parser = parse_gap)]
    missing: Option<Gap>,
    /// Clip each input to K standard deviations from its mean, or to the `range` of the training rows
    #[arg(long, value_name = "K", value_parser = parse_clip)]
    clip_outliers: Option<Clip>,
    /// Whether the first line is a header [default: yes if it has a word above numbers, or no number, or is 0, 1, 2, …]
    #[arg(long, value_name = "YES", value_parser = yes_or_no(), hide_possible_values = true)]
    header: Option<bool>,
    /// Separator of the cells: one character, `tab`, or `space` for one or more spaces [default: comma, semicolon, tab or
    /// spaces, detected from the first line]
    #[arg(long, value_name = "CHAR", value_parser = parse_separator)]
    separator: Option<u8>,
    /// Decimal point of the numbers: `.` or `,` [default: .]
    #[arg(long, value_name = "CHAR", value_parser = PossibleValuesParser::new([".", ","]).map(|text| text == ","), hide_possible_values = true)]
    decimal: Option<bool>,
}

fn scales() -> impl TypedValueParser<Value = Scaling> {
    PossibleValuesParser::new(["standard", "minmax", "none"]).map(|text| match &*text {
        "minmax" => Scaling::MinMax,
        "none" => Scaling::None,
        _ => Scaling::Standard,
    })
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

    /// Whether several columns of labels, 0 or 1, are to be predicted under this loss.
    pub(crate) fn is_multi_label(&self, loss: Option<Loss>) -> bool {
        !self.regression && self.label.len() > 1 && loss == Some(Loss::BinaryCrossEntropy)
    }

    /// What these arguments ask for under this loss, which is nothing where there is no table.
    pub(crate) fn plan(&self, is_table: bool, loss: Option<Loss>) -> Result<Option<TablePlan>, HostError> {
        if !is_table {
            if *self != Self::default() {
                let problem =
                    "--label, --describe, --regression and all other options for tables need a CSV file as --data";
                return Err(HostError::Usage(problem.to_owned()));
            }
            return Ok(None);
        }
        let (drops_missing, missing) = match self.missing {
            Some(Gap::Drop) => (true, Missing::Refuse),
            Some(Gap::Fill(missing)) => (false, missing),
            None => (false, Missing::Mean),
        };
        let scaling = self.scale.unwrap_or(Scaling::Standard);
        Ok(Some(TablePlan {
            dialect: Dialect {
                header: self.header,
                separator: self.separator,
                decimal_comma: self.decimal.unwrap_or(false),
            },
            choice: Choice {
                labels: self.label.clone(),
                ignored: self.ignore.clone(),
                categorical: self.categorical.clone(),
                regression: self.regression || self.is_multi_label(loss),
                multi_label: self.is_multi_label(loss),
                weight: self.weight_column.clone(),
            },
            preprocess: PreprocessConfig { scaling, missing, clip: self.clip_outliers.unwrap_or_default() },
            drops_missing,
            marks_missing: self.missing.is_none(),
            max_levels: self.max_levels.map_or(TablePlan::default().max_levels, usize::from),
        }))
    }
}
