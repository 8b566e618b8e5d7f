//! What the command shows while it works.

use cygnet::host::report::{epoch_header, epoch_line};
use cygnet::host::training::{Epoch, Observer};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar with the time left on a terminal, lines for epochs everywhere, nothing when quiet.
pub(crate) struct Progress {
    bar: ProgressBar,
    quiet: bool,
    header: bool,
    seed: Option<u64>,
    grows: bool,
    /// Epochs from one line to the next.
    every: u64,
}

impl Progress {
    /// `seed` names the run where there are several; `grows` shows the batch; a line is printed `every` so many epochs.
    pub(crate) fn new(quiet: bool, seed: Option<u64>, grows: bool, every: u64) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(None, target);
        let template = "{wide_bar} {percent:>3} %  {msg}  {eta} left";
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, quiet, header: false, seed, grows, every }
    }

    /// Announces another run.
    pub(crate) fn begin(&mut self, title: &str) {
        self.header = false;
        if !self.quiet {
            let _ = self.bar.suspend(|| crate::say(&format!("\n{title}")));
        }
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

/// A bar over places of a grid, with the time left on a terminal.
pub(crate) struct Places(ProgressBar);

impl Places {
    pub(crate) fn new(quiet: bool) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(None, target);
        let template = "{wide_bar} {pos} of {len} points  {eta} left";
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self(bar)
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
    fn step(&mut self, done: u64, total: u64, loss: f64, accuracy: f64) {
        // The bar itself decides when to draw; this saves making the text for a step that nobody sees.
        let shown = self.bar.position();
        if self.bar.is_hidden() || !(done < shown || done - shown >= 64 || done == total) {
            return;
        }
        self.bar.set_length(total);
        // Numbers have no accuracy.
        let accuracy = if accuracy.is_nan() { String::new() } else { format!("  accuracy {:.2} %", 100.0 * accuracy) };
        self.bar.set_message(format!("loss {loss:.4}{accuracy}"));
        self.bar.set_position(done);
    }

    fn epoch(&mut self, epoch: &Epoch) {
        if self.quiet || (self.header && !epoch.epoch.is_multiple_of(self.every)) {
            return;
        }
        let seed = self.seed.filter(|_| !self.header).map(|seed| format!("seed {seed}"));
        let header = (!self.header).then(|| epoch_header(self.grows));
        self.header = true;
        let lines: Vec<String> = seed.into_iter().chain(header).chain([epoch_line(epoch, self.grows)]).collect();
        // Training goes on where a line cannot be printed; the final table says so.
        let _ = self.bar.suspend(|| crate::say(&lines.join("\n")));
    }
}
