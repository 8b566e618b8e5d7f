//! Samples that count more than others: weights of samples and of classes, ignored labels, label smoothing.
//!
//! A type of its own beside [`Targets`], so that a program that trains without weights links nothing of it.

use crate::debug::Elements;
use crate::error::{Buffer, Error, Setting};
use crate::inputs::Inputs;
use crate::network::loss::Loss;
use crate::network::spec::Spec;
use crate::score::{Aim, Score, score, score_softmax};
use crate::slices::{numbered, rows, rows_mut};
use crate::targets::{Row, Target, Targets};
use core::fmt;

/// The label of a sample that is ignored.
const IGNORED: u16 = u16::MAX;

/// Targets whose samples count by weights `ω >= 0`: `L = Σ_s ω_s·ℓ_s / Σ_s ω_s` over the samples of an update.
///
/// A weight is that of the [sample](Self::by_sample) times that of its [class](Self::by_class); one that is not given is 1.
/// A sample of weight 0 adds nothing to loss, gradient, `Σω` and score, but keeps its place: it is checked, and counted by
/// dropout's masks and by norms. So is one of class `u16::MAX`, whose label is ignored. Weights of 1 give the bits of no
/// weights.
///
/// ```
/// use cygnet::train::{Weighted, balanced};
/// use cygnet::{Activation, Init, Model, Sgd, Spec, Targets, Workspace};
/// const NET: Spec = Spec::new(2).dense(3, Activation::Identity);
/// # let (mut params, mut floats) = ([0.0; NET.param_len()], [0.0; NET.work_len(4)]);
/// # let mut model = Model::new(&NET, &mut params)?;
/// # model.init(Init::He, 1)?;
/// # let (mut sgd, mut work) = (Sgd::plain(&NET)?, Workspace::new(&NET, 4, &mut floats)?);
/// let (x, labels) = ([0.0, 0.1, 0.9, 0.8, 0.1, 0.2, 0.3, 0.1], [0, 1, 0, u16::MAX]);
/// let mut weights = [0.0; NET.classes()];
/// balanced(&labels, &mut weights)?; // three labels, two of class 0, one of class 1
/// assert_eq!(weights, [0.75, 1.5, 0.0]);
/// let targets = Weighted::new(Targets::Classes(&labels)).by_class(&weights).smoothed(0.1);
/// let score = model.train(&x, targets, &mut sgd, 0.1, &mut work)?;
/// assert_eq!((score.samples(), score.weight()), (4, 3.0));
/// # Ok::<(), cygnet::Error>(())
/// ```
#[derive(Clone, Copy)]
#[must_use = "training and evaluation take targets"]
pub struct Weighted<'a> {
    targets: Targets<'a>,
    samples: Option<&'a [f32]>,
    classes: Option<&'a [f32]>,
    smoothing: f32,
}

/// Not the numbers: there may be many.
impl fmt::Debug for Weighted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [samples, classes] =
            [self.samples, self.classes].map(|weights| Elements(weights.unwrap_or_default().len()));
        let mut weighted = f.debug_struct("Weighted");
        weighted.field("targets", &self.targets).field("samples", &samples).field("classes", &classes);
        weighted.field("smoothing", &self.smoothing).finish()
    }
}

impl<'a> Targets<'a> {
    /// These targets with a weight for each sample: [`Weighted`].
    #[must_use = "targets are values: these are the next ones"]
    pub fn weighted(self, weights: &'a [f32]) -> Weighted<'a> {
        Weighted::new(self).by_sample(weights)
    }
}

impl<'a> Weighted<'a> {
    /// Targets of weight 1, where labels of `u16::MAX` are ignored. They may join a gradient or a score whose other
    /// samples have weights, which [`Targets`] alone may not.
    #[must_use = "targets are values: these are the next ones"]
    pub fn new(targets: Targets<'a>) -> Self {
        Self { targets, samples: None, classes: None, smoothing: 0.0 }
    }

    /// With a weight for each sample, shape `(n)`, each finite and not negative.
    #[must_use = "targets are values: these are the next ones"]
    pub fn by_sample(self, weights: &'a [f32]) -> Self {
        Self { samples: Some(weights), ..self }
    }

    /// With a weight for each class, shape [`(classes)`](Spec::classes), such as [`balanced`] gives; targets are classes.
    #[must_use = "targets are values: these are the next ones"]
    pub fn by_class(self, weights: &'a [f32]) -> Self {
        Self { classes: Some(weights), ..self }
    }

    /// With label smoothing `ε`, in `[0, 1)` (Szegedy et al. 2016): the target of a class is `(1 − ε)·onehot + ε/C` over the
    /// `C` classes. Targets are classes, under softmax cross-entropy or one output's binary cross-entropy. Training alone
    /// smooths; [`evaluate`](fn@crate::metrics::evaluate) measures the plain loss.
    #[must_use = "targets are values: these are the next ones"]
    pub fn smoothed(self, epsilon: f32) -> Self {
        Self { smoothing: epsilon, ..self }
    }

    /// The class of a sample; 0 of values.
    fn class(&self, sample: usize) -> u16 {
        if let Targets::Classes(classes) = self.targets { classes.get(sample).copied().unwrap_or(0) } else { 0 }
    }

    /// `ω` of a sample.
    fn weight(&self, sample: usize) -> f32 {
        let class = self.class(sample);
        if class == IGNORED {
            return 0.0;
        }
        let of = |weights: Option<&[f32]>, at: usize| weights.and_then(|w| w.get(at).copied()).unwrap_or(1.0);
        of(self.samples, sample) * of(self.classes, class.into())
    }

    /// Whether any sample may have another weight than 1: label smoothing alone weighs nothing.
    fn weighs(&self) -> bool {
        let ignores = matches!(self.targets, Targets::Classes(classes) if classes.contains(&IGNORED));
        self.samples.is_some() || self.classes.is_some() || ignores
    }

    /// What adds the loss of one sample after another to `total`, and whether it is a hit.
    pub(crate) fn add_to<'s>(&'s self, total: &'s mut Score) -> impl FnMut(f32, bool) + 's {
        if self.weighs() {
            total.weigh();
        }
        let (is_weighted, mut sample) = (total.is_weighted(), 0_usize);
        move |loss, hit| {
            if is_weighted {
                total.add_weighted(self.weight(sample), loss, hit);
                sample = sample.wrapping_add(1);
            } else {
                total.add(loss, hit);
            }
        }
    }

    /// Refuses settings that do not go with the network and the targets.
    fn check_settings(&self, spec: &Spec) -> Result<(), Error> {
        let has_classes = matches!(self.targets, Targets::Classes(_));
        if self.classes.is_some() && !has_classes {
            return Err(Error::Setting(Setting::ClassWeights));
        }
        let are_probabilities = match spec.loss_kind() {
            Loss::SoftmaxCrossEntropy => true,
            Loss::BinaryCrossEntropy => spec.outputs() == 1,
            _ => false,
        };
        let may_smooth = self.smoothing == 0.0 || has_classes && are_probabilities;
        if may_smooth && self.smoothing >= 0.0 && self.smoothing < 1.0 {
            Ok(())
        } else {
            Err(Error::Setting(Setting::Smoothing))
        }
    }

    /// [`score`] with label smoothing.
    fn score_smoothed(&self, spec: &Spec, outputs: &mut [f32], mut each: impl FnMut(f32, bool)) {
        let width = spec.outputs();
        let off = self.smoothing / spec.classes() as f32;
        let on = (1.0 - self.smoothing) + off;
        let Some(criterion) = spec.criterion() else {
            let row = |sample| Smooth { class: self.class(sample).into(), on, off };
            return score_softmax(spec.math_kind(), outputs, width, row, each);
        };
        for (s, a) in numbered(0, rows_mut(outputs, width)) {
            let is_one = self.class(s) > 0;
            let hit = a.first().is_some_and(|&a| a > 0.0) == is_one;
            let target = [if is_one { on } else { off }];
            each(criterion(spec.loss_kind(), spec.math_kind(), a, &Target::Values(&target)).0, hit);
        }
    }
}

/// The smoothed target of a class.
#[derive(Clone, Copy)]
struct Smooth {
    class: usize,
    on: f32,
    off: f32,
}

impl Row for Smooth {
    fn at(&self, j: usize) -> f32 {
        if j == self.class { self.on } else { self.off }
    }

    fn class(&self) -> usize {
        self.class
    }
}

impl Aim for Weighted<'_> {
    const IS_WEIGHTED: bool = true;

    fn check(&self, spec: &Spec, inputs: &Inputs<'_>) -> Result<(usize, f32), Error> {
        self.check_settings(spec)?;
        let found = self.targets.check_but(spec, inputs, |label| label == IGNORED)?;
        check_weights(self.samples, Buffer::Weights, found.0)?;
        check_weights(self.classes, Buffer::ClassWeights, spec.classes())?;
        Ok(found)
    }

    fn targets(&self) -> Targets<'_> {
        self.targets
    }

    /// A sample's delta is multiplied by its weight once.
    fn score_with_gradient(&self, spec: &Spec, outputs: &mut [f32], deltas: &mut [f32], total: &mut Score) {
        let each = self.add_to(total);
        if self.smoothing > 0.0 {
            self.score_smoothed(spec, outputs, each);
        } else {
            score(spec, outputs, self.targets, each);
        }
        let width = spec.outputs();
        for (s, (deltas, gradients)) in numbered(0, rows_mut(deltas, width).zip(rows(outputs, width))) {
            let weight = self.weight(s);
            for (d, gradient) in deltas.iter_mut().zip(gradients) {
                // Also where the gradient is not finite.
                *d = if weight > 0.0 { *d * gradient * weight } else { 0.0 };
            }
        }
    }
}

/// Refuses weights that are not as many, negative or not finite.
fn check_weights(weights: Option<&[f32]>, buffer: Buffer, needed: usize) -> Result<(), Error> {
    let Some(weights) = weights else { return Ok(()) };
    Error::expect_len(buffer, needed, weights.len())?;
    match weights.iter().position(|weight| !(0.0..=f32::MAX).contains(weight)) {
        Some(index) => Err(Error::Weight { index }),
        None => Ok(()),
    }
}

/// What training and evaluation take: [`Targets`], or [`Weighted`] ones.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum AnyTargets<'a> {
    /// All samples count 1.
    Plain(Targets<'a>),
    /// Samples count by their weights.
    Weighted(Weighted<'a>),
}

impl<'a> From<Targets<'a>> for AnyTargets<'a> {
    // In the caller's own code, so that what plain targets do not need is not linked.
    #[inline(always)]
    fn from(targets: Targets<'a>) -> Self {
        Self::Plain(targets)
    }
}

impl<'a> From<Weighted<'a>> for AnyTargets<'a> {
    #[inline(always)]
    fn from(targets: Weighted<'a>) -> Self {
        Self::Weighted(targets)
    }
}

/// Weights of classes, by which each class counts alike: `ω_c = N/(C·N_c)` over the `N` labels, `C` the classes that occur
/// (King & Zeng 2001; scikit-learn's `balanced`). A class without a sample has weight 0; ignored labels, `u16::MAX`, are not
/// counted. Shape `(classes)`.
///
/// # Errors
/// [`Error::Label`] for a label without a class, [`Error::Empty`] without labels; nothing has changed then.
pub fn balanced(labels: &[u16], weights: &mut [f32]) -> Result<(), Error> {
    let classes = weights.len();
    let is_wrong = |&label: &u16| label != IGNORED && usize::from(label) >= classes;
    if let Some((sample, &label)) = numbered(0, labels).find(|(_, label)| is_wrong(label)) {
        return Err(Error::Label { sample, label, classes: u16::try_from(classes).unwrap_or(u16::MAX) });
    }
    if labels.iter().all(|&label| label == IGNORED) {
        return Err(Error::Empty);
    }
    // Counted as the bits of an integer, since a float's count stops at 2²⁴.
    weights.fill(f32::from_bits(0));
    let (mut known, mut total) = (0_u32, 0_u32);
    for &label in labels {
        if let Some(count) = weights.get_mut(usize::from(label)).filter(|_| label != IGNORED) {
            known = known.wrapping_add(u32::from(count.to_bits() == 0));
            total = total.wrapping_add(1);
            *count = f32::from_bits(count.to_bits().wrapping_add(1));
        }
    }
    for weight in weights.iter_mut().filter(|count| count.to_bits() > 0) {
        *weight = total as f32 / (known as f32 * weight.to_bits() as f32);
    }
    Ok(())
}
