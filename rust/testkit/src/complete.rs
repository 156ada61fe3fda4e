//! A tree that keeps every leaf and answers every question by hashing them. Other trees are
//! compared with it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use incrementalmerkletree::{Hashable, Level};
use kvshard::engine::TreeFrontier;

/// All leaves from some position on. Of earlier leaves it knows what a frontier tells.
#[derive(Clone, Debug)]
pub struct Complete<H> {
    depth: u8,
    first: u64,
    leaves: Vec<H>,
    ommers: BTreeMap<(u8, u64), H>,
    /// Complete nodes that were hashed before.
    hashed: RefCell<BTreeMap<(u8, u64), H>>,
}

impl<H: Hashable + Clone> Complete<H> {
    pub fn new(depth: u8) -> Self {
        Complete {
            depth,
            first: 0,
            leaves: vec![],
            ommers: BTreeMap::new(),
            hashed: RefCell::default(),
        }
    }

    pub fn of(depth: u8, leaves: &[H]) -> Self {
        let mut tree = Complete::new(depth);
        tree.leaves.extend_from_slice(leaves);
        tree
    }

    /// A tree that knows this frontier and nothing else.
    pub fn from_frontier(depth: u8, frontier: &TreeFrontier<H>) -> Self {
        let mut tree = Complete::new(depth);
        let Some(leaf) = &frontier.leaf else {
            return tree;
        };
        tree.first = frontier.size - 1;
        tree.leaves.push(leaf.clone());
        let levels = (0..depth).filter(|level| tree.first >> level & 1 == 1);
        for (level, ommer) in levels.zip(&frontier.ommers) {
            let place = (level, (tree.first >> level) - 1);
            tree.ommers.insert(place, ommer.clone());
        }
        tree
    }

    /// The first position whose leaf is known.
    pub fn first(&self) -> u64 {
        self.first
    }

    pub fn size(&self) -> u64 {
        self.first + self.leaves.len() as u64
    }

    pub fn append(&mut self, leaves: &[H]) {
        self.leaves.extend_from_slice(leaves);
    }

    pub fn truncate(&mut self, size: u64) {
        self.leaves.truncate((size - self.first) as usize);
        self.hashed
            .borrow_mut()
            .retain(|(level, index), _| (*index + 1) << level <= size);
    }

    /// A leaf that is known. A frontier also tells the leaf before its own if the two are a pair.
    pub fn leaf(&self, position: u64) -> &H {
        match position.checked_sub(self.first) {
            Some(at) => &self.leaves[at as usize],
            None => &self.ommers[&(0, position)],
        }
    }

    /// A node of the tree of the first `size` leaves.
    pub fn node(&self, level: u8, index: u64, size: u64) -> H {
        if index << level >= size {
            return H::empty_root(Level::from(level));
        }
        if let Some(ommer) = self.ommers.get(&(level, index)) {
            return ommer.clone();
        }
        if level == 0 {
            return self.leaf(index).clone();
        }
        let complete = (index + 1) << level <= size;
        let hashed = self.hashed.borrow().get(&(level, index)).cloned();
        if let Some(node) = hashed.filter(|_| complete) {
            return node;
        }
        let left = self.node(level - 1, 2 * index, size);
        let right = self.node(level - 1, 2 * index + 1, size);
        let node = H::combine(Level::from(level - 1), &left, &right);
        if complete {
            self.hashed
                .borrow_mut()
                .insert((level, index), node.clone());
        }
        node
    }

    /// The root over the first `size` leaves.
    pub fn root(&self, size: u64) -> H {
        self.node(self.depth, 0, size)
    }

    /// The siblings on the path of a leaf in the tree of the first `size` leaves.
    pub fn path(&self, position: u64, size: u64) -> Vec<H> {
        (0..self.depth)
            .map(|level| self.node(level, position >> level ^ 1, size))
            .collect()
    }

    /// The frontier of the first `size` leaves.
    pub fn frontier(&self, size: u64) -> TreeFrontier<H> {
        let Some(position) = size.checked_sub(1) else {
            return TreeFrontier::empty();
        };
        let levels = (0..self.depth).filter(|level| position >> level & 1 == 1);
        TreeFrontier {
            size,
            leaf: Some(self.leaf(position).clone()),
            ommers: levels
                .map(|level| self.node(level, (position >> level) - 1, size))
                .collect(),
        }
    }
}

/// The root that a leaf and its siblings give.
pub fn fold<H: Hashable + Clone>(position: u64, leaf: &H, path: &[H]) -> H {
    let mut node = leaf.clone();
    for (level, sibling) in path.iter().enumerate() {
        let at = Level::from(level as u8);
        node = match position >> level & 1 {
            0 => H::combine(at, &node, sibling),
            _ => H::combine(at, sibling, &node),
        };
    }
    node
}
