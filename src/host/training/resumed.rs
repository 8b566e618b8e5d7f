//! A run that goes on from any of its states ends as one that was never stopped, and saving changes no bit.

use super::outcome::{Epoch, Observer};
use super::run::{train_on, train_replicas};
use crate::Error;
use crate::average::Ema;
use crate::host::HostError;
use crate::host::data::{Augment, Dataset};
use crate::host::plan::{
    AverageKind, AveragePlan, Coupling, DecayPlan, GrowthPlan, GrowthRule, OptimizerPlan, Plan, Pretrained, ReplicaPlan,
};
use crate::host::prelude::*;
use crate::host::training::feed::tests::small;
use crate::network::NormKind;
use crate::optim::{AdamConfig, LookaheadConfig, ScheduleFreeAdamConfig, ScheduleFreeConfig, SgdConfig};
use crate::replicas::{Pull, Start};
use crate::store::Container;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Saves after so many updates and all after them, goes on from a state, and stops the run.
#[derive(Default)]
struct Keeper<'k> {
    saves: bool,
    from: Option<Vec<u8>>,
    states: Vec<Vec<u8>>,
    stops: Option<(u64, &'k AtomicBool)>,
    updates: u64,
}

impl Observer for Keeper<'_> {
    fn step(&mut self, _: u64, _: u64, _: f64, _: f64) {
        self.updates += 1;
        if let Some((after, stop)) = self.stops {
            stop.store(self.updates >= after, Relaxed);
        }
    }

    fn epoch(&mut self, _: &Epoch) {}

    fn warn(&mut self, _: &str) {}

    fn is_due(&mut self, _: u64) -> bool {
        self.saves
    }

    fn save(&mut self, state: Result<Container<'_>, Error>) {
        let mut bytes = Vec::new();
        let written = state.unwrap().write(|piece| {
            bytes.extend_from_slice(piece);
            Ok::<_, Error>(())
        });
        written.unwrap();
        self.states.push(bytes);
    }

    fn saved(&mut self) -> Result<Option<Vec<u8>>, HostError> {
        Ok(self.from.take())
    }
}

/// A run of one model or several, on so many threads.
struct Case {
    name: &'static str,
    plan: Plan,
    replicas: Option<ReplicaPlan>,
    threads: usize,
}

impl Case {
    /// All that a run leaves, but for the time that it took, as text: numbers in it have one spelling.
    fn run(&self, data: &Dataset, keeper: &mut Keeper<'_>, stop: &AtomicBool) -> Result<String, HostError> {
        let threads = NonZeroUsize::new(self.threads).unwrap();
        let timeless = |history: &mut Vec<Epoch>| history.iter_mut().for_each(|row| row.seconds = 0.0);
        Ok(match self.replicas {
            None => {
                let mut left = train_on(threads, data, &self.plan, keeper, stop)?;
                timeless(&mut left.history);
                format!("{left:?}")
            }
            Some(replicas) => {
                let mut left = train_replicas(data, &self.plan, &ReplicaPlan { threads, ..replicas }, keeper, stop)?;
                timeless(&mut left.history);
                format!("{left:?}")
            }
        })
    }
}

/// 300 training samples, two epochs of five updates.
fn usual() -> Plan {
    let optimizer = OptimizerPlan::Sgd(SgdConfig { momentum: 0.9, ..SgdConfig::default() });
    let (hidden, decay) = (vec![4], DecayPlan::Cosine(0.0));
    Plan { hidden, optimizer, decay, batch: 65, validation: 0.75, epochs: 2, averages: None, ..Plan::article() }
}

fn averaged(kinds: Vec<AverageKind>, every: Option<u64>) -> Option<AveragePlan> {
    Some(AveragePlan { kinds, start: 0.3, every, ..AveragePlan::default() })
}

fn of_optimizers() -> Vec<(&'static str, Plan)> {
    let adam = OptimizerPlan::Adam(AdamConfig { weight_decay: 0.01, ..AdamConfig::default() });
    let free = OptimizerPlan::ScheduleFree(ScheduleFreeConfig::default());
    let free_adam = OptimizerPlan::ScheduleFreeAdam(ScheduleFreeAdamConfig::default());
    let lookahead = Some(LookaheadConfig { every: 3, ..LookaheadConfig::default() });
    let plain = OptimizerPlan::Sgd(SgdConfig::default());
    vec![
        ("momentum", usual()),
        ("plain, layer norm", Plan { optimizer: plain, norm: Some(NormKind::Layer), ..usual() }),
        ("Adam, batch norm", Plan { optimizer: adam, norm: Some(NormKind::Batch), ..usual() }),
        ("schedule-free", Plan { optimizer: free, decay: DecayPlan::Constant, warmup: 0.5, ..usual() }),
        ("schedule-free AdamW", Plan { optimizer: free_adam, decay: DecayPlan::Constant, dropout: 0.0, ..usual() }),
        ("lookahead", Plan { lookahead, ..usual() }),
        ("lookahead, Adam", Plan { optimizer: adam, lookahead, decay: DecayPlan::OneCycle(0.0), ..usual() }),
    ]
}

fn of_averages() -> Vec<(&'static str, Plan)> {
    let ema = AverageKind::Ema(Ema::with_decay(0.9));
    let kinds =
        vec![AverageKind::Swa, ema, AverageKind::Lawa(3), AverageKind::Swag(2, 2), AverageKind::Polynomial(1.0)];
    let polynomial =
        AveragePlan { kinds: vec![AverageKind::Polynomial(2.0)], posthoc: Some(5), ..AveragePlan::polynomial() };
    let switch = AveragePlan { switch: true, ..averaged(vec![ema], Some(2)).unwrap() };
    vec![
        (
            "averages, batch norm",
            Plan { averages: averaged(kinds.clone(), Some(2)), norm: Some(NormKind::Batch), ..usual() },
        ),
        ("averages of epochs", Plan { averages: averaged(kinds, None), ..usual() }),
        ("stored averages", Plan { averages: Some(polynomial), ..usual() }),
        ("switched", Plan { averages: Some(switch), ..usual() }),
        (
            "patience",
            Plan { averages: averaged(vec![ema], Some(1)), patience: Some(1), rate: 0.5, epochs: 6, ..usual() },
        ),
    ]
}

fn of_batches() -> Vec<(&'static str, Plan)> {
    let norm = Some(NormKind::Batch);
    let growing = |rule, batch, micro_batch| {
        let growth = Some(GrowthPlan { rule, most: 200, patience: 1 });
        Plan { batch, micro_batch, growth, norm, averages: averaged(vec![AverageKind::Swa], None), ..usual() }
    };
    vec![
        ("micro-batches, clipped", Plan { micro_batch: Some(20), clip: Some(0.5), norm, ..usual() }),
        ("growing", growing(GrowthRule::NormTest(0.5), 20, None)),
        ("growing, uneven parts", growing(GrowthRule::NoiseScale(0.1), 21, Some(7))),
        ("doubling", growing(GrowthRule::Doubling(1), 20, Some(5))),
        ("augmented", Plan { augment: Some(Augment::default()), batch: 100, norm, ..usual() }),
        ("weights", Plan { balanced: true, label_smoothing: 0.1, ..usual() }),
        ("without validation", Plan { validation: 0.0, batch: 400, ..usual() }),
    ]
}

/// Every kind of plan, of one model and of several.
fn cases() -> Vec<Case> {
    let plans = [of_optimizers(), of_averages(), of_batches()].concat();
    let alone = plans.into_iter().map(|(name, plan)| Case { name, plan, replicas: None, threads: 3 });
    let kinds = vec![AverageKind::Swa, AverageKind::Ema(Ema::with_decay(0.8)), AverageKind::Lawa(2)];
    let plan = Plan { averages: averaged(kinds, Some(3)), norm: Some(NormKind::Batch), ..usual() };
    let augmented = Plan { augment: Some(Augment::default()), patience: Some(2), ..plan.clone() };
    let of = |coupling, start, every| Some(ReplicaPlan { count: 3, coupling, start, every, ..ReplicaPlan::default() });
    let pulled = of(Coupling::Mean(Pull::Fading), Start::Common, Some(2));
    let free = of(Coupling::Mean(Pull::Constant(0.0)), Start::Independent, None);
    let replicas = [
        ("pulled", &plan, pulled),
        ("pulled, augmented", &augmented, of(Coupling::Mean(Pull::Growing), Start::Independent, None)),
        ("apart", &plan, free),
        ("elastic", &plan, of(Coupling::Elastic(0.3), Start::Independent, Some(4))),
        ("elastic at each step", &plan, of(Coupling::Elastic(0.2), Start::Common, Some(1))),
    ];
    let several = replicas
        .into_iter()
        .flat_map(|(name, plan, replicas)| [1, 2].map(|threads| Case { name, plan: plan.clone(), replicas, threads }));
    alone.chain(several).collect()
}

#[test]
fn a_run_that_goes_on_from_any_of_its_states_ends_as_one_that_was_never_stopped() {
    let (data, go) = (small(), AtomicBool::new(false));
    for case in cases() {
        let (name, threads) = (case.name, case.threads);
        let whole = case.run(&data, &mut Keeper::default(), &go).unwrap();
        let mut keeper = Keeper { saves: true, ..Keeper::default() };
        assert!(case.run(&data, &mut keeper, &go).unwrap() == whole, "{name}: saving changed it");
        assert!(keeper.states.len() > 4, "{name}: {}", keeper.states.len());
        for (i, state) in keeper.states.iter().enumerate() {
            let mut resumed = Keeper { from: Some(state.clone()), ..Keeper::default() };
            assert!(case.run(&data, &mut resumed, &go).unwrap() == whole, "{name}, {threads} threads: from state {i}");
        }
        // The last one leaves nothing to train.
        let mut resumed = Keeper { from: keeper.states.pop(), ..Keeper::default() };
        case.run(&data, &mut resumed, &go).unwrap();
        assert!(resumed.updates == 0 && resumed.states.is_empty(), "{name}");
    }
}

/// Also where the state of a run that was resumed is the next one's.
#[test]
fn a_run_that_is_stopped_after_each_update_ends_as_one_that_was_never_stopped() {
    let (data, go) = (small(), AtomicBool::new(false));
    for case in cases() {
        let whole = case.run(&data, &mut Keeper::default(), &go).unwrap();
        let (mut from, mut stops) = (None, 0);
        let resumed = loop {
            let stop = AtomicBool::new(false);
            let mut keeper = Keeper { from, stops: Some((1, &stop)), ..Keeper::default() };
            let left = case.run(&data, &mut keeper, &stop).unwrap();
            if !left.contains("interrupted: true") {
                break left;
            }
            from = keeper.states.pop();
            stops += 1;
        };
        assert!(resumed == whole && stops > 2, "{} after {stops} stops", case.name);
    }
}

#[test]
fn frozen_layers_stay_where_a_head_is_resumed() {
    let (data, go) = (small(), AtomicBool::new(false));
    let deep = Plan { hidden: vec![6, 5], epochs: 1, ..usual() };
    let first = train_on(NonZeroUsize::MIN, &data, &deep, &mut Keeper::default(), &go).unwrap();
    let from = Pretrained { name: "model".to_owned(), spec: first.spec, params: first.last, frozen: 1 };
    let case = Case { name: "head", plan: usual().starting_from(from), replicas: None, threads: 1 };
    let mut keeper = Keeper { saves: true, ..Keeper::default() };
    let whole = case.run(&data, &mut keeper, &go).unwrap();
    for state in keeper.states {
        let mut resumed = Keeper { from: Some(state), ..Keeper::default() };
        assert!(case.run(&data, &mut resumed, &go).unwrap() == whole);
    }
}

#[test]
fn a_state_of_another_run_is_refused_before_anything_is_trained() {
    let (data, go) = (small(), AtomicBool::new(false));
    let of = |plan: Plan| Case { name: "", plan, replicas: None, threads: 1 };
    let mut keeper = Keeper { saves: true, ..Keeper::default() };
    of(usual()).run(&data, &mut keeper, &go).unwrap();
    let state = keeper.states.swap_remove(3);
    let refused = |case: &Case, data: &Dataset, state: Vec<u8>| {
        let mut keeper = Keeper { from: Some(state), ..Keeper::default() };
        let error = case.run(data, &mut keeper, &go).unwrap_err().to_string();
        assert_eq!(keeper.updates, 0);
        error
    };
    let replicas = Case { replicas: Some(ReplicaPlan::default()), ..of(usual()) };
    let mut other = small();
    other.identity.as_mut().unwrap().digest ^= 1;
    for (error, word) in [
        (refused(&of(Plan { rate: 0.01, ..usual() }), &data, state.clone()), "other settings"),
        (refused(&of(Plan { hidden: vec![5], ..usual() }), &data, state.clone()), "another network"),
        (refused(&replicas, &data, state.clone()), "other settings"),
        (refused(&of(usual()), &other, state.clone()), "other data"),
    ] {
        assert!(error.contains(word), "{error}");
    }
    for at in (0..state.len()).step_by(97) {
        let mut damaged = state.clone();
        damaged[at] ^= 1 << (at % 8);
        assert!(refused(&of(usual()), &data, damaged).starts_with("container"));
        assert!(refused(&of(usual()), &data, state[..at].to_vec()).starts_with("container"));
    }
}
