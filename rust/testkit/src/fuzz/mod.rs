//! What arbitrary bytes can do: each public function takes them and panics if kvshard does what it
//! must not. The fuzzer calls them; `tests/corpus.rs` replays the committed inputs through them.

mod damage;
mod decode;
mod history;

pub use damage::damage;
pub use decode::decode;
pub use history::history;
