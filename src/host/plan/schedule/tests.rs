use super::*;
use crate::host::plan::AveragePlan;

#[test]
fn averaging_starts_at_the_epoch_that_the_share_says() {
    for (share, epochs, first) in [
        (0.1, 20, 2),
        (0.2, 20, 4),
        (0.3, 20, 6),
        (0.4, 20, 8),
        (0.6, 20, 12),
        (0.75, 20, 15),
        (0.8, 20, 16),
        (0.6, 5, 3),
        (0.5, 5, 3),
        (0.0, 5, 1),
        (1.0, 5, 5),
    ] {
        let averages = Some(AveragePlan { start: share, ..AveragePlan::default() });
        let snapshots = Plan { epochs, averages, ..Plan::article() }.snapshots(1688).unwrap();
        assert_eq!(snapshots, Snapshots { start: first * 1688, every: 1688 }, "{share} of {epochs}");
    }
    assert_eq!(Plan { averages: None, ..Plan::article() }.snapshots(10), None);
}
