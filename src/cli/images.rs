//! The arguments that name files of images.

use crate::note;
use clap::Args;
use cygnet::host::HostError;
use cygnet::host::data::{Dataset, Folders, ImageFiles};
use cygnet::host::evaluation::SavedModel;
use std::path::{Path, PathBuf};

#[derive(Args, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub(crate) struct Images {
    /// IDX file of the training images; use these four options instead of --data if the names do not show which file is
    /// which
    #[arg(long, value_name = "FILE", help_heading = "Data", conflicts_with = "data",
          requires_all = ["train_labels", "test_images", "test_labels"])]
    train_images: Option<PathBuf>,
    /// IDX file of the training labels
    #[arg(long, value_name = "FILE", help_heading = "Data", requires = "train_images")]
    train_labels: Option<PathBuf>,
    /// IDX file of the test images
    #[arg(long, value_name = "FILE", help_heading = "Data", requires = "train_images")]
    test_images: Option<PathBuf>,
    /// IDX file of the test labels
    #[arg(long, value_name = "FILE", help_heading = "Data", requires = "train_images")]
    test_labels: Option<PathBuf>,
    /// Transpose each image (exchange rows and columns); the images of EMNIST need this
    #[arg(long, help_heading = "Data")]
    pub(crate) transpose: bool,
    /// Size of the images that pictures in folders are scaled to, pixels: a number, or ROWSxCOLUMNS [default: that of the
    /// first picture]
    #[arg(long, value_name = "SIZE", value_parser = parse_size, help_heading = "Data")]
    size: Option<[usize; 2]>,
}

/// Rows and columns.
fn parse_size(text: &str) -> Result<[usize; 2], String> {
    let (rows, cols) = text.split_once('x').unwrap_or((text, text));
    let side = |text: &str| text.parse().ok().filter(|side| (1..=4096).contains(side));
    let size = side(rows).zip(side(cols)).map(|(rows, cols)| [rows, cols]);
    size.ok_or_else(|| "expected a number of pixels from 1 to 4096, or ROWSxCOLUMNS".to_owned())
}

impl Images {
    /// What stands for the data where the four files are named.
    pub(crate) fn path(&self) -> Option<&Path> {
        self.train_images.as_deref()
    }

    /// The files that are named.
    pub(crate) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.train_images, &self.train_labels, &self.test_images, &self.test_labels].into_iter().flatten()
    }

    /// The same, to be changed.
    pub(super) fn files_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        [&mut self.train_images, &mut self.train_labels, &mut self.test_images, &mut self.test_labels]
            .into_iter()
            .flatten()
    }

    /// Whether there is something to turn, if that is asked for.
    pub(crate) fn check(&self, path: Option<&Path>) -> Result<(), HostError> {
        if self.transpose && path.is_none() {
            let problem = "--transpose needs image files: give them with --data or --train-images";
            return Err(HostError::Usage(problem.to_owned()));
        }
        Ok(())
    }

    /// Folders of pictures, of which `share` is for the test, the four files, those in a directory, or the embedded sample; for a
    /// model, as it was trained.
    pub(crate) fn read(
        &self,
        directory: Option<&Path>,
        share: f32,
        model: Option<&SavedModel>,
    ) -> Result<Dataset, HostError> {
        if let Some(directory) = directory.filter(|directory| Folders::are_in(directory)) {
            let trained_on = model.and_then(|model| model.trained_on.as_ref());
            let size = trained_on.map(|data| [data.rows as usize, data.columns as usize]).or(self.size);
            let classes = model.map_or(&[][..], SavedModel::class_names).to_vec();
            return Folders { directory: directory.to_owned(), size, test_share: share, classes }.read();
        }
        if self.size.is_some() {
            return Err(HostError::Usage("--size needs folders of pictures as --data, one for each class".to_owned()));
        }
        let named: Vec<PathBuf> = self.files().cloned().collect();
        let files = match (<[PathBuf; 4]>::try_from(named), directory) {
            (Ok([images, labels, test_images, test_labels]), _) => {
                ImageFiles { train: [images, labels], test: [test_images, test_labels] }
            }
            (_, Some(file)) if file.is_file() => {
                let problem = format!("{} is a file, but --data needs a directory with four IDX files", file.display());
                return Err(HostError::Usage(problem));
            }
            (_, Some(directory)) => ImageFiles::find(directory)?,
            (_, None) => return self.check(None).and_then(|()| Ok(Dataset::sample()?)),
        };
        if !self.transpose {
            note_sideways(files.train.iter().chain(&files.test).map(PathBuf::as_path));
        }
        Ok(files.read(self.transpose)?)
    }
}

/// Notes that images that are not turned are EMNIST's, by the names of their files.
pub(super) fn note_sideways<'a>(mut files: impl Iterator<Item = &'a Path>) {
    let is_emnist =
        |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().to_lowercase().contains("emnist");
    if files.any(is_emnist) {
        note("note: the images of EMNIST are stored with rows and columns exchanged; use --transpose to correct them");
    }
}
