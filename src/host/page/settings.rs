//! What was run, as a table: the plan of a run, by the names of the command line.

use super::Piece;
use super::axis::number;
use crate::host::augment::Augment;
use crate::host::averages::AverageKind;
use crate::host::growing::{GrowthPlan, GrowthRule};
use crate::host::names::{activation_name, loss_name};
use crate::host::plan::{AveragePlan, DecayPlan, OptimizerPlan, Plan};
use crate::host::report::Table;
use crate::{Activation, Init};
use std::borrow::ToOwned;
use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

/// The settings of a run on data of this description, with this seed or these.
#[must_use]
pub fn settings(plan: &Plan, data: &str, seed: &str) -> Piece {
    let rows = rows(plan, data, seed).into_iter().map(|(name, value)| vec![name.to_owned(), value]);
    let header = ["setting", "value"].map(str::to_owned).to_vec();
    Piece::words(&Table { header, rows: rows.collect() }, "Settings")
}

fn rows(plan: &Plan, data: &str, seed: &str) -> Vec<(&'static str, String)> {
    let activation = if plan.hidden.is_empty() { Activation::Identity } else { plan.activation };
    let mut rows = vec![
        ("data", data.to_owned()),
        ("validation", format!("{} % of the training samples", percent(plan.validation))),
        ("hidden layers", list(plan.hidden.iter().map(u16::to_string))),
        ("activation", activation_name(activation)),
        ("batch normalisation", if plan.batch_norm { "yes" } else { "no" }.to_owned()),
        ("dropout", short(plan.dropout)),
        ("loss", loss_name(plan.loss)),
        (
            "initial weights",
            match plan.init {
                Init::He => "He".to_owned(),
                Init::Glorot => "Glorot".to_owned(),
                Init::Normal(sigma) => format!("N(0, {}²)", short(sigma)),
            },
        ),
        ("optimizer", optimizer(plan)),
        ("learning rate", rate(plan)),
        ("batch", batch(plan)),
    ];
    rows.extend(plan.clip.map(|norm| ("gradient clipped to", format!("norm {}", short(norm)))));
    rows.extend(plan.augment.map(|augment| ("augmentation", augmentation(&augment))));
    rows.extend([
        ("epochs", plan.epochs.to_string()),
        ("averages", plan.averages.as_ref().map_or_else(|| "none".to_owned(), averages)),
        ("seed", seed.to_owned()),
    ]);
    rows
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

fn optimizer(plan: &Plan) -> String {
    let with = |name: &str, mut parts: Vec<String>, weight_decay: f32| {
        if weight_decay > 0.0 {
            parts.push(format!("weight decay {}", short(weight_decay)));
        }
        [vec![name.to_owned()], parts].concat().join(", ")
    };
    let own = match plan.optimizer {
        OptimizerPlan::Sgd(sgd) => {
            let nesterov = if sgd.nesterov { " (Nesterov)" } else { "" };
            let momentum = (sgd.momentum > 0.0).then(|| format!("momentum {}{nesterov}", short(sgd.momentum)));
            with("SGD", momentum.into_iter().collect(), sgd.weight_decay)
        }
        OptimizerPlan::Adam(adam) => {
            let betas = format!("β₁ {}, β₂ {}", short(adam.beta1), short(adam.beta2));
            with(if adam.decoupled { "AdamW" } else { "Adam" }, vec![betas], adam.weight_decay)
        }
        OptimizerPlan::ScheduleFree(free) => {
            with("schedule-free SGD", vec![format!("momentum {}", short(free.beta))], free.weight_decay)
        }
    };
    let behind =
        plan.lookahead.map(|slow| format!(", slow weights every {} steps by {}", slow.every, short(slow.alpha)));
    own + &behind.unwrap_or_default()
}

pub(super) fn rate(plan: &Plan) -> String {
    let decay = match plan.decay {
        DecayPlan::Constant => "constant".to_owned(),
        DecayPlan::Step { every, factor } => format!("times {} every {every} epochs", short(factor)),
        DecayPlan::Linear(to) => format!("falls linearly to {}", short(to)),
        DecayPlan::Cosine(to) => format!("falls along a cosine to {}", short(to)),
        DecayPlan::Paper(to) => format!("constant, then linearly to {}", short(to)),
        DecayPlan::Cyclic { to, epochs } => format!("cycles of {epochs} epochs down to {}", short(to)),
        DecayPlan::Restarts { to, epochs, factor } => {
            let to = short(to);
            format!("falls along a cosine to {to}, again from {epochs} epochs on, each time {factor} times as long")
        }
        DecayPlan::OneCycle(to) => format!("one cycle, down to {}", short(to)),
    };
    let warmup = if plan.warmup > 0.0 { format!(", warm-up of {} epochs", plan.warmup) } else { String::new() };
    format!("{}, {decay}{warmup}", short(plan.rate))
}

pub(super) fn batch(plan: &Plan) -> String {
    let micro = plan.micro_batch.map(|micro| format!(", {micro} at once")).unwrap_or_default();
    let growth = plan.growth.map(|GrowthPlan { rule, most, patience }| {
        let how = match rule {
            GrowthRule::NormTest(theta) => format!("by the norm test, θ {}", short(theta)),
            GrowthRule::NoiseScale(factor) => format!("to {} of the noise scale", short(factor)),
            GrowthRule::Doubling(epochs) => format!("twofold every {epochs} epochs"),
        };
        let asks = patience > 1 && !matches!(rule, GrowthRule::Doubling(_));
        let after = if asks { format!(", after {patience} updates that ask for it") } else { String::new() };
        format!("; grows {how}{after}, up to {most}")
    });
    format!("{} samples{micro}{}", plan.batch, growth.unwrap_or_default())
}

fn augmentation(augment: &Augment) -> String {
    let Augment { rotate, zoom, shift, shear, flip, elastic } = augment;
    let mut parts = vec![format!("rotation ±{rotate}°, zoom ±{zoom}, shift ±{shift}, shear ±{shear}")];
    parts.extend(flip.then(|| "mirrored by chance".to_owned()));
    parts.extend(elastic.map(|elastic| format!("elastic, α {} and σ {}", elastic.alpha, elastic.sigma)));
    parts.join(", ")
}

fn averages(averages: &AveragePlan) -> String {
    let kind = |kind: &AverageKind| match *kind {
        AverageKind::Swa => "swa".to_owned(),
        AverageKind::Ema(ema) => format!("ema (decay {})", number(1.0 - f64::from(ema.epsilon))),
        AverageKind::Lawa(models) => format!("lawa of {models}"),
        AverageKind::Swag(columns, draws) => format!("swag ({columns} columns, {} draws)", draws.samples),
    };
    let every = match averages.every {
        Some(every) => format!("every {every} steps"),
        None => "each epoch".to_owned(),
    };
    let rate = averages.rate.map(|rate| format!(", at a rate of {}", short(rate))).unwrap_or_default();
    let start = percent(averages.start);
    format!("{}; snapshots from {start} % of the budget on, {every}{rate}", list(averages.kinds.iter().map(kind)))
}
