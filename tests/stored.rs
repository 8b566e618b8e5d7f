//! What `examples/firmware/src/bin/stored` computes on two chips, computed here: the same bits, without a cut and with one at
//! any word. And the rules of its model of flash.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../examples/firmware/src/bin/stored/cut.rs"]
mod cut;
#[path = "../examples/firmware/src/bin/stored/nor.rs"]
mod nor;
#[path = "../examples/firmware/src/bin/stored/scenario.rs"]
mod scenario;
#[path = "../examples/firmware/src/sensor.rs"]
mod sensor;

use cut::Cut;
use embedded_storage::nor_flash::{NorFlash, NorFlashErrorKind, ReadNorFlash};
use nor::Nor;
use scenario::{Event, Failure, Memory, Report, SAVE_EVERY, SLOTS, STEPS, run};
use std::cell::Cell;

/// As the image prints it; `.ci/flash` compares both.
const HASH: u64 = 0x26c7_39c9_d57a_3d7d;
/// Words of the model's flash, and of a block.
const WORDS: usize = 16 * 1024;
const BLOCK: u32 = 1024;

/// What the run said, and the words written or erased by then.
type Told = Vec<(Event, u32)>;

/// Runs on `flash` until the power fails before word `at`.
fn until(flash: &mut [u32], at: Option<u32>) -> (Result<Report, Failure<NorFlashErrorKind>>, Told) {
    let (words, mut events) = (Cell::new(0), Vec::new());
    let flash = Cut::new(Nor::new(flash), &words, at, || NorFlashErrorKind::Other);
    let report = run(&mut Memory::new(), flash, &mut |event| events.push((event, words.get())));
    (report, events)
}

/// The number of steps after which a run began.
fn beginning(events: &[(Event, u32)]) -> u64 {
    let Some((Event::Begins(steps), 0)) = events.first() else { panic!("{events:?}") };
    *steps
}

#[test]
fn the_run_without_a_cut_has_known_bits_and_has_learned() {
    let mut flash = vec![0; WORDS];
    let (report, events) = until(&mut flash, None);
    let Report { hash, percent } = report.unwrap();
    assert_eq!(hash, HASH, "{hash:#018x}");
    assert!(percent >= 80, "{percent}");
    assert_eq!(beginning(&events), 0);
    let saves = events.iter().filter_map(|(event, _)| match event {
        Event::Begins(_) => None,
        Event::Saved(steps, saved) => Some((*steps, saved.slot)),
    });
    let in_turn = (1..=STEPS / SAVE_EVERY).map(|save| (save * SAVE_EVERY, (save - 1) as u8 % SLOTS));
    assert!(saves.eq(in_turn), "{events:?}");
    let (again, events) = until(&mut flash, None);
    assert_eq!((again, beginning(&events), events.len()), (report, STEPS, 1), "it was over");
}

/// The power fails at many words of the run, and again while the next start writes; then the run comes to its end, each
/// start from the newest save that was complete.
#[test]
fn a_run_that_was_cut_anywhere_ends_with_the_same_bits() {
    let (report, events) = until(&mut vec![0; WORDS], None);
    let report = report.unwrap();
    let ends: Vec<_> = events.iter().map(|&(_, words)| words).collect();
    // Some words of every erase and of the data, and every one of the last of a save: of its mark.
    let near_an_end = |at: &u32| ends.iter().any(|end| end.abs_diff(*at) < 8);
    for at in (0..*ends.last().unwrap()).filter(|at| at % 211 == 0 || near_an_end(at)) {
        let mut flash = vec![0x5a5a_5a5a; WORDS];
        assert!(until(&mut flash, Some(at)).0.is_err(), "word {at}");
        let complete = ends.iter().filter(|&&end| end <= at).count() as u64 - 1;
        let (second, events) = until(&mut flash, Some(at / 2));
        assert!(beginning(&events) == complete * SAVE_EVERY, "word {at}: {events:?}");
        assert!(second.is_err() || at > *ends.last().unwrap() / 2, "word {at}");
        assert_eq!(until(&mut flash, None).0.unwrap(), report, "word {at}");
    }
}

#[test]
fn a_block_of_the_model_is_erased_to_ones_and_a_write_clears_bits() {
    let mut words = vec![0; WORDS + 5];
    let mut flash = Nor::new(&mut words);
    let read = |flash: &mut Nor<'_>, at| {
        let mut bytes = [0; 4];
        flash.read(at, &mut bytes).map(|()| u32::from_le_bytes(bytes))
    };
    let end = 4 * WORDS as u32;
    assert_eq!(flash.capacity(), end as usize, "whole blocks");
    flash.write(4096, &[0xff; 8]).unwrap();
    assert_eq!(read(&mut flash, 4096), Ok(0), "a write sets no bit");
    flash.erase(4096, 8192).unwrap();
    assert_eq!([4092, 4096, 8188, 8192].map(|at| read(&mut flash, at).unwrap()), [0, u32::MAX, u32::MAX, 0]);
    flash.write(4100, &0x1234_00ff_u32.to_le_bytes()).unwrap();
    flash.write(4100, &0xff00_0ff0_u32.to_le_bytes()).unwrap();
    assert_eq!(read(&mut flash, 4100), Ok(0x1200_00f0));
    assert_eq!(read(&mut flash, 4101), Ok(0xff12_0000), "bytes can be read from anywhere");
    let (unaligned, outside) = (Err(NorFlashErrorKind::NotAligned), Err(NorFlashErrorKind::OutOfBounds));
    assert_eq!([flash.write(2, &[0; 4]), flash.write(0, &[0; 2]), flash.erase(4, 4096)], [unaligned; 3]);
    assert_eq!([flash.write(end, &[0; 4]), flash.erase(0, end + 4096)], [outside; 2]);
    assert_eq!(read(&mut flash, end), Err(NorFlashErrorKind::OutOfBounds));
}

#[test]
fn a_cut_leaves_the_words_before_it_done_and_the_others_as_they_were() {
    let words = |at, change: fn(&mut dyn FnMut(u32, u32) -> bool)| {
        let (mut memory, done) = (vec![0; WORDS], Cell::new(0));
        let mut flash = Cut::new(Nor::new(&mut memory), &done, Some(at), || NorFlashErrorKind::Other);
        // Erases a block, or writes two words of ones less one bit.
        change(&mut |from, words| match words {
            BLOCK => flash.erase(from, from + 4 * BLOCK).is_ok(),
            _ => flash.write(from, &0x7fff_ffff_u64.to_le_bytes()).is_ok(),
        });
        (memory, done.get())
    };
    let (memory, done) = words(BLOCK - 1, |change| assert!(!change(0, BLOCK)));
    assert_eq!((&memory[BLOCK as usize - 2..][..2], done), (&[u32::MAX, 0][..], BLOCK - 1), "an erase");
    let (memory, done) = words(BLOCK + 1, |change| assert!(change(0, BLOCK) && !change(0, 2) && !change(4096, BLOCK)));
    assert_eq!((&memory[..2], done), (&[0x7fff_ffff, u32::MAX][..], BLOCK + 1), "a write");
    assert_eq!(memory[BLOCK as usize], 0, "nothing after it");
}
