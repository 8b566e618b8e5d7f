//! The one error type of the core: small, `Copy`, and its variants carry the numbers.

use core::fmt;

/// A buffer that the caller owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Buffer {
    /// Parameters of a network, [`Spec::param_len`](crate::Spec::param_len) floats.
    Params,
    /// Workspace, [`Spec::work_len`](crate::Spec::work_len) or [`Spec::predict_len`](crate::Spec::predict_len) floats.
    Work,
    /// Samples, a multiple of [`Spec::inputs`](crate::Spec::inputs) floats.
    Inputs,
    /// Targets, one class or [`Spec::outputs`](crate::Spec::outputs) floats a sample.
    Targets,
    /// Gradient, [`Spec::param_len`](crate::Spec::param_len) floats.
    Gradient,
    /// Optimizer state; its own `state_len` says how many floats.
    Optimizer,
    /// Mean of an averager, as long as the parameters.
    Mean,
    /// Compensation of a mean, as long as it.
    Compensation,
    /// Models of a window, a multiple of their number.
    Window,
    /// Second moment of a posterior, as long as its mean.
    SecondMoment,
    /// Deviations of a posterior, whole columns as long as its mean.
    Columns,
    /// Probabilities, as many as the outputs of all samples.
    Probabilities,
    /// Counts of a confusion matrix, the square of the number of classes.
    Counts,
    /// Votes on samples, [`Vote::len`](crate::replicas::Vote::len) floats.
    Votes,
    /// Pooled statistics of norms, [`Spec::norm_len`](crate::Spec::norm_len) floats.
    Statistics,
    /// Bytes of a checkpoint.
    Checkpoint,
    /// Values of a workspace's lists, [`Spec::list_len`](crate::Spec::list_len) floats.
    Lists,
    /// Indices of a workspace's lists, [`Spec::index_len`](crate::Spec::index_len) integers, or those of a compressed
    /// set.
    Index,
    /// Numbers of a preprocessing, [`preprocess_len`](crate::preprocess::preprocess_len) of them, or [`fit_len`](crate::preprocess::fit_len) while it
    /// is fitted.
    Preprocess,
    /// Counts of a fit, one a feature.
    FeatureCounts,
    /// Bytes of a preprocessing, [`section_len`](crate::store::section_len) of them.
    Section,
}

/// What is wrong with a network's description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SpecFault {
    /// No layer yet.
    NoLayers,
    /// More than [`MAX_LAYERS`](crate::network::MAX_LAYERS) dense layers.
    TooManyLayers,
    /// A width of zero.
    ZeroWidth,
    /// `dropout` before the first dense layer, after the last one, or outside `0 <= p < 1`.
    Dropout,
    /// `norm` before the first dense layer, or twice.
    Norm,
    /// A slope that is negative or not finite, or a Huber threshold that is not positive or not finite.
    Constant,
    /// More parameters than this processor can address.
    TooLarge,
    /// Softmax cross-entropy of one output, whose probability is always 1: the loss would be 0, and nothing would move.
    OneClass,
}

impl SpecFault {
    /// The fault in words, also where nothing can be formatted: in a `const`.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::NoLayers => "no dense layer",
            Self::TooManyLayers => "too many dense layers",
            Self::ZeroWidth => "a width of zero",
            Self::Dropout => "dropout stands between two dense layers, 0 <= p < 1",
            Self::Norm => "a norm stands behind a dense layer, once",
            Self::Constant => "a slope is finite and not negative, a Huber threshold finite and positive",
            Self::TooLarge => "more parameters than memory can address",
            Self::OneClass => {
                "softmax cross-entropy takes at least two outputs: for two classes, or one output of another loss"
            }
        }
    }
}

/// A setting with a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Setting {
    /// Learning rate: `0 <= η <= 1e9`.
    Rate,
    /// Momentum: `0 <= μ < 1`; Nesterov needs `μ > 0`.
    Momentum,
    /// Adam's decay rates: `0 <= β < 1`.
    Beta,
    /// Adam's `ε`: finite, and at least 1e-15, the root of the least second moment that is kept.
    Epsilon,
    /// Weight decay: `0 <= λ <= 1`.
    WeightDecay,
    /// Norm to clip to: finite and positive.
    MaxNorm,
    /// Standard deviation of an initialisation: `0 <= σ <= 1e37`.
    Sigma,
    /// Scale of a posterior's covariance: not negative, and so small that every draw is finite.
    Covariance,
    /// Samples in a workspace: at least one.
    BatchSize,
    /// What bytes are multiplied by: 255 times it is finite.
    Scale,
    /// An exponential average's `ε`: `0 < ε <= 1`.
    Decay,
    /// A warm-up's `γ` and `p`: finite and positive.
    Warmup,
    /// The most models that a capped mean counts: at least 1.
    Cap,
    /// A model's weight in a mean: finite and positive.
    Weight,
    /// Models of a window: at least 1.
    Window,
    /// Draws from a posterior: at least 1.
    Draws,
    /// Lookahead's `k`, at least 1, and `α`, from 0 to 1.
    Lookahead,
    /// A growing batch: bounds from 1 on, in order; at least one gradient that asks; `0 < θ < 1`, a positive factor or period.
    Growth,
    /// How far replicas are pulled: `0 <= α <= 1`.
    Pull,
    /// Steps of a rate's cycle, and by what cycles grow: at least 1.
    Cycle,
    /// By what a rate drops: `0 <= factor <= 1`.
    Factor,
    /// Steps of a one-cycle's rise: no more than the steps in all.
    Rise,
    /// A gate's slack, finite, and the least loss that passed, neither NaN nor −∞.
    Slack,
    /// Classes: 1 to 65,536.
    Classes,
    /// What a missing value becomes: finite.
    Fill,
    /// Standard deviations to clip at: finite and positive.
    Clip,
}

/// Where a number was not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Value {
    /// A sample's input.
    Input,
    /// A target value.
    Target,
    /// The loss.
    Loss,
    /// The norm of the gradient.
    Gradient,
    /// A parameter.
    Param,
    /// An output.
    Output,
    /// A sample's score for a class.
    Score,
    /// A mean or a variance of a layer with a norm, whose index comes with it.
    Statistic,
    /// An optimizer's state.
    State,
    /// A training step, which would leave a parameter or a state of `2^127` or more.
    Step,
}

/// Why a checkpoint could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum CheckpointFault {
    /// Does not begin with the format's eight magic bytes.
    Magic,
    /// Written by a version of the format that this one does not know.
    Version(u16),
    /// Ends early, or goes on after its end.
    Length,
    /// A field that cannot be: the byte where it begins.
    Field(u32),
    /// The checksum differs: stored, computed.
    Crc(u32, u32),
    /// A description that is not that of the program's network: another one's, or damaged.
    Network {
        /// The layer that differs, from 0 on; none where it is the network as a whole.
        layer: Option<u8>,
        /// What of it.
        field: SpecField,
        /// The number in the checkpoint; of a constant or a probability the bits of its `f32`.
        stored: u32,
        /// The number of the program's network, likewise.
        wanted: u32,
    },
}

/// A number in a checkpoint's description of its network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SpecField {
    /// Dense layers.
    Depth,
    /// Implementation of the transcendental functions, as its code, and 128 more for an average's parameters.
    Math,
    /// Numbers in a sample.
    Inputs,
    /// Loss, as its code.
    Loss,
    /// Huber's threshold, or 0.
    Threshold,
    /// Outputs of a layer.
    Width,
    /// Activation of a layer, as its code, and 256 more with a norm.
    Activation,
    /// Slope of a layer's activation, or 0.
    Slope,
    /// Probability of a layer's dropout.
    Dropout,
}

/// Everything that can go wrong in the core. Whoever gets one finds parameters, averages and counts as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[repr(u32)]
pub enum Error {
    /// The network's description cannot be.
    Spec(SpecFault),
    /// A buffer of the wrong length.
    Length {
        /// Which buffer.
        buffer: Buffer,
        /// Elements needed.
        needed: usize,
        /// Elements got.
        got: usize,
    },
    /// More samples than the workspace was made for.
    BatchTooLarge {
        /// Samples that fit.
        capacity: usize,
        /// Samples that came.
        got: usize,
    },
    /// No sample at all.
    Empty,
    /// A single sample to train a network with batch normalisation on: it has no variance.
    SingleSample,
    /// The noise of a gradient of fewer than two micro-batches that were measured.
    SinglePart,
    /// A gradient, an optimizer or a model of another network; their descriptions have another
    /// [digest](crate::Spec::digest).
    Network,
    /// A model that was changed from outside, or by another optimizer, since this one was started, which computes the
    /// model's weights from its own: it would undo the change. Or another model than it was started from. Start it anew.
    Changed,
    /// An optimizer that computes the model's weights from its own, where it would make another's of no effect.
    OwnsWeights,
    /// A micro-batch for a gradient that was clipped: the sum is scaled, and would no longer be that of all samples. Step
    /// along it, or reset it.
    Clipped,
    /// A posterior of a network with norms, whose draws would predict by statistics of other weights: draw, update norms,
    /// predict.
    StaleNorms,
    /// A class that the network has no output for.
    Label {
        /// Index of the sample in its batch.
        sample: usize,
        /// The class that came.
        label: u16,
        /// Number of classes.
        classes: u16,
    },
    /// Classes for a network whose outputs are no classes: one output under a loss of values.
    NoClasses,
    /// A target value that is no probability: negative under softmax cross-entropy, outside of `[0, 1]` under binary
    /// cross-entropy.
    Target {
        /// Its index in the values.
        index: usize,
    },
    /// A row that the set of samples does not have.
    Pick {
        /// The row asked for.
        row: u32,
        /// Samples in the set.
        samples: usize,
    },
    /// A compressed set whose starts or positions are not ascending, or too large.
    Sparse {
        /// The first sample where they are not.
        sample: usize,
    },
    /// NaN, infinity, or a number that is too large to go on with; of an optimizer's state also a second moment below zero.
    NonFinite {
        /// Where.
        value: Value,
        /// Index of the first one in its buffer; 0 for a single number.
        index: usize,
    },
    /// A setting out of its range.
    Setting(Setting),
    /// Numbers of a preprocessing that cannot be.
    Preprocess {
        /// The first feature that has them.
        feature: usize,
    },
    /// A feature without a value in any sample, of which nothing can be fitted.
    Unseen {
        /// The first one.
        feature: usize,
    },
    /// The average was asked for before its first update.
    NoAverage,
    /// Average and model are exchanged: swap them back first.
    Swapped,
    /// A model that an average was not exchanged with, or that changed since.
    OtherModel,
    /// Counts of a state that do not go together.
    State,
    /// A variance below zero: a running one among the parameters of a network with norms, or one of a posterior.
    Variance {
        /// Index of the first one among the parameters.
        index: usize,
    },
    /// An exponential or a capped average, which is no mean: it does not merge, weigh, or let a model go.
    NotAMean,
    /// A mean that would be left without models.
    LastModel,
    /// A count would pass the largest number that its type holds.
    CountOverflow,
    /// Bytes that are not a checkpoint.
    Checkpoint(CheckpointFault),
    /// A checkpoint of an average, where live weights are to be trained further.
    AverageWeights,
}

// Every `Result` of the core carries it: 16 bytes on 32 bit.
const _: () = assert!(size_of::<Error>() == 8 + 2 * size_of::<usize>());

impl Error {
    /// `Ok` when `got == needed`, else an [`Error::Length`] that says so.
    pub(crate) const fn expect_len(buffer: Buffer, needed: usize, got: usize) -> Result<(), Self> {
        if needed == got { Ok(()) } else { Err(Self::Length { buffer, needed, got }) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Spec(fault) => write!(f, "network description: {fault}"),
            Self::Length { buffer, needed, got } => {
                write!(f, "{buffer}: needed {needed} elements, got {got}")
            }
            Self::BatchTooLarge { capacity, got } => {
                write!(f, "workspace holds {capacity} samples, got {got}")
            }
            Self::Empty => f.write_str("no samples"),
            Self::SingleSample => f.write_str("batch normalisation takes at least two samples to train on"),
            Self::SinglePart => f.write_str("noise takes at least two micro-batches, all of them measured"),
            Self::Network => f.write_str("the gradient, optimizer or model is that of another network"),
            Self::Changed => {
                f.write_str("the optimizer started from another model, or this one was changed since: start it anew")
            }
            Self::OwnsWeights => {
                f.write_str("the inner optimizer keeps weights of its own: slow ones would have no effect")
            }
            Self::Clipped => f.write_str("a clipped gradient takes no more samples: step or reset first"),
            Self::StaleNorms => {
                f.write_str("draws with norms need statistics of their own: sample, NormUpdate, predict")
            }
            Self::Label { sample, label, classes } => {
                write!(
                    f,
                    "sample {sample}: class {label}, but the network has classes 0 to {}",
                    classes.saturating_sub(1)
                )
            }
            Self::NoClasses => f.write_str("one output under a loss of values has no classes: give values"),
            Self::Target { index } => write!(f, "target value {index} is no probability"),
            Self::Pick { row, samples } => write!(f, "row {row} of a set of {samples} samples"),
            Self::Sparse { sample } => write!(f, "sample {sample}: positions do not ascend within the inputs"),
            Self::NonFinite { value: value @ (Value::Loss | Value::Gradient | Value::Step), .. } => {
                write!(f, "{value} is not finite, or too large to go on")
            }
            Self::NonFinite { value: value @ Value::Param, index } => {
                write!(f, "{value} {index} is not finite, or too large to average")
            }
            Self::NonFinite { value: Value::State, index } => {
                write!(f, "optimizer state {index} is not finite, too large to go on, or a second moment below zero")
            }
            Self::NonFinite { value, index } => write!(f, "{value} {index} is not finite, or too large to go on"),
            Self::Setting(setting) => write!(f, "out of range: {setting}"),
            Self::Preprocess { feature } => write!(f, "preprocessing of feature {feature}: impossible numbers"),
            Self::Unseen { feature } => write!(f, "feature {feature} has no value in any sample"),
            Self::NoAverage => f.write_str("the average has no update yet"),
            Self::Swapped => f.write_str("average and model are exchanged; swap them back first"),
            Self::OtherModel => {
                f.write_str("the average was not exchanged with this model, or the model changed since")
            }
            Self::State => f.write_str("the counts of the state do not go together"),
            Self::Variance { index } => write!(f, "parameter {index}: a variance below zero"),
            Self::NotAMean => f.write_str("an exponential or capped average does not merge, weigh, or let a model go"),
            Self::LastModel => f.write_str("the only model of a mean cannot be taken out of it"),
            Self::CountOverflow => f.write_str("a count would overflow"),
            Self::Checkpoint(fault) => write!(f, "checkpoint: {fault}"),
            Self::AverageWeights => f.write_str("the checkpoint holds an average, not live weights to train further"),
        }
    }
}

impl fmt::Display for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Params => "parameters",
            Self::Work => "workspace",
            Self::Inputs => "inputs",
            Self::Targets => "targets",
            Self::Gradient => "gradient",
            Self::Optimizer => "optimizer state",
            Self::Mean => "mean",
            Self::Compensation => "compensation",
            Self::Window => "window",
            Self::SecondMoment => "second moment",
            Self::Columns => "columns",
            Self::Probabilities => "probabilities",
            Self::Counts => "counts of a confusion matrix",
            Self::Votes => "votes",
            Self::Statistics => "statistics of norms",
            Self::Checkpoint => "checkpoint",
            Self::Lists => "list values",
            Self::Index => "list indices",
            Self::Preprocess => "preprocessing",
            Self::FeatureCounts => "counts of features",
            Self::Section => "bytes of a preprocessing",
        })
    }
}

impl fmt::Display for SpecFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rate => "learning rate lies in [0, 1e9]",
            Self::Momentum => "momentum lies in [0, 1), above 0 with Nesterov",
            Self::Beta => "beta lies in [0, 1)",
            Self::Epsilon => "epsilon is finite and at least 1e-15",
            Self::WeightDecay => "weight decay lies in [0, 1]",
            Self::MaxNorm => "the norm to clip to is finite and positive",
            Self::Sigma => "sigma lies in [0, 1e37]",
            Self::Covariance => "a covariance is scaled by a number that is not negative and leaves every draw finite",
            Self::BatchSize => "a batch has at least one sample",
            Self::Scale => "255 times the scale of bytes is finite",
            Self::Decay => "1 − decay lies in (0, 1]",
            Self::Warmup => "a warm-up's constants are finite and positive",
            Self::Cap => "a capped mean counts at least one model",
            Self::Weight => "a model's weight is finite and positive",
            Self::Window => "a window holds at least one model",
            Self::Draws => "at least one draw is asked for",
            Self::Lookahead => "lookahead takes at least one step at a time and an alpha in [0, 1]",
            Self::Growth => "a batch grows between bounds in order, by a theta in (0, 1), a positive factor or period",
            Self::Pull => "replicas are pulled by a share in [0, 1]",
            Self::Cycle => "a cycle of rates has at least one step",
            Self::Factor => "a rate drops by a factor in [0, 1]",
            Self::Rise => "the rise of a one-cycle is no longer than its schedule",
            Self::Slack => "a gate takes a finite slack and a least loss that is a number",
            Self::Classes => "there are 1 to 65,536 classes",
            Self::Fill => "what a missing value becomes is finite",
            Self::Clip => "values are clipped at a finite, positive number of standard deviations",
        })
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Input => "input",
            Self::Target => "target",
            Self::Loss => "loss",
            Self::Gradient => "gradient",
            Self::Param => "parameter",
            Self::Output => "output",
            Self::Score => "score",
            Self::Statistic => "statistic of layer",
            Self::State => "optimizer state",
            Self::Step => "step",
        })
    }
}

impl fmt::Display for CheckpointFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Magic => f.write_str("not a cygnet model (wrong magic bytes)"),
            Self::Version(v) => write!(f, "format version {v} is not known here"),
            Self::Length => f.write_str("wrong length for the network it describes"),
            Self::Field(at) => write!(f, "impossible value at byte {at}"),
            Self::Crc(stored, computed) => {
                write!(f, "damaged (CRC-32 stored {stored:08x}, computed {computed:08x})")
            }
            Self::Network { layer, field, stored, wanted } => {
                f.write_str("another network: ")?;
                if let Some(layer) = layer {
                    write!(f, "layer {layer}, ")?;
                }
                if matches!(field, SpecField::Threshold | SpecField::Slope | SpecField::Dropout) {
                    let [stored, wanted] = [stored, wanted].map(f32::from_bits);
                    write!(f, "{field}: it holds {stored}, the program wants {wanted}")
                } else {
                    write!(f, "{field}: it holds {stored}, the program wants {wanted}")
                }
            }
        }
    }
}

impl fmt::Display for SpecField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Depth => "number of layers",
            Self::Math => "code of the functions",
            Self::Inputs => "inputs",
            Self::Loss => "code of the loss",
            Self::Threshold => "threshold of the loss",
            Self::Width => "width",
            Self::Activation => "code of the activation",
            Self::Slope => "slope of the activation",
            Self::Dropout => "dropout",
        })
    }
}

impl core::error::Error for Error {}
