//! Items made ahead by other threads while this one uses them, in order.
//!
//! Each helper makes every so many-th item into two buffers of its own, which go to this thread and back: one is used while
//! the other is made. Item `i` depends on `i` alone, so that threads change the time and nothing else.

use crate::host::HostError;
use crate::host::prelude::*;
use std::sync::mpsc::channel;
use std::thread;

/// What another thread makes items with: what it works with, and its buffers.
pub(super) type Helper<W, T> = (W, [T; 2]);

/// Calls `visit(i, item)` for `i` from 0 to `total`, until it fails or says `false`, and gives what it said last.
///
/// `make(worker, i, buffer)` turns a buffer into item `i`, on a thread for each of `helpers`; with `here` on this one, where
/// there is none.
///
/// # Errors
/// What `visit` returns. A panic of `make` on another thread goes on here.
pub(super) fn ahead<T: Send, W: Send>(
    total: usize,
    (here, own): (&mut W, &mut T),
    helpers: &mut [Helper<W, T>],
    make: impl Fn(&mut W, usize, &mut T) + Sync,
    mut visit: impl FnMut(usize, &T) -> Result<bool, HostError>,
) -> Result<bool, HostError> {
    let (make, count) = (&make, helpers.len().max(1));
    thread::scope(|scope| {
        let helpers = helpers.iter_mut().zip(0..).map(|((worker, buffers), first)| {
            let ((free, wanted), (made, done)) = (channel(), channel());
            buffers.iter_mut().for_each(|buffer| _ = free.send(buffer));
            // Who is not heard any more has ended.
            let work = move || {
                for i in (first..total).step_by(count) {
                    let Ok(buffer) = wanted.recv() else { return };
                    make(worker, i, buffer);
                    let Ok(()) = made.send(buffer) else { return };
                }
            };
            // A thread that the system refuses is no loss but of time.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
            (free, done)
        });
        let helpers: Vec<_> = helpers.collect();
        for i in 0..total {
            let made = helpers.get(i % count).and_then(|(free, done)| Some((free, done.recv().ok()?)));
            let goes_on = match made {
                Some((free, item)) => {
                    let said = visit(i, item);
                    let _ = free.send(item);
                    said?
                }
                None => {
                    make(here, i, own);
                    visit(i, own)?
                }
            };
            if !goes_on {
                return Ok(false);
            }
        }
        Ok(true)
    })
}

#[cfg(test)]
mod tests;
