//! What is accepted as a picture has the pixels that it says, is the same once it was written anew, and becomes an image of
//! every form that `predict` asks for; any other file is refused in one line.
#![no_main]

use cygnet::host::data::{Picture, PictureForm};
use cygnet::{Activation, Spec};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

/// More pixels take too long here; a test is about the limit.
const MOST: usize = 1 << 14;

/// The sizes that a PNG or the frames of a JPEG declare.
fn declared(bytes: &[u8]) -> usize {
    let at =
        |i: usize, n: usize| bytes.get(i..i + n).unwrap_or_default().iter().fold(0, |x, &b| x << 8 | usize::from(b));
    if bytes.starts_with(b"\x89PNG") {
        return at(16, 4).saturating_mul(at(20, 4));
    }
    let is_frame = |i: &usize| bytes[*i] == 0xff && matches!(bytes.get(i + 1), Some(0xc0..=0xcf));
    (0..bytes.len()).filter(is_frame).map(|i| at(i + 5, 2) * at(i + 7, 2)).max().unwrap_or(0)
}

/// The picture as a PNG of its own.
fn written(width: usize, height: usize, gray: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("the sizes are not zero");
    writer.write_image_data(gray).expect("as many pixels");
    writer.finish().expect("memory");
    bytes
}

fuzz_target!(|bytes: &[u8]| {
    let name = Path::new("input");
    if declared(bytes) > MOST {
        return;
    }
    let picture = match Picture::decode(name, bytes) {
        Ok(picture) => picture,
        Err(error) => {
            let line = error.to_string();
            assert!(line.starts_with("input: expected ") && !line.contains('\n'), "{line:?}");
            return;
        }
    };
    assert!(Picture::is_picture(bytes) && picture.width > 0 && picture.height > 0);
    // As large as it is, pixels stay what they are, and a second time is the same as the first.
    let (rows, cols) = (picture.height, picture.width);
    let (gray, _) = PictureForm::plain(rows, cols).apply(&picture);
    assert_eq!(gray.len(), rows * cols);
    let again = Picture::decode(name, &written(cols, rows, &gray)).expect("a PNG that was just written");
    assert_eq!((again.height, again.width), (rows, cols));
    assert_eq!(PictureForm::plain(rows, cols).apply(&again).0, gray);
    for (spec, centre) in [(Spec::new(784), Some(true)), (Spec::new(784), None), (Spec::new(63), Some(false))] {
        let form = PictureForm::of(&spec.dense(2, Activation::Identity), None, centre);
        assert_eq!(form.apply(&picture).0.len(), spec.inputs());
    }
});
