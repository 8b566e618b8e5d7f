//! Items made ahead by other threads while this one uses them, in order, in a fixed number of buffers.
//!
//! The user takes item 0, 1, 2, …; whoever is free makes the first item that nobody makes, the user too where it would
//! wait. Item `i` depends on `i` alone, so that threads change the time and nothing else. Items are begun in order, each
//! with a buffer: where item `i` is wanted and not begun, every buffer is free, so nothing can block for ever.

use crate::host::HostError;
use crate::host::prelude::*;
use std::mem;
use std::panic::resume_unwind;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Calls `visit(i, item)` for `i` from 0 to `total`, until it fails or says `false`, and gives what it said last.
///
/// `make(worker, i, buffer)` turns a buffer into item `i`; the first of `workers` belongs to this thread, each other to
/// one of its own. All buffers are in `buffers` again at the end, at least one of which there must be.
///
/// # Errors
/// What `visit` returns. A panic of `make` on another thread goes on here.
pub(super) fn ahead<T: Send, W: Send>(
    total: usize,
    buffers: &mut Vec<T>,
    workers: &mut [W],
    make: impl Fn(&mut W, usize, &mut T) + Sync,
    mut visit: impl FnMut(usize, &T) -> Result<bool, HostError>,
) -> Result<bool, HostError> {
    let Some((here, others)) = workers.split_first_mut() else { return Ok(true) };
    let state = State { total, begun: 0, free: mem::take(buffers), done: Vec::new(), closed: false };
    let shared = Shared { state: Mutex::new(state), changed: Condvar::new() };
    let (shared, make) = (&shared, &make);
    let visited = thread::scope(|scope| {
        let close = Close(shared);
        let spawn = |worker| thread::Builder::new().spawn_scoped(scope, move || shared.work(worker, make)).ok();
        // A thread that the system refuses is no loss but of time.
        let threads: Vec<_> = others.iter_mut().filter_map(spawn).collect();
        let visited = (0..total).try_for_each(|i| {
            // Nothing only where another thread panics.
            let Some(item) = shared.take(i, here, make) else { return Err(Ok(false)) };
            let said = visit(i, &item);
            shared.lock().free.push(item);
            shared.changed.notify_all();
            if let Ok(true) = said { Ok(()) } else { Err(said) }
        });
        drop(close);
        for thread in threads {
            thread.join().unwrap_or_else(|panic| resume_unwind(panic));
        }
        visited
    });
    let mut state = shared.lock();
    buffers.append(&mut state.free);
    buffers.extend(state.done.drain(..).map(|(_, item)| item));
    visited.map_or_else(|said| said, |()| Ok(true))
}

struct State<T> {
    total: usize,
    /// Items that someone makes or has made: those below this.
    begun: usize,
    free: Vec<T>,
    done: Vec<(usize, T)>,
    closed: bool,
}

impl<T> State<T> {
    /// The next item to make, and a buffer for it, where there are both.
    fn begin(&mut self) -> Option<(usize, T)> {
        if self.begun == self.total || self.closed {
            return None;
        }
        let buffer = self.free.pop()?;
        self.begun += 1;
        Some((self.begun - 1, buffer))
    }
}

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

impl<T> Shared<T> {
    /// No code that can panic runs under the lock.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the next item that nobody makes, or waits for news where there is none.
    fn go_on<'s, W>(
        &'s self,
        mut state: MutexGuard<'s, State<T>>,
        worker: &mut W,
        make: impl Fn(&mut W, usize, &mut T),
    ) -> MutexGuard<'s, State<T>> {
        let Some((i, mut buffer)) = state.begin() else {
            return self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        };
        drop(state);
        make(worker, i, &mut buffer);
        self.lock().done.push((i, buffer));
        self.changed.notify_all();
        self.lock()
    }

    /// What another thread does: makes items until all are begun.
    fn work<W>(&self, worker: &mut W, make: impl Fn(&mut W, usize, &mut T)) {
        // Where `make` panics, nobody is to wait for its item.
        let close = Close(self);
        let mut state = self.lock();
        while !state.closed && state.begun < state.total {
            state = self.go_on(state, worker, &make);
        }
        drop(state);
        mem::forget(close);
    }

    /// Item `i`; makes items as long as it is not there.
    fn take<W>(&self, i: usize, worker: &mut W, make: impl Fn(&mut W, usize, &mut T)) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(at) = state.done.iter().position(|&(done, _)| done == i) {
                return Some(state.done.swap_remove(at).1);
            }
            if state.closed {
                return None;
            }
            state = self.go_on(state, worker, &make);
        }
    }
}

/// Tells everyone to stop when it goes, also in a panic.
struct Close<'a, T>(&'a Shared<T>);

impl<T> Drop for Close<'_, T> {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests;
