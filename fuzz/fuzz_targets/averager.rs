//! Averages under any sequence of operations stay near what f64 says, and what was refused changed nothing.
//!
//! The tolerance is the sum of what each operation may round: of `m ← m + (w − m)·gain` four units of the last place of
//! `|m| + |w − m|·|gain|`, and the error that was there before times `|1 − gain|`. The gain of a removal is off by what
//! remains of the rounding of the total, in two floats.
#![no_main]

use cygnet::average::{AverageState, Ema, Origin, Rule, Swag, SwagState, Warmup, Window, WindowState};
use cygnet::{Activation, Averager, Loss, Model, Spec};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;

const NET: Spec = Spec::new(3).dense(2, Activation::Tanh).dense(1, Activation::Identity).loss(Loss::MeanSquared);
const P: usize = NET.param_len();
const ULP: f64 = f32::EPSILON as f64;
/// Of a total in two floats.
const TOTAL: f64 = ULP * ULP * 64.0;

type Floats = [f32; P];
type Doubles = [f64; P];

fn model(u: &mut Unstructured<'_>) -> Result<Floats> {
    let scale = *u.choose(&[1.0 / 128.0, 1.0, 1024.0, 1e12])?;
    let mut model = [0.0; P];
    for w in &mut model {
        *w = f32::from(u.arbitrary::<i8>()?) * scale;
    }
    Ok(model)
}

/// What is refused whatever came before.
fn odd(u: &mut Unstructured<'_>) -> Result<Vec<f32>> {
    let mut model = vec![1.0; P];
    match u.int_in_range(0..=2)? {
        0 => drop(model.pop()),
        1 => model.push(0.0),
        _ => model[u.choose_index(P)?] = *u.choose(&[f32::NAN, f32::INFINITY, -f32::MAX])?,
    }
    Ok(model)
}

/// An average in f64.
#[derive(Clone, Copy, Default)]
struct Plain {
    mean: Doubles,
    /// How far a float may be off.
    error: Doubles,
    count: u64,
    /// Sum of the weights, and how far it may be off.
    total: f64,
    total_error: f64,
}

impl Plain {
    /// `m ← m + (w − m)·gain`, where the gain may be off by `gain_error` and the model by `error`.
    fn blend(&mut self, w: &Doubles, gain: f64, gain_error: f64, error: &Doubles) {
        for i in 0..P {
            let (d, m) = (w[i] - self.mean[i], self.mean[i]);
            let moved = m + d * gain;
            let old = self.error[i] * (1.0 - gain).abs() + error[i] * gain.abs();
            let size = m.abs() + w[i].abs() + moved.abs() + (d * gain).abs() * 2.0;
            self.error[i] =
                old + d.abs() * gain_error + 4.0 * ULP * ((d * gain).abs() + moved.abs()) + ULP * gain.abs() * size;
            self.mean[i] = moved;
        }
    }

    fn add(&mut self, w: &Floats, weight: f64) {
        (self.count, self.total) = (self.count + 1, self.total + weight);
        self.total_error += TOTAL * self.total;
        let w = w.map(f64::from);
        if self.count == 1 {
            (self.mean, self.error) = (w, [0.0; P]);
        } else {
            let gain = weight / self.total;
            self.blend(&w, gain, gain * (self.total_error / self.total + 4.0 * ULP), &[0.0; P]);
        }
    }

    fn remove(&mut self, w: &Floats, weight: f64) {
        self.total_error += TOTAL * self.total;
        (self.count, self.total) = (self.count - 1, self.total - weight);
        let gain = -weight / self.total;
        self.blend(&w.map(f64::from), gain, gain.abs() * (self.total_error / self.total + 4.0 * ULP), &[0.0; P]);
    }

    fn merge(&mut self, other: &Self) {
        if self.count == 0 {
            *self = *other;
        } else if other.count > 0 {
            let total = self.total + other.total;
            let error = self.total_error + other.total_error + TOTAL * total;
            let gain = other.total / total;
            self.blend(
                &other.mean,
                gain,
                gain * (error / total + other.total_error / other.total + 8.0 * ULP),
                &other.error,
            );
            (self.count, self.total, self.total_error) = (self.count + other.count, total, error);
        }
    }

    fn expect(&self, mean: &[f32], what: &str) {
        for i in 0..P {
            let off = (f64::from(mean[i]) - self.mean[i]).abs();
            let tolerance = self.error[i] + f64::from(f32::MIN_POSITIVE);
            assert!(off <= tolerance, "{what}: {} for {}, {off:e} off, {tolerance:e} allowed", mean[i], self.mean[i]);
        }
    }
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

/// Everything that an average shows.
fn seen(averager: &Averager<'_>) -> (AverageState, Option<Vec<u32>>) {
    (averager.state(), averager.mean().ok().map(|mean| bits(&mean)))
}

fn weight(u: &mut Unstructured<'_>) -> Result<f32> {
    Ok(f32::from(u.int_in_range(1..=64_u8)?) * *u.choose(&[0.125, 1.0, 1.0 / 3.0, 1000.0])?)
}

/// Means: updates, weights, removals, merges, exchanges, states on the way.
fn means(u: &mut Unstructured<'_>) -> Result<()> {
    let mut memory = [[f32::NAN; P]; 4];
    let [mean, lost, second, params] = &mut memory;
    let (mut a, mut b) = (Averager::new(mean), Averager::new(second));
    let is_compensated = u.arbitrary()?;
    if is_compensated {
        a.compensate(lost).expect("exact length");
    }
    let (mut plain_a, mut plain_b) = (Plain::default(), Plain::default());
    let mut live = Model::new(&NET, params).expect("exact length");
    let mut models: Vec<(Floats, f32)> = Vec::new();
    while !u.is_empty() {
        let before = seen(&a);
        let is_refused = match u.int_in_range(0..=8)? {
            0 | 1 => {
                let (w, weight) = (model(u)?, 1.0);
                assert_eq!(a.update(&w[..]), Ok(plain_a.count + 1));
                plain_a.add(&w, weight.into());
                models.push((w, weight));
                false
            }
            2 => {
                let (w, weight) = (model(u)?, weight(u)?);
                assert_eq!(a.update_weighted(&w[..], weight), Ok(plain_a.count + 1));
                plain_a.add(&w, weight.into());
                models.push((w, weight));
                false
            }
            3 if models.len() > 1 => {
                let at = u.choose_index(models.len())?;
                let (w, weight) = models[at];
                let rest = plain_a.total - f64::from(weight);
                let removed = a.remove(&w[..], weight);
                // What is left may be too little to divide by, where weights differ by much.
                if removed.is_ok() {
                    models.swap_remove(at);
                    plain_a.remove(&w, weight.into());
                }
                assert!(removed.is_ok() || rest <= plain_a.total_error);
                removed.is_err()
            }
            4 => {
                let (w, weight) = (model(u)?, weight(u)?);
                assert!(b.update_weighted(&w[..], weight).is_ok());
                plain_b.add(&w, weight.into());
                false
            }
            5 => {
                assert_eq!(a.merge(&b), Ok(plain_a.count + plain_b.count));
                plain_a.merge(&plain_b);
                // Models of the other are not known one by one.
                false
            }
            6 => {
                let weights = bits(live.params());
                match a.in_place_of(&mut live) {
                    Ok(guard) => assert_eq!(Some(bits(guard.params())), before.1),
                    Err(_) => assert_eq!(plain_a.count, 0),
                }
                assert_eq!(bits(live.params()), weights);
                true
            }
            7 => {
                let state = AverageState::from_bytes(&a.state().to_bytes()).expect("what was written is read");
                assert_eq!(state, before.0);
                let lost = a.compensation().map(<[f32]>::to_vec);
                let (mut mean, mut lost) = (
                    before.1.as_ref().map_or([0.0; P].to_vec(), |m| m.iter().map(|&m| f32::from_bits(m)).collect()),
                    lost.unwrap_or_default(),
                );
                let resumed = if is_compensated {
                    Averager::resume_compensated(state, &mut mean, &mut lost)
                } else {
                    Averager::resume(state, &mut mean)
                };
                let mut resumed = resumed.expect("what was kept goes on");
                let w = model(u)?;
                assert_eq!(a.update(&w[..]), resumed.update(&w[..]));
                assert_eq!(seen(&a), seen(&resumed));
                plain_a.add(&w, 1.0);
                models.push((w, 1.0));
                false
            }
            _ => {
                let odd = odd(u)?;
                assert!(a.update(&odd[..]).is_err() && a.update_weighted(&odd[..], 2.0).is_err());
                assert!(a.remove(&odd[..], 1.0).is_err());
                assert!(a.update_weighted(&[1.0; P][..], *u.choose(&[0.0, -1.0, f32::NAN, f32::INFINITY])?).is_err());
                true
            }
        };
        if is_refused {
            assert_eq!(seen(&a), before);
        }
        assert_eq!(a.count(), plain_a.count);
        if plain_a.count > 0 {
            plain_a.expect(&a.mean().expect("models are in it"), "mean");
        }
    }
    Ok(())
}

/// Averages whose gain depends on the number of models alone, and the latest models.
fn rules(u: &mut Unstructured<'_>) -> Result<()> {
    let epsilon = f32::from(u.int_in_range(1..=255_u8)?) / 256.0;
    let (size, most) = (u.int_in_range(1..=5)?, u.int_in_range(1..=9)?);
    let eta = f32::from(u.arbitrary::<u8>()?) / 8.0;
    let warmup = *u.choose(&[Warmup::None, Warmup::Ratio, Warmup::Power { gamma: 2.0, power: 0.7 }])?;
    let origin = *u.choose(&[Origin::Corrected, Origin::First])?;
    let ema = Ema { epsilon, origin, warmup };
    let kind = u.int_in_range(0..=2)?;
    let rule = [Rule::capped(most), Rule::polynomial(eta), Rule::ema(ema)][kind];
    let (mut mean, mut latest, mut of_window) = ([f32::NAN; P], vec![0.0; size * P], [f32::NAN; P]);
    let mut averager = Averager::with_rule(rule, &mut mean).expect("a valid rule");
    let mut window = Window::new(size, &mut latest).expect("exact length");
    let (mut plain, mut z, mut models): (Plain, f64, Vec<Floats>) = (Plain::default(), 0.0, Vec::new());
    while !u.is_empty() {
        let w = model(u)?;
        models.push(w);
        let t = models.len() as f64;
        assert_eq!(averager.update(&w[..]), Ok(models.len() as u64));
        let least = match warmup {
            Warmup::Ratio => 9.0 / (9.0 + t),
            Warmup::Power { gamma, power } => (1.0 + (t - 1.0) / f64::from(gamma)).powf(-f64::from(power)),
            _ => 0.0,
        };
        let epsilon = f64::from(epsilon).max(least);
        z = if origin == Origin::First { 1.0 } else { z + epsilon * (1.0 - z) };
        let gain = [1.0 / t.min(most as f64), (f64::from(eta) + 1.0) / (t + f64::from(eta)), epsilon / z][kind];
        plain.count += 1;
        if plain.count == 1 {
            plain.mean = w.map(f64::from);
        } else {
            // `z` rounds at every model, and a power is no better than its exponent.
            plain.blend(&w.map(f64::from), gain, gain * ULP * (16.0 + 2.0 * t), &[0.0; P]);
        }
        plain.expect(&averager.mean().expect("a model is in it"), "rule");
        let state = AverageState::from_bytes(&averager.state().to_bytes());
        assert_eq!(state, Ok(averager.state()));

        assert_eq!(window.update(&w[..]), Ok(models.len().min(size)));
        window.mean(&mut of_window).expect("a model is in it");
        let mut latest = Plain::default();
        models[models.len().saturating_sub(size)..].iter().for_each(|w| latest.add(w, 1.0));
        latest.expect(&of_window, "window");
        assert_eq!(WindowState::from_bytes(&window.state().to_bytes()), Ok(window.state()));
    }
    Ok(())
}

/// Mean and variance of models in two parts that are merged.
fn swag(u: &mut Unstructured<'_>) -> Result<()> {
    let mut memory = [[f32::NAN; P]; 4];
    let [mean, second, mean_b, second_b] = &mut memory;
    let mut columns = vec![f32::NAN; P * u.int_in_range(0..=3)?];
    let mut a = Swag::new(mean, second, &mut columns).expect("exact length");
    let mut b = Swag::new(mean_b, second_b, &mut []).expect("exact length");
    let (mut models, mut others): (Vec<Floats>, Vec<Floats>) = (Vec::new(), Vec::new());
    while !u.is_empty() && models.len() < 100 {
        match u.int_in_range(0..=4)? {
            0 => {
                let odd = odd(u)?;
                let before = (a.state(), bits(a.second_moment()), bits(a.columns()));
                assert!(a.update(&odd[..]).is_err());
                assert_eq!((a.state(), bits(a.second_moment()), bits(a.columns())), before);
            }
            1 => {
                let w = model(u)?;
                assert_eq!(b.update(&w[..]), Ok(others.len() as u64 + 1));
                others.push(w);
            }
            2 => {
                assert_eq!(a.merge(&b), Ok((models.len() + others.len()) as u64));
                models.extend(&others);
            }
            _ => {
                let w = model(u)?;
                assert_eq!(a.update(&w[..]), Ok(models.len() as u64 + 1));
                models.push(w);
            }
        }
        assert_eq!(SwagState::from_bytes(&a.state().to_bytes()), Ok(a.state()));
        let n = models.len() as f64;
        for i in (0..P).filter(|_| !models.is_empty()) {
            let of = |w: &Floats| f64::from(w[i]);
            let mean = models.iter().map(of).sum::<f64>() / n;
            let variance = models.iter().map(|w| (of(w) - mean).powi(2)).sum::<f64>() / n;
            let largest = models.iter().map(|w| of(w).abs()).fold(0.0, f64::max);
            // Each model rounds once in the mean and twice in the moment, both of the largest size.
            let (m, v) = (a.mean().expect("a model is in it")[i], a.variance(i).expect("likewise"));
            assert!((f64::from(m) - mean).abs() <= 8.0 * n * ULP * largest, "mean {m} for {mean}");
            let tolerance = 16.0 * n * ULP * largest * largest + f64::from(f32::MIN_POSITIVE);
            assert!((f64::from(v) - variance).abs() <= tolerance, "variance {v} for {variance}");
        }
    }
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    let mut u = Unstructured::new(bytes);
    // What bytes are too few for is no case.
    let _ = match u.int_in_range(0..=2) {
        Ok(0) => means(&mut u),
        Ok(1) => rules(&mut u),
        Ok(_) => swag(&mut u),
        Err(error) => Err(error),
    };
});
