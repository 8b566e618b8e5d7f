//! What files of the host take from `std` as other crates have it by themselves: this one is `no_std`.

pub(super) use std::borrow::ToOwned;
pub(super) use std::boxed::Box;
pub(super) use std::string::{String, ToString};
pub(super) use std::vec::Vec;
pub(super) use std::{format, vec};
