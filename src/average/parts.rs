//! Which parts of a network are averaged.

use crate::kernels;
use crate::network::layout::{Layout, MAX_LAYERS, Part};
use crate::slices::{cut, cut_mut};

/// The parts of a network that [`Averager::only`](crate::Averager::only) averages.
///
/// ```
/// use cygnet::average::Parts;
/// // The head alone, of a network of two layers; its bias not.
/// let head = Parts { biases: false, ..Parts::of_layers(|layer| layer == 1) };
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Parts {
    /// Which layers.
    pub layers: [bool; MAX_LAYERS],
    /// Their weights.
    pub weights: bool,
    /// Their biases.
    pub biases: bool,
    /// Their norms: `γ`, `β` and running statistics.
    pub norms: bool,
}

impl Parts {
    /// Weights, biases and norms of the layers that `is_in` says.
    #[must_use]
    pub fn of_layers(is_in: impl Fn(usize) -> bool) -> Self {
        Self { layers: core::array::from_fn(is_in), weights: true, biases: true, norms: true }
    }

    /// Whether `part` of layer `index` is one of them.
    fn hold(&self, index: usize, part: Part) -> bool {
        let is_in = match part {
            Part::Weights => self.weights,
            Part::Bias => self.biases,
            Part::Scale | Part::Shift | Part::Mean | Part::Variance => self.norms,
        };
        is_in && self.layers.get(index) == Some(&true)
    }
}

/// Where the parts of a network stand, and which are averaged.
#[derive(Clone, Copy, Debug)]
pub(super) struct Selection {
    layout: Layout,
    parts: Parts,
    /// By pointer, so that a program that averages all parts links nothing of this.
    pub blend: Blend,
}

/// Average, compensation, model, gain, whether the model is the latest one.
type Blend = fn(&Selection, &mut [f32], Lost<'_>, &[f32], f32, bool);

impl Selection {
    pub(super) fn new(layout: Layout, parts: Parts) -> Self {
        Self { layout, parts, blend: blend_parts }
    }

    /// Lengths of consecutive ranges of parameters, and whether they are averaged.
    fn ranges(&self) -> impl Iterator<Item = (usize, bool)> + '_ {
        self.layout.ranges().map(|(layer, part, places)| (places.len(), self.parts.hold(layer, part)))
    }
}

/// [`blend`] of the parts that are averaged; the others are copied from the latest model.
fn blend_parts(selection: &Selection, mean: &mut [f32], lost: Lost<'_>, params: &[f32], gain: f32, latest: bool) {
    let (mut mean, mut params) = (mean, params);
    let (mut lost, update) = lost.map_or((None, None), |(lost, update)| (Some(lost), Some(update)));
    for (len, is_averaged) in selection.ranges() {
        let (m, mean_rest) = cut_mut(core::mem::take(&mut mean), len);
        let (w, params_rest) = cut(params, len);
        let (c, lost_rest) = match lost.take() {
            Some(lost) => {
                let (c, rest) = cut_mut(lost, len);
                (Some(c), Some(rest))
            }
            None => (None, None),
        };
        if is_averaged {
            blend(m, c.zip(update), w, gain);
        } else if latest {
            kernels::copy(m, w);
            // Should it be averaged some day, it lost nothing yet.
            kernels::clear(c.unwrap_or_default());
        }
        (mean, params, lost) = (mean_rest, params_rest, lost_rest);
    }
}

/// A slice of compensations and the kernel that keeps them.
pub(super) type Lost<'c> = Option<(&'c mut [f32], Compensated)>;

/// `mean`, its compensation, a model, the gain.
pub(super) type Compensated = fn(&mut [f32], &mut [f32], &[f32], f32);

/// `m ← m + (w − m)·gain`.
pub(super) fn blend(mean: &mut [f32], lost: Lost<'_>, params: &[f32], gain: f32) {
    match lost {
        None => kernels::mean_update(mean, params, gain),
        Some((lost, update)) => update(mean, lost, params, gain),
    }
}
