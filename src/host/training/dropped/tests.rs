use super::*;

const LOSS: Error = Error::NonFinite { value: Value::Loss, index: 1 };

fn drop(dropped: &mut Dropped, how: OnDivergence, error: Error, samples: u64) -> Result<(), Error> {
    dropped.drop(how, error, (samples, 1000), (7, 0.5))
}

#[test]
fn nothing_is_dropped_unless_it_is_asked_for_and_only_for_numbers_that_are_not_finite() {
    let kinds = [Value::Loss, Value::Gradient, Value::Statistic, Value::Step];
    for value in kinds {
        let error = Error::NonFinite { value, index: 0 };
        for (how, halvings) in [(OnDivergence::Skip, 0), (OnDivergence::HalveRate, 1)] {
            let mut dropped = Dropped::default();
            assert_eq!(drop(&mut dropped, how, error, 32), Ok(()));
            assert_eq!(dropped, Dropped { count: 1, halvings, idle: 32, first: Some((error, 7, 0.5)) });
        }
        assert_eq!(drop(&mut Dropped::default(), OnDivergence::Stop, error, 32), Err(error));
    }
    for error in [Error::Empty, Error::NonFinite { value: Value::Input, index: 3 }] {
        let mut dropped = Dropped::default();
        assert_eq!(drop(&mut dropped, OnDivergence::Skip, error, 32), Err(error));
        assert_eq!(dropped.count, 0);
    }
}

#[test]
fn the_samples_of_an_epoch_without_an_update_are_the_end() {
    let mut dropped = Dropped::default();
    for _ in 0..9 {
        assert_eq!(drop(&mut dropped, OnDivergence::Skip, LOSS, 100), Ok(()));
    }
    dropped.end_of_idle();
    for _ in 0..9 {
        assert_eq!(drop(&mut dropped, OnDivergence::Skip, LOSS, 100), Ok(()));
    }
    assert_eq!(drop(&mut dropped, OnDivergence::Skip, LOSS, 100), Err(LOSS));
    assert_eq!((dropped.count, dropped.factor()), (18, 1.0));
}

#[test]
fn each_halving_halves_the_rate_and_twenty_are_the_most() {
    let mut dropped = Dropped::default();
    for n in 1..=20 {
        assert_eq!(drop(&mut dropped, OnDivergence::HalveRate, LOSS, 1), Ok(()));
        dropped.end_of_idle();
        assert_eq!(dropped.factor(), 0.5_f32.powi(n));
    }
    assert_eq!(drop(&mut dropped, OnDivergence::HalveRate, LOSS, 1), Err(LOSS));
    assert_eq!(dropped.first, Some((LOSS, 7, 0.5)));
}

#[test]
fn several_models_drop_their_sum_and_the_lowest_rate_counts() {
    let [mut a, mut b] = [Dropped::default(); 2];
    drop(&mut a, OnDivergence::HalveRate, LOSS, 10).unwrap();
    drop(&mut b, OnDivergence::Skip, LOSS, 10).unwrap();
    drop(&mut b, OnDivergence::Skip, LOSS, 10).unwrap();
    let joined = a.join(&b);
    assert_eq!((joined.count, joined.halvings, joined.idle), (3, 1, 20));
}
