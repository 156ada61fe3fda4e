//! What the Rust tests, the fuzz targets and the tools share. There is one of each thing.
//!
//! - [`open`]: the only place that makes an engine.
//! - [`node`]: a hash that costs nothing, and leaves of any hash.
//! - [`strict`]: a store that checks what the engine promises of each call. [`c_store`]: a store
//!   behind C callbacks.
//! - [`call`]: each public call as a value, and its answer.
//! - [`step`]: what a history is made of, drawn at random or read from a fuzzer's bytes.
//! - [`model`]: the tree as it must be. It turns steps into calls and knows their answers.
//!   [`complete`]: the same without checkpoints, by a full recount.
//! - [`history`]: random calls that succeed.
//! - [`fuzz`]: what arbitrary bytes must never do.
//! - [`cases`]: how many cases, and from which seeds.
//!
//! The unit tests inside the crate `kvshard` cannot use this crate: it would bring a second copy of
//! the types of `kvshard`.

pub mod c_store;
pub mod call;
pub mod cases;
pub mod complete;
pub mod fuzz;
pub mod history;
pub mod input;
pub mod model;
pub mod node;
pub mod step;
pub mod strict;
mod tree;

pub use tree::{Tree, open};
