use super::*;
use crate::error::Buffer;
use crate::network::activation::Activation;
use crate::network::loss::Loss;
use crate::network::spec::Spec;

const NET: Spec = Spec::new(1).dense(1, Activation::Identity).loss(Loss::MeanSquared);

#[test]
fn settings_out_of_range_are_refused() {
    let mut none = [];
    for (momentum, nesterov, weight_decay, setting) in [
        (1.0, false, 0.0, Setting::Momentum),
        (-0.1, false, 0.0, Setting::Momentum),
        (f32::NAN, false, 0.0, Setting::Momentum),
        (0.0, true, 0.0, Setting::Momentum),
        (0.0, false, -1.0, Setting::WeightDecay),
        (0.0, false, f32::INFINITY, Setting::WeightDecay),
    ] {
        let config = SgdConfig { momentum, nesterov, weight_decay, no_bias_decay: false };
        assert_eq!(Sgd::new(config, &NET, &mut none).err(), Some(Error::Setting(setting)));
    }
    let good = AdamConfig::default();
    for (config, setting) in [
        (AdamConfig { beta1: 1.0, ..good }, Setting::Beta),
        (AdamConfig { beta2: f32::NAN, ..good }, Setting::Beta),
        (AdamConfig { epsilon: 0.0, ..good }, Setting::Epsilon),
        (AdamConfig { epsilon: 1e-15_f32.next_down(), ..good }, Setting::Epsilon),
        (AdamConfig { epsilon: f32::NAN, ..good }, Setting::Epsilon),
        (AdamConfig { epsilon: f32::INFINITY, ..good }, Setting::Epsilon),
        (AdamConfig { weight_decay: -1.0, ..good }, Setting::WeightDecay),
    ] {
        assert_eq!(Adam::new(config, &NET, &mut [0.0; 4]).err(), Some(Error::Setting(setting)));
    }
}

#[test]
fn a_state_of_the_wrong_length_is_refused_and_a_new_one_starts_at_zero() {
    let length = |needed, got| Some(Error::Length { buffer: Buffer::Optimizer, needed, got });
    let momentum = SgdConfig { momentum: 0.9, ..SgdConfig::default() };
    assert_eq!(Sgd::new(momentum, &NET, &mut []).err(), length(2, 0));
    assert_eq!(Sgd::new(SgdConfig::default(), &NET, &mut [0.0; 2]).err(), length(0, 2));
    assert_eq!(Adam::new(AdamConfig::default(), &NET, &mut [0.0; 3]).err(), length(4, 3));
    let mut stale = [7.0; 4];
    let _ = Adam::new(AdamConfig::default(), &NET, &mut stale).unwrap();
    assert_eq!(stale, [0.0; 4]);
}

#[test]
fn each_variant_moves_the_weight_as_its_formula_says() {
    // Two steps from w = 1 with gradients 2 and 1, worked out by hand.
    let run = |optimizer: &mut dyn Optimizer| {
        let mut w = [1.0];
        for g in [2.0, 1.0] {
            optimizer.begin(0.1, 1.0, w[0], g).unwrap();
            optimizer.update(0, &mut w, &[g]);
        }
        w[0]
    };
    let sgd = |momentum, nesterov, weight_decay| {
        let mut state = [0.0; 2];
        let config = SgdConfig { momentum, nesterov, weight_decay, no_bias_decay: false };
        let len = config.state_len(&NET);
        run(&mut Sgd::new(config, &NET, &mut state[..len]).unwrap())
    };
    let close = |a: f32, b: f32| assert!((a - b).abs() < 1e-6, "{a} {b}");
    close(sgd(0.0, false, 0.0), 0.7);
    close(sgd(0.5, false, 0.0), 1.0 - 0.2 - 0.2);
    close(sgd(0.5, true, 0.0), 1.0 - 0.1 * 3.0 - 0.1 * (1.0 + 0.5 * 2.0));
    close(sgd(0.0, false, 0.5), 0.75 - 0.1 * (1.0 + 0.5 * 0.75));
    let adam = |config: AdamConfig| run(&mut Adam::new(config, &NET, &mut [0.0; 4]).unwrap());
    // m̂ = 2 then (0.9·0.2 + 0.1)/0.19; v̂ = 4 then (0.999·0.004 + 0.001)/(1 − 0.999²).
    let second = (0.28 / 0.19) / ((0.004_996_f32 / 0.001_999).sqrt());
    close(adam(AdamConfig::default()), 0.9 - 0.1 * second);
    close(adam(AdamConfig::decoupled(0.5)), (0.95 - 0.1) * 0.95 - 0.1 * second);
    let coupled = adam(AdamConfig { weight_decay: 0.5, ..AdamConfig::default() });
    assert!((coupled - (0.9 - 0.1 * second)).abs() > 1e-4);
}

#[test]
fn no_weight_moves_further_than_the_reach() {
    // Each configuration with gradients alone and with weights alone, whose decay then moves them.
    let follow = |optimizer: &mut dyn Optimizer, weight: f32, gradient: f32| {
        let mut w = [weight, weight];
        for step in 0..50 {
            let before = w;
            let reach = optimizer.begin(3.0, 0.5, w[0].abs().max(w[1].abs()), gradient).unwrap();
            optimizer.update(0, &mut w, &[gradient, gradient]);
            let moved = (w[0] - before[0]).abs();
            assert!(moved <= reach * 1.000_001, "step {step}: {moved} {reach}");
            // Not so loose that it would be of no use.
            assert!(reach <= 25.0 * moved.max(1e-3), "step {step}: {moved} {reach}");
        }
    };
    for (weight, gradient) in [(0.0, 2.0), (0.25, 0.0)] {
        for (momentum, nesterov) in [(0.0, false), (0.9, false), (0.9, true)] {
            let weight_decay = if weight > 0.0 { 0.1 } else { 0.0 };
            let config = SgdConfig { momentum, nesterov, weight_decay, no_bias_decay: false };
            let mut state = [0.0; 2];
            let len = config.state_len(&NET);
            let mut sgd = Sgd::new(config, &NET, &mut state[..len]).unwrap();
            if weight == 0.0 || momentum == 0.0 {
                follow(&mut sgd, weight, gradient);
            } else {
                let reach = sgd.begin(3.0, 1.0, weight, gradient).unwrap();
                let mut w = [weight; 2];
                sgd.update(0, &mut w, &[0.0; 2]);
                assert!((w[0] - weight).abs() > 0.0 && (w[0] - weight).abs() <= reach);
            }
        }
        // With a large ε the bound is near; weights shrink by 1 − ηλ, here to −2 of themselves.
        let config = AdamConfig { epsilon: 1e3, ..AdamConfig::decoupled(1.0) };
        let mut moments = [0.0; 4];
        let mut adam = Adam::new(config, &NET, &mut moments).unwrap();
        let reach = adam.begin(3.0, 1.0, weight, gradient).unwrap();
        let mut w = [weight; 2];
        adam.update(0, &mut w, &[gradient; 2]);
        let moved = (w[0] - weight).abs();
        assert!(moved > 0.0 && moved <= reach * 1.000_001 && reach < 1.1 * moved, "{moved} {reach}");
    }
    let coupled = AdamConfig { weight_decay: 0.1, ..AdamConfig::default() };
    assert!(Adam::new(coupled, &NET, &mut [0.0; 4]).unwrap().begin(1.0, 1.0, 1.0, 1.0).unwrap().is_nan());
}
