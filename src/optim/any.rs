//! An optimizer that a program chooses while it runs.

use super::{
    Adam, AdamConfig, AdamState, Lookahead, LookaheadConfig, LookaheadState, Optimizer, ScheduleFree, ScheduleFreeAdam,
    ScheduleFreeAdamConfig, ScheduleFreeAdamState, ScheduleFreeConfig, ScheduleFreeState, Sgd, SgdConfig, SgdState,
};
use crate::bytes::{Reader, Writer};
use crate::error::{Buffer, Error};
use crate::model::Model;
use crate::model::params::Params;
use crate::network::spec::Spec;
use crate::slices::cut_mut;

/// Settings of an [`AnyOptimizer`]: which one it is.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum AnyConfig {
    /// [`Sgd`].
    Sgd(SgdConfig),
    /// [`Adam`].
    Adam(AdamConfig),
    /// [`ScheduleFree`].
    ScheduleFree(ScheduleFreeConfig),
    /// [`ScheduleFreeAdam`].
    ScheduleFreeAdam(ScheduleFreeAdamConfig),
    /// [`Lookahead`] around [`Sgd`].
    LookaheadSgd(LookaheadConfig, SgdConfig),
    /// [`Lookahead`] around [`Adam`].
    LookaheadAdam(LookaheadConfig, AdamConfig),
}

impl AnyConfig {
    /// Floats of state: those of the optimizer; of Lookahead the slow weights before the inner optimizer's.
    #[must_use]
    pub const fn state_len(&self, spec: &Spec) -> usize {
        match self {
            Self::Sgd(config) => config.state_len(spec),
            Self::Adam(config) => config.state_len(spec),
            Self::ScheduleFree(config) => config.state_len(spec),
            Self::ScheduleFreeAdam(config) => config.state_len(spec),
            Self::LookaheadSgd(config, inner) => config.state_len(spec).saturating_add(inner.state_len(spec)),
            Self::LookaheadAdam(config, inner) => config.state_len(spec).saturating_add(inner.state_len(spec)),
        }
    }

    fn check(&self) -> Result<(), Error> {
        match self {
            Self::Sgd(config) => config.check(),
            Self::Adam(config) => config.check(),
            Self::ScheduleFree(config) => config.check(),
            Self::ScheduleFreeAdam(config) => config.check(),
            Self::LookaheadSgd(config, inner) => config.check().and_then(|()| inner.check()),
            Self::LookaheadAdam(config, inner) => config.check().and_then(|()| inner.check()),
        }
    }

    /// Whether steps may leave these bytes of the inner optimizer.
    fn leaves(&self, inner: [u8; 8]) -> bool {
        match *self {
            Self::Sgd(_) | Self::LookaheadSgd(..) => inner == [0; 8],
            Self::Adam(_) | Self::LookaheadAdam(..) => true,
            Self::ScheduleFree(config) => ScheduleFreeState::from_bytes(config, &inner).is_ok(),
            Self::ScheduleFreeAdam(config) => {
                // With any steps at all.
                ScheduleFreeAdamState::from_bytes(config, &joined(inner, 1)).is_ok()
            }
        }
    }

    /// Its number in the bytes of a state, and whether Lookahead is around it.
    const fn kind(&self) -> [u8; 4] {
        match self {
            Self::Sgd(_) => [0, 0, 0, 0],
            Self::Adam(_) => [1, 0, 0, 0],
            Self::ScheduleFree(_) => [2, 0, 0, 0],
            Self::ScheduleFreeAdam(_) => [3, 0, 0, 0],
            Self::LookaheadSgd(..) => [0, 1, 0, 0],
            Self::LookaheadAdam(..) => [1, 1, 0, 0],
        }
    }
}

/// The bytes of a [`ScheduleFreeAdamState`].
fn joined(average: [u8; 8], steps: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    let mut out = Writer::new(&mut bytes);
    out.bytes(&average);
    out.long(steps);
    bytes
}

/// What an [`AnyOptimizer`] is besides its floats: kept with them, for [`AnyOptimizer::resume`].
///
/// | byte | what |
/// |---|---|
/// | 0 | `u8` kind: 0 SGD, 1 Adam, 2 schedule-free SGD, 3 schedule-free AdamW; `u8` 1 with Lookahead around it; 2 zeros |
/// | 4 | `u32` digest of the network |
/// | 8 | `u64` steps of Adam, or the 8 bytes of a [`ScheduleFreeState`]; of SGD zeros |
/// | 16 | `u64` steps of Lookahead or schedule-free AdamW, else zeros |
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct AnyState {
    config: AnyConfig,
    /// The digest of the network.
    network: u32,
    inner: [u8; 8],
    outer: u64,
}

impl AnyState {
    /// Bytes of a state.
    pub const BYTES: usize = 24;

    /// The state as bytes, little-endian on every target. The settings are the program's.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let mut out = Writer::new(&mut bytes);
        out.bytes(&self.config.kind());
        out.word(self.network);
        out.bytes(&self.inner);
        out.long(self.outer);
        bytes
    }

    /// The state that these bytes, the program's settings and its network describe.
    ///
    /// # Errors
    /// [`Error::Spec`], [`Error::Network`] for the bytes of another network, [`Error::Setting`], [`Error::Checkpoint`] for the
    /// bytes of another kind of optimizer, and for numbers that no steps leave.
    pub fn from_bytes(config: AnyConfig, spec: &Spec, bytes: &[u8; Self::BYTES]) -> Result<Self, Error> {
        spec.check()?;
        config.check()?;
        let mut input = Reader::new(bytes);
        if input.array()? != config.kind() {
            return Err(input.fault());
        }
        let network = input.word()?;
        spec.check_digest(network)?;
        let inner = input.array()?;
        if !config.leaves(inner) {
            return Err(input.fault());
        }
        let outer = input.long()?;
        let is_possible = match config {
            AnyConfig::ScheduleFreeAdam(config) => {
                ScheduleFreeAdamState::from_bytes(config, &joined(inner, outer)).is_ok()
            }
            AnyConfig::LookaheadSgd(..) | AnyConfig::LookaheadAdam(..) => true,
            _ => outer == 0,
        };
        if !is_possible {
            return Err(input.fault());
        }
        Ok(Self { config, network, inner, outer })
    }

    /// The settings.
    #[must_use]
    pub const fn config(&self) -> AnyConfig {
        self.config
    }
}

/// An optimizer that a program chooses while it runs, without a heap: one of those of this module, with the floats of its
/// state in one slice. It links all of them.
///
/// ```
/// use cygnet::optim::{AnyConfig, AnyOptimizer, AnyState, Lookahead};
/// # use cygnet::{Activation, Adam, Error, Model, Sgd, Spec};
/// # const NET: Spec = Spec::new(2).dense(8, Activation::Relu).dense(2, Activation::Identity);
/// # let (mut params, mut memory) = ([0.5; NET.param_len()], [0.0; 3 * NET.param_len()]);
/// # let model = Model::new(&NET, &mut params)?;
/// let choice = if model.steps() < 100 { AnyConfig::Adam(Adam::DEFAULT) } else { AnyConfig::Sgd(Sgd::DEFAULT) };
/// let floats = &mut memory[..choice.state_len(&NET)];
/// let optimizer = AnyOptimizer::new(choice, &model, floats)?;
/// let bytes = optimizer.into_state().to_bytes(); // stored beside the floats
/// let optimizer = AnyOptimizer::resume(AnyState::from_bytes(choice, &NET, &bytes)?, &model, floats)?;
/// # assert!(matches!(optimizer, AnyOptimizer::Adam(_)));
/// # Ok::<(), Error>(())
/// ```
#[must_use = "an optimizer moves the weights of a model that is trained with it"]
#[derive(Debug)]
#[non_exhaustive]
pub enum AnyOptimizer<'a> {
    /// SGD.
    Sgd(Sgd<'a>),
    /// Adam.
    Adam(Adam<'a>),
    /// Schedule-free SGD.
    ScheduleFree(ScheduleFree<'a>),
    /// Schedule-free AdamW.
    ScheduleFreeAdam(ScheduleFreeAdam<'a>),
    /// Lookahead around SGD.
    LookaheadSgd(Lookahead<'a, Sgd<'a>>),
    /// Lookahead around Adam.
    LookaheadAdam(Lookahead<'a, Adam<'a>>),
}

impl<'a> AnyOptimizer<'a> {
    /// Starts from `model`; `floats` has [`AnyConfig::state_len`] floats.
    ///
    /// # Errors
    /// Those of the optimizer; [`Error::Length`] unless the length is exact.
    pub fn new(config: AnyConfig, model: &Model<'_>, floats: &'a mut [f32]) -> Result<Self, Error> {
        let spec = model.spec;
        Error::expect_len(Buffer::Optimizer, config.state_len(spec), floats.len())?;
        Ok(match config {
            AnyConfig::Sgd(config) => Self::Sgd(Sgd::new(config, spec, floats)?),
            AnyConfig::Adam(config) => Self::Adam(Adam::new(config, spec, floats)?),
            AnyConfig::ScheduleFree(config) => Self::ScheduleFree(ScheduleFree::new(config, model, floats)?),
            AnyConfig::ScheduleFreeAdam(config) => {
                Self::ScheduleFreeAdam(ScheduleFreeAdam::new(config, model, floats)?)
            }
            AnyConfig::LookaheadSgd(config, inner) => {
                let (slow, floats) = cut_mut(floats, config.state_len(spec));
                Self::LookaheadSgd(Lookahead::new(config, Sgd::new(inner, spec, floats)?, model, slow)?)
            }
            AnyConfig::LookaheadAdam(config, inner) => {
                let (slow, floats) = cut_mut(floats, config.state_len(spec));
                Self::LookaheadAdam(Lookahead::new(config, Adam::new(inner, spec, floats)?, model, slow)?)
            }
        })
    }

    /// Continues with the floats that are in the slice, for `model` as it was when `state` was taken.
    ///
    /// # Errors
    /// As [`new`](Self::new), those of the optimizer's own `resume`, and [`Error::Network`] for the state of another network.
    pub fn resume(state: AnyState, model: &Model<'_>, floats: &'a mut [f32]) -> Result<Self, Error> {
        let AnyState { config, network, inner: bytes, outer: steps } = state;
        let spec = model.spec;
        spec.check_digest(network)?;
        Error::expect_len(Buffer::Optimizer, config.state_len(spec), floats.len())?;
        let inner_steps = u64::from_le_bytes(bytes);
        Ok(match config {
            AnyConfig::Sgd(config) => Self::Sgd(Sgd::resume(SgdState::new(config, spec)?, floats)?),
            AnyConfig::Adam(config) => Self::Adam(Adam::resume(AdamState::new(config, spec, inner_steps)?, floats)?),
            AnyConfig::ScheduleFree(config) => {
                let state = ScheduleFreeState::from_bytes(config, &bytes)?;
                Self::ScheduleFree(ScheduleFree::resume(state, model, floats)?)
            }
            AnyConfig::ScheduleFreeAdam(config) => {
                let state = ScheduleFreeAdamState::from_bytes(config, &joined(bytes, steps))?;
                Self::ScheduleFreeAdam(ScheduleFreeAdam::resume(state, model, floats)?)
            }
            AnyConfig::LookaheadSgd(config, inner) => {
                let (slow, floats) = cut_mut(floats, config.state_len(spec));
                let inner = Sgd::resume(SgdState::new(inner, spec)?, floats)?;
                Self::LookaheadSgd(Lookahead::resume(LookaheadState { config, steps }, inner, model, slow)?)
            }
            AnyConfig::LookaheadAdam(config, inner) => {
                let (slow, floats) = cut_mut(floats, config.state_len(spec));
                let inner = Adam::resume(AdamState::new(inner, spec, inner_steps)?, floats)?;
                Self::LookaheadAdam(Lookahead::resume(LookaheadState { config, steps }, inner, model, slow)?)
            }
        })
    }

    /// What to keep beside the floats, for [`resume`](Self::resume).
    #[must_use]
    pub fn state(&self) -> AnyState {
        let of_adam = |adam: AdamState| (adam.config, adam.network, adam.steps.to_le_bytes());
        match self {
            Self::Sgd(sgd) => {
                let SgdState { config, network, .. } = sgd.state();
                AnyState { config: AnyConfig::Sgd(config), network, inner: [0; 8], outer: 0 }
            }
            Self::Adam(adam) => {
                let (config, network, inner) = of_adam(adam.state());
                AnyState { config: AnyConfig::Adam(config), network, inner, outer: 0 }
            }
            Self::ScheduleFree(free) => {
                let (state, network) = (free.state(), free.network);
                AnyState { config: AnyConfig::ScheduleFree(state.config), network, inner: state.to_bytes(), outer: 0 }
            }
            Self::ScheduleFreeAdam(free) => {
                let (state, network) = (free.state(), free.average.network);
                let inner = state.average.to_bytes();
                AnyState { config: AnyConfig::ScheduleFreeAdam(state.config), network, inner, outer: state.steps }
            }
            Self::LookaheadSgd(lookahead) => {
                let (state, SgdState { config, network, .. }) = (lookahead.state(), lookahead.inner().state());
                let config = AnyConfig::LookaheadSgd(state.config, config);
                AnyState { config, network, inner: [0; 8], outer: state.steps }
            }
            Self::LookaheadAdam(lookahead) => {
                let (state, (config, network, inner)) = (lookahead.state(), of_adam(lookahead.inner().state()));
                let config = AnyConfig::LookaheadAdam(state.config, config);
                AnyState { config, network, inner, outer: state.steps }
            }
        }
    }

    /// Ends it: its [`state`](Self::state), and the slice is the caller's again.
    #[must_use]
    pub fn into_state(self) -> AnyState {
        self.state()
    }

    fn get(&self) -> &dyn Optimizer {
        match self {
            Self::Sgd(optimizer) => optimizer,
            Self::Adam(optimizer) => optimizer,
            Self::ScheduleFree(optimizer) => optimizer,
            Self::ScheduleFreeAdam(optimizer) => optimizer,
            Self::LookaheadSgd(optimizer) => optimizer,
            Self::LookaheadAdam(optimizer) => optimizer,
        }
    }

    /// The optimizer itself: a loop over steps need not choose again for each row of weights.
    pub(crate) fn get_mut(&mut self) -> &mut dyn Optimizer {
        match self {
            Self::Sgd(optimizer) => optimizer,
            Self::Adam(optimizer) => optimizer,
            Self::ScheduleFree(optimizer) => optimizer,
            Self::ScheduleFreeAdam(optimizer) => optimizer,
            Self::LookaheadSgd(optimizer) => optimizer,
            Self::LookaheadAdam(optimizer) => optimizer,
        }
    }
}

impl Optimizer for AnyOptimizer<'_> {
    fn check(&self, model: &Model<'_>) -> Result<(), Error> {
        self.get().check(model)
    }

    fn owns_weights(&self) -> bool {
        self.get().owns_weights()
    }

    fn begin(&mut self, rate: f32, scale: f32, weights: f32, gradient: f32) -> Result<f32, Error> {
        self.get_mut().begin(rate, scale, weights, gradient)
    }

    fn rests_at_zero(&self) -> bool {
        self.get().rests_at_zero()
    }

    fn update(&mut self, offset: usize, weights: &mut [f32], gradient: &[f32]) {
        self.get_mut().update(offset, weights, gradient);
    }

    fn update_outer(&mut self, offset: usize, weights: &mut [f32], x: &[f32], d: &[f32], block: &mut [f32]) {
        self.get_mut().update_outer(offset, weights, x, d, block);
    }

    fn averaged(&self) -> Option<Params<'_>> {
        self.get().averaged()
    }
}
