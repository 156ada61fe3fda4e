//! `votestores [--check] DIR [NAME...]`: stores of the vote chain as the crate `vote-commitment-tree` leaves them,
//! and what the crate says of them. testdata/README.md has the format.
//!
//! A store is grown block by block as the chain's keeper does it: each leaf is a record of the keeper's, and
//! at the end of a block the crate reads the new ones, makes a checkpoint and takes the root. Then nothing is
//! written for a while, and what follows is a future: blocks that the store does not hold yet.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::ExitCode;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use peers::Bytes;
use peers::kv::Store;
use sha2::{Digest, Sha256};
use vote_commitment_tree::{MerkleHashVote, TreeServer, poseidon_hash};

/// What the crate keeps of checkpoints.
const MAX_CHECKPOINTS: usize = 1000;
/// Blocks after the store was written down.
const FUTURE: u64 = 100;
/// Up to so many paths of a checkpoint are written down whole; of more, all at once by their hash.
const WHOLE_PATHS: u64 = 100;

fn main() -> ExitCode {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let check = args.first().is_some_and(|arg| arg == "--check");
    if check {
        args.remove(0);
    }
    let [dir, names @ ..] = args.as_slice() else {
        eprintln!("usage: votestores [--check] DIR [NAME...]");
        return ExitCode::from(2);
    };
    let stores = stores();
    if let Some(name) = names
        .iter()
        .find(|name| stores.iter().all(|(of, _)| of != name))
    {
        eprintln!("votestores: there is no store {name}");
        return ExitCode::from(2);
    }
    for (name, blocks) in stores {
        if !names.is_empty() && names.iter().all(|of| of != name) {
            continue;
        }
        let file = Path::new(dir).join(format!("{name}.txt.gz"));
        let text = dump(&blocks);
        let done = if check {
            compare(&file, &text)
        } else {
            write(&file, &text).map_err(|e| e.to_string())
        };
        if let Err(e) = done {
            eprintln!("votestores: {}: {e}", file.display());
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// The stores, by name: how many leaves each block brings.
fn stores() -> Vec<(&'static str, Vec<u64>)> {
    vec![
        ("1", vec![1]),
        ("5", vec![1, 2, 2]),
        ("16", vec![5, 3, 8]),
        ("17", vec![8, 8, 1]),
        ("100", vec![1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 10, 20, 30, 10]),
        ("1000", vec![10; 100]),
        // The crate allows it, and the keeper does not do it: also the empty tree's record differs.
        ("checkpoints-without-leaves", vec![0, 3, 0, 13, 0, 0, 5]),
        ("3000-in-1500-blocks", vec![2; 1500]),
        ("2100-checkpoints", vec![1; 2100]),
    ]
}

fn write(file: &Path, text: &str) -> std::io::Result<()> {
    let mut out = GzEncoder::new(Vec::new(), Compression::best());
    out.write_all(text.as_bytes())?;
    fs::write(file, out.finish()?)
}

/// Compares what is in the file. Its bytes may be those of another compressor.
fn compare(file: &Path, text: &str) -> Result<(), String> {
    let data = fs::read(file).map_err(|e| e.to_string())?;
    let mut found = String::new();
    let read = GzDecoder::new(data.as_slice()).read_to_string(&mut found);
    read.map_err(|e| e.to_string())?;
    if found == text {
        return Ok(());
    }
    let same = found.lines().zip(text.lines()).take_while(|(a, b)| a == b);
    Err(format!(
        "line {} differs from what the crate gives",
        same.count() + 1
    ))
}

fn dump(blocks: &[u64]) -> String {
    let mut chain = Chain::new();
    for &leaves in blocks {
        chain.block(leaves);
    }
    let mut lines = vec![format!("prefix {}", hex(&chain.prefix))];
    let records = chain.store.records();
    lines.extend(
        records
            .iter()
            .map(|(key, value)| format!("record {} {}", hex(key), hex(value))),
    );
    // Every path of the newest checkpoint, and of those before it some.
    let kept = &chain.made[chain.made.len().saturating_sub(MAX_CHECKPOINTS)..];
    for Made { height, size } in kept {
        let root = hex(&chain.root(*height));
        lines.push(format!("checkpoint {height} {size} {root}"));
    }
    lines.extend(chain.paths(kept.last().expect("a block")));
    for (i, made) in kept.iter().enumerate() {
        if made.size > 0 && (kept.len() < 20 || i % 40 == 0) {
            lines.push(chain.path(made.height, i as u64 * 7 % made.size));
        }
    }
    for i in 0..FUTURE {
        let first = chain.size;
        let Made { height, size } = chain.block(1 + i % 2);
        let root = hex(&chain.root(height));
        let leaves: Vec<String> = (first..size).map(|at| hex(&leaf(at).to_bytes())).collect();
        lines.push(format!("block {height} {root} {}", leaves.join(" ")));
        if i % 10 == 9 {
            lines.push(chain.path(height, i * 31 % size));
        }
    }
    lines.join("\n") + "\n"
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A leaf as the chain has them, a Poseidon hash; but for some that a tree must not take for absent or
/// refuse: zero, the greatest value, and the value of an absent leaf.
fn leaf(position: u64) -> MerkleHashVote {
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

/// A block that brought leaves.
#[derive(Clone, Copy)]
struct Made {
    height: u32,
    size: u64, // of the tree after it
}

/// The chain's keeper over one round's tree.
struct Chain {
    prefix: Vec<u8>,
    store: Box<Store>, // in its place: the callbacks point to it
    tree: TreeServer,
    size: u64,
    height: u32,
    state: State,
    made: Vec<Made>,
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
    /// As protobuf has it: fields 1 to 4, and none that is 0 or empty.
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
    fn new() -> Self {
        let round = hash(number(2026), number(11)).to_bytes();
        let prefix = [&[0x14], round.as_slice()].concat();
        let store = Box::new(Store::under(&prefix));
        // Records of the same module beside the round's: the least number of validators, another round
        // before and one behind, and whose public key this is.
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

    /// A block, some heights after the last. One without leaves makes a checkpoint all the same.
    fn block(&mut self, leaves: u64) -> Made {
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

    /// What the transactions of a block append, and what the keeper's EndBlocker makes of it.
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

    /// What the keeper writes where the root changed. It does not by a leaf that has the value of an absent
    /// one.
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

    fn root(&self, height: u32) -> Bytes {
        let root = self.tree.root_at_height(height).expect("a root");
        MerkleHashVote::from_fp(root).to_bytes()
    }

    fn path_bytes(&self, height: u32, position: u64) -> Vec<u8> {
        let path = self.tree.path(position, height).expect("a path");
        path.to_bytes()
    }

    fn path(&self, height: u32, position: u64) -> String {
        let path = self.path_bytes(height, position);
        format!("path {height} {position} {}", hex(&path))
    }

    /// All paths of a checkpoint.
    fn paths(&self, made: &Made) -> Vec<String> {
        if made.size <= WHOLE_PATHS {
            return (0..made.size)
                .map(|position| self.path(made.height, position))
                .collect();
        }
        let mut all = Sha256::new();
        for position in 0..made.size {
            all.update(self.path_bytes(made.height, position));
        }
        vec![format!("paths {} {}", made.height, hex(&all.finalize()))]
    }
}
