//! Tables for training and test: split, and prepared by what the training rows say.

use super::cell::Dialect;
use super::columns::{Choice, Columns, Places, classes};
use super::csv::Sheet;
use super::dataset::{Dataset, Units};
use super::encoding::{Encoding, RARE, by_frequency};
use super::facts::{ColumnKind, Facts};
use super::identity::DataIdentity;
use super::preparation::Preparation;
use super::samples::Samples;
use super::split::{Split, folds, test_rows};
use super::table::{Gaps, Table};
use crate::Error;
use crate::host::DataError;
use crate::host::HostError;
use crate::host::memory::zeros;
use crate::host::prelude::*;
use crate::preprocess::{Clip, Fit, Missing, Preprocess, PreprocessConfig, Scaling};
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
#[derive(Clone, Debug, PartialEq)]
pub struct TablePlan {
    /// How text is read.
    pub dialect: Dialect,
    /// Which columns.
    pub choice: Choice,
    /// How inputs are prepared.
    pub preprocess: PreprocessConfig,
    /// Whether rows with missing values are left out.
    pub drops_missing: bool,
    /// Whether a column with gaps in at least 3 training rows has one more input, which marks them.
    pub marks_missing: bool,
    /// Words of a column that have an input of their own, at most.
    pub max_levels: usize,
}

impl Default for TablePlan {
    /// Gaps are refused, and up to 64 words have an input.
    fn default() -> Self {
        Self {
            dialect: Dialect::default(),
            choice: Choice::default(),
            preprocess: Fit::DEFAULT,
            drops_missing: false,
            marks_missing: false,
            max_levels: 64,
        }
    }
}

/// What a table has in one column, and what becomes of it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ColumnSummary {
    /// What it is called.
    pub name: String,
    /// What it holds.
    pub holds: ColumnKind,
    /// What it is taken for.
    pub kind: ColumnKind,
    /// Rows without a value.
    pub missing: usize,
    /// Least and largest number, if it has any.
    pub range: Option<[f64; 2]>,
    /// Its words, the most frequent first, each with the number of its rows.
    pub words: Vec<(String, usize)>,
}

/// Rows to learn from and rows of the test, as they were read.
#[derive(Debug)]
pub struct Tables {
    columns: Columns,
    train: Table,
    test: Table,
    plan: TablePlan,
    summaries: Vec<ColumnSummary>,
    /// How inputs are made, where a model decides that.
    made: Option<Preparation>,
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
        let (mut sheet, mut columns, places, summaries) = self.choose(plan)?;
        let table = sheet.rows(&places, gaps, Some(&plan.choice))?;
        columns.drops_missing = plan.drops_missing;
        columns.separator = plan.dialect.separator;
        columns.decimal_comma = plan.dialect.decimal_comma;
        if places.has_classes {
            let of_column = |problem| sheet.error(format!("column `{}`: {problem}", columns.targets.join("")));
            columns.classes = classes(&table.classes.names, table.lines.len()).map_err(of_column)?;
        }
        let (train, test) = self.split(&columns, places, table, gaps)?;
        Ok(Tables { columns, train, test, plan: plan.clone(), summaries, made: None })
    }

    /// What the table has in each column, and what `plan` would make of it.
    ///
    /// # Errors
    /// [`HostError::Data`].
    pub fn describe(&self, plan: &TablePlan) -> Result<Vec<ColumnSummary>, HostError> {
        Ok(self.choose(plan)?.3)
    }

    /// Reads the file once to see what its columns hold, and chooses among them.
    fn choose(&self, plan: &TablePlan) -> Result<(Sheet, Columns, Places, Vec<ColumnSummary>), HostError> {
        let sheet = Sheet::read(&self.data, plan.dialect)?;
        let columns = || sheet.facts.iter().zip(&sheet.names);
        let holds: Vec<_> = columns().map(|(facts, name)| facts.kind(name, sheet.has_header)).collect();
        let mut kinds = holds.clone();
        let chosen = plan.choice.among(&sheet.names, sheet.has_header, &mut kinds);
        let (chosen, places) = chosen.map_err(|problem| sheet.error(problem))?;
        let kinds = holds.into_iter().zip(kinds);
        let summaries =
            columns().zip(kinds).map(|((facts, name), kinds)| ColumnSummary::of(facts, name, kinds)).collect();
        Ok((sheet, chosen, places, summaries))
    }

    /// Reads the columns that a saved model knows, prepared as it was made for.
    ///
    /// # Errors
    /// [`HostError::Data`] with file, line and column; [`HostError::Mismatch`] for a model that knows no columns;
    /// [`HostError::Usage`].
    pub fn read_for(&self, preparation: &Preparation) -> Result<Dataset, HostError> {
        let Tables { train, test, .. } = self.read_on(preparation)?;
        prepared([train, test], preparation.clone(), None)
    }

    /// Reads the same columns, to train a saved model on them.
    ///
    /// # Errors
    /// As [`read_for`](Self::read_for).
    pub fn read_on(&self, preparation: &Preparation) -> Result<Tables, HostError> {
        self.check()?;
        let Some(columns) = &preparation.columns else {
            return Err(HostError::Mismatch(
                "the model file does not record the columns that the model needs".to_owned(),
            ));
        };
        let mut sheet = Sheet::read(&self.data, columns.dialect())?;
        let (places, gaps) = (sheet.places(columns, true)?, preparation.gaps());
        let table = sheet.rows(&places, gaps, None)?;
        let (train, test) = self.split(columns, places, table, gaps)?;
        let (plan, summaries, made) = (TablePlan::default(), Vec::new(), Some(preparation.clone()));
        Ok(Tables { columns: columns.clone(), train, test, plan, summaries, made })
    }

    /// With the rows of the test: those of a file, or a share of these.
    fn split(&self, columns: &Columns, places: Places, table: Table, gaps: Gaps) -> Result<(Table, Table), HostError> {
        if let Some(path) = &self.test {
            let mut sheet = Sheet::read(path, columns.dialect())?;
            let there = Places { are_words: places.are_words, ..sheet.places(columns, true)? };
            return Ok((table, sheet.rows(&there, gaps, None)?));
        }
        let rows = table.lines.len();
        let (train, test) = test_rows(rows, &table.labels(columns)?, self.test_share)?;
        if train.is_empty() || test.is_empty() {
            return Err(HostError::Usage(format!(
                "{} has {rows} {}: --test-share {} gives {} test rows, but training and test need at least one each",
                self.data.display(),
                if rows == 1 { "row" } else { "rows" },
                self.test_share,
                test.len()
            )));
        }
        let (mut learned, test) = (table.part(&train), table.part(&test));
        learned.dropped = table.dropped;
        Ok((learned, test))
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

    /// How they were asked for.
    #[must_use]
    pub fn plan(&self) -> &TablePlan {
        &self.plan
    }

    /// What the table has in each column, and what becomes of it.
    #[must_use]
    pub fn summaries(&self) -> &[ColumnSummary] {
        &self.summaries
    }

    /// All rows in so many folds, stratified by class: each fold is the test of one of these.
    ///
    /// # Errors
    /// [`HostError::Usage`] for fewer than two folds or more than rows.
    pub fn folds(&self, count: usize, seed: u64) -> Result<Vec<Self>, HostError> {
        let all = self.train.clone().joined(&self.test);
        let parts = folds(all.lines.len(), &all.labels(&self.columns)?, count, seed)?;
        let of = |test: &Vec<u32>| {
            let others: Vec<u32> = (0..all.lines.len() as u32).filter(|i| test.binary_search(i).is_err()).collect();
            let (columns, plan) = (self.columns.clone(), self.plan.clone());
            let (summaries, made) = (self.summaries.clone(), self.made.clone());
            Self { columns, train: all.part(&others), test: all.part(test), plan, summaries, made }
        };
        Ok(parts.iter().map(of).collect())
    }

    /// The samples for a run with this split: encoded and prepared by what the rows say that it learns from, not those for
    /// validation; numbers to predict are standardised likewise.
    ///
    /// # Errors
    /// [`HostError::Data`] for a column without values there or a target that never changes, [`HostError::Usage`] where
    /// nothing is left to learn from or there are too many inputs, [`HostError::Memory`].
    pub fn dataset(&self, split: Split) -> Result<Dataset, HostError> {
        let (indices, _) = split.of(self.train.lines.len(), &self.train.labels(&self.columns)?)?;
        let learned = self.train.part(&indices);
        let has_units = !self.columns.has_classes() && !self.columns.multi_label;
        let units = if has_units { Some(self.units(&learned)?) } else { None };
        let tables = [self.train.clone(), self.test.clone()];
        if let Some(made) = &self.made {
            return prepared(tables, made.clone(), units);
        }
        let columns = Columns { encodings: self.encodings(&learned), ..self.columns.clone() };
        let width = columns.width();
        if width > usize::from(u16::MAX) {
            return Err(HostError::Usage(format!("{width} inputs are too many: the maximum is {}", u16::MAX)));
        }
        let floats = self.fit(&columns, &learned)?;
        prepared(tables, Preparation { floats, columns: Some(columns) }, units)
    }

    /// How cells become inputs, by the words and the gaps of the rows that are learned from.
    fn encodings(&self, learned: &Table) -> Vec<Encoding> {
        let encoding = |k: usize| {
            let (words, missing) = learned.counts(k);
            let missing = self.plan.marks_missing && missing >= RARE;
            Encoding { missing, ..Encoding::of_words(&words, self.plan.max_levels) }
        };
        let encodings: Vec<Encoding> = (0..self.columns.inputs.len()).map(encoding).collect();
        let are_plain = encodings.iter().all(|encoding| *encoding == Encoding::default());
        if are_plain { Vec::new() } else { encodings }
    }

    /// The preprocessing of all inputs; those that are 0 or 1 stay as they are, and are filled with their mean.
    fn fit(&self, columns: &Columns, learned: &Table) -> Result<Vec<f32>, HostError> {
        let (inputs, rows) = (columns.width(), learned.encoded(columns));
        let fit = |config: PreprocessConfig| {
            let (mut floats, mut counts) = (zeros(Fit::state_len(inputs))?, zeros(inputs)?);
            let mut fit = Fit::new(config, inputs, &mut floats, &mut counts)?;
            fit.add(&rows)?;
            let at = |feature: usize, what: &str| {
                let name = columns.of_input(feature);
                let problem = format!("column `{name}` {what} in the training rows; use --ignore {name}");
                HostError::from(DataError::table(&learned.path, problem))
            };
            fit.finish().map_err(|error| match error {
                Error::Unseen { feature } => at(feature, "has no value"),
                Error::Preprocess { feature } => at(feature, "has numbers that are too far apart"),
                other => HostError::Core(other),
            })?;
            floats.truncate(Preprocess::state_len(inputs));
            Ok::<_, HostError>(floats)
        };
        let mut floats = fit(self.plan.preprocess)?;
        if !columns.encodings.is_empty() {
            let as_they_are = PreprocessConfig { scaling: Scaling::None, missing: Missing::Mean, clip: Clip::None };
            let (plain, are_binary) = (fit(as_they_are)?, columns.encodings.iter().flat_map(Encoding::are_binary));
            let features = floats.chunks_mut(5).zip(plain.chunks(5)).zip(are_binary);
            let binary = features.filter(|(_, is_binary)| *is_binary);
            binary.for_each(|((feature, plain), _)| feature.copy_from_slice(plain));
        }
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
fn prepared(tables: [Table; 2], preparation: Preparation, units: Option<Units>) -> Result<Dataset, HostError> {
    let columns = preparation.columns.clone().unwrap_or_default();
    let [train, test] = &tables;
    let [mut learned, mut tested] = [train.answers(&columns)?, test.answers(&columns)?];
    if columns.multi_label {
        tables.iter().try_for_each(|table| table.check_labels(&columns.targets))?;
    }
    // Which data the rows are is said as they stand in the file.
    let shape = [train.lines.len(), columns.width()];
    let identity = DataIdentity::of_rows(&train.cells, &train.words(), shape, &learned, &train.path);
    if let Some(units) = &units {
        [&mut learned, &mut tested].into_iter().for_each(|answers| units.standardise(answers));
    }
    let samples = |table: &Table, answers| {
        let mut inputs = table.encoded(&columns);
        Preprocess::new(columns.width(), &preparation.floats)?.apply(&mut inputs).map_err(|error| {
            preparation.refusal(error, &table.path, |row| table.lines.get(row).copied().unwrap_or(0))
        })?;
        Ok::<_, HostError>(Samples::of_floats(columns.width(), inputs, answers, table.weights.clone()))
    };
    let (train, test) = (samples(train, learned)?, samples(test, tested)?);
    Ok(Dataset { train, test, classes: columns.outputs(), preparation: Some(preparation), units, identity })
}

impl ColumnSummary {
    fn of(facts: &Facts, name: &str, (holds, kind): (ColumnKind, ColumnKind)) -> Self {
        let words = by_frequency(facts.words.iter().map(|(word, &count)| (word.clone(), count)).collect());
        Self { name: name.to_owned(), holds, kind, missing: facts.missing, range: facts.range, words }
    }
}
