//! Plain Rust by hand: ndarray for the loops, matrixmultiply (through `general_mat_mul`) for the products. Nothing is
//! allocated while training.

use crate::data::{Data, WIDTH, floats};
use crate::peer::{Job, Peer};
use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis, Zip, s};

struct Layer {
    w: Array2<f32>,
    b: Array1<f32>,
    dw: Array2<f32>,
    db: Array1<f32>,
    moments: [Array2<f32>; 2],
    bias_moments: [Array1<f32>; 2],
    /// Outputs and their deltas, for as many samples as the largest batch has.
    a: Array2<f32>,
    d: Array2<f32>,
}

pub struct Net {
    job: Job,
    data: &'static Data,
    layers: Vec<Layer>,
    steps: i32,
    x: Vec<f32>,
    y: Vec<u8>,
}

fn layer(inputs: usize, outputs: usize, weights: Vec<f32>, rows: usize) -> Layer {
    let (matrix, vector) = (|| Array2::zeros((inputs, outputs)), || Array1::zeros(outputs));
    Layer {
        w: Array2::from_shape_vec((inputs, outputs), weights).unwrap(),
        b: vector(),
        dw: matrix(),
        db: vector(),
        moments: [matrix(), matrix()],
        bias_moments: [vector(), vector()],
        a: Array2::zeros((rows, outputs)),
        d: Array2::zeros((rows, outputs)),
    }
}

/// Leaves logits in the last layer.
fn forward(layers: &mut [Layer], x: ArrayView2<f32>) {
    let (n, last) = (x.nrows(), layers.len() - 1);
    for i in 0..layers.len() {
        let (before, rest) = layers.split_at_mut(i);
        let layer = &mut rest[0];
        let mut a = layer.a.slice_mut(s![..n, ..]);
        a.assign(&layer.b);
        let input = before.last().map_or(x, |l| l.a.slice(s![..n, ..]));
        if n == 1 {
            // a matrix product of one row would spend its time packing the weights
            let (a, w) = (a.as_slice_mut().unwrap(), layer.w.as_slice().unwrap());
            for (x, w) in input.iter().zip(w.chunks_exact(a.len())) {
                a.iter_mut().zip(w).for_each(|(a, w)| *a += x * w);
            }
        } else {
            general_mat_mul(1.0, &input, &layer.w, 1.0, &mut a);
        }
        if i < last {
            a.mapv_inplace(|a| a.max(0.0));
        }
    }
}

/// Softmax of the logits, minus the classes, over the number of samples; the summed loss.
fn loss(last: &mut Layer, classes: &[u8]) -> f64 {
    let scale = 1.0 / classes.len() as f32;
    let mut total = 0.0;
    for ((a, mut d), &y) in last.a.rows().into_iter().zip(last.d.rows_mut()).zip(classes) {
        let top = a.fold(f32::MIN, |m, &a| m.max(a));
        Zip::from(&mut d).and(a).for_each(|d, a| *d = (a - top).exp());
        let sum = d.sum();
        total += f64::from(sum.ln() + top - a[y as usize]);
        d *= scale / sum;
        d[y as usize] -= scale;
    }
    total
}

fn backward(layers: &mut [Layer], x: ArrayView2<f32>) {
    let n = x.nrows();
    for i in (0..layers.len()).rev() {
        let (before, rest) = layers.split_at_mut(i);
        let layer = &mut rest[0];
        let d = layer.d.slice(s![..n, ..]);
        let input = before.last().map_or(x, |l| l.a.slice(s![..n, ..]));
        general_mat_mul(1.0, &input.t(), &d, 0.0, &mut layer.dw);
        layer.db.fill(0.0);
        d.axis_iter(Axis(0)).for_each(|row| layer.db += &row);
        if let Some(below) = before.last_mut() {
            let mut e = below.d.slice_mut(s![..n, ..]);
            general_mat_mul(1.0, &d, &layer.w.t(), 0.0, &mut e);
            e.zip_mut_with(&below.a.slice(s![..n, ..]), |e, &a| *e = if a > 0.0 { *e } else { 0.0 });
        }
    }
}

macro_rules! adam {
    ($step:expr, $w:expr, $g:expr, $moments:expr) => {{
        let [m, v] = &mut $moments;
        let (rate, root) = $step;
        Zip::from(&mut $w).and(&$g).and(m).and(v).for_each(|w, &g, m, v| {
            *m = 0.9 * *m + 0.1 * g;
            *v = 0.999 * *v + 0.001 * g * g;
            *w -= rate * *m / (v.sqrt() * root + 1e-8);
        });
    }};
}

impl Net {
    fn step(&mut self) {
        self.steps += 1;
        let rate = self.job.rate();
        let step = (rate / (1.0 - 0.9f32.powi(self.steps)), 1.0 / (1.0 - 0.999f32.powi(self.steps)).sqrt());
        for l in &mut self.layers {
            if self.job.adam {
                adam!(step, l.w, l.dw, l.moments);
                adam!(step, l.b, l.db, l.bias_moments);
            } else {
                l.w.zip_mut_with(&l.dw, |w, g| *w -= rate * g);
                l.b.zip_mut_with(&l.db, |b, g| *b -= rate * g);
            }
        }
    }

    fn classes(&mut self, x: &[f32], mut each: impl FnMut(usize)) {
        let n = x.len() / WIDTH;
        for l in &mut self.layers {
            if l.a.nrows() < n {
                l.a = Array2::zeros((n, l.b.len()));
            }
        }
        forward(&mut self.layers, ArrayView2::from_shape((n, WIDTH), x).unwrap());
        for row in self.layers.last().unwrap().a.rows().into_iter().take(n) {
            each((0..row.len()).fold(0, |best, j| if row[j] > row[best] { j } else { best }));
        }
    }
}

impl Peer for Net {
    fn new(job: Job, data: &'static Data) -> Self {
        let layers = job.layers().zip(job.weights()).map(|((i, o), w)| layer(i, o, w, job.batch)).collect();
        Self { job, data, layers, steps: 0, x: vec![], y: vec![] }
    }

    fn epoch(&mut self, order: &[u32]) -> f64 {
        let mut total = 0.0;
        for batch in order.chunks(self.job.batch) {
            let mut rows = std::mem::take(&mut self.x);
            self.data.train.gather(batch, &mut rows, &mut self.y);
            let x = ArrayView2::from_shape((batch.len(), WIDTH), &rows).unwrap();
            forward(&mut self.layers, x);
            total += loss(self.layers.last_mut().unwrap(), &self.y);
            backward(&mut self.layers, x);
            self.step();
            self.x = rows;
        }
        total / order.len() as f64
    }

    fn hits(&mut self, chunk: usize) -> usize {
        let (test, mut hits) = (&self.data.test, 0);
        for (x, y) in test.x.chunks(chunk * WIDTH).zip(test.y.chunks(chunk)) {
            let mut y = y.iter();
            self.classes(x, |class| hits += usize::from(y.next() == Some(&(class as u8))));
        }
        hits
    }

    fn classify(&mut self, sample: usize) -> usize {
        let mut class = 0;
        self.classes(self.data.test.row(sample), |c| class = c);
        class
    }

    fn averager(n: usize) -> impl FnMut() {
        let (params, mut mean) = (ArrayView1::from(&*floats(n, 0.5)), ArrayViewMut1::from(floats(n, 0.0)));
        let mut count = 0.0;
        move || {
            count += 1.0;
            let s = 1.0 / count;
            mean.zip_mut_with(&params, |m: &mut f32, w| *m += s * (w - *m));
        }
    }
}
