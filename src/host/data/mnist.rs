//! MNIST and what is laid out like it (Fashion-MNIST, KMNIST, EMNIST): two sets of labelled images in four files.

use crate::host::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

use super::dataset::Dataset;
use super::identity::DataIdentity;
use super::idx::{self, Images};
use super::samples::Samples;
use crate::host::DataError;

/// The embedded sample, by the names of its files.
const SAMPLE: [(&str, &[u8]); 4] = [
    ("sample/train-images-idx3-ubyte.gz", cygnet_mnist_sample::TRAIN_IMAGES),
    ("sample/train-labels-idx1-ubyte.gz", cygnet_mnist_sample::TRAIN_LABELS),
    ("sample/t10k-images-idx3-ubyte.gz", cygnet_mnist_sample::TEST_IMAGES),
    ("sample/t10k-labels-idx1-ubyte.gz", cygnet_mnist_sample::TEST_LABELS),
];

impl Dataset {
    /// The embedded sample of MNIST: 10,000 training and 2,000 test images, each digit equally often.
    ///
    /// The files are derived from MNIST by Yann LeCun, Corinna Cortes and Christopher J.C. Burges and are under
    /// CC BY-SA 3.0.
    ///
    /// # Errors
    /// None in practice: the embedded files are checked like any others, and a test reads them.
    pub fn sample() -> Result<Self, DataError> {
        let [images, labels, test_images, test_labels] = SAMPLE.map(|(name, _)| PathBuf::from(name));
        let bytes =
            |path: &Path| SAMPLE.iter().find(|(name, _)| path == Path::new(name)).map_or(&[][..], |(_, bytes)| bytes);
        ImageFiles { train: [images, labels], test: [test_images, test_labels] }.dataset(
            None,
            |path| idx::parse_images(path, bytes(path)),
            |path| idx::parse_labels(path, bytes(path)),
        )
    }
}

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
        let files = entries(dir)?.into_iter().filter(|path| path.is_file());
        let names: Vec<String> = files.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
        let set = |set: &[&str]| Ok([find(dir, &names, set, "images")?, find(dir, &names, set, "labels")?]);
        Ok(Self { train: set(&["train"])?, test: set(&["t10k", "test"])? })
    }

    /// Reads them; with `transpose` each image with its rows as columns, as those of EMNIST are meant.
    ///
    /// # Errors
    /// A file is not read, counts or sizes differ, or there are fewer than two classes.
    pub fn read(&self, transpose: bool) -> Result<Dataset, DataError> {
        let images =
            |path: &Path| idx::read_images(path).map(|images| if transpose { images.transposed() } else { images });
        self.dataset(Some(self.place()), images, idx::read_labels)
    }

    /// What the files hold, as these functions read them.
    fn dataset(
        &self,
        place: Option<&Path>,
        images: impl Fn(&Path) -> Result<Images, DataError>,
        labels: impl Fn(&Path) -> Result<Vec<u8>, DataError>,
    ) -> Result<Dataset, DataError> {
        let unlike = |path: &Path, expected: String, other: &Path, found: String| {
            DataError::content(path, format!("expected {expected} as in {}, found {found}", other.display()))
        };
        let read = |[images_file, labels_file]: &[PathBuf; 2]| {
            let (images, labels) = (images(images_file)?, labels(labels_file)?);
            let (count, found) = (images.count, labels.len());
            if count != found {
                return Err(unlike(labels_file, format!("{count} labels"), images_file, found.to_string()));
            }
            let size = format!("images of {} x {}", images.rows, images.cols);
            Ok((Samples::of_images(images, labels), size))
        };
        let ((train, expected), (test, found)) = (read(&self.train)?, read(&self.test)?);
        if expected != found {
            return Err(unlike(&self.test[0], expected, &self.train[0], found));
        }
        let largest = train.labels().iter().chain(test.labels()).max().copied().unwrap_or(0);
        if largest == 0 {
            let problem = "label 0: expected at least two classes, found only class 0";
            return Err(DataError::content(&self.train[1], problem));
        }
        let identity = DataIdentity::of_images(&train, place);
        Ok(Dataset { train, test, classes: usize::from(largest) + 1, preparation: None, units: None, identity })
    }

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
    let fits = |name: &&str| {
        let name = name.to_lowercase();
        let is_of_set = set.iter().any(|set| name.contains(set)) && name.contains("train") == set.contains(&"train");
        name.contains("idx") && name.contains(what) && is_of_set
    };
    let is_doubled = |name: &&str| name.strip_suffix(".gz").is_some_and(|raw| names.iter().any(|name| name == raw));
    let found: Vec<&str> = names.iter().map(String::as_str).filter(fits).filter(|name| !is_doubled(name)).collect();
    let problem = match found.as_slice() {
        [name] => return Ok(dir.join(name)),
        [] => {
            let tried: Vec<_> = set.iter().map(|set| format!("*{set}*{what}*idx*")).collect();
            format!("expected a file with a name like {}, found none", tried.join(" or "))
        }
        several => {
            let (set, found) = (set.last().copied().unwrap_or_default(), several.join(", "));
            format!(
                "several files could be the {set} {what}: {found}; use one directory for each data set, or give the files \
                 with --train-images, --train-labels, --test-images and --test-labels"
            )
        }
    };
    Err(DataError::content(dir, problem))
}

/// What is in a directory, by name.
pub(super) fn entries(directory: &Path) -> Result<Vec<PathBuf>, DataError> {
    let entries = fs::read_dir(directory).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut entries: Vec<PathBuf> = entries.map_err(|error| DataError::io(directory, error))?;
    entries.sort();
    Ok(entries)
}
