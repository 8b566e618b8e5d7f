//! Picks the instruction set: at run time with `std` on x86-64, at compile time elsewhere.
//!
//! The only `unsafe` here is the call of a function compiled for an instruction set that was found present.
#![allow(unsafe_code)]

use super::{
    Adam, ByteLists, ByteListsMut, ByteRows, Columns, CompressedRows, FloatLists, FloatListsMut, ScheduleFree,
    SecondMoment, Sgd, body, dense, dots, exponential, listed, lists,
};

/// An instruction set that the kernels are compiled for. Each computes the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
#[non_exhaustive]
pub enum Isa {
    /// One float at a time, as on a core without vectors; for comparison.
    Scalar = 1,
    /// Whatever the crate is compiled for; SSE2 on x86-64, NEON on AArch64, the FPU on Cortex-M4F.
    Baseline = 2,
    /// AVX2, 16 registers of 8 floats.
    Avx2 = 3,
    /// AVX-512F/VL, 32 registers; the dense tiles and the input gradients run their AVX2 code.
    Avx512 = 4,
}

#[cfg(all(feature = "std", target_arch = "x86_64"))]
mod detect {
    use super::Isa;
    use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

    /// 0 until the first look; a cache of what the processor says, never of a result.
    static FOUND: AtomicU8 = AtomicU8::new(0);

    fn best() -> Isa {
        use std::arch::is_x86_feature_detected as has;
        let avx2 = has!("avx2") && has!("bmi1");
        if avx2 && has!("avx512f") && has!("avx512vl") {
            Isa::Avx512
        } else if avx2 {
            Isa::Avx2
        } else {
            Isa::Baseline
        }
    }

    pub(super) fn isa() -> Isa {
        match FOUND.load(Relaxed) {
            1 => Isa::Scalar,
            2 => Isa::Baseline,
            3 => Isa::Avx2,
            4 => Isa::Avx512,
            _ => {
                // Where another thread has forced one meanwhile, that one stays.
                let _ = FOUND.compare_exchange(0, best() as u8, Relaxed, Relaxed);
                isa()
            }
        }
    }

    /// Makes the kernels use `isa` from now on, in the whole process, for tests and measurements; `false` and no change
    /// where the processor lacks it.
    pub fn force(isa: Isa) -> bool {
        let present = isa <= best();
        if present {
            FOUND.store(isa as u8, Relaxed);
            #[cfg(debug_assertions)]
            RAN.set(0);
        }
        present
    }

    #[cfg(debug_assertions)]
    std::thread_local! {
        /// A bit for each instruction set whose code ran.
        static RAN: core::cell::Cell<u8> = const { core::cell::Cell::new(0) };
    }

    /// Notes whose code runs, from within that code.
    #[inline(always)]
    pub(super) fn note(isa: Isa) {
        #[cfg(debug_assertions)]
        RAN.set(RAN.get() | 1 << isa as u8);
        #[cfg(not(debug_assertions))]
        let _ = isa;
    }

    /// Whether code compiled for `isa` has run in this thread since its last [`force`]; `None` in a release build, which
    /// does not keep count.
    #[must_use]
    pub fn ran(isa: Isa) -> Option<bool> {
        #[cfg(debug_assertions)]
        return Some(RAN.get() & 1 << isa as u8 != 0);
        #[cfg(not(debug_assertions))]
        {
            let _ = isa;
            None
        }
    }
}

#[cfg(all(feature = "std", target_arch = "x86_64"))]
pub use detect::{force, ran};

/// The instruction set in use.
#[must_use]
pub fn isa() -> Isa {
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    return detect::isa();
    #[cfg(not(all(feature = "std", target_arch = "x86_64")))]
    return Isa::Baseline;
}

/// Compiles a loop for each instruction set, under one name that picks; on AVX-512 the code of `$best`, which may use
/// `$features`.
macro_rules! dispatch {
    ($best:ident: $features:literal
        $($(#[$doc:meta])* $module:ident::$name:ident($($arg:ident: $type:ty),*) $(-> $out:ty)?;)*) => {$(
        $(#[$doc])*
        pub(crate) fn $name($($arg: $type),*) $(-> $out)? {
            #[cfg(all(feature = "std", target_arch = "x86_64"))]
            {
                #[target_feature(enable = "avx2,bmi1")]
                fn avx2($($arg: $type),*) $(-> $out)? {
                    detect::note(Isa::Avx2);
                    $module::$name::<8>($($arg),*)
                }
                #[target_feature(enable = $features)]
                fn best($($arg: $type),*) $(-> $out)? {
                    detect::note(Isa::$best);
                    $module::$name::<8>($($arg),*)
                }
                fn scalar($($arg: $type),*) $(-> $out)? {
                    detect::note(Isa::Scalar);
                    $module::$name::<1>($($arg),*)
                }
                match detect::isa() {
                    // SAFETY: `isa` answers `Avx512` only where AVX-512F, AVX-512VL, AVX2 and BMI1 were found present.
                    Isa::Avx512 => return unsafe { best($($arg),*) },
                    // SAFETY: `isa` answers `Avx2` only where AVX2 and BMI1 were found present.
                    Isa::Avx2 => return unsafe { avx2($($arg),*) },
                    Isa::Scalar => return scalar($($arg),*),
                    Isa::Baseline => detect::note(Isa::Baseline),
                }
            }
            $module::$name::<4>($($arg),*)
        }
    )*};
}

dispatch! { Avx512: "avx512f,avx512vl,avx2,bmi1"
    /// `z[s][j] = bias[j] + Σ_k x[s][k]·weights[k][j]`, zeros of `x` skipped.
    body::forward(x: &[f32], inputs: usize, weights: &[f32], bias: &[f32], z: &mut [f32]);
    /// The same from rows of bytes.
    body::forward_bytes(x: &ByteRows<'_>, weights: &[f32], bias: &[f32], z: &mut [f32]);
    /// The same from lists by sample.
    listed::forward_listed_floats(x: &FloatLists<'_>, weights: &[f32], bias: &[f32], z: &mut [f32]);
    /// The same from lists by sample.
    listed::forward_listed_bytes(x: &ByteLists<'_>, weights: &[f32], bias: &[f32], z: &mut [f32]);
    /// The same from rows of a compressed set.
    listed::forward_compressed(x: &CompressedRows<'_>, weights: &[f32], bias: &[f32], z: &mut [f32]);
    /// `g[k][j] += Σ_s a[s][k]·d[s][j]`, zeros of `a` skipped.
    body::gradient_rows(g: &mut [f32], a: &[f32], inputs: usize, d: &[f32], outputs: usize);
    /// The same of a single sample, or `=` where `fresh`.
    body::outer(g: &mut [f32], a: &[f32], d: &[f32], fresh: bool);
    /// The same from rows of bytes, for the inputs from `first` on.
    body::gradient_bytes(g: &mut [f32], a: &ByteRows<'_>, first: usize, d: &[f32], outputs: usize);
    /// The same, or `=` where `fresh`, from lists by sample for the columns from `first` on; advances the cursors.
    listed::listed_float_rows(
        g: &mut [f32], a: (&FloatLists<'_>, &Columns<'_>), first: usize, d: &[f32], width: usize, fresh: bool
    );
    /// The same.
    listed::listed_byte_rows(
        g: &mut [f32], a: (&ByteLists<'_>, &Columns<'_>), first: usize, d: &[f32], width: usize, fresh: bool
    );
    /// `e[s][k] *= Σ_j d[s][j]·weights[k][j]`, one dot product at a time.
    body::input_gradient(weights: &[f32], d: &[f32], outputs: usize, e: &mut [f32], inputs: usize);
    /// Lists the non-zero elements of `x`, rows of `width`.
    lists::list_floats(x: &[f32], width: usize, lists: &mut FloatListsMut<'_>);
    /// Lists the non-zero bytes of `x`.
    lists::list_bytes(x: &ByteRows<'_>, lists: &mut ByteListsMut<'_>);
    /// Lists the rows of a compressed set.
    lists::list_compressed(x: &CompressedRows<'_>, lists: &mut ByteListsMut<'_>);
    /// The first elements of `to` become the bytes times `scale`.
    lists::scale_bytes(from: &[u8], scale: f32, to: &mut [f32]);
    /// Sets the bit of each element in the masks of its column; there are `groups` masks for each.
    lists::mark_floats(lists: &FloatLists<'_>, groups: usize, masks: &mut [[u32; 2]]);
    /// The same.
    lists::mark_bytes(lists: &ByteLists<'_>, groups: usize, masks: &mut [[u32; 2]]);
    /// Elements that are not zero.
    lists::count_floats(x: &[f32]) -> usize;
    /// Elements that are not zero in the first `width` columns of a matrix with rows of `stride`.
    lists::count_columns(x: &[f32], stride: usize, width: usize) -> usize;
    /// Bytes that are not zero.
    lists::count_bytes(x: &ByteRows<'_>) -> usize;
    /// `x ← eˣ`.
    exponential::exp(x: &mut [f32]);
    /// `Σ_j a[j]·b[j]`.
    body::dot(a: &[f32], b: &[f32]) -> f32;
    /// `w ← w − ηg` along `g = x·dᵀ`: the gradient of one sample; or that of `n`, `d`, times `x = [1/n]`.
    body::sgd(w: &mut [f32], x: &[f32], d: &[f32], rate: f32);
    /// `w ← w − η(g + λw)`; `g` likewise.
    body::decayed(w: &mut [f32], x: &[f32], d: &[f32], c: &Sgd);
    /// `v ← μv + g; w ← w − ηv`, or `w ← w − η(g + μv)` with Nesterov; `g` likewise.
    body::momentum(w: &mut [f32], v: &mut [f32], x: &[f32], d: &[f32], c: &Sgd);
    /// Adam (Kingma & Ba 2015, algorithm 1), with either kind of weight decay; `g` likewise.
    body::adam(w: &mut [f32], m: &mut [f32], v: &mut [f32], x: &[f32], d: &[f32], c: &Adam);
    /// Schedule-free SGD (Defazio et al. 2024, algorithm 1) along `g·scale`.
    body::schedule_free(y: &mut [f32], z: &mut [f32], x: &mut [f32], g: &[f32], scale: f32, c: ScheduleFree);
    /// Schedule-free AdamW (likewise).
    body::schedule_free_adam(
        y: &mut [f32], floats: (&mut [f32], &mut [f32], &mut [f32]), g: &[f32], scale: f32, c: ScheduleFree,
        second: SecondMoment
    );
    /// `mean ← mean + (w − mean)·gain`.
    body::mean_update(mean: &mut [f32], w: &[f32], gain: f32);
    /// The same with Kahan's compensation: `y = (w − mean)·gain − lost; t = mean + y; lost ← (t − mean) − y; mean ← t`.
    body::mean_update_compensated(mean: &mut [f32], lost: &mut [f32], w: &[f32], gain: f32);
    /// `δ = w − mean; mean ← mean + δ·gain; second ← second + δ·(w − mean)` with the new mean.
    body::moments_update(mean: &mut [f32], second: &mut [f32], w: &[f32], gain: f32);
    /// `x ← x + y·factor`.
    body::add(x: &mut [f32], y: &[f32], factor: f32);
    /// `x ← x·factor`.
    body::scale(x: &mut [f32], factor: f32);
    /// Exchanges element by element.
    body::swap(a: &mut [f32], b: &mut [f32]);
    /// The largest magnitude; not finite where an element is not.
    body::largest(x: &[f32]) -> f32;
}

// With AVX-512 the compiler may keep these tiles in memory, or join registers of two rows: AVX2 is faster.
dispatch! { Avx2: "avx2,bmi1"
    /// As [`forward`] without skipping.
    dense::forward_dense(x: &[f32], inputs: usize, weights: &[f32], bias: &[f32], z: &mut [f32]);
    /// As [`gradient_rows`] without skipping.
    dense::gradient_dense(g: &mut [f32], a: &[f32], inputs: usize, d: &[f32], outputs: usize);
    /// As [`input_gradient`], eight at a time.
    dots::input_gradient_dense(weights: &[f32], d: &[f32], outputs: usize, e: &mut [f32], inputs: usize);
    /// The same for the elements of `e` that are not zero.
    dots::input_gradient_active(weights: &[f32], d: &[f32], outputs: usize, e: &mut [f32], inputs: usize);
}
