//! The cap: the completed nodes on the edge of the tree, from level 7 up.

use shardtree::RetentionFlags;

use super::CAP_LEVEL;
use crate::codec::{StoredNode, Token, TreeReader, TreeWriter};
use crate::error::KvError;
use crate::keys;
use crate::scheme::NodeReader;

/// The nodes that the cap's record holds.
///
/// They are the *peaks*: the completed nodes of level [`CAP_LEVEL`] and up that have no completed
/// parent. In a tree that was started from a frontier they are also that frontier's ommers above the
/// shards, for ever, because nothing else knows them, and every path to the right of them passes one.
/// A peak over such ommers is the annotation of their parent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cap<H> {
    /// By level and index.
    nodes: Vec<((u8, u64), H)>,
}

/// What stands at one place of the record.
enum Shape {
    Nil,
    Leaf,
    Parent { annotated: bool },
}

/// The levels and places of the record of one tree.
#[derive(Clone, Copy)]
struct Layout {
    size: u64,
    origin: u64,
    /// The leaves under completed nodes of [`CAP_LEVEL`].
    covered: u64,
}

impl Layout {
    fn new(size: u64, origin: u64) -> Self {
        Layout {
            size,
            origin,
            covered: size >> CAP_LEVEL << CAP_LEVEL,
        }
    }

    fn shape(&self, level: u8, index: u64) -> Shape {
        let (start, end) = (index << level, (index + 1) << level);
        let parent_complete = (index / 2 + 1) << (level + 1) <= self.covered;
        let complete = end <= self.covered;
        if end <= self.origin {
            // An ommer; any larger subtree before the origin would already have matched.
            Shape::Leaf
        } else if start < self.origin {
            let annotated = complete && !parent_complete;
            Shape::Parent { annotated }
        } else if complete && !parent_complete {
            Shape::Leaf
        } else if complete || start >= self.covered {
            Shape::Nil
        } else {
            Shape::Parent { annotated: false }
        }
    }
}

impl<H: StoredNode> Cap<H> {
    pub fn empty() -> Self {
        Cap { nodes: vec![] }
    }

    /// Whether such a tree has a record of its cap.
    pub fn is_stored(size: u64, origin: u64) -> bool {
        origin > 0 || size >> CAP_LEVEL > 0
    }

    /// The node at this place, if the cap holds it.
    pub fn get(&self, level: u8, index: u64) -> Option<&H> {
        self.nodes
            .iter()
            .find(|(at, _)| *at == (level, index))
            .map(|(_, node)| node)
    }

    pub fn insert(&mut self, level: u8, index: u64, node: H) {
        self.nodes.push(((level, index), node));
    }

    /// The places of the nodes of the cap of such a tree, left to right.
    pub fn places(depth: u8, size: u64, origin: u64) -> Vec<(u8, u64)> {
        let mut places = vec![];
        find_places(Layout::new(size, origin), depth, 0, &mut places);
        places
    }

    /// The record: each place must be held.
    pub fn encode(&self, depth: u8, size: u64, origin: u64) -> Vec<u8> {
        let mut writer = TreeWriter::new(self.nodes.len() + usize::from(depth / 4));
        self.write(Layout::new(size, origin), depth, 0, &mut writer);
        writer.end()
    }

    fn write(&self, layout: Layout, level: u8, index: u64, writer: &mut TreeWriter) {
        match (layout.shape(level, index), self.get(level, index)) {
            (Shape::Leaf, Some(node)) => writer.leaf(node, RetentionFlags::EPHEMERAL),
            (Shape::Parent { annotated }, node) => {
                writer.parent(node.filter(|_| annotated));
                self.write(layout, level - 1, 2 * index, writer);
                self.write(layout, level - 1, 2 * index + 1, writer);
            }
            _ => writer.nil(),
        }
    }

    /// Reads the record of a tree of this size, and checks that it is as [`encode`](Self::encode)
    /// makes it.
    pub fn decode<R: NodeReader<Node = H>>(
        nodes: &R,
        depth: u8,
        (size, origin): (u64, u64),
        value: &[u8],
    ) -> Result<Self, KvError> {
        let key = keys::cap();
        let mut reader = TreeReader::new(nodes, &key, value)?;
        let mut cap = Cap::empty();
        cap.read(Layout::new(size, origin), depth, 0, &mut reader)?;
        reader.end()?;
        Ok(cap)
    }

    /// Reads the subtree at a place. The layout bounds the depth.
    fn read<R: NodeReader<Node = H>>(
        &mut self,
        layout: Layout,
        level: u8,
        index: u64,
        reader: &mut TreeReader<'_, R>,
    ) -> Result<(), KvError> {
        match (layout.shape(level, index), reader.next()?) {
            (Shape::Nil, Token::Nil) => Ok(()),
            (Shape::Leaf, Token::Leaf(hash, flags)) if flags.is_empty() => {
                self.insert(level, index, hash);
                Ok(())
            }
            (Shape::Parent { annotated }, Token::Parent(node)) if annotated == node.is_some() => {
                if let Some(node) = node {
                    self.insert(level, index, node);
                }
                self.read(layout, level - 1, 2 * index, reader)?;
                self.read(layout, level - 1, 2 * index + 1, reader)
            }
            _ => Err(reader.corrupt(format!(
                "not the edge of {} leaves at level {level}, index {index}",
                layout.size
            ))),
        }
    }
}

/// Recurses along the edge of the covered leaves and of the origin only.
fn find_places(layout: Layout, level: u8, index: u64, places: &mut Vec<(u8, u64)>) {
    match layout.shape(level, index) {
        Shape::Nil => {}
        Shape::Leaf => places.push((level, index)),
        Shape::Parent { annotated } => {
            if annotated {
                places.push((level, index));
            }
            find_places(layout, level - 1, 2 * index, places);
            find_places(layout, level - 1, 2 * index + 1, places);
        }
    }
}
