//! The host side: files in, batches out.

pub mod idx;
pub mod image;
pub mod mnist;
