//! Short names of what networks are made of, as flags and files spell them.

use crate::host::prelude::*;
use crate::network::{Math, NormKind};
use crate::{Activation, Loss, Spec};

/// The short name of an activation, as flags and files spell it.
#[must_use]
pub fn activation_name(activation: Activation) -> String {
    match activation {
        Activation::Identity => "identity".to_owned(),
        Activation::Relu => "relu".to_owned(),
        Activation::LeakyRelu(slope) => format!("leaky-relu:{slope}"),
        Activation::Tanh => "tanh".to_owned(),
        Activation::Sigmoid => "sigmoid".to_owned(),
    }
}

/// The activation of a short name; `leaky-relu` alone has a slope of 0.01.
///
/// # Errors
/// The names there are.
pub fn parse_activation(name: &str) -> Result<Activation, String> {
    let unknown = || format!("unknown activation `{name}`: use relu, leaky-relu[:SLOPE], tanh, sigmoid or identity");
    Ok(match name {
        "identity" => Activation::Identity,
        "relu" => Activation::Relu,
        "tanh" => Activation::Tanh,
        "sigmoid" => Activation::Sigmoid,
        "leaky-relu" => Activation::LeakyRelu(0.01),
        _ => {
            let slope = name.strip_prefix("leaky-relu:").and_then(|s| s.parse().ok());
            Activation::LeakyRelu(slope.filter(|s: &f32| s.is_finite() && *s >= 0.0).ok_or_else(unknown)?)
        }
    })
}

/// What a kind of norm is called.
#[must_use]
pub fn norm_name(norm: NormKind) -> &'static str {
    if norm == NormKind::Layer { "layer norm" } else { "batch norm" }
}

/// The short name of a loss.
#[must_use]
pub fn loss_name(loss: Loss) -> String {
    match loss {
        Loss::SoftmaxCrossEntropy => "cross-entropy".to_owned(),
        Loss::MeanSquared => "mse".to_owned(),
        Loss::BinaryCrossEntropy => "bce".to_owned(),
        Loss::Huber(delta) => format!("huber:{delta}"),
        Loss::Pinball(tau) => format!("pinball:{tau}"),
        Loss::GaussianNll => "gaussian-nll".to_owned(),
    }
}

/// The loss of a short name; `huber` alone has a threshold of 1, `pinball` a quantile of 0.5.
///
/// # Errors
/// The names there are.
pub fn parse_loss(name: &str) -> Result<Loss, String> {
    let unknown = || {
        let names = "cross-entropy, mse, bce, huber[:THRESHOLD], pinball[:QUANTILE] or gaussian-nll";
        format!("unknown loss `{name}`: use {names}")
    };
    Ok(match name {
        "cross-entropy" => Loss::SoftmaxCrossEntropy,
        "mse" => Loss::MeanSquared,
        "bce" => Loss::BinaryCrossEntropy,
        "huber" => Loss::Huber(1.0),
        "pinball" => Loss::Pinball(0.5),
        "gaussian-nll" => Loss::GaussianNll,
        _ => {
            let (name, constant) = name.split_once(':').ok_or_else(unknown)?;
            match (name, constant.parse().map_err(|_| unknown())?) {
                ("huber", delta) if f32::is_finite(delta) && delta > 0.0 => Loss::Huber(delta),
                ("pinball", tau) if tau > 0.0 && tau < 1.0 => Loss::Pinball(tau),
                _ => return Err(unknown()),
            }
        }
    })
}

/// The short name of the transcendental functions.
pub(in crate::host) fn math_name(math: Math) -> &'static str {
    match math {
        Math::Libm => "libm",
        #[cfg(feature = "micromath")]
        Math::Micromath => "micromath",
    }
}

/// The functions of a short name.
pub(in crate::host) fn parse_math(name: &str) -> Result<Math, String> {
    match name {
        "libm" => Ok(Math::Libm),
        #[cfg(feature = "micromath")]
        "micromath" => Ok(Math::Micromath),
        _ => Err(format!("this program was built without the math functions `{name}`")),
    }
}

/// The widths of a network, such as `784-64-10`.
#[must_use]
pub fn widths(spec: &Spec) -> String {
    let widths = [spec.inputs()].into_iter().chain(spec.layers().map(|layer| layer.outputs()));
    widths.map(|width| width.to_string()).collect::<Vec<_>>().join("-")
}

/// Names in a sentence, such as "`a`, `b` and `c`".
pub(in crate::host) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => names.concat(),
    }
}
