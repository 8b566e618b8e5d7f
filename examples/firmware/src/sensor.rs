//! The sensor, which a real firmware replaces by its own: it gives windows of readings of four kinds of movement.

pub(crate) const READINGS: usize = 16;
pub(crate) const KINDS: usize = 4;

/// A window of readings and the kind of movement it shows.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) readings: [f32; READINGS],
    pub(crate) kind: u16,
}

/// A sensor that moves in four ways, with noise: a sum of two of eight fixed shapes for each kind.
pub(crate) struct Sensor(pub(crate) u32);

impl Sensor {
    /// The next window, after the one before it; the same ones in the same order everywhere.
    pub(crate) fn read(&mut self) -> Sample {
        let kind = (self.draw() % KINDS as u32) as u16;
        let mut readings = [0.0; READINGS];
        for (i, reading) in readings.iter_mut().enumerate() {
            let shape = (i * (usize::from(kind) + 1)) % 8;
            let noise = self.draw() as f32 / 65_536.0 - 0.5;
            *reading = shape as f32 / 8.0 + 1.5 * noise;
        }
        Sample { readings, kind }
    }

    /// 16 bits of a linear congruential generator.
    fn draw(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 16
    }
}
