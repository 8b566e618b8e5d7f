use super::*;

#[test]
fn each_kind_gives_its_own_values() {
    let at = |decay, step| Schedule { decay, ..Schedule::constant(0.4) }.at(step);
    let step = Decay::Step { every: 10, factor: 0.5 };
    assert_eq!([at(step, 0), at(step, 9), at(step, 10), at(step, 29)], [0.4, 0.4, 0.2, 0.1]);
    assert_eq!(at(Decay::Step { every: 0, factor: 0.5 }, 99), 0.4);
    let linear = Decay::Linear { to: 0.1, steps: 4 };
    assert!((at(linear, 1) - 0.325).abs() < 1e-7);
    assert_eq!([at(linear, 4), at(linear, u64::MAX)], [0.1, 0.1]);
    assert_eq!(at(Decay::Linear { to: 0.1, steps: 0 }, 0), 0.1);
    let cosine = Decay::Cosine { to: 0.0, steps: 3 };
    assert!((at(cosine, 1) - 0.3).abs() < 1e-6 && (at(cosine, 2) - 0.1).abs() < 1e-6);
    assert_eq!([at(cosine, 0), at(Decay::Constant, 7)], [0.4, 0.4]);
    assert!(at(cosine, 3).abs() < 1e-7);
}

#[test]
fn warm_up_rises_to_the_base_rate() {
    let schedule = Schedule { warmup: 3, ..Schedule::constant(1.0) };
    let rates: [f32; 5] = core::array::from_fn(|s| schedule.at(s as u64));
    assert_eq!(rates, [0.25, 0.5, 0.75, 1.0, 1.0]);
}
