//! How many cases a property is tried on, and from which seeds.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A number from the environment.
pub fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let Ok(number) = text.parse() else {
        panic!("{name} is no number: {text:?}");
    };
    Some(number)
}

/// How many cases a property is tried on: `KVSHARD_CASES` multiplies the usual number.
pub fn cases(usual: u64) -> u64 {
    usual * number("KVSHARD_CASES").unwrap_or(1)
}

/// The same for `proptest`, where `PROPTEST_CASES` replaces the usual number.
pub fn proptest_config(usual: u32) -> proptest::test_runner::Config {
    proptest::test_runner::Config {
        cases: cases(number("PROPTEST_CASES").unwrap_or(usual.into())) as u32,
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
