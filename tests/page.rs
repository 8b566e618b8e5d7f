//! The page of a run: whole, by itself, and about the run that it is of.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/cli.rs"]
mod cli;

use cli::{TRAIN, bytes, fails, files, succeeds, workplace, write_data};
use std::fs;
use tempfile::TempDir;

fn text(dir: &TempDir, name: &str) -> String {
    String::from_utf8(bytes(dir, name)).unwrap()
}

/// Tags without an end.
const VOID: [&str; 3] = ["meta", "img", "br"];

/// Every tag is closed in its turn, every attribute has a value in quotes, once.
#[track_caller]
fn is_well_formed(markup: &str) {
    let mut open = Vec::new();
    let mut rest = markup;
    while let Some((before, after)) = rest.split_once('<') {
        assert!(!before.contains('>') || open.last() == Some(&"style"), "a loose > in {before:?}");
        // A > within quotes does not end a tag.
        let mut is_quoted = false;
        let ends = |c: char| {
            is_quoted ^= c == '"';
            c == '>' && !is_quoted
        };
        let end = after.find(ends).expect("a tag that does not end");
        let (tag, next) = (&after[..end], &after[end + 1..]);
        rest = next;
        if tag.starts_with('!') {
            continue;
        }
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{tag}");
            continue;
        }
        let (name, attributes) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        let mut names = Vec::new();
        let mut parts = attributes.trim_end_matches('/').split('"');
        while let Some(attribute) = parts.next().map(str::trim).filter(|attribute| !attribute.is_empty()) {
            let name = attribute.strip_suffix('=').unwrap_or_else(|| panic!("{attribute} of <{tag}>"));
            assert!(!names.contains(&name), "{name} twice in <{tag}>");
            names.push(name);
            assert!(parts.next().is_some_and(|value| !value.contains('<')), "{tag}");
        }
        if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "not closed: {open:?}");
}

/// Needs nothing from elsewhere, and links lead somewhere.
#[track_caller]
fn stands_alone(dir: &TempDir, page: &str) {
    let html = text(dir, &format!("{page}/report.html"));
    is_well_formed(&html);
    for word in ["http", "url(", "<script", "<link", "@import", "NaN", "inf\""] {
        assert!(!html.contains(word), "{word}");
    }
    let values = |attribute: &str| {
        html.split(&format!("{attribute}=\"")).skip(1).map(|part| part.split('"').next().unwrap()).collect::<Vec<_>>()
    };
    assert!(values(" src").iter().all(|source| source.starts_with("data:image/png;base64,iVBORw0KGgo")));
    for link in values(" href") {
        match link.strip_prefix('#') {
            Some(id) => assert_eq!(values(" id").iter().filter(|known| **known == id).count(), 1, "{id}"),
            None => assert!(dir.path().join(page).join(link).is_file(), "{link}"),
        }
    }
    assert!(
        html.matches("<h1>").count() == 1 && html.contains("<html lang=\"en\">") && html.contains("width=device-width")
    );
    assert_eq!(html.matches("<svg ").count(), html.matches("role=\"img\" aria-label=").count());
    assert_eq!(html.matches("<img ").count(), html.matches(" alt=\"").count());
    let plots = files(dir, &format!("{page}/plots"));
    assert!(!plots.is_empty());
    for plot in plots {
        let svg = text(dir, &format!("{page}/plots/{plot}"));
        is_well_formed(&svg);
        assert!(svg.starts_with("<svg ") && !svg.contains("var(") && !svg.contains("NaN"), "{plot}");
    }
}

#[test]
fn every_kind_of_run_leaves_a_page_that_stands_alone() {
    let dir = workplace();
    write_data(&dir.path().join("dot"), [9, 9], 1, 2);
    write_data(&dir.path().join("rich"), [90, 80], 3, 40);
    let all = [
        "Results",
        "Training",
        "Generalisation gap",
        "Confusion matrix: average of 2",
        "Most confident errors and first-layer weights: average of 2",
        "Settings",
        "Reliability diagram",
        "true classes (rows), predicted classes (columns)",
        "last iterate",
        "36-8-3",
        "Receiver operating",
        "Precision-recall curve",
        "0.05, constant",
        "SGD, momentum 0.9",
        "Started: 20",
        "recall, 95 % interval",
        "95 % interval ",
    ];
    for (flags, parts) in [
        ("--data data --swa-start 0 --dropout 0.9", &all[..]),
        (
            "--data data --average ema,swag --baseline --swa-start 0 --augment --elastic",
            &["ema of", "swag of", "baseline", "elastic"],
        ),
        (
            "--data data --loss mse --average none --validation 0 --hidden none",
            &["36-3", "No average was computed", "test loss"],
        ),
        ("--data data --replicas 2 --validation 0", &["2 replicas", "soft vote", "training batches", "1 − t/T"]),
        (
            "--data data --replicas 2 --pull none --replica-start independent",
            &["Confusion matrix: replica-1", "not pulled"],
        ),
        (
            "--data data --seeds 2 --swa-start 0",
            &["2 seeds", " ± ", "mean ± standard deviation of 2 seeds", "seed-2/report.html"],
        ),
        ("--data dot --epochs 1", &["1-8-2"]),
        (
            "--data rich --hidden 100,5 --batch-norm",
            &["9-100-5-40", "The first 64 of 100 units", "Largest confusions of the test"],
        ),
    ] {
        let epochs = if flags.contains("--epochs") { "" } else { "--epochs 2" };
        let hidden = if flags.contains("--hidden") { "" } else { "--hidden 8" };
        succeeds(&dir, &format!("train --quiet --out run --overwrite {epochs} {hidden} {flags}"));
        stands_alone(&dir, "run");
        let html = text(&dir, "run/report.html");
        for part in parts {
            assert!(html.contains(part), "{flags}: {part}");
        }
        if flags.contains("--seeds") {
            stands_alone(&dir, "run/seed-2");
        }
    }
    // A single input is no picture.
    succeeds(&dir, "train --quiet --out run --overwrite --data dot --epochs 1");
    assert!(!text(&dir, "run/report.html").contains("first-layer weights"));
}

/// The figures of the row of a table that begins with `name`.
fn row(table: &str, name: &str) -> Vec<f64> {
    let line = table.lines().find(|line| line.trim_start().starts_with(name)).expect(name);
    line.trim_start()[name.len()..].split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// A table of numbers to predict.
fn numbers() -> TempDir {
    let dir = workplace();
    let line = |i: i32| format!("{},{},{}\n", i % 7, (i * i) % 11, 3 * (i % 7) - (i * i) % 11 + i % 3);
    fs::write(dir.path().join("n.csv"), format!("a,b,price\n{}", (0..90).map(line).collect::<String>())).unwrap();
    dir
}

#[test]
fn a_model_of_numbers_has_a_page_replicas_votes_and_an_average() {
    let dir = numbers();
    let train = "train --data n.csv --regression --epochs 3 --hidden 4";
    for (flags, parts) in [
        ("--seeds 2", &["test RMSE", "± the standard deviation", "seed-2/report.html"][..]),
        ("--replicas 3 --validation 0.2", &["3 replicas", "vote (mean of the outputs)", "price: predicted"]),
        (
            "--average swa",
            &["prediction of price", "R²", "RMSE: train and test", "price: residual", "price: error by quantile"],
        ),
    ] {
        let out = succeeds(&dir, &format!("{train} {flags} --out run --overwrite"));
        assert!(out.contains("Report: run/report.html"), "{out}");
        stands_alone(&dir, "run");
        let html = text(&dir, "run/report.html");
        parts.iter().for_each(|part| assert!(html.contains(part), "{flags}: {part}"));
        assert!(!html.contains("error, %") && !html.contains("onfusion"), "{flags}");
    }
    // Every prediction is drawn with its numbers under the pointer.
    let plot = text(&dir, "run/plots/predicted.svg");
    assert_eq!(plot.matches(", actual ").count(), 18, "{plot}");

    succeeds(&dir, &format!("{train} --replicas 3 --replica-start independent --pull none --quiet --out many"));
    let [a, b, c] = [1, 2, 3].map(|k| format!("many/replica-{k}.cygnet"));
    let votes = succeeds(&dir, &format!("vote {a} {b} {c} --data n.csv"));
    // The mean of the outputs has no larger mean squared error than the models have in the mean.
    let squares = [&a, &b, &c].map(|name| row(&votes, name)[1].powi(2));
    let vote = row(&votes, "vote (mean of the outputs)")[1];
    assert!(vote.powi(2) <= 1.001 * squares.iter().sum::<f64>() / 3.0, "{votes}");
    let weighted = succeeds(&dir, &format!("vote {a} {b} {c} --data n.csv --weights 0,2,0"));
    assert_eq!(row(&weighted, "vote (mean of the outputs)"), row(&weighted, &b), "{weighted}");
    let soup = succeeds(&dir, &format!("average {a} {b} {c} --soup --data n.csv --out soup.cygnet"));
    assert!(soup.contains("test RMSE") && !soup.contains("error"), "{soup}");
}

#[test]
fn a_plane_of_numbers_shows_their_error() {
    let dir = numbers();
    let apart = "--replicas 3 --replica-start independent --pull none";
    succeeds(&dir, &format!("train --data n.csv --regression --epochs 3 --hidden 4 {apart} --quiet --out many"));
    let [a, b, c] = [1, 2, 3].map(|k| format!("many/replica-{k}.cygnet"));
    for models in [format!("{a} {b} {c}"), format!("{a} {b}")] {
        let out = succeeds(&dir, &format!("plane {models} --data n.csv --steps 3 --out plane --overwrite"));
        assert!(out.contains("lowest test RMSE") && text(&dir, "plane.csv").starts_with("x,y,train_loss,test_rmse"));
        assert!(text(&dir, "plane.svg").contains(">test RMSE<"), "{out}");
    }
}

/// Where the last text of this content stands in a plot, in its units.
fn place(svg: &str, content: &str) -> Option<i32> {
    let (before, _) = svg.rsplit_once(&format!(">{content}</text>"))?;
    before.rsplit("<text x=\"").next()?.split('"').next()?.parse().ok().map(|x: f64| x.round() as i32)
}

#[test]
fn averaging_is_marked_where_it_begins_and_only_where_there_is_some() {
    let dir = workplace();
    let train = |flags: &str| {
        succeeds(&dir, &format!("train --data data --hidden 8 --epochs 4 --quiet --out run --overwrite {flags}"));
        text(&dir, "run/plots/loss.svg")
    };
    for (share, epoch) in [("0.25", "1"), ("0.4", "2"), ("0.5", "2"), ("0.6", "3")] {
        let svg = train(&format!("--swa-start {share}"));
        let [mark, tick] = ["averaging", epoch].map(|content| place(&svg, content).unwrap());
        assert!(mark.abs_diff(tick) <= 1, "{share}: {mark}, {tick}");
    }
    let svg = train("--average ema");
    assert_eq!(place(&svg, "averaging"), place(&svg, "1"));
    assert_eq!(place(&train("--average none"), "averaging"), None);
}

#[test]
fn names_are_text_and_not_markup() {
    let dir = workplace();
    let name = "<b>&\"x'";
    write_data(&dir.path().join(name), [30, 9], 4, 3);
    succeeds(&dir, &format!("train --data {name} --epochs 1 --hidden 3 --quiet --out run"));
    stands_alone(&dir, "run");
    let html = text(&dir, "run/report.html");
    assert_eq!(html.matches("&lt;b&gt;&amp;&quot;x&#39;").count(), 3);
    assert!(!html.contains("<b>&"));
}

#[test]
fn the_history_as_lines_of_json_is_that_of_the_table() {
    let dir = workplace();
    succeeds(&dir, &format!("{TRAIN} --out run --quiet --swa-start 1"));
    let mut table = csv::Reader::from_path(dir.path().join("run/history.csv")).unwrap().into_deserialize();
    let lines = text(&dir, "run/history.jsonl");
    assert_eq!(lines.lines().count(), 2);
    for line in lines.lines() {
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        let row: std::collections::BTreeMap<String, String> = table.next().unwrap().unwrap();
        assert_eq!(object.len(), row.len());
        for (name, value) in row {
            let cell = &object[&name];
            let is_same = match (cell.as_f64(), cell.as_bool()) {
                (Some(x), _) => value.parse() == Ok(x),
                (_, Some(x)) => value.parse() == Ok(x),
                _ => cell.is_null() && value.is_empty(),
            };
            assert!(is_same, "{name}: {cell}, {value}");
        }
    }
    assert!(table.next().is_none());
    assert!(lines.contains("\"average_validation_loss\":null"), "{lines}");
}

#[test]
fn a_place_that_is_taken_is_named_before_training_and_other_files_are_left_alone() {
    let dir = workplace();
    fs::create_dir_all(dir.path().join("a/report.html")).unwrap();
    fs::create_dir(dir.path().join("b")).unwrap();
    fs::write(dir.path().join("b/plots"), "").unwrap();
    fails(&dir, &format!("{TRAIN} --out a --quiet"), 2, &["a/report.html", "not a regular file"]);
    fails(&dir, &format!("{TRAIN} --out b --quiet --seeds 2"), 2, &["b/plots", "not a directory"]);
    assert_eq!(files(&dir, "a"), ["report.html"]);

    fs::create_dir_all(dir.path().join("run/plots")).unwrap();
    fs::write(dir.path().join("run/plots/mine.svg"), "").unwrap();
    succeeds(&dir, &format!("{TRAIN} --out run --quiet"));
    let plots = files(&dir, "run/plots");
    assert!(plots.contains(&"loss.svg".into()) && plots.contains(&"mine.svg".into()), "{plots:?}");
}
