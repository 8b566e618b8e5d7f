use super::*;

#[test]
fn a_mean_over_many_classes_does_not_drift() {
    const CLASSES: usize = 1500;
    let mut counts = std::vec![0; CLASSES * CLASSES];
    let mut confusion = Confusion::new(CLASSES, &mut counts).unwrap();
    for class in 0..CLASSES as u16 {
        [0, 1, 1].into_iter().for_each(|off| confusion.add(class, (class + off) % CLASSES as u16).unwrap());
    }
    let error = |mean: f32| (3.0 * f64::from(mean) - 1.0).abs();
    let mut naive = 0.0;
    (0..CLASSES).for_each(|_| naive += 1.0_f32 / 3.0);
    assert!(error(confusion.macro_recall()) < 1e-7 && error(naive / CLASSES as f32) > 1e-6);
}

#[test]
fn a_full_count_is_an_error() {
    let mut counts = [0; 4];
    let mut confusion = Confusion::new(2, &mut counts).unwrap();
    confusion.counts[1] = u32::MAX;
    assert_eq!(confusion.add(0, 1), Err(Error::CountOverflow));
    assert_eq!((confusion.add_weighted(0, 1, 0), confusion.add_weighted(1, 0, u32::MAX)), (Ok(()), Ok(())));
    assert_eq!(confusion.add_weighted(1, 0, 1), Err(Error::CountOverflow));
    confusion.counts[2] = 0;
    assert_eq!((confusion.add(0, 0), confusion.samples()), (Ok(()), 1 << 32));
}
