//! The article's experiment as a table, and as CSV.

use super::table::{Table, csv_bytes, fixed, mean_sd, row};
use crate::host::HostError;
use crate::host::prelude::*;
use crate::host::study::{Variant, Variants};

/// Names and digits of the [cells](Figures::cells).
const COLUMNS: [(&str, usize); 7] = [
    ("train, %", 2),
    ("validation, %", 2),
    ("test, %", 2),
    ("test − train", 2),
    ("test NLL", 4),
    ("test ECE, %", 2),
    ("updates", 0),
];

/// Which of them is the test error.
pub(super) const TEST: usize = 2;

/// A row for each; with several seeds the mean ± the standard deviation.
#[must_use]
pub fn of_variants(variants: &Variants) -> Table {
    let cell = |variant: &Variant, i: usize, digits: usize| {
        let values: Vec<f64> = variant.figures.iter().map(|figures| figures.cells[i]).collect();
        mean_sd(&values, |x| fixed(x, digits))
    };
    let rows = variants.whole().into_iter().map(|variant| {
        let cells = COLUMNS.iter().enumerate().map(|(i, &(_, digits))| cell(&variant, i, digits));
        row(variant.name.clone(), cells)
    });
    Table::new([""].into_iter().chain(COLUMNS.map(|(name, _)| name)), rows)
}

/// A line for each variant and seed as CSV.
pub(super) fn variants_csv(variants: &Variants) -> Result<Vec<u8>, HostError> {
    csv_bytes(|writer| {
        writer.write_record(["variant", "seed"].into_iter().chain(COLUMNS.map(|(name, _)| name)))?;
        let figures = variants.all().iter().flat_map(|variant| variant.figures.iter().map(|f| (&variant.name, f)));
        for (name, figures) in figures {
            let cells = figures.cells.map(|x| if x.is_nan() { String::new() } else { x.to_string() });
            writer.write_record([name.clone(), figures.seed.to_string()].iter().chain(&cells))?;
        }
        Ok(())
    })
}
