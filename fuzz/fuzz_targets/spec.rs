//! A description of any layers has a fault or sizes that are right: those of a plain sum in `u128`, and the header of its
//! checkpoint describes it again.
#![no_main]

use cygnet::network::NormKind;
use cygnet::optim::{AdamConfig, AnyConfig, LookaheadConfig, ScheduleFreeConfig, SgdConfig};
use cygnet::store::{load_header, save};
use cygnet::{Activation, Loss, Model, Spec, Workspace};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

fn any_activation(u: &mut Unstructured<'_>) -> Result<Activation> {
    Ok(match u.int_in_range(0..=4)? {
        0 => Activation::Identity,
        1 => Activation::Relu,
        2 => Activation::LeakyRelu(u.arbitrary()?),
        3 => Activation::Tanh,
        _ => Activation::Sigmoid,
    })
}

fn any_loss(u: &mut Unstructured<'_>) -> Result<Loss> {
    Ok(match u.int_in_range(0..=5)? {
        0 => Loss::SoftmaxCrossEntropy,
        1 => Loss::MeanSquared,
        2 => Loss::BinaryCrossEntropy,
        3 => Loss::Huber(u.arbitrary()?),
        4 => Loss::Pinball(u.arbitrary()?),
        _ => Loss::GaussianNll,
    })
}

fn any_spec(u: &mut Unstructured<'_>) -> Result<Spec> {
    let mut spec = Spec::new(u.arbitrary()?);
    while !u.is_empty() {
        spec = match u.int_in_range(0..=6)? {
            0 | 1 => spec.dense(u.arbitrary()?, any_activation(u)?),
            2 => spec.dense(u.int_in_range(0..=9)?, any_activation(u)?),
            3 => spec.norm(),
            4 => spec.layer_norm(),
            5 => spec.dropout(u.arbitrary()?),
            _ => spec.loss(any_loss(u)?),
        };
    }
    Ok(spec)
}

/// Parameters, as the table of the guide counts them.
fn parameters(spec: &Spec) -> u128 {
    let of_norm = match spec.norm_kind() {
        Some(NormKind::Batch) => 4,
        Some(_) => 2,
        None => 0,
    };
    let of_layer = |layer: cygnet::network::Layer| {
        let (inputs, outputs) = (layer.inputs() as u128, layer.outputs() as u128);
        (inputs + 1) * outputs + if layer.is_normed() { of_norm * outputs } else { 0 }
    };
    spec.layers().map(of_layer).sum()
}

/// All sizes, which must be computed without an overflow.
fn sizes(spec: &Spec, batch: usize) -> [usize; 9] {
    let (sgd, adam) = (SgdConfig { momentum: 0.9, ..SgdConfig::default() }, AdamConfig::default());
    [
        spec.param_len(),
        spec.norm_len(),
        spec.work_len(batch),
        spec.predict_len(batch),
        spec.checkpoint_len(),
        AnyConfig::Adam(adam).state_len(spec),
        AnyConfig::LookaheadAdam(LookaheadConfig::default(), adam).state_len(spec),
        AnyConfig::ScheduleFree(ScheduleFreeConfig::default()).state_len(spec),
        sgd.state_len(spec),
    ]
}

fn check(u: &mut Unstructured<'_>) -> Result<()> {
    let batch = u.arbitrary::<usize>()? >> u.int_in_range(0..=63)?;
    let spec = any_spec(u)?;
    assert_eq!(spec.fault().is_some(), spec.check().is_err());
    let sizes = sizes(&spec, batch);
    if spec.check().is_err() {
        assert_eq!((sizes[0], sizes[2], sizes[4]), (usize::MAX, usize::MAX, usize::MAX));
        assert!(Model::new(&spec, &mut []).is_err() && Workspace::new(&spec, batch, &mut []).is_err());
        assert!(save(&spec, &[], &mut []).is_err());
        return Ok(());
    }
    let parameters = parameters(&spec);
    assert_eq!(sizes[0] as u128, parameters);
    assert_eq!(sizes[4] as u128, 24 + 12 * spec.depth() as u128 + 4 * parameters);
    let units: u128 = spec.layers().map(|layer| layer.outputs() as u128).sum();
    assert!(sizes[2] == usize::MAX || sizes[2] as u128 >= 2 * units * batch as u128);
    assert!(sizes[3] <= sizes[2]);
    // Ranges follow one another and cover all.
    let end = spec.ranges().fold(0, |at, (.., range)| {
        assert_eq!(range.start, at);
        range.end
    });
    assert_eq!(end as u128, parameters);
    if parameters < 10_000 {
        let (params, mut bytes) = (vec![0.5; spec.param_len()], vec![0; spec.checkpoint_len()]);
        save(&spec, &params, &mut bytes).expect("a valid network is written");
        assert_eq!(load_header(&bytes), Ok(spec));
        assert_eq!(load_header(&bytes[..20 + 12 * spec.depth()]), Ok(spec));
        assert_eq!(load_header(&bytes).map(|read| read.digest()), Ok(spec.digest()));
    }
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    // What bytes are too few for is no case.
    let _ = check(&mut Unstructured::new(bytes));
});
