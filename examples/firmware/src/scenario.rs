//! What the device does, without the device: the same code runs in a test on the desktop, which compares the bits.

use cygnet::average::Snapshots;
use cygnet::metrics::Score;
use cygnet::store::{load_params, save};
use cygnet::{Activation, Averager, Error, Init, Model, Sgd, Spec, Targets, Workspace};

/// Sixteen readings, one of four kinds of movement.
const NET: Spec = Spec::new(READINGS as u16).dense(32, Activation::Relu).dense(KINDS, Activation::Identity);
cygnet::assert_valid!(NET);
const READINGS: usize = 16;
const KINDS: u16 = 4;
const BATCH: usize = 8;
const STEPS: u64 = 200;
/// Samples kept apart to evaluate on.
const HELD_OUT: usize = 32;

/// A window of readings and the kind of movement it shows.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) readings: [f32; READINGS],
    pub(crate) kind: u16,
}

/// A sensor that moves in four ways, with noise: a sum of two of eight fixed shapes for each kind.
pub(crate) struct Sensor(pub(crate) u32);

impl Sensor {
    /// The next window, after the one before it; the same ones in the same order everywhere.
    pub(crate) fn read(&mut self) -> Sample {
        let kind = (self.draw() % u32::from(KINDS)) as u16;
        let mut readings = [0.0; READINGS];
        for (i, reading) in readings.iter_mut().enumerate() {
            let shape = (i * (usize::from(kind) + 1)) % 8;
            let noise = self.draw() as f32 / 65_536.0 - 0.5;
            *reading = shape as f32 / 8.0 + 1.5 * noise;
        }
        Sample { readings, kind }
    }

    /// 16 bits of a linear congruential generator.
    fn draw(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 16
    }
}

/// All the memory that learning takes.
pub(crate) struct Memory {
    params: [f32; NET.param_len()],
    mean: [f32; NET.param_len()],
    work: [f32; NET.work_len(BATCH)],
    readings: [f32; READINGS * BATCH],
    kinds: [u16; BATCH],
    held_out: [f32; READINGS * HELD_OUT],
    held_out_kinds: [u16; HELD_OUT],
    stored: [u8; NET.checkpoint_len()],
}

impl Memory {
    /// Zeros.
    pub(crate) const fn new() -> Self {
        Self {
            params: [0.0; NET.param_len()],
            mean: [0.0; NET.param_len()],
            work: [0.0; NET.work_len(BATCH)],
            readings: [0.0; READINGS * BATCH],
            kinds: [0; BATCH],
            held_out: [0.0; READINGS * HELD_OUT],
            held_out_kinds: [0; HELD_OUT],
            stored: [0; NET.checkpoint_len()],
        }
    }
}

/// What came of it.
#[derive(Debug, PartialEq)]
pub(crate) struct Report {
    /// The last iterate on the samples kept apart.
    pub(crate) last: Score,
    /// The average on them, after it was stored and loaded again.
    pub(crate) average: Score,
    /// FNV-1a of the last iterate's and the average's parameters.
    pub(crate) hash: u64,
}

/// Learns from samples as they come, averages, stores the average, loads it again and evaluates both models.
pub(crate) fn run(memory: &mut Memory, mut next: impl FnMut() -> Sample) -> Result<Report, Error> {
    let Memory { params, mean, work, readings, kinds, held_out, held_out_kinds, stored } = memory;
    fill(held_out, held_out_kinds, &mut next);
    let mut model = Model::new(&NET, params)?;
    model.init(Init::He, 42)?;
    let mut sgd = Sgd::plain(&NET)?;
    let mut swa = Averager::new(mean);
    let mut work = Workspace::new(&NET, BATCH, work)?;
    let snapshots = Snapshots { start: STEPS / 2, every: 10 };
    while model.steps() < STEPS {
        fill(readings, kinds, &mut next);
        model.train(&readings[..], Targets::Classes(kinds), &mut sgd, 0.05, &mut work)?;
        if snapshots.due(model.steps()) {
            swa.update(&model)?;
        }
    }
    let mut evaluate = |model: &Model<'_>| {
        let mut score = Score::default();
        model.evaluate(&held_out[..], Targets::Classes(held_out_kinds), &mut score, &mut work)?;
        Ok::<_, Error>(score)
    };
    let last = evaluate(&model)?;
    let hash = model.params().iter().fold(0xcbf2_9ce4_8422_2325, fnv);
    save(&NET, swa.mean()?, stored)?;
    load_params(&NET, stored, model.params_mut())?;
    let average = evaluate(&model)?;
    Ok(Report { last, average, hash: model.params().iter().fold(hash, fnv) })
}

/// Fills a batch.
fn fill(readings: &mut [f32], kinds: &mut [u16], next: &mut impl FnMut() -> Sample) {
    for (to, kind) in readings.as_chunks_mut().0.iter_mut().zip(kinds) {
        (*to, *kind) = {
            let sample = next();
            (sample.readings, sample.kind)
        };
    }
}

fn fnv(hash: u64, x: &f32) -> u64 {
    x.to_le_bytes().iter().fold(hash, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
