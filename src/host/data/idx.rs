//! IDX files, the format of MNIST, raw or gzip.
//!
//! An IDX file is `00 00 type dimensions`, one big-endian `u32` per dimension, then the elements, row-major.
//! Images are three dimensions `(count, rows, columns)`, or four of which the second or the last is 1; labels are one, or two
//! of which the second is 1. Elements of every type become bytes where they can. Source: <http://yann.lecun.com/exdb/mnist/>.

use crate::host::prelude::*;
use core::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use super::elements::{Kind, NoByte};
use crate::host::memory::zeros;
use crate::host::{DataError, HostError};
use flate2::bufread::MultiGzDecoder;

/// The most pixels of an image: the widths of a network are `u16`.
pub const MAX_PIXELS: usize = 65_535;

/// Scales a pixel: `input = pixel · 1/255`, one multiplication.
pub const PIXEL_SCALE: f32 = 1.0 / 255.0;

const GZIP: [u8; 2] = [0x1f, 0x8b];
/// How much larger images usually become.
const GZIP_RATIO: u64 = 8;

/// Gray images of one size; shape `(count, rows, cols)`, one byte per pixel, row-major.
#[derive(Clone, PartialEq, Eq)]
pub struct Images {
    /// How many.
    pub count: usize,
    /// Height, pixels.
    pub rows: usize,
    /// Width, pixels.
    pub cols: usize,
    pixels: Vec<u8>,
}

impl Images {
    /// Each image with its rows as columns, `out[j][i] = in[i][j]`: upright where it lay on its side, as those of EMNIST do.
    #[must_use]
    pub fn transposed(mut self) -> Self {
        let (rows, cols, len) = (self.rows, self.cols, self.row_len());
        let mut lying = vec![0; len];
        for image in self.each_mut() {
            lying.copy_from_slice(image);
            for (at, pixel) in image.iter_mut().enumerate() {
                *pixel = lying[at % rows * cols + at / rows];
            }
        }
        (self.rows, self.cols) = (cols, rows);
        self
    }

    /// Pixels of one image, `rows · cols`.
    pub fn row_len(&self) -> usize {
        self.rows.saturating_mul(self.cols)
    }

    /// Image `i`, `row_len` bytes, or `None` past the end.
    pub fn image(&self, i: usize) -> Option<&[u8]> {
        let start = i.checked_mul(self.row_len())?;
        self.pixels.get(start..start.checked_add(self.row_len())?)
    }

    /// Images of so many rows and columns, as many as there are pixels for.
    pub(in crate::host) fn new(rows: usize, cols: usize, pixels: Vec<u8>) -> Self {
        Self { count: pixels.len().checked_div(rows * cols).unwrap_or(0), rows, cols, pixels }
    }

    /// So many black images of the same size.
    pub(in crate::host) fn black(&self, count: usize) -> Result<Self, HostError> {
        Ok(Self { count, pixels: zeros(count.saturating_mul(self.row_len()))?, ..*self })
    }

    /// Each image, to be written.
    pub(in crate::host) fn each_mut(&mut self) -> impl Iterator<Item = &mut [u8]> {
        let len = self.row_len();
        self.pixels.chunks_exact_mut(len.max(1))
    }

    /// All pixels, `count · rows · cols` bytes.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}

impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Images({} x {} x {})", self.count, self.rows, self.cols)
    }
}

/// Reads a file of images.
///
/// # Errors
/// The file cannot be read, is not an intact IDX file of images, has no image of 1 to [`MAX_PIXELS`] pixels, or a pixel that
/// is no byte: integers lie between 0 and 255, floats all between 0 and 1, which becomes 255, or are all such integers.
pub fn read_images(path: &Path) -> Result<Images, DataError> {
    decode(path, open(path)?, 3)
}

/// Reads a file of labels, integers from 0 to 255.
///
/// # Errors
/// The file cannot be read, is not an intact IDX file of labels, has none, or one of another value.
pub fn read_labels(path: &Path) -> Result<Vec<u8>, DataError> {
    Ok(decode(path, open(path)?, 1)?.pixels)
}

/// As [`read_images`], from memory; `name` stands for the file in errors.
///
/// # Errors
/// As [`read_images`].
pub fn parse_images(name: &Path, bytes: &[u8]) -> Result<Images, DataError> {
    decode(name, Cursor::new(bytes), 3)
}

/// As [`read_labels`], from memory; `name` stands for the file in errors.
///
/// # Errors
/// As [`read_labels`].
pub fn parse_labels(name: &Path, bytes: &[u8]) -> Result<Vec<u8>, DataError> {
    Ok(decode(name, Cursor::new(bytes), 1)?.pixels)
}

fn open(path: &Path) -> Result<BufReader<File>, DataError> {
    File::open(path).map(BufReader::new).map_err(|error| DataError::io(path, error))
}

/// Images, or labels, which are of one row and one column.
fn decode(path: &Path, mut source: impl BufRead + Seek, dimensions: u8) -> Result<Images, DataError> {
    let io = |error| DataError::io(path, error);
    let len = source.seek(SeekFrom::End(0)).map_err(io)?;
    source.rewind().map_err(io)?;
    let is_gzip = source.fill_buf().map_err(io)?.starts_with(&GZIP);
    let idx = Idx { path, len, is_gzip, dimensions };
    if !is_gzip {
        return idx.read(source);
    }
    let result = idx.read(MultiGzDecoder::new(&mut source));
    let Err(DataError::Io { error, .. }) = &result else { return result };
    let found = match error.kind() {
        io::ErrorKind::UnexpectedEof => "the end of the file".to_owned(),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => format!("{error}"),
        _ => return result,
    };
    let offset = source.stream_position().map_err(io)?;
    Err(DataError::content(path, format!("byte {offset}: expected intact gzip data, found {found}")))
}

struct Idx<'a> {
    path: &'a Path,
    /// Of the file as it is stored, in bytes.
    len: u64,
    is_gzip: bool,
    /// 3 for images, 1 for labels; one more of 1 is no harm.
    dimensions: u8,
}

impl Idx<'_> {
    fn read(&self, mut source: impl Read) -> Result<Images, DataError> {
        let io = |error| DataError::io(self.path, error);
        let mut header = Vec::new();
        source.by_ref().take(4).read_to_end(&mut header).map_err(io)?;
        let (kind, dimensions) = self.check_start(&header)?;
        let header_len = 4 + 4 * u64::from(dimensions);
        source.by_ref().take(header_len - 4).read_to_end(&mut header).map_err(io)?;
        let sizes = self.check_sizes(&header, header_len)?;

        // below 2^32 * MAX_PIXELS * 8, so nothing here overflows
        let data_len = sizes.iter().product::<u64>() * kind.size as u64;
        let end = header_len + data_len;
        // What a file promises beyond what it usually holds is believed when it comes.
        let room = data_len.min(self.len.saturating_mul(if self.is_gzip { GZIP_RATIO } else { 1 }));
        let mut data = Vec::new();
        data.try_reserve_exact(usize::try_from(room).unwrap_or(usize::MAX)).map_err(|error| io(error.into()))?;
        let read = source.by_ref().take(data_len).read_to_end(&mut data).map_err(io)? as u64;
        let [count, rows, cols] = sizes.map(|size| size as usize);
        if read < data_len {
            let expected = match self.dimensions {
                1 => format!("{end} bytes for {count} labels"),
                _ => format!("{end} bytes for {count} images of {rows} x {cols}"),
            };
            return self.fail(header_len + read, expected, "the end of the data");
        }
        if source.read(&mut [0]).map_err(io)? != 0 {
            return self.fail(end, "the end of the data", "more bytes");
        }
        let converted = if self.dimensions == 1 { kind.whole(data) } else { kind.pixels(data) };
        match converted {
            Ok(pixels) => Ok(Images { count, rows, cols, pixels }),
            Err(NoByte { index, expected, found }) => {
                self.fail(header_len + (index * kind.size) as u64, expected, found)
            }
        }
    }

    /// The type of the elements, and how many dimensions there are.
    fn check_start(&self, start: &[u8]) -> Result<(Kind, u8), DataError> {
        let wanted = self.dimensions;
        match *start {
            [0, 0, code, found] => match Kind::of(code) {
                None => self.fail(2, "element type 0x08, 0x09, 0x0b, 0x0c, 0x0d or 0x0e", format!("0x{code:02x}")),
                Some(kind) if kind.is_float && wanted == 1 => {
                    self.fail(2, "labels of an integer type, 0x08, 0x09, 0x0b or 0x0c", format!("0x{code:02x}"))
                }
                Some(kind) if found == wanted || found == wanted + 1 => Ok((kind, found)),
                Some(_) => self.fail(3, dimensions(wanted), dimensions(found)),
            },
            [a, b, c, d] => {
                let expected = format!("an IDX file, which begins 00 00 08 {wanted:02x}");
                self.fail(0, expected, format!("{a:02x} {b:02x} {c:02x} {d:02x}"))
            }
            _ => {
                let expected = format!("a header of {} bytes", 4 + 4 * wanted);
                self.fail(start.len() as u64, expected, "the end of the file")
            }
        }
    }

    /// Count, rows and columns; a label is of one row and one column.
    fn check_sizes(&self, header: &[u8], header_len: u64) -> Result<[u64; 3], DataError> {
        if header.len() as u64 != header_len {
            return self.fail(header.len() as u64, format!("a header of {header_len} bytes"), "the end of the file");
        }
        let sizes = header.as_chunks::<4>().0.iter().skip(1).map(|size| u64::from(u32::from_be_bytes(*size)));
        let [count, rows, cols] = match *sizes.collect::<Vec<_>>() {
            // Gray images have one channel, which PyTorch puts before the rows and others behind the columns.
            [count, rows, cols, 1] | [count, 1, rows, cols] | [count, rows, cols] => [count, rows, cols],
            [_, _, _, channels] => return self.fail(16, "a fourth dimension of 1 (gray)", format!("{channels}")),
            [count, 1] | [count] => [count, 1, 1],
            [_, columns] => return self.fail(8, "a second dimension of 1 (labels)", format!("{columns}")),
            _ => [0; 3],
        };
        if count == 0 {
            return self.fail(4, "a count of at least 1", "0");
        }
        if !(1..=MAX_PIXELS as u64).contains(&(rows * cols)) {
            return self.fail(8, format!("images of 1 to {MAX_PIXELS} pixels"), format!("{rows} x {cols}"));
        }
        Ok([count, rows, cols])
    }

    fn fail<T>(&self, offset: u64, expected: impl Into<String>, found: impl Into<String>) -> Result<T, DataError> {
        let (unit, expected, found) =
            (if self.is_gzip { "decompressed byte" } else { "byte" }, expected.into(), found.into());
        Err(DataError::content(self.path, format!("{unit} {offset}: expected {expected}, found {found}")))
    }
}

fn dimensions(count: u8) -> String {
    match count {
        1 => "1 dimension (labels)".to_owned(),
        3 => "3 dimensions (images)".to_owned(),
        _ => format!("{count} dimensions"),
    }
}
