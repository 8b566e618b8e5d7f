//! A model and a workspace are views of the caller's slices, checked once: parameters, and scratch memory.

pub(crate) mod params;

mod fold;

mod state;

use crate::error::{Buffer, Error, Setting};
use crate::inputs::batch::{Several, several};
use crate::inputs::lists::{LISTS, Lists, Space};
use crate::kernels::{clear, sqrt};
use crate::network::dropout::Draws;
use crate::network::layout::{Shape, Split};
use crate::network::spec::Spec;
use crate::random::{self, Purpose};
pub use fold::fold;
use params::Bound;
pub use params::Params;
pub use state::ModelState;

/// How weights start: N(0, 1) times a scale; biases start at zero.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Init {
    /// Scale `√(2 / inputs)` (He et al. 2015, equation 10): keeps the variance through ReLU layers.
    #[default]
    He,
    /// Scale `√(2 / (inputs + outputs))` (Glorot & Bengio 2010, equation 12).
    Glorot,
    /// Scale σ, from 0 to 1e37: no draw is infinite.
    Normal(f32),
}

impl Init {
    fn scale(self, shape: Shape) -> f32 {
        match self {
            Self::He => sqrt(2.0 / shape.inputs() as f32),
            Self::Glorot => sqrt(2.0 / (shape.inputs() + shape.outputs()) as f32),
            Self::Normal(sigma) => sigma,
        }
    }
}

/// A network's parameters in the caller's slice of [`Spec::param_len`] floats, with the seed and the number of its
/// training steps.
///
/// ```
/// use cygnet::model::ModelState;
/// use cygnet::{Activation, Error, Init, Model, Sgd, Spec, Targets, Workspace};
/// const NET: Spec = Spec::new(2).dense(8, Activation::Relu).dense(2, Activation::Identity);
/// let (mut params, mut floats) = ([0.0; NET.param_len()], [0.0; NET.work_len(1)]);
/// let mut model = Model::new(&NET, &mut params)?;
/// model.init(Init::He, 42)?; // weights by a seed; without it the slice counts as it is
/// let mut sgd = Sgd::plain(&NET)?;
/// let mut work = Workspace::new(&NET, 1, &mut floats)?;
/// let score = model.train(&[0.3, -0.7], Targets::Classes(&[1]), &mut sgd, 0.1, &mut work)?;
/// assert!(score.loss() > 0.0);
/// assert_eq!(model.predict(&[0.3, -0.7], &mut work)?.len(), 2);
/// // What is kept of it: the slice, and these bytes.
/// let bytes = model.state().to_bytes();
/// let mut model = Model::new(&NET, &mut params)?;
/// let state = ModelState::from_bytes(&NET, &bytes)?;
/// model.resume(state.seed, state.steps);
/// # Ok::<(), Error>(())
/// ```
#[must_use = "a model is trained, or predicts"]
pub struct Model<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) params: &'a mut [f32],
    /// Seed and steps.
    pub(crate) draws: Draws,
    /// On the magnitudes of `params`.
    pub(crate) bound: Bound,
    pub(crate) mark: Mark,
    /// How often `params` were changed, modulo 2³².
    pub(crate) changes: u32,
}

debug_view!(Model<'_>: spec draws bound mark changes; params);

/// What the parameters of a model are, until something changes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Weights in training.
    Live,
    /// An average.
    Average,
    /// The average of an [`Averager`](crate::Averager) that holds the model's own weights meanwhile.
    Exchanged,
}

impl<'p> From<&'p Model<'_>> for Params<'p> {
    fn from(model: &'p Model<'_>) -> Self {
        Self { values: model.params, bound: model.bound, is_average: model.mark != Mark::Live }
    }
}

impl<'a> Model<'a> {
    /// Takes `params` as they are: call [`init`](Self::init) to start anew.
    ///
    /// # Errors
    /// [`Error::Spec`], or [`Error::Length`] unless `params` has exactly [`Spec::param_len`] floats.
    pub fn new(spec: &'a Spec, params: &'a mut [f32]) -> Result<Self, Error> {
        spec.check()?;
        Error::expect_len(Buffer::Params, spec.param_len(), params.len())?;
        let draws = Draws { seed: 0, step: 0 };
        Ok(Self { spec, params, draws, bound: Bound::UNKNOWN, mark: Mark::Live, changes: 0 })
    }

    /// Draws the weights of every layer from its own stream of `seed`, zeroes the biases and the step count; `seed`
    /// also decides the dropout masks to come. Norms start at `γ = 1`, `β = 0`, mean 0, variance 1.
    ///
    /// # Errors
    /// [`Error::Setting`] for a σ outside of `[0, 1e37]`; nothing has changed then.
    pub fn init(&mut self, init: Init, seed: u64) -> Result<(), Error> {
        if let Init::Normal(sigma) = init
            && !(0.0..=1e37).contains(&sigma)
        {
            return Err(Error::Setting(Setting::Sigma));
        }
        self.becomes(Mark::Live);
        for place in self.spec.places() {
            let Split { weights, bias, scale, shift, mean, variance } = place.split_mut(self.params);
            let sigma = init.scale(place.shape);
            let mut draws = random::stream(seed, Purpose::Init, self.spec.stream_of(place).into());
            for w in weights {
                *w = sigma * random::normal(&mut draws);
            }
            clear(bias);
            scale.fill(1.0);
            clear(shift);
            clear(mean);
            variance.fill(1.0);
        }
        self.resume(seed, 0);
        Ok(())
    }

    /// Continues with the masks of `seed` after `steps` training steps, as if training had never stopped.
    pub fn resume(&mut self, seed: u64, steps: u64) {
        self.draws = Draws { seed, step: steps };
    }

    /// What to keep beside the parameters: [`resume`](Self::resume) with its seed and steps.
    #[must_use]
    pub fn state(&self) -> ModelState {
        ModelState { network: self.spec.digest(), seed: self.draws.seed, steps: self.draws.step }
    }

    /// The network's description.
    #[must_use]
    pub fn spec(&self) -> &'a Spec {
        self.spec
    }

    /// The parameters, layer by layer: weights `(inputs, outputs)` row-major, then the bias, then what a
    /// [norm](Spec::norm) has.
    #[must_use]
    pub fn params(&self) -> &[f32] {
        self.params
    }

    /// The parameters, to write to: they count as live weights from then on, no longer as an average.
    #[must_use = "parameters that are borrowed to write to count as changed"]
    pub fn params_mut(&mut self) -> &mut [f32] {
        self.becomes(Mark::Live);
        self.params
    }

    /// How often the parameters were changed, modulo 2³²: each training step, and whatever else gives them other values,
    /// [borrows them to write to](Self::params_mut), [initialises](Self::init), [loads](Self::load) or
    /// [pulls](crate::replicas::pull) them. An [`Averaged`](crate::average::Averaged) that leaves them as they were counts nothing.
    ///
    /// An optimizer that [owns the weights](crate::optim::Optimizer::owns_weights) learns by it that they are no longer its own.
    #[must_use]
    pub fn changes(&self) -> u32 {
        self.changes
    }

    /// What tells it from all other models of the program: where its parameters are.
    pub(crate) fn place(&self) -> usize {
        self.params.as_ptr().addr()
    }

    /// The parameters have other values from now on, of which nothing is known but what they are.
    pub(crate) fn becomes(&mut self, mark: Mark) {
        (self.bound, self.mark) = (Bound::UNKNOWN, mark);
        self.count_change();
    }

    pub(crate) fn count_change(&mut self) {
        self.changes = self.changes.wrapping_add(1);
    }

    /// Training steps taken; the argument of a [`Schedule`](crate::schedule::Schedule).
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.draws.step
    }

    /// The seed of the dropout masks.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.draws.seed
    }
}

/// Scratch memory for batches of at most so many samples; nothing in it is needed after a call.
///
/// ```
/// use cygnet::{Activation, Error, Spec, Workspace, predict};
/// const NET: Spec = Spec::new(2).dense(8, Activation::Relu).dense(2, Activation::Identity);
/// static PARAMS: [f32; NET.param_len()] = [0.5; NET.param_len()]; // as in flash
/// let mut floats = [0.0; NET.predict_len(4)]; // up to 4 samples at once; training takes `work_len`
/// let mut work = Workspace::for_prediction(&NET, 4, &mut floats)?;
/// let outputs = predict(&NET, &PARAMS, &[0.1, 0.2, 0.3, 0.4], &mut work)?;
/// assert_eq!(outputs.len(), 2 * NET.outputs()); // two samples
/// # Ok::<(), Error>(())
/// ```
#[must_use = "training and prediction take a workspace"]
pub struct Workspace<'a> {
    floats: &'a mut [f32],
    capacity: usize,
    values: &'a mut [f32],
    integers: &'a mut [u32],
    lists: Option<&'static Lists>,
    /// What several samples need; not linked where only batches of one are asked for.
    several: Option<Several>,
}

debug_view!(Workspace<'_>: capacity; floats values integers);

impl<'a> Workspace<'a> {
    /// For training on batches of up to `batch` samples: [`Spec::work_len`] floats.
    ///
    /// # Errors
    /// [`Error::Spec`], [`Error::Setting`] for a `batch` of 0, or [`Error::Length`] unless the length is exact.
    #[inline(always)]
    pub fn new(spec: &Spec, batch: usize, floats: &'a mut [f32]) -> Result<Self, Error> {
        Self::checked(spec, batch, floats, spec.work_len(batch), several_of(batch))
    }

    /// For prediction and evaluation alone: [`Spec::predict_len`] floats.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    #[inline(always)]
    pub fn for_prediction(spec: &Spec, batch: usize, floats: &'a mut [f32]) -> Result<Self, Error> {
        Self::checked(spec, batch, floats, spec.predict_len(batch), several_of(batch))
    }

    fn checked(
        spec: &Spec,
        batch: usize,
        floats: &'a mut [f32],
        needed: usize,
        several: Option<Several>,
    ) -> Result<Self, Error> {
        spec.check()?;
        if batch == 0 {
            return Err(Error::Setting(Setting::BatchSize));
        }
        Error::expect_len(Buffer::Work, needed, floats.len())?;
        Ok(Self { floats, capacity: batch, values: &mut [], integers: &mut [], lists: None, several })
    }

    /// Adds memory for lists of the non-zero inputs, which make batches of mostly zero inputs several times faster and
    /// change no bit: [`Spec::list_len`] floats and [`Spec::index_len`] integers for the same batch.
    ///
    /// # Errors
    /// [`Error::Spec`], or [`Error::Length`] unless the lengths are exact.
    pub fn with_lists(self, spec: &Spec, values: &'a mut [f32], integers: &'a mut [u32]) -> Result<Self, Error> {
        spec.check()?;
        Error::expect_len(Buffer::Lists, spec.list_len(self.capacity), values.len())?;
        Error::expect_len(Buffer::Index, spec.index_len(self.capacity), integers.len())?;
        Ok(Self { values, integers, lists: Some(&LISTS), ..self })
    }

    /// Samples that fit.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// The scratch floats for `samples`, of which a call needs `needed`, and the memory for lists.
    // Where it is called, so that an image that takes one sample at a time is without what several need.
    #[inline(always)]
    pub(crate) fn take(
        &mut self,
        spec: &Spec,
        samples: usize,
        needed: usize,
    ) -> Result<(&mut [f32], Space<'_>), Error> {
        if samples > self.capacity {
            return Err(Error::BatchTooLarge { capacity: self.capacity, got: samples });
        }
        if let Some(lists) = self.lists {
            (lists.check)(spec, samples, self.values, self.integers)?;
        }
        let got = self.floats.len();
        // Shorter only when made for another network, or for prediction.
        let floats = self.floats.get_mut(..needed).ok_or(Error::Length { buffer: Buffer::Work, needed, got })?;
        let several = if samples > 1 { self.several } else { None };
        Ok((floats, Space { floats: self.values, integers: self.integers, lists: self.lists, several }))
    }
}

/// In the caller's own code, where the batch's size is mostly a constant.
#[inline(always)]
fn several_of(batch: usize) -> Option<Several> {
    if batch > 1 { Some(several) } else { None }
}

#[cfg(test)]
mod tests;
