//! MNIST and what is laid out like it (Fashion-MNIST, KMNIST): two sets of labelled images in four files.

use std::borrow::ToOwned;
use std::format;
use std::fs;
use std::path::{Path, PathBuf};
use std::vec::Vec;

use super::HostError;
use super::idx::{self, DataError, Images};
use super::memory::{room, zeros};
use crate::{Inputs, SparseSet, compress, nonzeros};

/// Scales a pixel: `input = pixel · 1/255`, one multiplication.
pub const PIXEL_SCALE: f32 = 1.0 / 255.0;

/// Images with a label each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Samples {
    images: Images,
    labels: Vec<u8>,
    sparse: Option<Sparse>,
}

/// Images without their zeros, beside the bytes: training reads a third of the memory.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sparse {
    inputs: u16,
    starts: Vec<u32>,
    positions: Vec<u16>,
    values: Vec<u8>,
}

impl Sparse {
    /// `None` where they would take more than the bytes, or memory for them is not there.
    fn of(images: &Images) -> Option<Self> {
        let n = nonzeros(images.pixels());
        let inputs = u16::try_from(images.row_len()).ok()?;
        if n > images.pixels().len() / 3 || u32::try_from(n).is_err() {
            return None;
        }
        let (mut starts, mut positions, mut values) = (zeros(images.count + 1).ok()?, zeros(n).ok()?, zeros(n).ok()?);
        compress(images.pixels(), inputs, &mut starts, &mut positions, &mut values).ok()?;
        Some(Self { inputs, starts, positions, values })
    }

    /// No image yet, with room for so many of so many bytes, none of them zero.
    fn room(count: usize, inputs: usize) -> Result<Option<Self>, HostError> {
        let Ok(inputs) = u16::try_from(inputs) else { return Ok(None) };
        // One more, since a place is written before it is known whether it counts.
        let n = count.saturating_mul(inputs.into()).saturating_add(1);
        let mut starts = room(count + 1)?;
        starts.push(0);
        Ok(Some(Self { inputs, starts, positions: zeros(n)?, values: zeros(n)? }))
    }

    /// Appends an image.
    fn push(&mut self, image: &[u8]) {
        let start = self.starts.last().map_or(0, |&start| start as usize);
        let (mut n, mut at) = (0, 0_u16);
        let (positions, values) = (&mut self.positions[start..], &mut self.values[start..]);
        let (groups, tail) = image.as_chunks::<8>();
        let mut list = |at: u16, bytes: &[u8]| {
            for (position, &byte) in (at..).zip(bytes) {
                (positions[n], values[n]) = (position, byte);
                n += usize::from(byte != 0);
            }
        };
        for group in groups {
            // Images are dark in long runs; elsewhere a place costs less than a branch.
            if u64::from_ne_bytes(*group) != 0 {
                list(at, group);
            }
            at += 8;
        }
        list(at, tail);
        self.starts.push((start + n) as u32);
    }

    fn set(&self) -> SparseSet<'_> {
        SparseSet::of_compressed(self.inputs, &self.starts, &self.positions, &self.values, PIXEL_SCALE)
    }
}

impl Samples {
    /// Reads a file of images and the file of their labels.
    ///
    /// # Errors
    /// Either file is not read, or their counts differ.
    pub fn read(images: &Path, labels: &Path) -> Result<Self, DataError> {
        Self::pair([images, labels], idx::read_images(images)?, idx::read_labels(labels)?)
    }

    fn pair([images_path, labels_path]: [&Path; 2], images: Images, labels: Vec<u8>) -> Result<Self, DataError> {
        if images.count == labels.len() {
            let sparse = Sparse::of(&images);
            return Ok(Self { images, labels, sparse });
        }
        Err(DataError::Mismatch {
            path: labels_path.to_owned(),
            other: images_path.to_owned(),
            expected: format!("{} labels", images.count),
            found: format!("{}", labels.len()),
        })
    }

    /// Memory for so many samples of the same size and form: what is compressed by another thread is not to be listed by the
    /// one that trains.
    pub(super) fn memory(&self, count: usize) -> Result<Self, HostError> {
        let sparse = match &self.sparse {
            Some(_) => Sparse::room(count, self.inputs())?,
            None => None,
        };
        Ok(Self { images: self.images.black(count)?, labels: zeros(count)?, sparse })
    }

    /// Makes the first samples anew, from those of `source` that `pick` names: `make(i, image, to)` for sample `i`.
    pub(super) fn renew(&mut self, source: &Self, pick: &[u32], mut make: impl FnMut(u32, &[u8], &mut [u8])) {
        if let Some(sparse) = &mut self.sparse {
            sparse.starts.truncate(1);
        }
        for ((&i, to), label) in pick.iter().zip(self.images.each_mut()).zip(&mut self.labels) {
            let (Some(image), Some(class)) = (source.image(i as usize), source.label(i as usize)) else { continue };
            make(i, image, to);
            *label = class;
            if let Some(sparse) = &mut self.sparse {
                sparse.push(to);
            }
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Inputs of a network that takes them, `rows · cols`.
    pub fn inputs(&self) -> usize {
        self.images.row_len()
    }

    /// The images.
    pub fn images(&self) -> &Images {
        &self.images
    }

    /// The labels.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// Image `i`, `inputs` bytes, or `None` past the end.
    pub fn image(&self, i: usize) -> Option<&[u8]> {
        self.images.image(i)
    }

    /// Label `i`, or `None` past the end.
    pub fn label(&self, i: usize) -> Option<u8> {
        self.labels.get(i).copied()
    }

    /// The samples that `pick` names, as the core takes them: compressed where that is the smaller form.
    pub fn inputs_of<'a>(&'a self, pick: &'a [u32]) -> Inputs<'a> {
        let bytes = Inputs::bytes(self.images.pixels(), PIXEL_SCALE, pick);
        self.sparse.as_ref().map(Sparse::set).map_or(bytes, |set| Inputs::sparse(set, pick))
    }

    /// Their classes, in the first elements of `classes`.
    pub fn classes<'b>(&self, pick: &[u32], classes: &'b mut [u16]) -> &'b [u16] {
        for (class, &i) in classes.iter_mut().zip(pick) {
            *class = self.label(i as usize).map_or(u16::MAX, u16::from);
        }
        &classes[..pick.len().min(classes.len())]
    }

    /// Gathers a batch: sample `indices[s]` becomes row `s`, `inputs[s][k] = pixel[k] · PIXEL_SCALE`.
    ///
    /// Shapes: `inputs` is `(indices.len(), self.inputs())`, row-major; `labels` is `(indices.len())`.
    /// `None`, with nothing written, when a length differs or an index is past the end.
    pub fn fill(&self, indices: &[u32], inputs: &mut [f32], labels: &mut [u16]) -> Option<()> {
        let lengths = inputs.len() == indices.len().checked_mul(self.inputs())? && labels.len() == indices.len();
        if !lengths || indices.iter().any(|&i| i as usize >= self.len()) {
            return None;
        }
        let rows = inputs.chunks_exact_mut(self.inputs());
        for ((&i, row), label) in indices.iter().zip(rows).zip(labels) {
            *label = u16::from(self.label(i as usize)?);
            for (input, &pixel) in row.iter_mut().zip(self.image(i as usize)?) {
                *input = f32::from(pixel) * PIXEL_SCALE;
            }
        }
        Some(())
    }
}

/// A training set and a test set of images of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// To learn from.
    pub train: Samples,
    /// To measure with.
    pub test: Samples,
    /// `1 +` the largest label of both sets, at least 2.
    pub classes: usize,
}

impl Dataset {
    /// Opens a directory that holds `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`
    /// and `t10k-labels-idx1-ubyte`, each with or without `.gz`, also spelt `train-images.idx3-ubyte`.
    ///
    /// # Errors
    /// A file is missing or not read, counts or sizes differ, or there are fewer than two classes.
    pub fn open(dir: &Path) -> Result<Self, DataError> {
        fs::read_dir(dir).map_err(|error| DataError::io(dir, error))?;
        let files = |set| Ok([find(dir, set, "images", 3)?, find(dir, set, "labels", 1)?]);
        let (train, test): (Files, Files) = (files("train")?, files("t10k")?);
        let read = |[images, labels]: &Files| Samples::read(images, labels);
        Self::of([&train, &test], read(&train)?, read(&test)?)
    }

    /// The embedded sample of MNIST: 10,000 training and 2,000 test images, each digit equally often.
    ///
    /// The files are derived from MNIST by Yann LeCun, Corinna Cortes and Christopher J.C. Burges and are under
    /// CC BY-SA 3.0.
    ///
    /// # Errors
    /// None in practice: the embedded files are checked like any others, and a test reads them.
    pub fn sample() -> Result<Self, DataError> {
        let train = ["sample/train-images-idx3-ubyte.gz", "sample/train-labels-idx1-ubyte.gz"].map(PathBuf::from);
        let test = ["sample/t10k-images-idx3-ubyte.gz", "sample/t10k-labels-idx1-ubyte.gz"].map(PathBuf::from);
        let parse = |[images, labels]: &Files, image_bytes, label_bytes| {
            Samples::pair(
                [images, labels],
                idx::parse_images(images, image_bytes)?,
                idx::parse_labels(labels, label_bytes)?,
            )
        };
        Self::of(
            [&train, &test],
            parse(
                &train,
                include_bytes!("sample/train-images-idx3-ubyte.gz"),
                include_bytes!("sample/train-labels-idx1-ubyte.gz"),
            )?,
            parse(
                &test,
                include_bytes!("sample/t10k-images-idx3-ubyte.gz"),
                include_bytes!("sample/t10k-labels-idx1-ubyte.gz"),
            )?,
        )
    }

    fn of(
        [[train_images, train_labels], [test_images, _]]: [&Files; 2],
        train: Samples,
        test: Samples,
    ) -> Result<Self, DataError> {
        let size = |samples: &Samples| format!("images of {} x {}", samples.images.rows, samples.images.cols);
        let (expected, found) = (size(&train), size(&test));
        if expected != found {
            return Err(DataError::Mismatch {
                path: test_images.clone(),
                other: train_images.clone(),
                expected,
                found,
            });
        }
        match train.labels.iter().chain(&test.labels).max() {
            Some(&largest) if largest > 0 => Ok(Self { train, test, classes: usize::from(largest) + 1 }),
            _ => Err(DataError::Format {
                path: train_labels.clone(),
                unit: "label",
                offset: 0,
                expected: "two classes or more".to_owned(),
                found: "only class 0".to_owned(),
            }),
        }
    }
}

/// The file of images and the file of labels of one set.
type Files = [PathBuf; 2];

fn find(dir: &Path, set: &str, what: &str, dimensions: u8) -> Result<PathBuf, DataError> {
    let tried =
        ["-", "."].map(|dot| ["", ".gz"].map(|gz| format!("{set}-{what}{dot}idx{dimensions}-ubyte{gz}"))).concat();
    match tried.iter().map(|name| dir.join(name)).find(|path| path.is_file()) {
        Some(path) => Ok(path),
        None => Err(DataError::Missing { path: dir.to_owned(), tried }),
    }
}
