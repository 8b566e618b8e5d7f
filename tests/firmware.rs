//! What `examples/firmware` computes on a chip, computed here: the same bits.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../examples/firmware/src/scenario.rs"]
mod scenario;

use scenario::{Memory, Sensor, run};

/// As the firmware prints it; `.ci/firmware` compares both.
const HASH: u64 = 0x832d_bfd2_1d77_1c05;

#[test]
fn the_firmware_learns_and_its_bits_are_known() {
    let mut sensor = Sensor(1);
    let report = run(&mut Memory::new(), || sensor.read()).unwrap();
    assert_eq!(report.hash, HASH, "{:#018x}", report.hash);
    // Chance is a quarter.
    assert!(report.last.accuracy() > 0.7 && report.average.accuracy() >= report.last.accuracy() - 0.1);
}
