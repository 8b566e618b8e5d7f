//! What every peer is asked to do, and how it is timed.

use crate::data::{Data, Random};
use std::{hint::black_box, time::Instant};

/// A network, ReLU between its layers and softmax cross-entropy at its end, and how to train it.
#[derive(Clone, Copy)]
pub struct Job {
    pub widths: &'static [usize],
    pub batch: usize,
    /// Adam at 0.001, or plain SGD at 0.1.
    pub adam: bool,
}

impl Job {
    pub fn rate(&self) -> f32 {
        if self.adam { 1e-3 } else { 0.1 }
    }

    /// Widths of each layer's inputs and outputs.
    pub fn layers(&self) -> impl Iterator<Item = (usize, usize)> {
        self.widths.windows(2).map(|w| (w[0], w[1]))
    }

    /// The weights everyone starts from, `(inputs, outputs)` row-major a layer (He et al. 2015); biases are zero.
    pub fn weights(&self) -> Vec<Vec<f32>> {
        let mut random = Random(7);
        self.layers().map(|(i, o)| (0..i * o).map(|_| (2.0 / i as f32).sqrt() * random.normal()).collect()).collect()
    }
}

pub trait Peer: Sized {
    fn new(job: Job, data: &'static Data) -> Self;
    /// Trains once on the training samples in `order`; the mean loss.
    fn epoch(&mut self, order: &[u32]) -> f64;
    /// Test samples classified correctly, `chunk` at a time.
    fn hits(&mut self, chunk: usize) -> usize;
    /// The class of one test sample.
    fn classify(&mut self, sample: usize) -> usize;
    /// One more model of `n` parameters into a running mean.
    fn averager(n: usize) -> impl FnMut();
}

/// How long to look: epochs after the warm-up, and blocks of short calls.
#[derive(Clone, Copy)]
pub struct Effort {
    pub epochs: usize,
    pub blocks: usize,
}

pub struct Bench {
    pub peer: &'static str,
    pub version: String,
    pub effort: Effort,
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

impl Bench {
    pub fn say(&self, work: &str, value: f64, unit: &str) {
        println!("{}\t{work}\t{value:.6}\t{unit}\t{}", self.peer, self.version);
    }

    /// Median seconds of a call, after a block to warm up.
    pub fn per_call(&self, calls: usize, mut run: impl FnMut()) -> f64 {
        let mut block = || {
            let start = Instant::now();
            (0..calls).for_each(|_| run());
            start.elapsed().as_secs_f64() / calls as f64
        };
        block();
        median((0..self.effort.blocks).map(|_| block()).collect())
    }

    /// Trains for some epochs: their median time and the last one's loss.
    pub fn train<P: Peer>(&self, work: &str, job: Job, data: &'static Data) -> P {
        let mut peer = P::new(job, data);
        let (mut random, mut loss) = (Random(3), 0.0);
        let mut times = Vec::new();
        for _ in 0..=self.effort.epochs {
            let order = random.order(data.train.len());
            let start = Instant::now();
            loss = peer.epoch(&order);
            times.push(start.elapsed().as_secs_f64());
        }
        self.say(work, median(times.split_off(1)), "s");
        self.say(&format!("loss of {work}"), loss, "nats");
        peer
    }

    /// Evaluates in pieces of the size that suits the peer best, then one sample at a time.
    pub fn predict<P: Peer>(&self, peer: &mut P, samples: usize) {
        let mut hits = 0;
        let time = |chunk| self.per_call(1, || hits = black_box(peer.hits(chunk)));
        let best = [32, 200, 1_000, 10_000].map(time).into_iter().fold(f64::MAX, f64::min);
        self.say("evaluate 10,000", best * 1e3, "ms");
        self.say("test error", 100.0 - 100.0 * hits as f64 / samples as f64, "%");
        let mut sample = 0;
        let one = self.per_call(1_000, || {
            sample = (sample + 1) % 1_000;
            black_box(peer.classify(sample));
        });
        self.say("one sample", one * 1e6, "µs");
    }

    pub fn average(&self, n: usize, run: impl FnMut()) {
        let seconds = self.per_call(10_000_000 / n, run);
        self.say(&format!("average {n}"), seconds * 1e6, "µs");
    }
}
