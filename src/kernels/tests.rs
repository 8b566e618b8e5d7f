//! Every kernel on every instruction set against the plain scalar form: the same bits.

use super::*;
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

/// Zeros are as frequent as in a real image; magnitudes span the range where rounding shows.
fn numbers(n: usize) -> impl Strategy<Value = Vec<f32>> {
    let number = prop_oneof![2 => Just(0.0_f32), 3 => -2.0_f32..2.0, 1 => -1e6_f32..1e6, 1 => -1e-6_f32..1e-6];
    proptest::collection::vec(number, n)
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|&x| if x == 0.0 { 0 } else { x.to_bits() }).collect()
}

/// Runs `f` once on each instruction set of this processor.
fn on_each(mut f: impl FnMut()) {
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    for isa in [Isa::Baseline, Isa::Avx2, Isa::Avx512] {
        if force(isa) {
            f();
        }
    }
    #[cfg(not(all(feature = "std", target_arch = "x86_64")))]
    f();
}

fn naive_dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 8];
    for j in 0..a.len() {
        lanes[j % 8] += a[j] * b[j];
    }
    ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]))
}

/// A layer's shape, its samples, weights, bias and deltas.
type Case = (usize, usize, usize, Vec<f32>, Vec<f32>, Vec<f32>, Vec<f32>);

fn case() -> impl Strategy<Value = Case> {
    (1_usize..6, 1_usize..20, 1_usize..150).prop_flat_map(|(n, inputs, outputs)| {
        (
            Just(n),
            Just(inputs),
            Just(outputs),
            numbers(n * inputs),
            numbers(inputs * outputs),
            numbers(outputs),
            numbers(n * outputs),
        )
    })
}

proptest! {
    #[test]
    fn forward_sums_rows_in_order((n, inputs, outputs, x, w, bias, _) in case()) {
        let mut expected = vec![0.0_f32; n * outputs];
        for s in 0..n {
            for j in 0..outputs {
                let mut z = bias[j];
                for k in 0..inputs {
                    if x[s * inputs + k] != 0.0 {
                        z += x[s * inputs + k] * w[k * outputs + j];
                    }
                }
                expected[s * outputs + j] = z;
            }
        }
        on_each(|| {
            let mut z = vec![f32::NAN; n * outputs];
            forward(&x, inputs, &w, &bias, &mut z);
            assert_eq!(bits(&z), bits(&expected));
        });
    }

    #[test]
    fn gradient_sums_samples_in_order((n, inputs, outputs, x, start, _, d) in case()) {
        let mut expected = start.clone();
        for k in 0..inputs {
            for j in 0..outputs {
                for s in 0..n {
                    if x[s * inputs + k] != 0.0 {
                        expected[k * outputs + j] += x[s * inputs + k] * d[s * outputs + j];
                    }
                }
            }
        }
        on_each(|| {
            let mut g = start.clone();
            gradient_rows(&mut g, &x, inputs, &d, outputs);
            assert_eq!(bits(&g), bits(&expected));
        });
    }

    #[test]
    fn input_gradient_is_a_dot_product_in_eight_lanes((n, inputs, outputs, slope, w, _, d) in case()) {
        let mut expected = slope.clone();
        for s in 0..n {
            for k in 0..inputs {
                if slope[s * inputs + k] != 0.0 {
                    let dot = naive_dot(&d[s * outputs..][..outputs], &w[k * outputs..][..outputs]);
                    expected[s * inputs + k] *= dot;
                }
            }
        }
        on_each(|| {
            let mut e = slope.clone();
            input_gradient(&w, &d, outputs, &mut e, inputs);
            assert_eq!(bits(&e), bits(&expected));
        });
    }

    #[test]
    fn reductions_use_eight_lanes(a in (0_usize..100).prop_flat_map(numbers)) {
        let ones = vec![1.0; a.len()];
        on_each(|| {
            assert_eq!(bits(&[dot(&a, &a)]), bits(&[naive_dot(&a, &a)]));
            assert_eq!(bits(&[sum(&a)]), bits(&[naive_dot(&a, &ones)]));
        });
    }

    #[test]
    fn element_wise_loops_agree_on_every_instruction_set(
        (w, v, g) in (0_usize..70).prop_flat_map(|n| (numbers(n), numbers(n), numbers(n))),
    ) {
        let run = || {
            let (mut w1, mut w2, mut w3) = (w.clone(), w.clone(), w.clone());
            let (mut v2, mut m3, mut v3) = (v.clone(), v.clone(), v.iter().map(|v| v * v).collect::<Vec<_>>());
            let c = Sgd { scale: 0.25, rate: 0.1, decay: 1e-3, momentum: 0.9, nesterov: true };
            sgd(&mut w1, &g, c);
            momentum(&mut w2, &mut v2, &g, c);
            let c = Adam {
                scale: 0.25, rate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, correction: 3.0, decay: 1e-3, shrink: 0.99,
            };
            adam(&mut w3, &mut m3, &mut v3, &g, c);
            mean_update(&mut w1, &v, 0.3);
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
            assert!(all_finite(&x));
            for bad in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut x = x.clone();
                x[at] = bad;
                assert!(!all_finite(&x));
            }
        });
    }
}

#[test]
fn small_moments_become_zero() {
    let (mut w, mut m, mut v) = ([1.0], [1.1e-20], [1.0005e-30]);
    let c = Adam {
        scale: 1.0,
        rate: 0.1,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        correction: 1.0,
        decay: 0.0,
        shrink: 1.0,
    };
    adam(&mut w, &mut m, &mut v, &[0.0], c);
    assert_eq!((m, v), ([0.0], [0.0]));
    let mut velocity = [1.1e-20];
    let c = Sgd { scale: 1.0, rate: 0.1, decay: 0.0, momentum: 0.9, nesterov: false };
    momentum(&mut w, &mut velocity, &[0.0], c);
    assert_eq!(velocity, [0.0]);
}
