use super::*;

#[test]
fn rates_stay_short() {
    assert_eq!([short(0.001), short(0.1), short(0.000_123_4), short(1.0 / 3.0)], ["0.001", "0.1", "1e-4", "3e-1"]);
}

#[test]
fn a_narrow_terminal_has_fewer_columns_and_never_a_longer_line() {
    let epoch = Epoch {
        epoch: 7,
        steps: 70,
        rate: 0.1,
        batch: 32,
        noise_scale: Some(12.0),
        train_loss: 0.5,
        train_error: 1.0,
        validation_error: Some(1.0),
        validation_loss: Some(0.5),
        averaged: 3,
        average_validation_error: Some(0.25),
        average_validation_loss: None,
        is_best: false,
        dropped: 0,
        seconds: 1.5,
    };
    for (has_classes, grows) in [(true, true), (true, false), (false, true), (false, false)] {
        let mut names = usize::MAX;
        for width in (15..120).rev() {
            let lines = EpochLines::new(has_classes, grows, width);
            let (header, line) = (lines.header(), lines.line(&epoch));
            assert!(
                header.lines().chain([line.as_str()]).all(|text| text.chars().count() <= width),
                "{header}\n{line}"
            );
            let count = line.split_whitespace().count();
            assert!(count <= names && header.contains("epoch"), "{width}: {header}");
            assert_eq!(header.contains("error"), has_classes && width >= 16, "{width}: {header}");
            names = count;
        }
        let wide = EpochLines::new(has_classes, grows, usize::MAX);
        assert_eq!((wide.header().contains("noise"), wide.header().contains("error")), (grows, has_classes));
    }
}
