//! candle: its layers, loss and optimizers (its Adam is AdamW; the decay is set to 0).

use crate::data::{Data, WIDTH};
use crate::peer::{Job, Peer};
use candle_core::{D, Device::Cpu, Result, Tensor, Var};
use candle_nn::{AdamW, Linear, Module, Optimizer, ParamsAdamW, SGD, loss::cross_entropy};

enum Rule {
    Sgd(SGD),
    Adam(AdamW),
}

pub struct Net {
    job: Job,
    data: &'static Data,
    vars: Vec<[Var; 2]>,
    rule: Rule,
}

/// Layers over the variables' tensors; `detach` leaves no trace for a gradient.
fn forward(vars: &[[Var; 2]], x: Tensor, detach: bool) -> Result<Tensor> {
    let of = |v: &Var| if detach { v.as_detached_tensor() } else { v.as_tensor().clone() };
    let mut a = x;
    for (i, [w, b]) in vars.iter().enumerate() {
        a = if i == 0 { a } else { a.relu()? };
        a = Linear::new(of(w), Some(of(b))).forward(&a)?;
    }
    Ok(a)
}

impl Net {
    fn batch(&mut self, batch: &[u32]) -> Result<f64> {
        let (mut x, mut y) = (Vec::with_capacity(batch.len() * WIDTH), Vec::with_capacity(batch.len()));
        self.data.train.gather::<u32>(batch, &mut x, &mut y);
        let logits = forward(&self.vars, Tensor::from_vec(x, (batch.len(), WIDTH), &Cpu)?, false)?;
        let loss = cross_entropy(&logits, &Tensor::from_vec(y, batch.len(), &Cpu)?)?;
        match &mut self.rule {
            Rule::Sgd(sgd) => sgd.backward_step(&loss)?,
            Rule::Adam(adam) => adam.backward_step(&loss)?,
        }
        Ok(f64::from(loss.to_scalar::<f32>()?) * batch.len() as f64)
    }

    fn classes(&self, x: &[f32]) -> Result<Vec<u32>> {
        let x = Tensor::from_slice(x, (x.len() / WIDTH, WIDTH), &Cpu)?;
        forward(&self.vars, x, true)?.argmax(D::Minus1)?.to_vec1()
    }
}

impl Peer for Net {
    fn new(job: Job, data: &'static Data) -> Self {
        let var = |(inputs, outputs), w| -> Result<[Var; 2]> {
            // candle keeps weights as (outputs, inputs)
            let w = Tensor::from_vec(w, (inputs, outputs), &Cpu)?.t()?.contiguous()?;
            Ok([Var::from_tensor(&w)?, Var::from_tensor(&Tensor::zeros(outputs, w.dtype(), &Cpu)?)?])
        };
        let vars: Vec<_> = job.layers().zip(job.weights()).map(|(shape, w)| var(shape, w).unwrap()).collect();
        let (all, lr) = (vars.iter().flatten().cloned().collect(), f64::from(job.rate()));
        let rule = if job.adam {
            Rule::Adam(AdamW::new(all, ParamsAdamW { lr, weight_decay: 0.0, ..Default::default() }).unwrap())
        } else {
            Rule::Sgd(SGD::new(all, lr).unwrap())
        };
        Self { job, data, vars, rule }
    }

    fn epoch(&mut self, order: &[u32]) -> f64 {
        let total: f64 = order.chunks(self.job.batch).map(|batch| self.batch(batch).unwrap()).sum();
        total / order.len() as f64
    }

    fn hits(&mut self, chunk: usize) -> usize {
        let test = &self.data.test;
        let pairs = test.x.chunks(chunk * WIDTH).zip(test.y.chunks(chunk));
        let hits = |(x, y): (&[f32], &[u8])| {
            self.classes(x).unwrap().iter().zip(y).filter(|&(&class, &y)| class == u32::from(y)).count()
        };
        pairs.map(hits).sum()
    }

    fn classify(&mut self, sample: usize) -> usize {
        self.classes(self.data.test.row(sample)).unwrap()[0] as usize
    }

    fn averager(n: usize) -> impl FnMut() {
        let params = Tensor::full(0.5f32, n, &Cpu).unwrap().contiguous().unwrap();
        let (mut mean, mut count) = (params.zeros_like().unwrap(), 0.0);
        move || {
            count += 1.0;
            let step = || (&mean + ((&params - &mean)? * (1.0 / count))?)?.detach().contiguous();
            mean = step().unwrap();
        }
    }
}
