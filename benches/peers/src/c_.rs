//! What this core can do in the same run: memory traffic of the averager's loop, and the rate of multiplication and
//! addition.

use crate::data::floats;
use crate::peer::Bench;
use std::{hint::black_box, process::Command, time::Instant};

unsafe extern "C" {
    fn average(a: *mut f32, b: *const f32, s: f32, n: usize);
    fn multiply_add(rounds: usize, sink: *mut f32) -> f64;
}

/// The compiler, as it names itself.
pub fn version() -> String {
    let out = Command::new("cc").arg("--version").output().map(|o| o.stdout).unwrap_or_default();
    String::from_utf8_lossy(&out).lines().next().unwrap_or("cc").replace('\t', " ")
}

pub fn all(bench: &Bench) {
    for n in [50_890, 1_000_000, 10_000_000] {
        let (a, b) = (floats(n, 0.0), floats(n, 0.5));
        // SAFETY: both slices have n floats and do not overlap.
        let seconds = bench.per_call(10_000_000 / n, || unsafe { average(a.as_mut_ptr(), b.as_ptr(), 0.01, n) });
        black_box(a);
        if n <= 1_000_000 {
            bench.say(&format!("average {n}"), seconds * 1e6, "µs");
        }
        bench.say(&format!("bandwidth of {n}"), 12e-9 * n as f64 / seconds, "GB/s");
    }
    let mut sink = 1.0;
    let mut best = 0f64;
    for _ in 0..50 {
        let start = Instant::now();
        // SAFETY: the sink is one float.
        let operations = unsafe { multiply_add(1_000_000, &mut sink) };
        best = best.max(operations / start.elapsed().as_secs_f64() * 1e-9);
    }
    black_box(sink);
    bench.say("multiply and add", best, "GFLOP/s");
}
