//! The first pass over the shards of a `ShardTree`: what they are, and what stands above them.

use super::checkpoints::Checkpoints;
use super::loose::{Claims, Loose};
use super::{CHUNK, Records};
use crate::codec::{SHARD_HEIGHT, StoredNode, Tip};
use crate::engine::Config;
use crate::engine::call::Call;
use crate::engine::fill::Wanted;
use crate::engine::rebuilt::Rebuilt;
use crate::engine::shard::Shard;
use crate::error::{Error, KvError};
use crate::keys;
use crate::kv::Direction;
use crate::listing;
use crate::scheme::Scheme;

/// What the shards give.
pub(super) struct Foreign<H> {
    pub tip: Tip<H>,
    pub root: H,
    /// The shards that this engine writes otherwise, ascending.
    pub stale: Vec<u64>,
    /// The records above the shards.
    above: Records,
    /// The positions of checkpoints whose leaf has no mark.
    unmarked: Vec<u64>,
}

impl<H: StoredNode> Foreign<H> {
    /// Every record that this engine keeps of such a tree, except the shards.
    pub fn take_records(&mut self, checkpoints: &Checkpoints) -> Records {
        let mut records = std::mem::take(&mut self.above);
        checkpoints.add_records(&self.unmarked, &mut records);
        records
    }
}

/// The pass. It holds the newest shard back: that shard is different if another one follows.
struct Pass<'p, S: Scheme> {
    scheme: &'p S,
    checkpoints: &'p Checkpoints,
    /// What the cap says of shards' roots, and of nodes above, by level and index.
    cap: Claims<S::Node>,
    config: Config,
    newest: Option<Loose<S::Node>>,
    chunk: Vec<Shard<S::Node>>,
    claims: Vec<(usize, Claims<S::Node>)>,
    rebuilt: Rebuilt<'p, S>,
    marked: bool,
    stale: Vec<u64>,
    unmarked: Vec<u64>,
    removed: Vec<u64>,
    hashes: u64,
}

impl<S: Scheme> Call<'_, S> {
    pub(super) fn read_foreign(
        &self,
        checkpoints: &Checkpoints,
        mut cap: Claims<S::Node>,
    ) -> Result<Foreign<S::Node>, Error> {
        cap.sort_unstable_by_key(|(level, index, _)| (*level, *index));
        let mut removed: Vec<u64> = checkpoints.removed_marks().iter().map(|m| m.1).collect();
        removed.sort_unstable();
        let scheme = self.hasher.scheme();
        let mut pass = Pass {
            scheme,
            checkpoints,
            cap,
            config: self.config,
            newest: None,
            chunk: vec![],
            claims: vec![],
            rebuilt: Rebuilt::new(scheme, &Tip::empty()),
            marked: false,
            stale: vec![],
            unmarked: vec![],
            removed,
            hashes: 0,
        };
        for (expected, entry) in (0..).zip(listing::shards(self.reads.kv(), Direction::Ascending)?)
        {
            let (index, value) = entry?;
            if index != expected {
                let reason = format!("shard {expected} was expected, a gap is not understood");
                return Err(KvError::corrupt(&keys::shard(index), reason).into());
            }
            if let Some(before) = pass.newest.take() {
                pass.settle(before, false)?;
            }
            pass.newest = Some(Loose::read(scheme, index, &value)?);
        }
        let foreign = pass.end()?;
        self.hasher.add(foreign.1);
        Ok(foreign.0)
    }
}

impl<S: Scheme> Pass<'_, S> {
    /// Takes a shard, now that it is known whether the tree ends in it.
    fn settle(&mut self, mut loose: Loose<S::Node>, newest: bool) -> Result<(), Error> {
        loose.settle(self.checkpoints, newest)?;
        let shard = loose.shard;
        let key = keys::shard(shard.index());
        if !newest && !shard.is_complete() {
            let reason = format!("it ends at position {}, and another follows", shard.end());
            return Err(KvError::corrupt(&key, reason).into());
        }
        let beyond = shard.end().checked_sub(1).map(|p| p >> self.scheme.depth());
        if beyond != Some(0) {
            let reason = format!("it is beyond a tree of depth {}", self.scheme.depth());
            return Err(KvError::corrupt(&key, reason).into());
        }
        for position in shard.start()..shard.end() {
            let marked = shard.leaf(position).is_some_and(|(_, f)| f.is_marked());
            if !marked && self.checkpoints.is_at(position) {
                self.unmarked.push(position);
            }
            if !marked && self.removed.binary_search(&position).is_ok() {
                let reason =
                    format!("a checkpoint removed a mark at {position}, and there is none");
                return Err(KvError::corrupt(&key, reason).into());
            }
            self.marked = marked;
        }
        if loose.stale {
            self.stale.push(shard.index());
        }
        if !loose.claims.is_empty() {
            self.claims.push((self.chunk.len(), loose.claims));
        }
        self.chunk.push(shard);
        match self.chunk.len() == CHUNK {
            true => self.merge(),
            false => Ok(()),
        }
    }

    /// Hashes the shards that were read, and what they complete.
    fn merge(&mut self) -> Result<(), Error> {
        let mut shards = std::mem::take(&mut self.chunk);
        self.hashes += self.rebuilt.add(&mut shards, self.config)?;
        self.compare_annotations(&mut shards)?;
        self.compare_roots(&shards)
    }

    fn compare_annotations(&mut self, shards: &mut [Shard<S::Node>]) -> Result<(), Error> {
        let claims = std::mem::take(&mut self.claims);
        let wanted: Vec<Wanted> = (claims.iter())
            .flat_map(|(at, claims)| claims.iter().map(|(level, index, _)| (*at, *level, *index)))
            .collect();
        self.hashes += self.rebuilt.fill(shards, &wanted)?;
        for (at, claims) in claims {
            for (level, index, claimed) in claims {
                if shards[at].node(level, index) != Some(&claimed) {
                    let key = keys::shard(shards[at].index());
                    return Err(wrong_annotation(&key, level, index).into());
                }
            }
        }
        Ok(())
    }

    /// Compares shards' roots with those in the cap.
    fn compare_roots(&self, shards: &[Shard<S::Node>]) -> Result<(), Error> {
        for shard in shards.iter().filter(|shard| shard.is_complete()) {
            let (level, index) = (SHARD_HEIGHT, shard.index());
            let at = self
                .cap
                .binary_search_by_key(&(level, index), |c| (c.0, c.1));
            if at.is_ok_and(|at| shard.root() != Some(&self.cap[at].2)) {
                return Err(wrong_annotation(&keys::cap(), level, index).into());
            }
        }
        Ok(())
    }

    /// Takes the end of the shards.
    fn end(mut self) -> Result<(Foreign<S::Node>, u64), Error> {
        let size = self.newest.as_ref().map_or(0, |loose| loose.shard.end());
        let partial = match self.newest.take() {
            None => None,
            Some(loose) => {
                self.settle(loose, true)?;
                let last = self.chunk.last().cloned();
                self.merge()?;
                last.filter(|shard| !shard.is_complete())
            }
        };
        self.check_ends(size)?;
        let tip = Tip {
            size,
            last_marked: self.marked,
            ..self.rebuilt.tip.clone()
        };
        if let Some(shard) = &partial {
            self.rebuilt.put_last(shard)?;
        }
        let mut call = Call::new(&mut self.rebuilt.kv, self.scheme, self.config);
        let root = call.root_at_size(&tip, size)?;
        let cut = match self.cap.is_empty() {
            true => None,
            false => call.cut_shard_root(&tip, size)?,
        };
        let is_compared = |level, index: u64| level == SHARD_HEIGHT && (index + 1) << level <= size;
        for (level, index, claimed) in &self.cap {
            if is_compared(*level, *index) {
                continue; // a whole shard's root
            }
            let node = match index << level < size {
                true => Some(call.node_at(&tip, (*level, *index), size, cut.as_ref())?),
                false => None,
            };
            if node.as_ref() != Some(claimed) {
                return Err(wrong_annotation(&keys::cap(), *level, *index).into());
            }
        }
        let hashes = self.hashes + call.hasher.count();
        if size > 0 {
            call.stage_tip(&tip);
            call.commit()?;
        }
        let mut above = std::mem::take(self.rebuilt.kv.records_mut());
        if let Some(shard) = &partial {
            above.remove(&keys::shard(shard.index()));
        }
        let foreign = Foreign {
            tip,
            root,
            stale: self.stale,
            above,
            unmarked: self.unmarked,
        };
        Ok((foreign, hashes))
    }

    /// No checkpoint and no removed mark is beyond the leaves.
    fn check_ends(&self, size: u64) -> Result<(), Error> {
        if let Some(position) = self.checkpoints.last_position().filter(|p| *p >= size) {
            let reason = format!(
                "it is at size {}, and there are {size} leaves",
                position + 1
            );
            return Err(KvError::corrupt(&self.checkpoints.key_at(position), reason).into());
        }
        if let Some(position) = self.removed.last().filter(|p| **p >= size) {
            let reason = format!("a checkpoint removed a mark at {position}, of {size} leaves");
            return Err(KvError::corrupt(&[keys::CHECKPOINT], reason).into());
        }
        Ok(())
    }
}

fn wrong_annotation(key: &[u8], level: u8, index: u64) -> KvError {
    let reason = format!("its node at level {level}, index {index}, is not what the leaves give");
    KvError::corrupt(key, reason)
}
