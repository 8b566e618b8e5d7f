//! Parts of slices, without a panic where a length is only known at run time.

/// `slice` cut after `n` elements, or whole where it is shorter: `split_at` without its panic.
#[inline(always)]
pub(crate) fn cut<T>(slice: &[T], n: usize) -> (&[T], &[T]) {
    // Never none: what is cut off lies behind the slice, so that nothing else has to be chosen.
    slice.split_at_checked(n.min(slice.len())).unwrap_or((slice, &[]))
}

/// [`cut`] for a mutable slice.
#[inline(always)]
pub(crate) fn cut_mut<T>(slice: &mut [T], n: usize) -> (&mut [T], &mut [T]) {
    let n = n.min(slice.len());
    slice.split_at_mut_checked(n).unwrap_or_default()
}

/// The rows of a row-major matrix: `chunks_exact` without its panic at width 0.
#[inline(always)]
pub(crate) fn rows<T>(mut matrix: &[T], width: usize) -> impl Iterator<Item = &[T]> {
    core::iter::from_fn(move || {
        let (row, rest) = matrix.split_at_checked(width).filter(|_| width > 0)?;
        matrix = rest;
        Some(row)
    })
}

/// [`rows`] of a mutable matrix.
#[inline(always)]
pub(crate) fn rows_mut<T>(mut matrix: &mut [T], width: usize) -> impl Iterator<Item = &mut [T]> {
    core::iter::from_fn(move || {
        if width == 0 {
            return None;
        }
        let (row, rest) = core::mem::take(&mut matrix).split_at_mut_checked(width)?;
        matrix = rest;
        Some(row)
    })
}

/// Each item with its number, from `first` on: `enumerate` without its panic where overflow is checked.
#[inline(always)]
pub(crate) fn numbered<I: IntoIterator>(first: usize, items: I) -> impl Iterator<Item = (usize, I::Item)> {
    let mut next = first;
    items.into_iter().map(move |item| {
        let number = next;
        next = next.wrapping_add(1);
        (number, item)
    })
}

/// Every `step`-th element: `step_by` without its panic at 0.
#[inline(always)]
pub(crate) fn strided<T>(mut slice: &[T], step: usize) -> impl Iterator<Item = &T> {
    core::iter::from_fn(move || {
        let first = slice.first();
        slice = if step > 0 { cut(slice, step).1 } else { &[] };
        first
    })
}

/// Row `row` of a row-major set.
#[inline(always)]
pub(crate) fn picked<T>(set: &[T], width: usize, row: u32) -> &[T] {
    cut(cut(set, (row as usize).saturating_mul(width)).1, width).0
}

/// `tail`, at most seven elements, with zeros after it.
#[inline(always)]
pub(crate) fn padded<T: Copy + Default>(tail: &[T]) -> [T; 8] {
    let mut group = [T::default(); 8];
    for (to, &from) in group.iter_mut().zip(tail) {
        *to = from;
    }
    group
}
