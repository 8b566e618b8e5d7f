use super::*;

#[test]
fn the_settings_are_those_that_the_documents_say() {
    let (adam, sgd) = (Recipe::adam(), Recipe::sgd());
    assert_eq!((adam.plan.clone(), adam.replicas.count), (Plan::article(), 5));
    let SgdConfig { momentum, nesterov, weight_decay, .. } = match sgd.plan.optimizer {
        OptimizerPlan::Sgd(config) => config,
        _ => SgdConfig::default(),
    };
    assert_eq!((momentum, nesterov, weight_decay), (0.9, false, 1e-4));
    assert_eq!((sgd.plan.decay, sgd.averaged), (DecayPlan::Linear(0.0), DecayPlan::Paper(0.02)));
    assert_eq!((sgd.plan.rate, sgd.plan.dropout, sgd.plan.epochs), (0.05, 0.0, 30));
    assert_eq!(sgd.plan_of(Stage::Single, 7), Plan { decay: DecayPlan::Paper(0.02), seed: 7, ..sgd.plan.clone() });
    assert_eq!(sgd.plan_of(Stage::Falling, 1), sgd.plan.baseline());
    let apart = [Stage::Apart, Stage::Common, Stage::Independent].map(|stage| adam.replicas_of(stage).unwrap());
    assert_eq!(apart.map(|replicas| replicas.start), [Start::Independent, Start::Common, Start::Independent]);
    let free = Coupling::Mean(Pull::Constant(0.0));
    let fading = Coupling::Mean(Pull::Fading);
    assert_eq!(apart.map(|replicas| replicas.coupling), [free, fading, fading]);
}
