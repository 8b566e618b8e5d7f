//! A model of a NOR flash: its rules, which it asserts, power cuts at any word or block, and blocks that fail.
//!
//! Kinds of fault after the emulator of littlefs: what is cut off stays as it was, is half done, done in random bits, or
//! done so badly that each start or each read finds something else.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash};

/// What a cut leaves of the word or the block that was under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tear {
    /// What was there before.
    Before,
    /// The first half is done.
    First,
    /// The second half is done.
    Second,
    /// Some bits are done.
    Bits,
    /// Each start finds all, nothing or some bits of it.
    EachStart,
    /// Each read finds some bits of it.
    EachRead,
    /// It cannot be read: a flash with error correction.
    Unreadable,
    /// It is done, but nobody was told.
    After,
}

pub(crate) const TEARS: [Tear; 8] = [
    Tear::Before,
    Tear::First,
    Tear::Second,
    Tear::Bits,
    Tear::EachStart,
    Tear::EachRead,
    Tear::Unreadable,
    Tear::After,
];

/// How a block fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bad {
    /// A write is an error and does nothing.
    WriteError,
    /// A write does nothing, without an error.
    NoWrite,
    /// A write leaves one bit as it was.
    StuckBit,
    /// An erase is an error and does nothing.
    EraseError,
    /// An erase does nothing, without an error.
    NoErase,
    /// An erase leaves one bit as it was.
    HalfErase,
    /// A read is an error.
    ReadError,
}

pub(crate) const BADS: [Bad; 7] =
    [Bad::WriteError, Bad::NoWrite, Bad::StuckBit, Bad::EraseError, Bad::NoErase, Bad::HalfErase, Bad::ReadError];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// There is no power.
    Off,
    /// A block failed.
    Bad,
    /// The caller broke a rule that a driver checks.
    Kind(NorFlashErrorKind),
}

impl NorFlashError for Fault {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Kind(kind) => *kind,
            _ => NorFlashErrorKind::Other,
        }
    }
}

/// A word that no write brought to its end.
#[derive(Clone, Copy, Debug)]
struct Loose {
    word: usize,
    old: [u8; 32],
    new: [u8; 32],
    tear: Tear,
}

/// What happened to a word since it was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Erased,
    Written,
    /// A write or an erase of it was cut off.
    Torn,
}

/// What happens in a step beside what should.
enum Event {
    Nothing,
    Cut(Tear),
    Bad(Bad),
}

/// A flash of words of `WORD` bytes and erase blocks of `BLOCK` bytes.
#[derive(Clone, Debug)]
pub(crate) struct Flash<const WORD: usize, const BLOCK: usize> {
    bytes: Vec<u8>,
    words: Vec<Word>,
    loose: Vec<Loose>,
    /// Words and blocks that may still be written or erased before the cut; what the cut leaves.
    pub(crate) cut: Option<(u64, Tear)>,
    is_off: bool,
    /// Whether an erase began since the start.
    pub(crate) has_erased: bool,
    /// Steps before the one that fails, and how it does.
    pub(crate) glitch: Option<(u64, Bad)>,
    /// Reads before the one that fails.
    pub(crate) read_glitch: Option<u64>,
    /// Of each block.
    pub(crate) bad: Vec<Option<Bad>>,
    /// How often each block was erased.
    pub(crate) erases: Vec<u32>,
    /// Words written and blocks erased.
    pub(crate) steps: u64,
    /// What was done, where it is asked for.
    pub(crate) log: Option<Vec<(&'static str, u32, usize)>>,
    random: u64,
}

impl<const WORD: usize, const BLOCK: usize> Flash<WORD, BLOCK> {
    /// Of this many blocks, with what was in them before anybody wrote.
    pub(crate) fn new(blocks: usize, seed: u64) -> Self {
        let mut flash = Self {
            bytes: vec![0xff; blocks * BLOCK],
            words: vec![Word::Erased; blocks * BLOCK / WORD],
            loose: Vec::new(),
            cut: None,
            is_off: false,
            has_erased: false,
            glitch: None,
            read_glitch: None,
            bad: vec![None; blocks],
            erases: vec![0; blocks],
            steps: 0,
            log: None,
            random: seed | 1,
        };
        if seed & 1 == 1 {
            (0..blocks * BLOCK).for_each(|at| flash.bytes[at] = flash.random() as u8);
            flash.words.fill(Word::Written);
        }
        flash
    }

    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// The power returns.
    pub(crate) fn start(&mut self) {
        (self.is_off, self.has_erased, self.cut) = (false, false, None);
        for at in 0..self.loose.len() {
            let Loose { word, old, new, tear } = self.loose[at];
            if tear == Tear::EachStart {
                let found = match self.random() % 3 {
                    0 => old,
                    1 => new,
                    _ => self.some(old, new),
                };
                self.set(word, found);
            }
        }
    }

    pub(crate) fn is_off(&self) -> bool {
        self.is_off
    }

    /// What stands there, for tests that damage it.
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    fn get(&self, word: usize) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..WORD].copy_from_slice(&self.bytes[word * WORD..][..WORD]);
        bytes
    }

    fn set(&mut self, word: usize, bytes: [u8; 32]) {
        self.bytes[word * WORD..][..WORD].copy_from_slice(&bytes[..WORD]);
    }

    /// Some bits of `new`, the others of `old`.
    fn some(&mut self, old: [u8; 32], new: [u8; 32]) -> [u8; 32] {
        let mut some = old;
        for (some, new) in some.iter_mut().zip(new) {
            let chosen = self.random() as u8;
            *some = *some & !chosen | new & chosen;
        }
        some
    }

    /// Counts a step.
    fn step(&mut self) -> Event {
        self.steps += 1;
        if let Some((left, tear)) = self.cut {
            if left == 0 {
                self.is_off = true;
                return Event::Cut(tear);
            }
            self.cut = Some((left - 1, tear));
        }
        match self.glitch {
            Some((0, bad)) => {
                self.glitch = None;
                return Event::Bad(bad);
            }
            Some((left, bad)) => self.glitch = Some((left - 1, bad)),
            None => {}
        }
        Event::Nothing
    }

    /// Leaves `words`, which were to become `new`, as a cut does.
    fn tear(&mut self, words: std::ops::Range<usize>, new: &[u8], tear: Tear) {
        let (first, half) = (words.start, words.len() * WORD / 2);
        for word in words {
            let (old, mut to) = (self.get(word), [0; 32]);
            to[..WORD].copy_from_slice(&new[(word - first) * WORD..][..WORD]);
            let halved = |is_new: fn(usize, usize) -> bool| {
                std::array::from_fn(|k| if is_new((word - first) * WORD + k, half) { to[k] } else { old[k] })
            };
            let found = match tear {
                Tear::Before => old,
                Tear::First => halved(|at, half| at < half),
                Tear::Second => halved(|at, half| at >= half),
                Tear::Bits | Tear::EachStart | Tear::EachRead | Tear::Unreadable => self.some(old, to),
                Tear::After => to,
            };
            self.set(word, found);
            self.loose.retain(|loose| loose.word != word);
            if matches!(tear, Tear::EachStart | Tear::EachRead | Tear::Unreadable) {
                self.loose.push(Loose { word, old, new: to, tear });
            }
        }
    }

    fn is_loose(&self, word: usize) -> Option<Loose> {
        self.loose.iter().find(|loose| loose.word == word).copied()
    }

    fn check(&mut self, what: &'static str, at: u32, len: usize, unit: usize) -> Result<(), Fault> {
        if self.is_off {
            return Err(Fault::Off);
        }
        let kind = if !(at as usize).is_multiple_of(unit) || !len.is_multiple_of(unit) {
            NorFlashErrorKind::NotAligned
        } else if at as usize + len > self.bytes.len() {
            NorFlashErrorKind::OutOfBounds
        } else {
            if let Some(log) = &mut self.log {
                log.push((what, at, len));
            }
            return Ok(());
        };
        Err(Fault::Kind(kind))
    }

    fn bad(&self, at: usize) -> Option<Bad> {
        self.bad[at / BLOCK]
    }

    /// Writes one word.
    fn write_word(&mut self, word: usize, bytes: &[u8]) -> Result<(), Fault> {
        let mut new = [0; 32];
        new[..WORD].copy_from_slice(bytes);
        let old = self.get(word);
        let is_blank = old[..WORD].iter().all(|&byte| byte == 0xff);
        let loose = self.is_loose(word);
        match self.words[word] {
            Word::Erased => assert!(is_blank, "word {word} was not erased"),
            Word::Written => panic!("word {word} is written twice"),
            // One that was cut off and looks blank: nobody knows. On a flash with error correction nobody writes it.
            Word::Torn => assert!(is_blank || loose.is_some(), "word {word} was not erased"),
        }
        if loose.is_some_and(|loose| loose.tear == Tear::Unreadable) {
            return Err(Fault::Bad);
        }
        let mut new: [u8; 32] = std::array::from_fn(|k| old[k] & new[k]);
        let bad = match self.step() {
            Event::Cut(tear) => {
                self.tear(word..word + 1, &new[..WORD], tear);
                match tear {
                    Tear::Before => {}
                    Tear::After => self.words[word] = Word::Written,
                    _ => self.words[word] = Word::Torn,
                }
                return Err(Fault::Off);
            }
            Event::Bad(bad) => Some(bad),
            Event::Nothing => self.bad(word * WORD),
        };
        match bad {
            Some(Bad::WriteError) => return Err(Fault::Bad),
            Some(Bad::NoWrite) => return Ok(()),
            Some(Bad::StuckBit) => new[word % WORD] |= 1 << (word % 8),
            _ => {}
        }
        self.loose.retain(|loose| loose.word != word);
        self.set(word, new);
        self.words[word] = Word::Written;
        Ok(())
    }

    fn erase_block(&mut self, block: usize) -> Result<(), Fault> {
        let words = block * BLOCK / WORD..(block + 1) * BLOCK / WORD;
        let bad = match self.step() {
            Event::Cut(tear) => {
                self.tear(words.clone(), &[0xff; BLOCK], tear);
                match tear {
                    Tear::Before => {}
                    Tear::After => self.words[words].fill(Word::Erased),
                    _ => self.words[words].fill(Word::Torn),
                }
                return Err(Fault::Off);
            }
            Event::Bad(bad) => Some(bad),
            Event::Nothing => self.bad[block],
        };
        self.erases[block] += 1;
        match bad {
            Some(Bad::EraseError) => return Err(Fault::Bad),
            Some(Bad::NoErase) => return Ok(()),
            _ => {}
        }
        self.bytes[block * BLOCK..][..BLOCK].fill(0xff);
        self.loose.retain(|loose| !words.contains(&loose.word));
        self.words[words.clone()].fill(Word::Erased);
        if bad == Some(Bad::HalfErase) {
            self.bytes[block * BLOCK] = 0xfe;
            self.words[words.start] = Word::Written;
        }
        Ok(())
    }
}

impl<const WORD: usize, const BLOCK: usize> ErrorType for Flash<WORD, BLOCK> {
    type Error = Fault;
}

impl<const WORD: usize, const BLOCK: usize> ReadNorFlash for Flash<WORD, BLOCK> {
    const READ_SIZE: usize = WORD;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Fault> {
        assert!(bytes.as_ptr().cast::<u32>().is_aligned(), "some drivers move whole words");
        self.check("read", offset, bytes.len(), WORD)?;
        let (at, len) = (offset as usize, bytes.len());
        if let Some(left) = self.read_glitch {
            self.read_glitch = left.checked_sub(1);
            if left == 0 {
                return Err(Fault::Bad);
            }
        }
        if (at..at + len).any(|at| self.bad(at) == Some(Bad::ReadError)) {
            return Err(Fault::Bad);
        }
        bytes.copy_from_slice(&self.bytes[at..at + len]);
        for index in 0..self.loose.len() {
            let Loose { word, old, new, tear } = self.loose[index];
            if !(at..at + len).contains(&(word * WORD)) {
                continue;
            }
            match tear {
                Tear::Unreadable => return Err(Fault::Bad),
                Tear::EachRead => {
                    let found = self.some(old, new);
                    bytes[word * WORD - at..][..WORD].copy_from_slice(&found[..WORD]);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.bytes.len()
    }
}

impl<const WORD: usize, const BLOCK: usize> NorFlash for Flash<WORD, BLOCK> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = BLOCK;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Fault> {
        assert!(from < to, "an erase of nothing");
        self.check("erase", from, (to - from) as usize, BLOCK)?;
        self.has_erased = true;
        (from as usize / BLOCK..to as usize / BLOCK).try_for_each(|block| self.erase_block(block))
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Fault> {
        assert!(bytes.as_ptr().cast::<u32>().is_aligned(), "some drivers move whole words");
        assert!(!bytes.is_empty(), "a write of nothing");
        self.check("write", offset, bytes.len(), WORD)?;
        let first = offset as usize / WORD;
        bytes.chunks(WORD).zip(first..).try_for_each(|(bytes, word)| self.write_word(word, bytes))
    }
}
