//! What is accepted as a small state, written again, is the same bytes, and goes on.
#![no_main]

use cygnet::Averager;
use cygnet::average::AverageState;
use cygnet::optim::{ScheduleFree, ScheduleFreeAdam, ScheduleFreeAdamState, ScheduleFreeState};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(bytes) = bytes.first_chunk::<{ ScheduleFreeState::BYTES }>()
        && let Ok(state) = ScheduleFreeState::from_bytes(ScheduleFree::DEFAULT, bytes)
    {
        assert_eq!(&state.to_bytes(), bytes);
    }
    if let Some(bytes) = bytes.first_chunk::<{ ScheduleFreeAdamState::BYTES }>()
        && let Ok(state) = ScheduleFreeAdamState::from_bytes(ScheduleFreeAdam::DEFAULT, bytes)
    {
        assert_eq!(&state.to_bytes(), bytes);
    }
    if let Some(bytes) = bytes.first_chunk::<{ AverageState::BYTES }>()
        && let Ok(state) = AverageState::from_bytes(bytes)
    {
        assert_eq!(&state.to_bytes(), bytes);
        let mut mean = [1.0];
        if let Ok(mut averager) = Averager::resume(state, &mut mean)
            && averager.update(&[3.0]).is_ok()
        {
            // Between what was and the new model.
            let mean = averager.mean().expect("a model was just averaged");
            assert!((1.0..=3.0).contains(&mean[0]));
        }
    }
});
