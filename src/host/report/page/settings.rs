//! The settings of a run as a table, by the names of the command line.

use super::piece::Piece;
use crate::average::{Ema, Origin, Warmup};
use crate::host::data::{Augment, Elastic};
use crate::host::plan::{
    AverageKind, AveragePlan, DecayPlan, GrowthPlan, GrowthRule, OnDivergence, OptimizerPlan, Plan, activation_name,
    loss_name, norm_name,
};
use crate::host::prelude::*;
use crate::host::report::axis::number;
use crate::host::report::table::Table;
use crate::optim::{AdamConfig, LookaheadConfig, ScheduleFreeAdamConfig, ScheduleFreeConfig, SgdConfig};
use crate::{Activation, Init};
use std::collections::BTreeMap;

/// The settings of a run on data of this description, with this seed or these.
pub(super) fn settings(plan: &Plan, data: &str, seed: &str) -> Piece {
    let rows = rows(plan, data, seed).into_iter().map(|(name, value)| vec![name.to_owned(), value]);
    Piece::words(&Table::new(["setting", "value"], rows), "Settings of the run")
}

/// How a run is trained, in words.
#[must_use]
pub fn training(plan: &Plan) -> String {
    const SHOWN: [&str; 8] =
        ["optimizer", "learning rate", "batch", "dropout", "label smoothing", "class weights", "epochs", "averages"];
    let rows = rows(plan, "", "").into_iter().filter(|(name, _)| SHOWN.contains(name));
    rows.map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join("; ")
}

/// The same by their names, for a file.
#[must_use]
pub fn named_settings(plan: &Plan, data: &str, seed: &str) -> BTreeMap<String, String> {
    rows(plan, data, seed).into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn rows(plan: &Plan, data: &str, seeds: &str) -> Vec<(&'static str, String)> {
    // Without `..`, here and below: a new setting is to be shown.
    let Plan {
        hidden,
        activation,
        norm,
        dropout,
        loss,
        label_smoothing,
        balanced,
        init,
        from,
        optimizer: rule,
        lookahead,
        rate: base,
        warmup,
        decay,
        batch: samples,
        micro_batch,
        growth,
        clip,
        on_divergence,
        epochs,
        patience,
        augment,
        seed: _,
        averages: kept,
        validation,
    } = plan;
    let activation = if hidden.is_empty() { Activation::Identity } else { *activation };
    let mut rows = vec![
        ("data", data.to_owned()),
        ("validation", format!("{} % of the training samples, held out", percent(*validation))),
        ("hidden layers", list(hidden.iter().map(u16::to_string))),
        ("activation", activation_name(activation)),
        ("normalisation", norm.map_or("none", norm_name).to_owned()),
        ("dropout", short(*dropout)),
        ("loss", loss_name(*loss)),
        ("initial weights", from.as_ref().map_or_else(|| initial(*init), |from| format!("those of {}", from.called()))),
        ("optimizer", optimizer(*rule, *lookahead)),
        ("learning rate", rate(*base, *decay, *warmup)),
        ("batch", batch(*samples, *micro_batch, *growth)),
    ];
    rows.extend((*label_smoothing > 0.0).then(|| ("label smoothing", short(*label_smoothing))));
    rows.extend(balanced.then(|| ("class weights", "balanced".to_owned())));
    rows.extend(clip.map(|norm| ("gradient clipping", format!("to norm {}", short(norm)))));
    rows.extend(dropped(*on_divergence).map(|what| ("updates that are not finite", what.to_owned())));
    rows.extend(augment.map(|augment| ("augmentation", augmentation(&augment))));
    rows.extend([
        (
            "epochs",
            patience.map_or_else(
                || epochs.to_string(),
                |n| format!("at most {epochs}, {n} without a lower validation loss"),
            ),
        ),
        ("averages", kept.as_ref().map_or_else(|| "none".to_owned(), averages)),
        ("seed", seeds.to_owned()),
    ]);
    rows
}

fn dropped(how: OnDivergence) -> Option<&'static str> {
    match how {
        OnDivergence::Stop => None,
        OnDivergence::Skip => Some("are dropped"),
        OnDivergence::HalveRate => Some("are dropped, and halve the learning rate"),
    }
}

fn initial(init: Init) -> String {
    match init {
        Init::He => "He".to_owned(),
        Init::Glorot => "Glorot".to_owned(),
        Init::Normal(sigma) => format!("N(0, {}²)", short(sigma)),
    }
}

fn list(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// A setting as it was given, without the digits that arithmetic adds.
fn short(x: f32) -> String {
    format!("{x:.5e}").parse().map_or_else(|_| x.to_string(), number)
}

/// A share in per cent.
fn percent(share: f32) -> String {
    short(100.0 * share)
}

fn optimizer(rule: OptimizerPlan, lookahead: Option<LookaheadConfig>) -> String {
    let (mut text, weight_decay, no_bias_decay) = match rule {
        OptimizerPlan::Sgd(SgdConfig { momentum, nesterov, weight_decay, no_bias_decay }) => {
            let form = if nesterov { " (Nesterov)" } else { "" };
            let momentum = (momentum > 0.0).then(|| format!(", momentum {}{form}", short(momentum)));
            (format!("SGD{}", momentum.unwrap_or_default()), weight_decay, no_bias_decay)
        }
        OptimizerPlan::Adam(AdamConfig { beta1, beta2, epsilon, weight_decay, decoupled, no_bias_decay }) => {
            let name = if decoupled { "AdamW" } else { "Adam" };
            let text = format!("{name}, β₁ {}, β₂ {}, ε {}", short(beta1), short(beta2), short(epsilon));
            (text, weight_decay, no_bias_decay)
        }
        OptimizerPlan::ScheduleFree(ScheduleFreeConfig { beta, weight_decay, no_bias_decay }) => {
            (format!("schedule-free SGD, momentum {}", short(beta)), weight_decay, no_bias_decay)
        }
        OptimizerPlan::ScheduleFreeAdam(ScheduleFreeAdamConfig {
            beta1,
            beta2,
            epsilon,
            weight_decay,
            no_bias_decay,
        }) => {
            let [beta1, beta2, epsilon] = [beta1, beta2, epsilon].map(short);
            (format!("schedule-free AdamW, β₁ {beta1}, β₂ {beta2}, ε {epsilon}"), weight_decay, no_bias_decay)
        }
    };
    if weight_decay > 0.0 {
        let of = if no_bias_decay { " of weights alone" } else { "" };
        text += &format!(", weight decay {}{of}", short(weight_decay));
    }
    if let Some(LookaheadConfig { every, alpha }) = lookahead {
        text += &format!(", Lookahead every {every} steps, α {}", short(alpha));
    }
    text
}

pub(super) fn rate(base: f32, decay: DecayPlan, warmup: f32) -> String {
    let decay = match decay {
        DecayPlan::Constant => "constant".to_owned(),
        DecayPlan::Step { every, factor } => format!("multiplied by {} every {every} epochs", short(factor)),
        DecayPlan::Linear(to) => format!("linear decay to {}", short(to)),
        DecayPlan::Cosine(to) => format!("cosine decay to {}", short(to)),
        DecayPlan::Paper(to) => format!("constant, then linear decay to {}", short(to)),
        DecayPlan::Cyclic { to, epochs } => format!("cyclic, each {epochs} epochs down to {}", short(to)),
        DecayPlan::Restarts { to, epochs } => {
            format!("cosine decay to {} with warm restarts every {epochs} epochs", short(to))
        }
        DecayPlan::OneCycle(to) => format!("one cycle, down to {}", short(to)),
    };
    let warmup = if warmup > 0.0 { format!(", warm-up of {warmup} epochs") } else { String::new() };
    format!("{}, {decay}{warmup}", short(base))
}

pub(super) fn batch(samples: usize, micro_batch: Option<usize>, growth: Option<GrowthPlan>) -> String {
    let micro = micro_batch.map(|micro| format!(", micro-batches of {micro}")).unwrap_or_default();
    let growth = growth.map(|GrowthPlan { rule, most, patience }| {
        let how = match rule {
            GrowthRule::NormTest(theta) => format!("by the norm test with θ {}", short(theta)),
            GrowthRule::NoiseScale(factor) => format!("to {} times the gradient noise scale", short(factor)),
            GrowthRule::Doubling(epochs) => format!("by a factor of 2 every {epochs} epochs"),
        };
        let asks = patience > 1 && !matches!(rule, GrowthRule::Doubling(_));
        let after = if asks { format!(" in {patience} consecutive updates") } else { String::new() };
        format!("; grows {how}{after}, up to {most} samples")
    });
    format!("{samples} samples{micro}{}", growth.unwrap_or_default())
}

fn augmentation(augment: &Augment) -> String {
    let Augment { rotate, zoom, shift, shear, flip, elastic } = augment;
    let mut parts = vec![format!("rotation ±{rotate}°, zoom ±{zoom}, shift ±{shift}, shear ±{shear}")];
    parts.extend(flip.then(|| "mirrored with probability 0.5".to_owned()));
    parts.extend(elastic.map(|Elastic { alpha, sigma }| format!("elastic distortion with α {alpha} and σ {sigma}")));
    parts.join(", ")
}

fn averages(plan: &AveragePlan) -> String {
    let AveragePlan { kinds, start, every, rate, switch, posthoc } = plan;
    let kind = |kind: &AverageKind| match *kind {
        AverageKind::Swa => "swa".to_owned(),
        AverageKind::Polynomial(eta) => format!("polynomial (exponent {})", short(eta)),
        AverageKind::Ema(settings) => format!("ema ({})", ema(settings)),
        AverageKind::Lawa(models) => format!("lawa ({models} snapshots)"),
        AverageKind::Swag(columns, draws) => format!("swag ({columns} columns, {draws} draws)"),
    };
    let is_polynomial = kinds.iter().any(|kind| matches!(kind, AverageKind::Polynomial(_)));
    let has_others = kinds.iter().any(|kind| !matches!(kind, AverageKind::Polynomial(_) | AverageKind::Ema(_)));
    let mut parts = vec![list(kinds.iter().map(kind))];
    if is_polynomial {
        let steps = every.map_or("20 steps, at least 8 an epoch,".to_owned(), |every| format!("{every} steps"));
        parts.push(format!("polynomial snapshots every {steps} from the first on"));
    }
    if has_others || !is_polynomial {
        let every = every.map_or("at the end of each epoch".to_owned(), |every| format!("every {every} steps"));
        parts.push(format!("snapshots from {} % of the run on, {every}", percent(*start)));
    }
    parts.extend(switch.then(|| "each epoch continues from the average".to_owned()));
    parts.extend(posthoc.map(|n| format!("stored at {n} moment{} for another width", if n == 1 { "" } else { "s" })));
    parts.extend(rate.map(|to| format!("learning rate {}", short(to))));
    parts.join("; ")
}

fn ema(Ema { epsilon, origin, warmup }: Ema) -> String {
    let decay = number(1.0 - f64::from(epsilon));
    let origin = match origin {
        Origin::Corrected => "bias-corrected",
        Origin::First => "starts at the first model",
    };
    let warmup = match warmup {
        Warmup::None => String::new(),
        Warmup::Ratio => ", warm-up (1 + t)/(10 + t)".to_owned(),
        Warmup::Power { gamma, power } => format!(", warm-up 1 − (1 + t/{})^−{}", short(gamma), short(power)),
    };
    format!("decay {decay}, {origin}{warmup}")
}
