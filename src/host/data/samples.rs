//! Samples with what each of them is: images with classes, or rows of a table with classes or values.

use super::idx::{Images, PIXEL_SCALE};
use super::sparse::Sparse;
use crate::host::HostError;
use crate::host::memory::zeros;
use crate::host::prelude::*;
use crate::metrics::Score;
use crate::train::balanced;
use crate::{Inputs, Targets};

/// Samples with what each of them is.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    rows: Rows,
    answers: Answers,
    /// What each counts in training; empty where all count 1.
    weights: Vec<f32>,
}

/// What comes in.
#[derive(Clone, Debug, PartialEq)]
enum Rows {
    /// Without their zeros beside the bytes, where that is the smaller form.
    Images(Images, Option<Sparse>),
    /// Shape `(samples, width)`.
    Floats { width: usize, floats: Vec<f32> },
}

/// What should come out.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::host) enum Answers {
    /// A class each.
    Classes(Vec<u8>),
    /// Shape `(samples, width)`.
    Values { width: usize, values: Vec<f32> },
}

/// Memory for the targets of a batch.
#[derive(Debug)]
pub(in crate::host) struct TargetSpace {
    classes: Vec<u16>,
    values: Vec<f32>,
}

impl TargetSpace {
    /// For up to so many samples; the first batch with values makes room for these.
    pub(in crate::host) fn room(samples: usize) -> Result<Self, HostError> {
        Ok(Self { classes: zeros(samples)?, values: Vec::new() })
    }
}

impl Samples {
    /// Images and as many labels.
    pub(in crate::host) fn of_images(images: Images, labels: Vec<u8>) -> Self {
        let sparse = Sparse::of(&images);
        Self { rows: Rows::Images(images, sparse), answers: Answers::Classes(labels), weights: Vec::new() }
    }

    /// Rows of so many floats, finite all of them, and as many answers, and weights, if there are any.
    pub(in crate::host) fn of_floats(width: usize, floats: Vec<f32>, answers: Answers, weights: Vec<f32>) -> Self {
        Self { rows: Rows::Floats { width, floats }, answers, weights }
    }

    /// Memory for so many images of the same size and form: what is compressed by another thread is not to be listed by the
    /// one that trains. None for a table.
    pub(in crate::host) fn memory(&self, count: usize) -> Result<Option<Self>, HostError> {
        let Rows::Images(images, sparse) = &self.rows else { return Ok(None) };
        let sparse = match sparse {
            Some(_) => Sparse::room(count, self.inputs())?,
            None => None,
        };
        let rows = Rows::Images(images.black(count)?, sparse);
        Ok(Some(Self { rows, answers: Answers::Classes(zeros(count)?), weights: Vec::new() }))
    }

    /// Makes the first samples anew, from those of `source` that `pick` names: `make(i, image, to)` for sample `i`.
    pub(in crate::host) fn renew(&mut self, source: &Self, pick: &[u32], mut make: impl FnMut(u32, &[u8], &mut [u8])) {
        let (Rows::Images(images, sparse), Answers::Classes(labels)) = (&mut self.rows, &mut self.answers) else {
            return;
        };
        if let Some(sparse) = sparse {
            sparse.clear();
        }
        for ((&i, to), label) in pick.iter().zip(images.each_mut()).zip(labels) {
            let (Some(image), Some(class)) = (source.image(i as usize), source.label(i as usize)) else { continue };
            make(i, image, to);
            *label = class;
            if let Some(sparse) = sparse {
                sparse.push(to);
            }
        }
    }

    /// The same samples with other inputs: so many floats each.
    pub(in crate::host) fn with_floats(&self, width: usize, floats: Vec<f32>) -> Self {
        Self::of_floats(width, floats, self.answers.clone(), self.weights.clone())
    }

    /// How many.
    pub fn len(&self) -> usize {
        match &self.answers {
            Answers::Classes(labels) => labels.len(),
            Answers::Values { width, values } => values.len().checked_div(*width).unwrap_or(0),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Inputs of a network that takes them, of an image `rows · cols`.
    pub fn inputs(&self) -> usize {
        match &self.rows {
            Rows::Images(images, _) => images.row_len(),
            Rows::Floats { width, .. } => *width,
        }
    }

    /// The images; none of a table.
    pub fn images(&self) -> Option<&Images> {
        if let Rows::Images(images, _) = &self.rows { Some(images) } else { None }
    }

    /// Whether samples have a class, not values.
    pub fn has_classes(&self) -> bool {
        matches!(self.answers, Answers::Classes(_))
    }

    /// The labels; none where samples have values.
    pub fn labels(&self) -> &[u8] {
        if let Answers::Classes(labels) = &self.answers { labels } else { &[] }
    }

    /// Image `i`, `inputs` bytes, or `None` past the end and in a table.
    pub fn image(&self, i: usize) -> Option<&[u8]> {
        self.images()?.image(i)
    }

    /// Label `i`, or `None` past the end.
    pub fn label(&self, i: usize) -> Option<u8> {
        self.labels().get(i).copied()
    }

    /// The values that sample `i` should give; none where it has a class.
    pub(in crate::host) fn values(&self, i: usize) -> &[f32] {
        let Answers::Values { width, values } = &self.answers else { return &[] };
        values.get(i * width..(i + 1) * width).unwrap_or(&[])
    }

    /// Share of errors; none where samples have values.
    pub(in crate::host) fn error(&self, score: Score) -> Option<f32> {
        self.has_classes().then(|| 1.0 - score.accuracy())
    }

    /// The samples that `pick` names, as the core takes them: compressed where that is the smaller form.
    pub fn inputs_of<'a>(&'a self, pick: &'a [u32]) -> Inputs<'a> {
        match &self.rows {
            Rows::Images(_, Some(sparse)) => Inputs::sparse(sparse.set(), pick),
            Rows::Images(images, None) => Inputs::bytes(images.pixels(), PIXEL_SCALE, pick),
            Rows::Floats { floats, .. } => Inputs::picked(floats, pick),
        }
    }

    /// What they are, gathered in `space`.
    pub(in crate::host) fn targets<'b>(&self, pick: &[u32], space: &'b mut TargetSpace) -> Targets<'b> {
        match &self.answers {
            Answers::Classes(_) => Targets::Classes(self.classes(pick, &mut space.classes)),
            Answers::Values { .. } => {
                space.values.clear();
                pick.iter().for_each(|&i| space.values.extend_from_slice(self.values(i as usize)));
                Targets::Values(&space.values)
            }
        }
    }

    /// Whether they have weights.
    pub(in crate::host) fn has_weights(&self) -> bool {
        !self.weights.is_empty()
    }

    /// What sample `i` counts in training.
    pub(in crate::host) fn weight(&self, i: usize) -> f32 {
        self.weights.get(i).copied().unwrap_or(1.0)
    }

    /// What they count in training, gathered in `weights`, which stay empty where all count 1.
    pub(in crate::host) fn weights_of(&self, pick: &[u32], weights: &mut Vec<f32>) {
        weights.clear();
        weights.extend(pick.iter().filter_map(|&i| self.weights.get(i as usize)));
    }

    /// Weights of so many classes, by which each counts alike among the samples that `pick` names.
    pub(in crate::host) fn balanced(&self, pick: &[u32], classes: usize) -> Result<Vec<f32>, HostError> {
        let (mut labels, mut weights) = (zeros(pick.len())?, zeros(classes)?);
        balanced(self.classes(pick, &mut labels), &mut weights)?;
        Ok(weights)
    }

    /// Their classes, in the first elements of `classes`.
    pub fn classes<'b>(&self, pick: &[u32], classes: &'b mut [u16]) -> &'b [u16] {
        for (class, &i) in classes.iter_mut().zip(pick) {
            *class = self.label(i as usize).map_or(u16::MAX, u16::from);
        }
        &classes[..pick.len().min(classes.len())]
    }
}
