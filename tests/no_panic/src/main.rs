//! Links only if no panic can be reached: the panic handler calls a function that does not exist.
//!
//! Every call gets arguments that the compiler knows nothing about, so each check must stand in the crate itself.
#![no_std]
#![no_main]

use core::hint::black_box as opaque;
use cygnet::random::{Purpose, normal, shuffle, stream};
use cygnet::{Activation, Adam, Averager, Error, Gradient, Init, Inputs, Loss, Model, Sgd, Spec, Targets, Workspace, predict};
use cygnet::average::{AverageState, Draws, Ema, Gate, NormUpdate, NormUpdateState, Origin, Parts, Rule, Snapshots, Swag, SwagState, Warmup, Window, WindowState};
use cygnet::inputs::{SparseSet, compress, nonzeros};
use cygnet::metrics::{Calibration, ClassScore, Confusion, Curves, Score, argmax, class_of, deviation, evaluate, rank, softmax};
use cygnet::model::{ModelState, Params, fold};
use cygnet::network::{Math, Part};
use cygnet::optim::{AdamConfig, AdamState, AnyConfig, AnyOptimizer, AnyState, Lookahead, LookaheadState, Optimizer, ScheduleFree, ScheduleFreeAdam, ScheduleFreeAdamState, ScheduleFreeState, SgdState};
use cygnet::preprocess::{Clip, Fit, Missing, Preprocess, PreprocessConfig, Scaling};
use cygnet::replicas::{attract, init_replicas, pull, Pull, Start, Vote, Votes, VotesState};
use cygnet::reservoir::{Reservoir, ReservoirConfig, ReservoirState};
use cygnet::schedule::{Anneal, Decay, Schedule, Shape};
use cygnet::store::{Container, Data, Load, OpenError, Place, Record, Section, Stored, Tag, body_checksum, checksum, container_len, embed, embedded_checksum, holds_average, join, load, load_head, load_header, load_params, load_spec, save, save_head, SlotError, Slots, SlotsConfig};
use embedded_storage::nor_flash::{ErrorType, NorFlash, NorFlashErrorKind, ReadNorFlash};
use cygnet::train::{BatchSize, GradientState, Growth, NoiseScale, Weighted, balanced};

unsafe extern "C" {
    safe fn a_panic_is_reachable() -> !;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    a_panic_is_reachable()
}

// For `memcpy` and its kin, which cannot panic.
#[cfg_attr(not(target_os = "none"), link(name = "c"))]
unsafe extern "C" {}

/// The entry point. Its slices come from outside, so their lengths are unknown.
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> ! {
    loop {
        let mut memory = opaque(Memory {
            floats: core::array::from_fn(|_| &mut [][..]),
            bytes: &mut [],
            classes: &[],
            order: &mut [],
            lists: core::array::from_fn(|_| &mut [][..]),
            integers: core::array::from_fn(|_| &mut [][..]),
            counts: &mut [],
            positions: &mut [],
            scores: &mut [],
        });
        opaque(core_api(&mut memory).is_ok());
        opaque(weights_api(&mut memory).is_ok());
        opaque(inputs_api(&mut memory).is_ok());
        opaque(metrics_api(&mut memory).is_ok());
        opaque(preprocess_api(&mut memory).is_ok());
        opaque(reservoir_api(&mut memory).is_ok());
        opaque(states_api(&mut memory).is_ok());
        opaque(container_api(&mut memory).is_ok());
        opaque(records(&mut memory).is_ok());
        opaque(slots_api(&mut memory).is_ok());
        let [slab, mean, center, ..] = &mut memory.floats;
        opaque(replicas(&opaque(description()), slab, mean, center).is_ok());
        #[cfg(feature = "planted")]
        opaque(memory.classes[opaque(1)]);
        #[cfg(feature = "planted_sum")]
        opaque(opaque(1_usize) + opaque(1));
    }
}

/// Caller-owned memory of unknown lengths.
struct Memory {
    floats: [&'static mut [f32]; 8],
    bytes: &'static mut [u8],
    classes: &'static [u16],
    order: &'static mut [u32],
    lists: [&'static mut [f32]; 3],
    integers: [&'static mut [u32]; 2],
    counts: &'static mut [u64],
    positions: &'static mut [u16],
    scores: &'static mut [ClassScore],
}

/// A flash of which the compiler knows its sizes alone.
struct Flash;

impl ErrorType for Flash {
    type Error = NorFlashErrorKind;
}

impl ReadNorFlash for Flash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), NorFlashErrorKind> {
        opaque((offset, bytes));
        opaque(Ok(()))
    }

    fn capacity(&self) -> usize {
        opaque(1)
    }
}

impl NorFlash for Flash {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 1024;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), NorFlashErrorKind> {
        opaque((from, to));
        opaque(Ok(()))
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), NorFlashErrorKind> {
        opaque((offset, bytes));
        opaque(Ok(()))
    }
}

/// The flash store.
fn slots_api(memory: &mut Memory) -> Result<(), SlotError<NorFlashErrorKind>> {
    let config = opaque(SlotsConfig { start: 0, slot_len: 1024, slots: 2 });
    opaque(Slots::<Flash>::slot_len(opaque(1)));
    let mut slots = Slots::mount(config, opaque(1), Flash)?;
    opaque((slots.capacity(), slots.newest(), slots.flash()));
    opaque(slots.save(opaque(1), |out| {
        out(memory.bytes)?;
        out(memory.bytes)
    })?);
    slots.read(opaque(1), memory.bytes)?;
    opaque(slots.save(opaque(1), |_| Ok(())).map_err(|error| error.code())).ok();
    opaque(Slots::format(config, opaque(1), slots.into_flash())?.newest());
    Ok(())
}

/// Bytes, compressed sets and lists.
fn inputs_api(memory: &mut Memory) -> Result<(), Error> {
    let ([params, state, ..], [floats, values, bits]) = (&mut memory.floats, &mut memory.lists);
    let ([integers, starts], pick) = (&mut memory.integers, &*memory.order);
    let spec = &opaque(description());
    let mut model = Model::new(spec, params)?;
    let mut sgd = Sgd::new(opaque(Sgd::DEFAULT), spec, state)?;
    let work = Workspace::new(spec, opaque(1), floats)?;
    let (targets, mut total) = (Targets::Classes(memory.classes), Score::default());
    opaque((spec.list_len(opaque(1)), spec.index_len(opaque(1)), nonzeros(memory.bytes)));
    let byte_rows = Inputs::bytes(opaque(&[1, 0, 2]), opaque(0.5), pick);
    let mut plain = opaque(work);
    model.train(byte_rows, targets, &mut sgd, opaque(0.1), &mut plain)?;
    model.train(Inputs::picked(bits, pick), targets, &mut sgd, opaque(0.1), &mut plain)?;
    let mut work = plain.with_lists(spec, values, integers)?;
    compress(opaque(&[1, 0, 2]), opaque(3), starts, memory.positions, memory.bytes)?;
    let set = SparseSet::new(opaque(3), starts, memory.positions, memory.bytes, opaque(0.5))?;
    for inputs in [byte_rows, Inputs::sparse(set, pick), Inputs::picked(bits, pick), Inputs::floats(bits)] {
        model.train(inputs, targets, &mut sgd, opaque(0.1), &mut work)?;
        model.evaluate(inputs, targets, &mut total, &mut work)?;
    }
    Ok(())
}

/// A fit, what it makes of samples, and both as bytes.
fn preprocess_api(memory: &mut Memory) -> Result<(), Error> {
    let [floats, samples, other, ..] = &mut memory.floats;
    let config = PreprocessConfig {
        scaling: opaque(Scaling::Standard),
        missing: opaque(Missing::Constant(1.0)),
        clip: opaque(Clip::Deviations(3.0)),
    };
    opaque((Preprocess::state_len(opaque(1)), Fit::state_len(opaque(1)), Preprocess::section_len(opaque(1))));
    let mut fit = Fit::new(config, opaque(1), floats, memory.counts)?;
    fit.add(samples)?;
    let preprocess = fit.finish()?;
    preprocess.apply(samples)?;
    preprocess.save(memory.bytes)?;
    opaque((Preprocess::load(opaque(1), memory.bytes, other)?.inputs(), preprocess.floats()));
    Ok(())
}

/// States as bytes, and what goes on from them.
#[inline(never)]
fn states_api(memory: &mut Memory) -> Result<(), Error> {
    let [params, state, pooled, sum, ..] = &mut memory.floats;
    let spec = &opaque(description());
    let mut model = Model::new(spec, params)?;
    opaque(ModelState::from_bytes(spec, &opaque(model.state().to_bytes()))?);
    let sgd = SgdState::from_bytes(opaque(Sgd::DEFAULT), spec, opaque(&[1; SgdState::BYTES]))?;
    opaque(Sgd::resume(sgd, state)?.state().to_bytes());
    let adam = AdamState::from_bytes(opaque(Adam::DEFAULT), spec, opaque(&[1; AdamState::BYTES]))?;
    opaque(Adam::resume(adam, state)?.state().to_bytes());
    opaque(LookaheadState::from_bytes(opaque(Lookahead::DEFAULT), opaque(&[1; 8]))?.to_bytes());
    for config in opaque([AnyConfig::LookaheadAdam(Lookahead::DEFAULT, Adam::DEFAULT), AnyConfig::Sgd(Sgd::DEFAULT)]) {
        opaque(config.state_len(spec));
        let mut any = AnyOptimizer::new(config, &model, state)?;
        opaque((any.check(&model), any.owns_weights(), any.rests_at_zero(), any.begin(0.1, 0.1, 0.1, 0.1).is_ok()));
        any.update(opaque(1), pooled, sum);
        any.update_outer(opaque(1), pooled, sum, opaque(&[1.0; 3]), opaque(&mut [0.0; 9]));
        let state_bytes = any.into_state().to_bytes();
        opaque(AnyOptimizer::resume(AnyState::from_bytes(config, spec, opaque(&state_bytes))?, &model, state)?.averaged());
    }
    opaque(WindowState::from_bytes(opaque(&[1; WindowState::BYTES]))?.to_bytes());
    opaque(SwagState::from_bytes(opaque(&[1; SwagState::BYTES]))?.to_bytes());
    opaque(Gate::from_bytes(opaque(&[1; Gate::BYTES]))?.to_bytes());
    let update = NormUpdateState::from_bytes(spec, opaque(&[1; NormUpdateState::BYTES]))?;
    opaque(model.resume_norm_update(update, pooled)?.into_state().to_bytes());
    let mut scale = NoiseScale::from_bytes(opaque(&[1; NoiseScale::BYTES]))?;
    let gradient = GradientState::from_bytes(opaque(&[1; GradientState::BYTES]))?;
    let mut gradient = Gradient::resume(gradient, spec, sum)?;
    scale.update(gradient.noise()?);
    opaque((gradient.into_state().to_bytes(), scale.to_bytes()));
    opaque(BatchSize::from_bytes(opaque(&[1; BatchSize::BYTES]))?.to_bytes());
    opaque(Score::from_bytes(opaque(&[1; Score::BYTES]))?.to_bytes());
    opaque(Calibration::from_bytes(opaque(&[1; Calibration::BYTES]))?.to_bytes());
    opaque(VotesState::from_bytes(opaque(&[1; VotesState::BYTES]))?.to_bytes());
    opaque(Confusion::resume(opaque(3), memory.order)?.samples());
    opaque(Fit::resume(opaque(Fit::DEFAULT), opaque(1), pooled, memory.counts)?.finish()?.inputs());
    Ok(())
}

/// Containers, written and read.
#[inline(never)]
fn container_api(memory: &mut Memory) -> Result<(), Error> {
    let [params, floats, ..] = &mut memory.floats;
    let spec = &opaque(description());
    let data = [
        Data::Network(spec),
        Data::Bytes(opaque(memory.bytes)),
        Data::Floats(opaque(params)),
        Data::Numbers(opaque(floats)),
        Data::Shorts(opaque(memory.classes)),
        Data::Words(opaque(memory.order)),
        Data::Zeros(opaque(7)),
    ];
    let sections = [
        Section::new(opaque(Tag::AVERAGE), opaque(&data)),
        Section::new(Tag(opaque([1; 4])), opaque(&data[..3])).number(opaque(1)).version(opaque(2)).skippable(),
    ];
    let container = Container::new(opaque(&sections))?;
    opaque(container.len());
    opaque(container.write(|piece| if opaque(piece).len() > opaque(3) { Err(()) } else { Ok(()) }).is_ok());
    container.copy_to(opaque(&mut [0; 99]))?;
    opaque(container_len(opaque(&[1; 20]))?);
    let known = opaque([(Tag::PARAMS, 1), (Tag::NETWORK, 1)]);
    opaque(Stored::of(memory.bytes, opaque(&known[..1]))?.len_of(opaque(Tag::DATA), opaque(1))?);
    let read = |at: usize, to: &mut [u8]| if opaque((at, to)).0 > opaque(9) { Err(1_u8) } else { Ok(()) };
    let mut stored = Stored::open(read, opaque(99), opaque(&known)).map_err(|_: OpenError<u8>| Error::Empty)?;
    opaque((stored.len(), stored.sections(), stored.entry(opaque(3)).is_ok(), stored.spec().is_ok()));
    opaque((stored.head::<9>(opaque(Tag::GATE), 1).is_ok(), stored.expect(opaque(Tag::RUN), 2, opaque(&data)).is_ok()));
    let allows = |index: usize, x: f32| spec.allows(opaque(index), x);
    let mut places = [
        Place::Bytes(opaque(memory.bytes)),
        Place::Floats(params),
        Place::Shorts(memory.positions),
        Place::Words(memory.order),
        Place::Skip(opaque(3)),
    ];
    opaque(stored.read(opaque(Tag::PARAMS), opaque(1), &mut places).is_ok());
    let mut places = [Place::Checked(params, &allows), Place::Numbers(floats)];
    opaque(stored.read_all(&mut [Load::new(opaque(Tag::PARAMS), &mut places).number(opaque(1))]).is_ok());
    Ok(())
}

/// What containers are made of.
#[inline(never)]
fn records(memory: &mut Memory) -> Result<(), Error> {
    fn part(record: &dyn Record) {
        opaque((record.tag(), record.check_record().is_ok()));
        record.parts(&mut |data| {
            opaque(data);
        });
        opaque(Section::of(record));
    }
    let [params, floats, mean, lost, columns, past, pooled, sum] = &mut memory.floats;
    let [_, counts] = &mut memory.integers;
    let spec = &opaque(description());
    let mut model = Model::new(spec, params)?;
    part(spec);
    part(&model);
    for config in opaque([AnyConfig::LookaheadAdam(Lookahead::DEFAULT, Adam::DEFAULT), AnyConfig::Sgd(Sgd::DEFAULT)]) {
        part(&AnyOptimizer::new(config, &model, floats)?);
    }
    part(&Sgd::new(opaque(Sgd::DEFAULT), spec, floats)?);
    part(&Adam::new(opaque(Adam::DEFAULT), spec, floats)?);
    part(&ScheduleFree::new(opaque(ScheduleFree::DEFAULT), &model, floats)?);
    part(&ScheduleFreeAdam::new(opaque(ScheduleFreeAdam::DEFAULT), &model, floats)?);
    part(&Lookahead::new(opaque(Lookahead::DEFAULT), Sgd::new(Sgd::DEFAULT, spec, lost)?, &model, floats)?);
    let mut average = Averager::new(mean);
    average.compensate(lost)?;
    part(&average);
    part(&Window::new(opaque(3), mean)?);
    part(&Swag::new(mean, lost, columns)?);
    part(&Gradient::new(spec, sum)?);
    part(&model.norm_update(pooled)?);
    part(&BatchSize::new(opaque(Growth::Doubling(3)), opaque(1), opaque(9), opaque(1))?);
    part(&Gate::new(opaque(0.1))?);
    part(&Preprocess::new(opaque(3), floats)?);
    let config = opaque(ReservoirConfig { places: 3, width: 2, classes: 2 });
    part(&Reservoir::new(config, 1, past, memory.positions, counts)?);
    part(&Reservoir::new(config, 1, memory.bytes, memory.positions, counts)?);
    Ok(())
}

/// Weights of samples and classes, and label smoothing.
fn weights_api(memory: &mut Memory) -> Result<(), Error> {
    let [params, floats, inputs, values, sum, weights, of_classes, ..] = &mut memory.floats;
    let spec = &opaque(description());
    opaque((spec.targets(), deviation(opaque(1.0), opaque(Math::Libm))));
    balanced(memory.classes, of_classes)?;
    let mut model = Model::new(spec, params)?;
    let mut work = Workspace::new(spec, opaque(1), floats)?;
    let (mut sgd, mut total) = (Sgd::plain(spec)?, Score::default());
    let mut gradient = Gradient::new(spec, sum)?;
    let of_values = opaque(Targets::Values(values)).weighted(weights);
    let of_classes = Weighted::new(opaque(Targets::Classes(memory.classes))).by_sample(weights).by_class(of_classes);
    for targets in opaque([of_values, of_classes.smoothed(opaque(0.1))]) {
        model.train(&*inputs, targets, &mut sgd, opaque(0.1), &mut work)?;
        model.accumulate(&*inputs, targets, &mut gradient, &mut work)?;
        model.evaluate(&*inputs, targets, &mut total, &mut work)?;
        evaluate(spec, model.params(), &*inputs, targets, &mut total, &mut work)?;
    }
    opaque((gradient.clip(opaque(1.0))?, model.step(&mut gradient, &mut sgd, opaque(0.1))?.weight()));
    opaque((total.loss(), total.accuracy(), total.weight()));
    Ok(())
}

/// A reservoir of floats and one of bytes.
#[inline(never)]
fn reservoir_api(memory: &mut Memory) -> Result<(), Error> {
    let config = opaque(ReservoirConfig { places: 4, width: 3, classes: 2 });
    opaque((config.samples_len(), config.counts_len()));
    let ([samples, sample, ..], [counts, rows]) = (&mut memory.floats, &mut memory.integers);
    let mut reservoir = Reservoir::new(config, opaque(1), samples, memory.positions, counts)?;
    opaque(reservoir.offer(sample, opaque(1))?);
    opaque(reservoir.draw(opaque(1), rows, opaque(&mut [0; 4]))?);
    opaque((reservoir.samples(), reservoir.labels(), reservoir.held(), reservoir.seen(), reservoir.held_by_class()));
    reservoir.reset();
    let state = ReservoirState::from_bytes(config, &opaque(reservoir.into_state().to_bytes()))?;
    opaque(Reservoir::resume(state, samples, memory.positions, counts)?.state().offered());
    opaque(Reservoir::resume(state, memory.bytes, memory.positions, counts)?.offer(opaque(&[1]), opaque(1))?);
    Ok(())
}

/// Confusion matrix, ranks and curves.
fn metrics_api(memory: &mut Memory) -> Result<(), Error> {
    let mut confusion = Confusion::new(opaque(3), memory.order)?;
    opaque(rank(memory.floats[0], opaque(1))?);
    confusion.add(opaque(1), opaque(2))?;
    confusion.add_weighted(opaque(1), opaque(2), opaque(3))?;
    opaque((confusion.counts(), confusion.samples(), confusion.hits(), confusion.accuracy()));
    opaque((confusion.macro_precision(), confusion.macro_recall(), confusion.macro_f1()));
    for counts in confusion.per_class() {
        opaque((counts.precision(), counts.recall(), counts.f1()));
    }
    let curves = Curves::new(memory.scores)?;
    opaque((curves.positives(), curves.negatives(), curves.roc_auc(), curves.average_precision()));
    curves.roc().for_each(|point| _ = opaque(point));
    curves.pr().for_each(|point| _ = opaque(point));
    curves.thresholds().for_each(|threshold| _ = opaque(threshold));
    Ok(())
}

fn core_api(memory: &mut Memory) -> Result<(), Error> {
    let [params, work, inputs, values, state, sum, mean, other] = &mut memory.floats;
    let spec = &opaque(description());
    opaque((spec.work_len(opaque(1)), spec.predict_len(opaque(1)), spec.layers().last(), spec.checkpoint_len()));
    opaque((spec.layer(opaque(1)).map(|layer| layer.range(opaque(Part::Shift))), spec.folded(), spec.digest()));
    spec.ranges().for_each(|range| _ = opaque(range));

    let mut model = Model::new(spec, params)?;
    model.init(opaque(Init::He), opaque(1))?;
    model.resume(opaque(1), opaque(2));
    let mut work = Workspace::new(spec, opaque(1), work)?;
    let targets = opaque([Targets::Classes(memory.classes), Targets::Values(values)]);
    let rate = opaque(schedule()).at(opaque(3));

    train(
        &mut model,
        inputs,
        targets,
        &mut Sgd::new(opaque(Sgd::DEFAULT), spec, state)?,
        rate,
        &mut work,
        sum,
    )?;
    let mut adam = Adam::new(opaque(Adam::DEFAULT), spec, state)?;
    let config = opaque(Lookahead::DEFAULT);
    let mut lookahead = Lookahead::new(config, &mut adam, &model, other)?;
    let mut total = train(&mut model, inputs, targets, &mut lookahead, rate, &mut work, sum)?;
    opaque((lookahead.steps(), lookahead.slow()));
    let (state_of_lookahead, inner) = lookahead.into_state();
    opaque(Lookahead::resume(opaque(state_of_lookahead), inner, &model, other)?.state());
    let mut free = ScheduleFree::new(opaque(ScheduleFree::DEFAULT), &model, state)?;
    total = train(&mut model, inputs, targets, &mut free, rate, &mut work, sum).or(Ok::<_, Error>(total))?;
    opaque((free.averaged(), ScheduleFreeState::from_bytes(opaque(ScheduleFree::DEFAULT), &opaque(free.state().to_bytes()))?));
    opaque(ScheduleFree::resume(opaque(free.into_state()), &model, state)?.finish(&mut model)?);
    let mut free = ScheduleFreeAdam::new(opaque(ScheduleFreeAdam::DEFAULT), &model, state)?;
    total = train(&mut model, inputs, targets, &mut free, rate, &mut work, sum).or(Ok::<_, Error>(total))?;
    opaque((free.averaged(), free.floats(), free.second_moments(), free.steps()));
    let bytes = opaque(free.into_state().to_bytes());
    let state_of_free = ScheduleFreeAdamState::from_bytes(opaque(ScheduleFreeAdam::DEFAULT), &bytes)?;
    opaque(ScheduleFreeAdam::resume(opaque(state_of_free), &model, state)?.finish(&mut model)?);
    let mut adam = Adam::new(opaque(Adam::DEFAULT), spec, state)?;
    total = train(&mut model, inputs, targets, &mut adam, rate, &mut work, sum)?;
    opaque(adam.steps());
    opaque(Sgd::resume(SgdState::new(opaque(Sgd::DEFAULT), spec)?, state)?.into_state());
    opaque(Adam::resume(AdamState::new(opaque(AdamConfig::decoupled(0.1)), spec, opaque(9))?, state)?.into_state());

    let mut averager = Averager::new(mean);
    if (opaque(Snapshots { start: 1, every: 1 })).due(model.steps()) {
        averager.update(&model)?;
    }
    averager.merge(&Averager::resume(opaque(AverageState::mean_of(4)), other)?)?;
    opaque(averager.in_place_of(&mut model)?.params());
    averager.restore(&mut model)?;
    opaque((averager.mean()?, AverageState::from_bytes(&opaque(averager.state().to_bytes()))?));
    averager.update_weighted(&model, opaque(2.0))?;
    averager.remove(&model, opaque(1.0))?;
    averager.reset()?;
    average(&mut model, mean, other, sum)?;
    model.norm_update(other)?.finish()?;
    let mut update = NormUpdate::new(spec, model.params_mut(), other)?;
    opaque(update.add(&*inputs, &mut work)?);
    opaque(update.finish()?);
    opaque(Averager::new(mean).in_place_of(&mut model)?.norm_update(other)?.add(&*inputs, &mut work)?);
    fold(spec, model.params(), other)?;

    model.evaluate(&*inputs, targets[0], &mut total, &mut work)?;
    evaluate(spec, model.params(), &*inputs, targets[1], &mut total, &mut work)?;
    opaque((total.loss(), total.accuracy()));
    let outputs = predict(spec, model.params(), &*inputs, &mut work)?;
    softmax(outputs, opaque(Math::Libm));
    #[cfg(feature = "micromath")]
    softmax(outputs, opaque(Math::Micromath));
    opaque((argmax(outputs), class_of(outputs)));
    _ = opaque(Workspace::for_prediction(spec, opaque(1), other)?);

    let mut random = stream(opaque(1), opaque(Purpose::Shuffle), opaque(2));
    shuffle(memory.order, &mut random);
    opaque((normal(&mut random), random.next_u64(), random.bounded(opaque(0)), opaque(Math::Libm).fingerprint()));

    save(spec, Params::of_average(model.params()), memory.bytes)?;
    opaque((holds_average(memory.bytes), model.load(memory.bytes)?));
    save(spec, &model, memory.bytes)?;
    opaque((load_spec(memory.bytes)?, load_header(memory.bytes)?.check().is_ok()));
    opaque(load_params(spec, memory.bytes, model.params_mut()).map_err(Error::code).err());
    opaque(load(memory.bytes, model.params_mut())?);
    frozen(spec, model.params_mut(), memory.bytes)
}

/// A body, a head, and both in a file.
#[inline(never)]
fn frozen(net: &Spec, params: &mut [f32], bytes: &mut [u8]) -> Result<(), Error> {
    let (body, head) = (net.first(opaque(1)), net.after(opaque(1)));
    opaque((body.check().is_ok(), head.first_layer(), net.with_head(&head).check().is_ok()));
    let sum = checksum(&body, params)?;
    save_head(&head, &*params, sum, bytes)?;
    opaque((body_checksum(bytes)?, load_head(&head, sum, bytes, params)?, join(net, bytes, params)?));
    opaque((embed::<9>(&body, net, bytes)?, embedded_checksum(&body, net, bytes)));
    Ok(())
}

/// Every kind of average.
#[inline(never)]
fn average(model: &mut Model<'_>, mean: &mut [f32], second: &mut [f32], more: &mut [f32]) -> Result<(), Error> {
    let ema = Ema { origin: opaque(Origin::First), ..Ema::with_half_life(opaque(9.0), opaque(1.0)) };
    let power = Warmup::Power { gamma: opaque(1.0), power: opaque(0.7) };
    let polynomial = Rule::polynomial(opaque(7.0));
    for rule in [Rule::capped(opaque(9)), polynomial, Rule::ema(ema), Rule::ema(Ema { warmup: opaque(power), ..ema })] {
        let mut averager = Averager::with_rule(opaque(rule), mean)?;
        averager.compensate(second)?;
        averager.update(&*model)?;
        averager.finish(model)?;
    }
    let parts = Parts { biases: opaque(false), ..Parts::of_layers(|layer| opaque(layer) == 1) };
    let mut averager = Averager::resume_compensated(opaque(AverageState::mean_of(2)), mean, second)?;
    averager.only(model.spec(), parts)?;
    averager.update(&*model)?;
    averager.copy_to(more)?;
    let mut window = Window::new(opaque(3), more)?;
    window.update(&*model)?;
    opaque((window.mean(second)?, window.models()));
    window = Window::resume(opaque(window.into_state()), more)?;
    opaque((window.held(), Gate::resume(opaque(0.1), opaque(0.2))?.pass(opaque(0.5))));
    let mut swag = Swag::resume(opaque(SwagState { count: 3, deviations: 2 }), mean, second, more)?;
    swag.update(&*model)?;
    opaque((swag.mean()?, swag.variance(opaque(3)), swag.state(), swag.columns()));
    swag.merge(&Swag::new(&mut [], &mut [], &mut [])?)?;
    swag.sample(opaque(1), opaque(2), opaque(1.0), model.params_mut())?;
    let (mut probabilities, mut floats, mut params) = ([0.0; 8], [0.0; 64], [0.0; 64]);
    let mut work = Workspace::new(model.spec(), opaque(2), &mut floats)?;
    let draws = opaque(Draws { seed: 1, samples: 3, scale: 1.0 });
    swag.predict(model.spec(), draws, &[0.5; 6], &mut params, &mut probabilities, &mut work)?;
    let mut calibration = Calibration::default();
    calibration.add(&probabilities, opaque(1))?;
    opaque((calibration.ece(), calibration.score(), calibration.reliability().last()));
    Ok(())
}

/// Replicas and votes.
#[inline(never)]
fn replicas(spec: &Spec, slab: &mut [f32], mean: &mut [f32], center: &mut [f32]) -> Result<(), Error> {
    let mut models = Model::replicas::<3>(spec, slab)?;
    init_replicas(&mut models, opaque(Init::He), opaque(Start::Independent), opaque(1))?;
    pull(&mut models, mean, opaque(Pull::Fading).at(opaque(3), opaque(9)))?;
    attract(&mut models, center, mean, opaque(0.5))?;
    for vote in opaque([Vote::Soft, Vote::LogPool, Vote::Hard]) {
        let votes = Votes::new(vote, opaque(Math::Libm), opaque(3), mean)?.into_state();
        let mut votes = Votes::resume(opaque(votes), mean)?;
        votes.add(center, opaque(1.0))?;
        votes.classes(opaque(&mut [0; 4]))?;
        opaque((vote.state_len(opaque(3), opaque(4)), votes.finish()?));
    }
    Ok(())
}

/// Every kind of training step.
#[inline(never)]
fn train(
    model: &mut Model<'_>,
    inputs: &[f32],
    targets: [Targets<'_>; 2],
    optimizer: &mut dyn Optimizer,
    rate: f32,
    work: &mut Workspace<'_>,
    sum: &mut [f32],
) -> Result<Score, Error> {
    for targets in targets {
        model.train(inputs, targets, optimizer, rate, work)?;
    }
    let mut gradient = Gradient::new(model.spec(), sum)?.measured();
    model.accumulate(inputs, targets[0], &mut gradient, work)?;
    let mut size = BatchSize::new(opaque(Growth::NormTest(0.5)), opaque(8), opaque(64), opaque(2))?;
    opaque((size.update(opaque(8), gradient.noise().ok()), size.get(), size.noise_scale()));
    gradient.clip(opaque(1.0))?;
    opaque(gradient.sum());
    model.step(&mut gradient, optimizer, rate)
}

/// Built from parts that are unknown, with a loop of unknown length.
fn description() -> Spec {
    let mut spec = Spec::new(opaque(3)).loss(opaque(Loss::Huber(1.0))).math(opaque(Math::Libm));
    for _ in 0..opaque(20) {
        spec = spec.dense(opaque(4), opaque(Activation::LeakyRelu(0.1))).dropout(opaque(0.5));
        if opaque(true) {
            spec = spec.norm();
        } else {
            spec = spec.layer_norm();
        }
    }
    opaque((spec.norm_len(), spec.norm_kind(), spec.folded()));
    spec.dense(opaque(2), opaque(Activation::Tanh))
}

fn schedule() -> Schedule {
    let anneal = Anneal { start: 3, steps: 9, to: 0.1, shape: Shape::Linear };
    let decay = Decay::WarmRestarts { to: 0.0, first: 9, factor: 2 };
    Schedule { rate: opaque(0.1), warmup: opaque(5), decay: opaque(decay), anneal: opaque(Some(anneal)) }
}
