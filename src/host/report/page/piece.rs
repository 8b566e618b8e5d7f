//! A part of a page: HTML, with the plots in it.

use super::escape::prose;
use crate::host::prelude::*;
use crate::host::report::chart::Chart;
use crate::host::report::svg::{Svg, escape};
use crate::host::report::table::Table;

/// A table of more rows scrolls by itself.
const TALL: usize = 30;

/// A part of a page. Text is escaped where it enters.
#[derive(Clone, Debug, Default)]
pub(super) struct Piece {
    html: String,
    /// Each with the name of its file, without `.svg`.
    plots: Vec<(String, Svg)>,
}

/// A chart with the name of its file, what is said to those who do not see it, and a sentence under it.
pub(super) struct Figure {
    pub(super) name: String,
    pub(super) label: String,
    pub(super) caption: String,
    pub(super) chart: Chart,
}

impl Figure {
    pub(super) fn new(name: &str, label: &str, caption: &str, chart: Chart) -> Self {
        let [name, label, caption] = [name, label, caption].map(str::to_owned);
        Self { name, label, caption, chart }
    }
}

impl Piece {
    /// A paragraph, a line of it each line of the text; nothing of no text.
    pub(super) fn text(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        Self::from_html(format!("<p>{}</p>\n", prose(text).replace('\n', "<br>\n")))
    }

    /// A table of figures, its first column the names of its rows; a wide one scrolls by itself, also by keys.
    pub(super) fn table(table: &Table, caption: &str) -> Self {
        Self::table_of(table, caption, "")
    }

    /// A table of words, to the left.
    pub(super) fn words(table: &Table, caption: &str) -> Self {
        Self::table_of(table, caption, " class=\"text\"")
    }

    fn table_of(table: &Table, caption: &str, class: &str) -> Self {
        let name = |text: &String| match text.as_str() {
            "" => "<td></td>".to_owned(),
            text => format!("<th scope=\"col\">{}</th>", escape(text)),
        };
        let row = |row: &Vec<String>| {
            let cells = row.iter().skip(1).map(|text| format!("<td>{}</td>", escape(text)));
            let name = row.first().map_or_else(String::new, |name| escape(name));
            format!("<tr><th scope=\"row\">{name}</th>{}</tr>\n", cells.collect::<String>())
        };
        let tall = if table.rows.len() > TALL { " tall" } else { "" };
        Self::from_html(format!(
            "<figure class=\"table\">\n<figcaption>{}</figcaption>\n\
             <div class=\"wide{tall}\" role=\"region\" tabindex=\"0\" aria-label=\"{}\"><table{class}>\n\
             <thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>\n</table></div>\n</figure>\n",
            prose(caption),
            escape(caption),
            table.header.iter().map(name).collect::<String>(),
            table.rows.iter().map(row).collect::<String>(),
        ))
    }

    /// Figures that stand out, each with its name and with what to compare it to.
    pub(super) fn figures(figures: &[[String; 3]]) -> Self {
        let tile = |[name, figure, beside]: &[String; 3]| {
            let [name, figure, beside] = [name, figure, beside].map(|text| escape(text));
            format!("<div><dt>{name}</dt><dd>{figure}</dd><dd>{beside}</dd></div>\n")
        };
        Self::from_html(format!("<dl class=\"tiles\">\n{}</dl>\n", figures.iter().map(tile).collect::<String>()))
    }

    /// Questions, each with a paragraph under it.
    pub(super) fn notes(notes: &[(&str, &str)]) -> Self {
        let note =
            |(question, answer): &(&str, &str)| format!("<dt>{}</dt>\n<dd>{}</dd>\n", prose(question), prose(answer));
        Self::from_html(format!("<dl class=\"notes\">\n{}</dl>\n", notes.iter().map(note).collect::<String>()))
    }

    /// Links to other pages beside this one.
    pub(super) fn links(links: impl Iterator<Item = (String, String)>) -> Self {
        let link =
            |(to, name): (String, String)| format!("<li><a href=\"{}\">{}</a></li>\n", escape(&to), escape(&name));
        Self::from_html(format!("<ul class=\"links\">\n{}</ul>\n", links.map(link).collect::<String>()))
    }

    /// Charts side by side, as many as there is room for: of one height, their axes on one line.
    pub(super) fn row(figures: impl IntoIterator<Item = Figure>) -> Self {
        let figures: Vec<Figure> = figures.into_iter().collect();
        let sizes = figures.iter().map(|figure| figure.chart.sizes());
        let sizes = sizes.fold([0.0; 3], |most, own| core::array::from_fn(|i| f64::max(most[i], own[i])));
        let draw = |Figure { name, label, caption, chart }: Figure| {
            let mut svg = Svg::new(&label, sizes.iter().sum());
            chart.draw(&mut svg, 0.0, sizes);
            Self::plot(&name, svg, &caption)
        };
        Self::within("plots", figures.into_iter().map(draw))
    }

    /// Pieces under each other that stand beside others as one.
    pub(super) fn block(pieces: impl IntoIterator<Item = Self>) -> Self {
        Self::within("block", pieces)
    }

    /// Tables and text side by side, each as wide as it is.
    pub(super) fn beside(pieces: impl IntoIterator<Item = Self>) -> Self {
        Self::within("beside", pieces)
    }

    /// Pieces in a box of this class; nothing of no pieces.
    fn within(class: &str, pieces: impl IntoIterator<Item = Self>) -> Self {
        let all: Self = pieces.into_iter().collect();
        if all.is_empty() {
            all
        } else {
            Self { html: format!("<div class=\"{class}\">\n{}</div>\n", all.html), ..all }
        }
    }

    /// A picture with a sentence under it.
    pub(super) fn plot(name: &str, svg: Svg, caption: &str) -> Self {
        let caption =
            if caption.is_empty() { caption.into() } else { format!("<figcaption>{}</figcaption>\n", prose(caption)) };
        Self { html: format!("<figure>\n{}{caption}</figure>\n", svg.inline()), plots: vec![(name.to_owned(), svg)] }
    }

    /// HTML whose text is escaped.
    pub(super) fn from_html(html: String) -> Self {
        Self { html, plots: Vec::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.html.is_empty()
    }

    pub(super) fn html(&self) -> &str {
        &self.html
    }

    pub(super) fn plots(&self) -> &[(String, Svg)] {
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
