//! What is accepted as IDX, written again in its own type, is the same file; what was converted is what it stood for.
#![no_main]

use std::path::Path;

use cygnet::host::data::idx::{parse_images, parse_labels};
use libfuzzer_sys::fuzz_target;

/// The elements of a file that was accepted are `bytes`, or shares of 255 that are nearest to them.
fn same(file: &[u8], bytes: &[u8], sizes: &[usize]) {
    if file.starts_with(&[0x1f, 0x8b]) {
        return;
    }
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

fuzz_target!(|bytes: &[u8]| {
    let name = Path::new("input");
    if let Ok(images) = parse_images(name, bytes) {
        let sizes = [images.count, images.rows, images.cols];
        same(bytes, images.pixels(), &sizes);
        let again = parse_images(name, &raw(&sizes, images.pixels())).expect("bytes are pixels");
        assert_eq!(([again.count, again.rows, again.cols], again.pixels()), (sizes, images.pixels()));
        assert_eq!(again.clone().transposed().transposed(), again);
    }
    if let Ok(labels) = parse_labels(name, bytes) {
        same(bytes, &labels, &[labels.len()]);
        assert_eq!(parse_labels(name, &raw(&[labels.len()], &labels)).ok(), Some(labels));
    }
});
