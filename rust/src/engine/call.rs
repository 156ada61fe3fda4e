//! One call's view of the store: each record is read once, and the writes wait until the end.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;

use incrementalmerkletree::Level;
use shardtree::store::Checkpoint;

use super::Config;
use super::cap::Cap;
use super::shard::Shard;
use crate::codec::{self, SHARD_HEIGHT, Summary, Tip, TreeNode};
use crate::error::{Error, KvError};
use crate::hash::Sibling;
use crate::keys;
use crate::kv::{Direction, Kv};
use crate::listing;

/// What a call has read.
type Reads = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

pub(super) struct Call<'k, K, H, const DEPTH: u8> {
    kv: &'k mut K,
    pub config: Config,
    read: Reads,
    staged: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    hashes: u64,
    pub threads: usize,
    /// The cap, once it was read.
    pub cap: Option<Cap<H>>,
    node: PhantomData<H>,
}

/// Reading.
impl<'k, K: Kv, H: TreeNode, const DEPTH: u8> Call<'k, K, H, DEPTH> {
    pub fn new(kv: &'k mut K, config: Config) -> Self {
        Call {
            kv,
            config,
            read: BTreeMap::new(),
            staged: BTreeMap::new(),
            hashes: 0,
            threads: config.threads.for_batch(0),
            cap: None,
            node: PhantomData,
        }
    }

    pub fn kv(&self) -> &K {
        self.kv
    }

    /// The record at `key`, read at most once in a call.
    pub fn record(&mut self, key: Vec<u8>) -> Result<Option<&[u8]>, KvError> {
        read_once(&mut self.read, self.kv, key)
    }

    /// The record at `key`, which must be there.
    pub fn required(&mut self, key: Vec<u8>) -> Result<&[u8], KvError> {
        let missing = KvError::corrupt(&key, "it is missing");
        self.record(key)?.ok_or(missing)
    }

    /// The tip. One get; where there is none, also one look for a shard, which something else must
    /// have written.
    pub fn tip(&mut self) -> Result<Tip<H>, KvError> {
        if let Some(value) = self.record(keys::tip())? {
            return codec::decode_tip(value, DEPTH);
        }
        let shard = self
            .kv
            .iterate(&[keys::SHARD], Direction::Ascending)?
            .next();
        match shard.transpose()? {
            None => Ok(Tip::empty()),
            Some((key, _)) => Err(KvError::Foreign { key }),
        }
    }

    pub fn summary(&mut self) -> Result<Summary, KvError> {
        match self.record(keys::summary())? {
            None => Ok(Summary::default()),
            Some(value) => codec::decode_summary(value),
        }
    }

    /// The checkpoint of this id, if there is one.
    pub fn checkpoint(&mut self, id: u32) -> Result<Option<Checkpoint>, KvError> {
        let key = keys::checkpoint(id);
        let value = self.record(key.clone())?;
        value
            .map(|value| codec::decode_checkpoint(&key, value))
            .transpose()
    }

    /// Whether there is a record that this checkpoint is retained.
    pub fn is_retained(&mut self, id: u32) -> Result<bool, KvError> {
        is_retained(&mut self.read, self.kv, id)
    }

    /// The summary, which must be there where a checkpoint was found.
    pub fn summary_beside(&mut self, id: u32) -> Result<Summary, KvError> {
        match self.summary()? {
            Summary { count: 0, .. } => Err(KvError::Foreign {
                key: keys::checkpoint(id),
            }),
            summary => Ok(summary),
        }
    }

    /// The first checkpoints under a prefix with an id from `from` on that are not retained, at
    /// most `wanted`. Reads of each whether it is retained, unless there are none such.
    pub fn unretained_checkpoints(
        &mut self,
        prefix: Vec<u8>,
        from: u32,
        wanted: usize,
        any_retained: bool,
    ) -> Result<Vec<(u32, Checkpoint)>, Error> {
        let mut found = vec![];
        for listed in listing::checkpoints(&*self.kv, prefix, Direction::Ascending)? {
            let (id, checkpoint) = listed?;
            if id < from || (any_retained && is_retained(&mut self.read, self.kv, id)?) {
                continue;
            }
            found.push((id, checkpoint));
            if found.len() == wanted {
                break;
            }
        }
        Ok(found)
    }

    /// The checkpoint of this id, which another record vouches for.
    pub fn required_checkpoint(&mut self, id: u32) -> Result<Checkpoint, KvError> {
        let missing = || KvError::corrupt(&keys::checkpoint(id), "it is missing");
        self.checkpoint(id)?.ok_or_else(missing)
    }

    /// The checkpoints as of which the mark at a position was removed. 1 get.
    pub fn removals(&mut self, position: u64) -> Result<BTreeSet<u32>, KvError> {
        match self.record(keys::removals(position))? {
            None => Ok(BTreeSet::new()),
            Some(value) => codec::decode_removals(position, value),
        }
    }

    /// The retained checkpoints at a leaf without a mark, as this call has counted them, or as they
    /// are stored: 1 get.
    pub fn retained_cut(&mut self, position: u64) -> Result<u32, KvError> {
        let key = keys::retained_cut(position);
        let value = match self.staged.get(&key) {
            Some(staged) => staged.as_deref(),
            None => read_once(&mut self.read, self.kv, key)?,
        };
        match value {
            None => Ok(0),
            Some(value) => codec::decode_retained_cut(position, value),
        }
    }

    /// The checkpoint of this id and its size, checked against the tree's.
    pub fn checkpoint_of(&mut self, id: u32, tip: &Tip<H>) -> Result<(Checkpoint, u64), Error> {
        let checkpoint = self
            .checkpoint(id)?
            .ok_or(Error::CheckpointNotFound { id })?;
        let size = size_within(id, &checkpoint, tip)?;
        Ok((checkpoint, size))
    }

    /// The shard of this index, which must be there, as part of a tree of this size.
    pub fn shard(&mut self, index: u64, size: u64) -> Result<Shard<H>, KvError> {
        let key = keys::shard(index);
        let value = self.required(key.clone())?;
        let tree = codec::decode_tree(&key, value, SHARD_HEIGHT)?;
        Shard::from_tree(index, size, &tree)
    }

    pub fn cap_mut(&mut self, tip: &Tip<H>) -> Result<&mut Cap<H>, KvError> {
        if self.cap.is_none() {
            let key = keys::cap();
            let cap = match Cap::<H>::is_stored(tip.size, tip.origin) {
                false => Cap::empty(),
                true => {
                    let value = self.required(key.clone())?;
                    let tree = codec::decode_tree(&key, value, DEPTH)?;
                    Cap::from_tree(DEPTH, tip.size, tip.origin, &tree)?
                }
            };
            self.cap = Some(cap);
        }
        Ok(self.cap.get_or_insert_with(Cap::empty))
    }
}

/// The record at `key`, taken from the store if it was not read before.
fn read_once<'r, K: Kv>(
    read: &'r mut Reads,
    kv: &K,
    key: Vec<u8>,
) -> Result<Option<&'r [u8]>, KvError> {
    let value = match read.entry(key) {
        Entry::Occupied(seen) => seen.into_mut(),
        Entry::Vacant(unseen) => {
            let value = kv.get(unseen.key())?;
            unseen.insert(value)
        }
    };
    Ok(value.as_deref())
}

fn is_retained<K: Kv>(read: &mut Reads, kv: &K, id: u32) -> Result<bool, KvError> {
    match read_once(read, kv, keys::retained(id))? {
        None => Ok(false),
        Some(value) => listing::check_retained(id, value).map(|()| true),
    }
}

/// Hashing, counted.
impl<K: Kv, H: TreeNode, const DEPTH: u8> Call<'_, K, H, DEPTH> {
    pub fn hashes(&self) -> u64 {
        self.hashes
    }

    /// Adds hashes that another call computed for this one.
    pub fn count_hashes(&mut self, hashes: u64) {
        self.hashes += hashes;
    }

    /// Combines two nodes of `level`.
    pub fn combine(&mut self, level: u8, left: &H, right: &H) -> H {
        self.hashes += 1;
        H::combine(Level::from(level), left, right)
    }

    /// Combines pairs of nodes of `level`.
    pub fn combine_batch(&mut self, level: u8, pairs: &[(H, H)]) -> Vec<H> {
        self.hashes += pairs.len() as u64;
        let mut out = Vec::with_capacity(pairs.len());
        H::combine_batch(Level::from(level), pairs, self.threads, &mut out);
        out
    }

    /// Combines a node of `level` with the empty node on its right.
    pub fn combine_empty_right(&mut self, level: u8, left: &H) -> H {
        self.hashes += 1;
        H::combine_empty_right(Level::from(level), left)
    }

    /// Climbs from a node of `level` past these siblings.
    pub fn climb(&mut self, level: u8, node: &H, siblings: &[Sibling<H>]) -> H {
        self.hashes += siblings.len() as u64;
        H::climb(Level::from(level), node, siblings)
    }
}

/// Writing.
impl<K: Kv, H: TreeNode, const DEPTH: u8> Call<'_, K, H, DEPTH> {
    pub fn stage(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.staged.insert(key, Some(value));
    }

    pub fn stage_delete(&mut self, key: Vec<u8>) {
        self.staged.insert(key, None);
    }

    pub fn stage_tip(&mut self, tip: &Tip<H>) {
        self.stage(keys::tip(), codec::encode_tip(tip));
    }

    pub fn stage_summary(&mut self, summary: &Summary) {
        self.stage(keys::summary(), codec::encode_summary(summary));
    }

    pub fn stage_checkpoint(&mut self, id: u32, checkpoint: &Checkpoint) {
        self.stage(keys::checkpoint(id), codec::encode_checkpoint(checkpoint));
    }

    pub fn stage_removals(&mut self, position: u64, ids: &BTreeSet<u32>) {
        match ids.is_empty() {
            true => self.stage_delete(keys::removals(position)),
            false => self.stage(keys::removals(position), codec::encode_removals(ids)),
        }
    }

    pub fn stage_retained_cut(&mut self, position: u64, count: u32) {
        match count {
            0 => self.stage_delete(keys::retained_cut(position)),
            _ => self.stage(
                keys::retained_cut(position),
                codec::encode_retained_cut(count),
            ),
        }
    }

    pub fn stage_shard(&mut self, shard: &Shard<H>) {
        let value = codec::encode_tree(&shard.to_tree());
        self.stage(keys::shard(shard.index()), value);
    }

    /// Writes what was staged, in key order, but for what is there already.
    pub fn commit(&mut self) -> Result<(), Error> {
        let staged = std::mem::take(&mut self.staged);
        for (key, value) in staged {
            if self.read.get(&key).is_some_and(|seen| *seen == value) {
                continue;
            }
            match value {
                Some(value) => self.kv.set(&key, &value)?,
                None => self.kv.delete(&key)?,
            }
        }
        Ok(())
    }
}

/// Leaves in the tree at a checkpoint, a size that the tree can have had.
pub(super) fn size_within<H>(
    id: u32,
    checkpoint: &Checkpoint,
    tip: &Tip<H>,
) -> Result<u64, KvError> {
    let size = size_of(checkpoint);
    match tip.grew_from(size) {
        true => Ok(size),
        false => Err(KvError::corrupt(
            &keys::checkpoint(id),
            format!(
                "it is at size {size}; the tree went from {} to {}",
                tip.origin, tip.size
            ),
        )),
    }
}

/// Leaves in the tree at a checkpoint; saturates at a position that no tree has.
pub(super) fn size_of(checkpoint: &Checkpoint) -> u64 {
    checkpoint
        .position()
        .map_or(0, |position| u64::from(position).saturating_add(1))
}
