//! The arithmetic: two primitives and element-wise loops, the same bits on every instruction set.
//!
//! | kernel | what it computes | order | loops |
//! |---|---|---|---|
//! | `forward*` | `z[s] = bias + Σ_k x[s][k]·w[k]` | `k` ascending, rows with `x = 0` skipped | `body`, `listed`, `dense` |
//! | `gradient_*`, `listed_*_rows` | `g[k] += Σ_s a[s][k]·d[s]` | `s` ascending, rows with `a = 0` skipped | likewise |
//! | `input_gradient*` | `e[s][k] *= Σ_j d[s][j]·w[k][j]` | 8 lanes by `j mod 8`, then a fixed tree | `body`, `dots` |
//! | `dot` | `Σ_j a[j]·b[j]` | likewise | `body` |
//! | `list_*`, `mark_*`, `count_*` | where samples are not zero | | `lists` |
//! | `exp` | `eˣ` | element-wise | `exponential` |
//! | the rest | steps and means | element-wise | `body` |
//!
//! Each loop is written once, in safe Rust over register tiles, and `dispatch` compiles it for every instruction set.
//! `inner` is the innermost part where a target has its own: `cortex_m`, in assembly, else `portable`. `forms` picks the
//! form of a sum that is the fastest, by the thresholds of `choose`, with the same bits. Why the kernels are fast, and what
//! bounds them: `docs/src/reasons/fast.md`.

// A file uses only what stands above it. (Blank lines keep rustfmt from sorting.)

mod prefetch;

mod arguments;

#[cfg_attr(all(cygnet_cortex_m, not(cygnet_plain)), path = "cortex_m/mod.rs")]
#[cfg_attr(not(all(cygnet_cortex_m, not(cygnet_plain))), path = "portable.rs")]
mod inner;

mod registers;

mod exponential;

mod choose;

mod body;

mod lists;

mod listed;

mod dense;

mod dots;

mod dispatch;

mod forms;

pub(crate) use arguments::{
    Adam, ByteRows, CompressedRows, FIRST_MOMENT_FLOOR, SECOND_MOMENT_FLOOR, ScheduleFree, SecondMoment, Sgd,
};
pub(crate) use choose::{VECTORS, prefers_no_lists};
pub use dispatch::{Isa, isa};
pub(crate) use dispatch::{
    adam, add, count_bytes, count_columns, count_floats, decayed, dot, exp, forward_bytes, forward_compressed,
    forward_listed_bytes, forward_listed_floats, gradient_bytes, largest, list_bytes, list_compressed, list_floats,
    listed_byte_rows, listed_float_rows, mark_bytes, mark_floats, mean_update, mean_update_compensated, moments_update,
    momentum, outer, scale, scale_bytes, schedule_free, schedule_free_adam, sgd, swap,
};
#[cfg(all(feature = "std", target_arch = "x86_64"))]
pub use dispatch::{force, ran};
pub(crate) use forms::{bias_gradient, forward, forward_one, gradient_rows, input_gradient};
pub(crate) use inner::{clear, copy, relu, sqrt, step, zeros};
pub(crate) use lists::{ByteLists, ByteListsMut, Columns, FloatLists, FloatListsMut, GROUP, SLACK};
pub(crate) use registers::tree;

#[cfg(test)]
mod tests;
