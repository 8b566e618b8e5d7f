//! Tables for training and test: split, and prepared by what the training rows say.

use super::columns::{Choice, Columns, classes};
use super::csv::Sheet;
use super::dataset::Dataset;
use super::identity::DataIdentity;
use super::preparation::Preparation;
use super::samples::{Answers, Samples};
use super::split::{Split, test_rows};
use super::table::{Dialect, Gaps, Table};
use super::units::Units;
use crate::Error;
use crate::error::Value;
use crate::host::DataError;
use crate::host::HostError;
use crate::host::memory::zeros;
use crate::host::prelude::*;
use crate::preprocess::{Fit, Missing, Preprocess, PreprocessConfig};
use std::path::PathBuf;

/// Where rows come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// The rows to learn from.
    pub data: PathBuf,
    /// Those of the test; `None` takes a share of the others.
    pub test: Option<PathBuf>,
    /// That share, above 0 and below 1.
    pub test_share: f32,
}

/// How a model for a table is made: which columns, how they are read and prepared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TablePlan {
    /// How text is read.
    pub dialect: Dialect,
    /// Which columns.
    pub choice: Choice,
    /// How inputs are prepared.
    pub preprocess: PreprocessConfig,
    /// Whether rows with missing values are left out.
    pub drops_missing: bool,
}

/// Rows to learn from and rows of the test, as they were read.
#[derive(Debug)]
pub struct Tables {
    columns: Columns,
    train: Table,
    test: Table,
    config: PreprocessConfig,
    /// Columns that count the rows and are left out.
    indices: Vec<String>,
}

impl Source {
    /// Whether the share is in range.
    ///
    /// # Errors
    /// [`HostError::Usage`].
    pub fn check(&self) -> Result<(), HostError> {
        if self.test_share > 0.0 && self.test_share < 1.0 {
            return Ok(());
        }
        Err(HostError::Usage(format!("test-share {:?} is out of range: above 0 and below 1", self.test_share)))
    }

    /// Reads what `plan` asks for.
    ///
    /// # Errors
    /// [`HostError::Data`] with file, line and column; [`HostError::Usage`] for settings out of range.
    pub fn read(&self, plan: &TablePlan) -> Result<Tables, HostError> {
        self.check()?;
        plan.preprocess.check()?;
        let gaps = match plan.preprocess.missing {
            _ if plan.drops_missing => Gaps::Drop,
            Missing::Refuse => Gaps::Refuse,
            _ => Gaps::Keep,
        };
        let mut sheet = Sheet::read(&self.data, plan.dialect)?;
        let chosen = plan.choice.among(&sheet.names, sheet.has_header, &sheet.indices);
        let (mut columns, places) = chosen.map_err(|problem| sheet.error(problem))?;
        let has_classes = !plan.choice.regression;
        let table = sheet.rows(&places, has_classes, gaps, Some(&plan.choice))?;
        if let Some(problem) = table.blurred(&columns) {
            return Err(sheet.error(problem).into());
        }
        columns.drops_missing = plan.drops_missing;
        columns.separator = plan.dialect.separator;
        if has_classes {
            let of_column = |problem| sheet.error(format!("column `{}`: {problem}", columns.targets.join("")));
            columns.classes = classes(&table.names, table.lines.len()).map_err(of_column)?;
        }
        let indices = sheet.indices.iter().filter(|i| !places.targets.contains(i));
        let indices = indices.map(|&i| sheet.names[i].clone()).collect();
        Ok(Tables { indices, ..self.tables(columns, table, gaps, plan)? })
    }

    /// Reads the columns that a saved model knows, prepared as it was made for.
    ///
    /// # Errors
    /// [`HostError::Data`] with file, line and column; [`HostError::Mismatch`] for a model that knows no columns;
    /// [`HostError::Usage`].
    pub fn read_for(&self, preparation: &Preparation) -> Result<Dataset, HostError> {
        self.check()?;
        let Some(columns) = &preparation.columns else {
            return Err(HostError::Mismatch(
                "the model file does not record the columns that the model needs".to_owned(),
            ));
        };
        let dialect = Dialect { header: Some(columns.header), separator: columns.separator };
        let mut sheet = Sheet::read(&self.data, dialect)?;
        let places = columns.among(&sheet.names, sheet.has_header, true).map_err(|problem| sheet.error(problem))?;
        let gaps = gaps_of(preparation, columns.drops_missing);
        let table = sheet.rows(&places, columns.has_classes(), gaps, None)?;
        let plan = TablePlan { dialect, ..TablePlan::default() };
        let Tables { columns, train, test, .. } = self.tables(columns.clone(), table, gaps, &plan)?;
        prepared(&columns, [train, test], preparation.clone(), None)
    }

    /// With the rows of the test: those of a file, or a share of these.
    fn tables(&self, columns: Columns, table: Table, gaps: Gaps, plan: &TablePlan) -> Result<Tables, HostError> {
        let config = plan.preprocess;
        if let Some(path) = &self.test {
            let mut sheet =
                Sheet::read(path, Dialect { header: plan.dialect.header.or(Some(columns.header)), ..plan.dialect })?;
            let places = columns.among(&sheet.names, sheet.has_header, true).map_err(|problem| sheet.error(problem))?;
            let test = sheet.rows(&places, columns.has_classes(), gaps, None)?;
            return Ok(Tables { columns, train: table, test, config, indices: Vec::new() });
        }
        let rows = table.lines.len();
        let (train, test) = test_rows(rows, &table.classes(&columns)?, self.test_share)?;
        if train.is_empty() || test.is_empty() {
            return Err(HostError::Usage(format!(
                "{} has {rows} {}: --test-share {} gives {} test rows, but training and test need at least one each",
                self.data.display(),
                if rows == 1 { "row" } else { "rows" },
                self.test_share,
                test.len()
            )));
        }
        let widths = [columns.inputs.len(), columns.targets.len()];
        let (mut learned, test) = (table.part(&train, widths), table.part(&test, widths));
        learned.dropped = table.dropped;
        Ok(Tables { columns, train: learned, test, config, indices: Vec::new() })
    }
}

impl Tables {
    /// The columns.
    #[must_use]
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// Rows that are not for the test.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.train.lines.len()
    }

    /// Rows that were left out for a missing value.
    #[must_use]
    pub fn dropped(&self) -> usize {
        self.train.dropped + self.test.dropped
    }

    /// Columns without a name that count the rows: they are left out.
    #[must_use]
    pub fn indices(&self) -> &[String] {
        &self.indices
    }

    /// The samples for a run with this split: prepared by what the rows say that it learns from, not those for validation; numbers
    /// to predict are standardised likewise.
    ///
    /// # Errors
    /// [`HostError::Data`] for a column without values there or a target that never changes, [`HostError::Usage`] where
    /// nothing is left to learn from, [`HostError::Memory`].
    pub fn dataset(&self, split: Split) -> Result<Dataset, HostError> {
        let (indices, _) = split.of(self.train.lines.len(), &self.train.classes(&self.columns)?)?;
        let widths = [self.columns.inputs.len(), self.columns.targets.len()];
        let learned = self.train.part(&indices, widths);
        let floats = self.fit(&learned)?;
        let units = if self.columns.has_classes() { None } else { Some(self.units(&learned)?) };
        let preparation = Preparation { floats, columns: Some(self.columns.clone()) };
        prepared(&self.columns, [self.train.clone(), self.test.clone()], preparation, units)
    }

    fn fit(&self, learned: &Table) -> Result<Vec<f32>, HostError> {
        let inputs = self.columns.inputs.len();
        let (mut floats, mut counts) = (zeros(Fit::state_len(inputs))?, zeros(inputs)?);
        let mut fit = Fit::new(self.config, inputs, &mut floats, &mut counts)?;
        fit.add(&learned.inputs)?;
        let at = |feature: usize, what: &str| {
            let name = &self.columns.inputs[feature];
            let problem = format!("column `{name}` {what} in the training rows; use --ignore {name}");
            HostError::from(DataError::table(&learned.path, problem))
        };
        fit.finish().map_err(|error| match error {
            Error::Unseen { feature } => at(feature, "has no value"),
            Error::Preprocess { feature } => at(feature, "has numbers that are too far apart"),
            other => HostError::Core(other),
        })?;
        floats.truncate(Preprocess::state_len(inputs));
        Ok(floats)
    }

    /// Mean and deviation of each number to predict.
    fn units(&self, learned: &Table) -> Result<Units, HostError> {
        let targets = self.columns.targets.len();
        let (mut floats, mut counts) = (zeros(Fit::state_len(targets))?, zeros(targets)?);
        let mut fit = Fit::new(PreprocessConfig::default(), targets, &mut floats, &mut counts)?;
        fit.add(&learned.values)?;
        let numbers = fit.finish()?;
        let mut units = Units { means: Vec::new(), deviations: Vec::new() };
        for (&[.., mean, scale], name) in numbers.floats().as_chunks::<5>().0.iter().zip(&self.columns.targets) {
            if scale == 0.0 {
                let problem =
                    format!("column `{name}` has the same value in all training rows: there is nothing to predict");
                return Err(DataError::table(&learned.path, problem).into());
            }
            units.means.push(mean);
            units.deviations.push(1.0 / scale);
        }
        Ok(units)
    }
}

/// The samples of tables.
fn prepared(
    columns: &Columns,
    tables: [Table; 2],
    preparation: Preparation,
    units: Option<Units>,
) -> Result<Dataset, HostError> {
    let identity = identity(columns, &tables[0])?;
    let [train, test] = tables.map(|table| samples(columns, table, &preparation, units.as_ref()));
    let classes = columns.outputs();
    Ok(Dataset { train: train?, test: test?, classes, preparation: Some(preparation), units, identity })
}

/// Which data the rows are, as they stand in the file.
fn identity(columns: &Columns, train: &Table) -> Result<Option<DataIdentity>, HostError> {
    let (width, targets) = (columns.inputs.len(), columns.targets.len());
    let answers = if columns.has_classes() {
        Answers::Classes(train.classes(columns)?)
    } else {
        Answers::Values { width: targets, values: train.values.clone() }
    };
    Ok(DataIdentity::of_rows(&train.inputs, width, &answers, &train.path))
}

fn samples(
    columns: &Columns,
    mut table: Table,
    preparation: &Preparation,
    units: Option<&Units>,
) -> Result<Samples, HostError> {
    let width = columns.inputs.len();
    apply(preparation, &mut table, width)?;
    let answers = if columns.has_classes() {
        Answers::Classes(table.classes(columns)?)
    } else {
        if let Some(Units { means, deviations }) = units {
            for row in table.values.chunks_mut(means.len().max(1)) {
                for ((x, mean), sd) in row.iter_mut().zip(means).zip(deviations) {
                    *x = (*x - mean) / sd;
                }
            }
        }
        Answers::Values { width: columns.targets.len(), values: table.values }
    };
    Ok(Samples::of_floats(width, table.inputs, answers))
}

/// Prepares the rows of a table; an error says where it is.
fn apply(preparation: &Preparation, table: &mut Table, width: usize) -> Result<(), HostError> {
    let preprocess = Preprocess::new(width, &preparation.floats)?;
    preprocess.apply(&mut table.inputs).map_err(|error| match error {
        Error::NonFinite { value: Value::Input, index } => {
            let line = table.lines.get(index / width).copied().unwrap_or(0);
            DataError::table(&table.path, too_far(preparation, line, index % width)).into()
        }
        other => HostError::Core(other),
    })
}

/// What is wrong with an input that preprocessing refuses.
pub(in crate::host) fn too_far(preparation: &Preparation, line: u64, input: usize) -> String {
    format!("line {line}, column `{}`: the value is too far from the training values", preparation.input(input))
}

/// What a saved model does with gaps.
pub(in crate::host) fn gaps_of(preparation: &Preparation, drops: bool) -> Gaps {
    let refuses = preparation.floats.as_chunks::<5>().0.iter().any(|[fill, ..]| fill.is_nan());
    match (drops, refuses) {
        (true, _) => Gaps::Drop,
        (false, true) => Gaps::Refuse,
        (false, false) => Gaps::Keep,
    }
}
