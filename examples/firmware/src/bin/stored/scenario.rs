//! What the device does, without the device: it learns, saves its run every few steps, and goes on from what it finds in
//! flash. The same code runs in a test on the desktop, which cuts it at every word and compares the bits.

use crate::sensor::{KINDS, READINGS, Sample, Sensor};
use cygnet::average::{AverageState, Rule, Snapshots};
use cygnet::metrics::class_of;
use cygnet::model::ModelState;
use cygnet::optim::{AdamConfig, AdamState};
use cygnet::store::{
    Container, Data, Load, OpenError, Place, Saved, Section, SlotError, Slots, SlotsConfig, Stored, Tag,
};
use cygnet::{Activation, Adam, Averager, Error, Init, Model, Spec, Targets, Workspace};
use embedded_storage::nor_flash::NorFlash;

/// Sixteen readings, one of four kinds of movement. A mask of dropout is drawn by seed and step, which a save keeps.
pub(crate) const NET: Spec =
    Spec::new(READINGS as u16).dense(16, Activation::Relu).dropout(0.125).dense(KINDS as u16, Activation::Identity);
cygnet::assert_valid!(NET);
const ADAM: AdamConfig = Adam::DEFAULT;
const BATCH: usize = 8;
pub(crate) const STEPS: u64 = 160;
const SNAPSHOTS: Snapshots = Snapshots { start: 0, every: 10 };
/// Steps between two saves.
pub(crate) const SAVE_EVERY: u64 = 20;
/// Bytes of a save: parameters, both moments and the average, with some room for states and headers.
const ROOM: usize = 4 * (2 * NET.param_len() + ADAM.state_len(&NET)) + 512;
pub(crate) const SLOTS: u8 = 3;
/// The sections of a save and their versions.
const SECTIONS: [(Tag, u8); 5] =
    [(Tag::AVERAGE, 1), (Tag::NETWORK, 1), (Tag::OPTIMIZER, 1), (Tag::PARAMS, 1), (Tag::RUN, 1)];

/// Why the run ended early: the flash, or what was read from it, or learning.
pub(crate) type Failure<E> = OpenError<SlotError<E>>;

/// All the memory that learning and saving take.
pub(crate) struct Memory {
    params: [f32; NET.param_len()],
    moments: [f32; ADAM.state_len(&NET)],
    mean: [f32; NET.param_len()],
    work: [f32; NET.work_len(BATCH)],
}

impl Memory {
    /// Zeros.
    pub(crate) const fn new() -> Self {
        Self {
            params: [0.0; NET.param_len()],
            moments: [0.0; ADAM.state_len(&NET)],
            mean: [0.0; NET.param_len()],
            work: [0.0; NET.work_len(BATCH)],
        }
    }
}

/// What the device says while it runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    /// Learning begins after so many steps, 0 where nothing was saved.
    Begins(u64),
    /// The run was saved after so many steps.
    Saved(u64, Saved),
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Report {
    /// Percent right of samples that it has not learned from, by the average.
    pub(crate) percent: u32,
    /// FNV-1a of parameters, moments and average, and of where the sensor is.
    pub(crate) hash: u64,
}

/// Learns to the end from the newest save that the flash holds, or from the beginning.
pub(crate) fn run<F: NorFlash>(
    memory: &mut Memory,
    flash: F,
    tell: &mut dyn FnMut(Event),
) -> Result<Report, Failure<F::Error>> {
    let Memory { params, moments, mean, work } = memory;
    let config = SlotsConfig { start: 0, slot_len: Slots::<F>::slot_len(ROOM), slots: SLOTS };
    let mut slots = Slots::mount(config, NET.digest(), flash)?;
    let mut work = Workspace::new(&NET, BATCH, work)?;
    let mut run = match slots.newest() {
        Some(saved) => Run::restore(&mut slots, saved.len, params, moments, mean)?,
        None => Run::begin(params, moments, mean)?,
    };
    tell(Event::Begins(run.model.steps()));
    while run.model.steps() < STEPS {
        run.step(&mut work)?;
        if run.model.steps().is_multiple_of(SAVE_EVERY) {
            tell(Event::Saved(run.model.steps(), run.save(&mut slots)?));
        }
    }
    Ok(run.report(&mut work)?)
}

/// A run: what a save keeps.
struct Run<'a> {
    model: Model<'a>,
    adam: Adam<'a>,
    average: Averager<'a>,
    /// A real sensor cannot go back. This one can, so that a run that was cut sees what one without a cut does.
    sensor: Sensor,
}

impl<'a> Run<'a> {
    fn begin(params: &'a mut [f32], moments: &'a mut [f32], mean: &'a mut [f32]) -> Result<Self, Error> {
        let mut model = Model::new(&NET, params)?;
        model.init(Init::He, 42)?;
        let (adam, average) = (Adam::new(ADAM, &NET, moments)?, Averager::with_rule(Rule::polynomial(7.0), mean)?);
        Ok(Self { model, adam, average, sensor: Sensor(1) })
    }

    /// Goes on from a save. All of it is checked before anything is read.
    fn restore<F: NorFlash>(
        slots: &mut Slots<F>,
        len: usize,
        params: &'a mut [f32],
        moments: &'a mut [f32],
        mean: &'a mut [f32],
    ) -> Result<Self, Failure<F::Error>> {
        let mut stored = Stored::open(|at, bytes: &mut [u8]| slots.read(at, bytes), len, &SECTIONS)?;
        stored.expect(Tag::NETWORK, 0, &[Data::Network(&NET)])?;
        let model = ModelState::from_bytes(&NET, &stored.head(Tag::PARAMS, 0)?)?;
        let adam = AdamState::from_bytes(ADAM, &NET, &stored.head(Tag::OPTIMIZER, 0)?)?;
        let average = AverageState::from_bytes(&stored.head(Tag::AVERAGE, 0)?)?;
        let mut sensor = [0];
        stored.read_all(&mut [
            Load::new(Tag::AVERAGE, &mut [Place::Skip(AverageState::BYTES), Place::Floats(mean)]),
            Load::new(Tag::OPTIMIZER, &mut [Place::Skip(AdamState::BYTES), Place::Floats(moments)]),
            Load::new(Tag::PARAMS, &mut [Place::Skip(ModelState::BYTES), Place::Floats(params)]),
            Load::new(Tag::RUN, &mut [Place::Words(&mut sensor)]),
        ])?;
        let ModelState { seed, steps, .. } = model;
        let mut model = Model::new(&NET, params)?;
        model.resume(seed, steps);
        let [sensor] = sensor.map(Sensor);
        Ok(Self { model, adam: Adam::resume(adam, moments)?, average: Averager::resume(average, mean)?, sensor })
    }

    /// Saves it from where it is: there is no second copy.
    fn save<F: NorFlash>(&self, slots: &mut Slots<F>) -> Result<Saved, Failure<F::Error>> {
        let sensor = [self.sensor.0];
        let run = [Data::Words(&sensor)];
        let sections = [
            Section::of(&self.average),
            Section::of(&NET),
            Section::of(&self.adam),
            Section::of(&self.model),
            Section::new(Tag::RUN, &run),
        ];
        let container = Container::new(&sections)?;
        Ok(slots.save(container.len(), |out| container.write(out))?)
    }

    /// Learns from one batch, and averages.
    fn step(&mut self, work: &mut Workspace<'_>) -> Result<(), Error> {
        let (mut readings, mut kinds) = ([[0.0; READINGS]; BATCH], [0; BATCH]);
        for (to, kind) in readings.iter_mut().zip(&mut kinds) {
            Sample { readings: *to, kind: *kind } = self.sensor.read();
        }
        self.model.train(readings.as_flattened(), Targets::Classes(&kinds), &mut self.adam, 0.01, work)?;
        if SNAPSHOTS.due(self.model.steps()) {
            self.average.update(&self.model)?;
        }
        Ok(())
    }

    fn report(&self, work: &mut Workspace<'_>) -> Result<Report, Error> {
        let (mean, mut sensor, mut right) = (self.average.mean()?, Sensor(9), 0);
        for _ in 0..100 {
            let Sample { readings, kind } = sensor.read();
            right += u32::from(class_of(cygnet::predict(&NET, &mean, &readings, work)?) == kind);
        }
        let floats = [self.model.params(), self.adam.moments(), &mean].into_iter().flatten();
        let words = floats.map(|x| x.to_bits()).chain([self.sensor.0]);
        let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Ok(Report { percent: right, hash: words.flat_map(u32::to_le_bytes).fold(0xcbf2_9ce4_8422_2325, fnv) })
    }
}
