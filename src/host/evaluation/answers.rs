//! The predictions of a saved model for rows and images.

use super::classes::by_class;
use super::model::SavedModel;
use crate::host::HostError;
use crate::host::data::idx;
use crate::host::data::{PIXEL_SCALE, Picture, PictureForm, Question, Questions};
use crate::host::memory::zeros;
use crate::host::prelude::*;
use crate::metrics::{class_of, deviation, softmax};
use crate::{Loss, Workspace, predict};
use std::fs::File;
use std::io::{Read, stdin};
use std::path::Path;

/// Bytes of a file of images that are read at most, since a device may have no end.
const LARGEST: u64 = 1 << 31;

/// The prediction of a model for one image.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Verdict {
    /// The class with the largest output; of a single output, whether it is above 0, which says nothing of a value.
    pub class: u16,
    /// Softmax of the outputs; the probability of each of several labels; means and then standard deviations under
    /// Gaussian negative log-likelihood; the outputs themselves for a model of another loss. A single output `z` for two
    /// classes counts as `−z, z`.
    pub outputs: Vec<f32>,
}

/// The prediction of a model for a row of a table or an image in a file.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// Line of the row in its file, from 1 on, or the number of the image, from 0 on; none for a picture, which is alone.
    pub number: Option<u64>,
    /// The prediction; where the model predicts numbers, they are the outputs. None for a row that cannot be predicted.
    pub verdict: Option<Verdict>,
    /// The image as the network saw it, a byte a pixel; empty for a row.
    pub image: Vec<u8>,
    /// What is odd about a picture: it is blank or unlike the training images.
    pub odd: Option<String>,
}

/// What happens while a model answers for the rows or images of a file, one after the other.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// The next answer.
    Answer(Answer),
    /// The row of this line cannot be read, for this reason; those after it can.
    Refused(u64, HostError),
    /// The file is to be read further, which may take time: what was answered so far should be seen.
    Waiting,
}

/// Who is told of each [`Event`]; an error ends the work.
pub type Listener<'a> = dyn FnMut(Event) -> Result<(), HostError> + 'a;

/// Predicts each row of a table, in memory that does not depend on their number. The table needs no
/// column that is predicted; its first line is a header if it has the names that the model knows. A row with a gap has no
/// prediction if the model was trained on rows without gaps.
///
/// # Errors
/// [`HostError::Data`] for a file that is no table of these columns, [`HostError::Mismatch`] for a model of images, and
/// what `listener` returns.
pub fn predict_table(model: &SavedModel, path: &Path, listener: &mut Listener<'_>) -> Result<(), HostError> {
    let Some(preparation) = &model.preparation else {
        return Err(HostError::Mismatch("the model needs images, not rows of a table".to_string()));
    };
    let (mut questions, mut predictor) = (Questions::open(preparation, path)?, Predictor::new(model)?);
    let (mut rows, mut has_ended) = (0_u64, false);
    loop {
        while let Some(Question { line, inputs }) = questions.next()? {
            rows += 1;
            listener(match inputs {
                Ok(inputs) => {
                    let verdict = inputs.map(|inputs| predictor.verdict(&inputs)).transpose()?;
                    Event::Answer(Answer { number: Some(line), verdict, image: Vec::new(), odd: None })
                }
                Err(error) => Event::Refused(line, error),
            })?;
        }
        // Once more after the end, since the last line may have none.
        if has_ended {
            break;
        }
        listener(Event::Waiting)?;
        has_ended = !questions.fill()?;
    }
    if rows == 0 { Err(questions.none()) } else { Ok(()) }
}

/// Predicts each image in a file, or of standard input for `-`: one PNG or JPEG, brought to `form`, or any number in an IDX file,
/// with `transpose` each with its rows as columns.
///
/// # Errors
/// [`HostError::Data`], [`HostError::Mismatch`] for images of another size than the model's and for what is neither,
/// [`HostError::Usage`] for a picture to be transposed, and what `listener` returns.
pub fn predict_file(
    model: &SavedModel,
    path: &Path,
    form: &PictureForm,
    transpose: bool,
    listener: &mut Listener<'_>,
) -> Result<(), HostError> {
    let mut predictor = Predictor::new(model)?;
    let (is_stdin, mut bytes) = (path == Path::new("-"), Vec::new());
    let name = if is_stdin { Path::new("standard input") } else { path };
    let source = if is_stdin {
        Ok(Box::new(stdin()) as Box<dyn Read>)
    } else {
        File::open(path).map(|file| Box::new(file) as _)
    };
    source.and_then(|source| source.take(LARGEST).read_to_end(&mut bytes)).map_err(HostError::reading(name))?;
    if Picture::is_picture(&bytes) {
        form.check()?;
        if transpose {
            return Err(HostError::Usage("--transpose works only with IDX files, but this is a picture".to_owned()));
        }
        let (image, odd) = form.apply(&Picture::decode(name, &bytes)?);
        let verdict = Some(predictor.verdict(&inputs_of(&image))?);
        return listener(Event::Answer(Answer { number: None, verdict, image, odd }));
    }
    if !bytes.is_empty() && !bytes.starts_with(&[0, 0]) && !bytes.starts_with(&[0x1f, 0x8b]) {
        return Err(HostError::Mismatch(format!(
            "this model takes images of {}×{}; {} is neither a picture (PNG, JPEG) nor an IDX file; convert other pictures to PNG",
            form.rows,
            form.cols,
            name.display()
        )));
    }
    let mut images = idx::parse_images(name, &bytes)?;
    if transpose {
        images = images.transposed();
    }
    if images.row_len() != model.spec.inputs() {
        return Err(HostError::Mismatch(format!(
            "this model takes images of {} pixels; {} has images of {} pixels",
            model.spec.inputs(),
            name.display(),
            images.row_len(),
        )));
    }
    (0..images.count).try_for_each(|i| {
        let image = images.image(i).unwrap_or_default().to_vec();
        let verdict = Some(predictor.verdict(&inputs_of(&image))?);
        listener(Event::Answer(Answer { number: Some(i as u64), verdict, image, odd: None }))
    })
}

fn inputs_of(pixels: &[u8]) -> Vec<f32> {
    pixels.iter().map(|&p| f32::from(p) * PIXEL_SCALE).collect()
}

/// A model and the memory in which it predicts, one sample at a time.
struct Predictor<'a> {
    model: &'a SavedModel,
    floats: Vec<f32>,
}

impl<'a> Predictor<'a> {
    fn new(model: &'a SavedModel) -> Result<Self, HostError> {
        Ok(Self { model, floats: zeros(model.spec.predict_len(1))? })
    }

    fn verdict(&mut self, inputs: &[f32]) -> Result<Verdict, HostError> {
        let spec = &self.model.spec;
        let mut work = Workspace::for_prediction(spec, 1, &mut self.floats)?;
        let outputs = predict(spec, &self.model.params, inputs, &mut work)?;
        let class = class_of(outputs);
        if spec.loss_kind() == Loss::SoftmaxCrossEntropy {
            softmax(outputs, spec.math_kind());
        }
        let mut outputs = by_class(spec, outputs.to_vec());
        let is_several = self.model.columns().is_some_and(|columns| !columns.has_classes());
        match spec.loss_kind() {
            Loss::GaussianNll => {
                outputs.iter_mut().skip(spec.targets()).for_each(|s| *s = deviation(*s, spec.math_kind()));
            }
            Loss::BinaryCrossEntropy if is_several => {
                outputs.iter_mut().for_each(|z| *z = spec.math_kind().sigmoid(*z))
            }
            _ => {}
        }
        Ok(Verdict { class, outputs })
    }
}
