//! What stands behind a checkpoint in its file: sections of eight magic bytes, fields, and a CRC-32 of both.

use crate::Error;
use crate::bytes::{Reader, Writer};
use crate::error::CheckpointFault;
use crate::host::prelude::*;

/// A section of these fields, the magic bytes first.
pub(in crate::host) fn sealed(fields: &[&[u8]]) -> Vec<u8> {
    let fields = fields.concat();
    let mut bytes = vec![0; fields.len() + 4];
    let mut out = Writer::new(&mut bytes);
    out.bytes(&fields);
    out.seal();
    bytes
}

/// Reads the `fields` of a section that begins with `magic`, and what follows the section.
pub(in crate::host) fn opened<'a, T>(
    magic: [u8; 8],
    bytes: &'a [u8],
    fields: impl FnOnce(&mut Reader<'a>) -> Result<T, Error>,
) -> Result<(T, &'a [u8]), String> {
    let mut input = Reader::new(bytes);
    let all = || {
        if input.array()? != magic {
            return Err(Error::Checkpoint(CheckpointFault::Magic));
        }
        let all = fields(&mut input)?;
        input.seal()?;
        Ok((all, input.rest()))
    };
    all().map_err(|error| match error {
        Error::Checkpoint(CheckpointFault::Magic) => "wrong magic bytes".to_owned(),
        Error::Checkpoint(CheckpointFault::Length) => "truncated".to_owned(),
        Error::Checkpoint(other) => other.to_string(),
        other => other.to_string(),
    })
}

/// The length of a JSON object, before the object.
pub(in crate::host) fn length(json: &[u8]) -> [u8; 4] {
    (json.len() as u32).to_le_bytes()
}

/// A JSON object behind its length.
pub(in crate::host) fn object<'a>(input: &mut Reader<'a>) -> Result<&'a [u8], Error> {
    let length = input.word()?;
    input.bytes(length as usize)
}
