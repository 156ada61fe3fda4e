//! Checking the shards, one after the other.

use std::collections::{BTreeMap, BTreeSet};

use shardtree::RetentionFlags;
use shardtree::store::Checkpoint;

use super::order::STRANGE;
use crate::codec::{SHARD_HEIGHT, StoredNode, Tip};
use crate::engine::Config;
use crate::engine::rebuilt::Rebuilt;
use crate::engine::shard::{LEAVES, Shard};
use crate::error::{Error, KvError};
use crate::keys;
use crate::scheme::Scheme;

/// The shards whose roots are merged at once.
const CHUNK: usize = 256;

/// The checkpoints at leaves without a mark.
#[derive(Default)]
pub(super) struct UnmarkedCuts {
    /// How many.
    pub unmarked: u32,
    /// The leaves.
    positions: BTreeSet<u64>,
}

impl UnmarkedCuts {
    /// How many retained checkpoints are at each of the leaves.
    pub fn retained_cuts(
        &self,
        checkpoints: &BTreeMap<u32, Checkpoint>,
        retained: &BTreeSet<u32>,
    ) -> BTreeMap<u64, u32> {
        let mut counts = BTreeMap::new();
        for checkpoint in retained.iter().filter_map(|id| checkpoints.get(id)) {
            let position = checkpoint.position().map(u64::from);
            if let Some(position) = position.filter(|p| self.positions.contains(p)) {
                *counts.entry(position).or_default() += 1;
            }
        }
        counts
    }
}

/// The result of one pass over the shards. Kept apart because the listing borrows the call.
pub(super) struct Scan<'t, S: Scheme> {
    scheme: &'t S,
    tip: &'t Tip<S::Node>,
    /// How many checkpoints are at a position.
    cuts: BTreeMap<u64, u32>,
    /// Leaves whose marks were removed and must still be there.
    removed: &'t BTreeSet<u64>,
    /// The index of the next shard.
    expected: u64,
    /// Sound shards whose roots are not merged yet.
    chunk: Vec<Shard<S::Node>>,
    pub rebuilt: Rebuilt<'t, S>,
    /// Whether the records above can be built from the shards.
    pub sound: bool,
    /// The checkpoints at leaves without a mark.
    pub unmarked: UnmarkedCuts,
    pub hashes: u64,
    pub found: Vec<(&'static str, Vec<u8>, String)>,
}

impl<'t, S: Scheme> Scan<'t, S> {
    pub fn new(
        scheme: &'t S,
        tip: &'t Tip<S::Node>,
        checkpoints: &BTreeMap<u32, Checkpoint>,
        removed: &'t BTreeSet<u64>,
    ) -> Self {
        let mut cuts: BTreeMap<u64, u32> = BTreeMap::new();
        for position in checkpoints.values().filter_map(Checkpoint::position) {
            *cuts.entry(position.into()).or_default() += 1;
        }
        Scan {
            scheme,
            tip,
            cuts,
            removed,
            expected: tip.origin >> SHARD_HEIGHT,
            chunk: vec![],
            rebuilt: Rebuilt::new(scheme, tip),
            sound: true,
            unmarked: UnmarkedCuts::default(),
            hashes: 0,
            found: vec![],
        }
    }

    /// Takes the next entry of the listing.
    pub fn entry(&mut self, key: Vec<u8>, value: &[u8]) -> Result<(), Error> {
        let Some(index) = keys::parse_shard(&key) else {
            self.found.push(("keys", key, STRANGE.to_string()));
            return Ok(());
        };
        if index != self.expected || index << SHARD_HEIGHT >= self.tip.size {
            self.unsound(key, format!("shard {} was expected", self.expected));
            return Ok(());
        }
        self.expected += 1;
        match Shard::decode(self.scheme, index, self.tip.size, value) {
            Err(KvError::Corrupt { reason, .. }) => self.unsound(key, reason),
            Err(other) => self.unsound(key, other.to_string()),
            Ok(shard) => self.shard(&key, shard),
        }
        match self.chunk.len() == CHUNK {
            true => self.merge(),
            false => Ok(()),
        }
    }

    pub fn unsound(&mut self, key: Vec<u8>, detail: String) {
        self.found.push(("shards", key, detail));
        self.sound = false;
    }

    fn shard(&mut self, key: &[u8], shard: Shard<S::Node>) {
        let wrong = check_flags(&shard, self.tip, &self.cuts, &mut self.unmarked).into_iter();
        self.found.extend(check_removed(&shard, self.removed));
        self.found
            .extend(wrong.map(|detail| ("flags", key.to_vec(), detail)));
        self.chunk.push(shard);
    }

    /// Merges the roots of the shards that were read, unless one was wrong.
    fn merge(&mut self) -> Result<(), Error> {
        if self.sound {
            self.hashes += self.rebuilt.add(&mut self.chunk, Config::default())?;
        }
        self.chunk.clear();
        Ok(())
    }

    /// Takes the end of the listing.
    pub fn end(&mut self) -> Result<(), Error> {
        let first = self.tip.origin >> SHARD_HEIGHT;
        let wanted = self.tip.size.div_ceil(LEAVES).max(first);
        if self.expected != wanted {
            let detail = format!("missing, of {wanted}");
            self.unsound(keys::shard(self.expected), detail);
        }
        self.merge()
    }
}

/// A mark stays until its removal is done.
fn check_removed<H: StoredNode>(
    shard: &Shard<H>,
    removed: &BTreeSet<u64>,
) -> impl Iterator<Item = (&'static str, Vec<u8>, String)> {
    let marked = |position| {
        let leaf = shard.leaf(position);
        leaf.is_some_and(|(_, flags)| flags.is_marked())
    };
    let here = removed.range(shard.start()..shard.end());
    here.filter(move |position| !marked(**position))
        .map(|position| {
            let detail = format!("there is no mark at {position}");
            ("removals", keys::removals(*position), detail)
        })
}

/// Counts a shard's checkpoints at leaves without a mark, and says what is wrong with its flags.
fn check_flags<H: StoredNode>(
    shard: &Shard<H>,
    tip: &Tip<H>,
    cuts: &BTreeMap<u64, u32>,
    unmarked: &mut UnmarkedCuts,
) -> Vec<String> {
    let mut wrong = vec![];
    for position in shard.start()..shard.end() {
        let checkpoints = cuts.get(&position).copied().unwrap_or(0);
        let newest = position + 1 == tip.size;
        let Some((_, flags)) = shard.leaf(position) else {
            if checkpoints > 0 {
                wrong.push(format!(
                    "the leaf of a checkpoint at {position} is not kept"
                ));
            }
            continue;
        };
        if !flags.is_marked() {
            if checkpoints > 0 {
                unmarked.unmarked += checkpoints;
                unmarked.positions.insert(position);
            }
            let kept = flags == RetentionFlags::CHECKPOINT;
            if kept != (checkpoints > 0 && !newest) {
                wrong.push(format!(
                    "{flags} at {position}, with {checkpoints} checkpoints"
                ));
            }
        }
        if newest && flags.is_marked() != tip.last_marked {
            wrong.push(format!(
                "{flags} at the newest position {position}; the tip says otherwise"
            ));
        }
    }
    wrong
}
