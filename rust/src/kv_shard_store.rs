//! [`KvShardStore`]: `shardtree`'s storage trait over a key-value store behind C callbacks.
//!
//! # Design
//!
//! A [`KvShardStore`] is stateless. Each method reads and writes the store at once, and nothing is kept
//! between two calls, so a store may change under it from one call to the next: a block is executed
//! again, a transaction is dropped, a node restarts. The costs in the methods' documentation count
//! operations of the store.
//!
//! A store is reached through the functions of [`KvCallbacks`], which a program in C or Go gives, or
//! in Rust through any [`Kv`] ([`KvShardStore::over`]).
//!
//! The [engine](crate::engine) does not use this type, because `ShardTree` reads every shard for a
//! root, and lists every checkpoint several times. But a plain `ShardTree` over a store that the
//! engine keeps reads the same roots and witnesses. It may not write there: the engine's own records
//! would no longer fit, so each method that writes answers [`KvError::EngineOwned`]. It does not see
//! which marks were removed, because the engine keeps that in records of its own; no root or witness
//! depends on it.
//!
//! # KV key schema
//!
//! Numbers in keys are big-endian, so keys sort as the numbers do.
//!
//! | key | value |
//! |---|---|
//! | `0F` ‖ u64 shard index | a shard: the subtree of `SHARD_HEIGHT` levels, without what was pruned |
//! | `10` | the cap: the tree above the shards |
//! | `11` ‖ u32 checkpoint id | a checkpoint: its position, and the marks removed since the one before |
//! | `12` ‖ u32 checkpoint id | the checkpoint is retained |
//! | `13` | the engine's tip. If it is there, this store only reads |
//! | `14`, `14` ‖ …, `15` ‖ … | the engine's other records, see [`keys`] |
//!
//! [`codec`] has the values, byte by byte. Another prefix in front of all keys is the
//! business of the callbacks.
//!
//! # Buffer ownership
//!
//! - Keys and values that are handed **to** a callback belong to the caller, and are valid during that
//!   call only. A callback copies what it keeps.
//! - Keys and values that a callback hands **back** were made by C's `malloc`. They are copied at once,
//!   and given back exactly once by [`KvFreeBufFn`], before the store is asked for anything else. A
//!   null pointer is an empty value, and is not given back.
//! - After an error ([`callbacks::KV_ERROR`](crate::callbacks::KV_ERROR)), and where there is no value,
//!   nothing was handed back. What the error is, the owner of the callbacks knows.
//!
//! # Iterator protocol
//!
//! 1. [`KvIterCreateFn`] opens an iterator over the keys with a prefix, ascending or descending, and
//!    returns a handle; null is an error.
//! 2. [`KvIterNextFn`] answers [`callbacks::KV_OK`](crate::callbacks::KV_OK) and hands back a key and its
//!    value, or [`callbacks::KV_EXHAUSTED`](crate::callbacks::KV_EXHAUSTED), or an error. After the last
//!    two it is not called again. Keys are whole, with the prefix, and strictly in order: one that is
//!    not is [`KvError::Corrupt`].
//! 3. [`KvIterFreeFn`] is called exactly once for each handle, on every path.
//!
//! While an iterator is open, nothing is written, and no second one is opened.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::marker::PhantomData;

use incrementalmerkletree::Address;
use orchard::tree::MerkleHashOrchard;
use shardtree::store::{Checkpoint, ShardStore, TreeState};
use shardtree::{LocatedPrunableTree, LocatedTree, PrunableTree, Tree};

#[doc(inline)]
pub use crate::callbacks::{
    CallbackKv, KvCallbacks, KvDeleteFn, KvFreeBufFn, KvGetFn, KvIterCreateFn, KvIterFreeFn,
    KvIterNextFn, KvSetFn,
};
use crate::codec::{self, Plain, RETAINED_VALUE, StoredNode};
#[doc(inline)]
pub use crate::error::KvError;
use crate::keys;
use crate::kv::{Direction, Kv};
use crate::listing;

/// The cap's height is not known to a store; no tree of this crate is higher.
const MAX_HEIGHT: u8 = 64;

/// A `ShardStore` whose every read and write goes to a key-value store.
///
/// `H` is the hash and `SHARD_HEIGHT` the height of a shard. Both are free, so the public test suites
/// can run on it. `K` reaches the store: C callbacks, or a [`Kv`] in a test.
#[derive(Debug)]
pub struct KvShardStore<H = MerkleHashOrchard, const SHARD_HEIGHT: u8 = 4, K = CallbackKv> {
    kv: K,
    node: PhantomData<H>,
}

impl<H, const SHARD_HEIGHT: u8> KvShardStore<H, SHARD_HEIGHT, CallbackKv> {
    /// A store behind these callbacks. Costs nothing.
    ///
    /// # Safety
    ///
    /// While the returned value lives, each function of the table must be callable with its `ctx`
    /// from the thread that uses the value, keep to its type's documentation, and not unwind.
    #[allow(unsafe_code)]
    pub unsafe fn new(callbacks: KvCallbacks) -> Self {
        // SAFETY: the caller keeps to the same contract.
        Self::over(unsafe { CallbackKv::new(callbacks) })
    }
}

impl<H, const SHARD_HEIGHT: u8, K: Kv> KvShardStore<H, SHARD_HEIGHT, K> {
    /// A store over any [`Kv`]. Costs nothing.
    pub fn over(kv: K) -> Self {
        KvShardStore {
            kv,
            node: PhantomData,
        }
    }

    /// The key-value store underneath.
    pub fn kv(&self) -> &K {
        &self.kv
    }

    /// Gives the key-value store back.
    pub fn into_kv(self) -> K {
        self.kv
    }
}

impl<H: StoredNode, const SHARD_HEIGHT: u8, K: Kv> KvShardStore<H, SHARD_HEIGHT, K> {
    /// Refuses to write where the engine keeps a tree. Costs two gets.
    fn refuse_if_engine_owned(&self) -> Result<(), KvError> {
        for key in [keys::tip(), keys::summary()] {
            if self.kv.get(&key)?.is_some() {
                return Err(KvError::EngineOwned { key });
            }
        }
        Ok(())
    }

    /// How many checkpoints a whole listing must show, where the engine has noted it.
    fn expected_checkpoints(&self) -> Result<Option<u32>, KvError> {
        let summary = self.kv.get(&keys::summary())?;
        summary
            .map(|value| codec::decode_summary(&value).map(|summary| summary.count))
            .transpose()
    }

    fn decode_shard(&self, index: u64, value: &[u8]) -> Result<LocatedPrunableTree<H>, KvError> {
        let key = keys::shard(index);
        let root = codec::decode_tree(&Plain::<H>::default(), &key, value, SHARD_HEIGHT)?;
        let address = Address::from_parts(SHARD_HEIGHT.into(), index);
        LocatedTree::from_parts(address, root)
            .map_err(|at| KvError::corrupt(&key, format!("malformed at {at:?}")))
    }

    fn edge_checkpoint_id(&self, direction: Direction) -> Result<Option<u32>, KvError> {
        listing::checkpoints(&self.kv, vec![keys::CHECKPOINT], direction)?
            .next()
            .transpose()
            .map(|found| found.map(|(id, _)| id))
    }

    fn put_checkpoint(&mut self, id: u32, checkpoint: &Checkpoint) -> Result<(), KvError> {
        let value = codec::encode_checkpoint(checkpoint);
        self.kv.set(&keys::checkpoint(id), &value)
    }

    /// The keys of the shards from `index` on, highest first.
    fn shard_keys_from(&self, index: u64) -> Result<Vec<Vec<u8>>, KvError> {
        listing::shards(&self.kv, Direction::Descending)?
            .take_while(|shard| !matches!(shard, Ok((found, _)) if *found < index))
            .map(|shard| shard.map(|(found, _)| keys::shard(found)))
            .collect()
    }

    /// The ids of the checkpoints above `id`, highest first.
    fn checkpoint_ids_above(&self, id: u32) -> Result<Vec<u32>, KvError> {
        listing::checkpoints(&self.kv, vec![keys::CHECKPOINT], Direction::Descending)?
            .take_while(|checkpoint| !matches!(checkpoint, Ok((found, _)) if *found <= id))
            .map(|checkpoint| checkpoint.map(|(found, _)| found))
            .collect()
    }
}

impl<H: StoredNode, const SHARD_HEIGHT: u8, K: Kv + Debug> ShardStore
    for KvShardStore<H, SHARD_HEIGHT, K>
{
    type H = H;
    type CheckpointId = u32;
    type Error = KvError;

    /// The shard at this address, if there is a record of it; a store is sparse. 1 get.
    fn get_shard(
        &self,
        shard_root: Address,
    ) -> Result<Option<LocatedPrunableTree<Self::H>>, Self::Error> {
        let index = shard_root.index();
        let value = self.kv.get(&keys::shard(index))?;
        value
            .map(|value| self.decode_shard(index, &value))
            .transpose()
    }

    /// The shard of the highest index. 1 iterator, 1 next.
    fn last_shard(&self) -> Result<Option<LocatedPrunableTree<Self::H>>, Self::Error> {
        match listing::shards(&self.kv, Direction::Descending)?.next() {
            None => Ok(None),
            Some(shard) => {
                let (index, value) = shard?;
                self.decode_shard(index, &value).map(Some)
            }
        }
    }

    /// Writes a shard. 2 gets, 1 set.
    fn put_shard(&mut self, subtree: LocatedPrunableTree<Self::H>) -> Result<(), Self::Error> {
        let address = subtree.root_addr();
        let level = u8::from(address.level());
        if level != SHARD_HEIGHT {
            return Err(KvError::NotAShard { level });
        }
        self.refuse_if_engine_owned()?;
        let value = codec::encode_tree(subtree.root());
        self.kv.set(&keys::shard(address.index()), &value)
    }

    /// The addresses of all shards that have a record, ascending. 1 iterator, 1 next a shard and 1.
    fn get_shard_roots(&self) -> Result<Vec<Address>, Self::Error> {
        listing::shards(&self.kv, Direction::Ascending)?
            .map(|shard| shard.map(|(index, _)| Address::from_parts(SHARD_HEIGHT.into(), index)))
            .collect()
    }

    /// Removes the shards from this index on. 2 gets, 1 iterator, 1 next and 1 delete a shard
    /// removed, and 1 next.
    fn truncate_shards(&mut self, shard_index: u64) -> Result<(), Self::Error> {
        self.refuse_if_engine_owned()?;
        for key in self.shard_keys_from(shard_index)? {
            self.kv.delete(&key)?;
        }
        Ok(())
    }

    /// The cap; the empty tree if there is no record. 1 get.
    fn get_cap(&self) -> Result<PrunableTree<Self::H>, Self::Error> {
        let key = keys::cap();
        match self.kv.get(&key)? {
            None => Ok(Tree::empty()),
            Some(value) => codec::decode_tree(&Plain::<H>::default(), &key, &value, MAX_HEIGHT),
        }
    }

    /// Writes the cap. 2 gets, 1 set.
    fn put_cap(&mut self, cap: PrunableTree<Self::H>) -> Result<(), Self::Error> {
        self.refuse_if_engine_owned()?;
        self.kv.set(&keys::cap(), &codec::encode_tree(&cap))
    }

    /// The lowest id. 1 iterator, 1 next.
    fn min_checkpoint_id(&self) -> Result<Option<Self::CheckpointId>, Self::Error> {
        self.edge_checkpoint_id(Direction::Ascending)
    }

    /// The highest id. 1 iterator, 1 next.
    fn max_checkpoint_id(&self) -> Result<Option<Self::CheckpointId>, Self::Error> {
        self.edge_checkpoint_id(Direction::Descending)
    }

    /// Writes a checkpoint, in place of one of the same id if there is one. 2 gets, 1 set.
    fn add_checkpoint(
        &mut self,
        checkpoint_id: Self::CheckpointId,
        checkpoint: Checkpoint,
    ) -> Result<(), Self::Error> {
        self.refuse_if_engine_owned()?;
        self.put_checkpoint(checkpoint_id, &checkpoint)
    }

    /// The number of checkpoints. 1 get where the engine keeps it; otherwise a whole listing.
    fn checkpoint_count(&self) -> Result<usize, Self::Error> {
        if let Some(count) = self.expected_checkpoints()? {
            return Ok(count as usize);
        }
        let mut count = 0;
        self.for_each_checkpoint(usize::MAX, |_, _| {
            count += 1;
            Ok(())
        })?;
        Ok(count)
    }

    /// The checkpoint at this depth below the newest, by id. 1 iterator, `depth + 1` nexts.
    fn get_checkpoint_at_depth(
        &self,
        checkpoint_depth: usize,
    ) -> Result<Option<(Self::CheckpointId, Checkpoint)>, Self::Error> {
        let mut listed =
            listing::checkpoints(&self.kv, vec![keys::CHECKPOINT], Direction::Descending)?;
        for _ in 0..checkpoint_depth {
            match listed.next().transpose()? {
                Some(_) => {}
                None => return Ok(None),
            }
        }
        listed.next().transpose()
    }

    /// The checkpoint of this id. 1 get.
    fn get_checkpoint(
        &self,
        checkpoint_id: &Self::CheckpointId,
    ) -> Result<Option<Checkpoint>, Self::Error> {
        let key = keys::checkpoint(*checkpoint_id);
        let value = self.kv.get(&key)?;
        value
            .map(|value| codec::decode_checkpoint(&key, &value))
            .transpose()
    }

    /// Shows the first `limit` checkpoints by ascending id. The iterator is closed before the first
    /// call of `callback`. 1 get, 1 iterator, 1 next a checkpoint and 1.
    fn with_checkpoints<F>(&mut self, limit: usize, callback: F) -> Result<(), Self::Error>
    where
        F: FnMut(&Self::CheckpointId, &Checkpoint) -> Result<(), Self::Error>,
    {
        self.for_each_checkpoint(limit, callback)
    }

    /// As [`with_checkpoints`](Self::with_checkpoints).
    fn for_each_checkpoint<F>(&self, limit: usize, mut callback: F) -> Result<(), Self::Error>
    where
        F: FnMut(&Self::CheckpointId, &Checkpoint) -> Result<(), Self::Error>,
    {
        let counted = self.expected_checkpoints()?;
        let listed = listing::whole_checkpoints(&self.kv, limit, counted)?;
        listed
            .iter()
            .try_for_each(|(id, checkpoint)| callback(id, checkpoint))
    }

    /// Changes a checkpoint, and says whether there is one. 3 gets, 1 set.
    fn update_checkpoint_with<F>(
        &mut self,
        checkpoint_id: &Self::CheckpointId,
        update: F,
    ) -> Result<bool, Self::Error>
    where
        F: Fn(&mut Checkpoint) -> Result<(), Self::Error>,
    {
        self.refuse_if_engine_owned()?;
        let Some(mut checkpoint) = self.get_checkpoint(checkpoint_id)? else {
            return Ok(false);
        };
        update(&mut checkpoint)?;
        self.put_checkpoint(*checkpoint_id, &checkpoint)?;
        Ok(true)
    }

    /// Removes a checkpoint, if there is one. 2 gets, 1 delete.
    fn remove_checkpoint(&mut self, checkpoint_id: &Self::CheckpointId) -> Result<(), Self::Error> {
        self.refuse_if_engine_owned()?;
        self.kv.delete(&keys::checkpoint(*checkpoint_id))
    }

    /// Adds an id to the set of retained ones, whether or not there is such a checkpoint. 2 gets,
    /// 1 set.
    fn add_retained_checkpoint(
        &mut self,
        checkpoint_id: Self::CheckpointId,
    ) -> Result<(), Self::Error> {
        self.refuse_if_engine_owned()?;
        self.kv.set(&keys::retained(checkpoint_id), &RETAINED_VALUE)
    }

    /// Takes an id out of the set of retained ones. 2 gets, 1 delete.
    fn remove_retained_checkpoint(
        &mut self,
        checkpoint_id: &Self::CheckpointId,
    ) -> Result<(), Self::Error> {
        self.refuse_if_engine_owned()?;
        self.kv.delete(&keys::retained(*checkpoint_id))
    }

    /// The set of retained ids. 1 iterator, 1 next an id and 1.
    fn retained_checkpoints(&self) -> Result<BTreeSet<Self::CheckpointId>, Self::Error> {
        listing::retained(&self.kv)?.collect()
    }

    /// Removes the checkpoints with ids *above* the given one, and clears the given one's
    /// `marks_removed`. The set of retained ids stays. As `MemoryShardStore` does, it removes the
    /// ids above even where there is no checkpoint of that id. 3 gets, 1 iterator, 1 next and 1
    /// delete a checkpoint removed, 1 next, and 1 set if there were removed marks.
    fn truncate_checkpoints_retaining(
        &mut self,
        checkpoint_id: &Self::CheckpointId,
    ) -> Result<(), Self::Error> {
        self.refuse_if_engine_owned()?;
        let kept = self.get_checkpoint(checkpoint_id)?;
        for id in self.checkpoint_ids_above(*checkpoint_id)? {
            self.kv.delete(&keys::checkpoint(id))?;
        }
        match kept {
            Some(kept) if !kept.marks_removed().is_empty() => {
                let cleared = without_marks(kept.tree_state());
                self.put_checkpoint(*checkpoint_id, &cleared)
            }
            _ => Ok(()),
        }
    }
}

/// A checkpoint of this state with no removed marks.
pub(crate) fn without_marks(state: TreeState) -> Checkpoint {
    Checkpoint::from_parts(state, BTreeSet::new())
}
