//! Start-up, the parameters and the way out: what every image has besides the network.

#![no_std]
#![no_main]

use chip::finish;
use cortex_m_rt::entry;

#[entry]
fn main() -> ! {
    finish(true)
}
