//! Replays what the fuzzer found, and its seeds.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use kvshard_testkit::fuzz;

/// Every committed input of a target.
fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut inputs = 0;
    for entry in fs::read_dir(&folder).expect("the corpus is committed") {
        let path = entry.expect("readable").path();
        let data = fs::read(&path).expect("readable");
        let outcome = catch_unwind(AssertUnwindSafe(|| run(&data)));
        assert!(outcome.is_ok(), "see above: {}", path.display());
        inputs += 1;
    }
    assert!(inputs > 0, "{} is empty", folder.display());
}

#[test]
fn decode() {
    replay("decode", fuzz::decode);
}

#[test]
fn history() {
    replay("history", fuzz::history);
}

#[test]
fn damage() {
    replay("damage", fuzz::damage);
}
