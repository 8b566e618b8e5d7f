//! Training of the last layers of a pretrained model: a head learns on what the frozen layers before it predict.

use super::outcome::{Outcome, Replicas};
use crate::error::Buffer;
use crate::host::HostError;
use crate::host::data::{Dataset, Samples};
use crate::host::memory::{Work, room};
use crate::host::plan::{Plan, Pretrained};
use crate::host::prelude::*;
use crate::{Error, Spec, predict};

/// Samples that pass at once.
const BATCH: usize = 64;

/// A head's samples and plan, and what makes a whole model of it.
pub(super) struct Frozen {
    whole: Spec,
    body: Vec<f32>,
    pub(super) data: Dataset,
    pub(super) plan: Plan,
}

impl Frozen {
    /// Those of a plan that freezes layers; `None` of any other.
    pub(super) fn of(data: &Dataset, plan: &Plan) -> Result<Option<Self>, HostError> {
        let Some(from @ Pretrained { spec, params, .. }) = plan.from.as_ref().filter(|from| from.frozen > 0) else {
            return Ok(None);
        };
        plan.check()?;
        Error::expect_len(Buffer::Params, spec.param_len(), params.len())?;
        let (body, head) = (spec.first(from.frozen), spec.after(from.frozen));
        let (fixed, learning) = params.split_at(body.param_len());
        let from = Pretrained { spec: head, params: learning.to_vec(), frozen: 0, ..from.clone() };
        let data = Dataset {
            train: features(&body, fixed, &data.train)?,
            test: features(&body, fixed, &data.test)?,
            classes: data.classes,
            preparation: None,
            units: data.units.clone(),
            identity: data.identity.clone(),
        };
        let plan = Plan { from: Some(from), ..plan.clone() };
        Ok(Some(Self { whole: *spec, body: fixed.to_vec(), data, plan }))
    }

    fn join(&self, spec: &mut Spec, heads: impl Iterator<Item = impl AsMut<Vec<f32>>>) {
        *spec = self.whole;
        heads.for_each(|mut head| _ = head.as_mut().splice(0..0, self.body.iter().copied()));
    }

    /// Makes whole models of the heads of a run.
    pub(super) fn outcome(&self, mut of_heads: Outcome) -> Outcome {
        let Outcome { spec, last, averages, stored, .. } = &mut of_heads;
        let averages = averages.iter_mut().map(|average| &mut average.params);
        self.join(spec, averages.chain(stored.iter_mut().map(|stored| &mut stored.params)).chain([last]));
        of_heads
    }

    /// The same for replicas.
    pub(super) fn replicas(&self, mut of_heads: Replicas) -> Replicas {
        let Replicas { spec, models, mean, averages, .. } = &mut of_heads;
        let averages = averages.iter_mut().map(|average| &mut average.params);
        self.join(spec, averages.chain(models).chain([mean]));
        of_heads
    }
}

/// What the frozen layers make of samples: floats, with the answers of those.
fn features(body: &Spec, params: &[f32], samples: &Samples) -> Result<Samples, HostError> {
    let mut work = Work::new(body, BATCH)?;
    let mut floats = room(samples.len().saturating_mul(body.outputs()))?;
    let all: Vec<u32> = (0..samples.len() as u32).collect();
    for batch in all.chunks(BATCH) {
        floats.extend_from_slice(predict(body, params, samples.inputs_of(batch), &mut work.space(body)?)?);
    }
    Ok(samples.with_floats(body.outputs(), floats))
}
