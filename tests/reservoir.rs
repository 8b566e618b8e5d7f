//! A reservoir against definition 19, written plainly, and against what it promises: equal chances within a class, and as many
//! places for each class.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::cases;
use cygnet::Error;
use cygnet::error::{Buffer, Setting, Value};
use cygnet::random::{Purpose, stream};
use cygnet::reservoir::{Reservoir, ReservoirConfig, ReservoirState};
use proptest::prelude::*;

const KEPT: ReservoirConfig = ReservoirConfig { places: 12, width: 2, classes: 3 };

/// Its slices.
struct Memory {
    samples: Vec<f32>,
    labels: Vec<u16>,
    counts: Vec<u32>,
}

impl Memory {
    fn new(config: &ReservoirConfig) -> Self {
        Self {
            samples: vec![f32::NAN; config.samples_len()],
            labels: vec![9; config.places],
            counts: vec![9; config.counts_len()],
        }
    }

    fn start(&mut self, config: ReservoirConfig, seed: u64) -> Reservoir<'_, f32> {
        Reservoir::new(config, seed, &mut self.samples, &mut self.labels, &mut self.counts).unwrap()
    }

    fn resume(&mut self, state: ReservoirState) -> Result<Reservoir<'_, f32>, Error> {
        Reservoir::resume(state, &mut self.samples, &mut self.labels, &mut self.counts)
    }
}

/// Sample `i` of a stream.
fn sample(i: usize) -> [f32; 2] {
    [i as f32, -0.5]
}

/// Definition 19, with a list a class of the places that it holds; which sample stands in each place.
fn reference(config: &ReservoirConfig, seed: u64, labels: &[u16]) -> Vec<usize> {
    let mut places: Vec<usize> = Vec::new();
    let mut seen = vec![0_u32; config.classes];
    for (i, &label) in labels.iter().enumerate() {
        let of = |places: &[usize], class: u16| -> Vec<usize> {
            (0..places.len()).filter(|&place| labels[places[place]] == class).collect()
        };
        let own = of(&places, label);
        let holds_all = own.len() == seen[usize::from(label)] as usize;
        seen[usize::from(label)] += 1;
        if places.len() < config.places {
            places.push(i);
            continue;
        }
        let mut random = stream(seed, Purpose::Reservoir, i as u64);
        let sizes: Vec<usize> = (0..config.classes as u16).map(|class| of(&places, class).len()).collect();
        let most = *sizes.iter().max().unwrap();
        if holds_all && own.len() < most {
            let largest: Vec<usize> =
                (0..places.len()).filter(|&place| sizes[usize::from(labels[places[place]])] == most).collect();
            places[largest[random.bounded(largest.len() as u32) as usize]] = i;
        } else if let Some(&place) = own.get(random.bounded(seen[usize::from(label)]) as usize) {
            places[place] = i;
        }
    }
    places
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn it_holds_what_the_definition_says(
        labels in prop::collection::vec(prop::sample::select(vec![0_u16, 0, 0, 0, 1, 1, 2]), 1..150),
        places in 1_usize..15,
        seed in any::<u64>(),
    ) {
        let config = ReservoirConfig { places, ..KEPT };
        let mut memory = Memory::new(&config);
        let mut bytes = (vec![0_u8; config.samples_len()], vec![0; places], vec![0; config.counts_len()]);
        let mut of_bytes = Reservoir::new(config, seed, &mut bytes.0, &mut bytes.1, &mut bytes.2).unwrap();
        let mut reservoir = memory.start(config, seed);
        for (i, &label) in labels.iter().enumerate() {
            let place = reservoir.offer(&sample(i), label).unwrap();
            let held = reference(&config, seed, &labels[..=i]);
            prop_assert_eq!(place, held.iter().position(|&at| at == i));
            prop_assert_eq!(of_bytes.offer(&[i as u8, 1], label).unwrap(), place);
            let expected: Vec<f32> = held.iter().flat_map(|&i| sample(i)).collect();
            prop_assert_eq!(reservoir.samples(), &expected[..]);
            let of: Vec<u16> = held.iter().map(|&i| labels[i]).collect();
            prop_assert_eq!((reservoir.labels(), reservoir.held()), (&of[..], of.len()));
            prop_assert_eq!(of_bytes.labels(), &of[..]);
        }
    }

    /// A class with fewer places than the largest has lost none of its samples, or has one place less.
    #[test]
    fn classes_are_balanced(
        labels in prop::collection::vec(prop::sample::select(vec![0_u16, 0, 0, 0, 0, 0, 0, 1, 1, 2]), 1..400),
        seed in any::<u64>(),
    ) {
        let mut memory = Memory::new(&KEPT);
        let mut reservoir = memory.start(KEPT, seed);
        for (i, &label) in labels.iter().enumerate() {
            reservoir.offer(&sample(i), label).unwrap();
            let (seen, held) = (reservoir.seen(), reservoir.held_by_class());
            let most = *held.iter().max().unwrap();
            prop_assert!(seen.iter().zip(held).all(|(&n, &m)| m == n || (m < n && m + 1 >= most)), "{seen:?} {held:?}");
            prop_assert_eq!(held.iter().sum::<u32>() as usize, (i + 1).min(KEPT.places));
        }
    }

    /// Cut after any sample, kept as bytes.
    #[test]
    fn it_goes_on_by_value(cuts in prop::collection::vec(any::<bool>(), 60), seed in any::<u64>()) {
        let (mut whole, mut apart) = (Memory::new(&KEPT), Memory::new(&KEPT));
        let mut never_cut = whole.start(KEPT, seed);
        let mut state = apart.start(KEPT, seed).into_state();
        for (i, is_cut) in cuts.into_iter().enumerate() {
            if is_cut {
                state = ReservoirState::from_bytes(KEPT, &state.to_bytes()).unwrap();
            }
            let label = [0, 0, 1, 0, 2][i % 5];
            let mut again = apart.resume(state).unwrap();
            let places = (never_cut.offer(&sample(i), label), again.offer(&sample(i), label));
            prop_assert_eq!(places.0, places.1);
            prop_assert_eq!((never_cut.samples(), never_cut.labels()), (again.samples(), again.labels()));
            state = again.into_state();
        }
        prop_assert_eq!(never_cut.state(), state);
    }
}

/// A class that lost samples comes again, when it no longer holds the most: its late samples get no better chance.
#[test]
fn every_prefix_of_a_stream_is_held_with_equal_probability_within_a_class() {
    const SEEDS: u64 = 4000;
    let mut labels = vec![0_u16; 20];
    labels.extend([1, 1, 0, 1, 2, 0, 1, 1, 2, 0, 0, 0, 2, 2, 2, 1, 0, 1, 2, 2, 0, 0, 0, 0, 1]);
    let config = ReservoirConfig { places: 7, ..KEPT };
    // Of each prefix and each sample of it, how often it is held.
    let mut counts = vec![vec![0_u64; labels.len()]; labels.len()];
    let mut held = vec![[0_u64; 3]; labels.len()];
    for seed in 0..SEEDS {
        let mut memory = Memory::new(&config);
        let mut reservoir = memory.start(config, seed);
        for (i, &label) in labels.iter().enumerate() {
            reservoir.offer(&sample(i), label).unwrap();
            reservoir.samples().iter().step_by(2).for_each(|&x| counts[i][x as usize] += 1);
            (0..3).for_each(|class| held[i][class] += u64::from(reservoir.held_by_class()[class]));
        }
    }
    for end in 0..labels.len() {
        for i in 0..=end {
            let class = labels[i];
            let seen = labels[..=end].iter().filter(|&&of| of == class).count() as f64;
            let chance = held[end][usize::from(class)] as f64 / SEEDS as f64 / seen;
            let deviation = (chance * (1.0 - chance) / SEEDS as f64).sqrt();
            let found = counts[end][i] as f64 / SEEDS as f64;
            // 1,035 pairs: five deviations are passed by chance once in 1,700 tests, and the seeds are fixed.
            assert!((found - chance).abs() <= 5.0 * deviation, "sample {i} of {end}: {found}, expected {chance}");
        }
    }
}

#[test]
fn draws_are_different_rows_each_as_likely_as_any() {
    let mut memory = Memory::new(&KEPT);
    let mut reservoir = memory.start(KEPT, 3);
    let (mut rows, mut labels) = ([0; 5], [9; 5]);
    assert_eq!(reservoir.draw(0, &mut rows, &mut labels), Err(Error::Empty));
    (0..3).for_each(|i| assert!(reservoir.offer(&sample(i), (i % 3) as u16).is_ok()));
    let few = reservoir.draw(0, &mut rows, &mut labels).unwrap();
    let mut sorted = few.0.to_vec();
    sorted.sort_unstable();
    assert_eq!((sorted, few.1.len()), (vec![0, 1, 2], 3), "as many as are held");
    (3..90).for_each(|i| assert!(reservoir.offer(&sample(i), (i % 3) as u16).is_ok()));
    let mut counts = [0_u32; 12];
    for number in 0..6000 {
        let (rows, of) = reservoir.draw(number, &mut rows, &mut labels).unwrap();
        assert!(rows.iter().enumerate().all(|(k, row)| !rows[..k].contains(row)), "{rows:?}");
        for (&row, &label) in rows.iter().zip(of) {
            assert_eq!(label, reservoir.labels()[row as usize]);
            counts[row as usize] += 1;
        }
    }
    // 2,500 expected, deviation √(6,000·5/12·7/12) = 38.
    assert!(counts.iter().all(|n| n.abs_diff(2500) < 160), "{counts:?}");
    let (mut again, mut of) = ([0; 5], [0; 5]);
    let first = reservoir.draw(7, &mut rows, &mut labels).unwrap();
    assert_eq!(first, reservoir.draw(7, &mut again, &mut of).unwrap(), "a draw has a number");
    let length = Error::Length { buffer: Buffer::Targets, needed: 5, got: 4 };
    assert_eq!(reservoir.draw(0, &mut rows, &mut of[..4]), Err(length));
    assert_eq!(reservoir.draw(0, &mut [], &mut []), Err(Error::Empty));
}

#[test]
fn what_is_refused_is_not_counted() {
    let mut memory = Memory::new(&KEPT);
    let mut reservoir = memory.start(KEPT, 1);
    for i in 0..20 {
        reservoir.offer(&sample(i), 1).unwrap();
        let before = (reservoir.state(), reservoir.samples().to_vec(), reservoir.seen().to_vec());
        let length = Error::Length { buffer: Buffer::Inputs, needed: 2, got: 3 };
        assert_eq!(reservoir.offer(&[0.5; 3], 0), Err(length));
        assert_eq!(reservoir.offer(&[0.5; 2], 3), Err(Error::Label { sample: 0, label: 3, classes: 3 }));
        for wrong in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let non_finite = Error::NonFinite { value: Value::Input, index: 1 };
            assert_eq!(reservoir.offer(&[0.5, wrong], 0), Err(non_finite));
        }
        assert_eq!(before, (reservoir.state(), reservoir.samples().to_vec(), reservoir.seen().to_vec()));
    }
    reservoir.reset();
    assert_eq!((reservoir.held(), reservoir.seen(), reservoir.state()), (0, &[0; 3][..], ReservoirState::new(KEPT, 1)));
}

#[test]
fn settings_and_lengths_are_checked() {
    let with = |config: ReservoirConfig, [a, b, c]: [usize; 3]| {
        let (mut samples, mut labels, mut counts) = (vec![0_u8; a], vec![0; b], vec![0; c]);
        Reservoir::new(config, 1, &mut samples, &mut labels, &mut counts).map(|_| ()).err()
    };
    let [none, wide, classes] = [
        ReservoirConfig { places: 0, ..KEPT },
        ReservoirConfig { width: 0, ..KEPT },
        ReservoirConfig { classes: 0, ..KEPT },
    ];
    assert_eq!([none, wide].map(|config| with(config, [0; 3])), [Some(Error::Setting(Setting::Reservoir)); 2]);
    assert_eq!(with(classes, [24, 12, 0]), Some(Error::Setting(Setting::Classes)));
    assert_eq!(ReservoirState::from_bytes(none, &[0; 16]), Err(Error::Setting(Setting::Reservoir)));
    let length = |buffer, needed, got| Some(Error::Length { buffer, needed, got });
    assert_eq!(with(KEPT, [24, 12, 6]), None);
    assert_eq!(with(KEPT, [23, 12, 6]), length(Buffer::Reservoir, 24, 23));
    assert_eq!(with(KEPT, [24, 13, 6]), length(Buffer::ReservoirLabels, 12, 13));
    assert_eq!(with(KEPT, [24, 12, 3]), length(Buffer::ReservoirCounts, 6, 3));
}

#[test]
fn slices_that_no_stream_leaves_are_refused() {
    let mut memory = Memory::new(&KEPT);
    let mut reservoir = memory.start(KEPT, 5);
    (0..40).for_each(|i| assert!(reservoir.offer(&sample(i), [0, 0, 1, 0, 2][i % 5]).is_ok()));
    let state = reservoir.into_state();
    assert!(memory.resume(state).is_ok());
    let good = (memory.samples.clone(), memory.labels.clone(), memory.counts.clone());
    let mut with = |change: &dyn Fn(&mut Memory), state| {
        (memory.samples, memory.labels, memory.counts) = good.clone();
        change(&mut memory);
        memory.resume(state).err()
    };
    assert_eq!(with(&|m| m.labels[7] = 3, state), Some(Error::Label { sample: 7, label: 3, classes: 3 }));
    let non_finite = Error::NonFinite { value: Value::Input, index: 9 };
    assert_eq!(with(&|m| m.samples[9] = f32::NAN, state), Some(non_finite));
    let inconsistent: [&dyn Fn(&mut Memory); 5] = [
        &|m| m.counts[0] += 1,
        &|m| m.counts[3] += 1,
        &|m| m.labels[0] ^= 1,
        &|m| (m.counts[0], m.counts[1]) = (31, 1),
        &|m| (m.counts[3], m.counts[4]) = (m.counts[3] - 1, m.counts[4] + 1),
    ];
    assert_eq!(inconsistent.map(|change| with(change, state)), [Some(Error::State); 5]);
    assert_eq!(with(&|_| (), ReservoirState::new(KEPT, 5)), Some(Error::State));
    // A count that stays at its largest is of any number of samples.
    let mut bytes = state.to_bytes();
    bytes[8..].copy_from_slice(&(u64::from(u32::MAX) + 100).to_le_bytes());
    let many = ReservoirState::from_bytes(KEPT, &bytes).unwrap();
    assert_eq!(with(&|m| m.counts[0] = u32::MAX, many), None);
    assert_eq!((many.offered(), with(&|_| (), many)), (4_294_967_395, Some(Error::State)));
}
