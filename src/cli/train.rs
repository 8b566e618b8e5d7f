//! The arguments of `cygnet train`, and the plan that they make.

use super::augment::Augmentation;
use super::averaging::Averaging;
use super::data::{Data, Loaded};
use super::growth::Growing;
use super::out::run_place;
use super::replicas::Replicas;
use super::resume::{Every, parse_every};
use super::table::TableArguments;
use super::values::{one_of, parse_schedule};
use super::{Named, read_named};
use clap::Args;
use cygnet::host::HostError;
use cygnet::host::evaluation::SavedModel;
use cygnet::host::files::{Expected, Place, Start};
use cygnet::host::plan::{DecayPlan, OnDivergence, OptimizerPlan, Plan, Pretrained, parse_activation, parse_loss};
use cygnet::host::report::{self, output, page};
use cygnet::network::NormKind;
use cygnet::optim::{AdamConfig, LookaheadConfig, ScheduleFreeAdamConfig, ScheduleFreeConfig};
use cygnet::{Activation, Init, Loss};
use std::path::PathBuf;

/// Settings that belong together, for so many samples.
type Preset = fn(usize) -> Plan;

const PRESETS: [(&str, Preset); 3] =
    [("images", |_| Plan::default()), ("table", Plan::table), ("article", |_| Plan::article())];

const OPTIMIZERS: [&str; 5] = ["sgd", "adam", "adamw", "schedule-free", "schedule-free-adamw"];

#[derive(Args)]
pub(crate) struct Train {
    #[command(flatten)]
    pub(crate) data: Data,
    /// Directory for the models, the history and report.html; it must not contain a run [default: cygnet-run, then
    /// cygnet-run-2 and so on]
    #[arg(long, value_name = "DIR", help_heading = "Data")]
    pub(crate) out: Option<PathBuf>,
    /// Replace the files of the run in --out after this run is complete; an interrupted run is saved beside them
    #[arg(long, requires = "out", help_heading = "Data")]
    overwrite: bool,
    /// Share of the training samples that are held out for validation
    #[arg(long, value_name = "SHARE", default_value_t = 0.1, help_heading = "Data")]
    validation: f32,
    /// Cross-validation of a table: train K models, each tested on another one of K parts of the rows, and save none
    #[arg(
        long,
        value_name = "K",
        conflicts_with_all = ["out", "test", "test_share", "seeds", "baseline", "replicas"],
        help_heading = "Data"
    )]
    pub(crate) folds: Option<usize>,

    #[command(flatten)]
    table: TableArguments,

    #[command(flatten)]
    augmentation: Augmentation,

    /// Defaults of the other settings: images (sgd, dropout 0.1), table (adamw, no dropout, early stopping), or article,
    /// the configuration of the article (adam, dropout 0.5) [default: by the kind of --data]
    #[arg(long, value_parser = one_of(PRESETS), value_name = "NAME", hide_possible_values = true, help_heading = "Network")]
    preset: Option<Preset>,
    /// Start from a saved model: its network, weights, columns and their preparation (fine-tuning)
    #[arg(
        long,
        value_name = "MODEL",
        conflicts_with_all = ["hidden", "activation", "batch_norm", "layer_norm", "dropout", "loss", "init", "TableArguments"],
        help_heading = "Network"
    )]
    from: Option<PathBuf>,
    /// Freeze the first LAYERS layers of the model of --from: only the layers after them learn
    #[arg(long, value_name = "LAYERS", default_value_t = 0, hide_default_value = true, help_heading = "Network")]
    freeze: usize,
    /// Widths of the hidden layers, such as 256,128, or `none` for a linear model
    #[arg(long, visible_alias = "hidden-layers", value_name = "WIDTHS", default_value = "64", value_parser = parse_widths, help_heading = "Network")]
    hidden: Widths,
    /// Activation of the hidden layers: relu, leaky-relu[:SLOPE], tanh, sigmoid or identity
    #[arg(long, value_name = "NAME", default_value = "relu", value_parser = parse_activation, help_heading = "Network")]
    activation: Activation,
    /// Batch normalisation before the activation of each hidden layer; averaged models get their own statistics
    #[arg(long, help_heading = "Network")]
    batch_norm: bool,
    /// Layer normalisation before the activation of each hidden layer: over the units of each sample, without statistics
    #[arg(long, conflicts_with = "batch_norm", help_heading = "Network")]
    layer_norm: bool,
    /// Probability that a hidden unit is dropped during training [default: 0.1; 0 for a table]
    #[arg(long, value_name = "P", help_heading = "Network")]
    dropout: Option<f32>,
    /// Loss: cross-entropy, mse, bce, huber[:THRESHOLD], pinball[:QUANTILE] or gaussian-nll, which also predicts the standard
    /// deviation; for numbers of a table the unit is their standard deviation [default: cross-entropy; mse with
    /// --regression]
    #[arg(long, value_name = "NAME", value_parser = parse_loss, help_heading = "Network")]
    loss: Option<Loss>,
    /// Label smoothing: each class of a training sample gets this share of the target, in equal parts (cross-entropy only)
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, help_heading = "Network")]
    label_smoothing: f32,
    /// Weights of the classes in training: balanced makes each class count alike, whatever the number of its samples
    #[arg(long, value_name = "HOW", value_parser = ["balanced"], hide_possible_values = true, help_heading = "Network")]
    class_weight: Option<String>,
    /// Initial weights: he, glorot, or the standard deviation of a normal distribution [default: he; glorot for a table]
    #[arg(long, value_name = "KIND", value_parser = parse_init, help_heading = "Network")]
    init: Option<Init>,

    /// Optimizer [default: sgd; adamw for a table]
    #[arg(long, value_parser = OPTIMIZERS, help_heading = "Optimizer")]
    optimizer: Option<String>,
    /// Learning rate [default: 0.05 for sgd, 0.001 for adam and adamw, 0.5 for schedule-free,
    /// 0.003 for schedule-free-adamw]
    #[arg(long, visible_alias = "lr", help_heading = "Optimizer")]
    rate: Option<f32>,
    /// Momentum of sgd, and of schedule-free and schedule-free-adamw [default: 0.9]
    #[arg(long, value_name = "MU", help_heading = "Optimizer")]
    momentum: Option<f32>,
    /// Use Nesterov momentum (sgd only)
    #[arg(long, help_heading = "Optimizer")]
    nesterov: bool,
    /// Weight decay: added to the gradient; decoupled for adamw and schedule-free-adamw [default: 0.0005 for sgd, 300 / training samples and at
    /// most 1 for adamw on a table, otherwise 0]
    #[arg(long, visible_alias = "wd", value_name = "LAMBDA", help_heading = "Optimizer")]
    weight_decay: Option<f32>,
    /// Weight decay leaves out biases and norms
    #[arg(long, help_heading = "Optimizer")]
    no_bias_decay: bool,
    /// Use Lookahead: slow weights follow the others every STEPS steps, such as 5 (Zhang et al. 2019)
    #[arg(long, value_name = "STEPS", help_heading = "Optimizer")]
    lookahead: Option<u32>,
    /// Largest norm of the gradient: a larger gradient is scaled down to it
    #[arg(long, value_name = "NORM", help_heading = "Optimizer")]
    clip: Option<f32>,
    /// What becomes of an update whose loss or gradient is not finite: stop ends the run with the models of the last good
    /// epoch; skip drops it; halve-rate drops it and halves the learning rate from there on. An epoch without an update, and
    /// more than 20 halvings, end the run too
    #[arg(long, value_name = "NAME", value_parser = one_of(OnDivergence::NAMES), default_value = "stop", help_heading = "Optimizer")]
    on_divergence: OnDivergence,
    /// Batch size: samples per update
    #[arg(long, visible_alias = "batch-size", default_value_t = 32, help_heading = "Optimizer")]
    batch: usize,
    /// Samples that are computed at once, to save memory [default: the batch size; half of it with --grow]. The result
    /// has the same bits, except with --batch-norm, which normalises each micro-batch, and with --grow, which compares
    /// them
    #[arg(long, value_name = "SAMPLES", help_heading = "Optimizer")]
    micro_batch: Option<usize>,
    #[command(flatten)]
    growing: Growing,

    /// Learning rate schedule: step[:10[,0.1]] multiplies it by 0.1 every 10 epochs; linear and cosine decrease over the
    /// run; paper is constant for half of the time to the first snapshot, then decreases to --final-rate (Izmailov et al.
    /// 2018); cyclic[:1] and restarts[:10] decrease in cycles of so many epochs; one-cycle increases first; or constant
    #[arg(long, value_name = "NAME", value_parser = parse_schedule, default_value = "constant", help_heading = "Schedule")]
    schedule: DecayPlan,
    /// Learning rate at the end of the run or of each cycle [default: 0; a fifth of --rate for paper and cyclic]
    #[arg(long, value_name = "RATE", help_heading = "Schedule")]
    final_rate: Option<f32>,
    /// Epochs of warm-up, in which the learning rate increases to --rate
    #[arg(long, value_name = "EPOCHS", default_value_t = 0.0, help_heading = "Schedule")]
    warmup: f32,
    /// Passes over the training samples, at most [default: 20; 3000 updates for a table, from 40 to 1000 epochs]
    #[arg(long, help_heading = "Schedule")]
    epochs: Option<u64>,
    /// Early stopping: stop after this many epochs without a lower validation loss of the last iterate or the average, and
    /// keep the models of the best epoch [default: none; for a table 10 to 50, fewer with more rows, unless --average has
    /// swa or swag]
    #[arg(long, value_name = "EPOCHS", help_heading = "Schedule")]
    patience: Option<u64>,

    /// Also train a model with learning rate decay to zero and without averaging, for comparison
    #[arg(long, help_heading = "Averaging")]
    pub(crate) baseline: bool,
    #[command(flatten)]
    averaging: Averaging,
    #[command(flatten)]
    pub(crate) replicas: Replicas,

    /// Seed of the initial weights, the split, the order of samples, dropout and augmentation: the same seed gives the
    /// same bits
    #[arg(long, default_value_t = 1, help_heading = "Run")]
    pub(crate) seed: u64,
    /// Repeat with N seeds, counted up from --seed, and print mean ± standard deviation
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Run")]
    pub(crate) seeds: u32,
    /// Go on with an interrupted run, with the arguments in its run.json, to the same result as without the interruption;
    /// the data must be the same (runs of --folds are not saved)
    #[arg(long, value_name = "DIR", help_heading = "Run")]
    pub(crate) resume: Option<PathBuf>,
    /// How often the state of the run is saved for --resume: after a time, such as 60s or 5min, or, by a number alone, after
    /// so many updates; Ctrl-C and SIGTERM save it, too
    #[arg(long, value_name = "TIME|N", value_parser = parse_every, default_value = "60s", help_heading = "Run")]
    pub(crate) checkpoint_every: Every,
    /// Print a line for every N-th epoch [default: 1, or so that at most 25 are printed]
    #[arg(long, value_name = "N", help_heading = "Run", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) log_every: Option<u64>,
}

/// A list that clap takes as one value.
#[derive(Clone)]
struct Widths(Vec<u16>);

fn parse_widths(text: &str) -> Result<Widths, String> {
    if text == "none" {
        return Ok(Widths(Vec::new()));
    }
    let width = |w: &str| {
        let parsed = w.trim().parse::<u16>().ok().filter(|&w| w > 0);
        parsed.ok_or_else(|| format!("`{w}` is not a width from 1 to 65535"))
    };
    text.split(',').map(width).collect::<Result<_, _>>().map(Widths)
}

fn parse_init(text: &str) -> Result<Init, String> {
    match text {
        "he" => Ok(Init::He),
        "glorot" => Ok(Init::Glorot),
        _ => {
            let sigma = text.parse().ok().filter(|s: &f32| s.is_finite() && *s >= 0.0);
            sigma.map(Init::Normal).ok_or_else(|| format!("`{text}` is not he, glorot or a standard deviation"))
        }
    }
}

impl Train {
    /// The directory for the run of `plan`.
    pub(crate) fn place(&self, plan: &Plan, start: Start<'_>) -> Result<Place, HostError> {
        let files = output::files(plan, self.replicas.plan().as_ref());
        let expected = if self.seeds > 1 {
            let parts = (0..self.seeds).map(|i| format!("seed-{}", plan.seed.wrapping_add(i.into())));
            Expected { files: page::files(), parts: Box::new(parts), in_parts: files }
        } else {
            Expected { files, parts: Box::new(std::iter::empty()), in_parts: Vec::new() }
        };
        run_place(self.out.as_deref(), "cygnet-run", self.overwrite, expected, &self.data.files(), start)
    }

    /// Reads what `--data` names.
    pub(crate) fn read(&self, from: Option<&Named>) -> Result<Loaded, HostError> {
        let is_table = self.data.source()?.is_some();
        if self.folds.is_some() && !is_table {
            return Err(HostError::Usage("--folds needs a CSV file as --data; for images use --seeds".into()));
        }
        match from {
            Some((_, model)) => self.data.loaded_for(model),
            None => self.data.read(self.table.plan(is_table, self.loss)?.as_ref()),
        }
    }

    /// The files that the run reads.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        self.data.files().into_iter().chain(self.from.clone()).collect()
    }

    /// The model of `--from`.
    pub(crate) fn from(&self) -> Result<Option<Named>, HostError> {
        self.from.as_deref().map(read_named).transpose()
    }

    /// The columns of the table, where they alone are asked for.
    pub(crate) fn described(&self) -> Result<Option<String>, HostError> {
        let source = self.data.source()?;
        let plan = self.table.plan(source.is_some(), self.loss)?;
        let asked = source.zip(plan).filter(|_| self.table.describe);
        asked.map(|(source, plan)| Ok(report::of_columns(&source.describe(&plan)?, &plan))).transpose()
    }

    /// The run that these arguments ask for, on so many samples for training and validation.
    ///
    /// What is wrong with it does not depend on that number.
    pub(crate) fn plan(&self, samples: usize, from: Option<&Named>) -> Result<Plan, HostError> {
        let is_table = self.data.source()?.is_some();
        self.table.plan(is_table, self.loss)?;
        let usual_loss = if self.table.is_regression() { Loss::MeanSquared } else { Loss::SoftmaxCrossEntropy };
        let of_data: Preset = if is_table { Plan::table } else { |_| Plan::default() };
        let usual = self.preset.unwrap_or(of_data)(samples);
        let (optimizer, usual_rate) = self.optimizer(&usual)?;
        if let Some(problem) = self.misplaced(is_table) {
            return Err(HostError::Usage(problem.into()));
        }
        let rate = self.rate.unwrap_or(usual_rate);
        let mut decay = self.schedule;
        if let Some(to) = decay.end() {
            *to = self.final_rate.unwrap_or(*to * rate);
        }
        let averages = self.averaging.plan(usual.averages.clone().unwrap_or_default())?;
        let epochs = self.epochs.unwrap_or(usual.epochs);
        // A mean that begins late in the run needs the whole of it.
        let has_end = averages.as_ref().is_some_and(|averages| averages.start > 0.0 || averages.rate.is_some());
        let usual_patience = usual.patience.filter(|_| self.validation > 0.0 && !has_end);
        let plan = Plan {
            hidden: self.hidden.0.clone(),
            activation: self.activation,
            norm: match (self.batch_norm, self.layer_norm) {
                (true, _) => Some(NormKind::Batch),
                (_, true) => Some(NormKind::Layer),
                _ => None,
            },
            dropout: self.dropout.unwrap_or(usual.dropout),
            loss: self.loss.unwrap_or(usual_loss),
            label_smoothing: self.label_smoothing,
            balanced: self.class_weight.is_some(),
            init: self.init.unwrap_or(usual.init),
            from: None,
            optimizer,
            lookahead: self.lookahead.map(|every| LookaheadConfig { every, ..LookaheadConfig::default() }),
            rate,
            warmup: self.warmup,
            decay,
            batch: self.batch,
            micro_batch: self.micro_batch,
            growth: self.growing.plan(),
            clip: self.clip,
            on_divergence: self.on_divergence,
            epochs,
            patience: self.patience.or(usual_patience),
            augment: self.augmentation.plan(),
            seed: self.seed,
            averages,
            validation: self.validation,
        };
        match from {
            Some(model) => Ok(plan.starting_from(self.pretrained(model)?)),
            None => Ok(plan),
        }
    }

    /// The model that the run goes on from, of which a layer must be left to learn.
    fn pretrained(&self, (name, SavedModel { spec, params, .. }): &Named) -> Result<Pretrained, HostError> {
        let (frozen, depth) = (self.freeze, spec.depth());
        if frozen >= depth {
            let fault = format!("--freeze {frozen} leaves no layer of {name} to learn: it has {depth}");
            return Err(HostError::Usage(fault));
        }
        Ok(Pretrained { name: name.clone(), spec: *spec, params: params.clone(), frozen })
    }

    /// What is said that does not belong to the rest, where there is something.
    fn misplaced(&self, is_table: bool) -> Option<&'static str> {
        let is_regression = self.table.is_regression();
        let misplaced = [
            (
                { self.schedule }.end().is_none() && self.final_rate.is_some(),
                "--final-rate needs a --schedule other than constant and step",
            ),
            (
                is_regression && matches!(self.loss, Some(Loss::SoftmaxCrossEntropy | Loss::BinaryCrossEntropy)),
                "--regression predicts numbers and needs --loss mse, huber, pinball or gaussian-nll",
            ),
            (
                !is_regression && matches!(self.loss, Some(Loss::Pinball(_) | Loss::GaussianNll)),
                "--loss pinball and gaussian-nll predict numbers of a table and need --regression",
            ),
            (
                self.class_weight.is_some() && (is_regression || self.table.is_multi_label(self.loss)),
                "--class-weight needs classes",
            ),
            (
                self.growing.plan().is_some() && self.table.weight_column.is_some(),
                "--grow measures the noise of gradients and cannot be combined with --weight-column",
            ),
            (self.freeze > 0 && self.from.is_none(), "--freeze needs a model to start from: --from MODEL"),
            (is_table && self.augmentation.plan().is_some(), "--augment needs images, but --data is a table"),
        ];
        misplaced.into_iter().find_map(|(is_wrong, problem)| is_wrong.then_some(problem))
    }

    /// The optimizer and its usual learning rate.
    fn optimizer(&self, usual: &Plan) -> Result<(OptimizerPlan, f32), HostError> {
        let adam = |decoupled| (OptimizerPlan::Adam(AdamConfig { decoupled, ..AdamConfig::default() }), 1e-3);
        let (mut optimizer, rate) = match self.optimizer.as_deref() {
            None => (usual.optimizer, usual.rate),
            Some("sgd") => (Plan::default().optimizer, Plan::default().rate),
            Some("adam") => adam(false),
            Some("adamw") => adam(true),
            Some("schedule-free-adamw") => (OptimizerPlan::ScheduleFreeAdam(ScheduleFreeAdamConfig::default()), 3e-3),
            Some(_) => (OptimizerPlan::ScheduleFree(ScheduleFreeConfig::default()), 0.5),
        };
        let has_momentum = optimizer.settings().0.is_some();
        match &mut optimizer {
            OptimizerPlan::Sgd(config) => config.nesterov = self.nesterov,
            _ if self.nesterov || self.momentum.is_some() && !has_momentum => {
                let fault = "--momentum needs --optimizer sgd or schedule-free, --nesterov needs --optimizer sgd";
                return Err(HostError::Usage(fault.into()));
            }
            _ => {}
        }
        let (momentum, weight_decay, no_bias_decay) = optimizer.settings();
        momentum.zip(self.momentum).into_iter().for_each(|(momentum, given)| *momentum = given);
        *weight_decay = self.weight_decay.unwrap_or(*weight_decay);
        *no_bias_decay = self.no_bias_decay;
        if self.no_bias_decay && *weight_decay == 0.0 {
            return Err(HostError::Usage("--no-bias-decay needs a --weight-decay above 0".into()));
        }
        Ok((optimizer, rate))
    }
}
