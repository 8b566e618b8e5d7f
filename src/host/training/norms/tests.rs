use super::*;
use crate::host::data::Dataset;
use crate::host::evaluation::SavedModel;
use crate::host::plan::{AverageKind, AveragePlan, OptimizerPlan, Plan};
use crate::host::study::soup::{Method, average};
use crate::host::training::outcome::Deaf;
use crate::host::training::run::train;
use crate::network::NormKind;
use crate::optim::ScheduleFreeConfig;
use std::sync::atomic::AtomicBool;

/// An epoch on a tenth of the sample, with an average that is one, and a posterior.
fn plan(optimizer: OptimizerPlan) -> Plan {
    let kinds = vec![AverageKind::Swa, AverageKind::Swag(0, 1)];
    let averages = Some(AveragePlan { kinds, start: 0.5, every: Some(5), ..AveragePlan::default() });
    let (norm, validation, epochs) = (Some(NormKind::Batch), 0.9, 1);
    Plan { hidden: vec![8, 7], norm, validation, epochs, optimizer, averages, rate: 0.01, ..Plan::article() }
}

#[test]
fn averages_of_a_run_have_statistics_of_their_own_and_the_last_iterate_running_ones() {
    let data = Dataset::sample().unwrap();
    let free = OptimizerPlan::ScheduleFree(ScheduleFreeConfig::default());
    for (plan, is_free) in [(plan(Plan::article().optimizer), false), (plan(free), true)] {
        let outcome = train(&data, &plan, &mut Deaf, &AtomicBool::new(false)).unwrap();
        let (indices, _) = data.split(plan.split()).unwrap();
        let mut norms = Norms::new(&outcome.spec, &data.train, &indices).unwrap();
        assert_eq!(outcome.averages.len(), 2);
        for average in &outcome.averages {
            assert!(norms.of(&average.params).unwrap() == average.params, "{}", average.name);
            assert!(average.marks.test.accuracy() > 0.2, "{}: {:?}", average.name, average.marks.test);
        }
        assert_eq!(norms.of(&outcome.last).unwrap() == outcome.last, is_free);

        let models = [&outcome.last, &outcome.averages[0].params];
        let saved = |params: &Vec<f32>| SavedModel {
            spec: outcome.spec,
            params: params.clone(),
            is_average: false,
            preparation: None,
            trained_on: None,
        };
        let models: Vec<_> = models.into_iter().map(|params| ("a".to_string(), saved(params))).collect();
        let mean = average(&models, &Method::Uniform, Some(&data), plan.split()).unwrap().average;
        assert!(norms.of(&mean.params).unwrap() == mean.params);
    }
}

#[test]
fn no_sample_is_alone_and_a_network_without_norms_stays_as_it_is() {
    let data = Dataset::sample().unwrap();
    let spec = plan(Plan::article().optimizer).spec(784, 10).unwrap();
    let indices: Vec<u32> = (0..600).collect();
    for (n, sizes) in [(2, vec![2]), (256, vec![256]), (257, vec![255, 2]), (513, vec![256, 255, 2])] {
        let norms = Norms::new(&spec, &data.train, &indices[..n]).unwrap();
        assert_eq!(norms.batches.iter().map(|batch| batch.len()).collect::<Vec<_>>(), sizes);
    }
    assert!(Norms::new(&spec, &data.train, &indices[..1]).is_err());
    let plain = spec.folded();
    let mut params = vec![0.5; plain.param_len()];
    let mut norms = Norms::new(&plain, &data.train, &indices[..1]).unwrap();
    assert_eq!(norms.of(&params).unwrap().as_ptr(), params.as_ptr());
    norms.refresh(&mut params).unwrap();
    assert!(params.iter().all(|&p| p == 0.5));
}

#[test]
fn weights_that_are_no_numbers_keep_their_statistics() {
    let data = Dataset::sample().unwrap();
    let spec = plan(Plan::article().optimizer).spec(784, 10).unwrap();
    let indices: Vec<u32> = (0..300).collect();
    let mut norms = Norms::new(&spec, &data.train, &indices).unwrap();
    let mut params = vec![1e30; spec.param_len()];
    assert!(norms.refresh(&mut params).is_err() && norms.of(&params).is_err());
    assert!(params.iter().all(|&p| p == 1e30));
}

#[test]
fn batches_that_leave_a_sample_alone_are_refused() {
    let refused = |batch, micro_batch, samples| {
        Plan { batch, micro_batch, ..plan(Plan::article().optimizer) }.check_batches(samples).is_err()
    };
    for (batch, micro, samples, expected) in [
        (32, None, 64, false),
        (32, None, 65, true),
        (32, None, 66, false),
        (1, None, 64, true),
        (32, Some(1), 64, true),
        (33, Some(32), 66, true),
        (34, Some(32), 68, false),
        (32, Some(8), 64 + 9, true),
        (100, None, 5, false),
        (100, None, 1, true),
        (100, Some(4), 5, true),
    ] {
        assert_eq!(refused(batch, micro, samples), expected, "{batch} {micro:?} {samples}");
        let without = Plan { batch, micro_batch: micro, ..Plan::article() };
        assert!(without.check_batches(samples).is_ok());
    }
}
