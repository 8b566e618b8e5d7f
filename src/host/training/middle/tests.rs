use super::*;
use crate::replicas::Pull;

#[test]
fn replicas_meet_for_pulls_and_snapshots_and_at_the_end_of_an_epoch() {
    let fading = Coupling::Mean(Pull::Fading);
    let late = vec![Snapshots { start: 15, every: 7 }];
    let each = Snapshots { start: 1, every: 1 };
    for (coupling, every, snapshots, expected) in [
        (fading, None, vec![], vec![10, 20, 30]),
        (fading, Some(4), vec![], vec![4, 8, 10, 12, 16, 20, 24, 28, 30]),
        (fading, Some(u64::MAX), late.clone(), vec![10, 15, 20, 22, 29, 30]),
        (Coupling::Mean(Pull::Constant(0.0)), Some(4), vec![], vec![10, 20, 30]),
        (Coupling::Elastic(0.1), None, vec![], vec![9, 10, 19, 20, 29, 30]),
        (Coupling::Elastic(0.1), Some(1), vec![], (1..=30).collect()),
        (fading, None, vec![late[0], each], (1..=30).collect()),
    ] {
        let plan = ReplicaPlan { coupling, every, ..ReplicaPlan::default() };
        let meetings = Meetings::new(&plan, 10, snapshots);
        let (mut met, mut now) = (vec![], 0);
        while now < 30 {
            now = meetings.next(now, now / 10 * 10 + 10);
            met.push(now);
        }
        assert_eq!(met, expected, "{coupling:?} {every:?}");
    }
}
