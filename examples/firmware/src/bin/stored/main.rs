//! Learning that goes on after a power cut: every few steps the run is saved to flash, from which it starts again. In QEMU
//! alone, on two machines; `-append "K..."` resets the machine before the K-th word that is written to flash, or erased, since
//! it started, one number for each start.

#![no_std]
#![no_main]

mod cut;
mod machine;
#[cfg(not(microbit))]
mod nor;
#[cfg(microbit)]
mod nvmc;
mod scenario;
#[path = "../../sensor.rs"]
mod sensor;
#[path = "../../stack.rs"]
mod stack;

use core::cell::Cell;
use cortex_m::peripheral::SCB;
use cortex_m_rt::entry;
use cortex_m_semihosting::debug::{EXIT_FAILURE, EXIT_SUCCESS, exit};
use cortex_m_semihosting::hprintln;
use cut::Cut;
use cygnet::store::OpenError;
use scenario::{Event, Memory, run};

#[entry]
fn main() -> ! {
    static mut MEMORY: Memory = Memory::new();
    let start = machine::count_starts();
    let words = Cell::new(0);
    let flash = Cut::new(machine::flash(), &words, machine::argument(start), || SCB::sys_reset());
    let mut first = 0;
    let report = run(MEMORY, flash, &mut |event| match event {
        Event::Begins(steps) => hprintln!("start {}: goes on after step {}", start, steps),
        Event::Saved(steps, saved) => {
            hprintln!(
                "start {}: step {} saved to slot {}, words {} to {}",
                start,
                steps,
                saved.slot,
                first,
                words.get()
            );
            first = words.get();
        }
    });
    match report {
        Ok(report) => {
            hprintln!("percent right: {}", report.percent);
            hprintln!("stack {} bytes at most", stack::high_water());
            hprintln!("hash {:016x}", report.hash);
            end(true)
        }
        Err(error) => {
            // A number takes less flash than its text; the guide's page on errors has both.
            let code = match error {
                OpenError::Read(error) => error.code(),
                OpenError::Content(error) => error.code(),
            };
            hprintln!("start {} failed: error {}", start, code);
            end(false)
        }
    }
}

/// Ends QEMU.
fn end(learned: bool) -> ! {
    exit(if learned { EXIT_SUCCESS } else { EXIT_FAILURE });
    loop {
        cortex_m::asm::nop();
    }
}

/// `.ci/flash` looks for this name: an image that has it can panic.
#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn a_panic_is_reachable() -> ! {
    end(false)
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    a_panic_is_reachable()
}
