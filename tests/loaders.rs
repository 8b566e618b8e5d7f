//! What the loaders accept, what they refuse, and what they say then.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use cygnet::host::DataError;
use cygnet::host::data::{Dataset, ImageFiles, PIXEL_SCALE, Picture, PictureForm, idx};
use flate2::{Compression, Crc, write::GzEncoder};
use png::{BitDepth, ColorType};
use proptest::prelude::*;
use tempfile::TempDir;

fn raw(sizes: &[u32], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, sizes.len() as u8];
    sizes.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
    bytes.extend(data);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

fn temp() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn put(dir: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

/// The one line of an error, with the directory's path shortened to `DIR`.
fn text<T>(result: Result<T, DataError>, dir: &Path) -> String {
    let Err(error) = result else { panic!("expected an error") };
    let line = error.to_string().replace(dir.to_str().unwrap(), "DIR");
    assert!(!line.contains('\n'), "{line:?}");
    line
}

fn open(dir: &Path) -> Result<Dataset, DataError> {
    ImageFiles::find(dir)?.read(false)
}

/// The error for a file with these bytes, which is the same from disk and from memory.
fn refused<T>(
    bytes: &[u8],
    read: fn(&Path) -> Result<T, DataError>,
    parse: fn(&Path, &[u8]) -> Result<T, DataError>,
) -> String {
    let dir = temp();
    let path = put(dir.path(), "f", bytes);
    let line = text(read(&path), dir.path());
    assert_eq!(line, text(parse(&path, bytes), dir.path()));
    line
}

fn images_refused(bytes: &[u8]) -> String {
    refused(bytes, idx::read_images, idx::parse_images)
}

fn labels_refused(bytes: &[u8]) -> String {
    refused(bytes, idx::read_labels, idx::parse_labels)
}

#[test]
fn an_error_names_file_byte_and_expectation() {
    let images = |sizes: &[u32]| images_refused(&raw(sizes, &[0; 12]));
    assert_eq!(images_refused(b""), "DIR/f: byte 0: expected a header of 16 bytes, found the end of the file");
    assert_eq!(
        images_refused(&raw(&[3, 2], b"")[..9]),
        "DIR/f: byte 3: expected 3 dimensions (images), found 2 dimensions"
    );
    assert_eq!(
        images_refused(&raw(&[3, 2, 2], b"")[..9]),
        "DIR/f: byte 9: expected a header of 16 bytes, found the end of the file"
    );
    assert_eq!(
        images_refused(b"\x89PNG\r\n\x1a\n"),
        "DIR/f: byte 0: expected an IDX file, which begins 00 00 08 03, found 89 50 4e 47"
    );
    assert_eq!(
        images_refused(&raw(&[12], &[0; 12])),
        "DIR/f: byte 3: expected 3 dimensions (images), found 1 dimension (labels)"
    );
    assert_eq!(
        labels_refused(&raw(&[3, 2, 2], &[0; 12])),
        "DIR/f: byte 3: expected 1 dimension (labels), found 3 dimensions (images)"
    );
    assert_eq!(
        images_refused(b"\0\0\x0a\x03"),
        "DIR/f: byte 2: expected element type 0x08, 0x09, 0x0b, 0x0c, 0x0d or 0x0e, found 0x0a"
    );
    assert_eq!(images(&[0, 2, 2]), "DIR/f: byte 4: expected a count of at least 1, found 0");
    assert_eq!(labels_refused(&raw(&[0], b"")), "DIR/f: byte 4: expected a count of at least 1, found 0");
    assert_eq!(images(&[3, 0, 2]), "DIR/f: byte 8: expected images of 1 to 65535 pixels, found 0 x 2");
    assert_eq!(images(&[3, 256, 256]), "DIR/f: byte 8: expected images of 1 to 65535 pixels, found 256 x 256");
    assert_eq!(
        images(&[1, u32::MAX, u32::MAX]),
        "DIR/f: byte 8: expected images of 1 to 65535 pixels, found 4294967295 x 4294967295"
    );
    assert_eq!(
        images(&[u32::MAX, 257, 255]),
        "DIR/f: byte 28: expected 281470681677841 bytes for 4294967295 images of 257 x 255, found the end of the data"
    );
    assert_eq!(
        images(&[4, 2, 2]),
        "DIR/f: byte 28: expected 32 bytes for 4 images of 2 x 2, found the end of the data"
    );
    assert_eq!(images(&[2, 2, 2]), "DIR/f: byte 24: expected the end of the data, found more bytes");
    assert_eq!(
        labels_refused(&raw(&[9], &[0; 7])),
        "DIR/f: byte 15: expected 17 bytes for 9 labels, found the end of the data"
    );

    let dir = temp();
    let line = text(idx::read_images(&dir.path().join("absent")), dir.path());
    assert!(line.starts_with("DIR/absent: cannot read: "), "{line}");
}

#[test]
fn an_error_in_gzip_says_which_bytes_it_counts() {
    let whole = gzip(&raw(&[3, 2, 2], b"abcdefghijkl"));
    let len = whole.len();
    assert_eq!(images_refused(&whole[..2]), "DIR/f: byte 2: expected intact gzip data, found the end of the file");
    assert_eq!(
        images_refused(&whole[..len - 1]),
        format!("DIR/f: byte {}: expected intact gzip data, found the end of the file", len - 1)
    );
    let mut corrupt = whole.clone();
    corrupt[len - 8] ^= 1;
    assert_eq!(
        images_refused(&corrupt),
        format!(
            "DIR/f: byte {len}: expected intact gzip data, found corrupt gzip stream does not have a matching checksum"
        )
    );
    let line = images_refused(&[&whole[..], b"?"].concat());
    assert!(line.starts_with("DIR/f: byte ") && line.contains("expected intact gzip data, found "), "{line}");

    assert_eq!(
        images_refused(&gzip(b"text")),
        "DIR/f: decompressed byte 0: expected an IDX file, which begins 00 00 08 03, found 74 65 78 74"
    );
    assert_eq!(
        images_refused(&gzip(&raw(&[4, 2, 2], &[0; 12]))),
        "DIR/f: decompressed byte 28: expected 32 bytes for 4 images of 2 x 2, found the end of the data"
    );
    assert_eq!(
        images_refused(&gzip(&raw(&[2, 2, 2], &[0; 12]))),
        "DIR/f: decompressed byte 24: expected the end of the data, found more bytes"
    );
    assert_eq!(
        images_refused(&gzip(&raw(&[u32::MAX, 28, 28], &[0; 12]))),
        "DIR/f: decompressed byte 28: expected 3367254359296 bytes for 4294967295 images of 28 x 28, found the end of the data"
    );
}

#[test]
fn members_of_a_gzip_file_are_joined() {
    let bytes = raw(&[3, 2, 2], b"abcdefghijkl");
    let (a, b) = bytes.split_at(21);
    let images = idx::parse_images(Path::new("f"), &[gzip(a), gzip(b)].concat()).unwrap();
    assert_eq!((images.count, images.row_len(), images.image(1), images.image(3)), (3, 4, Some(&b"efgh"[..]), None));
}

fn files() -> impl Strategy<Value = ([u32; 3], Vec<u8>)> {
    (1..20u32, 1..9u32, 1..9u32).prop_flat_map(|(count, rows, cols)| {
        let data = prop::collection::vec(any::<u8>(), (count * rows * cols) as usize);
        (Just([count, rows, cols]), data)
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read((sizes, data) in files()) {
        let bytes = raw(&sizes, &data);
        for bytes in [gzip(&bytes), bytes] {
            let images = idx::parse_images(Path::new("f"), &bytes).unwrap();
            prop_assert_eq!([images.count, images.rows, images.cols], sizes.map(|size| size as usize));
            prop_assert_eq!(images.pixels(), &data[..]);
        }
        let labels = raw(&[data.len() as u32], &data);
        for bytes in [gzip(&labels), labels] {
            prop_assert_eq!(&idx::parse_labels(Path::new("f"), &bytes).unwrap(), &data);
        }
    }

    #[test]
    fn another_length_is_refused((sizes, data) in files(), cut in any::<prop::sample::Index>(), more in prop::collection::vec(any::<u8>(), 1..40)) {
        let bytes = raw(&sizes, &data);
        for bytes in [gzip(&bytes), bytes] {
            prop_assert!(idx::parse_images(Path::new("f"), &bytes[..cut.index(bytes.len())]).is_err());
            prop_assert!(idx::parse_images(Path::new("f"), &[&bytes[..], &more].concat()).is_err());
            prop_assert!(idx::parse_images(Path::new("f"), &[&bytes[..], &vec![0; more.len()]].concat()).is_err());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(start in 0..4usize, bytes in prop::collection::vec(any::<u8>(), 0..99)) {
        let starts: [&[u8]; 4] = [b"", b"\0\0\x08\x03\0\0\0", b"\0\0\x08\x01\0\0\0", b"\x1f\x8b\x08\0"];
        let bytes = [starts[start], &bytes].concat();
        let _ = idx::parse_images(Path::new("f"), &bytes);
        let _ = idx::parse_labels(Path::new("f"), &bytes);
    }
}

/// A directory with three training and two test images of 2 x 2 pixels.
fn small_set() -> TempDir {
    let dir = temp();
    put(dir.path(), "train-images-idx3-ubyte", raw(&[3, 2, 2], b"abcdefghijkl"));
    put(dir.path(), "train-labels.idx1-ubyte", raw(&[3], &[2, 0, 1]));
    put(dir.path(), "t10k-images.idx3-ubyte.gz", gzip(&raw(&[2, 2, 2], b"mnopqrst")));
    put(dir.path(), "t10k-labels-idx1-ubyte.gz", gzip(&raw(&[2], &[1, 3])));
    dir
}

#[test]
fn a_directory_is_opened_under_every_spelling() {
    let dir = small_set();
    let set = open(dir.path()).unwrap();
    assert_eq!((set.train.len(), set.test.len(), set.classes, set.test.inputs()), (3, 2, 4, 4));
    assert_eq!((set.test.image(1), set.test.label(1), set.test.label(2)), (Some(&b"qrst"[..]), Some(3), None));
}

#[test]
fn files_that_do_not_belong_together_are_named() {
    let dir = small_set();
    let refused = |name: &str, bytes: Vec<u8>| {
        let before = fs::read(dir.path().join(name)).unwrap();
        put(dir.path(), name, bytes);
        let line = text(open(dir.path()), dir.path());
        put(dir.path(), name, before);
        line
    };
    assert_eq!(
        refused("t10k-labels-idx1-ubyte.gz", raw(&[3], &[0; 3])),
        "DIR/t10k-labels-idx1-ubyte.gz: expected 2 labels as in DIR/t10k-images.idx3-ubyte.gz, found 3"
    );
    assert_eq!(
        refused("t10k-images.idx3-ubyte.gz", raw(&[2, 1, 4], &[0; 8])),
        "DIR/t10k-images.idx3-ubyte.gz: expected images of 2 x 2 as in DIR/train-images-idx3-ubyte, found images of 1 x 4"
    );
    put(dir.path(), "t10k-labels-idx1-ubyte.gz", raw(&[2], &[0; 2]));
    assert_eq!(
        refused("train-labels.idx1-ubyte", raw(&[3], &[0; 3])),
        "DIR/train-labels.idx1-ubyte: label 0: expected at least two classes, found only class 0"
    );
    fs::remove_file(dir.path().join("t10k-labels-idx1-ubyte.gz")).unwrap();
    assert_eq!(
        text(open(dir.path()), dir.path()),
        "DIR: expected a file with a name like *t10k*labels*idx* or *test*labels*idx*, found none"
    );
    let line = text(open(&dir.path().join("absent")), dir.path());
    assert!(line.starts_with("DIR/absent: cannot read: "), "{line}");
}

#[test]
fn the_sample_is_balanced_and_unchanged() {
    let sample = Dataset::sample().unwrap();
    assert_eq!((sample.classes, sample.train.inputs()), (10, 784));
    assert_eq!(255.0 * PIXEL_SCALE, 1.0);
    let sums = [(0xb51e_1900, 0x0bcf_9a88), (0x2ade_28a1, 0x5649_9f1b)];
    for ((samples, per_class), sums) in [(&sample.train, 1000), (&sample.test, 200)].into_iter().zip(sums) {
        for class in 0..10 {
            assert_eq!(samples.labels().iter().filter(|&&label| label == class).count(), per_class);
        }
        assert_eq!((crc(samples.images().unwrap().pixels()), crc(samples.labels())), sums);
    }
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/mnist-sample/data");
    // Known again as the same data, though not as the embedded ones.
    let read = open(&dir).unwrap();
    assert!(
        read.identity != sample.identity && read.identity.as_ref().unwrap().is_same(sample.identity.as_ref().unwrap())
    );
    assert_eq!(Dataset { identity: sample.identity.clone(), ..read }, sample);
}

#[test]
fn the_whole_of_mnist_is_read() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/mnist");
    if !dir.is_dir() {
        eprintln!("SKIPPED, MNIST NOT READ: no directory {}", dir.display());
        return;
    }
    let mnist = open(&dir).unwrap();
    assert_eq!((mnist.train.len(), mnist.test.len(), mnist.train.inputs(), mnist.classes), (60_000, 10_000, 784, 10));
    assert_eq!((crc(mnist.train.images().unwrap().pixels()), crc(mnist.train.labels())), (0xf363_9b56, 0xba07_e8ef));
    assert_eq!((crc(mnist.test.images().unwrap().pixels()), crc(mnist.test.labels())), (0xe4ca_5f57, 0xee86_04d9));
}

/// A seven: two strokes with soft edges, white on black.
fn seven() -> Vec<u8> {
    let stroke = |distance: f32| ((2.0 - distance).clamp(0.0, 1.0) * 255.0) as u8;
    let pixel = |y: f32, x: f32| {
        let bar = if (6.0..21.0).contains(&x) { stroke((y - 6.0).abs()) } else { 0 };
        let leg = if (6.0..23.0).contains(&y) { stroke((x - 20.0 + (y - 6.0) * 0.5).abs()) } else { 0 };
        bar.max(leg)
    };
    (0..784).map(|i| pixel((i / 28) as f32, (i % 28) as f32)).collect()
}

fn put_png(dir: &Path, (width, height): (u32, u32), colour: ColorType, depth: BitDepth, data: &[u8]) -> PathBuf {
    let path = dir.join("f.png");
    let mut encoder = png::Encoder::new(fs::File::create(&path).unwrap(), width, height);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    if colour == ColorType::Indexed {
        encoder.set_palette((0..=255).flat_map(|i| [255 - i; 3]).collect::<Vec<u8>>());
    }
    encoder.write_header().unwrap().write_image_data(data).unwrap();
    path
}

/// The picture as a network of so many rows and columns takes it.
fn seen(path: &Path, rows: usize, cols: usize) -> Result<Vec<u8>, DataError> {
    Picture::read(path).map(|picture| PictureForm::plain(rows, cols).apply(&picture).0)
}

#[test]
fn a_digit_is_the_same_however_it_is_drawn() {
    let (dir, seven) = (temp(), seven());
    let each = |f: fn(u8) -> Vec<u8>| seven.iter().copied().flat_map(f).collect::<Vec<u8>>();
    let doubled: Vec<u8> = (0..56 * 56).map(|i| seven[i / 56 / 2 * 28 + i % 56 / 2]).collect();
    let ink = |p: u8| 255 - p;
    let forms = [
        ("white on black", (28, 28), ColorType::Grayscale, BitDepth::Eight, seven.clone()),
        ("black on white", (28, 28), ColorType::Grayscale, BitDepth::Eight, seven.iter().copied().map(ink).collect()),
        ("twice the size", (56, 56), ColorType::Grayscale, BitDepth::Eight, doubled),
        ("16 bits", (28, 28), ColorType::Grayscale, BitDepth::Sixteen, each(|p| vec![p, p])),
        ("palette", (28, 28), ColorType::Indexed, BitDepth::Eight, seven.clone()),
        ("colour", (28, 28), ColorType::Rgb, BitDepth::Eight, each(|p| vec![p; 3])),
        (
            "opaque black on white",
            (28, 28),
            ColorType::Rgba,
            BitDepth::Eight,
            each(|p| vec![255 - p, 255 - p, 255 - p, 255]),
        ),
        ("black on nothing", (28, 28), ColorType::Rgba, BitDepth::Eight, each(|p| vec![0, 0, 0, p])),
        ("white on nothing", (28, 28), ColorType::GrayscaleAlpha, BitDepth::Eight, each(|p| vec![255, p])),
    ];
    for (name, size, colour, depth, data) in forms {
        let read = seen(&put_png(dir.path(), size, colour, depth, &data), 28, 28).unwrap();
        let worst = read.iter().zip(&seven).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(read.len() == 784 && worst <= Some(1), "{name}: off by {worst:?}");
    }
}

/// A picture keeps its aspect; around it is the mean of its border.
#[test]
fn sizes_are_interpolated_and_averaged() {
    let dir = temp();
    let scaled = |size, data: &[u8], rows, cols| {
        seen(&put_png(dir.path(), size, ColorType::Grayscale, BitDepth::Eight, data), rows, cols).unwrap()
    };
    assert_eq!(scaled((2, 1), &[0, 100], 2, 4), [0, 25, 75, 100, 0, 25, 75, 100]);
    assert_eq!(scaled((4, 2), &[0, 20, 240, 200, 0, 20, 240, 200], 1, 2), [10, 220]);
    assert_eq!(scaled((2, 2), &[10, 20, 30, 40], 1, 1), [25]);
    assert_eq!(scaled((2, 2), &[10, 20, 30, 40], 1, 3), [25; 3]);
    assert_eq!(scaled((5, 7), &[77; 35], 28, 3), [77; 84]);
}

/// Black left of white, 16 by 8, from a camera that was held so that left is up.
const TURNED: &[u8] = include_bytes!("reference/turned.jpg");

#[test]
fn a_jpeg_is_seen_as_its_camera_was_held() {
    let dir = temp();
    let image = seen(&put(dir.path(), "turned.jpg", TURNED), 16, 8).unwrap();
    let (above, below) = image.split_at(64);
    assert!(above.iter().all(|&level| level < 8) && below.iter().all(|&level| level > 247), "{image:?}");
}

/// Whatever happened to a file, it is a picture or an error in one line.
#[test]
fn damaged_pictures_are_refused_or_read() {
    let dir = temp();
    let png = put_png(dir.path(), (28, 28), ColorType::Grayscale, BitDepth::Eight, &seven());
    let (png, mut random) = (fs::read(png).unwrap(), cygnet::random::stream(1, cygnet::random::Purpose::Shuffle, 0));
    for i in 0..3000 {
        let mut bytes = if i % 2 == 0 { TURNED.to_vec() } else { png.clone() };
        let at = random.bounded(bytes.len() as u32) as usize;
        match i % 6 / 2 {
            0 => bytes.truncate(at),
            1 => drop(bytes.remove(at)),
            _ => (bytes[at], bytes[at / 2]) = (random.bounded(256) as u8, random.bounded(256) as u8),
        }
        if let Err(error) = Picture::decode(Path::new("a"), &bytes) {
            let line = error.to_string();
            assert!(line.starts_with("a: expected ") && !line.contains('\n'), "{line}");
        }
    }
}

#[test]
fn a_picture_that_cannot_be_read_is_named() {
    let dir = temp();
    let refused = |path: &Path| text(Picture::read(path), dir.path());
    let path = put_png(dir.path(), (28, 28), ColorType::Grayscale, BitDepth::Eight, &seven());
    let whole = fs::read(&path).unwrap();
    for cut in [8, 20, 60, whole.len() / 2] {
        let line = refused(&put(dir.path(), "cut.png", &whole[..cut]));
        assert!(line.starts_with("DIR/cut.png: expected an intact PNG, found "), "{line}");
    }
    for cut in
        [&b"\xff\xd8\xff\xe0"[..], b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xd9"]
    {
        let line = refused(&put(dir.path(), "cut.jpg", cut));
        assert!(line.starts_with("DIR/cut.jpg: expected an intact JPEG, found "), "{line}");
    }
    let line = refused(&put(dir.path(), "text", "not a picture"));
    assert_eq!(line, "DIR/text: expected a picture, PNG or JPEG");
    let mut wide = whole.clone();
    wide[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    let check = crc(&wide[12..29]).to_be_bytes();
    wide[29..33].copy_from_slice(&check);
    let line = refused(&put(dir.path(), "wide.png", wide));
    assert!(line.ends_with("65536 x 65536 pixels, more than 100000000 or none"), "{line}");
    assert!(refused(&dir.path().join("absent.png")).starts_with("DIR/absent.png: cannot read: "));
}
