//! The elements of an IDX file as bytes: pixels from 0 to 255, or classes.
//!
//! Nothing is cut to fit: a number that is no byte is an error that names it.

use crate::host::prelude::*;

/// What the third byte of an IDX file says.
#[derive(Clone, Copy, Debug)]
pub(in crate::host) struct Kind {
    code: u8,
    /// Bytes of an element.
    pub(in crate::host) size: usize,
    pub(in crate::host) is_float: bool,
    /// An element, big-endian, exactly.
    number: fn(&[u8]) -> f64,
}

const KINDS: [Kind; 6] = [
    Kind { code: 0x08, size: 1, is_float: false, number: |b| u8::from_be_bytes(array(b)).into() },
    Kind { code: 0x09, size: 1, is_float: false, number: |b| i8::from_be_bytes(array(b)).into() },
    Kind { code: 0x0b, size: 2, is_float: false, number: |b| i16::from_be_bytes(array(b)).into() },
    Kind { code: 0x0c, size: 4, is_float: false, number: |b| i32::from_be_bytes(array(b)).into() },
    Kind { code: 0x0d, size: 4, is_float: true, number: |b| f32::from_be_bytes(array(b)).into() },
    Kind { code: 0x0e, size: 8, is_float: true, number: |b| f64::from_be_bytes(array(b)) },
];

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or([0; N])
}

/// An element that cannot be read as a byte.
#[derive(Debug, PartialEq)]
pub(in crate::host) struct NoByte {
    pub(in crate::host) index: usize,
    pub(in crate::host) expected: &'static str,
    pub(in crate::host) found: String,
}

const WHOLE: &str = "a whole number from 0 to 255";
const SHARE_OR_WHOLE: &str = "floats that all lie between 0 and 1, or are all whole numbers from 0 to 255";

impl Kind {
    pub(in crate::host) fn of(code: u8) -> Option<Self> {
        KINDS.into_iter().find(|kind| kind.code == code)
    }

    fn numbers(self, data: &[u8]) -> impl Iterator<Item = f64> {
        data.chunks_exact(self.size).map(self.number)
    }

    /// Whole numbers from 0 to 255 as they are.
    pub(in crate::host) fn whole(self, data: Vec<u8>) -> Result<Vec<u8>, NoByte> {
        if self.code == 0x08 {
            return Ok(data);
        }
        let expected = if self.is_float { SHARE_OR_WHOLE } else { WHOLE };
        let byte = |(index, x): (usize, f64)| {
            let is_byte = (0.0..=255.0).contains(&x) && x.fract() == 0.0;
            if is_byte { Ok(x as u8) } else { Err(NoByte { index, expected, found: format!("{x}") }) }
        };
        self.numbers(&data).enumerate().map(byte).collect()
    }

    /// Pixels: floats that all lie between 0 and 1 are shares of 255, `255·x` rounded to the nearest, of two the even one;
    /// other floats and integers stay what they are.
    pub(in crate::host) fn pixels(self, data: Vec<u8>) -> Result<Vec<u8>, NoByte> {
        if !self.is_float || !self.numbers(&data).all(|x| (0.0..=1.0).contains(&x)) {
            return self.whole(data);
        }
        Ok(self.numbers(&data).map(|x| (255.0 * x).round_ties_even() as u8).collect())
    }
}
