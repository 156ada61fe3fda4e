//! The vote chain's keeper over one round's tree, which the crate keeps.

use peers::Bytes;
use peers::kv::Store;
use vote_commitment_tree::{MerkleHashVote, TreeServer, poseidon_hash};

/// A leaf of the chain: a Poseidon hash. Some leaves are values that a tree must neither take for
/// absent nor refuse: zero, the greatest value, and the value of an absent leaf.
pub fn leaf(position: u64) -> MerkleHashVote {
    let zero = node([0; 32]);
    match position {
        40 => zero,
        41 => {
            // p - 1, little-endian
            let mut bytes = [0; 32];
            bytes[..16]
                .copy_from_slice(&0x2246_98fc_094c_f91b_992d_30ed_0000_0000_u128.to_le_bytes());
            bytes[31] = 0x40;
            node(bytes)
        }
        42 => hash(zero, zero),
        _ => hash(number(position), number(2)),
    }
}

fn node(bytes: Bytes) -> MerkleHashVote {
    MerkleHashVote::from_bytes(&bytes).expect("a canonical node")
}

fn number(n: u64) -> MerkleHashVote {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&n.to_le_bytes());
    node(bytes)
}

fn hash(left: MerkleHashVote, right: MerkleHashVote) -> MerkleHashVote {
    MerkleHashVote::from_fp(poseidon_hash(left.inner(), right.inner()))
}

/// The beginning of all keys of a round.
pub fn round_prefix() -> Vec<u8> {
    let round = hash(number(2026), number(11)).to_bytes();
    [&[0x14], round.as_slice()].concat()
}

/// A block.
#[derive(Clone, Copy)]
pub struct Made {
    pub height: u32,
    pub size: u64, // of the tree after the block
}

/// The chain's keeper over one round's tree.
pub struct Chain {
    pub prefix: Vec<u8>,
    pub store: Box<Store>, // in a box: the callbacks point to it
    tree: TreeServer,
    pub size: u64,
    height: u32,
    state: State,
    pub made: Vec<Made>,
}

/// `CommitmentTreeState`, the keeper's record `06`.
#[derive(Default)]
struct State {
    next_index: u64,
    root: Vec<u8>,
    height: u64,
    next_index_at_root: u64,
}

impl State {
    /// The protobuf encoding: fields 1 to 4, without those that are 0 or empty.
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        number_field(&mut out, 1, self.next_index);
        if !self.root.is_empty() {
            out.push(2 << 3 | 2);
            varint(&mut out, self.root.len() as u64);
            out.extend(&self.root);
        }
        number_field(&mut out, 3, self.height);
        number_field(&mut out, 4, self.next_index_at_root);
        out
    }
}

fn number_field(out: &mut Vec<u8>, field: u8, number: u64) {
    if number != 0 {
        out.push(field << 3);
        varint(out, number);
    }
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

impl Chain {
    pub fn new() -> Self {
        let prefix = round_prefix();
        let store = Box::new(Store::under(&prefix));
        // Other records of the module, beside the round's: the least number of validators, the round
        // before and the round after, and the owner of a public key.
        store.put(&[0x13], &1_u32.to_be_bytes());
        for change in [-1_i8, 1] {
            let mut other = prefix.clone();
            other[32] = other[32].wrapping_add_signed(change);
            store.put(
                &[other.as_slice(), &[0x02], &0_u64.to_be_bytes()].concat(),
                &leaf(0).to_bytes(),
            );
        }
        store.put(
            &[&[0x15], leaf(1).to_bytes().as_slice()].concat(),
            b"validator",
        );
        Self {
            tree: TreeServer::new(store.callbacks(), 0),
            prefix,
            store,
            size: 0,
            height: 9,
            state: State::default(),
            made: Vec::new(),
        }
    }

    fn put(&self, kind: u8, number: Option<u64>, value: &[u8]) {
        let mut key = self.prefix.clone();
        key.push(kind);
        key.extend(number.iter().flat_map(|number| number.to_be_bytes()));
        self.store.put(&key, value);
    }

    /// Makes a block, some heights after the last. A block without leaves makes a checkpoint too.
    pub fn block(&mut self, leaves: u64) -> Made {
        self.height += 1 + self.made.len() as u32 % 3;
        if leaves > 0 {
            self.append(leaves);
        } else {
            self.tree.checkpoint(self.height).expect("a checkpoint");
        }
        let made = Made {
            height: self.height,
            size: self.size,
        };
        self.made.push(made);
        made
    }

    /// Appends what a block's transactions append, and does what the keeper's EndBlocker does then.
    fn append(&mut self, leaves: u64) {
        let first = self.size;
        for _ in 0..leaves {
            self.put(0x02, Some(self.size), &leaf(self.size).to_bytes());
            self.size += 1;
            self.state.next_index = self.size;
        }
        self.tree.append_from_kv(first, leaves).expect("an append");
        self.tree.checkpoint(self.height).expect("a checkpoint");
        let root = MerkleHashVote::from_fp(self.tree.root()).to_bytes();
        if self.state.root != root {
            self.note_root(root);
        }
        self.put(0x06, None, &self.state.encode());
    }

    /// Writes what the keeper writes when the root has changed. A leaf with the value of an absent one
    /// does not change it.
    fn note_root(&mut self, root: Bytes) {
        let height = u64::from(self.height);
        let first = self.state.next_index_at_root;
        self.put(0x03, Some(height), &root);
        let range = [first.to_be_bytes(), (self.size - first).to_be_bytes()].concat();
        self.put(0x08, Some(height), &range);
        self.state.root = root.to_vec();
        self.state.height = height;
        self.state.next_index_at_root = self.size;
    }

    pub fn root(&self, height: u32) -> Bytes {
        let root = self.tree.root_at_height(height).expect("a root");
        MerkleHashVote::from_fp(root).to_bytes()
    }

    pub fn path_bytes(&self, height: u32, position: u64) -> Vec<u8> {
        let path = self.tree.path(position, height).expect("a path");
        path.to_bytes()
    }
}
