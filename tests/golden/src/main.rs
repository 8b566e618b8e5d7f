//! Prints the hash to QEMU's terminal.

#![cfg_attr(target_os = "none", no_std, no_main)]

#[cfg(target_os = "none")]
mod bare {
    #[cfg(target_arch = "arm")]
    use cortex_m_rt::entry;
    #[cfg(target_arch = "riscv32")]
    use riscv_rt::entry;
    use semihosting::{println, process};

    #[entry]
    fn main() -> ! {
        println!("{:016x}", golden::golden());
        process::exit(0)
    }

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
        println!("panicked");
        process::exit(1)
    }
}

#[cfg(not(target_os = "none"))]
fn main() {
    println!("{:016x}", golden::golden());
}
