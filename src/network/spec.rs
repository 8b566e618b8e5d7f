//! The network's description: layers, loss, mathematics; every size follows from it as a `const fn`.
//!
//! Sizes are added up while it is described, so that a call has nothing to work out; places of layers are not kept, but
//! added up along the way.

use crate::error::{Error, SpecFault};
use crate::math::Math;
use crate::network::activation::{Activation, Curves};
use crate::network::dropout::{DropUnits, drop_units};
use crate::network::layer::Layer;
use crate::network::layout::{Layout, MAX_LAYERS, NormKind};
use crate::network::link::Link;
use crate::network::loss::{Criterion, Loss};
use crate::network::norm::{BATCH_NORM, LAYER_NORM, Norm, layer_room};

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
    pub(super) params: usize,
    pub(super) units: usize,
    /// Floats for each sample in the rooms of norms; for batch norms as many as they have units.
    pub(super) normed: usize,
    digest: u32,
    loss: Loss,
    criterion: Link<Criterion>,
    pub(super) curves: Curves,
    pub(super) drop_units: Link<DropUnits>,
    pub(super) norm: Link<&'static Norm>,
    /// Slopes below 0 of leaky ReLUs.
    pub(super) slopes: [f32; MAX_LAYERS],
    pub(crate) layout: Layout,
    /// Probabilities in steps of 2⁻¹⁶.
    pub(super) dropout: [u16; MAX_LAYERS],
    /// The widest of the layers 0, 2, 4 …, and of the others.
    pub(super) even: u16,
    pub(super) odd: u16,
    /// Codes of activations.
    pub(super) kinds: [u8; MAX_LAYERS],
    /// Layers of the whole network below the first one of this part.
    pub(super) below: u8,
    math: Math,
    /// The first that stays, or else what is still missing, or does not go together yet.
    pub(super) fault: Option<SpecFault>,
    /// Whether the fault stays, whatever follows.
    is_wrong: bool,
}

/// A firmware has one beside its floats.
const _: () = assert!(size_of::<usize>() > 4 || size_of::<Spec>() <= 136);

impl Spec {
    /// A network for samples of `inputs` numbers, without layers yet; softmax cross-entropy is its loss until
    /// [`loss`](Self::loss) says otherwise.
    #[must_use]
    pub const fn new(inputs: u16) -> Self {
        let loss = Loss::SoftmaxCrossEntropy;
        let mut spec = Self {
            params: 0,
            units: 0,
            normed: 0,
            digest: 0,
            loss,
            criterion: loss.criterion(),
            curves: Curves::NONE,
            drop_units: Link(None),
            norm: Link(None),
            slopes: [0.0; MAX_LAYERS],
            layout: Layout::new(inputs),
            dropout: [0; MAX_LAYERS],
            even: 0,
            odd: 0,
            kinds: [0; MAX_LAYERS],
            below: 0,
            math: Math::Libm,
            fault: None,
            is_wrong: false,
        };
        spec.settle();
        if inputs == 0 { spec.with_fault(SpecFault::ZeroWidth) } else { spec }
    }

    /// Adds a dense layer, `a = f(x·W + bias)` with `W` of shape `(inputs, width)`.
    #[must_use = "a description is a value: this is the next one"]
    pub const fn dense(mut self, width: u16, activation: Activation) -> Self {
        if width == 0 {
            return self.with_fault(SpecFault::ZeroWidth);
        }
        let at = self.depth();
        if let Activation::LeakyRelu(slope) = activation
            && !(slope >= 0.0 && slope.is_finite())
        {
            return self.with_fault(SpecFault::Constant);
        }
        if at >= MAX_LAYERS {
            return self.with_fault(SpecFault::TooManyLayers);
        }
        if let Activation::LeakyRelu(slope) = activation {
            // −0 is 0: equal networks have equal bits.
            self.slopes[at] = slope + 0.0;
        }
        self.kinds[at] = activation.code().0 as u8;
        self.curves.link(activation);
        self.layout.push(width);
        self.units = self.units.wrapping_add(width as usize);
        let widest = if at & 1 == 0 { &mut self.even } else { &mut self.odd };
        *widest = if width > *widest { width } else { *widest };
        self.grow(self.layout.find(at).len())
    }

    /// Normalises the pre-activations of the latest layer over the batch (batch norm), `y = γ(z − μ)/√(σ² + ε) + β`
    /// (Ioffe & Szegedy 2015): by mean and variance of the batch in training, by running ones in prediction, `ε = 1e-5`;
    /// these follow each batch by `r ← r + 0.1·(batch − r)`.
    ///
    /// Behind the layer's bias stand `γ`, `β`, running mean and variance, `4 · outputs` floats more; the statistics are
    /// not learned, and no optimizer moves them. Training takes at least two samples at once; micro-batches are
    /// normalised one by one.
    #[must_use = "a description is a value: this is the next one"]
    pub const fn norm(self) -> Self {
        let units = self.outputs();
        self.normalised(NormKind::Batch, &BATCH_NORM, units)
    }

    /// Normalises the pre-activations of the latest layer over its units (layer norm), `y = γ(z − μ)/√(σ² + ε) + β` (Ba et
    /// al. 2016): by mean and variance of the sample's own units, in training as in prediction, `ε = 1e-5`.
    ///
    /// Behind the layer's bias stand `γ` and `β`, `2 · outputs` floats more. Training takes single samples as well, batches
    /// and micro-batches give the same bits, and an average needs nothing besides its parameters. The layer has at least two
    /// units; a network has batch norms or layer norms, not both.
    #[must_use = "a description is a value: this is the next one"]
    pub const fn layer_norm(self) -> Self {
        let units = self.outputs();
        if units == 1 {
            return self.with_fault(SpecFault::OneUnit);
        }
        self.normalised(NormKind::Layer, &LAYER_NORM, layer_room(units))
    }

    /// The latest layer has a norm, which needs a room of `room` floats for each sample.
    const fn normalised(mut self, kind: NormKind, norm: &'static Norm, room: usize) -> Self {
        let at = self.depth().wrapping_sub(1);
        if at >= MAX_LAYERS {
            return self.with_fault(SpecFault::Norm);
        }
        match self.layout.norm_kind() {
            Some(NormKind::Batch) if matches!(kind, NormKind::Layer) => return self.with_fault(SpecFault::NormKinds),
            Some(NormKind::Layer) if matches!(kind, NormKind::Batch) => return self.with_fault(SpecFault::NormKinds),
            _ if self.layout.find(at).is_normed() => return self.with_fault(SpecFault::Norm),
            _ => {}
        }
        self.norm = Link(Some(norm));
        self.layout.set_norm(kind);
        self.normed = self.normed.wrapping_add(room);
        self.grow(self.outputs().saturating_mul(kind.params() as usize))
    }

    /// Over what the network's norms go; none without norms.
    #[must_use]
    pub const fn norm_kind(&self) -> Option<NormKind> {
        self.layout.norm_kind()
    }

    /// The latest layer has so many more parameters.
    const fn grow(mut self, params: usize) -> Self {
        self.params = self.params.saturating_add(params);
        // Their bytes must be addressable.
        if self.params > isize::MAX as usize / size_of::<f32>() {
            return self.with_fault(SpecFault::TooLarge);
        }
        self.settle();
        self
    }

    /// Drops each unit of the latest layer with probability `p` while training and scales the others by `1/(1 − p)`
    /// (inverted dropout; Srivastava et al. 2014). `p` is rounded to a multiple of 2⁻¹⁶.
    #[must_use = "a description is a value: this is the next one"]
    pub const fn dropout(mut self, p: f32) -> Self {
        let at = self.depth().wrapping_sub(1);
        if at >= MAX_LAYERS || !(p >= 0.0 && p < 1.0) {
            return self.with_fault(SpecFault::Dropout);
        }
        let steps = (p * 65_536.0 + 0.5) as u32;
        let steps = if steps > 65_535 { 65_535 } else { steps as u16 };
        self.dropout[at] = steps;
        if steps > 0 {
            self.drop_units = Link(Some(drop_units));
        }
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
        if let Loss::Pinball(tau) = loss
            && !(tau > 0.0 && tau < 1.0)
        {
            return self.with_fault(SpecFault::Quantile);
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

    /// The layers from here on are those of a larger network from number `first` on.
    pub(crate) const fn numbered_from(mut self, first: usize) -> Self {
        self.below = if first < MAX_LAYERS { first as u8 } else { MAX_LAYERS as u8 };
        self.settle();
        self
    }

    /// Works out what follows from the whole description: what is missing, and the digest.
    // Once in an image that reads descriptions.
    #[inline(never)]
    const fn settle(&mut self) {
        let lack = match self.depth().wrapping_sub(1) {
            // A layer must follow.
            last if last < MAX_LAYERS && self.dropout[last] > 0 => Some(SpecFault::Dropout),
            last if last < MAX_LAYERS => match self.loss {
                Loss::SoftmaxCrossEntropy if self.outputs() == 1 => Some(SpecFault::OneClass),
                Loss::GaussianNll if !self.outputs().is_multiple_of(2) => Some(SpecFault::OddOutputs),
                _ => None,
            },
            _ => Some(SpecFault::NoLayers),
        };
        if !self.is_wrong {
            self.fault = lack;
        }
        let (loss, delta) = self.loss.code();
        let mut digest = mix(mix(0, self.inputs() as u32 | (self.math as u32) << 16), loss);
        digest = mix(digest, delta);
        if self.below > 0 {
            digest = mix(digest, self.below as u32);
        }
        let mut l = 0;
        while let Some(Layer { place, slope, dropout, kind, .. }) = self.layer(l) {
            digest = mix(digest, place.shape.outputs as u32 | (dropout as u32) << 16);
            let norm = match self.norm_kind() {
                Some(norm) if place.is_normed() => norm as u32,
                _ => 0,
            };
            digest = mix(mix(digest, kind as u32 | norm << 16), slope.to_bits());
            l = l.wrapping_add(1);
        }
        self.digest = digest;
    }

    pub(super) const fn with_fault(mut self, fault: SpecFault) -> Self {
        if !self.is_wrong {
            (self.fault, self.is_wrong) = (Some(fault), true);
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

    /// The first fault of a description that is not valid.
    #[must_use]
    pub const fn fault(&self) -> Option<SpecFault> {
        self.fault
    }

    /// Whether the description so far is not valid, whatever follows.
    pub(crate) const fn is_faulty(&self) -> bool {
        self.is_wrong
    }

    /// Numbers in a sample.
    #[must_use]
    pub const fn inputs(&self) -> usize {
        self.layout.inputs() as usize
    }

    /// Outputs of the last layer; 0 without layers.
    #[must_use]
    pub const fn outputs(&self) -> usize {
        self.layout.outputs() as usize
    }

    /// Classes that the outputs tell apart: one each, but two for one output under binary cross-entropy, the class being 1
    /// where it is above 0, and none for one output under a loss of values.
    #[must_use]
    pub const fn classes(&self) -> usize {
        match (self.outputs(), self.loss) {
            (1, Loss::BinaryCrossEntropy) => 2,
            (1, _) | (_, Loss::GaussianNll) => 0,
            (outputs, _) => outputs,
        }
    }

    /// Values of a sample's target: as many as outputs, but half of them under Gaussian negative log-likelihood.
    #[must_use]
    pub const fn targets(&self) -> usize {
        self.targets_of(self.outputs())
    }

    /// [`targets`](Self::targets), where the outputs are known.
    #[inline(always)]
    pub(crate) const fn targets_of(&self, outputs: usize) -> usize {
        outputs >> matches!(self.loss, Loss::GaussianNll) as u32
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
        self.layout.depth()
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

    /// Refuses what belongs to another network.
    pub(crate) fn check_digest(&self, digest: u32) -> Result<(), Error> {
        if self.digest == digest { Ok(()) } else { Err(Error::Network) }
    }
}

/// `digest` with one more word: both steps are one to one, so that a single word that differs always shows.
const fn mix(digest: u32, word: u32) -> u32 {
    let mixed = (digest ^ word).wrapping_mul(0x9e37_79b1);
    mixed ^ mixed >> 15
}

/// Stops the build if a network's description is not valid, and prints the reason; it adds no code to the program.
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
