//! What `examples/firmware` computes on a chip, computed here: the same bits. And what it starts from, trained here.

#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../examples/firmware/src/scenario.rs"]
mod scenario;
#[path = "../examples/firmware/src/sensor.rs"]
mod sensor;

use cygnet::store::save;
use cygnet::{Init, Model, Sgd, Targets, Workspace};
use scenario::{Memory, NET, NEW, OLD, Report, run};
use sensor::{READINGS, Sensor};

/// As the firmware prints it; `.ci/firmware` compares both.
const HASH: u64 = 0xad66_1839_8425_6b6a;

fn learned(old: usize) -> Report {
    let mut sensor = Sensor(1);
    run(&mut Memory::new(), old, || sensor.read()).unwrap()
}

#[test]
fn the_firmware_learns_a_new_kind_and_its_bits_are_known() {
    let report = learned(OLD);
    assert_eq!(report.hash, HASH, "{:#018x}", report.hash);
    let [before, after, forgetful] = [report.before, report.after, learned(0).after];
    let of_old = |[old @ .., _]: [u32; 4]| old.iter().sum::<u32>();
    assert_eq!(before[usize::from(NEW)], 0, "the desktop does not know it");
    assert!(after[usize::from(NEW)] >= 50 && of_old(after) + 20 >= of_old(before), "{after:?}");
    assert!(of_old(forgetful) < of_old(after) / 2, "without old samples it forgets: {forgetful:?}");
}

/// The model in the image, of the three other kinds: what this trains, byte for byte. `RENEW=1` writes it.
#[test]
fn the_model_in_the_image_is_the_one_that_the_desktop_trains() {
    const BATCH: usize = 32;
    let (mut params, mut floats) = ([0.0; NET.param_len()], [0.0; NET.work_len(BATCH)]);
    let (mut model, mut sgd) = (Model::new(&NET, &mut params).unwrap(), Sgd::plain(&NET).unwrap());
    let mut work = Workspace::new(&NET, BATCH, &mut floats).unwrap();
    model.init(Init::He, 42).unwrap();
    let mut sensor = Sensor(7);
    while model.steps() < 3000 {
        let samples = std::iter::repeat_with(|| sensor.read()).filter(|sample| sample.kind != NEW);
        let (mut x, mut y) = ([[0.0; READINGS]; BATCH], [0; BATCH]);
        x.iter_mut().zip(&mut y).zip(samples).for_each(|((x, y), sample)| (*x, *y) = (sample.readings, sample.kind));
        model.train(x.as_flattened(), Targets::Classes(&y), &mut sgd, 0.05, &mut work).unwrap();
    }
    let mut bytes = [0; NET.checkpoint_len()];
    save(&NET, &model, &mut bytes).unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/firmware/model.cygnet");
    if std::env::var_os("RENEW").is_some() {
        std::fs::write(file, bytes).unwrap();
    }
    assert!(std::fs::read(file).unwrap() == bytes, "RENEW=1 writes it");
}
