//! What class several models agree on.

use crate::bytes::{Reader, Writer};
use crate::error::{Buffer, Error, Setting, Value};
use crate::kernels;
use crate::math::Math;
use crate::model::params::LIMIT;
use crate::network::loss::softmax;
use crate::slices::{cut, cut_mut, numbered, rows, rows_mut};
use crate::targets::{argmax, check_classes};
use core::mem;

/// How outputs of several models are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Vote {
    /// The mean of the probabilities, `p = Σ ω_k softmax(z_k) / Σ ω_k`.
    Soft,
    /// The mean of the logits, `p = softmax(Σ ω_k z_k / Σ ω_k)`: the geometric mean of the probabilities.
    LogPool,
    /// A ballot each, `Σ_k ω_k·[argmax p_k = c]`; ties by the mean of the probabilities, then the lowest class.
    Hard,
}

impl Vote {
    /// Floats for `samples` samples of `outputs` outputs: one an output; for [`Hard`](Self::Hard) also one a class for its
    /// ballots.
    #[must_use]
    pub const fn state_len(self, samples: usize, outputs: usize) -> usize {
        let each = if matches!(self, Self::Hard) { outputs.saturating_add(choices(outputs)) } else { outputs };
        samples.saturating_mul(each)
    }
}

/// Classes that so many outputs may vote for.
const fn choices(outputs: usize) -> usize {
    if outputs == 1 { 2 } else { outputs }
}

/// What votes are besides their floats: kept with them, for [`Votes::resume`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct VotesState {
    vote: Vote,
    math: Math,
    samples: usize,
    outputs: usize,
    /// Of all models.
    weight: f32,
}

impl VotesState {
    /// Bytes of a state.
    pub const BYTES: usize = 20;

    /// The state as bytes, little-endian on every target: `u8` kind (0 soft, 1 log pool, 2 hard), `u8` code of the functions,
    /// 2 zeros; `u32` outputs; `u64` samples; `f32` sum of the models' weights.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let mut out = Writer::new(&mut bytes);
        out.bytes(&[self.vote as u8, self.math as u8, 0, 0]);
        out.word(self.outputs as u32);
        out.long(self.samples as u64);
        out.float(self.weight);
        bytes
    }

    /// The state that these bytes encode.
    ///
    /// # Errors
    /// [`Error::Checkpoint`] with the byte of a field that is not valid, [`Error::Setting`] for a number of outputs that is
    /// not.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Result<Self, Error> {
        let mut input = Reader::new(bytes);
        let [vote, math, 0, 0] = input.array()? else { return Err(input.fault()) };
        let vote = [Vote::Soft, Vote::LogPool, Vote::Hard].get(usize::from(vote)).copied().ok_or(input.fault())?;
        let math = Math::from_code(math).ok_or(input.fault())?;
        let outputs = input.word()? as usize;
        check_classes(outputs)?;
        let Ok(samples) = usize::try_from(input.long()?) else { return Err(input.fault()) };
        let weight = input.float()?;
        if !(weight >= 0.0 && weight.is_finite() && !weight.is_sign_negative()) {
            return Err(input.fault());
        }
        Ok(Self { vote, math, samples, outputs, weight })
    }
}

/// The votes of models on a batch of samples; models are added one at a time.
///
/// Where models have one output, a logit `z` of class 1 against class 0 (binary cross-entropy), there are two classes:
/// `sigmoid z`, the probability of class 1, replaces softmax in every formula, and ties go to class 0.
///
/// ```
/// use cygnet::network::Math;
/// use cygnet::replicas::{Vote, Votes};
/// let mut floats = [0.0; Vote::Hard.state_len(1, 3)];
/// let mut votes = Votes::new(Vote::Hard, Math::Libm, 3, &mut floats)?;
/// for mut logits in [[3.0, 0.0, 0.0], [0.0, 0.1, 0.0], [0.0, 0.1, 0.0]] {
///     votes.add(&mut logits, 1.0)?;
/// }
/// let mut classes = [0];
/// votes.classes(&mut classes)?;
/// assert_eq!(classes, [1]); // two of three, though the first is surer
/// # Ok::<(), cygnet::Error>(())
/// ```
#[must_use = "votes are asked by `classes` or `finish`"]
pub struct Votes<'a> {
    state: VotesState,
    /// Shape `(n, outputs)`: means of probabilities, or of logits.
    means: &'a mut [f32],
    /// Shape `(n, choices)`: sums of the weights of ballots, since ties must stay ties; none but of hard votes.
    ballots: &'a mut [f32],
}

debug_view!(Votes<'_>: state; means ballots);

impl<'a> Votes<'a> {
    /// No votes yet, for as many samples as `floats` has room for by [`Vote::state_len`]; what it holds does not matter.
    ///
    /// # Errors
    /// [`Error::Setting`] unless there are 1 to 65,536 outputs, [`Error::Length`] unless `floats` holds whole samples of
    /// them.
    pub fn new(vote: Vote, math: Math, outputs: usize, floats: &'a mut [f32]) -> Result<Self, Error> {
        check_classes(outputs)?;
        let samples = floats.len().checked_div(vote.state_len(1, outputs)).unwrap_or(0).max(1);
        Self::resume(VotesState { vote, math, samples, outputs, weight: 0.0 }, floats)
    }

    /// Continues with the votes that are in the slice.
    ///
    /// # Errors
    /// [`Error::Length`] for another number of samples, and [`Error::NonFinite`] for a number that is not finite, or that large.
    pub fn resume(state: VotesState, floats: &'a mut [f32]) -> Result<Self, Error> {
        let VotesState { vote, samples, outputs, weight, .. } = state;
        Error::expect_len(Buffer::Votes, vote.state_len(samples, outputs), floats.len())?;
        if weight > 0.0 {
            check_outputs(floats)?;
        } else {
            floats.fill(0.0);
        }
        let (means, ballots) = cut_mut(floats, samples.wrapping_mul(outputs));
        Ok(Self { state, means, ballots })
    }

    /// What to keep beside the floats, for [`resume`](Self::resume).
    #[must_use]
    pub fn state(&self) -> VotesState {
        self.state
    }

    /// Ends it: its [`state`](Self::state), and the slice is the caller's again.
    #[must_use]
    pub fn into_state(self) -> VotesState {
        self.state()
    }

    /// Adds a model's logits of all samples, shape `(n, outputs)`, with its weight `ω > 0`; `logits` are overwritten.
    ///
    /// Means run as `W ← W + ω; m ← m + (ω/W)(p − m)`.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Setting`] for a weight that is not finite and positive, or a sum of weights that is not,
    /// [`Error::NonFinite`] for a logit of 2¹²⁷ or more; nothing has changed then.
    pub fn add(&mut self, logits: &mut [f32], weight: f32) -> Result<(), Error> {
        Error::expect_len(Buffer::Probabilities, self.means.len(), logits.len())?;
        let total = self.state.weight + weight;
        if !(weight > 0.0 && total.is_finite()) {
            return Err(Error::Setting(Setting::Weight));
        }
        check_outputs(logits)?;
        self.state.weight = total;
        let gain = weight / total;
        if self.state.vote != Vote::LogPool {
            self.probabilities(logits);
        }
        // The first is copied, since the gain is 1 and the means are 0.
        kernels::mean_update(self.means, logits, gain);
        for (ballots, p) in rows_mut(self.ballots, choices(self.state.outputs)).zip(rows(logits, self.state.outputs)) {
            let choice = if let [p] = p { u16::from(*p > 0.5) } else { argmax(p) };
            if let Some(ballots) = ballots.get_mut(usize::from(choice)) {
                *ballots += weight;
            }
        }
        Ok(())
    }

    /// From logits to probabilities.
    fn probabilities(&self, logits: &mut [f32]) {
        if self.state.outputs == 1 {
            logits.iter_mut().for_each(|z| *z = self.state.math.sigmoid(*z));
        } else {
            rows_mut(logits, self.state.outputs).for_each(|row| softmax(row, self.state.math));
        }
    }

    /// The class that sample after sample is voted for.
    ///
    /// # Errors
    /// [`Error::NoAverage`] without votes, [`Error::Length`] unless there is a class for each sample.
    pub fn classes(&self, classes: &mut [u16]) -> Result<(), Error> {
        let samples = self.means.len().checked_div(self.state.outputs).unwrap_or(0);
        self.check()?;
        Error::expect_len(Buffer::Targets, samples, classes.len())?;
        for (i, class) in numbered(0, classes) {
            let row = |floats, width| cut(cut(floats, i.wrapping_mul(width)).1, width).0;
            let (means, ballots) =
                (row(&*self.means, self.state.outputs), row(&*self.ballots, choices(self.state.outputs)));
            *class = match (self.state.vote, means) {
                (Vote::Hard, &[mean]) => most_ballots(ballots, &[1.0 - mean, mean]),
                (Vote::Hard, _) => most_ballots(ballots, means),
                (Vote::Soft, &[mean]) => u16::from(mean > 0.5),
                (Vote::LogPool, &[mean]) => u16::from(mean > 0.0),
                _ => argmax(means),
            };
        }
        Ok(())
    }

    /// The probabilities, shape `(n, outputs)`: of hard votes the shares of ballots. They stand in the memory of the votes,
    /// which have none and are of no samples afterwards.
    ///
    /// # Errors
    /// [`Error::NoAverage`] without votes; more may come then.
    pub fn finish(&mut self) -> Result<&'a mut [f32], Error> {
        self.check()?;
        let total = mem::take(&mut self.state.weight);
        self.state.samples = 0;
        let (means, ballots) = (mem::take(&mut self.means), mem::take(&mut self.ballots));
        Ok(match self.state.vote {
            Vote::Soft => means,
            Vote::Hard => {
                if self.state.outputs == 1 {
                    // Those for class 1 alone.
                    for (share, ballots) in means.iter_mut().zip(rows(ballots, 2)) {
                        *share = ballots.last().map_or(0.0, |ballots| ballots / total);
                    }
                    return Ok(means);
                }
                ballots.iter_mut().for_each(|ballots| *ballots /= total);
                ballots
            }
            Vote::LogPool => {
                self.probabilities(means);
                means
            }
        })
    }

    fn check(&self) -> Result<(), Error> {
        if self.state.weight > 0.0 { Ok(()) } else { Err(Error::NoAverage) }
    }
}

/// Differences of logits must not overflow.
fn check_outputs(outputs: &[f32]) -> Result<(), Error> {
    match outputs.iter().position(|z| z.is_nan() || z.abs() >= LIMIT) {
        Some(index) => Err(Error::NonFinite { value: Value::Output, index }),
        None => Ok(()),
    }
}

/// The class with the most ballots; of several the one of the largest mean probability.
fn most_ballots(ballots: &[f32], means: &[f32]) -> u16 {
    let (mut best, mut at) = ((f32::NEG_INFINITY, f32::NEG_INFINITY), 0);
    for (c, (&ballots, &mean)) in (0..=u16::MAX).zip(ballots.iter().zip(means)) {
        if (ballots, mean) > best {
            (best, at) = ((ballots, mean), c);
        }
    }
    at
}
