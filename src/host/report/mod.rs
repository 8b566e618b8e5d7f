//! What people read: tables on a terminal, pages, plots.

pub mod inspect;
pub mod output;
pub mod page;
pub mod plot;
pub mod text;
