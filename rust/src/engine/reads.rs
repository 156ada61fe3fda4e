//! What a call reads: each record once.

use std::cell::{OnceCell, RefCell};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use shardtree::store::Checkpoint;

use super::cap::Cap;
use super::shard::Shard;
use crate::codec::{self, Summary, Tip};
use crate::error::{Error, KvError};
use crate::keys;
use crate::kv::{Direction, Kv};
use crate::listing;
use crate::scheme::Scheme;

/// The store, and what was read from it. It can be shared, so a record can be read while a listing is
/// open.
pub(super) struct Reads<'k, S: Scheme> {
    kv: &'k mut dyn Kv,
    scheme: &'k S,
    seen: RefCell<BTreeMap<Vec<u8>, Option<Vec<u8>>>>,
    cap: OnceCell<Cap<S::Node>>,
}

impl<'k, S: Scheme> Reads<'k, S> {
    pub fn new(kv: &'k mut dyn Kv, scheme: &'k S) -> Self {
        Reads {
            kv,
            scheme,
            seen: RefCell::default(),
            cap: OnceCell::new(),
        }
    }

    pub fn kv(&self) -> &dyn Kv {
        self.kv
    }

    /// For writing, after everything is read.
    pub fn kv_mut(&mut self) -> &mut dyn Kv {
        self.kv
    }

    /// Whether the record at `key` was read, and is this one already.
    pub fn has_seen(&self, key: &[u8], value: &Option<Vec<u8>>) -> bool {
        self.seen.borrow().get(key) == Some(value)
    }

    /// Shows the record at `key`, read from the store if it was not before.
    pub fn record<T>(
        &self,
        key: Vec<u8>,
        show: impl FnOnce(Option<&[u8]>) -> Result<T, KvError>,
    ) -> Result<T, KvError> {
        self.named_record(key, |_, value| show(value))
    }

    /// As [`record`](Self::record), and shows its key too.
    fn named_record<T>(
        &self,
        key: Vec<u8>,
        show: impl FnOnce(&[u8], Option<&[u8]>) -> Result<T, KvError>,
    ) -> Result<T, KvError> {
        let mut seen = self.seen.borrow_mut();
        let record = match seen.entry(key) {
            Entry::Occupied(seen) => seen,
            Entry::Vacant(unseen) => {
                let value = self.kv.get(unseen.key())?;
                unseen.insert_entry(value)
            }
        };
        show(record.key(), record.get().as_deref())
    }

    /// As [`record`](Self::record), of one that must be there.
    pub fn required<T>(
        &self,
        key: Vec<u8>,
        show: impl FnOnce(&[u8]) -> Result<T, KvError>,
    ) -> Result<T, KvError> {
        self.named_record(key, |key, value| match value {
            Some(value) => show(value),
            None => Err(KvError::corrupt(key, "it is missing")),
        })
    }

    /// The tip. 1 get. If there is none, also looks for a shard, which something else must have written.
    pub fn tip(&self) -> Result<Tip<S::Node>, KvError> {
        if let Some(tip) = self.stored_tip()? {
            return Ok(tip);
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

    /// The tip's record, if there is one. 1 get.
    pub fn stored_tip(&self) -> Result<Option<Tip<S::Node>>, KvError> {
        let (depth, name) = (self.scheme.depth(), self.scheme.fingerprint());
        let decode = |value: &[u8]| codec::decode_tip(self.scheme, depth, name, value);
        self.record(keys::tip(), |value| value.map(decode).transpose())
    }

    pub fn summary(&self) -> Result<Summary, KvError> {
        self.record(keys::summary(), |value| match value {
            None => Ok(Summary::default()),
            Some(value) => codec::decode_summary(value),
        })
    }

    /// The summary, which must be there where a checkpoint was found.
    pub fn summary_beside(&self, id: u32, tip: &Tip<S::Node>) -> Result<Summary, KvError> {
        match self.summary()? {
            Summary { count: 0, .. } => Err(without_summary(id, tip)),
            summary => Ok(summary),
        }
    }

    /// The checkpoint of this id, if there is one.
    pub fn checkpoint(&self, id: u32) -> Result<Option<Checkpoint>, KvError> {
        let key = keys::checkpoint(id);
        self.record(key.clone(), |value| {
            let decode = |value| codec::decode_checkpoint(&key, value);
            value.map(decode).transpose()
        })
    }

    /// The checkpoint of this id, which must be there because another record says so.
    pub fn required_checkpoint(&self, id: u32) -> Result<Checkpoint, KvError> {
        let key = keys::checkpoint(id);
        self.required(key.clone(), |value| codec::decode_checkpoint(&key, value))
    }

    /// The checkpoint of this id and its size, checked against the tree's.
    pub fn checkpoint_of(&self, id: u32, tip: &Tip<S::Node>) -> Result<(Checkpoint, u64), Error> {
        let checkpoint = self
            .checkpoint(id)?
            .ok_or(Error::CheckpointNotFound { id })?;
        let size = size_within(id, &checkpoint, tip)?;
        Ok((checkpoint, size))
    }

    /// Whether there is a record that this checkpoint is retained.
    pub fn is_retained(&self, id: u32) -> Result<bool, KvError> {
        self.record(keys::retained(id), |value| match value {
            None => Ok(false),
            Some(value) => listing::check_retained(id, value).map(|()| true),
        })
    }

    /// The checkpoints as of which the mark at a position was removed. 1 get.
    pub fn removals(&self, position: u64) -> Result<BTreeSet<u32>, KvError> {
        self.record(keys::removals(position), |value| match value {
            None => Ok(BTreeSet::new()),
            Some(value) => codec::decode_removals(position, value),
        })
    }

    /// The shard of this index, which must be there, as part of a tree of this size.
    pub fn shard(&self, index: u64, size: u64) -> Result<Shard<S::Node>, KvError> {
        self.required(keys::shard(index), |value| {
            Shard::decode(self.scheme, index, size, value)
        })
    }

    /// The cap of the tree, decoded once.
    pub fn cap(&self, tip: &Tip<S::Node>) -> Result<&Cap<S::Node>, KvError> {
        if let Some(cap) = self.cap.get() {
            return Ok(cap);
        }
        let cap = self.stored_cap(tip)?;
        Ok(self.cap.get_or_init(|| cap))
    }

    fn stored_cap(&self, tip: &Tip<S::Node>) -> Result<Cap<S::Node>, KvError> {
        if !Cap::<S::Node>::is_stored(tip.size, tip.origin) {
            return Ok(Cap::empty());
        }
        self.required(keys::cap(), |value| {
            let at = (tip.size, tip.origin);
            Cap::decode(self.scheme, self.scheme.depth(), at, value)
        })
    }

    /// Takes the ommers of a frontier for the cap of a tree that has no record yet.
    pub fn begin_with(&mut self, ommers: Cap<S::Node>) {
        self.cap = OnceCell::from(ommers);
    }
}

/// There is a checkpoint and no summary: damage in a tree that has a tip. Without one, something else
/// made the checkpoint.
pub(super) fn without_summary<H>(id: u32, tip: &Tip<H>) -> KvError {
    match tip.size {
        0 => KvError::Foreign {
            key: keys::checkpoint(id),
        },
        _ => KvError::corrupt(
            &keys::summary(),
            format!("it is missing, and checkpoint {id} is there"),
        ),
    }
}

/// Whether the tree can have had so many leaves.
pub(super) fn grew_from<H>(tip: &Tip<H>, size: u64) -> bool {
    size == 0 || (tip.origin < size && size <= tip.size)
}

/// Leaves in the tree at a checkpoint, a size that the tree can have had.
pub(super) fn size_within<H>(
    id: u32,
    checkpoint: &Checkpoint,
    tip: &Tip<H>,
) -> Result<u64, KvError> {
    let size = size_of(checkpoint);
    match grew_from(tip, size) {
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
