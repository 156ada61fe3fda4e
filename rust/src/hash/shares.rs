//! Spreading a batch over threads.

use std::sync::{Mutex, PoisonError};
use std::thread;

/// Works through `items` and as many places in `out`, on up to `threads` threads. Each thread takes
/// `share` of them at once.
pub(super) fn in_shares<T: Sync, U: Send>(
    items: &[T],
    out: &mut [U],
    share: usize,
    threads: usize,
    work: impl Fn(&[T], &mut [U]) + Sync,
) {
    let shares = Mutex::new(items.chunks(share).zip(out.chunks_mut(share)));
    let work = || {
        // The guard is dropped with the statement, before the share is worked on.
        let next = || shares.lock().unwrap_or_else(PoisonError::into_inner).next();
        while let Some((items, out)) = next() {
            work(items, out);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // A process that may have no further thread does with fewer: the
            // result is the same.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
}
