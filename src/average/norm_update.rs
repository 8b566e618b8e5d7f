//! Running statistics of norms that belong to the weights beside them, as those of averaged weights do not.

use crate::bytes::{Reader, Writer};
use crate::error::{Buffer, Error};
use crate::forward::{Kept, run_training};
use crate::inputs::Inputs;
use crate::inputs::lists::Slot;
use crate::model::{Model, Workspace};
use crate::network::layout::{Place, at, at_mut};
use crate::network::norm::{Pooled, left};
use crate::network::spec::Spec;
use core::ops::Range;

/// Recomputes the running statistics of batch norms in one pass over data, for weights that training did not leave: averaged,
/// drawn from a posterior, mixed (`update_bn` elsewhere). Of a model, [`Model::norm_update`].
///
/// Each batch passes as in training, normalised by its own statistics, without dropout, since prediction has none; those of
/// all batches are pooled by samples (Chan et al. 1979). Parameters change in [`finish`](Self::finish) alone: whatever fails
/// or is given up before leaves the old statistics.
///
/// ```
/// # use cygnet::{Activation, Averager, Error, Init, Loss, Model, Spec, Workspace};
/// # use cygnet::average::NormUpdate;
/// const NET: Spec = Spec::new(2).dense(8, Activation::Relu).norm().dense(1, Activation::Identity).loss(Loss::MeanSquared);
/// # let (mut params, mut mean) = ([0.0; NET.param_len()], [0.0; NET.param_len()]);
/// # let mut floats = [0.0; NET.work_len(4)];
/// # let mut model = Model::new(&NET, &mut params)?;
/// # model.init(Init::He, 1)?;
/// # let mut work = Workspace::new(&NET, 4, &mut floats)?;
/// # let mut swa = Averager::new(&mut mean);
/// # swa.update(&model)?;
/// # let batches = [[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], [0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]];
/// swa.finish(&mut model)?;
/// let mut pooled = [0.0; NET.norm_len()];
/// let mut update = model.norm_update(&mut pooled)?; // it stays an average
/// for batch in &batches {
///     update.add(batch, &mut work)?;
/// }
/// update.finish()?;
/// # Ok::<(), Error>(())
/// ```
#[must_use = "statistics change in `finish` alone"]
pub struct NormUpdate<'a> {
    spec: &'a Spec,
    params: &'a mut [f32],
    pub(crate) pooled: &'a mut [f32],
    samples: u64,
}

debug_view!(NormUpdate<'_>: spec samples; params pooled);

/// What an update of norms is besides its floats: kept with them, for [`NormUpdate::resume`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct NormUpdateState {
    /// The digest of the network.
    network: u32,
    samples: u64,
}

impl NormUpdateState {
    /// Bytes of a state.
    pub const BYTES: usize = 12;

    /// Samples so far.
    #[must_use]
    pub const fn samples(&self) -> u64 {
        self.samples
    }

    /// The state as bytes, little-endian on every target: `u32` digest of the network, `u64` samples.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let mut out = Writer::new(&mut bytes);
        out.word(self.network);
        out.long(self.samples);
        bytes
    }

    /// The state that these bytes and the program's network describe.
    ///
    /// # Errors
    /// [`Error::Spec`], [`Error::Network`] for the bytes of another network, [`Error::Checkpoint`] for a single sample of a
    /// network with norms, which has no variance.
    pub fn from_bytes(spec: &Spec, bytes: &[u8; Self::BYTES]) -> Result<Self, Error> {
        spec.check()?;
        let mut input = Reader::new(bytes);
        let state = Self { network: input.word()?, samples: input.long()? };
        spec.check_digest(state.network)?;
        if state.samples == 1 && spec.norm_len() > 0 { Err(input.fault()) } else { Ok(state) }
    }
}

impl<'a> NormUpdate<'a> {
    /// For `params`, with [`Spec::norm_len`] floats to pool statistics in.
    ///
    /// # Errors
    /// [`Error::Spec`], [`Error::Length`].
    pub fn new(spec: &'a Spec, params: &'a mut [f32], pooled: &'a mut [f32]) -> Result<Self, Error> {
        spec.check()?;
        Error::expect_len(Buffer::Params, spec.param_len(), params.len())?;
        Error::expect_len(Buffer::Statistics, spec.norm_len(), pooled.len())?;
        Ok(Self { spec, params, pooled, samples: 0 })
    }

    /// Continues with the statistics in `pooled`, as [`state`](Self::state) was, for the same `params`; without samples it
    /// does not matter what is in there.
    ///
    /// # Errors
    /// As [`new`](Self::new), [`Error::Network`] for the state of another network, [`Error::NonFinite`] for statistics that no
    /// samples leave.
    pub fn resume(
        state: NormUpdateState,
        spec: &'a Spec,
        params: &'a mut [f32],
        pooled: &'a mut [f32],
    ) -> Result<Self, Error> {
        let NormUpdateState { network, samples } = state;
        let update = Self { samples, ..Self::new(spec, params, pooled)? };
        spec.check_digest(network)?;
        for (place, pooled) in normed(spec).filter(|_| samples > 0) {
            Pooled::of(at(update.pooled, pooled), samples).check(place.index)?;
        }
        Ok(update)
    }

    /// What to keep beside parameters and pooled statistics, for [`resume`](Self::resume).
    #[must_use]
    pub fn state(&self) -> NormUpdateState {
        NormUpdateState { network: self.spec.digest(), samples: self.samples }
    }

    /// Ends it: its [`state`](Self::state), and the slices are the caller's again.
    #[must_use]
    pub fn into_state(self) -> NormUpdateState {
        self.state()
    }

    /// Pools the statistics of a batch of at least two samples and returns how many samples there were in all; the
    /// workspace is one for training.
    ///
    /// # Errors
    /// As [`predict`](crate::predict()); [`Error::SingleSample`], [`Error::NonFinite`] for a statistic of 1e18 or more, of
    /// the batch or of all with it, [`Error::CountOverflow`]. The batch is left out then.
    pub fn add<'x>(&mut self, inputs: impl Into<Inputs<'x>>, work: &mut Workspace<'_>) -> Result<u64, Error> {
        self.add_inputs(&inputs.into(), work)
    }

    fn add_inputs(&mut self, inputs: &Inputs<'_>, work: &mut Workspace<'_>) -> Result<u64, Error> {
        let spec = self.spec;
        let (n, _) = inputs.check(spec)?;
        let samples = self.samples.checked_add(n as u64).ok_or(Error::CountOverflow)?;
        if self.pooled.is_empty() {
            // No statistics, nothing to do.
            self.samples = samples;
            return Ok(samples);
        }
        if n < 2 {
            return Err(Error::SingleSample);
        }
        let (floats, lists) = work.take(spec, n, spec.work_len(n))?;
        let mut kept = Kept::split(floats, spec, n).0;
        let (several, mut slot) = (lists.several, Slot::default());
        let rows = inputs.prepare(spec, n, lists, false, &mut slot)?;
        run_training(spec, self.params, rows, (n, several), &mut kept, None);
        for (place, pooled) in normed(spec) {
            let before = Pooled::of(at(self.pooled, pooled), self.samples);
            left(&spec.layout, place.index, kept.norms, n, before).check(place.index)?;
        }
        for (place, pooled) in normed(spec) {
            let before = Pooled::of(at(self.pooled, pooled.clone()), self.samples);
            let left = left(&spec.layout, place.index, kept.norms, n, before);
            left.statistics.write(at_mut(self.pooled, pooled));
        }
        self.samples = samples;
        Ok(samples)
    }

    /// Writes the statistics of all samples, the variance unbiased, in the places of the old ones; returns how many
    /// samples they are of.
    ///
    /// # Errors
    /// [`Error::Empty`] without samples: the old statistics stay.
    pub fn finish(&mut self) -> Result<u64, Error> {
        if self.samples == 0 {
            return Err(Error::Empty);
        }
        for (place, pooled) in normed(self.spec) {
            Pooled::of(at(self.pooled, pooled), self.samples).settle(at_mut(self.params, place.statistics()));
        }
        Ok(self.samples)
    }
}

impl Model<'_> {
    /// Gives the model statistics of norms that are those of its weights; an average stays one. `pooled` has
    /// [`Spec::norm_len`] floats.
    ///
    /// # Errors
    /// As [`NormUpdate::new`].
    pub fn norm_update<'n>(&'n mut self, pooled: &'n mut [f32]) -> Result<NormUpdate<'n>, Error> {
        // The bound holds: statistics are below 1e18.
        NormUpdate::new(self.spec, self.params, pooled)
    }

    /// Continues an update of this model's norms, as [`norm_update`](Self::norm_update) began it.
    ///
    /// # Errors
    /// As [`NormUpdate::resume`].
    pub fn resume_norm_update<'n>(
        &'n mut self,
        state: NormUpdateState,
        pooled: &'n mut [f32],
    ) -> Result<NormUpdate<'n>, Error> {
        NormUpdate::resume(state, self.spec, self.params, pooled)
    }
}

/// The places of layers with a norm, each with those of its statistics among all that are pooled.
fn normed(spec: &Spec) -> impl Iterator<Item = (Place, Range<usize>)> {
    let normed = spec.places().filter(|place| !place.statistics().is_empty());
    normed.map(|place| (place, spec.layout.pooled(place)))
}
