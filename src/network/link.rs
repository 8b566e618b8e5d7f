//! A function that a description refers to, so that an image links only those of its network.
//!
//! A `match` on what a network is made of would link every activation and every loss into every image. Instead the
//! `const fn` that describes takes the address of what it describes, and a linker leaves the rest out.

use core::fmt;

/// A function, or several; what they are follows from the description's other fields. Whether one is there may not: a dropout
/// that was taken back leaves its function, and the network is the same.
#[derive(Clone, Copy)]
pub(crate) struct Link<T>(pub(crate) Option<T>);

impl<T> PartialEq for Link<T> {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl<T> fmt::Debug for Link<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "linked" } else { "none" })
    }
}

#[cfg(feature = "defmt")]
impl<T> defmt::Format for Link<T> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}", self.0.is_some());
    }
}
