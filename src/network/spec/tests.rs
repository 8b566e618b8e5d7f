//! Sizes, faults and digests of descriptions.

use super::*;

const NET: Spec = Spec::new(784).dense(64, Activation::Relu).dropout(0.5).dense(10, Activation::Identity);

#[test]
fn sizes_of_the_reference_network() {
    assert_eq!(NET.param_len(), 50_890);
    assert_eq!(NET.work_len(1), 2 * 74 + 64);
    assert_eq!(NET.work_len(32), 2 * 32 * 74 + 64);
    assert_eq!(NET.predict_len(1), 74);
    // Elements, masks of 64 samples, three places a sample and one more; values and a block of gradients.
    for (batch, masks) in [(1, 1), (32, 1), (64, 1), (65, 2)] {
        assert_eq!(NET.index_len(batch), 784 * batch + 16 + 2 * 784 * masks + 3 * batch + 1);
        assert_eq!(NET.list_len(batch), 784 * batch + 16 + 4096);
    }
    let wide = Spec::new(3).dense(100, Activation::Relu).dense(2, Activation::Identity);
    assert_eq!(wide.list_len(5), 15 + 16 + 64 * 100);
    assert_eq!((NET.inputs(), NET.outputs(), NET.depth()), (784, 10, 2));
    let head = NET.layer(1).unwrap();
    assert_eq!((head.inputs(), head.outputs(), head.offset()), (64, 10, 784 * 64 + 64));
    assert_eq!((NET.units(), NET.widest_even()), (74, 64));
    assert_eq!(NET.layer(2), None);
}

#[test]
fn a_wrong_description_says_its_first_fault_and_has_no_size() {
    let id = Activation::Identity;
    let deep = (0..=MAX_LAYERS).fold(Spec::new(2), |s, _| s.dense(2, id));
    for (spec, fault) in [
        (Spec::new(3), SpecFault::NoLayers),
        (Spec::new(0).dense(2, id), SpecFault::ZeroWidth),
        (Spec::new(2).dense(0, id), SpecFault::ZeroWidth),
        (Spec::new(2).dropout(0.5).dense(2, id), SpecFault::Dropout),
        (Spec::new(2).dense(2, id).dropout(0.5), SpecFault::Dropout),
        (Spec::new(2).dense(2, id).dropout(1.0).dense(2, id), SpecFault::Dropout),
        (Spec::new(2).dense(2, id).dropout(f32::NAN).dense(2, id), SpecFault::Dropout),
        (Spec::new(2).dense(2, Activation::LeakyRelu(f32::NAN)), SpecFault::Constant),
        (Spec::new(2).norm().dense(2, id), SpecFault::Norm),
        (Spec::new(2).dense(2, id).norm().norm(), SpecFault::Norm),
        (Spec::new(2).layer_norm().dense(2, id), SpecFault::Norm),
        (Spec::new(2).dense(2, id).layer_norm().layer_norm(), SpecFault::Norm),
        (Spec::new(2).dense(1, id).layer_norm().dense(2, id), SpecFault::OneUnit),
        (Spec::new(2).dense(2, id).norm().layer_norm(), SpecFault::NormKinds),
        (Spec::new(2).dense(2, id).layer_norm().norm(), SpecFault::NormKinds),
        (Spec::new(2).dense(2, id).norm().dense(2, id).layer_norm(), SpecFault::NormKinds),
        (Spec::new(2).dense(2, id).layer_norm().dense(2, id).norm(), SpecFault::NormKinds),
        (Spec::new(2).dense(2, id).loss(Loss::Huber(0.0)), SpecFault::Constant),
        (Spec::new(2).dense(2, id).loss(Loss::Pinball(0.0)), SpecFault::Quantile),
        (Spec::new(2).dense(2, id).loss(Loss::Pinball(1.0)), SpecFault::Quantile),
        (Spec::new(2).dense(2, id).loss(Loss::Pinball(f32::NAN)), SpecFault::Quantile),
        (Spec::new(2).dense(3, id).loss(Loss::GaussianNll), SpecFault::OddOutputs),
        (Spec::new(2).dense(1, id), SpecFault::OneClass),
        (Spec::new(2).dense(1, id).loss(Loss::MeanSquared).loss(Loss::SoftmaxCrossEntropy), SpecFault::OneClass),
        (deep, SpecFault::TooManyLayers),
    ] {
        assert_eq!(spec.check(), Err(Error::Spec(fault)));
        assert_eq!((spec.param_len(), spec.work_len(1), spec.predict_len(1)), (usize::MAX, usize::MAX, usize::MAX));
    }
}

#[test]
fn one_output_waits_for_its_loss() {
    let id = Activation::Identity;
    let of_values = [Loss::MeanSquared, Loss::Huber(1.0), Loss::Pinball(0.1)].map(|loss| (loss, 0));
    for (loss, classes) in [(Loss::BinaryCrossEntropy, 2)].into_iter().chain(of_values) {
        let net = Spec::new(2).dense(1, id).loss(loss);
        assert_eq!((net.check(), net.classes()), (Ok(()), classes));
        assert_eq!(net.dense(3, id).classes(), 3);
    }
}

#[test]
fn a_digest_tells_networks_apart_whatever_the_order_of_their_description() {
    use Activation::{Identity, LeakyRelu, Relu, Sigmoid, Tanh};
    let mut all = std::vec![];
    for activation in [Identity, Relu, LeakyRelu(0.0), LeakyRelu(0.1), Tanh, Sigmoid] {
        for loss in
            [Loss::SoftmaxCrossEntropy, Loss::MeanSquared, Loss::BinaryCrossEntropy, Loss::Huber(1.0), Loss::Huber(2.0)]
        {
            for (inputs, width) in [(2, 3), (3, 2), (3, 3)] {
                let first = Spec::new(inputs).dense(width, activation);
                for first in [
                    first,
                    first.norm(),
                    first.layer_norm(),
                    first.dropout(0.5),
                    first.norm().dropout(0.25),
                    first.layer_norm().dropout(0.25),
                    first.dense(3, Relu),
                ] {
                    let spec = first.dense(3, Identity);
                    let said_late = spec.loss(loss);
                    let said_early = Spec::new(inputs).loss(loss);
                    let layers = |to: Spec, layer: Layer| {
                        let to = to.dense(layer.place.shape.outputs, layer.activation()).dropout(layer.dropout());
                        match said_late.norm_kind() {
                            Some(NormKind::Batch) if layer.is_normed() => to.norm(),
                            Some(NormKind::Layer) if layer.is_normed() => to.layer_norm(),
                            _ => to,
                        }
                    };
                    let again = spec.layers().fold(said_early, layers).math(Math::Libm);
                    assert_eq!((again, again.digest()), (said_late, said_late.digest()));
                    all.extend([said_late, said_late.dense(2, Identity)]);
                    #[cfg(feature = "micromath")]
                    all.push(said_late.math(Math::Micromath));
                }
            }
        }
    }
    let mut digests: std::vec::Vec<u32> = all.iter().map(Spec::digest).collect();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), all.len());
    let zeros = [0.0, -0.0].map(|slope| Spec::new(2).dense(2, LeakyRelu(slope)));
    assert_eq!((zeros[0], zeros[0].digest()), (zeros[1], zeros[1].digest()));
    assert_eq!(all[0].loss(Loss::MeanSquared).loss(all[0].loss_kind()).digest(), all[0].digest());
}

#[test]
fn a_norm_takes_four_parameters_a_unit_and_room_in_the_workspace() {
    let id = Activation::Identity;
    let net = Spec::new(7).dense(5, Activation::Relu).norm().dropout(0.5).dense(4, id).dense(3, id).norm();
    assert_eq!((net.param_len(), net.norm_len()), (40 + 20 + 24 + 15 + 12, 2 * 8));
    assert_eq!(net.work_len(6), 2 * 6 * 12 + 5 + (6 + 5) * 8);
    assert_eq!(net.predict_len(6), 6 * (5 + 4));
    let layer = |l| net.layer(l).unwrap();
    assert_eq!((layer(1).offset(), layer(2).offset(), layer(2).range(crate::network::Part::Scale).start), (60, 84, 99));
    assert_eq!([0, 1, 2].map(|l| net.layout.normed_before(l)), [0, 5, 5]);
    assert_eq!((layer(0).place.learned().len(), layer(1).place.learned().len()), (50, 24));
    let folded = Spec::new(7).dense(5, Activation::Relu).dropout(0.5).dense(4, id).dense(3, id);
    assert_eq!((net.folded(), folded.norm_len(), folded.folded()), (folded, 0, folded));
    assert_eq!(Spec::new(2).norm().folded().check(), Err(Error::Spec(SpecFault::Norm)));
}

#[test]
fn the_widest_networks_are_described_exactly() {
    let id = Activation::Identity;
    let wide = (0..MAX_LAYERS).fold(Spec::new(65_535), |s, _| s.dense(65_535, id));
    if usize::BITS >= 64 {
        assert_eq!(wide.param_len(), MAX_LAYERS * 65_536 * 65_535);
    } else {
        assert_eq!(wide.check(), Err(Error::Spec(SpecFault::TooLarge)));
    }
}

#[test]
fn a_mean_and_a_log_variance_are_two_outputs_of_one_target() {
    let id = Activation::Identity;
    let net = Spec::new(2).dense(6, id).loss(Loss::GaussianNll);
    assert_eq!((net.targets(), net.outputs(), net.classes()), (3, 6, 0));
    assert_eq!(net.loss(Loss::MeanSquared).targets(), 6);
    // A layer may still follow.
    assert!(Spec::new(2).dense(3, id).loss(Loss::GaussianNll).dense(2, id).check().is_ok());
}

#[test]
fn a_digest_of_a_network_that_was_known_stays() {
    let net = Spec::new(4).dense(3, Activation::Tanh).norm().dropout(0.5).dense(2, Activation::Identity);
    assert_eq!((NET.digest(), net.digest()), (0xca05_cdf3, 0x5ef7_ebe5));
}

/// What was said and taken back leaves nothing that equality or a digest shows, nor does what a head is cut from.
#[test]
fn a_network_is_what_is_left_of_its_description() {
    let plain = Spec::new(2).dense(3, Activation::Relu).dense(2, Activation::Identity);
    let again = Spec::new(2).dense(3, Activation::Relu).dropout(0.5).dropout(0.0);
    let again = again.dense(2, Activation::Identity).loss(Loss::Huber(1.0)).loss(Loss::SoftmaxCrossEntropy);
    assert_eq!((again, again.digest()), (plain, plain.digest()));
    let dropped = Spec::new(2).dense(3, Activation::Relu).dropout(0.5).dense(2, Activation::Identity);
    assert_eq!(dropped.after(1), plain.after(1));
    assert_ne!(dropped, plain);
}
