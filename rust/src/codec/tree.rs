//! Shards and caps: trees, node by node. A parent is followed by all of its left subtree, then by all
//! of its right one.
//!
//! [`encode_tree`] and [`decode_tree`] are for trees of shardtree's. The engine's own shapes are read
//! and written without one: it would take an allocation for each node.

use std::sync::Arc;

use shardtree::{Node, PrunableTree, RetentionFlags, Tree};

use super::{Reader, VERSION};
use crate::error::KvError;
use crate::scheme::{NodeCodec, NodeReader};

const NIL: u8 = 0;
const LEAF: u8 = 1;
const PARENT: u8 = 2;

/// The bytes of a leaf of 32 bytes, and of the parent that comes with it.
const LEAF_LEN: usize = 36;

/// A node of a tree, as it is written.
pub(crate) enum Token<H> {
    /// A subtree of which nothing is held.
    Nil,
    /// A node without children: a leaf, or the node over leaves that are not kept.
    Leaf(H, RetentionFlags),
    /// A node with two children, and its hash if it is annotated.
    Parent(Option<H>),
}

/// Writes a tree, token by token.
pub(crate) struct TreeWriter {
    out: Vec<u8>,
}

impl TreeWriter {
    /// A tree of about so many leaves.
    pub fn new(leaves: usize) -> Self {
        let mut out = Vec::with_capacity(1 + LEAF_LEN * leaves);
        out.push(VERSION);
        TreeWriter { out }
    }

    pub fn nil(&mut self) {
        self.out.push(NIL);
    }

    pub fn leaf<H: NodeCodec>(&mut self, hash: &H, flags: RetentionFlags) {
        self.out.push(LEAF);
        hash.write(&mut self.out);
        self.out.push(flags.bits());
    }

    pub fn parent<H: NodeCodec>(&mut self, annotation: Option<&H>) {
        self.out.push(PARENT);
        self.out.push(u8::from(annotation.is_some()));
        if let Some(hash) = annotation {
            hash.write(&mut self.out);
        }
    }

    /// The record's value.
    pub fn end(self) -> Vec<u8> {
        self.out
    }
}

/// Reads a tree, token by token. Whoever asks bounds the depth.
pub(crate) struct TreeReader<'a, R> {
    nodes: &'a R,
    reader: Reader<'a>,
}

impl<'a, R: NodeReader> TreeReader<'a, R> {
    pub fn new(nodes: &'a R, key: &'a [u8], value: &'a [u8]) -> Result<Self, KvError> {
        let reader = Reader::versioned(key, value)?;
        Ok(TreeReader { nodes, reader })
    }

    pub fn next(&mut self) -> Result<Token<R::Node>, KvError> {
        let reader = &mut self.reader;
        match reader.byte("a node's tag")? {
            NIL => Ok(Token::Nil),
            LEAF => {
                let hash = reader.node(self.nodes, "a leaf")?;
                let bits = reader.byte("a leaf's retention flags")?;
                match RetentionFlags::from_bits(bits) {
                    Some(flags) => Ok(Token::Leaf(hash, flags)),
                    None => Err(reader.corrupt(format!("unknown retention flags {bits:#04x}"))),
                }
            }
            PARENT => match reader.byte("whether a parent is annotated")? {
                0 => Ok(Token::Parent(None)),
                1 => {
                    let hash = reader.node(self.nodes, "a parent's annotation")?;
                    Ok(Token::Parent(Some(hash)))
                }
                other => Err(reader.corrupt(format!("annotation marker {other}"))),
            },
            other => Err(reader.corrupt(format!("unknown node tag {other}"))),
        }
    }

    /// Checks that nothing follows the tree.
    pub fn end(&self) -> Result<(), KvError> {
        self.reader.end()
    }

    /// What is wrong with the record.
    pub fn corrupt(&self, reason: impl Into<String>) -> KvError {
        self.reader.corrupt(reason)
    }
}

/// The value of a shard (height [`SHARD_HEIGHT`](super::SHARD_HEIGHT)) or of a cap.
pub fn encode_tree<H: NodeCodec>(tree: &PrunableTree<H>) -> Vec<u8> {
    let mut writer = TreeWriter::new(0);
    write_tree(&mut writer, tree);
    writer.end()
}

/// Whether there is nothing in a tree. `ShardTree` leaves parents of nothing in a cap that it caches
/// nodes in; they are written as what they are, since it does not read them back.
fn is_nothing<H>(tree: &PrunableTree<H>) -> bool {
    match &**tree {
        Node::Nil => true,
        Node::Parent {
            ann: None,
            left,
            right,
        } => is_nothing(left) && is_nothing(right),
        _ => false,
    }
}

fn write_tree<H: NodeCodec>(writer: &mut TreeWriter, tree: &PrunableTree<H>) {
    match &**tree {
        _ if is_nothing(tree) => writer.nil(),
        Node::Nil => writer.nil(),
        Node::Leaf {
            value: (hash, flags),
        } => writer.leaf(hash, *flags),
        Node::Parent { ann, left, right } => {
            writer.parent(ann.as_deref());
            write_tree(writer, left);
            write_tree(writer, right);
        }
    }
}

/// Reads a tree whose leaves are at most `height` levels below its root.
pub fn decode_tree<R: NodeReader>(
    nodes: &R,
    key: &[u8],
    value: &[u8],
    height: u8,
) -> Result<PrunableTree<R::Node>, KvError> {
    let mut reader = TreeReader::new(nodes, key, value)?;
    let tree = read_tree(&mut reader, height)?;
    reader.end()?;
    Ok(tree)
}

/// Recurses at most `height` deep.
fn read_tree<R: NodeReader>(
    reader: &mut TreeReader<'_, R>,
    height: u8,
) -> Result<PrunableTree<R::Node>, KvError> {
    match reader.next()? {
        Token::Nil => Ok(Tree::empty()),
        Token::Leaf(hash, flags) => Ok(Tree::leaf((hash, flags))),
        Token::Parent(annotation) => {
            let below = height
                .checked_sub(1)
                .ok_or_else(|| reader.corrupt("deeper than the tree's height"))?;
            let left: PrunableTree<R::Node> = read_tree(reader, below)?;
            let right = read_tree(reader, below)?;
            // shardtree asserts that there is no such parent, so it must not get one.
            if annotation.is_none() && left.is_empty() && right.is_empty() {
                return Err(reader.corrupt("a parent of nothing"));
            }
            Ok(Tree::parent(annotation.map(Arc::new), left, right))
        }
    }
}
