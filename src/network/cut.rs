//! Networks made of another one: its first layers, the layers after them, and the same layers without norms.

use crate::error::SpecFault;
use crate::network::layout::MAX_LAYERS;
use crate::network::loss::Loss;
use crate::network::spec::Spec;

impl Spec {
    /// The first `layers` of this network, to predict with: its outputs are the inputs of [`after`](Self::after). Norms are
    /// kept and predict by their running statistics; dropout is off, since these layers do not train; the loss is mean
    /// squared error, since the outputs are values.
    ///
    /// Parameters stand layer after layer, so that those of this network are the first of the whole one's:
    /// `P = first(f).param_len() + after(f).param_len()`.
    ///
    /// ```
    /// use cygnet::{Activation, Spec};
    /// const NET: Spec = Spec::new(784).dense(64, Activation::Relu).dense(10, Activation::Identity);
    /// const BODY: Spec = NET.first(1); // stays as it is: its parameters may lie in flash
    /// const HEAD: Spec = NET.after(1); // learns
    /// cygnet::assert_valid!(BODY);
    /// cygnet::assert_valid!(HEAD);
    /// assert_eq!((BODY.param_len(), HEAD.param_len()), (50_240, 650));
    /// assert_eq!(NET.param_len(), BODY.param_len() + HEAD.param_len());
    /// ```
    ///
    /// Without `0 < layers < depth` the description is not valid ([`SpecFault::Cut`]).
    #[must_use]
    pub const fn first(&self, layers: usize) -> Self {
        let start = Self::new(self.layout.inputs()).math(self.math_kind()).loss(Loss::MeanSquared);
        let end = if layers < MAX_LAYERS { layers } else { MAX_LAYERS };
        self.cut(start.with_layers(self, 0..end, true, false).numbered_from(self.first_layer()), layers)
    }

    /// The layers of this network after the first `layers`, to train on what [`first`](Self::first) predicts: with this
    /// network's loss, and the numbers that its layers have there. So a head that trains on a frozen body's outputs gets the
    /// initial weights, the masks of dropout and the steps that it gets in the whole network whose other layers do not
    /// move, bit for bit, in `2·(P − P_body)` floats for SGD and an average.
    ///
    /// Without `0 < layers < depth` the description is not valid ([`SpecFault::Cut`]).
    #[must_use]
    pub const fn after(&self, layers: usize) -> Self {
        let inputs = match self.layer(layers) {
            Some(layer) => layer.place.shape.inputs,
            None => 1,
        };
        let start = Self::new(inputs).math(self.math_kind()).loss(self.loss_kind());
        let head = start.with_layers(self, layers..self.depth(), true, true);
        self.cut(head.numbered_from(self.first_layer().saturating_add(layers)), layers)
    }

    /// The whole network of a [head](Self::after): the layers of this network that come before it, and then the head's own,
    /// which may be others than this network has there, as for one more class.
    ///
    /// A head whose inputs are not those layers' outputs, or of another [`Math`](crate::network::Math), makes a description
    /// that is not valid ([`SpecFault::Cut`]).
    #[must_use]
    pub const fn with_head(&self, head: &Self) -> Self {
        let start = Self::new(self.layout.inputs()).math(head.math_kind()).loss(head.loss_kind());
        let layers = head.first_layer().saturating_sub(self.first_layer());
        let body = start.with_layers(self, 0..layers, true, true);
        let whole = body.with_layers(head, 0..head.depth(), true, true).numbered_from(self.first_layer());
        match (self.fault(), head.fault()) {
            (Some(fault), _) | (_, Some(fault)) => whole.with_fault(fault),
            _ if layers == 0 || body.depth() != layers || body.outputs() != head.inputs() => {
                whole.with_fault(SpecFault::Cut)
            }
            _ if self.math_kind() as u8 != head.math_kind() as u8 => whole.with_fault(SpecFault::Cut),
            _ => whole,
        }
    }

    /// The number of this network's first layer in the whole one that it was [cut from](Self::after); 0 where it is whole.
    #[must_use]
    pub const fn first_layer(&self) -> usize {
        self.below as usize
    }

    /// The same network without its batch norms, which [`fold`](crate::model::fold) puts into weights and biases. Layer norms
    /// stay: what they do depends on the sample.
    #[must_use]
    pub const fn folded(&self) -> Self {
        let start = Self::new(self.layout.inputs()).loss(self.loss_kind()).math(self.math_kind());
        let folded = start.with_layers(self, 0..self.depth(), false, true).numbered_from(self.first_layer());
        match self.fault() {
            Some(fault) if self.is_faulty() => folded.with_fault(fault),
            _ => folded,
        }
    }

    /// Adds the layers of another network that `range` names.
    const fn with_layers(
        mut self,
        of: &Self,
        range: core::ops::Range<usize>,
        batch_norms: bool,
        dropout: bool,
    ) -> Self {
        let mut l = range.start;
        while l < range.end
            && let Some(layer) = of.layer(l)
        {
            self = self.dense(layer.place.shape.outputs, layer.activation());
            if layer.is_normed() && !of.layout.has_statistics() {
                self = self.layer_norm();
            } else if layer.is_normed() && batch_norms {
                self = self.norm();
            }
            if dropout && layer.dropout() > 0.0 {
                self = self.dropout(layer.dropout());
            }
            l = l.wrapping_add(1);
        }
        self
    }

    /// `part` of this network, cut after `layers`.
    const fn cut(&self, part: Self, layers: usize) -> Self {
        match self.fault() {
            Some(fault) => part.with_fault(fault),
            None if layers == 0 || layers >= self.depth() => part.with_fault(SpecFault::Cut),
            None => part,
        }
    }
}
