//! What people read: tables on a terminal, pages, plots; and the files of a run.

mod table;
mod svg;
mod axis;
mod chart;
mod epochs;
mod comparison;
mod folds;
mod verdicts;
mod evaluation;
mod info;
mod columns;
mod votes;
mod variants;
mod notes;
pub mod plot;
pub mod page;
pub mod output;

pub use columns::{of_columns, remarks};
pub use comparison::{comparison, seeds};
pub use epochs::{EpochLines, early_stop, history_csv, history_lines};
pub use evaluation::{of_classes, of_numbers};
pub use folds::of_folds;
pub use info::{info, of_head};
pub use notes::NOTES;
pub use table::{Table, json, terminal_width};
pub use variants::of_variants;
pub use verdicts::{of_ensemble, of_seeds, preferred, preferred_replica, remark};
pub use votes::{APART, of_average, of_votes};
