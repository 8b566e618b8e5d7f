//! Whose an optimizer, a gradient or a model is: another network's is refused, and so is one that was changed behind the
//! back of an optimizer that owns its weights.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{bits, initial, samples};
use cygnet::optim::{
    AdamConfig, AdamState, Lookahead, LookaheadConfig, LookaheadState, Optimizer, ScheduleFree, ScheduleFreeConfig,
    SgdConfig, SgdState,
};
use cygnet::replicas::{Pull, attract, mean_of, pull};
use cygnet::store::save;
use cygnet::{Activation, Adam, Averager, Error, Gradient, Init, Loss, Model, Sgd, Spec, Targets, Workspace};

const NET: Spec = Spec::new(3).dense(5, Activation::Tanh).dense(2, Activation::Identity);
const P: usize = NET.param_len();
const TARGETS: Targets<'static> = Targets::Classes(&[0, 1]);

/// Networks of as many parameters as [`NET`].
const OTHERS: [Spec; 3] = [
    Spec::new(3).dense(5, Activation::Relu).dense(2, Activation::Identity),
    NET.loss(Loss::MeanSquared),
    Spec::new(3).dense(5, Activation::Tanh).dropout(0.5).dense(2, Activation::Identity),
];

/// A step of a model of [`NET`], fused or along a gradient, which changes nothing where it is refused.
fn train(model: &mut Model<'_>, optimizer: &mut dyn Optimizer, fused: bool) -> Result<(), Error> {
    let (mut floats, mut sum, x) = (vec![0.0; NET.work_len(2)], vec![0.0; P], samples(2, &NET, 1));
    let mut work = Workspace::new(&NET, 2, &mut floats).unwrap();
    let before = (bits(model.params()), model.steps(), model.changes());
    let found = if fused {
        model.train(&x, TARGETS, optimizer, 0.1, &mut work)
    } else {
        let mut gradient = Gradient::new(&NET, &mut sum).unwrap();
        model.accumulate(&x, TARGETS, &mut gradient, &mut work).unwrap();
        let (score, sum) = (gradient.score(), bits(gradient.sum()));
        let found = model.step(&mut gradient, optimizer, 0.1);
        assert!(found.is_ok() || (gradient.score(), bits(gradient.sum())) == (score, sum));
        found
    };
    assert!(found.is_ok() || (bits(model.params()), model.steps(), model.changes()) == before);
    found.map(|_| ())
}

#[test]
fn what_belongs_to_another_network_of_the_same_length_is_refused() {
    for other in OTHERS {
        assert_eq!(other.param_len(), P);
        let (mut own, mut theirs) = (initial(&NET, 1), initial(&other, 1));
        let mut model = Model::new(&NET, &mut own).unwrap();
        let foreign = Model::new(&other, &mut theirs).unwrap();
        let (mut a, mut b, mut c, mut d) = (vec![0.5; P], vec![0.5; 2 * P], vec![0.5; 2 * P], vec![0.5; P]);
        let heavy = SgdConfig { momentum: 0.9, ..SgdConfig::default() };
        let mut plain = Sgd::plain(&other).unwrap();
        let mut momentum = Sgd::resume(SgdState::new(heavy, &other).unwrap(), &mut a).unwrap();
        let mut adam = Adam::resume(AdamState::new(AdamConfig::default(), &other, 4).unwrap(), &mut b).unwrap();
        let mut free = ScheduleFree::new(ScheduleFreeConfig::default(), &foreign, &mut c).unwrap();
        let inner = Sgd::plain(&other).unwrap();
        let mut lookahead = Lookahead::new(LookaheadConfig::default(), inner, &foreign, &mut d).unwrap();
        let optimizers: [&mut dyn Optimizer; 5] = [&mut plain, &mut momentum, &mut adam, &mut free, &mut lookahead];
        for optimizer in optimizers {
            assert_eq!([true, false].map(|fused| train(&mut model, optimizer, fused)), [Err(Error::Network); 2]);
        }
        assert_eq!((adam.steps(), lookahead.steps()), (4, 0));
        assert_eq!(free.finish(&mut model), Err(Error::Network));
        assert_eq!((a, b), (vec![0.5; P], vec![0.5; 2 * P]));
        let inner = Sgd::plain(&other).unwrap();
        let mixed = Lookahead::new(LookaheadConfig::default(), inner, &model, &mut d);
        assert_eq!(mixed.err(), Some(Error::Network));

        let mut sum = vec![0.0; P];
        let mut gradient = Gradient::new(&other, &mut sum).unwrap();
        let (mut floats, x) = (vec![0.0; NET.work_len(2)], samples(2, &NET, 1));
        let mut work = Workspace::new(&NET, 2, &mut floats).unwrap();
        assert_eq!(model.accumulate(&x, TARGETS, &mut gradient, &mut work), Err(Error::Network));
        let mut sgd = Sgd::plain(&NET).unwrap();
        assert_eq!(model.step(&mut gradient, &mut sgd, 0.1), Err(Error::Network));

        let mut mean = vec![7.0; P];
        assert_eq!(mean_of(&[model, foreign], &mut mean), Err(Error::Network));
        assert_eq!(mean, vec![7.0; P]);
    }
}

#[test]
fn a_description_says_whose_it_is_not_where_it_lies() {
    let copy = Spec::new(3).loss(Loss::MeanSquared).dense(5, Activation::Tanh).dense(2, Activation::Identity);
    let copy = copy.loss(Loss::SoftmaxCrossEntropy);
    let mut params = initial(&NET, 1);
    let mut model = Model::new(&NET, &mut params).unwrap();
    let mut sgd = Sgd::plain(&copy).unwrap();
    assert_eq!(train(&mut model, &mut sgd, true), Ok(()));
}

/// Something that gives a model other weights, in one way of many.
type Change = fn(&mut Model<'_>);

#[test]
fn what_changes_a_model_stops_an_optimizer_that_owns_its_weights_until_it_starts_anew() {
    let changes: [(&str, Change); 9] = [
        ("params_mut", |model| model.params_mut()[0] += 1.0),
        ("init", |model| model.init(Init::Glorot, 3).unwrap()),
        ("load", |model| {
            let mut bytes = vec![0; NET.checkpoint_len()];
            save(&NET, &initial(&NET, 9), &mut bytes).unwrap();
            model.load(&bytes).unwrap();
        }),
        ("pull", |model| {
            let mut params = model.params().to_vec();
            with_other(model, &mut params, |both, mean| pull(both, mean, 0.5).unwrap());
        }),
        ("attract", |model| {
            let (mut params, mut center) = (model.params().to_vec(), vec![0.5; P]);
            with_other(model, &mut params, |both, mean| {
                attract(both, &mut center, mean, 0.5).unwrap();
            });
        }),
        ("another optimizer", |model| {
            let mut sgd = Sgd::plain(&NET).unwrap();
            train(model, &mut sgd, true).unwrap();
        }),
        ("another that owns", |model| {
            let mut floats = vec![0.0; 2 * P];
            let mut free = ScheduleFree::new(ScheduleFreeConfig::default(), model, &mut floats).unwrap();
            train(model, &mut free, false).unwrap();
            free.finish(model).unwrap();
        }),
        ("an average at the end", |model| {
            let mut mean = vec![0.0; P];
            let mut average = Averager::new(&mut mean);
            average.update(&initial(&NET, 8)).unwrap();
            average.finish(model).unwrap();
        }),
        ("an average that was left in its place", |model| {
            let mut mean = vec![0.0; P];
            let mut average = Averager::new(&mut mean);
            average.update(&initial(&NET, 8)).unwrap();
            std::mem::forget(average.in_place_of(model).unwrap());
        }),
    ];
    for (name, change) in changes {
        let (mut params, mut floats) = (initial(&NET, 1), vec![0.0; 2 * P]);
        let mut model = Model::new(&NET, &mut params).unwrap();
        let mut free = ScheduleFree::new(ScheduleFreeConfig::default(), &model, &mut floats).unwrap();
        for fused in [true, false, true] {
            train(&mut model, &mut free, fused).unwrap();
        }
        change(&mut model);
        let (state, x) = (free.state(), bits(&free.averaged().unwrap()));
        for fused in [true, false, true] {
            assert_eq!(train(&mut model, &mut free, fused), Err(Error::Changed), "{name}");
        }
        assert_eq!((free.state(), bits(&free.averaged().unwrap())), (state, x), "{name}");
        let mut free = ScheduleFree::new(ScheduleFreeConfig::default(), &model, &mut floats).unwrap();
        assert_eq!(train(&mut model, &mut free, true), Ok(()), "{name}");
    }
}

#[test]
fn another_model_of_the_same_network_and_as_many_changes_is_not_trained_as_the_first() {
    let (mut a, mut b, mut floats) = (initial(&NET, 1), initial(&NET, 2), vec![0.0; 2 * P]);
    let mut first = Model::new(&NET, &mut a).unwrap();
    let mut second = Model::new(&NET, &mut b).unwrap();
    let mut free = ScheduleFree::new(ScheduleFreeConfig::default(), &first, &mut floats).unwrap();
    for fused in [true, false] {
        assert_eq!(first.changes(), second.changes());
        assert_eq!(train(&mut second, &mut free, fused), Err(Error::Changed));
        assert_eq!(train(&mut first, &mut free, fused), Ok(()));
        let _ = second.params_mut();
    }
    // Where a model itself lies does not matter.
    let mut moved = first;
    assert_eq!(train(&mut moved, &mut free, true), Ok(()));
}

#[test]
fn a_pull_that_does_not_pull_is_no_change() {
    let (mut a, mut b, mut floats, mut mean) = (initial(&NET, 1), initial(&NET, 2), vec![0.0; 2 * P], vec![0.0; P]);
    a[0] = -0.0;
    let mut models = [Model::new(&NET, &mut a).unwrap(), Model::new(&NET, &mut b).unwrap()];
    let mut free = ScheduleFree::new(ScheduleFreeConfig::default(), &models[0], &mut floats).unwrap();
    for fused in [true, false] {
        let before = models.each_ref().map(|model| (bits(model.params()), model.changes()));
        pull(&mut models, &mut mean, Pull::Fading.at(9, 9)).unwrap();
        attract(&mut models, &mut [0.5; P], &mut mean, 0.0).unwrap();
        assert_eq!(models.each_ref().map(|model| (bits(model.params()), model.changes())), before);
        assert_eq!(train(&mut models[0], &mut free, fused), Ok(()));
    }
}

/// Lets `act` have the model beside another one.
fn with_other(model: &mut Model<'_>, params: &mut [f32], act: impl FnOnce(&mut [Model<'_>], &mut [f32])) {
    let (mut other, mut mean) = (initial(&NET, 4), vec![0.0; P]);
    // A place for the model among others, which takes it by value.
    let taken = std::mem::replace(model, Model::new(&NET, leak(params)).unwrap());
    let mut both = [taken, Model::new(&NET, leak(&mut other)).unwrap()];
    act(&mut both, &mut mean);
    let [taken, _] = both;
    *model = taken;
}

/// Floats for as long as any model lives.
fn leak(floats: &mut [f32]) -> &'static mut [f32] {
    Box::leak(floats.to_vec().into_boxed_slice())
}

#[test]
fn looking_at_a_model_or_at_its_average_stops_no_optimizer() {
    let (mut params, mut floats, mut mean) = (initial(&NET, 1), vec![0.0; 2 * P], vec![0.0; P]);
    let mut model = Model::new(&NET, &mut params).unwrap();
    let mut free = ScheduleFree::new(ScheduleFreeConfig::default(), &model, &mut floats).unwrap();
    let mut average = Averager::new(&mut mean);
    for fused in [true, false, true, false] {
        train(&mut model, &mut free, fused).unwrap();
        average.update(&model).unwrap();
        let changes = model.changes();
        let in_place = average.in_place_of(&mut model).unwrap();
        assert_eq!(in_place.spec(), &NET);
        drop(in_place);
        model.resume(7, 3);
        assert_eq!(model.changes(), changes);
        std::mem::forget(average.in_place_of(&mut model).unwrap());
        assert_eq!(train(&mut model, &mut free, fused), Err(Error::Changed));
        average.restore(&mut model).unwrap();
        assert_eq!(model.changes(), changes);
    }
}

#[test]
fn lookahead_takes_no_inner_optimizer_that_owns_the_weights() {
    let (mut params, mut floats, mut slow) = (initial(&NET, 1), vec![0.0; 2 * P], vec![7.0; P]);
    let mut model = Model::new(&NET, &mut params).unwrap();
    let mut free = ScheduleFree::new(ScheduleFreeConfig::default(), &model, &mut floats).unwrap();
    assert!(free.owns_weights() && Optimizer::owns_weights(&&mut free));
    for inner in [&mut free as &mut dyn Optimizer, &mut &mut ScheduleFreeBehind] {
        let error = Lookahead::new(LookaheadConfig::default(), &mut *inner, &model, &mut slow).err();
        assert_eq!(error, Some(Error::OwnsWeights));
        let error = Lookahead::resume(
            LookaheadState { config: LookaheadConfig::default(), steps: 3 },
            inner,
            &model,
            &mut slow,
        )
        .err();
        assert_eq!(error, Some(Error::OwnsWeights));
    }
    assert_eq!(slow, [7.0; P]);
    // Slow weights follow a model that was changed: they own nothing.
    let sgd = Sgd::plain(&NET).unwrap();
    let mut lookahead = Lookahead::new(LookaheadConfig::default(), sgd, &model, &mut slow).unwrap();
    assert!(!lookahead.owns_weights());
    model.params_mut()[0] = 0.5;
    assert_eq!(train(&mut model, &mut lookahead, true), Ok(()));
}

/// One of the caller's own.
struct ScheduleFreeBehind;

impl Optimizer for ScheduleFreeBehind {
    fn check(&self, _: &Model<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn owns_weights(&self) -> bool {
        true
    }

    fn begin(&mut self, _: f32, _: f32, _: f32, _: f32) -> Result<f32, Error> {
        Ok(f32::NAN)
    }

    fn update(&mut self, _: usize, _: &mut [f32], _: &[f32]) {}
}
