//! temporary: drivers alone
#![no_std]
#![no_main]

mod cut;
mod machine;
#[cfg(not(microbit))]
mod nor;
#[cfg(microbit)]
mod nvmc;
#[path = "../../stack.rs"]
mod stack;

use core::cell::Cell;
use cortex_m::peripheral::SCB;
use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hprintln};
use cut::Cut;
use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};

#[entry]
fn main() -> ! {
    let start = machine::count_starts();
    let cut = machine::argument(start);
    hprintln!("start {} cut {:?}", start, cut);
    let words = Cell::new(0);
    let mut flash = Cut::new(machine::flash(), &words, cut, || SCB::sys_reset());
    let size = machine::Flash::ERASE_SIZE as u32;
    let mut b = [0; 8];
    let show = |f: &mut Cut<_, _>, at: u32| {
        let mut b = [0; 8];
        let _ = f.read(at, &mut b);
        hprintln!("{} {:x?}", at, b);
    };
    show(&mut flash, 0);
    show(&mut flash, size - 8);
    show(&mut flash, size / 2 - 4);
    show(&mut flash, size);
    let _ = flash.read(1, &mut b[..3]);
    hprintln!("{:x?}", &b[..3]);
    hprintln!("{:?}", flash.erase(0, size));
    show(&mut flash, 0);
    show(&mut flash, size - 8);
    hprintln!("{:?}", flash.write(0, &[0xf0, 1, 2, 3, 4, 5, 6, 7]));
    show(&mut flash, 0);
    hprintln!("{:?}", flash.write(0, &[0x0f, 1, 1, 1]));
    show(&mut flash, 0);
    hprintln!("{:?} {:?} {:?}", flash.write(2, &[1; 4]), flash.erase(4, size), flash.write(4, &[]));
    hprintln!("words {}", words.get());
    debug::exit(debug::EXIT_SUCCESS);
    loop {}
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    debug::exit(debug::EXIT_FAILURE);
    loop {}
}
