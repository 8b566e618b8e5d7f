//! Tables: what files are read and how, what they are refused for, and that only what is learned from decides how inputs
//! are made.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use cygnet::host::data::{Choice, Columns, Dataset, Dialect, Source, Split, TablePlan};
use cygnet::preprocess::{Missing, PreprocessConfig, Scaling};
use std::fs;
use std::io::Write;
use tempfile::TempDir;

const PLAIN: PreprocessConfig =
    PreprocessConfig { scaling: Scaling::None, missing: Missing::Mean, clip: cygnet::preprocess::Clip::None };

fn source(dir: &TempDir) -> Source {
    Source { data: dir.path().join("data.csv"), test: None, test_share: 0.25 }
}

/// As a run has it where nothing is said.
const USUAL: Split = Split { seed: 1, validation: 0.1 };

fn read(text: impl AsRef<[u8]>, plan: &TablePlan) -> Result<Dataset, String> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("data.csv"), text).unwrap();
    let tables = source(&dir).read(plan).map_err(|e| e.to_string());
    let data = tables.and_then(|tables| tables.dataset(USUAL).map_err(|e| e.to_string()));
    data.map_err(|line| {
        assert!(!line.contains('\n'), "{line}");
        line.replace(dir.path().to_str().unwrap(), "DIR")
    })
}

fn plain() -> TablePlan {
    TablePlan { preprocess: PLAIN, ..TablePlan::default() }
}

/// Rows of two inputs and a class.
fn rows(separator: &str, end: &str) -> String {
    let class = |i: i32| ["up", "down", "off"][i as usize % 3];
    let row =
        |i: i32| [format!("{}", 0.5 * f64::from(i)), format!("{}", -i), class(i).to_owned()].join(separator) + end;
    (0..20).map(row).collect()
}

#[test]
fn however_a_table_is_spelt_it_is_the_same() {
    let expected = read("a,b,y\n".to_owned() + &rows(",", "\n"), &plain()).unwrap();
    assert_eq!((expected.train.len(), expected.test.len(), expected.train.inputs(), expected.classes), (15, 5, 2, 3));
    let columns = expected.preparation.as_ref().unwrap().columns.clone().unwrap();
    assert_eq!((columns.inputs.join(" "), columns.targets.join(" "), columns.header), ("a b".into(), "y".into(), true));
    // In alphabetical order.
    assert_eq!(columns.classes.join(" "), "down off up");
    let same = |text: String| {
        let found = read(&text, &plain()).unwrap();
        assert!(found.train == expected.train && found.test == expected.test, "{text}");
        found.preparation.unwrap().columns.unwrap()
    };
    for separator in [",", ";", "\t", " , ", "; "] {
        assert_eq!(same(["a", "b", "y\r\n"].join(separator) + &rows(separator, "\r\n")), columns);
    }
    assert_eq!(same("\r\n\na;\"b\";y\n".to_owned() + &rows(";", "\n")), columns);
    let quoted = same("a;b;\"y, or\n,,z\"\n".to_owned() + &rows(";", "\n"));
    assert_eq!(quoted.targets, ["y, or\n,,z"]);
    assert_eq!(same("\u{feff}a,\"b\",y\n".to_owned() + &rows(",", "\n")), columns);
    // Blanks in any number, and what spreadsheets, loggers and editors put around a table.
    for separator in [" ", "   "] {
        assert_eq!(same([" a", "b", "y\n"].join(separator) + &rows(separator, "  \n")), columns);
    }
    let semicolons = "a;b;y\n".to_owned() + &rows(";", "\n");
    for head in ["sep=;\n", "\u{feff}SEP=;\r\n", "\"sep=;\"\n", "# logger 1.2\n", "#a;b\n\n  \n#\n"] {
        assert_eq!(same(head.to_owned() + &semicolons + "   \n\t\n# end, or not; of;a; file\n"), columns, "{head}");
    }
    // What the first line names as separator counts, and so do as many cells as the others have.
    assert_eq!(same("sep=|\na|b|y\n".to_owned() + &rows("|", "\n")), columns);
    let hash = same("#a,b,y\n".to_owned() + &rows(",", "\n"));
    assert_eq!(hash.inputs, ["#a", "b"]);
    let numbered = same(rows(",", "\n"));
    assert_eq!(
        (numbered.inputs.join(" "), numbered.targets.join(" "), numbered.header),
        ("1 2".into(), "3".into(), false)
    );

    // A header of numbers has to be said, and so has a separator that others outnumber.
    let dialect = Dialect { header: Some(true), separator: Some(b'|'), ..Dialect::default() };
    let told = TablePlan { dialect, ..plain() };
    let found = read("1|2,,,|3\n".to_owned() + &rows("|", "\n"), &told).unwrap();
    assert!(found.train == expected.train);
    // Columns by name and by number, in any place.
    let choice = |label: &str, ignored: &str| Choice {
        labels: vec![label.to_owned()],
        ignored: vec![ignored.to_owned()],
        ..Choice::default()
    };
    let moved = |header: &str| header.to_owned() + "\n" + &rows(",", ",x\n").replace(",x", ",12:30");
    for (label, ignored) in [("y", "t"), ("3", "4"), ("y", "4")] {
        let plan = TablePlan { choice: choice(label, ignored), ..plain() };
        assert!(read(moved("a,b,y,t"), &plan).unwrap().train == expected.train);
    }
}

#[test]
fn whole_numbers_stay_classes_and_a_file_of_its_own_is_the_test() {
    let dir = tempfile::tempdir().unwrap();
    let rows = |labels: [&str; 4]| labels.map(|label| format!("0.5,{label}\n")).concat();
    fs::write(dir.path().join("data.csv"), "x,y\n".to_owned() + &rows(["3", "1", "03", "1.0"])).unwrap();
    fs::write(dir.path().join("test.csv"), "other,y,x\n7,2,1.5\n,0,2.5\n").unwrap();
    let source = Source { test: Some(dir.path().join("test.csv")), ..source(&dir) };
    let data = source.read(&plain()).unwrap().dataset(Split { validation: 0.0, ..USUAL }).unwrap();
    assert_eq!((data.train.labels(), data.test.labels(), data.classes), (&[3, 1, 3, 1][..], &[2, 0][..], 4));
    fs::write(dir.path().join("test.csv"), "x,y\n1,1\n2,4\n").unwrap();
    let problem = source.read(&plain()).unwrap().dataset(USUAL).unwrap_err().to_string();
    assert!(
        problem.ends_with(
            "test.csv: line 3, column `y`: class `4` is not in the training data; its classes are 0, 1, 2, 3"
        ),
        "{problem}"
    );
}

#[test]
fn what_cannot_be_read_says_file_line_and_column() {
    let head = "a,b,y\n";
    let whole = head.to_owned() + &rows(",", "\n");
    let with = |line: &str| whole.clone() + line;
    let refuse = TablePlan { preprocess: PreprocessConfig::default(), ..plain() };
    let regression = TablePlan { choice: Choice { regression: true, ..Choice::default() }, ..plain() };
    for (text, plan, expected) in [
        (String::new(), plain(), "expected a table, found an empty file"),
        (head.to_owned(), plain(), "expected rows, found none"),
        (with("1,2\n"), plain(), "line 22: expected 3 cells as in line 1, found 2"),
        (with("1,2,up,4\n"), plain(), "line 22: expected 3 cells as in line 1, found 4"),
        (
            with("1,two,up\n"),
            plain(),
            "line 22, column `b`: expected a number, found `two`; use --ignore b to ignore it, or --categorical b for words",
        ),
        (with("inf,2,up\n"), plain(), "line 22, column `a`: `inf` is infinite or too large"),
        (with("1,-1e15,up\n"), plain(), "line 22, column `b`: `-1e15` is infinite or too large"),
        // Blank lines count, whatever ends them.
        (with("\r\n\n1,2\n"), plain(), "line 24: expected 3 cells as in line 1, found 2"),
        (whole.replace('\n', "\r\n") + "\r\n1,2", plain(), "line 23: expected 3 cells as in line 1, found 2"),
        (with("\r1,2\r\r\n").replace('\n', "\r"), plain(), "line 23: expected 3 cells as in line 1, found 2"),
        (format!("# logger\n\n{whole}1,2\n"), plain(), "line 24: expected 3 cells as in line 3, found 2"),
        (with("1,\"2,up\n"), plain(), "line 22: the quotation mark is not closed"),
        (
            with("1,\"2,5\",up\n"),
            plain(),
            "line 22, column `b`: expected a decimal point, found `2,5`: use --decimal ,",
        ),
        // An advice that keeps the value, and does not drop the column.
        (with("1,\"2,500\",up\n"), plain(), "line 22, column `b`: `2,500` has a thousands separator: write 2500"),
        // All columns at once.
        (
            "t,a,b,d,y\n1,x,2,5,u\n".to_owned() + &"2,2,?,7,v\n".repeat(5) + "x,1,two,1e20,u\n3,1\n",
            TablePlan { choice: Choice { ignored: vec!["a".into()], ..Choice::default() }, ..plain() },
            "line 8, column `t`: expected a number, found `x`; line 8, column `b`: expected a number, found `two`; line 8, \
             column `d`: `1e20` is infinite or too large; line 9: expected 5 cells as in line 1, found 2; use --ignore \
             a,t,b to ignore them, or --categorical t,b for words",
        ),
        // Those that only spell numbers differently are to be mended.
        (
            "w,a,e,y\nhot,\"1,500\",1,u\n1,?,1,u\n".to_owned() + &"2,2,1,v\n".repeat(5),
            plain(),
            "line 2, column `w`: expected a number, found `hot`; line 2, column `a`: `1,500` has a thousands separator: \
             write 1500; use --ignore w to ignore it, or --categorical w for words",
        ),
        (
            "0,1\n5,2\n7,3\n".into(),
            plain(),
            "line 1, `0,1`: it is not clear whether this is a header; use --header yes or --header no",
        ),
        (
            "3,up\n5,off\n7,on\n5,off\n".into(),
            plain(),
            "line 1, `3,up`: it is not clear whether this is a header; use --header yes or --header no",
        ),
        (
            format!("3,\"{}\nx\"\n5,off\n7,on\n", "long ".repeat(20)),
            plain(),
            "line 1, `3,long long long long long long long long long long long lon…`: it is not clear whether \
             this is a header; use --header yes or --header no",
        ),
        (
            "t,y\n1700000000,u\n1700000015,v\n".into(),
            plain(),
            "column `t`: the numbers from 1700000000 to 1700000015 are too close together for f32; subtract 1700000000 from all of \
             them; use --ignore t to ignore it",
        ),
        (
            "t,y\n1,100000001\n2,99999999\n3,99999999\n".into(),
            regression.clone(),
            "column `y`: the numbers from 99999999 to 100000001 are too close together for f32; subtract 99999999 from all of them",
        ),
        (
            with("1,2,\n"),
            plain(),
            "line 22, column `y`: the value is missing, but this column is the target; use --missing drop to remove such \
             rows, or --label to predict another column",
        ),
        (
            with("?,2,up\n"),
            refuse.clone(),
            "line 22, column `a`: the value is missing; use --missing mean, drop or a number",
        ),
        (whole.clone(), regression.clone(), "line 2, column `y`: expected a number to predict, found `up`"),
        (
            "a,y\n1,2\n3,2\n5,2\n".into(),
            regression,
            "column `y` has the same value in all training rows: there is nothing to predict",
        ),
        ("a,y\n1,u\n2,u\n".into(), plain(), "column `y`: there is only the class `u`, but at least two are needed"),
        ("a,a,y\n1,2,u\n".into(), plain(), "several columns have the name `a`"),
        ("y\nu\n".into(), plain(), "1 column is not enough: there must be an input and a column to predict"),
    ] {
        let plan = if expected.contains("several") {
            TablePlan { choice: Choice { ignored: vec!["a".into()], ..Choice::default() }, ..plan }
        } else {
            plan
        };
        assert_eq!(read(&text, &plan).unwrap_err(), format!("DIR/data.csv: {expected}"));
    }
    for (bytes, expected) in [
        (&b"\x89PNG\r\n\0"[..], "expected a table as text, found a PNG picture"),
        (b"a,b\0\n", "expected a table as text (UTF-8), found other bytes"),
        (b"\xff\xd8\xff\xe0", "expected a table as text, found a JPEG picture"),
        (
            b"\0\0\x08\x03",
            "expected a table as text, found an IDX file: --data takes the directory of the four files, --train-images and its like take them by name",
        ),
        (b"\xff\xfea\0", "expected a table as text, found text in UTF-16: save it as UTF-8"),
        (b"a,b\n1,\xff\n", "line 2 is not UTF-8: save the table as UTF-8"),
    ] {
        assert_eq!(read(bytes, &plain()).unwrap_err(), format!("DIR/data.csv: {expected}"));
    }
    let many = (0..300).map(|i| format!("{i},{}\n", 1000 + i)).collect::<String>();
    let problem = read("x,y\n".to_owned() + &many, &plain()).unwrap_err();
    assert_eq!(problem, "DIR/data.csv: column `y`: more than 256 classes: use --regression to predict numbers");
    // So few rows that a side would have none.
    let regression = TablePlan { choice: Choice { regression: true, ..Choice::default() }, ..plain() };
    let problem = read("x,y\n1,5\n", &regression).unwrap_err();
    assert_eq!(
        problem,
        "DIR/data.csv has 1 row: --test-share 0.25 gives 0 test rows, but training and test need at least one each"
    );
    assert!(read("x,y\n1,u\n2,v\n3,u\n", &plain()).is_ok_and(|data| data.test.len() == 1));
}

#[test]
fn rows_with_gaps_stay_go_or_are_an_error() {
    let text = "a,y\n".to_owned() + &"1,u\n2,v\n".repeat(10) + "-nan,u\n#N/A,v\n<NA>,u\n";
    let lengths = |plan: &TablePlan| read(&text, plan).map(|data| (data.train.len(), data.test.len()));
    assert_eq!(lengths(&plain()), Ok((17, 6)));
    let drops = TablePlan { drops_missing: true, preprocess: PreprocessConfig::default(), ..plain() };
    assert_eq!(lengths(&drops), Ok((15, 5)));
    assert!(lengths(&TablePlan { preprocess: PreprocessConfig::default(), ..plain() }).is_err());
}

/// What is a header is no row, whatever its names look like, and what counts the rows is no input.
#[test]
fn headers_of_numbers_and_row_indices_are_recognised() {
    let rows = |first: &str, i: i32| format!("{first}{},{},{}\n", f64::from(i) * 0.5, 7 - i, i % 2);
    let plain_rows: String = (0..20).map(|i| rows("", i)).collect();
    let expected = read("a,b,y\n".to_owned() + &plain_rows, &plain()).unwrap();
    for (header, index, label, inputs) in [
        ("0,1,label", false, "", "0 1"),
        ("0,1,2", false, "", "0 1"),
        (",0,1,2", true, "", "0 1"),
        (",0,1,2", true, "2", "0 1"),
        (",a,b,y", true, "4", "a b"),
        ("Unnamed: 0,a,b,y", true, "y", "a b"),
    ] {
        let indexed: String = (0..20).map(|i| rows(&format!("{},", (i + 7) % 20), i)).collect();
        let text = format!("{header}\n{}", if index { &indexed } else { &plain_rows });
        let labels = [label].iter().filter(|label| !label.is_empty()).map(|&label| label.to_owned()).collect();
        let plan = TablePlan { choice: Choice { labels, ..Choice::default() }, ..plain() };
        let found = read(&text, &plan).unwrap();
        assert!(found.train == expected.train && found.test == expected.test, "{header}");
        assert_eq!(found.preparation.unwrap().columns.unwrap().inputs.join(" "), inputs, "{header}");
    }
    // A number stands for a place where no column is called so.
    let ignoring = |text: &str, ignored: &str| {
        let plan = TablePlan { choice: Choice { ignored: vec![ignored.to_owned()], ..Choice::default() }, ..plain() };
        read(text.to_owned() + "\n" + &plain_rows, &plan).unwrap().preparation.unwrap().columns.unwrap().inputs
    };
    assert_eq!((ignoring("a,b,y", "1"), ignoring("0,1,y", "1")), (vec!["b".to_owned()], vec!["0".to_owned()]));
}

/// Wherever the only row of a class stands, it is trained on; a class that occurs nowhere is named.
#[test]
fn a_class_is_trained_on_wherever_its_only_row_stands() {
    const ROWS: usize = 40;
    let dir = tempfile::tempdir().unwrap();
    let unseen = |rare: usize| {
        let class = |i: usize| if i == rare { "rare" } else { ["u", "v"][i % 2] };
        let text: String = (0..ROWS).map(|i| format!("{i},{}\n", class(i))).collect();
        fs::write(dir.path().join("data.csv"), "x,y\n".to_owned() + &text).unwrap();
        source(&dir).read(&plain()).unwrap().dataset(USUAL).unwrap().unseen_classes(USUAL).unwrap()
    };
    assert!((0..ROWS).all(|rare| unseen(rare).is_empty()));
    // Images and whole numbers alike.
    let text = "x,y\n".to_owned() + &"1,0\n2,2\n3,3\n".repeat(20);
    assert_eq!(read(text, &plain()).unwrap().unseen_classes(USUAL).unwrap(), ["1"]);
    assert_eq!(Dataset::sample().unwrap().unseen_classes(USUAL).unwrap(), [""; 0]);
}

/// A class may be called what a missing number is.
#[test]
fn a_class_is_missing_where_its_cell_is_empty_or_a_question_mark() {
    let text = "a,y\n".to_owned() + &"1,none\n2,-\n3,NA\n4,\n5,?\n6,#N/A\n7,<NA>\n".repeat(4);
    let plan = TablePlan { drops_missing: true, preprocess: PreprocessConfig::default(), ..plain() };
    let data = read(&text, &plan).unwrap();
    assert_eq!((data.class_names().join(" "), data.train.len() + data.test.len()), ("- NA none".into(), 12));
}

/// With a number that stands out in one row, how inputs are made changes if and only if the row is learned from.
#[test]
fn preprocessing_is_fitted_on_what_is_learned_from_alone() {
    const ROWS: usize = 40;
    let dir = tempfile::tempdir().unwrap();
    let made = |odd: Option<usize>, seed: u64| {
        let row = |i: usize| {
            let x = if odd == Some(i) { 1e4 } else { i as f64 };
            format!("{x},{}\n", i % 2)
        };
        fs::write(dir.path().join("data.csv"), (0..ROWS).map(row).collect::<String>()).unwrap();
        let plan = TablePlan { preprocess: PreprocessConfig::default(), ..plain() };
        source(&dir).read(&plan).unwrap().dataset(Split { seed, ..USUAL }).unwrap()
    };
    for seed in [1, 2] {
        let expected = made(None, seed).preparation;
        let others = (0..ROWS).filter(|&i| made(Some(i), seed).preparation == expected).count();
        // A quarter for the test, a tenth of the rest for validation.
        assert_eq!(others, 10 + 3);
    }
    assert_ne!(made(None, 1).preparation, made(None, 2).preparation);
    // The test's rows are the same, whatever the seed.
    assert_eq!(made(None, 1).test.labels(), made(None, 2).test.labels());
}

#[test]
fn numbers_are_standardised_by_what_is_learned_from() {
    let text = (0..40).map(|i| format!("{},{}\n", i, 100 + 7 * i)).collect::<String>();
    let plan = TablePlan { choice: Choice { regression: true, ..Choice::default() }, ..plain() };
    let data = read(text, &plan).unwrap();
    assert!(!data.train.has_classes() && data.train.labels().is_empty() && data.classes == 1);
    let units = data.units.unwrap();
    // About those of 100 to 373, each number once.
    assert!((units.means[0] - 236.5).abs() < 30.0 && (units.deviations[0] - 80.8).abs() < 10.0, "{units:?}");
}

/// The plan of the command where nothing is said.
fn usual() -> TablePlan {
    TablePlan { preprocess: PLAIN, marks_missing: true, ..TablePlan::default() }
}

fn columns(data: &Dataset) -> Columns {
    data.preparation.as_ref().unwrap().columns.clone().unwrap()
}

/// Every kind of column that can be an input becomes one, and the others are left out.
#[test]
fn each_column_becomes_what_it_holds() {
    let row = |i: usize| {
        let (color, size) = (["red", "green", "blue"][i % 3], ["S", ""][usize::from(i.is_multiple_of(4))]);
        let (is_on, gap) =
            ([" TRUE", "False"][i % 2], if i.is_multiple_of(5) { "NA".to_owned() } else { i.to_string() });
        format!("{i},{color},{size},{is_on},{gap},2024-05-{:02},text {i},same,,{}\n", i % 28 + 1, ["u", "v"][i % 2])
    };
    let header = ",color,size,on,n,day,note,unit,empty,Label\n".to_owned();
    let text = header + &(0..60).map(row).collect::<String>();
    let data = read(&text, &usual()).unwrap();
    let (found, names) = (columns(&data), ["color", "size", "on", "n"]);
    assert_eq!(
        (found.inputs.as_slice(), found.targets.as_slice()),
        (&names.map(String::from)[..], &["Label".into()][..])
    );
    let expected =
        "color is blue, color is green, color is red, size is S, size is missing, on is TRUE, n, n is missing";
    assert_eq!(found.input_names().join(", "), expected);
    assert_eq!(data.train.inputs(), 8);
    // What is 0 or 1 stays so whatever the scaling, and is filled with its mean.
    let scaled = TablePlan { preprocess: PreprocessConfig { missing: Missing::Mean, ..Default::default() }, ..usual() };
    let data = read(&text, &scaled).unwrap();
    let features = data.preparation.as_ref().unwrap().floats.as_chunks::<5>().0.to_vec();
    for (k, &[fill, .., shift, scale]) in features.iter().enumerate() {
        assert_eq!((shift, scale) == (0.0, 1.0), k != 6, "{k}");
        assert!(k == 6 || (0.0..=1.0).contains(&fill));
    }
    // Numbers that are codes, and what would be left out, where that is said.
    let categorical = ["n", "note"].map(String::from).to_vec();
    let told = TablePlan { choice: Choice { categorical, ..Choice::default() }, max_levels: 4, ..usual() };
    let found = columns(&read(&text, &told).unwrap());
    assert_eq!(found.inputs.join(" "), "color size on n note");
    assert!(found.encodings[3].has_words() && found.encodings[4].other && found.encodings[4].levels.len() <= 4);
}

/// With a word that stands in one row alone, inputs change if and only if the row is learned from.
#[test]
fn words_and_marks_come_from_what_is_learned_from_alone() {
    const ROWS: usize = 40;
    let dir = tempfile::tempdir().unwrap();
    let made = |odd: Option<(usize, &str)>| {
        let word = |i: usize| odd.filter(|(at, _)| *at == i).map_or(["a", "b"][i / 2 % 2], |(_, word)| word);
        let text: String = (0..ROWS).map(|i| format!("{},{}\n", word(i), ["u", "v"][i % 2])).collect();
        fs::write(dir.path().join("data.csv"), "x,y\n".to_owned() + &text).unwrap();
        columns(&source(&dir).read(&usual()).unwrap().dataset(USUAL).unwrap())
    };
    let plain = made(None);
    let changed = (0..ROWS).filter(|&i| made(Some((i, "c"))) != plain).count();
    // A quarter for the test, a tenth of the rest for validation.
    assert_eq!(changed, ROWS - 10 - 3);
    // A gap in so few rows has no mark.
    assert!((0..ROWS).all(|i| made(Some((i, ""))).encodings == plain.encodings));
}

/// `target`, `label` or `class` is predicted in any place, unless several are called so.
#[test]
fn what_is_predicted_is_found_by_its_name_or_is_the_last() {
    for (header, expected) in [
        ("a,target,b", "target"),
        ("LABEL,a,b", "LABEL"),
        ("Class,a,b", "Class"),
        ("class,target,b", "b"),
        ("a,b,c", "c"),
    ] {
        let rows = (0..40).map(|i| format!("{},{},{}\n", i % 2, i / 2 % 2, i / 4 % 2)).collect::<String>();
        let data = read(format!("{header}\n{rows}"), &usual()).unwrap();
        assert_eq!(columns(&data).targets, [expected], "{header}");
    }
    // Numbers that are hardly ever the same are no classes.
    let rows = (0..200).map(|i| format!("{i},{}\n", i * 37 % 101 + 25)).collect::<String>();
    let problem = read("a,target\n".to_owned() + &rows, &usual()).unwrap_err();
    let expected = "101 different numbers in 200 rows are not classes: use --regression to predict numbers";
    assert!(problem.ends_with(expected), "{problem}");
}

#[test]
fn compressed_tables_and_decimal_commas_are_the_same_table() {
    let text = "a;b;y\n".to_owned() + &rows(";", "\n");
    let expected = read(&text, &plain()).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    assert!(read(&gzip, &plain()).unwrap().train == expected.train);
    assert!(read(&gzip[..gzip.len() - 9], &plain()).unwrap_err().contains("cannot read"));
    let dialect = Dialect { decimal_comma: true, ..Dialect::default() };
    let comma = TablePlan { dialect, ..plain() };
    let found = read(text.replace('.', ","), &comma).unwrap();
    assert!(found.train == expected.train && columns(&found).decimal_comma);
    let problem = read(text.replace('.', ",") + "1.5;2;up\n", &comma).unwrap_err();
    assert!(problem.ends_with("line 22, column `a`: expected a decimal comma, found `1.5`"), "{problem}");
}
