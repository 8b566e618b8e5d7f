//! Every setting there is, with data of any magnitude: what is accepted gives finite numbers, or an error that changes
//! nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{bits, cases};
use cygnet::average::{Draws, Ema, Gate, Origin, Rule, Swag, Warmup, Window};
use cygnet::metrics::{Score, evaluate};
use cygnet::network::Math;
use cygnet::optim::{
    AdamConfig, Lookahead, LookaheadConfig, Optimizer, ScheduleFree, ScheduleFreeAdam, ScheduleFreeAdamConfig,
    ScheduleFreeConfig, SgdConfig,
};
use cygnet::preprocess::{Clip, Fit, Missing, Preprocess, PreprocessConfig, Scaling};
use cygnet::replicas::{Pull, Vote, Votes, attract, pull};
use cygnet::schedule::{Anneal, Decay, Schedule, Shape};
use cygnet::train::{AnyTargets, BatchSize, Growth, Noise};
use cygnet::{Activation, Adam, Averager, Error, Gradient, Init, Loss, Model, Sgd, Spec, Targets, Workspace, predict};
use proptest::collection::vec;
use proptest::prelude::*;

/// Any finite number: zeros, subnormal, tiny, usual, huge.
fn finite() -> impl Strategy<Value = f32> {
    let scale = prop::sample::select(&[0.0_f32, 1e-45, 1e-38, 1e-20, 1e-6, 1.0, 1e3, 1e9, 1e18, 1e27, 1e37, f32::MAX]);
    prop_oneof![2 => -1.0_f32..1.0, 1 => (scale, -1.0_f32..1.0).prop_map(|(scale, x)| scale * x)]
}

/// A number as a setting may come: useful, at an end of a range, or out of any.
fn setting() -> impl Strategy<Value = f32> {
    let odd = [0.0, -0.0, 1.0, -1.0, 0.5, 1e-45, 1e-15, 1e9, 1e37, f32::MAX, f32::NAN, f32::INFINITY, 0.999_999_94];
    prop_oneof![3 => 0.0_f32..1.0, 1 => prop::sample::select(odd.to_vec()), 1 => finite()]
}

fn is_finite(x: &[f32]) -> bool {
    x.iter().all(|x| x.is_finite())
}

fn specs() -> impl Strategy<Value = Spec> {
    let activation =
        prop_oneof![prop::sample::select(&common::ACTIVATIONS), setting().prop_map(Activation::LeakyRelu),];
    let loss = prop_oneof![
        Just(Loss::SoftmaxCrossEntropy),
        Just(Loss::MeanSquared),
        Just(Loss::BinaryCrossEntropy),
        setting().prop_map(Loss::Huber),
        setting().prop_map(Loss::Pinball),
        Just(Loss::GaussianNll),
    ];
    let layer = (1_u16..4, activation, any::<bool>(), prop_oneof![2 => Just(0.0), 1 => setting()]);
    (1_u16..4, vec(layer, 1..4), loss, any::<bool>()).prop_map(|(inputs, layers, loss, by_sample)| {
        let last = layers.len() - 1;
        let add = |spec: Spec, (l, (width, f, normed, p)): (usize, (u16, Activation, bool, f32))| {
            let spec = spec.dense(width, f);
            let spec = match (normed, by_sample) {
                (true, false) => spec.norm(),
                (true, true) if width > 1 => spec.layer_norm(),
                _ => spec,
            };
            if l < last { spec.dropout(p) } else { spec }
        };
        layers.into_iter().enumerate().fold(Spec::new(inputs), add).loss(loss)
    })
}

/// An optimizer's settings.
#[derive(Clone, Copy, Debug)]
enum Config {
    Sgd(SgdConfig),
    Adam(AdamConfig),
    Free(ScheduleFreeConfig),
    FreeAdam(ScheduleFreeAdamConfig),
}

fn configs() -> impl Strategy<Value = Config> {
    let sgd = (setting(), any::<bool>(), setting(), any::<bool>());
    let adam = || (setting(), setting(), prop_oneof![Just(1e-8_f32), setting()], setting(), any::<(bool, bool)>());
    prop_oneof![
        sgd.prop_map(|(momentum, nesterov, weight_decay, no_bias_decay)| {
            Config::Sgd(SgdConfig { momentum, nesterov, weight_decay, no_bias_decay })
        }),
        adam().prop_map(|(beta1, beta2, epsilon, weight_decay, (_, no_bias_decay))| {
            Config::FreeAdam(ScheduleFreeAdamConfig { beta1, beta2, epsilon, weight_decay, no_bias_decay })
        }),
        adam().prop_map(|(beta1, beta2, epsilon, weight_decay, (decoupled, no_bias_decay))| {
            Config::Adam(AdamConfig { beta1, beta2, epsilon, weight_decay, decoupled, no_bias_decay })
        }),
        (setting(), setting(), any::<bool>()).prop_map(|(beta, weight_decay, no_bias_decay)| {
            Config::Free(ScheduleFreeConfig { beta, weight_decay, no_bias_decay })
        }),
    ]
}

/// Initial weights, and what they are scaled up by.
fn inits() -> impl Strategy<Value = Init> {
    prop_oneof![Just(Init::He), Just(Init::Glorot), setting().prop_map(Init::Normal)]
}

/// Batches: inputs, targets, the rate.
type Batch = (Vec<f32>, Vec<f32>, f32);

fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let target = prop_oneof![2 => 0.0_f32..=1.0, 1 => finite()];
    vec((vec(finite(), 9), vec(target, 9), setting()), 1..12)
}

/// Runs `act` on an optimizer over `state` and `slow`; the state of a schedule-free one comes back.
fn optimize(
    config: Config,
    lookahead: Option<LookaheadConfig>,
    model: &mut Model<'_>,
    (state, slow): (&mut [f32], &mut [f32]),
    mut act: impl FnMut(&mut Model<'_>, &mut dyn Optimizer),
) -> Result<(), Error> {
    let spec = *model.spec();
    let mut behind = |inner: &mut dyn Optimizer, model: &mut Model<'_>| {
        match lookahead {
            Some(config) => act(model, &mut Lookahead::new(config, inner, model, slow)?),
            None => act(model, inner),
        }
        Ok(())
    };
    match config {
        Config::Sgd(config) => {
            let len = config.state_len(&spec);
            behind(&mut Sgd::new(config, &spec, &mut state[..len])?, model)
        }
        Config::Adam(config) => behind(&mut Adam::new(config, &spec, &mut state[..2 * spec.param_len()])?, model),
        Config::Free(config) => {
            let mut free = ScheduleFree::new(config, model, &mut state[..2 * spec.param_len()])?;
            behind(&mut free, model)?;
            assert!(is_finite(&free.averaged().unwrap()));
            free.finish(model)
        }
        Config::FreeAdam(config) => {
            let mut free = ScheduleFreeAdam::new(config, model, state)?;
            behind(&mut free, model)?;
            assert!(is_finite(&free.averaged().unwrap()));
            free.finish(model)
        }
    }
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn training_gives_finite_numbers_or_an_error_that_changes_nothing(
        spec in specs(), init in inits(), config in configs(), batches in batches(),
        lookahead in prop::option::of((0_u32..3, setting())), scale in finite(),
        parts in prop::option::of(prop::option::of(setting())), weights in prop::option::of(vec(setting(), 3)),
    ) {
        let p = spec.param_len();
        let mut params = vec![0.25; if spec.check().is_ok() { p } else { 0 }];
        let Ok(mut model) = Model::new(&spec, &mut params) else { return Ok(()) };
        let before = bits(model.params());
        if model.init(init, 1).is_err() {
            prop_assert_eq!(bits(model.params()), before);
            return Ok(());
        }
        // Weights of any magnitude, as somebody may have left them; running variances are what they are.
        for layer in spec.layers() {
            let weights = &mut model.params_mut()[layer.offset()..][..layer.weight_len()];
            weights.iter_mut().for_each(|w| if scale != 0.0 && (*w * scale).is_finite() { *w *= scale });
        }
        prop_assert!(is_finite(model.params()));
        let (mut floats, mut sum) = (vec![f32::NAN; spec.work_len(3)], vec![0.0; p]);
        let mut work = Workspace::new(&spec, 3, &mut floats).unwrap();
        let (mut state, mut slow) = (vec![0.5; 3 * p], vec![0.5; p]);
        let lookahead = lookahead.map(|(every, alpha)| LookaheadConfig { every, alpha });
        let started = optimize(config, lookahead, &mut model, (&mut state, &mut slow), |model, optimizer| {
            for (x, t, rate) in &batches {
                let (x, targets) = (&x[..3 * spec.inputs()], Targets::Values(&t[..3 * spec.targets()]));
                let targets = match &weights {
                    Some(weights) => AnyTargets::from(targets.weighted(weights)),
                    None => targets.into(),
                };
                let before = (bits(model.params()), model.steps(), model.changes());
                let owned = optimizer.averaged().map(|x| bits(&x));
                let found = match parts {
                    None => model.train(x, targets, optimizer, *rate, &mut work),
                    Some(clip) => {
                        let mut gradient = Gradient::new(&spec, &mut sum).unwrap();
                        if weights.is_none() {
                            gradient = gradient.measured();
                        }
                        for _ in 0..2 {
                            let (score, sum) = (gradient.score(), bits(gradient.sum()));
                            let added = model.accumulate(x, targets, &mut gradient, &mut work);
                            assert!(added.is_ok() || (gradient.score(), bits(gradient.sum())) == (score, sum));
                        }
                        if let Some(clip) = clip {
                            let sum = bits(gradient.sum());
                            let clipped = gradient.clip(clip);
                            assert!(clipped.is_ok_and(f32::is_finite) || bits(gradient.sum()) == sum);
                        }
                        assert!(gradient.noise().is_ok_and(|noise| noise.variance.is_finite()) || gradient.noise().is_err());
                        assert!(is_finite(gradient.sum()));
                        let (score, sum) = (gradient.score(), bits(gradient.sum()));
                        let found = model.step(&mut gradient, optimizer, *rate);
                        assert!(found.is_ok() || (gradient.score(), bits(gradient.sum())) == (score, sum));
                        found
                    }
                };
                match found {
                    Ok(score) => assert!(score.loss().is_finite() && score.samples() > 0),
                    Err(_) => {
                        assert_eq!((bits(model.params()), model.steps(), model.changes()), before);
                        assert_eq!(optimizer.averaged().map(|x| bits(&x)), owned);
                    }
                }
                assert!(is_finite(model.params()), "{found:?}");
            }
        });
        if started.is_err() {
            prop_assert!(state.iter().chain(&slow).all(|&x| x == 0.5) || lookahead.is_some());
        } else {
            prop_assert!(is_finite(&state) && is_finite(&slow), "{:?}", config);
        }
        // Predictions and scores of what was learned.
        for (x, t, _) in &batches {
            let (x, mut total) = (&x[..3 * spec.inputs()], Score::default());
            prop_assert!(predict(&spec, model.params(), x, &mut work).map_or(true, |outputs| is_finite(outputs)));
            let targets = Targets::Values(&t[..3 * spec.targets()]);
            match evaluate(&spec, model.params(), x, targets, &mut total, &mut work) {
                Ok(()) => prop_assert!(total.loss().is_finite()),
                Err(_) => prop_assert_eq!(total, Score::default()),
            }
        }
    }

    #[test]
    fn averages_and_posteriors_are_finite_or_as_before(
        models in vec((vec(finite(), 4), setting(), 0_u8..4), 1..12), rule in 0_u8..5, epsilon in setting(),
        first in any::<bool>(), warmup in (0_u8..3, setting(), setting()), most in 0_u64..4, scale in setting(),
    ) {
        let warmup = match warmup {
            (0, ..) => Warmup::None,
            (1, ..) => Warmup::Ratio,
            (_, gamma, power) => Warmup::Power { gamma, power },
        };
        let origin = if first { Origin::First } else { Origin::Corrected };
        let rule = match rule {
            0 => Rule::capped(most),
            1 | 2 => Rule::ema(Ema { epsilon, origin, warmup }),
            3 => Rule::polynomial(epsilon),
            _ => Rule::mean(),
        };
        let (mut a, mut b, mut c, mut d) = (vec![0.0; 4], vec![0.0; 12], vec![0.0; 8], vec![0.0; 8]);
        let mut lost = vec![0.0; 4];
        if let Ok(mut average) = Averager::with_rule(rule, &mut a) {
            if first {
                average.compensate(&mut lost).unwrap();
            }
            for (model, weight, act) in &models {
                let before = (average.mean().map(|mean| bits(&mean)), average.count());
                let found = match act {
                    0 => average.update_weighted(model, *weight),
                    1 => average.remove(model, *weight),
                    _ => average.update(model),
                };
                prop_assert!(found.is_ok() || (average.mean().map(|mean| bits(&mean)), average.count()) == before);
                prop_assert!(average.mean().map_or(true, |mean| is_finite(&mean)), "{:?}", found);
            }
        }
        let mut window = Window::new(3, &mut b).unwrap();
        let (mean, rest) = c.split_at_mut(4);
        let mut swag = Swag::new(mean, rest, &mut d).unwrap();
        for (model, ..) in &models {
            let _ = (window.update(model), swag.update(model));
            let mut mean = [7.0; 4];
            prop_assert!(window.mean(&mut mean).is_ok() && is_finite(&mean) || mean == [7.0; 4]);
            let mut draw = [7.0; 4];
            prop_assert!(swag.sample(1, 2, scale, &mut draw).is_ok() && is_finite(&draw) || draw == [7.0; 4]);
        }
    }

    #[test]
    fn a_schedule_that_is_accepted_gives_rates_that_training_takes(
        rates in (setting(), setting(), setting(), setting()), counts in vec(prop_oneof![0_u64..20, any::<u64>()], 4),
        kind in 0_u8..8, warmup in prop_oneof![0_u64..5, any::<u64>()], anneal in any::<bool>(), cosine in any::<bool>(),
        step in prop_oneof![0_u64..100, any::<u64>()],
    ) {
        let ((rate, to, from, last), shape) = (rates, if cosine { Shape::Cosine } else { Shape::Linear });
        let (every, steps) = (counts[0], counts[1]);
        let decay = match kind {
            0 => Decay::Constant,
            1 => Decay::Step { every, factor: to },
            2 => Decay::Linear { to, steps },
            3 => Decay::Cosine { to, steps },
            4 => Decay::ConstantThenLinear { to, steps },
            5 => Decay::Cyclic { to, cycle: every },
            6 => Decay::WarmRestarts { to, first: every, factor: steps as u32 },
            _ => Decay::OneCycle { from, to, rise: every, steps, shape },
        };
        let anneal = anneal.then(|| Anneal { start: counts[2], steps: counts[3], to: last, shape });
        let schedule = Schedule { rate, warmup, decay, anneal };
        if schedule.check().is_ok() {
            for step in [0, 1, step, u64::MAX] {
                prop_assert!((0.0..=1e9).contains(&schedule.at(step)), "{:?} at {}: {}", schedule, step, schedule.at(step));
            }
        }
    }

    #[test]
    fn votes_and_draws_are_probabilities_or_refused(
        models in vec((vec(finite(), 6), setting()), 1..6), outputs in 0_usize..4, samples in 1_u32..4, scale in setting(),
        loss in prop::sample::select(&[Loss::SoftmaxCrossEntropy, Loss::MeanSquared, Loss::BinaryCrossEntropy]),
    ) {
        for vote in [Vote::Soft, Vote::LogPool, Vote::Hard] {
            let mut floats = vec![0.0; vote.state_len(6 / outputs.max(1), outputs)];
            let Ok(mut votes) = Votes::new(vote, Math::Libm, outputs, &mut floats) else { continue };
            models.iter().for_each(|(logits, weight)| { let _ = votes.add(&mut logits.clone(), *weight); });
            if let Ok(p) = votes.finish() {
                prop_assert!(p.iter().all(|p| (0.0..=1.000_001).contains(p)), "{:?} {:?}", vote, p);
            }
        }
        let spec = Spec::new(1).dense(3, Activation::Identity).loss(loss);
        let (mut mean, mut second, mut draw, mut outputs) = ([0.0; 6], [0.0; 6], [0.0; 6], [0.0; 6]);
        let mut swag = Swag::new(&mut mean, &mut second, &mut []).unwrap();
        let mut floats = vec![0.0; spec.predict_len(1)];
        let mut work = Workspace::for_prediction(&spec, 1, &mut floats).unwrap();
        for (model, x) in &models {
            let _ = swag.update(model);
            let draws = Draws { seed: 1, samples, scale };
            if swag.predict(&spec, draws, &[*x, 1.0], &mut draw, &mut outputs, &mut work).is_ok() {
                prop_assert!(is_finite(&outputs), "{:?}", outputs);
            }
        }
    }

    #[test]
    fn replicas_stay_finite_and_growth_within_its_bounds(
        slab in vec(finite(), 8), center in vec(finite(), 4), share in setting(),
        noises in vec((0.0_f32..1.0, finite(), finite()), 1..6), growth in (0_u8..3, setting()), bounds in (0_u64..9, 0_u64..99),
        slack in setting(), least in setting(), losses in vec(finite(), 1..5), patience in 0_u32..3,
    ) {
        const NET: Spec = Spec::new(1).dense(2, Activation::Identity);
        let (mut slab, mut center, mut mean) = (slab, center, [0.0; 4]);
        for coupled in [false, true] {
            let before = (bits(&slab), bits(&center));
            let mut models: [Model<'_>; 2] = Model::replicas(&NET, &mut slab).unwrap();
            let found = if coupled {
                attract(&mut models, &mut center, &mut mean, share).map(|_| ())
            } else {
                pull(&mut models, &mut mean, Pull::Constant(share).at(1, 2))
            };
            prop_assert!(found.is_ok() || (bits(&slab), bits(&center)) == before);
            prop_assert!(is_finite(&slab) && is_finite(&center));
        }
        let rule = match growth {
            (0, x) => Growth::NormTest(x),
            (1, x) => Growth::NoiseScale(x),
            (_, x) => Growth::Doubling(x as u64),
        };
        let (from, to) = bounds;
        if let Ok(mut batch) = BatchSize::new(rule, from, to, patience) {
            for (_, variance, signal) in &noises {
                let noise = Noise { variance: *variance, signal: *signal, square: signal.abs(), samples: 8 };
                prop_assert!((from..=to).contains(&batch.update(8, Some(noise))));
            }
        }
        if let Ok(mut gate) = Gate::resume(slack, least) {
            losses.iter().for_each(|loss| { let _ = gate.pass(*loss); });
            // A loss far enough below passes.
            prop_assert!(gate.pass(f32::MIN) || gate.least() == f32::MIN || slack < 0.0 || least == f32::MIN);
        }
    }

    #[test]
    fn preprocessing_gives_finite_inputs_or_leaves_them(
        rows in vec((finite(), any::<bool>()), 2..16), clip in prop_oneof![Just(Clip::None), Just(Clip::Range), setting().prop_map(Clip::Deviations)],
        scaling in prop::sample::select(&[Scaling::None, Scaling::Standard, Scaling::MinMax]), fill in setting(), kind in 0_u8..3,
    ) {
        let missing = [Missing::Refuse, Missing::Mean, Missing::Constant(fill)][usize::from(kind)];
        let config = PreprocessConfig { missing, clip, scaling };
        let n = rows.len() / 2 * 2;
        let rows: Vec<f32> = rows[..n].iter().map(|&(x, is_missing)| if is_missing { f32::NAN } else { x }).collect();
        let (mut floats, mut counts) = (vec![0.0; Fit::state_len(2)], [0; 2]);
        let Ok(mut fit) = Fit::new(config, 2, &mut floats, &mut counts) else { return Ok(()) };
        let _ = fit.add(&rows);
        if let Ok(preprocess) = fit.finish() {
            prop_assert_eq!(preprocess.floats().len(), Preprocess::state_len(2));
            let mut prepared = rows.clone();
            match preprocess.apply(&mut prepared) {
                Ok(()) => prop_assert!(is_finite(&prepared)),
                Err(_) => prop_assert_eq!(bits(&prepared), bits(&rows)),
            }
        }
    }
}
