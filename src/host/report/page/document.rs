//! A page: a title and sections, in one file.

use super::escape::prose;
use super::piece::Piece;
use crate::host::HostError;
use crate::host::files::Place;
use crate::host::prelude::*;
use crate::host::report::svg::{dark_style, escape};

/// The name of the page in its directory.
const PAGE: &str = "report.html";
/// Where its plots are.
const PLOTS: &str = "plots/";
/// So many times as large as in the page.
const SCALE: f64 = 2.0;
/// The names of all plots.
const NAMES: [&str; 15] = [
    "loss",
    "error",
    "rate",
    "batch",
    "gap-loss",
    "gap-error",
    "spread",
    "confusion",
    "roc",
    "precision-recall",
    "reliability",
    "predicted",
    "residuals",
    "quantiles",
    "histogram",
];

pub(super) const STYLE: &str = include_str!("style.css");

/// A page with a title and sections.
#[derive(Clone, Debug)]
pub struct Page {
    title: String,
    lead: String,
    notice: Option<String>,
    sections: Vec<(String, Piece)>,
}

impl Page {
    /// A page of this title, with lines of text under it.
    #[must_use]
    pub fn new(title: &str, lead: &str) -> Self {
        Self { title: title.to_owned(), lead: lead.to_owned(), notice: None, sections: Vec::new() }
    }

    /// What a reader has to know before anything else, as that the run was interrupted.
    #[must_use]
    pub fn notice(self, text: &str) -> Self {
        Self { notice: Some(text.to_owned()), ..self }
    }

    /// Adds a section; one without content is left out.
    pub(super) fn section(mut self, heading: &str, pieces: impl IntoIterator<Item = Piece>) -> Self {
        let piece: Piece = pieces.into_iter().collect();
        if !piece.is_empty() {
            self.sections.push((heading.to_owned(), piece));
        }
        self
    }

    fn has_plots(&self) -> bool {
        self.sections.iter().any(|(_, piece)| !piece.plots().is_empty())
    }

    /// The whole file.
    #[must_use]
    pub fn html(&self) -> String {
        let title = escape(&self.title);
        let sections = || self.sections.iter().zip(1..).map(|((heading, piece), i)| (i, escape(heading), piece));
        let links = sections().map(|(i, heading, _)| format!("<a href=\"#s{i}\">{heading}</a>\n"));
        let bodies = sections().map(|(i, heading, piece)| {
            format!("<section aria-labelledby=\"s{i}\">\n<h2 id=\"s{i}\">{heading}</h2>\n{}</section>\n", piece.html())
        });
        let notice = self.notice.iter().map(|text| format!("<p class=\"notice\">{}</p>\n", prose(text)));
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>\n{STYLE}{}</style>\n\
             </head>\n<body>\n<header>\n<h1>{title}</h1>\n{}{}</header>\n\
             <nav aria-label=\"Sections\">\n{}</nav>\n<main>\n{}</main>\n\
             <footer><p>cygnet {}.{}</p></footer>\n</body>\n</html>\n",
            dark_style(),
            self.lead.lines().map(|line| format!("<p>{}</p>\n", prose(line))).collect::<String>(),
            notice.collect::<String>(),
            links.collect::<String>(),
            bodies.collect::<String>(),
            env!("CARGO_PKG_VERSION"),
            if self.has_plots() { " The plots are in <code>plots/</code>, too." } else { "" },
        )
    }

    /// Writes `report.html` and the plots in `plots/`, after `under`, which ends in `/` where it is a directory.
    ///
    /// # Errors
    /// [`HostError::File`].
    pub fn write(&self, place: &mut Place, under: &str) -> Result<(), HostError> {
        let plots = || self.sections.iter().flat_map(|(_, piece)| piece.plots());
        let file = |(name, _): &(String, _)| format!("{under}{PLOTS}{name}.svg");
        let page = format!("{under}{PAGE}");
        place.announce(plots().map(file).chain([page.clone()]))?;
        for plot in plots() {
            place.write(&file(plot), plot.1.alone(SCALE).as_bytes())?;
        }
        place.write(&page, self.html().as_bytes())
    }
}

/// The files that a page may be: itself and its plots.
#[must_use]
pub fn files() -> Vec<String> {
    let plots = NAMES.iter().map(|name| format!("{PLOTS}{name}.svg"));
    [PAGE.to_owned()].into_iter().chain(plots).collect()
}
