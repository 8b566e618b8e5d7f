//! The state of a run: saved between two updates, and restored.

use super::super::crew::Team;
use super::super::state::{HISTORY, KEPT, PLAN, Part, ROW, Saved, Sections, digest, of_row, to_row};
use super::super::trainer::Progress;
use super::{Left, Observer, Position, Run};
use crate::Spec;
use crate::host::HostError;
use crate::host::data::Dataset;
use crate::host::plan::{Plan, ReplicaPlan};
use crate::host::prelude::*;
use crate::store::Tag;
use std::num::NonZeroUsize;

/// What decides the bits of a run: sections of its state, with words for one that differs.
fn marks<'s>(plan: &Plan, team: Team<'_>, data: &Dataset, spec: &'s Spec) -> [(Tag, Part<'s>, &'static str); 4] {
    // Threads change no bit.
    let replicas = team.replicas.map(|replicas| ReplicaPlan { threads: NonZeroUsize::MIN, ..*replicas });
    let samples = data.identity.as_ref().map_or(0, |identity| identity.digest);
    let math = spec.math_kind().fingerprint();
    [
        (Tag::NETWORK, Part::Network(spec), "another network"),
        (Tag::DATA, Part::longs([samples]), "other data"),
        (Tag::MATH, Part::Bytes(math.to_le_bytes().to_vec()), "other mathematics, by another build of this program"),
        (PLAN, Part::longs([digest((plan, replicas))]), "other settings"),
    ]
}

impl Run<'_> {
    /// Opens the state of a run that is the same in everything that decides its bits.
    pub(super) fn open<'b>(
        bytes: &'b [u8],
        plan: &Plan,
        team: Team<'_>,
        data: &Dataset,
        spec: &Spec,
    ) -> Result<Saved<'b>, HostError> {
        let mut saved = Saved::open(bytes)?;
        for (tag, part, what) in marks(plan, team, data, spec) {
            saved.expect(tag, &part, what)?;
        }
        Ok(saved)
    }

    /// Saves the state, in which every model is behind an update.
    pub(super) fn save(&self, observer: &mut dyn Observer) {
        let mut sections = Sections::default();
        let Self { plan, data, spec, crew, middle, stored, position, left, .. } = self;
        marks(plan, self.team, data, spec).into_iter().for_each(|(tag, part, _)| sections.add(tag, 0, [part]));
        crew.save(&mut sections);
        middle.save(&mut sections);
        let (done, models) = crew.progress();
        let lowest = left.lowest.map_or(f64::INFINITY, f64::from).to_bits();
        let run = [
            position.epoch,
            position.now,
            done,
            position.is_complete.into(),
            self.seconds().to_bits(),
            lowest,
            left.best.unwrap_or(0),
        ];
        sections.add(Tag::RUN, 0, [Part::longs(run.into_iter().chain(models.into_iter().flatten()))]);
        stored.iter().zip(middle.averages.len()..).for_each(|(average, number)| average.save(number, &mut sections));
        let kept = left.models.iter().chain(Some(&middle.kept).filter(|_| middle.is_of_several()));
        kept.zip(0..).for_each(|(params, number)| sections.add(KEPT, number, [Part::Floats(params)]));
        sections.add(HISTORY, 0, [Part::longs(left.history.iter().flat_map(of_row))]);
        sections.pack(|state| observer.save(state));
    }

    /// Becomes what was saved, but for what has been restored with its memory.
    pub(super) fn restore(&mut self, saved: &mut Saved<'_>) -> Result<(), HostError> {
        let count = self.crew.models.len();
        let run = saved.records(Tag::RUN, 0, [7 + Progress::LONGS * count, 0])?;
        let damaged = || HostError::Mismatch("the saved state of the run is damaged".to_owned());
        let [(run, _)] = &run[..] else { return Err(damaged()) };
        let Some((&[epoch, now, done, complete, seconds, lowest, best], models)) = run.split_first_chunk() else {
            return Err(damaged());
        };
        let models = models.as_chunks::<{ Progress::LONGS }>().0;
        let before = epoch.wrapping_sub(1).saturating_mul(self.rounds);
        let is_possible = (1..=self.plan.epochs).contains(&epoch) && now >= before && now - before <= self.rounds;
        if !is_possible || models.iter().any(|&[.., seen, _]| seen > self.train.len() as u64) {
            return Err(damaged());
        }
        self.crew.begin(self.train, epoch);
        self.crew.advance(done, models);
        self.position = Position { epoch, now, is_complete: complete == 1, seconds: f64::from_bits(seconds) };
        let rows = saved.records(HISTORY, 0, [ROW, 0])?;
        let history = rows.iter().filter_map(|(longs, _)| to_row(longs)).collect();
        let lowest = Some(f64::from_bits(lowest) as f32).filter(|loss| loss.is_finite());
        let mut kept =
            |number| saved.records(KEPT, number, [0, self.spec.param_len()]).map(|read| read.into_iter().next());
        let models: Vec<_> = (0..count)
            .filter_map(|k| kept(k).transpose())
            .map(|read| read.map(|(_, params)| params))
            .collect::<Result<_, _>>()?;
        self.middle.kept = kept(count)?.unwrap_or_default().1;
        self.left = Left { models, history, lowest, best: Some(best).filter(|&best| best > 0), ..Left::default() };
        Ok(())
    }
}
