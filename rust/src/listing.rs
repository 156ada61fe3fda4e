//! Listings: the entries below a prefix. Each is checked: it is what the prefix may hold, and is in
//! the order of the keys.

use shardtree::store::Checkpoint;

use crate::codec::{
    self, LISTED, LISTED_WITH_MARKS, REMOVED_BEFORE, REMOVED_VALUE, RETAINED_VALUE,
};
use crate::error::KvError;
use crate::keys;
use crate::kv::{Direction, Kv};

/// Lists shards' indices and values.
pub(crate) fn shards<'a, K: Kv + ?Sized>(
    kv: &'a K,
    direction: Direction,
) -> Result<impl Iterator<Item = Result<(u64, Vec<u8>), KvError>> + 'a, KvError> {
    list(kv, vec![keys::SHARD], direction, keys::parse_shard)
}

/// Lists the checkpoints below a prefix that starts with [`keys::CHECKPOINT`].
pub(crate) fn checkpoints<'a, K: Kv + ?Sized>(
    kv: &'a K,
    prefix: Vec<u8>,
    direction: Direction,
) -> Result<impl Iterator<Item = Result<(u32, Checkpoint), KvError>> + 'a, KvError> {
    let entries = list(kv, prefix, direction, |key| {
        keys::parse_id(keys::CHECKPOINT, key)
    })?;
    Ok(entries.map(|entry| {
        let (id, value) = entry?;
        let checkpoint = codec::decode_checkpoint(&keys::checkpoint(id), &value)?;
        Ok((id, checkpoint))
    }))
}

/// All checkpoints, or the first `limit` of them, ascending; as many as the summary counts, where there
/// is one.
pub(crate) fn whole_checkpoints<K: Kv + ?Sized>(
    kv: &K,
    limit: usize,
    counted: Option<u32>,
) -> Result<Vec<(u32, Checkpoint)>, KvError> {
    let listed: Vec<_> = checkpoints(kv, vec![keys::CHECKPOINT], Direction::Ascending)?
        .take(limit)
        .collect::<Result<_, _>>()?;
    match counted {
        Some(count) if listed.len() != limit.min(count as usize) => {
            let reason = format!("{count} checkpoints, but {} are listed", listed.len());
            Err(KvError::corrupt(&keys::summary(), reason))
        }
        _ => Ok(listed),
    }
}

/// Lists the ids of retained checkpoints, ascending.
pub(crate) fn retained<'a, K: Kv + ?Sized>(
    kv: &'a K,
) -> Result<impl Iterator<Item = Result<u32, KvError>> + 'a, KvError> {
    let entries = list(kv, vec![keys::RETAINED], Direction::Ascending, |key| {
        keys::parse_id(keys::RETAINED, key)
    })?;
    Ok(entries.map(|entry| {
        let (id, value) = entry?;
        check_retained(id, &value)?;
        Ok(id)
    }))
}

/// Checks the value of a retained checkpoint's mark.
pub(crate) fn check_retained(id: u32, value: &[u8]) -> Result<(), KvError> {
    match value == RETAINED_VALUE {
        true => Ok(()),
        false => Err(KvError::corrupt(
            &keys::retained(id),
            "it is not the byte 1",
        )),
    }
}

/// Lists the ids of prunable checkpoints, ascending, and whether each one's record has removed marks.
pub(crate) fn prunable<'a, K: Kv + ?Sized>(
    kv: &'a K,
) -> Result<impl Iterator<Item = Result<(u32, bool), KvError>> + 'a, KvError> {
    let prefix = vec![keys::SUMMARY, keys::PRUNABLE];
    let entries = list(kv, prefix, Direction::Ascending, keys::parse_prunable)?;
    Ok(entries.map(|entry| {
        let (id, value) = entry?;
        Ok((id, check_listed(id, &value)?))
    }))
}

/// Whether the value of a listed checkpoint says that marks were removed in its record.
pub(crate) fn check_listed(id: u32, value: &[u8]) -> Result<bool, KvError> {
    match value {
        _ if value == LISTED => Ok(false),
        _ if value == LISTED_WITH_MARKS => Ok(true),
        _ => Err(KvError::corrupt(
            &keys::prunable(id),
            "it is no byte 1 or 2",
        )),
    }
}

/// A mark removed as of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RemovedMark {
    pub id: u32,
    pub position: u64,
    /// Whether it was removed before this checkpoint, which a rewind to it does not undo.
    pub before: bool,
}

/// Lists removed marks by checkpoint and position.
pub(crate) fn removed<'a, K: Kv + ?Sized>(
    kv: &'a K,
    direction: Direction,
) -> Result<impl Iterator<Item = Result<RemovedMark, KvError>> + 'a, KvError> {
    let prefix = vec![keys::SUMMARY, keys::REMOVED];
    let entries = list(kv, prefix, direction, keys::parse_removed)?;
    Ok(entries.map(|entry| {
        let ((id, position), value) = entry?;
        let before = match value {
            _ if value == REMOVED_VALUE => false,
            _ if value == REMOVED_BEFORE => true,
            _ => {
                let key = keys::removed(id, position);
                return Err(KvError::corrupt(&key, "it is no byte 1 or 2"));
            }
        };
        Ok(RemovedMark {
            id,
            position,
            before,
        })
    }))
}

/// A quad's level and index, and its value.
pub(crate) type Quad = ((u8, u64), Vec<u8>);

/// Lists quads.
pub(crate) fn quads<'a, K: Kv + ?Sized>(
    kv: &'a K,
) -> Result<impl Iterator<Item = Result<Quad, KvError>> + 'a, KvError> {
    list(kv, vec![keys::QUAD], Direction::Ascending, keys::parse_quad)
}

/// Entries whose keys parse, in order. The order bounds the listing: one without an end would have to
/// repeat a key.
fn list<'a, K: Kv + ?Sized, N: Copy + Ord + 'a>(
    kv: &'a K,
    prefix: Vec<u8>,
    direction: Direction,
    parse: impl Fn(&[u8]) -> Option<N> + 'a,
) -> Result<impl Iterator<Item = Result<(N, Vec<u8>), KvError>> + 'a, KvError> {
    let mut last: Option<N> = None;
    let entries = kv.iterate(&prefix, direction)?;
    Ok(entries.map(move |entry| {
        let (key, value) = entry?;
        let name = parse(&key)
            .filter(|_| key.starts_with(&prefix))
            .ok_or_else(|| KvError::corrupt(&key, "no record of this tree has such a key"))?;
        let in_order = last.is_none_or(|last| match direction {
            Direction::Ascending => last < name,
            Direction::Descending => last > name,
        });
        if !in_order {
            return Err(KvError::corrupt(&key, "listed out of order"));
        }
        last = Some(name);
        Ok((name, value))
    }))
}
