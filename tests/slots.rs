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
        if self.last.is_none()
            && let Err(error) = Slots::mount(self.config, IDENTITY, &mut flash)
        {
            assert!(matches!(error, SlotError::Flash { error: Fault::Bad, .. }), "{error}");
            self.begun.clear();
            let (cut, glitch) = (flash.cut.take(), flash.glitch.take());
            flash = Slots::format(self.config, IDENTITY, flash).unwrap().into_flash();
            (flash.cut, flash.glitch, flash.steps) = (cut, glitch, steps);
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

/// Words of 1, 4, 8 and 32 bytes, with erase blocks of one or several of them; words of one byte have the most steps.
fn all_words(saves: u32, stride: u64, of_bytes: u64) -> u64 {
    let counts = [
        cut_everywhere::<1, 32>(2, saves, 2, of_bytes),
        cut_everywhere::<1, 256>(3, saves, 2, of_bytes),
        cut_everywhere::<4, 64>(2, saves, 2, stride),
        cut_everywhere::<4, 4>(3, saves, 2, stride),
        cut_everywhere::<8, 128>(2, saves, 2, stride),
        cut_everywhere::<32, 32>(2, saves, 3, stride),
        cut_everywhere::<32, 128>(3, saves, 3, stride),
    ];
    println!("cuts, words of 1, 1, 4, 4, 8, 32 and 32 bytes: {counts:?}");
    counts.iter().sum()
}

#[test]
fn a_cut_at_any_step_leaves_the_last_complete_state() {
    let count = all_words(2, 23, 151);
    assert!(count > 20_000, "only {count} cuts");
}

/// The whole grid: `cargo test --release --features flash --test slots -- --ignored --nocapture`.
#[test]
#[ignore = "more than a million cuts"]
fn cuts_at_any_two_steps_leave_the_last_complete_state() {
    let count = all_words(4, 1, 5);
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

/// A block that fails for good: of three slots the other two go on, the error names the one, and the newest state is never
/// the one that is overwritten. Of two slots the one that is left keeps its state.
#[test]
fn a_bad_block_costs_its_slot_alone() {
    for bad in BADS.into_iter().filter(|&bad| bad != Bad::ReadError) {
        for block in 0..3 {
            let mut flash = Flash::<4, 64>::new(9, 0);
            let mut slots = Slots::mount(config(3, 192), IDENTITY, flash).unwrap();
            (0..3).for_each(|id| _ = save(&mut slots, &data(id, 90), 9).unwrap());
            flash = slots.into_flash();
            flash.bad[3 + block] = Some(bad);
            let (mut last, mut failed) = (data(2, 90), 0);
            for start in 0..4 {
                let mut slots = Slots::mount(config(3, 192), IDENTITY, flash).unwrap();
                for id in 10 * start + 10..10 * start + 16 {
                    let next = data(id, 90);
                    match save(&mut slots, &next, 9) {
                        Ok(_) => last = next,
                        Err(SlotError::Flash { slot: 1, .. } | SlotError::Slot { slot: 1, .. }) => failed += 1,
                        Err(error) => panic!("{error}"),
                    }
                    assert_eq!(newest(&mut slots).as_ref(), Some(&last));
                }
                flash = slots.into_flash();
                let mut slots = Slots::mount(config(3, 192), IDENTITY, flash).unwrap();
                assert_eq!(newest(&mut slots).as_ref(), Some(&last));
                flash = slots.into_flash();
            }
            // A bit that is stuck where it should be is none.
            assert!(failed <= 8 && (failed >= 4 || bad == Bad::StuckBit), "{bad:?} in block {block}: {failed} failed");
        }
    }
    let mut slots = Slots::mount(config(2, 128), IDENTITY, Flash::<4, 64>::new(4, 0)).unwrap();
    save(&mut slots, b"kept", 4).unwrap();
    let mut flash = slots.into_flash();
    flash.bad[2] = Some(Bad::NoWrite);
    let mut slots = Slots::mount(config(2, 128), IDENTITY, flash).unwrap();
    for _ in 0..5 {
        let error = save(&mut slots, b"lost", 4).unwrap_err();
        assert_eq!(error, SlotError::Slot { slot: 1, fault: SlotFault::ReadBack });
        assert_eq!(newest(&mut slots), Some(b"kept".to_vec()));
    }
}

/// A mark that cannot be written is told, once each; then the state does without.
#[test]
fn a_spare_mark_that_fails_is_not_written_again() {
    let (config, mut flash) = with_sequences(&[(Some(7), 1), (Some(8), 1)]);
    flash.bad[1] = Some(Bad::NoWrite);
    let mut slots = Slots::mount(config, IDENTITY, flash).unwrap();
    for _ in 0..3 {
        let told = Err(SlotError::Slot { slot: 1, fault: SlotFault::ReadBack });
        assert_eq!(save(&mut slots, b"next", 4), told);
        assert_eq!(newest(&mut slots), Some(data(8, 20)));
    }
    assert_eq!(save(&mut slots, b"next", 4).unwrap().slot, 0);
}

#[test]
fn reads_that_fail_are_told_where_no_state_is_left() {
    // Every read of a mount, of a save, and of what is saved.
    let (config, flash) = with_sequences(&[(Some(7), 1), (Some(8), 1)]);
    for read in 0.. {
        let mut flash = flash.clone();
        flash.read_glitch = Some(read);
        let slots = Slots::mount(config, IDENTITY, flash).unwrap();
        let is_through = slots.flash().read_glitch.is_some();
        let sequence = slots.newest().unwrap().sequence;
        assert!(sequence == 8 || sequence == 7 && !is_through, "read {read}");
        if is_through {
            assert!(read > 10);
            break;
        }
    }
    let reads = {
        let mut flash = flash.clone();
        flash.log = Some(Vec::new());
        Slots::mount(config, IDENTITY, flash).unwrap().into_flash().log.unwrap().len() as u64
    };
    for read in reads.. {
        let mut flash = flash.clone();
        flash.read_glitch = Some(read);
        let mut slots = Slots::mount(config, IDENTITY, flash).unwrap();
        if let Err(error) = save(&mut slots, b"next", 4) {
            assert!(matches!(error, SlotError::Flash { slot: 0 | 1, error: Fault::Bad }));
            assert_eq!(newest(&mut slots), Some(data(8, 20)));
        } else {
            assert!(slots.flash().read_glitch.is_some() && read > reads + 5);
            break;
        }
    }
    // Of what was saved.
    let mut again = flash.clone();
    again.read_glitch = Some(reads);
    let mut slots = Slots::mount(config, IDENTITY, again).unwrap();
    assert_eq!(slots.read(0, &mut [0; 20]), Err(SlotError::Flash { slot: 1, error: Fault::Bad }));
    assert_eq!(slots.read(0, &mut [0; 20]), Ok(()));
    // A single state, and a slot that cannot be read: nobody knows.
    let (config, mut flash) = with_sequences(&[(Some(7), 1), (None, 0)]);
    flash.bad[0] = Some(Bad::ReadError);
    let error = Slots::mount(config, IDENTITY, &mut flash).unwrap_err();
    assert_eq!(error, SlotError::Flash { slot: 0, error: Fault::Bad });
    flash.bad = vec![None, Some(Bad::ReadError)];
    let mut slots = Slots::mount(config, IDENTITY, flash).unwrap();
    assert_eq!(newest(&mut slots), Some(data(7, 20)));
}

#[test]
fn a_state_of_another_program_is_an_error_until_the_slots_are_erased() {
    let (config, flash) = with_sequences(&[(Some(7), 1), (Some(8), 1)]);
    let refused = |config: SlotsConfig, identity: u32, slot: u8, fault: SlotFault, flash: &Flash<4, 256>| {
        let mut flash = flash.clone();
        let error = Slots::mount(config, identity, &mut flash).unwrap_err();
        assert_eq!(error, SlotError::Slot { slot, fault });
        assert_eq!(flash.steps, 0);
        let slots = Slots::format(config, identity, flash).unwrap();
        assert_eq!(slots.newest(), None);
        let mut slots = Slots::mount(config, identity, slots.into_flash()).unwrap();
        assert_eq!(slots.newest(), None);
        let saved = save(&mut slots, b"mine", 4).unwrap();
        assert_eq!((saved.slot, saved.sequence), (0, 1));
    };
    refused(config, 5, 0, SlotFault::Identity(IDENTITY, 5), &flash);
    let mut other = flash.clone();
    let bytes = written(config, 4, 99, 9, b"other", 0);
    other.bytes()[256..][..bytes.len()].copy_from_slice(&bytes);
    refused(config, IDENTITY, 1, SlotFault::Identity(99, IDENTITY), &other);
    let more = Flash::<4, 256>::new(4, 0);
    let mut larger = more.clone();
    larger.bytes()[..512].copy_from_slice(flash.clone().bytes());
    refused(SlotsConfig { slots: 3, ..config }, IDENTITY, 0, SlotFault::Config, &larger);
    refused(SlotsConfig { slot_len: 512, ..config }, IDENTITY, 0, SlotFault::Config, &larger);
    let mut wider = more.clone();
    let bytes = written(config, 8, IDENTITY, 9, b"other", 1);
    wider.bytes()[..bytes.len()].copy_from_slice(&bytes);
    refused(config, IDENTITY, 0, SlotFault::Config, &wider);
    // Another version, whatever else it has.
    let mut later = more;
    let mut bytes = written(config, 4, IDENTITY, 9, b"", 0);
    bytes[8] = 2;
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&bytes[..28]);
    bytes[28..32].copy_from_slice(&crc.to_le_bytes());
    later.bytes()[..32].copy_from_slice(&bytes);
    refused(config, 1, 0, SlotFault::Version(2), &later);
    // A header that is not whole is nobody's.
    later.bytes()[31] ^= 1;
    assert_eq!(Slots::mount(config, 1, later).unwrap().newest(), None);
    // Nor one with more data than a slot has.
    let mut long = Flash::<4, 256>::new(2, 0);
    let bytes = written(config, 4, IDENTITY, 9, &data(1, 300), 0);
    long.bytes()[..32].copy_from_slice(&bytes[..32]);
    assert_eq!(Slots::mount(config, IDENTITY, long).unwrap().newest(), None);
    // One that cannot be erased.
    for (bad, fault) in [(Bad::NoErase, SlotFault::NotErased), (Bad::HalfErase, SlotFault::NotErased)] {
        let mut stuck = flash.clone();
        stuck.bad[1] = Some(bad);
        let error = Slots::format(config, 5, stuck).unwrap_err();
        assert_eq!(error, SlotError::Slot { slot: 1, fault });
    }
    let mut broken = flash;
    broken.bad[1] = Some(Bad::EraseError);
    assert_eq!(Slots::format(config, 5, broken).unwrap_err(), SlotError::Flash { slot: 1, error: Fault::Bad });
}

#[test]
fn data_of_another_length_than_announced_are_an_error() {
    let mut slots = Slots::mount(config(2, 128), IDENTITY, Flash::<4, 64>::new(4, 0)).unwrap();
    assert_eq!((slots.capacity(), slots.newest()), (64, None));
    assert_eq!(slots.read(0, &mut []), Err(SlotError::Empty));
    save(&mut slots, b"kept", 4).unwrap();
    let of = |slot, announced, given| Err(SlotError::Slot { slot, fault: SlotFault::Length(announced, given) });
    assert_eq!(slots.save(10, |out| out(&[1; 9])), of(1, 10, 9));
    assert_eq!(slots.save(10, |out| out(&[1; 11])), of(1, 10, 11));
    assert_eq!(slots.save(10, |_| Ok(())), of(1, 10, 0));
    // Also where the error of the one call is not handed on, and what follows would fit.
    let swallowed = slots.save(10, |out| {
        _ = out(&[1; 40]);
        _ = out(&[1; 10]);
        Ok(())
    });
    assert!(matches!(swallowed, Err(SlotError::Slot { slot: 1, fault: SlotFault::Length(10, 40..) })), "{swallowed:?}");
    assert_eq!(slots.save(65, |out| out(&[1; 65])), Err(SlotError::TooLong { capacity: 64, needed: 65 }));
    assert_eq!(slots.save(usize::MAX, |_| Ok(())), Err(SlotError::TooLong { capacity: 64, needed: usize::MAX }));
    assert_eq!(newest(&mut slots), Some(b"kept".to_vec()));
    for (offset, len, end) in [(5, 0, 5), (0, 5, 5), (4, 1, 5), (usize::MAX, 1, usize::MAX)] {
        assert_eq!(slots.read(offset, &mut vec![0; len]), Err(SlotError::Range { len: 4, end }));
    }
    assert_eq!(save(&mut slots, &data(3, 64), 64).unwrap().len, 64);
    assert_eq!(newest(&mut slots), Some(data(3, 64)));
}

#[test]
fn any_part_of_a_state_is_read() {
    let state = data(9, 100);
    let mut slots = Slots::mount(config(2, 256), IDENTITY, Flash::<8, 64>::new(8, 0)).unwrap();
    save(&mut slots, &state, 100).unwrap();
    for from in 0..=100 {
        for to in from..=100 {
            let mut part = vec![0; to - from];
            slots.read(from, &mut part).unwrap();
            assert_eq!(part, state[from..to], "{from}..{to}");
        }
    }
}

/// A driver of these sizes that is never called.
struct Sizes<const R: usize, const W: usize, const E: usize>(usize);

impl<const R: usize, const W: usize, const E: usize> embedded_storage::nor_flash::ErrorType for Sizes<R, W, E> {
    type Error = Fault;
}

impl<const R: usize, const W: usize, const E: usize> embedded_storage::nor_flash::ReadNorFlash for Sizes<R, W, E> {
    const READ_SIZE: usize = R;

    fn read(&mut self, _: u32, bytes: &mut [u8]) -> Result<(), Fault> {
        bytes.fill(0xff);
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0
    }
}

impl<const R: usize, const W: usize, const E: usize> embedded_storage::nor_flash::NorFlash for Sizes<R, W, E> {
    const WRITE_SIZE: usize = W;
    const ERASE_SIZE: usize = E;

    fn erase(&mut self, _: u32, _: u32) -> Result<(), Fault> {
        unreachable!()
    }

    fn write(&mut self, _: u32, _: &[u8]) -> Result<(), Fault> {
        unreachable!()
    }
}

#[test]
fn slots_that_a_flash_cannot_have_are_refused() {
    fn of<const R: usize, const W: usize, const E: usize>(
        start: u32,
        slot_len: u32,
        slots: u8,
        capacity: usize,
    ) -> Option<ConfigFault> {
        match Slots::mount(SlotsConfig { start, slot_len, slots }, 1, Sizes::<R, W, E>(capacity)) {
            Ok(_) => None,
            Err(SlotError::Config(fault)) => Some(fault),
            Err(error) => panic!("{error}"),
        }
    }
    const ALL: usize = 1 << 20;
    let (word, blocks) = (Some(ConfigFault::Word), Some(ConfigFault::Blocks));
    assert_eq!(of::<1, 4, 1024>(1024, 1024, 2, 3072), None);
    assert_eq!(of::<1, 4, 1024>(1024, 1024, 255, 256 << 10), None);
    assert_eq!(of::<32, 32, 32>(0, 192, 2, ALL), None);
    assert_eq!(of::<4, 1, 64>(64, 128, 2, ALL), None);
    // Words.
    assert_eq!(of::<1, 3, 1024>(0, 1024, 2, ALL), word);
    assert_eq!(of::<1, 0, 1024>(0, 1024, 2, ALL), word);
    assert_eq!(of::<1, 64, 1024>(0, 1024, 2, ALL), word);
    assert_eq!(of::<3, 4, 1024>(0, 1024, 2, ALL), word);
    assert_eq!(of::<64, 4, 1024>(0, 1024, 2, ALL), word);
    // Blocks.
    assert_eq!(of::<1, 4, 1024>(512, 1024, 2, ALL), blocks);
    assert_eq!(of::<1, 4, 1024>(0, 1536, 2, ALL), blocks);
    assert_eq!(of::<1, 8, 1020>(0, 1020, 2, ALL), blocks);
    assert_eq!(of::<1, 4, 4>(16, 256, 2, ALL), blocks);
    assert_eq!(of::<1, 4, 4>(32, 260, 2, ALL), blocks);
    assert_eq!(of::<1, 4, 0>(0, 1024, 2, ALL), blocks);
    assert_eq!(of::<8, 4, 4>(0, 256, 2, ALL), blocks);
    assert_eq!(of::<1, 4, 1024>(0, 1024, 1, ALL), Some(ConfigFault::Slots));
    assert_eq!(of::<1, 4, 1024>(0, 1024, 0, ALL), Some(ConfigFault::Slots));
    assert_eq!(of::<1, 4, 64>(0, 64, 2, ALL), Some(ConfigFault::Small));
    assert_eq!(of::<1, 4, 64>(0, 0, 2, ALL), Some(ConfigFault::Small));
    assert_eq!(of::<1, 32, 32>(0, 160, 2, ALL), Some(ConfigFault::Small));
    assert_eq!(of::<1, 4, 1024>(0, 1024, 2, 2047), Some(ConfigFault::Capacity));
    assert_eq!(of::<1, 4, 1024>(0, 0xffff_fc00, 255, usize::MAX), Some(ConfigFault::Capacity));
    assert_eq!(of::<1, 4, 1024>(0xffff_fc00, 1024, 2, usize::MAX), Some(ConfigFault::Capacity));
}

/// The length that a slot is said to need is enough, and the least.
#[test]
fn a_slot_is_as_long_as_its_data_need() {
    fn check<const R: usize, const W: usize, const E: usize>() {
        let (word, block) = (W.max(R), if E.is_multiple_of(32) { E } else { E.next_multiple_of(32) });
        for len in (1..300).chain([4000, 1 << 20]) {
            let slot_len = Slots::<Sizes<R, W, E>>::slot_len(len) as usize;
            let least = 32 + len.next_multiple_of(word) + 4 * word.max(8);
            assert_eq!(slot_len, least.next_multiple_of(block), "words of {word}, blocks of {E}: {len}");
            let config = SlotsConfig { start: 0, slot_len: slot_len as u32, slots: 2 };
            let slots = Slots::mount(config, 1, Sizes::<R, W, E>(2 * slot_len)).unwrap();
            assert!((len..len + word + block).contains(&slots.capacity()));
        }
    }
    check::<1, 1, 1>();
    check::<1, 2, 512>();
    check::<4, 4, 4096>();
    check::<8, 4, 64>();
    check::<1, 32, 64>();
    assert_eq!(Slots::<Sizes<1, 4, 48>>::slot_len(1), 96);
    let none = [
        Slots::<Sizes<1, 3, 64>>::slot_len(1),
        Slots::<Sizes<1, 4, 0>>::slot_len(1),
        Slots::<Sizes<1, 4, 64>>::slot_len(u32::MAX as usize - 70),
        Slots::<Sizes<1, 4, 64>>::slot_len(usize::MAX),
    ];
    assert_eq!(none, [u32::MAX; 4]);
    assert_eq!(Slots::<Sizes<1, 4, 64>>::slot_len(u32::MAX as usize - 63 - 64), u32::MAX - 63);
}

#[test]
fn errors_say_what_happened_where() {
    let slot = |fault| SlotError::<Fault>::Slot { slot: 1, fault };
    let errors = [
        (SlotError::Flash { slot: 2, error: Fault::Bad }, 0x8100, "slot 2: the flash driver reports Bad"),
        (slot(SlotFault::NotErased), 0x8201, "slot 1: not erased after an erase"),
        (slot(SlotFault::ReadBack), 0x8202, "slot 1: holds other bytes than were written"),
        (slot(SlotFault::Version(2)), 0x8203, "slot 1: written in format version 2"),
        (slot(SlotFault::Config), 0x8204, "slot 1: written with slots or words of another size or number"),
        (slot(SlotFault::Identity(1, 0xab)), 0x8205, "slot 1: belongs to 00000001, expected 000000ab"),
        (slot(SlotFault::Length(3, 4)), 0x8206, "slot 1: announced 3 bytes, got 4"),
        (SlotError::Config(ConfigFault::Capacity), 0x8305, "slots: the slots end behind the end of the flash"),
        (SlotError::TooLong { capacity: 3, needed: 4 }, 0x8400, "a slot holds 3 bytes, needed 4"),
        (SlotError::Empty, 0x8500, "nothing was saved yet"),
        (SlotError::Range { len: 3, end: 4 }, 0x8600, "3 bytes were saved, a read would end at 4"),
    ];
    for (error, code, text) in errors {
        assert_eq!((error.code(), error.to_string().as_str()), (code, text));
    }
    let faults = [ConfigFault::Word, ConfigFault::Blocks, ConfigFault::Slots, ConfigFault::Small];
    assert_eq!(faults.map(ConfigFault::code), [1, 2, 3, 4]);
    let slots = Slots::mount(config(2, 128), 1, Flash::<4, 64>::new(4, 0)).unwrap();
    assert!(format!("{slots:?}").contains("newest: None"));
}

/// What a program, a power supply and a flash can do.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// Saves, with a cut at this step, if there is one.
    Save(Option<(u64, Tear)>),
    /// Starts, and does nothing.
    Start,
    /// A step fails.
    Glitch(u64, Bad),
    /// Erases the slots.
    Format,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let tear = (0..TEARS.len()).prop_map(|k| TEARS[k]);
    let act = prop_oneof![
        2 => Just(Act::Save(None)),
        5 => (0_u64..60, tear).prop_map(|cut| Act::Save(Some(cut))),
        1 => Just(Act::Start),
        2 => (0_u64..40, 0..BADS.len()).prop_map(|(step, bad)| Act::Glitch(step, BADS[bad])),
        1 => Just(Act::Format),
    ];
    prop::collection::vec(act, 1..30)
}

/// Acts at random against a list of what was saved.
fn run<const W: usize, const B: usize>(slots: u8, acts: &[Act]) {
    let mut world = World::<W, B>::new(slots, &[37, 0, 70, 1, 64, 5], 0);
    for &act in acts {
        match act {
            Act::Save(cut) => _ = world.session(cut),
            Act::Start => {
                world.flash.start();
                world.flash = world.mount().0.into_flash();
            }
            Act::Glitch(step, bad) => {
                world.flash.start();
                world.flash.glitch = Some((step, bad));
                let (mut store, found) = world.mount();
                let id = world.next;
                world.next += 1;
                let outcome = save(&mut store, &world.data(id), 13);
                world.flash = store.into_flash();
                world.flash.glitch = None;
                if outcome.is_ok() {
                    (world.last, world.begun) = (Some(id), Vec::new());
                } else {
                    if world.flash.has_erased {
                        world.begun.retain(|&begun| Some(begun) > found);
                        world.last = found;
                    }
                    world.begun.push(id);
                }
            }
            Act::Format => {
                world.flash.start();
                world.flash = Slots::format(world.config, IDENTITY, world.flash).unwrap().into_flash();
                (world.last, world.begun) = (None, Vec::new());
            }
        }
    }
    world.flash.start();
    world.mount();
}

proptest! {
    #![proptest_config(Config { cases: 200, rng_seed: RngSeed::Fixed(1), failure_persistence: None, ..Config::default() })]

    #[test]
    fn whatever_happens_the_last_complete_state_is_found(acts in acts()) {
        run::<1, 32>(2, &acts);
        run::<4, 64>(3, &acts);
        run::<8, 128>(2, &acts);
        run::<32, 64>(4, &acts);
    }
}
