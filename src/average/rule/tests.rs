use super::*;

#[test]
fn a_half_life_halves() {
    let ema = Ema::with_half_life(10.0, 2.0);
    let left = (0..5).fold(1.0, |share, _| share * (1.0 - ema.epsilon));
    assert!((left - 0.5_f32).abs() < 1e-6);
    // As a decay it would be lost.
    assert!((Ema::with_half_life(1e9, 1.0).epsilon / 6.931_472e-10 - 1.0).abs() < 1e-6);
}

#[test]
fn a_decay_is_what_the_past_keeps_to_the_last_digit() {
    for (decay, epsilon) in [(0.9, 0.1), (0.999, 1e-3), (0.999_999, 1e-6), (0.0, 1.0), (0.999_999_999, 1e-9)] {
        assert!((Ema::with_decay(decay).epsilon / epsilon - 1.0_f32).abs() < 2.0 * f32::EPSILON, "{decay}");
    }
    const EMA: Ema = Ema::with_decay(0.999);
    let (mut mean, next) = ([1.0], [0.0]);
    let mut averager = crate::Averager::with_rule(Rule::ema(Ema { origin: Origin::First, ..EMA }), &mut mean).unwrap();
    averager.update(&[1.0]).unwrap();
    averager.update(&next).unwrap();
    assert_eq!(mean, [0.999]);
}

#[test]
fn warm_ups_rise_to_the_decay() {
    let at = |warmup, t| Ema { epsilon: 0.1, origin: Origin::Corrected, warmup }.epsilon_at(t);
    assert_eq!([at(Warmup::Ratio, 0), at(Warmup::Ratio, 8), at(Warmup::Ratio, 1000)], [0.9, 0.5, 0.1]);
    let power = Warmup::Power { gamma: 1.0, power: 0.5 };
    assert_eq!([at(power, 0), at(power, 3), at(power, 1000)], [1.0, 0.5, 0.1]);
    assert_eq!(at(Warmup::None, 0), 0.1);
}
