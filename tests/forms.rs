//! Random networks, batches and inputs: floats, bytes and compressed, with and without lists, fused and in micro-batches,
//! with weights of 1 and without, on every instruction set: the same bits.

#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use cygnet::inputs::{SparseSet, compress, nonzeros};
#[cfg(all(feature = "std", target_arch = "x86_64"))]
use cygnet::kernels::{Isa, force};
use cygnet::optim::{AdamConfig, Optimizer, SgdConfig};
use cygnet::train::AnyTargets;
use cygnet::{Activation, Adam, Gradient, Init, Inputs, Loss, Model, Sgd, Spec, Targets, Workspace};

const SCALE: f32 = 1.0 / 255.0;

/// A linear congruential generator.
struct Draws(u64);

impl Draws {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

/// A network, a set of bytes, the samples of three batches, and how they are learned.
struct Case {
    spec: Spec,
    set: Vec<u8>,
    batches: [Vec<u32>; 3],
    micro: usize,
    optimizer: u64,
}

impl Case {
    fn new(draws: &mut Draws) -> Self {
        let most = [30, 120, 300][draws.below(3) as usize];
        let inputs = 1 + draws.below(most) as usize;
        let mut spec = Spec::new(inputs as u16);
        for _ in 0..draws.below(3) {
            let activation = [Activation::Relu, Activation::Tanh, Activation::LeakyRelu(0.1)][draws.below(3) as usize];
            spec = spec.dense(1 + draws.below(150) as u16, activation);
            if draws.below(2) == 0 {
                spec = spec.dropout(0.4);
            }
        }
        let spec = spec.dense(1 + draws.below(40) as u16, Activation::Identity);
        // Softmax takes two outputs at least.
        let spec = if spec.outputs() == 1 { spec.loss(Loss::BinaryCrossEntropy) } else { spec };
        let most = [40, 40, 150][draws.below(3) as usize];
        let (samples, lit) = (1 + draws.below(50), 1 + draws.below(10));
        let byte = |draws: &mut Draws| if draws.below(10) < lit { draws.below(256) as u8 } else { 0 };
        let set = (0..samples as usize * inputs).map(|_| byte(draws)).collect();
        let mut batch = || (0..=draws.below(most)).map(|_| draws.below(samples) as u32).collect();
        let batches = [batch(), batch(), batch()];
        Self { spec, set, batches, micro: 1 + draws.below(most) as usize, optimizer: draws.below(4) }
    }

    fn floats(&self, pick: &[u32]) -> Vec<f32> {
        let inputs = self.spec.inputs();
        pick.iter()
            .flat_map(|&i| self.set[i as usize * inputs..][..inputs].iter().map(|&b| f32::from(b) * SCALE))
            .collect()
    }

    fn start<'a>(&self, state: &'a mut [f32]) -> Box<dyn Optimizer + 'a> {
        let config = match self.optimizer {
            0 => SgdConfig::default(),
            1 => SgdConfig { momentum: 0.9, nesterov: true, weight_decay: 0.01, no_bias_decay: false },
            2 => SgdConfig { weight_decay: 0.01, ..SgdConfig::default() },
            _ => return Box::new(Adam::new(AdamConfig::default(), &self.spec, state).unwrap()),
        };
        Box::new(Sgd::new(config, &self.spec, &mut state[..config.state_len(&self.spec)]).unwrap())
    }

    /// The bits of the parameters after the three batches; a zero's sign is nobody's business.
    fn learn(&self, form: usize, lists: bool, micro: Option<usize>, weighted: bool) -> Vec<u32> {
        let Self { spec, set, .. } = self;
        let (inputs, known) = (spec.inputs(), spec.classes() as u32);
        let (samples, n) = (set.len() / inputs, nonzeros(set));
        let (mut starts, mut positions, mut values) = (vec![0; samples + 1], vec![0; n], vec![0; n]);
        compress(set, inputs as u16, &mut starts, &mut positions, &mut values).unwrap();
        let compressed = SparseSet::new(inputs as u16, &starts, &positions, &values, SCALE).unwrap();
        let batch = self.batches.iter().map(Vec::len).max().unwrap();
        let (mut params, mut state) = (vec![0.0; spec.param_len()], vec![0.0; 2 * spec.param_len()]);
        let (mut floats, mut sum) = (vec![f32::NAN; spec.work_len(batch)], vec![0.0; spec.param_len()]);
        let (mut reals, mut integers) = (vec![f32::NAN; spec.list_len(batch)], vec![u32::MAX; spec.index_len(batch)]);
        let mut model = Model::new(spec, &mut params).unwrap();
        model.init(Init::He, 3).unwrap();
        let mut optimizer = self.start(&mut state);
        let mut gradient = Gradient::new(spec, &mut sum).unwrap();
        let mut work = Workspace::new(spec, batch, &mut floats).unwrap();
        if lists {
            work = work.with_lists(spec, &mut reals, &mut integers).unwrap();
        }
        for pick in &self.batches {
            for part in pick.chunks(micro.unwrap_or(batch)) {
                let classes: Vec<u16> = part.iter().map(|&i| (i % known) as u16).collect();
                let given = self.floats(part);
                let x = match form {
                    0 => Inputs::floats(&given),
                    1 => Inputs::bytes(set, SCALE, part),
                    _ => Inputs::sparse(compressed, part),
                };
                let (plain, ones) = (Targets::Classes(&classes), vec![1.0; part.len()]);
                let targets: AnyTargets<'_> = if weighted { plain.weighted(&ones).into() } else { plain.into() };
                if micro.is_some() {
                    model.accumulate(x, targets, &mut gradient, &mut work).unwrap();
                } else {
                    model.train(x, targets, &mut *optimizer, 0.05, &mut work).unwrap();
                }
            }
            if micro.is_some() {
                model.step(&mut gradient, &mut *optimizer, 0.05).unwrap();
            }
        }
        model.params().iter().map(|x| (x + 0.0).to_bits()).collect()
    }

    fn compare(&self, expected: &[u32], what: &str) {
        for form in 0..3 {
            for lists in [false, true] {
                // Compressed samples are trained on through lists.
                if form == 2 && !lists {
                    continue;
                }
                for (micro, weighted) in
                    [(None, false), (Some(self.micro), false), (None, true), (Some(self.micro), true)]
                {
                    let found = self.learn(form, lists, micro, weighted);
                    assert!(
                        found[..self.spec.param_len()] == *expected,
                        "{what} {form} {lists} {micro:?} {weighted} {:?}",
                        self.spec
                    );
                }
            }
        }
    }
}

#[test]
fn every_way_to_the_same_sums_gives_the_same_bits() {
    let mut draws = Draws(1);
    for _ in 0..if cfg!(debug_assertions) { 5 } else { 300 } {
        let case = Case::new(&mut draws);
        let expected = case.learn(0, false, None, false);
        #[cfg(not(all(feature = "std", target_arch = "x86_64")))]
        case.compare(&expected, "baseline");
        #[cfg(all(feature = "std", target_arch = "x86_64"))]
        for isa in [Isa::Scalar, Isa::Baseline, Isa::Avx2, Isa::Avx512] {
            if force(isa) {
                case.compare(&expected, &format!("{isa:?}"));
                common::assert_ran(isa);
            }
        }
    }
}
