//! What stands behind a checkpoint, and in the metadata of a safetensors file: canonical or refused.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod common;

use common::{cases, numbers};
use cygnet::host::data::{Columns, DataIdentity, DataKind, Encoding, Preparation};
use cygnet::host::evaluation::SavedModel;
use cygnet::host::files::Format;
use cygnet::preprocess::Preprocess;
use cygnet::store::load;
use cygnet::{Activation, Spec};
use proptest::prelude::*;

const NET: Spec = Spec::new(6).dense(2, Activation::Identity);

fn identity(kind: DataKind, name: &str) -> DataIdentity {
    let rows = if kind == DataKind::Table { 1 } else { 2 };
    let digest = 0x0123_4567_89ab_cdef;
    DataIdentity { kind, samples: 7, rows, columns: 6 / rows, digest, name: name.to_owned(), looks: None }
}

fn columns() -> Columns {
    let text = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    Columns {
        header: true,
        inputs: text(&["a", "b; data {", "c; columns {", "d", "e", "f"]),
        targets: text(&["y"]),
        classes: text(&["no", "yes"]),
        ..Columns::default()
    }
}

/// Columns that become as many inputs: three of words and one that marks gaps, two words, a number.
fn encoded() -> Columns {
    let words = |levels: &[&str], other, missing| Encoding {
        levels: levels.iter().map(|&level| level.to_owned()).collect(),
        other,
        missing,
    };
    let encodings = vec![
        words(&["1st", "2nd \"; data {"], true, true),
        words(&["off", "on"], false, false),
        words(&[], false, false),
    ];
    Columns { inputs: columns().inputs[..3].to_vec(), decimal_comma: true, encodings, ..columns() }
}

/// Models with every combination of sections.
fn models() -> Vec<SavedModel> {
    let floats = [f32::NAN, -1.0, 1.0, 0.5, 2.0].repeat(6);
    let preparations = [
        None,
        Some(Preparation { floats: floats.clone(), columns: None }),
        Some(Preparation { floats: floats.clone(), columns: Some(columns()) }),
        Some(Preparation { floats, columns: Some(encoded()) }),
    ];
    let identities = [
        None,
        Some(identity(DataKind::Sample, "")),
        Some(identity(DataKind::Images, "quoted \" ; columns {} é")),
        Some(identity(DataKind::Table, "t.csv; data {")),
    ];
    let params = numbers(NET.param_len(), 1);
    let model = |preparation: &Option<Preparation>, trained_on: &Option<DataIdentity>| SavedModel {
        spec: NET,
        params: params.clone(),
        is_average: true,
        preparation: preparation.clone(),
        trained_on: trained_on.clone(),
    };
    preparations.iter().flat_map(|p| identities.iter().map(move |i| (p, i))).map(|(p, i)| model(p, i)).collect()
}

fn crc(bytes: &[u8]) -> [u8; 4] {
    crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(bytes).to_le_bytes()
}

#[test]
fn every_combination_of_sections_comes_back_from_both_formats() {
    for model in models() {
        for format in [Format::Checkpoint, Format::Safetensors] {
            let bytes = model.to_bytes(format).unwrap();
            let read = match format {
                Format::Checkpoint => SavedModel::from_checkpoint(&bytes),
                Format::Safetensors => SavedModel::from_safetensors(&bytes),
            };
            assert_eq!(read.as_ref(), Ok(&model));
            assert_eq!(read.unwrap().to_bytes(format).unwrap(), bytes);
        }
        // The chip takes the checkpoint alone and leaves what is behind.
        let bytes = model.to_bytes(Format::Checkpoint).unwrap();
        let mut params = vec![0.0; NET.param_len()];
        assert_eq!(load(&bytes, &mut params), Ok(NET));
        assert_eq!(params, model.params);
    }
}

/// Any byte changed, with checksums that are right again: refused, or written as it was read.
#[test]
fn a_changed_section_is_refused_or_written_again_byte_for_byte() {
    let (mut refused, mut accepted) = (0, 0);
    for model in models() {
        let bytes = model.to_bytes(Format::Checkpoint).unwrap();
        let start = NET.checkpoint_len();
        // Where sections begin and end.
        let mut ends = vec![start];
        if let Some(preparation) = &model.preparation {
            ends.push(start + Preprocess::section_len(6));
            if preparation.columns.is_some() {
                let at = start + Preprocess::section_len(6);
                let length = u32::from_le_bytes(bytes[at + 8..at + 12].try_into().unwrap()) as usize;
                ends.push(at + 12 + length + 4);
            }
        }
        if model.trained_on.is_some() {
            ends.push(bytes.len());
        }
        assert_eq!(ends.last(), Some(&bytes.len()));
        for section in ends.windows(2) {
            let (from, end) = (section[0], section[1]);
            for at in from..end - 4 {
                for flip in [1, 2, 0x20, 0x80, 0xff] {
                    let mut changed = bytes.clone();
                    changed[at] ^= flip;
                    let sum = crc(&changed[from..end - 4]);
                    assert!(SavedModel::from_checkpoint(&changed).is_err(), "a wrong checksum, byte {at}");
                    changed[end - 4..end].copy_from_slice(&sum);
                    match SavedModel::from_checkpoint(&changed) {
                        Ok(read) => {
                            accepted += 1;
                            assert_eq!(read.to_bytes(Format::Checkpoint).unwrap(), changed, "byte {at}");
                        }
                        Err(line) => {
                            refused += 1;
                            assert!(!line.contains('\n'), "{line}");
                        }
                    }
                }
            }
        }
        // Cut between sections it is a model that knows less; anywhere else it is nothing, nor with more behind it.
        for n in start..bytes.len() {
            assert_eq!(SavedModel::from_checkpoint(&bytes[..n]).is_ok(), ends.contains(&n), "{n}");
        }
        assert!(SavedModel::from_checkpoint(&[&bytes[..], &[0]].concat()).is_err());
        if model.trained_on.is_some() {
            let twice = [&bytes[..], &bytes[ends[ends.len() - 2]..]].concat();
            assert!(SavedModel::from_checkpoint(&twice).is_err());
        }
    }
    assert!(refused > 1000 && accepted > 1000, "{refused} {accepted}");
}

#[test]
fn a_changed_description_is_refused_or_written_again_byte_for_byte() {
    for model in models().into_iter().filter(|model| model.trained_on.is_some()) {
        let bytes = model.to_bytes(Format::Safetensors).unwrap();
        let begin = bytes.windows(7).position(|part| part == b"; data ").unwrap();
        let end = begin + bytes[begin..].iter().position(|&b| b == b'}').unwrap();
        for at in begin..end {
            for flip in [1, 2, 4, 0x10, 0x20] {
                let mut changed = bytes.clone();
                changed[at] ^= flip;
                match SavedModel::from_safetensors(&changed) {
                    Ok(read) => assert_eq!(read.to_bytes(Format::Safetensors).unwrap(), changed, "byte {at}"),
                    Err(line) => assert!(!line.contains('\n'), "{line}"),
                }
            }
        }
    }
}

/// Encodings that do not make the inputs of the network are refused in both directions.
#[test]
fn encodings_that_cannot_be_are_refused() {
    let with = |change: &dyn Fn(&mut Columns)| {
        let mut columns = encoded();
        change(&mut columns);
        let floats = [f32::NAN, -1.0, 1.0, 0.5, 2.0].repeat(6);
        SavedModel { preparation: Some(Preparation { floats, columns: Some(columns) }), ..models()[0].clone() }
    };
    assert!(with(&|_| {}).to_bytes(Format::Checkpoint).is_ok());
    for change in [
        &|columns: &mut Columns| drop(columns.encodings.pop()),
        &|columns: &mut Columns| columns.encodings[0].missing = false,
        &|columns: &mut Columns| columns.encodings[1].levels[0] = "on".to_owned(),
        &|columns: &mut Columns| columns.encodings[2].other = true,
        &|columns: &mut Columns| columns.encodings.clear(),
    ] as [&dyn Fn(&mut Columns); 5]
    {
        for format in [Format::Checkpoint, Format::Safetensors] {
            assert!(with(change).to_bytes(format).is_err());
        }
    }
}

/// What cannot be is not written, either.
#[test]
fn an_impossible_identity_is_refused_in_both_directions() {
    let possible = identity(DataKind::Images, "data");
    let table = identity(DataKind::Table, "t.csv");
    for wrong in [
        DataIdentity { samples: 0, ..possible.clone() },
        DataIdentity { columns: 4, ..possible.clone() },
        DataIdentity { rows: 0, ..possible.clone() },
        DataIdentity { rows: u32::MAX, columns: u32::MAX, ..possible.clone() },
        DataIdentity { name: String::new(), ..possible.clone() },
        DataIdentity { name: "/etc/data".into(), ..possible.clone() },
        DataIdentity { name: "a\\b".into(), ..possible.clone() },
        DataIdentity { name: "two\nlines".into(), ..possible.clone() },
        DataIdentity { name: "x".repeat(256), ..possible.clone() },
        DataIdentity { name: "sample".into(), ..identity(DataKind::Sample, "") },
        DataIdentity { rows: 2, columns: 3, ..table },
    ] {
        let model = SavedModel { trained_on: Some(wrong), ..models()[0].clone() };
        for format in [Format::Checkpoint, Format::Safetensors] {
            assert!(model.to_bytes(format).is_err(), "{:?}", model.trained_on);
        }
    }
}

/// Files with the columns of a table that were written before the next change stay readable.
#[test]
fn columns_as_they_were_first_written_are_read() {
    let json = r#"{"header":true,"separator":null,"inputs":["a","b","c","d","e","f"],"targets":["y"],"classes":["no","yes"],"drops_missing":false}"#;
    let floats = [0.0, -1.0, 1.0, 0.5, 2.0].repeat(6);
    let model = SavedModel { preparation: Some(Preparation { floats, columns: None }), ..models()[0].clone() };
    let mut section = [&b"\x89CYGCOL\n"[..], &(json.len() as u32).to_le_bytes(), json.as_bytes()].concat();
    section.extend(crc(&section));
    let bytes = [model.to_bytes(Format::Checkpoint).unwrap(), section].concat();
    let read = SavedModel::from_checkpoint(&bytes).unwrap();
    assert_eq!(read.preparation.unwrap().columns.unwrap().classes, ["no", "yes"]);
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn any_name_and_number_comes_back(
        name in "[^/\\\\\\pC]{1,60}", digest in any::<u64>(), samples in 1_u32.., kind in 1_usize..3,
    ) {
        let kind = [DataKind::Sample, DataKind::Images, DataKind::Table][kind];
        let trained_on = Some(DataIdentity { digest, samples, ..identity(kind, &name) });
        let model = SavedModel { trained_on, ..models()[0].clone() };
        let checkpoint = model.to_bytes(Format::Checkpoint).unwrap();
        prop_assert_eq!(SavedModel::from_checkpoint(&checkpoint), Ok(model.clone()));
        let safetensors = model.to_bytes(Format::Safetensors).unwrap();
        prop_assert_eq!(SavedModel::from_safetensors(&safetensors), Ok(model));
    }
}
