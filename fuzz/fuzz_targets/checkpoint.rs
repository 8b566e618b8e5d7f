//! What is accepted as a checkpoint, a head or a preprocessing, written again, is the same bytes, and the network that was read
//! loads them again.
#![no_main]

use cygnet::host::evaluation::SavedModel;
use cygnet::host::files::Format;
use cygnet::model::Params;
use cygnet::preprocess::Preprocess;
use cygnet::store::{body_checksum, holds_average, load, load_head, load_params, load_spec, save, save_head};
use libfuzzer_sys::fuzz_target;

fn checkpoint(bytes: &[u8]) {
    let Ok(spec) = load_spec(bytes) else {
        assert!(load(bytes, &mut []).is_err() && SavedModel::from_checkpoint(bytes).is_err());
        return;
    };
    let (mut params, mut known) = (vec![f32::NAN; spec.param_len()], vec![f32::NAN; spec.param_len()]);
    let (mut again, is_average) = (vec![0; spec.checkpoint_len()], holds_average(bytes));
    if let Some(body) = body_checksum(bytes).expect("its header was read") {
        assert_eq!(load_head(&spec, body, bytes, &mut params), Ok(()));
        assert!(load(bytes, &mut known).is_err() && SavedModel::from_checkpoint(bytes).is_err());
        assert_eq!(save_head(&spec, marked(&params, is_average), body, &mut again), Ok(()));
        assert_eq!(again, bytes[..again.len()]);
        return;
    }
    assert_eq!(load(bytes, &mut params), Ok(spec));
    assert_eq!(save(&spec, marked(&params, is_average), &mut again), Ok(()));
    assert_eq!(again, bytes[..again.len()]);
    assert_eq!(load_params(&spec, bytes, &mut known), Ok(()));
    assert_eq!(known, params);
    // The host knows what may stand behind it, and it comes back as it was.
    match SavedModel::from_checkpoint(bytes) {
        Ok(model) => assert_eq!(model.to_bytes(Format::Checkpoint).expect("what was read can be written"), bytes),
        Err(_) => assert!(bytes.len() > again.len()),
    }
}

fn marked(params: &[f32], is_average: bool) -> Params<'_> {
    if is_average { Params::of_average(params) } else { Params::from(params) }
}

fn preprocessing(bytes: &[u8]) {
    let inputs = bytes.get(10..12).map_or(0, |n| usize::from(u16::from_le_bytes([n[0], n[1]])));
    // Memory for so many features is not there for nothing.
    if Preprocess::section_len(inputs) > bytes.len() {
        return;
    }
    let mut floats = vec![0.0; Preprocess::state_len(inputs)];
    if let Ok(preprocess) = Preprocess::load(inputs, bytes, &mut floats) {
        let mut again = vec![0; Preprocess::section_len(inputs)];
        assert_eq!(preprocess.save(&mut again), Ok(()));
        assert_eq!(again, bytes[..again.len()]);
    }
}

fuzz_target!(|bytes: &[u8]| {
    checkpoint(bytes);
    preprocessing(bytes);
    // Few inputs have their checksum right by chance: give them one, so that what lies behind it is reached.
    if let Some((body, _)) = bytes.split_last_chunk::<4>() {
        let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(body);
        let bytes = [body, &crc.to_le_bytes()].concat();
        checkpoint(&bytes);
        preprocessing(&bytes);
    }
});
