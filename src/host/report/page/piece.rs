//! A part of a page: HTML, with the plots in it.

use super::canvas::Plot;
use super::escape::{escape, prose};
use crate::host::prelude::*;
use crate::host::report::table::Table;

/// A part of a page. Text is escaped where it enters.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    html: String,
    plots: Vec<Plot>,
}

impl Piece {
    /// A paragraph; nothing of no text.
    #[must_use]
    pub fn text(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        Self::from_html(format!("<p>{}</p>\n", prose(text)))
    }

    /// A table of figures, its first column the names of its rows; a wide one scrolls by itself.
    #[must_use]
    pub fn table(table: &Table, caption: &str) -> Self {
        Self::table_of(table, caption, "")
    }

    /// A table of words, to the left.
    #[must_use]
    pub fn words(table: &Table, caption: &str) -> Self {
        Self::table_of(table, caption, "text")
    }

    fn table_of(table: &Table, caption: &str, class: &str) -> Self {
        let cells = |tag: &str, cells: &[String]| {
            let cell = |text: &String| match (tag, text.is_empty()) {
                ("th", true) => "<td></td>".into(),
                ("th", false) => format!("<th scope=\"col\">{}</th>", escape(text)),
                _ => format!("<td>{}</td>", escape(text)),
            };
            cells.iter().map(cell).collect::<String>()
        };
        let row = |row: &Vec<String>| match row.split_first() {
            Some((name, rest)) => {
                format!("<tr><th scope=\"row\">{}</th>{}</tr>\n", escape(name), cells("td", rest))
            }
            None => String::new(),
        };
        let rows: String = table.rows.iter().map(row).collect();
        Self::from_html(format!(
            "{}<thead><tr>{}</tr></thead>\n<tbody>\n{rows}</tbody>\n{TABLE_END}",
            table_start(caption, class),
            cells("th", &table.header),
        ))
    }

    /// Figures that stand out, each with its name and with what to compare it to.
    #[must_use]
    pub fn figures(figures: &[[String; 3]]) -> Self {
        let tile = |[name, figure, beside]: &[String; 3]| {
            let [name, figure, beside] = [name, figure, beside].map(|text| escape(text));
            format!("<div><dt>{name}</dt><dd>{figure}</dd><dd>{beside}</dd></div>\n")
        };
        Self::from_html(format!("<dl class=\"tiles\">\n{}</dl>\n", figures.iter().map(tile).collect::<String>()))
    }

    /// Questions, each with a paragraph under it.
    #[must_use]
    pub fn notes(notes: &[(&str, &str)]) -> Self {
        let note =
            |(question, answer): &(&str, &str)| format!("<dt>{}</dt>\n<dd>{}</dd>\n", prose(question), prose(answer));
        Self::from_html(format!("<dl class=\"notes\">\n{}</dl>\n", notes.iter().map(note).collect::<String>()))
    }

    /// Links to other pages beside this one.
    #[must_use]
    pub fn links(links: &[(String, String)]) -> Self {
        let link =
            |(to, name): &(String, String)| format!("<li><a href=\"{}\">{}</a></li>\n", escape(to), escape(name));
        Self::from_html(format!("<ul class=\"links\">\n{}</ul>\n", links.iter().map(link).collect::<String>()))
    }

    /// Pieces side by side, as many as there is room for.
    #[must_use]
    pub fn side_by_side(pieces: impl IntoIterator<Item = Self>) -> Self {
        let all: Self = pieces.into_iter().collect();
        if all.is_empty() { all } else { Self { html: format!("<div class=\"plots\">\n{}</div>\n", all.html), ..all } }
    }

    /// Tables and text side by side, each as wide as it is.
    #[must_use]
    pub fn beside(pieces: impl IntoIterator<Item = Self>) -> Self {
        let all: Self = pieces.into_iter().collect();
        Self { html: format!("<div class=\"beside\">\n{}</div>\n", all.html), ..all }
    }

    /// The same with its plots written under other names, `name-loss.svg` for `loss.svg`: those of one page differ.
    #[must_use]
    pub fn under(mut self, name: &str) -> Self {
        self.plots.iter_mut().for_each(|plot| plot.name = format!("{name}-{}", plot.name));
        self
    }

    /// A plot with a sentence under it.
    pub(super) fn plot(plot: Plot, caption: &str) -> Self {
        let caption =
            if caption.is_empty() { caption.into() } else { format!("<figcaption>{}</figcaption>\n", prose(caption)) };
        Self { html: format!("<figure>\n{}\n{caption}</figure>\n", plot.inline()), plots: vec![plot] }
    }

    /// HTML whose text is escaped.
    pub(super) fn from_html(html: String) -> Self {
        Self { html, plots: Vec::new() }
    }

    /// The same with a plot that is written as a file alone.
    pub(super) fn with_file(mut self, plot: Plot) -> Self {
        self.plots.push(plot);
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.html.is_empty()
    }

    pub(super) fn html(&self) -> &str {
        &self.html
    }

    pub(super) fn plots(&self) -> &[Plot] {
        &self.plots
    }
}

impl FromIterator<Piece> for Piece {
    fn from_iter<T: IntoIterator<Item = Piece>>(pieces: T) -> Self {
        pieces.into_iter().fold(Self::default(), |mut all, piece| {
            all.html += &piece.html;
            all.plots.extend(piece.plots);
            all
        })
    }
}

/// The start of a table under its caption, in a box that scrolls, also by keys.
pub(super) fn table_start(caption: &str, class: &str) -> String {
    let (label, caption, class) =
        (escape(caption), prose(caption), if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") });
    format!(
        "<figure class=\"table\">\n<figcaption>{caption}</figcaption>\n\
         <div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"{label}\"><table{class}>\n"
    )
}

pub(super) const TABLE_END: &str = "</table></div>\n</figure>\n";
