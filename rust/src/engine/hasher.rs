//! Hashing, counted.

use std::cell::Cell;

use super::Threads;
use crate::error::HashFailure;
use crate::hash::Sibling;
use crate::scheme::Scheme;

/// The hash of a tree, and how often a call computed it.
pub(super) struct Hasher<'s, S> {
    scheme: &'s S,
    bound: Threads,
    threads: usize,
    count: Cell<u64>,
}

impl<'s, S: Scheme> Hasher<'s, S> {
    pub fn new(scheme: &'s S, bound: Threads) -> Self {
        Hasher {
            scheme,
            bound,
            threads: bound.for_batch(0),
            count: Cell::new(0),
        }
    }

    /// The scheme whose hash this is.
    pub fn scheme(&self) -> &'s S {
        self.scheme
    }

    /// From here on, takes as many threads as the hashes of so many leaves are worth.
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

    /// The root of a subtree with no leaf in it. Costs no hash.
    pub fn empty_root(&self, level: u8) -> S::Node {
        self.scheme.empty_root(level)
    }

    /// Combines two nodes of `level`.
    pub fn combine(
        &self,
        level: u8,
        left: &S::Node,
        right: &S::Node,
    ) -> Result<S::Node, HashFailure> {
        self.add(1);
        self.scheme.combine(level, left, right)
    }

    /// Combines each child of `level` at an even index with the next one.
    pub fn combine_batch(
        &self,
        level: u8,
        children: &[S::Node],
    ) -> Result<Vec<S::Node>, HashFailure> {
        let wanted = children.len() / 2;
        if wanted == 0 {
            return Ok(vec![]);
        }
        self.add(wanted as u64);
        let parents = self.scheme.combine_batch(level, children, self.threads)?;
        match parents.len() == wanted {
            true => Ok(parents),
            false => Err(HashFailure {
                reason: format!("{} nodes from {wanted} pairs", parents.len()),
            }),
        }
    }

    /// As [`combine_batch`](Self::combine_batch). If the last child has no partner, it is combined with
    /// an empty node on its right.
    pub fn combine_row(
        &self,
        level: u8,
        mut children: Vec<S::Node>,
    ) -> Result<Vec<S::Node>, HashFailure> {
        let edge = match children.len() % 2 == 1 {
            true if self.scheme.knows_empty_right() => children.pop(),
            true => {
                children.push(self.empty_root(level));
                None
            }
            false => None,
        };
        let mut parents = self.combine_batch(level, &children)?;
        if let Some(left) = edge {
            self.add(1);
            parents.push(self.scheme.combine_empty_right(level, &left)?);
        }
        Ok(parents)
    }

    /// Climbs from a node of `level` past these siblings.
    pub fn climb(
        &self,
        level: u8,
        node: &S::Node,
        siblings: &[Sibling<S::Node>],
    ) -> Result<S::Node, HashFailure> {
        self.add(siblings.len() as u64);
        self.scheme.climb(level, node, siblings)
    }
}
