use super::*;
use rand_core::Rng;

/// Key, counter and words of Philox4x32-10: Random123's known answers (`tests/kat_vectors`, Salmon et al. 2011).
const KNOWN: [([u32; 2], [u32; 4], [u32; 4]); 3] = [
    ([0; 2], [0; 4], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
    ([u32::MAX; 2], [u32::MAX; 4], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
    (
        [0xa409_3822, 0x299f_31d0],
        [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
        [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
    ),
];

/// The seed whose `purpose` has this key: each step of `splitmix64` undone, the last one first.
fn seed_of([low, high]: [u32; 2], purpose: Purpose) -> u64 {
    let inverse_of = |odd: u64| (0..6).fold(odd, |x, _| x.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(x))));
    let unfold = |z: u64, by: u32| (0..3).fold(z, |x, _| z ^ x >> by);
    let z = unfold(u64::from(low) | u64::from(high) << 32, 31).wrapping_mul(inverse_of(0x94d0_49bb_1331_11eb));
    let z = unfold(z, 27).wrapping_mul(inverse_of(0xbf58_476d_1ce4_e5b9));
    unfold(z, 30) ^ key(0, purpose)
}

#[test]
fn draws_are_the_known_answers_of_philox() {
    for (key, [unit, sample, low, high], words) in KNOWN {
        let long = u64::from(low) | u64::from(high) << 32;
        let halves = words.map(|word| [word as u16, (word >> 16) as u16]);
        let masks = Masks::new(seed_of(key, Purpose::Dropout), long);
        assert_eq!(masks.block((unit >> 16) as u16, sample, unit as u16), halves.as_flattened());
        #[cfg(feature = "std")]
        assert_eq!(SampleDraws::new(seed_of(key, Purpose::Augment), long, sample).block(unit), words);
    }
    let (key, _, words) = KNOWN[0];
    let mut first = stream(seed_of(key, Purpose::Init), Purpose::Init, 0);
    assert_eq!(words, core::array::from_fn(|_| first.next_u32()));
}

#[test]
fn streams_start_where_they_always_did() {
    // Purposes and numbers of streams are part of the contract, too.
    let first = |seed, purpose, number| stream(seed, purpose, number).next_u64();
    assert_eq!(first(1, Purpose::Init, 0), 16_750_638_374_743_757_138);
    assert_eq!(first(1, Purpose::Shuffle, 7), 8_549_934_797_477_465_487);
}

#[test]
fn bytes_are_those_of_the_words_and_numbers_below_a_bound_stay_there() {
    let (mut words, mut bytes) = (stream(1, Purpose::Init, 2), stream(1, Purpose::Init, 2));
    let mut filled = [0; 11];
    bytes.fill_bytes(&mut filled);
    let expected: [[u8; 4]; 3] = core::array::from_fn(|_| words.next_u32().to_le_bytes());
    assert_eq!(filled, expected.as_flattened()[..11]);
    assert_eq!(Rng::next_u64(&mut bytes), words.next_u64());
    for bound in [0, 1, 2, 3, u32::MAX] {
        assert!((0..100).all(|_| words.bounded(bound) < bound.max(1)));
    }
}

#[test]
fn shuffle_is_a_permutation_and_depends_on_seed_and_stream() {
    let order = |seed, epoch| {
        let mut items: [u32; 100] = core::array::from_fn(|i| i as u32);
        shuffle(&mut items, &mut stream(seed, Purpose::Shuffle, epoch));
        items
    };
    let mut sorted = order(1, 0);
    sorted.sort_unstable();
    assert!(sorted.iter().enumerate().all(|(i, &x)| i == x as usize));
    assert_eq!(order(1, 0), order(1, 0));
    assert_ne!(order(1, 0), order(1, 1));
    assert_ne!(order(1, 0), order(2, 0));
}

#[test]
fn shuffle_puts_every_item_everywhere_equally_often() {
    let mut random = stream(7, Purpose::Shuffle, 0);
    let mut counts = [[0_u32; 4]; 4];
    for _ in 0..24_000 {
        let mut items = [0, 1, 2, 3];
        shuffle(&mut items, &mut random);
        for (at, &item) in items.iter().enumerate() {
            counts[at][item as usize] += 1;
        }
    }
    assert!(counts.iter().flatten().all(|&c| (5700..6300).contains(&c)), "{counts:?}");
}

#[test]
fn normal_has_the_moments_of_a_normal() {
    let mut random = stream(3, Purpose::Init, 0);
    let (mut m1, mut m2, mut m4) = (0.0_f64, 0.0, 0.0);
    let n = 100_000;
    for _ in 0..n {
        let x = f64::from(normal(&mut random));
        m1 += x;
        m2 += x * x;
        m4 += x.powi(4);
    }
    let n = f64::from(n);
    assert!((m1 / n).abs() < 0.01 && (m2 / n - 1.0).abs() < 0.02 && (m4 / n - 3.0).abs() < 0.1);
}

#[test]
fn masks_depend_on_every_part_of_their_address() {
    let first = Masks::new(1, 2).block(3, 4, 5);
    assert_eq!(first, Masks::new(1, 2).block(3, 4, 5));
    for other in [
        Masks::new(9, 2).block(3, 4, 5),
        Masks::new(1, 9).block(3, 4, 5),
        Masks::new(1, 2 << 32).block(3, 4, 5),
        Masks::new(1, 2).block(9, 4, 5),
        Masks::new(1, 2).block(3, 9, 5),
        Masks::new(1, 2).block(3, 4, 9),
    ] {
        assert_ne!(first, other);
    }
}

#[cfg(feature = "std")]
#[test]
fn draws_of_a_sample_depend_on_every_part_of_their_address() {
    let block = |seed, epoch, sample, i| SampleDraws::new(seed, epoch, sample).block(i);
    let first = block(1, 2, 3, 4);
    assert_eq!(first, block(1, 2, 3, 4));
    for other in [block(9, 2, 3, 4), block(1, 9, 3, 4), block(1, 2 << 32, 3, 4), block(1, 2, 9, 4), block(1, 2, 3, 9)] {
        assert_ne!(first, other);
    }
}
