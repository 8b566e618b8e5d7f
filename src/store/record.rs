//! What of a run lasts, as sections: the state of each type in front, then its slices.

use crate::Averager;
use crate::average::{Gate, NormUpdate, Swag, Window};
use crate::error::Error;
use crate::model::{Mark, Model};
use crate::network::spec::Spec;
use crate::optim::{Adam, AnyOptimizer, Lookahead, Optimizer, ScheduleFree, ScheduleFreeAdam, Sgd};
use crate::preprocess::Preprocess;
use crate::reservoir::Reservoir;
use crate::store::container::{Data, Record};
use crate::tag::Tag;
use crate::train::{BatchSize, Gradient};

/// Slices that hold something, or as many zeros: what they hold before does not matter, so that it may not be a number.
fn floats_or_zeros<'a>(floats: &'a [f32], is_used: bool) -> Data<'a> {
    if is_used { Data::Floats(floats) } else { zeros(floats.len()) }
}

/// Floats that hold nothing yet.
fn zeros(floats: usize) -> Data<'static> {
    Data::Zeros(floats.saturating_mul(4))
}

impl Record for Spec {
    fn tag(&self) -> Tag {
        Tag::NETWORK
    }

    fn parts(&self, part: &mut dyn FnMut(Data<'_>)) {
        part(Data::Network(self));
    }
}

impl Record for Model<'_> {
    fn tag(&self) -> Tag {
        Tag::PARAMS
    }

    /// An average in the model's place would be trained further.
    fn check_record(&self) -> Result<(), Error> {
        if self.mark == Mark::Live { Ok(()) } else { Err(Error::AverageWeights) }
    }

    fn parts(&self, part: &mut dyn FnMut(Data<'_>)) {
        part(Data::Bytes(&self.state().to_bytes()));
        part(Data::Floats(self.params()));
    }
}

impl Record for Sgd<'_> {
    fn tag(&self) -> Tag {
        Tag::OPTIMIZER
    }

    fn parts(&self, part: &mut dyn FnMut(Data<'_>)) {
        part(Data::Bytes(&self.state().to_bytes()));
        part(Data::Floats(self.velocity()));
    }
}

impl Record for Adam<'_> {
    fn tag(&self) -> Tag {
        Tag::OPTIMIZER
    }

    fn parts(&self, part: &mut dyn FnMut(Data<'_>)) {
        part(Data::Bytes(&self.state().to_bytes()));
        part(Data::Floats(self.moments()));
    }
}

impl Record for ScheduleFree<'_> {
    fn tag(&self) -> Tag {
        Tag::OPTIMIZER
    }

    fn parts(&self, part: &mut dyn FnMut(Data<'_>)) {
        part(Data::Bytes(&self.state().to_bytes()));
        part(Data::Floats(self.floats()));
    }
}

impl Record for ScheduleFreeAdam<'_> {
    fn tag(&self) -> Tag {
        Tag::OPTIMIZER
    }

    fn parts(&self, part: &mut dyn FnMut(Data<'_>)) {
        part(Data::Bytes(&self.state().to_bytes()));
        part(Data::Floats(self.floats()));
        part(Data::Floats(self.second_moments()));
    }
}

/// State and slow weights, then what the inner optimizer is.
impl<O: Optimizer + Record> Record for Lookahead<'_, O> {
    fn tag(&self) -> Tag {
        Tag::OPTIMIZER
    }

    fn parts(&self, part: &mut dyn FnMut(Data<'_>)) {
        part(Data::Bytes(&self.state().to_bytes()));
        part(Data::Floats(self.slow()));
        self.inner().parts(part);
    }
}

/// State and all floats, in the order of their slice.
impl Record for AnyOptimizer<'_> {
    fn tag(&self) -> Tag {
        Tag::OPTIMIZER
    }

    fn parts(&self, part: &mut dyn FnMut(Data<'_>)) {
        part(Data::Bytes(&self.state().to_bytes()));
        match self {
            Self::Sgd(sgd) => part(Data::Floats(sgd.velocity())),
            Self::Adam(adam) => part(Data::Floats(adam.moments())),
            Self::ScheduleFree(free) => part(Data::Floats(free.floats())),
            Self::ScheduleFreeAdam(free) => {
                part(Data::Floats(free.floats()));
                part(Data::Floats(free.second_moments()));
            }
            Self::LookaheadSgd(lookahead) => {
                part(Data::Floats(lookahead.slow()));
                part(Data::Floats(lookahead.inner().velocity()));
            }
            Self::LookaheadAdam(lookahead) => {
                part(Data::Floats(lookahead.slow()));
                part(Data::Floats(lookahead.inner().moments()));
            }
        }
    }
}

/// State and mean, then the compensation where there is one.
impl Record for Averager<'_> {
    fn tag(&self) -> Tag {
        Tag::AVERAGE
    }

    /// While it is exchanged, its slice holds live weights.
    fn check_record(&self) -> Result<(), Error> {
        if self.exchange.is_none() { Ok(()) } else { Err(Error::Swapped) }
    }

    fn parts(&self, part: &mut dyn FnMut(Data<'_>)) {
        let is_used = self.count() > 0;
        part(Data::Bytes(&self.state().to_bytes()));
        part(floats_or_zeros(self.mean, is_used));
        if let Some(lost) = self.compensation() {
            part(floats_or_zeros(lost, is_used));
        }
    }
}

impl Record for Window<'_> {
    fn tag(&self) -> Tag {
        Tag::AVERAGE
    }

    fn parts(&self, part: &mut dyn FnMut(Data<'_>)) {
        part(Data::Bytes(&self.state().to_bytes()));
        part(Data::Floats(self.models()));
        part(zeros(self.models.len().saturating_sub(self.models().len())));
    }
}

/// State, mean, second moment and columns.
impl Record for Swag<'_> {
    fn tag(&self) -> Tag {
        Tag::AVERAGE
    }

    fn parts(&self, part: &mut dyn FnMut(Data<'_>)) {
        let is_used = self.count() > 0;
        part(Data::Bytes(&self.state().to_bytes()));
        part(floats_or_zeros(self.mean, is_used));
        part(floats_or_zeros(self.second_moment(), is_used));
        part(Data::Floats(self.columns()));
        part(zeros(self.columns.len().saturating_sub(self.columns().len())));
    }
}

impl Record for NormUpdate<'_> {
    fn tag(&self) -> Tag {
        Tag::NORM_UPDATE
    }

    fn parts(&self, part: &mut dyn FnMut(Data<'_>)) {
        part(Data::Bytes(&self.state().to_bytes()));
        part(floats_or_zeros(self.pooled, self.state().samples() > 0));
    }
}

impl Record for Gradient<'_> {
    fn tag(&self) -> Tag {
        Tag::GRADIENT
    }

    fn parts(&self, part: &mut dyn FnMut(Data<'_>)) {
        let state = self.state();
        part(Data::Bytes(&state.to_bytes()));
        part(floats_or_zeros(self.sum(), state.score().samples() > 0));
    }
}

impl Record for BatchSize {
    fn tag(&self) -> Tag {
        Tag::GROWTH
    }

    fn parts(&self, part: &mut dyn FnMut(Data<'_>)) {
        part(Data::Bytes(&self.to_bytes()));
    }
}

impl Record for Gate {
    fn tag(&self) -> Tag {
        Tag::GATE
    }

    fn parts(&self, part: &mut dyn FnMut(Data<'_>)) {
        part(Data::Bytes(&self.to_bytes()));
    }
}

impl Record for Preprocess<'_> {
    fn tag(&self) -> Tag {
        Tag::PREPROCESS
    }

    fn parts(&self, part: &mut dyn FnMut(Data<'_>)) {
        part(Data::Numbers(self.floats()));
    }
}

/// State, samples, labels and counts; zeros in free places.
impl Record for Reservoir<'_, f32> {
    fn tag(&self) -> Tag {
        Tag::RESERVOIR
    }

    fn parts(&self, part: &mut dyn FnMut(Data<'_>)) {
        part(Data::Bytes(&self.state().to_bytes()));
        part(Data::Floats(self.samples()));
        part(zeros(self.samples.len().saturating_sub(self.samples().len())));
        part_labels(self, part);
    }
}

/// Likewise.
impl Record for Reservoir<'_, u8> {
    fn tag(&self) -> Tag {
        Tag::RESERVOIR
    }

    fn parts(&self, part: &mut dyn FnMut(Data<'_>)) {
        part(Data::Bytes(&self.state().to_bytes()));
        part(Data::Bytes(self.samples()));
        part(Data::Zeros(self.samples.len().saturating_sub(self.samples().len())));
        part_labels(self, part);
    }
}

fn part_labels<T>(reservoir: &Reservoir<'_, T>, part: &mut dyn FnMut(Data<'_>)) {
    part(Data::Shorts(reservoir.labels()));
    part(Data::Zeros(reservoir.labels.len().saturating_sub(reservoir.labels().len()).saturating_mul(2)));
    part(Data::Words(reservoir.seen()));
    part(Data::Words(reservoir.held_by_class()));
}
