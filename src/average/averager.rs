//! Averages of the models of a run, in the caller's slices: here each model is added, removed or merged.

use super::parts::{Compensated, Parts, Selection, blend};
use super::rule::{Progress, Rule};
use super::state::AverageState;
use crate::error::{Buffer, Error, Setting, Value};
use crate::kernels;
use crate::math::Total;
use crate::model::Mark;
use crate::model::params::{LIMIT, Params};
use crate::network::spec::Spec;
use crate::slices::numbered;

/// An average of weights, by default their running mean (SWA; Izmailov et al. 2018, arXiv 1803.05407): `m ← w` first,
/// then `n ← n + 1, m ← m + (w − m)·(1/n)`.
///
/// Identical models change no bit of the mean, and the first one is a copy. To evaluate the average in place of the
/// model, see [`in_place_of`](Self::in_place_of).
///
/// ```
/// # use cygnet::{Activation, Averager, Error, Model, Spec};
/// const NET: Spec = Spec::new(1).dense(2, Activation::Identity);
/// # let (mut params, mut mean) = ([0.0; NET.param_len()], [0.0; NET.param_len()]);
/// let mut model = Model::new(&NET, &mut params)?;
/// let mut average = Averager::new(&mut mean);
/// for weight in [1.0, 2.0, 6.0] {
///     model.params_mut().fill(weight); // what training would do
///     average.update(&model)?;
/// }
/// assert_eq!(average.mean()?[0], 3.0);
/// # Ok::<(), Error>(())
/// ```
///
/// | kind | floats | |
/// |---|---|---|
/// | [`Rule::mean`] | P | weighted by [`update_weighted`](Self::update_weighted); merges; removes models |
/// | the same [compensated](Self::compensate) | 2 P | for a mean over every step: no loss after 10⁷ |
/// | [`Rule::polynomial`] | P | for a run whose end nobody knows |
/// | [`Rule::capped`], [`Rule::ema`] | P | |
/// | [`Window`](crate::average::Window) | k·P | mean of the latest k models (LAWA) |
/// | [`Swag`](crate::average::Swag) | 2 P + K·P | mean, variance and directions of models (SWAG) |
///
/// Averaged statistics of norms are not the statistics of averaged weights: run a
/// [`NormUpdate`](crate::average::NormUpdate) before you predict.
#[must_use = "an average holds the models that it is updated with"]
pub struct Averager<'a> {
    pub(crate) mean: &'a mut [f32],
    compensation: Option<Compensation<'a>>,
    selection: Option<Selection>,
    rule: Rule,
    progress: Progress,
    /// While the mean's slice holds a model's live weights: whose they are, and what.
    pub(crate) exchange: Option<Exchange>,
}

debug_view!(Averager<'_>: rule progress compensation selection exchange; mean);

/// Whose weights an average's slice holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exchange {
    /// Which model, as it was left.
    pub with: usize,
    /// What the model knew of its weights.
    pub mark: Mark,
}

/// What rounding took from each element of the mean, and the kernel that keeps it, linked where it is asked for.
struct Compensation<'a> {
    lost: &'a mut [f32],
    update: Compensated,
}

debug_view!(Compensation<'_>:; lost);

impl<'a> Compensation<'a> {
    fn new(lost: &'a mut [f32]) -> Self {
        Self { lost, update: kernels::mean_update_compensated }
    }
}

impl<'a> Averager<'a> {
    /// An empty running mean; what the slice holds does not matter. It is as long as the parameters.
    pub fn new(mean: &'a mut [f32]) -> Self {
        Self::of(Rule::mean(), Progress::default(), mean)
    }

    /// An empty average of another kind.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn with_rule(rule: Rule, mean: &'a mut [f32]) -> Result<Self, Error> {
        rule.check()?;
        Ok(Self::of(rule, Progress::default(), mean))
    }

    /// Continues with the average in `mean`, as [`state`](Self::state) was. The state is of the whole network: call
    /// [`only`](Self::only) again where it averaged some parts alone.
    ///
    /// # Errors
    /// [`Error::NonFinite`] for an average of models that is not finite, or that large; [`Error::Swapped`] for the state of
    /// an exchange that was leaked, since the slice then holds live weights.
    pub fn resume(state: AverageState, mean: &'a mut [f32]) -> Result<Self, Error> {
        if state.is_exchanged {
            return Err(Error::Swapped);
        }
        if state.count() > 0 {
            Params::from(&*mean).check()?;
        }
        Ok(Self::of(state.rule, state.progress, mean))
    }

    fn of(rule: Rule, progress: Progress, mean: &'a mut [f32]) -> Self {
        Self { mean, compensation: None, selection: None, rule, progress, exchange: None }
    }

    /// As [`resume`](Self::resume), of an average that was [compensated](Self::compensate) with what `lost` holds.
    ///
    /// # Errors
    /// As [`resume`](Self::resume), for the compensation likewise; [`Error::Length`].
    pub fn resume_compensated(state: AverageState, mean: &'a mut [f32], lost: &'a mut [f32]) -> Result<Self, Error> {
        Error::expect_len(Buffer::Compensation, mean.len(), lost.len())?;
        if state.count() > 0 {
            Params::from(&*lost).check()?;
        }
        // The first model clears it.
        Ok(Self { compensation: Some(Compensation::new(lost)), ..Self::resume(state, mean)? })
    }

    /// Keeps from here on what rounding loses (Kahan's summation): `y = (w − m)·gain − c, t = m + y, c ← (t − m) − y,
    /// m ← t`. The slice is as long as the mean; what it holds does not matter, `c` begins at 0.
    ///
    /// # Errors
    /// [`Error::Length`]; nothing has changed then.
    pub fn compensate(&mut self, lost: &'a mut [f32]) -> Result<(), Error> {
        Error::expect_len(Buffer::Compensation, self.mean.len(), lost.len())?;
        kernels::clear(lost);
        self.compensation = Some(Compensation::new(lost));
        Ok(())
    }

    /// Averages some parts of the network alone from here on; the others are those of the latest model.
    ///
    /// # Errors
    /// [`Error::Spec`], [`Error::Length`] unless the mean has [`Spec::param_len`] floats; nothing has changed then.
    pub fn only(&mut self, spec: &Spec, parts: Parts) -> Result<(), Error> {
        spec.check()?;
        Error::expect_len(Buffer::Mean, spec.param_len(), self.mean.len())?;
        self.selection = Some(Selection::new(spec.layout, parts));
        Ok(())
    }

    /// Adds one model to the average and returns the number of models in it. `&model` is cheaper than a slice, which is
    /// checked for numbers that are not finite.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::NonFinite`] for a parameter that is not finite or whose magnitude is `2^127` or
    /// more, [`Error::Swapped`], [`Error::CountOverflow`].
    pub fn update<'p>(&mut self, params: impl Into<Params<'p>>) -> Result<u64, Error> {
        self.take(params.into(), self.rule, self.progress.total, 1.0)
    }

    /// Adds one model to a mean with weight `ω`: `W ← W + ω; m ← m + (ω/W)(w − m)`; those of
    /// [`update`](Self::update) have weight 1.
    ///
    /// # Errors
    /// As [`update`](Self::update), [`Error::Setting`] unless `ω` is finite and positive, [`Error::NotAMean`].
    pub fn update_weighted<'p>(&mut self, params: impl Into<Params<'p>>, weight: f32) -> Result<u64, Error> {
        let total = self.total();
        // Their sum must not overflow.
        if !(weight > 0.0 && total.add(weight).value().is_finite()) {
            return Err(Error::Setting(Setting::Weight));
        }
        self.expect_mean()?;
        self.take(params.into(), Rule::weighted(), total, weight)
    }

    /// Adds a model by `rule`, whose total so far is `total`.
    fn take(&mut self, params: Params<'_>, rule: Rule, total: Total, weight: f32) -> Result<u64, Error> {
        self.check_live()?;
        Error::expect_len(Buffer::Params, self.mean.len(), params.values.len())?;
        let count = self.count().checked_add(1).ok_or(Error::CountOverflow)?;
        params.check()?;
        let (gain, progress) = rule.next(Progress { count, total }, weight);
        if count == 1 {
            self.copy(params.values);
        } else {
            self.blend(params.values, gain, true);
        }
        (self.rule, self.progress) = (rule, progress);
        Ok(count)
    }

    /// Removes a model from the mean: `m ← m − (w − m)·ω/(W − ω), n ← n − 1`, with the weight that it was added with
    /// (1 by [`update`](Self::update), where this is `m − (w − m)/(n − 1)`).
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::NonFinite`] for the model or for the mean without it, [`Error::Setting`] for the
    /// weight, [`Error::Swapped`], [`Error::NotAMean`], [`Error::LastModel`] for the only one, or where its weight is not
    /// less than that of all.
    pub fn remove<'p>(&mut self, params: impl Into<Params<'p>>, weight: f32) -> Result<u64, Error> {
        if !(weight > 0.0 && weight.is_finite()) {
            return Err(Error::Setting(Setting::Weight));
        }
        self.check_live()?;
        self.expect_mean()?;
        let params = params.into();
        Error::expect_len(Buffer::Params, self.mean.len(), params.values.len())?;
        params.check()?;
        let total = self.total().add(-weight);
        let rest = total.value();
        if self.count() <= 1 || rest <= 0.0 {
            return Err(Error::LastModel);
        }
        let gain = -weight / rest;
        // Without one that was never added, the mean could be anything.
        let is_kept = |(&m, &w): (&f32, &f32)| (m + (w - m) * gain).abs() < LIMIT;
        if let Some((index, _)) = numbered(0, self.mean.iter().zip(params.values)).find(|(_, pair)| !is_kept(*pair)) {
            return Err(Error::NonFinite { value: Value::Param, index });
        }
        self.blend(params.values, gain, false);
        let count = self.count().wrapping_sub(1);
        let is_plain = self.rule.is_plain() && weight == 1.0;
        let (rule, total) = if is_plain { (Rule::mean(), Total::NONE) } else { (Rule::weighted(), total) };
        (self.rule, self.progress) = (rule, Progress { count, total });
        Ok(count)
    }

    /// Merges another mean into this one: `m ← m + (m_b − m)·(n_b/n)`, `n = n + n_b`, with weights where there are any
    /// (parallel and distributed SWA).
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::Swapped`] for either, [`Error::NotAMean`] for either, [`Error::CountOverflow`],
    /// [`Error::Setting`] for weights whose sum is not finite.
    pub fn merge(&mut self, other: &Averager<'_>) -> Result<u64, Error> {
        self.check_live()?;
        other.check_live()?;
        self.expect_mean()?;
        other.expect_mean()?;
        Error::expect_len(Buffer::Mean, self.mean.len(), other.mean.len())?;
        let count = self.count().checked_add(other.count()).ok_or(Error::CountOverflow)?;
        let is_plain = [self.rule, other.rule].iter().all(Rule::is_plain);
        let (rule, total) =
            if is_plain { (Rule::mean(), Total::NONE) } else { (Rule::weighted(), self.total().join(other.total())) };
        if !total.value().is_finite() {
            return Err(Error::Setting(Setting::Weight));
        }
        if self.count() == 0 {
            self.copy(other.mean);
        } else if other.count() > 0 {
            let gain =
                if is_plain { other.count() as f32 / count as f32 } else { other.total().value() / total.value() };
            self.blend(other.mean, gain, false);
        }
        (self.rule, self.progress) = (rule, Progress { count, total });
        Ok(count)
    }

    /// `m ← w`.
    fn copy(&mut self, params: &[f32]) {
        kernels::copy(self.mean, params);
        if let Some(compensation) = &mut self.compensation {
            kernels::clear(compensation.lost);
        }
    }

    /// `m ← m + (w − m)·gain`; parts that are not averaged become those of `w` where it is the `latest` model.
    fn blend(&mut self, params: &[f32], gain: f32, latest: bool) {
        let lost = self.compensation.as_mut().map(|c| (&mut *c.lost, c.update));
        match &self.selection {
            None => blend(self.mean, lost, params, gain),
            Some(selection) => (selection.blend)(selection, self.mean, lost, params, gain, latest),
        }
    }

    /// Copies the average to `to`, and gives it there.
    ///
    /// # Errors
    /// [`Error::Length`], and as [`mean`](Self::mean).
    pub fn copy_to<'t>(&self, to: &'t mut [f32]) -> Result<Params<'t>, Error> {
        let mean = self.mean()?;
        Error::expect_len(Buffer::Params, mean.len(), to.len())?;
        kernels::copy(to, &mean);
        Ok(Params::of_average(to))
    }

    /// The average, to read like a slice, or to [`save`](crate::store::save) as what it is.
    ///
    /// # Errors
    /// [`Error::NoAverage`] before the first update, [`Error::Swapped`] while the slice holds live weights.
    pub fn mean(&self) -> Result<Params<'_>, Error> {
        self.check_live()?;
        if self.count() == 0 { Err(Error::NoAverage) } else { Ok(Params::of_average(self.mean)) }
    }

    /// What to keep beside the mean (and its compensation), for [`resume`](Self::resume); that of an exchange that was
    /// leaked does not resume.
    #[must_use]
    pub fn state(&self) -> AverageState {
        AverageState { is_exchanged: self.exchange.is_some(), ..AverageState::new(self.rule, self.progress) }
    }

    /// Ends it: its [`state`](Self::state), and the slices are the caller's again.
    #[must_use]
    pub fn into_state(self) -> AverageState {
        self.state()
    }

    /// What rounding took from each element of the mean, where it is [compensated](Self::compensate).
    #[must_use]
    pub fn compensation(&self) -> Option<&[f32]> {
        self.compensation.as_ref().map(|compensation| &*compensation.lost)
    }

    /// Models in the average.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.progress.count
    }

    /// Removes all models.
    ///
    /// # Errors
    /// [`Error::Swapped`] while the slice holds live weights.
    pub fn reset(&mut self) -> Result<(), Error> {
        self.check_live()?;
        let rule = if self.rule.is_mean() { Rule::mean() } else { self.rule };
        (self.rule, self.progress) = (rule, Progress::default());
        Ok(())
    }

    /// The sum of the models' weights.
    fn total(&self) -> Total {
        if self.rule.is_plain() { Total::of(self.count()) } else { self.progress.total }
    }

    fn check_live(&self) -> Result<(), Error> {
        if self.exchange.is_some() { Err(Error::Swapped) } else { Ok(()) }
    }

    fn expect_mean(&self) -> Result<(), Error> {
        if self.rule.is_mean() { Ok(()) } else { Err(Error::NotAMean) }
    }
}
