//! Predictions of a posterior: the mean over models drawn from it.

use super::Swag;
use crate::error::{Buffer, Error, Setting, Value};
use crate::forward::run;
use crate::inputs::Inputs;
use crate::kernels::{clear, mean_update};
use crate::model::Workspace;
use crate::model::params::LIMIT;
use crate::network::loss::{Loss, softmax};
use crate::network::spec::Spec;
use crate::slices::{cut_mut, rows_mut};

/// Which draws from a posterior a prediction is the mean of.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Draws {
    /// Seed of the draws, which are numbered from 0.
    pub seed: u64,
    /// How many; about 30 are enough.
    pub samples: u32,
    /// Scale of the covariance: 1 is the posterior, 0 the mean alone.
    pub scale: f32,
}

impl Swag<'_> {
    /// The mean over draws of what the outputs mean, shape `(n, outputs)`, in `probabilities`: softmax for softmax
    /// cross-entropy, sigmoid for binary cross-entropy, the outputs themselves for the other losses. Any number of
    /// samples; the workspace decides how many pass at once. `params` is scratch for one draw, `P` floats.
    ///
    /// # Errors
    /// As [`predict`](crate::predict()) and [`sample`](Swag::sample); [`Error::Setting`] for no draws,
    /// [`Error::NonFinite`] for an output of `2^127` or more, [`Error::StaleNorms`] for a network with norms. `probabilities`
    /// are then undefined.
    pub fn predict<'x>(
        &self,
        spec: &Spec,
        draws: Draws,
        inputs: impl Into<Inputs<'x>>,
        params: &mut [f32],
        probabilities: &mut [f32],
        work: &mut Workspace<'_>,
    ) -> Result<(), Error> {
        self.predict_inputs(spec, draws, inputs.into(), params, probabilities, work)
    }

    fn predict_inputs(
        &self,
        spec: &Spec,
        draws: Draws,
        inputs: Inputs<'_>,
        params: &mut [f32],
        probabilities: &mut [f32],
        work: &mut Workspace<'_>,
    ) -> Result<(), Error> {
        spec.check()?;
        Error::expect_len(Buffer::Mean, spec.param_len(), self.mean.len())?;
        let (samples, _) = inputs.check(spec)?;
        Error::expect_len(Buffer::Probabilities, samples.saturating_mul(spec.outputs()), probabilities.len())?;
        if draws.samples == 0 {
            return Err(Error::Setting(Setting::Draws));
        }
        if spec.norm_len() > 0 {
            return Err(Error::StaleNorms);
        }
        for draw in 0..draws.samples {
            self.sample(draws.seed, draw.into(), draws.scale, params)?;
            let gain = 1.0 / (draw as f32 + 1.0);
            let (mut rest, mut done) = (&mut *probabilities, 0);
            while done < samples {
                let n = work.capacity().min(samples.wrapping_sub(done));
                let outputs = run(spec, params, &inputs.part(done, n, spec.inputs()), n, work)?;
                // Differences of outputs must not overflow.
                if let Some(at) = outputs.iter().position(|a| a.is_nan() || a.abs() >= LIMIT) {
                    let index = done.saturating_mul(spec.outputs()).saturating_add(at);
                    return Err(Error::NonFinite { value: Value::Output, index });
                }
                interpret(spec, outputs);
                let (here, tail) = cut_mut(core::mem::take(&mut rest), outputs.len());
                if draw == 0 {
                    clear(here);
                }
                mean_update(here, outputs, gain);
                (rest, done) = (tail, usize::wrapping_add(done, n));
            }
        }
        Ok(())
    }
}

/// From logits to probabilities, by what the loss takes outputs for.
fn interpret(spec: &Spec, outputs: &mut [f32]) {
    let math = spec.math_kind();
    match spec.loss_kind() {
        Loss::SoftmaxCrossEntropy => rows_mut(outputs, spec.outputs()).for_each(|row| softmax(row, math)),
        Loss::BinaryCrossEntropy => outputs.iter_mut().for_each(|a| *a = math.sigmoid(*a)),
        Loss::MeanSquared | Loss::Huber(_) | Loss::Pinball(_) | Loss::GaussianNll => {}
    }
}
