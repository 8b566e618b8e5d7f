//! What is known of parameters: whether they are an average, and whose weights an exchanged average holds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{bits, cases, initial, work};
use cygnet::average::{Swag, Window};
use cygnet::model::{Params, fold};
use cygnet::optim::{Optimizer, ScheduleFree, ScheduleFreeConfig};
use cygnet::replicas::{attract, mean_of, pull};
use cygnet::store::{holds_average, save};
use cygnet::{Activation, Averager, Error, Init, Loss, Model, Sgd, Spec, Targets, Workspace};
use proptest::prelude::*;
use std::mem::forget;

const NET: Spec = Spec::new(2).dense(3, Activation::Relu).norm().dense(2, Activation::Identity);
const P: usize = NET.param_len();

/// Whether a checkpoint of `params` says that they are an average's.
fn is_average<'p>(params: impl Into<Params<'p>>) -> bool {
    let mut bytes = vec![0; NET.checkpoint_len()];
    save(&NET, params, &mut bytes).unwrap();
    holds_average(&bytes)
}

fn stored(params: &[f32]) -> Vec<u8> {
    let mut bytes = vec![0; NET.checkpoint_len()];
    save(&NET, params, &mut bytes).unwrap();
    bytes
}

fn train(model: &mut Model<'_>) {
    let mut floats = work(&NET, 2);
    let mut work = Workspace::new(&NET, 2, &mut floats).unwrap();
    let mut sgd = Sgd::plain(&NET).unwrap();
    model.train(&[0.5, -0.5, 1.0, 0.0], Targets::Classes(&[0, 1]), &mut sgd, 0.1, &mut work).unwrap();
}

/// The ways to change a model's parameters; the last two pull it part of the way.
const CHANGES: usize = 6;
fn change(model: &mut Model<'_>, how: usize) {
    match how {
        0 => train(model),
        1 => model.init(Init::He, 9).unwrap(),
        2 => model.load(&stored(&initial(&NET, 4))).unwrap(),
        3 => _ = model.params_mut(),
        4 => pull(std::slice::from_mut(model), &mut [0.0; P], 0.5).unwrap(),
        _ => _ = attract(std::slice::from_mut(model), &mut initial(&NET, 5), &mut [0.0; P], 0.5).unwrap(),
    }
}

#[test]
fn every_mean_is_saved_as_an_average() {
    let (mut a, mut b) = (initial(&NET, 1), initial(&NET, 2));
    let mut models = [Model::new(&NET, &mut a).unwrap(), Model::new(&NET, &mut b).unwrap()];
    let (mut mean, mut second, mut copy, mut slab) = ([0.0; P], [0.0; P], [0.0; P], [0.0; 2 * P]);
    let mut swa = Averager::new(&mut mean);
    swa.update(&models[0]).unwrap();
    assert!(is_average(swa.mean().unwrap()) && is_average(swa.copy_to(&mut copy).unwrap()));
    let mut swag = Swag::new(&mut copy, &mut second, &mut []).unwrap();
    swag.update(&models[0]).unwrap();
    assert!(is_average(swag.mean().unwrap()));
    let mut window = Window::new(2, &mut slab).unwrap();
    window.update(&models[0]).unwrap();
    assert!(is_average(window.mean(&mut [0.0; P]).unwrap()));
    assert!(is_average(mean_of(&models, &mut [0.0; P]).unwrap()));
    let mut center = initial(&NET, 3);
    assert!(is_average(attract(&mut models, &mut center, &mut [0.0; P], 0.5).unwrap()));
    assert!(models.iter().all(|model| !is_average(model)), "attracted, and in training");
    let mut floats = [0.0; 2 * P];
    let free = ScheduleFree::new(ScheduleFreeConfig::default(), &models[0], &mut floats).unwrap();
    assert!(is_average(free.averaged().unwrap()));
    // Read as a slice, nobody knows.
    assert!(!is_average(swa.mean().unwrap().as_slice()));
}

#[test]
fn replicas_are_an_average_when_they_were_pulled_all_the_way() {
    let (mut a, mut b) = (initial(&NET, 1), initial(&NET, 2));
    let mut models = [Model::new(&NET, &mut a).unwrap(), Model::new(&NET, &mut b).unwrap()];
    for (alpha, expected) in [(0.0, false), (0.5, false), (1.0, true)] {
        pull(&mut models, &mut [0.0; P], alpha).unwrap();
        assert_eq!([is_average(&models[0]), is_average(&models[1])], [expected; 2], "{alpha}");
    }
    train(&mut models[0]);
    assert_eq!([is_average(&models[0]), is_average(&models[1])], [false, true]);
}

#[test]
fn a_folded_average_stays_one() {
    const FOLDED: Spec = NET.folded();
    let params = initial(&NET, 1);
    for expected in [true, false] {
        let params = if expected { Params::of_average(&params) } else { Params::from(&params) };
        let mut folded = [0.0; FOLDED.param_len()];
        assert_eq!(fold(&NET, params, &mut folded).unwrap().is_average(), expected);
    }
}

#[test]
fn new_statistics_leave_an_average_one() {
    let (mut params, mut mean, mut floats) = (initial(&NET, 1), [0.0; P], work(&NET, 2));
    let mut model = Model::new(&NET, &mut params).unwrap();
    let mut swa = Averager::new(&mut mean);
    swa.update(&model).unwrap();
    swa.finish(&mut model).unwrap();
    let mut work = Workspace::new(&NET, 2, &mut floats).unwrap();
    let mut pooled = [0.0; NET.norm_len()];
    let mut update = model.norm_update(&mut pooled).unwrap();
    update.add(&[0.5, -0.5, 1.0, 0.0], &mut work).unwrap();
    update.finish().unwrap();
    assert!(is_average(&model));
}

proptest! {
    #![proptest_config(cases(64))]

    /// An average is one until anything else may stand in its place.
    #[test]
    fn whatever_changes_an_average_ends_its_mark(how in 0..CHANGES) {
        let (mut params, mut mean) = (initial(&NET, 1), [0.0; P]);
        let mut model = Model::new(&NET, &mut params).unwrap();
        let mut swa = Averager::new(&mut mean);
        swa.update(&model).unwrap();
        swa.finish(&mut model).unwrap();
        prop_assert!(is_average(&model));
        change(&mut model, how);
        // Between two averages it is one.
        prop_assert_eq!(is_average(&model), how >= 4);
    }

    /// After a leaked exchange the average comes back from the model that it went to, as it was, or not at all.
    #[test]
    fn a_leaked_exchange_is_restored_from_where_it_is_or_not_at_all(how in 0..=CHANGES, other in 0..3_usize) {
        let (mut params, mut mean) = (initial(&NET, 1), [0.0; P]);
        let (mut elsewhere, mut foreign) = (initial(&NET, 2), [0.0; P]);
        let mut model = Model::new(&NET, &mut params).unwrap();
        let mut stranger = Model::new(&NET, &mut elsewhere).unwrap();
        let (mut swa, mut another) = (Averager::new(&mut mean), Averager::new(&mut foreign));
        swa.update(&initial(&NET, 7)).unwrap();
        another.update(&initial(&NET, 8)).unwrap();
        if other > 0 {
            another.finish(&mut stranger).unwrap();
        }
        let (live, average) = (bits(model.params()), bits(&swa.mean().unwrap()));
        forget(swa.in_place_of(&mut model).unwrap());
        if other > 1 {
            // Exchanged as well, but with another average.
            forget(another.in_place_of(&mut stranger).unwrap());
        }
        let before = bits(stranger.params());
        prop_assert_eq!(swa.restore(&mut stranger), Err(Error::OtherModel));
        prop_assert_eq!(bits(stranger.params()), before);
        prop_assert_eq!(Averager::resume(swa.state(), &mut initial(&NET, 1)).err(), Some(Error::Swapped));

        if how < CHANGES {
            change(&mut model, how);
            if other == 0 {
                // Exchanged again, with another average.
                forget(another.in_place_of(&mut model).unwrap());
            }
            let changed = bits(model.params());
            prop_assert_eq!(swa.restore(&mut model), Err(Error::OtherModel));
            prop_assert_eq!((swa.mean(), swa.count()), (Err(Error::Swapped), 1));
            prop_assert_eq!(bits(model.params()), changed);
            // The live weights are the caller's still.
            prop_assert_eq!(bits(&mean), live);
        } else {
            prop_assert!(is_average(&model));
            swa.restore(&mut model).unwrap();
            prop_assert_eq!((bits(model.params()), bits(&swa.mean().unwrap())), (live, average));
            prop_assert!(!is_average(&model));
        }
    }
}

#[test]
fn an_average_that_was_exchanged_with_an_average_gives_it_back_as_one() {
    let (mut params, mut mean) = (initial(&NET, 1), [0.0; P]);
    let mut model = Model::new(&NET, &mut params).unwrap();
    let mut swa = Averager::new(&mut mean);
    swa.update(&model).unwrap();
    swa.finish(&mut model).unwrap();
    drop(swa.in_place_of(&mut model).unwrap());
    assert!(is_average(&model));
    forget(swa.in_place_of(&mut model).unwrap());
    swa.restore(&mut model).unwrap();
    assert!(is_average(&model));
}

#[test]
fn a_finish_that_fails_leaves_model_and_average() {
    const OTHER: Spec = Spec::new(1).dense(1, Activation::Identity).loss(Loss::MeanSquared);
    let (mut params, mut mean, mut wrong) = (initial(&NET, 1), [0.0; P], [1.0, 2.0]);
    let mut model = Model::new(&NET, &mut params).unwrap();
    let mut swa = Averager::new(&mut mean);
    assert_eq!(swa.finish(&mut model), Err(Error::NoAverage));
    swa.update(&model).unwrap();
    let mut other = Model::new(&OTHER, &mut wrong).unwrap();
    assert!(matches!(swa.finish(&mut other), Err(Error::Length { .. })));
    assert_eq!((other.params(), swa.count()), (&[1.0, 2.0][..], 1));
    swa.finish(&mut model).unwrap();
    assert_eq!(swa.update(&model), Ok(2));
}
