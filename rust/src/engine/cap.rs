//! The cap: the completed nodes on the edge of the tree, from level 7 up.

use shardtree::{Node, PrunableTree, RetentionFlags, Tree};

use super::CAP_LEVEL;
use crate::codec::StoredNode;
use crate::error::KvError;
use crate::keys;

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
    origin: u64,
    /// The leaves under completed nodes of [`CAP_LEVEL`].
    covered: u64,
}

impl Layout {
    fn new(size: u64, origin: u64) -> Self {
        Layout {
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

    /// The tree of the record: each place must be held.
    pub fn to_tree(&self, depth: u8, size: u64, origin: u64) -> PrunableTree<H> {
        self.subtree(Layout::new(size, origin), depth, 0)
    }

    fn subtree(&self, layout: Layout, level: u8, index: u64) -> PrunableTree<H> {
        let node = self.get(level, index).cloned();
        match (layout.shape(level, index), node) {
            (Shape::Leaf, Some(node)) => Tree::leaf((node, RetentionFlags::EPHEMERAL)),
            (Shape::Parent { annotated }, node) => {
                let ann = node.filter(|_| annotated).map(std::sync::Arc::new);
                Tree::parent(
                    ann,
                    self.subtree(layout, level - 1, 2 * index),
                    self.subtree(layout, level - 1, 2 * index + 1),
                )
            }
            _ => Tree::empty(),
        }
    }

    /// Reads the record of a tree of this size, and checks that it is as
    /// [`to_tree`](Self::to_tree) makes it.
    pub fn from_tree(
        depth: u8,
        size: u64,
        origin: u64,
        tree: &PrunableTree<H>,
    ) -> Result<Self, KvError> {
        let mut cap = Cap::empty();
        cap.load(Layout::new(size, origin), depth, 0, tree)
            .map_err(|at| {
                let (level, index) = at;
                let reason =
                    format!("not the edge of {size} leaves at level {level}, index {index}");
                KvError::corrupt(&keys::cap(), reason)
            })?;
        Ok(cap)
    }

    fn load(
        &mut self,
        layout: Layout,
        level: u8,
        index: u64,
        tree: &PrunableTree<H>,
    ) -> Result<(), (u8, u64)> {
        match (layout.shape(level, index), &**tree) {
            (Shape::Nil, Node::Nil) => Ok(()),
            (
                Shape::Leaf,
                Node::Leaf {
                    value: (hash, flags),
                },
            ) if flags.is_empty() => {
                self.insert(level, index, hash.clone());
                Ok(())
            }
            (Shape::Parent { annotated }, Node::Parent { ann, left, right })
                if annotated == ann.is_some() =>
            {
                if let Some(node) = ann {
                    self.insert(level, index, (**node).clone());
                }
                self.load(layout, level - 1, 2 * index, left)?;
                self.load(layout, level - 1, 2 * index + 1, right)
            }
            _ => Err((level, index)),
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
