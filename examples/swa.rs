//! Stochastic weight averaging on a small noisy problem: two spirals, SGD at a constant rate, the last iterate against
//! the average of the last quarter's models.
//!
//! `cargo run --release --example swa`

use cygnet::average::Snapshots;
use cygnet::metrics::Score;
use cygnet::optim::SgdConfig;
use cygnet::random::{self, Purpose};
use cygnet::{Activation, Averager, Error, Init, Model, Sgd, Spec, Targets, Workspace};

const NET: Spec = Spec::new(2).dense(32, Activation::Tanh).dense(32, Activation::Tanh).dense(2, Activation::Identity);
const SAMPLES: usize = 400;
const BATCH: usize = 8;
const EPOCHS: u64 = 400;

/// Two interleaved spirals with noise, classes in turn.
fn spirals(stream: u64) -> ([f32; 2 * SAMPLES], [u16; SAMPLES]) {
    let mut draws = random::stream(7, Purpose::Split, stream);
    let (mut x, mut y) = ([0.0; 2 * SAMPLES], [0; SAMPLES]);
    for (i, (x, y)) in x.as_chunks_mut::<2>().0.iter_mut().zip(&mut y).enumerate() {
        *y = (i % 2) as u16;
        let t = 0.5 + i as f32 / SAMPLES as f32 * 2.5;
        let angle = 2.0 * t + std::f32::consts::PI * f32::from(*y);
        *x = [t * angle.cos(), t * angle.sin()].map(|p| p + 0.4 * random::normal(&mut draws));
    }
    (x, y)
}

fn main() -> Result<(), Error> {
    let ((x, y), (test_x, test_y)) = (spirals(0), spirals(1));
    let (mut params, mut mean) = ([0.0; NET.param_len()], [0.0; NET.param_len()]);
    let mut floats = [0.0; NET.work_len(BATCH)];
    let mut work = Workspace::new(&NET, BATCH, &mut floats)?;
    let mut model = Model::new(&NET, &mut params)?;
    model.init(Init::Glorot, 3)?;
    let mut velocity = [0.0; NET.param_len()];
    let config = SgdConfig { momentum: 0.9, ..Sgd::DEFAULT };
    let mut sgd = Sgd::new(config, &NET, &mut velocity)?;

    let epoch_steps = (SAMPLES / BATCH) as u64;
    let snapshots = Snapshots { start: epoch_steps * EPOCHS * 3 / 4, every: epoch_steps };
    let mut swa = Averager::new(&mut mean);
    let mut order: [u32; SAMPLES] = std::array::from_fn(|i| i as u32);
    for epoch in 0..EPOCHS {
        random::shuffle(&mut order, &mut random::stream(1, Purpose::Shuffle, epoch));
        for batch in order.chunks_exact(BATCH) {
            let bx: [f32; 2 * BATCH] = std::array::from_fn(|i| x[2 * batch[i / 2] as usize + i % 2]);
            let by: [u16; BATCH] = std::array::from_fn(|i| y[batch[i] as usize]);
            model.train(&bx, Targets::Classes(&by), &mut sgd, 0.05, &mut work)?;
            if snapshots.due(model.steps()) {
                swa.update(&model)?;
            }
        }
    }

    let mut report = |name: &str, model: &Model<'_>| {
        let mut score = Score::default();
        model.evaluate(&test_x, Targets::Classes(&test_y), &mut score, &mut work)?;
        println!("{name:<22} test error {:>5.2} %, NLL {:.4}", 100.0 * (1.0 - score.accuracy()), score.loss());
        Ok::<_, Error>(())
    };
    report("last iterate", &model)?;
    let name = format!("average of {} models", swa.count());
    let average = swa.in_place_of(&mut model)?;
    report(&name, &average)
}
