//! A clock that counts single instructions in QEMU with `-icount shift=0`, where each takes 1 ns and SysTick ticks every 40.
//!
//! One reading of SysTick is too coarse. Forty readings, three instructions apart, meet each of a tick's 40 phases once
//! (3 and 40 have no common factor), so that their sum goes up by exactly one with each instruction: a vernier.

use core::arch::asm;
use core::sync::atomic::{Ordering, compiler_fence};
use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;

/// SysTick, running, with what the count of nothing comes to.
pub struct Clock {
    timer: SYST,
    nothing: u32,
}

impl Clock {
    /// Starts SysTick; `None` where it does not count instructions, which a loop of known length shows.
    #[must_use]
    pub fn start(mut timer: SYST) -> Option<Self> {
        timer.set_clock_source(SystClkSource::Core);
        timer.set_reload(0x00ff_ffff);
        timer.enable_counter();
        let mut clock = Self { timer, nothing: 0 };
        clock.nothing = clock.count(|| ()).1;
        let one = clock.spun(1);
        let exact = (1..200).all(|turns| clock.spun(turns) == one + 2 * (turns - 1));
        exact.then_some(clock)
    }

    /// The result of `work` and the instructions that it takes, up to 600 million.
    pub fn count<T>(&self, work: impl FnOnce() -> T) -> (T, u32) {
        let (result, instructions) = self.between(|| {
            win_begin();
            compiler_fence(Ordering::SeqCst);
            let result = work();
            compiler_fence(Ordering::SeqCst);
            win_end();
            result
        });
        (result, instructions.wrapping_sub(self.nothing))
    }

    /// The instructions of a loop of known length, and of this call.
    #[inline(never)]
    fn spun(&self, turns: u32) -> u32 {
        self.between(|| spin(turns)).1
    }

    fn between<T>(&self, work: impl FnOnce() -> T) -> (T, u32) {
        // SAFETY: any write sets the counter to its reload value, from which it counts down; nothing else uses it.
        unsafe { self.timer.cvr.write(0) };
        spin(100);
        let before = self.now();
        let result = work();
        (result, before.wrapping_sub(self.now()))
    }

    /// Counts down by one with each instruction, and does not wrap within a window.
    #[inline(never)]
    fn now(&self) -> u32 {
        let sum: u32;
        // SAFETY: reads a peripheral's register, which changes nothing that another reader of it relies on.
        unsafe {
            asm!(
                "movs {sum}, #0",
                ".rept 40",
                "ldr {reading}, [{counter}]",
                "adds {sum}, {sum}, {reading}",
                "nop",
                ".endr",
                sum = out(reg) sum,
                reading = out(reg) _,
                counter = in(reg) &raw const self.timer.cvr,
                options(nostack, readonly),
            );
        }
        sum
    }
}

/// Two instructions a turn.
#[inline(never)]
fn spin(turns: u32) {
    // SAFETY: registers only.
    unsafe {
        asm!("2:", "subs {n}, {n}, #1", "bne 2b", n = inout(reg) turns => _, options(nomem, nostack));
    }
}

/// A window begins; its own instructions are not part of it.
#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn win_begin() {
    // SAFETY: nothing happens. The two markers differ, so that they are not merged.
    unsafe { asm!("nop", options(nomem, nostack)) }
}

/// A window ends.
#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn win_end() {
    // SAFETY: as above.
    unsafe { asm!("nop", "nop", options(nomem, nostack)) }
}
