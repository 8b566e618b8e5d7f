//! The one error type of the core: small, `Copy`, and its variants carry the numbers.
//!
//! Each row of a table is a variant with its number and its words. Numbers never change and are never used again,
//! since logs and other languages know them: [`Error::code`] is made of them.

use crate::tag::Tag;
use core::fmt;

/// Makes an enum of rows `Name = number => "words"`.
macro_rules! named {
    ($(#[$of:meta])* pub enum $name:ident { $($(#[$doc:meta])* $row:ident = $code:literal => $text:literal,)* }) => {
        $(#[$of])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[non_exhaustive]
        pub enum $name { $($(#[$doc])* $row,)* }

        impl $name {
            /// Its number, from 1 on, which never changes.
            #[must_use]
            pub const fn code(self) -> u8 {
                match self { $(Self::$row => $code,)* }
            }

            /// It in words, also where nothing can be formatted: in a `const`.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$row => $text,)* }
            }

            #[cfg(test)]
            const ROWS: &'static [(&'static str, u8)] = &[$((stringify!($row), $code),)*];
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.text())
            }
        }
    };
}

/// Makes an enum of rows that carry numbers, `Name { field: type } = number => "words with {field}"` or `Name(field:
/// type)`.
macro_rules! told {
    ($(#[$of:meta])* pub enum $name:ident { $(
        $(#[$doc:meta])*
        $row:ident $(($($item:ident: $of_item:ty),*))? $({ $($(#[$of_field:meta])* $field:ident: $kind:ty,)* })?
            = $code:literal => $text:literal $(, $argument:expr)*;
    )* }) => {
        $(#[$of])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* $row $(($($of_item),*))? $({ $($(#[$of_field])* $field: $kind,)* })?,)*
        }

        impl $name {
            const fn row(self) -> u8 {
                match self { $(Self::$row { .. } => $code,)* }
            }

            #[cfg(test)]
            const ROWS: &'static [(&'static str, u8)] = &[$((stringify!($row), $code),)*];
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match *self {
                    $(Self::$row $(($($item),*))? $({ $($field),* })? => write!(f, $text $(, $argument)*),)*
                }
            }
        }
    };
}

named! {
    /// A buffer that the caller owns.
    pub enum Buffer {
        /// Parameters of a network, [`Spec::param_len`](crate::Spec::param_len) floats.
        Params = 1 => "parameters",
        /// Workspace, [`Spec::work_len`](crate::Spec::work_len) floats, or
        /// [`Spec::predict_len`](crate::Spec::predict_len).
        Work = 2 => "workspace",
        /// Samples, a multiple of [`Spec::inputs`](crate::Spec::inputs) floats.
        Inputs = 3 => "inputs",
        /// Targets, one class or [`Spec::targets`](crate::Spec::targets) floats a sample.
        Targets = 4 => "targets",
        /// Gradient, [`Spec::param_len`](crate::Spec::param_len) floats.
        Gradient = 5 => "gradient",
        /// Optimizer state; its own `state_len` says how many floats.
        Optimizer = 6 => "optimizer state",
        /// Mean of an averager, as long as the parameters.
        Mean = 7 => "mean",
        /// Compensation of a mean, as long as it.
        Compensation = 8 => "compensation",
        /// Models of a window, a multiple of their number.
        Window = 9 => "window",
        /// Second moment of a posterior, as long as its mean.
        SecondMoment = 10 => "second moment",
        /// Deviations of a posterior, whole columns as long as its mean.
        Columns = 11 => "columns",
        /// Probabilities, as many as the outputs of all samples.
        Probabilities = 12 => "probabilities",
        /// Counts of a confusion matrix, the square of the number of classes.
        Counts = 13 => "counts of a confusion matrix",
        /// Votes on samples, [`Vote::state_len`](crate::replicas::Vote::state_len) floats.
        Votes = 14 => "votes",
        /// Pooled statistics of norms, [`Spec::norm_len`](crate::Spec::norm_len) floats.
        Statistics = 15 => "statistics of norms",
        /// Bytes of a checkpoint.
        Checkpoint = 16 => "checkpoint",
        /// Values of a workspace's lists, [`Spec::list_len`](crate::Spec::list_len) floats.
        Lists = 17 => "list values",
        /// Indices of a workspace's lists, [`Spec::index_len`](crate::Spec::index_len) integers, or those of a
        /// compressed set.
        Index = 18 => "list indices",
        /// Numbers of a preprocessing, [`Preprocess::state_len`](crate::preprocess::Preprocess::state_len) of them, or
        /// [`Fit::state_len`](crate::preprocess::Fit::state_len) while it is fitted.
        Preprocess = 19 => "preprocessing",
        /// Counts of a fit, one a feature.
        FeatureCounts = 20 => "counts of features",
        /// Bytes of a preprocessing, [`Preprocess::section_len`](crate::preprocess::Preprocess::section_len) of them.
        Section = 21 => "bytes of a preprocessing",
        /// Bytes of a container, [`Container::len`](crate::store::Container::len) of them.
        Container = 40 => "container",
        /// Weights of samples, one each.
        Weights = 34 => "sample weights",
        /// Weights of classes, [`Spec::classes`](crate::Spec::classes) of them.
        ClassWeights = 35 => "class weights",
        /// Samples of a reservoir, [`ReservoirConfig::samples_len`](crate::reservoir::ReservoirConfig::samples_len) numbers.
        Reservoir = 37 => "samples of a reservoir",
        /// Labels of a reservoir, one for each place.
        ReservoirLabels = 38 => "labels of a reservoir",
        /// Counts of a reservoir, [`ReservoirConfig::counts_len`](crate::reservoir::ReservoirConfig::counts_len) of them.
        ReservoirCounts = 39 => "counts of a reservoir",
    }
}

named! {
    /// What is wrong with a network's description.
    pub enum SpecFault {
        /// No layer yet.
        NoLayers = 1 => "no dense layer",
        /// More than [`MAX_LAYERS`](crate::network::MAX_LAYERS) dense layers.
        TooManyLayers = 2 => "too many dense layers",
        /// A width of zero.
        ZeroWidth = 3 => "a width of zero",
        /// `dropout` before the first dense layer, after the last one, or outside `0 <= p < 1`.
        Dropout = 4 => "dropout must be between dense layers, 0 <= p < 1",
        /// A norm before the first dense layer, or twice.
        Norm = 5 => "a norm must follow a dense layer, once",
        /// A slope that is negative or not finite, or a Huber threshold that is not positive or not finite.
        Constant = 6 => "slope must be finite and >= 0, Huber threshold finite and > 0",
        /// More parameters than this processor can address.
        TooLarge = 7 => "more parameters than memory can address",
        /// Softmax cross-entropy of one output, whose probability is always 1: the loss would be 0, and nothing would
        /// move.
        OneClass = 8 =>
            "softmax cross-entropy needs at least two outputs; for one output, use another loss",
        /// An odd number of outputs under Gaussian negative log-likelihood, which takes a mean and a log-variance for
        /// each target.
        OddOutputs = 9 => "Gaussian NLL needs an even number of outputs: a mean and a log-variance for each target",
        /// A quantile of pinball loss that is not in `0 < τ < 1`.
        Quantile = 10 => "the quantile of pinball loss must be in (0, 1)",
        /// `layer_norm` over a single unit, which would always be `β`.
        OneUnit = 11 => "layer norm needs at least two units",
        /// Both batch norms and layer norms.
        NormKinds = 12 => "a network has batch norms or layer norms, not both",
        /// A part of a network that has no layer, or all of them.
        Cut = 13 => "a network is cut between two of its layers: 0 < f < layers",
    }
}

named! {
    /// A setting with a range.
    pub enum Setting {
        /// Learning rate: `0 <= η <= 1e9`.
        Rate = 1 => "learning rate must be in [0, 1e9]",
        /// Momentum: `0 <= μ < 1`; Nesterov needs `μ > 0`.
        Momentum = 2 => "momentum must be in [0, 1), > 0 with Nesterov",
        /// Adam's decay rates: `0 <= β < 1`.
        Beta = 3 => "beta must be in [0, 1)",
        /// Adam's `ε`: finite, and at least 1e-15, the root of the least second moment that is kept.
        Epsilon = 4 => "epsilon must be finite and >= 1e-15",
        /// Weight decay: `0 <= λ <= 1`.
        WeightDecay = 5 => "weight decay must be in [0, 1]",
        /// Norm to clip to: finite and positive.
        MaxNorm = 6 => "the clip norm must be finite and > 0",
        /// Standard deviation of an initialisation: `0 <= σ <= 1e37`.
        Sigma = 7 => "sigma must be in [0, 1e37]",
        /// Scale of a posterior's covariance: not negative, and so small that every draw is finite.
        Covariance = 8 => "the covariance scale must be >= 0 and keep every draw finite",
        /// Samples in a workspace: at least one.
        BatchSize = 9 => "a batch needs at least one sample",
        /// What bytes are multiplied by: 255 times it is finite.
        Scale = 10 => "255 times the byte scale must be finite",
        /// An exponential average's `ε`: `0 < ε <= 1`.
        Decay = 11 => "1 − decay must be in (0, 1]",
        /// A warm-up's `γ` and `p`: finite and positive.
        Warmup = 12 => "warm-up constants must be finite and > 0",
        /// The most models that a capped mean counts: at least 1.
        Cap = 13 => "a capped mean needs at least one model",
        /// A model's weight in a mean: finite and positive.
        Weight = 14 => "a model's weight must be finite and > 0",
        /// Models of a window: at least 1.
        Window = 15 => "a window needs at least one model",
        /// Draws from a posterior: at least 1.
        Draws = 16 => "at least one draw is needed",
        /// Lookahead's `k`, at least 1, and `α`, from 0 to 1.
        Lookahead = 17 => "lookahead needs at least one step and alpha in [0, 1]",
        /// A growing batch: bounds from 1 on, in order; at least one gradient that asks; `0 < θ < 1`, a positive
        /// factor or period.
        Growth = 18 => "a growing batch needs ordered bounds and theta in (0, 1), or a factor or period > 0",
        /// How far replicas are pulled: `0 <= α <= 1`.
        Pull = 19 => "the pull of replicas must be in [0, 1]",
        /// Steps of a rate's cycle, and by what cycles grow: at least 1.
        Cycle = 20 => "a rate cycle needs at least one step",
        /// By what a rate drops: `0 <= factor <= 1`.
        Factor = 21 => "the drop factor must be in [0, 1]",
        /// Steps of a one-cycle's rise: no more than the steps in all.
        Rise = 22 => "a one-cycle's rise must not exceed its steps",
        /// A gate's slack, finite, and the least loss that passed, neither NaN nor −∞.
        Slack = 23 => "a gate needs a finite slack and a valid least loss",
        /// Classes: 1 to 65,536.
        Classes = 24 => "classes must be 1 to 65,536",
        /// What a missing value becomes: finite.
        Fill = 25 => "the fill of missing values must be finite",
        /// Standard deviations to clip at: finite and positive.
        Clip = 26 => "the clip in standard deviations must be finite and > 0",
        /// The exponent `η` of a polynomial average: finite and not negative.
        Eta = 27 => "eta of a polynomial average must be finite and >= 0",
        /// Label smoothing: `0 <= ε < 1`; targets are classes, under softmax cross-entropy or one output's binary
        /// cross-entropy.
        Smoothing = 30 => "label smoothing must be in [0, 1), of classes under a cross-entropy",
        /// Weights of classes where targets are values.
        ClassWeights = 31 => "class weights need targets that are classes",
        /// A reservoir's places, fewer than 2³², and its samples' width: at least 1.
        Reservoir = 39 => "a reservoir needs 1 to 2^32 - 1 places and samples of at least one number",
    }
}

named! {
    /// Where a number was not finite.
    pub enum Value {
        /// A sample's input.
        Input = 1 => "input",
        /// A target value.
        Target = 2 => "target",
        /// The loss. With it comes the layer where a training step's numbers stop being finite: the first whose outputs
        /// are not, else the last one, as of an evaluation.
        Loss = 3 => "loss",
        /// The gradient: an element may reach 1e18, or a norm is not finite. With it comes the layer: the first on the
        /// way back whose gradient is too large; of a sum of micro-batches the one where it is largest.
        Gradient = 4 => "gradient",
        /// A parameter.
        Param = 5 => "parameter",
        /// An output.
        Output = 6 => "output",
        /// A sample's score for a class.
        Score = 7 => "score",
        /// A mean or a variance of a layer with a norm, whose index comes with it.
        Statistic = 8 => "statistic of layer",
        /// An optimizer's state.
        State = 9 => "optimizer state",
        /// A training step, which would leave a parameter or a state of `2^127` or more; or a parameter is so already.
        Step = 10 => "step",
    }
}

told! {
    /// Why a checkpoint could not be read.
    pub enum CheckpointFault {
        /// Does not begin with the format's eight magic bytes.
        Magic = 1 => "not a cygnet model (wrong magic bytes)";
        /// Written by a version of the format that this one does not know.
        Version(version: u16) = 2 => "format version {version} is not supported";
        /// Ends early, or goes on after its end.
        Length = 3 => "wrong length for the network it describes";
        /// A field with an invalid value: the byte where it begins.
        Field(at: u32) = 4 => "invalid value at byte {at}";
        /// The checksum differs: stored, computed.
        Crc(stored: u32, computed: u32) = 5 => "damaged (CRC-32 stored {stored:08x}, computed {computed:08x})";
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
        } = 6 => "another network: {}", Difference(layer, field, stored, wanted);
        /// A head, where a whole network is written or read: a head needs the checksum of its body.
        Head = 20 => "the head of a network: its body is needed besides";
        /// A whole network, where a head is read.
        Whole = 21 => "a whole network, not a head";
        /// A head that was trained on another body: its body's checksum as stored, and that of the body given.
        Body(stored: u32, given: u32) = 22 => "trained on another body (checksum stored {stored:08x}, given {given:08x})";
    }
}

impl CheckpointFault {
    /// Its number, from 1 on, which never changes.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.row()
    }
}

told! {
    /// Why a [container](crate::store::Container) could not be written or read.
    pub enum ContainerFault {
        /// Does not begin with the format's eight magic bytes.
        Magic = 1 => "not a container (wrong magic bytes)";
        /// Written by a version of the format that this one does not know.
        Version(version: u16) = 2 => "format version {version} is not supported";
        /// A header that is damaged.
        Header = 3 => "damaged header (CRC-32)";
        /// Ends early, or holds more or less than its header says.
        Length = 4 => "wrong length for the sections it has";
        /// A section that does not stand behind all with a smaller tag and number.
        Order(tag: Tag, number: u16) = 5 => "section {tag} {number}: not in ascending order";
        /// A section whose checksum differs.
        Crc(tag: Tag, number: u16) = 6 => "section {tag} {number}: damaged (CRC-32)";
        /// A section that the program neither knows in this version nor may skip.
        Unknown(tag: Tag, version: u8) = 7 => "section {tag}: version {version} is unknown here";
        /// Flags without a meaning.
        Flags(tag: Tag, flags: u8) = 8 => "section {tag}: flags {flags:#04x} are unknown here";
        /// A section that is not there.
        Missing(tag: Tag, number: u16) = 9 => "section {tag} {number}: missing";
        /// A section of another length than what is to be read.
        Size {
            /// Which section.
            tag: Tag,
            /// Of several, which one.
            number: u16,
            /// Bytes of its payload.
            bytes: u32,
        } = 10 => "section {tag} {number}: {bytes} bytes, which is another length than the program's";
        /// A number that is not finite, or that cannot stand there: its place in the slice that it is written from or
        /// read into.
        Number {
            /// Which section.
            tag: Tag,
            /// Of several, which one.
            number: u16,
            /// Its place.
            index: u32,
        } = 11 => "section {tag} {number}: number {index} is not finite, or cannot be there";
        /// A section that holds something else than the program has: another frozen body, mathematics or data.
        Differs {
            /// Which section.
            tag: Tag,
            /// Of several, which one.
            number: u16,
            /// The first byte of its payload that differs.
            at: u32,
        } = 12 => "section {tag} {number}: another one than the program's, from byte {at} on";
        /// More than 65,535 sections, or 4 GiB or more.
        TooLarge = 13 => "too many sections or bytes for one container";
    }
}

impl ContainerFault {
    /// Its number, from 1 on, which never changes.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.row()
    }
}

/// What of a network differs, stored and wanted.
struct Difference(Option<u8>, SpecField, u32, u32);

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(layer, field, stored, wanted) = *self;
        if let Some(layer) = layer {
            write!(f, "layer {layer}, ")?;
        }
        if matches!(field, SpecField::Threshold | SpecField::Slope | SpecField::Dropout) {
            let [stored, wanted] = [stored, wanted].map(f32::from_bits);
            write!(f, "{field}: found {stored}, expected {wanted}")
        } else {
            write!(f, "{field}: found {stored}, expected {wanted}")
        }
    }
}

named! {
    /// A number in a checkpoint's description of its network.
    pub enum SpecField {
        /// Dense layers.
        Depth = 1 => "number of layers",
        /// Implementation of the transcendental functions, as its code, and 128 more for an average's parameters.
        Math = 2 => "code of the math functions",
        /// Numbers in a sample.
        Inputs = 3 => "inputs",
        /// Loss, as its code.
        Loss = 4 => "code of the loss",
        /// Huber's threshold, the quantile of pinball loss, or 0.
        Threshold = 5 => "constant of the loss",
        /// Outputs of a layer.
        Width = 6 => "width",
        /// Activation of a layer, as its code, and 256 more with a batch norm, 512 with a layer norm.
        Activation = 7 => "code of the activation",
        /// Slope of a layer's activation, or 0.
        Slope = 8 => "slope of the activation",
        /// Probability of a layer's dropout.
        Dropout = 9 => "dropout",
        /// Number of a head's first layer in the whole network.
        FirstLayer = 10 => "number of the first layer",
    }
}

told! {
    /// Every error of the core. After one, parameters, averages and counts are as before the call.
    #[repr(u32)]
    pub enum Error {
        /// The network's description is not valid.
        Spec(fault: SpecFault) = 1 => "network description: {fault}";
        /// A buffer of the wrong length.
        Length {
            /// Which buffer.
            buffer: Buffer,
            /// Elements needed.
            needed: usize,
            /// Elements got.
            got: usize,
        } = 2 => "{buffer}: needed {needed} elements, got {got}";
        /// More samples than the workspace was made for.
        BatchTooLarge {
            /// Samples that fit.
            capacity: usize,
            /// Samples that came.
            got: usize,
        } = 3 => "workspace holds {capacity} samples, got {got}";
        /// No sample at all.
        Empty = 4 => "no samples";
        /// A single sample to train a network with batch normalisation on: it has no variance.
        SingleSample = 5 => "batch normalisation needs at least two training samples";
        /// The noise of a gradient of fewer than two micro-batches that were measured.
        SinglePart = 6 => "gradient noise needs at least two measured micro-batches";
        /// A gradient, an optimizer or a model of another network; their descriptions have another
        /// [digest](crate::Spec::digest).
        Network = 7 => "gradient, optimizer or model belongs to another network";
        /// A model that was changed from outside, or by another optimizer, since this one was started, which computes
        /// the model's weights from its own: it would undo the change. Or another model than it was started from.
        /// Start it anew.
        Changed = 8 => "the model is another one, or was changed since the optimizer started: start it again";
        /// An optimizer that computes the model's weights from its own, where it would make another's of no effect.
        OwnsWeights = 9 => "the inner optimizer owns the weights: slow weights would have no effect";
        /// A micro-batch for a gradient that was clipped: the sum is scaled, and would no longer be that of all
        /// samples. Step along it, or reset it.
        Clipped = 10 => "a clipped gradient cannot add samples: step or reset first";
        /// A posterior of a network with norms, whose draws would predict by statistics of other weights: draw, update
        /// norms, predict.
        StaleNorms = 11 => "each draw with norms needs its own statistics: sample, NormUpdate, predict";
        /// A class that the network has no output for.
        Label {
            /// Index of the sample in its batch.
            sample: usize,
            /// The class that came.
            label: u16,
            /// Number of classes.
            classes: u16,
        } = 12 => "sample {sample}: class {label}, but the network has classes 0 to {}", classes.saturating_sub(1);
        /// Classes for a network whose outputs are no classes: one output under a loss of values.
        NoClasses = 13 => "one output with this loss is a value, not a class: give values";
        /// A target value that is no probability: negative under softmax cross-entropy, outside of `[0, 1]` under
        /// binary cross-entropy.
        Target {
            /// Its index in the values.
            index: usize,
        } = 14 => "target value {index} is not a probability";
        /// A row that the set of samples does not have.
        Pick {
            /// The row asked for.
            row: u32,
            /// Samples in the set.
            samples: usize,
        } = 15 => "row {row} is outside of {samples} samples";
        /// A compressed set whose starts or positions are not ascending, or too large.
        Sparse {
            /// The first sample where they are not.
            sample: usize,
        } = 16 => "sample {sample}: positions not ascending, or too large";
        /// NaN, infinity, or a number that is too large to continue with; of an optimizer's state also a second moment
        /// below zero.
        NonFinite {
            /// Where.
            value: Value,
            /// Index of the first one in its buffer; of a loss, a gradient or a statistic the layer, from 0 on; 0 of a
            /// step.
            index: usize,
        } = 17 => "{}", NonFinite(value, index);
        /// A setting out of its range.
        Setting(setting: Setting) = 18 => "out of range: {setting}";
        /// Numbers of a preprocessing that are not valid.
        Preprocess {
            /// The first feature that has them.
            feature: usize,
        } = 19 => "preprocessing of feature {feature}: invalid numbers";
        /// A feature without a value in any sample, of which nothing can be fitted.
        Unseen {
            /// The first one.
            feature: usize,
        } = 20 => "feature {feature} has no value in any sample";
        /// The average was asked for before its first update.
        NoAverage = 21 => "the average has no model yet";
        /// Average and model are exchanged: swap them back first.
        Swapped = 22 => "average and model are exchanged; swap them back first";
        /// A model that an average was not exchanged with, or that changed since.
        OtherModel = 23 => "the average was not exchanged with this model, or the model changed since";
        /// Counts of a state that do not go together.
        State = 24 => "the counts of the state are inconsistent";
        /// A variance below zero: a running one among the parameters of a network with norms, or one of a posterior.
        Variance {
            /// Index of the first one among the parameters.
            index: usize,
        } = 25 => "parameter {index}: negative variance";
        /// An exponential, polynomial or capped average, which is not a mean: it cannot merge, weigh or remove models.
        NotAMean = 26 => "an exponential, polynomial or capped average cannot merge, weigh or remove models";
        /// A mean that would be left without models.
        LastModel = 27 => "the only model of a mean cannot be removed";
        /// A count would pass the largest number that its type holds.
        CountOverflow = 28 => "a count would overflow";
        /// Bytes that are not a checkpoint.
        Checkpoint(fault: CheckpointFault) = 29 => "checkpoint: {fault}";
        /// A checkpoint of an average, where live weights are to be trained further.
        AverageWeights = 30 => "the checkpoint is an average, not weights to train further";
        /// A sample's or a class's weight that is negative or not finite.
        Weight {
            /// Its index in the weights.
            index: usize,
        } = 34 => "weight {index} must be finite and >= 0";
        /// Weights of an update whose sum is 0, or so small or large that one divided by it is not a positive finite number.
        NoWeight = 35 => "the sample weights must add up to a positive number with a finite inverse";
        /// Samples with weights for a gradient whose noise is measured, or samples without weights for a gradient or a
        /// score that has some: [`Weighted::new`](crate::train::Weighted::new) gives them weights of 1.
        MixedWeights = 36 => "samples have weights throughout a gradient or score or not at all, nor where noise is measured";
        /// A container that cannot be written, or bytes that are none.
        Container(fault: ContainerFault) = 37 => "container: {fault}";
    }
}

// Every `Result` of the core carries it: 16 bytes on 32 bit.
const _: () = assert!(size_of::<Error>() == 8 + 2 * size_of::<usize>());

impl Error {
    /// Its number, `256·v + d`, which never changes: `v` from 1 on is that of the variant, `d` that of what it is
    /// about (the buffer, the setting, the value, the fault), or 0. For logs, and for languages without enums.
    ///
    /// ```
    /// use cygnet::{Error, error::Setting};
    /// assert_eq!((Error::Empty.code(), Error::Setting(Setting::Momentum).code()), (0x0400, 0x1202));
    /// ```
    #[must_use]
    pub const fn code(self) -> u16 {
        let about = match self {
            Self::Spec(fault) => fault.code(),
            Self::Length { buffer, .. } => buffer.code(),
            Self::NonFinite { value, .. } => value.code(),
            Self::Setting(setting) => setting.code(),
            Self::Checkpoint(fault) => fault.code(),
            Self::Container(fault) => fault.code(),
            _ => 0,
        };
        u16::from_be_bytes([self.row(), about])
    }

    /// `Ok` when `got == needed`, else an [`Error::Length`] that says so.
    pub(crate) const fn expect_len(buffer: Buffer, needed: usize, got: usize) -> Result<(), Self> {
        if needed == got { Ok(()) } else { Err(Self::Length { buffer, needed, got }) }
    }
}

impl core::error::Error for Error {}

/// A number that is not finite or too large, and where it is.
struct NonFinite(Value, usize);

impl fmt::Display for NonFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(value, index) = *self;
        match value {
            Value::Loss | Value::Gradient => write!(f, "{value} is not finite or too large (layer {index})"),
            Value::Step => write!(f, "{value} is not finite or too large"),
            Value::State => {
                write!(f, "{value} {index} is not finite, too large, or a negative second moment")
            }
            _ => write!(f, "{value} {index} is not finite or too large"),
        }
    }
}

#[cfg(test)]
mod tests;
