#![doc = include_str!("../README.md")]
#![no_std]

/// The 10,000 training images, 1,000 of each digit, as a gzipped IDX file: a header of 16 bytes, then 28 × 28 bytes an image.
pub static TRAIN_IMAGES: &[u8] = include_bytes!("../data/train-images-idx3-ubyte.gz");

/// The digits of [`TRAIN_IMAGES`], in the same order, as a gzipped IDX file: a header of 8 bytes, then a byte an image.
pub static TRAIN_LABELS: &[u8] = include_bytes!("../data/train-labels-idx1-ubyte.gz");

/// The 2,000 test images, 200 of each digit, as a gzipped IDX file: a header of 16 bytes, then 28 × 28 bytes an image.
pub static TEST_IMAGES: &[u8] = include_bytes!("../data/t10k-images-idx3-ubyte.gz");

/// The digits of [`TEST_IMAGES`], in the same order, as a gzipped IDX file: a header of 8 bytes, then a byte an image.
pub static TEST_LABELS: &[u8] = include_bytes!("../data/t10k-labels-idx1-ubyte.gz");
