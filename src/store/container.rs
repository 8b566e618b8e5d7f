//! What a run is, in sections: written in one pass from where everything is, without a second copy.
//!
//! | byte | what |
//! |---|---|
//! | 0 | magic `89 43 59 47 42 4f 58 0a` |
//! | 8 | `u16` format version, 1; `u16` sections |
//! | 12 | `u32` bytes of all |
//! | 16 | `u32` CRC-32 (ISO-HDLC) of the 16 bytes before |
//! | 20 | the sections, ascending by tag, then by number |
//!
//! | byte of a section | what |
//! |---|---|
//! | 0 | tag, four bytes |
//! | 4 | `u16` number; `u8` version; `u8` flags: 1 if a reader that does not know it may skip it |
//! | 8 | `u32` bytes of its payload, `n` |
//! | 12 | payload |
//! | 12 + n | `u32` CRC-32 of all of the section before |
//!
//! All is little-endian. A container has one spelling.

use crate::crc::Crc;
use crate::error::{Buffer, ContainerFault, Error};
use crate::network::layout::MAX_LAYERS;
use crate::network::spec::Spec;
use crate::slices::{cut, cut_mut, numbered};
use crate::store::checkpoint::{header_word, header_words};
use crate::tag::Tag;
use core::fmt;
use core::ops::ControlFlow;

pub(super) const MAGIC: [u8; 8] = *b"\x89CYGBOX\n";
pub(super) const VERSION: u16 = 1;
/// Bytes of a container's header.
pub(super) const HEADER: usize = 20;
/// Bytes of a section's header.
pub(super) const SECTION: usize = 12;
/// The flag of a section that may be skipped.
pub(super) const SKIP: u8 = 1;
/// Numbers in a checkpoint's header that a section of a network leaves out: the magic.
pub(super) const BEFORE: usize = 2;

/// A part of a section's payload, where it lies.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Data<'a> {
    /// The description of a network: `12 + 12·L` bytes, those of a checkpoint's header behind its magic.
    Network(&'a Spec),
    /// Bytes, such as those of a state.
    Bytes(&'a [u8]),
    /// Numbers, all finite.
    Floats(&'a [f32]),
    /// Numbers of which some may not be finite, as those of a preprocessing. A NaN is written as `7fc00000`, whatever its
    /// payload.
    Numbers(&'a [f32]),
    /// Integers of two bytes.
    Shorts(&'a [u16]),
    /// Integers of four bytes.
    Words(&'a [u32]),
    /// So many bytes of zero, of a slice that holds nothing yet.
    Zeros(usize),
}

impl Data<'_> {
    /// Bytes of it.
    const fn bytes(&self) -> usize {
        match self {
            Self::Network(spec) => network_bytes(spec),
            Self::Bytes(bytes) => bytes.len(),
            Self::Floats(floats) | Self::Numbers(floats) => floats.len().saturating_mul(4),
            Self::Shorts(shorts) => shorts.len().saturating_mul(2),
            Self::Words(words) => words.len().saturating_mul(4),
            Self::Zeros(bytes) => *bytes,
        }
    }

    fn check(&self, tag: Tag, number: u16) -> Result<(), Error> {
        match *self {
            Self::Network(spec) => spec.check(),
            Self::Floats(floats) => match numbered(0, floats).find(|(_, x)| !x.is_finite()) {
                Some((index, _)) => Err(Error::Container(ContainerFault::Number { tag, number, index: index as u32 })),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Gives it to `out` in pieces, of which all but bytes have 12 at most.
    pub(super) fn stream(&self, out: &mut Out<'_>) -> ControlFlow<()> {
        match *self {
            Self::Network(spec) => {
                (BEFORE..header_words(spec)).try_for_each(|at| out(&header_word(spec, false, 0, at).to_le_bytes()))
            }
            Self::Bytes(bytes) => out(bytes),
            Self::Floats(floats) => stream_floats(floats, out),
            Self::Numbers(floats) => {
                floats.iter().try_for_each(|x| if x.is_nan() { out(&NAN.to_le_bytes()) } else { out(&x.to_le_bytes()) })
            }
            Self::Shorts(shorts) => shorts.iter().try_for_each(|short| out(&short.to_le_bytes())),
            Self::Words(words) => words.iter().try_for_each(|word| out(&word.to_le_bytes())),
            Self::Zeros(bytes) => {
                let mut left = bytes;
                while left > 0 {
                    let (piece, _) = cut(&[0; SECTION], left);
                    out(piece)?;
                    left = left.wrapping_sub(piece.len());
                }
                ControlFlow::Continue(())
            }
        }
    }
}

/// Gives it to `out`, and its bytes to a checksum. (A closure would be in the image twice.)
#[inline(never)]
fn stream_summed(data: &Data<'_>, crc: &mut Crc, out: &mut Out<'_>) -> ControlFlow<()> {
    data.stream(&mut |piece| {
        *crc = crc.bytes(piece);
        out(piece)
    })
}

/// Three at a time: as many bytes as a section's header has.
fn stream_floats(floats: &[f32], out: &mut Out<'_>) -> ControlFlow<()> {
    let (triples, rest) = floats.as_chunks::<{ SECTION / 4 }>();
    for triple in triples {
        let [[a0, a1, a2, a3], [b0, b1, b2, b3], [c0, c1, c2, c3]] = triple.map(f32::to_le_bytes);
        out(&[a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3])?;
    }
    rest.iter().try_for_each(|x| out(&x.to_le_bytes()))
}

impl fmt::Debug for Data<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Network(_) => "Network",
            Self::Bytes(_) => "Bytes",
            Self::Floats(_) => "Floats",
            Self::Numbers(_) => "Numbers",
            Self::Shorts(_) => "Shorts",
            Self::Words(_) => "Words",
            Self::Zeros(_) => "Zeros",
        };
        f.debug_struct(kind).field("bytes", &self.bytes()).finish()
    }
}

/// What takes pieces of a container, until it breaks.
pub(super) type Out<'o> = dyn FnMut(&[u8]) -> ControlFlow<()> + 'o;

/// How NaN is written.
pub(super) const NAN: u32 = 0x7fc0_0000;

/// Bytes of a network's description.
pub(super) const fn network_bytes(spec: &Spec) -> usize {
    header_words(spec).wrapping_sub(BEFORE).wrapping_mul(4)
}

/// Bytes of the longest one: that of a head.
pub(super) const NETWORK_MOST: usize = 12 + 12 * MAX_LAYERS + 8;

/// What lasts from step to step, and of which a section can be made from where it lies. Every type with a state has it.
pub trait Record {
    /// The usual name of its section.
    fn tag(&self) -> Tag;

    /// Whether a run could go on from it.
    ///
    /// # Errors
    /// Why not, as for a model in whose place an average is.
    fn check_record(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Gives the parts of its payload in order: always the same ones.
    fn parts(&self, part: &mut dyn FnMut(Data<'_>));
}

/// A section to be written: what it is, and where its payload lies.
#[derive(Clone, Copy, Debug)]
pub struct Section<'a> {
    tag: Tag,
    number: u16,
    version: u8,
    flags: u8,
    payload: Payload<'a>,
}

#[derive(Clone, Copy)]
enum Payload<'a> {
    Data(&'a [Data<'a>]),
    Record(&'a dyn Record),
}

impl fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Data(data) => data.fmt(f),
            Self::Record(_) => f.write_str("Record"),
        }
    }
}

impl<'a> Section<'a> {
    /// Number 0, version 1, which a reader must know; its payload is `data`, one behind the other.
    #[must_use]
    pub const fn new(tag: Tag, data: &'a [Data<'a>]) -> Self {
        Self { tag, number: 0, version: 1, flags: 0, payload: Payload::Data(data) }
    }

    /// That of an optimizer, an average or anything else that has a state, likewise with number 0 and version 1.
    #[must_use]
    pub fn of(record: &'a dyn Record) -> Self {
        Self { tag: record.tag(), number: 0, version: 1, flags: 0, payload: Payload::Record(record) }
    }

    /// Of several with the same tag, which one.
    #[must_use = "the section itself is as before"]
    pub const fn number(self, number: u16) -> Self {
        Self { number, ..self }
    }

    /// The version of its payload.
    #[must_use = "the section itself is as before"]
    pub const fn version(self, version: u8) -> Self {
        Self { version, ..self }
    }

    /// A reader that does not know it may go on without it.
    #[must_use = "the section itself is as before"]
    pub const fn skippable(self) -> Self {
        Self { flags: SKIP, ..self }
    }

    fn parts(&self, part: &mut dyn FnMut(Data<'_>)) {
        match self.payload {
            Payload::Data(data) => data.iter().for_each(|&data| part(data)),
            Payload::Record(record) => record.parts(part),
        }
    }

    /// Bytes of its payload.
    fn payload(&self) -> usize {
        let mut sum = 0_usize;
        self.parts(&mut |data| sum = sum.saturating_add(data.bytes()));
        sum
    }

    fn check(&self) -> Result<(), Error> {
        let Self { tag, number, .. } = *self;
        let mut result = match self.payload {
            Payload::Record(record) => record.check_record(),
            Payload::Data(_) => Ok(()),
        };
        self.parts(&mut |data| {
            if result.is_ok() {
                result = data.check(tag, number);
            }
        });
        result
    }

    fn header(&self) -> [u8; SECTION] {
        let ([t0, t1, t2, t3], [n0, n1]) = (self.tag.0, self.number.to_le_bytes());
        // It was checked that it fits.
        let [l0, l1, l2, l3] = (self.payload() as u32).to_le_bytes();
        [t0, t1, t2, t3, n0, n1, self.version, self.flags, l0, l1, l2, l3]
    }
}

/// Sections that are fit to be written, in whatever pieces a memory takes.
///
/// ```
/// use cygnet::optim::AdamState;
/// use cygnet::store::{Container, Data, Load, Place, Section, Stored, Tag};
/// use cygnet::{Activation, Adam, Error, Model, Spec, model::ModelState};
/// const NET: Spec = Spec::new(2).dense(3, Activation::Identity);
/// # let (mut params, mut moments) = ([0.5; NET.param_len()], [0.0; 2 * NET.param_len()]);
/// # let mut model = Model::new(&NET, &mut params)?;
/// # model.resume(7, 0);
/// # let adam = Adam::new(Adam::DEFAULT, &NET, &mut moments)?;
/// // Whenever something could be lost:
/// let sections = [Section::of(&NET), Section::of(&adam), Section::of(&model)];
/// let container = Container::new(&sections)?;
/// let mut flash = Vec::new(); // or a file, or a serial line
/// container.write(|piece| {
///     flash.extend_from_slice(piece);
///     Ok::<_, Error>(())
/// })?;
/// assert_eq!(flash.len(), container.len());
/// # let (mut params, mut moments) = ([f32::NAN; NET.param_len()], [f32::NAN; 2 * NET.param_len()]);
///
/// // At the next start, after all of it was checked:
/// let mut stored = Stored::of(&flash, &[(Tag::NETWORK, 1), (Tag::OPTIMIZER, 1), (Tag::PARAMS, 1)])?;
/// stored.expect(Tag::NETWORK, 0, &[Data::Network(&NET)])?;
/// let state = ModelState::from_bytes(&NET, &stored.head(Tag::PARAMS, 0)?)?;
/// let optimizer = AdamState::from_bytes(Adam::DEFAULT, &NET, &stored.head(Tag::OPTIMIZER, 0)?)?;
/// stored.read_all(&mut [
///     Load::new(Tag::PARAMS, &mut [Place::Skip(ModelState::BYTES), Place::Floats(&mut params)]),
///     Load::new(Tag::OPTIMIZER, &mut [Place::Skip(AdamState::BYTES), Place::Floats(&mut moments)]),
/// ])?;
/// let mut model = Model::new(&NET, &mut params)?;
/// model.resume(state.seed, state.steps);
/// let adam = Adam::resume(optimizer, &mut moments)?;
/// # assert_eq!((model.params(), model.state().seed, adam.moments()), (&[0.5; 9][..], 7, &[0.0; 18][..]));
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Container<'a> {
    sections: &'a [Section<'a>],
    count: u16,
    len: u32,
}

impl<'a> Container<'a> {
    /// Of sections that ascend by tag, byte by byte, and then by number.
    ///
    /// # Errors
    /// [`Error::Container`] for another order, for a number in [`Data::Floats`] that is not finite, and for too much of
    /// everything; [`Error::Spec`] for a network that is not valid; [`Error::AverageWeights`] for a model in whose place an
    /// average is, [`Error::Swapped`] for that average.
    pub fn new(sections: &'a [Section<'a>]) -> Result<Self, Error> {
        let (mut len, mut last) = (HEADER, None);
        for section in sections {
            let Section { tag, number, .. } = *section;
            if last.is_some_and(|last| last >= (tag, number)) {
                return Err(Error::Container(ContainerFault::Order(tag, number)));
            }
            last = Some((tag, number));
            section.check()?;
            len = len.saturating_add(section.payload()).saturating_add(SECTION + 4);
        }
        match (u16::try_from(sections.len()), u32::try_from(len)) {
            (Ok(count), Ok(len)) if len < u32::MAX => Ok(Self { sections, count, len }),
            _ => Err(Error::Container(ContainerFault::TooLarge)),
        }
    }

    /// Bytes of all.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it has a header at least")]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Gives `out` all bytes in order, in pieces: a header, what lies in [`Data::Bytes`] as it is there, and all numbers
    /// one by one. The first error of `out` ends it.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write<E>(&self, mut out: impl FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let mut result = Ok(());
        // Once in an image, whatever the error.
        let _ = self.stream(&mut |piece| {
            result = out(piece);
            if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        result
    }

    fn stream(&self, out: &mut Out<'_>) -> ControlFlow<()> {
        let header = self.header();
        out(&header)?;
        out(&Crc::NEW.bytes(&header).get().to_le_bytes())?;
        for section in self.sections {
            let header = section.header();
            let (mut crc, mut flow) = (Crc::NEW.bytes(&header), out(&header));
            section.parts(&mut |data| {
                if flow.is_continue() {
                    flow = stream_summed(&data, &mut crc, out);
                }
            });
            flow?;
            out(&crc.get().to_le_bytes())?;
        }
        ControlFlow::Continue(())
    }

    /// Writes all into `bytes`, [`len`](Self::len) of them.
    ///
    /// # Errors
    /// [`Error::Length`]; nothing is written then.
    pub fn copy_to(&self, bytes: &mut [u8]) -> Result<(), Error> {
        Error::expect_len(Buffer::Container, self.len(), bytes.len())?;
        let mut rest = bytes;
        self.write(|piece| {
            let (to, after) = cut_mut(core::mem::take(&mut rest), piece.len());
            to.iter_mut().zip(piece).for_each(|(to, &from)| *to = from);
            rest = after;
            Ok(())
        })
    }

    /// The first 16 bytes, without their checksum.
    fn header(&self) -> [u8; HEADER - 4] {
        let mut header = [0; HEADER - 4];
        let fields = MAGIC.into_iter().chain(VERSION.to_le_bytes()).chain(self.count.to_le_bytes());
        header.iter_mut().zip(fields.chain(self.len.to_le_bytes())).for_each(|(to, from)| *to = from);
        header
    }
}

/// Bytes of the whole container that begins with these.
///
/// # Errors
/// [`Error::Container`] where none does.
pub fn container_len(header: &[u8; HEADER]) -> Result<usize, Error> {
    let [m @ .., v0, v1, _, _, l0, l1, l2, l3, c0, c1, c2, c3] = *header;
    let fault = if m != MAGIC {
        ContainerFault::Magic
    } else if Crc::NEW.bytes(cut(header, HEADER - 4).0).get() != u32::from_le_bytes([c0, c1, c2, c3]) {
        ContainerFault::Header
    } else if u16::from_le_bytes([v0, v1]) != VERSION {
        ContainerFault::Version(u16::from_le_bytes([v0, v1]))
    } else {
        return Ok(u32::from_le_bytes([l0, l1, l2, l3]) as usize);
    };
    Err(Error::Container(fault))
}
