use super::*;
use crate::host::data::Answers;
use crate::host::plan::Plan;
use crate::{Activation, Init, Model};

const NET: Spec = Spec::new(784).dense(7, Activation::Relu).dense(10, Activation::Identity);

#[test]
fn a_model_of_one_output_is_evaluated_by_two_classes() {
    let one = Spec::new(2).dense(1, Activation::Identity).loss(Loss::BinaryCrossEntropy);
    let answers = Answers::Classes(vec![0, 1, 1]);
    let samples = Samples::of_floats(2, vec![0.5; 6], answers, Vec::new());
    let logits = vec![-2.0, 0.5, -0.25];
    let (set, ..) = SetEvaluation::new(&one, &samples, &[0, 1, 2], (Score::default(), logits)).unwrap();
    assert_eq!(set.confusion, [[1, 0], [1, 1]]);
    assert_eq!((set.per_class.len(), set.top_k.len()), (2, 2));
    assert_eq!(set.per_class[1].thresholds, [0.5, -0.25, -2.0]);
    assert_eq!((set.per_class[0].roc_auc, set.per_class[1].roc_auc), (1.0, 1.0));
}

#[test]
fn an_evaluation_agrees_with_the_score_and_with_itself() {
    let data = Dataset::sample().unwrap();
    let mut params = vec![0.0; NET.param_len()];
    Model::new(&NET, &mut params).unwrap().init(Init::He, 1).unwrap();
    let split = Plan::article().split();
    let all: Vec<u32> = (0..data.test.len() as u32).collect();
    let (_, apart) = data.split(split).unwrap();
    let mut evaluator = Evaluator::new(&NET, &data).unwrap();
    let calibration = evaluator.marks(&params, &data, &[], &[]).unwrap().calibration.unwrap();
    let scores =
        [evaluator.score(&params, &data.train, &apart).unwrap(), evaluator.score(&params, &data.test, &all).unwrap()];
    let model = SavedModel { spec: NET, params, is_average: false, preparation: None, trained_on: None };
    let evaluation = Evaluation::new(&model, &data, split).unwrap();
    assert_eq!(evaluation.test.ece.map(f32::to_bits), Some(calibration.ece().to_bits()));
    for (set, score) in [evaluation.validation.unwrap(), evaluation.test].iter().zip(scores) {
        assert_eq!((set.samples, set.nll), (score.samples(), Some(score.loss())));
        assert_eq!(set.accuracy, score.hits() as f64 / score.samples() as f64);
        let diagonal: u32 = (0..10).map(|c| set.confusion[c][c]).sum();
        assert_eq!((set.top_k[0], u64::from(diagonal)), (set.accuracy, score.hits()));
        assert_eq!((set.top_k.len(), set.top_k[9]), (10, 1.0));
        assert!(set.top_k.is_sorted() && set.top_k[2] > set.accuracy);
        for (c, class) in set.per_class.iter().enumerate() {
            assert_eq!(class.support, set.confusion[c].iter().map(|&n| u64::from(n)).sum::<u64>());
            assert_eq!(class.predicted, set.confusion.iter().map(|row| u64::from(row[c])).sum::<u64>());
            assert!(class.thresholds.is_sorted_by(|a, b| a > b) && class.thresholds[0] <= 1.0);
            assert!(class.roc_auc > 0.0 && class.roc_auc < 1.0 && class.average_precision > 0.0);
        }
    }
}
