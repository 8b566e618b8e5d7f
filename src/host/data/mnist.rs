//! MNIST and what is laid out like it (Fashion-MNIST, KMNIST, EMNIST): two sets of labelled images in four files.

use crate::host::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

use super::dataset::Dataset;
use super::identity::DataIdentity;
use super::idx::{self, Images};
use super::samples::Samples;
use crate::host::DataError;

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
            return Ok(Self::of_images(images, labels));
        }
        Err(DataError::Mismatch {
            path: labels_path.to_owned(),
            other: images_path.to_owned(),
            expected: format!("{} labels", images.count),
            found: format!("{}", labels.len()),
        })
    }
}

impl Dataset {
    /// Opens a directory that holds one set of files, as [`ImageFiles::find`] finds them.
    ///
    /// # Errors
    /// As [`ImageFiles::find`] and [`ImageFiles::read`].
    pub fn open(dir: &Path) -> Result<Self, DataError> {
        ImageFiles::find(dir)?.read(false)
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
            parse(&train, cygnet_mnist_sample::TRAIN_IMAGES, cygnet_mnist_sample::TRAIN_LABELS)?,
            parse(&test, cygnet_mnist_sample::TEST_IMAGES, cygnet_mnist_sample::TEST_LABELS)?,
            None,
        )
    }

    fn of(
        [[train_images, train_labels], [test_images, _]]: [&Files; 2],
        train: Samples,
        test: Samples,
        dir: Option<&Path>,
    ) -> Result<Self, DataError> {
        let size = |samples: &Samples| {
            samples.images().map(|images| format!("images of {} x {}", images.rows, images.cols)).unwrap_or_default()
        };
        let (expected, found) = (size(&train), size(&test));
        if expected != found {
            return Err(DataError::Mismatch {
                path: test_images.clone(),
                other: train_images.clone(),
                expected,
                found,
            });
        }
        match train.labels().iter().chain(test.labels()).max() {
            Some(&largest) if largest > 0 => {
                let (classes, identity) = (usize::from(largest) + 1, DataIdentity::of_images(&train, dir));
                Ok(Self { train, test, classes, preparation: None, units: None, identity })
            }
            _ => Err(DataError::Format {
                path: train_labels.clone(),
                unit: "label",
                offset: 0,
                expected: "at least two classes".to_owned(),
                found: "only class 0".to_owned(),
            }),
        }
    }
}

/// The file of images and the file of labels of one set.
type Files = [PathBuf; 2];

/// The four files of a training set and a test set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFiles {
    /// Images and labels to learn from.
    pub train: [PathBuf; 2],
    /// Images and labels to measure with.
    pub test: [PathBuf; 2],
}

impl ImageFiles {
    /// The files in a directory, by their names: one with `train`, `images` and `idx` in it, such as
    /// `train-images-idx3-ubyte` or `emnist-letters-train-images-idx3-ubyte.gz`, one with `train`, `labels` and `idx`, and as
    /// many with `t10k` or `test`. Of two names that differ in `.gz` alone the one without it is taken.
    ///
    /// # Errors
    /// The directory is not read, or none or several files have such a name.
    pub fn find(dir: &Path) -> Result<Self, DataError> {
        let io = |error| DataError::io(dir, error);
        let mut names: Vec<String> = Vec::new();
        for entry in fs::read_dir(dir).map_err(io)? {
            let entry = entry.map_err(io)?;
            if entry.path().is_file() {
                names.extend(entry.file_name().to_str().map(ToString::to_string));
            }
        }
        names.sort();
        let set = |set: &[&str]| Ok([find(dir, &names, set, "images")?, find(dir, &names, set, "labels")?]);
        Ok(Self { train: set(&["train"])?, test: set(&["t10k", "test"])? })
    }

    /// Reads them; with `transpose` each image with its rows as columns, as those of EMNIST are meant.
    ///
    /// # Errors
    /// A file is not read, counts or sizes differ, or there are fewer than two classes.
    pub fn read(&self, transpose: bool) -> Result<Dataset, DataError> {
        let read = |[images, labels]: &Files| {
            let mut pictures = idx::read_images(images)?;
            if transpose {
                pictures = pictures.transposed();
            }
            Samples::pair([images, labels], pictures, idx::read_labels(labels)?)
        };
        Dataset::of([&self.train, &self.test], read(&self.train)?, read(&self.test)?, Some(self.place()))
    }
}

impl ImageFiles {
    /// Their directory where they have one, else the first of them.
    fn place(&self) -> &Path {
        let [first, ..] = &self.train;
        let directory = first.parent().filter(|directory| !directory.as_os_str().is_empty());
        let is_shared =
            |directory: &&Path| self.train.iter().chain(&self.test).all(|file| file.parent() == Some(directory));
        directory.filter(is_shared).unwrap_or(first)
    }
}

/// The only one of `names` for `what` of a set, which has several names itself.
fn find(dir: &Path, names: &[String], set: &[&str], what: &str) -> Result<PathBuf, DataError> {
    let fits = |name: &&String| {
        let name = name.to_lowercase();
        let is_of_set = set.iter().any(|set| name.contains(set)) && name.contains("train") == set.contains(&"train");
        name.contains("idx") && name.contains(what) && is_of_set
    };
    let is_doubled = |name: &&String| name.strip_suffix(".gz").is_some_and(|raw| names.iter().any(|name| name == raw));
    let found: Vec<&String> = names.iter().filter(fits).filter(|name| !is_doubled(name)).collect();
    match found.as_slice() {
        [name] => Ok(dir.join(name)),
        [] => {
            let tried = set.iter().map(|set| format!("*{set}*{what}*idx*")).collect();
            Err(DataError::Missing { path: dir.to_owned(), tried })
        }
        several => {
            let found = several.iter().map(|name| (*name).clone()).collect();
            let what = format!("{} {what}", set.last().copied().unwrap_or_default());
            Err(DataError::Ambiguous { path: dir.to_owned(), what, found })
        }
    }
}
