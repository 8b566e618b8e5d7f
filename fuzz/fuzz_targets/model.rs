//! What stands behind a checkpoint in a model file, with checksums that fit: what is accepted is written again byte for byte,
//! also by way of safetensors, and the model predicts for a table or refuses it.
#![no_main]

use cygnet::host::evaluation::{SavedModel, predict_table};
use cygnet::host::files::Format;
use cygnet::preprocess::Preprocess;
use cygnet::store::save;
use cygnet::{Activation, Spec};
use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Rows that may be predicted for, whatever the columns.
const TABLE: &str = "a,b,temperature,pressure,vibration,1\n1,x,61.0,99.22,,0\n2,y,NA,3e9,0.1,1\n";

fn sealed(fields: &[&[u8]]) -> Vec<u8> {
    let fields = fields.concat();
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(&fields);
    [&fields[..], &crc.to_le_bytes()].concat()
}

fn of_json(json: &[u8]) -> [&[u8]; 2] {
    // Lengths up to 255 are enough here.
    static LENGTHS: [[u8; 4]; 256] = {
        let (mut all, mut n) = ([[0; 4]; 256], 0);
        while n < 256 {
            all[n] = [n as u8, 0, 0, 0];
            n += 1;
        }
        all
    };
    let json = &json[..json.len().min(255)];
    [&LENGTHS[json.len()], json]
}

/// The floats of a preparation; those that cannot be are those of one that changes nothing.
fn prepared(u: &mut Unstructured<'_>, inputs: usize) -> Result<Vec<u8>> {
    let plain = [f32::NAN, f32::NEG_INFINITY, f32::INFINITY, 0.0, 1.0];
    let mut floats: Vec<f32> = plain.iter().copied().cycle().take(5 * inputs).collect();
    for _ in 0..u.int_in_range(0..=3)? {
        let at = u.choose_index(floats.len())?;
        floats[at] = f32::from(u.arbitrary::<i8>()?) / 8.0;
    }
    let preprocess = Preprocess::new(inputs, &floats);
    let mut bytes = vec![0; Preprocess::section_len(inputs)];
    Ok(preprocess.and_then(|preprocess| preprocess.save(&mut bytes)).map_or_else(|_| Vec::new(), |()| bytes))
}

/// The table, in memory where there is such a directory.
fn table() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let memory = PathBuf::from("/dev/shm");
        let directory = if memory.is_dir() { memory } else { std::env::temp_dir() };
        let path = directory.join(format!("cygnet-fuzz-{}-model.csv", std::process::id()));
        fs::write(&path, TABLE).expect("a file can be written");
        path
    })
}

fn check(u: &mut Unstructured<'_>) -> Result<()> {
    let (inputs, outputs) = (u.int_in_range(1..=6_u16)?, u.int_in_range(2..=4)?);
    let spec = Spec::new(inputs).dense(outputs, Activation::Identity);
    let mut file = vec![0; spec.checkpoint_len()];
    save(&spec, &vec![0.5; spec.param_len()], &mut file).expect("exact length");
    let (has_preparation, has_columns, has_identity) = (u.arbitrary()?, u.arbitrary()?, u.ratio(1, 4)?);
    if has_preparation {
        file.extend(prepared(u, spec.inputs())?);
    }
    let fields: [u8; 30] = if has_identity { u.arbitrary()? } else { [0; 30] };
    let rest = u.peek_bytes(u.len()).unwrap_or_default();
    if has_columns {
        let [length, json] = of_json(rest);
        file.extend(sealed(&[b"\x89CYGCOL\n", length, json]));
    }
    if has_identity {
        // Version, kind, length of the name; shape, digest; name; JSON.
        let (version, name) =
            ([1 + (fields[0] & 1), 0], &rest[rest.len().saturating_sub(usize::from(fields[1] % 5))..]);
        let shape = [
            [u32::from(fields[2]).to_le_bytes(), 1_u32.to_le_bytes(), u32::from(inputs).to_le_bytes()].concat(),
            fields[3..11].to_vec(),
        ]
        .concat();
        let [length, json] = of_json(if has_columns { b"" } else { rest });
        let json: [&[u8]; 2] = if version[0] == 2 { [length, json] } else { [b"", b""] };
        file.extend(sealed(&[
            b"\x89CYGDAT\n",
            &version,
            &[fields[11] % 3, name.len() as u8],
            &shape,
            name,
            json[0],
            json[1],
        ]));
    }
    let Ok(model) = SavedModel::from_checkpoint(&file) else { return Ok(()) };
    assert_eq!(model.to_bytes(Format::Checkpoint).expect("what was read can be written"), file);
    let tensors = model.to_bytes(Format::Safetensors).expect("likewise");
    assert_eq!(SavedModel::from_safetensors(&tensors), Ok(model.clone()));
    if let Err(error) = predict_table(&model, table(), &mut |_| Ok(())) {
        assert!(!error.to_string().is_empty());
    }
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    // What bytes are too few for is no case.
    let _ = check(&mut Unstructured::new(bytes));
});
