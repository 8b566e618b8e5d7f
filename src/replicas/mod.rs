//! Replicas are several models of one network, trained side by side and pulled toward their mean; `votes.rs` counts their votes.
//!
//! Each is a [`Model`] of its own, with its own optimizer, so that replicas may train on as many threads as there are.

mod votes;

use crate::error::{Buffer, Error, Setting};
use crate::kernels;
use crate::model::params::{Bound, Params};
use crate::model::{Init, Mark, Model};
use crate::network::dropout::Draws;
use crate::network::spec::Spec;
use crate::random::{self, Purpose};
use crate::slices::{numbered, rows_mut};
pub use votes::{Vote, Votes, VotesState};

/// Where replicas begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Start {
    /// All have the same initial weights: they can be averaged even without a pull.
    #[default]
    Common,
    /// Each has its own initial weights: their mean is not a useful model before they are pulled together.
    Independent,
}

/// How far replicas are pulled toward their mean after `t` of `total` steps: `α` of [`pull`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Pull {
    /// `α` all the time, from 0 to 1; 0 leaves them independent.
    Constant(f32),
    /// `1 − t/total`: strong early, none at the end.
    Fading,
    /// `t/total`: none early, all the way at the end.
    Growing,
}

impl Pull {
    /// `α` after `steps` of `total` steps; a total of 0 is over.
    #[must_use]
    pub fn at(self, steps: u64, total: u64) -> f32 {
        let done = if steps < total { (steps as f64 / total as f64) as f32 } else { 1.0 };
        match self {
            Self::Constant(alpha) => alpha,
            Self::Fading => 1.0 - done,
            Self::Growing => done,
        }
    }
}

impl<'a> Model<'a> {
    /// `K` replicas in one slab of `K·P` floats, one behind the other.
    ///
    /// # Errors
    /// As [`new`](Self::new) for the whole slab.
    pub fn replicas<const K: usize>(spec: &'a Spec, slab: &'a mut [f32]) -> Result<[Self; K], Error> {
        spec.check()?;
        let p = spec.param_len();
        Error::expect_len(Buffer::Params, p.saturating_mul(K), slab.len())?;
        let mut parts = rows_mut(slab, p);
        // As many as the length says.
        Ok(core::array::from_fn(|_| Self {
            spec,
            params: parts.next().unwrap_or_default(),
            draws: Draws { seed: 0, step: 0 },
            bound: Bound::UNKNOWN,
            mark: Mark::Live,
            changes: 0,
        }))
    }
}

/// Draws the weights of replica `k` by [`Model::init`]: of `seed` for all, or each of a seed of its own; dropout masks are
/// each replica's own either way.
///
/// # Errors
/// As [`Model::init`].
pub fn init_replicas(models: &mut [Model<'_>], init: Init, start: Start, seed: u64) -> Result<(), Error> {
    for (k, model) in numbered(0, models) {
        let own = replica_seed(seed, k as u64);
        model.init(init, if start == Start::Common { seed } else { own })?;
        model.resume(own, 0);
    }
    Ok(())
}

/// The seed of replica `k` in a run of `seed`: that itself for the first, one of its own for each other.
#[must_use]
pub fn replica_seed(seed: u64, k: u64) -> u64 {
    let mut draws = random::stream(seed, Purpose::Replicas, k);
    let own = u64::from(draws.next_u32()) << 32 | u64::from(draws.next_u32());
    if k == 0 { seed } else { own }
}

/// Writes the mean of the replicas to `mean`, `θ̄ = (1/K) Σ θ_k` by `θ̄ ← θ̄ + (θ_k − θ̄)·(1/k)`, and gives it as an average.
///
/// # Errors
/// [`Error::NoAverage`] of no models, [`Error::Length`], [`Error::Network`] for models of different networks,
/// [`Error::NonFinite`] for a parameter that is not finite, or too large to average; `mean` is as before then.
pub fn mean_of<'m>(models: &[Model<'_>], mean: &'m mut [f32]) -> Result<Params<'m>, Error> {
    let first = models.first().ok_or(Error::NoAverage)?;
    for model in models {
        model.spec.check_digest(first.spec.digest())?;
        Error::expect_len(Buffer::Mean, model.params.len(), mean.len())?;
        Params::from(model).check()?;
    }
    for (k, model) in numbered(1, models) {
        if k == 1 {
            kernels::copy(mean, model.params);
        } else {
            kernels::mean_update(mean, model.params, 1.0 / k as f32);
        }
    }
    Ok(Params::of_average(mean))
}

/// Pulls replicas toward their mean, `θ_k ← θ_k + α(θ̄ − θ_k)`, all toward the mean `θ̄` from before the pull, which is left in
/// `mean`: it does not move, and distances from it shrink by the factor `1 − α`, up to rounding. Pulled all the way, by
/// `α = 1`, they are that average, until they are trained again.
///
/// Running statistics of norms are pulled like weights; training renews them. `α = 0` changes nothing, and counts as no
/// [change](Model::changes).
///
/// # Errors
/// As [`mean_of`], and [`Error::Setting`] unless `0 <= α <= 1`; nothing has changed then.
pub fn pull(models: &mut [Model<'_>], mean: &mut [f32], alpha: f32) -> Result<(), Error> {
    check_share(alpha)?;
    mean_of(models, mean)?;
    let largest = Bound::of(mean);
    for model in models {
        toward(model, mean, alpha, largest);
    }
    Ok(())
}

/// Elastic averaging (Zhang, Choromanska & LeCun 2015, equations 5 and 6), the part of a step that is no gradient: replicas
/// and the center `x̃` attract each other, `x_i ← x_i − α(x_i − x̃)` and `x̃ ← x̃ + β(x̄ − x̃)` with `α = β/K`, all from the old
/// values. `mean` is scratch, `P` floats. Gives the center as the average that it is.
///
/// Gradients of the same step belong to the old `x_i`: accumulate them before ([`Model::accumulate`]), step along them after.
///
/// # Errors
/// As [`pull`], for `β`; [`Error::NonFinite`] also for the center.
pub fn attract<'c>(
    models: &mut [Model<'_>],
    center: &'c mut [f32],
    mean: &mut [f32],
    beta: f32,
) -> Result<Params<'c>, Error> {
    check_share(beta)?;
    Error::expect_len(Buffer::Mean, mean.len(), center.len())?;
    Params::from(&*center).check()?;
    mean_of(models, mean)?;
    let largest = Bound::of(center);
    let alpha = beta / models.len() as f32;
    for model in models {
        toward(model, center, alpha, largest);
    }
    kernels::mean_update(center, mean, beta);
    Ok(Params::of_average(center))
}

/// `θ ← θ + α(target − θ)`; the target itself for 1, bit for bit, and nothing for 0.
fn toward(model: &mut Model<'_>, target: &[f32], alpha: f32, largest: Bound) {
    if alpha == 0.0 {
        return;
    }
    if alpha == 1.0 || model.mark == Mark::Exchanged {
        model.mark = Mark::Average;
    }
    if alpha == 1.0 {
        kernels::copy(model.params, target);
    } else {
        kernels::mean_update(model.params, target, alpha);
    }
    // Between what was and the target, which is a number.
    let now = model.bound.get();
    model.bound.becomes(if largest.get() > now { largest.get() } else { now });
    model.count_change();
}

fn check_share(share: f32) -> Result<(), Error> {
    if (0.0..=1.0).contains(&share) { Ok(()) } else { Err(Error::Setting(Setting::Pull)) }
}
