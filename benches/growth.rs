//! How time grows with parameters (four decades) and with the batch (1 to 1024): CSV on standard output, and a picture.
//!
//! `cargo bench --features std --bench growth -- --csv`, or `-- --plot docs/src/pictures/growth.svg` for both

#![allow(missing_docs, clippy::expect_used)]

mod common;

use common::{Form, Learner, NET, Samples, adam, dense_floats, machine, sgd};
use cygnet::{Activation, Inputs, Spec, Targets};
use plotters::coord::Shift;
use plotters::prelude::*;
use std::error::Error;
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

/// Batch of the curves over parameters.
const BATCH: usize = 32;
/// The works, and colours for them that everyone can tell apart (Okabe & Ito 2008).
const WORKS: [(&str, RGBColor); 3] =
    [("Adam step", RGBColor(213, 94, 0)), ("SGD step", RGBColor(0, 114, 178)), ("prediction", RGBColor(0, 158, 115))];

/// What is varied.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Sweep {
    /// `w` of w-w-10, no input zero, batch 32.
    Square,
    /// `h` of 784-h-10, compressed images, batch 32.
    Hidden,
    /// The batch of 784-64-10, compressed images.
    Batch,
}

struct Point {
    sweep: Sweep,
    work: &'static str,
    parameters: usize,
    batch: usize,
    /// Per call.
    seconds: f64,
}

/// Median of the calls in 0.2 s, at least 7, in groups that take 0.1 ms or more.
fn median(mut call: impl FnMut()) -> f64 {
    call();
    let start = Instant::now();
    call();
    let repeats = 1 + (1e-4 / start.elapsed().as_secs_f64()) as u32;
    let (begin, mut times) = (Instant::now(), Vec::new());
    while times.len() < 7 || begin.elapsed() < Duration::from_millis(200) {
        let start = Instant::now();
        for _ in 0..repeats {
            call();
        }
        times.push(start.elapsed().as_secs_f64() / f64::from(repeats));
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// The three works at one size.
fn measure(sweep: Sweep, spec: Spec, batch: usize, inputs: Inputs<'_>, targets: Targets<'_>) -> [Point; 3] {
    let spec: &'static Spec = Box::leak(Box::new(spec));
    let time = |work| {
        let mut learner = Learner::new(spec, batch);
        let mut optimizer = if work == "Adam step" { adam(spec) } else { sgd(spec) };
        median(|| {
            if work == "prediction" {
                learner.predict(inputs);
            } else {
                learner.train(inputs, targets, &mut *optimizer);
            }
        })
    };
    WORKS.map(|(work, _)| Point { sweep, work, parameters: spec.param_len(), batch, seconds: time(work) })
}

fn measure_all() -> Vec<Point> {
    let samples = Samples::embedded();
    let images = |batch| (samples.inputs(Form::Compressed, 0..batch), samples.targets(0..batch));
    let net = |inputs, hidden| Spec::new(inputs).dense(hidden, Activation::Relu).dense(10, Activation::Identity);
    let (compressed, targets) = images(BATCH);
    let mut points = Vec::new();
    for w in [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 2900] {
        let inputs = dense_floats(BATCH * usize::from(w)).into();
        points.extend(measure(Sweep::Square, net(w, w), BATCH, inputs, targets));
    }
    for h in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 10_000] {
        points.extend(measure(Sweep::Hidden, net(784, h), BATCH, compressed, targets));
    }
    for batch in (0..=10).map(|i| 1 << i) {
        let (compressed, targets) = images(batch);
        points.extend(measure(Sweep::Batch, NET, batch, compressed, targets));
    }
    points
}

/// Two panels, all axes logarithmic: time over parameters and over the batch.
fn plot(file: &Path, points: &[Point]) -> Result<(), Box<dyn Error>> {
    let root = SVGBackend::new(file, (960, 450)).into_drawing_area();
    root.fill(&WHITE)?;
    let root = root.margin(8, 0, 0, 4);
    let title = format!("Time of one call against its size (one core, {})", machine::name());
    let (left, right) = root.titled(&title, ("sans-serif", 22))?.split_horizontally(490);
    Panel {
        caption: "w-w-10, batch 32, no input zero",
        axis: "parameters",
        x: 300.0..1.5e7,
        base: 10.0,
        times: 5e-7..0.1,
    }
    .draw(&left, points, Sweep::Square, |p| p.parameters as f64)?;
    Panel {
        caption: "784-64-10, images of MNIST",
        axis: "samples in a batch",
        x: 0.8..1500.0,
        base: 4.0,
        times: 2e-7..1e-2,
    }
    .draw(&right, points, Sweep::Batch, |p| p.batch as f64)?;
    root.present()?;
    Ok(())
}

struct Panel {
    caption: &'static str,
    axis: &'static str,
    x: Range<f64>,
    /// Of the labels of `axis`.
    base: f64,
    times: Range<f64>,
}

impl Panel {
    /// Each work's points, joined, and a dashed line of growth in proportion through the last.
    fn draw(
        self,
        area: &DrawingArea<SVGBackend<'_>, Shift>,
        points: &[Point],
        sweep: Sweep,
        size: fn(&Point) -> f64,
    ) -> Result<(), Box<dyn Error>> {
        let Self { caption, axis, x, base, times } = self;
        let mut chart = ChartBuilder::on(area)
            .caption(caption, ("sans-serif", 18))
            .margin(8)
            .margin_right(16)
            .x_label_area_size(50)
            .y_label_area_size(84)
            .build_cartesian_2d(x.clone().log_scale().base(base), times.clone().log_scale())?;
        chart
            .configure_mesh()
            .bold_line_style(BLACK.mix(0.15))
            .light_line_style(TRANSPARENT)
            .axis_style(BLACK.mix(0.5))
            .label_style(("sans-serif", 16))
            .axis_desc_style(("sans-serif", 17))
            .x_desc(axis)
            .y_desc("time of a call")
            .x_label_formatter(&|&n| count(n))
            .y_label_formatter(&|&seconds| time(seconds))
            .draw()?;
        for (work, colour) in WORKS {
            let of_work = points.iter().filter(|p| p.sweep == sweep && p.work == work);
            let curve: Vec<_> = of_work.map(|p| (size(p), p.seconds)).collect();
            let &(last, seconds) = curve.last().ok_or("nothing was measured")?;
            let from = x.start.max(times.start * last / seconds);
            let guide = [(from, seconds * from / last), (last, seconds)];
            chart.draw_series(DashedLineSeries::new(guide, 3, 4, BLACK.mix(0.8).into()))?;
            chart
                .draw_series(LineSeries::new(curve.iter().copied(), colour.stroke_width(3)))?
                .label(work)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 22, y)], colour.stroke_width(3)));
            chart.draw_series(curve.iter().map(|&at| Circle::new(at, 4, colour.filled())))?;
        }
        // An entry of the legend alone.
        chart
            .draw_series(LineSeries::new([], BLACK))?
            .label("in proportion")
            .legend(|(x, y)| Text::new("- - -", (x, y - 8), ("sans-serif", 16)));
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .label_font(("sans-serif", 17))
            .legend_area_size(28)
            .draw()?;
        Ok(())
    }
}

fn count(n: f64) -> String {
    match n {
        n if n >= 1e6 => format!("{:.0} M", n / 1e6),
        n if n >= 1e3 && n % 1e3 < 1.0 => format!("{:.0} k", n / 1e3),
        n => format!("{n:.0}"),
    }
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s < 0.99e-6 => format!("{:.0} ns", s * 1e9),
        s if s < 0.99e-3 => format!("{:.0} µs", s * 1e6),
        s if s < 0.99 => format!("{:.0} ms", s * 1e3),
        s => format!("{s:.0} s"),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().collect();
    let Some(at) = arguments.iter().position(|argument| argument == "--csv" || argument == "--plot") else {
        eprintln!("growth: asks for `-- --csv` or `-- --plot FILE`");
        return Ok(());
    };
    // Other programs disturb: the lowest of three medians, taken a while apart.
    let mut points = measure_all();
    for _ in 0..2 {
        for (point, again) in points.iter_mut().zip(measure_all()) {
            point.seconds = point.seconds.min(again.seconds);
        }
    }
    println!("sweep,work,parameters,batch,seconds");
    for Point { sweep, work, parameters, batch, seconds } in &points {
        println!("{sweep:?},{work},{parameters},{batch},{seconds:e}");
    }
    arguments.get(at + 1).map_or(Ok(()), |file| plot(Path::new(file), &points))
}
