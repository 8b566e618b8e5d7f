//! A head learns the digits 0 to 4 from a stream, each sample once, and then 5 to 9: with samples of the past that a reservoir
//! keeps, and without them. A thread sends the samples through a queue, as an interrupt does on a chip.
//!
//! `cargo run --release --features std --example replay -- [MNIST-DIRECTORY [SEEDS [RATE [OLD]]]] [--validation]`; the embedded
//! sample without a directory. OLD is how many samples of the past are learned beside each new one, 1 to 16. Errors are
//! those of the test set, or with `--validation` of a tenth of the training samples, which is held out.

use cygnet::host::data::{Dataset, ImageFiles, Samples, Split};
use cygnet::metrics::{Score, evaluate};
use cygnet::optim::SgdConfig;
use cygnet::random::{Purpose, shuffle, stream};
use cygnet::reservoir::{Reservoir, ReservoirConfig};
use cygnet::{Activation, Gradient, Init, Inputs, Model, Sgd, Spec, Targets, Workspace, predict};
use heapless::spsc::Queue;
use std::error::Error;
use std::path::Path;
use std::thread;

const NET: Spec = Spec::new(784).dense(64, Activation::Relu).dense(10, Activation::Identity);
/// Stays as it is: on a chip its parameters are in flash.
const BODY: Spec = NET.first(1);
/// Learns.
const HEAD: Spec = NET.after(1);
/// The first classes, which come first.
const HALF: u8 = 5;
/// The most samples of the past beside a new one.
const MOST: usize = 16;

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What comes through the queue.
struct Reading {
    pixels: [u8; 784],
    class: u16,
}

/// How it learns.
#[derive(Clone, Copy)]
pub(crate) struct Setting {
    /// Samples that the reservoir keeps; 0 for none.
    pub(crate) kept: usize,
    /// How many of them are learned beside each new one.
    pub(crate) old: usize,
    pub(crate) rate: f32,
    pub(crate) seed: u64,
}

/// What learns on the chip: all but the queue.
struct Learner<'a> {
    body: &'a [f32],
    head: Model<'a>,
    reservoir: Option<Reservoir<'a, f32>>,
    setting: Setting,
    gradient: Gradient<'a>,
    sgd: Sgd<'a>,
    body_work: Workspace<'a>,
    work: Workspace<'a>,
}

impl Learner<'_> {
    /// One step on a new sample and some of the past, which all count alike; the new one may be kept.
    fn learn(&mut self, reading: &Reading) -> Result<(), cygnet::Error> {
        let Self { head, gradient, work, .. } = self;
        let Setting { rate, old, .. } = self.setting;
        // The features are what is kept: a fraction of the pixels.
        let inputs = Inputs::bytes(&reading.pixels, 1.0 / 255.0, &[0]);
        let features = predict(&BODY, self.body, inputs, &mut self.body_work)?;
        head.accumulate(&*features, Targets::Classes(&[reading.class]), gradient, work)?;
        if let Some(reservoir) = &mut self.reservoir {
            let (mut rows, mut classes) = ([0; MOST], [0; MOST]);
            reservoir.offer(features, reading.class)?;
            let (rows, classes) = reservoir.draw(head.steps(), &mut rows[..old], &mut classes[..old])?;
            let inputs = Inputs::picked(reservoir.samples(), rows);
            head.accumulate(inputs, Targets::Classes(classes), gradient, work)?;
        }
        head.step(gradient, &mut self.sgd, rate)?;
        Ok(())
    }

    /// Learns from samples of a set in this order; a thread sends them.
    fn learn_from(&mut self, set: &Samples, order: &[u32]) -> Result<(), cygnet::Error> {
        let mut queue: Queue<Reading, 64> = Queue::new();
        let (mut sender, mut receiver) = queue.split();
        thread::scope(|scope| {
            scope.spawn(move || {
                for &row in order {
                    let mut reading = reading(set, row);
                    while let Err(full) = sender.enqueue(reading) {
                        reading = full;
                        thread::yield_now();
                    }
                }
            });
            let mut outcome = Ok(());
            for _ in order {
                let reading = loop {
                    match receiver.dequeue() {
                        Some(reading) => break reading,
                        None => thread::yield_now(),
                    }
                };
                // After an error the rest passes, so that the sender ends.
                outcome = outcome.and_then(|()| self.learn(&reading));
            }
            outcome
        })
    }
}

/// Sample `row` of a set.
fn reading(set: &Samples, row: u32) -> Reading {
    let mut reading = Reading { pixels: [0; 784], class: 0 };
    let image = set.image(row as usize).unwrap_or_default();
    reading.pixels.iter_mut().zip(image).for_each(|(to, &pixel)| *to = pixel);
    reading.class = set.label(row as usize).unwrap_or_default().into();
    reading
}

/// Rows of the first classes, or of the others, in random order.
fn half(set: &Samples, rows: &[u32], is_first: bool, seed: u64) -> Vec<u32> {
    let is_of = |&row: &u32| set.label(row as usize).is_some_and(|label| (label < HALF) == is_first);
    let mut rows: Vec<u32> = rows.iter().copied().filter(is_of).collect();
    shuffle(&mut rows, &mut stream(seed, Purpose::Shuffle, is_first.into()));
    rows
}

/// A body, trained on the desktop on the first classes alone.
pub(crate) fn train_body(set: &Samples, rows: &[u32], seed: u64) -> Fallible<Vec<f32>> {
    const BATCH: usize = 32;
    let config = SgdConfig { momentum: 0.9, ..Sgd::DEFAULT };
    let (mut params, mut velocity) = (vec![0.0; NET.param_len()], vec![0.0; NET.param_len()]);
    let (mut floats, mut classes) = (vec![0.0; NET.work_len(BATCH)], [0; BATCH]);
    let (mut lists, mut indices) = (vec![0.0; NET.list_len(BATCH)], vec![0; NET.index_len(BATCH)]);
    let mut work = Workspace::new(&NET, BATCH, &mut floats)?.with_lists(&NET, &mut lists, &mut indices)?;
    let mut model = Model::new(&NET, &mut params)?;
    model.init(Init::He, seed)?;
    let mut sgd = Sgd::new(config, &NET, &mut velocity)?;
    for epoch in 0..3 {
        for pick in half(set, rows, true, seed + 1000 * (epoch + 1)).chunks(BATCH) {
            let targets = Targets::Classes(set.classes(pick, &mut classes));
            model.train(set.inputs_of(pick), targets, &mut sgd, 0.05, &mut work)?;
        }
    }
    params.truncate(BODY.param_len());
    Ok(params)
}

/// Percent of the samples that body and head get wrong.
fn error(body: &[f32], head: &Model<'_>, set: &Samples, rows: &[u32]) -> Fallible<f32> {
    const BATCH: usize = 64;
    let whole = [body, head.params()].concat();
    let (mut floats, mut classes, mut score) = (vec![0.0; NET.predict_len(BATCH)], [0; BATCH], Score::default());
    let mut work = Workspace::for_prediction(&NET, BATCH, &mut floats)?;
    for pick in rows.chunks(BATCH) {
        let targets = Targets::Classes(set.classes(pick, &mut classes));
        evaluate(&NET, &whole, set.inputs_of(pick), targets, &mut score, &mut work)?;
    }
    Ok(100.0 * (1.0 - score.accuracy()))
}

/// One run over both halves: percent wrong of the first classes after the first half, then of the first and of the others
/// after the second.
pub(crate) fn run(
    setting: Setting,
    body: &[f32],
    train: (&Samples, &[u32]),
    judge: (&Samples, &[u32]),
) -> Fallible<[f32; 3]> {
    let config = ReservoirConfig { places: setting.kept.max(1), width: HEAD.inputs(), classes: HEAD.classes() };
    let (mut samples, mut labels) = (vec![0.0; config.samples_len()], vec![0; config.places]);
    let (mut counts, mut params) = (vec![0; config.counts_len()], vec![0.0; HEAD.param_len()]);
    let (mut floats, mut body_floats) = (vec![0.0; HEAD.work_len(MOST)], vec![0.0; BODY.predict_len(1)]);
    let mut sum = vec![0.0; HEAD.param_len()];
    let mut head = Model::new(&HEAD, &mut params)?;
    head.init(Init::He, setting.seed)?;
    let reservoir = Reservoir::new(config, setting.seed, &mut samples, &mut labels, &mut counts)?;
    let mut learner = Learner {
        body,
        head,
        reservoir: (setting.kept > 0).then_some(reservoir),
        setting,
        gradient: Gradient::new(&HEAD, &mut sum)?,
        sgd: Sgd::plain(&HEAD)?,
        body_work: Workspace::for_prediction(&BODY, 1, &mut body_floats)?,
        work: Workspace::new(&HEAD, MOST, &mut floats)?,
    };
    let [first, others] = [true, false].map(|is_first| half(judge.0, judge.1, is_first, 0));
    learner.learn_from(train.0, &half(train.0, train.1, true, setting.seed))?;
    let before = error(body, &learner.head, judge.0, &first)?;
    learner.learn_from(train.0, &half(train.0, train.1, false, setting.seed))?;
    let [first, others] = [first, others].map(|rows| error(body, &learner.head, judge.0, &rows));
    Ok([before, first?, others?])
}

fn main() -> Fallible<()> {
    let (flags, arguments): (Vec<_>, Vec<_>) = std::env::args().skip(1).partition(|word| word.starts_with("--"));
    let data = match arguments.first() {
        Some(directory) => ImageFiles::find(Path::new(directory))?.read(false)?,
        None => Dataset::sample()?,
    };
    let number = |at: usize, usual: f32| arguments.get(at).map_or(Ok(usual), |word| word.parse());
    let (seeds, rate, old) = (number(1, 1.0)? as u64, number(2, 0.02)?, (number(3, 16.0)? as usize).clamp(1, MOST));
    let kept = [0, 50, 500];
    let mut all = kept.map(|_| Vec::new());
    for seed in 1..=seeds {
        let (train, held_out) = data.split(Split { seed, validation: 0.1 })?;
        let test: Vec<u32> = (0..data.test.len() as u32).collect();
        let judge = if flags.is_empty() { (&data.test, &test[..]) } else { (&data.train, &held_out[..]) };
        let body = train_body(&data.train, &train, seed)?;
        for (errors, kept) in all.iter_mut().zip(kept) {
            errors.push(run(Setting { kept, old, rate, seed }, &body, (&data.train, &train), judge)?);
        }
    }
    println!("percent wrong, mean of {seeds} seeds ± standard deviation");
    println!("kept  digits 0-4 after them  digits 0-4 after 5-9  digits 5-9");
    for (kept, errors) in kept.iter().zip(&all) {
        let n = errors.len() as f32;
        let figures = [0, 1, 2].map(|k| {
            let mean = errors.iter().map(|run| run[k]).sum::<f32>() / n;
            let squares: f32 = errors.iter().map(|run| (run[k] - mean).powi(2)).sum();
            format!("{mean:.2} ± {:.2}", (squares / (n - 1.0).max(1.0)).sqrt())
        });
        let [before, first, others] = &figures;
        println!("{kept:>4}  {before:<21}  {first:<21}  {others}");
    }
    Ok(())
}
