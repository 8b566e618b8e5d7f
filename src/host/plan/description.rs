//! A network in a line of text, as files say what their tensors do not.

use super::names::{activation_name, loss_name, math_name, parse_activation, parse_loss, parse_math};
use crate::host::prelude::*;
use crate::network::{Layer, Math, NormKind};
use crate::{Activation, Loss, Spec};

/// What tensors do not say, such as `relu norm dropout 0.5, identity dropout 0; loss cross-entropy; math libm; average`.
pub(in crate::host) fn describe(spec: &Spec, is_average: bool) -> String {
    let [_, batch, layer] = NORMS;
    let name = if spec.norm_kind() == Some(NormKind::Layer) { layer } else { batch };
    let norm = |l: &Layer| if l.is_normed() { name } else { "" };
    let layer = |l: Layer| format!("{}{} dropout {}", activation_name(l.activation()), norm(&l), l.dropout());
    let layers = spec.layers().map(layer).collect::<Vec<_>>().join(", ");
    let average = if is_average { AVERAGE } else { "" };
    format!("{layers}; loss {}; math {}{average}", loss_name(spec.loss_kind()), math_name(spec.math_kind()))
}

/// The end of the description of an average.
const AVERAGE: &str = "; average";
/// That of an activation behind a norm: none, a batch norm, a layer norm.
const NORMS: [&str; 3] = ["", " norm", " layer-norm"];

/// Activation and dropout of each layer, the loss, the functions, whether it is an average; tensors say which layers have norms.
pub(in crate::host) type Description = (Vec<(Activation, f32)>, Loss, Math, bool);

pub(in crate::host) fn parse_description(text: &str) -> Result<Description, String> {
    let unknown = || format!("the metadata are not valid: `{text}`");
    let (text, is_average) = text.strip_suffix(AVERAGE).map_or((text, false), |text| (text, true));
    let (layers, rest) = text.split_once("; loss ").ok_or_else(unknown)?;
    let (loss, math) = rest.split_once("; math ").ok_or_else(unknown)?;
    let layer = |layer: &str| {
        let (name, dropout) = layer.split_once(" dropout ").ok_or_else(unknown)?;
        let activation = parse_activation(NORMS[1..].iter().find_map(|norm| name.strip_suffix(norm)).unwrap_or(name))?;
        Ok::<_, String>((activation, dropout.parse().map_err(|_| unknown())?))
    };
    Ok((layers.split(", ").map(layer).collect::<Result<_, _>>()?, parse_loss(loss)?, parse_math(math)?, is_average))
}
