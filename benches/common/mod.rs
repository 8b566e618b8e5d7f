//! What the benchmarks share: the samples in every form, memory as the host lays it out, networks ready to train.
//!
//! Buffers begin at a cache line (64 bytes), as the host's do, and live as long as the process.

#![allow(dead_code, reason = "each benchmark uses a part of this")]

pub(crate) mod machine;
pub(crate) mod report;

use cygnet::host::data::{Dataset, PIXEL_SCALE};
use cygnet::inputs::{SparseSet, compress, nonzeros};
use cygnet::optim::Optimizer;
use cygnet::{Activation, Adam, Init, Inputs, Model, Sgd, Spec, Targets, Workspace};
use std::ops::Range;

pub(crate) const NET: Spec = Spec::new(784).dense(64, Activation::Relu).dense(10, Activation::Identity);
/// `NET` as the runner trains it by default.
pub(crate) const DROPOUT: Spec =
    Spec::new(784).dense(64, Activation::Relu).dropout(0.5).dense(10, Activation::Identity);
pub(crate) const DEEP: Spec =
    Spec::new(784).dense(256, Activation::Relu).dense(128, Activation::Relu).dense(10, Activation::Identity);
pub(crate) const WIDE: Spec =
    Spec::new(784).dense(800, Activation::Relu).dense(800, Activation::Relu).dense(10, Activation::Identity);

/// `n` zeros, or what zero is for `T`, from a cache line on.
pub(crate) fn aligned<T: Clone + Default>(n: usize) -> &'static mut [T] {
    const LINE: usize = 64;
    let room = vec![T::default(); n + LINE / size_of::<T>()].leak();
    let start = room.as_ptr().align_offset(LINE);
    &mut room[start..start + n]
}

/// Floats in [0.1, 1), none of them zero, the same in every run.
pub(crate) fn dense_floats(n: usize) -> &'static [f32] {
    let floats = aligned(n);
    let mut state = 1;
    floats.fill_with(|| 0.1 + 0.9 * (random(&mut state) >> 40) as f32 / (1 << 24) as f32);
    floats
}

/// SplitMix64: enough to shuffle and to fill.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The form in which samples lie in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    Floats,
    Bytes,
    Compressed,
}

/// The 10,000 training images of the embedded sample, shuffled once: the same samples in the same order in each form.
/// Bytes and compressed images are read at random places, as in training; floats stand in the order of their use.
#[derive(Clone, Copy)]
pub(crate) struct Samples {
    order: &'static [u32],
    classes: &'static [u16],
    pub floats: &'static [f32],
    bytes: &'static [u8],
    compressed: SparseSet<'static>,
}

impl Samples {
    pub(crate) fn embedded() -> Self {
        let train = Dataset::sample().expect("the embedded sample is whole").train;
        let n = train.len();
        let order = aligned::<u32>(n);
        let mut state = 7;
        for i in 0..n {
            let j = (random(&mut state) % (i as u64 + 1)) as usize;
            (order[i], order[j]) = (order[j], i as u32);
        }
        let (floats, classes) = (aligned(n * 784), aligned(n));
        train.classes(order, classes);
        for (&i, row) in order.iter().zip(floats.chunks_exact_mut(784)) {
            let image = train.image(i as usize).expect("the order names images");
            row.iter_mut().zip(image).for_each(|(x, &pixel)| *x = f32::from(pixel) * PIXEL_SCALE);
        }
        let bytes = aligned(n * 784);
        bytes.copy_from_slice(train.images().expect("MNIST has images").pixels());
        let (starts, places) = (aligned(n + 1), nonzeros(bytes));
        let (positions, values) = (aligned(places), aligned(places));
        compress(bytes, 784, starts, positions, values).expect("lengths are exact");
        let compressed = SparseSet::new(784, starts, positions, values, PIXEL_SCALE).expect("just compressed");
        Self { order, classes, floats, bytes, compressed }
    }

    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    pub(crate) fn inputs(&self, form: Form, range: Range<usize>) -> Inputs<'static> {
        let pick = &self.order[range.clone()];
        match form {
            Form::Floats => Inputs::floats(&self.floats[range.start * 784..range.end * 784]),
            Form::Bytes => Inputs::bytes(self.bytes, PIXEL_SCALE, pick),
            Form::Compressed => Inputs::sparse(self.compressed, pick),
        }
    }

    pub(crate) fn targets(&self, range: Range<usize>) -> Targets<'static> {
        Targets::Classes(&self.classes[range])
    }

    /// Batch after batch of the whole set, for ever: new samples each time, as in training, so that no branch predictor
    /// knows them by heart.
    pub(crate) fn batches(&self, batch: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let n = self.len();
        (0..n / batch).cycle().map(move |i| i * batch..(i + 1) * batch)
    }

    /// Inputs that are not zero in a batch of them, in the mean.
    pub(crate) fn lit_mean(&self, batch: usize) -> usize {
        self.lit(0..self.len()) * batch / self.len()
    }

    /// Inputs that are not zero.
    pub(crate) fn lit(&self, range: Range<usize>) -> usize {
        self.floats[range.start * 784..range.end * 784].iter().filter(|&&x| x != 0.0).count()
    }
}

/// A freshly initialised network and its workspace.
pub(crate) struct Learner {
    pub model: Model<'static>,
    pub work: Workspace<'static>,
}

impl Learner {
    /// With lists of the non-zero inputs, as the host trains.
    pub(crate) fn new(spec: &'static Spec, batch: usize) -> Self {
        let Self { model, work } = Self::without_lists(spec, batch);
        let (values, integers) = (aligned(spec.list_len(batch)), aligned(spec.index_len(batch)));
        Self { model, work: work.with_lists(spec, values, integers).expect("lengths are exact") }
    }

    pub(crate) fn without_lists(spec: &'static Spec, batch: usize) -> Self {
        let mut model = Model::new(spec, aligned(spec.param_len())).expect("the length is exact");
        model.init(Init::He, 1).expect("He has no setting");
        let work = Workspace::new(spec, batch, aligned(spec.work_len(batch))).expect("the length is exact");
        Self { model, work }
    }

    /// One step; the rate is so small that the network stays what it is for as long as the benchmark lasts.
    pub(crate) fn train(&mut self, inputs: Inputs<'_>, targets: Targets<'_>, optimizer: &mut dyn Optimizer) -> f32 {
        const RATE: f32 = 1e-4;
        self.model.train(inputs, targets, optimizer, RATE, &mut self.work).expect("a sound batch").loss()
    }

    pub(crate) fn predict(&mut self, inputs: Inputs<'_>) -> f32 {
        self.model.predict(inputs, &mut self.work).expect("a sound batch")[0]
    }
}

pub(crate) fn sgd(spec: &Spec) -> Box<dyn Optimizer> {
    Box::new(Sgd::plain(spec).expect("plain SGD has no state"))
}

pub(crate) fn adam(spec: &Spec) -> Box<dyn Optimizer> {
    let config = Adam::DEFAULT;
    Box::new(Adam::new(config, spec, aligned(config.state_len(spec))).expect("the length is exact"))
}
