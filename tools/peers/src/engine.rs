//! kvshard's own engine, called in Rust over a store in memory, like the other
//! trees: without the crossing from Go to Rust and back.

use incrementalmerkletree::{Hashable, Level};
use kvshard::engine::{Config, Engine};
use kvshard::error::Error;
use kvshard::hash::OrchardNode;
use kvshard::kv::MemKv;

use crate::{Bytes, Peer, Work};

type Tree = Engine<MemKv, OrchardNode>;

pub struct EngineTree {
    tree: Tree,
    newest: u32,
    hashes: u64,
}

impl Default for EngineTree {
    fn default() -> Self {
        Self {
            tree: Tree::new(MemKv::new(), Config::default()),
            newest: 0,
            hashes: 0,
        }
    }
}

impl EngineTree {
    fn call<T>(&mut self, call: impl FnOnce(&mut Tree) -> Result<T, Error>) -> T {
        let answer = call(&mut self.tree).expect("a sound tree");
        self.hashes += self.tree.hashes();
        answer
    }
}

fn node(bytes: &Bytes) -> OrchardNode {
    OrchardNode::from_bytes(bytes).expect("a canonical node")
}

impl Peer for EngineTree {
    fn append(&mut self, leaves: &[Bytes]) {
        let leaves: Vec<_> = leaves.iter().map(node).collect();
        self.call(|tree| tree.append(&leaves));
    }
    fn checkpoint(&mut self) {
        self.newest += 1;
        let id = self.newest;
        self.call(|tree| tree.checkpoint(id));
    }
    fn root(&mut self) -> Bytes {
        self.call(Tree::root).to_bytes()
    }
    fn witness(&mut self, position: u64) -> Box<dyn Fn(&Bytes) -> Bytes> {
        let id = self.newest;
        let path = self.call(|tree| tree.witness_at(position, id));
        Box::new(move |leaf| {
            let levels = (0..).map(Level::from);
            let climbed = path
                .iter()
                .zip(levels)
                .fold(node(leaf), |node, (sibling, level)| {
                    match position >> u8::from(level) & 1 {
                        0 => OrchardNode::combine(level, &node, sibling),
                        _ => OrchardNode::combine(level, sibling, &node),
                    }
                });
            climbed.to_bytes()
        })
    }
    fn open(&mut self) {
        let kv = std::mem::take(self.tree.kv_mut());
        self.tree = Tree::new(kv, Config::default());
    }
    fn work(&self) -> Work {
        Work {
            hashes: self.hashes,
            ..Work::default()
        }
    }
}
