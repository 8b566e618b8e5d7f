use super::*;

fn strings(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn whole_numbers_stay_and_names_are_sorted() {
    for (names, expected) in [
        ("b a c", "a b c"),
        ("2 0", "0 1 2"),
        ("255 0 10", "0"),
        ("10 -1 9", "-1 9 10"),
        ("300 20", "20 300"),
        ("1 b", "1 b"),
    ] {
        let found = classes(&strings(names), 6).unwrap();
        if expected == "0" {
            assert_eq!((found.len(), found[255].as_str()), (256, "255"));
        } else {
            assert_eq!(found, strings(expected), "{names}");
        }
    }
    for (names, word) in [("a", "only the class `a`"), ("0.5 1", "such as 0.5"), ("", "only the class")] {
        assert!(classes(&strings(names), 6).unwrap_err().contains(word), "{names}");
    }
    let many: Vec<String> = (0..257).map(|i| (1000 + i).to_string()).collect();
    assert!(classes(&many, 999).unwrap_err().contains("more than 256"));
    assert!(classes(&many[..50], 99).unwrap_err().contains("50 different numbers in 99 rows"));
    assert!(classes(&many[..50], 999).unwrap_err().contains("50 different numbers in 999 rows"));
    assert!(classes(&many[..50], 1000).is_ok() && classes(&many[..20], 20).is_ok());
    // Those that count from 0 or 1 on are rather classes.
    let counted: Vec<String> = (1..=50).map(|i| i.to_string()).collect();
    assert!(classes(&counted, 100).is_ok() && classes(&counted, 99).is_err());
    assert_eq!(["07", "3.0", "-0", "x1", "0.5"].map(class_name), ["7", "3", "0", "x1", "0.5"]);
}

#[test]
fn what_to_ignore_can_be_pasted() {
    let names = ["a", "b c", "d,e", "it's", "f", "f"].map(str::to_owned);
    let pasted = |ignored: &str, more: &[usize]| {
        Choice { ignored: strings(ignored), ..Choice::default() }.ignoring(&names, more)
    };
    assert_eq!(pasted("", &[0, 2, 4]), "a,3,5");
    assert_eq!(pasted("t 7", &[0, 1]), "'t,7,a,b c'");
    assert_eq!(pasted("", &[3]), r"'it'\''s'");
}

#[test]
fn columns_are_found_by_name_or_number() {
    let names = strings("t id h y z");
    let choice = |labels: &str, ignored: &str, regression| {
        let choice = Choice { labels: strings(labels), ignored: strings(ignored), regression, ..Choice::default() };
        let mut kinds = vec![ColumnKind::Number; names.len()];
        choice.among(&names, true, &mut kinds).map(|(_, places)| (places.inputs, places.targets))
    };
    assert_eq!(choice("", "", false), Ok((vec![0, 1, 2, 3], vec![4])));
    assert_eq!(choice("", "z id", false), Ok((vec![0, 2], vec![3])));
    assert_eq!(choice("1", "5", false), Ok((vec![1, 2, 3], vec![0])));
    assert_eq!(choice("z y", "id", true), Ok((vec![0, 2], vec![4, 3])));
    // A row index is left out, unless it is to be predicted.
    let indexed = |labels: &str, indices: &[usize]| {
        let choice = Choice { labels: strings(labels), ..Choice::default() };
        let mut kinds = vec![ColumnKind::Number; names.len()];
        indices.iter().for_each(|&i| kinds[i] = ColumnKind::Index);
        choice.among(&names, true, &mut kinds).map(|(_, places)| (places.inputs, places.targets))
    };
    assert_eq!(indexed("", &[1]), Ok((vec![0, 2, 3], vec![4])));
    assert_eq!(indexed("", &[4]), Ok((vec![0, 1, 2], vec![3])));
    assert_eq!(indexed("id", &[1]), Ok((vec![0, 2, 3, 4], vec![1])));
    for (labels, ignored, regression, word) in [
        ("q", "", false, "no column `q`; the columns are t, id, h, y, z"),
        ("6", "", false, "no column `6`"),
        ("0", "", false, "no column `0`"),
        ("y", "y", false, "both predicted and ignored"),
        ("y y", "", true, "`y` is given twice"),
        ("y z", "", false, "2 columns to predict"),
        ("t id h y z", "", true, "not enough"),
    ] {
        let problem = choice(labels, ignored, regression).unwrap_err();
        assert!(problem.contains(word), "{problem}");
    }
    let columns = Columns { header: true, inputs: strings("h t"), targets: strings("y"), ..Columns::default() };
    let places = |names: &str, has_header, with_targets| {
        columns.among(&strings(names), has_header, with_targets).map(|places| (places.inputs, places.targets))
    };
    assert_eq!(places("y t h", true, true), Ok((vec![2, 1], vec![0])));
    assert_eq!(places("t h", true, false), Ok((vec![1, 0], vec![])));
    assert_eq!(places("1 2", false, false), Ok((vec![0, 1], vec![])));
    assert!(places("1 2 3", false, false).unwrap_err().contains("no header"));
    assert!(places("t h", true, true).unwrap_err().contains("no column `y`"));
    // A name of digits is no number of a column, and a number no name.
    let columns = |header| Columns { header, inputs: strings("3 1"), targets: strings("y"), ..Columns::default() };
    let among = |header| columns(header).among(&strings("x 3 1 q"), true, false).map(|places| places.inputs);
    assert_eq!((among(true), among(false)), (Ok(vec![1, 2]), Ok(vec![2, 0])));
    assert!(columns(true).among(&strings("x 3 q"), true, false).unwrap_err().contains("no column `1`"));
    assert!(
        Choice::default()
            .among(&strings("a b a y"), true, &mut [ColumnKind::Number; 4])
            .unwrap_err()
            .contains("several columns have the name `a`")
    );
    assert!(places("t h h", true, false).unwrap_err().contains("several columns have the name `h`"));
}
