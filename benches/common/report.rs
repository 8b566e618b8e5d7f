//! Criterion's measurement of each work, and at the end one table that sets the medians against the machine's ceilings.

use super::machine;
use criterion::{Criterion, SamplingMode};
use cygnet::Spec;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// What a work asks of the machine.
#[derive(Clone, Copy)]
pub(crate) enum Cost {
    /// Floating-point operations: with every input counted, and with the non-zero ones alone. Zeros that ReLU makes
    /// count.
    Operations { dense: f64, lit: f64 },
    /// Elements that stream as in `a += s·(b − a)`, 12 bytes each.
    Stream(usize),
    /// Neither is its limit.
    Other,
}

impl Cost {
    /// The forward pass of `samples` samples with `lit` inputs that are not zero.
    pub(crate) fn forward(spec: &Spec, samples: usize, lit: usize) -> Self {
        Self::passes(spec, samples, lit, 1, 1)
    }

    /// Forward, input gradient and weight gradient; the first layer needs no input gradient.
    pub(crate) fn training(spec: &Spec, samples: usize, lit: usize) -> Self {
        Self::passes(spec, samples, lit, 2, 3)
    }

    fn passes(spec: &Spec, samples: usize, lit: usize, first: usize, others: usize) -> Self {
        let weights = |skip| spec.layers().skip(skip).map(|l| l.weight_len()).sum::<usize>();
        let outputs = (weights(0) - weights(1)) / spec.inputs();
        let operations = |inputs: usize| (2 * (first * inputs * outputs + others * samples * weights(1))) as f64;
        Self::Operations { dense: operations(samples * spec.inputs()), lit: operations(lit) }
    }
}

struct Row {
    name: String,
    median: f64,
    cost: Cost,
}

/// Collects the rows.
pub(crate) struct Report {
    criterion: Criterion,
    rows: Vec<Row>,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self { criterion: Criterion::default().configure_from_args(), rows: Vec::new() }
    }

    /// Measures `run`, many times a sample.
    pub(crate) fn time<T>(&mut self, group: &str, name: &str, cost: Cost, run: impl FnMut() -> T) {
        self.measure(group, name, cost, 50, SamplingMode::Auto, run);
    }

    /// Measures `run`, which takes a tenth of a second or so.
    pub(crate) fn time_long<T>(&mut self, group: &str, name: &str, cost: Cost, run: impl FnMut() -> T) {
        self.measure(group, name, cost, 15, SamplingMode::Flat, run);
    }

    fn measure<T>(
        &mut self,
        group: &str,
        name: &str,
        cost: Cost,
        samples: usize,
        mode: SamplingMode,
        mut run: impl FnMut() -> T,
    ) {
        let mut times = Vec::new();
        let mut criterion = self.criterion.benchmark_group(group);
        criterion.sample_size(samples).sampling_mode(mode);
        criterion.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
        criterion.bench_function(name, |bencher| {
            bencher.iter_custom(|repeats| {
                let start = Instant::now();
                for _ in 0..repeats {
                    black_box(run());
                }
                let elapsed = start.elapsed();
                times.push(elapsed.as_secs_f64() / repeats as f64);
                elapsed
            });
        });
        criterion.finish();
        // The first ones are Criterion's warm-up. None: the command line filtered this work out.
        let mut times = times.split_off(times.len().saturating_sub(samples));
        times.sort_by(f64::total_cmp);
        if let Some(&median) = times.get(times.len() / 2) {
            self.rows.push(Row { name: format!("{group}: {name}"), median, cost });
        }
    }

    /// Prints the table.
    pub(crate) fn finish(self) {
        self.criterion.final_summary();
        if self.rows.is_empty() {
            return;
        }
        let peak = machine::peak();
        println!("\none core, {}: {:.0} GFLOP/s multiplying, then adding", machine::name(), peak / 1e9);
        println!(
            "`dense` counts the operations on all inputs, `non-zero` those on inputs that are not 0; shares are of that"
        );
        println!("peak, or of the bandwidth of `a += s·(b − a)` over as many elements (12 bytes each)\n");
        let width = self.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
        let line = |name: &str, median: &str, dense: &str, lit: &str, stream: &str| {
            println!("{}", format!("{name:width$}  {median:>9}  {dense:>13}  {lit:>13}  {stream}").trim_end());
        };
        line("work", "median", "dense GFLOP/s", "non-zero", "bandwidth");
        for Row { name, median, cost } in self.rows {
            let rate = |operations: f64| {
                let rate = operations / median;
                format!("{:.1}, {:>3.0} %", rate / 1e9, 100.0 * rate / peak)
            };
            let [dense, lit, stream] = match cost {
                Cost::Operations { dense, lit } => [rate(dense), rate(lit), String::new()],
                Cost::Stream(n) => {
                    let (rate, most) = (12.0 * n as f64 / median, machine::bandwidth(n));
                    let share = 100.0 * rate / most;
                    [String::new(), String::new(), format!("{:.0} of {:.0} GB/s, {share:.0} %", rate / 1e9, most / 1e9)]
                }
                Cost::Other => Default::default(),
            };
            line(&name, &time(median), &dense, &lit, &stream);
        }
    }
}

/// In a unit that suits.
fn time(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.2} µs", s * 1e6),
        s if s < 1.0 => format!("{:.2} ms", s * 1e3),
        s => format!("{s:.3} s"),
    }
}
