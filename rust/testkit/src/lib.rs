//! What the Rust tests, the fuzz targets and the tools share: one of each.
//!
//! - [`open`]: the only place that makes an engine.
//! - [`node`]: a hash that costs nothing, and leaves of any hash.
//! - [`strict`]: a store that holds each call to what the engine promises. [`c_store`]: a store
//!   behind C callbacks.
//! - [`call`]: each public call as a value, and its answer.
//! - [`step`]: what a history is made of, drawn at random or read from a fuzzer's bytes.
//! - [`model`]: the tree as it must be; it turns steps into calls and knows their answers.
//!   [`complete`]: the same without checkpoints, a full recount.
//! - [`history`]: random calls that succeed.
//! - [`fuzz`]: what arbitrary bytes may not bring about.
//! - [`cases`]: how often, and from which seeds.
//!
//! The unit tests inside the crate `kvshard` cannot use it: they would meet a second copy of the
//! crate's types.

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
