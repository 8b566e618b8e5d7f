use crate::host::data::Augment;
use crate::host::plan::{AverageKind, AveragePlan, DecayPlan, GrowthPlan, GrowthRule, OptimizerPlan, Plan};
use crate::host::prelude::*;
use crate::host::training::feed::tests::small;
use crate::host::training::outcome::{Deaf, Outcome};
use crate::host::training::run::train_on;
use crate::network::NormKind;
use crate::optim::SgdConfig;
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

/// 500 training samples, batches of 20.
fn plan() -> Plan {
    Plan {
        hidden: vec![6],
        optimizer: OptimizerPlan::Sgd(SgdConfig { momentum: 0.9, ..SgdConfig::default() }),
        rate: 0.05,
        decay: DecayPlan::Linear(0.01),
        batch: 20,
        epochs: 3,
        averages: Some(AveragePlan { start: 0.4, ..AveragePlan::default() }),
        validation: 7.0 / 12.0,
        ..Plan::article()
    }
}

fn growing(rule: GrowthRule, most: usize) -> Plan {
    Plan { growth: Some(GrowthPlan { rule, most, patience: 2 }), ..plan() }
}

fn run(plan: &Plan, threads: usize) -> Outcome {
    let (data, threads) = (small(), NonZeroUsize::new(threads).unwrap());
    train_on(threads, &data, plan, &mut Deaf, &AtomicBool::new(false)).unwrap()
}

#[test]
fn a_batch_that_may_not_grow_is_one_that_does_not() {
    for (batch, micro_batch, clip) in [(20, None, None), (20, None, Some(1.0)), (5, Some(1), None), (21, Some(7), None)]
    {
        let fixed = Plan { batch, micro_batch, clip, ..plan() };
        // There is no room for another micro-batch.
        let most = batch + micro_batch.unwrap_or(batch / 2) - 1;
        let growth = Some(GrowthPlan { rule: GrowthRule::NormTest(0.01), most, patience: 1 });
        let bounded = run(&Plan { growth, ..fixed.clone() }, 1);
        let fixed = run(&fixed, 1);
        assert!(bounded.last == fixed.last && bounded.averages[0].params == fixed.averages[0].params, "{batch}");
        assert!(bounded.history.iter().all(|epoch| epoch.batch == batch as u64));
        assert!(bounded.history.iter().any(|epoch| epoch.noise_scale.is_some()));
        assert!(fixed.history.iter().all(|epoch| epoch.noise_scale.is_none() && epoch.batch == batch as u64));
    }
}

#[test]
fn a_batch_that_grows_saves_updates_and_keeps_rates_and_snapshots_in_their_places() {
    let kinds = vec![AverageKind::Swa, AverageKind::Lawa(2)];
    let averages = Some(AveragePlan { kinds, start: 0.4, ..AveragePlan::default() });
    let plan = Plan { averages, norm: Some(NormKind::Batch), ..plan() };
    let fixed = run(&plan, 1);
    let grown = run(&Plan { growth: growing(GrowthRule::Doubling(1), 1000).growth, ..plan.clone() }, 1);
    let of = |outcome: &Outcome, what: fn(&crate::host::training::Epoch) -> u64| -> Vec<u64> {
        outcome.history.iter().map(what).collect()
    };
    // An epoch of 25 of 20, of 12 of 40 and one of 20, of 6 of 80 and one of 20.
    assert_eq!(of(&grown, |epoch| epoch.steps), [25, 25 + 13, 25 + 13 + 7]);
    assert_eq!(of(&grown, |epoch| epoch.batch), [20, 40, 80]);
    assert_eq!(of(&grown, |epoch| epoch.averaged), of(&fixed, |epoch| epoch.averaged));
    assert_eq!(grown.averages.iter().map(|average| average.count).collect::<Vec<_>>(), [2, 2]);
    // The last batch of each epoch begins where the last 20 samples do.
    let rates = |outcome: &Outcome| outcome.history.iter().map(|epoch| epoch.rate.to_bits()).collect::<Vec<_>>();
    assert_eq!(rates(&grown), rates(&fixed));
}

#[test]
fn a_batch_is_no_larger_than_the_samples() {
    let plan = Plan { batch: 400, ..growing(GrowthRule::Doubling(1), usize::MAX) };
    let batches: Vec<u64> = run(&plan, 1).history.iter().map(|epoch| epoch.batch).collect();
    assert_eq!(batches, [400, 400, 400], "500 samples are the end of an epoch");
    let refused = Plan { batch: 1000, micro_batch: Some(600), ..plan };
    assert!(refused.check_batches(500).is_err() && refused.check_batches(1200).is_err());
    assert!(refused.check_batches(601).is_ok());
}

#[test]
fn the_rules_differ_and_threads_do_not() {
    let rules = [GrowthRule::NormTest(0.5), GrowthRule::NoiseScale(1.0), GrowthRule::Doubling(2)];
    let runs = rules.map(|rule| {
        let plan = Plan { augment: Some(Augment::default()), ..growing(rule, 400) };
        let one = run(&plan, 1);
        let three = run(&plan, 3);
        assert!(one.last == three.last, "{rule:?}");
        one.history.iter().map(|epoch| epoch.batch).collect::<Vec<_>>()
    });
    assert!(runs.iter().all(|sizes| sizes.is_sorted() && sizes[2] > 20), "{runs:?}");
    assert!(runs[0] != runs[1] && runs[1] != runs[2] && runs[0] != runs[2], "{runs:?}");
}
