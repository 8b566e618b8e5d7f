//! Averages at several ends of one run, beside runs whose learning rate decays to zero at each end: CSV on standard output.
//!
//! `cargo bench --features std --bench horizon -- MNIST-DIRECTORY [--validation 0.1] [--rate 0.05] [--seeds 5] [--every 20]
//! [--adam] [--norm] [--epochs 5,10,30,100]`: 784-64-10, batches of 32, SGD with momentum 0.9 and weight decay 1e-4 (or Adam).
//! Without a validation share the figures are those of the test set, with one those of the samples held out.

#![allow(missing_docs, clippy::expect_used)]

use cygnet::average::{Ema, NormUpdate, Rule};
use cygnet::host::data::{Dataset, ImageFiles, Samples, Split};
use cygnet::metrics::{Score, evaluate};
use cygnet::optim::{AdamConfig, Optimizer, SgdConfig};
use cygnet::random::{Purpose, shuffle, stream};
use cygnet::schedule::{Decay, Schedule};
use cygnet::{Activation, Adam, Averager, Init, Model, Sgd, Spec, Targets, Workspace};
use std::error::Error;
use std::path::Path;

const BATCH: usize = 32;
const PLAIN: Spec = Spec::new(784).dense(64, Activation::Relu).dense(10, Activation::Identity);
const NORMED: Spec = Spec::new(784).dense(64, Activation::Relu).norm().dense(10, Activation::Identity);
const MOMENTUM: SgdConfig = SgdConfig { momentum: 0.9, weight_decay: 1e-4, ..Sgd::DEFAULT };
const ETAS: [f32; 5] = [0.0, 1.0, 3.0, 7.0, 17.0];

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What the arguments say.
struct Setting {
    data: Dataset,
    spec: Spec,
    validation: f32,
    rate: f32,
    seeds: u64,
    /// Steps between two models of a polynomial average.
    every: u64,
    adam: bool,
    /// Ends, ascending.
    epochs: Vec<u64>,
}

impl Setting {
    fn from_arguments() -> Fallible<Self> {
        let arguments: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
        let value = |name: &str| arguments.iter().position(|a| a == name).and_then(|at| arguments.get(at + 1));
        let number = |name: &str, usual: f32| value(name).map_or(Ok(usual), |text| text.parse());
        let directory = arguments.first().ok_or("name the directory of MNIST")?;
        let epochs = value("--epochs").map_or("5,10,30,100", String::as_str);
        let has = |name: &str| arguments.iter().any(|a| a == name);
        Ok(Self {
            data: ImageFiles::find(Path::new(directory))?.read(false)?,
            spec: if has("--norm") { NORMED } else { PLAIN },
            validation: number("--validation", 0.0)?,
            rate: number("--rate", 0.05)?,
            seeds: number("--seeds", 5.0)? as u64,
            every: number("--every", 20.0)? as u64,
            adam: has("--adam"),
            epochs: epochs.split(',').map(str::parse).collect::<Result<_, _>>()?,
        })
    }
}

/// What one seed trains on and is judged on.
struct Run<'a> {
    setting: &'a Setting,
    seed: u64,
    train: Vec<u32>,
    judge: &'a Samples,
    judged: Vec<u32>,
}

impl<'a> Run<'a> {
    fn new(setting: &'a Setting, seed: u64) -> Fallible<Self> {
        let (train, held_out) = setting.data.split(Split { seed, validation: setting.validation })?;
        let (judge, judged) = if held_out.is_empty() {
            (&setting.data.test, (0..setting.data.test.len() as u32).collect())
        } else {
            (&setting.data.train, held_out)
        };
        Ok(Self { setting, seed, train, judge, judged })
    }

    fn steps_per_epoch(&self) -> u64 {
        self.train.len().div_ceil(BATCH) as u64
    }

    /// Trains for `epochs` epochs, and calls `after` after each step.
    fn train(
        &self,
        epochs: u64,
        schedule: Schedule,
        mut after: impl FnMut(&Model<'_>) -> Fallible<()>,
    ) -> Fallible<()> {
        let spec = &self.setting.spec;
        let (mut params, mut state) = (vec![0.0; spec.param_len()], vec![0.0; 2 * spec.param_len()]);
        let mut optimizer: Box<dyn Optimizer + '_> = if self.setting.adam {
            Box::new(Adam::new(AdamConfig::default(), spec, &mut state)?)
        } else {
            Box::new(Sgd::new(MOMENTUM, spec, &mut state[..spec.param_len()])?)
        };
        let mut model = Model::new(spec, &mut params)?;
        model.init(Init::He, self.seed)?;
        let mut memory = Memory::new(spec, BATCH);
        let mut work = memory.workspace(spec, BATCH)?;
        let (mut order, mut classes) = (self.train.clone(), [0; BATCH]);
        for epoch in 0..epochs {
            shuffle(&mut order, &mut stream(self.seed, Purpose::Shuffle, epoch));
            for pick in order.chunks(BATCH) {
                let classes = self.setting.data.train.classes(pick, &mut classes);
                let (inputs, targets) = (self.setting.data.train.inputs_of(pick), Targets::Classes(classes));
                model.train(inputs, targets, &mut *optimizer, schedule.at(model.steps()), &mut work)?;
                after(&model)?;
            }
        }
        Ok(())
    }

    /// Prints the error and the loss of `params`; statistics of norms are computed again for an average.
    fn print(&self, name: &str, epochs: u64, params: &[f32], is_average: bool) -> Fallible<()> {
        const MANY: usize = 256;
        let spec = &self.setting.spec;
        let (mut params, mut memory) = (params.to_vec(), Memory::new(spec, MANY));
        let mut work = memory.workspace(spec, MANY)?;
        if is_average && spec.norm_len() > 0 {
            let mut pooled = vec![0.0; spec.norm_len()];
            let mut update = NormUpdate::new(spec, &mut params, &mut pooled)?;
            for pick in self.train.chunks(MANY).filter(|pick| pick.len() > 1) {
                update.add(self.setting.data.train.inputs_of(pick), &mut work)?;
            }
            update.finish()?;
        }
        let (mut score, mut classes) = (Score::default(), [0; MANY]);
        for pick in self.judged.chunks(MANY) {
            let targets = Targets::Classes(self.judge.classes(pick, &mut classes));
            evaluate(spec, &params, self.judge.inputs_of(pick), targets, &mut score, &mut work)?;
        }
        let error = 100.0 * (1.0 - score.accuracy());
        println!("{},{epochs},{name},{error:.3},{:.5}", self.seed, score.loss());
        Ok(())
    }

    /// One run at a constant rate with every average, judged at each end.
    fn averages(&self) -> Fallible<()> {
        let (setting, per_epoch) = (self.setting, self.steps_per_epoch());
        let last = setting.epochs.last().copied().unwrap_or(0);
        let mut slices: Vec<_> = vec![vec![0.0; setting.spec.param_len()]; ETAS.len() + 1 + setting.epochs.len()];
        let mut slices = slices.iter_mut();
        let mut slice = || slices.next().expect("as many as averages");
        let mut polynomial = Vec::new();
        for eta in ETAS {
            polynomial.push((eta, Averager::with_rule(Rule::polynomial(eta), slice())?));
        }
        let mut ema = Averager::with_rule(Rule::ema(Ema::with_decay(0.999)), slice())?;
        let mut quarters: Vec<_> = setting.epochs.iter().map(|&end| (end, Averager::new(slice()))).collect();
        self.train(last, Schedule::constant(setting.rate), |model| {
            let steps = model.steps();
            ema.update(model)?;
            if steps.is_multiple_of(setting.every) {
                for (_, average) in &mut polynomial {
                    average.update(model)?;
                }
                for (_, average) in quarters.iter_mut().filter(|(end, _)| steps * 4 > end * per_epoch * 3) {
                    average.update(model)?;
                }
            }
            let epoch = steps / per_epoch;
            if !steps.is_multiple_of(per_epoch) || !setting.epochs.contains(&epoch) {
                return Ok(());
            }
            self.print("last iterate", epoch, model.params(), false)?;
            self.print("EMA 0.999", epoch, &ema.mean()?, true)?;
            for (eta, average) in &polynomial {
                self.print(&format!("eta {eta}"), epoch, &average.mean()?, true)?;
            }
            for (_, average) in quarters.iter().filter(|(end, _)| *end == epoch) {
                self.print("SWA of the last quarter", epoch, &average.mean()?, true)?;
            }
            Ok(())
        })
    }

    /// A run for each end, whose rate decays linearly to zero there.
    fn decays(&self) -> Fallible<()> {
        for &end in &self.setting.epochs {
            let steps = end * self.steps_per_epoch();
            let decay = Decay::Linear { to: 0.0, steps };
            let mut params = Vec::new();
            self.train(end, Schedule { decay, ..Schedule::constant(self.setting.rate) }, |model| {
                if model.steps() == steps {
                    params = model.params().to_vec();
                }
                Ok(())
            })?;
            self.print("linear decay", end, &params, false)?;
        }
        Ok(())
    }
}

/// Memory of a workspace.
struct Memory(Vec<f32>, Vec<f32>, Vec<u32>);

impl Memory {
    fn new(spec: &Spec, batch: usize) -> Self {
        let floats = vec![0.0; spec.work_len(batch)];
        Self(floats, vec![0.0; spec.list_len(batch)], vec![0; spec.index_len(batch)])
    }

    fn workspace(&mut self, spec: &Spec, batch: usize) -> Result<Workspace<'_>, cygnet::Error> {
        let Self(floats, values, integers) = self;
        Workspace::new(spec, batch, floats)?.with_lists(spec, values, integers)
    }
}

fn main() -> Fallible<()> {
    let setting = Setting::from_arguments()?;
    println!("seed,epochs,model,error,nll");
    std::thread::scope(|scope| {
        let threads = [1, 2].map(|first| {
            let setting = &setting;
            scope.spawn(move || {
                (first..=setting.seeds).step_by(2).try_for_each(|seed| {
                    let run = Run::new(setting, seed)?;
                    run.averages()?;
                    run.decays()
                })
            })
        });
        threads.into_iter().try_for_each(|thread| thread.join().expect("no thread panics"))
    })
}
