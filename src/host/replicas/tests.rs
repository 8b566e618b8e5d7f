use super::*;
use crate::host::plan::OptimizerPlan;
use crate::host::run::Deaf;
use crate::{LookaheadConfig, SgdConfig};
use std::vec;

fn run(replicas: ReplicaPlan, batch_norm: bool) -> Replicas {
    let data = Dataset::sample().unwrap();
    let optimizer = OptimizerPlan::Sgd(SgdConfig { momentum: 0.9, ..SgdConfig::default() });
    let (hidden, lookahead) = (vec![5], Some(LookaheadConfig::default()));
    let plan = Plan { hidden, batch_norm, optimizer, lookahead, validation: 0.97, epochs: 1, ..Plan::default() };
    train_replicas(&data, &plan, &replicas, &mut Deaf, &AtomicBool::new(false)).unwrap()
}

fn with_threads(threads: usize) -> ReplicaPlan {
    ReplicaPlan { count: 3, threads: NonZeroUsize::new(threads).unwrap(), ..ReplicaPlan::default() }
}

#[test]
fn threads_change_no_bit() {
    for (batches, every, start) in
        [(Batches::Parallel, None, Start::Common), (Batches::RoundRobin, Some(3), Start::Independent)]
    {
        let one = run(ReplicaPlan { batches, every, start, ..with_threads(1) }, every.is_none());
        let many = run(ReplicaPlan { batches, every, start, ..with_threads(3) }, every.is_none());
        assert!(many.models == one.models && many.mean == one.mean, "{batches:?}");
        assert!(one.models.windows(2).all(|pair| pair[0] != pair[1]));
        assert_eq!(one.history.last().unwrap().steps, if batches == Batches::Parallel { 10 } else { 4 });
    }
}

#[test]
fn a_whole_pull_at_the_end_leaves_replicas_equal_and_none_leaves_them_alone() {
    let pulled = run(ReplicaPlan { coupling: Coupling::Mean(Pull::Growing), ..with_threads(2) }, false);
    assert!(pulled.models.iter().all(|model| *model == pulled.mean));
    let free = run(ReplicaPlan { coupling: FREE, ..with_threads(2) }, false);
    let more = ReplicaPlan { count: 4, coupling: FREE, ..with_threads(2) };
    // A replica that nothing pulls does not know of the others.
    assert_eq!(run(more, false).models[..3], free.models[..]);
}

#[test]
fn settings_out_of_range_are_refused() {
    for wrong in [
        ReplicaPlan { count: 1, ..ReplicaPlan::default() },
        ReplicaPlan { every: Some(0), ..ReplicaPlan::default() },
        ReplicaPlan { coupling: Coupling::Mean(Pull::Constant(f32::NAN)), ..ReplicaPlan::default() },
        ReplicaPlan { coupling: Coupling::Mean(Pull::Constant(1.5)), ..ReplicaPlan::default() },
    ] {
        assert!(matches!(wrong.check(&Plan::default()), Err(HostError::Usage(_))), "{wrong:?}");
    }
}
