//! Samples of the past, to train on beside new ones: a network that learns something new forgets the old without them.

mod state;

use crate::error::{Buffer, Error, Value};
use crate::random::{self, Purpose};
use crate::slices::{cut, cut_mut, numbered, picked};
pub use state::{ReservoirConfig, ReservoirState};

/// A fixed number of samples out of a stream of any length, balanced by class; within a class every sample of the stream so
/// far is held with equal probability (Vitter 1985, algorithm R; by class as Chrysakis & Moens 2020, algorithm 1).
///
/// While places are free, each sample is kept. Then, with `m` samples of its class held of `n` seen, this one included:
///
/// | its class | what happens |
/// |---|---|
/// | has fewer places than another class, and all of its earlier samples are held | it takes the place of a random sample of the classes with the most places |
/// | any other | with probability `m/n` it takes the place of a random one of its own class; else it is not kept |
///
/// So classes with enough samples differ by at most one place, and of a rare class every sample is held. A class that has
/// lost samples takes no places of others again: its late samples would be held more often than its early ones. All is
/// decided by integers and the seeded generator, so that the same samples are held on every target. From `2³² − 1` samples
/// of a class on, `n` stays.
///
/// Memory: `places·width` numbers, `f32` or `u8`, `places` labels, and two counts a class.
///
/// ```
/// use cygnet::reservoir::{Reservoir, ReservoirConfig};
/// use cygnet::{Activation, Error, Inputs, Model, Sgd, Spec, Targets, Workspace};
/// const NET: Spec = Spec::new(3).dense(2, Activation::Identity);
/// const KEPT: ReservoirConfig = ReservoirConfig { places: 4, width: 3, classes: 2 };
/// let (mut samples, mut labels) = ([0.0; KEPT.samples_len()], [0; KEPT.places]);
/// let mut counts = [0; KEPT.counts_len()];
/// let mut reservoir = Reservoir::new(KEPT, 1, &mut samples, &mut labels, &mut counts)?;
/// # let (mut params, mut floats) = ([0.0; NET.param_len()], [0.0; NET.work_len(2)]);
/// # let (mut model, mut sgd) = (Model::new(&NET, &mut params)?, Sgd::plain(&NET)?);
/// # let mut work = Workspace::new(&NET, 2, &mut floats)?;
/// for (step, class) in (0..100).zip([0, 0, 0, 1].into_iter().cycle()) {
///     let sample = [1.0, f32::from(class), 0.5]; // what a sensor sends
///     model.train(&sample, Targets::Classes(&[class]), &mut sgd, 0.1, &mut work)?;
///     reservoir.offer(&sample, class)?;
///     let (mut rows, mut old) = ([0; 2], [0; 2]);
///     let (rows, old) = reservoir.draw(step, &mut rows, &mut old)?; // of the past
///     model.train(Inputs::picked(reservoir.samples(), rows), Targets::Classes(old), &mut sgd, 0.1, &mut work)?;
/// }
/// assert_eq!((reservoir.seen(), reservoir.held_by_class()), (&[75, 25][..], &[2, 2][..]));
/// # Ok::<(), Error>(())
/// ```
#[must_use = "a reservoir holds samples that are offered to it"]
pub struct Reservoir<'a, T> {
    /// Shape `(places, width)`.
    pub(crate) samples: &'a mut [T],
    pub(crate) labels: &'a mut [u16],
    /// Of each class: samples seen, then, behind them, samples held.
    counts: &'a mut [u32],
    state: ReservoirState,
}

debug_view!(Reservoir<'_, T>: state; samples labels counts);

impl<'a, T: Copy + Into<f32>> Reservoir<'a, T> {
    /// An empty one; what the slices hold does not matter. `samples` has [`ReservoirConfig::samples_len`] numbers,
    /// `labels` one for each place, `counts` [`ReservoirConfig::counts_len`].
    ///
    /// # Errors
    /// [`Error::Setting`] without a place or a width, or unless there are 1 to 65,536 classes; [`Error::Length`].
    pub fn new(
        config: ReservoirConfig,
        seed: u64,
        samples: &'a mut [T],
        labels: &'a mut [u16],
        counts: &'a mut [u32],
    ) -> Result<Self, Error> {
        let reservoir = Self::checked(ReservoirState::new(config, seed), samples, labels, counts)?;
        reservoir.counts.fill(0);
        Ok(reservoir)
    }

    /// Continues with the samples, labels and counts that are in the slices.
    ///
    /// # Errors
    /// As [`new`](Self::new); [`Error::Label`] for a held label that is no class, [`Error::NonFinite`] for a held number that
    /// is not finite, [`Error::State`] for counts that do not go together.
    pub fn resume(
        state: ReservoirState,
        samples: &'a mut [T],
        labels: &'a mut [u16],
        counts: &'a mut [u32],
    ) -> Result<Self, Error> {
        let reservoir = Self::checked(state, samples, labels, counts)?;
        let held = reservoir.labels();
        numbered(0, held).try_for_each(|(sample, &label)| state.config.check_label(sample, label))?;
        check_finite(reservoir.samples())?;
        let of = |class: usize| move |label: &&u16| usize::from(**label) == class;
        let count_of = |class| held.iter().filter(of(class)).fold(0, |n: u32, _| n.wrapping_add(1));
        let classes = || numbered(0, reservoir.seen().iter().zip(reservoir.held_by_class()));
        let is_possible = classes().all(|(class, (seen, &own))| own <= *seen && own == count_of(class));
        if is_possible && state.has_seen(reservoir.seen()) { Ok(reservoir) } else { Err(Error::State) }
    }

    fn checked(
        state: ReservoirState,
        samples: &'a mut [T],
        labels: &'a mut [u16],
        counts: &'a mut [u32],
    ) -> Result<Self, Error> {
        let config = state.config;
        config.check()?;
        Error::expect_len(Buffer::Reservoir, config.samples_len(), samples.len())?;
        Error::expect_len(Buffer::ReservoirLabels, config.places, labels.len())?;
        Error::expect_len(Buffer::ReservoirCounts, config.counts_len(), counts.len())?;
        Ok(Self { samples, labels, counts, state })
    }

    /// Shows it the next sample of the stream; returns the place that it took, or none where it is not kept.
    ///
    /// # Errors
    /// [`Error::Length`] for another width, [`Error::NonFinite`] for a number that is not finite, [`Error::Label`] for a
    /// label that is no class, [`Error::CountOverflow`]. The sample is not counted then.
    pub fn offer(&mut self, sample: &[T], label: u16) -> Result<Option<usize>, Error> {
        let ReservoirConfig { width, .. } = self.state.config;
        Error::expect_len(Buffer::Inputs, width, sample.len())?;
        self.state.config.check_label(0, label)?;
        check_finite(sample)?;
        let offered = self.state.offered.checked_add(1).ok_or(Error::CountOverflow)?;
        let place = self.choose(label);
        self.state.offered = offered;
        if let Some(place) = place {
            let row = cut_mut(self.samples, place.saturating_mul(width)).1;
            row.iter_mut().zip(sample).for_each(|(to, &number)| *to = number);
            self.labels.iter_mut().skip(place).take(1).for_each(|to| *to = label);
        }
        Ok(place)
    }

    /// Counts one more sample of a class, and chooses its place.
    fn choose(&mut self, label: u16) -> Option<usize> {
        let (filled, ReservoirState { config, seed, offered }) = (self.held(), self.state);
        let (seen, held) = cut_mut(self.counts, config.classes);
        let class = usize::from(label);
        let (seen, own) = (seen.get_mut(class)?, *held.get(class)?);
        let holds_all = own == *seen;
        *seen = seen.saturating_add(1);
        if filled < config.places {
            held.get_mut(class).into_iter().for_each(|own| *own = own.saturating_add(1));
            return Some(filled);
        }
        let mut random = random::stream(seed, Purpose::Reservoir, offered);
        let most = held.iter().fold(0, |most: u32, &n| most.max(n));
        if !(holds_all && own < most) {
            let nth = random.bounded(*seen);
            // With probability `own/seen` one of its own places.
            return if nth < own { nth_place(self.labels, nth, |of| of == label) } else { None };
        }
        let has_most = |of: u16| held.get(usize::from(of)) == Some(&most);
        let largest = held.iter().filter(|&&n| n == most).fold(0, |places: u32, _| places.saturating_add(most));
        let place = nth_place(self.labels, random.bounded(largest), has_most)?;
        let loser = self.labels.get(place).map_or(class, |&loser| usize::from(loser));
        held.get_mut(loser).into_iter().for_each(|n| *n = n.saturating_sub(1));
        held.get_mut(class).into_iter().for_each(|n| *n = n.saturating_add(1));
        Some(place)
    }

    /// Draws samples to train on once more, all different, each as likely as any: the rows of [`samples`](Self::samples)
    /// and their labels, as many as the slices have room for or as are held. Draw `number` of the seed depends on
    /// nothing but what is held.
    ///
    /// The time grows with the square of the number of rows.
    ///
    /// # Errors
    /// [`Error::Length`] unless both slices are equally long, [`Error::Empty`] where nothing is held, or for no rows.
    pub fn draw<'r>(
        &self,
        number: u64,
        rows: &'r mut [u32],
        labels: &'r mut [u16],
    ) -> Result<(&'r [u32], &'r [u16]), Error> {
        Error::expect_len(Buffer::Targets, rows.len(), labels.len())?;
        let held = self.held();
        let n = rows.len().min(held);
        if n == 0 {
            return Err(Error::Empty);
        }
        let mut random = random::stream(self.state.seed, Purpose::Replay, number);
        // Floyd's algorithm: one draw for each row, and no list of all (Bentley & Floyd 1987).
        for (taken, last) in numbered(0, held.saturating_sub(n)..held) {
            let last = last as u32;
            let drawn = random.bounded(last.saturating_add(1));
            let (before, rest) = cut_mut(rows, taken);
            let row = if before.contains(&drawn) { last } else { drawn };
            rest.iter_mut().take(1).for_each(|to| *to = row);
        }
        let (rows, labels) = (cut_mut(rows, n).0, cut_mut(labels, n).0);
        for (label, &row) in labels.iter_mut().zip(&*rows) {
            picked(self.labels, 1, row).iter().for_each(|&held| *label = held);
        }
        Ok((rows, labels))
    }
}

impl<T> Reservoir<'_, T> {
    /// Samples held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.state.held()
    }

    /// The samples held, shape `(held, width)`: a set for [`Inputs::picked`](crate::Inputs::picked), of bytes for
    /// [`Inputs::bytes`](crate::Inputs::bytes).
    #[must_use]
    pub fn samples(&self) -> &[T] {
        cut(self.samples, self.held().saturating_mul(self.state.config.width)).0
    }

    /// Their labels.
    #[must_use]
    pub fn labels(&self) -> &[u16] {
        cut(self.labels, self.held()).0
    }

    /// Samples of each class that were offered.
    #[must_use]
    pub fn seen(&self) -> &[u32] {
        cut(self.counts, self.state.config.classes).0
    }

    /// Samples of each class that are held.
    #[must_use]
    pub fn held_by_class(&self) -> &[u32] {
        cut(self.counts, self.state.config.classes).1
    }

    /// What to keep beside the slices, for [`resume`](Self::resume).
    #[must_use]
    pub fn state(&self) -> ReservoirState {
        self.state
    }

    /// Ends it: its [`state`](Self::state), and the slices are the caller's again.
    #[must_use]
    pub fn into_state(self) -> ReservoirState {
        self.state()
    }

    /// Removes all samples, and forgets that there were any.
    pub fn reset(&mut self) {
        self.state.offered = 0;
        self.counts.fill(0);
    }
}

/// The `nth` place, from 0 on, whose label `is_one`.
fn nth_place(labels: &[u16], nth: u32, is_one: impl Fn(u16) -> bool) -> Option<usize> {
    numbered(0, labels).filter(|(_, label)| is_one(**label)).nth(nth as usize).map(|(place, _)| place)
}

/// Refuses what no network trains on.
fn check_finite<T: Copy + Into<f32>>(samples: &[T]) -> Result<(), Error> {
    let is_wrong = |&x: &T| !Into::<f32>::into(x).is_finite();
    let wrong = samples.iter().position(is_wrong);
    wrong.map_or(Ok(()), |index| Err(Error::NonFinite { value: Value::Input, index }))
}
