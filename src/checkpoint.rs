//! A network and its parameters as bytes: little-endian on every target, checked by length, ranges and CRC-32.
//!
//! | byte | what |
//! |---|---|
//! | 0 | magic `89 43 59 47 4e 45 54 0a` |
//! | 8 | `u16` format version, 1 |
//! | 10 | `u8` dense layers `L`; `u8` transcendental functions (0 libm, 1 micromath; 128 more for an average's parameters) |
//! | 12 | `u16` inputs; `u16` loss (0 softmax cross-entropy, 1 mean squared, 2 binary cross-entropy, 3 Huber) |
//! | 16 | `f32` Huber's threshold, else 0 |
//! | 20 + 12·l | layer `l`: `u16` width, `u16` activation (0 identity, 1 ReLU, 2 leaky ReLU, 3 tanh, 4 sigmoid; 256 more with a norm), `f32` slope or 0, `f32` dropout |
//! | 20 + 12·L | `P` parameters, `f32` |
//! | the last 4 | `u32` CRC-32 (ISO-HDLC) of all bytes before |
//!
//! A network has one spelling: what is read is written again byte for byte. In a file a preprocessing may follow
//! (`section.rs`), and what only the host reads: a program that is given a whole file takes its first [`checkpoint_len`]
//! bytes.

use crate::activation::Activation;
use crate::criterion::Loss;
use crate::error::{Buffer, CheckpointFault, Error, SpecField, Value};
use crate::kernels::cut;
use crate::layer::Layer;
use crate::math::Math;
use crate::model::{Mark, Model};
use crate::params::Params;
use crate::spec::Spec;

const MAGIC: [u8; 8] = *b"\x89CYGNET\n";
const VERSION: u16 = 1;
const HEADER: usize = 20;
const LAYER: usize = 12;
/// In a layer's activation: its pre-activations are normalised.
const NORMED: u16 = 256;
/// In the functions' byte: the parameters are an average's.
const AVERAGE: u8 = 128;
/// Where that byte is.
const FUNCTIONS: usize = 11;
/// Bitwise, without a table: a chip has more time than flash for this.
pub(crate) const CRC: crc::Crc<u32, crc::NoTable> = crc::Crc::<u32, crc::NoTable>::new(&crc::CRC_32_ISO_HDLC);

/// Bytes of a checkpoint: `24 + 12·L + 4·P`; `usize::MAX` for a wrong description.
#[must_use]
pub const fn checkpoint_len(spec: &Spec) -> usize {
    spec.param_len().saturating_mul(4).saturating_add(HEADER + LAYER * spec.depth() + 4)
}

/// Writes a network and its parameters into `bytes`, [`checkpoint_len`] of them; an average, as
/// [`Averager::mean`](crate::Averager::mean), [`Params::of_average`] or a model in whose place one is, is marked as such; a
/// plain slice is not.
///
/// # Errors
/// [`Error::Spec`], [`Error::Length`], [`Error::NonFinite`] for a parameter that is not finite, or [`Error::Variance`] for a
/// norm's running variance below zero; nothing is written then.
pub fn save<'p>(spec: &Spec, params: impl Into<Params<'p>>, bytes: &mut [u8]) -> Result<(), Error> {
    save_params(spec, params.into(), bytes)
}

fn save_params(spec: &Spec, params: Params<'_>, bytes: &mut [u8]) -> Result<(), Error> {
    let Params { values: params, is_average, .. } = params;
    spec.check()?;
    Error::expect_len(Buffer::Params, spec.param_len(), params.len())?;
    Error::expect_len(Buffer::Checkpoint, checkpoint_len(spec), bytes.len())?;
    check_params(spec, &mut params.iter().copied())?;
    let mut out = Writer::new(bytes);
    header(spec, is_average, &mut |field| out.bytes(field));
    for p in params {
        out.bytes(&p.to_le_bytes());
    }
    out.finish();
    Ok(())
}

/// Gives `each` field of the header, in order.
fn header(spec: &Spec, is_average: bool, each: &mut dyn FnMut(&[u8])) {
    let (loss, threshold) = loss_code(spec.loss_kind());
    each(&MAGIC);
    each(&VERSION.to_le_bytes());
    each(&[spec.depth() as u8]);
    each(&[math_code(spec.math_kind()) | if is_average { AVERAGE } else { 0 }]);
    each(&(spec.inputs() as u16).to_le_bytes());
    each(&loss.to_le_bytes());
    each(&threshold.to_le_bytes());
    for layer in spec.layers() {
        let (activation, slope) = activation_code(layer.activation());
        each(&(layer.outputs() as u16).to_le_bytes());
        each(&(activation + if layer.is_normed() { NORMED } else { 0 }).to_le_bytes());
        each(&slope.to_le_bytes());
        each(&layer.dropout().to_le_bytes());
    }
}

/// The network that `bytes` describe, after all of them were checked.
///
/// # Errors
/// [`Error::Checkpoint`], [`Error::NonFinite`], [`Error::Variance`].
pub fn load_spec(bytes: &[u8]) -> Result<Spec, Error> {
    let spec = header_spec(bytes)?;
    if bytes.len() != checkpoint_len(&spec) {
        return Err(Error::Checkpoint(CheckpointFault::Length));
    }
    check_crc(bytes)?;
    check_params(&spec, &mut params_of(bytes, &spec))?;
    Ok(spec)
}

/// The network that the header of `bytes` describes, which says how long the checkpoint is.
pub(crate) fn header_spec(bytes: &[u8]) -> Result<Spec, Error> {
    let mut input = Reader { bytes, at: 0, field: 0 };
    if input.array() != Ok(MAGIC) {
        return Err(Error::Checkpoint(CheckpointFault::Magic));
    }
    let version = u16::from_le_bytes(input.array()?);
    if version != VERSION {
        return Err(Error::Checkpoint(CheckpointFault::Version(version)));
    }
    let [depth] = input.array()?;
    if depth == 0 {
        return Err(input.fault());
    }
    let [math] = input.array()?;
    let math = math_from(math & !AVERAGE).ok_or(input.fault())?;
    let inputs = u16::from_le_bytes(input.array()?);
    let mut spec = input.valid(Spec::new(inputs).math(math))?;
    let (kind, threshold) = (u16::from_le_bytes(input.array()?), f32::from_le_bytes(input.array()?));
    spec = input.valid(spec.loss(loss_from(kind, threshold).ok_or(input.fault())?))?;
    for _ in 0..depth {
        let (width, kind) = (u16::from_le_bytes(input.array()?), u16::from_le_bytes(input.array()?));
        let activation = activation_from(kind & !NORMED, f32::from_le_bytes(input.array()?)).ok_or(input.fault())?;
        spec = input.valid(spec.dense(width, activation))?;
        if kind & NORMED != 0 {
            spec = input.valid(spec.norm())?;
        }
        let dropout = f32::from_le_bytes(input.array()?);
        spec = input.valid(spec.dropout(dropout))?;
        // Probabilities are rounded: only what rounding leaves is written.
        let kept = spec.layers().next_back().map(Layer::dropout);
        if kept.map(f32::to_bits) != Some(dropout.to_bits()) {
            return Err(input.fault());
        }
    }
    if spec.check().is_err() { Err(input.fault()) } else { Ok(spec) }
}

fn check_crc(bytes: &[u8]) -> Result<(), Error> {
    let (body, crc) = bytes.split_last_chunk().ok_or(Error::Checkpoint(CheckpointFault::Length))?;
    let (stored, computed) = (u32::from_le_bytes(*crc), CRC.checksum(body));
    if stored != computed {
        return Err(Error::Checkpoint(CheckpointFault::Crc(stored, computed)));
    }
    Ok(())
}

/// Refuses a parameter that is not finite and a running variance below zero, whether `params` come from floats or bytes.
pub(crate) fn check_params(spec: &Spec, params: &mut dyn Iterator<Item = f32>) -> Result<(), Error> {
    let mut index = 0_usize;
    for layer in spec.layers() {
        // Variances come last, one of a norm's four parameters a unit.
        let end = index.wrapping_add(layer.param_len());
        let variances = end.wrapping_sub(layer.norm_len() / 4);
        while index < end {
            let p = params.next().unwrap_or(0.0);
            if !p.is_finite() {
                return Err(Error::NonFinite { value: Value::Param, index });
            }
            if p < 0.0 && index >= variances {
                return Err(Error::Variance { index });
            }
            index = index.wrapping_add(1);
        }
    }
    Ok(())
}

/// Whether the parameters of a checkpoint are an average's: good to predict with, not to train further.
#[must_use]
pub fn holds_average(bytes: &[u8]) -> bool {
    bytes.get(FUNCTIONS).is_some_and(|functions| functions & AVERAGE != 0)
}

impl Model<'_> {
    /// Takes the live weights in a checkpoint of this network, to train them further; seed and steps come by
    /// [`resume`](Self::resume).
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

/// Reads the parameters of a network that is known: other than [`load`], it links nothing but what `spec` uses.
///
/// # Errors
/// [`Error::Spec`], [`Error::Length`] unless `params` has exactly [`Spec::param_len`] floats, [`Error::Checkpoint`], where
/// `bytes` describe another network with what differs first ([`CheckpointFault::Network`]), [`Error::NonFinite`],
/// [`Error::Variance`]; `params` is as before then.
pub fn load_params(spec: &Spec, bytes: &[u8], params: &mut [f32]) -> Result<(), Error> {
    spec.check()?;
    Error::expect_len(Buffer::Params, spec.param_len(), params.len())?;
    let mut header_of = Comparison { rest: bytes, at: 0, difference: None };
    header(spec, holds_average(bytes), &mut |field| header_of.field(field));
    let wrong = match header_of.difference {
        _ if bytes.len() < HEADER => Some(CheckpointFault::Length),
        None if bytes.len() != checkpoint_len(spec) => Some(CheckpointFault::Length),
        Some((0, _)) => Some(CheckpointFault::Magic),
        Some((8, [version, _])) => Some(CheckpointFault::Version(version as u16)),
        _ => None,
    };
    if let Some(wrong) = wrong {
        return Err(Error::Checkpoint(wrong));
    }
    // What is damaged says nothing of a network.
    check_crc(bytes)?;
    if let Some((at, numbers)) = header_of.difference {
        return Err(Error::Checkpoint(network_fault(at, numbers)));
    }
    check_params(spec, &mut params_of(bytes, spec))?;
    params.iter_mut().zip(params_of(bytes, spec)).for_each(|(to, from)| *to = from);
    Ok(())
}

/// Compares a header with the fields that it should have.
struct Comparison<'b> {
    rest: &'b [u8],
    at: usize,
    /// Where the first field that differs begins; its number and what it should be.
    difference: Option<(usize, [u32; 2])>,
}

impl Comparison<'_> {
    /// Not inlined: a header has nine fields.
    #[inline(never)]
    fn field(&mut self, field: &[u8]) {
        let (found, rest) = cut(self.rest, field.len());
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |n, &byte| n << 8 | u32::from(byte));
        if self.difference.is_none() && found.iter().zip(field).any(|(a, b)| a != b) {
            self.difference = Some((self.at, [found, field].map(number)));
        }
        (self.rest, self.at) = (rest, self.at.wrapping_add(field.len()));
    }
}

/// The fault of a header whose field at byte `at` holds the first number in place of the second.
fn network_fault(at: usize, [stored, wanted]: [u32; 2]) -> CheckpointFault {
    let at_layers = at.checked_sub(HEADER);
    let field = match at_layers.map_or(at, |at| at % LAYER) {
        0 => SpecField::Width,
        2 => SpecField::Activation,
        4 => SpecField::Slope,
        8 => SpecField::Dropout,
        10 => SpecField::Depth,
        FUNCTIONS => SpecField::Math,
        12 => SpecField::Inputs,
        14 => SpecField::Loss,
        _ => SpecField::Threshold,
    };
    CheckpointFault::Network { layer: at_layers.map(|at| (at / LAYER) as u8), field, stored, wanted }
}

/// Reads the parameters into `params` and returns their network.
///
/// # Errors
/// [`Error::Checkpoint`], [`Error::NonFinite`], [`Error::Variance`], or [`Error::Length`] unless `params` has exactly the
/// network's [`Spec::param_len`]; `params` is as before then.
pub fn load(bytes: &[u8], params: &mut [f32]) -> Result<Spec, Error> {
    let spec = load_spec(bytes)?;
    Error::expect_len(Buffer::Params, spec.param_len(), params.len())?;
    for (to, from) in params.iter_mut().zip(params_of(bytes, &spec)) {
        *to = from;
    }
    Ok(spec)
}

fn params_of<'b>(bytes: &'b [u8], spec: &Spec) -> impl Iterator<Item = f32> + 'b {
    let start = HEADER + LAYER * spec.depth();
    let (chunks, _) = bytes.get(start..).unwrap_or(&[]).as_chunks::<4>();
    chunks.iter().take(spec.param_len()).map(|&b| f32::from_le_bytes(b))
}

pub(crate) struct Writer<'b> {
    rest: core::slice::IterMut<'b, u8>,
    crc: crc::Digest<'static, u32, crc::NoTable>,
}

impl<'b> Writer<'b> {
    pub(crate) fn new(bytes: &'b mut [u8]) -> Self {
        Self { rest: bytes.iter_mut(), crc: CRC.digest() }
    }

    /// Ends with the checksum.
    pub(crate) fn finish(self) {
        for (to, from) in self.rest.zip(self.crc.finalize().to_le_bytes()) {
            *to = from;
        }
    }

    /// Not inlined: a header has nine fields.
    #[inline(never)]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
        for (&from, to) in bytes.iter().zip(&mut self.rest) {
            *to = from;
        }
    }
}

struct Reader<'b> {
    bytes: &'b [u8],
    at: usize,
    /// Where the latest field begins.
    field: usize,
}

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let rest = self.bytes.get(self.at..).unwrap_or(&[]);
        let array = rest.first_chunk::<N>().ok_or(Error::Checkpoint(CheckpointFault::Length))?;
        (self.field, self.at) = (self.at, self.at.wrapping_add(N));
        Ok(*array)
    }

    /// `spec`, unless the latest field made it one that cannot be.
    fn valid(&self, spec: Spec) -> Result<Spec, Error> {
        if spec.is_faulty() { Err(self.fault()) } else { Ok(spec) }
    }

    /// The latest field cannot be.
    fn fault(&self) -> Error {
        Error::Checkpoint(CheckpointFault::Field(self.field as u32))
    }
}

fn math_code(math: Math) -> u8 {
    match math {
        Math::Libm => 0,
        #[cfg(feature = "micromath")]
        Math::Micromath => 1,
    }
}

fn math_from(code: u8) -> Option<Math> {
    match code {
        0 => Some(Math::Libm),
        #[cfg(feature = "micromath")]
        1 => Some(Math::Micromath),
        _ => None,
    }
}

fn loss_code(loss: Loss) -> (u16, f32) {
    match loss {
        Loss::SoftmaxCrossEntropy => (0, 0.0),
        Loss::MeanSquared => (1, 0.0),
        Loss::BinaryCrossEntropy => (2, 0.0),
        Loss::Huber(delta) => (3, delta),
    }
}

fn loss_from(code: u16, threshold: f32) -> Option<Loss> {
    match (code, threshold.to_bits()) {
        (0, 0) => Some(Loss::SoftmaxCrossEntropy),
        (1, 0) => Some(Loss::MeanSquared),
        (2, 0) => Some(Loss::BinaryCrossEntropy),
        (3, _) => Some(Loss::Huber(threshold)),
        _ => None,
    }
}

fn activation_code(activation: Activation) -> (u16, f32) {
    match activation {
        Activation::Identity => (0, 0.0),
        Activation::Relu => (1, 0.0),
        Activation::LeakyRelu(slope) => (2, slope),
        Activation::Tanh => (3, 0.0),
        Activation::Sigmoid => (4, 0.0),
    }
}

fn activation_from(code: u16, slope: f32) -> Option<Activation> {
    match (code, slope.to_bits()) {
        (0, 0) => Some(Activation::Identity),
        (1, 0) => Some(Activation::Relu),
        // −0 is written as 0.
        (2, 0..0x8000_0000) => Some(Activation::LeakyRelu(slope)),
        (3, 0) => Some(Activation::Tanh),
        (4, 0) => Some(Activation::Sigmoid),
        _ => None,
    }
}
