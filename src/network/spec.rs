//! The network's description: layers, loss, mathematics; every size follows from it as a `const fn`.
//!
//! Sizes and places are added up while it is described, so that a call has nothing to work out.

use crate::error::{Error, SpecFault};
use crate::kernels;
use crate::math::Math;
use crate::network::activation::Activation;
use crate::network::dropout::drop_units;
use crate::network::layer::Layer;
use crate::network::link::Link;
use crate::network::loss::{Criterion, Loss};
use crate::network::norm::{self, NORM};
use crate::network::part::Part;
use core::ops::Range;

/// Dense layers that a description can hold.
pub const MAX_LAYERS: usize = 8;

/// Rows of a gradient that a workspace with lists computes at once, enough to pay for a copy of the deltas' columns, and
/// the floats they take at least.
const BLOCK_ROWS: usize = 64;
const BLOCK_FLOATS: usize = 4096;

/// A multi-layer perceptron's description: `Copy`, without lifetimes or generics, buildable in a `const`.
///
/// ```
/// use cygnet::{Activation, Spec};
/// const NET: Spec = Spec::new(784).dense(64, Activation::Relu).dropout(0.5).dense(10, Activation::Identity);
/// cygnet::assert_valid!(NET); // a wrong description stops the build here, and says why
/// static MEAN: [f32; NET.param_len()] = [0.0; NET.param_len()];
/// assert_eq!(MEAN.len(), 784 * 64 + 64 + 64 * 10 + 10);
/// ```
///
/// A wrong description has sizes of `usize::MAX`, so no static of that size compiles, and everything that takes it
/// returns [`Error::Spec`]:
///
/// ```compile_fail
/// use cygnet::{Activation, Spec};
/// const NET: Spec = Spec::new(784).dropout(0.5).dense(10, Activation::Identity);
/// static PARAMS: [f32; NET.param_len()] = [0.0; NET.param_len()];
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Spec {
    outputs: u16,
    /// The widest layer, the widest of the even ones, of the odd ones.
    widest: u16,
    even: u16,
    odd: u16,
    count: u8,
    math: Math,
    /// The first fault that stays, whatever follows.
    fault: Option<SpecFault>,
    /// What is still missing, or does not go together yet.
    lack: Option<SpecFault>,
    digest: u32,
    loss: Loss,
    criterion: Link<Criterion>,
    params: usize,
    units: usize,
    /// Units of the layers with a norm.
    normed: usize,
    /// The first says how many inputs there are, from the beginning.
    layers: [Layer; MAX_LAYERS],
}

impl Spec {
    /// A network for samples of `inputs` numbers, without layers yet; softmax cross-entropy is its loss until
    /// [`loss`](Self::loss) says otherwise.
    #[must_use]
    pub const fn new(inputs: u16) -> Self {
        let loss = Loss::SoftmaxCrossEntropy;
        let mut spec = Self {
            outputs: 0,
            widest: 0,
            even: 0,
            odd: 0,
            count: 0,
            math: Math::Libm,
            fault: if inputs == 0 { Some(SpecFault::ZeroWidth) } else { None },
            lack: None,
            digest: 0,
            loss,
            criterion: loss.criterion(),
            params: 0,
            units: 0,
            normed: 0,
            layers: [Layer::NONE; MAX_LAYERS],
        };
        spec.layers[0].inputs = inputs;
        spec.settle();
        spec
    }

    /// Adds a dense layer, `a = f(x·W + bias)` with `W` of shape `(inputs, width)`.
    #[must_use = "a description is a value: this is the next one"]
    pub const fn dense(mut self, width: u16, mut activation: Activation) -> Self {
        if width == 0 {
            return self.with_fault(SpecFault::ZeroWidth);
        }
        if let Activation::LeakyRelu(slope) = &mut activation {
            if !(*slope >= 0.0 && slope.is_finite()) {
                return self.with_fault(SpecFault::Constant);
            }
            // −0 is 0: equal networks have equal bits.
            *slope += 0.0;
        }
        let at = self.count as usize;
        if at >= MAX_LAYERS {
            return self.with_fault(SpecFault::TooManyLayers);
        }
        let layer = Layer {
            index: self.count,
            inputs: if at == 0 { self.layers[0].inputs } else { self.outputs },
            outputs: width,
            activation,
            curve: activation.curve(),
            offset: self.params,
            ..Layer::NONE
        };
        self.layers[at] = layer;
        self.count = self.count.wrapping_add(1);
        self.outputs = width;
        self.units = self.units.wrapping_add(layer.outputs());
        self.widest = if width > self.widest { width } else { self.widest };
        if at & 1 == 0 {
            self.even = if width > self.even { width } else { self.even };
        } else {
            self.odd = if width > self.odd { width } else { self.odd };
        }
        self.params = self.params.saturating_add(layer.param_len());
        // Their bytes must be addressable.
        if self.params > isize::MAX as usize / size_of::<f32>() {
            return self.with_fault(SpecFault::TooLarge);
        }
        self.settle();
        self
    }

    /// Normalises the pre-activations of the latest layer, `y = γ(z − μ)/√(σ² + ε) + β` (Ioffe & Szegedy 2015): by mean and
    /// variance of the batch in training, by running ones in prediction, `ε = 1e-5`; they follow each batch by
    /// `r ← r + 0.1·(batch − r)`.
    ///
    /// Behind the layer's bias stand `γ`, `β`, running mean and variance, `4 · outputs` floats more; the statistics are
    /// not learned, and no optimizer moves them. Training takes at least two samples at once; micro-batches are
    /// normalised one by one.
    #[must_use = "a description is a value: this is the next one"]
    pub const fn norm(mut self) -> Self {
        let at = (self.count as usize).wrapping_sub(1);
        if at >= MAX_LAYERS || self.layers[at].is_normed() {
            return self.with_fault(SpecFault::Norm);
        }
        self.layers[at].norm = Link(Some(&NORM));
        self.normed = self.normed.wrapping_add(self.layers[at].outputs());
        self.params = self.params.saturating_add(self.layers[at].norm_len());
        if self.params > isize::MAX as usize / size_of::<f32>() {
            return self.with_fault(SpecFault::TooLarge);
        }
        self.settle();
        self
    }

    /// The same network without its norms, which [`fold`](crate::model::fold) puts into weights and biases.
    #[must_use]
    pub const fn folded(&self) -> Self {
        let mut folded = Self::new(self.layers[0].inputs).loss(self.loss).math(self.math);
        let mut l = 0;
        while l < self.count as usize && l < MAX_LAYERS {
            let layer = &self.layers[l];
            folded = folded.dense(layer.outputs, layer.activation);
            if layer.drop_units.0.is_some() {
                folded = folded.dropout(layer.dropout());
            }
            l += 1;
        }
        if let Some(fault) = self.fault { folded.with_fault(fault) } else { folded }
    }

    /// Drops each unit of the latest layer with probability `p` while training and scales the others by `1/(1 − p)`
    /// (inverted dropout; Srivastava et al. 2014). `p` is rounded to a multiple of 2⁻¹⁶.
    #[must_use = "a description is a value: this is the next one"]
    pub const fn dropout(mut self, p: f32) -> Self {
        let at = (self.count as usize).wrapping_sub(1);
        if at >= MAX_LAYERS || !(p >= 0.0 && p < 1.0) {
            return self.with_fault(SpecFault::Dropout);
        }
        let steps = (p * 65_536.0 + 0.5) as u32;
        let steps = if steps > 65_535 { 65_535 } else { steps as u16 };
        self.layers[at].dropout = steps;
        self.layers[at].drop_units = Link(if steps > 0 { Some(drop_units) } else { None });
        self.settle();
        self
    }

    /// Sets the loss.
    #[must_use = "a description is a value: this is the next one"]
    pub const fn loss(mut self, loss: Loss) -> Self {
        if let Loss::Huber(delta) = loss
            && !(delta > 0.0 && delta.is_finite())
        {
            return self.with_fault(SpecFault::Constant);
        }
        self.loss = loss;
        self.criterion = loss.criterion();
        self.settle();
        self
    }

    /// Sets the implementation of the transcendental functions.
    #[must_use = "a description is a value: this is the next one"]
    pub const fn math(mut self, math: Math) -> Self {
        self.math = math;
        self.settle();
        self
    }

    /// Works out what follows from the whole description: what is missing, and the digest.
    // Once in an image that reads descriptions.
    #[inline(never)]
    const fn settle(&mut self) {
        self.lack = match (self.count as usize).wrapping_sub(1) {
            // A layer must follow.
            last if last < MAX_LAYERS && self.layers[last].dropout > 0 => Some(SpecFault::Dropout),
            last if last < MAX_LAYERS => match self.loss {
                Loss::SoftmaxCrossEntropy if self.outputs == 1 => Some(SpecFault::OneClass),
                _ => None,
            },
            _ => Some(SpecFault::NoLayers),
        };
        let (loss, delta) = self.loss.code();
        let mut digest = mix(mix(0, self.inputs() as u32 | (self.math as u32) << 16), loss);
        digest = mix(digest, delta);
        let mut l = 0;
        while l < self.count as usize && l < MAX_LAYERS {
            let layer = &self.layers[l];
            let (activation, slope) = layer.activation.code();
            digest = mix(digest, layer.outputs as u32 | (layer.dropout as u32) << 16);
            digest = mix(mix(digest, activation | (layer.is_normed() as u32) << 16), slope);
            l += 1;
        }
        self.digest = digest;
    }

    const fn with_fault(mut self, fault: SpecFault) -> Self {
        if self.fault.is_none() {
            self.fault = Some(fault);
        }
        self
    }

    /// Whether the description can be, and fits this processor.
    ///
    /// # Errors
    /// [`Error::Spec`] with the first fault.
    pub const fn check(&self) -> Result<(), Error> {
        match self.fault() {
            Some(fault) => Err(Error::Spec(fault)),
            None => Ok(()),
        }
    }

    /// The first fault of a description that cannot be.
    #[must_use]
    pub const fn fault(&self) -> Option<SpecFault> {
        if self.fault.is_some() { self.fault } else { self.lack }
    }

    /// Whether what was described so far cannot be, whatever follows.
    pub(crate) const fn is_faulty(&self) -> bool {
        self.fault.is_some()
    }

    /// Numbers in a sample.
    #[must_use]
    pub const fn inputs(&self) -> usize {
        self.layers[0].inputs as usize
    }

    /// Outputs of the last layer; 0 without layers.
    #[must_use]
    pub const fn outputs(&self) -> usize {
        self.outputs as usize
    }

    /// Classes that the outputs tell apart: one each, but two for one output under binary cross-entropy, the class being 1
    /// where it is above 0, and none for one output under a loss of values.
    #[must_use]
    pub const fn classes(&self) -> usize {
        match (self.outputs, self.loss) {
            (1, Loss::BinaryCrossEntropy) => 2,
            (1, _) => 0,
            (outputs, _) => outputs as usize,
        }
    }

    /// 32 bits that tell descriptions apart: those of equal networks are equal, in whatever order they were described, those
    /// of different ones differ but for one pair in 2³².
    ///
    /// Loss, mathematics and dropout count like layers; parameters do not. It is worked out while the network is described,
    /// in a `const` by the compiler.
    #[must_use]
    pub const fn digest(&self) -> u32 {
        self.digest
    }

    /// Dense layers.
    #[must_use]
    pub const fn depth(&self) -> usize {
        self.count as usize
    }

    /// The loss.
    #[must_use]
    pub const fn loss_kind(&self) -> Loss {
        self.loss
    }

    /// The function of the loss of one output.
    pub(crate) fn criterion(&self) -> Option<Criterion> {
        self.criterion.0
    }

    /// The implementation of the transcendental functions.
    #[must_use]
    pub const fn math_kind(&self) -> Math {
        self.math
    }

    /// Layer `index`, from 0, or `None` after the last.
    #[must_use]
    pub const fn layer(&self, index: usize) -> Option<&Layer> {
        if index < self.count as usize && index < MAX_LAYERS { Some(&self.layers[index]) } else { None }
    }

    /// The layers in flow order.
    pub fn layers(&self) -> core::slice::Iter<'_, Layer> {
        self.layers.get(..self.depth()).unwrap_or(&[]).iter()
    }

    /// Every part of every layer with its places among the parameters, in memory order.
    ///
    /// ```
    /// use cygnet::{Activation, Spec, network::Part};
    /// const NET: Spec = Spec::new(3).dense(5, Activation::Relu).dense(2, Activation::Identity);
    /// let biases = NET.ranges().filter(|(_, part, _)| *part == Part::Bias);
    /// assert!(biases.map(|(_, _, places)| places).eq([15..20, 30..32]));
    /// ```
    pub fn ranges(&self) -> impl Iterator<Item = (&Layer, Part, Range<usize>)> {
        let parts = |layer| Part::ALL.map(|part| (layer, part, Layer::range(layer, part)));
        self.layers().flat_map(parts).filter(|(_, _, places)| !places.is_empty())
    }

    /// Parameters: `P = Σ_l (inputs_l + 1) · outputs_l` floats, and `4 · outputs_l` for each layer with a norm; `usize::MAX` for a wrong description.
    #[must_use]
    pub const fn param_len(&self) -> usize {
        if self.fault().is_some() { usize::MAX } else { self.params }
    }

    /// Statistics of norms: `2 · outputs` floats for each layer with one, to pool them in
    /// ([`NormUpdate`](crate::average::NormUpdate)); `usize::MAX` for a wrong description.
    #[must_use]
    pub const fn norm_len(&self) -> usize {
        if self.fault().is_some() { usize::MAX } else { self.normed.saturating_mul(2) }
    }

    /// Workspace for training on up to `batch` samples at once: `2 · batch · Σ_l outputs_l` (activations and deltas)
    /// `+ max_l outputs_l` (one row of a gradient) floats, and `(batch + 5) · outputs_l` for each layer with a norm;
    /// `usize::MAX` for a wrong description.
    #[must_use]
    pub const fn work_len(&self, batch: usize) -> usize {
        if self.fault().is_some() {
            return usize::MAX;
        }
        // Fewer than the parameters, which are addressable: no overflow but that of the batch.
        let each = self.units.wrapping_mul(2).wrapping_add(self.normed);
        let once = norm::ROOM.wrapping_mul(self.normed).wrapping_add(self.widest as usize);
        batch.saturating_mul(each).saturating_add(once)
    }

    /// Workspace for predicting up to `batch` samples at once: `batch · (max over even l + max over odd l of
    /// outputs_l)` floats, since a layer reads only the one before; `usize::MAX` for a wrong description.
    #[must_use]
    pub const fn predict_len(&self, batch: usize) -> usize {
        if self.fault().is_some() {
            return usize::MAX;
        }
        (self.even as usize + self.odd as usize).saturating_mul(batch)
    }

    /// Floats of the lists of a workspace [with lists](crate::Workspace::with_lists) for up to `batch` samples:
    /// `batch·inputs + 16` values and `max(4096, 64·max_l outputs_l)` for a block of gradients; `usize::MAX` for a wrong
    /// description.
    #[must_use]
    pub const fn list_len(&self, batch: usize) -> usize {
        if self.fault().is_some() {
            return usize::MAX;
        }
        let rows = (self.widest as usize).saturating_mul(BLOCK_ROWS);
        let block = if rows > BLOCK_FLOATS { rows } else { BLOCK_FLOATS };
        self.inputs().saturating_mul(batch).saturating_add(kernels::SLACK).saturating_add(block)
    }

    /// Integers of the lists of a workspace [with lists](crate::Workspace::with_lists) for up to `batch` samples:
    /// `batch·inputs + 16` elements, `3·batch + 1` places in them and `2·inputs·⌈batch/64⌉` for masks; `usize::MAX` for a
    /// wrong description, or where a place would pass `u32::MAX`.
    #[must_use]
    pub const fn index_len(&self, batch: usize) -> usize {
        if self.fault().is_some() {
            return usize::MAX;
        }
        let places = self.inputs().saturating_mul(batch).saturating_add(kernels::SLACK);
        if places > u32::MAX as usize {
            return usize::MAX;
        }
        let masks = self.inputs().saturating_mul(2).saturating_mul(batch.div_ceil(kernels::GROUP));
        places.saturating_add(masks).saturating_add(batch.saturating_mul(3).saturating_add(1))
    }

    /// Refuses what belongs to another network.
    pub(crate) fn check_digest(&self, digest: u32) -> Result<(), Error> {
        if self.digest == digest { Ok(()) } else { Err(Error::Network) }
    }

    /// Units of all layers.
    pub(crate) const fn units(&self) -> usize {
        self.units
    }

    /// Units of the widest layer.
    pub(crate) const fn widest(&self) -> usize {
        self.widest as usize
    }

    /// Units of all layers with a norm.
    pub(crate) const fn normed(&self) -> usize {
        self.normed
    }

    /// Units of the layers with a norm below `layer`.
    pub(crate) fn normed_below(&self, layer: &Layer) -> usize {
        let below = self.layers().take(layer.index()).filter(|layer| layer.is_normed());
        below.fold(0, |units, layer| units.wrapping_add(layer.outputs()))
    }

    /// Units of the widest of the layers 0, 2, 4 …
    pub(crate) const fn widest_even(&self) -> usize {
        self.even as usize
    }
}

/// `digest` with one more word: both steps are one to one, so that a single word that differs always shows.
const fn mix(digest: u32, word: u32) -> u32 {
    let mixed = (digest ^ word).wrapping_mul(0x9e37_79b1);
    mixed ^ mixed >> 15
}

/// Stops the build where a network's description cannot be, and says why; it leaves nothing in the program.
///
/// ```
/// use cygnet::{Activation, Spec};
/// const NET: Spec = Spec::new(2).dense(3, Activation::Identity);
/// cygnet::assert_valid!(NET);
/// ```
///
/// ```compile_fail,E0080
/// use cygnet::{Activation, Spec};
/// const NET: Spec = Spec::new(2).dense(1, Activation::Identity);
/// // error: evaluation panicked: softmax cross-entropy takes at least two outputs: …
/// cygnet::assert_valid!(NET);
/// ```
#[macro_export]
macro_rules! assert_valid {
    ($spec:expr) => {
        const _: () = if let Some(fault) = $crate::Spec::fault(&$spec) {
            ::core::panic!("{}", fault.text())
        };
    };
}

#[cfg(test)]
mod tests;
