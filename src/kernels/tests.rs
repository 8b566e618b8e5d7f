//! Every kernel on every instruction set against the plain scalar form: the same bits.

use super::*;
use crate::slices::cut_mut;
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

/// The usual settings, without decay.
fn adam_settings(correction: f32) -> Adam {
    let (beta1, beta2) = (0.9, 0.999);
    let (gain1, gain2) = (1.0 - beta1, 1.0 - beta2);
    Adam { beta1, gain1, beta2, gain2, correction, epsilon: 1e-8, rate: 0.1, decay: 0.0, shrink: 1.0 }
}

/// Runs `f` once on each instruction set of this processor.
fn on_each(mut f: impl FnMut()) {
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    for isa in [Isa::Scalar, Isa::Baseline, Isa::Avx2, Isa::Avx512] {
        if force(isa) {
            f();
            assert_ran(isa);
        }
    }
    #[cfg(not(all(feature = "std", target_arch = "x86_64")))]
    f();
}

/// Code for `isa` ran, and no other; on AVX-512 the dense tiles and the input gradients run AVX2's. A release build does not
/// know.
#[cfg(all(feature = "std", target_arch = "x86_64"))]
fn assert_ran(isa: Isa) {
    let did = |isa| ran(isa).unwrap_or(true);
    assert!(did(isa) || isa == Isa::Avx512 && did(Isa::Avx2), "{isa:?} was forced and did not run");
    for other in [Isa::Scalar, Isa::Baseline, Isa::Avx2, Isa::Avx512] {
        let may = other == isa || (isa, other) == (Isa::Avx512, Isa::Avx2);
        assert!(may || ran(other) != Some(true), "{isa:?} was forced, {other:?} ran");
    }
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
    // Mostly small; some longer than a slab of the dense loops.
    let shape = prop_oneof![
        20 => (1_usize..7, 1_usize..20, 1_usize..150),
        1 => Just((3, 300, 19)),
        1 => Just((300, 5, 37)),
        1 => Just((70, 6, 150)),
    ];
    shape.prop_flat_map(|(n, inputs, outputs)| {
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

/// The lists of floats or bytes, by sample and by column.
struct Listed {
    starts: Vec<u32>,
    indices: Vec<u32>,
    values: Vec<f32>,
    masks: Vec<[u32; 2]>,
    cursors: Vec<u32>,
    groups: usize,
}

impl Listed {
    fn new(n: usize, inputs: usize) -> Self {
        let (places, groups) = (n * inputs + SLACK, n.div_ceil(GROUP));
        Self {
            starts: vec![7; n + 1],
            indices: vec![7; places],
            values: vec![f32::NAN; places],
            masks: vec![[7; 2]; inputs * groups],
            cursors: vec![7; 2 * n],
            groups,
        }
    }

    fn of_floats(n: usize, inputs: usize, x: &[f32]) -> Self {
        let mut l = Self::new(n, inputs);
        let Self { starts, indices, values, masks, groups, .. } = &mut l;
        let mut lists = FloatListsMut { starts, indices, values };
        list_floats(x, inputs, &mut lists);
        mark_floats(&lists.finish(), *groups, masks);
        l
    }

    fn of_bytes(bytes: &ByteRows<'_>) -> Self {
        let mut l = Self::new(bytes.pick.len(), bytes.width);
        let Self { starts, indices, masks, groups, .. } = &mut l;
        let mut lists = ByteListsMut { starts, terms: indices };
        list_bytes(bytes, &mut lists);
        mark_bytes(&lists.finish(bytes.scale), *groups, masks);
        l
    }

    fn floats(&self) -> FloatLists<'_> {
        FloatLists { starts: &self.starts, indices: &self.indices, values: &self.values }
    }

    fn bytes(&self, scale: f32) -> ByteLists<'_> {
        ByteLists { starts: &self.starts, terms: &self.indices, scale }
    }

    /// Runs `f` on the columns, in two calls: the first two columns, then the rest.
    fn in_two(&mut self, g: &mut [f32], outputs: usize, mut f: impl FnMut(&mut [f32], &Columns<'_>, usize)) {
        let cursors = core::cell::Cell::from_mut(&mut *self.cursors).as_slice_of_cells();
        let columns = Columns { masks: &self.masks, cursors, groups: self.groups };
        let (first, rest) = cut_mut(g, 2 * outputs);
        f(first, &columns, 0);
        f(rest, &columns, 2);
    }
}

/// A set of bytes without its zeros.
fn compressed(set: &[u8], inputs: usize) -> (Vec<u32>, Vec<u16>, Vec<u8>) {
    let (mut starts, mut positions, mut values) = (vec![0], Vec::new(), Vec::new());
    for row in set.chunks(inputs) {
        for (k, &byte) in (0..).zip(row).filter(|(_, byte)| **byte != 0) {
            positions.push(k);
            values.push(byte);
        }
        starts.push(values.len() as u32);
    }
    (starts, positions, values)
}

/// `z[s] = bias + Σ_k x[s][k]·w[k]`, one term at a time.
fn naive_forward(x: &[f32], inputs: usize, w: &[f32], bias: &[f32]) -> Vec<f32> {
    let outputs = bias.len();
    let mut z = Vec::new();
    for x in x.chunks(inputs) {
        for j in 0..outputs {
            let terms = (0..inputs).filter(|&k| x[k] != 0.0);
            z.push(terms.fold(bias[j], |z, k| z + x[k] * w[k * outputs + j]));
        }
    }
    z
}

/// `g[k] += Σ_s x[s][k]·d[s]`, one term at a time.
fn naive_gradient(g: &mut [f32], x: &[f32], inputs: usize, d: &[f32], outputs: usize) {
    for k in 0..inputs {
        for j in 0..outputs {
            for s in (0..x.len() / inputs).filter(|&s| x[s * inputs + k] != 0.0) {
                g[k * outputs + j] += x[s * inputs + k] * d[s * outputs + j];
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn forward_sums_rows_in_order_in_every_form((n, inputs, outputs, x, w, bias, _) in case()) {
        let expected = bits(&naive_forward(&x, inputs, &w, &bias));
        on_each(|| {
            let check = |f: &dyn Fn(&mut [f32])| {
                let mut z = vec![f32::NAN; n * outputs];
                f(&mut z);
                assert_eq!(bits(&z), expected);
            };
            check(&|z| dispatch::forward(&x, inputs, &w, &bias, z));
            check(&|z| dispatch::forward_dense(&x, inputs, &w, &bias, z));
            check(&|z| forward(&x, inputs, &w, &bias, z));
            let lists = Listed::of_floats(n, inputs, &x);
            check(&|z| forward_listed_floats(&lists.floats(), &w, &bias, z));
        });
    }

    #[test]
    fn gradient_sums_samples_in_order_in_every_form((n, inputs, outputs, x, start, _, d) in case()) {
        let mut sums = start.clone();
        naive_gradient(&mut sums, &x, inputs, &d, outputs);
        let mut fresh = vec![0.0; start.len()];
        naive_gradient(&mut fresh, &x, inputs, &d, outputs);
        on_each(|| {
            let check = |f: &dyn Fn(&mut [f32]), expected: &[f32]| {
                let mut g = start.clone();
                f(&mut g);
                assert_eq!(bits(&g), bits(expected));
            };
            check(&|g| dispatch::gradient_rows(g, &x, inputs, &d, outputs), &sums);
            check(&|g| dispatch::gradient_dense(g, &x, inputs, &d, outputs), &sums);
            check(&|g| gradient_rows(g, &x, inputs, &d, outputs, false), &sums);
            check(&|g| gradient_rows(g, &x, inputs, &d, outputs, true), &fresh);
            let listed = |g: &mut [f32], fresh| {
                let mut of = Listed::of_floats(n, inputs, &x);
                let (starts, indices, values) = (of.starts.clone(), of.indices.clone(), of.values.clone());
                let lists = FloatLists { starts: &starts, indices: &indices, values: &values };
                of.in_two(g, outputs, |g, columns, first| {
                    listed_float_rows(g, (&lists, columns), first, &d, outputs, fresh);
                });
            };
            check(&|g| listed(g, false), &sums);
            check(&|g| listed(g, true), &fresh);
        });
    }

    #[test]
    fn bytes_are_the_floats_they_stand_for(
        (n, inputs, outputs, _, w, bias, d) in case(),
        scale in 0.001_f32..2.0,
        all in proptest::collection::vec(prop_oneof![3 => Just(0_u8), 1 => any::<u8>()], 7 * 20),
        rows in proptest::collection::vec(0_u32..7, 7),
    ) {
        let inputs = inputs.min(20);
        let n = n.min(7);
        let (w, d) = (&w[..inputs * outputs], &d[..n * outputs]);
        let set = &all[..7 * inputs];
        let pick = &rows[..n];
        let x: Vec<f32> = pick
            .iter()
            .flat_map(|&row| set[row as usize * inputs..][..inputs].iter().map(|&b| f32::from(b) * scale))
            .collect();
        let z_expected = bits(&naive_forward(&x, inputs, w, &bias));
        let mut g_expected = vec![0.5; inputs * outputs];
        naive_gradient(&mut g_expected, &x, inputs, d, outputs);
        on_each(|| {
            let (mut z, mut g) = (vec![f32::NAN; n * outputs], vec![0.5; inputs * outputs]);
            let bytes = ByteRows { set, width: inputs, pick, scale };
            forward_bytes(&bytes, w, &bias, &mut z);
            assert_eq!(bits(&z), z_expected);
            gradient_bytes(&mut g, &bytes, 0, d, outputs);
            assert_eq!(bits(&g), bits(&g_expected));
            let mut listed = Listed::of_bytes(&bytes);
            let (mut z, mut g) = (vec![f32::NAN; n * outputs], vec![0.5; inputs * outputs]);
            forward_listed_bytes(&listed.bytes(scale), w, &bias, &mut z);
            assert_eq!(bits(&z), z_expected);
            let (starts, terms) = (listed.starts.clone(), listed.indices.clone());
            let lists = ByteLists { starts: &starts, terms: &terms, scale };
            listed.in_two(&mut g, outputs, |g, columns, first| {
                listed_byte_rows(g, (&lists, columns), first, d, outputs, false);
            });
            assert_eq!(bits(&g), bits(&g_expected));
            let (starts, positions, values) = compressed(set, inputs);
            let rows = CompressedRows { starts: &starts, positions: &positions, values: &values, pick, scale };
            let mut z = vec![f32::NAN; n * outputs];
            forward_compressed(&rows, w, &bias, &mut z);
            assert_eq!(bits(&z), z_expected);
            assert_eq!(count_bytes(&bytes), x.iter().filter(|x| **x != 0.0).count());
            assert_eq!(count_floats(&x), count_bytes(&bytes));
            let columns = inputs.div_ceil(2);
            let lit = (0..n * inputs).filter(|i| i % inputs < columns && x[*i] != 0.0).count();
            assert_eq!(count_columns(&x, inputs, columns), lit);
        });
    }

    #[test]
    fn input_gradient_is_a_dot_product_in_eight_lanes((n, inputs, outputs, slope, w, _, d) in case()) {
        let mut expected = slope.clone();
        for s in 0..n {
            for k in (0..inputs).filter(|&k| slope[s * inputs + k] != 0.0) {
                expected[s * inputs + k] *= naive_dot(&d[s * outputs..][..outputs], &w[k * outputs..][..outputs]);
            }
        }
        on_each(|| {
            for form in [
                dispatch::input_gradient,
                dispatch::input_gradient_dense,
                dispatch::input_gradient_active,
                input_gradient,
            ] {
                let mut e = slope.clone();
                form(&w, &d, outputs, &mut e, inputs);
                assert_eq!(bits(&e), bits(&expected));
            }
        });
    }

    #[test]
    fn dot_products_use_eight_lanes(a in (0_usize..100).prop_flat_map(numbers)) {
        on_each(|| {
            assert_eq!(bits(&[dot(&a, &a)]), bits(&[naive_dot(&a, &a)]));
        });
    }

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
