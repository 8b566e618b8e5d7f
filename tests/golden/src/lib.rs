//! The golden run without an operating system, and its export for wasm.

#![no_std]

mod averages;
mod norms;
mod run;
mod shapes;

use run::{Memory, run};
use static_cell::ConstStaticCell;

static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());

/// The hash; 0 for an error. Callable once.
#[cfg_attr(target_arch = "wasm32", unsafe(no_mangle))]
pub extern "C" fn golden() -> u64 {
    run(MEMORY.take()).unwrap_or(0)
}

#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
