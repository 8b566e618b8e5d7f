//! A container that is read: all of it is checked before anything is given out, and what is read is checked before anything
//! is written.

use crate::crc::Crc;
use crate::error::{ContainerFault, Error};
use crate::network::spec::Spec;
use crate::slices::{cut, cut_mut, numbered};
use crate::store::checkpoint::{self, header_word, load_header, network_fault};
use crate::store::container::{BEFORE, Data, HEADER, NAN, NETWORK_MOST as MOST, SECTION, SKIP, container_len};
use crate::tag::Tag;
use core::convert::Infallible;
use core::fmt;
use core::ops::ControlFlow;

/// Bytes that are read at once.
const PIECE: usize = 64;

/// Why a container could not be opened or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum OpenError<E> {
    /// What reads the bytes failed.
    Read(E),
    /// The bytes are wrong.
    Content(Error),
}

impl<E> From<Error> for OpenError<E> {
    fn from(error: Error) -> Self {
        Self::Content(error)
    }
}

impl<E> From<ContainerFault> for OpenError<E> {
    fn from(fault: ContainerFault) -> Self {
        Self::Content(Error::Container(fault))
    }
}

/// Memory can always be read.
impl From<OpenError<Infallible>> for Error {
    fn from(error: OpenError<Infallible>) -> Self {
        match error {
            OpenError::Read(never) => match never {},
            OpenError::Content(error) => error,
        }
    }
}

impl<E: fmt::Display> fmt::Display for OpenError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => error.fmt(f),
            Self::Content(error) => error.fmt(f),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for OpenError<E> {}

/// A section of a stored container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Entry {
    /// What it holds.
    pub tag: Tag,
    /// Of several, which one.
    pub number: u16,
    /// The version of its payload.
    pub version: u8,
    /// Whether a reader that does not know it may skip it.
    pub skippable: bool,
    /// Bytes of its payload.
    pub len: usize,
    /// Where its payload begins in the container.
    at: usize,
}

impl Entry {
    /// Where the next section begins.
    const fn end(&self) -> usize {
        self.at.saturating_add(self.len).saturating_add(4)
    }
}

/// What takes pieces of a payload, each with the number of bytes before it.
type Take<'t> = dyn FnMut(usize, &[u8]) -> Result<(), ContainerFault> + 't;

/// Where a part of a section's payload goes.
#[non_exhaustive]
pub enum Place<'a> {
    /// Bytes, such as those of a state.
    Bytes(&'a mut [u8]),
    /// Numbers, all finite.
    Floats(&'a mut [f32]),
    /// Numbers, all finite and allowed where they stand: by [`Spec::allows`] for parameters, or, say, second moments that
    /// are not negative.
    Checked(&'a mut [f32], &'a dyn Fn(usize, f32) -> bool),
    /// Numbers of which some may not be finite.
    Numbers(&'a mut [f32]),
    /// Integers of two bytes.
    Shorts(&'a mut [u16]),
    /// Integers of four bytes.
    Words(&'a mut [u32]),
    /// So many bytes that are not read, or were by [`Stored::head`].
    Skip(usize),
}

impl Place<'_> {
    /// Bytes that go there.
    const fn bytes(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Floats(floats) | Self::Checked(floats, _) | Self::Numbers(floats) => floats.len().saturating_mul(4),
            Self::Shorts(shorts) => shorts.len().saturating_mul(2),
            Self::Words(words) => words.len().saturating_mul(4),
            Self::Skip(bytes) => *bytes,
        }
    }
}

impl fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Bytes(_) => "Bytes",
            Self::Floats(_) => "Floats",
            Self::Checked(..) => "Checked",
            Self::Numbers(_) => "Numbers",
            Self::Shorts(_) => "Shorts",
            Self::Words(_) => "Words",
            Self::Skip(_) => "Skip",
        };
        f.debug_struct(kind).field("bytes", &self.bytes()).finish()
    }
}

/// A section to be read: which one, and where its payload goes.
#[must_use = "nothing is read without `Stored::read_all`"]
#[derive(Debug)]
pub struct Load<'l, 'a> {
    tag: Tag,
    number: u16,
    places: &'l mut [Place<'a>],
}

impl<'l, 'a> Load<'l, 'a> {
    /// Number 0; the places are as long as its payload, one behind the other.
    #[must_use = "nothing is read without `Stored::read_all`"]
    pub const fn new(tag: Tag, places: &'l mut [Place<'a>]) -> Self {
        Self { tag, number: 0, places }
    }

    /// Of several with the same tag, which one.
    #[must_use = "what is to be read is as before"]
    pub fn number(self, number: u16) -> Self {
        Self { number, ..self }
    }
}

/// A container that was checked as a whole: where it is does not matter to what reads it.
#[must_use = "nothing of it was read yet"]
#[derive(Debug)]
pub struct Stored<'k, R> {
    read: R,
    known: &'k [(Tag, u8)],
    len: usize,
    sections: u16,
}

impl<'k> Stored<'k, fn(usize, &mut [u8]) -> Result<(), Infallible>> {
    /// The container at the beginning of `bytes`, as [`open`](Self::open).
    ///
    /// # Errors
    /// [`Error::Container`].
    #[expect(clippy::type_complexity, reason = "the closure has no shorter name")]
    pub fn of<'b>(
        bytes: &'b [u8],
        known: &'k [(Tag, u8)],
    ) -> Result<Stored<'k, impl FnMut(usize, &mut [u8]) -> Result<(), Infallible> + Copy + 'b>, Error> {
        let read = |at: usize, to: &mut [u8]| {
            to.iter_mut().zip(cut(bytes, at).1).for_each(|(to, &from)| *to = from);
            Ok(())
        };
        Ok(Stored::open(read, bytes.len(), known)?)
    }
}

impl<'k, R, E> Stored<'k, R>
where
    R: FnMut(usize, &mut [u8]) -> Result<(), E>,
{
    /// Opens the container in the first of `available` bytes after all of it was checked: header, sections, their order
    /// and their checksums. `read` fills a slice with the bytes from an offset on, and is asked for nothing behind
    /// `available`.
    ///
    /// `known` are the sections that the program reads, with their version: another one is refused, since a run would go on
    /// without it, unless it may be skipped; then it is not there for what reads. The number of a section is not asked for:
    /// a program compares [`sections`](Self::sections) with how many it wrote.
    ///
    /// The bytes must not change as long as this is used, since all calls read them again.
    ///
    /// # Errors
    /// [`OpenError::Read`] for an error of `read`, else [`Error::Container`].
    pub fn open(mut read: R, available: usize, known: &'k [(Tag, u8)]) -> Result<Self, OpenError<E>> {
        let mut header = [0; HEADER];
        if available < HEADER {
            return Err(ContainerFault::Length.into());
        }
        read(0, &mut header).map_err(OpenError::Read)?;
        let len = container_len(&header)?;
        if len > available {
            return Err(ContainerFault::Length.into());
        }
        let [.., s0, s1, _, _, _, _, _, _, _, _] = header;
        let mut stored = Self { read, known, len, sections: u16::from_le_bytes([s0, s1]) };
        stored.check()?;
        Ok(stored)
    }

    /// Checks every section.
    fn check(&mut self) -> Result<(), OpenError<E>> {
        let (mut at, mut last) = (HEADER, None);
        for _ in 0..self.sections {
            let (entry, flags) = self.entry_at(at)?;
            let Entry { tag, number, version, .. } = entry;
            self.check_crc(&entry, at)?;
            if last.is_some_and(|last| last >= (tag, number)) {
                return Err(ContainerFault::Order(tag, number).into());
            }
            last = Some((tag, number));
            if flags > SKIP {
                return Err(ContainerFault::Flags(tag, flags).into());
            }
            if !entry.skippable && !self.known.contains(&(tag, version)) {
                return Err(ContainerFault::Unknown(tag, version).into());
            }
            at = entry.end();
        }
        if at == self.len { Ok(()) } else { Err(ContainerFault::Length.into()) }
    }

    /// The section that begins at a byte, and its flags.
    fn entry_at(&mut self, at: usize) -> Result<(Entry, u8), OpenError<E>> {
        let mut header = [0; SECTION];
        let left = self.len.checked_sub(at).and_then(|left| left.checked_sub(SECTION + 4));
        let Some(left) = left else { return Err(ContainerFault::Length.into()) };
        (self.read)(at, &mut header).map_err(OpenError::Read)?;
        let [t0, t1, t2, t3, n0, n1, version, flags, l0, l1, l2, l3] = header;
        let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        if len > left {
            return Err(ContainerFault::Length.into());
        }
        let (tag, number) = (Tag([t0, t1, t2, t3]), u16::from_le_bytes([n0, n1]));
        let at = at.wrapping_add(SECTION);
        Ok((Entry { tag, number, version, skippable: flags & SKIP != 0, len, at }, flags))
    }

    /// Compares the checksum of the section that begins at a byte.
    fn check_crc(&mut self, entry: &Entry, at: usize) -> Result<(), OpenError<E>> {
        let (mut crc, mut stored) = (Crc::NEW, [0; 4]);
        let end = entry.at.wrapping_add(entry.len);
        self.pieces(at, end.wrapping_sub(at), &mut |_, piece| {
            crc = crc.bytes(piece);
            Ok(())
        })?;
        (self.read)(end, &mut stored).map_err(OpenError::Read)?;
        if crc.get() == u32::from_le_bytes(stored) {
            Ok(())
        } else {
            Err(ContainerFault::Crc(entry.tag, entry.number).into())
        }
    }

    /// Reads bytes from `at` on, and gives them away in pieces, each with the number of bytes before it: multiples of four,
    /// but for the last one.
    fn pieces(&mut self, at: usize, bytes: usize, to: &mut Take<'_>) -> Result<(), OpenError<E>> {
        let (mut buffer, mut done) = ([0; PIECE], 0_usize);
        while done < bytes {
            let (piece, _) = cut_mut(&mut buffer, bytes.wrapping_sub(done));
            (self.read)(at.wrapping_add(done), piece).map_err(OpenError::Read)?;
            to(done, piece)?;
            done = done.wrapping_add(piece.len());
        }
        Ok(())
    }

    /// Bytes of all.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it has a header at least")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// How many sections there are.
    #[must_use]
    pub const fn sections(&self) -> u16 {
        self.sections
    }

    /// Section `index`, from 0 on; none behind the last one.
    ///
    /// # Errors
    /// [`OpenError::Read`]; [`Error::Container`] where the bytes have changed since.
    pub fn entry(&mut self, index: u16) -> Result<Option<Entry>, OpenError<E>> {
        let mut at = HEADER;
        for section in 0..self.sections {
            let (entry, _) = self.entry_at(at)?;
            if section == index {
                return Ok(Some(entry));
            }
            at = entry.end();
        }
        Ok(None)
    }

    /// The section with this tag and number, in the version that the program knows; none where there is none.
    ///
    /// # Errors
    /// As [`entry`](Self::entry).
    pub fn find(&mut self, tag: Tag, number: u16) -> Result<Option<Entry>, OpenError<E>> {
        let mut at = HEADER;
        for _ in 0..self.sections {
            let (entry, _) = self.entry_at(at)?;
            if (entry.tag, entry.number) == (tag, number) {
                return Ok(self.known.contains(&(tag, entry.version)).then_some(entry));
            }
            at = entry.end();
        }
        Ok(None)
    }

    /// Bytes of a section's payload; none where there is no such section.
    ///
    /// # Errors
    /// As [`entry`](Self::entry).
    pub fn len_of(&mut self, tag: Tag, number: u16) -> Result<Option<usize>, OpenError<E>> {
        Ok(self.find(tag, number)?.map(|entry| entry.len))
    }

    /// The section, which must be there.
    fn found(&mut self, tag: Tag, number: u16) -> Result<Entry, OpenError<E>> {
        Ok(self.find(tag, number)?.ok_or(ContainerFault::Missing(tag, number))?)
    }

    /// The first `N` bytes of a section's payload: a state, from which follows whether and where to read the rest.
    ///
    /// # Errors
    /// [`OpenError::Read`]; [`Error::Container`] where there is no such section, or fewer bytes.
    pub fn head<const N: usize>(&mut self, tag: Tag, number: u16) -> Result<[u8; N], OpenError<E>> {
        let entry = self.found(tag, number)?;
        if entry.len < N {
            return Err(ContainerFault::Size { tag, number, bytes: entry.len as u32 }.into());
        }
        let mut bytes = [0; N];
        (self.read)(entry.at, &mut bytes).map_err(OpenError::Read)?;
        Ok(bytes)
    }

    /// Whether a section's payload is this: the network, the frozen body, the mathematics, the data of the program.
    ///
    /// # Errors
    /// [`OpenError::Read`]; [`Error::Container`] where there is no such section, or where it differs; for a network
    /// [`Error::Checkpoint`] with what of it does.
    pub fn expect(&mut self, tag: Tag, number: u16, data: &[Data<'_>]) -> Result<(), OpenError<E>> {
        let entry = self.found(tag, number)?;
        let mut at = 0_usize;
        for data in data {
            let (start, mut compared) = (at, Ok(None));
            let _ = data.stream(&mut |wanted| {
                compared = self.difference(&entry, at, wanted);
                at = at.wrapping_add(wanted.len());
                if matches!(compared, Ok(None)) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            if let Some(byte) = compared? {
                return Err(self.differs(&entry, data, start, byte));
            }
        }
        if at == entry.len { Ok(()) } else { Err(ContainerFault::Differs { tag, number, at: at as u32 }.into()) }
    }

    /// The first byte of a payload that is another than one of `wanted`, which begins at byte `at` of it.
    fn difference(&mut self, entry: &Entry, at: usize, wanted: &[u8]) -> Result<Option<usize>, OpenError<E>> {
        let left = entry.len.saturating_sub(at).min(wanted.len());
        // Where the payload ends early, it differs there.
        let mut first = (left < wanted.len()).then_some(at.wrapping_add(left));
        self.pieces(entry.at.wrapping_add(at), left, &mut |before, piece| {
            let pairs = numbered(at.wrapping_add(before), piece.iter().zip(cut(wanted, before).1));
            let differs = pairs.filter(|(_, (stored, wanted))| stored != wanted).map(|(byte, _)| byte).next();
            first = first.into_iter().chain(differs).min();
            Ok(())
        })?;
        Ok(first)
    }

    /// The error of a payload whose byte `at` differs from `data`, which begins at byte `start`.
    #[cold]
    fn differs(&mut self, entry: &Entry, data: &Data<'_>, start: usize, at: usize) -> OpenError<E> {
        let Entry { tag, number, len, .. } = *entry;
        let word = at.wrapping_sub(start) / 4;
        let (mut stored, from) = ([0; 4], word.wrapping_mul(4).wrapping_add(start));
        match data {
            Data::Network(spec) if from.saturating_add(4) <= len => {
                if let Err(error) = (self.read)(entry.at.wrapping_add(from), &mut stored) {
                    return OpenError::Read(error);
                }
                let (word, stored) = (word.wrapping_add(BEFORE), u32::from_le_bytes(stored));
                Error::Checkpoint(network_fault(spec, word, stored, header_word(spec, false, 0, word))).into()
            }
            _ => ContainerFault::Differs { tag, number, at: at as u32 }.into(),
        }
    }

    /// The network that the container describes, for a program that is made for any.
    ///
    /// # Errors
    /// [`OpenError::Read`]; [`Error::Container`] where there is none; [`Error::Checkpoint`] with the byte where it would be
    /// in a checkpoint.
    pub fn spec(&mut self) -> Result<Spec, OpenError<E>> {
        let (tag, number) = (Tag::NETWORK, 0);
        let entry = self.found(tag, number)?;
        let wrong = ContainerFault::Size { tag, number, bytes: entry.len as u32 };
        let mut bytes = [0; checkpoint::MAGIC.len() + MOST];
        let (magic, payload) = cut_mut(&mut bytes, checkpoint::MAGIC.len());
        magic.iter_mut().zip(checkpoint::MAGIC).for_each(|(to, from)| *to = from);
        let (payload, _) = cut_mut(payload, entry.len);
        if payload.len() < entry.len {
            return Err(wrong.into());
        }
        (self.read)(entry.at, payload).map_err(OpenError::Read)?;
        let spec = load_header(cut(&bytes, entry.len.wrapping_add(checkpoint::MAGIC.len())).0)?;
        // One spelling: neither an average nor the checksum of a body belongs there.
        self.expect(tag, number, &[Data::Network(&spec)])?;
        Ok(spec)
    }

    /// Reads a section into places that are as long as its payload.
    ///
    /// # Errors
    /// As [`read_all`](Self::read_all).
    pub fn read(&mut self, tag: Tag, number: u16, places: &mut [Place<'_>]) -> Result<(), OpenError<E>> {
        self.read_all(&mut [Load { tag, number, places }])
    }

    /// Reads sections, after all of them were checked.
    ///
    /// # Errors
    /// [`Error::Container`] for a section that is not there, for another length, for a number that is not finite where
    /// all must be; the places are as before then. [`OpenError::Read`], likewise, unless it is the second reading that
    /// fails, which fills the places.
    pub fn read_all(&mut self, loads: &mut [Load<'_, '_>]) -> Result<(), OpenError<E>> {
        for load in &*loads {
            self.check_load(load)?;
        }
        loads.iter_mut().try_for_each(|load| self.fill(load))
    }

    /// Where the payload of a section begins that is as long as its places.
    fn start_of(&mut self, load: &Load<'_, '_>) -> Result<usize, OpenError<E>> {
        let Load { tag, number, ref places } = *load;
        let entry = self.found(tag, number)?;
        let bytes = places.iter().fold(0_usize, |sum, place| sum.saturating_add(place.bytes()));
        if bytes == entry.len {
            Ok(entry.at)
        } else {
            Err(ContainerFault::Size { tag, number, bytes: entry.len as u32 }.into())
        }
    }

    fn check_load(&mut self, load: &Load<'_, '_>) -> Result<(), OpenError<E>> {
        let Load { tag, number, ref places } = *load;
        let mut at = self.start_of(load)?;
        for place in &**places {
            let is_possible: &dyn Fn(usize, f32) -> bool = match place {
                Place::Floats(_) => &|_, x| x.is_finite(),
                Place::Checked(_, allows) => &|index, x| x.is_finite() && allows(index, x),
                Place::Numbers(_) => &|_, x| !x.is_nan() || x.to_bits() == NAN,
                _ => &|_, _| true,
            };
            if let Place::Floats(_) | Place::Checked(..) | Place::Numbers(_) = place {
                self.pieces(at, place.bytes(), &mut |before, piece| {
                    let mut numbers = numbered(before / 4, piece.as_chunks().0);
                    match numbers.find(|(index, bytes)| !is_possible(*index, f32::from_le_bytes(**bytes))) {
                        Some((index, _)) => Err(ContainerFault::Number { tag, number, index: index as u32 }),
                        None => Ok(()),
                    }
                })?;
            }
            at = at.wrapping_add(place.bytes());
        }
        Ok(())
    }

    fn fill(&mut self, load: &mut Load<'_, '_>) -> Result<(), OpenError<E>> {
        let mut at = self.start_of(load)?;
        for place in &mut *load.places {
            let bytes = place.bytes();
            match place {
                Place::Bytes(to) => (self.read)(at, to).map_err(OpenError::Read)?,
                Place::Floats(to) | Place::Checked(to, _) | Place::Numbers(to) => {
                    self.fill_with(at, to, f32::from_le_bytes)?
                }
                Place::Shorts(to) => self.fill_with(at, to, u16::from_le_bytes)?,
                Place::Words(to) => self.fill_with(at, to, u32::from_le_bytes)?,
                Place::Skip(_) => {}
            }
            at = at.wrapping_add(bytes);
        }
        Ok(())
    }

    fn fill_with<T, const N: usize>(
        &mut self,
        at: usize,
        to: &mut [T],
        value: fn([u8; N]) -> T,
    ) -> Result<(), OpenError<E>> {
        let bytes = to.len().saturating_mul(N);
        let mut to = to.iter_mut();
        self.pieces(at, bytes, &mut |_, piece| {
            piece.as_chunks().0.iter().zip(to.by_ref()).for_each(|(&bytes, to)| *to = value(bytes));
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
