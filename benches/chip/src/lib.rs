//! What the images share: the network, its parameters in flash, and the way out.

#![no_std]

pub mod clock;
pub mod flash;
pub mod stack;

use core::hint::black_box as opaque;
use cortex_m_semihosting::debug;
use cygnet::{Activation, Spec};

/// Sixteen readings, four kinds. The size of the code does not depend on it.
pub const NET: Spec = Spec::new(16).dense(32, Activation::Relu).dense(4, Activation::Identity);

/// A trained network's place: in flash.
pub static PARAMS: [f32; NET.param_len()] = noise(1);

/// A sample, in flash as well.
pub static SAMPLE: [f32; 16] = noise(2);

/// Numbers in `[-0.5, 0.5)`, none of them zero (xorshift32).
#[must_use]
pub const fn noise<const N: usize>(seed: u32) -> [f32; N] {
    let (mut numbers, mut state, mut i) = ([0.0; N], seed, 0);
    while i < N {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        numbers[i] = ((state >> 8) as f32 + 0.5) / 16_777_216.0 - 0.5;
        i += 1;
    }
    numbers
}

/// The end of every image. All of them have the parameters and the sample in flash, also those that do not use them, so
/// that sizes less the empty image's are those of code.
pub fn finish(sound: bool) -> ! {
    opaque((&PARAMS, &SAMPLE));
    #[cfg(feature = "planted")]
    opaque(PARAMS[opaque(1)]);
    debug::exit(if opaque(sound) { debug::EXIT_SUCCESS } else { debug::EXIT_FAILURE });
    loop {
        cortex_m::asm::nop();
    }
}

/// `.ci/footprint` looks for this name: an image that has it can panic.
#[inline(never)]
#[unsafe(no_mangle)]
extern "C" fn a_panic_is_reachable() -> ! {
    cortex_m::asm::udf()
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    a_panic_is_reachable()
}
