//! As `checkpoint`, but what is stored is all that the run goes on from: network, parameters, optimizer and average.

#![no_std]
#![no_main]

use chip::{NET, SAMPLE, finish};
use core::hint::black_box as opaque;
use cortex_m_rt::entry;
use cygnet::average::AverageState;
use cygnet::metrics::{Score, softmax};
use cygnet::model::ModelState;
use cygnet::network::Math;
use cygnet::optim::AdamState;
use cygnet::store::{Container, Data, Load, Place, Section, Stored, Tag};
use cygnet::{Adam, Averager, Error, Init, Model, Targets, Workspace};

const P: usize = NET.param_len();
/// Room for the container.
const BYTES: usize = 16 * P + 300;
const KNOWN: [(Tag, u8); 4] = [(Tag::AVERAGE, 1), (Tag::NETWORK, 1), (Tag::OPTIMIZER, 1), (Tag::PARAMS, 1)];

#[entry]
fn main() -> ! {
    static mut MODEL: [f32; P] = [0.0; P];
    static mut STATE: [f32; 2 * P] = [0.0; 2 * P];
    static mut MEAN: [f32; P] = [0.0; P];
    static mut WORK: [f32; NET.work_len(1)] = [0.0; NET.work_len(1)];
    static mut STORED: [u8; BYTES] = [0; BYTES];
    finish(learn(MODEL, STATE, MEAN, WORK, STORED).is_ok())
}

fn learn(
    params: &mut [f32],
    moments: &mut [f32],
    mean: &mut [f32],
    work: &mut [f32],
    stored: &mut [u8],
) -> Result<(), Error> {
    let mut model = Model::new(&NET, params)?;
    model.init(Init::He, opaque(42))?;
    let mut work = Workspace::new(&NET, 1, work)?;
    let mut adam = Adam::new(Adam::DEFAULT, &NET, moments)?;
    let mut swa = Averager::new(mean);
    for _ in 0..opaque(3) {
        opaque(model.train(opaque(&SAMPLE), Targets::Classes(&[opaque(1)]), &mut adam, 0.001, &mut work)?);
        swa.update(&model)?;
    }
    write(&model, &adam, &swa, stored)?;
    let (optimizer, average) = (adam.into_state(), swa.into_state());
    opaque((optimizer, average));
    let mut stored = Stored::of(opaque(stored), &KNOWN)?;
    stored.expect(Tag::NETWORK, 0, &[Data::Network(&NET)])?;
    let state = ModelState::from_bytes(&NET, &stored.head(Tag::PARAMS, 0)?)?;
    let optimizer = AdamState::from_bytes(Adam::DEFAULT, &NET, &stored.head(Tag::OPTIMIZER, 0)?)?;
    let average = AverageState::from_bytes(&stored.head(Tag::AVERAGE, 0)?)?;
    stored.read_all(&mut [
        Load::new(Tag::PARAMS, &mut [Place::Skip(ModelState::BYTES), Place::Floats(model.params_mut())]),
        Load::new(Tag::OPTIMIZER, &mut [Place::Skip(AdamState::BYTES), Place::Floats(moments)]),
        Load::new(Tag::AVERAGE, &mut [Place::Skip(AverageState::BYTES), Place::Floats(mean)]),
    ])?;
    model.resume(state.seed, state.steps);
    opaque(Adam::resume(optimizer, moments)?.steps());
    opaque(Averager::resume(average, mean)?.count());
    let mut score = Score::default();
    model.evaluate(opaque(&SAMPLE), Targets::Classes(&[opaque(1)]), &mut score, &mut work)?;
    opaque((score.loss(), score.accuracy()));
    let outputs = model.predict(opaque(&SAMPLE), &mut work)?;
    softmax(outputs, Math::Libm);
    opaque(outputs);
    Ok(())
}

fn write(model: &Model<'_>, adam: &Adam<'_>, swa: &Averager<'_>, to: &mut [u8]) -> Result<(), Error> {
    let states = (swa.state().to_bytes(), adam.state().to_bytes(), model.state().to_bytes());
    let mean = swa.mean()?;
    let average = [Data::Bytes(&states.0), Data::Floats(&mean)];
    let optimizer = [Data::Bytes(&states.1), Data::Floats(adam.moments())];
    let weights = [Data::Bytes(&states.2), Data::Floats(model.params())];
    let network = [Data::Network(&NET)];
    let sections = [
        Section::new(Tag::AVERAGE, &average),
        Section::new(Tag::NETWORK, &network),
        Section::new(Tag::OPTIMIZER, &optimizer),
        Section::new(Tag::PARAMS, &weights),
    ];
    let container = Container::new(&sections)?;
    let mut to = to.iter_mut();
    container.write(|piece| {
        to.by_ref().zip(piece).for_each(|(to, &from)| *to = from);
        Ok(())
    })
}
