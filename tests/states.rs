//! Memory by `const` sizes, state by value: what a firmware keeps in one struct, and makes views of for each call.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{bits, classes, initial, samples};
use cygnet::average::{AverageState, Swag, SwagState, Window, WindowState};
use cygnet::metrics::{Confusion, argmax};
use cygnet::network::Math;
use cygnet::optim::{
    AdamConfig, AdamState, Lookahead, LookaheadState, Optimizer, ScheduleFree, ScheduleFreeState, SgdConfig, SgdState,
};
use cygnet::preprocess::{Fit, Preprocess};
use cygnet::replicas::{Vote, Votes, VotesState};
use cygnet::store::{load_header, save};
use cygnet::{
    Activation, Adam, Averager, Error, Gradient, Inputs, Model, Sgd, Spec, Targets, Workspace, error::CheckpointFault,
    predict,
};

const NET: Spec = Spec::new(3).dense(5, Activation::Tanh).dropout(0.25).dense(2, Activation::Identity);
const P: usize = NET.param_len();
const BATCH: usize = 4;
const HEAVY: SgdConfig = SgdConfig { momentum: 0.9, ..Sgd::DEFAULT };
const DECAYED: AdamConfig = AdamConfig::decoupled(0.01);

static MOMENTS: [f32; Adam::DEFAULT.state_len(&NET)] = [0.0; Adam::DEFAULT.state_len(&NET)];
static VELOCITY: [f32; HEAVY.state_len(&NET)] = [0.0; HEAVY.state_len(&NET)];
static FREE: [f32; ScheduleFree::DEFAULT.state_len(&NET)] = [0.0; ScheduleFree::DEFAULT.state_len(&NET)];
static SLOW: [f32; Lookahead::DEFAULT.state_len(&NET)] = [0.0; Lookahead::DEFAULT.state_len(&NET)];
static WINDOW: [f32; Window::state_len(&NET, 3)] = [0.0; Window::state_len(&NET, 3)];
static COLUMNS: [f32; Swag::columns_len(&NET, 2)] = [0.0; Swag::columns_len(&NET, 2)];
static VOTES: [f32; Vote::Hard.state_len(BATCH, 2)] = [0.0; Vote::Hard.state_len(BATCH, 2)];
static PREPROCESS: [f32; Preprocess::state_len(3)] = [0.0; Preprocess::state_len(3)];
static FIT: [f32; Fit::state_len(3)] = [0.0; Fit::state_len(3)];
static COUNTS: [u32; Confusion::state_len(2)] = [0; Confusion::state_len(2)];
static FILE: [u8; NET.checkpoint_len() + Preprocess::section_len(3)] =
    [0; NET.checkpoint_len() + Preprocess::section_len(3)];

#[test]
fn every_size_is_known_to_the_compiler() {
    let floats = [&MOMENTS[..], &VELOCITY, &FREE, &SLOW, &WINDOW, &COLUMNS, &VOTES, &PREPROCESS, &FIT].map(<[_]>::len);
    assert_eq!(floats, [2 * P, P, 2 * P, P, 3 * P, 2 * P, 16, 15, 18]);
    assert_eq!((COUNTS.len(), FILE.len(), P), (4, 24 + 2 * 12 + 4 * P + 16 + 60, 32));
    assert_eq!([SgdConfig::default(), Sgd::DEFAULT].map(|config| config.state_len(&NET)), [0, 0]);
}

/// Memory and states side by side in one struct, without a borrow in it.
struct Firmware {
    params: Vec<f32>,
    /// Seed and steps of the model.
    at: (u64, u64),
    velocity: [f32; HEAVY.state_len(&NET)],
    sgd: SgdState,
    moments: [f32; DECAYED.state_len(&NET)],
    adam: AdamState,
    slow: [f32; Lookahead::DEFAULT.state_len(&NET)],
    lookahead: LookaheadState,
    mean: [f32; P],
    lost: [f32; P],
    average: AverageState,
    models: [f32; Window::state_len(&NET, 3)],
    window: WindowState,
    moment: [[f32; P]; 2],
    columns: [f32; Swag::columns_len(&NET, 2)],
    swag: SwagState,
    work: [f32; NET.work_len(BATCH)],
}

impl Firmware {
    fn new() -> Self {
        Self {
            params: initial(&NET, 7),
            at: (7, 0),
            velocity: [0.0; P],
            sgd: SgdState::new(HEAVY, &NET).unwrap(),
            moments: [0.0; 2 * P],
            adam: AdamState::new(DECAYED, &NET, 0).unwrap(),
            slow: initial(&NET, 7).try_into().unwrap(),
            lookahead: LookaheadState { config: Lookahead::DEFAULT, steps: 0 },
            mean: [0.0; P],
            lost: [0.0; P],
            average: AverageState::mean_of(0),
            models: [0.0; 3 * P],
            window: WindowState { size: 3, count: 0 },
            moment: [[0.0; P]; 2],
            columns: [0.0; 2 * P],
            swag: SwagState::default(),
            work: [0.0; NET.work_len(BATCH)],
        }
    }

    /// `steps` steps by views that live as long; Adam and SGD in turn, Lookahead around SGD.
    fn run(&mut self, first: u64, steps: u64) -> Result<(), Error> {
        let mut model = Model::new(&NET, &mut self.params)?;
        model.resume(self.at.0, self.at.1);
        let mut adam = Adam::resume(self.adam, &mut self.moments)?;
        let sgd = Sgd::resume(self.sgd, &mut self.velocity)?;
        let mut lookahead = Lookahead::resume(self.lookahead, sgd, &model, &mut self.slow)?;
        let mut average = Averager::resume_compensated(self.average, &mut self.mean, &mut self.lost)?;
        let mut window = Window::resume(self.window, &mut self.models)?;
        let [mean, second] = &mut self.moment;
        let mut swag = Swag::resume(self.swag, mean, second, &mut self.columns)?;
        let mut work = Workspace::new(&NET, BATCH, &mut self.work)?;
        for step in first..first + steps {
            let (x, y) = (samples(BATCH, &NET, step), classes(BATCH, &NET, step));
            let optimizer: &mut dyn Optimizer = if step % 3 == 0 { &mut adam } else { &mut lookahead };
            model.train(&x, Targets::Classes(&y), optimizer, 0.01, &mut work)?;
            average.update(&model)?;
            window.update(&model)?;
            swag.update(&model)?;
        }
        self.at = (model.seed(), model.steps());
        (self.adam, self.average, self.window) = (adam.into_state(), average.into_state(), window.into_state());
        self.swag = swag.into_state();
        let (lookahead, sgd) = lookahead.into_state();
        (self.lookahead, self.sgd) = (lookahead, sgd.into_state());
        Ok(())
    }

    fn floats(&self) -> Vec<u32> {
        let [mean, second] = &self.moment;
        let slices: [&[f32]; 9] = [
            &self.params,
            &self.velocity,
            &self.moments,
            &self.slow,
            &self.mean,
            &self.lost,
            &self.models,
            &self.columns,
            mean,
        ];
        slices.into_iter().chain([&second[..]]).flat_map(bits).collect()
    }
}

#[test]
fn views_made_anew_for_every_step_leave_the_bits_of_views_that_live_on() {
    let (mut whole, mut apart) = (Firmware::new(), Firmware::new());
    whole.run(0, 20).unwrap();
    (0..20).for_each(|step| apart.run(step, 1).unwrap());
    assert_eq!(whole.floats(), apart.floats());
    assert_eq!((whole.at, whole.adam.steps(), whole.lookahead.steps), ((7, 20), 7, 13));
    assert_eq!((whole.sgd, whole.adam, whole.lookahead), (apart.sgd, apart.adam, apart.lookahead));
    assert_eq!((whole.average, whole.window, whole.swag), (apart.average, apart.window, apart.swag));
}

#[test]
fn schedule_free_and_votes_go_on_by_value_too() {
    let (mut params, mut floats, mut work) = (initial(&NET, 7), FREE, [0.0; NET.work_len(BATCH)]);
    let mut at = {
        let model = Model::new(&NET, &mut params).unwrap();
        ScheduleFree::new(ScheduleFree::DEFAULT, &model, &mut floats).unwrap().into_state()
    };
    let (mut whole_params, mut whole_floats) = (params.clone(), floats);
    let train = |params: &mut [f32],
                 floats: &mut [f32],
                 state: ScheduleFreeState,
                 steps: std::ops::Range<u64>,
                 work: &mut [f32]| {
        let mut model = Model::new(&NET, params).unwrap();
        model.resume(7, steps.start);
        let mut free = ScheduleFree::resume(state, &model, floats).unwrap();
        let mut work = Workspace::new(&NET, BATCH, work).unwrap();
        for step in steps {
            let (x, y) = (samples(BATCH, &NET, step), classes(BATCH, &NET, step));
            model.train(&x, Targets::Classes(&y), &mut free, 0.1, &mut work).unwrap();
        }
        free.into_state()
    };
    let end = train(&mut whole_params, &mut whole_floats, at, 0..9, &mut work);
    (0..9).for_each(|step| at = train(&mut params, &mut floats, at, step..step + 1, &mut work));
    assert_eq!((bits(&params), bits(&floats), at), (bits(&whole_params), bits(&whole_floats), end));

    let logits = |k: usize| [0.5 * k as f32, 1.0, -0.25, 0.125, 2.0, k as f32, 0.0, 1.0];
    for vote in [Vote::Soft, Vote::LogPool, Vote::Hard] {
        let (mut one, mut other) = (vec![0.0; vote.state_len(4, 2)], vec![0.0; vote.state_len(4, 2)]);
        let mut votes = Votes::new(vote, Math::Libm, 2, &mut one).unwrap();
        let mut state: VotesState = Votes::new(vote, Math::Libm, 2, &mut other).unwrap().into_state();
        // What the slice holds before the first model does not matter.
        other.fill(f32::NAN);
        for k in 0..4 {
            votes.add(&mut logits(k), 1.5).unwrap();
            let mut again = Votes::resume(state, &mut other).unwrap();
            again.add(&mut logits(k), 1.5).unwrap();
            state = again.into_state();
        }
        let (mut expected, mut found) = ([9; 4], [8; 4]);
        votes.classes(&mut expected).unwrap();
        Votes::resume(state, &mut other).unwrap().classes(&mut found).unwrap();
        assert_eq!(found, expected);
        let end = votes.state();
        assert_eq!((bits(&one), end), (bits(&other), state));
        other[3] = f32::NAN;
        assert!(matches!(Votes::resume(state, &mut other).err(), Some(Error::NonFinite { index: 3, .. })));
        // Memory of fewer samples, even of whole ones, has means and ballots in other places.
        let fewer = vote.state_len(3, 2);
        for len in [fewer, other.len() - 1] {
            assert!(matches!(Votes::resume(state, &mut other[..len]).err(), Some(Error::Length { .. })));
        }
    }
}

#[test]
fn a_state_knows_its_network_and_its_length() {
    let (wrong, other) = (NET.dropout(0.5), Spec::new(3).dense(2, Activation::Identity));
    assert!(SgdState::new(SgdConfig { momentum: 1.0, ..Sgd::DEFAULT }, &NET).is_err());
    assert!(AdamState::new(DECAYED, &wrong, 0).is_err());
    let (mut velocity, mut moments) = (VELOCITY, MOMENTS);
    assert!(matches!(
        Sgd::resume(SgdState::new(HEAVY, &other).unwrap(), &mut velocity).err(),
        Some(Error::Length { .. })
    ));
    let adam = Adam::resume(AdamState::new(DECAYED, &NET, 5).unwrap(), &mut moments).unwrap();
    assert_eq!((adam.steps(), adam.state().steps(), adam.moments().len()), (5, 5, 2 * P));
    let mut params = vec![0.0; other.param_len()];
    assert_eq!(adam.check(&Model::new(&other, &mut params).unwrap()), Err(Error::Network));
}

#[test]
fn outputs_borrow_neither_inputs_nor_parameters() {
    let (mut params, mut x, mut work) = (initial(&NET, 1), samples(1, &NET, 1), [0.0; NET.work_len(1)]);
    let mut work = Workspace::new(&NET, 1, &mut work).unwrap();
    let outputs = predict(&NET, &params, Inputs::floats(&x), &mut work).unwrap();
    x.fill(0.0);
    params.fill(0.0);
    let class: u16 = argmax(outputs);
    assert!(class < 2);
}

#[test]
fn a_view_prints_how_long_its_slices_are() {
    let (mut params, mut sum, mut mean, mut moments) = ([0.125; P], [0.125; P], [0.125; P], MOMENTS);
    let (mut window, mut columns, mut floats) = (WINDOW, COLUMNS, [0.125; NET.work_len(1)]);
    let (mut second, x) = ([0.125; P], [0.125; 3]);
    let model = Model::new(&NET, &mut params).unwrap();
    let adam = Adam::new(Adam::DEFAULT, &NET, &mut moments).unwrap();
    let lookahead = Lookahead::new(Lookahead::DEFAULT, adam, &model, &mut second).unwrap();
    let printed = [
        format!("{model:?}"),
        format!("{lookahead:?}"),
        format!("{:?}", Gradient::new(&NET, &mut sum).unwrap()),
        format!("{:?}", Averager::new(&mut mean)),
        format!("{:?}", Window::new(3, &mut window).unwrap()),
        format!("{:?}", Swag::new(&mut [0.125; P], &mut [0.125; P], &mut columns).unwrap()),
        format!("{:?}", Workspace::new(&NET, 1, &mut floats).unwrap()),
        format!("{:?} {:?}", Inputs::floats(&x), Targets::Values(&x)),
    ];
    assert!(printed.iter().all(|line| !line.contains("0.125, 0.125")), "{printed:#?}");
    assert!(printed[1].contains("moments: [64 elements]") && printed[1].contains("slow: [32 elements]"));
}

#[test]
fn the_header_of_a_checkpoint_tells_all_lengths() {
    let mut bytes = vec![0; NET.checkpoint_len()];
    save(&NET, &initial(&NET, 3), &mut bytes).unwrap();
    let header = 20 + 12 * NET.depth();
    assert_eq!(load_header(&bytes[..header]), Ok(NET));
    for short in 0..header {
        assert!(load_header(&bytes[..short]).is_err());
    }
    bytes[header + 1] ^= 1;
    assert_eq!(load_header(&bytes).map(|spec| spec.checkpoint_len()), Ok(bytes.len()));
    bytes[8] = 9;
    assert_eq!(load_header(&bytes), Err(Error::Checkpoint(CheckpointFault::Version(9))));
}
