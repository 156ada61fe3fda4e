//! What several test files share. Each of them uses a part.
#![allow(dead_code)]

pub mod c_store;
pub mod calls;
pub mod complete;
pub mod nodes;
pub mod strict;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// How many cases a property is tried on: `KVSHARD_CASES` multiplies the usual number.
pub fn cases(usual: u64) -> u64 {
    let factor = std::env::var("KVSHARD_CASES").ok();
    let factor = factor.map_or(1, |text| text.parse().expect("KVSHARD_CASES is no number"));
    usual * factor
}

/// The same for `proptest`, where `PROPTEST_CASES` replaces the usual number.
pub fn proptest_config(usual: u32) -> proptest::test_runner::Config {
    let chosen = std::env::var("PROPTEST_CASES").ok();
    let chosen = chosen.map(|text| text.parse().expect("PROPTEST_CASES is no number"));
    proptest::test_runner::Config {
        cases: cases(chosen.unwrap_or(usual).into()) as u32,
        failure_persistence: None,
        ..proptest::test_runner::Config::default()
    }
}

/// Runs a property on seeds `first..first + count`, and says which seed failed.
pub fn for_seeds(name: &str, first: u64, count: u64, mut property: impl FnMut(&mut ChaCha8Rng)) {
    for seed in first..first + cases(count) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let run = std::panic::AssertUnwindSafe(|| property(&mut rng));
        if let Err(panic) = std::panic::catch_unwind(run) {
            eprintln!("{name}: seed {seed} fails");
            std::panic::resume_unwind(panic);
        }
    }
}

/// One of the values.
pub fn pick<'a, T>(rng: &mut ChaCha8Rng, of: &'a [T]) -> &'a T {
    &of[rng.random_range(0..of.len())]
}
