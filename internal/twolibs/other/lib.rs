//! What another Rust library in the same Go program does: it calls back, panics,
//! and catches the panic.

use std::collections::HashMap;
use std::panic::catch_unwind;

/// Calls `back` with a number out of a map and panics, on this thread and on one of
/// its own. Returns the number of panics that it caught.
#[unsafe(no_mangle)]
pub extern "C" fn other_panic(back: extern "C" fn(u32)) -> i32 {
    let fail = move || {
        let squares: HashMap<u32, u32> = (0..100).map(|n| (n, n * n)).collect();
        back(squares[&7]);
        panic!("the other library, on purpose");
    };
    let here = catch_unwind(fail).is_err();
    let there = std::thread::spawn(fail).join().is_err();
    i32::from(here) + i32::from(there)
}
