//! cygnet: the fused training step; samples compressed where they are images, with lists of what is not zero.

use crate::data::{Data, floats};
use crate::peer::{Job, Peer};
use cygnet::{Activation, Adam, Averager, Inputs, Model, Sgd, Spec, Targets, Workspace};
use cygnet::inputs::{SparseSet, compress, nonzeros};
use cygnet::metrics::{Score, argmax};
use cygnet::optim::Optimizer;

pub struct Net {
    job: Job,
    data: &'static Data,
    train: Option<SparseSet<'static>>,
    test: Option<SparseSet<'static>>,
    classes: Vec<u16>,
    spec: &'static Spec,
    model: Model<'static>,
    optimizer: Box<dyn Optimizer>,
    work: Workspace<'static>,
    one: Workspace<'static>,
    x: Vec<f32>,
    y: Vec<u16>,
}

impl Peer for Net {
    fn new(job: Job, data: &'static Data) -> Self {
        let spec: &Spec = Box::leak(Box::new(network(job.widths)));
        let mut model = Model::new(spec, floats(spec.param_len(), 0.0)).unwrap();
        for (layer, weights) in spec.layers().zip(job.weights()) {
            model.params_mut()[layer.offset()..][..weights.len()].copy_from_slice(&weights);
        }
        let optimizer: Box<dyn Optimizer> = if job.adam {
            Box::new(Adam::new(Adam::DEFAULT, spec, floats(2 * spec.param_len(), 0.0)).unwrap())
        } else {
            Box::new(Sgd::plain(spec).unwrap())
        };
        let work = Workspace::new(spec, job.batch, floats(spec.work_len(job.batch), 0.0)).unwrap();
        let work = with_lists(work, spec);
        let one = with_lists(Workspace::for_prediction(spec, 1, floats(spec.predict_len(1), 0.0)).unwrap(), spec);
        let [train, test] = [&data.train.x, &data.test.x].map(|x| compressed(x, job.widths[0]));
        let classes = data.test.y.iter().map(|&y| y.into()).collect();
        Self { job, data, train, test, classes, spec, model, optimizer, work, one, x: vec![], y: vec![] }
    }

    fn epoch(&mut self, order: &[u32]) -> f64 {
        let mut loss = 0.0;
        for batch in order.chunks(self.job.batch) {
            let inputs = match self.train {
                Some(set) => {
                    self.y.clear();
                    self.y.extend(batch.iter().map(|&i| u16::from(self.data.train.y[i as usize])));
                    Inputs::sparse(set, batch)
                }
                None => {
                    self.data.train.gather(batch, &mut self.x, &mut self.y);
                    Inputs::floats(&self.x)
                }
            };
            let (targets, rate) = (Targets::Classes(&self.y), self.job.rate());
            let score = self.model.train(inputs, targets, &mut *self.optimizer, rate, &mut self.work).unwrap();
            loss += f64::from(score.loss()) * batch.len() as f64;
        }
        loss / order.len() as f64
    }

    fn hits(&mut self, chunk: usize) -> usize {
        let floats = floats(self.spec.predict_len(chunk), 0.0);
        let mut work = with_lists(Workspace::for_prediction(self.spec, chunk, floats).unwrap(), self.spec);
        let all: Vec<u32> = (0..self.classes.len() as u32).collect();
        let inputs = match self.test {
            Some(set) => Inputs::sparse(set, &all),
            None => Inputs::floats(&self.data.test.x),
        };
        let mut score = Score::default();
        self.model.evaluate(inputs, Targets::Classes(&self.classes), &mut score, &mut work).unwrap();
        score.hits() as usize
    }

    fn classify(&mut self, sample: usize) -> usize {
        usize::from(argmax(self.model.predict(self.data.test.row(sample), &mut self.one).unwrap()))
    }

    fn averager(n: usize) -> impl FnMut() {
        // A model that has been trained, since it brings a bound on its parameters along.
        let widths = match n {
            50_890 => &[784, 64, 10][..],
            _ => &[999, 1000],
        };
        let spec: &Spec = Box::leak(Box::new(network(widths)));
        assert_eq!(spec.param_len(), n);
        let mut model = Model::new(spec, floats(n, 0.5)).unwrap();
        model.init(cygnet::Init::He, 1).unwrap();
        let mut work = Workspace::new(spec, 1, floats(spec.work_len(1), 0.0)).unwrap();
        let mut sgd = Sgd::plain(spec).unwrap();
        model.train(&vec![0.5; widths[0]], Targets::Classes(&[1]), &mut sgd, 0.01, &mut work).unwrap();
        let mut averager = Averager::new(floats(n, 0.0));
        move || {
            averager.update(&model).unwrap();
        }
    }
}

/// ReLU between the layers.
fn network(widths: &[usize]) -> Spec {
    let last = widths.len() - 1;
    widths.iter().enumerate().skip(1).fold(Spec::new(widths[0] as u16), |spec, (i, &outputs)| {
        spec.dense(outputs as u16, if i == last { Activation::Identity } else { Activation::Relu })
    })
}

fn with_lists(work: Workspace<'static>, spec: &Spec) -> Workspace<'static> {
    let n = work.capacity();
    let integers = Box::leak(vec![0; spec.index_len(n)].into_boxed_slice());
    work.with_lists(spec, floats(spec.list_len(n), 0.0), integers).unwrap()
}

/// `x` without its zeros, where it is made of bytes.
fn compressed(x: &[f32], inputs: usize) -> Option<SparseSet<'static>> {
    let scale = 1.0 / 255.0;
    let bytes: Vec<u8> = x.iter().map(|&x| (x * 255.0).round() as u8).collect();
    if x.iter().zip(&bytes).any(|(&x, &b)| x != f32::from(b) * scale && x != f32::from(b) / 255.0) {
        return None;
    }
    let n = nonzeros(&bytes);
    let (mut starts, mut positions, mut values) = (vec![0; bytes.len() / inputs + 1], vec![0; n], vec![0; n]);
    compress(&bytes, inputs as u16, &mut starts, &mut positions, &mut values).unwrap();
    let (starts, positions, values) = (starts.leak(), positions.leak(), values.leak());
    Some(SparseSet::new(inputs as u16, starts, positions, values, scale).unwrap())
}
