//! What is accepted as a model, written again, is the same model; a checkpoint even byte for byte.
#![no_main]

use cygnet::host::model_file::SavedModel;
use cygnet::{Params, checkpoint_len, holds_average, load, load_spec, save};
use libfuzzer_sys::fuzz_target;

fn checkpoint(bytes: &[u8]) {
    let Ok(spec) = load_spec(bytes) else {
        assert!(load(bytes, &mut []).is_err() && SavedModel::from_checkpoint(bytes).is_err());
        return;
    };
    let mut params = vec![f32::NAN; spec.param_len()];
    assert_eq!(load(bytes, &mut params), Ok(spec));
    let mut again = vec![0; checkpoint_len(&spec)];
    let is_average = holds_average(bytes);
    let written = if is_average { Params::of_average(&params) } else { Params::from(&params) };
    assert_eq!(save(&spec, written, &mut again), Ok(()));
    assert_eq!(again, bytes);
    assert_eq!(SavedModel::from_checkpoint(bytes), Ok(SavedModel { spec, params, is_average }));
}

fuzz_target!(|bytes: &[u8]| {
    checkpoint(bytes);
    // Few inputs have their checksum right by chance: give them one, so that what lies behind it is reached.
    if let Some((body, _)) = bytes.split_last_chunk::<4>() {
        let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(body);
        checkpoint(&[body, &crc.to_le_bytes()].concat());
    }
    if let Ok(model) = SavedModel::from_safetensors(bytes) {
        let again = model.to_safetensors().expect("what was read can be written");
        let read = SavedModel::from_safetensors(&again);
        let bits = |model: &SavedModel| model.params.iter().map(|p| p.to_bits()).collect::<Vec<_>>();
        let whole = |model: &SavedModel| (model.spec, model.is_average, bits(model));
        assert_eq!(read.as_ref().map(whole), Ok(whole(&model)));
        assert_eq!(model.to_safetensors(), Ok(again));
    }
});
