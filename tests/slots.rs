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
    /// The latest state that was complete: found by a mount, or by a save that returned `Ok`.
    last: Option<u32>,
    /// Saves that were cut off since: each may have come to its end.
    begun: Vec<u32>,
    next: u32,
}

impl<const W: usize, const B: usize> World<W, B> {
    /// Of slots with room for the longest save, behind a block of somebody else's.
    fn new(slots: u8, lens: &'static [usize], seed: u64) -> Self {
        let slot_len = Slots::<Flash<W, B>>::slot_len(*lens.iter().max().unwrap());
        let before = B.max(32);
        let config = SlotsConfig { start: before as u32, slot_len, slots };
        let flash = Flash::new((before + slot_len as usize * usize::from(slots)) / B, seed);
        Self { flash, config, lens, last: None, begun: Vec::new(), next: 0 }
    }

    fn data(&self, id: u32) -> Vec<u8> {
        data(id, self.lens[id as usize % self.lens.len()])
    }

    /// Mounts, which must find the last complete state, or one that was begun since. (Where there is none and a word
    /// that was cut off cannot be read, the error says so.)
    fn mount(&mut self) -> Slots<Flash<W, B>> {
        let steps = self.flash.steps;
        let flash = std::mem::replace(&mut self.flash, Flash::new(0, 0));
        let mut slots = match Slots::mount(self.config, IDENTITY, flash.clone()) {
            Err(SlotError::Flash { error: Fault::Bad, .. }) if self.last.is_none() => {
                self.begun.clear();
                let mut flash = flash;
                let cut = flash.cut.take();
                flash = Slots::format(self.config, IDENTITY, flash).unwrap().into_flash();
                flash.cut = cut;
                Slots::mount(self.config, IDENTITY, flash).unwrap()
            }
            mounted => {
                let slots = mounted.unwrap();
                assert_eq!(flash.steps, steps, "a mount writes");
                slots
            }
        };
        let found = newest(&mut slots);
        let candidates = self.begun.iter().rev().copied().map(Some).chain([self.last]);
        let is_found = |id: &Option<u32>| id.map(|id| self.data(id)) == found;
        let id = candidates.into_iter().find(is_found).expect("neither the last complete state nor one begun since");
        if id != self.last {
            self.begun.retain(|&begun| Some(begun) > id);
            self.last = id;
        }
        slots
    }

    /// Starts, mounts, and saves with this cut, or wholly without. Whether it was cut off.
    fn session(&mut self, cut: Option<(u64, Tear)>) -> bool {
        self.flash.start();
        self.flash.cut = cut;
        let mut slots = self.mount();
        let id = self.next;
        self.next += 1;
        let data = self.data(id);
        let outcome = save(&mut slots, &data, 1 + id as usize % 40);
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
