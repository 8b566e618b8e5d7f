use super::*;
use crate::Loss;
use crate::host::plan::{AveragePlan, GrowthPlan, GrowthRule, OptimizerPlan};
use crate::host::training::Deaf;
use crate::host::training::feed::tests::small;
use crate::optim::SgdConfig;

fn recipe() -> Recipe {
    let optimizer = OptimizerPlan::Sgd(SgdConfig::default());
    let averages = Some(AveragePlan { start: 0.5, ..AveragePlan::default() });
    let plan = Plan { hidden: vec![5], optimizer, rate: 0.05, batch: 2, averages, ..Plan::article() };
    let plan = Plan { validation: 0.5, epochs: 2, ..plan };
    let growth = GrowthPlan { rule: GrowthRule::Doubling(1), ..GrowthPlan::default() };
    Recipe { plan, growth, replicas: ReplicaPlan { count: 2, ..ReplicaPlan::default() }, ..Recipe::adam() }
}

#[test]
fn every_stage_is_another_run() {
    let data = small();
    let mut reproduction = Reproduction::new(&data, recipe()).unwrap();
    let stop = AtomicBool::new(false);
    for stage in Stage::ALL {
        assert!(reproduction.run(stage, 3, &mut Deaf, &stop).unwrap());
    }
    let variants = reproduction.variants.whole();
    let updates = |name: &str| variants.iter().find(|variant| variant.name == name).unwrap().figures[0].cells[6];
    for (i, one) in variants.iter().enumerate() {
        for other in &variants[..i] {
            assert!(one.figures[0].cells[4] != other.figures[0].cells[4], "{} and {}", one.name, other.name);
        }
    }
    assert_eq!(updates("one model"), 600.0);
    assert!(updates("growing batch") < 600.0);
    assert_eq!(updates("independent replicas: hard vote"), 1200.0);
    // Of a second seed that stops early no figure is in the table.
    reproduction.run(Stage::Single, 4, &mut Deaf, &stop).unwrap();
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    assert!(!reproduction.run(Stage::Falling, 4, &mut Deaf, &stop).unwrap());
    assert!(!reproduction.run(Stage::Common, 4, &mut Deaf, &stop).unwrap());
    // As text, in which a figure that is none equals itself.
    assert_eq!(format!("{:?}", reproduction.variants.whole()), format!("{variants:?}"));
}

#[test]
fn what_some_stage_cannot_train_is_refused_before_the_first() {
    let data = small();
    let plan = |change: fn(Plan) -> Plan| Recipe { plan: change(recipe().plan), ..recipe() };
    for (recipe, word) in [
        (plan(|plan| Plan { loss: Loss::MeanSquared, ..plan }), "cross-entropy"),
        (plan(|plan| Plan { batch: 1, ..plan }), "micro-batches"),
        (plan(|plan| Plan { batch: 2048, ..plan }), "grow-to"),
        (plan(|plan| Plan { validation: 0.0, ..plan }), "validation"),
        (Recipe { replicas: ReplicaPlan { count: 1, ..recipe().replicas }, ..recipe() }, "replicas"),
    ] {
        let error = Reproduction::new(&data, recipe).err().map(|error| std::string::ToString::to_string(&error));
        assert!(error.as_ref().is_some_and(|error| error.contains(word)), "{word}: {error:?}");
    }
}
