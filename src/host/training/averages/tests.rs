use super::*;
use crate::host::data::Dataset;
use crate::host::evaluation::{calibrate, poll};
use crate::{Activation, Init, Model, Spec, Workspace};

#[test]
fn the_soft_vote_of_draws_is_what_their_posterior_predicts() {
    const NET: Spec = Spec::new(784).dense(5, Activation::Relu).dense(10, Activation::Identity);
    const P: usize = NET.param_len();
    let data = Dataset::sample().unwrap();
    let indices: Vec<u32> = (0..700).map(|i| i * 3).collect();
    let mut memory = Memory::new(&AverageKind::Swag(2, 4), P).unwrap();
    let mut average = Average::new(&AverageKind::Swag(2, 4), Snapshots { start: 1, every: 1 }, 7, &mut memory).unwrap();
    let mut params = vec![0.0; P];
    let mut model = Model::new(&NET, &mut params).unwrap();
    for seed in 1..4 {
        model.init(Init::He, seed).unwrap();
        average.follow(&model, seed..seed + 1).unwrap();
    }
    let mut evaluator = Evaluator::new(&NET, &data).unwrap();
    let mut norms = Norms::new(&NET, &data.train, &indices).unwrap();
    let asked = poll(&NET, [(&data.train, &indices), (&data.test, &[])], |polls| {
        average.ask(&mut evaluator, &mut norms, polls)
    });
    let [[soft, pooled, hard], nothing] = asked.unwrap();

    let Running::Swag(swag, draws) = &average.running else { panic!("no posterior") };
    let (mut probabilities, mut scratch) = (vec![0.0; 700 * 10], vec![0.0; P]);
    let mut floats = vec![0.0; NET.predict_len(64)];
    let mut work = Workspace::for_prediction(&NET, 64, &mut floats).unwrap();
    let inputs = data.train.inputs_of(&indices);
    swag.predict(&NET, *draws, inputs, &mut scratch, &mut probabilities, &mut work).unwrap();
    let expected = calibrate(&NET, &data.train, &indices, &probabilities).unwrap();
    assert!((soft.calibration.score().loss() - expected.score().loss()).abs() < 1e-5);
    assert!((soft.calibration.ece() - expected.ece()).abs() < 1e-5);
    assert_eq!((soft.samples, soft.samples - soft.errors), (700, expected.score().hits()));
    // Others than the soft one, whose ballots are quarters.
    assert!((pooled.calibration.score().loss() - expected.score().loss()).abs() > 1e-3);
    assert!(pooled.samples == 700 && hard.samples == 700 && hard.errors != soft.errors);
    assert_eq!(nothing.map(|tally| tally.samples), [0; 3]);
}
