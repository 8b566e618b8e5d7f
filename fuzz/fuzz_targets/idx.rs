//! What is accepted as IDX, written again, is the same file.
#![no_main]

use std::path::Path;

use cygnet::host::idx::{parse_images, parse_labels};
use libfuzzer_sys::fuzz_target;

fn raw(sizes: &[usize], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, sizes.len() as u8];
    sizes.iter().for_each(|&size| bytes.extend((size as u32).to_be_bytes()));
    bytes.extend(data);
    bytes
}

fuzz_target!(|bytes: &[u8]| {
    let name = Path::new("input");
    let gzip = bytes.starts_with(&[0x1f, 0x8b]);
    if let Ok(images) = parse_images(name, bytes) {
        let again = raw(&[images.count, images.rows, images.cols], images.pixels());
        assert!(gzip || again == bytes);
        assert_eq!(parse_images(name, &again).ok(), Some(images));
    }
    if let Ok(labels) = parse_labels(name, bytes) {
        let again = raw(&[labels.len()], &labels);
        assert!(gzip || again == bytes);
        assert_eq!(parse_labels(name, &again).ok(), Some(labels));
    }
});
