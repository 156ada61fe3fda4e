//! What arbitrary bytes can do. Each public function takes bytes and panics if kvshard misbehaves.
//! The fuzzer calls them; `tests/corpus.rs` replays the committed inputs through them.

mod damage;
mod decode;
mod history;

pub use damage::damage;
pub use decode::decode;
pub use history::history;
