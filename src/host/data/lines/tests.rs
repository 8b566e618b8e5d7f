use super::*;
use proptest::prelude::*;

/// Gives so many bytes at a time.
struct Drops(Vec<u8>, usize);

impl Read for Drops {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let n = self.1.min(self.0.len()).min(to.len());
        let rest = self.0.split_off(n);
        to[..n].copy_from_slice(&self.0);
        self.0 = rest;
        Ok(n)
    }
}

fn all(text: &str, step: usize) -> Result<Vec<(u64, String)>, DataError> {
    let mut lines = Lines::of(Path::new("t"), Drops(text.as_bytes().to_vec(), step)).unwrap();
    lines.is_kept = false;
    let mut found = Vec::new();
    while lines.next(b",")? {
        found.push((lines.number, String::from_utf8(lines.record.to_vec()).unwrap()));
    }
    Ok(found)
}

/// However the bytes come, the lines and their numbers are the same.
#[test]
fn whatever_ends_a_line_counts_once() {
    let plain = "a,b\n\"x\n\n\"\"y\",2\n\n5\" pipe,1\n , \"q\nr\"\nend";
    let expected = [(1, "a,b"), (2, "\"x\n\n\"\"y\",2"), (5, ""), (6, "5\" pipe,1"), (7, " , \"q\nr\""), (9, "end")];
    let expected: Vec<(u64, String)> = expected.iter().map(|(n, line)| (*n, (*line).to_string())).collect();
    for end in ["\n", "\r\n", "\r"] {
        for step in [1, 2, 3, 7, 1000] {
            assert_eq!(all(&plain.replace('\n', end), step).unwrap(), expected, "{end:?} {step}");
            assert_eq!(all(&(plain.replace('\n', end) + end), step).unwrap(), expected, "{end:?} {step}");
        }
    }
    assert_eq!(all("\u{feff}a\n", 100).unwrap(), [(1, "a".to_string())]);
    for (text, problem) in
        [("a\n1,\"2\n3\n", "t: line 2: the quotation mark is not closed"), ("a\0", "t: expected a table as")]
    {
        assert!(all(text, 3).unwrap_err().to_string().starts_with(problem), "{text:?}");
    }
    let mut endless = Lines::of(Path::new("t"), io::repeat(b'1')).unwrap();
    assert_eq!(
        endless.next(b",").unwrap_err().to_string(),
        format!("t: line 1: the line is longer than {LONGEST} bytes")
    );
}

proptest! {
    /// What is written in quotes is read, whatever it holds, however it comes, and with the line where it begins.
    #[test]
    fn quoted_cells_come_back(
        rows in proptest::collection::vec(proptest::collection::vec("[a,;\" \n0-9]{0,6}", 1..4), 1..6),
        separator in prop_oneof![Just(b','), Just(b';'), Just(b'\t')],
        end in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
        step in 1..9_usize,
    ) {
        let join = [separator as char].iter().collect::<String>();
        let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\"").replace('\n', end));
        let line = |row: &Vec<String>| row.iter().map(quoted).collect::<Vec<_>>().join(&join) + end;
        let text: String = rows.iter().map(line).collect();
        let mut lines = Lines::of(Path::new("t"), Drops(text.into_bytes(), step)).unwrap();
        lines.is_kept = false;
        let mut number = 1;
        for row in rows {
            prop_assert!(lines.next(&[separator]).unwrap());
            prop_assert_eq!(lines.number, number);
            let found = cells(std::str::from_utf8(&lines.record).unwrap(), &[separator]);
            number += 1 + row.iter().map(|cell| cell.matches('\n').count() as u64).sum::<u64>();
            prop_assert_eq!(found, row.iter().map(|cell| cell.trim().to_owned()).collect::<Vec<_>>());
        }
        prop_assert!(!lines.next(&[separator]).unwrap());
    }
}

#[test]
fn what_was_taken_is_forgotten() {
    let text = "1,2,3\n".repeat(1_000_000);
    let mut lines = Lines::of(Path::new("t"), io::Cursor::new(text.into_bytes())).unwrap();
    lines.is_kept = false;
    while lines.next(b",").unwrap() {}
    assert_eq!(lines.number, 1_000_000);
    assert!(lines.buffer.capacity() <= 4 * CHUNK);
}

#[test]
fn cells_are_what_lies_between_separators() {
    for (line, separators, expected) in [
        ("a, b ,\"c,\"\"d\"\"\" ,", &b","[..], &["a", "b", "c,\"d\"", ""][..]),
        (" \"a\"x,5\" y", b",", &["ax", "5\" y"]),
        ("1;2,5", b";", &["1", "2,5"]),
        ("  1   2 \t \"a b\"  ", b" \t", &["1", "2", "a b"]),
        ("\t\t", b"\t", &["", "", ""]),
    ] {
        assert_eq!(cells(line, separators), expected, "{line}");
    }
}

/// A pipe may have no end.
#[test]
fn so_many_bytes_are_kept_at_most() {
    let mut lines = Lines::of(Path::new("t"), io::repeat(b'\n')).unwrap();
    lines.most = 5 * CHUNK;
    let error = loop {
        if let Err(error) = lines.fill() {
            break error;
        }
    };
    assert_eq!(
        error.to_string(),
        format!("t: the table has more than {} bytes, too many to be read at once", 5 * CHUNK)
    );
    assert!(lines.buffer.len() <= 6 * CHUNK);
    // What is forgotten does not count.
    lines.is_kept = false;
    (0..20).for_each(|_| while lines.take(b",").unwrap() {});
    assert!(lines.fill().is_ok());
}
