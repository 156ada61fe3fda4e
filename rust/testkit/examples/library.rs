//! The C functions as a static library, for Go tests that want one path of the hash: build/test-path.sh.
//!
//! It is an example, so it has the features that the tests have, and shares all crates with them.

pub use kvshard::ffi::*;
