//! A run that keeps itself in flash: whatever word or block a power cut hits, it goes on from its last complete state and
//! ends with the bits of a run that was never cut.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;
#[path = "common/flash.rs"]
mod flash;

use common::{bits, classes, samples, work};
use cygnet::average::AverageState;
use cygnet::model::ModelState;
use cygnet::optim::AdamState;
use cygnet::store::{Container, Data, Load, Place, Section, SlotError, Slots, SlotsConfig, Stored, Tag};
use cygnet::{Activation, Adam, Averager, Init, Model, Spec, Targets, Workspace};
use flash::{Fault, Flash, TEARS};

const NET: Spec = Spec::new(3).dense(4, Activation::Tanh).dense(2, Activation::Identity);
const P: usize = NET.param_len();
/// Steps of a run, each of which ends with a save.
const STEPS: u64 = 6;
const KNOWN: [(Tag, u8); 4] = [(Tag::AVERAGE, 1), (Tag::NETWORK, 1), (Tag::OPTIMIZER, 1), (Tag::PARAMS, 1)];

type Chip = Flash<8, 512>;

fn slots() -> SlotsConfig {
    SlotsConfig { start: 0, slot_len: Slots::<Chip>::slot_len(16 * P + 300), slots: 2 }
}

/// Starts, and goes on until the end or until the power is cut; the parameters and the mean.
fn run(flash: &mut Chip) -> Result<[Vec<f32>; 2], SlotError<Fault>> {
    let mut slots = match Slots::mount(slots(), NET.digest(), &mut *flash) {
        // The very first save was cut off, and a word cannot be read: there was no state.
        Err(SlotError::Flash { error: Fault::Bad, .. }) => Slots::format(slots(), NET.digest(), flash)?,
        mounted => mounted?,
    };
    let (mut params, mut moments, mut mean) = (vec![0.0; P], vec![0.0; 2 * P], vec![0.0; P]);
    let mut states = None;
    if let Some(newest) = slots.newest() {
        let read = |at: usize, to: &mut [u8]| slots.read(at, to);
        let mut stored = Stored::open(read, newest.len, &KNOWN).unwrap();
        stored.expect(Tag::NETWORK, 0, &[Data::Network(&NET)]).unwrap();
        let model = ModelState::from_bytes(&NET, &stored.head(Tag::PARAMS, 0).unwrap()).unwrap();
        let adam = AdamState::from_bytes(Adam::DEFAULT, &NET, &stored.head(Tag::OPTIMIZER, 0).unwrap()).unwrap();
        let average = AverageState::from_bytes(&stored.head(Tag::AVERAGE, 0).unwrap()).unwrap();
        let mut places = [
            [Place::Skip(ModelState::BYTES), Place::Floats(&mut params)],
            [Place::Skip(AdamState::BYTES), Place::Floats(&mut moments)],
            [Place::Skip(AverageState::BYTES), Place::Floats(&mut mean)],
        ];
        let [of_model, of_adam, of_mean] = &mut places;
        let loads = &mut [
            Load::new(Tag::PARAMS, of_model),
            Load::new(Tag::OPTIMIZER, of_adam),
            Load::new(Tag::AVERAGE, of_mean),
        ];
        stored.read_all(loads).unwrap();
        states = Some((model, adam, average));
    }
    let is_new = states.is_none();
    let mut model = Model::new(&NET, &mut params).unwrap();
    let (mut adam, mut average) = match states {
        Some((of_model, of_adam, of_mean)) => {
            model.resume(of_model.seed, of_model.steps);
            (Adam::resume(of_adam, &mut moments).unwrap(), Averager::resume(of_mean, &mut mean).unwrap())
        }
        None => (Adam::new(Adam::DEFAULT, &NET, &mut moments).unwrap(), Averager::new(&mut mean)),
    };
    if is_new {
        model.init(Init::Glorot, 3).unwrap();
    }
    let mut floats = work(&NET, 4);
    let mut work = Workspace::new(&NET, 4, &mut floats).unwrap();
    while model.steps() < STEPS {
        let (x, y) = (samples(4, &NET, model.steps()), classes(4, &NET, model.steps()));
        model.train(&x, Targets::Classes(&y), &mut adam, 0.01, &mut work).unwrap();
        average.update(&model).unwrap();
        let states = (model.state().to_bytes(), adam.state().to_bytes(), average.state().to_bytes());
        let mean = average.mean().unwrap();
        let parts = [
            [Data::Bytes(&states.2), Data::Floats(mean.as_slice())],
            [Data::Bytes(&states.1), Data::Floats(adam.moments())],
            [Data::Bytes(&states.0), Data::Floats(model.params())],
        ];
        let sections = [
            Section::new(Tag::AVERAGE, &parts[0]),
            Section::new(Tag::NETWORK, &[Data::Network(&NET)]),
            Section::new(Tag::OPTIMIZER, &parts[1]),
            Section::new(Tag::PARAMS, &parts[2]),
        ];
        let container = Container::new(&sections).unwrap();
        slots.save(container.len(), |out| container.write(out))?;
    }
    let mean = average.mean().unwrap().as_slice().to_vec();
    Ok([model.params().to_vec(), mean])
}

#[test]
fn a_run_that_is_cut_at_any_step_of_its_flash_ends_with_the_same_bits() {
    let blocks = 2 * slots().slot_len as usize / 512;
    let mut flash = Chip::new(blocks, 0);
    let whole = run(&mut flash).unwrap();
    let steps = flash.steps;
    assert!(steps > 300, "{steps}");
    let mut cuts = 0;
    for step in (0..steps).step_by(7) {
        for (number, &tear) in TEARS.iter().enumerate() {
            let mut flash = Chip::new(blocks, 2 * (step + number as u64));
            // Cut twice: there, and a little later in the run that goes on.
            for left in [step, (11 * step + 5 * number as u64) % 200] {
                flash.start();
                flash.cut = Some((left, tear));
                match run(&mut flash) {
                    Ok(_) => assert!(!flash.is_off()),
                    Err(_) => cuts += u64::from(flash.is_off()),
                }
            }
            flash.start();
            let [params, mean] = run(&mut flash).unwrap();
            assert_eq!(bits(&params), bits(&whole[0]), "{tear:?} at step {step}");
            assert_eq!(bits(&mean), bits(&whole[1]), "{tear:?} at step {step}");
        }
    }
    assert!(cuts > steps, "{cuts} cuts of {steps} steps");
}
