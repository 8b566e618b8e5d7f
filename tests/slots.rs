//! The flash store, over a flash that loses its power at any word and block, and whose blocks fail: whatever happens, the
//! last complete state is found again, and a save that returned `Ok` is found.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "common/flash.rs"]
mod flash;

use cygnet::store::{ConfigFault, Saved, SlotError, SlotFault, Slots, SlotsConfig};
use flash::{BADS, Bad, Fault, Flash, TEARS, Tear};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

const IDENTITY: u32 = 0x1234_5678;

/// The data of save `id`.
fn data(id: u32, len: usize) -> Vec<u8> {
    let mut state = u64::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        // Erased bytes, written bytes, and others.
        match state >> 62 {
            0 => 0xff,
            1 => 0,
            _ => (state >> 40) as u8,
        }
    };
    (0..len).map(|_| next()).collect()
}

type Outcome = Result<Saved, SlotError<Fault>>;

/// Saves in parts of these lengths, one after the other.
fn save<const W: usize, const B: usize>(slots: &mut Slots<Flash<W, B>>, data: &[u8], part: usize) -> Outcome {
    slots.save(data.len(), |out| data.chunks(part).try_for_each(&mut *out))
}

/// What `slots` has.
fn newest<const W: usize, const B: usize>(slots: &mut Slots<Flash<W, B>>) -> Option<Vec<u8>> {
    let mut bytes = vec![0x55; slots.newest()?.len];
    slots.read(0, &mut bytes).unwrap();
    Some(bytes)
}

/// A flash and what was saved in it.
#[derive(Clone)]
struct World<const W: usize, const B: usize> {
    flash: Flash<W, B>,
    config: SlotsConfig,
    /// Lengths of the saves, in turn.
    lens: &'static [usize],
    /// The latest state that is sure: its save returned `Ok`, or a save after it erased another slot.
    last: Option<u32>,
    /// Saves that were cut off since. Each may have come to its end; one that was cut off within its mark may be found
    /// at one start and not at the next, until a save erases another slot.
    begun: Vec<u32>,
    next: u32,
    /// The cuts so far.
    cuts: Vec<(u64, Tear)>,
}

impl<const W: usize, const B: usize> World<W, B> {
    /// Of slots with room for the longest save, behind a block of somebody else's.
    fn new(slots: u8, lens: &'static [usize], seed: u64) -> Self {
        let slot_len = Slots::<Flash<W, B>>::slot_len(*lens.iter().max().unwrap());
        let before = B.max(32);
        let config = SlotsConfig { start: before as u32, slot_len, slots };
        let flash = Flash::new((before + slot_len as usize * usize::from(slots)) / B, seed);
        Self { flash, config, lens, last: None, begun: Vec::new(), next: 0, cuts: Vec::new() }
    }

    fn data(&self, id: u32) -> Vec<u8> {
        data(id, self.lens[id as usize % self.lens.len()])
    }

    /// Mounts, which must find the last complete state, or one that was begun since. (Where there is none and a word
    /// that was cut off cannot be read, the error says so.)
    fn mount(&mut self) -> (Slots<Flash<W, B>>, Option<u32>) {
        let steps = self.flash.steps;
        let mut flash = std::mem::replace(&mut self.flash, Flash::new(0, 0));
        if self.last.is_none() {
            if let Err(error) = Slots::mount(self.config, IDENTITY, &mut flash) {
                assert!(matches!(error, SlotError::Flash { error: Fault::Bad, .. }), "{error}");
                self.begun.clear();
                let cut = flash.cut.take();
                flash = Slots::format(self.config, IDENTITY, flash).unwrap().into_flash();
                (flash.cut, flash.steps) = (cut, steps);
            }
        }
        let mut slots = Slots::mount(self.config, IDENTITY, flash).unwrap();
        assert_eq!(slots.flash().steps, steps, "a mount writes");
        let found = newest(&mut slots);
        let candidates = self.begun.iter().rev().copied().map(Some).chain([self.last]);
        let is_found = |id: &Option<u32>| id.map(|id| self.data(id)) == found;
        let Some(id) = candidates.into_iter().find(is_found) else {
            panic!("{W} of {B}, {:?}: neither {:?} nor {:?}, but {found:?}", self.cuts, self.last, self.begun)
        };
        (slots, id)
    }

    /// Starts, mounts, and saves with this cut, or wholly without. Whether it was cut off.
    fn session(&mut self, cut: Option<(u64, Tear)>) -> bool {
        self.flash.start();
        self.flash.cut = cut;
        self.cuts.extend(cut);
        let (mut slots, found) = self.mount();
        let id = self.next;
        self.next += 1;
        let data = self.data(id);
        let outcome = save(&mut slots, &data, 1 + id as usize % 40);
        if slots.flash().has_erased {
            self.begun.retain(|&begun| Some(begun) > found);
            self.last = found;
        }
        if outcome.is_ok() {
            (self.last, self.begun) = (Some(id), Vec::new());
            assert_eq!(newest(&mut slots), Some(data));
        } else {
            self.begun.push(id);
        }
        self.flash = slots.into_flash();
        let is_cut = self.flash.is_off();
        assert_ne!(outcome.is_ok(), is_cut, "{outcome:?}");
        is_cut
    }

    /// Cuts a save at each step and in each way, and the save after it, `depth` times; then one must succeed. Below the
    /// first level only each `stride`-th. Counts the cuts.
    fn explore(&self, depth: u32, stride: u64, tears: &[Tear], count: &mut u64) {
        for step in 0.. {
            for (number, &tear) in tears.iter().enumerate() {
                let mut world = self.clone();
                if !world.session(Some((step, tear))) {
                    return;
                }
                *count += 1;
                if depth > 1 && (step + number as u64).is_multiple_of(stride) {
                    world.explore(depth - 1, stride, tears, count);
                } else {
                    assert!(!world.session(None));
                    world.flash.start();
                    world.mount();
                }
            }
        }
    }
}

/// Cuts a history of saves: the very first one, and each after it.
fn cut_everywhere<const W: usize, const B: usize>(slots: u8, saves: u32, depth: u32, stride: u64) -> u64 {
    const LENS: &[usize] = &[37, 0, 70, 1, 64, 5];
    let mut count = 0;
    for seed in [0, 7] {
        let mut world = World::<W, B>::new(slots, LENS, seed);
        if seed > 0 {
            world.flash = Slots::format(world.config, IDENTITY, world.flash).unwrap().into_flash();
        }
        for _ in 0..saves {
            world.explore(depth, stride, &TEARS, &mut count);
            assert!(!world.session(None));
        }
    }
    count
}

/// Words of 1, 4, 8 and 32 bytes, with erase blocks of one or several of them.
fn all_words(saves: u32, depth: u32, stride: u64) -> u64 {
    let counts = [
        cut_everywhere::<1, 32>(2, saves, depth, stride),
        cut_everywhere::<1, 256>(3, saves, depth, stride),
        cut_everywhere::<4, 64>(2, saves, depth, stride),
        cut_everywhere::<4, 4>(3, saves, depth, stride),
        cut_everywhere::<8, 128>(2, saves, depth, stride),
        cut_everywhere::<32, 32>(2, saves, depth, stride),
        cut_everywhere::<32, 128>(3, saves, depth, stride),
    ];
    println!("cuts: {counts:?}");
    counts.iter().sum()
}

#[test]
fn a_cut_at_any_step_leaves_the_last_complete_state() {
    let count = all_words(3, 2, 23);
    assert!(count > 10_000, "only {count} cuts");
}

/// The whole grid: `cargo test --release --features flash --test slots -- --ignored --nocapture`.
#[test]
#[ignore = "more than a million cuts"]
fn cuts_at_any_two_steps_leave_the_last_complete_state() {
    let count = all_words(4, 2, 1);
    println!("{count} cuts");
    assert!(count >= 1_000_000, "only {count} cuts");
}

/// A slot's bytes as the guide describes them, without a look at the crate.
fn written(config: SlotsConfig, word: usize, identity: u32, sequence: u32, data: &[u8], marks: usize) -> Vec<u8> {
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    let mut bytes = b"\x89CYGSLT\n\x01\x00".to_vec();
    bytes.extend([config.slots, word as u8]);
    for number in [config.slot_len, identity, sequence, data.len() as u32] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(crc.checksum(&bytes).to_le_bytes());
    bytes.extend(data);
    let whole = crc.checksum(&bytes[28..]);
    bytes.resize(32 + data.len().next_multiple_of(word), 0xff);
    let mark = [whole.to_le_bytes(), (!whole).to_le_bytes()].concat();
    bytes.extend(mark.iter().cycle().take(marks * word.max(8)));
    bytes
}

fn config(slots: u8, slot_len: u32) -> SlotsConfig {
    SlotsConfig { start: 0, slot_len, slots }
}

#[test]
fn a_slot_has_the_bytes_that_the_guide_describes() {
    fn check<const W: usize>(len: usize) {
        let slots = config(2, 512);
        let mut store = Slots::mount(slots, IDENTITY, Flash::<W, 256>::new(4, 0)).unwrap();
        let (first, second) = (data(1, len), data(2, len + 3));
        for (number, data) in (1..).zip([&first, &second]) {
            let saved = save(&mut store, data, 7).unwrap();
            assert_eq!((saved.slot, saved.sequence, saved.len), (number as u8 - 1, number, data.len()));
        }
        let mut flash = store.into_flash();
        for (number, data) in (1..).zip([&first, &second]) {
            let mut expected = written(slots, W, IDENTITY, number, data, 1);
            expected.resize(512, 0xff);
            assert_eq!(flash.bytes()[(number as usize - 1) * 512..][..512], expected, "words of {W}, slot {number}");
        }
        // The second mark, of a state that another program run saved.
        let mut store = Slots::mount(slots, IDENTITY, flash).unwrap();
        save(&mut store, &first, 7).unwrap();
        let expected = written(slots, W, IDENTITY, 2, &second, 2);
        assert_eq!(store.into_flash().bytes()[512..][..expected.len()], expected, "words of {W}");
    }
    for len in [0, 1, 40, 64] {
        check::<1>(len);
        check::<2>(len);
        check::<4>(len);
        check::<8>(len);
        check::<16>(len);
        check::<32>(len);
    }
}

/// Slots with these sequence numbers, where there is one; `marks` of each.
fn with_sequences(sequences: &[(Option<u32>, usize)]) -> (SlotsConfig, Flash<4, 256>) {
    let config = config(sequences.len() as u8, 256);
    let mut flash = Flash::new(sequences.len(), 0);
    for (slot, &(sequence, marks)) in sequences.iter().enumerate() {
        if let Some(sequence) = sequence {
            let bytes = written(config, 4, IDENTITY, sequence, &data(sequence, 20), marks);
            flash.bytes()[slot * 256..][..bytes.len()].copy_from_slice(&bytes);
        }
    }
    (config, flash)
}

/// The number of the newest of these states.
fn newest_of(sequences: &[Option<u32>]) -> Option<u32> {
    let sequences: Vec<_> = sequences.iter().map(|&sequence| (sequence, 1)).collect();
    let (config, flash) = with_sequences(&sequences);
    let mut slots = Slots::mount(config, IDENTITY, flash).unwrap();
    let saved = slots.newest()?;
    assert_eq!(newest(&mut slots), Some(data(saved.sequence, 20)));
    Some(saved.sequence)
}

#[test]
fn the_newest_is_found_where_numbers_wrap() {
    for first in [0, 1, 5, 0x7fff_ffff, 0x8000_0000, u32::MAX - 1, u32::MAX] {
        for distance in [1, 2, 100, 0x7fff_ffff] {
            let second = first.wrapping_add(distance);
            assert_eq!(newest_of(&[Some(first), Some(second)]), Some(second));
            assert_eq!(newest_of(&[Some(second), Some(first)]), Some(second));
            assert_eq!(newest_of(&[None, Some(second), Some(first)]), Some(second));
        }
        assert_eq!(newest_of(&[None, Some(first)]), Some(first));
        // Nobody writes these: the first slot of both counts.
        assert_eq!(newest_of(&[Some(first), Some(first.wrapping_add(1 << 31))]), Some(first));
    }
    assert_eq!(newest_of(&[None, None]), None);
}

/// Numbers go on behind the highest, also behind that of a state which is not complete, so that two of a kind never stand
/// side by side.
#[test]
fn a_number_is_given_once() {
    for first in [1, u32::MAX - 1, u32::MAX] {
        let number = |k: u32| Some(first.wrapping_add(k));
        for (sequences, next) in [
            ([(number(0), 1), (number(1), 1), (None, 0)], 2),
            ([(number(1), 1), (number(2), 0), (number(0), 1)], 3),
            ([(number(2), 0), (None, 0), (number(1), 1)], 3),
            ([(number(0), 0), (None, 0), (None, 0)], 1),
        ] {
            let (config, flash) = with_sequences(&sequences);
            let mut slots = Slots::mount(config, IDENTITY, flash).unwrap();
            assert_eq!(Some(save(&mut slots, b"next", 4).unwrap().sequence), number(next), "{sequences:?}");
        }
    }
    let mut slots = Slots::mount(config(2, 256), IDENTITY, Flash::<4, 256>::new(2, 0)).unwrap();
    assert_eq!(save(&mut slots, b"first", 4).unwrap().sequence, 1);
    // A save that fails has used its number.
    _ = slots.save(4, |_| Ok(())).unwrap_err();
    assert_eq!(save(&mut slots, b"third", 4).unwrap().sequence, 3);
}

#[test]
fn every_bit_of_the_newest_state_counts() {
    let (config, flash) = with_sequences(&[(Some(7), 1), (Some(8), 1)]);
    for bit in 0..8 * (32 + 20 + 8) {
        let mut flash = flash.clone();
        flash.bytes()[256 + bit / 8] ^= 1 << (bit % 8);
        let mut slots = Slots::mount(config, IDENTITY, flash).unwrap();
        assert_eq!(slots.newest().map(|saved| saved.sequence), Some(7), "bit {bit}");
        assert_eq!(newest(&mut slots), Some(data(7, 20)));
        assert_eq!(save(&mut slots, b"next", 4).unwrap().slot, 1, "bit {bit}");
    }
    // One intact mark is enough, whichever it is; and without any there is no state.
    for marks in 0_u8..16 {
        let (config, mut flash) = with_sequences(&[(Some(7), 1), (Some(8), 4)]);
        let broken = (0..4).filter(|mark| marks >> mark & 1 == 0);
        broken.for_each(|mark| flash.bytes()[256 + 52 + 8 * mark] ^= 1);
        let slots = Slots::mount(config, IDENTITY, flash).unwrap();
        assert_eq!(slots.newest().map(|saved| saved.sequence), Some(if marks == 0 { 7 } else { 8 }));
    }
}

/// A start that saves nothing writes nothing; the first save of each writes one mark of the newest state, up to four.
#[test]
fn the_first_save_of_each_start_confirms_the_newest_state_before_it_erases() {
    let (config, mut flash) = with_sequences(&[(Some(7), 1), (Some(8), 1)]);
    for start in 1..7 {
        flash.log = Some(Vec::new());
        let mut slots = Slots::mount(config, IDENTITY, flash).unwrap();
        for _ in 0..2 {
            // The caller gives up, so that the newest state stays.
            let stopped = slots.save(4, |_| Err(SlotError::Empty));
            assert_eq!(stopped, Err(SlotError::Empty));
        }
        flash = slots.into_flash();
        let log = flash.log.take().unwrap();
        let changes: Vec<_> = log.into_iter().filter(|(what, ..)| *what != "read").collect();
        let (confirmed, mark) = (start < 4, 256 + 52 + 8 * start);
        let expected = [("write", mark, 8), ("erase", 0, 256), ("write", 0, 32), ("erase", 0, 256), ("write", 0, 32)];
        assert_eq!(changes, expected[usize::from(!confirmed)..], "start {start}");
    }
}

#[test]
fn the_first_mark_is_written_last_and_alone_after_all_was_read_back() {
    fn check<const W: usize>() {
        let mut slots = Slots::mount(config(2, 512), IDENTITY, Flash::<W, 128>::new(8, 0)).unwrap();
        save(&mut slots, &data(1, 300), 9).unwrap();
        let mut flash = slots.into_flash();
        flash.log = Some(Vec::new());
        let mut slots = Slots::mount(config(2, 512), IDENTITY, flash).unwrap();
        let mounted = slots.flash().log.as_ref().unwrap().len();
        let len = 70;
        save(&mut slots, &data(2, len), 9).unwrap();
        let log = slots.into_flash().log.unwrap();
        assert!(log[..mounted].iter().all(|(what, ..)| *what == "read"));
        let (mark, mark_len) = (512 + 32 + len.next_multiple_of(W) as u32, W.max(8));
        let changes: Vec<_> = log[mounted..].iter().filter(|(what, ..)| *what != "read").copied().collect();
        // What a state takes is erased, and no more.
        let used = (32 + len.next_multiple_of(W) + 4 * mark_len).next_multiple_of(128);
        assert_eq!(changes[1], ("erase", 512, used));
        assert_eq!(changes.last(), Some(&("write", mark, mark_len)));
        assert!(changes[2..].iter().all(|&(what, at, n)| what == "write" && n <= 32 && at < mark || at == mark));
        // Behind the last byte of data all of them are read again before the mark is written.
        let last_data = log.iter().rposition(|&(what, at, _)| what == "write" && at != mark).unwrap();
        let committed = log.iter().rposition(|&(what, ..)| what == "write").unwrap();
        let read: Vec<_> = log[last_data..committed].iter().filter(|(what, ..)| *what == "read").collect();
        let is_read = |byte: u32| read.iter().any(|&&(_, at, n)| (at..at + n as u32).contains(&byte));
        assert!((512..512 + 32 + len as u32).all(is_read));
        assert_eq!(log[committed + 1..], [("read", mark, mark_len)]);
    }
    check::<1>();
    check::<4>();
    check::<8>();
    check::<32>();
}

#[test]
fn each_slot_is_erased_every_nth_time() {
    for slots in [2, 3, 5] {
        let mut flash = Flash::<4, 64>::new(3 * usize::from(slots), 0);
        for start in 0..7 {
            let mut store = Slots::mount(config(slots, 192), IDENTITY, flash).unwrap();
            (0..=start).for_each(|k| _ = save(&mut store, &data(k, 90), 11).unwrap());
            flash = store.into_flash();
        }
        // 28 saves of 3 blocks.
        let even = 28 / u32::from(slots);
        assert!(flash.erases.iter().all(|&erases| (even..=even + 1).contains(&erases)), "{:?}", flash.erases);
    }
}

/// Every kind of failure in every step of a save: the error names the slot, the state before is intact, also after a
/// start, and the next save goes on.
#[test]
fn a_step_that_fails_is_told_and_leaves_the_state_before() {
    fn check<const W: usize, const B: usize>(slots: u8) {
        let mut world = World::<W, B>::new(slots, &[37, 64, 5], 1);
        world.flash = Slots::format(world.config, IDENTITY, world.flash).unwrap().into_flash();
        (0..3).for_each(|_| assert!(!world.session(None)));
        let mut told = 0;
        for bad in BADS {
            for step in 0.. {
                let mut world = world.clone();
                world.flash.glitch = Some((step, bad));
                let (mut store, _) = world.mount();
                let before = store.newest().unwrap();
                let next = world.data(3);
                let outcome = save(&mut store, &next, 9);
                world.flash = store.into_flash();
                if world.flash.glitch.take().is_some() {
                    assert!(step > 3);
                    break;
                }
                if outcome.is_ok() {
                    // A bit that stuck where it was right, a block that was blank before.
                    world.last = Some(3);
                } else {
                    told += 1;
                    let next = (before.slot + 1) % slots;
                    let slot = if step < (W.max(8) / W) as u64 { before.slot } else { next };
                    let of = |fault| Err(SlotError::Slot { slot, fault });
                    match bad {
                        Bad::WriteError | Bad::EraseError => {
                            assert_eq!(outcome, Err(SlotError::Flash { slot, error: Fault::Bad }));
                        }
                        Bad::NoErase | Bad::HalfErase => assert_eq!(outcome, of(SlotFault::NotErased)),
                        _ => assert_eq!(outcome, of(SlotFault::ReadBack), "step {step}, {bad:?}"),
                    }
                    world.begun.push(3);
                }
                world.next = 4;
                assert!(!world.session(None), "{bad:?} at step {step}");
                world.mount();
            }
        }
        assert!(told >= 15, "{told}");
    }
    check::<1, 64>(2);
    check::<4, 64>(3);
    check::<8, 64>(2);
    check::<32, 64>(3);
}
