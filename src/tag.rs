//! The names of a container's sections.

use core::fmt;

/// What a section of a [`Container`](crate::store::Container) holds, as four bytes, mostly ASCII capitals. A program may have
/// its own beside those here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Tag(pub [u8; 4]);

impl Tag {
    /// The description of a network: [`Data::Network`](crate::store::Data::Network).
    pub const NETWORK: Self = Self(*b"NETW");
    /// A [`ModelState`](crate::model::ModelState) and the parameters.
    pub const PARAMS: Self = Self(*b"PARA");
    /// An optimizer's state and floats.
    pub const OPTIMIZER: Self = Self(*b"OPTI");
    /// An average's state and floats; the section's number says which average.
    pub const AVERAGE: Self = Self(*b"AVER");
    /// A [`NormUpdateState`](crate::average::NormUpdateState) and the pooled statistics.
    pub const NORM_UPDATE: Self = Self(*b"NORM");
    /// A [`GradientState`](crate::train::GradientState) and the sum, between two micro-batches.
    pub const GRADIENT: Self = Self(*b"GRAD");
    /// A [`BatchSize`](crate::train::BatchSize) that grows.
    pub const GROWTH: Self = Self(*b"GROW");
    /// A [`Gate`](crate::average::Gate) of averages.
    pub const GATE: Self = Self(*b"GATE");
    /// The numbers of a [`Preprocess`](crate::preprocess::Preprocess).
    pub const PREPROCESS: Self = Self(*b"PREP");
    /// The [`checksum`](crate::store::checksum()) of a frozen body, which a head was trained on.
    pub const BODY: Self = Self(*b"BODY");
    /// The [`fingerprint`](crate::network::Math::fingerprint) of the mathematics.
    pub const MATH: Self = Self(*b"MATH");
    /// A [`Reservoir`](crate::reservoir::Reservoir) of past samples.
    pub const RESERVOIR: Self = Self(*b"RESE");
    /// What the program keeps of its run: the seed, the position in an epoch, the schedule.
    pub const RUN: Self = Self(*b"RUN ");
    /// A digest of the data that the run learns from.
    pub const DATA: Self = Self(*b"DATA");
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}
