use super::*;

#[test]
fn a_demand_for_less_than_a_micro_batch_more_is_met() {
    let growth = Some(GrowthPlan { patience: 1, most: 60, ..GrowthPlan::default() });
    let mut batch = Growing::new(&Plan { growth, ..Plan::article() }, 1000).unwrap().unwrap();
    let mut sizes = std::vec![];
    for _ in 0..3 {
        // Noise alone: each time 1/0.81 of the batch is asked for.
        let samples = batch.get();
        let square = 1.0 / samples as f32;
        batch.update(samples, Some(Noise { variance: 1.0, signal: 1e-6, square, samples }));
        sizes.push(samples);
    }
    assert_eq!((sizes, batch.get(), batch.latest()), (std::vec![32, 48, 48], 48, 48));
}
