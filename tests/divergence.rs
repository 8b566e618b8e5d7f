//! A training step whose numbers are not finite is an error that names the layer, and it leaves every slice, state and
//! counter as it was: for every optimizer, loss and norm, whatever number is spoilt.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use cygnet::error::Value;
use cygnet::optim::{
    AdamConfig, AnyConfig, AnyOptimizer, LookaheadConfig, ScheduleFreeAdamConfig, ScheduleFreeConfig, SgdConfig,
};
use cygnet::train::{GradientState, Weighted};
use cygnet::{Activation, Averager, Error, Gradient, Init, Loss, Model, Spec, Targets, Workspace};

/// Samples of a batch.
const BATCH: usize = 4;
const RATE: f32 = 0.01;
const X: [f32; 3 * BATCH] = [0.5, -0.3, 0.8, -0.9, 0.2, 0.4, 0.1, 0.7, -0.6, -0.2, 0.9, 0.3];
const Y: [f32; 2 * BATCH] = [0.3, 0.7, 0.9, 0.1, 0.5, 0.5, 0.2, 0.8];
const WEIGHTS: [f32; BATCH] = [1.0, 2.0, 0.5, 1.5];

/// Largest numbers that a state may hold, and a magnitude whose square overflows.
const LARGE: [f32; 2] = [1.7e38, -1e30];

fn optimizers() -> Vec<AnyConfig> {
    let sgd = SgdConfig::default();
    let momentum = SgdConfig { momentum: 0.9, weight_decay: 0.1, ..sgd };
    let adam = AdamConfig::default();
    let (ahead, free) = (LookaheadConfig { every: 1, alpha: 0.5 }, ScheduleFreeConfig::default());
    let free_adam = ScheduleFreeAdamConfig { weight_decay: 0.1, ..ScheduleFreeAdamConfig::default() };
    vec![
        AnyConfig::Sgd(sgd),
        AnyConfig::Sgd(SgdConfig { weight_decay: 0.1, no_bias_decay: true, ..sgd }),
        AnyConfig::Sgd(momentum),
        AnyConfig::Sgd(SgdConfig { nesterov: true, ..momentum }),
        AnyConfig::Adam(adam),
        AnyConfig::Adam(AdamConfig { weight_decay: 0.1, no_bias_decay: true, ..adam }),
        AnyConfig::Adam(AdamConfig::decoupled(0.1)),
        AnyConfig::ScheduleFree(free),
        AnyConfig::ScheduleFree(ScheduleFreeConfig { weight_decay: 0.1, no_bias_decay: true, ..free }),
        AnyConfig::ScheduleFreeAdam(free_adam),
        AnyConfig::LookaheadSgd(ahead, momentum),
        AnyConfig::LookaheadAdam(LookaheadConfig { every: 2, ..ahead }, adam),
    ]
}

/// Every loss, each without norms, with batch norms and with layer norms.
fn networks() -> Vec<Spec> {
    let losses = [
        Loss::SoftmaxCrossEntropy,
        Loss::MeanSquared,
        Loss::BinaryCrossEntropy,
        Loss::Huber(1.0),
        Loss::Pinball(0.3),
        Loss::GaussianNll,
    ];
    let norms: [fn(Spec) -> Spec; 3] = [|spec| spec, Spec::norm, Spec::layer_norm];
    let network = |loss, norm: fn(Spec) -> Spec| {
        let first = norm(Spec::new(3).dense(4, Activation::Tanh));
        norm(first.dense(3, Activation::LeakyRelu(0.1))).dense(2, Activation::Identity).loss(loss)
    };
    losses.into_iter().flat_map(|loss| norms.map(|norm| network(loss, norm))).collect()
}

fn values(spec: &Spec) -> &'static [f32] {
    &Y[..BATCH * spec.targets()]
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

/// How a batch is trained on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Path {
    Fused,
    Weighted,
    Gathered,
}
const PATHS: [Path; 3] = [Path::Fused, Path::Weighted, Path::Gathered];

/// All that training may change.
#[derive(Clone, Debug, PartialEq)]
struct Left {
    params: Vec<u32>,
    optimizer: (Vec<u32>, Vec<u8>),
    average: (Vec<u32>, Vec<u8>),
    gradient: (Vec<u32>, Vec<u8>),
    model: Vec<u8>,
    changes: u32,
}

/// The caller's memory of a run.
#[derive(Clone)]
struct Memory {
    spec: Spec,
    config: AnyConfig,
    params: Vec<f32>,
    floats: Vec<f32>,
    mean: Vec<f32>,
    sum: Vec<f32>,
}

impl Memory {
    fn new(spec: Spec, config: AnyConfig) -> Self {
        let zeros = |len| vec![0.0; len];
        let p = spec.param_len();
        Self { spec, config, params: zeros(p), floats: zeros(config.state_len(&spec)), mean: zeros(p), sum: zeros(p) }
    }

    /// Trains for three steps by `path`, then spoils parameters and state, does `attempt` and gives what it returned with
    /// what was left before and after it, and in the end, after one more good step on parameters without the spoilt
    /// ones.
    fn run(
        &mut self,
        path: Path,
        spoil: impl Fn(&mut [f32], &mut [f32]),
        attempt: Option<(&[f32], &[f32], f32)>,
    ) -> (Option<Error>, [Left; 3]) {
        let Self { spec, config, params, floats, mean, sum } = self;
        let mut work = vec![0.0; spec.work_len(BATCH)];
        let mut work = Workspace::new(spec, BATCH, &mut work).unwrap();
        let mut model = Model::new(spec, params).unwrap();
        model.init(Init::Glorot, 7).unwrap();
        let mut average = Averager::new(mean);
        let mut gradient = Gradient::new(spec, sum).unwrap();
        let mut optimizer = AnyOptimizer::new(*config, &model, floats).unwrap();
        for _ in 0..3 {
            let good = (&X[..], values(spec), RATE);
            step(path, &mut model, &mut gradient, &mut optimizer, &mut work, good).unwrap();
            average.update(&model).unwrap();
        }
        let state = optimizer.into_state();
        let sound = (model.params().to_vec(), floats.to_vec());
        spoil(model.params_mut(), floats);
        let mut optimizer = AnyOptimizer::resume(state, &model, floats).unwrap();
        let left =
            |model: &Model<'_>, optimizer: &AnyOptimizer<'_>, average: &Averager<'_>, gradient: &Gradient<'_>| Left {
                params: bits(model.params()),
                optimizer: (bits(&of(optimizer)), optimizer.state().to_bytes().to_vec()),
                average: (bits(&average.mean().unwrap()), average.state().to_bytes().to_vec()),
                gradient: (bits(gradient.sum()), gradient.state().to_bytes().to_vec()),
                model: model.state().to_bytes().to_vec(),
                changes: model.changes(),
            };
        let before = left(&model, &optimizer, &average, &gradient);
        let error =
            attempt.and_then(|batch| step(path, &mut model, &mut gradient, &mut optimizer, &mut work, batch).err());
        let after = left(&model, &optimizer, &average, &gradient);
        let state = optimizer.into_state();
        if error.is_some() || attempt.is_none() {
            model.params_mut().copy_from_slice(&sound.0);
            floats.copy_from_slice(&sound.1);
        }
        let mut optimizer = AnyOptimizer::resume(state, &model, floats).unwrap();
        gradient.reset();
        let _ = step(path, &mut model, &mut gradient, &mut optimizer, &mut work, (&X, values(spec), RATE));
        let end = left(&model, &optimizer, &average, &gradient);
        (error, [before, after, end])
    }
}

/// The floats of an optimizer.
fn of(optimizer: &AnyOptimizer<'_>) -> Vec<f32> {
    match optimizer {
        AnyOptimizer::Sgd(sgd) => sgd.velocity().to_vec(),
        AnyOptimizer::Adam(adam) => adam.moments().to_vec(),
        AnyOptimizer::ScheduleFree(free) => free.floats().to_vec(),
        AnyOptimizer::ScheduleFreeAdam(free) => [free.floats(), free.second_moments()].concat(),
        AnyOptimizer::LookaheadSgd(ahead) => [ahead.slow(), ahead.inner().velocity()].concat(),
        AnyOptimizer::LookaheadAdam(ahead) => [ahead.slow(), ahead.inner().moments()].concat(),
        _ => unreachable!(),
    }
}

/// A step on a batch; what was gathered before an error is as it was.
fn step(
    path: Path,
    model: &mut Model<'_>,
    gradient: &mut Gradient<'_>,
    optimizer: &mut AnyOptimizer<'_>,
    work: &mut Workspace<'_>,
    (x, y, rate): (&[f32], &[f32], f32),
) -> Result<(), Error> {
    let targets = Targets::Values(y);
    match path {
        Path::Fused => model.train(x, targets, optimizer, rate, work).map(|_| ()),
        Path::Weighted => model.train(x, Weighted::new(targets).by_sample(&WEIGHTS), optimizer, rate, work).map(|_| ()),
        Path::Gathered => {
            model.accumulate(x, targets, gradient, work)?;
            let gathered = (gradient.sum().to_vec(), gradient.state());
            let stepped = model.step(gradient, optimizer, rate);
            if stepped.is_err() {
                assert_eq!((gradient.sum(), gradient.state()), (&gathered.0[..], gathered.1));
                gradient.reset();
            }
            stepped.map(|_| ())
        }
    }
}

/// Whether each number of what a step left is finite.
fn is_finite(left: &Left) -> bool {
    let all = [&left.params, &left.optimizer.0, &left.average.0, &left.gradient.0];
    all.into_iter().flatten().all(|bits| f32::from_bits(*bits).is_finite())
}

/// Checks that an attempt failed for a number that is not finite, changed nothing, and that training goes on as if it
/// had never been.
#[track_caller]
fn check(
    memory: &Memory,
    path: Path,
    batch: (&[f32], &[f32], f32),
    spoil: impl Fn(&mut [f32], &mut [f32]) + Copy,
) -> Error {
    let (error, [before, after, end]) = memory.clone().run(path, spoil, Some(batch));
    let Some(error @ Error::NonFinite { .. }) = error else { panic!("{:?} {path:?}: {error:?}", memory.config) };
    assert_eq!(before, after, "{:?} {path:?} {error}", memory.config);
    let (_, [.., never]) = memory.clone().run(path, spoil, None);
    assert_eq!(Left { changes: 0, ..end }, Left { changes: 0, ..never }, "{:?} {path:?}", memory.config);
    error
}

#[test]
fn a_batch_whose_loss_or_gradient_is_not_finite_changes_nothing() {
    for spec in networks() {
        let mut far = X;
        far[4] = 1e38;
        for config in optimizers() {
            let memory = Memory::new(spec, config);
            for path in PATHS {
                // The inputs of a layer bound its gradient.
                let error = check(&memory, path, (&far, values(&spec), RATE), |_, _| ());
                assert!(matches!(error, Error::NonFinite { value: Value::Loss | Value::Gradient, index: 0..3 }));
                if spec.loss_kind() == Loss::MeanSquared {
                    let error = check(&memory, path, (&X, &[1e38; 2 * BATCH], RATE), |_, _| ());
                    assert_eq!(error, Error::NonFinite { value: Value::Loss, index: 2 });
                    let error = check(&memory, path, (&X, &[1e18; 2 * BATCH], RATE), |_, _| ());
                    assert_eq!(error, Error::NonFinite { value: Value::Gradient, index: 2 });
                }
            }
        }
    }
}

#[test]
fn a_parameter_that_is_not_finite_changes_nothing() {
    for spec in networks() {
        for config in optimizers() {
            let memory = Memory::new(spec, config);
            for (path, odd) in PATHS.into_iter().zip([f32::NAN, f32::INFINITY, f32::NEG_INFINITY]) {
                for place in 0..spec.param_len() {
                    check(&memory, path, (&X, values(&spec), RATE), |params, _| params[place] = odd);
                }
            }
        }
    }
}

/// Numbers that are large but finite: the step is refused, or all that it leaves is finite.
#[test]
fn no_step_leaves_a_number_that_is_not_finite() {
    for spec in networks().into_iter().step_by(2) {
        for config in optimizers() {
            let memory = Memory::new(spec, config);
            let (p, floats) = (spec.param_len(), config.state_len(&spec));
            let whole = |rate, spoil: &dyn Fn(&mut [f32], &mut [f32])| {
                for path in PATHS {
                    let (error, [before, after, end]) =
                        memory.clone().run(path, spoil, Some((&X, values(&spec), rate)));
                    match error {
                        Some(Error::NonFinite { .. }) => assert_eq!(before, after, "{config:?} {path:?}"),
                        None => assert!(is_finite(&after) && is_finite(&end), "{config:?} {path:?} {rate}"),
                        other => panic!("{other:?}"),
                    }
                }
            };
            for rate in [RATE, 1.0, 1e9] {
                whole(rate, &|_, _| ());
                for large in LARGE {
                    for place in (0..p).step_by(5) {
                        whole(rate, &|params, _| params[place] = large);
                    }
                    for place in (0..floats).step_by(7) {
                        // Second moments are not negative.
                        whole(rate, &|_, floats| floats[place] = large.abs());
                    }
                }
            }
        }
    }
}

/// A network without norms whose layers only multiply, of one unit each.
const LINE: Spec = Spec::new(1)
    .dense(1, Activation::Identity)
    .dense(1, Activation::Identity)
    .dense(1, Activation::Identity)
    .loss(Loss::Huber(1.0));

/// What a step on an input of `x` says where the three weights are these and the biases are 0.
fn on_line(x: f32, weights: [f32; 3]) -> [Option<Error>; 2] {
    let mut params = weights.map(|weight| [weight, 0.0]).concat();
    let (mut floats, mut sum) = (vec![0.0; LINE.work_len(1)], vec![0.0; LINE.param_len()]);
    let mut work = Workspace::new(&LINE, 1, &mut floats).unwrap();
    let mut model = Model::new(&LINE, &mut params).unwrap();
    let mut gradient = Gradient::new(&LINE, &mut sum).unwrap();
    let mut sgd = cygnet::Sgd::plain(&LINE).unwrap();
    let targets = Targets::Values(&[1e3]);
    let gathered = model.accumulate(&[x], targets, &mut gradient, &mut work);
    [model.train(&[x], targets, &mut sgd, 0.1, &mut work).err(), gathered.err()]
}

#[test]
fn the_error_names_the_layer_where_numbers_stop_being_finite() {
    let error = |value, index| [Some(Error::NonFinite { value, index }); 2];
    // Outputs overflow, from the layer on whose weight is large.
    assert_eq!(on_line(1e9, [1e30, 1.0, 1.0]), error(Value::Loss, 0));
    assert_eq!(on_line(1e9, [1.0, 1e30, 1.0]), error(Value::Loss, 1));
    assert_eq!(on_line(1e9, [1.0, 1.0, 1e30]), error(Value::Loss, 2));
    assert_eq!(on_line(1.0, [f32::NAN, 1.0, 1.0]), error(Value::Loss, 0));
    assert_eq!(on_line(1.0, [1.0, f32::NAN, f32::NAN]), error(Value::Loss, 1));
    // Outputs are small, and deltas grow on their way back.
    assert_eq!(on_line(1e-30, [1.0, 1e10, 1e10]), error(Value::Gradient, 0));
    assert_eq!(on_line(1e-30, [1.0, 1.0, 1e20]), error(Value::Gradient, 1));
    // Deltas are 1, and the inputs of a layer are large.
    assert_eq!(on_line(1e10, [1e10, 1e-10, 1.0]), error(Value::Gradient, 1));
    assert_eq!(on_line(1e10, [1.0, 1e10, 1.0]), error(Value::Gradient, 2));
    assert_eq!(on_line(1.0, [1.0, 1.0, 1.0]), [None; 2]);
}

/// A sum of micro-batches that is too large names the layer where it is largest.
#[test]
fn a_gathered_gradient_names_the_layer_where_it_is_largest() {
    let spec = networks()[0];
    let empty = GradientState::from_bytes(&{
        let mut sum = vec![0.0; spec.param_len()];
        Gradient::new(&spec, &mut sum).unwrap().into_state().to_bytes()
    })
    .unwrap();
    assert_eq!(empty.score().samples(), 0);
    let (mut params, mut floats) = (vec![0.0; spec.param_len()], vec![0.0; spec.work_len(BATCH)]);
    let mut work = Workspace::new(&spec, BATCH, &mut floats).unwrap();
    let mut model = Model::new(&spec, &mut params).unwrap();
    model.init(Init::Glorot, 7).unwrap();
    let mut sum = vec![0.0; spec.param_len()];
    let mut gradient = Gradient::new(&spec, &mut sum).unwrap().measured();
    for _ in 0..2 {
        model.accumulate(&X, Targets::Values(values(&spec)), &mut gradient, &mut work).unwrap();
    }
    let state = gradient.into_state();
    for (layer, place) in spec.layers().map(|layer| layer.offset()).enumerate() {
        for (odd, is_read) in [(1e30, true), (f32::NAN, false)] {
            let (mut sum, mut velocity) = (sum.clone(), vec![]);
            (sum[0], sum[place + 1]) = (sum[0] + 1e19, odd);
            let error = Some(Error::NonFinite { value: Value::Gradient, index: layer });
            let gradient = Gradient::resume(state, &spec, &mut sum);
            let Ok(mut gradient) = gradient else {
                assert!(!is_read && gradient.err() == error);
                continue;
            };
            let mut sgd = cygnet::Sgd::new(SgdConfig::default(), &spec, &mut velocity).unwrap();
            assert_eq!(model.step(&mut gradient, &mut sgd, RATE).err(), error);
            assert_eq!((gradient.clip(1.0).err(), gradient.noise().err()), (error, error));
            assert_eq!((gradient.sum()[place + 1], model.steps()), (odd, 0));
        }
    }
}
