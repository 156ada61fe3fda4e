//! Hashing, counted.

use std::cell::Cell;
use std::marker::PhantomData;

use incrementalmerkletree::Level;

use super::Threads;
use crate::codec::TreeNode;
use crate::hash::Sibling;

/// The hash of a tree, and how often a call computed it.
pub(super) struct Hasher<H> {
    bound: Threads,
    threads: usize,
    count: Cell<u64>,
    node: PhantomData<H>,
}

impl<H: TreeNode> Hasher<H> {
    pub fn new(bound: Threads) -> Self {
        Hasher {
            bound,
            threads: bound.for_batch(0),
            count: Cell::new(0),
            node: PhantomData,
        }
    }

    /// Takes as many threads from here on as the hashes of so many leaves are worth.
    pub fn expect_leaves(&mut self, leaves: usize) {
        self.threads = self.bound.for_batch(leaves);
    }

    /// Hashes computed so far.
    pub fn count(&self) -> u64 {
        self.count.get()
    }

    /// Adds hashes that were computed elsewhere for this call.
    pub fn add(&self, hashes: u64) {
        self.count.set(self.count.get() + hashes);
    }

    /// Combines two nodes of `level`.
    pub fn combine(&self, level: u8, left: &H, right: &H) -> H {
        self.add(1);
        H::combine(Level::from(level), left, right)
    }

    /// Combines pairs of nodes of `level`.
    pub fn combine_batch(&self, level: u8, pairs: &[(H, H)]) -> Vec<H> {
        self.add(pairs.len() as u64);
        let mut out = Vec::with_capacity(pairs.len());
        H::combine_batch(Level::from(level), pairs, self.threads, &mut out);
        out
    }

    /// Combines a node of `level` with the empty node on its right.
    pub fn combine_empty_right(&self, level: u8, left: &H) -> H {
        self.add(1);
        H::combine_empty_right(Level::from(level), left)
    }

    /// Climbs from a node of `level` past these siblings.
    pub fn climb(&self, level: u8, node: &H, siblings: &[Sibling<H>]) -> H {
        self.add(siblings.len() as u64);
        H::climb(Level::from(level), node, siblings)
    }
}
