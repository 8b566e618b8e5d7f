//! Pictures in the form of a model's training images.

use super::appearance::{Frame, has_dark_border};
use super::digit;
use super::identity::DataIdentity;
use super::image::{Area, is_border, place, resize};
use super::picture::{Picture, luma};
use crate::Spec;
use crate::host::HostError;
use crate::host::prelude::*;

/// What pictures have to become for a model.
#[derive(Clone, Debug)]
pub struct PictureForm {
    /// Rows of an image.
    pub rows: usize,
    /// Columns of an image.
    pub cols: usize,
    /// How what is drawn in them is scaled and centred; none where pictures are taken as they are.
    pub frame: Option<Frame>,
    trained_on: Option<DataIdentity>,
}

impl PictureForm {
    /// That of a model of this network, which was trained on these data. `centre` is whether what is drawn is to be
    /// found, scaled and centred; without it, where the training images are. Where the data are unknown, images are square, or
    /// one row.
    #[must_use]
    pub fn of(spec: &Spec, data: Option<&DataIdentity>, centre: Option<bool>) -> Self {
        let inputs = spec.inputs();
        let side = inputs.isqrt();
        let guess = if side * side == inputs { (side, side) } else { (1, inputs) };
        let (rows, cols) = data.map_or(guess, |data| (data.rows as usize, data.columns as usize));
        let known = data.and_then(DataIdentity::frame);
        let frame = match centre {
            Some(false) => None,
            Some(true) => known.or_else(|| Some(Frame::of_mnist(rows, cols))),
            None => known,
        };
        Self { frame, trained_on: data.cloned(), ..Self::plain(rows, cols) }
    }

    /// Whether a picture can be one of these images: an error for a single row.
    pub(in crate::host) fn check(&self) -> Result<(), HostError> {
        if self.rows > 1 || self.cols == 1 {
            return Ok(());
        }
        Err(HostError::Mismatch(format!(
            "the {} inputs of the model are not a square image: give an IDX file instead of a picture",
            self.cols
        )))
    }

    /// Images of this size, of which nothing else is known.
    #[must_use]
    pub fn plain(rows: usize, cols: usize) -> Self {
        Self { rows, cols, frame: None, trained_on: None }
    }

    /// The picture as `rows · cols` bytes of gray, row-major, and what is odd about it, if anything is.
    ///
    /// With a frame the digit is cut out, scaled and centred, white on black. Else the picture is scaled with its aspect
    /// kept, and inverted where its border is brighter than its inside while the border of the training images is
    /// darker, or the reverse; folders of pictures are learned as they are, and never inverted.
    #[must_use]
    pub fn apply(&self, picture: &Picture) -> (Vec<u8>, Option<String>) {
        let looks = self.trained_on.as_ref().and_then(|data| data.looks.as_ref());
        let unlike = |image: &[u8]| {
            let odd = looks?.appearance.differs(image)?;
            Some(format!("unlike the training images: {odd}"))
        };
        let centred = self.frame.map(|frame| digit::centred(picture, [self.rows, self.cols], frame));
        if let Some(Some(image)) = centred {
            let odd = unlike(&image);
            return (image, odd);
        }
        let mut image = Self::fitted(picture, self.rows, self.cols);
        let wanted = match looks {
            None => Some(true),
            Some(looks) if looks.classes.is_empty() => looks.appearance.dark_border,
            Some(_) => None,
        };
        let found = has_dark_border(&image, self.cols);
        if wanted.zip(found).is_some_and(|(wanted, found)| wanted != found) {
            image.iter_mut().for_each(|level| *level = 255 - *level);
        }
        let odd = match centred {
            Some(None) => Some("nothing is drawn in it that stands out from the paper".to_owned()),
            _ => unlike(&image),
        };
        (image, odd)
    }

    /// The picture in gray, scaled to fit into `rows` by `cols` with its aspect kept, in the middle; around it the mean of
    /// its border.
    pub(in crate::host) fn fitted(picture: &Picture, rows: usize, cols: usize) -> Vec<u8> {
        let (w, h) = (picture.width, picture.height);
        let scale = (rows as f64 / h as f64).min(cols as f64 / w as f64);
        let scaled = |side: usize, most: usize| ((side as f64 * scale).round() as usize).clamp(1, most);
        let (height, width) = (scaled(h, rows), scaled(w, cols));
        let area = Area { left: 0, top: 0, width: w, height: h };
        let gray = |pixels: Vec<[u8; 3]>| pixels.into_iter().map(|pixel| [luma(pixel)]).collect::<Vec<_>>();
        let image = gray(resize(&picture.pixels, w, area, height, width));
        let is_border = |&(i, _): &(usize, &[u8; 1])| is_border(i, width, image.len());
        let border = image.iter().enumerate().filter(is_border).map(|(_, &[level])| usize::from(level));
        let (count, sum) = border.fold((0, 0), |(count, sum), level| (count + 1, sum + level));
        let start = [rows - height, cols - width].map(|rest| (rest / 2) as isize);
        place(&image, width, start, [rows, cols], [(sum / count.max(1)) as u8]).into_flattened()
    }
}
