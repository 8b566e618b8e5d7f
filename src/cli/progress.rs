//! What the command shows while it works.

use crate::is_quiet;
use cygnet::host::plan::Plan;
use cygnet::host::report::{EpochLines, terminal_width};
use cygnet::host::training::{Epoch, Observer};
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Lines for the epochs of a run, unless it is asked for others.
const MOST_LINES: u64 = 25;

/// A bar with the time left on a terminal, lines for epochs everywhere, nothing when quiet.
pub(crate) struct Progress {
    bar: ProgressBar,
    quiet: bool,
    /// Whether the names of the columns were printed.
    has_header: bool,
    seed: Option<u64>,
    lines: EpochLines,
    epochs: u64,
    batch: usize,
    /// Epochs from one line to the next.
    every: u64,
}

impl Progress {
    /// Of runs of `plan`, with a line every so many epochs; `seed` names the run where there are several.
    pub(crate) fn new(seed: Option<u64>, plan: &Plan, has_classes: bool, every: Option<u64>) -> Self {
        let bar = bar("{wide_bar} {msg}  {eta} left");
        let lines = EpochLines::new(has_classes, plan.growth.is_some(), terminal_width());
        let every = every.unwrap_or(plan.epochs.div_ceil(MOST_LINES));
        Self { bar, quiet: is_quiet(), has_header: false, seed, lines, epochs: plan.epochs, batch: plan.batch, every }
    }

    /// With a bar and no lines.
    pub(crate) fn without_lines(self) -> Self {
        Self { quiet: true, ..self }
    }

    /// Announces another run.
    pub(crate) fn begin(&mut self, title: &str) {
        self.has_header = false;
        self.bar.reset();
        if !self.quiet {
            let _ = self.bar.suspend(|| crate::say(&format!("\n{title}")));
        }
    }

    /// Says what is wrong, above the bar.
    pub(crate) fn complain(&self, problem: &str) {
        self.bar.suspend(|| crate::complain(problem));
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn bar(template: &str) -> ProgressBar {
    let target = if is_quiet() { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(None, target);
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// A bar over places of a grid, with the time left on a terminal.
pub(crate) struct Places(ProgressBar);

impl Places {
    pub(crate) fn new() -> Self {
        Self(bar("{wide_bar} {pos} of {len} points  {eta} left"))
    }

    pub(crate) fn show(&self, done: usize, total: usize) {
        self.0.set_length(total as u64);
        self.0.set_position(done as u64);
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Observer for Progress {
    fn warn(&mut self, text: &str) {
        let seed = self.seed.map(|seed| format!("seed {seed}: ")).unwrap_or_default();
        self.complain(&format!("warning: {seed}{text}"));
    }

    fn step(&mut self, done: u64, total: u64, loss: f64, accuracy: f64) {
        // The bar itself decides when to draw; this saves making the text for a step that nobody sees.
        let shown = self.bar.position();
        if self.bar.is_hidden() || !(done < shown || done - shown >= 64 || done == total) {
            return;
        }
        self.bar.set_length(total);
        self.bar.set_position(done);
        let epoch = (done * self.epochs).div_ceil(total.max(1));
        let speed = done as f64 * self.batch as f64 / self.bar.elapsed().as_secs_f64().max(1e-3);
        // Numbers have no accuracy.
        let accuracy = if accuracy.is_nan() { String::new() } else { format!("  accuracy {:.2} %", 100.0 * accuracy) };
        let running = if terminal_width() < 70 { String::new() } else { format!("  loss {loss:.4}{accuracy}") };
        self.bar.set_message(format!("epoch {epoch}/{}{running}  {} samples/s", self.epochs, HumanCount(speed as u64)));
    }

    fn epoch(&mut self, epoch: &Epoch) {
        if self.quiet || (self.has_header && !epoch.epoch.is_multiple_of(self.every)) {
            return;
        }
        let is_first = !std::mem::replace(&mut self.has_header, true);
        let seed = self.seed.filter(|_| is_first).map(|seed| format!("seed {seed}"));
        let header = is_first.then(|| self.lines.header());
        let lines: Vec<String> = seed.into_iter().chain(header).chain([self.lines.line(epoch)]).collect();
        // Training goes on where a line cannot be printed; the final table says so.
        let _ = self.bar.suspend(|| crate::say(&lines.join("\n")));
    }
}
