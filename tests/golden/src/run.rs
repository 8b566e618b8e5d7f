//! A fixed run of everything that learns, averages, evaluates and predicts, on images of the embedded sample, folded into
//! one number that is the same on every target.
//!
//! Four networks have every activation and loss between them, dropout, rows longer and shorter than a tile of registers.
//! Each learns with two optimizers, 25 steps each. From step to step the size of the batch changes, and how it is given.
//! Many small networks, one with norms, and every other kind of average follow.

use super::averages::averages;
use super::lines::Line;
use super::norms::norms;
use super::shapes::{SCRATCH, shapes};
use cygnet::average::Snapshots;
use cygnet::inputs::{SparseSet, compress};
use cygnet::metrics::{Score, argmax, softmax};
use cygnet::network::Math;
use cygnet::optim::{AdamConfig, Optimizer, SgdConfig};
use cygnet::random::{Purpose, shuffle, stream};
use cygnet::schedule::{Decay, Schedule};
use cygnet::store::{load, save};
use cygnet::{Activation, Adam, Averager, Error, Gradient, Init, Inputs, Loss, Model, Sgd, Spec, Targets, Workspace};

/// The first images of the embedded sample's training set, unpacked.
pub(crate) const IMAGES: &[u8; SAMPLES * PIXELS] = include_bytes!("../samples/images.bin");
/// Their labels.
pub(crate) const LABELS: &[u8; SAMPLES] = include_bytes!("../samples/labels.bin");
const SAMPLES: usize = 64;
const PIXELS: usize = 784;
const CLASSES: usize = 10;
const SCALE: f32 = 1.0 / 255.0;
const SEED: u64 = 4;

const INPUT: Spec = Spec::new(PIXELS as u16);
/// The largest network in every size.
const WIDE: Spec = INPUT
    .dense(70, Activation::LeakyRelu(0.125))
    .dense(9, Activation::Tanh)
    .dropout(0.5)
    .dense(10, Activation::Identity)
    .loss(Loss::MeanSquared);
const RELU: Spec = INPUT.dense(36, Activation::Relu).dropout(0.25).dense(10, Activation::Identity);
const DEEP: Spec = INPUT
    .dense(13, Activation::Sigmoid)
    .dense(17, Activation::Relu)
    .dense(10, Activation::Identity)
    .loss(Loss::BinaryCrossEntropy);
const TANH: Spec = INPUT.dense(8, Activation::Tanh).dense(10, Activation::Sigmoid).loss(Loss::Huber(0.25));

const PARAMS: usize = WIDE.param_len();
/// More than one group of 64 samples at most, one sample at least.
const SIZES: [usize; 7] = [24, 1, 17, 8, 33, 12, BATCH];
const BATCH: usize = 70;
/// Samples at once where gradients are accumulated, and in evaluation; the last part is shorter.
const MICRO: usize = 9;
/// Steps with one optimizer.
const STEPS: u64 = 25;

const SGD: SgdConfig = SgdConfig { momentum: 0.0, nesterov: false, weight_decay: 0.0, no_bias_decay: false };
const ADAM: AdamConfig =
    AdamConfig { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0, decoupled: false, no_bias_decay: false };

/// An optimizer and the rates it has.
struct Phase {
    kind: Kind,
    rate: f32,
    decay: Decay,
}

enum Kind {
    Sgd(SgdConfig),
    Adam(AdamConfig),
}

const fn sgd(config: SgdConfig, rate: f32, decay: Decay) -> Phase {
    Phase { kind: Kind::Sgd(config), rate, decay }
}

const fn adam(config: AdamConfig, rate: f32, decay: Decay) -> Phase {
    Phase { kind: Kind::Adam(config), rate, decay }
}

const PLAN: [(Spec, Init, [Phase; 2]); 4] = {
    let cosine = Decay::Cosine { to: 1e-4, steps: STEPS };
    let linear = Decay::Linear { to: 0.0, steps: STEPS };
    let drops = Decay::Step { every: 10, factor: 0.5 };
    let momentum = SgdConfig { momentum: 0.9, ..SGD };
    let nesterov = SgdConfig { momentum: 0.9, nesterov: true, weight_decay: 1e-3, no_bias_decay: false };
    [
        (RELU, Init::He, [sgd(SGD, 0.1, Decay::Constant), adam(ADAM, 2e-3, cosine)]),
        (
            WIDE,
            Init::He,
            [sgd(momentum, 0.05, drops), adam(AdamConfig { weight_decay: 0.1, decoupled: true, ..ADAM }, 2e-3, linear)],
        ),
        (
            DEEP,
            Init::Glorot,
            [sgd(nesterov, 0.1, cosine), adam(AdamConfig { weight_decay: 1e-3, ..ADAM }, 5e-3, drops)],
        ),
        (
            TANH,
            Init::Normal(0.05),
            [sgd(SgdConfig { weight_decay: 1e-2, ..SGD }, 0.5, linear), sgd(momentum, 0.5, Decay::Constant)],
        ),
    ]
};

const LIT: usize = {
    let (mut n, mut i) = (0, 0);
    while i < IMAGES.len() {
        n += (IMAGES[i] != 0) as usize;
        i += 1;
    }
    n
};

/// All the memory that the run takes.
pub(crate) struct Memory {
    params: [f32; PARAMS],
    state: [f32; 2 * PARAMS],
    mean: [f32; PARAMS],
    other: [f32; PARAMS],
    sum: [f32; PARAMS],
    stored: [u8; WIDE.checkpoint_len()],
    starts: [u32; SAMPLES + 1],
    positions: [u16; LIT],
    values: [u8; LIT],
    room: Room,
}

/// What a step or an evaluation needs for a while.
struct Room {
    floats: [f32; WIDE.work_len(BATCH)],
    list: [f32; WIDE.list_len(BATCH)],
    index: [u32; WIDE.index_len(BATCH)],
    inputs: [f32; BATCH * PIXELS],
    targets: [f32; BATCH * CLASSES],
    classes: [u16; BATCH],
}

impl Memory {
    /// Zeros.
    pub(crate) const fn new() -> Self {
        Self {
            params: [0.0; PARAMS],
            state: [0.0; 2 * PARAMS],
            mean: [0.0; PARAMS],
            other: [0.0; PARAMS],
            sum: [0.0; PARAMS],
            stored: [0; WIDE.checkpoint_len()],
            starts: [0; SAMPLES + 1],
            positions: [0; LIT],
            values: [0; LIT],
            room: Room {
                floats: [0.0; WIDE.work_len(BATCH)],
                list: [0.0; WIDE.list_len(BATCH)],
                index: [0; WIDE.index_len(BATCH)],
                inputs: [0.0; BATCH * PIXELS],
                targets: [0.0; BATCH * CLASSES],
                classes: [0; BATCH],
            },
        }
    }
}

impl Memory {
    /// The hash of one line.
    pub(crate) fn line(&mut self, line: Line) -> Result<u64, Error> {
        line(part(&mut self.state, SCRATCH), START, fold)
    }
}

/// FNV-1a, 64 bits.
struct Hash(u64);

/// Before anything.
const START: u64 = 0xcbf2_9ce4_8422_2325;

/// `hash` with one more number.
fn fold(hash: u64, x: f32) -> u64 {
    let mut hash = Hash(hash);
    hash.floats(&[x]);
    hash.0
}

impl Hash {
    fn add(&mut self, bits: u32) {
        for byte in bits.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// The bits of numbers; a zero's sign is outside the contract.
    fn floats(&mut self, numbers: &[f32]) {
        numbers.iter().for_each(|x| self.add((x + 0.0).to_bits()));
    }

    fn score(&mut self, score: Score) {
        self.floats(&[score.loss()]);
        self.add(score.hits() as u32);
        self.add(score.samples() as u32);
    }
}

/// The whole run; the hash of every trained parameter, optimizer state, average, score and prediction.
///
/// # Errors
/// None, or the crate is wrong.
pub(crate) fn run(memory: &mut Memory) -> Result<u64, Error> {
    let mut hash = Hash(START);
    let Memory { params, state, mean, other, sum, stored, starts, positions, values, room } = memory;
    compress(IMAGES, PIXELS as u16, starts, positions, values)?;
    let set = SparseSet::new(PIXELS as u16, starts, positions, values, SCALE)?;
    for (spec, init, phases) in &PLAN {
        let len = spec.param_len();
        let (sum, stored) = (part(sum, len), part(stored, spec.checkpoint_len()));
        let mut model = Model::new(spec, part(params, len))?;
        model.init(*init, SEED)?;
        let mut means = [Averager::new(part(mean, len)), Averager::new(part(other, len))];
        for phase in phases {
            let Phase { kind, rate, decay } = phase;
            let rates = Schedule { warmup: 3, decay: *decay, ..Schedule::constant(*rate) };
            let used = match kind {
                Kind::Sgd(config) => config.state_len(spec),
                Kind::Adam(config) => config.state_len(spec),
            };
            let state = part(state, used);
            match kind {
                Kind::Sgd(config) => {
                    let mut sgd = Sgd::new(*config, spec, state)?;
                    learn(&mut model, &mut sgd, rates, &mut means, sum, set, room, &mut hash)?;
                }
                Kind::Adam(config) => {
                    let mut adam = Adam::new(*config, spec, state)?;
                    learn(&mut model, &mut adam, rates, &mut means, sum, set, room, &mut hash)?;
                }
            }
            hash.floats(model.params());
            hash.floats(state);
        }
        let [mean, other] = &mut means;
        mean.merge(other)?;
        hash.floats(&mean.mean()?);
        judge(&model, set, room, &mut hash)?;
        let average = mean.in_place_of(&mut model)?;
        judge(&average, set, room, &mut hash)?;
        save(spec, average.params(), stored)?;
        drop(average);
        hash.floats(model.params());
        load(stored, model.params_mut())?;
        hash.floats(model.params());
        stored.as_chunks().0.iter().for_each(|&word| hash.add(u32::from_le_bytes(word)));
    }
    let hash = shapes(part(state, SCRATCH), hash.0, fold)?;
    let hash = norms(part(state, SCRATCH), hash, fold)?;
    averages(part(state, SCRATCH), hash, fold)
}

/// Five ways to give samples: floats, bytes and compressed, with lists and without; training on compressed ones takes lists.
const FORMS: [(Form, bool); 5] =
    [(Form::Floats, false), (Form::Floats, true), (Form::Bytes, false), (Form::Bytes, true), (Form::Compressed, true)];

#[derive(Clone, Copy)]
enum Form {
    Floats,
    Bytes,
    Compressed,
}

/// Trains for [`STEPS`] steps: in every form of input five times, two of them in micro-batches.
#[expect(clippy::too_many_arguments, reason = "all of the run's memory")]
fn learn(
    model: &mut Model<'_>,
    optimizer: &mut dyn Optimizer,
    rates: Schedule,
    means: &mut [Averager<'_>; 2],
    sum: &mut [f32],
    set: SparseSet<'_>,
    room: &mut Room,
    hash: &mut Hash,
) -> Result<(), Error> {
    let spec = *model.spec();
    let mut gradient = Gradient::new(&spec, sum)?;
    let [often, rarely] = means;
    let begun = model.steps();
    let mut order = [0; SAMPLES];
    order.iter_mut().zip(0..).for_each(|(to, i)| *to = i);
    shuffle(&mut order, &mut stream(SEED, Purpose::Shuffle, begun));
    let mut next = order.iter().cycle();
    for ((step, form), size) in (0..STEPS).zip(FORMS.iter().cycle()).zip(SIZES.iter().cycle()) {
        let mut pick = [0; BATCH];
        let pick = part(&mut pick, *size);
        pick.iter_mut().zip(&mut next).for_each(|(to, &i)| *to = i);
        let rate = rates.at(step);
        let in_parts = step / 5 % 2 == 1;
        let score = if in_parts {
            for pick in pick.chunks(MICRO) {
                let (inputs, targets, mut work) = room.batch(&spec, *form, set, pick, step % 2 == 0)?;
                model.accumulate(inputs, targets, &mut gradient, &mut work)?;
            }
            if begun > 0 {
                hash.floats(&[gradient.clip(0.05)?]);
            }
            model.step(&mut gradient, optimizer, rate)?
        } else {
            let (inputs, targets, mut work) = room.batch(&spec, *form, set, pick, step % 2 == 0)?;
            model.train(inputs, targets, optimizer, rate, &mut work)?
        };
        hash.score(score);
        if (Snapshots { start: 10, every: 4 }).due(model.steps()) {
            often.update(&*model)?;
        }
        if (Snapshots { start: 20, every: 11 }).due(model.steps()) {
            rarely.update(model.params())?;
        }
    }
    Ok(())
}

/// Evaluates and predicts in every form of input, the compressed one without lists as well.
fn judge(model: &Model<'_>, set: SparseSet<'_>, room: &mut Room, hash: &mut Hash) -> Result<(), Error> {
    let mut pick = [0; SAMPLES];
    pick.iter_mut().zip(0..).for_each(|(to, i)| *to = i);
    for form in FORMS.into_iter().chain([(Form::Compressed, false)]) {
        let mut score = Score::default();
        let (inputs, targets, mut work) = room.batch(model.spec(), form, set, &pick, true)?;
        model.evaluate(inputs, targets, &mut score, &mut work)?;
        hash.score(score);
        let (inputs, _, mut work) = room.batch(model.spec(), form, set, part(&mut pick, MICRO), true)?;
        let outputs = model.predict(inputs, &mut work)?;
        for outputs in outputs.as_chunks_mut::<CLASSES>().0 {
            hash.floats(outputs);
            hash.add(argmax(outputs).into());
            softmax(outputs, Math::Libm);
            hash.floats(outputs);
        }
    }
    Ok(())
}

impl Room {
    /// The samples that `pick` names in one form, their targets as classes or as probabilities, and a workspace.
    fn batch<'a>(
        &'a mut self,
        spec: &Spec,
        (form, lists): (Form, bool),
        set: SparseSet<'a>,
        pick: &'a [u32],
        as_classes: bool,
    ) -> Result<(Inputs<'a>, Targets<'a>, Workspace<'a>), Error> {
        let rows = self.inputs.as_chunks_mut::<PIXELS>().0.iter_mut();
        let targets = self.targets.as_chunks_mut::<CLASSES>().0.iter_mut();
        for ((&i, row), (class, target)) in pick.iter().zip(rows).zip(self.classes.iter_mut().zip(targets)) {
            let image = IMAGES.as_chunks::<PIXELS>().0.get(i as usize).unwrap_or(&[0; PIXELS]);
            row.iter_mut().zip(image).for_each(|(x, &pixel)| *x = f32::from(pixel) * SCALE);
            *class = LABELS.get(i as usize).copied().map_or(0, u16::from);
            target.iter_mut().zip(0..).for_each(|(t, j)| *t = if j == *class { 0.91 } else { 0.01 });
        }
        let n = pick.len();
        let inputs = match form {
            Form::Floats => Inputs::floats(part(&mut self.inputs, n * PIXELS)),
            Form::Bytes => Inputs::bytes(IMAGES, SCALE, pick),
            Form::Compressed => Inputs::sparse(set, pick),
        };
        let targets = if as_classes {
            Targets::Classes(part(&mut self.classes, n))
        } else {
            Targets::Values(part(&mut self.targets, n * CLASSES))
        };
        let work = Workspace::new(spec, BATCH, part(&mut self.floats, spec.work_len(BATCH)))?;
        if !lists {
            return Ok((inputs, targets, work));
        }
        let (list, index) = (spec.list_len(BATCH), spec.index_len(BATCH));
        Ok((inputs, targets, work.with_lists(spec, part(&mut self.list, list), part(&mut self.index, index))?))
    }
}

/// The first `n` elements, or all where there are fewer, which the crate then refuses.
fn part<T>(slice: &mut [T], n: usize) -> &mut [T] {
    let n = n.min(slice.len());
    slice.split_at_mut(n).0
}
