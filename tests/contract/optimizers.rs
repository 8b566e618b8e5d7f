//! What each optimizer makes of the gradient of a batch, one parameter at a time.

use super::{Pair, one_minus_power};
use cygnet::optim::{AdamConfig, LookaheadConfig, ScheduleFreeAdamConfig, ScheduleFreeConfig, SgdConfig};

fn floored(x: f32, floor: f32) -> f32 {
    if x.abs() < floor { 0.0 } else { x }
}

/// An optimizer's memory, over all parameters.
pub(crate) enum Oracle {
    Sgd(SgdConfig, Vec<f32>),
    Adam(AdamConfig, Vec<f32>, Vec<f32>),
    Lookahead(LookaheadConfig, Vec<f32>, Box<Oracle>),
    ScheduleFree(ScheduleFreeConfig, Vec<f32>, Vec<f32>, Pair),
    /// `z`, `x`, `v`.
    ScheduleFreeAdam(ScheduleFreeAdamConfig, [Vec<f32>; 3], Pair),
}

impl Oracle {
    /// Step `t = 1, 2, …` along `g·(1/n)`, of the parameters that are learned, by their index and whether they are weights.
    pub(crate) fn step(&mut self, t: u64, rate: f32, g: &[f32], n: usize, w: &mut [f32], learned: &[(usize, bool)]) {
        self.step_by(t, rate, g, 1.0 / n as f32, w, learned);
    }

    /// Step along `g·share`.
    pub(crate) fn step_by(
        &mut self,
        t: u64,
        rate: f32,
        g: &[f32],
        share: f32,
        w: &mut [f32],
        learned: &[(usize, bool)],
    ) {
        match self {
            Self::Sgd(SgdConfig { momentum, nesterov, weight_decay, no_bias_decay }, v) => {
                for &(i, is_weight) in learned {
                    let mut g = g[i] * share;
                    if *weight_decay != 0.0 && (is_weight || !*no_bias_decay) {
                        g += *weight_decay * w[i];
                    }
                    if *momentum == 0.0 {
                        w[i] -= rate * g;
                        continue;
                    }
                    v[i] = floored(*momentum * v[i] + g, 1e-20);
                    w[i] -= rate * if *nesterov { g + *momentum * v[i] } else { v[i] };
                }
            }
            Self::Adam(c, m, v) => {
                let correction = 1.0 / one_minus_power(1.0 - c.beta2, t).sqrt();
                let scaled = rate / one_minus_power(1.0 - c.beta1, t);
                for &(i, is_weight) in learned {
                    let decay = if is_weight || !c.no_bias_decay { c.weight_decay } else { 0.0 };
                    let shrink = if c.decoupled { 1.0 - rate * decay } else { 1.0 };
                    let coupled = if c.decoupled { 0.0 } else { decay };
                    let g = g[i] * share + coupled * w[i];
                    m[i] = floored(c.beta1 * m[i] + (1.0 - c.beta1) * g, 1e-20);
                    v[i] = floored(c.beta2 * v[i] + (1.0 - c.beta2) * (g * g), 1e-30);
                    w[i] = shrink * w[i] - scaled * (m[i] / (v[i].sqrt() * correction + c.epsilon));
                }
            }
            Self::Lookahead(c, slow, inner) => {
                inner.step_by(t, rate, g, share, w, learned);
                for &(i, _) in learned.iter().filter(|_| t.is_multiple_of(c.every.into())) {
                    slow[i] += (w[i] - slow[i]) * c.alpha;
                    w[i] = slow[i];
                }
            }
            Self::ScheduleFree(c, z, x, squares) => {
                *squares = squares.add(rate * rate);
                let gain = rate * rate / squares.value();
                for &(i, is_weight) in learned {
                    let decay = if is_weight || !c.no_bias_decay { c.weight_decay } else { 0.0 };
                    z[i] -= rate * (g[i] * share + decay * w[i]);
                    x[i] += (z[i] - x[i]) * gain;
                    w[i] = z[i] + (x[i] - z[i]) * c.beta;
                }
            }
            Self::ScheduleFreeAdam(c, [z, x, v], squares) => {
                let rate = rate * one_minus_power(1.0 - c.beta2, t).sqrt();
                *squares = squares.add(rate * rate);
                let gain = rate * rate / squares.value();
                for &(i, is_weight) in learned {
                    let decay = if is_weight || !c.no_bias_decay { c.weight_decay } else { 0.0 };
                    let g = g[i] * share;
                    v[i] = floored(c.beta2 * v[i] + (1.0 - c.beta2) * (g * g), 1e-30);
                    z[i] -= rate * (g / (v[i].sqrt() + c.epsilon) + decay * w[i]);
                    x[i] += (z[i] - x[i]) * gain;
                    w[i] = z[i] + (x[i] - z[i]) * c.beta1;
                }
            }
        }
    }
}
