//! MNIST and what is laid out like it (Fashion-MNIST, KMNIST): two sets of labelled images in four files.

use std::borrow::ToOwned;
use std::format;
use std::fs;
use std::path::{Path, PathBuf};
use std::vec::Vec;

use super::dataset::{Dataset, Samples};
use super::identity::DataIdentity;
use super::idx::{self, DataError, Images};

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
        Self::of([&train, &test], read(&train)?, read(&test)?, Some(dir))
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
