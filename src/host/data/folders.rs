//! Pictures in folders, one for each class: `class/*.png`, or `train/class/*.png` and `test/class/*.png`.

use super::dataset::Dataset;
use super::form::PictureForm;
use super::identity::DataIdentity;
use super::idx::{Images, MAX_PIXELS};
use super::mnist::entries;
use super::picture::Picture;
use super::samples::Samples;
use super::split::test_rows;
use crate::host::DataError;
use crate::host::HostError;
use crate::host::prelude::*;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// The most classes: a label is a byte.
const MAX_CLASSES: usize = 256;

/// A directory with a folder of pictures for each class.
#[derive(Clone, Debug, PartialEq)]
pub struct Folders {
    /// The directory, with `train` and `test` in it or the classes.
    pub directory: PathBuf,
    /// Rows and columns to bring the pictures to; none for those of the first picture.
    pub size: Option<[usize; 2]>,
    /// Share of the pictures for the test where they are not apart, above 0 and below 1.
    pub test_share: f32,
    /// The classes, by name, where a model knows them.
    pub classes: Vec<String>,
}

impl Folders {
    /// Whether a directory has folders of pictures.
    #[must_use]
    pub fn are_in(directory: &Path) -> bool {
        let has_pictures = |folder: &PathBuf| pictures(folder).is_ok_and(|pictures| !pictures.is_empty());
        let classes = |of: &Path| folders(of).unwrap_or_default();
        classes(directory).iter().any(|folder| has_pictures(folder) || classes(folder).iter().any(has_pictures))
    }

    /// Reads them as gray images of one size.
    ///
    /// # Errors
    /// A picture cannot be read, there are fewer than two classes or more than 256, `train` stands without `test`, or
    /// the size is out of range.
    pub fn read(&self) -> Result<Dataset, HostError> {
        let [train, test] = ["train", "test"].map(|name| self.directory.join(name));
        let is_apart = train.is_dir() && test.is_dir();
        let top = if is_apart { &train } else { &self.directory };
        let mut names: Vec<String> = self.classes.clone();
        if names.is_empty() {
            names = folders(top)?.iter().map(|folder| name_of(folder)).collect();
        }
        if !(2..=MAX_CLASSES).contains(&names.len()) {
            let found = names.len();
            let problem = format!("expected a folder for each of 2 to {MAX_CLASSES} classes, found {found}");
            return Err(DataError::content(top, problem).into());
        }
        let mut size = self.size;
        let (images, labels) = read(top, &names, &mut size)?;
        let [rows, cols] = size.unwrap_or([1, 1]);
        let (train, test) = if is_apart {
            let (tested, answers) = read(&test, &names, &mut size)?;
            (Samples::of_images(images, labels), Samples::of_images(tested, answers))
        } else {
            let (learned, tested) = test_rows(labels.len(), &labels, self.test_share)?;
            let part = |pick: &[u32]| {
                let pixels = pick.iter().filter_map(|&i| images.image(i as usize)).flatten().copied().collect();
                let labels = pick.iter().filter_map(|&i| labels.get(i as usize)).copied().collect();
                Samples::of_images(Images::new(rows, cols, pixels), labels)
            };
            (part(&learned), part(&tested))
        };
        if test.is_empty() {
            return Err(HostError::Usage("no picture is left for the test: use a larger --test-share".to_owned()));
        }
        let mut identity = DataIdentity::of_images(&train, Some(&self.directory));
        let looks = identity.as_mut().and_then(|identity| identity.looks.as_mut());
        let classes = names.len();
        looks.into_iter().for_each(|looks| looks.classes.clone_from(&names));
        Ok(Dataset { train, test, classes, preparation: None, units: None, identity })
    }
}

/// The pictures of all classes, and their labels; the first gives the size if there is none.
fn read(top: &Path, names: &[String], size: &mut Option<[usize; 2]>) -> Result<(Images, Vec<u8>), HostError> {
    for folder in folders(top)? {
        if !names.contains(&name_of(&folder)) {
            let problem = format!("no class of this name; the classes are {}", names.join(", "));
            return Err(DataError::content(&folder, problem).into());
        }
    }
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for (name, label) in names.iter().zip(0..=u8::MAX) {
        let folder = top.join(name);
        for path in if folder.is_dir() { pictures(&folder)? } else { Vec::new() } {
            let picture = Picture::read(&path)?;
            let [rows, cols] = *size.get_or_insert([picture.height, picture.width]);
            if !rows.checked_mul(cols).is_some_and(|size| (1..=MAX_PIXELS).contains(&size)) {
                let problem = format!("images of {cols} x {rows} pixels are too large: use --size 28, or another size");
                return Err(DataError::content(&path, problem).into());
            }
            pixels.extend(PictureForm::fitted(&picture, rows, cols));
            labels.push(label);
        }
    }
    if labels.is_empty() {
        return Err(DataError::content(top, "expected pictures (.png, .jpg) in its folders, found none").into());
    }
    let [rows, cols] = size.unwrap_or([1, 1]);
    Ok((Images::new(rows, cols, pixels), labels))
}

/// The pictures in a directory, or in its folders: by name, those of folders after its own.
///
/// # Errors
/// There are none, or a directory cannot be read.
pub fn pictures_in(directory: &Path) -> Result<Vec<PathBuf>, DataError> {
    let mut found = Vec::new();
    let (mut open, mut seen) = (vec![directory.to_owned()], HashSet::new());
    while let Some(next) = open.pop() {
        // A link may lead back.
        if !seen.insert(next.canonicalize().map_err(|error| DataError::io(&next, error))?) {
            continue;
        }
        found.extend(pictures(&next)?);
        open.extend(folders(&next)?.into_iter().rev());
    }
    if found.is_empty() {
        return Err(DataError::content(directory, "expected pictures (.png, .jpg) in this directory, found none"));
    }
    Ok(found)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The folders of a directory, by name, without hidden ones.
fn folders(directory: &Path) -> Result<Vec<PathBuf>, DataError> {
    let is_class = |path: &PathBuf| path.is_dir() && !name_of(path).starts_with('.');
    Ok(entries(directory)?.into_iter().filter(is_class).collect())
}

/// The files of a directory that are pictures by their names.
fn pictures(directory: &Path) -> Result<Vec<PathBuf>, DataError> {
    let is_found = |path: &PathBuf| is_picture(path) && path.is_file() && !name_of(path).starts_with('.');
    Ok(entries(directory)?.into_iter().filter(is_found).collect())
}

/// Whether a file is a picture, PNG or JPEG, by its name.
#[must_use]
pub fn is_picture(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    matches!(extension.as_str(), "png" | "jpg" | "jpeg")
}
