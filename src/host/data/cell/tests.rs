use super::*;

/// What a cell is refused for says how to write the same value.
#[test]
fn advice_keeps_the_value() {
    let spelling = |separator| Spelling { separator, decimal_comma: false };
    let said = |cell: &str, separator| spelling(separator).number(cell, NO_INPUT).unwrap_err();
    for (cell, plain) in [
        ("1,039", "1039"),
        ("-12,345,678.25", "-12345678.25"),
        ("1.039.000", "1039000"),
        ("1.039,5", "1039.5"),
        ("1 039", "1039"),
        ("1\u{a0}039,5", ""),
        ("1'039", "1039"),
        ("12,34,567", "1234567"),
    ] {
        let (found, expected) = (said(cell, b','), format!("`{cell}` has a thousands separator: write {plain}"));
        assert!(found == expected || plain.is_empty(), "{found}");
    }
    assert_eq!(
        said("1,039", b';'),
        "`1,039` has a thousands separator or a decimal comma: write 1039 or 1.039, or use --decimal ,"
    );
    for cell in ["2,5", "0,139", "-,5", "1,0390", "1039,250"] {
        assert_eq!(said(cell, b','), format!("expected a decimal point, found `{cell}`: use --decimal ,"));
    }
    for cell in ["two", "1,2,3", "5 %"] {
        assert_eq!(said(cell, b';'), format!("expected a number, found `{cell}`"));
    }
    assert_eq!((spelling(b',').number("1e3", ""), spelling(b',').number("-.5", "")), (Ok(1000.0), Ok(-0.5)));
    assert!(said("1e15", b',').contains("too large") && said("-inf", b',').contains("infinite"));
}

#[test]
fn what_stands_for_nothing_is_known_whoever_wrote_it() {
    for cell in ["", "nan", "-NaN", "#N/A", "#N/A N/A", "<NA>", "\\N", "(null)", "#NV", "?"] {
        assert!(is_missing(cell) && is_no_class(cell), "{cell}");
    }
    for cell in ["NA", "n/a", "NULL", "None", "NaT", "-", "."] {
        assert!(is_missing(cell) && !is_no_class(cell), "{cell}");
    }
    for cell in ["0", "no", "#", "a"] {
        assert!(!is_missing(cell), "{cell}");
    }
}

#[test]
fn names_are_told_from_values() {
    for (kind, all) in [
        (Kind::Number, &["0", "-1.5", "1e3"][..]),
        (Kind::Name, &["a", "x1", "2nd", "t (s)", "#a", "Unnamed: 0"]),
        (Kind::Spelt, &["1,039", "2,5", "1'039"]),
        (Kind::Date, &["00:05", "2024-01-01T00:05:00Z", "1.5.2024", "05/01/24", "Nov 11, 2007", "11-Nov-2007 12:30"]),
        (Kind::Other, &["5 %", "20-29", "1.2.3", "10.0.0.1"]),
        (Kind::Missing, &["", "NA"]),
    ] {
        let spelling = Spelling { separator: b',', decimal_comma: false };
        assert!(all.iter().all(|cell| spelling.kind(cell) == kind), "{all:?}");
    }
}
