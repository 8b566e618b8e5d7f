//! Votes of several models on a set of samples: soft, log-pooled and hard.

use super::calibration::calibrate;
use super::evaluator::Evaluator;
use super::results::Results;
use crate::Spec;
use crate::host::HostError;
use crate::host::data::Samples;
use crate::host::memory::Floats;
use crate::host::prelude::*;
use crate::metrics::Calibration;
use crate::replicas::{Vote, Votes};

/// Every vote with its name.
pub(in crate::host) const VOTES: [(&str, Vote); 3] =
    [("soft vote", Vote::Soft), ("log-pooled vote", Vote::LogPool), ("hard vote", Vote::Hard)];

/// How every vote did on each of the sets, the samples that indices name; `ask` asks the models in all of them.
///
/// # Errors
/// What `ask` returns; [`crate::Error::NoAverage`] where it asks nobody.
pub(in crate::host) fn poll<const N: usize>(
    spec: &Spec,
    sets: [(&Samples, &[u32]); N],
    ask: impl FnOnce(&mut [Poll<'_>]) -> Result<(), HostError>,
) -> Result<[[Tally; 3]; N], HostError> {
    let memory = |(_, indices): &(_, &[u32])| {
        let [soft, pooled, hard] = VOTES.map(|(_, vote)| Floats::zeros(vote.state_len(indices.len(), spec.outputs())));
        Ok([soft?, pooled?, hard?])
    };
    let mut memories = sets.iter().map(memory).collect::<Result<Vec<_>, HostError>>()?;
    let polls = sets.into_iter().zip(&mut memories).map(|(set, memory)| Poll::new(spec, set, memory));
    let mut polls = polls.collect::<Result<Vec<_>, _>>()?;
    ask(&mut polls)?;
    let mut tallies = [(); N].map(|()| <[Tally; 3]>::default());
    for (poll, tallies) in polls.into_iter().zip(&mut tallies) {
        *tallies = poll.count()?;
    }
    Ok(tallies)
}

/// How a vote did.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Tally {
    /// Samples.
    pub samples: u64,
    /// Those whose class was wrong.
    pub errors: u64,
    /// Loss and calibration of its probabilities; of no use for ballots, which are none.
    pub calibration: Calibration,
    /// What it made of each sample.
    pub results: Results,
}

impl Tally {
    /// Error in percent, loss, expected calibration error in percent; NaN where there is none.
    pub(in crate::host) fn figures(&self, vote: Vote) -> [f64; 3] {
        let error = 100.0 * self.errors as f64 / self.samples as f64;
        let sure = |x: f32| if vote == Vote::Hard { f64::NAN } else { x.into() };
        [error, sure(self.calibration.score().loss()), sure(100.0 * self.calibration.ece())]
    }
}

/// Every vote on the samples named by `indices`, taken in one model at a time.
pub(in crate::host) struct Poll<'a> {
    spec: &'a Spec,
    samples: &'a Samples,
    indices: &'a [u32],
    /// None where there are no samples.
    votes: Vec<Votes<'a>>,
}

impl<'a> Poll<'a> {
    fn new(
        spec: &'a Spec,
        (samples, indices): (&'a Samples, &'a [u32]),
        memory: &'a mut [Floats; 3],
    ) -> Result<Self, HostError> {
        let votes = VOTES.iter().zip(memory).filter(|_| !indices.is_empty());
        let votes = votes.map(|((_, vote), floats)| Votes::new(*vote, spec.math_kind(), spec.outputs(), floats));
        Ok(Self { spec, samples, indices, votes: votes.collect::<Result<_, _>>()? })
    }

    /// Asks a model, which has this weight.
    pub(in crate::host) fn ask(
        &mut self,
        evaluator: &mut Evaluator<'_>,
        params: &[f32],
        weight: f32,
    ) -> Result<(), HostError> {
        let (_, outputs) = evaluator.outputs(params, self.samples, self.indices)?;
        for votes in &mut self.votes {
            votes.add(&mut outputs.clone(), weight)?;
        }
        Ok(())
    }

    /// How each vote did, in the order of [`VOTES`].
    fn count(self) -> Result<[Tally; 3], HostError> {
        let Self { spec, samples, indices, votes } = self;
        let mut tallies = <[Tally; 3]>::default();
        let mut classes = vec![0; indices.len()];
        for ((mut votes, tally), (_, vote)) in votes.into_iter().zip(&mut tallies).zip(VOTES) {
            votes.classes(&mut classes)?;
            let is_right = |(&class, &i): (&u16, &u32)| samples.label(i as usize).map(u16::from) == Some(class);
            tally.results.hits = classes.iter().zip(indices).map(is_right).collect();
            tally.errors = tally.results.hits.iter().filter(|is_right| !**is_right).count() as u64;
            tally.samples = indices.len() as u64;
            let probabilities = votes.finish()?;
            tally.calibration = calibrate(spec, samples, indices, probabilities)?;
            if vote != Vote::Hard {
                let of_class = |(row, &i): (&[f32], &u32)| row.get(usize::from(samples.label(i as usize)?)).copied();
                let shares = probabilities.chunks(spec.outputs()).zip(indices).filter_map(of_class);
                tally.results.losses = shares.map(|p| -p.max(f32::MIN_POSITIVE).ln()).collect();
            }
        }
        Ok(tallies)
    }
}
