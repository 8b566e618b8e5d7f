//! The elements of an IDX file as bytes: pixels from 0 to 255, or classes.
//!
//! Nothing is cut to fit: a number that is no byte is an error that names it.

use crate::host::prelude::*;

/// What the third byte of an IDX file says; numbers are big-endian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::host) enum Kind {
    U8,
    I8,
    I16,
    I32,
    F32,
    F64,
}

/// The code of each, and the bytes of an element.
const CODES: [(u8, Kind, usize); 6] = [
    (0x08, Kind::U8, 1),
    (0x09, Kind::I8, 1),
    (0x0b, Kind::I16, 2),
    (0x0c, Kind::I32, 4),
    (0x0d, Kind::F32, 4),
    (0x0e, Kind::F64, 8),
];

/// An element that cannot be read as a byte.
#[derive(Debug, PartialEq)]
pub(in crate::host) struct NoByte {
    pub(in crate::host) index: usize,
    pub(in crate::host) expected: &'static str,
    pub(in crate::host) found: String,
}

const WHOLE: &str = "a whole number from 0 to 255";
const SHARE_OR_WHOLE: &str = "floats that all lie between 0 and 1, or are all whole numbers from 0 to 255";
/// Levels by which a share times 255 may miss a whole number, as one that was divided by 255 does.
const EXACT: f64 = 1e-3;

impl Kind {
    pub(in crate::host) fn of(code: u8) -> Option<Self> {
        CODES.iter().find(|(known, ..)| *known == code).map(|&(_, kind, _)| kind)
    }

    /// Bytes of an element.
    pub(in crate::host) fn size(self) -> usize {
        CODES.iter().find(|(_, kind, _)| *kind == self).map_or(1, |&(.., size)| size)
    }

    pub(in crate::host) fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }

    /// Each element, exactly.
    fn numbers(self, data: &[u8]) -> impl Iterator<Item = f64> {
        data.chunks_exact(self.size()).map(move |bytes| match (self, bytes) {
            (Self::I8, &[a]) => f64::from(i8::from_be_bytes([a])),
            (Self::I16, &[a, b]) => f64::from(i16::from_be_bytes([a, b])),
            (Self::I32, &[a, b, c, d]) => f64::from(i32::from_be_bytes([a, b, c, d])),
            (Self::F32, &[a, b, c, d]) => f64::from(f32::from_be_bytes([a, b, c, d])),
            (Self::F64, &[a, b, c, d, e, f, g, h]) => f64::from_be_bytes([a, b, c, d, e, f, g, h]),
            (_, bytes) => f64::from(bytes.first().copied().unwrap_or(0)),
        })
    }

    /// Whole numbers from 0 to 255 as they are.
    pub(in crate::host) fn whole(self, data: Vec<u8>) -> Result<Vec<u8>, NoByte> {
        if self == Self::U8 {
            return Ok(data);
        }
        let expected = if self.is_float() { SHARE_OR_WHOLE } else { WHOLE };
        let byte = |(index, x): (usize, f64)| {
            let is_byte = (0.0..=255.0).contains(&x) && x.fract() == 0.0;
            if is_byte { Ok(x as u8) } else { Err(NoByte { index, expected, found: format!("{x}") }) }
        };
        self.numbers(&data).enumerate().map(byte).collect()
    }

    /// Pixels, and whether some were rounded: floats that all lie between 0 and 1 are shares of 255, `255·x` rounded to the
    /// nearest, of two the even one; other floats and integers stay what they are.
    pub(in crate::host) fn pixels(self, data: Vec<u8>) -> Result<(Vec<u8>, bool), NoByte> {
        if !self.is_float() || !self.numbers(&data).all(|x| (0.0..=1.0).contains(&x)) {
            return Ok((self.whole(data)?, false));
        }
        let is_between = |x: f64| (255.0 * x - (255.0 * x).round_ties_even()).abs() > EXACT;
        let is_rounded = self.numbers(&data).any(is_between);
        Ok((self.numbers(&data).map(|x| (255.0 * x).round_ties_even() as u8).collect(), is_rounded))
    }
}
