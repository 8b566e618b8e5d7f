//! What is accepted as a table is consistent: as many samples of as many inputs as there are rows, finite after the
//! preparation; the model that is made for it is read again as it was, reads the same samples of the same file, and predicts
//! for each of its rows.
#![no_main]

use cygnet::host::data::{Choice, Dataset, Dialect, Samples, Source, Split, TablePlan};
use cygnet::host::evaluation::{Event, SavedModel, predict_table};
use cygnet::host::files::Format;
use cygnet::metrics::{Score, evaluate};
use cygnet::preprocess::{Clip, Missing, PreprocessConfig, Scaling};
use cygnet::{Activation, Loss, Spec, Targets, Workspace};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use std::fs;
use std::path::PathBuf;
use std::process;

fn any_plan(u: &mut Unstructured<'_>) -> Result<TablePlan> {
    let names = |u: &mut Unstructured<'_>| -> Result<Vec<String>> {
        let several: [&[&str]; 5] = [&[], &["1"], &["2"], &["a"], &["1", "3"]];
        Ok(u.choose(&several)?.iter().map(|name| (*name).to_owned()).collect())
    };
    let header = *u.choose(&[None, Some(true), Some(false)])?;
    let separator = *u.choose(&[None, None, None, Some(b';'), Some(b'\t'), Some(b' ')])?;
    let dialect = Dialect { header, separator, decimal_comma: u.ratio(1, 8)? };
    let multi_label = u.ratio(1, 16)?;
    let (labels, ignored, categorical) = (names(u)?, names(u)?, names(u)?);
    let weight = u.choose(&[None, None, None, Some("2")])?.map(str::to_owned);
    let regression = multi_label || u.arbitrary()?;
    let scaling = *u.choose(&[Scaling::Standard, Scaling::MinMax, Scaling::None])?;
    let missing = *u.choose(&[Missing::Refuse, Missing::Mean, Missing::Constant(-1.0)])?;
    let clip = *u.choose(&[Clip::None, Clip::Deviations(1.5), Clip::Range])?;
    Ok(TablePlan {
        dialect,
        choice: Choice { labels, ignored, categorical, regression, multi_label, weight },
        preprocess: PreprocessConfig { scaling, missing, clip },
        drops_missing: u.ratio(1, 4)?,
        marks_missing: u.arbitrary()?,
        max_levels: u.int_in_range(1..=4)?,
    })
}

/// A network for these samples that is evaluated on all of them, which refuses numbers that are not finite.
fn is_evaluated(data: &Dataset, samples: &Samples) -> Spec {
    let loss = if samples.has_classes() { Loss::SoftmaxCrossEntropy } else { Loss::MeanSquared };
    let spec = Spec::new(samples.inputs() as u16).dense(data.classes as u16, Activation::Identity).loss(loss);
    let (pick, n): (Vec<u32>, _) = ((0..samples.len() as u32).collect(), samples.len());
    let (params, mut floats) = (vec![0.0; spec.param_len()], vec![0.0; spec.predict_len(n)]);
    let mut work = Workspace::for_prediction(&spec, n, &mut floats).expect("exact length");
    let (mut score, mut classes) = (Score::default(), vec![0; n]);
    let values = vec![0.0; n * spec.targets()];
    let targets = match samples.has_classes() {
        true => Targets::Classes(samples.classes(&pick, &mut classes)),
        false => Targets::Values(&values),
    };
    evaluate(&spec, &params, samples.inputs_of(&pick), targets, &mut score, &mut work).expect("finite inputs");
    assert_eq!(score.samples(), n as u64);
    spec
}

/// What was written is read as it was, in both formats.
fn is_read_again(model: &SavedModel) {
    for format in [Format::Checkpoint, Format::Safetensors] {
        let bytes = model.to_bytes(format).expect("a model of this table can be written");
        let read = match format {
            Format::Checkpoint => SavedModel::from_checkpoint(&bytes),
            _ => SavedModel::from_safetensors(&bytes),
        };
        assert_eq!(read.as_ref(), Ok(model));
    }
}

fn check(u: &mut Unstructured<'_>) -> Result<()> {
    let plan = any_plan(u)?;
    let source = Source { data: path(), test: None, test_share: 0.25 };
    fs::write(&source.data, u.peek_bytes(u.len()).unwrap_or_default()).expect("a file can be written");
    let Ok(tables) = source.read(&plan) else { return Ok(()) };
    let columns = tables.columns().clone();
    let Ok(data) = tables.dataset(Split { seed: 1, validation: 0.0 }) else { return Ok(()) };
    assert_eq!(data.train.len(), tables.rows());
    let preparation = data.preparation.clone().expect("a table has one");
    assert_eq!(preparation.floats.len(), 5 * data.train.inputs());
    assert_eq!(preparation.input_names().len(), data.train.inputs());
    assert_eq!((data.test.inputs(), data.train.has_classes()), (data.train.inputs(), columns.has_classes()));
    assert!(data.train.labels().iter().chain(data.test.labels()).all(|&label| usize::from(label) < data.classes));
    if data.classes < 2 && columns.has_classes() {
        panic!("one class is nothing to learn");
    }
    let spec = is_evaluated(&data, &data.train);
    assert_eq!(spec, is_evaluated(&data, &data.test));
    let params = (0..spec.param_len()).map(|i| i as f32).collect();
    let (preparation, trained_on) = (Some(preparation), data.identity.clone());
    let model = SavedModel { spec, params, is_average: false, preparation, trained_on };
    is_read_again(&model);

    // What the model knows of its table is enough to read it once more.
    let again = source.read_for(model.preparation.as_ref().expect("it was just given")).expect("the same table");
    if plan.choice.weight.is_none() && columns.has_classes() {
        assert_eq!((&again.train, &again.test), (&data.train, &data.test));
    }
    assert_eq!((again.train.len(), again.test.len()), (data.train.len(), data.test.len()));
    let (mut answers, mut gaps) = (0, 0);
    let predicted = predict_table(&model, &source.data, &mut |event| {
        match event {
            Event::Answer(answer) => {
                answers += 1;
                gaps += usize::from(answer.verdict.is_none());
            }
            // Only a row that was left out before.
            Event::Refused(_, error) => assert!(tables.dropped() > 0, "{error}"),
            _ => {}
        }
        Ok(())
    });
    assert!(predicted.is_ok(), "{predicted:?}");
    let rows = data.train.len() + data.test.len();
    assert!(answers >= rows && answers <= rows + tables.dropped() && gaps <= tables.dropped(), "{answers} of {rows}");
    Ok(())
}

/// In memory where there is such a directory, one for each process.
fn path() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    let directory = if memory.is_dir() { memory } else { std::env::temp_dir() };
    directory.join(format!("cygnet-fuzz-{}.csv", process::id()))
}

fuzz_target!(|bytes: &[u8]| {
    // What bytes are too few for is no case.
    let _ = check(&mut Unstructured::new(bytes));
});
