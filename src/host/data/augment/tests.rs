use super::settings::Pose;
use super::*;
use crate::host::data::dataset::Dataset;
use crate::random::{Purpose, stream};
use core::f32::consts::PI;

const STILL: Pose = Pose { angle: 0.0, size: 1.0, shift: [0.0; 2], shear: 0.0, mirrored: false };

/// Bytes of which a third is not zero, at any place.
fn noise(rows: usize, cols: usize, seed: u64) -> Vec<u8> {
    let mut random = stream(seed, Purpose::Split, 0);
    (0..rows * cols).map(|_| if random.bounded(3) == 0 { random.next_u32() as u8 } else { 0 }).collect()
}

fn posed(pose: &Pose, [rows, cols]: [usize; 2], image: &[u8]) -> Vec<u8> {
    let (mut warp, mut to) = (Warp::new(rows, cols).unwrap(), vec![7; image.len()]);
    warp.apply(pose, None, image, &mut to);
    to
}

#[test]
fn nothing_that_moves_leaves_the_bytes() {
    for [rows, cols] in [[28, 28], [1, 1], [5, 9], [9, 5], [1, 40], [40, 1], [33, 65]] {
        let image = noise(rows, cols, 1);
        let mut to = vec![7; image.len()];
        let mut augmenter = Augmenter::new(Augment::NONE, 1, rows, cols).unwrap();
        augmenter.apply(1, 2, &image, &mut to).unwrap();
        assert_eq!(to, image, "{rows} x {cols}");
        augmenter.apply(1, 2, &vec![0; image.len()], &mut to).unwrap();
        assert!(to.iter().all(|&pixel| pixel == 0));
    }
}

#[test]
fn whole_pixels_and_right_angles_move_bytes_exactly() {
    let [rows, cols] = [7, 9];
    let image = noise(rows, cols, 2);
    let at = |y: i64, x: i64| {
        let inside = (0..rows as i64).contains(&y) && (0..cols as i64).contains(&x);
        if inside { image[y as usize * cols + x as usize] } else { 0 }
    };
    let expect = |name: &str, pose: Pose, source: &dyn Fn(i64, i64) -> [i64; 2]| {
        let result = posed(&pose, [rows, cols], &image);
        for (i, &pixel) in result.iter().enumerate() {
            let [y, x] = source((i / cols) as i64, (i % cols) as i64);
            assert_eq!(pixel, at(y, x), "{name}, pixel {i}");
        }
    };
    for (dx, dy) in [(1, 0), (0, -1), (3, 2), (-4, 6), (8, -6), (9, 0)] {
        let shift = [dx as f32 / cols as f32, dy as f32 / rows as f32];
        expect("shift", Pose { shift, ..STILL }, &|y, x| [y - dy, x - dx]);
    }
    expect("mirror", Pose { mirrored: true, ..STILL }, &|y, x| [y, 8 - x]);
    expect("half a turn", Pose { angle: PI, ..STILL }, &|y, x| [6 - y, 8 - x]);
    // Clockwise about (4, 3): what stood above the centre stands to its right.
    expect("a quarter", Pose { angle: PI / 2.0, ..STILL }, &|y, x| [7 - x, 1 + y]);
    expect("shear", Pose { shear: 1.0, ..STILL }, &|y, x| [y, x - (y - 3)]);
    expect("shear, mirrored", Pose { shear: -1.0, mirrored: true, ..STILL }, &|y, x| [y, 8 - (x + (y - 3))]);
}

#[test]
fn the_inverse_of_a_rotation_nearly_restores() {
    let data = Dataset::sample().unwrap();
    let mut moved = 0.0;
    for i in 0..20 {
        let image = data.train.image(i).unwrap();
        let there = posed(&Pose { angle: 0.17, ..STILL }, [28, 28], image);
        let back = posed(&Pose { angle: -0.17, ..STILL }, [28, 28], &there);
        let distance = |a: &[u8], b: &[u8]| -> f64 {
            a.iter().zip(b).map(|(&a, &b)| f64::from(a.abs_diff(b))).sum::<f64>()
                / a.iter().map(|&a| f64::from(a)).sum::<f64>()
        };
        assert!(distance(image, &back) < 0.35, "{i}: {}", distance(image, &back));
        moved += distance(image, &there) / 20.0;
    }
    assert!(moved > 0.4, "{moved}");
}

/// `image(x, y)`, bilinear in double precision.
fn interpolate(image: &[u8], [rows, cols]: [usize; 2], [x, y]: [f64; 2]) -> f64 {
    let at = |y: f64, x: f64| {
        let inside = (0.0..rows as f64).contains(&y) && (0.0..cols as f64).contains(&x);
        if inside { f64::from(image[y as usize * cols + x as usize]) } else { 0.0 }
    };
    let (x0, y0) = (x.floor(), y.floor());
    let side = |y: f64| at(y, x0) * (x0 + 1.0 - x) + at(y, x0 + 1.0) * (x - x0);
    side(y0) * (y0 + 1.0 - y) + side(y0 + 1.0) * (y - y0)
}

#[test]
fn images_agree_with_interpolation_in_double_precision() {
    let extreme = Augment { rotate: 180.0, zoom: 0.9, shift: 1.0, shear: 1.0, flip: true, elastic: None };
    let elastic = Some(Elastic { alpha: 100.0, sigma: 2.0 });
    for augment in
        [Augment::default(), extreme, Augment { elastic, ..Augment::default() }, Augment { elastic, ..extreme }]
    {
        for size in [[28, 28], [1, 1], [6, 19], [19, 6], [1, 33]] {
            let [rows, cols] = size;
            let mut augmenter = Augmenter::new(augment, 5, rows, cols).unwrap();
            for sample in 0..40 {
                let mut image = noise(rows, cols, sample.into());
                // In every other image the ink is one spot.
                let spot = sample as usize * 7 % image.len();
                image
                    .iter_mut()
                    .enumerate()
                    .for_each(|(i, p)| *p = if sample % 2 == 0 && i != spot { 0 } else { *p | 1 });
                let mut to = vec![7; image.len()];
                augmenter.apply(3, sample, &image, &mut to).unwrap();
                let pose = augment.pose(&SampleDraws::new(5, 3, sample));
                let (sin, cos) = (f64::from(pose.angle).sin(), f64::from(pose.angle).cos());
                let (w, h) = (cols as f64, rows as f64);
                for (i, &pixel) in to.iter().enumerate() {
                    let centre = [(w - 1.0) / 2.0, (h - 1.0) / 2.0];
                    let x = (i % cols) as f64 - centre[0] - f64::from(pose.shift[0]) * w;
                    let y = (i / cols) as f64 - centre[1] - f64::from(pose.shift[1]) * h;
                    let (x, y) =
                        ((cos * x + sin * y) / f64::from(pose.size), (cos * y - sin * x) / f64::from(pose.size));
                    let x = (x - f64::from(pose.shear) * y) * if pose.mirrored { -1.0 } else { 1.0 };
                    let displaced = augmenter.field.as_ref().and_then(|field| field.row(i / cols).nth(i % cols));
                    let [dx, dy] = displaced.unwrap_or_default().map(|d| f64::from(d) / 65_536.0);
                    let expected = interpolate(&image, size, [centre[0] + x + dx, centre[1] + y + dy]);
                    // A coordinate is rounded to 1/256: half of that along each axis, times 255.
                    assert!(
                        (f64::from(pixel) - expected).abs() < 1.6,
                        "{augment:?} {size:?} {sample} {i}: {pixel} {expected}"
                    );
                }
            }
        }
    }
}

#[test]
fn draws_are_uniform_within_their_bounds_and_apart() {
    let augment = Augment { flip: true, ..Augment::default() };
    let n = 8000;
    let poses: Vec<Pose> = (0..n).map(|i| augment.pose(&SampleDraws::new(1, u64::from(i % 10), i / 10))).collect();
    let column = |of: &dyn Fn(&Pose) -> f32, bound: f32| -> Vec<f64> {
        poses.iter().map(|pose| f64::from(of(pose)) / f64::from(bound)).collect()
    };
    let columns = [
        column(&|pose| pose.angle, 10.0 * PI / 180.0),
        column(&|pose| pose.size - 1.0, 0.1),
        column(&|pose| pose.shift[0], 0.1),
        column(&|pose| pose.shift[1], 0.1),
        column(&|pose| pose.shear, 0.1),
    ];
    let n = f64::from(n);
    for (i, column) in columns.iter().enumerate() {
        let mut tenths = [0; 10];
        for &x in column {
            assert!(x.abs() <= 1.0 + 1e-5, "{i}: {x}");
            tenths[((x + 1.0) * 5.0).clamp(0.0, 9.0) as usize] += 1;
        }
        // Standard deviation 27.
        assert!(tenths.iter().all(|&count| (690..910).contains(&count)), "{i}: {tenths:?}");
        for (k, other) in columns.iter().enumerate().skip(i + 1) {
            let correlation = column.iter().zip(other).map(|(a, b)| a * b).sum::<f64>() / n * 3.0;
            assert!(correlation.abs() < 0.05, "{i} and {k}: {correlation}");
        }
    }
    let mirrored = poses.iter().filter(|pose| pose.mirrored).count();
    assert!((3800..4200).contains(&mirrored), "{mirrored}");
    assert!((0..1000).all(|i| !Augment::default().pose(&SampleDraws::new(1, 1, i)).mirrored));
}

#[test]
fn bytes_depend_on_seed_epoch_and_sample_alone_and_are_the_same_on_every_machine() {
    let image = noise(28, 28, 3);
    let elastic = Augment { elastic: Some(Elastic::default()), flip: true, ..Augment::default() };
    let bytes = |augment, seed, epoch, sample| {
        let mut to = vec![7; 784];
        Augmenter::new(augment, seed, 28, 28).unwrap().apply(epoch, sample, &image, &mut to).unwrap();
        to
    };
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    for (augment, expected) in [(Augment::default(), 3_863_675_430), (elastic, 1_831_394_144)] {
        let first = bytes(augment, 1, 2, 3);
        for other in [bytes(augment, 9, 2, 3), bytes(augment, 1, 9, 3), bytes(augment, 1, 2, 9)] {
            assert_ne!(first, other);
        }
        let mut digest = crc.digest();
        let mut augmenter = Augmenter::new(augment, 1, 28, 28).unwrap();
        for sample in 0..100 {
            let mut to = vec![0; 784];
            augmenter.apply(2, sample, &image, &mut to).unwrap();
            digest.update(&to);
            assert!(sample != 3 || to == first);
        }
        assert_eq!(digest.finalize(), expected, "{augment:?}");
    }
}

#[test]
fn displacements_have_the_amplitude_and_the_smoothness_of_smoothed_noise() {
    let (alpha, sigma, n) = (34.0, 2.0_f64, 400);
    let mut field = Field::new(Elastic { alpha, sigma: sigma as f32 }, 20, 20).unwrap();
    let mut products = [0.0; 3];
    let (mut mean, mut border, mut across) = (0.0, 0.0, 0.0);
    for sample in 0..n {
        field.draw(&SampleDraws::new(1, 1, sample));
        let row: Vec<[f64; 2]> = field.row(10).map(|d| d.map(|d| f64::from(d) / 65_536.0)).collect();
        let along_x = row.iter().map(|d| d[0]).collect::<Vec<f64>>();
        let along_y = row.iter().map(|d| d[1]).collect::<Vec<f64>>();
        for row in [&along_x, &along_y] {
            mean += row[10];
            border += row[0] * row[0];
            for (product, lag) in products.iter_mut().zip([0, 1, 2]) {
                *product += row[9] * row[9 + lag];
            }
        }
        across += along_x[10] * along_y[10];
    }
    let total = 2.0 * f64::from(n);
    let variance = products[0] / total;
    let expected = f64::from(alpha) / (3.0_f64.sqrt() * 2.0 * core::f64::consts::PI.sqrt() * sigma);
    assert!((variance.sqrt() / expected - 1.0).abs() < 0.08, "{} {expected}", variance.sqrt());
    assert!((mean / total).abs() < 0.2 && (across / f64::from(n) / variance).abs() < 0.15);
    // Little more than half of the Gaussian's squares are inside.
    let inside = 0.5 + 0.5 / (core::f64::consts::PI.sqrt() * sigma);
    assert!((border / total / variance - inside).abs() < 0.12, "{} {inside}", border / total / variance);
    // The correlation of smoothed noise is a Gaussian of twice the variance.
    for (product, lag) in products.iter().zip([0.0, 1.0, 2.0]) {
        let (found, expected) = (product / products[0], (-lag * lag / (4.0 * sigma * sigma)).exp());
        assert!((found - expected).abs() < 0.05, "{lag}: {found} {expected}");
    }
}

#[test]
fn a_short_gaussian_leaves_the_noise() {
    let mut field = Field::new(Elastic { alpha: 2.0, sigma: 0.1 }, 3, 5).unwrap();
    field.draw(&SampleDraws::new(1, 1, 1));
    let all: Vec<i32> = (0..3).flat_map(|row| field.row(row).flatten()).collect();
    assert!(all.iter().all(|d| d.unsigned_abs() <= 2 << 16) && all.iter().any(|d| d.unsigned_abs() > 1 << 16));
}

#[test]
fn what_cannot_be_is_refused() {
    let usual = Augment::default();
    let elastic = |alpha, sigma| Augment { elastic: Some(Elastic { alpha, sigma }), ..usual };
    for (augment, word) in [
        (Augment { rotate: 181.0, ..usual }, "rotate 181.0"),
        (Augment { rotate: -1.0, ..usual }, "rotate -1.0"),
        (Augment { zoom: 1.0, ..usual }, "zoom 1.0"),
        (Augment { shift: f32::NAN, ..usual }, "shift NaN"),
        (Augment { shear: f32::INFINITY, ..usual }, "shear inf"),
        (elastic(-1.0, 4.0), "elastic-alpha -1.0"),
        (elastic(34.0, 0.0), "elastic-sigma 0.0"),
    ] {
        let error = Augmenter::new(augment, 1, 28, 28).unwrap_err().to_string();
        assert!(error.contains(word) && error.contains("out of range"), "{error}");
    }
    for (rows, cols) in [(0, 5), (5, 0), (256, 256), (usize::MAX, 2)] {
        assert!(Augmenter::new(usual, 1, rows, cols).is_err(), "{rows} x {cols}");
    }
    assert!(Augmenter::new(usual, 1, 65_535, 1).is_ok() && Augmenter::new(elastic(34.0, 4.0), 1, 65_535, 1).is_err());
    let mut augmenter = Augmenter::new(usual, 1, 28, 28).unwrap();
    let mut to = vec![7; 784];
    assert!(augmenter.apply(1, 1, &[1; 783], &mut to).is_err() && to == [7; 784]);
    assert!(augmenter.apply(1, 1, &[1; 784], &mut to[1..]).is_err() && to == [7; 784]);
}
