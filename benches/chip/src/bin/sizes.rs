//! The bytes that a description takes, and views of the caller's memory: what a firmware's stack holds of each.

#![no_std]
#![no_main]

use chip::finish;
use cortex_m_rt::entry;
use cortex_m_semihosting::hprintln;
use cygnet::average::{AverageState, NormUpdate, Swag, Window};
use cygnet::inputs::SparseSet;
use cygnet::metrics::{Confusion, Curves, Score};
use cygnet::model::Params;
use cygnet::network::Layer;
use cygnet::optim::{AdamState, ScheduleFree};
use cygnet::preprocess::{Fit, Preprocess};
use cygnet::replicas::Votes;
use cygnet::store::{Container, Data, Place, Section};
use cygnet::train::Weighted;
use cygnet::{Adam, Averager, Error, Gradient, Inputs, Model, Sgd, Spec, Targets, Workspace};

/// Prints a line for each type.
macro_rules! sizes {
    ($($type:ident)*) => { $(hprintln!("{}\t{}", stringify!($type), size_of::<$type>());)* };
}

#[entry]
fn main() -> ! {
    sizes!(Spec Layer Inputs SparseSet Targets Model Params Workspace Gradient Score Weighted Sgd Adam AdamState ScheduleFree);
    sizes!(Averager AverageState NormUpdate Window Swag Votes Preprocess Fit Confusion Curves Error);
    sizes!(Data Section Container Place);
    finish(true)
}
