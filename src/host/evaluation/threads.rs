//! Work in pieces that threads take one by one.

use crate::host::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;

/// What `work` makes of each of so many pieces, in their order, on a thread for each worker and this one for the first.
pub(super) fn share<W: Send, T: Send>(
    workers: &mut [W],
    pieces: usize,
    work: impl Fn(&mut W, usize) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let work = |worker: &mut W| {
        let mut done = Vec::new();
        loop {
            let i = next.fetch_add(1, Relaxed);
            if i >= pieces {
                return done;
            }
            done.push((i, work(worker, i)));
        }
    };
    let busy = workers.len().min(pieces);
    let mut done = thread::scope(|scope| {
        let mut workers = workers[..busy].iter_mut();
        let here = workers.next();
        // A thread that the system refuses is no loss but of time: the others take its pieces.
        let spawn = |worker| thread::Builder::new().spawn_scoped(scope, || work(worker)).ok();
        let threads: Vec<_> = workers.filter_map(spawn).collect();
        let mut done = here.map_or_else(Vec::new, work);
        for thread in threads {
            // A thread that panics passes its panic on.
            done.extend(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|&(i, _)| i);
    done.into_iter().map(|(_, made)| made).collect()
}
