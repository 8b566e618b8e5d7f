//! What a training run is to do: the network, the optimizer, the rate, the budget, the averaging.

use super::averages::{AverageKind, AveragePlan};
use super::growth::GrowthPlan;
use super::optimizer::OptimizerPlan;
use crate::host::HostError;
use crate::host::data::{Augment, Split};
use crate::host::prelude::*;
use crate::network::{MAX_LAYERS, NormKind};
use crate::optim::{AdamConfig, LookaheadConfig, SgdConfig};
use crate::{Activation, Init, Loss, Spec};

/// The most parameters of a network, 2 GB of them.
pub const MAX_PARAMS: usize = 500_000_000;

/// How the rate falls over the budget, in terms that do not depend on the number of samples.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum DecayPlan {
    /// Not at all.
    Constant,
    /// By `factor` every so many epochs.
    Step {
        /// Epochs between two drops.
        every: u64,
        /// What each drop multiplies by.
        factor: f32,
    },
    /// Linearly to this rate at the end of the budget.
    Linear(f32),
    /// Along half a cosine to this rate at the end of the budget.
    Cosine(f32),
    /// Constant until half of the time to the first snapshot, then linearly to this rate at nine tenths of it (the
    /// schedule of SWA's authors).
    Paper(f32),
    /// In cycles of so many epochs from the base rate linearly to this one.
    Cyclic {
        /// Rate at the end of each cycle.
        to: f32,
        /// Epochs of a cycle.
        epochs: f32,
    },
    /// Half a cosine to this rate again and again.
    Restarts {
        /// Rate that each cycle falls to.
        to: f32,
        /// Epochs of a cycle.
        epochs: f32,
    },
    /// From a 25th of the base rate up to it in 30 % of the budget, and along a cosine to this rate.
    OneCycle(f32),
}

impl DecayPlan {
    /// The rate at the end of the budget or of each cycle, where it has one.
    pub fn end(&mut self) -> Option<&mut f32> {
        match self {
            Self::Constant | Self::Step { .. } => None,
            Self::Linear(to) | Self::Cosine(to) | Self::Paper(to) | Self::OneCycle(to) => Some(to),
            Self::Cyclic { to, .. } | Self::Restarts { to, .. } => Some(to),
        }
    }
}

/// What training does with an update whose loss or gradient is not finite; it changes nothing of the model in any case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnDivergence {
    /// It ends the run, which keeps what its last good epoch left.
    #[default]
    Stop,
    /// It is dropped, and the next batch follows. As many samples as an epoch has without an update end the run.
    Skip,
    /// The same, and the learning rate is halved from there on, 20 times at most.
    HalveRate,
}

impl OnDivergence {
    /// All of them, as flags and files spell them.
    pub const NAMES: [(&str, Self); 3] = [("stop", Self::Stop), ("skip", Self::Skip), ("halve-rate", Self::HalveRate)];

    /// Its short name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES.into_iter().find(|(_, one)| *one == self).map_or("", |(name, _)| name)
    }
}

/// A network with the weights that training starts from.
#[derive(Clone, Debug, PartialEq)]
pub struct Pretrained {
    /// What the model is called.
    pub name: String,
    /// Its network.
    pub spec: Spec,
    /// Its parameters; they predict numbers in the units of the data.
    pub params: Vec<f32>,
    /// Its first layers that do not learn, fewer than there are.
    pub frozen: usize,
}

impl Pretrained {
    /// What the model is called, and how many of its layers do not learn.
    #[must_use]
    pub fn called(&self) -> String {
        match self.frozen {
            0 => self.name.clone(),
            1 => format!("{}, its first layer frozen", self.name),
            n => format!("{}, its first {n} layers frozen", self.name),
        }
    }
}

/// Everything that decides a run except the data: two runs with equal plans and data give equal bits.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Widths of the hidden layers.
    pub hidden: Vec<u16>,
    /// Nonlinearity of the hidden layers.
    pub activation: Activation,
    /// Over what their pre-activations are normalised.
    pub norm: Option<NormKind>,
    /// Dropout of the hidden layers.
    pub dropout: f32,
    /// What training minimises.
    pub loss: Loss,
    /// Label smoothing `ε` of the training loss; 0 for none.
    pub label_smoothing: f32,
    /// Whether training weighs samples so that each class counts alike.
    pub balanced: bool,
    /// How weights start.
    pub init: Init,
    /// The model that training starts from, in place of a new one of the settings above.
    pub from: Option<Pretrained>,
    /// How they move.
    pub optimizer: OptimizerPlan,
    /// Slow weights behind that.
    pub lookahead: Option<LookaheadConfig>,
    /// Base learning rate.
    pub rate: f32,
    /// Epochs of warm-up.
    pub warmup: f32,
    /// How the rate falls.
    pub decay: DecayPlan,
    /// Samples an update.
    pub batch: usize,
    /// Samples that pass at once, where that is fewer.
    pub micro_batch: Option<usize>,
    /// How the batch grows; `None` leaves it as it is.
    pub growth: Option<GrowthPlan>,
    /// Clips the gradient to this norm.
    pub clip: Option<f32>,
    /// What becomes of an update that is not finite.
    pub on_divergence: OnDivergence,
    /// Passes over the training samples, at most.
    pub epochs: u64,
    /// Epochs without a lower validation loss after which training stops, and keeps the models of the best epoch (early
    /// stopping); `None` trains to the end.
    pub patience: Option<u64>,
    /// How training samples move, anew in each epoch; `None` leaves them as they are.
    pub augment: Option<Augment>,
    /// Decides the initial weights, the split, the order, the dropout masks and what augmentation draws.
    pub seed: u64,
    /// What to average, and when; `None` for nothing.
    pub averages: Option<AveragePlan>,
    /// Share of the training samples held out for validation, `0 <= validation < 1`.
    pub validation: f32,
}

impl Default for Plan {
    /// What `cygnet train` does with images: 784-64-10, ReLU, dropout 0.1, SGD at a constant 0.05 with momentum 0.9 and weight
    /// decay 5e-4, batches of 32, averaged polynomially from the first steps on. The rate, the dropout and the weight decay have
    /// the lowest error and loss of the average on validation samples of MNIST and of its sample, over five seeds; so has
    /// the kind of average.
    fn default() -> Self {
        let optimizer =
            OptimizerPlan::Sgd(SgdConfig { momentum: 0.9, nesterov: false, weight_decay: 5e-4, no_bias_decay: false });
        let averages = Some(AveragePlan::polynomial());
        Self { optimizer, rate: 0.05, dropout: 0.1, averages, ..Self::article() }
    }
}

impl Plan {
    /// The article's reference configuration: the same network with dropout 0.5, and Adam at a constant 1e-3.
    #[must_use]
    pub fn article() -> Self {
        Self {
            hidden: vec![64],
            activation: Activation::Relu,
            norm: None,
            dropout: 0.5,
            loss: Loss::SoftmaxCrossEntropy,
            label_smoothing: 0.0,
            balanced: false,
            init: Init::He,
            from: None,
            optimizer: OptimizerPlan::Adam(AdamConfig::default()),
            lookahead: None,
            rate: 1e-3,
            warmup: 0.0,
            decay: DecayPlan::Constant,
            batch: 32,
            micro_batch: None,
            growth: None,
            clip: None,
            on_divergence: OnDivergence::Stop,
            epochs: 20,
            patience: None,
            augment: None,
            seed: 1,
            averages: Some(AveragePlan::default()),
            validation: 0.1,
        }
    }

    /// What `cygnet train` does with a table of so many samples for training and validation: 64 hidden units without
    /// dropout, Glorot's initial weights, AdamW at a constant 1e-3, 3000 updates at most, but 40 to 1000 epochs; it stops
    /// where the validation loss has not been lower for a twentieth of them. The average needs no end of the run.
    ///
    /// The weight decay is that of a prior whose weight does not grow with the samples, `min(1, 300/n)`. These values
    /// have the best scores on rows that are neither learned from nor tested on, over several tables.
    #[must_use]
    pub fn table(samples: usize) -> Self {
        let usual = Self { dropout: 0.0, ..Self::article() };
        let learned = ((1.0 - usual.validation) * samples.max(1) as f32).ceil();
        let weight_decay = (300.0 / learned).min(1.0);
        let epochs = 3000_u64.div_ceil(usual.steps_per_epoch(learned as usize)).clamp(40, 1000);
        let optimizer = OptimizerPlan::Adam(AdamConfig { weight_decay, decoupled: true, ..AdamConfig::default() });
        let (averages, patience) = (Some(AveragePlan::polynomial()), Some((epochs / 20).max(10)));
        Self { init: Init::Glorot, optimizer, epochs, patience, averages, ..usual }
    }

    /// The network for samples of `inputs` numbers and so many classes, or numbers to predict; a pretrained one is the same for all data.
    ///
    /// # Errors
    /// [`HostError::Usage`] or [`Error::Spec`](crate::Error::Spec) for a network that cannot be.
    pub fn spec(&self, inputs: usize, classes: usize) -> Result<Spec, HostError> {
        if let Some(from) = &self.from {
            return Ok(from.spec);
        }
        if self.hidden.len() >= MAX_LAYERS {
            let most = MAX_LAYERS - 1;
            return Err(HostError::Usage(format!(
                "{} hidden layers are too many: the maximum is {most}",
                self.hidden.len()
            )));
        }
        let width = |n: usize| {
            u16::try_from(n).map_err(|_| HostError::Usage(format!("a width of {n} is too large: the maximum is 65535")))
        };
        let mut spec = Spec::new(width(inputs)?).loss(self.loss);
        for &units in &self.hidden {
            spec = spec.dense(units, self.activation);
            spec = match self.norm {
                Some(NormKind::Batch) => spec.norm(),
                Some(NormKind::Layer) => spec.layer_norm(),
                None => spec,
            };
            if self.dropout != 0.0 {
                spec = spec.dropout(self.dropout);
            }
        }
        // A mean and a log-variance of each number.
        let each = if self.loss == Loss::GaussianNll { 2 } else { 1 };
        spec = spec.dense(width(each * classes)?, Activation::Identity);
        spec.check()?;
        if spec.param_len() > MAX_PARAMS {
            let n = spec.param_len();
            return Err(HostError::Usage(format!(
                "a network of {n} parameters is too large: the maximum is {MAX_PARAMS}"
            )));
        }
        Ok(spec)
    }

    /// The averages that it asks for.
    pub(in crate::host) fn average_kinds(&self) -> &[AverageKind] {
        self.averages.as_ref().map_or(&[], |averages| &averages.kinds)
    }

    /// The same run from a pretrained model, whose network it has.
    #[must_use]
    pub fn starting_from(self, from: Pretrained) -> Self {
        let layers: Vec<_> = from.spec.layers().collect();
        let hidden = layers.split_last().map_or(&[][..], |(_, hidden)| hidden);
        Self {
            hidden: hidden.iter().map(|layer| layer.outputs() as u16).collect(),
            activation: hidden.first().map_or(self.activation, |layer| layer.activation()),
            norm: from.spec.norm_kind().filter(|_| hidden.iter().any(|layer| layer.is_normed())),
            dropout: hidden.get(from.frozen).map_or(0.0, |layer| layer.dropout()),
            loss: from.spec.loss_kind(),
            from: Some(from),
            ..self
        }
    }

    /// Which training samples it holds out.
    #[must_use]
    pub fn split(&self) -> Split {
        Split { seed: self.seed, validation: self.validation }
    }
}
