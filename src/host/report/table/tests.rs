use super::*;

#[test]
fn figures_have_four_digits() {
    let text = [0.0, 123_456.7, 12.345, 0.001_234_5, 2e7, f64::NAN].map(significant);
    assert_eq!(text, ["0", "123457", "12.35", "0.001234", "2.000e7", "–"]);
}

#[test]
fn columns_that_do_not_fit_follow_below() {
    let rows = [["one", "1.5", "22.5"], ["界", "3.5", "44.5"]].map(|row| row.map(str::to_owned).to_vec());
    let table = Table::new(["name", "first", "second"], rows);
    let text = |width| table.within(width);
    let lines = |text: &str| text.lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
    assert_eq!(lines(&text(usize::MAX)).len(), 4);
    // Where there is room for two narrow columns, if not for their text in one line.
    for width in 12..40 {
        let blocks = text(width).split("\n\n").count();
        // A name takes four columns, the figures five and six, and each three more.
        assert_eq!(blocks, if width < 24 { 2 } else { 1 }, "{width}");
        let widest = text(width).lines().map(UnicodeWidthStr::width).max().unwrap();
        assert!(widest <= width, "{width}: {}", text(width));
    }
}
