//! What is accepted as safetensors, written again, is the same model; its bytes are those of any model that is the same.
#![no_main]

use cygnet::host::evaluation::SavedModel;
use cygnet::host::files::{Reading, Unsaid};
use libfuzzer_sys::fuzz_target;

fn import(bytes: &[u8]) {
    let Ok(Reading { model, notes, .. }) = Reading::of_safetensors(bytes, &Unsaid::default(), "FILE") else { return };
    assert!(notes.iter().all(|note| !note.contains('\n')), "{notes:?}");
    assert_eq!(model.params.len(), model.spec.param_len());
    assert!(model.params.iter().all(|p| p.is_finite()));
    let again = model.to_safetensors().expect("what was read can be written");
    let read = SavedModel::from_safetensors(&again);
    let bits = |model: &SavedModel| model.params.iter().map(|p| p.to_bits()).collect::<Vec<_>>();
    let whole = |model: &SavedModel| (model.spec, model.is_average, bits(model), model.preparation.clone());
    assert_eq!(read.as_ref().map(whole), Ok(whole(&model)));
    assert_eq!(model.to_safetensors(), Ok(again));
}

fuzz_target!(|bytes: &[u8]| {
    import(bytes);
    // Few changes of a header leave its length right: the header ends with its last brace, and floats follow.
    if let Some(end) = bytes.iter().rposition(|&b| b == b'}') {
        let start = bytes.iter().position(|&b| b == b'{').unwrap_or(0);
        let (header, rest) = (bytes.get(start..=end).unwrap_or_default(), &bytes[end + 1..]);
        import(&[&(header.len() as u64).to_le_bytes(), header, rest].concat());
    }
});
