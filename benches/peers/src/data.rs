//! Samples in memory: MNIST from its four IDX files, or dense random numbers; and the seeded numbers everyone starts
//! from.

use std::{fs::File, io::Read, path::Path};

/// Rows of 784 numbers from 0 to 1, and their classes.
pub struct Samples {
    pub x: Vec<f32>,
    pub y: Vec<u8>,
}

pub struct Data {
    pub train: Samples,
    pub test: Samples,
}

pub const WIDTH: usize = 784;

fn bytes(dir: &Path, file: &str, header: usize) -> Vec<u8> {
    let path = dir.join(file);
    let packed = File::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut all = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut all).expect("gzip");
    all.split_off(header)
}

impl Data {
    pub fn mnist(dir: &Path) -> Self {
        let [train, test] = ["train", "t10k"].map(|part| Samples {
            x: bytes(dir, &format!("{part}-images-idx3-ubyte.gz"), 16).iter().map(|&p| f32::from(p) / 255.0).collect(),
            y: bytes(dir, &format!("{part}-labels-idx1-ubyte.gz"), 8),
        });
        Self { train, test }
    }

    /// `n` samples without a single zero.
    pub fn dense(n: usize) -> Self {
        let mut random = Random(1);
        let x = (0..n * WIDTH).map(|_| random.unit()).collect();
        let y = (0..n).map(|_| random.below(10) as u8).collect();
        Self { train: Samples { x, y }, test: Samples { x: vec![], y: vec![] } }
    }
}

impl Samples {
    pub fn len(&self) -> usize {
        self.y.len()
    }

    pub fn row(&self, i: usize) -> &[f32] {
        &self.x[i * WIDTH..][..WIDTH]
    }

    /// Copies the samples of a batch into `x` and their classes into `y`.
    pub fn gather<T: From<u8>>(&self, batch: &[u32], x: &mut Vec<f32>, y: &mut Vec<T>) {
        x.clear();
        y.clear();
        for &i in batch {
            x.extend_from_slice(self.row(i as usize));
            y.push(self.y[i as usize].into());
        }
    }
}

/// Numbers for as long as the program runs, aligned as a careful caller would: the averager's loop is a third slower
/// where vectors straddle cache lines.
pub fn floats(n: usize, value: f32) -> &'static mut [f32] {
    let all = vec![value; n + 15].leak();
    let start = all.as_ptr().align_offset(64);
    &mut all[start..][..n]
}

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Above 0, at most 1.
    fn unit(&mut self) -> f32 {
        ((self.next() >> 40) + 1) as f32 / (1u64 << 24) as f32
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub fn normal(&mut self) -> f32 {
        (-2.0 * self.unit().ln()).sqrt() * (std::f32::consts::TAU * self.unit()).cos()
    }

    pub fn order(&mut self, n: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n as u32).collect();
        for i in (1..n).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }
}
