//! Trees in memory with Orchard's hash, as `orchard` computes it. Its `combine` is
//! counted; its empty roots come from a table.

use std::cell::Cell;

use incrementalmerkletree::frontier::{Frontier, NonEmptyFrontier};
use incrementalmerkletree::{Hashable, Level, Position, Retention};
use orchard::tree::MerkleHashOrchard;
use shardtree::ShardTree;
use shardtree::store::memory::MemoryShardStore;

use crate::{Bytes, Peer, Work};

thread_local! {
    static HASHES: Cell<u64> = const { Cell::new(0) };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counted(MerkleHashOrchard);

impl Hashable for Counted {
    fn empty_leaf() -> Self {
        Self(MerkleHashOrchard::empty_leaf())
    }
    fn combine(level: Level, left: &Self, right: &Self) -> Self {
        HASHES.set(HASHES.get() + 1);
        Self(MerkleHashOrchard::combine(level, &left.0, &right.0))
    }
    fn empty_root(level: Level) -> Self {
        Self(MerkleHashOrchard::empty_root(level))
    }
}

fn node(bytes: &Bytes) -> Counted {
    let node: Option<_> = MerkleHashOrchard::from_bytes(bytes).into();
    Counted(node.expect("a canonical node"))
}

fn hashes() -> Work {
    Work {
        hashes: HASHES.get(),
        ..Work::default()
    }
}

/// `incrementalmerkletree`'s `Frontier`: it does the least that any tree must do,
/// and proves nothing.
pub struct InMemoryFrontier(Frontier<Counted, 32>);

impl Default for InMemoryFrontier {
    fn default() -> Self {
        Self(Frontier::empty())
    }
}

impl Peer for InMemoryFrontier {
    fn start(&mut self, size: u64, nodes: &[Bytes]) {
        let position = Position::from(size - 1);
        let ommers = nodes[1..].iter().map(node).collect();
        self.0 = NonEmptyFrontier::from_parts(position, node(&nodes[0]), ommers)
            .and_then(Frontier::try_from)
            .expect("an ommer for each 1 bit of the position");
    }
    fn append(&mut self, leaves: &[Bytes]) {
        for leaf in leaves {
            assert!(self.0.append(node(leaf)), "full");
        }
    }
    fn root(&mut self) -> Bytes {
        self.0.root().0.to_bytes()
    }
    fn work(&self) -> Work {
        hashes()
    }
}

/// `shardtree`'s `ShardTree` over its in-memory store, used through the calls that
/// keep computed hashes.
pub struct InMemoryShardTree {
    tree: ShardTree<MemoryShardStore<Counted, u32>, 32, 4>,
    newest: u32,
}

impl Default for InMemoryShardTree {
    fn default() -> Self {
        Self {
            tree: ShardTree::new(MemoryShardStore::empty(), 100),
            newest: 0,
        }
    }
}

impl Peer for InMemoryShardTree {
    fn append(&mut self, leaves: &[Bytes]) {
        for leaf in leaves {
            self.tree
                .append(node(leaf), Retention::Marked)
                .expect("an append");
        }
    }
    fn build(&mut self, leaves: &[Bytes]) {
        let marked = leaves.iter().map(|leaf| (node(leaf), Retention::Marked));
        self.tree
            .batch_insert(Position::from(0), marked)
            .expect("a batch");
    }
    fn checkpoint(&mut self) {
        self.newest += 1;
        assert!(self.tree.checkpoint(self.newest).expect("a checkpoint"));
    }
    fn root(&mut self) -> Bytes {
        let root = self.tree.root_at_checkpoint_id_caching(&self.newest);
        root.expect("a root").expect("a checkpoint").0.to_bytes()
    }
    fn witness(&mut self, position: u64) -> Box<dyn Fn(&Bytes) -> Bytes> {
        let path = self
            .tree
            .witness_at_checkpoint_id_caching(Position::from(position), &self.newest);
        let path = path.expect("a witness").expect("a checkpoint");
        Box::new(move |leaf| path.root(node(leaf)).0.to_bytes())
    }
    fn work(&self) -> Work {
        hashes()
    }
}
