//! Where a shard ends, and which completed nodes the tip holds: rules that both the records and the
//! engine follow.

use std::ops::Range;

/// The height of a shard: it holds `2^4 = 16` leaves.
pub const SHARD_HEIGHT: u8 = 4;

/// The level of the tip's members: pairs of shards.
pub(crate) const MEMBER_LEVEL: u8 = SHARD_HEIGHT + 1;

/// Whether the tip holds the root of the newest completed shard: its right sibling is not complete.
pub(crate) fn holds_ommer(size: u64, origin: u64) -> bool {
    let shards = size >> SHARD_HEIGHT;
    shards & 1 == 1 && shards << SHARD_HEIGHT > origin
}

/// The indices of the nodes of [`MEMBER_LEVEL`] that the tip holds: those in the open quad.
pub(crate) fn member_indices(size: u64, origin: u64) -> Range<u64> {
    let end = size >> MEMBER_LEVEL;
    let start = (end & !3).max(origin >> MEMBER_LEVEL);
    start..end.max(start)
}
