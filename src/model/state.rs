//! What a model is besides its parameters.

use crate::bytes::{Reader, Writer};
use crate::error::Error;
use crate::network::spec::Spec;

/// What a model is besides its parameters: kept with them, for [`Model::resume`](crate::Model::resume).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ModelState {
    /// The digest of the network.
    pub(super) network: u32,
    /// The seed of the dropout masks.
    pub seed: u64,
    /// Training steps taken.
    pub steps: u64,
}

impl ModelState {
    /// Bytes of a state.
    pub const BYTES: usize = 20;

    /// The state as bytes, little-endian on every target: `u32` digest of the network, `u64` seed, `u64` steps.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let mut out = Writer::new(&mut bytes);
        out.word(self.network);
        out.long(self.seed);
        out.long(self.steps);
        bytes
    }

    /// The state that these bytes and the program's network describe.
    ///
    /// # Errors
    /// [`Error::Spec`], and [`Error::Network`] for the bytes of another network.
    pub fn from_bytes(spec: &Spec, bytes: &[u8; Self::BYTES]) -> Result<Self, Error> {
        spec.check()?;
        let mut input = Reader::new(bytes);
        let state = Self { network: input.word()?, seed: input.long()?, steps: input.long()? };
        spec.check_digest(state.network)?;
        Ok(state)
    }
}
