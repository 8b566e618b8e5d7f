//! The dense layers and norms in a safetensors file, in the one order that names and shapes leave.
//!
//! A file of PyTorch holds tensors by name and says nothing of their order. Numbers under one stem say it (`net.0`, `net.2`,
//! `net.10`), and so do widths that fit together in one way alone. Everything else is refused, since an order that was guessed
//! is another network.

use crate::Error;
use crate::error::SpecFault;
use crate::host::plan::listed;
use crate::host::prelude::*;
use crate::network::MAX_LAYERS;
use safetensors::SafeTensors;

/// The tensors of a preparation, one number a feature each: `(min(max(x, low), high) − shift)·scale`, `fill` for NaN.
pub(in crate::host) const PREPROCESS: [&str; 5] = ["fill", "low", "high", "shift", "scale"];
/// Where they are.
pub(in crate::host) const PREPROCESS_STEM: &str = "preprocess";
/// How many models an average is of, beside those of `torch.optim.swa_utils.AveragedModel`.
pub(in crate::host) const COUNT: &str = "n_averaged";

/// A dense layer, or a norm behind one.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::host) struct Module {
    /// What its tensors' names begin with.
    pub(in crate::host) stem: String,
    pub(in crate::host) is_norm: bool,
    /// Widths of a dense layer; 0 of a norm.
    pub(in crate::host) inputs: u16,
    pub(in crate::host) outputs: u16,
}

/// Modules in their order.
pub(in crate::host) struct Ordered {
    pub(in crate::host) modules: Vec<Module>,
    /// What was taken from names or shapes that might have meant something else.
    pub(in crate::host) notes: Vec<String>,
}

impl Module {
    /// All of them, by their names.
    pub(in crate::host) fn all(file: &SafeTensors<'_>) -> Result<Vec<Self>, String> {
        let mut modules: Vec<Self> = Vec::new();
        for name in file.names() {
            let (stem, tensor) = name.rsplit_once('.').unwrap_or(("", name));
            match tensor {
                _ if stem == PREPROCESS_STEM && PREPROCESS.contains(&tensor) => continue,
                "num_batches_tracked" | COUNT => continue,
                "weight" | "bias" | "running_mean" | "running_var" => {}
                _ => return Err(format!("`{name}` does not belong to a dense layer or a norm")),
            }
            let is_norm = matches!(tensor, "running_mean" | "running_var");
            match modules.iter_mut().find(|module| module.stem == stem) {
                Some(module) => module.is_norm |= is_norm,
                None => modules.push(Self { stem: stem.to_owned(), is_norm, inputs: 0, outputs: 0 }),
            }
        }
        modules.sort_by(|a, b| a.stem.cmp(&b.stem));
        modules.iter_mut().filter(|module| !module.is_norm).try_for_each(|module| module.measure(file))?;
        Ok(modules)
    }

    /// Takes the widths of a dense layer from its weights.
    fn measure(&mut self, file: &SafeTensors<'_>) -> Result<(), String> {
        let name = format!("{}.weight", self.stem);
        let weight = file.tensor(&name).map_err(|_| format!("tensor `{name}` is missing"))?;
        let &[outputs, inputs] = weight.shape() else {
            let expected = "expected (outputs, inputs), or the running statistics of a norm";
            return Err(format!("`{name}` has shape {:?}, {expected}", weight.shape()));
        };
        let width = |n: usize| u16::try_from(n).map_err(|_| format!("`{name}`: a width of {n} is too large"));
        (self.inputs, self.outputs) = (width(inputs)?, width(outputs)?);
        Ok(())
    }

    /// The stem with `#` for each number in it, and the numbers, so that `10` comes after `9`.
    fn pattern(&self) -> (String, Vec<u64>) {
        let digits = self.stem.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
        let numbers = digits.map(|digits| digits.parse().unwrap_or(u64::MAX)).collect();
        let mut pattern = String::new();
        for c in self.stem.chars().map(|c| if c.is_ascii_digit() { '#' } else { c }) {
            if c != '#' || !pattern.ends_with('#') {
                pattern.push(c);
            }
        }
        (pattern, numbers)
    }

    /// Whether this norm stands behind `dense` and before its activation, as `1` behind `0` in a `Sequential`.
    fn is_next_to(&self, dense: &Self) -> bool {
        let ((pattern, numbers), (same, before)) = (self.pattern(), dense.pattern());
        let next = before.split_last().map(|(last, first)| [first, &[last.saturating_add(1)]].concat());
        pattern == same && next == Some(numbers)
    }

    /// Whether this norm has the number of `dense`, as `bn1` has that of `fc1`.
    fn is_numbered_like(&self, dense: &Self) -> bool {
        let numbers = self.pattern().1;
        !numbers.is_empty() && numbers == dense.pattern().1
    }
}

impl Ordered {
    /// The order that `layers` gives; without it the only one that names and shapes leave. `file` stands for the file's name
    /// where advice names a command.
    pub(in crate::host) fn of(modules: Vec<Module>, layers: &[String], file: &str) -> Result<Self, String> {
        if !layers.is_empty() {
            return Self::given(modules, layers);
        }
        let all = stems(&modules);
        let (norms, dense): (Vec<_>, Vec<_>) = modules.into_iter().partition(|module| module.is_norm);
        let (dense, mut notes) = in_order(dense, &all, file)?;
        let mut behind: Vec<Vec<Module>> = dense.iter().map(|_| Vec::new()).collect();
        for norm in norms {
            let at = place(&norm, &dense, file, &mut notes)?;
            behind[at].push(norm);
        }
        let modules = dense.into_iter().zip(behind).flat_map(|(dense, norms)| [dense].into_iter().chain(norms));
        Ok(Self { modules: modules.collect(), notes })
    }

    fn given(modules: Vec<Module>, layers: &[String]) -> Result<Self, String> {
        let find = |name: &String| modules.iter().find(|module| module.stem == *name).cloned();
        let mut sorted = layers.to_vec();
        sorted.sort();
        sorted.dedup();
        match layers.iter().map(find).collect::<Option<Vec<_>>>() {
            Some(given) if given.len() == modules.len() && sorted.len() == layers.len() => {
                Ok(Self { modules: given, notes: Vec::new() })
            }
            _ => Err(format!(
                "--layers must contain each of {} once, in the order from input to output",
                stems(&modules)
            )),
        }
    }
}

/// Dense layers by the numbers under their one stem, else in the only order that their widths leave; `all` names the norms, too.
fn in_order(mut dense: Vec<Module>, all: &str, file: &str) -> Result<(Vec<Module>, Vec<String>), String> {
    dense.sort_by_cached_key(Module::pattern);
    let patterns: Vec<_> = dense.iter().map(Module::pattern).collect();
    let rises = |pair: &[(String, Vec<u64>)]| pair[0].0 == pair[1].0 && pair[0].1 < pair[1].1;
    if patterns.windows(2).all(rises) {
        return Ok((dense, Vec::new()));
    }
    if dense.len() > MAX_LAYERS {
        return Err(Error::Spec(SpecFault::TooManyLayers).to_string());
    }
    let mut search = Search { dense: &dense, patterns: &patterns, order: Vec::new(), found: Vec::new() };
    search.extend();
    match search.found.as_slice() {
        [] => {
            let widths = dense.iter().map(|module| format!("`{}` {} → {}", module.stem, module.inputs, module.outputs));
            Err(format!("no order of these layers fits their widths: {}", widths.collect::<Vec<_>>().join(", ")))
        }
        [only] => {
            let dense: Vec<Module> = only.iter().map(|&i| dense[i].clone()).collect();
            let note = format!("only the widths determine the order of the layers: {}", stems(&dense));
            Ok((dense, [note].into()))
        }
        _ => Err(format!("the order of {all} is not clear; {}", advice(file))),
    }
}

/// Every order of some dense layers in which each takes what the one before gives, and equal names stand by their numbers.
struct Search<'a> {
    dense: &'a [Module],
    patterns: &'a [(String, Vec<u64>)],
    /// The first layers of the order that is tried.
    order: Vec<usize>,
    /// Two at most, for more say no more.
    found: Vec<Vec<usize>>,
}

impl Search<'_> {
    fn extend(&mut self) {
        if self.order.len() == self.dense.len() {
            self.found.push(self.order.clone());
        }
        for next in (0..self.dense.len()).filter(|&next| self.fits(next)).collect::<Vec<_>>() {
            if self.found.len() < 2 {
                self.order.push(next);
                self.extend();
                self.order.pop();
            }
        }
    }

    fn fits(&self, next: usize) -> bool {
        let (pattern, numbers) = &self.patterns[next];
        let comes_first = |i: usize| self.patterns[i].0 == *pattern && self.patterns[i].1 < *numbers;
        let before = self.order.last().map(|&last| self.dense[last].outputs);
        !self.order.contains(&next)
            && before.is_none_or(|width| width == self.dense[next].inputs)
            && !(0..self.dense.len()).any(|i| comes_first(i) && !self.order.contains(&i))
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
    let is_known = dense.iter().any(|dense| dense.pattern().0 == norm.pattern().0);
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
