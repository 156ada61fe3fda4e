//! The engine as tests make it.

use kvshard::engine::{Config, Engine};
use kvshard::kv::Kv;

use crate::node::TestNode;

/// A tree of depth `DEPTH` over the hash `H`, stored in `K`.
pub type Tree<K, H, const DEPTH: u8> = Engine<K, H, DEPTH>;

/// Opens the tree in a store.
pub fn open<K: Kv, H: TestNode, const DEPTH: u8>(kv: K, config: Config) -> Tree<K, H, DEPTH> {
    Engine::new(kv, config)
}
