//! The values of the records, byte by byte. `FORMAT.md` shows them with examples.
//!
//! Shards and the cap are written as `zcash_client_backend::serialization::shardtree` writes them: it
//! reads ours, and we read its. Nothing that is read is trusted. The height bounds the depth of a
//! tree, the length of the value bounds counts, and every byte must be used.

mod tree;

use std::collections::BTreeSet;
use std::marker::PhantomData;

use incrementalmerkletree::Position;
use orchard::tree::MerkleHashOrchard;
use shardtree::store::{Checkpoint, TreeState};

pub(crate) use tree::{Token, TreeReader, TreeWriter};
pub use tree::{decode_tree, encode_tree};

use crate::edge;
pub use crate::edge::SHARD_HEIGHT;
use crate::error::KvError;
use crate::hash::{OrchardNode, VoteNode};
use crate::keys;
use crate::scheme::{Fingerprint, NodeReader};
pub use crate::scheme::{NodeCodec, StoredNode, TreeNode};

/// The version byte of shard, cap, tip, summary and quad.
pub const VERSION: u8 = 1;

/// The bytes of a node.
pub(crate) fn node_bytes<H: NodeCodec>(node: &H) -> Vec<u8> {
    let mut bytes = vec![];
    node.write(&mut bytes);
    bytes
}

/// Reads nodes that say by themselves whether they are canonical.
#[derive(Debug)]
pub struct Plain<H>(PhantomData<H>);

impl<H> Default for Plain<H> {
    fn default() -> Self {
        Plain(PhantomData)
    }
}

impl<H: StoredNode> NodeReader for Plain<H> {
    type Node = H;
}

/// 32 bytes: the canonical little-endian encoding of the field element.
impl NodeCodec for OrchardNode {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        OrchardNode::from_bytes(&take(bytes)?)
    }
}

/// As [`OrchardNode`]: the same field, another hash.
impl NodeCodec for VoteNode {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_bytes());
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        VoteNode::from_bytes(&take(bytes)?)
    }
}

/// As [`OrchardNode`]: the same field element, as the `orchard` crate holds it.
impl NodeCodec for MerkleHashOrchard {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_bytes());
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        MerkleHashOrchard::from_bytes(&take(bytes)?).into()
    }
}

/// A `u32` LE length and UTF-8: for the test suites whose "hashes" are strings.
impl NodeCodec for String {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.len() as u32).to_le_bytes());
        out.extend_from_slice(self.as_bytes());
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let len = u32::from_le_bytes(take(bytes)?) as usize;
        let (text, rest) = bytes.split_at_checked(len)?;
        *bytes = rest;
        String::from_utf8(text.to_vec()).ok()
    }
}

/// The value of a checkpoint: `has_position u8 · position u64 LE · marks_removed count u32 LE ·
/// each u64 LE`.
pub fn encode_checkpoint(checkpoint: &Checkpoint) -> Vec<u8> {
    let mut out = Vec::with_capacity(13 + 8 * checkpoint.marks_removed().len());
    out.push(u8::from(!checkpoint.is_tree_empty()));
    let position = checkpoint.position().map_or(0, u64::from);
    out.extend_from_slice(&position.to_le_bytes());
    out.extend_from_slice(&(checkpoint.marks_removed().len() as u32).to_le_bytes());
    for mark in checkpoint.marks_removed() {
        out.extend_from_slice(&u64::from(*mark).to_le_bytes());
    }
    out
}

/// Reads a checkpoint.
pub fn decode_checkpoint(key: &[u8], value: &[u8]) -> Result<Checkpoint, KvError> {
    let mut reader = Reader { key, rest: value };
    let has_position = reader.byte("whether there is a position")?;
    let position = reader.u64("the position")?;
    let state = match (has_position, position) {
        (0, 0) => TreeState::Empty,
        (0, _) => return Err(reader.corrupt("a position in an empty tree")),
        (1, position) => TreeState::AtPosition(position.into()),
        (other, _) => return Err(reader.corrupt(format!("position marker {other}"))),
    };
    let count = reader.u32("the number of removed marks")?;
    if reader.rest.len() as u64 != u64::from(count) * 8 {
        return Err(reader.corrupt(format!(
            "{count} removed marks in {} bytes",
            reader.rest.len()
        )));
    }
    let mut marks = BTreeSet::new();
    for _ in 0..count {
        let mark = Position::from(reader.u64("a removed mark")?);
        if marks.last().is_some_and(|last| *last >= mark) {
            return Err(reader.corrupt("removed marks out of order"));
        }
        marks.insert(mark);
    }
    Ok(Checkpoint::from_parts(state, marks))
}

/// The value that says that a checkpoint is retained.
pub const RETAINED_VALUE: [u8; 1] = [1];

/// The newest end of the tree: the record that every append rewrites.
///
/// `version u8 · flags u8 · size u64 LE · [origin u64 LE, if flags has STARTED] · [fingerprint of 8
/// bytes, if flags has SCHEME] · nodes`. The nodes
/// are, first, the root of the newest completed shard, if its right sibling is not complete; then the
/// completed nodes of level 5 in the quad that is not complete, left to right, at most three. `size`
/// and `origin` determine how many there are.
#[derive(Clone, Debug, PartialEq)]
pub struct Tip<H> {
    /// Leaves in the tree.
    pub size: u64,
    /// Leaves before the first shard: not 0 if the tree was started from a frontier. Nodes that
    /// end at or before the origin are known only as far as the cap holds them.
    pub origin: u64,
    /// Whether the newest leaf is `MARKED`.
    pub last_marked: bool,
    /// The root of the newest completed shard, if its right sibling is not complete.
    pub ommer: Option<H>,
    /// The completed nodes of level 5 in the open quad.
    pub members: Vec<H>,
}

const LAST_MARKED: u8 = 0b01;
const STARTED: u8 = 0b10;
const SCHEME: u8 = 0b100;

impl<H> Tip<H> {
    /// The tip of an empty tree, which has no record.
    pub fn empty() -> Self {
        Tip {
            size: 0,
            origin: 0,
            last_marked: false,
            ommer: None,
            members: vec![],
        }
    }
}

/// The value of the tip of a tree of the scheme with this fingerprint.
pub fn encode_tip<H: NodeCodec>(tip: &Tip<H>, fingerprint: Option<Fingerprint>) -> Vec<u8> {
    let started = tip.origin > 0;
    let flags = u8::from(tip.last_marked) * LAST_MARKED
        + u8::from(started) * STARTED
        + u8::from(fingerprint.is_some()) * SCHEME;
    let nodes = usize::from(tip.ommer.is_some()) + tip.members.len();
    let mut out = Vec::with_capacity(26 + 32 * nodes);
    out.extend([VERSION, flags]);
    out.extend_from_slice(&tip.size.to_le_bytes());
    if started {
        out.extend_from_slice(&tip.origin.to_le_bytes());
    }
    out.extend(fingerprint.into_iter().flatten());
    for node in tip.ommer.iter().chain(&tip.members) {
        node.write(&mut out);
    }
    out
}

/// Reads the tip of a tree of this depth, whose scheme has this fingerprint.
pub fn decode_tip<R: NodeReader>(
    nodes: &R,
    depth: u8,
    fingerprint: Option<Fingerprint>,
    value: &[u8],
) -> Result<Tip<R::Node>, KvError> {
    let key = keys::tip();
    let mut reader = Reader::versioned(&key, value)?;
    let flags = reader.byte("the flags")?;
    if flags & !(LAST_MARKED | STARTED | SCHEME) != 0 {
        return Err(reader.corrupt(format!("unknown flags {flags:#04x}")));
    }
    let size = reader.u64("the size")?;
    let started = flags & STARTED != 0;
    let origin = match started {
        true => reader.u64("the origin")?,
        false => 0,
    };
    let stored = match flags & SCHEME != 0 {
        true => Some(reader.bytes("the scheme")?),
        false => None,
    };
    // Before anything is judged by a depth or a hash that may be another tree's.
    if stored != fingerprint {
        return Err(KvError::SchemeMismatch {
            key,
            stored,
            opened: fingerprint,
        });
    }
    if size == 0 || size > 1 << depth {
        return Err(reader.corrupt(format!("a size of {size} at depth {depth}")));
    }
    if started != (origin > 0) || origin >= size || origin % (1 << SHARD_HEIGHT) != 0 {
        return Err(reader.corrupt(format!("an origin of {origin} at size {size}")));
    }
    let ommer = match edge::holds_ommer(size, origin) {
        true => Some(reader.node(nodes, "the newest shard's root")?),
        false => None,
    };
    let members = edge::member_indices(size, origin)
        .map(|_| reader.node(nodes, "a node of the open quad"))
        .collect::<Result<_, _>>()?;
    reader.end()?;
    Ok(Tip {
        size,
        origin,
        last_marked: flags & LAST_MARKED != 0,
        ommer,
        members,
    })
}

/// What a listing of the checkpoints would tell: `version u8`, then each field as `u32` LE.
///
/// There is a record if there is a checkpoint. Its version is 1 if the [`Ledger`] is empty. Otherwise
/// it is 2, and the ledger follows the fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Checkpoints, retained ones included.
    pub count: u32,
    /// Retained checkpoints.
    pub retained: u32,
    /// The lowest id that is not retained, the next to be pruned; 0 if all are retained.
    pub oldest: u32,
    /// The highest id.
    pub newest: u32,
    /// Checkpoints whose newest leaf is not `MARKED`: only those keep a leaf from being pruned.
    pub unmarked: u32,
    /// What the records beside the summary hold.
    pub ledger: Ledger,
}

/// The first of the records beside the summary: `flags u8`, then the three numbers as `u32` LE.
///
/// With these records, pruning costs the same whatever is retained and removed. Only trees with
/// retained checkpoints or removed marks have them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The lowest retained checkpoint: prunable ones with higher ids are listed. `None` if there is
    /// none, or if a release without these records wrote the summary.
    pub lowest_retained: Option<u32>,
    /// The lowest checkpoint as of which a mark was removed that still waits.
    pub first_removed: Option<u32>,
    /// Removed marks that still wait, once for each checkpoint as of which they were removed.
    pub removed: u32,
}

const LOWEST_RETAINED: u8 = 0b01;
const FIRST_REMOVED: u8 = 0b10;

impl Ledger {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(
            u8::from(self.lowest_retained.is_some()) * LOWEST_RETAINED
                + u8::from(self.first_removed.is_some()) * FIRST_REMOVED,
        );
        for id in [self.lowest_retained, self.first_removed] {
            out.extend_from_slice(&id.unwrap_or(0).to_le_bytes());
        }
        out.extend_from_slice(&self.removed.to_le_bytes());
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, KvError> {
        let flags = reader.byte("the ledger's flags")?;
        let mut id = |flag, what| match (flags & flag != 0, reader.u32(what)?) {
            (true, id) => Ok(Some(id)),
            (false, 0) => Ok(None),
            (false, id) => Err(reader.corrupt(format!("{what} is {id}, and there is none"))),
        };
        let ledger = Ledger {
            lowest_retained: id(LOWEST_RETAINED, "the lowest retained checkpoint")?,
            first_removed: id(FIRST_REMOVED, "the first checkpoint with a removed mark")?,
            removed: reader.u32("the count of the removed marks")?,
        };
        let known = flags & !(LOWEST_RETAINED | FIRST_REMOVED) == 0;
        let counted = ledger.first_removed.is_some() == (ledger.removed > 0);
        match known && counted && ledger != Ledger::default() {
            true => Ok(ledger),
            false => Err(reader.corrupt(format!("flags {flags:#04x}, {ledger:?}"))),
        }
    }
}

/// The version byte of a summary with a ledger.
const LEDGER_VERSION: u8 = 2;

/// The value of the summary.
pub fn encode_summary(summary: &Summary) -> Vec<u8> {
    let plain = summary.ledger == Ledger::default();
    let mut out = Vec::with_capacity(34);
    out.push(if plain { VERSION } else { LEDGER_VERSION });
    for field in [
        summary.count,
        summary.retained,
        summary.oldest,
        summary.newest,
        summary.unmarked,
    ] {
        out.extend_from_slice(&field.to_le_bytes());
    }
    if !plain {
        summary.ledger.encode(&mut out);
    }
    out
}

/// Reads the summary.
pub fn decode_summary(value: &[u8]) -> Result<Summary, KvError> {
    let key = keys::summary();
    let with_ledger = value.first() == Some(&LEDGER_VERSION);
    let mut reader = match with_ledger {
        true => Reader {
            key: &key,
            rest: &value[1..],
        },
        false => Reader::versioned(&key, value)?,
    };
    let mut summary = Summary {
        count: reader.u32("the count")?,
        retained: reader.u32("the count of the retained")?,
        oldest: reader.u32("the oldest")?,
        newest: reader.u32("the newest")?,
        unmarked: reader.u32("the count of the unmarked")?,
        ledger: Ledger::default(),
    };
    if with_ledger {
        summary.ledger = Ledger::decode(&mut reader)?;
    }
    reader.end()?;
    let none_prunable = summary.retained == summary.count;
    let lowest = summary.ledger.lowest_retained;
    if summary.count == 0
        || u64::from(summary.count) > u64::from(summary.newest) + 1
        || summary.retained > summary.count
        || summary.unmarked > summary.count
        || summary.oldest > summary.newest
        || (none_prunable && summary.oldest != 0)
        || lowest.is_some_and(|lowest| summary.retained == 0 || lowest > summary.newest)
        || (with_ledger && lowest.is_none() && summary.retained > 0)
    {
        return Err(KvError::corrupt(
            &key,
            format!("contradictory: {summary:?}"),
        ));
    }
    Ok(summary)
}

/// The value of a [prunable](keys::prunable) checkpoint that is listed.
pub const LISTED: [u8; 1] = [1];
/// That value, if marks were removed within the checkpoint's own record.
pub const LISTED_WITH_MARKS: [u8; 1] = [2];

/// The value of a [removed](keys::removed) mark.
pub const REMOVED_VALUE: [u8; 1] = [1];
/// That value, if the mark was removed as of a checkpoint that is gone, and this one ends at the same
/// leaf. A rewind to this one does not give the mark back.
pub const REMOVED_BEFORE: [u8; 1] = [2];

/// The value of the [removals](keys::removals) of a mark: the checkpoints' ids, `u32` LE each,
/// ascending.
pub fn encode_removals(ids: &BTreeSet<u32>) -> Vec<u8> {
    ids.iter().flat_map(|id| id.to_le_bytes()).collect()
}

/// Reads the removals of the mark at a position.
pub fn decode_removals(position: u64, value: &[u8]) -> Result<BTreeSet<u32>, KvError> {
    let (ids, rest) = value.as_chunks::<4>();
    let listed = ids.iter().map(|id| u32::from_le_bytes(*id));
    match !ids.is_empty() && rest.is_empty() && listed.clone().is_sorted_by(|a, b| a < b) {
        true => Ok(listed.collect()),
        false => Err(KvError::corrupt(
            &keys::removals(position),
            "it is no ascending list of ids",
        )),
    }
}

/// The value of a [count of retained checkpoints](keys::retained_cut) at a leaf: `u32` LE.
pub fn encode_retained_cut(count: u32) -> Vec<u8> {
    count.to_le_bytes().to_vec()
}

/// Reads the count of retained checkpoints at the leaf of this position.
pub fn decode_retained_cut(position: u64, value: &[u8]) -> Result<u32, KvError> {
    match value.try_into().map(u32::from_le_bytes) {
        Ok(count @ 1..) => Ok(count),
        _ => Err(KvError::corrupt(
            &keys::retained_cut(position),
            "it is no count above 0",
        )),
    }
}

/// The value of a quad: `version u8`, then its nodes left to right. Nodes that end at or before
/// the tree's origin are left out: the cap holds what is known of them.
pub fn encode_quad<H: NodeCodec>(nodes: &[H]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + 32 * nodes.len());
    out.push(VERSION);
    for node in nodes {
        node.write(&mut out);
    }
    out
}

/// Reads a quad of `count` nodes.
pub fn decode_quad<R: NodeReader>(
    nodes: &R,
    key: &[u8],
    value: &[u8],
    count: u64,
) -> Result<Vec<R::Node>, KvError> {
    let mut reader = Reader::versioned(key, value)?;
    let quad = (0..count)
        .map(|_| reader.node(nodes, "a node"))
        .collect::<Result<_, _>>()?;
    reader.end()?;
    Ok(quad)
}

/// Reads one record. What is wrong is reported with the record's key.
struct Reader<'a> {
    key: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn versioned(key: &'a [u8], value: &'a [u8]) -> Result<Self, KvError> {
        let mut reader = Reader { key, rest: value };
        match reader.byte("the version")? {
            VERSION => Ok(reader),
            version => Err(KvError::UnsupportedVersion {
                key: key.to_vec(),
                version,
            }),
        }
    }

    fn corrupt(&self, reason: impl Into<String>) -> KvError {
        KvError::corrupt(self.key, reason)
    }

    fn bytes<const N: usize>(&mut self, what: &str) -> Result<[u8; N], KvError> {
        take(&mut self.rest).ok_or_else(|| self.corrupt(format!("it ends before {what}")))
    }

    fn byte(&mut self, what: &str) -> Result<u8, KvError> {
        self.bytes::<1>(what).map(|[byte]| byte)
    }

    fn u32(&mut self, what: &str) -> Result<u32, KvError> {
        self.bytes(what).map(u32::from_le_bytes)
    }

    fn u64(&mut self, what: &str) -> Result<u64, KvError> {
        self.bytes(what).map(u64::from_le_bytes)
    }

    fn node<R: NodeReader>(&mut self, nodes: &R, what: &str) -> Result<R::Node, KvError> {
        nodes
            .read_node(&mut self.rest)
            .ok_or_else(|| self.corrupt(format!("{what} is cut short or not canonical")))
    }

    fn end(&self) -> Result<(), KvError> {
        match self.rest.len() {
            0 => Ok(()),
            more => Err(self.corrupt(format!("{more} bytes too many"))),
        }
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}
