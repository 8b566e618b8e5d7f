use super::*;
use crate::metrics::evaluate;
use crate::{Activation, Init, Model, Targets};

const NET: Spec = Spec::new(784).dense(7, Activation::Relu).dense(10, Activation::Identity);

#[test]
fn any_number_of_threads_gives_the_score_of_one_pass() {
    let data = Dataset::sample().unwrap();
    let mut params = vec![0.0; NET.param_len()];
    Model::new(&NET, &mut params).unwrap().init(Init::He, 1).unwrap();
    // Five chunks, the last one short, and a sample that comes twice.
    let indices: Vec<u32> = (0..2100).map(|i| i * 3 % 6001).collect();
    let (mut floats, mut classes) = (vec![0.0; NET.predict_len(1)], vec![0; indices.len()]);
    let mut work = Workspace::for_prediction(&NET, 1, &mut floats).unwrap();
    let targets = Targets::Classes(data.train.classes(&indices, &mut classes));
    let mut expected = Score::default();
    evaluate(&NET, &params, data.train.inputs_of(&indices), targets, &mut expected, &mut work).unwrap();
    let mut outputs = Vec::new();
    for i in indices.chunks(1) {
        outputs.extend_from_slice(predict(&NET, &params, data.train.inputs_of(i), &mut work).unwrap());
    }
    for threads in [1, 2, 3, 7] {
        let mut evaluator = Evaluator::with_threads(&NET, &data, NonZeroUsize::new(threads).unwrap()).unwrap();
        let score = evaluator.score(&params, &data.train, &indices).unwrap();
        assert_eq!((score, score.loss().to_bits()), (expected, expected.loss().to_bits()), "{threads}");
        let (score, asked) = evaluator.outputs(&params, &data.train, &indices).unwrap();
        assert_eq!((score, score.loss().to_bits()), (expected, expected.loss().to_bits()), "{threads}");
        assert!(asked == outputs, "{threads}");
    }
}

#[test]
fn wrong_use_is_an_error() {
    let data = Dataset::sample().unwrap();
    let mut evaluator = Evaluator::new(&NET, &data).unwrap();
    let mut params = vec![0.0; NET.param_len()];
    let core = |found: Result<Score, HostError>| match found {
        Err(HostError::Core(error)) => Some(error),
        _ => None,
    };
    let length = Error::Length { buffer: Buffer::Params, needed: NET.param_len(), got: 3 };
    assert_eq!(core(evaluator.score(&[0.0; 3], &data.train, &[0])), Some(length));
    assert_eq!(evaluator.score(&params, &data.train, &[]).unwrap(), Score::default());
    // The first of two chunks that fail, in their order.
    let samples = data.train.len();
    let mut indices: Vec<u32> = (0..2000).collect();
    (indices[700], indices[1800]) = (u32::MAX - 1, u32::MAX);
    let pick = Error::Pick { row: u32::MAX - 1, samples };
    assert_eq!(core(evaluator.score(&params, &data.train, &indices)), Some(pick));
    assert_eq!(core(evaluator.outputs(&params, &data.train, &indices).map(|(score, _)| score)), Some(pick));
    params.fill(f32::NAN);
    let loss = Error::NonFinite { value: crate::error::Value::Loss, index: NET.depth() - 1 };
    assert_eq!(core(evaluator.score(&params, &data.train, &[0])), Some(loss));
}
