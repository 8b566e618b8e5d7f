use super::*;

fn cells(line: &str) -> Vec<String> {
    line.split(',').map(str::to_owned).collect()
}

fn header(text: &str) -> (Option<bool>, Vec<usize>) {
    let (first, rows) = text.split_once('|').unwrap();
    let first = cells(first);
    let mut survey = Survey::new(&first, Spelling { separator: b',', decimal_comma: false });
    rows.split('|').for_each(|row| survey.add(&cells(row)));
    let header = survey.header();
    let kinds = survey.facts(true).into_iter().zip(&first).map(|(facts, name)| facts.kind(name, true));
    (header, kinds.enumerate().filter(|(_, kind)| *kind == ColumnKind::Index).map(|(i, _)| i).collect())
}

#[test]
fn a_first_line_is_a_header_a_row_or_unclear() {
    for (text, expected) in [
        // A word above numbers, whatever stands beside it.
        ("0,1,2,label|0.5,0.5,0.5,1|0.1,0.2,0.3,0", Some(true)),
        ("5,7,y|1,2,3|,2,3", Some(true)),
        // Even where files were joined, header and all.
        ("a,y|1,2|a,y|1,2", Some(true)),
        ("a,y|1,u|2,v", Some(true)),
        ("color,y|red,u|blue,v", Some(true)),
        // Columns by their numbers.
        ("0,1,2|5,6,7|8,9,1", Some(true)),
        ("0,1,label|5,6,u|8,9,v", Some(true)),
        (",0,1|0,5,6|1,5,7", Some(true)),
        // Rows.
        ("0,1|5,6|7,8", None),
        ("0,0|0,1|1,0", Some(false)),
        ("0,1,up|1,0,off|1,1,up", Some(false)),
        (",0,1|2.5,5,6|1,5,7", Some(false)),
        ("?,?,up|1,2,off|3,4,up", Some(false)),
        ("00:05,1,up|00:06,3,up", Some(false)),
        ("\"1,039\",2|983,3", Some(false)),
        // A class that comes but once, or a header?
        ("10,2,y|5,6,u|8,9,v", None),
        ("00:05,rare|00:06,up|00:07,up", None),
        // A class that is a number, or a header?
        ("10,2,3|5,6,u|8,9,v", None),
    ] {
        assert_eq!(header(&text.replace("\"1,039\"", "1'039")).0, expected, "{text}");
    }
}

#[test]
fn a_nameless_column_of_different_whole_numbers_counts_the_rows() {
    for (text, expected) in [
        (",a|0,5|1,5", &[0][..]),
        ("Unnamed: 0,a|7,5|3,5", &[0]),
        ("a,|5,1|5,2", &[1]),
        (",a|0,5|0,5", &[]),
        (",a|0.5,5|1,5", &[]),
        (",a|0,5|,5", &[]),
        ("n,a|0,5|1,5", &[]),
    ] {
        assert_eq!(header(text).1, expected, "{text}");
    }
}

#[test]
fn names_that_are_made_up_are_no_others() {
    assert_eq!(names(&cells(",0,1,2"), true), cells("column-1,0,1,2"));
    assert_eq!(names(&cells(",a,"), true), cells("1,a,3"));
    assert_eq!(names(&cells(",1,column-1"), true), cells("column-column-1,1,column-1"));
    assert_eq!(names(&cells("a,,1"), false), cells("1,2,3"));
}
