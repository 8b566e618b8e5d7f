//! How large a reservoir is, and what has to be kept beside its slices.

use crate::bytes::{Reader, Writer};
use crate::error::{Error, Setting};
use crate::targets::check_classes;

/// Settings of a [`Reservoir`](super::Reservoir).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ReservoirConfig {
    /// The most samples that it holds. With fewer places than classes some classes have none.
    pub places: usize,
    /// Numbers in a sample.
    pub width: usize,
    /// Classes that labels are of.
    pub classes: usize,
}

impl ReservoirConfig {
    /// Numbers of all samples: `places·width`.
    #[must_use]
    pub const fn samples_len(&self) -> usize {
        self.places.saturating_mul(self.width)
    }

    /// Counts: `2·classes`.
    #[must_use]
    pub const fn counts_len(&self) -> usize {
        self.classes.saturating_mul(2)
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        if self.places == 0 || self.width == 0 || u32::try_from(self.places).is_err() {
            return Err(Error::Setting(Setting::Reservoir));
        }
        check_classes(self.classes)
    }

    /// Refuses a label that is no class.
    pub(super) fn check_label(&self, sample: usize, label: u16) -> Result<(), Error> {
        let classes = self.classes;
        if usize::from(label) < classes {
            return Ok(());
        }
        Err(Error::Label { sample, label, classes: u16::try_from(classes).unwrap_or(u16::MAX) })
    }
}

/// What a reservoir is besides its slices: kept with them, for [`Reservoir::resume`](super::Reservoir::resume).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ReservoirState {
    pub(super) config: ReservoirConfig,
    pub(super) seed: u64,
    /// Samples of the stream so far.
    pub(super) offered: u64,
}

impl ReservoirState {
    /// Bytes of a state.
    pub const BYTES: usize = 16;

    /// That of an empty reservoir, whose counts are zeros.
    #[must_use]
    pub const fn new(config: ReservoirConfig, seed: u64) -> Self {
        Self { config, seed, offered: 0 }
    }

    /// Samples offered so far.
    #[must_use]
    pub const fn offered(&self) -> u64 {
        self.offered
    }

    /// Places that are taken: each sample takes one until all are.
    pub(super) fn held(&self) -> usize {
        let places = self.config.places;
        usize::try_from(self.offered).map_or(places, |offered| offered.min(places))
    }

    /// Whether these counts of classes may be those of all samples so far.
    pub(super) fn has_seen(&self, seen: &[u32]) -> bool {
        let sum = seen.iter().fold(0, |sum: u64, &n| sum.wrapping_add(u64::from(n)));
        sum == self.offered || (sum < self.offered && seen.contains(&u32::MAX))
    }

    /// The state as bytes, little-endian on every target: `u64` seed, `u64` samples offered. The settings are the program's.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let mut out = Writer::new(&mut bytes);
        out.long(self.seed);
        out.long(self.offered);
        bytes
    }

    /// The state that these bytes and the program's settings describe.
    ///
    /// # Errors
    /// [`Error::Setting`].
    pub fn from_bytes(config: ReservoirConfig, bytes: &[u8; Self::BYTES]) -> Result<Self, Error> {
        config.check()?;
        let mut input = Reader::new(bytes);
        Ok(Self { config, seed: input.long()?, offered: input.long()? })
    }
}
