//! A network and its parameters as bytes: little-endian on every target, checked by length, ranges and CRC-32.
//!
//! | byte | what |
//! |---|---|
//! | 0 | magic `89 43 59 47 4e 45 54 0a` |
//! | 8 | `u16` format version, 1 |
//! | 10 | `u8` dense layers `L`; `u8` transcendental functions (0 libm, 1 micromath; 128 more for an average's parameters, 64 more for a head's) |
//! | 12 | `u16` inputs; `u16` loss (0 softmax cross-entropy, 1 mean squared, 2 binary cross-entropy, 3 Huber, 4 pinball, 5 Gaussian NLL) |
//! | 16 | `f32` Huber's threshold, else 0 |
//! | 20 + 12·l | layer `l`: `u16` width, `u16` activation (0 identity, 1 ReLU, 2 leaky ReLU, 3 tanh, 4 sigmoid; 256 more with a batch norm, 512 with a layer norm), `f32` slope or 0, `f32` dropout |
//! | 20 + 12·L | of a head: `u32` number of its first layer in the whole network; `u32` checksum of its body (`head.rs`) |
//! | then | `P` parameters, `f32` |
//! | the last 4 | `u32` CRC-32 (ISO-HDLC) of all bytes before |
//!
//! A network has one spelling: what is read is written again byte for byte. What reads a checkpoint takes the first
//! [`Spec::checkpoint_len`] bytes of what it is given: in a file a preprocessing may follow (`preprocessing.rs`), and what only the host
//! reads, which a chip skips.

use crate::bytes::{Reader, Writer};
use crate::error::{Buffer, CheckpointFault, Error, SpecField, Value};
use crate::math::Math;
use crate::model::params::Params;
use crate::model::{Mark, Model};
use crate::network::activation::Activation;
use crate::network::layer::Layer;
use crate::network::layout::{MAX_LAYERS, Part};
use crate::network::loss::Loss;
use crate::network::spec::Spec;

pub(super) const MAGIC: [u8; 8] = *b"\x89CYGNET\n";
const VERSION: u16 = 1;
const HEADER: usize = 20;
const LAYER: usize = 12;
/// In a layer's activation, times [`NormKind`]: how its pre-activations are normalised.
const NORM: u16 = 256;
/// In the functions' byte: the parameters are an average's.
const AVERAGE: u8 = 128;
/// Likewise: the network is a head, whose body is stored elsewhere.
const HEAD: u8 = 64;

impl Spec {
    /// Bytes of a checkpoint: `24 + 12·L + 4·P`, and 8 more for a [head](Self::after); `usize::MAX` for a wrong description.
    #[must_use]
    pub const fn checkpoint_len(&self) -> usize {
        self.param_len().saturating_add(header_words(self) + 1).saturating_mul(4)
    }
}

impl Spec {
    /// Whether parameter `index` may be this: finite, and as a batch norm's running variance not below zero.
    ///
    /// ```
    /// # use cygnet::{Activation, Spec};
    /// const NET: Spec = Spec::new(1).dense(1, Activation::Relu).norm().dense(1, Activation::Identity);
    /// assert!(NET.allows(4, -1.0) && !NET.allows(5, -1.0)); // running mean and variance
    /// ```
    #[must_use]
    pub fn allows(&self, index: usize, value: f32) -> bool {
        let is_variance = || self.places().any(|place| place.range(Part::Variance).contains(&index));
        value.is_finite() && (value >= 0.0 || !is_variance())
    }
}

/// Writes a network and its parameters into `bytes`, [`Spec::checkpoint_len`] of them; an average, as
/// [`Averager::mean`](crate::Averager::mean), [`Params::of_average`] or a model in whose place one is, is marked as such; a
/// plain slice is not.
///
/// # Errors
/// [`Error::Spec`], [`Error::Length`], [`Error::NonFinite`] for a parameter that is not finite, [`Error::Variance`] for a
/// norm's running variance below zero, or [`Error::Checkpoint`] for a [head](Spec::after), which [`save_head`](super::save_head)
/// writes; nothing is written then.
pub fn save<'p>(spec: &Spec, params: impl Into<Params<'p>>, bytes: &mut [u8]) -> Result<(), Error> {
    expect_whole(spec)?;
    save_params(spec, params.into(), 0, bytes)
}

/// Refuses a head, which is written and read with the checksum of its body.
fn expect_whole(spec: &Spec) -> Result<(), Error> {
    if spec.first_layer() == 0 { Ok(()) } else { Err(Error::Checkpoint(CheckpointFault::Head)) }
}

/// [`save`], of a head with its body's checksum.
pub(super) fn save_params(spec: &Spec, params: Params<'_>, body: u32, bytes: &mut [u8]) -> Result<(), Error> {
    let Params { values: params, is_average, .. } = params;
    spec.check()?;
    Error::expect_len(Buffer::Params, spec.param_len(), params.len())?;
    Error::expect_len(Buffer::Checkpoint, spec.checkpoint_len(), bytes.len())?;
    check_params(spec, params)?;
    let mut out = Writer::new(bytes);
    (0..header_words(spec)).for_each(|at| out.word(header_word(spec, is_average, body, at)));
    params.iter().for_each(|p| out.float(*p));
    out.seal();
    Ok(())
}

/// Numbers of four bytes in front of the parameters.
pub(super) const fn header_words(spec: &Spec) -> usize {
    let of_head = if spec.first_layer() > 0 { 2 } else { 0 };
    HEADER / 4 + LAYER / 4 * spec.depth() + of_head
}

/// The header's number `at`; `body` is the checksum of a head's body.
#[inline(never)]
pub(super) const fn header_word(spec: &Spec, is_average: bool, body: u32, at: usize) -> u32 {
    let [m0, m1, m2, m3, m4, m5, m6, m7] = MAGIC;
    let (loss, threshold) = spec.loss_kind().code();
    let of_average = if is_average { AVERAGE } else { 0 };
    let of_head = if spec.first_layer() > 0 { HEAD } else { 0 };
    let functions = spec.math_kind() as u32 | (of_average | of_head) as u32;
    match at {
        0 => return u32::from_le_bytes([m0, m1, m2, m3]),
        1 => return u32::from_le_bytes([m4, m5, m6, m7]),
        2 => return VERSION as u32 | (spec.depth() as u32) << 16 | functions << 24,
        3 => return spec.inputs() as u32 | loss << 16,
        4 => return threshold,
        _ => {}
    }
    let (l, part) = part_of_layer(at);
    let Some(layer) = spec.layer(l) else {
        return if part == 0 { spec.first_layer() as u32 } else { body };
    };
    let (activation, slope) = layer.activation().code();
    match part {
        0 => layer.outputs() as u32 | (activation + norm_code(spec, &layer) * NORM as u32) << 16,
        1 => slope,
        _ => layer.dropout().to_bits(),
    }
}

/// The number of a layer's norm, 0 without one.
const fn norm_code(spec: &Spec, layer: &Layer) -> u32 {
    match spec.norm_kind() {
        Some(norm) if layer.is_normed() => norm as u32,
        _ => 0,
    }
}

/// The layer that the header's number `at` describes, and which of three.
const fn part_of_layer(at: usize) -> (usize, usize) {
    let at = at.wrapping_sub(HEADER / 4);
    (at / 3, at % 3)
}

/// The network of the checkpoint at the beginning of `bytes`, after all of it was checked.
///
/// # Errors
/// [`Error::Checkpoint`], [`Error::NonFinite`], [`Error::Variance`].
pub fn load_spec(bytes: &[u8]) -> Result<Spec, Error> {
    let spec = load_header(bytes)?;
    checked_params(&spec, bytes)?;
    Ok(spec)
}

/// The network that the header of a checkpoint describes, which is all that is read: its first `20 + 12·L` bytes, `28 + 12·L` of
/// a [head](Spec::after)'s, are enough to know how long everything is, by [`Spec::param_len`] and [`Spec::checkpoint_len`], before anything else is there. Only
/// [`load`] and its like know that it is not damaged.
///
/// # Errors
/// [`Error::Checkpoint`].
pub fn load_header(bytes: &[u8]) -> Result<Spec, Error> {
    let mut input = Reader::new(bytes);
    if input.array() != Ok(MAGIC) {
        return Err(Error::Checkpoint(CheckpointFault::Magic));
    }
    let version = input.short()?;
    if version != VERSION {
        return Err(Error::Checkpoint(CheckpointFault::Version(version)));
    }
    let [depth] = input.array()?;
    if depth == 0 {
        return Err(input.fault());
    }
    let [functions] = input.array()?;
    let math = Math::from_code(functions & !(AVERAGE | HEAD)).ok_or(input.fault())?;
    let inputs = input.short()?;
    let mut spec = valid(&input, Spec::new(inputs).math(math))?;
    let loss = loss_from(input.short()?, input.array()?).ok_or(input.fault())?;
    spec = valid(&input, spec.loss(loss))?;
    for _ in 0..depth {
        let (width, kind) = (input.short()?, input.short()?);
        let activation = activation_from(kind % NORM, input.array()?).ok_or(input.fault())?;
        spec = valid(&input, spec.dense(width, activation))?;
        spec = match kind / NORM {
            0 => spec,
            1 => valid(&input, spec.norm())?,
            2 => valid(&input, spec.layer_norm())?,
            _ => return Err(input.fault()),
        };
        let dropout = input.float()?;
        spec = valid(&input, spec.dropout(dropout))?;
        // Probabilities are rounded: only what rounding leaves is written.
        let kept = spec.layers().next_back().map(|layer| layer.dropout());
        if kept.map(f32::to_bits) != Some(dropout.to_bits()) {
            return Err(input.fault());
        }
    }
    if functions & HEAD != 0 {
        let first = usize::try_from(input.word()?).unwrap_or(0);
        if first == 0 || first.saturating_add(spec.depth()) > MAX_LAYERS {
            return Err(input.fault());
        }
        spec = spec.numbered_from(first);
        input.word()?;
    }
    if spec.check().is_err() { Err(input.fault()) } else { Ok(spec) }
}

/// `spec`, unless the latest field made it invalid.
fn valid(input: &Reader<'_>, spec: Spec) -> Result<Spec, Error> {
    if spec.is_faulty() { Err(input.fault()) } else { Ok(spec) }
}

/// The parameters in the checkpoint of `spec` at the beginning of `bytes`, after length, checksum and numbers were checked.
fn checked_params<'b>(spec: &Spec, bytes: &'b [u8]) -> Result<&'b [[u8; 4]], Error> {
    let mut input = Reader::new(bytes);
    input.words(header_words(spec))?;
    let params = input.words(spec.param_len())?;
    input.seal()?;
    check_numbers(spec, &Numbers::Bytes(params))?;
    Ok(params)
}

/// Refuses a parameter that is not finite and a running variance below zero.
pub(crate) fn check_params(spec: &Spec, params: &[f32]) -> Result<(), Error> {
    check_numbers(spec, &Numbers::Floats(params))
}

/// Parameters in memory or in a checkpoint.
enum Numbers<'a> {
    Floats(&'a [f32]),
    Bytes(&'a [[u8; 4]]),
}

impl Numbers<'_> {
    fn get(&self, i: usize) -> f32 {
        match *self {
            Self::Floats(floats) => floats.get(i).copied(),
            Self::Bytes(bytes) => bytes.get(i).map(|&b| f32::from_le_bytes(b)),
        }
        .unwrap_or(0.0)
    }
}

fn check_numbers(spec: &Spec, params: &Numbers<'_>) -> Result<(), Error> {
    match first_wrong(spec, params) {
        None => Ok(()),
        Some(index) if params.get(index).is_finite() => Err(Error::Variance { index }),
        Some(index) => Err(Error::NonFinite { value: Value::Param, index }),
    }
}

/// The place of the first that is not finite, or, where all are, of the first variance below zero. (An error would take more
/// of a chip's stack.)
#[inline(never)]
fn first_wrong(spec: &Spec, params: &Numbers<'_>) -> Option<usize> {
    for i in 0..spec.param_len() {
        if !params.get(i).is_finite() {
            return Some(i);
        }
    }
    for place in spec.places() {
        for i in place.range(Part::Variance) {
            if params.get(i) < 0.0 {
                return Some(i);
            }
        }
    }
    None
}

/// Whether the parameters of a checkpoint are an average's: good to predict with, not to train further.
#[must_use]
pub const fn holds_average(bytes: &[u8]) -> bool {
    matches!(stored_word(bytes, 2), Some(word) if word >> 24 & AVERAGE as u32 != 0)
}

impl Model<'_> {
    /// Loads the live weights in the checkpoint of this network at the beginning of `bytes`, to train them further; seed and
    /// steps come by [`resume`](Self::resume).
    ///
    /// # Errors
    /// As [`load_params`]; [`Error::AverageWeights`] for those of an average, which `load_params` gives all the same.
    pub fn load(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if holds_average(bytes) {
            return Err(Error::AverageWeights);
        }
        load_params(self.spec, bytes, self.params)?;
        self.becomes(Mark::Live);
        Ok(())
    }
}

/// Reads the parameters of a network that is known from the checkpoint at the beginning of `bytes`, which may go on behind
/// it: other than [`load`], it links nothing but what `spec` uses.
///
/// # Errors
/// [`Error::Spec`], [`Error::Length`] unless `params` has exactly [`Spec::param_len`] floats, [`Error::Checkpoint`], where
/// `bytes` do not describe this network with what differs first ([`CheckpointFault::Network`]), or are a head's
/// ([`CheckpointFault::Head`]), [`Error::NonFinite`], [`Error::Variance`]; `params` is as before then.
pub fn load_params(spec: &Spec, bytes: &[u8], params: &mut [f32]) -> Result<(), Error> {
    expect_whole(spec)?;
    load_known(spec, 0, bytes, params)
}

/// [`load_params`], of a head with its body's checksum.
pub(super) fn load_known(spec: &Spec, body: u32, bytes: &[u8], params: &mut [f32]) -> Result<(), Error> {
    spec.check()?;
    Error::expect_len(Buffer::Params, spec.param_len(), params.len())?;
    if let Some(at) = first_difference(spec, body, bytes) {
        return Err(Error::Checkpoint(header_fault(spec, body, bytes, at)));
    }
    copy(checked_params(spec, bytes)?, params);
    Ok(())
}

/// The first of the header's numbers that is another than that of `spec`.
#[inline(never)]
fn first_difference(spec: &Spec, body: u32, bytes: &[u8]) -> Option<usize> {
    let is_average = holds_average(bytes);
    (0..header_words(spec)).find(|&at| stored_word(bytes, at) != Some(header_word(spec, is_average, body, at)))
}

/// Number `at` of four bytes.
pub(super) const fn stored_word(bytes: &[u8], at: usize) -> Option<u32> {
    match bytes.split_at_checked(at.saturating_mul(4)) {
        Some((_, rest)) => match rest.first_chunk() {
            Some(word) => Some(u32::from_le_bytes(*word)),
            None => None,
        },
        None => None,
    }
}

/// The fault of a header whose number `at` is that first one.
#[cold]
pub(super) const fn header_fault(spec: &Spec, body: u32, bytes: &[u8], at: usize) -> CheckpointFault {
    match stored_word(bytes, at) {
        Some(stored) => network_fault(spec, at, stored, header_word(spec, holds_average(bytes), body, at)),
        None => CheckpointFault::Length,
    }
}

/// That of a number as it is stored and as it is wanted: of the fields in it the first that differs is told.
#[cold]
pub(super) const fn network_fault(spec: &Spec, at: usize, stored: u32, wanted: u32) -> CheckpointFault {
    let differs = stored ^ wanted;
    let (l, part) = part_of_layer(at);
    let is_behind = at >= HEADER / 4 && l >= spec.depth();
    let (field, shift, mask) = match (at, part) {
        (0 | 1, _) => return CheckpointFault::Magic,
        (2, _) if differs & 0xffff != 0 => return CheckpointFault::Version(stored as u16),
        (2, _) if differs >> 24 & HEAD as u32 != 0 => {
            return if spec.first_layer() == 0 { CheckpointFault::Head } else { CheckpointFault::Whole };
        }
        (2, _) if differs & 0xff_0000 != 0 => (SpecField::Depth, 16, 0xff),
        (2, _) => (SpecField::Math, 24, 0xff),
        (3, _) if differs & 0xffff != 0 => (SpecField::Inputs, 0, 0xffff),
        (3, _) => (SpecField::Loss, 16, 0xffff),
        (4, _) => (SpecField::Threshold, 0, u32::MAX),
        (_, 0) if is_behind => (SpecField::FirstLayer, 0, u32::MAX),
        _ if is_behind => return CheckpointFault::Body(stored, wanted),
        (_, 0) if differs & 0xffff != 0 => (SpecField::Width, 0, 0xffff),
        (_, 0) => (SpecField::Activation, 16, 0xffff),
        (_, 1) => (SpecField::Slope, 0, u32::MAX),
        _ => (SpecField::Dropout, 0, u32::MAX),
    };
    let layer = if at < HEADER / 4 || is_behind { None } else { Some(l as u8) };
    CheckpointFault::Network { layer, field, stored: stored >> shift & mask, wanted: wanted >> shift & mask }
}

/// Reads the parameters of the checkpoint at the beginning of `bytes` into `params` and returns their network.
///
/// # Errors
/// [`Error::Checkpoint`], also for a head's, [`Error::NonFinite`], [`Error::Variance`], or [`Error::Length`] unless `params` has
/// exactly the network's [`Spec::param_len`]; `params` is as before then.
pub fn load(bytes: &[u8], params: &mut [f32]) -> Result<Spec, Error> {
    let spec = load_header(bytes)?;
    expect_whole(&spec)?;
    let stored = checked_params(&spec, bytes)?;
    Error::expect_len(Buffer::Params, spec.param_len(), params.len())?;
    copy(stored, params);
    Ok(spec)
}

fn copy(stored: &[[u8; 4]], params: &mut [f32]) {
    params.iter_mut().zip(stored).for_each(|(to, &from)| *to = f32::from_le_bytes(from));
}

/// The loss of this code and constant, written as it would be.
fn loss_from(code: u16, threshold: [u8; 4]) -> Option<Loss> {
    let loss = match code {
        0 => Loss::SoftmaxCrossEntropy,
        1 => Loss::MeanSquared,
        2 => Loss::BinaryCrossEntropy,
        3 => Loss::Huber(f32::from_le_bytes(threshold)),
        4 => Loss::Pinball(f32::from_le_bytes(threshold)),
        _ => Loss::GaussianNll,
    };
    (loss.code() == (u32::from(code), u32::from_le_bytes(threshold))).then_some(loss)
}

/// The activation of this code and constant, likewise.
fn activation_from(code: u16, slope: [u8; 4]) -> Option<Activation> {
    // −0 is 0.
    let activation = Activation::of(code.min(255) as u8, f32::from_le_bytes(slope) + 0.0);
    (activation.code() == (u32::from(code), u32::from_le_bytes(slope))).then_some(activation)
}
