//! burn on Flex, its pure-Rust processor backend, with its layers, loss and optimizers.

use crate::data::{Data, WIDTH};
use crate::peer::{Job, Peer};
use burn::module::{Module, Param};
use burn::nn::loss::{CrossEntropyLoss, CrossEntropyLossConfig};
use burn::nn::{Linear, LinearConfig};
use burn::optim::{AdamConfig, GradientsParams, ModuleOptimizer, SgdConfig};
use burn::tensor::{Device, Int, Tensor, TensorData, activation::relu};

#[derive(Module, Debug)]
struct Mlp {
    layers: Vec<Linear>,
}

impl Mlp {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let mut layers = self.layers.iter();
        let first = layers.next().expect("a network has layers").forward(x);
        layers.fold(first, |a, layer| layer.forward(relu(a)))
    }
}

pub struct Net {
    job: Job,
    data: &'static Data,
    device: Device,
    /// Taken for a moment by each step.
    model: Option<Mlp>,
    /// The same parameters without autodiff, made when first needed.
    valid: Option<Mlp>,
    loss: CrossEntropyLoss,
    rule: ModuleOptimizer,
}

impl Net {
    fn batch(&mut self, batch: &[u32]) -> f64 {
        let (mut x, mut y) = (Vec::with_capacity(batch.len() * WIDTH), Vec::with_capacity(batch.len()));
        self.data.train.gather::<i32>(batch, &mut x, &mut y);
        let x = Tensor::<2>::from_data(TensorData::new(x, [batch.len(), WIDTH]), &self.device);
        let y = Tensor::<1, Int>::from_data(TensorData::new(y, [batch.len()]), &self.device);
        let model = self.model.take().expect("a model between two steps");
        let loss = self.loss.forward(model.forward(x), y);
        let grads = GradientsParams::from_grads(loss.backward(), &model);
        self.model = Some(self.rule.step(f64::from(self.job.rate()), model, grads));
        f64::from(loss.into_scalar::<f32>()) * batch.len() as f64
    }

    fn classes(&mut self, x: &[f32]) -> Vec<i32> {
        let model = self.valid.get_or_insert_with(|| self.model.as_ref().expect("a trained model").valid());
        let x = TensorData::new(x.to_vec(), [x.len() / WIDTH, WIDTH]);
        let classes = model.forward(Tensor::from_data(x, &self.device.clone().inner())).argmax(1);
        classes.into_data().iter::<i32>().collect()
    }
}

impl Peer for Net {
    fn new(job: Job, data: &'static Data) -> Self {
        let device = Device::flex().autodiff();
        let layer = |((inputs, outputs), w)| {
            let mut layer = LinearConfig::new(inputs, outputs).init(&device);
            layer.weight = Param::from_data(TensorData::new(w, [inputs, outputs]), &device);
            layer.bias = Some(Param::from_data(TensorData::zeros::<f32, _>([outputs]), &device));
            layer
        };
        let model = Mlp { layers: job.layers().zip(job.weights()).map(layer).collect() };
        let adam = || AdamConfig::new().with_epsilon(1e-8).init();
        let rule = if job.adam { adam() } else { SgdConfig::new().init() };
        let loss = CrossEntropyLossConfig::new().init(&device);
        Self { job, data, device, model: Some(model), valid: None, loss, rule }
    }

    fn epoch(&mut self, order: &[u32]) -> f64 {
        self.valid = None;
        let total: f64 = order.chunks(self.job.batch).map(|batch| self.batch(batch)).sum();
        total / order.len() as f64
    }

    fn hits(&mut self, chunk: usize) -> usize {
        let test = &self.data.test;
        let pairs = test.x.chunks(chunk * WIDTH).zip(test.y.chunks(chunk));
        let hits = |(x, y): (&[f32], &[u8])| {
            self.classes(x).iter().zip(y).filter(|&(&class, &y)| class == i32::from(y)).count()
        };
        pairs.map(hits).sum()
    }

    fn classify(&mut self, sample: usize) -> usize {
        self.classes(self.data.test.row(sample))[0] as usize
    }

    fn averager(n: usize) -> impl FnMut() {
        let device = Device::flex();
        let params = Tensor::<1>::from_data(TensorData::full([n], 0.5f32), &device);
        let (mut mean, mut count) = (Some(params.zeros_like()), 0.0);
        move || {
            count += 1.0;
            let m = mean.take().expect("a mean between two models");
            let step = (params.clone() - m.clone()).mul_scalar(1.0 / count);
            mean = Some(m + step);
        }
    }
}
