//! The dense layers and norms in a safetensors file, in the one order that names and shapes leave.
//!
//! A file of PyTorch holds tensors by name and says nothing of their order. Numbers under one stem say it (`net.0`, `net.2`,
//! `net.10`), and so do widths that fit together in one way alone. Everything else is refused, since an order that was guessed
//! is another network.

use crate::Error;
use crate::error::SpecFault;
use crate::host::plan::listed;
use crate::host::prelude::*;
use crate::network::{MAX_LAYERS, NormKind};
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use std::collections::BTreeSet;

/// The tensors of a preparation, one number a feature each: `(min(max(x, low), high) − shift)·scale`, `fill` for NaN.
pub(in crate::host) const PREPROCESS: [&str; 5] = ["fill", "low", "high", "shift", "scale"];
/// Where they are.
pub(in crate::host) const PREPROCESS_STEM: &str = "preprocess";
/// How many models an average is of, beside those of `torch.optim.swa_utils.AveragedModel`.
pub(in crate::host) const COUNT: &str = "n_averaged";

/// What PyTorch counts beside the running statistics of a batch norm.
const TRACKED: &str = "num_batches_tracked";

/// A dense layer, or a norm behind one.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::host) struct Module {
    /// What its tensors' names begin with.
    pub(in crate::host) stem: String,
    pub(in crate::host) norm: Option<NormKind>,
    /// Widths of a dense layer; 0 of a norm.
    pub(in crate::host) inputs: u16,
    pub(in crate::host) outputs: u16,
    /// The stem with `#` for each number in it, and the numbers, so that `10` comes after `9`.
    pattern: (String, Vec<u64>),
}

impl Module {
    /// All of them, by their names.
    pub(in crate::host) fn all(file: &SafeTensors<'_>) -> Result<Vec<Self>, String> {
        let mut modules: Vec<Self> = Vec::new();
        for name in file.names() {
            let (stem, tensor) = name.rsplit_once('.').unwrap_or(("", name));
            match tensor {
                _ if stem == PREPROCESS_STEM && PREPROCESS.contains(&tensor) => continue,
                TRACKED | COUNT => continue,
                "weight" | "bias" | "running_mean" | "running_var" => {}
                _ => return Err(format!("`{name}` does not belong to a dense layer or a norm")),
            }
            // A norm behind every layer is the most that there can be.
            if modules.len() > 2 * MAX_LAYERS {
                return Err(Error::Spec(SpecFault::TooManyLayers).to_string());
            }
            let norm = matches!(tensor, "running_mean" | "running_var").then_some(NormKind::Batch);
            match modules.iter_mut().find(|module| module.stem == stem) {
                Some(module) => module.norm = module.norm.or(norm),
                None => {
                    let (stem, pattern) = (stem.to_owned(), pattern(stem));
                    modules.push(Self { stem, norm, inputs: 0, outputs: 0, pattern });
                }
            }
        }
        modules.sort_by(|a, b| a.stem.cmp(&b.stem));
        modules.iter_mut().filter(|module| !module.is_norm()).try_for_each(|module| module.measure(file))?;
        Ok(modules)
    }

    /// Whether it is a norm.
    pub(in crate::host) fn is_norm(&self) -> bool {
        self.norm.is_some()
    }

    /// Takes the widths of a dense layer from its weights; those of one dimension are a norm's.
    fn measure(&mut self, file: &SafeTensors<'_>) -> Result<(), String> {
        let name = format!("{}.weight", self.stem);
        let weight = tensor(file, &name)?;
        let (outputs, inputs) = match *weight.shape() {
            [outputs, inputs] => (outputs, inputs),
            [_] => {
                let is_tracked = file.tensor(&format!("{}.{TRACKED}", self.stem)).is_ok();
                self.norm = Some(if is_tracked { NormKind::Batch } else { NormKind::Layer });
                return Ok(());
            }
            _ => {
                let expected = "expected (outputs, inputs), or (units) of a norm";
                return Err(format!("`{name}` has shape {:?}, {expected}", weight.shape()));
            }
        };
        let width = |n: usize| u16::try_from(n).map_err(|_| format!("`{name}`: a width of {n} is too large"));
        (self.inputs, self.outputs) = (width(inputs)?, width(outputs)?);
        Ok(())
    }

    /// Whether this norm stands behind `dense` and before its activation, as `1` behind `0` in a `Sequential`.
    fn is_next_to(&self, dense: &Self) -> bool {
        let ((pattern, numbers), (same, before)) = (&self.pattern, &dense.pattern);
        let next = before.split_last().map(|(last, first)| [first, &[last.saturating_add(1)]].concat());
        pattern == same && next.as_ref() == Some(numbers)
    }

    /// Whether this norm has the number of `dense`, as `bn1` has that of `fc1`.
    fn is_numbered_like(&self, dense: &Self) -> bool {
        !self.pattern.1.is_empty() && self.pattern.1 == dense.pattern.1
    }
}

/// The tensor of this name.
pub(in crate::host) fn tensor<'t>(file: &SafeTensors<'t>, name: &str) -> Result<TensorView<'t>, String> {
    file.tensor(name).map_err(|_| format!("tensor `{name}` is missing"))
}

/// A stem with `#` for each number in it, and the numbers.
fn pattern(stem: &str) -> (String, Vec<u64>) {
    let digits = stem.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
    let numbers = digits.map(|digits| digits.parse().unwrap_or(u64::MAX)).collect();
    let mut pattern: Vec<char> = stem.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }).collect();
    pattern.dedup_by(|a, b| *a == '#' && *b == '#');
    (pattern.into_iter().collect(), numbers)
}

/// The order that `layers` gives, without it the only one that names and shapes leave, and what was taken from names or
/// shapes that might have meant something else. `file` stands for the file's name where advice names a command.
pub(in crate::host) fn in_order(
    modules: Vec<Module>,
    layers: &[String],
    file: &str,
) -> Result<(Vec<Module>, Vec<String>), String> {
    let all = stems(&modules);
    if !layers.is_empty() {
        let find = |name: &String| modules.iter().find(|module| module.stem == *name).cloned();
        let is_once = layers.iter().collect::<BTreeSet<_>>().len() == modules.len() && layers.len() == modules.len();
        let given = layers.iter().map(find).collect::<Option<Vec<_>>>().filter(|_| is_once);
        let given =
            given.ok_or_else(|| format!("--layers must contain each of {all} once, in the order from input to output"));
        return Ok((given?, Vec::new()));
    }
    let (norms, mut dense): (Vec<_>, Vec<_>) = modules.into_iter().partition(Module::is_norm);
    dense.sort_by(|a, b| a.pattern.cmp(&b.pattern));
    let mut notes = Vec::new();
    let rises = |pair: &[Module]| pair[0].pattern.0 == pair[1].pattern.0 && pair[0].pattern.1 < pair[1].pattern.1;
    if !dense.windows(2).all(rises) {
        dense = by_widths(dense, &all, file)?;
        notes.push(format!("only the widths determine the order of the layers: {}", stems(&dense)));
    }
    let mut behind: Vec<Vec<Module>> = dense.iter().map(|_| Vec::new()).collect();
    for norm in norms {
        let at = place(&norm, &dense, file, &mut notes)?;
        behind[at].push(norm);
    }
    let modules = dense.into_iter().zip(behind).flat_map(|(dense, norms)| [dense].into_iter().chain(norms));
    Ok((modules.collect(), notes))
}

/// Dense layers in the only order that their widths leave; `all` names the norms, too.
fn by_widths(dense: Vec<Module>, all: &str, file: &str) -> Result<Vec<Module>, String> {
    if dense.len() > MAX_LAYERS {
        return Err(Error::Spec(SpecFault::TooManyLayers).to_string());
    }
    let mut found = Vec::new();
    search(&dense, &mut Vec::new(), &mut found);
    match found.as_slice() {
        [] => {
            let widths = dense.iter().map(|module| format!("`{}` {} → {}", module.stem, module.inputs, module.outputs));
            Err(format!("no order of these layers fits their widths: {}", widths.collect::<Vec<_>>().join(", ")))
        }
        [only] => Ok(only.iter().map(|&i| dense[i].clone()).collect()),
        _ => Err(format!("the order of {all} is not clear; {}", advice(file))),
    }
}

/// Every order of dense layers, from the first ones in `order` on, in which each takes what the one before gives, and equal names
/// stand by their numbers: two at most, for more say no more.
fn search(dense: &[Module], order: &mut Vec<usize>, found: &mut Vec<Vec<usize>>) {
    if order.len() == dense.len() {
        found.push(order.clone());
    }
    for next in 0..dense.len() {
        let (pattern, numbers) = &dense[next].pattern;
        let before = order.last().map(|&last| dense[last].outputs);
        let waits_for =
            |i: usize| dense[i].pattern.0 == *pattern && dense[i].pattern.1 < *numbers && !order.contains(&i);
        let is_out = order.contains(&next)
            || before.is_some_and(|width| width != dense[next].inputs)
            || (0..dense.len()).any(waits_for);
        if found.len() < 2 && !is_out {
            order.push(next);
            search(dense, order, found);
            order.pop();
        }
    }
}

/// Behind which dense layer a norm stands.
fn place(norm: &Module, dense: &[Module], file: &str, notes: &mut Vec<String>) -> Result<usize, String> {
    let stem = &norm.stem;
    if let Some(at) = dense.iter().position(|dense| norm.is_next_to(dense)) {
        return Ok(at);
    }
    let mut like = (0..dense.len()).filter(|&at| norm.is_numbered_like(&dense[at]));
    if let (Some(at), None) = (like.next(), like.next()) {
        let before = &dense[at].stem;
        notes.push(format!("the norm `{stem}` is assumed to follow `{before}`, before its activation"));
        return Ok(at);
    }
    let problem = format!("the norm `{stem}` does not stand between a dense layer and its activation");
    // A number among those of the dense layers says where it is: `2` behind the activation `1`.
    let is_known = dense.iter().any(|dense| dense.pattern.0 == norm.pattern.0);
    Err(if is_known { problem } else { format!("{problem}, according to its name; {}", advice(file)) })
}

fn stems(modules: &[Module]) -> String {
    listed(modules.iter().map(|module| module.stem.as_str()))
}

/// How to say the order once and for all.
fn advice(file: &str) -> String {
    format!(
        "give it once, in the order from input to output, each norm before its activation: \
         cygnet convert {file} NEW.cygnet --layers FIRST,SECOND,…"
    )
}
