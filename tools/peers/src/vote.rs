//! `vote-commitment-tree`'s `TreeServer` over its `KvShardStore`: the other tree
//! that a Cosmos chain keeps in its store. It has depth 24 and Poseidon; its hashes
//! cannot be counted from outside.

use vote_commitment_tree::{MerkleHashVote, TreeServer};

use crate::kv::Store;
use crate::{Bytes, Peer, Work};

pub struct VoteTree {
    store: Box<Store>, // in a box: the callbacks point to it
    tree: TreeServer,
    newest: u32,
}

impl Default for VoteTree {
    fn default() -> Self {
        let store = Box::<Store>::default();
        Self {
            tree: TreeServer::new(store.callbacks(), 0),
            store,
            newest: 0,
        }
    }
}

fn node(bytes: &Bytes) -> MerkleHashVote {
    MerkleHashVote::from_bytes(bytes).expect("a canonical node")
}

impl Peer for VoteTree {
    fn append(&mut self, leaves: &[Bytes]) {
        for leaf in leaves {
            self.tree.append(node(leaf).inner()).expect("an append");
        }
    }
    fn checkpoint(&mut self) {
        self.newest += 1;
        self.tree.checkpoint(self.newest).expect("a checkpoint");
    }
    fn root(&mut self) -> Bytes {
        MerkleHashVote::from_fp(self.tree.root()).to_bytes()
    }
    fn witness(&mut self, position: u64) -> Box<dyn Fn(&Bytes) -> Bytes> {
        let path = self.tree.path(position, self.newest).expect("a path");
        Box::new(move |leaf| MerkleHashVote::from_fp(path.root(node(leaf)).inner()).to_bytes())
    }
    fn open(&mut self) {
        self.tree = TreeServer::new(self.store.callbacks(), self.tree.size());
    }
    fn work(&self) -> Work {
        self.store.work()
    }
}
