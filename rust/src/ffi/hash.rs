//! The C functions of the hash alone, which reach no store.

use super::tree::parse_frontier;
use super::*;
use crate::hash::Sibling;
use crate::scheme::Scheme;

fn child_level(level: u32, depth: u8) -> Result<u8, Error> {
    match u8::try_from(level) {
        Ok(level) if level < depth => Ok(level),
        _ => Err(Error::InvalidArgument(format!(
            "nodes at level {level} have no parent in a tree of depth {depth}"
        ))),
    }
}

/// Combines `count` pairs of nodes of `level`, 64 bytes each, and writes `count` nodes. The report's
/// index counts nodes.
///
/// # Safety
///
/// `scheme` must be null for Orchard's scheme, or point to one whose callback keeps to the
/// documentation of its type; `pairs` must be valid for a read of `64 * count` bytes, `out` for a
/// write of `32 * count`; `report` must be null or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_combine(
    scheme: *const KvshardScheme,
    level: u32,
    pairs: *const u8,
    count: usize,
    out: *mut u8,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: null, or valid for a read by this function's contract.
    let scheme = unsafe { scheme.as_ref() };
    let run = |hashes: &mut u64| {
        let scheme = AnyScheme::new(scheme)?;
        let level = child_level(level, scheme.depth())?;
        if count > isize::MAX as usize / 64 {
            return Err(Error::InvalidArgument(format!("{count} pairs in memory")));
        }
        if count > 0 && out.is_null() {
            return Err(null("the place for the result"));
        }
        // SAFETY: valid for `64 * count` bytes by this function's contract.
        let children = unsafe { read_nodes(&scheme, pairs, 2 * count) }?;
        let threads = Threads::Auto.for_batch(count);
        let combined = scheme.combine_batch(level, &children, threads)?;
        *hashes = count as u64;
        for (at, node) in combined.iter().enumerate() {
            // SAFETY: `out` is not null and valid for `32 * count` bytes by this function's
            // contract; `at` is below `count`. Bytes need no alignment.
            unsafe { out.cast::<[u8; 32]>().add(at).write(node.into_array()) };
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
/// `scheme` must be as for [`kvshard_combine`]; `out` must be null or valid for a write of 32 bytes,
/// `report` null or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_empty_root(
    scheme: *const KvshardScheme,
    level: u32,
    out: *mut u8,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: null, or valid for a read by this function's contract.
    let scheme = unsafe { scheme.as_ref() };
    let run = |_: &mut u64| {
        let scheme = AnyScheme::new(scheme)?;
        let depth = scheme.depth();
        match u8::try_from(level) {
            Ok(level) if level <= depth => Ok(scheme.empty_root(level).into_array()),
            _ => Err(Error::InvalidArgument(format!(
                "a tree of depth {depth} has no level {level}"
            ))),
        }
    };
    // SAFETY: both pointers are null or valid by this function's contract.
    unsafe { guarded(out.cast::<[u8; 32]>(), report, run) }
}

/// Folds a leaf of 32 bytes up its path, one sibling for each level of the scheme, lowest first, and
/// writes the root: 32 bytes.
/// In the report, an invalid leaf has index 0, an invalid sibling its place plus 1.
///
/// # Safety
///
/// `scheme` must be as for [`kvshard_combine`]; `leaf` must be null or valid for a read of 32
/// bytes, `path` for a read of 32 bytes a level; `root` must be null or valid for a write of 32
/// bytes, `report` null or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_witness_root(
    scheme: *const KvshardScheme,
    position: u64,
    path: *const u8,
    leaf: *const u8,
    root: *mut u8,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: null, or valid for a read by this function's contract.
    let scheme = unsafe { scheme.as_ref() };
    let run = |hashes: &mut u64| {
        let scheme = AnyScheme::new(scheme)?;
        let depth = scheme.depth();
        if position >> depth != 0 {
            let size = 1 << depth;
            return Err(Error::PositionNotFound { position, size });
        }
        // SAFETY: both are null or valid for these lengths by this function's contract.
        let (leaf, path) = unsafe {
            let leaf = read_nodes(&scheme, leaf, 1)?;
            (leaf, read_nodes(&scheme, path, depth.into()))
        };
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
        Ok(scheme.climb(0, &leaf[0], &siblings)?.into_array())
    };
    // SAFETY: both pointers are null or valid by this function's contract.
    unsafe { guarded(root.cast::<[u8; 32]>(), report, run) }
}

/// Hashes a frontier's leaf with its ommers up to the root, and writes the root: 32 bytes. In the
/// report, an invalid leaf has index 0, an invalid ommer its place plus 1.
///
/// # Safety
///
/// `scheme` must be as for [`kvshard_combine`]; `frontier` must be null or valid for a read, `root`
/// null or valid for a write of 32 bytes, `report` null or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_frontier_root(
    scheme: *const KvshardScheme,
    frontier: *const KvshardFrontier,
    root: *mut u8,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: each null, or valid for a read by this function's contract.
    let (scheme, frontier) = unsafe { (scheme.as_ref(), frontier.as_ref()) };
    let run = |hashes: &mut u64| {
        let scheme = AnyScheme::new(scheme)?;
        let frontier = frontier.ok_or_else(|| null("the frontier"))?;
        let frontier = parse_frontier(&scheme, frontier)?;
        let siblings = frontier.siblings(scheme.depth())?;
        let Some(leaf) = frontier.leaf else {
            return Ok(scheme.empty_root(scheme.depth()).into_array());
        };
        *hashes = siblings.len() as u64;
        Ok(scheme.climb(0, &leaf, &siblings)?.into_array())
    };
    // SAFETY: both pointers are null or valid by this function's contract.
    unsafe { guarded(root.cast::<[u8; 32]>(), report, run) }
}
