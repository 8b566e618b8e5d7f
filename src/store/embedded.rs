//! Parameters in a program's image: the compiler turns a file's bytes into floats, which a linker places where `f32` may lie.

use crate::error::{Buffer, CheckpointFault, Error, Value};
use crate::network::spec::Spec;
use crate::store::checkpoint::{MAGIC, header_fault, header_word, header_words, holds_average, stored_word};

/// CRC-32 of four bytes at once, as the compiler computes it: `TABLES[n]` is that of a byte before `n` zeros.
const TABLES: [[u32; 256]; 4] = {
    let (mut tables, mut n) = ([[0; 256]; 4], 0);
    while n < 4 {
        let mut byte = 0;
        while byte < 256 {
            let (mut crc, mut bit) = (if n == 0 { byte as u32 } else { tables[n - 1][byte] }, 0);
            while bit < 8 {
                crc = (crc >> 1) ^ (0xedb8_8320 * (crc & 1));
                bit += 1;
            }
            tables[n][byte] = crc;
            byte += 1;
        }
        n += 1;
    }
    tables
};

/// The checksum of `bytes`, four at a time, after others; `!0` before any, and inverted in the end.
const fn crc_on(mut crc: u32, bytes: &[u8]) -> u32 {
    let (mut words, mut tail) = bytes.as_chunks::<4>();
    while let Some((&[b0, b1, b2, b3], rest)) = words.split_first() {
        let x = crc ^ (b0 as u32 | (b1 as u32) << 8 | (b2 as u32) << 16 | (b3 as u32) << 24);
        let [t0, t1, t2, t3] = &TABLES;
        crc =
            t3[x as u8 as usize] ^ t2[(x >> 8) as u8 as usize] ^ t1[(x >> 16) as u8 as usize] ^ t0[(x >> 24) as usize];
        words = rest;
    }
    while let Some((&byte, rest)) = tail.split_first() {
        crc = crc >> 8 ^ TABLES[0][(crc as u8 ^ byte) as usize];
        tail = rest;
    }
    crc
}

/// The parameters of `part` in `file`, the checkpoint of `whole` or its floats alone (little-endian): `part` is `whole`
/// itself or what it was [cut](Spec::first) into. For a `const` or a `static`: [`embed!`](crate::embed) calls it, and stops
/// the build where it fails.
///
/// # Errors
/// [`Error::Spec`]; [`Error::Length`] unless `N` is [`Spec::param_len`] of `part`; [`Error::Checkpoint`], also for another
/// network than `whole`; [`Error::NonFinite`].
pub const fn embed<const N: usize>(part: &Spec, whole: &Spec, file: &[u8]) -> Result<[f32; N], Error> {
    let bytes = match stored(part, whole, file) {
        Ok(bytes) => bytes,
        Err(error) => return Err(error),
    };
    if let Err(fault) = check_seal(whole, file) {
        return Err(Error::Checkpoint(fault));
    }
    let mut params = [0.0; N];
    let (mut rest, _) = bytes.as_chunks::<4>();
    if rest.len() != N {
        return Err(Error::Length { buffer: Buffer::Params, needed: rest.len(), got: N });
    }
    let mut index = 0;
    while index < N
        && let Some((&[b0, b1, b2, b3], tail)) = rest.split_first()
    {
        // Without a call for each number, of which a compiler counts only so many.
        let bits = b0 as u32 | (b1 as u32) << 8 | (b2 as u32) << 16 | (b3 as u32) << 24;
        if bits & INFINITE == INFINITE {
            return Err(Error::NonFinite { value: Value::Param, index });
        }
        params[index] = f32::from_bits(bits);
        (rest, index) = (tail, index.wrapping_add(1));
    }
    Ok(params)
}

/// The exponent of infinity and NaN.
const INFINITE: u32 = 0x7f80_0000;

/// What [`checksum`](super::checksum) gives of the parameters that [`embed`] takes from the same file: compared at start-up,
/// it finds flash that has changed. For a `const`. `None` where `embed` fails.
#[must_use]
pub const fn embedded_checksum(part: &Spec, whole: &Spec, file: &[u8]) -> Option<u32> {
    let Ok(bytes) = stored(part, whole, file) else { return None };
    let (mut crc, mut at) = (!0, 0);
    while at < header_words(part) {
        crc = crc_on(crc, &header_word(part, false, 0, at).to_le_bytes());
        at = at.wrapping_add(1);
    }
    Some(!crc_on(crc, bytes))
}

/// The bytes of the parameters of `part`.
const fn stored<'f>(part: &Spec, whole: &Spec, file: &'f [u8]) -> Result<&'f [u8], Error> {
    if let (Err(error), _) | (_, Err(error)) = (whole.check(), part.check()) {
        return Err(error);
    }
    let Some(before) = offset(part, whole) else { return Err(Error::Network) };
    let params = match params_of(whole, file) {
        Ok(params) => params,
        Err(fault) => return Err(Error::Checkpoint(fault)),
    };
    Ok(cut(cut(params, before.saturating_mul(4)).1, part.param_len().saturating_mul(4)).0)
}

/// Where the parameters of `part` begin among those of `whole`, if it was cut from it.
const fn offset(part: &Spec, whole: &Spec) -> Option<usize> {
    let layers = part.first_layer().wrapping_sub(whole.first_layer());
    let Some(layer) = whole.layer(layers) else { return None };
    let rest = if layers > 0 { whole.after(layers) } else { *whole };
    let cut = if part.depth() < rest.depth() { rest.first(part.depth()) } else { rest };
    if part.digest() == cut.digest() { Some(layer.offset()) } else { None }
}

/// The bytes of all parameters in `file`, after its header and its length were checked.
const fn params_of<'f>(spec: &Spec, file: &'f [u8]) -> Result<&'f [u8], CheckpointFault> {
    let len = spec.param_len().saturating_mul(4);
    if !is_checkpoint(file) {
        return if file.len() == len { Ok(file) } else { Err(CheckpointFault::Length) };
    }
    let (words, mut at) = (header_words(spec), 0);
    let body = match stored_word(file, words.wrapping_sub(1)) {
        Some(word) if spec.first_layer() > 0 => word,
        _ => 0,
    };
    while at < words {
        if !matches!(stored_word(file, at), Some(word) if word == header_word(spec, holds_average(file), body, at)) {
            return Err(header_fault(spec, body, file, at));
        }
        at = at.wrapping_add(1);
    }
    let params = cut(file, words.saturating_mul(4)).1;
    if params.len() < len.saturating_add(4) { Err(CheckpointFault::Length) } else { Ok(cut(params, len).0) }
}

/// Compares the checksum of a checkpoint whose header was checked; floats alone have none.
const fn check_seal(spec: &Spec, file: &[u8]) -> Result<(), CheckpointFault> {
    let (sealed, rest) = cut(file, spec.checkpoint_len().saturating_sub(4));
    match rest.first_chunk::<4>() {
        Some(stored) if is_checkpoint(file) => {
            let (stored, computed) = (u32::from_le_bytes(*stored), !crc_on(!0, sealed));
            if stored == computed { Ok(()) } else { Err(CheckpointFault::Crc(stored, computed)) }
        }
        _ => Ok(()),
    }
}

const fn is_checkpoint(file: &[u8]) -> bool {
    matches!(file.first_chunk(), Some(magic) if u64::from_le_bytes(*magic) == u64::from_le_bytes(MAGIC))
}

/// `slice` cut after `n` bytes, or whole where it is shorter.
const fn cut(slice: &[u8], n: usize) -> (&[u8], &[u8]) {
    match slice.split_at_checked(n) {
        Some(parts) => parts,
        None => (slice, &[]),
    }
}

/// Takes parameters from a file into the program's image while it is compiled: `embed!(NET, file)` those of a network,
/// `embed!(BODY, NET, file)` those of a part that `NET` was [cut](crate::Spec::first) into. The file is a checkpoint of `NET`
/// or its floats alone, little-endian. A file of another network or a damaged one stops the build.
///
/// ```
/// use cygnet::{Activation, Spec, store};
/// const NET: Spec = Spec::new(2).dense(3, Activation::Relu).dense(1, Activation::Identity).loss(cygnet::Loss::MeanSquared);
/// const BODY: Spec = NET.first(1);
/// const FILE: &[u8] = &[0; 4 * NET.param_len()]; // include_bytes!("model.cygnet")
/// static BODY_PARAMS: [f32; BODY.param_len()] = cygnet::embed!(BODY, NET, FILE);
/// const BODY_CHECKSUM: u32 = store::embedded_checksum(&BODY, &NET, FILE).unwrap();
/// // At start-up, where flash may have changed:
/// assert_eq!(store::checksum(&BODY, &BODY_PARAMS), Ok(BODY_CHECKSUM));
/// ```
///
/// ```compile_fail,E0080
/// use cygnet::{Activation, Spec};
/// const NET: Spec = Spec::new(2).dense(3, Activation::Identity);
/// // error: evaluation panicked: wrong length for the network
/// static PARAMS: [f32; NET.param_len()] = cygnet::embed!(NET, &[0; 35]);
/// ```
#[macro_export]
macro_rules! embed {
    ($whole:expr, $file:expr $(,)?) => {
        $crate::embed!($whole, $whole, $file)
    };
    ($part:expr, $whole:expr, $file:expr $(,)?) => {
        const {
            match $crate::store::embed(&$part, &$whole, $file) {
                ::core::result::Result::Ok(params) => params,
                ::core::result::Result::Err(error) => ::core::panic!("{}", $crate::store::embed_text(&error)),
            }
        }
    };
}

/// Why the compiler cannot take a file, in words that need no formatting.
#[doc(hidden)]
#[must_use]
pub const fn embed_text(error: &Error) -> &'static str {
    match error {
        Error::Spec(fault) => fault.text(),
        Error::Network => "the part was not cut from this network",
        Error::Checkpoint(CheckpointFault::Length) => "wrong length for the network",
        Error::Checkpoint(CheckpointFault::Crc(..)) => "the file is damaged (CRC-32)",
        Error::Checkpoint(CheckpointFault::Version(_)) => "the format version is not supported",
        Error::Checkpoint(_) => "the file holds another network: `cygnet info` shows which",
        Error::NonFinite { .. } => "a parameter is not finite",
        _ => "wrong length of the array",
    }
}
