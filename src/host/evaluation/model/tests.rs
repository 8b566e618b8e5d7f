use super::*;
use crate::{Activation, Workspace, predict};

#[test]
fn a_model_in_units_predicts_values_times_deviation_plus_mean() {
    let spec = Spec::new(2).dense(3, Activation::Tanh).dense(2, Activation::Identity).loss(crate::Loss::MeanSquared);
    let params: Vec<f32> = (0..spec.param_len()).map(|i| (i as f32 * 0.7).sin()).collect();
    let model = SavedModel { spec, params, is_average: false, preparation: None, trained_on: None };
    let units = Units { means: vec![100.0, -3.0], deviations: vec![20.0, 0.5] };
    let ask = |model: &SavedModel| {
        let mut floats = vec![0.0; spec.predict_len(1)];
        let mut work = Workspace::for_prediction(&spec, 1, &mut floats).unwrap();
        predict(&spec, &model.params, &[0.3, -0.8], &mut work).unwrap().to_vec()
    };
    let (plain, scaled) = (ask(&model), ask(&model.in_units(&units)));
    for ((p, s), (mean, sd)) in plain.iter().zip(&scaled).zip(units.means.iter().zip(&units.deviations)) {
        assert!((p * sd + mean - s).abs() < 1e-4, "{p} {s}");
    }
}
