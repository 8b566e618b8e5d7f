//! Learning on a Cortex-M4F: an interrupt reads the sensor, the main loop trains a head on a frozen body, averages and
//! evaluates.

#![no_std]
#![no_main]

mod scenario;
mod sensor;
mod stack;

use core::cell::RefCell;
use cortex_m::Peripherals;
use cortex_m::interrupt::Mutex;
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::{entry, exception};
use heapless::spsc::{Producer, Queue};
use scenario::{Memory, OLD, run};
use sensor::{Sample, Sensor};
use static_cell::StaticCell;

#[cfg(feature = "board")]
use defmt_rtt as _;
#[cfg(feature = "qemu")]
use defmt_semihosting as _;

/// Samples between the interrupt and the main loop.
const QUEUED: usize = 16;
/// Core clocks between two readings.
const TICK: u32 = 25_000;

static MEMORY: StaticCell<Memory> = StaticCell::new();
static QUEUE: StaticCell<Queue<Sample, QUEUED>> = StaticCell::new();
/// The interrupt's half: where samples go, and the sensor.
type Source = (Producer<'static, Sample>, Sensor);
static SOURCE: Mutex<RefCell<Option<Source>>> = Mutex::new(RefCell::new(None));

#[entry]
fn main() -> ! {
    let memory = MEMORY.init_with(Memory::new);
    let (producer, mut consumer) = QUEUE.init_with(Queue::new).split();
    cortex_m::interrupt::free(|cs| SOURCE.borrow(cs).replace(Some((producer, Sensor(1)))));
    if let Some(mut peripherals) = Peripherals::take() {
        start_ticking(&mut peripherals.SYST);
    }
    let report = run(memory, OLD, || {
        loop {
            match consumer.dequeue() {
                Some(sample) => return sample,
                None => cortex_m::asm::wfi(),
            }
        }
    });
    match report {
        Ok(report) => {
            defmt::info!("percent right of each kind: {} before, {} after", report.before, report.after);
            defmt::info!("stack {} bytes at most", stack::high_water());
            defmt::info!("hash {=u64:016x}", report.hash);
            end(true)
        }
        Err(error) => {
            defmt::error!("learning failed: {}", error);
            end(false)
        }
    }
}

/// Ends QEMU; a board waits for the next interrupt.
fn end(learned: bool) -> ! {
    #[cfg(feature = "qemu")]
    {
        use cortex_m_semihosting::debug::{EXIT_FAILURE, EXIT_SUCCESS, exit};
        exit(if learned { EXIT_SUCCESS } else { EXIT_FAILURE });
    }
    let _ = learned;
    loop {
        cortex_m::asm::wfi();
    }
}

fn start_ticking(timer: &mut cortex_m::peripheral::SYST) {
    timer.set_clock_source(SystClkSource::Core);
    timer.set_reload(TICK);
    timer.clear_current();
    timer.enable_counter();
    timer.enable_interrupt();
}

/// A reading is due. Where the main loop is behind, the sensor waits: what is learned does not depend on time.
#[exception]
fn SysTick() {
    cortex_m::interrupt::free(|cs| {
        if let Some((producer, sensor)) = &mut *SOURCE.borrow(cs).borrow_mut()
            && producer.ready()
        {
            let _ = producer.enqueue(sensor.read());
        }
    });
}

/// The crate does not panic; a `RefCell` that the interrupt finds borrowed would, and the log's transport.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    end(false)
}
