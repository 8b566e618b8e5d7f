//! Saves, power cuts, failing steps and starts in any order, against a list of what was saved: a mount finds the last
//! complete state or one that was begun since, and never panics.
#![no_main]

#[path = "../../tests/common/flash.rs"]
mod flash;

use cygnet::store::{SlotError, Slots, SlotsConfig};
use flash::{BADS, Fault, Flash, TEARS};
use libfuzzer_sys::fuzz_target;

const IDENTITY: u32 = 7;

/// The data of save `id`: its number, again and again.
fn data(id: u32) -> Vec<u8> {
    id.to_le_bytes().into_iter().cycle().take(4 + id as usize * 7 % 61).collect()
}

struct World<const W: usize, const B: usize> {
    flash: Flash<W, B>,
    config: SlotsConfig,
    last: Option<u32>,
    begun: Vec<u32>,
    next: u32,
}

impl<const W: usize, const B: usize> World<W, B> {
    /// Mounts; what was found.
    fn mount(&mut self) -> (Slots<Flash<W, B>>, Option<u32>) {
        let mut flash = std::mem::replace(&mut self.flash, Flash::<W, B>::new(0, 0));
        let steps = flash.steps;
        if let Err(error) = Slots::mount(self.config, IDENTITY, &mut flash) {
            assert!(self.last.is_none() && matches!(error, SlotError::Flash { error: Fault::Bad, .. }), "{error}");
            let (cut, glitch) = (flash.cut.take(), flash.glitch.take());
            flash = Slots::format(self.config, IDENTITY, flash).unwrap().into_flash();
            (flash.cut, flash.glitch, flash.steps) = (cut, glitch, steps);
            self.begun.clear();
        }
        let mut slots = Slots::mount(self.config, IDENTITY, flash).unwrap();
        assert_eq!(slots.flash().steps, steps, "a mount writes");
        let found = slots.newest().map(|saved| {
            let mut bytes = vec![0; saved.len];
            slots.read(0, &mut bytes).unwrap();
            let id = u32::from_le_bytes(bytes[..4].try_into().unwrap());
            assert_eq!(bytes, data(id));
            id
        });
        assert!(found == self.last || found.is_some_and(|id| self.begun.contains(&id)), "{found:?}");
        (slots, found)
    }

    /// A start, and a save with a cut or a failure or neither.
    fn session(&mut self, kind: u8, step: u64, how: u8) {
        self.flash.start();
        match kind {
            0 => self.flash.cut = Some((step, TEARS[how as usize % TEARS.len()])),
            1 => self.flash.glitch = Some((step, BADS[how as usize % BADS.len()])),
            _ => {}
        }
        let (mut slots, found) = self.mount();
        if kind == 3 {
            self.flash = slots.into_flash();
            return;
        }
        let id = self.next;
        self.next += 1;
        let data = data(id);
        let outcome = slots.save(data.len(), |out| data.chunks(1 + how as usize).try_for_each(&mut *out));
        self.flash = slots.into_flash();
        let was_disturbed = self.flash.is_off() || kind == 1 && self.flash.glitch.is_none();
        self.flash.glitch = None;
        assert!(outcome.is_ok() || was_disturbed, "{outcome:?}");
        if outcome.is_ok() {
            (self.last, self.begun) = (Some(id), Vec::new());
        } else {
            if self.flash.has_erased {
                self.begun.retain(|&begun| Some(begun) > found);
                self.last = found;
            }
            self.begun.push(id);
        }
    }
}

fn run<const W: usize, const B: usize>(slots: u8, acts: &[[u8; 3]]) {
    let slot_len = Slots::<Flash<W, B>>::slot_len(64);
    let config = SlotsConfig { start: 0, slot_len, slots };
    let flash = Flash::<W, B>::new(slot_len as usize * usize::from(slots) / B, 0);
    let mut world = World { flash, config, last: None, begun: Vec::new(), next: 1 };
    for &[kind, step, how] in acts {
        world.session(kind % 4, u64::from(step), how);
    }
    world.flash.start();
    world.mount();
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&shape, acts)) = bytes.split_first() else { return };
    let acts = &acts.as_chunks().0[..(acts.len() / 3).min(24)];
    let slots = 2 + shape / 4 % 3;
    match shape % 4 {
        0 => run::<1, 32>(slots, acts),
        1 => run::<4, 64>(slots, acts),
        2 => run::<8, 128>(slots, acts),
        _ => run::<32, 64>(slots, acts),
    }
});
