//! The C functions of the hash alone, which reach no store.

use incrementalmerkletree::{Hashable, Level};

use super::tree::parse_frontier;
use super::*;
use crate::hash::{Sibling, TreeHash};

fn child_level(level: u32) -> Result<Level, Error> {
    match u8::try_from(level) {
        Ok(level) if level < DEPTH => Ok(level.into()),
        _ => Err(Error::InvalidArgument(format!(
            "nodes at level {level} have no parent in a tree of depth {DEPTH}"
        ))),
    }
}

/// Combines `count` pairs of nodes of `level`, 64 bytes each, and writes `count` nodes. The report's
/// index counts nodes.
///
/// # Safety
///
/// `pairs` must be valid for a read of `64 * count` bytes, `out` for a write of `32 * count`;
/// `report` must be null or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_combine(
    level: u32,
    pairs: *const u8,
    count: usize,
    out: *mut u8,
    report: *mut KvshardReport,
) -> i32 {
    let run = |hashes: &mut u64| {
        let level = child_level(level)?;
        if count > isize::MAX as usize / 64 {
            return Err(Error::InvalidArgument(format!("{count} pairs in memory")));
        }
        if count > 0 && out.is_null() {
            return Err(null("the place for the result"));
        }
        // SAFETY: valid for `64 * count` bytes by this function's contract.
        let nodes = unsafe { read_nodes(pairs, 2 * count) }?;
        let pairs: Vec<_> = nodes
            .chunks_exact(2)
            .map(|pair| (pair[0], pair[1]))
            .collect();
        let mut combined = Vec::with_capacity(count);
        let threads = Threads::Auto.for_batch(count);
        OrchardNode::combine_batch(level, &pairs, threads, &mut combined);
        *hashes = count as u64;
        for (at, node) in combined.iter().enumerate() {
            // SAFETY: `out` is not null and valid for `32 * count` bytes by this function's
            // contract; `at` is below `count`. Bytes need no alignment.
            unsafe { out.cast::<[u8; 32]>().add(at).write(node.to_bytes()) };
        }
        Ok(())
    };
    // SAFETY: `report` is null or valid by this function's contract.
    unsafe { guarded(nowhere(), report, run) }
}

/// Writes the root of an empty tree of `level` levels: 32 bytes.
///
/// # Safety
///
/// `out` must be null or valid for a write of 32 bytes, `report` null or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_empty_root(
    level: u32,
    out: *mut u8,
    report: *mut KvshardReport,
) -> i32 {
    let run = |_: &mut u64| match u8::try_from(level) {
        Ok(level) if level <= DEPTH => Ok(OrchardNode::empty_root(level.into()).to_bytes()),
        _ => Err(Error::InvalidArgument(format!(
            "a tree of depth {DEPTH} has no level {level}"
        ))),
    };
    // SAFETY: both pointers are null or valid by this function's contract.
    unsafe { guarded(out.cast::<[u8; 32]>(), report, run) }
}

/// Folds a leaf of 32 bytes up its path of 32 siblings, lowest first, and writes the root: 32 bytes.
/// An invalid leaf has index 0 in the report, an invalid sibling its place and 1.
///
/// # Safety
///
/// `path` must be null or valid for a read of 1024 bytes, `leaf` of 32; `root` must be null or valid
/// for a write of 32 bytes, `report` null or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_witness_root(
    position: u64,
    path: *const u8,
    leaf: *const u8,
    root: *mut u8,
    report: *mut KvshardReport,
) -> i32 {
    let run = |hashes: &mut u64| {
        if position >> DEPTH != 0 {
            let size = 1 << DEPTH;
            return Err(Error::PositionNotFound { position, size });
        }
        // SAFETY: both are null or valid for these lengths by this function's contract.
        let (leaf, path) = unsafe { (read_nodes(leaf, 1)?, read_nodes(path, KVSHARD_DEPTH)) };
        let path = path.map_err(|error| match error {
            Error::InvalidNode { index } => Error::InvalidNode { index: index + 1 },
            other => other,
        })?;
        let siblings: Vec<_> = (path.into_iter().enumerate())
            .map(|(level, sibling)| match position >> level & 1 {
                0 => Sibling::Right(sibling),
                _ => Sibling::Left(sibling),
            })
            .collect();
        *hashes = siblings.len() as u64;
        Ok(OrchardNode::climb(Level::from(0), &leaf[0], &siblings).to_bytes())
    };
    // SAFETY: both pointers are null or valid by this function's contract.
    unsafe { guarded(root.cast::<[u8; 32]>(), report, run) }
}

/// Climbs from a frontier's leaf past its ommers and writes the root: 32 bytes. An invalid leaf has
/// index 0 in the report, an invalid ommer its place and 1.
///
/// # Safety
///
/// `frontier` must be null or valid for a read, `root` null or valid for a write of 32 bytes,
/// `report` null or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_frontier_root(
    frontier: *const KvshardFrontier,
    root: *mut u8,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: null, or valid for a read by this function's contract.
    let frontier = unsafe { frontier.as_ref() };
    let run = |hashes: &mut u64| {
        let frontier = frontier.ok_or_else(|| null("the frontier"))?;
        let frontier = parse_frontier(frontier)?;
        let siblings = frontier.siblings(DEPTH)?;
        let Some(leaf) = frontier.leaf else {
            return Ok(OrchardNode::empty_root(DEPTH.into()).to_bytes());
        };
        *hashes = siblings.len() as u64;
        Ok(OrchardNode::climb(Level::from(0), &leaf, &siblings).to_bytes())
    };
    // SAFETY: both pointers are null or valid by this function's contract.
    unsafe { guarded(root.cast::<[u8; 32]>(), report, run) }
}
