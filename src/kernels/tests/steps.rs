//! Element-wise loops.

use super::*;

/// The usual settings, without decay.
fn adam_settings(correction: f32) -> Adam {
    let (beta1, beta2) = (0.9, 0.999);
    let (gain1, gain2) = (1.0 - beta1, 1.0 - beta2);
    Adam { beta1, gain1, beta2, gain2, correction, epsilon: 1e-8, rate: 0.1, decay: 0.0, shrink: 1.0 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn element_wise_loops_agree_on_every_instruction_set(
        (w, v, g) in (0_usize..70).prop_flat_map(|n| (numbers(n), numbers(n), numbers(n))),
    ) {
        let run = || {
            let (mut w1, mut w2, mut w3) = (w.clone(), w.clone(), w.clone());
            let (mut v2, mut m3, mut v3) = (v.clone(), v.clone(), v.iter().map(|v| v * v).collect::<Vec<_>>());
            let c = Sgd { rate: 0.1, decay: 1e-3, momentum: 0.9, nesterov: true };
            sgd(&mut w1, &[0.25], &g, c.rate);
            decayed(&mut w1, &[0.25], &g, &c);
            momentum(&mut w2, &mut v2, &[0.25], &g, &c);
            let c = Adam {
                decay: 1e-3, shrink: 0.99, ..adam_settings(3.0)
            };
            adam(&mut w3, &mut m3, &mut v3, &[0.25], &g, &c);
            mean_update(&mut w1, &v, 0.3);
            mean_update_compensated(&mut w2, &mut v2, &g, 0.7);
            moments_update(&mut w3, &mut m3, &g, 0.1);
            add(&mut w1, &g, -0.4);
            let c = ScheduleFree { rate: 0.1, decay: 1e-3, beta: 0.9, gain: 0.3 };
            schedule_free(&mut w1, &mut w2, &mut w3, &g, 0.25, c);
            let second = SecondMoment { beta2: 0.99, gain2: 0.01, epsilon: 1e-8 };
            schedule_free_adam(&mut w1, (&mut w2, &mut w3, &mut v3), &g, 0.25, c, second);
            scale(&mut w1, 1.1);
            [w1, w2, v2, w3, m3, v3].concat()
        };
        let mut results = Vec::new();
        on_each(|| results.push(bits(&run())));
        assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn swap_exchanges(a in numbers(37), b in numbers(37)) {
        on_each(|| {
            let (mut x, mut y) = (a.clone(), b.clone());
            swap(&mut x, &mut y);
            assert_eq!((&x, &y), (&b, &a));
        });
    }

    #[test]
    fn finiteness_is_seen_anywhere(x in numbers(40), at in 0_usize..40) {
        on_each(|| {
            assert!(largest(&x).is_finite());
            for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut x = x.clone();
                x[at] = bad;
                assert!(!largest(&x).is_finite());
            }
        });
    }
}
/// A sample of all floats, and the neighbourhoods of all special arguments.
#[test]
fn exp_has_the_bits_of_libm() {
    compare_exp(if cfg!(debug_assertions) { 4096 } else { 64 });
}

#[test]
#[ignore = "all floats: minutes, in a release build, by .ci/run"]
fn exp_has_the_bits_of_libm_for_every_float() {
    compare_exp(1);
}

fn compare_exp(step: usize) {
    let special = [0.0, 1.220_703_1e-4, 0.346_573_6, 1.039_720_8, 87.336_55, 88.722_84, 103.972_084, f32::INFINITY];
    let near = special.into_iter().flat_map(|x: f32| x.to_bits().saturating_sub(300)..=x.to_bits() + 300);
    on_each(|| {
        let check = |bits: [u32; 8]| {
            let (x, mut y) = (bits.map(f32::from_bits), bits.map(f32::from_bits));
            exp(&mut y);
            for (x, y) in x.into_iter().zip(y) {
                let expected = libm::expf(x);
                for y in [y, exponential::exp_alone(x)] {
                    assert!(y.to_bits() == expected.to_bits() || x.is_nan() && y.is_nan(), "exp({x}): {y} {expected}");
                }
            }
        };
        for bits in near.clone() {
            check([bits, bits | 1 << 31, 0, 0, 0, 0, 0, 0]);
        }
        for bits in (0..=u32::MAX - 8).step_by(8 * step) {
            check(core::array::from_fn(|i| bits + i as u32));
        }
    });
}

#[test]
fn small_moments_become_zero() {
    let (mut w, mut m, mut v) = ([1.0], [1.1e-20], [1.0005e-30]);
    let c = adam_settings(1.0);
    adam(&mut w, &mut m, &mut v, &[1.0], &[0.0], &c);
    assert_eq!((m, v), ([0.0], [0.0]));
    let mut velocity = [1.1e-20];
    let c = Sgd { rate: 0.1, decay: 0.0, momentum: 0.9, nesterov: false };
    momentum(&mut w, &mut velocity, &[1.0], &[0.0], &c);
    assert_eq!(velocity, [0.0]);
}
