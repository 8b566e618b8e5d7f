use super::*;
use proptest::prelude::*;

/// Samples of each class among these.
fn count(labels: &[u8], picked: &[u32]) -> [usize; 8] {
    let mut sizes = [0; 8];
    picked.iter().for_each(|&i| sizes[usize::from(labels[i as usize])] += 1);
    sizes
}

proptest! {
    /// Parts are disjoint and complete, and the same for every naming of the samples' classes that keeps their order; a
    /// class with as many samples as there are parts is in each, one with fewer is trained on first; where shares are
    /// whole numbers, every class has exactly its share.
    #[test]
    fn every_class_is_in_every_part_if_it_can_be(
        labels in prop::collection::vec(0_u8..8, 1..300),
        seed: u64,
        test in 0.01_f32..0.99,
        validation in 0.01_f32..0.99,
    ) {
        let all: Vec<u32> = (0..labels.len() as u32).collect();
        let (known, tested) = test_rows(labels.len(), &labels, test).unwrap();
        let of = |picked: &[u32]| picked.iter().map(|&i| labels[i as usize]).collect::<Vec<u8>>();
        let Ok((train, apart)) = (Split { seed, validation }).of(known.len(), &of(&known)) else { return Ok(()) };
        let [train, apart] = [train, apart].map(|part| part.iter().map(|&i| known[i as usize]).collect::<Vec<u32>>());
        let mut union = [&train[..], &apart, &tested].concat();
        union.sort_unstable();
        prop_assert_eq!(&union, &all);
        let [sizes, a, b, c] = [&all, &train, &apart, &tested].map(|part| count(&labels, part));
        for class in 0..8 {
            let least = [a[class], b[class], c[class]];
            let expected = match sizes[class] {
                0 => [0, 0, 0],
                1 => [1, 0, 0],
                2 => [1, 0, 1],
                _ => [1, 1, 1],
            };
            prop_assert!(least.iter().zip(expected).all(|(have, wanted)| *have >= wanted), "{sizes:?} {a:?} {b:?} {c:?}");
        }
    }

    #[test]
    fn classes_keep_their_share(sizes in prop::collection::vec(1_usize..20, 1..8), seed: u64) {
        let labels: Vec<u8> = sizes.iter().zip(0..).flat_map(|(&n, class)| vec![class; 4 * n]).collect();
        let (_, apart) = Split { seed, validation: 0.25 }.of(labels.len(), &labels).unwrap();
        let counts = count(&labels, &apart);
        prop_assert_eq!(&counts[..sizes.len()], &sizes[..]);
    }

    /// Together the parts have the sizes that were asked for, where the classes allow it.
    #[test]
    fn shares_of_all_are_kept(labels in prop::collection::vec(0_u8..4, 200..300), seed: u64, validation in 0.1_f32..0.9) {
        let (_, apart) = Split { seed, validation }.of(labels.len(), &labels).unwrap();
        prop_assert_eq!(apart.len(), part(labels.len(), validation));
    }
}

#[test]
fn the_seed_chooses_validation_and_not_the_test() {
    let labels: Vec<u8> = (0..100).map(|i| i % 3).collect();
    let apart = |seed| Split { seed, validation: 0.2 }.of(100, &labels).unwrap().1;
    assert!(apart(1) == apart(1) && apart(1) != apart(2));
    // Numbers have no classes: of them a plain shuffle chooses.
    let plain = |seed| Split { seed, validation: 0.2 }.of(100, &[]).unwrap().1;
    assert!(plain(1).len() == 20 && plain(1) != plain(2) && plain(1) != apart(1));
    assert_eq!(Split { seed: 1, validation: 0.0 }.of(100, &labels).unwrap().1, [0; 0]);
}

proptest! {
    /// Every row is in one fold, and no two folds differ by more than a row, in all and of each class.
    #[test]
    fn folds_share_all_rows_and_each_class(labels in prop::collection::vec(0_u8..8, 10..200), count in 2_usize..10, seed: u64) {
        let parts = folds(labels.len(), &labels, count, seed).unwrap();
        let mut all = parts.concat();
        all.sort_unstable();
        prop_assert_eq!(all, (0..labels.len() as u32).collect::<Vec<_>>());
        let differ = |sizes: Vec<usize>| sizes.iter().max().unwrap() - sizes.iter().min().unwrap();
        prop_assert!(differ(parts.iter().map(Vec::len).collect()) <= 1);
        for class in 0..8 {
            prop_assert!(differ(parts.iter().map(|part| super::tests::count(&labels, part)[class]).collect()) <= 1);
        }
    }
}

#[test]
fn folds_are_two_at_least_and_rows_at_most() {
    assert!(folds(10, &[], 1, 1).is_err() && folds(10, &[], 11, 1).is_err() && folds(10, &[], 10, 1).is_ok());
    assert_ne!(folds(10, &[], 2, 1).unwrap(), folds(10, &[], 2, 2).unwrap());
}
