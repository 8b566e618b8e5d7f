//! What is accepted as IDX, written again in its own type, is the same file, and so is what was converted; compressed it is what
//! it is, in one member of gzip or in two.
#![no_main]

use cygnet::host::data::idx::{parse_images, parse_labels};
use flate2::read::MultiGzDecoder;
use flate2::{Compression, write::GzEncoder};
use libfuzzer_sys::fuzz_target;
use std::io::{Read, Write};
use std::path::Path;

/// The elements of a file that was accepted are `bytes`, or shares of 255 that are nearest to them.
fn same(file: &[u8], bytes: &[u8], sizes: &[usize]) {
    let (kind, dimensions) = (file[2], usize::from(file[3]));
    let (header, data) = file.split_at(4 + 4 * dimensions);
    let written = header[4..].as_chunks().0.iter().map(|&b| u32::from_be_bytes(b) as usize);
    assert!(written.filter(|&n| n != 1).eq(sizes.iter().copied().filter(|&n| n != 1)));
    let elements: Vec<f64> = match kind {
        0x08 => data.iter().map(|&b| b.into()).collect(),
        0x09 => data.iter().map(|&b| (b as i8).into()).collect(),
        0x0b => data.as_chunks().0.iter().map(|&b| i16::from_be_bytes(b).into()).collect(),
        0x0c => data.as_chunks().0.iter().map(|&b| i32::from_be_bytes(b).into()).collect(),
        0x0d => data.as_chunks().0.iter().map(|&b| f32::from_be_bytes(b).into()).collect(),
        _ => data.as_chunks().0.iter().map(|&b| f64::from_be_bytes(b)).collect(),
    };
    assert_eq!(elements.len(), bytes.len());
    let are_shares = kind >= 0x0d && elements.iter().all(|x| (0.0..=1.0).contains(x));
    for (x, &byte) in elements.into_iter().zip(bytes) {
        let byte = f64::from(byte);
        assert!(if are_shares { (255.0 * x - byte).abs() <= 0.5 } else { x == byte });
    }
}

fn raw(sizes: &[usize], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, sizes.len() as u8];
    sizes.iter().for_each(|&size| bytes.extend((size as u32).to_be_bytes()));
    bytes.extend(data);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn images(file: &[u8], stored: &[u8]) {
    let name = Path::new("input");
    if let Ok(images) = parse_images(name, stored) {
        let sizes = [images.count, images.rows, images.cols];
        same(file, images.pixels(), &sizes);
        let again = parse_images(name, &raw(&sizes, images.pixels())).expect("bytes are pixels");
        assert_eq!(([again.count, again.rows, again.cols], again.pixels()), (sizes, images.pixels()));
        assert_eq!(again.clone().transposed().transposed(), again);
    }
    if let Ok(labels) = parse_labels(name, stored) {
        same(file, &labels, &[labels.len()]);
        assert_eq!(parse_labels(name, &raw(&[labels.len()], &labels)).ok(), Some(labels));
    }
}

fuzz_target!(|bytes: &[u8]| {
    let name = Path::new("input");
    if bytes.starts_with(&[0x1f, 0x8b]) {
        // Only as much as a header of these sizes may declare is of interest.
        let mut file = Vec::new();
        let is_whole = MultiGzDecoder::new(bytes).take(1 << 20).read_to_end(&mut file).is_ok() && file.len() < 1 << 20;
        let is_accepted = parse_images(name, bytes).is_ok() || parse_labels(name, bytes).is_ok();
        assert!(is_whole || !is_accepted || file.len() == 1 << 20);
        if is_whole {
            images(&file, bytes);
        }
        return;
    }
    images(bytes, bytes);
    // To compress takes longer than all else.
    if bytes.len() > 24 && parse_images(name, bytes).is_err() && parse_labels(name, bytes).is_err() {
        return;
    }
    let (first, second) = bytes.split_at(bytes.len() / 3);
    for compressed in [gzip(bytes), [gzip(first), gzip(second)].concat()] {
        assert_eq!(parse_images(name, &compressed).ok(), parse_images(name, bytes).ok());
        assert_eq!(parse_labels(name, &compressed).ok(), parse_labels(name, bytes).ok());
    }
});
