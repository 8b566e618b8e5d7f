//! IDX files as others write them: names, element types, dimensions, images that lie on their side.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/cli.rs"]
mod cli;

use cli::{command, fails, run, succeeds, write_data};
use cygnet::host::DataError;
use cygnet::host::data::idx::{Images, parse_images, parse_labels};
use cygnet::host::data::{Dataset, ImageFiles};
use proptest::prelude::*;
use std::fs;
use std::path::Path;

const TYPES: [u8; 6] = [0x08, 0x09, 0x0b, 0x0c, 0x0d, 0x0e];

/// Big-endian, as IDX has it.
fn element(kind: u8, x: f64) -> Vec<u8> {
    match kind {
        0x08 => vec![x as u8],
        0x09 => (x as i8).to_be_bytes().into(),
        0x0b => (x as i16).to_be_bytes().into(),
        0x0c => (x as i32).to_be_bytes().into(),
        0x0d => (x as f32).to_be_bytes().into(),
        _ => x.to_be_bytes().into(),
    }
}

fn idx(kind: u8, sizes: &[u32], elements: &[f64]) -> Vec<u8> {
    let sizes_be = sizes.iter().flat_map(|size| size.to_be_bytes());
    let header = [0, 0, kind, sizes.len() as u8].into_iter().chain(sizes_be);
    header.chain(elements.iter().flat_map(|&x| element(kind, x))).collect()
}

fn images(bytes: &[u8]) -> Result<Images, String> {
    parse_images(Path::new("f"), bytes).map_err(|error| error.to_string())
}

fn open(directory: &Path) -> Result<Dataset, DataError> {
    ImageFiles::find(directory)?.read(false)
}

fn labels(bytes: &[u8]) -> Result<Vec<u8>, String> {
    parse_labels(Path::new("f"), bytes).map_err(|error| error.to_string())
}

proptest! {
    /// A byte is a byte in every type that holds it, and nothing else is taken for one.
    #[test]
    fn whole_numbers_are_bytes_or_refused(pixels in prop::collection::vec(2..256_i32, 6), odd in -300..900_i32, at in 0..6_usize) {
        let bytes: Vec<u8> = pixels.iter().map(|&x| x as u8).collect();
        let mut elements: Vec<f64> = pixels.iter().map(|&x| f64::from(x)).collect();
        // Of the types, all but one byte with a sign hold them.
        for kind in TYPES.into_iter().filter(|&kind| kind != 0x09 || pixels.iter().all(|&x| x < 128)) {
            let read = images(&idx(kind, &[1, 2, 3], &elements)).unwrap();
            prop_assert!(read.pixels() == bytes);
            if kind < 0x0d {
                prop_assert_eq!(&labels(&idx(kind, &[6], &elements)).unwrap(), &bytes);
            }
        }
        elements[at] = f64::from(odd);
        for kind in [0x0b, 0x0c, 0x0d, 0x0e] {
            let bytes = idx(kind, &[1, 2, 3], &elements);
            let size = element(kind, 0.0).len();
            match images(&bytes) {
                Ok(read) => prop_assert_eq!(i32::from(read.pixels()[at]), odd),
                Err(line) => {
                    prop_assert!(!(0..=255).contains(&odd));
                    let place = format!("f: byte {}: expected ", 16 + at * size);
                    prop_assert!(line.starts_with(&place) && line.ends_with(&format!("found {odd}")), "{}", line);
                }
            }
        }
    }

    /// Shares of 255 come back, and others go to the nearest level.
    #[test]
    fn floats_from_0_to_1_are_shares(pixels in prop::collection::vec(any::<u8>(), 6), x in 0.0..1.0_f64) {
        let x = f64::from(x as f32);
        let shares: Vec<f64> = pixels.iter().map(|&p| f64::from(p) / 255.0).collect();
        for kind in [0x0d, 0x0e] {
            let read = images(&idx(kind, &[1, 2, 3], &shares)).unwrap();
            prop_assert!(read.pixels() == pixels);
            let read = images(&idx(kind, &[1, 1, 1], &[x])).unwrap();
            let miss = (f64::from(read.pixels()[0]) - 255.0 * x).abs();
            prop_assert!(miss <= 0.5);
        }
    }

    /// What lay on its side, turned twice, lies there again.
    #[test]
    fn rows_and_columns_are_exchanged((rows, cols) in (1..5_u32, 1..5_u32), seed in any::<u8>()) {
        let pixels: Vec<f64> = (0..2 * rows * cols).map(|i| f64::from(seed.wrapping_add(i as u8))).collect();
        let read = images(&idx(8, &[2, rows, cols], &pixels)).unwrap();
        let turned = read.clone().transposed();
        prop_assert_eq!((turned.rows, turned.cols), (read.cols, read.rows));
        for (i, r, c) in (0..2).flat_map(|i| (0..read.rows).flat_map(move |r| (0..cols as usize).map(move |c| (i, r, c)))) {
            prop_assert_eq!(turned.image(i).unwrap()[c * read.rows + r], read.image(i).unwrap()[r * read.cols + c]);
        }
        prop_assert_eq!(turned.transposed(), read);
    }
}

#[test]
fn numbers_that_are_no_pixels_are_named() {
    let float = "floats that all lie between 0 and 1, or are all whole numbers from 0 to 255";
    for (kind, elements, byte, expected, found) in [
        (0x09, [3.0, -1.0], 17, "a whole number from 0 to 255", "-1"),
        (0x0b, [256.0, 0.0], 16, "a whole number from 0 to 255", "256"),
        (0x0d, [0.5, 2.0], 16, float, "0.5"),
        (0x0d, [1.0, f64::NAN], 20, float, "NaN"),
        (0x0e, [0.0, f64::INFINITY], 24, float, "inf"),
        (0x0e, [-0.25, 1.0], 16, float, "-0.25"),
    ] {
        let line = images(&idx(kind, &[1, 1, 2], &elements)).unwrap_err();
        assert_eq!(line, format!("f: byte {byte}: expected {expected}, found {found}"));
    }
    // An image of nothing but 0 and 1 is black and white.
    assert_eq!(images(&idx(0x0d, &[1, 1, 3], &[0.0, 1.0, -0.0])).unwrap().pixels(), [0, 255, 0]);
    let line = labels(&idx(0x0d, &[2], &[0.0, 1.0])).unwrap_err();
    assert_eq!(line, "f: byte 2: expected labels of an integer type, 0x08, 0x09, 0x0b or 0x0c, found 0x0d");
    assert_eq!(
        labels(&idx(0x0c, &[2], &[1.0, 70_000.0])).unwrap_err(),
        "f: byte 12: expected a whole number from 0 to 255, found 70000"
    );
}

#[test]
fn one_more_dimension_of_1_is_no_harm() {
    let elements: Vec<f64> = (0..12).map(f64::from).collect();
    let plain = images(&idx(8, &[2, 2, 3], &elements)).unwrap();
    for sizes in [[2, 2, 3, 1], [2, 1, 2, 3]] {
        assert_eq!(images(&idx(8, &sizes, &elements)).unwrap(), plain);
    }
    assert_eq!(labels(&idx(0x0c, &[3, 1], &[2.0, 0.0, 1.0])), Ok(vec![2, 0, 1]));
    assert_eq!(
        images(&idx(8, &[1, 2, 2, 3], &elements)).unwrap_err(),
        "f: byte 16: expected a fourth dimension of 1 (gray), found 3"
    );
    assert_eq!(
        labels(&idx(8, &[6, 2], &elements)).unwrap_err(),
        "f: byte 8: expected a second dimension of 1 (labels), found 2"
    );
    let cut = &idx(8, &[2, 2, 3, 1], &elements)[..18];
    assert_eq!(images(cut).unwrap_err(), "f: byte 18: expected a header of 20 bytes, found the end of the file");
    assert!(images(&idx(8, &[1, 1, 2, 3, 1], &elements)).unwrap_err().contains("found 5 dimensions"));
}

/// `data` as EMNIST names it.
fn renamed(dir: &Path, prefix: &str) {
    for file in ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"] {
        let (old, new) = (format!("{file}-ubyte"), file.replace("t10k", "test"));
        fs::rename(dir.join(old), dir.join(format!("{prefix}-{new}-ubyte"))).unwrap();
    }
}

#[test]
fn files_are_found_by_their_names_unless_several_fit() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    write_data(&data, [9, 6], 4, 3);
    let plain = open(&data).unwrap();
    renamed(&data, "emnist-letters");
    // Others are not in the way, nor is the archive beside what was in it.
    fs::write(data.join("emnist-letters-mapping.txt"), "0 65").unwrap();
    fs::write(data.join("train-images.png"), "").unwrap();
    fs::write(data.join("emnist-letters-train-images-idx3-ubyte.gz"), "").unwrap();
    fs::create_dir(data.join("train-images-idx3-ubyte")).unwrap();
    assert_eq!(open(&data).unwrap(), plain);
    let files = ImageFiles::find(&data).unwrap();
    assert!(files.test[1].ends_with("emnist-letters-test-labels-idx1-ubyte"));

    let image = data.join("emnist-letters-test-images-idx3-ubyte");
    for (second, what) in [
        ("emnist-digits-test-images-idx3-ubyte", "test images"),
        ("t10k-images.idx3-ubyte", "test images"),
        ("emnist-digits-train-labels-idx1-ubyte.gz", "train labels"),
    ] {
        fs::copy(&image, data.join(second)).unwrap();
        let line = open(&data).unwrap_err().to_string();
        let first = format!("emnist-letters-{}-idx", what.replace(' ', "-"));
        for words in [&format!("could be the {what}: "), second, &first, "--train-images"] {
            assert!(line.contains(words) && !line.contains('\n'), "{words}: {line}");
        }
        fs::remove_file(data.join(second)).unwrap();
    }
}

#[test]
fn the_command_takes_files_by_name_and_turns_their_images() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    write_data(&data, [60, 30], 4, 3);
    // Labels from 1 on, as those of EMNIST's letters.
    for set in ["train", "t10k"] {
        let path = data.join(format!("{set}-labels-idx1-ubyte"));
        let mut bytes = fs::read(&path).unwrap();
        bytes.iter_mut().skip(8).for_each(|label| *label += 1);
        fs::write(path, bytes).unwrap();
    }
    renamed(&data, "emnist-letters");
    let names = [
        "train-images data/emnist-letters-train-images-idx3-ubyte",
        "train-labels \
        data/emnist-letters-train-labels-idx1-ubyte",
        "test-images data/emnist-letters-test-images-idx3-ubyte",
        "test-labels data/emnist-letters-test-labels-idx1-ubyte",
    ]
    .map(|name| format!("--{name}"))
    .join(" ");
    let train = "--epochs 1 --hidden 4 --dropout 0";
    let found = run(&dir, &format!("train --data data --transpose {train} --out found"));
    // Labels that begin at 1 stay what they are.
    let is_told = found.out.contains("4 classes") && found.err.contains("no training sample of class `0`");
    assert!(found.code == Some(0) && is_told, "{}{}", found.out, found.err);
    let named = run(&dir, &format!("train {names} --transpose {train} --out named --quiet"));
    assert!(named.code == Some(0) && found.err.starts_with(&named.err), "{}{}", named.err, found.err);
    let bytes = |name: &str| fs::read(dir.path().join(name)).unwrap();
    assert_eq!(bytes("named/last.cygnet"), bytes("found/last.cygnet"));
    let lying = run(&dir, &format!("train {names} {train} --out lying"));
    assert!(lying.code == Some(0) && lying.err.contains("use --transpose"), "{}", lying.err);
    assert_ne!(bytes("lying/last.cygnet"), bytes("found/last.cygnet"));

    // The same images, upright in their file.
    let images = "data/emnist-letters-test-images-idx3-ubyte";
    let pixels = parse_images(Path::new("f"), &bytes(images)).unwrap().transposed();
    let upright: Vec<f64> = pixels.pixels().iter().map(|&pixel| f64::from(pixel)).collect();
    fs::write(dir.path().join("upright.idx"), idx(8, &[30, 4, 4], &upright)).unwrap();
    let verdicts = succeeds(&dir, &format!("predict found/last.cygnet {images} --transpose"));
    assert_eq!(verdicts, succeeds(&dir, "predict found/last.cygnet upright.idx"));
    let lying = run(&dir, &format!("predict found/last.cygnet {images}"));
    assert!(lying.code == Some(0) && lying.err.contains("use --transpose"), "{}", lying.err);
    assert_ne!(verdicts, lying.out);
    let eval = |data: &str| succeeds(&dir, &format!("eval found/last.cygnet {data} --transpose"));
    assert_eq!(eval("--data data"), eval(&names));
    assert!(command(dir.path(), &format!("reproduce {names} --transpose --help")).output().unwrap().status.success());

    fs::write(dir.path().join("rows.csv"), "1,2,a\n2,1,b\n").unwrap();
    fs::write(dir.path().join("one.png"), b"\x89PNG\r\n\x1a\n").unwrap();
    for (line, words) in [
        ("train --transpose".to_owned(), ["--transpose", "--data"]),
        ("train --data rows.csv --label 3 --transpose".to_owned(), ["--transpose", "rows.csv"]),
        ("predict found/last.cygnet one.png --transpose".to_owned(), ["--transpose", "picture"]),
        (format!("train {names} --test rows.csv"), ["--test", "CSV"]),
        ("reproduce --data rows.csv".to_owned(), ["rows.csv is a file", "directory with four IDX files"]),
        (format!("train {names} --data data"), ["--train-images", "--data"]),
    ] {
        fails(&dir, &line, 2, &words);
    }
    fails(&dir, "train --data upright.idx", 1, &["upright.idx", "found an IDX file", "--train-images"]);
}
