//! What is accepted as a small state, written again, is the same bytes, and goes on.
#![no_main]

use cygnet::average::{AverageState, Gate, NormUpdateState, SwagState, WindowState};
use cygnet::metrics::{Calibration, Score};
use cygnet::model::ModelState;
use cygnet::optim::{
    AdamState, AnyConfig, AnyState, Lookahead, LookaheadState, ScheduleFree, ScheduleFreeAdam,
    ScheduleFreeAdamState, ScheduleFreeState, SgdState,
};
use cygnet::replicas::VotesState;
use cygnet::reservoir::{ReservoirConfig, ReservoirState};
use cygnet::train::{BatchSize, GradientState, NoiseScale};
use cygnet::{Activation, Adam, Averager, Sgd, Spec};
use libfuzzer_sys::fuzz_target;

const NET: Spec = Spec::new(1).dense(2, Activation::Tanh).norm().dense(2, Activation::Identity);
const KEPT: ReservoirConfig = ReservoirConfig { places: 2, width: 1, classes: 2 };

/// Reads the first bytes as a state, and compares what is written again.
macro_rules! rewrites {
    ($bytes:ident, $($state:ident $(($($of:expr),+))?;)*) => {$(
        if let Some(bytes) = $bytes.first_chunk::<{ $state::BYTES }>()
            && let Ok(state) = $state::from_bytes($($($of,)+)? bytes)
        {
            assert_eq!(&state.to_bytes(), bytes);
        }
    )*};
}

fuzz_target!(|bytes: &[u8]| {
    rewrites!(
        bytes,
        SgdState(Sgd::DEFAULT, &NET);
        AdamState(Adam::DEFAULT, &NET);
        ScheduleFreeState(ScheduleFree::DEFAULT);
        ScheduleFreeAdamState(ScheduleFreeAdam::DEFAULT);
        LookaheadState(Lookahead::DEFAULT);
        AnyState(AnyConfig::ScheduleFree(ScheduleFree::DEFAULT), &NET);
        AnyState(AnyConfig::ScheduleFreeAdam(ScheduleFreeAdam::DEFAULT), &NET);
        AnyState(AnyConfig::LookaheadAdam(Lookahead::DEFAULT, Adam::DEFAULT), &NET);
        ModelState(&NET);
        WindowState;
        SwagState;
        Gate;
        NormUpdateState(&NET);
        NoiseScale;
        BatchSize;
        GradientState;
        Score;
        Calibration;
        VotesState;
        ReservoirState(KEPT);
    );
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
