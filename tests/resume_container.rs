//! A run that is stopped, and goes on from the bytes of a container alone, in memory that is full of NaN, has the bits of one
//! that never stopped: for every optimizer, average, growth of batches and norm, after any step.
//!
//! The containers of both are compared: all that the next step depends on is in them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{cases, classes, initial, numbers, samples, work};
use cygnet::average::{
    AverageState, Ema, Gate, NormUpdate, NormUpdateState, Rule, Swag, SwagState, Window, WindowState,
};
use cygnet::model::ModelState;
use cygnet::network::Math;
use cygnet::optim::{
    AdamConfig, AdamState, AnyConfig, AnyOptimizer, AnyState, Lookahead, LookaheadConfig, LookaheadState, Optimizer,
    ScheduleFree, ScheduleFreeAdam, ScheduleFreeAdamState, ScheduleFreeState, SgdConfig, SgdState,
};
use cygnet::preprocess::Preprocess;
use cygnet::reservoir::{Reservoir, ReservoirConfig, ReservoirState};
use cygnet::store::{Container, Data, Load, OpenError, Place, Record, Section, Stored, Tag, checksum};
use cygnet::train::{BatchSize, GradientState, Growth};
use cygnet::{Activation, Adam, Averager, Error, Gradient, Loss, Model, Sgd, Spec, Targets, Workspace};
use proptest::prelude::*;
use std::convert::Infallible;
use std::ops::Range;

const BODY: Spec = Spec::new(3).dense(5, Activation::Tanh).dropout(0.25);
/// Without a norm, with batch norms, with layer norms.
const NETS: [Spec; 3] = [
    BODY.dense(4, Activation::Relu).dense(2, Activation::Identity),
    Spec::new(3).dense(5, Activation::Relu).norm().dropout(0.25).dense(2, Activation::Identity),
    Spec::new(3).dense(5, Activation::Tanh).layer_norm().dense(1, Activation::Identity).loss(Loss::BinaryCrossEntropy),
];
const MOMENTUM: SgdConfig = SgdConfig { momentum: 0.9, ..Sgd::DEFAULT };
const NESTEROV: SgdConfig = SgdConfig { nesterov: true, weight_decay: 0.01, ..MOMENTUM };
const ADAM_W: AdamConfig = AdamConfig::decoupled(0.01);
const SLOW: LookaheadConfig = LookaheadConfig { every: 2, alpha: 0.5 };
const ANY: [AnyConfig; 8] = [
    AnyConfig::Sgd(Sgd::DEFAULT),
    AnyConfig::Sgd(MOMENTUM),
    AnyConfig::Sgd(NESTEROV),
    AnyConfig::Adam(Adam::DEFAULT),
    AnyConfig::ScheduleFree(ScheduleFree::DEFAULT),
    AnyConfig::ScheduleFreeAdam(ScheduleFreeAdam::DEFAULT),
    AnyConfig::LookaheadSgd(SLOW, MOMENTUM),
    AnyConfig::LookaheadAdam(SLOW, ADAM_W),
];
/// Those, and the types of their own.
const OPTIMIZERS: usize = ANY.len() + 5;
const AVERAGES: usize = 8;
const GROWTHS: [Growth; 3] = [Growth::NormTest(0.1), Growth::NoiseScale(4.0), Growth::Doubling(20)];
const KEPT: ReservoirConfig = ReservoirConfig { places: 5, width: 3, classes: 2 };
/// Samples of a micro-batch.
const MICRO: usize = 4;
/// Micro-batches and steps of a run.
const TICKS: u64 = 32;

/// Which run.
#[derive(Clone, Copy, Debug)]
struct Kind {
    net: usize,
    optimizer: usize,
    average: usize,
    growth: usize,
}

impl Kind {
    fn all() -> impl Iterator<Item = Self> {
        (0..NETS.len() * OPTIMIZERS * AVERAGES * GROWTHS.len()).map(|i| Self {
            net: i % NETS.len(),
            optimizer: i / NETS.len() % OPTIMIZERS,
            average: i / NETS.len() / OPTIMIZERS % AVERAGES,
            growth: i / NETS.len() / OPTIMIZERS / AVERAGES,
        })
    }

    fn spec(&self) -> &'static Spec {
        &NETS[self.net]
    }
}

/// What a run of any kind takes, with nothing in it that could be used.
struct Memory {
    params: Vec<f32>,
    optimizer: [Vec<f32>; 2],
    average: [Vec<f32>; 3],
    sum: Vec<f32>,
    pooled: Vec<f32>,
    numbers: Vec<f32>,
    past: Vec<f32>,
    labels: Vec<u16>,
    counts: Vec<u32>,
}

impl Memory {
    fn new(spec: &Spec) -> Self {
        let floats = |n: usize| vec![f32::NAN; n];
        let p = spec.param_len();
        Self {
            params: floats(p),
            optimizer: [floats(3 * p), floats(2 * p)],
            average: [floats(3 * p), floats(p), floats(2 * p)],
            sum: floats(p),
            pooled: floats(spec.norm_len()),
            numbers: floats(15),
            past: floats(KEPT.samples_len()),
            labels: vec![0xeeee; KEPT.places],
            counts: vec![0xeeee_eeee; KEPT.counts_len()],
        }
    }
}

type Result<T> = core::result::Result<T, OpenError<Infallible>>;
/// What is given by offset.
type Reader<'r> = dyn FnMut(usize, &mut [u8]) -> core::result::Result<(), Infallible> + 'r;
type Box1<'r> = Stored<'r, Box<Reader<'r>>>;

/// An optimizer that can be stored.
trait Kept: Optimizer + Record {
    fn record(&self) -> &dyn Record;
}

impl<T: Optimizer + Record> Kept for T {
    fn record(&self) -> &dyn Record {
        self
    }
}

fn any<'m>(
    config: AnyConfig,
    stored: Option<&mut Box1<'_>>,
    model: &Model<'_>,
    floats: &'m mut [f32],
) -> Result<Box<dyn Kept + 'm>> {
    let floats = &mut floats[..config.state_len(model.spec())];
    let Some(stored) = stored else { return Ok(Box::new(AnyOptimizer::new(config, model, floats)?)) };
    let state = AnyState::from_bytes(config, model.spec(), &stored.head(Tag::OPTIMIZER, 0)?)?;
    stored.read(Tag::OPTIMIZER, 0, &mut [Place::Skip(AnyState::BYTES), Place::Floats(floats)])?;
    Ok(Box::new(AnyOptimizer::resume(state, model, floats)?))
}

/// Optimizer `which` of `model`, as it was stored, or from its start.
fn optimizer<'m>(
    which: usize,
    stored: Option<&mut Box1<'_>>,
    model: &Model<'_>,
    [floats, inner]: &'m mut [Vec<f32>; 2],
) -> Result<Box<dyn Kept + 'm>> {
    let (spec, p, tag) = (*model.spec(), model.params().len(), Tag::OPTIMIZER);
    if let Some(config) = ANY.get(which) {
        return any(*config, stored, model, floats);
    }
    Ok(match (which - ANY.len(), stored) {
        (0, None) => Box::new(Sgd::new(MOMENTUM, &spec, &mut floats[..p])?),
        (0, Some(stored)) => {
            let state = SgdState::from_bytes(MOMENTUM, &spec, &stored.head(tag, 0)?)?;
            stored.read(tag, 0, &mut [Place::Skip(SgdState::BYTES), Place::Floats(&mut floats[..p])])?;
            Box::new(Sgd::resume(state, &mut floats[..p])?)
        }
        (1, None) => Box::new(Adam::new(ADAM_W, &spec, inner)?),
        (1, Some(stored)) => {
            let state = AdamState::from_bytes(ADAM_W, &spec, &stored.head(tag, 0)?)?;
            stored.read(tag, 0, &mut [Place::Skip(AdamState::BYTES), Place::Floats(inner)])?;
            Box::new(Adam::resume(state, inner)?)
        }
        (2, None) => Box::new(ScheduleFree::new(ScheduleFree::DEFAULT, model, inner)?),
        (2, Some(stored)) => {
            let state = ScheduleFreeState::from_bytes(ScheduleFree::DEFAULT, &stored.head(tag, 0)?)?;
            stored.read(tag, 0, &mut [Place::Skip(ScheduleFreeState::BYTES), Place::Floats(inner)])?;
            Box::new(ScheduleFree::resume(state, model, inner)?)
        }
        (3, None) => Box::new(ScheduleFreeAdam::new(ScheduleFreeAdam::DEFAULT, model, floats)?),
        (3, Some(stored)) => {
            let state = ScheduleFreeAdamState::from_bytes(ScheduleFreeAdam::DEFAULT, &stored.head(tag, 0)?)?;
            stored.read(tag, 0, &mut [Place::Skip(ScheduleFreeAdamState::BYTES), Place::Floats(floats)])?;
            Box::new(ScheduleFreeAdam::resume(state, model, floats)?)
        }
        (_, None) => Box::new(Lookahead::new(SLOW, Adam::new(ADAM_W, &spec, inner)?, model, &mut floats[..p])?),
        (_, Some(stored)) => {
            let mut states = ([0; LookaheadState::BYTES], [0; AdamState::BYTES]);
            let slow = &mut floats[..p];
            stored.read(
                tag,
                0,
                &mut [
                    Place::Bytes(&mut states.0),
                    Place::Floats(slow),
                    Place::Bytes(&mut states.1),
                    Place::Floats(inner),
                ],
            )?;
            let adam = Adam::resume(AdamState::from_bytes(ADAM_W, &spec, &states.1)?, inner)?;
            Box::new(Lookahead::resume(LookaheadState::from_bytes(SLOW, &states.0)?, adam, model, slow)?)
        }
    })
}

enum Average<'m> {
    Rule(Averager<'m>),
    Window(Window<'m>),
    Swag(Swag<'m>),
}

impl<'m> Average<'m> {
    /// Average `which`, as it was stored, or an empty one.
    fn new(which: usize, stored: Option<&mut Box1<'_>>, spec: &Spec, floats: &'m mut [Vec<f32>; 3]) -> Result<Self> {
        let [all, lost, columns] = floats;
        let (p, tag) = (spec.param_len(), Tag::AVERAGE);
        Ok(match (which, stored) {
            (0, Some(stored)) => {
                let state = WindowState::from_bytes(&stored.head(tag, 0)?)?;
                stored.read(tag, 0, &mut [Place::Skip(WindowState::BYTES), Place::Floats(all)])?;
                Self::Window(Window::resume(state, all)?)
            }
            (0, None) => Self::Window(Window::new(3, all)?),
            (1, Some(stored)) => {
                let state = SwagState::from_bytes(&stored.head(tag, 0)?)?;
                let mean = &mut all[..p];
                let state_of = Place::Skip(SwagState::BYTES);
                stored.read(
                    tag,
                    0,
                    &mut [state_of, Place::Floats(mean), Place::Floats(lost), Place::Floats(columns)],
                )?;
                Self::Swag(Swag::resume(state, mean, lost, columns)?)
            }
            (1, None) => Self::Swag(Swag::new(&mut all[..p], lost, columns)?),
            (2, Some(stored)) => {
                let state = AverageState::from_bytes(&stored.head(tag, 0)?)?;
                let mean = &mut all[..p];
                stored.read(
                    tag,
                    0,
                    &mut [Place::Skip(AverageState::BYTES), Place::Floats(mean), Place::Floats(lost)],
                )?;
                Self::Rule(Averager::resume_compensated(state, mean, lost)?)
            }
            (2, None) => {
                let mut average = Averager::new(&mut all[..p]);
                average.compensate(lost)?;
                Self::Rule(average)
            }
            (_, Some(stored)) => {
                let state = AverageState::from_bytes(&stored.head(tag, 0)?)?;
                let mean = &mut all[..p];
                stored.read(tag, 0, &mut [Place::Skip(AverageState::BYTES), Place::Floats(mean)])?;
                Self::Rule(Averager::resume(state, mean)?)
            }
            (_, None) => {
                let rule = match which {
                    3 | 4 => Rule::mean(),
                    5 => Rule::capped(2),
                    6 => Rule::ema(Ema::with_decay(0.9)),
                    _ => Rule::polynomial(2.0),
                };
                Self::Rule(Averager::with_rule(rule, &mut all[..p])?)
            }
        })
    }

    fn update(&mut self, model: &Model<'_>, is_weighted: bool) {
        match self {
            Self::Rule(average) if is_weighted => average.update_weighted(model, 0.5 + model.steps() as f32).map(drop),
            Self::Rule(average) => average.update(model).map(drop),
            Self::Window(window) => window.update(model).map(drop),
            Self::Swag(swag) => swag.update(model).map(drop),
        }
        .unwrap();
    }

    fn record(&self) -> &dyn Record {
        match self {
            Self::Rule(average) => average,
            Self::Window(window) => window,
            Self::Swag(swag) => swag,
        }
    }
}

const KNOWN: [(Tag, u8); 12] = [
    (Tag::AVERAGE, 1),
    (Tag::GATE, 1),
    (Tag::GRADIENT, 1),
    (Tag::GROWTH, 1),
    (Tag::MATH, 1),
    (Tag::NETWORK, 1),
    (Tag::NORM_UPDATE, 1),
    (Tag::OPTIMIZER, 1),
    (Tag::PARAMS, 1),
    (Tag::PREPROCESS, 1),
    (Tag::RESERVOIR, 1),
    (Tag::RUN, 1),
];

/// What samples go through.
fn scaling() -> [f32; 15] {
    let feature = |fill: f32| [fill, -1.0, 1.0, 0.25, 2.0];
    [feature(f32::NAN), feature(0.5), feature(-0.5)].concat().try_into().unwrap()
}

/// Runs some ticks of a run, from its start or from a container; the container that it leaves.
fn run(kind: Kind, from: Option<&[u8]>, ticks: Range<u64>) -> Vec<u8> {
    let (spec, mut memory) = (kind.spec(), Memory::new(kind.spec()));
    let bytes = from.unwrap_or_default();
    let read: Box<Reader<'_>> = Box::new(|at, to| {
        to.copy_from_slice(&bytes[at..at + to.len()]);
        Ok(())
    });
    let mut stored = from.map(|bytes| Stored::open(read, bytes.len(), &KNOWN).unwrap());
    segment(kind, spec, &mut memory, stored.as_mut(), ticks).unwrap()
}

/// Counters that are the program's: ticks, and whether the sum of gradients was clipped.
const RUN: usize = 9;

fn segment(
    kind: Kind,
    spec: &'static Spec,
    memory: &mut Memory,
    mut stored: Option<&mut Box1<'_>>,
    ticks: Range<u64>,
) -> Result<Vec<u8>> {
    let Memory { params, optimizer: floats, average, sum, pooled, numbers: scaled, past, labels, counts } = memory;
    let (mut frozen, mut run) = (initial(spec, 9), [0; RUN]);
    let mut state = None;
    if let Some(stored) = stored.as_deref_mut() {
        stored.expect(Tag::NETWORK, 0, &[Data::Network(spec)])?;
        stored.expect(Tag::MATH, 0, &[Data::Words(&[Math::Libm.fingerprint()])])?;
        state = Some(ModelState::from_bytes(spec, &stored.head(Tag::PARAMS, 0)?)?);
        stored.read_all(&mut [
            Load::new(Tag::RUN, &mut [Place::Bytes(&mut run)]),
            Load::new(Tag::PREPROCESS, &mut [Place::Numbers(scaled)]),
            Load::new(Tag::PARAMS, &mut [Place::Skip(ModelState::BYTES), Place::Floats(params)]),
            Load::new(Tag::GRADIENT, &mut [Place::Skip(GradientState::BYTES), Place::Floats(sum)]),
            Load::new(Tag::NORM_UPDATE, &mut [Place::Skip(NormUpdateState::BYTES), Place::Floats(pooled)]),
            Load::new(
                Tag::RESERVOIR,
                &mut [
                    Place::Skip(ReservoirState::BYTES),
                    Place::Floats(past),
                    Place::Shorts(labels),
                    Place::Words(counts),
                ],
            ),
        ])?;
    } else {
        *params = initial(spec, 7);
        *scaled = scaling().to_vec();
    }
    let preprocess = Preprocess::new(3, scaled)?;
    let mut model = Model::new(spec, params)?;
    model.resume(state.map_or(7, |state| state.seed), state.map_or(0, |state| state.steps));
    let mut optimizer = optimizer(kind.optimizer, stored.as_deref_mut(), &model, floats)?;
    let mut average = Average::new(kind.average, stored.as_deref_mut(), spec, average)?;
    let (mut gate, mut size, mut gradient, mut update, mut reservoir);
    match stored {
        None => {
            gate = Gate::new(0.05)?;
            size = BatchSize::new(GROWTHS[kind.growth], 8, 32, 1)?;
            gradient = Gradient::new(spec, sum)?.measured();
            update = NormUpdate::new(spec, &mut frozen, pooled)?;
            reservoir = Reservoir::new(KEPT, 3, past, labels, counts)?;
        }
        Some(stored) => {
            gate = Gate::from_bytes(&stored.head(Tag::GATE, 0)?)?;
            size = BatchSize::from_bytes(&stored.head(Tag::GROWTH, 0)?)?;
            gradient = Gradient::resume(GradientState::from_bytes(&stored.head(Tag::GRADIENT, 0)?)?, spec, sum)?;
            let state = NormUpdateState::from_bytes(spec, &stored.head(Tag::NORM_UPDATE, 0)?)?;
            update = NormUpdate::resume(state, spec, &mut frozen, pooled)?;
            let state = ReservoirState::from_bytes(KEPT, &stored.head(Tag::RESERVOIR, 0)?)?;
            reservoir = Reservoir::resume(state, past, labels, counts)?;
        }
    }
    let mut room = work(spec, MICRO);
    let mut work = Workspace::new(spec, MICRO, &mut room)?;
    for tick in ticks {
        let [clipped, count @ ..] = &mut run;
        assert_eq!(u64::from_le_bytes(*count), tick);
        *count = (tick + 1).to_le_bytes();
        if gradient.state().score().samples() < size.get() {
            let (mut x, y) = (samples(MICRO, spec, tick), classes(MICRO, spec, tick));
            x[1] = f32::NAN; // missing; the first feature never is
            preprocess.apply(&mut x)?;
            model.accumulate(&x, Targets::Classes(&y), &mut gradient, &mut work)?;
            update.add(&x, &mut work)?;
            reservoir.offer(&x[..3], y[0])?;
        } else if *clipped == 0 {
            gradient.clip(0.5)?;
            *clipped = 1;
        } else {
            *clipped = 0;
            size.update(gradient.state().score().samples(), gradient.noise().ok());
            model.step(&mut gradient, &mut *optimizer, 0.05)?;
            if gate.pass(numbers(1, tick)[0] - 0.1 * tick as f32) {
                average.update(&model, kind.average == 4);
            }
        }
    }
    let fingerprint = [Math::Libm.fingerprint()];
    let (math, position) = ([Data::Words(&fingerprint)], [Data::Bytes(&run)]);
    let sections = [
        Section::of(average.record()),
        Section::of(&gate),
        Section::of(&gradient),
        Section::of(&size),
        Section::new(Tag::MATH, &math),
        Section::of(spec),
        Section::of(&update),
        Section::of(optimizer.record()),
        Section::of(&model),
        Section::of(&preprocess),
        Section::of(&reservoir),
        Section::new(Tag::RUN, &position),
    ];
    let container = Container::new(&sections)?;
    let mut bytes = vec![0; container.len()];
    container.copy_to(&mut bytes)?;
    Ok(bytes)
}

/// Whether stops after these ticks change a bit.
fn check(kind: Kind, stops: &[u64]) -> core::result::Result<(), TestCaseError> {
    let whole = run(kind, None, 0..TICKS);
    let (mut stored, mut done) = (None, 0);
    for &stop in stops.iter().chain([&TICKS]) {
        let bytes = run(kind, stored.as_deref(), done..stop);
        // Read and written again, it is the same.
        prop_assert!(run(kind, Some(&bytes), stop..stop) == bytes, "{kind:?}: written again after {stop}");
        (stored, done) = (Some(bytes), stop);
    }
    prop_assert!(stored == Some(whole), "{kind:?}: stopped after {stops:?}");
    Ok(())
}

/// Of all that goes together, one stop each, and all stops over the kinds.
#[test]
fn every_kind_of_run_goes_on_after_a_stop() {
    for (i, kind) in (0..).zip(Kind::all()) {
        check(kind, &[i % (TICKS + 1)]).unwrap();
    }
}

#[test]
fn a_run_goes_on_after_every_stop() {
    for optimizer in 0..OPTIMIZERS {
        let kind = Kind { net: optimizer % 3, optimizer, average: optimizer % AVERAGES, growth: optimizer % 3 };
        (0..=TICKS).for_each(|stop| check(kind, &[stop]).unwrap());
    }
}

/// Steps, averages, growth, dropout masks: without any of them the comparison would say nothing.
#[test]
fn every_part_of_a_run_moves() {
    for kind in Kind::all().step_by(17) {
        let of = |ticks| run(kind, None, 0..ticks);
        let (early, late) = (of(5), of(TICKS));
        let open = |bytes: &[u8], tag| {
            let mut stored = Stored::of(bytes, &KNOWN).unwrap();
            let mut payload = vec![0; stored.len_of(tag, 0).unwrap().unwrap()];
            stored.read(tag, 0, &mut [Place::Bytes(&mut payload)]).unwrap();
            payload
        };
        for tag in [
            Tag::AVERAGE,
            Tag::GATE,
            Tag::GRADIENT,
            Tag::GROWTH,
            Tag::NORM_UPDATE,
            Tag::PARAMS,
            Tag::RESERVOIR,
            Tag::RUN,
        ] {
            assert!(open(&early, tag) != open(&late, tag), "{kind:?}: {tag}");
        }
        // Plain SGD alone has nothing to keep.
        if kind.optimizer != 0 && kind.optimizer != 8 {
            assert!(open(&early, Tag::OPTIMIZER) != open(&late, Tag::OPTIMIZER), "{kind:?}");
        }
        assert!(BatchSize::from_bytes(open(&late, Tag::GROWTH)[..].try_into().unwrap()).unwrap().get() > 8, "{kind:?}");
    }
}

proptest! {
    #![proptest_config(cases(256))]
    #[test]
    fn a_run_goes_on_after_any_stops(
        net in 0..NETS.len(),
        optimizer in 0..OPTIMIZERS,
        average in 0..AVERAGES,
        growth in 0..GROWTHS.len(),
        mut stops in prop::collection::vec(0..=TICKS, 1..4),
    ) {
        stops.sort_unstable();
        check(Kind { net, optimizer, average, growth }, &stops)?;
    }
}

/// What a run goes on from is that of this program, or it does not go on.
#[test]
fn a_run_of_another_program_is_refused_by_name() {
    let kind = Kind { net: 0, optimizer: 3, average: 3, growth: 0 };
    let bytes = run(kind, None, 0..9);
    let mut stored = Stored::of(&bytes, &KNOWN).unwrap();
    let told = |result: Result<()>| Error::from(result.unwrap_err()).to_string();
    let network = told(stored.expect(Tag::NETWORK, 0, &[Data::Network(&NETS[2])]));
    assert_eq!(network, "checkpoint: another network: number of layers: found 3, expected 2");
    let math = told(stored.expect(Tag::MATH, 0, &[Data::Words(&[1])]));
    assert_eq!(math, "container: section MATH 0: another one than the program's, from byte 0 on");
    let missing = told(stored.expect(Tag::BODY, 0, &[Data::Words(&[1])]));
    assert_eq!(missing, "container: section BODY 0: missing");
    // A program that has no reservoir would lose one.
    let known: Vec<_> = KNOWN.into_iter().filter(|(tag, _)| *tag != Tag::RESERVOIR).collect();
    let error = Stored::of(&bytes, &known).err().unwrap().to_string();
    assert_eq!(error, "container: section RESE: version 1 is unknown here");
}

/// A head goes on above the body that it was trained on, and above no other; nor with other data.
#[test]
fn a_head_above_another_body_is_refused_by_name() {
    let (body, head) = (NETS[0].first(1), NETS[0].after(1));
    let (own, other) = (initial(&body, 1), initial(&body, 5));
    let mut params = initial(&head, 3);
    let model = Model::new(&head, &mut params).unwrap();
    let (sum, digest) = ([checksum(&body, &own).unwrap()], [Data::Bytes(&[1, 2, 3])]);
    let (below, learned) = ([Data::Words(&sum)], Section::of(&model));
    let sections = [Section::new(Tag::BODY, &below), Section::new(Tag::DATA, &digest), Section::of(&head), learned];
    let container = Container::new(&sections).unwrap();
    let mut bytes = vec![0; container.len()];
    container.copy_to(&mut bytes).unwrap();
    let known = [(Tag::BODY, 1), (Tag::DATA, 1), (Tag::NETWORK, 1), (Tag::PARAMS, 1)];
    let mut stored = Stored::of(&bytes, &known).unwrap();
    assert_eq!(stored.spec(), Ok(head));
    let mut expect = |body_params: &[f32]| {
        stored.expect(Tag::BODY, 0, &[Data::Words(&[checksum(&body, body_params).unwrap()])]).map_err(Error::from)
    };
    assert_eq!(expect(&own), Ok(()));
    let error = expect(&other).unwrap_err().to_string();
    assert_eq!(error, "container: section BODY 0: another one than the program's, from byte 0 on");
    let error = Error::from(stored.expect(Tag::DATA, 0, &[Data::Bytes(&[1, 2, 4])]).unwrap_err()).to_string();
    assert_eq!(error, "container: section DATA 0: another one than the program's, from byte 2 on");
}

/// What would not go on as it was is not written.
#[test]
fn what_cannot_go_on_is_not_written() {
    let spec = &NETS[0];
    let (mut params, mut mean) = (initial(spec, 1), vec![0.0; spec.param_len()]);
    let mut model = Model::new(spec, &mut params).unwrap();
    let mut average = Averager::new(&mut mean);
    average.update(&model).unwrap();
    assert!(Container::new(&[Section::of(&average), Section::of(&model)]).is_ok());
    // An exchange that was leaked: live weights in the average, an average in the model.
    std::mem::forget(average.in_place_of(&mut model).unwrap());
    assert_eq!(Container::new(&[Section::of(&average)]).err(), Some(Error::Swapped));
    assert_eq!(Container::new(&[Section::of(&model)]).err(), Some(Error::AverageWeights));
    let wrong = model.params_mut();
    wrong[3] = f32::INFINITY;
    assert!(Container::new(&[Section::of(&model)]).is_err());
}
