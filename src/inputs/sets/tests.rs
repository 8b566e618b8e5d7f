use super::*;
use crate::inputs::batch::Floats;
use crate::inputs::{SparseSet, compress};

#[test]
fn gradients_without_lists_are_those_of_floats() {
    const SHAPE: Shape = Shape { inputs: 4, outputs: 2 };
    let set = [0, 3, 0, 1, 5, 0, 0, 2, 0, 0, 4, 0];
    let (mut starts, mut positions, mut values) = ([0; 4], [0; 5], [0; 5]);
    compress(&set, 4, &mut starts, &mut positions, &mut values).unwrap();
    let sparse = SparseSet::new(4, &starts, &positions, &values, 0.1).unwrap();
    let floats = set.map(|byte| f32::from(byte) * 0.1);
    let pick = [0, 1, 2];
    let sets = [
        sparse.rows(&pick),
        Set { bytes: &set, scale: 0.1, ..Set::new(&BYTES, &pick) },
        Set { floats: &floats, ..Set::new(&FLOATS, &pick) },
    ];
    let deltas = [0.3, -0.7, 1.1, 0.2, -0.9, 0.5];
    for (first, fresh) in [(0, true), (1, false), (3, true)] {
        let mut expected = [0.25; 8];
        let g = cut_mut(&mut expected, 8 - 2 * first).0;
        Floats(&floats).gradient(SHAPE, first, &deltas, g, fresh);
        for set in &sets {
            let mut got = [0.25; 8];
            set.gradient(SHAPE, first, &deltas, cut_mut(&mut got, 8 - 2 * first).0, fresh);
            assert_eq!(got.map(f32::to_bits), expected.map(f32::to_bits));
        }
    }
}
