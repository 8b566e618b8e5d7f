//! The state of a run, from which it goes on with the same bits, as sections of a [container](crate::store::Container).
//!
//! | tag | payload |
//! |---|---|
//! | `NETW` | the network |
//! | `PARA` | of each model its [`ModelState`](crate::model::ModelState) and parameters |
//! | `OPTI` | of each model the [`AnyState`](crate::optim::AnyState) and floats of its optimizer |
//! | `GROW` | a [`BatchSize`](crate::train::BatchSize) |
//! | `SIZE` | beside it the `u64` samples of the latest batch |
//! | `AVER` | state and floats of each average: those of the plan, then those that are stored on the way |
//! | `RUN ` | `u64` epoch; `u64` rounds until models met last; `u64` steps of all models; `u64` 1 if training is complete; `f64` seconds; `f64` lowest validation loss, infinite where there is none; `u64` the epoch that training stops early by, or 0; then of each model `f64` loss, `f64` hits, `f64` weight and `u64` samples in this epoch, `u64` bits of the `f32` rate, `u64` updates that were dropped, `u64` halvings of the rate, `u64` samples since the latest update |
//! | `PLAN` | `u64` CRC-64/XZ of the settings |
//! | `DATA` | `u64` digest of the training samples, 0 where there is none |
//! | `MATH` | `u32` fingerprint of the mathematics |
//! | `CENT` | floats: the centre of elastic averaging, then each replica before the round of a pull |
//! | `KEPT` | floats: what predicts of each model after the epoch that is kept, then the middle of several |
//! | `BEST` | of each average, after that epoch: `u64` models in it, and its floats |
//! | `STOR` | of each average: at each moment `u64` models in it, and its floats |
//! | `HIST` | the epochs so far, 15 `u64` each, see [`Epoch`] |

use super::outcome::Epoch;
use crate::host::HostError;
use crate::host::memory::zeros;
use crate::host::prelude::*;
use crate::store::{Container, Data, OpenError, Place, Section, Stored, Tag};
use crate::{Error, Spec};
use core::convert::Infallible;
use core::fmt;

pub(super) const PLAN: Tag = Tag(*b"PLAN");
pub(super) const CENTRE: Tag = Tag(*b"CENT");
pub(super) const KEPT: Tag = Tag(*b"KEPT");
pub(super) const BEST: Tag = Tag(*b"BEST");
pub(super) const STORED: Tag = Tag(*b"STOR");
pub(super) const HISTORY: Tag = Tag(*b"HIST");
pub(super) const SIZE: Tag = Tag(*b"SIZE");
/// What is read, in version 1.
const KNOWN: [(Tag, u8); 15] = [
    (Tag::NETWORK, 1),
    (Tag::PARAMS, 1),
    (Tag::OPTIMIZER, 1),
    (Tag::GROWTH, 1),
    (Tag::AVERAGE, 1),
    (Tag::RUN, 1),
    (Tag::DATA, 1),
    (Tag::MATH, 1),
    (PLAN, 1),
    (CENTRE, 1),
    (KEPT, 1),
    (BEST, 1),
    (STORED, 1),
    (HISTORY, 1),
    (SIZE, 1),
];

/// A piece of a section.
pub(super) enum Part<'a> {
    Network(&'a Spec),
    Bytes(Vec<u8>),
    Floats(&'a [f32]),
}

/// What is saved, in any order.
#[derive(Default)]
pub(super) struct Sections<'a>(Vec<(Tag, usize, Vec<Part<'a>>)>);

impl<'a> Sections<'a> {
    /// The section of a tag with this number.
    pub(super) fn add(&mut self, tag: Tag, number: usize, parts: impl IntoIterator<Item = Part<'a>>) {
        self.0.push((tag, number, parts.into_iter().collect()));
    }

    /// Gives all of it to `write` as a container, or says why it is none.
    pub(super) fn pack<T>(mut self, write: impl FnOnce(Result<Container<'_>, Error>) -> T) -> T {
        self.0.sort_by_key(|&(tag, number, _)| (tag, number));
        let data: Vec<Vec<_>> = self.0.iter().map(|(.., parts)| parts.iter().map(Part::data).collect()).collect();
        let sections = self.0.iter().zip(&data).map(|((tag, number, _), data)| {
            // One of more than can be counted stands out of order, which is refused.
            Section::new(*tag, data).number(u16::try_from(*number).unwrap_or(0))
        });
        write(Container::new(&sections.collect::<Vec<_>>()))
    }
}

impl Part<'_> {
    /// Numbers of eight bytes.
    pub(super) fn longs(longs: impl IntoIterator<Item = u64>) -> Self {
        Self::Bytes(longs.into_iter().flat_map(u64::to_le_bytes).collect())
    }

    fn data(&self) -> Data<'_> {
        match self {
            Self::Network(spec) => Data::Network(spec),
            Self::Bytes(bytes) => Data::Bytes(bytes),
            Self::Floats(floats) => Data::Floats(floats),
        }
    }
}

/// Integers, and floats behind them.
pub(super) type Record = (Vec<u64>, Vec<f32>);

type Read<'b> = Box<dyn FnMut(usize, &mut [u8]) -> Result<(), Infallible> + 'b>;

/// A state that was checked as a whole, to be read.
pub(super) struct Saved<'b>(Stored<'static, Read<'b>>);

impl<'b> Saved<'b> {
    /// Opens what [`Sections`] left.
    pub(super) fn open(bytes: &'b [u8]) -> Result<Self, HostError> {
        let read = |at: usize, to: &mut [u8]| {
            to.copy_from_slice(&bytes[at..at + to.len()]);
            Ok(())
        };
        let opened = Stored::open(Box::new(read) as Read<'b>, bytes.len(), &KNOWN);
        opened.map(Self).map_err(fault)
    }

    /// Checks that a section is this; `what` is said of the run where it is not.
    pub(super) fn expect(&mut self, tag: Tag, part: &Part<'_>, what: &str) -> Result<(), HostError> {
        let differs = |_| {
            HostError::Mismatch(format!(
                "the saved state is that of a run with {what}: remove its .state files to train from the beginning"
            ))
        };
        self.0.expect(tag, 0, &[part.data()]).map_err(differs)
    }

    /// Bytes of a section, 0 where there is none.
    pub(super) fn len(&mut self, tag: Tag, number: usize) -> Result<usize, HostError> {
        Ok(self.0.len_of(tag, number as u16).map_err(fault)?.unwrap_or(0))
    }

    /// Reads a section into places that are as long as it is.
    pub(super) fn read(&mut self, tag: Tag, number: usize, places: &mut [Place<'_>]) -> Result<(), HostError> {
        self.0.read(tag, number as u16, places).map_err(fault)
    }

    /// A section of records, each so many longs and then so many floats.
    pub(super) fn records(
        &mut self,
        tag: Tag,
        number: usize,
        [longs, floats]: [usize; 2],
    ) -> Result<Vec<Record>, HostError> {
        let (len, size) = (self.len(tag, number)?, 8 * longs + 4 * floats);
        let mut bytes = zeros::<u8>(8 * longs)?;
        (0..len.div_ceil(size))
            .map(|i| {
                let mut read = zeros(floats)?;
                let after = len.saturating_sub((i + 1) * size);
                let places = &mut [
                    Place::Skip(i * size),
                    Place::Bytes(&mut bytes),
                    Place::Floats(&mut read),
                    Place::Skip(after),
                ];
                self.read(tag, number, places)?;
                let longs = bytes.as_chunks().0.iter().map(|long| u64::from_le_bytes(*long)).collect();
                Ok((longs, read))
            })
            .collect()
    }
}

/// Checks that bytes are the state of a run, whole.
pub(in crate::host) fn check(bytes: &[u8]) -> Result<(), HostError> {
    Saved::open(bytes).map(drop)
}

fn fault(error: OpenError<Infallible>) -> HostError {
    HostError::Core(Error::from(error))
}

/// A number that may be absent, in eight bytes.
fn of_option(x: Option<f32>) -> u64 {
    x.map_or(0, |x| 1 << 32 | u64::from(x.to_bits()))
}

fn to_option(long: u64) -> Option<f32> {
    (long >> 32 == 1).then(|| f32::from_bits(long as u32))
}

/// Numbers in a row of the history.
pub(super) const ROW: usize = 15;

/// A row of the history, in the order of its fields: one that may be absent is 0, or 2³² more than its bits.
pub(super) fn of_row(row: &Epoch) -> [u64; ROW] {
    [
        row.epoch,
        row.steps,
        row.rate.to_bits().into(),
        row.batch,
        of_option(row.noise_scale),
        row.train_loss.to_bits(),
        row.train_error.to_bits(),
        of_option(row.validation_error),
        of_option(row.validation_loss),
        row.averaged,
        of_option(row.average_validation_error),
        of_option(row.average_validation_loss),
        row.is_best.into(),
        row.dropped,
        row.seconds.to_bits(),
    ]
}

/// The row that was written so.
pub(super) fn to_row(longs: &[u64]) -> Option<Epoch> {
    let &[epoch, steps, rate, batch, noise, loss, error, a, b, averaged, c, d, is_best, dropped, seconds] = longs
    else {
        return None;
    };
    Some(Epoch {
        epoch,
        steps,
        rate: f32::from_bits(rate as u32),
        batch,
        noise_scale: to_option(noise),
        train_loss: f64::from_bits(loss),
        train_error: f64::from_bits(error),
        validation_error: to_option(a),
        validation_loss: to_option(b),
        averaged,
        average_validation_error: to_option(c),
        average_validation_loss: to_option(d),
        is_best: is_best == 1,
        dropped,
        seconds: f64::from_bits(seconds),
    })
}

/// The digest of settings, as their names and values are printed.
pub(super) fn digest(settings: impl fmt::Debug) -> u64 {
    static CRC: crc::Crc<u64> = crc::Crc::<u64>::new(&crc::CRC_64_XZ);
    struct Sum(crc::Digest<'static, u64>);
    impl fmt::Write for Sum {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.update(text.as_bytes());
            Ok(())
        }
    }
    let mut sum = Sum(CRC.digest());
    // Nothing here fails to be printed.
    let _ = fmt::write(&mut sum, format_args!("{settings:?}"));
    sum.0.finalize()
}
