use super::outcome::{Deaf, Epoch, Replicas};
use super::run::{train, train_replicas};
use crate::average::Ema;
use crate::host::HostError;
use crate::host::data::Augment;
use crate::host::evaluation::Evaluator;
use crate::host::plan::{AverageKind, Plan, Pretrained, ReplicaPlan};
use crate::host::plan::{AveragePlan, Coupling, DecayPlan, EXPONENTS, GrowthPlan, OptimizerPlan};
use crate::host::prelude::*;
use crate::host::training::feed::tests::small;
use crate::network::NormKind;
use crate::optim::{LookaheadConfig, ScheduleFreeConfig, SgdConfig};
use crate::replicas::{Pull, Start, replica_seed};
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

const FREE: Coupling = Coupling::Mean(Pull::Constant(0.0));

/// Ten batches of the small set an epoch, two epochs with a rate that falls.
fn usual() -> Plan {
    let optimizer = OptimizerPlan::Sgd(SgdConfig { momentum: 0.9, ..SgdConfig::default() });
    let (hidden, lookahead) = (vec![5], Some(LookaheadConfig::default()));
    let decay = DecayPlan::Linear(0.0);
    Plan { hidden, optimizer, lookahead, decay, validation: 0.75, epochs: 2, averages: None, ..Plan::article() }
}

fn averaged(kinds: Vec<AverageKind>, start: f32) -> Option<AveragePlan> {
    Some(AveragePlan { kinds, start, ..AveragePlan::default() })
}

fn run_plan(plan: &Plan, replicas: ReplicaPlan) -> Replicas {
    let data = small();
    train_replicas(&data, plan, &replicas, &mut Deaf, &AtomicBool::new(false)).unwrap()
}

fn run(replicas: ReplicaPlan) -> Replicas {
    run_plan(&usual(), replicas)
}

fn with_threads(threads: usize) -> ReplicaPlan {
    ReplicaPlan { count: 3, threads: NonZeroUsize::new(threads).unwrap(), ..ReplicaPlan::default() }
}

#[test]
fn threads_change_no_bit() {
    let pulled = with_threads(1);
    let independent = ReplicaPlan { every: Some(3), start: Start::Independent, ..pulled };
    let elastic = ReplicaPlan { coupling: Coupling::Elastic(0.3), every: Some(4), ..pulled };
    let kinds = vec![AverageKind::Swa, AverageKind::Ema(Ema::with_decay(0.9)), AverageKind::Lawa(2)];
    for (replicas, norm, augment) in [
        (pulled, Some(NormKind::Batch), None),
        (independent, None, Some(Augment::default())),
        (elastic, Some(NormKind::Layer), Some(Augment::default())),
        (elastic, Some(NormKind::Batch), None),
    ] {
        let plan = Plan { norm, augment, averages: averaged(kinds.clone(), 0.5), ..usual() };
        let one = run_plan(&plan, replicas);
        let many = run_plan(&plan, ReplicaPlan { threads: NonZeroUsize::new(3).unwrap(), ..replicas });
        assert!(many.models == one.models && many.mean == one.mean, "{replicas:?}");
        let params = |run: &Replicas| run.averages.iter().map(|average| average.params.clone()).collect::<Vec<_>>();
        assert!(params(&many) == params(&one), "{replicas:?}");
        assert!(one.models.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(one.history.last().unwrap().steps, 20);
        assert_eq!(one.averages.iter().map(|average| average.count).collect::<Vec<_>>(), [2, 20, 2]);
    }
}

#[test]
fn a_free_replica_is_a_run_of_its_own_with_its_seed() {
    let data = small();
    for augment in [None, Some(Augment::default())] {
        let plan = Plan { validation: 0.0, augment, ..usual() };
        let free = ReplicaPlan { coupling: FREE, start: Start::Independent, ..with_threads(2) };
        let all = run_plan(&plan, free).models;
        for (k, replica) in (0..).zip(&all) {
            let plan = Plan { seed: replica_seed(plan.seed, k), ..plan.clone() };
            let alone = train(&data, &plan, &mut Deaf, &AtomicBool::new(false)).unwrap();
            assert!(alone.last == *replica, "{k}");
        }
    }
}

#[test]
fn a_whole_pull_at_the_end_leaves_replicas_equal_and_none_leaves_them_alone() {
    let pulled = run(ReplicaPlan { coupling: Coupling::Mean(Pull::Growing), ..with_threads(2) });
    assert!(pulled.models.iter().all(|model| *model == pulled.mean));
    let free = run(ReplicaPlan { coupling: FREE, ..with_threads(2) });
    let more = ReplicaPlan { count: 4, coupling: FREE, ..with_threads(2) };
    // A replica that nothing pulls does not know of the others.
    assert_eq!(run(more).models[..3], free.models[..]);
}

#[test]
fn elastic_averaging_takes_step_and_attraction_from_the_old_weights() {
    // One round: a batch of all.
    let plan = Plan { batch: 10_000, lookahead: None, ..usual() };
    let start = Start::Independent;
    let at = |coupling, epochs| {
        let plan = Plan { epochs, ..plan.clone() };
        run_plan(&plan, ReplicaPlan { coupling, start, every: Some(1), ..with_threads(2) })
    };
    let old: Vec<Vec<f32>> = (0..3).map(|k| initial(&plan, replica_seed(plan.seed, k))).collect();
    let (free, elastic) = (at(FREE, 1), at(Coupling::Elastic(0.2), 1));
    let mean = |models: &[Vec<f32>], i: usize| models.iter().map(|model| f64::from(model[i])).sum::<f64>() / 3.0;
    let close = |a: f32, b: f64| (f64::from(a) - b).abs() < 1e-6;
    for i in 0..old[0].len() {
        let centre = mean(&old, i);
        for ((old, stepped), new) in old.iter().zip(&free.models).zip(&elastic.models) {
            assert!(close(new[i], f64::from(stepped[i]) - 0.2 * (f64::from(old[i]) - centre)), "{i}");
        }
        assert!(close(elastic.mean[i], centre));
    }
    // In the second round the centre follows where the replicas were after the first.
    let second = at(Coupling::Elastic(0.2), 2);
    for (i, &moved) in second.mean.iter().enumerate() {
        let (centre, models) = (f64::from(elastic.mean[i]), mean(&elastic.models, i));
        assert!(close(moved, centre + 0.6 * (models - centre)), "{i}");
    }
    assert_ne!(second.mean, elastic.mean);
}

/// The weights that a run of this seed starts at.
fn initial(plan: &Plan, seed: u64) -> Vec<f32> {
    let spec = plan.spec(63, 3).unwrap();
    let mut params = vec![0.0; spec.param_len()];
    crate::Model::new(&spec, &mut params).unwrap().init(plan.init, seed).unwrap();
    params
}

#[test]
fn averages_take_in_the_mean_of_the_replicas() {
    let replicas = ReplicaPlan { coupling: Coupling::Mean(Pull::Constant(0.3)), ..with_threads(2) };
    let kinds = vec![AverageKind::Swa, AverageKind::Lawa(1), AverageKind::Ema(Ema::with_decay(0.0))];
    let of = |epochs, start| {
        let (averages, decay) = (averaged(kinds.clone(), start), DecayPlan::Constant);
        run_plan(&Plan { epochs, averages, decay, ..usual() }, replicas)
    };
    let (first, second) = (of(1, 0.0), of(2, 0.0));
    let [swa, lawa, ema] = &second.averages[..] else { panic!("{:?}", second.averages) };
    assert_eq!([swa, lawa, ema].map(|average| (average.name, average.count)), [("swa", 2), ("lawa", 1), ("ema", 20)]);
    let mean: Vec<f32> = first.mean.iter().zip(&second.mean).map(|(a, b)| a + (b - a) * 0.5).collect();
    assert!(swa.params == mean && first.mean != second.mean);
    assert!(lawa.params == second.mean);
    assert!(ema.params.iter().zip(&second.mean).all(|(a, b)| (a - b).abs() < 1e-6));
    let late = of(2, 0.75);
    assert!(late.averages[0].count == 1 && late.averages[0].params == second.mean);
    // Of elastic averaging they take in the centre.
    let elastic = Plan { averages: averaged(kinds[..1].to_vec(), 1.0), ..usual() };
    let elastic = run_plan(&elastic, ReplicaPlan { coupling: Coupling::Elastic(0.3), every: Some(5), ..replicas });
    assert!(elastic.averages[0].params == elastic.mean);
}

#[test]
fn replicas_that_diverge_leave_what_the_last_good_epoch_left() {
    let averages = averaged(vec![AverageKind::Swa], 0.0);
    let good = Plan { averages, lookahead: None, loss: crate::Loss::MeanSquared, ..usual() };
    let anneal = |epochs| {
        let averages = good.averages.clone().map(|averages| AveragePlan { start: 0.5, rate: Some(1e9), ..averages });
        Plan { epochs, averages, decay: DecayPlan::Constant, ..good.clone() }
    };
    for coupling in [ReplicaPlan::default().coupling, Coupling::Elastic(0.3)] {
        let replicas = ReplicaPlan { coupling, ..with_threads(2) };
        let left = run_plan(&anneal(4), replicas);
        assert!(matches!(left.diverged, Some(HostError::Diverged { rate: 1e9, .. })), "{:?}", left.diverged);
        assert_eq!((left.history.len(), left.averages.len()), (2, 1));
        let all = left.models.iter().chain([&left.mean, &left.averages[0].params]);
        assert!(all.flatten().all(|p| p.abs() < 100.0));
        let data = small();
        let at_once = Plan { rate: 1e9, ..good.clone() };
        let failed = train_replicas(&data, &at_once, &replicas, &mut Deaf, &AtomicBool::new(false));
        assert!(matches!(failed, Err(HostError::Diverged { .. })), "{failed:?}");
    }
}

/// A run that stops early leaves what a run of as many epochs as its best leaves, and that is the epoch with the lowest
/// loss of the last iterate or the average, so many epochs before the end.
#[test]
fn early_stopping_keeps_the_models_of_the_best_epoch() {
    const PATIENCE: u64 = 3;
    let optimizer = OptimizerPlan::Sgd(SgdConfig::default());
    let averages = averaged(vec![AverageKind::Lawa(2), AverageKind::Ema(Ema::with_decay(0.9))], 0.0);
    let plan = Plan { optimizer, averages, rate: 1.0, epochs: 40, decay: DecayPlan::Constant, ..usual() };
    let early = Plan { patience: Some(PATIENCE), ..plan.clone() };
    let data = small();
    let stop = AtomicBool::new(false);
    let one = train(&data, &early, &mut Deaf, &stop).unwrap();
    let many = train_replicas(&data, &early, &with_threads(2), &mut Deaf, &stop).unwrap();
    for (history, best) in [(&one.history, one.best), (&many.history, many.best)] {
        let loss = |e: &Epoch| e.validation_loss.unwrap().min(e.average_validation_loss.unwrap_or(f32::INFINITY));
        let lowest = history.iter().map(loss).fold(f32::INFINITY, f32::min);
        let first = history.iter().find(|epoch| loss(epoch) == lowest).unwrap();
        assert_eq!(best, Some(first.epoch));
        assert_eq!(history.iter().rfind(|epoch| epoch.is_best).map(|epoch| epoch.epoch), best);
        let end = history.last().unwrap().epoch;
        assert!(end == first.epoch + PATIENCE && end < early.epochs, "{best:?} of {end}");
    }
    let whole = Plan { epochs: one.best.unwrap(), ..plan.clone() };
    let same = train(&data, &whole, &mut Deaf, &stop).unwrap();
    assert!(same.best.is_none() && same.last == one.last);
    assert!(same.averages.iter().zip(&one.averages).all(|(a, b)| a.params == b.params && a.count == b.count));
    // The pull of replicas depends on the budget, so that only a constant one can be cut.
    let pulled = ReplicaPlan { coupling: Coupling::Mean(Pull::Constant(0.5)), ..with_threads(2) };
    let many = train_replicas(&data, &early, &pulled, &mut Deaf, &stop).unwrap();
    let whole = Plan { epochs: many.best.unwrap(), ..plan };
    let same = train_replicas(&data, &whole, &pulled, &mut Deaf, &stop).unwrap();
    assert!(same.models == many.models && same.mean == many.mean);
    assert!(same.averages.iter().zip(&many.averages).all(|(a, b)| a.params == b.params && a.count == b.count));
}

/// A stored average is what a run of that exponent is at that moment, and the last one what it leaves; other averages and the
/// model do not feel it.
#[test]
fn averages_are_stored_at_equally_spaced_moments() {
    let (data, stop) = (small(), AtomicBool::new(false));
    let of = |averages| train(&data, &Plan { averages: Some(averages), ..usual() }, &mut Deaf, &stop).unwrap();
    let polynomial =
        |eta| AveragePlan { kinds: vec![AverageKind::Polynomial(eta)], every: Some(1), ..AveragePlan::polynomial() };
    let whole = of(AveragePlan { posthoc: Some(4), ..polynomial(EXPONENTS[1]) });
    let found: Vec<_> = whole.stored.iter().map(|stored| (stored.exponent, stored.models)).collect();
    let moments = [5, 10, 15, 20];
    assert_eq!(found, EXPONENTS.iter().flat_map(|&eta| moments.map(|t| (eta, t))).collect::<Vec<_>>());
    assert!(whole.stored[7].params == whole.averages[0].params && whole.averages[0].count == 20);
    let (first, plain) = (of(polynomial(EXPONENTS[0])), of(polynomial(EXPONENTS[1])));
    assert!(whole.stored[3].params == first.averages[0].params);
    assert!(
        plain.stored.is_empty() && plain.last == whole.last && plain.averages[0].params == whole.averages[0].params
    );
    // Moments between two models have the latest average; there are none before the first model.
    let sparse = of(AveragePlan { posthoc: Some(20), every: Some(3), ..polynomial(1.0) });
    assert_eq!(
        sparse.stored[..18].iter().map(|stored| stored.models).collect::<Vec<_>>(),
        (3..=20).map(|t| t / 3).collect::<Vec<_>>()
    );
}

/// The second epoch of a switched run is that of a run from the average of its first one.
#[test]
fn switching_continues_from_the_average() {
    let (data, stop) = (small(), AtomicBool::new(false));
    let averages = averaged(vec![AverageKind::Ema(Ema::with_decay(0.5))], 0.0);
    let plain = Plan { averages, lookahead: None, decay: DecayPlan::Constant, rate: 0.1, ..usual() };
    let plain = Plan { optimizer: OptimizerPlan::Sgd(SgdConfig::default()), ..plain };
    let switch = |plan: &Plan| {
        let averages = plan.averages.clone().map(|averages| AveragePlan { switch: true, ..averages });
        Plan { averages, ..plan.clone() }
    };
    let run = |plan: &Plan| train(&data, plan, &mut Deaf, &stop).unwrap();
    let one = Plan { epochs: 1, ..plain.clone() };
    assert!(run(&switch(&one)).last == run(&one).last);
    assert!(run(&switch(&plain)).last != run(&plain).last);
    // The average of the latest model alone is the model.
    let kinds = vec![AverageKind::Lawa(1)];
    let same = Plan { averages: averaged(kinds, 0.0), ..plain };
    assert!(run(&switch(&same)).last == run(&same).last);
}

/// A run from a model that does not move ends where it began, also behind slow weights and for every replica.
#[test]
fn training_starts_from_a_pretrained_model() {
    let (data, stop) = (small(), AtomicBool::new(false));
    let first = train(&data, &Plan { epochs: 1, ..usual() }, &mut Deaf, &stop).unwrap();
    let from = Pretrained { name: "model".to_owned(), spec: first.spec, params: first.last.clone(), frozen: 0 };
    let still = Plan { rate: 0.0, seed: 9, ..usual() }.starting_from(from);
    assert_eq!(still.hidden, usual().hidden);
    assert!(train(&data, &still, &mut Deaf, &stop).unwrap().last == first.last);
    let many = train_replicas(&data, &still, &with_threads(2), &mut Deaf, &stop).unwrap();
    assert!(many.models.iter().all(|model| *model == first.last));
    let short = Plan { from: still.from.map(|from| Pretrained { params: vec![0.0; 3], ..from }), ..usual() };
    assert!(matches!(train(&data, &short, &mut Deaf, &stop), Err(HostError::Core(_))));
}

/// The layers that are frozen stay bit for bit in every model that a run leaves, the others learn; what is said of a model is
/// that of the whole one on the samples themselves.
#[test]
fn frozen_layers_stay_and_the_others_learn() {
    let (data, stop) = (small(), AtomicBool::new(false));
    let deep = Plan { hidden: vec![6, 5], norm: Some(crate::network::NormKind::Batch), epochs: 1, ..usual() };
    let first = train(&data, &deep, &mut Deaf, &stop).unwrap();
    let from = |frozen| Pretrained { name: "model".to_owned(), spec: first.spec, params: first.last.clone(), frozen };
    let plan = |frozen| Plan { averages: averaged(vec![AverageKind::Swa], 0.5), ..usual() }.starting_from(from(frozen));
    for frozen in [1, 2] {
        let body = first.spec.first(frozen).param_len();
        let is_joined = |params: &[f32]| params.len() == first.last.len() && params[..body] == first.last[..body];
        let one = train(&data, &plan(frozen), &mut Deaf, &stop).unwrap();
        assert!(one.spec == first.spec && is_joined(&one.last) && is_joined(&one.averages[0].params));
        assert!(one.last[body..] != first.last[body..] && one.averages[0].params != one.last);
        let mut evaluator = Evaluator::new(&one.spec, &data).unwrap();
        let all: Vec<u32> = (0..data.test.len() as u32).collect();
        assert_eq!(evaluator.score(&one.last, &data.test, &all).unwrap().loss(), one.last_marks.test.loss());
        let many = train_replicas(&data, &plan(frozen), &with_threads(2), &mut Deaf, &stop).unwrap();
        assert!(many.spec == first.spec && many.models.iter().chain([&many.mean]).all(|params| is_joined(params)));
        assert!(many.averages.iter().all(|average| is_joined(&average.params)));
    }
    let augmented = Plan { augment: Some(Augment::default()), ..plan(1) };
    for (wrong, word) in [(augmented, "augment"), (plan(3), "cut between")] {
        let error = train(&data, &wrong, &mut Deaf, &stop).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    let (usual, plan) = (ReplicaPlan::default(), Plan::article());
    let coupled = |coupling| ReplicaPlan { coupling, ..usual };
    for wrong in [
        ReplicaPlan { count: 1, ..usual },
        ReplicaPlan { every: Some(0), ..usual },
        coupled(Coupling::Mean(Pull::Constant(f32::NAN))),
        coupled(Coupling::Mean(Pull::Constant(1.5))),
        coupled(Coupling::Elastic(0.0)),
        coupled(Coupling::Elastic(0.21)),
        coupled(Coupling::Elastic(f32::NAN)),
    ] {
        assert!(matches!(wrong.check(&plan), Err(HostError::Usage(_))), "{wrong:?}");
    }
    assert!(coupled(Coupling::Elastic(0.2)).check(&plan).is_ok());
    let swag = averaged(vec![AverageKind::Swa, AverageKind::Swag(0, 1)], 0.5);
    let free = OptimizerPlan::ScheduleFree(ScheduleFreeConfig::default());
    let growth = Some(GrowthPlan::default());
    for averages in [
        AveragePlan { switch: true, ..AveragePlan::polynomial() },
        AveragePlan { posthoc: Some(8), ..AveragePlan::polynomial() },
    ] {
        let wrong = Plan { averages: Some(averages), ..plan.clone() };
        assert!(wrong.check().is_ok() && matches!(usual.check(&wrong), Err(HostError::Usage(_))), "{wrong:?}");
    }
    for wrong in
        [Plan { averages: swag, ..plan.clone() }, Plan { optimizer: free, ..plan.clone() }, Plan { growth, ..plan }]
    {
        assert!(matches!(usual.check(&wrong), Err(HostError::Usage(_))), "{wrong:?}");
    }
}
