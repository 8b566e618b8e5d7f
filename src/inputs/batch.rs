//! A batch made ready for the kernels: what comes into a layer.
//!
//! Several samples are a trait object that a constructor makes, so that an image links the kinds that it uses.

use crate::kernels;
use crate::network::layout::{Part, Place, Shape};
use crate::network::norm::Pooled;
use crate::network::spec::Spec;
use crate::slices::{cut, cut_mut, strided};

/// What comes into a layer.
#[derive(Clone, Copy)]
pub(crate) enum Batch<'a> {
    /// A sample of floats; every image links its kernels.
    One(&'a [f32]),
    /// Samples of any number and kind.
    Many(&'a dyn Many),
}

/// What takes the gradient of a layer's parameters, part by part, as soon as it is known.
pub(crate) trait Sink {
    /// The gradient of the parameters from `offset` on, summed over a batch.
    fn take(&mut self, offset: usize, gradient: &[f32]);

    /// That of a layer's weights and bias for one sample: `x·dᵀ` and `d`, the deltas; `block` is scratch for a row or more.
    fn take_one(&mut self, x: &[f32], place: Place, deltas: &[f32], block: &mut [f32])
    where
        Self: Sized;

    /// Whether rows whose gradient is known to be zero may be left out.
    fn skips_zeros(&self) -> bool
    where
        Self: Sized;

    /// The network's parameters, where running statistics of norms follow the batch's; empty where they stay.
    fn params(&mut self) -> &mut [f32] {
        &mut []
    }
}

/// What a backward pass has for every layer: the workspace's part for norms, and scratch for a row of gradients or more.
pub(crate) struct Pass<'a> {
    pub spec: &'a Spec,
    pub norms: &'a mut [f32],
    pub samples: usize,
    pub block: &'a mut [f32],
}

/// What a layer does with samples of a kind.
pub(crate) trait Many {
    /// `z[s] = bias + Σ_k x[s][k]·w[k]`.
    fn forward(&self, shape: Shape, weights: &[f32], bias: &[f32], z: &mut [f32]);

    /// `g[k] += Σ_s x[s][k]·δ[s]` for the inputs from `first` on, as many as `g` has rows; `=` where `fresh`. Calls go
    /// from the first input on, without gaps.
    fn gradient(&self, shape: Shape, first: usize, deltas: &[f32], g: &mut [f32], fresh: bool);

    /// Whether `n` inputs from `first` on are known to be zero in all samples: looked at where it is cheap.
    fn are_zero(&self, _shape: Shape, _first: usize, _n: usize) -> bool {
        false
    }

    /// Hands a layer's gradient to `sink`: weights in blocks of rows, the bias, what its norm learns. Rows whose gradient is
    /// known to be zero may be left out where `skip_zeros` says so.
    fn hand_over(&self, index: u8, deltas: &[f32], pass: &mut Pass<'_>, skip_zeros: bool, sink: &mut dyn Sink) {
        let Pass { spec, norms, samples, block } = pass;
        let place = spec.layout.find(index.into());
        let shape = place.shape;
        let outputs = shape.outputs();
        let n = block.len().checked_div(outputs).unwrap_or(0);
        // Whole tiles, where a block holds several.
        let n = if n > 8 { n - n % 8 } else { n };
        let mut first = 0;
        while first < shape.inputs() && n > 0 {
            if !(skip_zeros && self.are_zero(shape, first, n)) {
                let rows = n.min(shape.inputs().wrapping_sub(first));
                let gradient = cut_mut(block, rows.wrapping_mul(outputs)).0;
                self.gradient(shape, first, deltas, gradient, true);
                sink.take(place.offset.wrapping_add(first.wrapping_mul(outputs)), gradient);
            }
            first = usize::wrapping_add(first, n);
        }
        let gradient = cut_mut(block, outputs).0;
        kernels::bias_gradient(gradient, deltas, true);
        sink.take(place.range(Part::Bias).start, gradient);
        if let Some(norm) = spec.norm_of(place) {
            let left = (norm.left)(&spec.layout, index, norms, *samples, Pooled::NONE);
            (norm.follow)(&spec.layout, index, sink.params(), &left.statistics);
            for (part, rows) in [(Part::Scale, left.scale), (Part::Shift, left.shift)] {
                kernels::bias_gradient(gradient, rows, true);
                sink.take(place.range(part).start, gradient);
            }
        }
    }
}

impl Batch<'_> {
    /// `z[s] = bias + Σ_k x[s][k]·w[k]`.
    pub(crate) fn forward(&self, shape: Shape, weights: &[f32], bias: &[f32], z: &mut [f32]) {
        match self {
            Self::One(x) => kernels::forward_one(x, weights, bias, z),
            Self::Many(many) => many.forward(shape, weights, bias, z),
        }
    }

    /// Hands a layer's gradient to `sink`.
    pub(crate) fn hand_over(&self, place: Place, deltas: &[f32], pass: &mut Pass<'_>, sink: &mut impl Sink) {
        match self {
            Self::One(x) => {
                sink.take_one(x, place, deltas, pass.block);
                if let Some(norm) = pass.spec.norm_of(place) {
                    let gradient = (norm.single)(&pass.spec.layout, place.index, pass.norms);
                    sink.take(place.range(Part::Scale).start, gradient);
                }
            }
            Self::Many(many) => many.hand_over(place.index, deltas, pass, sink.skips_zeros(), sink),
        }
    }

    /// `g[k] += Σ_s x[s][k]·δ[s]` for all inputs.
    pub(crate) fn accumulate(&self, shape: Shape, deltas: &[f32], g: &mut [f32]) {
        match self {
            Self::One(x) => kernels::outer(g, x, deltas, false),
            Self::Many(many) => many.gradient(shape, 0, deltas, g, false),
        }
    }
}

/// Floats of one sample or several.
#[derive(Clone, Copy)]
pub(crate) struct Floats<'a>(pub &'a [f32]);

/// Takes floats for several samples; not linked where only batches of one are asked for.
pub(crate) type Several = for<'a> fn(&'a Floats<'a>) -> &'a dyn Many;

pub(crate) fn several<'a>(floats: &'a Floats<'a>) -> &'a dyn Many {
    floats
}

impl<'a> Floats<'a> {
    /// A batch of one sample, or of several, where what they need is there.
    #[inline(always)]
    pub(crate) fn batch(&'a self, several: Option<Several>) -> Batch<'a> {
        match several {
            Some(several) => Batch::Many(several(self)),
            None => Batch::One(self.0),
        }
    }
}

impl Many for Floats<'_> {
    fn forward(&self, shape: Shape, weights: &[f32], bias: &[f32], z: &mut [f32]) {
        kernels::forward(self.0, shape.inputs(), weights, bias, z);
    }

    fn gradient(&self, shape: Shape, first: usize, deltas: &[f32], g: &mut [f32], fresh: bool) {
        kernels::gradient_rows(g, cut(self.0, first).1, shape.inputs(), deltas, shape.outputs(), fresh);
    }

    fn are_zero(&self, shape: Shape, first: usize, n: usize) -> bool {
        n == 1 && strided(cut(self.0, first).1, shape.inputs()).all(|&x| x == 0.0)
    }
}
