use super::axis::{Axis, number};
use super::piece::escape;
use super::*;
