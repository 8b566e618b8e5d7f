//! Which data a model was trained on, as its file remembers them: enough to know them again, nothing of where they are
//! or when it was.
//!
//! In a checkpoint's file it is the last section, behind the checkpoint and the preparation of a table; little-endian:
//!
//! | byte | what |
//! |---|---|
//! | 0 | magic `89 43 59 47 44 41 54 0a` |
//! | 8 | `u16` format version, 1 or 2; `u8` kind (0 the embedded sample, 1 images, 2 a table); `u8` length `n` of the name |
//! | 12 | `u32` training samples; `u32` rows and `u32` columns of each, 1 row in a table |
//! | 24 | `u64` digest |
//! | 32 | the name, UTF-8 |
//! | 32 + n | in version 2 the `u32` length `m` of a JSON object, then the object: how images look, the names of their classes |
//! | the last 4 | `u32` CRC-32 (ISO-HDLC) of all bytes before |
//!
//! In a safetensors file it is a JSON object in the description of the network, `; data {…}`.
//!
//! The digest is CRC-64/XZ over the samples as they are decoded, so that neither a path nor a compression changes it:
//! the three numbers of the shape, the pixels or the numbers of all samples, their labels or values. It tells one set of
//! data from another by 64 bits, which other tools compute, too; it is no defence against who forges one.

use super::appearance::{Appearance, Frame};
use super::samples::{Answers, Samples};
use super::sections::{length, object, opened, sealed};
use crate::bytes::Reader;
use crate::error::CheckpointFault;
use crate::host::prelude::*;
use crate::{Error, Spec};
use std::fmt;
use std::path::Path;

pub(in crate::host) const MAGIC: [u8; 8] = *b"\x89CYGDAT\n";
/// Without and with [`Looks`].
const VERSIONS: [u16; 2] = [1, 2];
/// The training images of MNIST, of which older files say no more.
const MNIST: u64 = 0x8faf_e58a_b264_f88a;
/// Before the JSON object in the description of a network.
const DATA: &str = "; data ";
static DIGEST: crc::Crc<u64, crc::Table<16>> = crc::Crc::<u64, crc::Table<16>>::new(&crc::CRC_64_XZ);

/// What training samples are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DataKind {
    /// The embedded sample of MNIST.
    Sample,
    /// Images in IDX files.
    Images,
    /// Rows of a CSV file.
    Table,
}

const KINDS: [DataKind; 3] = [DataKind::Sample, DataKind::Images, DataKind::Table];

/// Which data a model was trained on.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DataIdentity {
    /// What they are.
    pub kind: DataKind,
    /// Training samples.
    pub samples: u32,
    /// Rows of each: 1 in a table.
    pub rows: u32,
    /// Columns of each.
    pub columns: u32,
    /// CRC-64/XZ of shape, samples, and labels or values.
    #[serde(with = "hexadecimal")]
    pub digest: u64,
    /// The last part of the path that was given; empty of the embedded sample.
    pub name: String,
    /// How images look and what their classes are called; none in a table and in files of earlier versions.
    #[serde(flatten)]
    pub looks: Option<Looks>,
}

/// What is known of training images.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Looks {
    /// How they look.
    pub appearance: Appearance,
    /// The names of their classes, those of folders; none where labels are numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
}

impl DataIdentity {
    /// Of images with their labels; `path` is where they are, unless they are the embedded sample.
    pub(in crate::host) fn of_images(samples: &Samples, path: Option<&Path>) -> Option<Self> {
        let images = samples.images()?;
        let looks = Looks { appearance: Appearance::of(images), classes: Vec::new() };
        let kind = if path.is_some() { DataKind::Images } else { DataKind::Sample };
        let shape = [samples.len(), images.rows, images.cols];
        let identity = Self::new(kind, shape, path, |digest| {
            digest.update(images.pixels());
            digest.update(samples.labels());
        })?;
        Some(Self { looks: Some(looks), ..identity })
    }

    /// Of so many rows of a table that become so many inputs, as they are in the file: not yet prepared, NaN where there is a
    /// gap, numbers in place of `words`.
    pub(in crate::host) fn of_rows(
        cells: &[f32],
        words: &str,
        [samples, width]: [usize; 2],
        answers: &Answers,
        path: &Path,
    ) -> Option<Self> {
        Self::new(DataKind::Table, [samples, 1, width], Some(path), |digest| {
            add_floats(digest, cells);
            digest.update(words.as_bytes());
            match answers {
                Answers::Classes(classes) => digest.update(classes),
                Answers::Values { values, .. } => add_floats(digest, values),
            }
        })
    }

    fn new(
        kind: DataKind,
        shape: [usize; 3],
        path: Option<&Path>,
        add: impl FnOnce(&mut crc::Digest<'_, u64, crc::Table<16>>),
    ) -> Option<Self> {
        let mut digest = DIGEST.digest();
        let mut number = |n: usize| {
            let n = u32::try_from(n).ok()?;
            digest.update(&n.to_le_bytes());
            Some(n)
        };
        let [samples, rows, columns] = [number(shape[0])?, number(shape[1])?, number(shape[2])?];
        add(&mut digest);
        let name = path.map_or_else(String::new, name);
        Some(Self { kind, samples, rows, columns, digest: digest.finalize(), name, looks: None })
    }

    /// Whether these are the same samples, whatever they are called.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let of = |data: &Self| (data.samples, data.rows, data.columns, data.digest);
        of(self) == of(other)
    }

    /// How what is drawn in the images is scaled and centred, where they are alike.
    #[must_use]
    pub fn frame(&self) -> Option<Frame> {
        let is_mnist = self.kind == DataKind::Sample || self.digest == MNIST;
        match &self.looks {
            Some(looks) => looks.appearance.frame,
            None => is_mnist.then(|| Frame::of_mnist(self.rows as usize, self.columns as usize)),
        }
    }

    /// The names of the classes; none where they are numbers.
    #[must_use]
    pub fn classes(&self) -> &[String] {
        self.looks.as_ref().map_or(&[], |looks| &looks.classes)
    }

    /// Whether it can be, for a model of `spec`.
    pub(in crate::host) fn check(&self, spec: &Spec) -> Result<(), String> {
        let inputs = u64::from(self.rows) * u64::from(self.columns);
        let is_image = self.kind != DataKind::Table;
        let is_sample = self.kind == DataKind::Sample;
        if self.samples == 0 || inputs != spec.inputs() as u64 || (!is_image && self.rows != 1) {
            return Err("the record of the training data does not fit the network".to_owned());
        }
        if self.name.is_empty() != is_sample || self.name.len() > LONGEST || self.name.contains(is_odd) {
            return Err("the record of the training data has a name that is not valid".to_owned());
        }
        let classes = self.classes().len();
        if self.looks.is_some() && !is_image || classes > 0 && classes != spec.classes() {
            return Err("the record of the training data has classes that do not fit the network".to_owned());
        }
        Ok(())
    }

    /// The section of a checkpoint's file.
    pub(in crate::host) fn to_bytes(&self) -> Vec<u8> {
        let kind = KINDS.iter().position(|&kind| kind == self.kind).unwrap_or(0) as u8;
        // None of its types fails to become JSON.
        let looks = self.looks.as_ref().and_then(|looks| serde_json::to_vec(looks).ok());
        let version = VERSIONS[usize::from(looks.is_some())].to_le_bytes();
        let shape = [self.samples, self.rows, self.columns].map(u32::to_le_bytes);
        let (digest, json) = (self.digest.to_le_bytes(), looks.as_deref().unwrap_or_default());
        let length = looks.as_ref().map(|json| length(json));
        sealed(&[
            &MAGIC,
            &version,
            &[kind, self.name.len() as u8],
            shape.as_flattened(),
            &digest,
            self.name.as_bytes(),
            length.as_ref().map_or(&[], |length| length),
            json,
        ])
    }

    /// Reads the section, all of `bytes`, of a model of `spec`.
    pub(in crate::host) fn from_bytes(spec: &Spec, bytes: &[u8]) -> Result<Self, String> {
        let wrong = |what: &str| format!("the record of the training data: {what}");
        let fields = |input: &mut Reader<'_>| {
            let (version, [kind, length]) = (input.short()?, input.array()?);
            if !VERSIONS.contains(&version) {
                return Err(Error::Checkpoint(CheckpointFault::Version(version)));
            }
            let (shape, digest) = ([input.word()?, input.word()?, input.word()?], input.long()?);
            let name = input.bytes(length.into())?.to_vec();
            let json = if version == VERSIONS[1] { Some(object(input)?.to_vec()) } else { None };
            Ok((kind, shape, digest, name, json))
        };
        let ((kind, shape, digest, name, json), _) = opened(MAGIC, bytes, fields).map_err(|what| wrong(&what))?;
        let [samples, rows, columns] = shape;
        let kind = KINDS.get(usize::from(kind)).copied().ok_or_else(|| wrong("unknown kind of data"))?;
        let name = String::from_utf8(name).map_err(|_| wrong("the name is not UTF-8"))?;
        let looks =
            json.as_deref().map(serde_json::from_slice).transpose().map_err(|error| wrong(&error.to_string()))?;
        let data = Self { kind, samples, rows, columns, digest, name, looks };
        // One spelling: what is read is written again byte for byte.
        if data.to_bytes() != bytes {
            return Err(wrong("not in the only valid form"));
        }
        data.check(spec)?;
        Ok(data)
    }

    /// What it adds to the description of a network.
    pub(in crate::host) fn to_text(&self) -> Result<String, String> {
        Ok(DATA.to_owned() + &serde_json::to_string(self).map_err(|e| e.to_string())?)
    }

    /// Takes it out of a description, which it may not be in; `columns` begins what follows it.
    /// Another spelling than [`to_text`](Self::to_text)'s is an error.
    pub(in crate::host) fn cut(text: &str, columns: &str) -> Result<(String, Option<Self>), String> {
        let wrong = |what: &str| format!("the record of the training data in the metadata: {what}");
        // The names of columns may hold any text, also this.
        let Some((before, rest)) = text.split_once(DATA).filter(|(before, _)| !before.contains(columns)) else {
            return Ok((text.to_owned(), None));
        };
        let mut objects = serde_json::Deserializer::from_str(rest).into_iter::<Self>();
        let data = objects.next().ok_or_else(|| wrong("nothing"))?.map_err(|e| wrong(&e.to_string()))?;
        let after = rest.get(objects.byte_offset()..).unwrap_or("");
        if format!("{before}{}{after}", data.to_text()?) != text || !(after.is_empty() || after.starts_with(columns)) {
            return Err(wrong("not in the only valid form"));
        }
        Ok((format!("{before}{after}"), Some(data)))
    }
}

impl fmt::Display for DataIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, samples, rows, columns, name, .. } = self;
        match kind {
            DataKind::Sample => write!(f, "the embedded sample of MNIST ({samples} images of {rows} x {columns})"),
            DataKind::Images => write!(f, "images `{name}` ({samples} of {rows} x {columns})"),
            DataKind::Table => write!(f, "table `{name}` ({samples} rows of {columns} inputs)"),
        }
    }
}

/// How a gap counts, whatever its payload.
const NAN: u32 = 0x7fc0_0000;
/// Bytes of a name at most.
const LONGEST: usize = 255;

/// What no name holds: it is the last part of a path, in one line.
fn is_odd(c: char) -> bool {
    c.is_control() || matches!(c, '/' | '\\')
}

/// The last part of a path, also of `.`, without what no name holds.
fn name(path: &Path) -> String {
    let whole = || path.canonicalize().ok()?.file_name().map(ToOwned::to_owned);
    let last = path.file_name().map(ToOwned::to_owned).or_else(whole).unwrap_or_default();
    let name = last.to_string_lossy().replace(is_odd, "_");
    let end = (0..=LONGEST.min(name.len())).rev().find(|&end| name.is_char_boundary(end)).unwrap_or(0);
    match name.get(..end) {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => "data".to_owned(),
    }
}

/// Adds numbers, NaN in one spelling.
fn add_floats(digest: &mut crc::Digest<'_, u64, crc::Table<16>>, floats: &[f32]) {
    for x in floats {
        let bits = if x.is_nan() { NAN } else { x.to_bits() };
        digest.update(&bits.to_le_bytes());
    }
}

/// A number as sixteen digits, since JSON's numbers have not so many.
mod hexadecimal {
    use crate::host::prelude::*;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(in crate::host) fn serialize<S: Serializer>(digest: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{digest:016x}"))
    }

    pub(in crate::host) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        u64::from_str_radix(&String::deserialize(deserializer)?, 16).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests;
