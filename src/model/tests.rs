use super::*;
use crate::network::activation::Activation;
use crate::network::loss::Loss;

#[test]
fn initial_weights_have_the_scale_they_should() {
    const NET: Spec = Spec::new(100).dense(200, Activation::Relu).dense(50, Activation::Identity);
    let mut params = [0.0; NET.param_len()];
    let mut model = Model::new(&NET, &mut params).unwrap();
    for (init, first, second) in [
        (Init::He, 2.0 / 100.0, 2.0 / 200.0),
        (Init::Glorot, 2.0 / 300.0, 2.0 / 250.0),
        (Init::Normal(0.3), 0.09, 0.09),
    ] {
        model.init(init, 5).unwrap();
        let variance = |w: &[f32]| w.iter().map(|w| w * w).sum::<f32>() / w.len() as f32;
        let (w1, rest) = model.params().split_at(20_000);
        let (b1, rest) = rest.split_at(200);
        let (w2, b2) = rest.split_at(10_000);
        assert!((variance(w1) / first - 1.0).abs() < 0.05 && (variance(w2) / second - 1.0).abs() < 0.05);
        assert!(b1.iter().chain(b2).all(|&b| b == 0.0));
    }
}

#[test]
fn a_wrong_sigma_changes_nothing() {
    const NET: Spec = Spec::new(2).dense(1, Activation::Identity).loss(Loss::MeanSquared);
    let mut params = [1.0, 2.0, 3.0];
    let mut model = Model::new(&NET, &mut params).unwrap();
    for sigma in [-1.0, f32::NAN, f32::INFINITY, 2e38, 1.1e37] {
        assert_eq!(model.init(Init::Normal(sigma), 1), Err(Error::Setting(Setting::Sigma)));
    }
    assert_eq!((model.params(), model.changes()), (&[1.0, 2.0, 3.0][..], 0));
}
