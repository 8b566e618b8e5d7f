//! The gradient of a batch that comes in parts.

mod state;

use crate::error::{Buffer, Error, Setting, Value};
use crate::kernels;
use crate::network::layout::{Layout, Place, at, at_mut};
use crate::network::norm::Pooled;
use crate::network::spec::Spec;
use crate::score::Score;
use crate::train::noise::Noise;
pub use state::GradientState;

/// The gradient of a batch that comes in several micro-batches, summed over their samples, in [`Spec::param_len`]
/// floats.
///
/// The result of micro-batches is that of the whole batch, bit for bit: sums run over the samples in order. A batch norm
/// normalises each micro-batch by its own statistics; where the running ones stand among the parameters, those of all
/// samples are pooled here.
///
/// ```
/// # use cygnet::{Activation, Error, Gradient, Init, Model, Sgd, Spec, Targets, Workspace};
/// const NET: Spec = Spec::new(2).dense(8, Activation::Tanh).dense(2, Activation::Identity);
/// # let mut params = [0.0; NET.param_len()];
/// # let mut model = Model::new(&NET, &mut params)?;
/// # model.init(Init::Glorot, 1)?;
/// # let mut sgd = Sgd::plain(&NET)?;
/// let mut floats = [0.0; NET.work_len(2)]; // two samples at once
/// let mut work = Workspace::new(&NET, 2, &mut floats)?;
/// let mut sum = [0.0; NET.param_len()];
/// let mut gradient = Gradient::new(&NET, &mut sum)?;
/// model.accumulate(&[0.0, 0.0, 0.0, 1.0], Targets::Classes(&[0, 1]), &mut gradient, &mut work)?;
/// model.accumulate(&[1.0, 0.0, 1.0, 1.0], Targets::Classes(&[1, 0]), &mut gradient, &mut work)?;
/// gradient.clip(1.0)?;
/// let score = model.step(&mut gradient, &mut sgd, 0.5)?; // one step on all four
/// assert_eq!((score.samples(), model.steps()), (4, 1));
/// # Ok::<(), Error>(())
/// ```
#[must_use = "a gradient is summed up, then stepped along"]
pub struct Gradient<'a> {
    layout: Layout,
    /// The network's digest.
    pub(crate) network: u32,
    pub(crate) sum: &'a mut [f32],
    pub(crate) score: Score,
    pub(crate) squares: Option<Squares>,
    /// The square of the sum as it was before it was clipped.
    pub(crate) clipped: Option<f32>,
}

debug_view!(Gradient<'_>: network score squares clipped; sum);

/// What is kept of the micro-batches one by one: `Σ b_i|g_i|²`, how many there were, and their samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Squares {
    sum: f32,
    parts: u64,
    samples: u64,
}

impl Squares {
    /// Adds the square of the summed gradient of so many samples.
    pub(crate) fn add(&mut self, square: f32, samples: u64) {
        self.sum += square / samples as f32;
        self.parts = self.parts.saturating_add(1);
        self.samples = self.samples.saturating_add(samples);
    }
}

impl<'a> Gradient<'a> {
    /// An empty sum.
    ///
    /// # Errors
    /// [`Error::Spec`], or [`Error::Length`] unless `floats` has exactly [`Spec::param_len`] floats.
    pub fn new(spec: &Spec, floats: &'a mut [f32]) -> Result<Self, Error> {
        spec.check()?;
        Error::expect_len(Buffer::Gradient, spec.param_len(), floats.len())?;
        kernels::clear(floats);
        Ok(Self {
            layout: spec.layout,
            network: spec.digest(),
            sum: floats,
            score: Score::default(),
            squares: None,
            clipped: None,
        })
    }

    /// Continues with the sum that is in `floats`, as [`state`](Self::state) was; without samples it does not matter what
    /// they hold.
    ///
    /// # Errors
    /// As [`new`](Self::new), [`Error::Network`] for the state of another network, [`Error::NonFinite`] for a sum that is not
    /// finite, or statistics of a norm that no samples leave.
    pub fn resume(state: GradientState, spec: &Spec, floats: &'a mut [f32]) -> Result<Self, Error> {
        spec.check()?;
        spec.check_digest(state.network)?;
        Error::expect_len(Buffer::Gradient, spec.param_len(), floats.len())?;
        let GradientState { network, score, squares, clipped } = state;
        if score.samples() == 0 {
            kernels::clear(floats);
        }
        let mut gradient = Self { layout: spec.layout, network, sum: floats, score, squares, clipped };
        if !gradient.largest().is_finite() {
            return Err(gradient.too_large());
        }
        // Of a layer without statistics there is nothing to check, and a single sample has no variance.
        let pooled = |place: &Place| score.samples() > 0 && !place.statistics().is_empty();
        for place in spec.places().filter(pooled) {
            Pooled::of(at(gradient.sum, place.statistics()), score.samples()).check(place.index)?;
        }
        Ok(gradient)
    }

    /// What to keep beside the floats, for [`resume`](Self::resume), also between two micro-batches.
    #[must_use]
    pub fn state(&self) -> GradientState {
        let Self { network, score, squares, clipped, .. } = *self;
        GradientState { network, score, squares, clipped }
    }

    /// Ends it: its [`state`](Self::state), and the slice is the caller's again.
    #[must_use]
    pub fn into_state(self) -> GradientState {
        self.state()
    }

    /// Also measures every micro-batch to come, for [`noise`](Self::noise): the time of another gradient, no memory, and no
    /// bit of the sum.
    #[must_use = "it is this gradient that measures"]
    pub fn measured(self) -> Self {
        Self { squares: Some(Squares::default()), ..self }
    }

    /// The noise of the gradient so far, before or after it is [clipped](Self::clip): that of the samples' own gradients.
    ///
    /// # Errors
    /// [`Error::SinglePart`] without at least two micro-batches, all of them [measured](Self::measured),
    /// [`Error::NonFinite`] where a square is too large.
    pub fn noise(&mut self) -> Result<Noise, Error> {
        let Squares { sum, parts, samples } = self.squares.unwrap_or_default();
        // Those that came before it was measured are in the sum.
        if samples != self.score.samples() {
            return Err(Error::SinglePart);
        }
        let square = self.clipped.unwrap_or_else(|| self.square());
        let noise = Noise::new(sum, parts, square / samples as f32 / samples as f32, samples)?;
        noise.ok_or_else(|| self.too_large())
    }

    /// The largest magnitude; not finite where one is not.
    pub(crate) fn largest(&mut self) -> f32 {
        let mut largest = 0.0_f32;
        // A sum over parts, since a NaN or an infinity stays in it.
        self.learned(&mut |_, range| largest += kernels::largest(range));
        largest
    }

    /// The error of a gradient that is too large, with the layer where it is largest, NaN before all.
    #[cold]
    pub(crate) fn too_large(&self) -> Error {
        let (mut index, mut most) = (0, 0);
        for place in self.layout.places(self.sum.len()) {
            // Of magnitudes the bits are in order, and NaN is behind infinity.
            let largest = kernels::largest(at(self.sum, place.learned())).to_bits();
            if largest > most {
                (index, most) = (place.index.into(), largest);
            }
        }
        Error::NonFinite { value: Value::Gradient, index }
    }

    /// The square of the sum's norm.
    fn square(&mut self) -> f32 {
        let mut square = 0.0;
        self.learned(&mut |_, range| square += kernels::dot(range, range));
        square
    }

    /// The same of the sum times `scale`.
    fn square_of(&mut self, scale: f32) -> f32 {
        let mut square = 0.0;
        self.learned(&mut |_, range| square += range.iter().map(|g| g * scale * (g * scale)).sum::<f32>());
        square
    }

    /// Gives `each` range of parameters that are learned, after its offset: all but running statistics.
    pub(crate) fn learned(&mut self, each: &mut dyn FnMut(usize, &mut [f32])) {
        if !self.layout.has_statistics() {
            return each(0, self.sum);
        }
        for place in self.layout.places(self.sum.len()) {
            each(place.offset, at_mut(self.sum, place.learned()));
        }
    }

    /// Sum of the samples' gradients; divided by [`Score::weight`], their number without weights, it is the gradient of the mean loss. Where running
    /// statistics of norms stand among the parameters, it holds their pooled means and sums of squared deviations.
    #[must_use]
    pub fn sum(&self) -> &[f32] {
        self.sum
    }

    /// Loss and hits of the samples so far.
    #[must_use]
    pub fn score(&self) -> Score {
        self.score
    }

    /// Removes all samples.
    pub fn reset(&mut self) {
        kernels::clear(self.sum);
        self.score = Score::default();
        self.squares = self.squares.map(|_| Squares::default());
        self.clipped = None;
    }

    /// Scales the mean gradient `g` down to `‖g‖₂ <= max_norm` over all parameters (Pascanu et al. 2013, algorithm 1)
    /// and returns the norm it had. A gradient that was scaled takes no more micro-batches until it is
    /// [reset](Self::reset) or stepped along.
    ///
    /// # Errors
    /// [`Error::Setting`], [`Error::Empty`] without samples, [`Error::NoWeight`], [`Error::NonFinite`] for a norm that is not finite.
    pub fn clip(&mut self, max_norm: f32) -> Result<f32, Error> {
        if !(max_norm.is_finite() && max_norm > 0.0) {
            return Err(Error::Setting(Setting::MaxNorm));
        }
        if self.score.samples() == 0 {
            return Err(Error::Empty);
        }
        let weight = self.score.divisor()?;
        let square = self.square();
        // Squares of a sum by tiny weights vanish, those of its mean do not.
        let norm = if weight < 1.0 && square < 1e-24 {
            kernels::sqrt(self.square_of(1.0 / weight))
        } else {
            kernels::sqrt(square) / weight
        };
        if !norm.is_finite() {
            return Err(self.too_large());
        }
        if norm > max_norm {
            self.clipped = self.clipped.or(Some(square.max(f32::MIN_POSITIVE)));
            self.learned(&mut |_, range| kernels::scale(range, max_norm / norm));
        }
        Ok(norm)
    }
}
