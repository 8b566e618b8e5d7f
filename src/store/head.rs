//! A head learns on the outputs of a frozen body: it is stored without the body, but with the body's checksum.
//!
//! The checksum is that of the body's checkpoint: the CRC-32 of its header and its parameters, of weights that are not
//! marked as an average. So it tells bodies apart whose numbers or whose activations differ.

use crate::crc::Crc;
use crate::error::{Buffer, CheckpointFault, Error, SpecFault};
use crate::model::params::Params;
use crate::network::spec::Spec;
use crate::slices::cut_mut;
use crate::store::checkpoint::{header_word, header_words, load_header, load_known, save_params, stored_word};

/// The checksum of a network's parameters: the CRC-32 that [`save`](super::save) ends with for a plain slice. It takes
/// 6.8 instructions a byte on a Cortex-M4F: compute it once, at start-up.
///
/// # Errors
/// [`Error::Spec`], or [`Error::Length`] unless `params` has exactly [`Spec::param_len`] floats.
pub fn checksum(spec: &Spec, params: &[f32]) -> Result<u32, Error> {
    spec.check()?;
    Error::expect_len(Buffer::Params, spec.param_len(), params.len())?;
    let header = (0..header_words(spec)).map(|at| header_word(spec, false, 0, at));
    Ok(header.chain(params.iter().map(|p| p.to_bits())).fold(Crc::NEW, Crc::word).get())
}

/// Writes a [head](Spec::after) into `bytes`, [`Spec::checkpoint_len`] of them, with the [`checksum`] of the body that it
/// was trained on; an average is marked as such, as by [`save`](super::save).
///
/// ```
/// use cygnet::store::{checksum, load_head, save_head};
/// use cygnet::{Activation, Spec};
/// const NET: Spec = Spec::new(8).dense(4, Activation::Relu).dense(2, Activation::Identity);
/// const BODY: Spec = NET.first(1);
/// const HEAD: Spec = NET.after(1);
/// static BODY_PARAMS: [f32; BODY.param_len()] = [0.5; BODY.param_len()]; // as in flash
/// let body = checksum(&BODY, &BODY_PARAMS)?;
/// let (mut head, mut bytes) = ([0.1; HEAD.param_len()], [0; HEAD.checkpoint_len()]);
/// save_head(&HEAD, &head, body, &mut bytes)?;
/// load_head(&HEAD, body, &bytes, &mut head)?; // on the same body alone
/// assert!(load_head(&HEAD, body ^ 1, &bytes, &mut head).is_err());
/// # Ok::<(), cygnet::Error>(())
/// ```
///
/// # Errors
/// [`Error::Spec`], with [`SpecFault::Cut`] for a whole network; [`Error::Length`], [`Error::NonFinite`],
/// [`Error::Variance`]; nothing is written then.
pub fn save_head<'p>(head: &Spec, params: impl Into<Params<'p>>, body: u32, bytes: &mut [u8]) -> Result<(), Error> {
    expect_head(head)?;
    save_params(head, params.into(), body, bytes)
}

/// Reads the parameters of a head from its checkpoint at the beginning of `bytes`; `body` is the [`checksum`] of the body
/// that is to feed it.
///
/// # Errors
/// [`Error::Spec`], with [`SpecFault::Cut`] for a whole network; [`Error::Length`]; [`Error::Checkpoint`], with
/// [`CheckpointFault::Whole`] for that of a whole network and [`CheckpointFault::Body`] for a head that was trained on
/// another body; [`Error::NonFinite`], [`Error::Variance`]; `params` is as before then.
pub fn load_head(head: &Spec, body: u32, bytes: &[u8], params: &mut [f32]) -> Result<(), Error> {
    expect_head(head)?;
    load_known(head, body, bytes, params)
}

/// Replaces the last layers of `params`, those of the whole network, by the head in the checkpoint at the beginning of
/// `bytes`; the layers before must be the body that it was trained on. So a head that a chip has learned becomes a whole
/// model again. (A chip that needs no whole network loads its head by [`load_head`].)
///
/// # Errors
/// As [`load_head`]; `params` is as before then.
pub fn join(whole: &Spec, bytes: &[u8], params: &mut [f32]) -> Result<(), Error> {
    whole.check()?;
    Error::expect_len(Buffer::Params, whole.param_len(), params.len())?;
    let first = load_header(bytes)?.first_layer();
    if first == 0 {
        return Err(Error::Checkpoint(CheckpointFault::Whole));
    }
    let layers = first.saturating_sub(whole.first_layer());
    let (body, head) = (whole.first(layers), whole.after(layers));
    let (body_params, head_params) = cut_mut(params, body.param_len());
    load_head(&head, checksum(&body, body_params)?, bytes, head_params)
}

/// The checksum of the body that the head in the checkpoint at the beginning of `bytes` was trained on; none for a whole
/// network.
///
/// # Errors
/// [`Error::Checkpoint`] where the bytes are no checkpoint. Only what reads the parameters knows that it is not damaged.
pub fn body_checksum(bytes: &[u8]) -> Result<Option<u32>, Error> {
    let spec = load_header(bytes)?;
    let last = header_words(&spec).wrapping_sub(1);
    Ok(if spec.first_layer() > 0 { stored_word(bytes, last) } else { None })
}

fn expect_head(spec: &Spec) -> Result<(), Error> {
    if spec.first_layer() > 0 { Ok(()) } else { Err(Error::Spec(SpecFault::Cut)) }
}
