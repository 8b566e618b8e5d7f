//! A page about runs: one HTML file that needs no other, and its plots as SVG files beside it.
//!
//! A [`Page`] is a list of sections, a section a list of [`Piece`]s, and there is a function for each kind of piece:
//! curves over epochs, models beside each other, confusion and curves of classes, reliability, pictures, settings.
//! [`of_run`], [`of_seeds`], [`of_replicas`] and [`of_reproduction`] make whole pages of them.

mod axis;
mod canvas;
mod chart;
mod classes;
mod history;
mod models;
mod pictures;
mod piece;
mod reliability;
mod reproduction;
mod runs;
mod settings;
#[cfg(test)]
mod tests;

use super::HostError;
use super::model_file::write_whole;
pub use classes::{TestSet, confusion, curves};
pub use history::{History, history};
pub use models::{gap, spread};
pub use pictures::{picture_size, weights, wrong};
pub use piece::Piece;
use piece::escape;
pub use reliability::reliability;
pub use reproduction::of_reproduction;
pub use runs::{ReplicaRun, Source, of_replica_seeds, of_replicas, of_run, of_seeds};
pub use settings::settings;
use std::borrow::ToOwned;
use std::format;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::string::String;
use std::vec::Vec;

/// The name of the page in its directory, and that of the directory of its plots.
const NAMES: [&str; 2] = ["report.html", "plots"];

const STYLE: &str = include_str!("style.css");

/// A page with a title and sections.
#[derive(Clone, Debug)]
pub struct Page {
    title: String,
    lead: String,
    notice: Option<String>,
    sections: Vec<(String, Piece)>,
}

impl Page {
    /// A page of this title, with a sentence under it.
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
    #[must_use]
    pub fn section(mut self, heading: &str, pieces: impl IntoIterator<Item = Piece>) -> Self {
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
        let notice = self.notice.iter().map(|text| format!("<p class=\"notice\">{}</p>\n", escape(text)));
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n\
             </head>\n<body>\n<header>\n<h1>{title}</h1>\n<p>{}</p>\n{}</header>\n\
             <nav aria-label=\"Sections\">\n{}</nav>\n<main>\n{}</main>\n\
             <footer><p>cygnet {}.{}</p></footer>\n</body>\n</html>\n",
            escape(&self.lead),
            notice.collect::<String>(),
            links.collect::<String>(),
            bodies.collect::<String>(),
            env!("CARGO_PKG_VERSION"),
            if self.has_plots() { " The plots are in <code>plots/</code>, too." } else { "" },
        )
    }

    /// Writes `report.html` and `plots/`, from which plots of an earlier page are gone.
    ///
    /// # Errors
    /// [`HostError::File`].
    pub fn write(&self, directory: &Path) -> Result<(), HostError> {
        let [page, plots] = NAMES.map(|name| directory.join(name));
        let ours = || self.sections.iter().flat_map(|(_, piece)| piece.plots());
        forget_plots(&plots, |name| ours().any(|plot| plot.name == name))?;
        if self.has_plots() {
            fs::create_dir_all(&plots).map_err(HostError::file(&plots))?;
        }
        for plot in ours() {
            let path = plots.join(format!("{}.svg", plot.name));
            fs::write(&path, plot.alone()).map_err(HostError::file(&path))?;
        }
        write_whole(&page, self.html().as_bytes()).map_err(HostError::file(&page))
    }

    /// Removes a page of an earlier run and its plots, where this one has none.
    ///
    /// # Errors
    /// [`HostError::File`].
    pub fn forget(directory: &Path) -> Result<(), HostError> {
        let [page, plots] = NAMES.map(|name| directory.join(name));
        remove(&page)?;
        forget_plots(&plots, |_| false)
    }

    /// Whether a page can be written there, as far as names that are taken by something else tell.
    ///
    /// # Errors
    /// [`HostError::File`].
    pub fn check_place(directory: &Path) -> Result<(), HostError> {
        let [page, plots] = NAMES.map(|name| directory.join(name));
        let taken = |path: &Path, problem| Err(HostError::file(path)(io::Error::other(problem)));
        if page.exists() && !page.is_file() {
            return taken(&page, "exists and is not a regular file");
        }
        if plots.exists() && !plots.is_dir() {
            return taken(&plots, "exists and is not a directory");
        }
        Ok(())
    }
}

/// Removes plots that an earlier page has left, but for those to `keep`: files of our names, and of those under another.
fn forget_plots(plots: &Path, keep: impl Fn(&str) -> bool) -> Result<(), HostError> {
    if !plots.is_dir() {
        return Ok(());
    }
    let is_ours = |name: &str| canvas::PLOTS.iter().any(|ours| name == *ours || name.ends_with(&format!("-{ours}")));
    for entry in fs::read_dir(plots).map_err(HostError::file(plots))? {
        let path = entry.map_err(HostError::file(plots))?.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let is_plot = path.extension().is_some_and(|extension| extension == "svg") && path.is_file();
        if is_plot && is_ours(name) && !keep(name) {
            remove(&path)?;
        }
    }
    Ok(())
}

/// Removes a file, if it is there.
pub(super) fn remove(path: &Path) -> Result<(), HostError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(HostError::file(path)(error)),
        _ => Ok(()),
    }
}
