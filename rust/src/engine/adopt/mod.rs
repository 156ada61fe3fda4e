//! Taking over a store that a plain `ShardTree` wrote: shards, a cap perhaps, checkpoints, and none
//! of the records that this engine keeps beside them.
//!
//! First it reads and checks the shards, computes everything above them, and compares the root. Then
//! it writes what differs, the tip last. Until the tip is there, the store is
//! one that something else wrote. So an interrupted take-over starts again from the beginning, and
//! finds that what it wrote before is right.

mod checkpoints;
mod foreign;
mod loose;

use std::collections::BTreeMap;

use super::SchemeEngine;
use super::call::Call;
use super::fill::merged_nodes;
use super::shard::LEAVES;
use crate::codec;
use crate::error::{Error, KvError};
use crate::keys;
use crate::kv::{Direction, Kv};
use crate::scheme::Scheme;
use checkpoints::Checkpoints;
use loose::Loose;

/// The shards that are hashed as one batch.
const CHUNK: usize = 4096;

/// Records other than shards, by key.
type Records = BTreeMap<Vec<u8>, Vec<u8>>;

impl<K: Kv, S: Scheme> SchemeEngine<K, S> {
    /// Takes over a store that a plain `ShardTree` wrote, and returns its number of leaves. The
    /// store is then byte for byte that of a tree that this engine grew with the same leaves, marks
    /// and checkpoints. If the tree is already this engine's, it only compares the root.
    ///
    /// Reads every record once and hashes every leaf. Reads again and writes each shard that is not
    /// as this engine writes it; writes a quad for each 128 leaves, and a few more records. In memory
    /// it keeps the quads, which are about two bytes a leaf, the indices of the shards that it is to
    /// write, and the checkpoints.
    ///
    /// # Errors
    ///
    /// [`Error::RootMismatch`] if the leaves have another root than this one;
    /// [`KvError::Corrupt`], naming the record, for whatever it does not understand: a gap, a wrong
    /// annotation, a leaf that is not canonical, a checkpoint beyond the leaves, a record that is
    /// neither a `ShardTree`'s nor what it would write. Nothing is written then.
    ///
    /// Leaves without marks are hashed again while shards are written, so there a hash that fails may
    /// do so after writes. As after a failure of the store, the same call goes on.
    pub fn adopt(&mut self, root: &S::Node) -> Result<u64, Error> {
        self.call(|call| {
            if let Some(tip) = call.reads.stored_tip()? {
                let computed = call.root_at_size(&tip, tip.size)?;
                same_root(&computed, root)?;
                return Ok(tip.size);
            }
            let found = call.records_beside_shards()?;
            let checkpoints = Checkpoints::read(&found)?;
            let cap = call.foreign_cap(&found)?;
            let foreign = call.read_foreign(&checkpoints, cap)?;
            same_root(&foreign.root, root)?;
            let mut built = foreign.above;
            checkpoints.add_records(&foreign.unmarked, &mut built);
            check_understood(&found, &built)?;
            for stale in foreign.stale.chunks(CHUNK) {
                call.rewrite_shards(stale, foreign.size, &checkpoints)?;
            }
            call.write_adopted(&found, built)?;
            Ok(foreign.size)
        })
    }
}

fn same_root<H: codec::StoredNode>(computed: &H, given: &H) -> Result<(), Error> {
    match computed == given {
        true => Ok(()),
        false => Err(Error::RootMismatch {
            computed: codec::node_bytes(computed),
            given: codec::node_bytes(given),
        }),
    }
}

/// Every record that was found is one that a `ShardTree` keeps, or one that an interrupted take-over
/// wrote.
fn check_understood(found: &Records, built: &Records) -> Result<(), KvError> {
    for (key, value) in found {
        // Those that were listed have the key of a record each.
        let replaced = matches!(key.first(), Some(&keys::CAP | &keys::CHECKPOINT));
        if !replaced && built.get(key) != Some(value) {
            let reason = "neither a ShardTree nor a take-over of this one writes it";
            return Err(KvError::corrupt(key, reason));
        }
    }
    Ok(())
}

impl<S: Scheme> Call<'_, S> {
    /// All records but the shards. There is no tip. The keys of records have a length each, so a
    /// listing has an end.
    fn records_beside_shards(&self) -> Result<Records, KvError> {
        let mut found = Records::new();
        for kind in [
            keys::CAP,
            keys::CHECKPOINT,
            keys::RETAINED,
            keys::TIP,
            keys::SUMMARY,
            keys::QUAD,
        ] {
            for entry in self.reads.kv().iterate(&[kind], Direction::Ascending)? {
                let (key, value) = entry?;
                if !keys::is_record(&key) {
                    return Err(KvError::corrupt(&key, "no record of a tree has such a key"));
                }
                if found.last_key_value().is_some_and(|(last, _)| *last >= key) {
                    return Err(KvError::corrupt(&key, "listed out of order"));
                }
                found.insert(key, value);
            }
        }
        Ok(found)
    }

    /// Writes what is not there yet, the tip last, which says that all is done.
    fn write_adopted(&mut self, found: &Records, mut built: Records) -> Result<(), Error> {
        let tip = built.remove(&keys::tip());
        for key in found.keys().filter(|key| !built.contains_key(*key)) {
            self.reads.kv_mut().delete(key)?;
        }
        // The checkpoints' own records last: those with removed marks say so until then.
        for own in [false, true] {
            for (key, value) in &built {
                let is_own = key.first() == Some(&keys::CHECKPOINT);
                if is_own == own && found.get(key) != Some(value) {
                    self.reads.kv_mut().set(key, value)?;
                }
            }
        }
        if let Some(tip) = tip {
            self.reads.kv_mut().set(&keys::tip(), &tip)?;
        }
        Ok(())
    }

    fn rewrite_shards(
        &mut self,
        indices: &[u64],
        size: u64,
        checkpoints: &Checkpoints,
    ) -> Result<(), Error> {
        let mut shards = Vec::with_capacity(indices.len());
        for &index in indices {
            let key = keys::shard(index);
            let value = self.reads.kv().get(&key)?;
            let value = value.ok_or_else(|| KvError::corrupt(&key, "it is missing"))?;
            let mut loose = Loose::read(self.hasher.scheme(), index, &value)?;
            loose.settle(checkpoints, size <= loose.shard.start() + LEAVES)?;
            shards.push(loose.shard);
        }
        // The roots are in the records above already.
        let merged = merged_nodes(&shards);
        self.hasher.fill(&mut shards, &merged)?;
        for shard in &shards {
            self.reads
                .kv_mut()
                .set(&keys::shard(shard.index()), &shard.encode())?;
        }
        Ok(())
    }

    /// What the cap says of nodes, if there is one.
    fn foreign_cap(&self, found: &Records) -> Result<loose::Claims<S::Node>, KvError> {
        let key = keys::cap();
        match found.get(&key) {
            None => Ok(vec![]),
            Some(value) => {
                let scheme = self.hasher.scheme();
                let depth = scheme.depth();
                let tree = codec::decode_tree(scheme, &key, value, depth)?;
                let mut claims = vec![];
                loose::claims_of_cap(&tree, depth, 0, &mut claims)
                    .map_err(|reason| KvError::corrupt(&key, reason))?;
                Ok(claims)
            }
        }
    }
}
