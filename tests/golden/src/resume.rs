//! A run that was stopped on x86-64, in the middle of a batch, goes on here from the bytes of its container, in memory that is
//! full of NaN. And where a run is stopped here, the container has the same bytes: whichever processor goes on from it does
//! what it would have done with its own.

use cygnet::average::AverageState;
use cygnet::model::ModelState;
use cygnet::network::Math;
use cygnet::optim::{AnyConfig, AnyOptimizer, AnyState, Lookahead};
use cygnet::store::{Container, Data, Load, Place, Section, Stored, Tag};
use cygnet::train::{BatchSize, GradientState, Growth};
use cygnet::{Activation, Adam, Averager, Error, Gradient, Init, Model, Spec, Targets, Workspace};

const NET: Spec = Spec::new(6)
    .dense(9, Activation::Tanh)
    .norm()
    .dropout(0.25)
    .dense(7, Activation::LeakyRelu(0.125))
    .dense(3, Activation::Identity);
const P: usize = NET.param_len();
const CONFIG: AnyConfig = AnyConfig::LookaheadAdam(Lookahead::DEFAULT, Adam::DEFAULT);
const FLOATS: usize = CONFIG.state_len(&NET);
const MICRO: usize = 4;
/// Micro-batches, each of which may end a step.
const TICKS: u32 = 40;
/// After so many the run is stopped, with half of a batch in its gradient.
pub(crate) const STOP: u32 = 17;
/// Bytes of its container: 20 for the header and 16 for each of eight sections, and their payloads.
pub(crate) const BYTES: usize = 20 + 8 * 16 + (12 + 12 * 3) + 32 + 92 + 68 + 4 + 24 + 20 + 4 + 4 * (4 * P + FLOATS);
/// That of x86-64.
pub(crate) const STOPPED: &[u8] = include_bytes!("../samples/stopped.cygbox");
pub(crate) const KNOWN: [(Tag, u8); 8] = [
    (Tag::AVERAGE, 1),
    (Tag::GRADIENT, 1),
    (Tag::GROWTH, 1),
    (Tag::MATH, 1),
    (Tag::NETWORK, 1),
    (Tag::OPTIMIZER, 1),
    (Tag::PARAMS, 1),
    (Tag::RUN, 1),
];

/// All that a run takes, with nothing in it that could be used.
struct Memory {
    params: [f32; P],
    floats: [f32; FLOATS],
    mean: [f32; P],
    lost: [f32; P],
    sum: [f32; P],
}

pub(crate) fn resume(scratch: &mut [f32], hash: u64, fold: fn(u64, f32) -> u64) -> Result<u64, Error> {
    let (mut here, mut from_file, mut whole) = ([0; BYTES], [0; BYTES], [0; BYTES]);
    segment(None, STOP, scratch, &mut here)?;
    if here[..] != *STOPPED {
        return Err(Error::State);
    }
    segment(Some(STOPPED), TICKS, scratch, &mut from_file)?;
    segment(None, TICKS, scratch, &mut whole)?;
    if from_file != whole {
        return Err(Error::State);
    }
    Ok(from_file.iter().fold(hash, |hash, &byte| fold(hash, byte.into())))
}

/// Runs from a container, or from the start, up to a tick, and writes the container that the run is then.
pub(crate) fn segment(from: Option<&[u8]>, until: u32, scratch: &mut [f32], to: &mut [u8]) -> Result<(), Error> {
    let mut memory = Memory {
        params: [f32::NAN; P],
        floats: [f32::NAN; FLOATS],
        mean: [f32::NAN; P],
        lost: [f32::NAN; P],
        sum: [f32::NAN; P],
    };
    match from {
        Some(bytes) => going_on(bytes, until, memory, scratch, to),
        None => {
            let mut model = Model::new(&NET, &mut memory.params)?;
            model.init(Init::Glorot, 11)?;
            let mut average = Averager::new(&mut memory.mean);
            average.compensate(&mut memory.lost)?;
            let rest = Rest {
                optimizer: AnyOptimizer::new(CONFIG, &model, &mut memory.floats)?,
                gradient: Gradient::new(&NET, &mut memory.sum)?.measured(),
                size: BatchSize::new(Growth::NormTest(0.25), 8, 16, 2)?,
                average,
                model,
            };
            rest.run(0..until, scratch, to)
        }
    }
}

fn going_on(bytes: &[u8], until: u32, mut memory: Memory, scratch: &mut [f32], to: &mut [u8]) -> Result<(), Error> {
    let Memory { params, floats, mean, lost, sum } = &mut memory;
    let mut stored = Stored::of(bytes, &KNOWN)?;
    stored.expect(Tag::NETWORK, 0, &[Data::Network(&NET)])?;
    stored.expect(Tag::MATH, 0, &[Data::Words(&[Math::Libm.fingerprint()])])?;
    let state = ModelState::from_bytes(&NET, &stored.head(Tag::PARAMS, 0)?)?;
    let optimizer = AnyState::from_bytes(CONFIG, &NET, &stored.head(Tag::OPTIMIZER, 0)?)?;
    let gradient = GradientState::from_bytes(&stored.head(Tag::GRADIENT, 0)?)?;
    let average = AverageState::from_bytes(&stored.head(Tag::AVERAGE, 0)?)?;
    let size = BatchSize::from_bytes(&stored.head(Tag::GROWTH, 0)?)?;
    let mut tick = [0];
    stored.read_all(&mut [
        Load::new(Tag::AVERAGE, &mut [Place::Skip(AverageState::BYTES), Place::Floats(mean), Place::Floats(lost)]),
        Load::new(Tag::GRADIENT, &mut [Place::Skip(GradientState::BYTES), Place::Floats(sum)]),
        Load::new(Tag::OPTIMIZER, &mut [Place::Skip(AnyState::BYTES), Place::Floats(floats)]),
        Load::new(Tag::PARAMS, &mut [Place::Skip(ModelState::BYTES), Place::Floats(params)]),
        Load::new(Tag::RUN, &mut [Place::Words(&mut tick)]),
    ])?;
    let mut model = Model::new(&NET, params)?;
    model.resume(state.seed, state.steps);
    let rest = Rest {
        optimizer: AnyOptimizer::resume(optimizer, &model, floats)?,
        gradient: Gradient::resume(gradient, &NET, sum)?,
        size,
        average: Averager::resume_compensated(average, mean, lost)?,
        model,
    };
    rest.run(tick[0]..until, scratch, to)
}

/// A run on its way.
struct Rest<'a> {
    model: Model<'a>,
    optimizer: AnyOptimizer<'a>,
    gradient: Gradient<'a>,
    size: BatchSize,
    average: Averager<'a>,
}

impl Rest<'_> {
    fn run(mut self, ticks: core::ops::Range<u32>, scratch: &mut [f32], to: &mut [u8]) -> Result<(), Error> {
        let end = ticks.end;
        let mut work = Workspace::new(&NET, MICRO, &mut scratch[..NET.work_len(MICRO)])?;
        for tick in ticks {
            let x: [f32; MICRO * 6] = core::array::from_fn(|i| ((i as u32 * 37 + tick * 101) % 64) as f32 / 32.0 - 1.0);
            let y = [tick % 3, (tick + 1) % 3, 2, tick / 3 % 3].map(|class| class as u16);
            self.model.accumulate(&x, Targets::Classes(&y), &mut self.gradient, &mut work)?;
            let samples = self.gradient.state().score().samples();
            if samples >= self.size.get() {
                self.size.update(samples, Some(self.gradient.noise()?));
                self.model.step(&mut self.gradient, &mut self.optimizer, 0.02)?;
                self.average.update(&self.model)?;
            }
        }
        let fingerprint = [Math::Libm.fingerprint()];
        let (math, position) = ([Data::Words(&fingerprint)], [Data::Words(&[end])]);
        let sections = [
            Section::of(&self.average),
            Section::of(&self.gradient),
            Section::of(&self.size),
            Section::new(Tag::MATH, &math),
            Section::of(&NET),
            Section::of(&self.optimizer),
            Section::of(&self.model),
            Section::new(Tag::RUN, &position),
        ];
        Container::new(&sections)?.copy_to(to)
    }
}
