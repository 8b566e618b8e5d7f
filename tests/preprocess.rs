//! Preprocessing: fitted as in double precision and two passes, applied to whole samples or to none, and the same after
//! a journey through bytes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{bits, cases, numbers};
use cygnet::Error;
use cygnet::error::{Buffer, CheckpointFault, Setting, Value};
use cygnet::preprocess::{Clip, Fit, Missing, Preprocess, PreprocessConfig, Scaling};
use proptest::prelude::*;

const NAN: f32 = f32::NAN;

/// The numbers that `samples` make, in batches of `batch`.
fn fitted(config: PreprocessConfig, inputs: usize, samples: &[f32], batch: usize) -> Result<Vec<f32>, Error> {
    let (mut floats, mut counts) = (vec![NAN; Fit::state_len(inputs)], vec![99; inputs]);
    let mut fit = Fit::new(config, inputs, &mut floats, &mut counts)?;
    samples.chunks(batch * inputs).try_for_each(|samples| fit.add(samples))?;
    fit.finish().map(|preprocess| preprocess.floats().to_vec())
}

const STANDARD: PreprocessConfig =
    PreprocessConfig { scaling: Scaling::Standard, missing: Missing::Refuse, clip: Clip::None };
const LENIENT: PreprocessConfig = PreprocessConfig { missing: Missing::Mean, ..STANDARD };

/// What double precision makes of a feature: mean, deviation, least, largest.
fn two_passes(values: impl Iterator<Item = f32> + Clone) -> [f64; 4] {
    let present = || values.clone().filter(|x| !x.is_nan()).map(f64::from);
    let n = present().count() as f64;
    let mean = present().sum::<f64>() / n;
    let variance = present().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    [mean, variance.sqrt(), present().fold(f64::MAX, f64::min), present().fold(f64::MIN, f64::max)]
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn a_fit_agrees_with_two_passes_in_double_precision(
        inputs in 1_usize..5,
        n in 2_usize..300,
        batch in 1_usize..50,
        offset in prop_oneof![Just(0.0_f32), Just(1e3), Just(-1e5)],
        sigma in prop_oneof![Just(1.0_f32), Just(1e-3), Just(50.0)],
        gaps in 0_u32..4,
        seed: u64,
    ) {
        let mut samples: Vec<f32> = numbers(inputs * n, seed).iter().map(|x| offset + sigma * x).collect();
        // The first sample is whole.
        for (i, x) in samples.iter_mut().enumerate().skip(inputs) {
            if i as u32 * 7 % 10 < gaps {
                *x = NAN;
            }
        }
        let expected: Vec<_> = (0..inputs).map(|k| two_passes(samples.iter().skip(k).step_by(inputs).copied())).collect();
        // A mean is known to its last place, and deviations from it no better.
        let place = f64::from(offset.abs().max(sigma) * f32::EPSILON);
        let close = |a: f32, b: f64| (f64::from(a) - b).abs() <= 2.0 * place + 2e-6 * f64::from(sigma);
        let config = PreprocessConfig { missing: Missing::Mean, clip: Clip::Deviations(1.5), ..STANDARD };
        let floats = fitted(config, inputs, &samples, batch).unwrap();
        for ((feature, &[mean, sd, ..]), k) in floats.as_chunks::<5>().0.iter().zip(&expected).zip(0..) {
            let &[fill, low, high, shift, scale] = feature;
            prop_assert!(close(fill, mean) && shift == fill, "feature {k}: {shift} {mean}");
            prop_assert!(close(low, mean - 1.5 * sd) && close(high, mean + 1.5 * sd), "feature {k}: {feature:?}");
            let known = if scale == 0.0 { sd } else { (1.0 / f64::from(scale) - sd).abs() };
            prop_assert!(known <= place + 2e-6 * f64::from(sigma), "{k}: {scale} {sd}");
        }
        let config = PreprocessConfig { scaling: Scaling::MinMax, missing: Missing::Constant(-3.0), clip: Clip::Range };
        let floats = fitted(config, inputs, &samples, batch).unwrap();
        for (feature, &[.., least, largest]) in floats.as_chunks::<5>().0.iter().zip(&expected) {
            let (least, largest) = (least as f32, largest as f32);
            let scale = if largest > least { 1.0 / (largest - least) } else { 0.0 };
            prop_assert_eq!(*feature, [-3.0, least, largest, least, scale]);
        }
        // Batches change no bit.
        prop_assert_eq!(bits(&fitted(config, inputs, &samples, n).unwrap()), bits(&floats));
        let whole = bits(&fitted(LENIENT, inputs, &samples, n).unwrap());
        prop_assert_eq!(bits(&fitted(LENIENT, inputs, &samples, batch).unwrap()), whole);
    }

    #[test]
    fn prepared_samples_have_mean_0_and_deviation_1_or_the_unit_range(n in 3_usize..200, seed: u64) {
        let samples: Vec<f32> = numbers(2 * n, seed).iter().map(|x| 20.0 + 3.0 * x).collect();
        let prepared = |config| {
            let floats = fitted(config, 2, &samples, n).unwrap();
            let mut prepared = samples.clone();
            Preprocess::new(2, &floats).unwrap().apply(&mut prepared).unwrap();
            [0, 1].map(|k| two_passes(prepared.iter().skip(k).step_by(2).copied()))
        };
        for [mean, sd, ..] in prepared(STANDARD) {
            prop_assert!(mean.abs() < 1e-5 && (sd - 1.0).abs() < 1e-5, "{mean} {sd}");
        }
        for [.., least, largest] in prepared(PreprocessConfig { scaling: Scaling::MinMax, ..STANDARD }) {
            prop_assert!(least == 0.0 && (largest - 1.0).abs() < 1e-6);
        }
        for ([mean, ..], k) in prepared(PreprocessConfig { scaling: Scaling::None, ..STANDARD }).into_iter().zip(0..) {
            prop_assert_eq!(mean, two_passes(samples.iter().skip(k).step_by(2).copied())[0]);
        }
    }

    #[test]
    fn bytes_give_the_same_numbers_and_any_damage_shows(inputs in 1_usize..6, seed: u64, at: usize, flip in 1_u8..=255, cut: usize) {
        let samples = numbers(inputs * 9, seed);
        let missing = if seed.is_multiple_of(2) { Missing::Refuse } else { Missing::Constant(2.5) };
        let floats = fitted(PreprocessConfig { missing, ..STANDARD }, inputs, &samples, 9).unwrap();
        let mut bytes = vec![0; Preprocess::section_len(inputs)];
        Preprocess::new(inputs, &floats).unwrap().save(&mut bytes).unwrap();
        let mut read = vec![7.0; floats.len()];
        // What follows is not looked at.
        let longer = [&bytes[..], b"more"].concat();
        let loaded = Preprocess::load(inputs, &longer, &mut read).unwrap();
        let mut again = vec![0; bytes.len()];
        loaded.save(&mut again).unwrap();
        prop_assert_eq!(&again, &bytes);
        prop_assert_eq!(bits(&read), bits(&floats));

        let (mut damaged, untouched) = (bytes.clone(), vec![7.0; floats.len()]);
        damaged[at % bytes.len()] ^= flip;
        let mut read = untouched.clone();
        prop_assert!(Preprocess::load(inputs, &damaged, &mut read).is_err());
        prop_assert!(Preprocess::load(inputs, &bytes[..cut % bytes.len()], &mut read).is_err());
        prop_assert_eq!(read, untouched);
    }

    #[test]
    fn any_bytes_are_refused_or_written_again_as_they_were(mut bytes in prop::collection::vec(any::<u8>(), 36), inputs in 0_usize..3) {
        // With a header and a checksum that are right, the numbers decide.
        bytes[..12].copy_from_slice(b"\x89CYGPRE\n\x01\0\x01\0");
        let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&bytes[..32]);
        bytes[32..].copy_from_slice(&crc.to_le_bytes());
        let mut floats = vec![7.0; Preprocess::state_len(inputs)];
        match Preprocess::load(inputs, &bytes, &mut floats) {
            Ok(preprocess) => {
                let mut again = [0; 36];
                preprocess.save(&mut again).unwrap();
                prop_assert_eq!(&again[..], &bytes[..]);
            }
            Err(_) => prop_assert!(floats.iter().all(|&x| x == 7.0)),
        }
    }
}

#[test]
fn each_setting_does_what_it_says() {
    // Mean 2, deviation 2 of a feature; the other never changes.
    let samples = [0.0, 7.0, 4.0, 7.0, NAN, 7.0, 0.0, 7.0, 4.0, 7.0];
    let infinite = f32::INFINITY;
    let of = |scaling, missing, clip| fitted(PreprocessConfig { scaling, missing, clip }, 2, &samples, 2).unwrap();
    let table = [
        (Scaling::Standard, Missing::Mean, Clip::None, [2.0, -infinite, infinite, 2.0, 0.5]),
        (Scaling::Standard, Missing::Constant(9.0), Clip::Deviations(0.5), [9.0, 1.0, 3.0, 2.0, 0.5]),
        (Scaling::MinMax, Missing::Mean, Clip::None, [2.0, -infinite, infinite, 0.0, 0.25]),
        (Scaling::MinMax, Missing::Mean, Clip::Deviations(0.5), [2.0, 1.0, 3.0, 1.0, 0.5]),
        (Scaling::MinMax, Missing::Mean, Clip::Deviations(3.0), [2.0, -4.0, 8.0, 0.0, 0.25]),
        (Scaling::None, Missing::Mean, Clip::Range, [2.0, 0.0, 4.0, 0.0, 1.0]),
    ];
    for (scaling, missing, clip, expected) in table {
        let floats = of(scaling, missing, clip);
        assert_eq!(floats[..5], expected, "{scaling:?} {missing:?} {clip:?}");
        // Nothing was learned of a feature that never changed, whatever comes.
        let mut later = [2.0, 1e6];
        Preprocess::new(2, &floats).unwrap().apply(&mut later).unwrap();
        let unscaled = if clip == Clip::Range { 7.0 } else { 1e6 };
        assert_eq!(later[1], if scaling == Scaling::None { unscaled } else { 0.0 });
    }
    let floats = of(Scaling::Standard, Missing::Constant(9.0), Clip::Deviations(0.5));
    let mut x = [100.0, 7.0, NAN, 7.0, -100.0, NAN, 2.5, 7.0];
    Preprocess::new(2, &floats).unwrap().apply(&mut x).unwrap();
    assert_eq!(x, [0.5, 0.0, 3.5, 0.0, -0.5, 0.0, 0.25, 0.0]);
}

/// The bits of a fit, on every processor.
#[test]
fn a_fit_has_the_same_bits_everywhere() {
    let samples: Vec<f32> = numbers(3 * 500, 9).iter().map(|x| 100.0 + 7.0 * x).collect();
    let config = PreprocessConfig { clip: Clip::Deviations(1.0), ..STANDARD };
    let floats = fitted(config, 3, &samples, 20).unwrap();
    let mut prepared = samples;
    Preprocess::new(3, &floats).unwrap().apply(&mut prepared).unwrap();
    // NaN's payload is nobody's.
    let numbers = floats.iter().filter(|x| !x.is_nan()).chain(&prepared).flat_map(|x| x.to_le_bytes());
    let hash =
        numbers.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    assert_eq!(hash, 0xe201_6144_9476_fe95, "{hash:#018x}");
}

#[test]
fn a_million_values_far_from_zero_keep_their_mean() {
    let samples: Vec<f32> = numbers(1_000_000, 3).iter().map(|x| 4096.0 + x).collect();
    let [mean, sd, ..] = two_passes(samples.iter().copied());
    let floats = fitted(STANDARD, 1, &samples, 1000).unwrap();
    assert!((f64::from(floats[3]) - mean).abs() < 3e-4, "{} {mean}", floats[3]);
    assert!((f64::from(floats[4]) * sd - 1.0).abs() < 1e-3, "{} {sd}", floats[4]);
}

/// As after 10⁷ values of one size: each square is less than half the last place of the sum.
#[test]
fn squares_too_small_for_their_sum_are_not_lost() {
    let sign = |i: usize| if i.is_multiple_of(2) { 1.0 } else { -1.0 };
    let samples: Vec<f32> = (0..1_000_000).map(|i| if i < 2 { 5000.0 * sign(i) } else { sign(i) }).collect();
    let [_, sd, ..] = two_passes(samples.iter().copied());
    let floats = fitted(STANDARD, 1, &samples, 1000).unwrap();
    assert!((f64::from(floats[4]) * sd - 1.0).abs() < 1e-6, "{} {sd}", floats[4]);
}

#[test]
fn what_cannot_be_is_refused_and_changes_nothing() {
    let not_finite = |index| Err(Error::NonFinite { value: Value::Input, index });
    let (mut floats, mut counts) = ([0.0; Fit::state_len(2)], [0; 2]);
    let mut fit = Fit::new(STANDARD, 2, &mut floats, &mut counts).unwrap();
    for (samples, error) in [
        (&[1.0, 2.0, 3.0][..], Err(Error::Length { buffer: Buffer::Inputs, needed: 4, got: 3 })),
        (&[5.0, 5.0, 5.0, f32::NEG_INFINITY], not_finite(3)),
        (&[5.0, NAN], not_finite(1)),
        (&[1e15, 5.0], not_finite(0)),
    ] {
        assert_eq!(fit.add(samples), error);
    }
    fit.add(&[1.0, 2.0, 3.0, 6.0]).unwrap();
    let preprocess = fit.finish().unwrap();
    assert_eq!((preprocess.floats()[3], preprocess.floats()[8], preprocess.inputs()), (2.0, 4.0, 2));

    let original = [1.0, 2.0, 3.0, 4.0];
    for (at, x) in [(3, f32::INFINITY), (0, f32::NEG_INFINITY), (2, NAN), (1, f32::MAX)] {
        let mut x4 = original;
        x4[at] = x;
        let before = bits(&x4);
        // The deviation of 2 is no reason to overflow.
        let expected = if x == f32::MAX { Ok(()) } else { not_finite(at) };
        assert_eq!(preprocess.apply(&mut x4), expected);
        assert!(expected.is_ok() || bits(&x4) == before);
    }
    let mut three = [1.0; 3];
    assert_eq!(preprocess.apply(&mut three), Err(Error::Length { buffer: Buffer::Inputs, needed: 4, got: 3 }));
    assert_eq!(three, [1.0; 3]);

    let steep = [NAN, f32::NEG_INFINITY, f32::INFINITY, 0.0, 1e30];
    let mut x = [1.0, 1e20];
    assert_eq!(Preprocess::new(1, &steep).unwrap().apply(&mut x), not_finite(1));
    assert_eq!(x, [1.0, 1e20]);

    assert_eq!(fitted(LENIENT, 2, &[1.0, NAN, 2.0, NAN], 2), Err(Error::Unseen { feature: 1 }));
    assert_eq!(fitted(LENIENT, 2, &[], 1), Err(Error::Unseen { feature: 0 }));
    for (config, setting) in [
        (PreprocessConfig { missing: Missing::Constant(NAN), ..STANDARD }, Setting::Fill),
        (PreprocessConfig { clip: Clip::Deviations(0.0), ..STANDARD }, Setting::Clip),
        (PreprocessConfig { clip: Clip::Deviations(f32::INFINITY), ..STANDARD }, Setting::Clip),
    ] {
        assert_eq!(fitted(config, 1, &[1.0], 1), Err(Error::Setting(setting)));
    }
    let length = |buffer, needed, got| Some(Error::Length { buffer, needed, got });
    assert_eq!(Fit::new(STANDARD, 2, &mut [0.0; 10], &mut [0; 2]).err(), length(Buffer::Preprocess, 12, 10));
    assert_eq!(Fit::new(STANDARD, 2, &mut [0.0; 12], &mut [0; 3]).err(), length(Buffer::FeatureCounts, 2, 3));
    assert_eq!(Preprocess::new(2, &[0.0; 5]).err(), length(Buffer::Preprocess, 10, 5));
    let good = [0.0, -1.0, 1.0, 0.0, 1.0];
    for (part, x) in [
        (0, f32::INFINITY),
        (1, 1.5),
        (1, NAN),
        (2, NAN),
        (2, f32::NEG_INFINITY),
        (3, f32::INFINITY),
        (3, NAN),
        (4, NAN),
        (4, f32::INFINITY),
    ] {
        let mut bad = good;
        bad[part] = x;
        let two = [good, bad].concat();
        assert_eq!(Preprocess::new(2, &two).err(), Some(Error::Preprocess { feature: 1 }), "{part} {x}");
    }
}

#[test]
fn bytes_of_something_else_say_what_they_are() {
    let floats = [NAN, -1.0, 1.0, 0.0, 1.0];
    let mut bytes = [0; Preprocess::section_len(1)];
    let preprocess = Preprocess::new(1, &floats).unwrap();
    preprocess.save(&mut bytes).unwrap();
    assert_eq!(preprocess.save(&mut [0; 35]), Err(Error::Length { buffer: Buffer::Section, needed: 36, got: 35 }));
    let fault =
        |inputs, bytes: &[u8]| match Preprocess::load(inputs, bytes, &mut vec![0.0; Preprocess::state_len(inputs)]) {
            Err(Error::Checkpoint(fault)) => fault,
            other => panic!("{other:?}"),
        };
    assert_eq!(fault(2, &bytes), CheckpointFault::Field(10));
    assert_eq!(fault(1, &bytes[..35]), CheckpointFault::Length);
    assert_eq!(fault(1, &bytes[1..]), CheckpointFault::Magic);
    let mut newer = bytes;
    newer[8] = 2;
    assert_eq!(fault(1, &newer), CheckpointFault::Version(2));
    // Another NaN, with a checksum that is right.
    let mut odd = bytes;
    odd[12] = 1;
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&odd[..32]);
    odd[32..].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(fault(1, &odd), CheckpointFault::Field(12));
}

#[test]
fn a_fit_that_cannot_end_yet_goes_on_with_what_it_has_seen() {
    let config = PreprocessConfig { missing: Missing::Mean, ..PreprocessConfig::default() };
    let (mut floats, mut counts) = (vec![0.0; Fit::state_len(2)], [0; 2]);
    let mut fit = Fit::new(config, 2, &mut floats, &mut counts).unwrap();
    fit.add(&[1.0, f32::NAN]).unwrap();
    assert_eq!(fit.finish().err(), Some(Error::Unseen { feature: 1 }));
    fit.add(&[3.0, 5.0]).unwrap();
    let preprocess = fit.finish().unwrap();
    assert_eq!([preprocess.floats()[0], preprocess.floats()[5]], [2.0, 5.0]);
    // Its memory is the preprocessing's now.
    assert!(fit.add(&[1.0, 2.0]).is_err());
}
