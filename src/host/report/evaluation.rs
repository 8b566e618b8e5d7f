//! An evaluation as tables to read.

use super::table::{Table, fixed, percent, row, significant};
use crate::host::evaluation::{Evaluation, RegressionEvaluation, SetEvaluation, TargetEvaluation};
use crate::host::prelude::*;

/// The most classes whose confusion matrix is still a table that a terminal holds.
const WIDEST: usize = 30;

/// Tables to read: all sets in short, then, if asked for, the test class by class and which classes were taken for which.
#[must_use]
pub fn of_classes(evaluation: &Evaluation, with_classes: bool) -> String {
    let test = &evaluation.test;
    if !with_classes {
        return summary(evaluation).to_string();
    }
    let text = format!("{}\n\nTest metrics by class (one-vs-rest):\n\n{}", summary(evaluation), classes(test));
    if test.confusion.len() > WIDEST {
        return text
            + &format!(
                "\n\nThe confusion matrix of {} classes is too wide for this table: use --json.",
                test.confusion.len()
            );
    }
    text + &format!(
        "\n\nConfusion matrix of the test: true classes (rows), predicted classes (columns):\n\n{}",
        confusion(test)
    )
}

/// A row for each set.
fn summary(evaluation: &Evaluation) -> Table {
    let k = top(evaluation.classes);
    let top = format!("top-{k} error");
    let loss = if evaluation.test.nll.is_some() { "NLL" } else { &evaluation.loss_name };
    let header =
        ["samples", "number", "error", "95 % interval", loss, &top, "ECE", "macro F1", "mean ROC AUC", "mean AP"];
    let sets = [("train", Some(&evaluation.train)), ("validation", evaluation.validation.as_ref())];
    let sets = sets.into_iter().chain([("test", Some(&evaluation.test))]);
    let rows = sets.filter_map(|(name, set)| Some((name, set?))).map(|(name, set)| {
        let cells = [
            set.samples.to_string(),
            percent(1.0 - set.accuracy),
            format!("{:.2}–{:.2}", 100.0 * (1.0 - set.accuracy_interval[1]), 100.0 * (1.0 - set.accuracy_interval[0])),
            number(set.loss),
            percent(set.top_k.get(k - 1).map_or(f64::NAN, |within| 1.0 - within)),
            percent(set.ece.map_or(f64::NAN, f64::from)),
            number(set.macro_f1),
            number(set.mean_roc_auc),
            number(set.mean_average_precision),
        ];
        row(name, cells)
    });
    Table::new(header, rows)
}

/// How many classes may be named, so that it is neither hard nor always right: 3 of 10, 5 of many.
fn top(classes: usize) -> usize {
    (classes / 3).clamp(2, 5)
}

/// A row for each class, and their means.
pub(in crate::host) fn classes(set: &SetEvaluation) -> Table {
    let header = ["class", "support", "precision", "recall", "F1", "ROC AUC", "AP"];
    let named = |name: String, support: u64, figures: [f32; 5]| {
        row(name, [support.to_string()].into_iter().chain(figures.map(number)))
    };
    let rows = set.per_class.iter().enumerate().map(|(c, class)| {
        let figures = [class.precision, class.recall, class.f1, class.roc_auc, class.average_precision];
        named(set.class(c), class.support, figures)
    });
    let means = [set.macro_precision, set.macro_recall, set.macro_f1, set.mean_roc_auc, set.mean_average_precision];
    Table::new(header, rows.chain([named("mean".to_owned(), set.samples, means)]))
}

fn confusion(set: &SetEvaluation) -> Table {
    let names = || (0..set.confusion.len()).map(|c| set.class(c));
    let count = |&n: &u32| if n == 0 { "·".to_owned() } else { n.to_string() };
    let rows = names().zip(&set.confusion).map(|(name, counts)| row(name, counts.iter().map(count)));
    Table::new(row("class", names()), rows)
}

fn number(x: f32) -> String {
    fixed(x, 4)
}

/// A row for each number and set.
#[must_use]
pub fn of_numbers(evaluation: &RegressionEvaluation) -> Table {
    let sets = |t: &TargetEvaluation| [("train", Some(t.train)), ("validation", t.validation), ("test", Some(t.test))];
    let rows = evaluation.targets.iter().flat_map(|target| {
        let rows = sets(target).into_iter().filter_map(|(set, found)| Some((set, found?)));
        rows.map(|(set, r)| {
            let between = r.rmse_interval.filter(|bounds| bounds[1].is_finite());
            let cells = [
                set.to_owned(),
                r.samples.to_string(),
                significant(r.rmse),
                between.map_or_else(|| "–".to_owned(), |bounds| bounds.map(significant).join("–")),
                significant(r.mae),
                fixed(r.r2, 4),
            ];
            row(&target.name, cells)
        })
    });
    Table::new(["target", "samples", "number", "RMSE", "95 % interval", "MAE", "R²"], rows)
}
