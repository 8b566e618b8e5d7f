//! What the device does, without the device: the same code runs in a test on the desktop, which compares the bits.
//!
//! The network was trained on the desktop on three kinds of movement (`model.cygnet`, which `tests/firmware.rs` trains). Its
//! first layer stays as it is, in flash. The last one, the head, learns a fourth kind. It sees only that one now, and samples
//! of the others that the device has kept: without them it would forget what it knows.

use crate::sensor::{KINDS, READINGS, Sample};
use cygnet::average::{Rule, Snapshots};
use cygnet::error::CheckpointFault;
use cygnet::metrics::class_of;
use cygnet::reservoir::{Reservoir, ReservoirConfig};
use cygnet::store::{checksum, embedded_checksum, load_head, save_head};
use cygnet::{Activation, Averager, Error, Model, Sgd, Spec, Targets, Workspace, predict};

/// Sixteen readings, one of four kinds of movement.
pub(crate) const NET: Spec =
    Spec::new(READINGS as u16).dense(32, Activation::Relu).dense(KINDS as u16, Activation::Identity);
const BODY: Spec = NET.first(1);
const HEAD: Spec = NET.after(1);
cygnet::assert_valid!(HEAD);
const MODEL: &[u8] = include_bytes!("../model.cygnet");
/// In flash: the compiler turns the file into floats.
static BODY_PARAMS: [f32; BODY.param_len()] = cygnet::embed!(BODY, NET, MODEL);
static HEAD_PARAMS: [f32; HEAD.param_len()] = cygnet::embed!(HEAD, NET, MODEL);
const BODY_CHECKSUM: Option<u32> = embedded_checksum(&BODY, &NET, MODEL);

/// The kind that the desktop did not know.
pub(crate) const NEW: u16 = 3;
/// Samples of a batch, and how many of them are old ones.
const BATCH: usize = 8;
pub(crate) const OLD: usize = 6;
/// Old samples that are kept of all that pass before learning begins.
const KEPT: ReservoirConfig = ReservoirConfig { places: 48, width: READINGS, classes: KINDS };
const PASSING: usize = 300;
const STEPS: u64 = 200;
/// Samples of each kind kept apart to evaluate on.
const HELD_OUT: usize = 16;

/// All the memory that learning takes.
pub(crate) struct Memory {
    params: [f32; HEAD.param_len()],
    mean: [f32; HEAD.param_len()],
    work: [f32; HEAD.work_len(BATCH)],
    features: [f32; BODY.predict_len(BATCH)],
    readings: [f32; READINGS * BATCH],
    kinds: [u16; BATCH],
    kept: [f32; KEPT.samples_len()],
    kept_kinds: [u16; KEPT.places],
    counts: [u32; KEPT.counts_len()],
    held_out: [[f32; READINGS * HELD_OUT]; KINDS],
    stored: [u8; HEAD.checkpoint_len()],
}

impl Memory {
    /// Zeros.
    pub(crate) const fn new() -> Self {
        Self {
            params: [0.0; HEAD.param_len()],
            mean: [0.0; HEAD.param_len()],
            work: [0.0; HEAD.work_len(BATCH)],
            features: [0.0; BODY.predict_len(BATCH)],
            readings: [0.0; READINGS * BATCH],
            kinds: [0; BATCH],
            kept: [0.0; KEPT.samples_len()],
            kept_kinds: [0; KEPT.places],
            counts: [0; KEPT.counts_len()],
            held_out: [[0.0; READINGS * HELD_OUT]; KINDS],
            stored: [0; HEAD.checkpoint_len()],
        }
    }
}

/// What came of it.
#[derive(Debug, PartialEq)]
pub(crate) struct Report {
    /// Percent right of the samples of each kind kept apart, by the head as it left the desktop.
    pub(crate) before: [u32; KINDS],
    /// The same by the average, after it was stored and loaded again.
    pub(crate) after: [u32; KINDS],
    /// FNV-1a of the last head's and the average's parameters.
    pub(crate) hash: u64,
}

/// Keeps some of the samples that come, then learns from those of the new kind with `old` of the kept ones in each batch,
/// averages, stores the average, loads it again and evaluates it.
pub(crate) fn run(memory: &mut Memory, old: usize, mut next: impl FnMut() -> Sample) -> Result<Report, Error> {
    let Memory { params, mean, work, features, readings, kinds, kept, kept_kinds, counts, held_out, stored } = memory;
    let body = check_flash()?;
    hold_out(held_out, &mut next);
    let mut reservoir = Reservoir::new(KEPT, 1, kept, kept_kinds, counts)?;
    for _ in 0..PASSING {
        let sample = following(&mut next, |kind| kind != NEW);
        reservoir.offer(&sample.readings, sample.kind)?;
    }
    *params = HEAD_PARAMS;
    let mut model = Model::new(&HEAD, params)?;
    let mut sgd = Sgd::plain(&HEAD)?;
    let mut average = Averager::with_rule(Rule::polynomial(7.0), mean)?;
    let mut features = Workspace::for_prediction(&BODY, BATCH, features)?;
    let mut work = Workspace::new(&HEAD, BATCH, work)?;
    let before = percent_right(&model, held_out, &mut features, &mut work)?;
    let snapshots = Snapshots { start: 0, every: 10 };
    while model.steps() < STEPS {
        fill(readings, kinds, old, &reservoir, model.steps(), &mut next)?;
        let features = predict(&BODY, &BODY_PARAMS, &readings[..], &mut features)?;
        model.train(&*features, Targets::Classes(kinds), &mut sgd, 0.1, &mut work)?;
        if snapshots.due(model.steps()) {
            average.update(&model)?;
        }
    }
    let hash = model.params().iter().fold(0xcbf2_9ce4_8422_2325, fnv);
    save_head(&HEAD, average.mean()?, body, stored)?;
    load_head(&HEAD, body, stored, model.params_mut())?;
    let after = percent_right(&model, held_out, &mut features, &mut work)?;
    Ok(Report { before, after, hash: model.params().iter().fold(hash, fnv) })
}

/// The body's checksum, unless its flash has changed.
fn check_flash() -> Result<u32, Error> {
    let found = checksum(&BODY, &BODY_PARAMS)?;
    match BODY_CHECKSUM {
        Some(expected) if expected == found => Ok(found),
        expected => Err(Error::Checkpoint(CheckpointFault::Body(expected.unwrap_or_default(), found))),
    }
}

/// Keeps the first samples of each kind apart.
fn hold_out(held_out: &mut [[f32; READINGS * HELD_OUT]; KINDS], next: &mut impl FnMut() -> Sample) {
    let mut held = [0; KINDS];
    while held.iter().any(|&held| held < HELD_OUT) {
        let Sample { readings, kind } = next();
        let kind = usize::from(kind);
        if let Some(to) = held_out[kind].as_chunks_mut().0.get_mut(held[kind]) {
            *to = readings;
            held[kind] += 1;
        }
    }
}

/// Percent of the samples of each kind that body and head tell.
fn percent_right(
    head: &Model<'_>,
    held_out: &[[f32; READINGS * HELD_OUT]; KINDS],
    features: &mut Workspace<'_>,
    work: &mut Workspace<'_>,
) -> Result<[u32; KINDS], Error> {
    let mut right = [0; KINDS];
    for (kind, (readings, right)) in (0..).zip(held_out.iter().zip(&mut right)) {
        for readings in readings.as_chunks::<READINGS>().0 {
            let features = predict(&BODY, &BODY_PARAMS, readings, features)?;
            let outputs = head.predict(&*features, work)?;
            *right += u32::from(class_of(outputs) == kind);
        }
        *right = *right * 100 / HELD_OUT as u32;
    }
    Ok(right)
}

/// The next sample of a kind that is asked for; others pass.
fn following(next: &mut impl FnMut() -> Sample, is_asked: impl Fn(u16) -> bool) -> Sample {
    loop {
        let sample = next();
        if is_asked(sample.kind) {
            return sample;
        }
    }
}

/// Fills a batch: so many old samples, then new ones.
fn fill(
    readings: &mut [f32; READINGS * BATCH],
    kinds: &mut [u16; BATCH],
    old: usize,
    reservoir: &Reservoir<'_, f32>,
    number: u64,
    next: &mut impl FnMut() -> Sample,
) -> Result<(), Error> {
    let (mut rows, mut drawn) = ([0; BATCH], [0; BATCH]);
    let (rows, drawn) = (rows.get_mut(..old).unwrap_or_default(), drawn.get_mut(..old).unwrap_or_default());
    if old > 0 {
        reservoir.draw(number, rows, drawn)?;
    }
    let set = reservoir.samples().as_chunks::<READINGS>().0;
    let sample = |(row, kind): (&u32, &u16)| Some(Sample { readings: *set.get(*row as usize)?, kind: *kind });
    let mut old = rows.iter().zip(&*drawn).filter_map(sample);
    for (to, kind) in readings.as_chunks_mut().0.iter_mut().zip(kinds) {
        Sample { readings: *to, kind: *kind } = old.next().unwrap_or_else(|| following(next, |kind| kind == NEW));
    }
    Ok(())
}

fn fnv(hash: u64, x: &f32) -> u64 {
    x.to_le_bytes().iter().fold(hash, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
