//! A batch made ready for the kernels: what comes into a layer.
//!
//! Several samples are a trait object that a constructor makes, so that an image links the kinds that it uses.

use crate::inputs::lists::Listed;
use crate::kernels;
use crate::network::layer::Layer;
use crate::slices::{cut, cut_mut, strided};

/// What comes into a layer.
#[derive(Clone, Copy)]
pub(crate) enum Batch<'a> {
    /// A sample of floats; every image links its kernels.
    One(&'a [f32]),
    /// Samples of any number and kind.
    Many(&'a dyn Many),
}

/// What moves weights along their gradient; `offset` says where they stand among the parameters.
pub(crate) trait Update {
    /// Along the summed gradient of these rows.
    fn rows(&mut self, offset: usize, weights: &mut [f32], gradient: &[f32]);
}

/// A layer's parameters, what its norm kept, which leaves `norms`, the deltas of its outputs, and scratch for a row of
/// gradients or more.
pub(crate) struct Place<'a, 'n> {
    pub layer: &'a Layer,
    pub weights: &'a mut [f32],
    pub bias: &'a mut [f32],
    pub norm: &'a mut [f32],
    pub norms: &'a mut &'n [f32],
    pub deltas: &'a [f32],
    pub block: &'a mut [f32],
}

/// What a layer does with samples of a kind.
pub(crate) trait Many {
    /// `z[s] = bias + Σ_k x[s][k]·w[k]`.
    fn forward(&self, layer: &Layer, weights: &[f32], bias: &[f32], z: &mut [f32]);

    /// `g[k] += Σ_s x[s][k]·δ[s]` for the inputs from `first` on, as many as `g` has rows; `=` where `fresh`. Calls go
    /// from the first input on, without gaps.
    fn gradient(&self, layer: &Layer, first: usize, deltas: &[f32], g: &mut [f32], fresh: bool);

    /// Whether `n` inputs from `first` on are known to be zero in all samples: looked at where it is cheap.
    fn are_zero(&self, _layer: &Layer, _first: usize, _n: usize) -> bool {
        false
    }

    /// Hands a layer's weights and bias to `update` in blocks of rows with their gradient as soon as it is known; rows
    /// whose gradient is known to be zero may be left out where `skip_zero` says so.
    fn descend(&self, place: Place<'_, '_>, skip_zero: bool, update: &mut dyn Update) {
        let Place { layer, weights, bias, norm: learned, norms, deltas, block } = place;
        let outputs = layer.outputs();
        let n = block.len().checked_div(outputs).unwrap_or(0);
        // Whole tiles, where a block holds several.
        let n = if n > 8 { n - n % 8 } else { n };
        let (mut rest, mut first) = (weights, 0);
        while !rest.is_empty() && n > 0 {
            let (weights, tail) = cut_mut(rest, n.wrapping_mul(outputs));
            if !(skip_zero && self.are_zero(layer, first, n)) {
                let gradient = cut_mut(block, weights.len()).0;
                self.gradient(layer, first, deltas, gradient, true);
                update.rows(layer.offset().wrapping_add(first.wrapping_mul(outputs)), weights, gradient);
            }
            (rest, first) = (tail, usize::wrapping_add(first, n));
        }
        let gradient = cut_mut(block, outputs).0;
        kernels::bias_gradient(gradient, deltas, true);
        update.rows(layer.offset().wrapping_add(layer.weight_len()), bias, gradient);
        if let Some(norm) = layer.norm() {
            (norm.step)(layer, learned, norms, deltas, &mut |at, weights, gradient| update.rows(at, weights, gradient));
        }
    }
}

impl Batch<'_> {
    /// `z[s] = bias + Σ_k x[s][k]·w[k]`.
    pub(crate) fn forward(&self, layer: &Layer, weights: &[f32], bias: &[f32], z: &mut [f32]) {
        match self {
            Self::One(x) => kernels::forward_one(x, weights, bias, z),
            Self::Many(many) => many.forward(layer, weights, bias, z),
        }
    }

    /// `g[k] += Σ_s x[s][k]·δ[s]` for all inputs.
    pub(crate) fn accumulate(&self, layer: &Layer, deltas: &[f32], g: &mut [f32]) {
        match self {
            Self::One(x) => kernels::outer(g, x, deltas, false),
            Self::Many(many) => many.gradient(layer, 0, deltas, g, false),
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
    /// A batch of `n` samples; `several` is there where `n` may be more than 1.
    pub(crate) fn batch(&'a self, n: usize, several: Option<Several>) -> Batch<'a> {
        match several {
            Some(several) if n > 1 => Batch::Many(several(self)),
            _ => Batch::One(self.0),
        }
    }
}

impl Many for Floats<'_> {
    fn forward(&self, layer: &Layer, weights: &[f32], bias: &[f32], z: &mut [f32]) {
        kernels::forward(self.0, layer.inputs(), weights, bias, z);
    }

    fn gradient(&self, layer: &Layer, first: usize, deltas: &[f32], g: &mut [f32], fresh: bool) {
        kernels::gradient_rows(g, cut(self.0, first).1, layer.inputs(), deltas, layer.outputs(), fresh);
    }

    fn are_zero(&self, layer: &Layer, first: usize, n: usize) -> bool {
        n == 1 && strided(cut(self.0, first).1, layer.inputs()).all(|&x| x == 0.0)
    }
}

/// A place for what a [`Batch`] refers to, where samples do not lie as the kernels read them.
#[derive(Default)]
pub(crate) struct Slot<'a> {
    floats: Option<Floats<'a>>,
    lists: Option<Listed<'a>>,
}

impl<'a> Slot<'a> {
    /// Floats of `n` samples; `several` is there where `n` may be more than 1.
    pub(crate) fn floats(&mut self, x: &'a [f32], n: usize, several: Option<Several>) -> Batch<'_> {
        match several {
            Some(several) if n > 1 => Batch::Many(several(self.floats.insert(Floats(x)))),
            _ => Batch::One(x),
        }
    }

    /// Lists of what is not zero.
    pub(crate) fn lists(&mut self, listed: Listed<'a>) -> Batch<'_> {
        Batch::Many(self.lists.insert(listed))
    }
}
