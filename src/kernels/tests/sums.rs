//! Weighted sums of rows and dot products, in every form.

use super::*;
use crate::slices::cut_mut;
use std::vec;

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
}
