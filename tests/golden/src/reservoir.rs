//! Which samples of a stream a reservoir holds, and which of them are drawn.

use cygnet::Error;
use cygnet::reservoir::{Reservoir, ReservoirConfig};

const KEPT: ReservoirConfig = ReservoirConfig { places: 20, width: 2, classes: 5 };

pub(crate) fn reservoir(scratch: &mut [f32], hash: u64, fold: fn(u64, f32) -> u64) -> Result<u64, Error> {
    let (mut labels, mut counts) = ([0; KEPT.places], [0; KEPT.counts_len()]);
    let samples = &mut scratch[..KEPT.samples_len()];
    let mut reservoir = Reservoir::new(KEPT, 11, samples, &mut labels, &mut counts)?;
    let (mut rows, mut of, mut hash) = ([0; 6], [0; 6], hash);
    for i in 0..500_u16 {
        // Classes from frequent to rare, the last one late.
        let label = if i % 97 == 96 { 4 } else { [0, 1, 0, 2, 0, 1, 0, 3, 0][usize::from(i % 9)] };
        let place = reservoir.offer(&[f32::from(i), f32::from(label)], label)?;
        hash = fold(hash, place.map_or(-1.0, |place| place as f32));
        let (rows, of) = reservoir.draw(i.into(), &mut rows, &mut of)?;
        hash = rows.iter().fold(hash, |hash, &row| fold(hash, row as f32));
        hash = of.iter().fold(hash, |hash, &label| fold(hash, label.into()));
    }
    Ok(reservoir.samples().iter().fold(hash, |hash, &x| fold(hash, x)))
}
