//! The C functions of a tree: one for each call of the engine.

use super::*;

/// Appends `count` leaves of 32 bytes each and writes the position of the first to `first`.
///
/// # Safety
///
/// `callbacks` must be null or point to a table that keeps to the documentation of its types;
/// `scheme` must be null for Orchard's scheme, or point to one that keeps to its documentation;
/// `leaves` must be valid for a read of `32 * count` bytes; every other pointer must be null or
/// valid for its type. Null is answered with [`KVSHARD_INVALID_ARGUMENT`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_append(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    config: *const KvshardConfig,
    leaves: *const u8,
    count: usize,
    first: *mut u64,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: the caller keeps to this function's contract, which is the callees'.
    unsafe {
        on_tree(
            callbacks,
            scheme,
            read_config(config),
            first,
            report,
            |tree| {
                let leaves = read_nodes(tree.scheme(), leaves, count)?;
                tree.append(&leaves)
            },
        )
    }
}

/// Makes a checkpoint.
///
/// # Safety
///
/// As for [`kvshard_append`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_checkpoint(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    config: *const KvshardConfig,
    id: u32,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: the caller keeps to this function's contract, which is the callees'.
    unsafe {
        on_tree(
            callbacks,
            scheme,
            read_config(config),
            nowhere(),
            report,
            |tree| {
                #[cfg(feature = "test-panic")]
                {
                    crate::mark_for_tests();
                    assert_ne!(id, TEST_PANIC, "size {}", tree.size()?);
                }
                tree.checkpoint(id)
            },
        )
    }
}

/// Writes the number of leaves.
///
/// # Safety
///
/// As for [`kvshard_append`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_size(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    size: *mut u64,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: the caller keeps to this function's contract, which is the callee's.
    unsafe {
        on_tree(
            callbacks,
            scheme,
            Ok(Config::default()),
            size,
            report,
            |tree| tree.size(),
        )
    }
}

/// Writes the number of leaves at a checkpoint.
///
/// # Safety
///
/// As for [`kvshard_append`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_size_at(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    id: u32,
    size: *mut u64,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: the caller keeps to this function's contract, which is the callee's.
    unsafe {
        on_tree(
            callbacks,
            scheme,
            Ok(Config::default()),
            size,
            report,
            |tree| tree.size_at(id),
        )
    }
}

/// Writes the root over all leaves: 32 bytes.
///
/// # Safety
///
/// As for [`kvshard_append`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_root(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    root: *mut u8,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: the caller keeps to this function's contract, which is the callee's.
    unsafe {
        on_tree(
            callbacks,
            scheme,
            Ok(Config::default()),
            root.cast::<[u8; 32]>(),
            report,
            |tree| tree.root().map(Bytes::into_array),
        )
    }
}

/// Writes the root at a checkpoint: 32 bytes.
///
/// # Safety
///
/// As for [`kvshard_append`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_root_at(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    id: u32,
    root: *mut u8,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: the caller keeps to this function's contract, which is the callee's.
    unsafe {
        on_tree(
            callbacks,
            scheme,
            Ok(Config::default()),
            root.cast::<[u8; 32]>(),
            report,
            |tree| tree.root_at(id).map(Bytes::into_array),
        )
    }
}

/// Writes the leaf at a position: 32 bytes.
///
/// # Safety
///
/// As for [`kvshard_append`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_leaf(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    position: u64,
    leaf: *mut u8,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: the caller keeps to this function's contract, which is the callee's.
    unsafe {
        on_tree(
            callbacks,
            scheme,
            Ok(Config::default()),
            leaf.cast::<[u8; 32]>(),
            report,
            |tree| tree.leaf(position).map(Bytes::into_array),
        )
    }
}

/// Lists `count` complete nodes of a level from index `first` on, 32 bytes each; level 0 has the
/// leaves. At most [`KVSHARD_MAX_NODES`].
///
/// # Safety
///
/// As for [`kvshard_append`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_nodes(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    level: u32,
    first: u64,
    count: u64,
    out: *mut KvshardBuffer,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: the caller keeps to this function's contract, which is the callee's.
    unsafe {
        on_tree(
            callbacks,
            scheme,
            Ok(Config::default()),
            out,
            report,
            |tree| {
                let level = u8::try_from(level).unwrap_or(u8::MAX);
                let nodes = tree.nodes(level, first, count)?.into_iter();
                let bytes: Vec<u8> = nodes.flat_map(Bytes::into_array).collect();
                Ok(bytes.into())
            },
        )
    }
}

/// A path in 32 places; those above the tree's depth are zero.
fn path_bytes(path: Vec<Bytes>) -> [[u8; 32]; KVSHARD_DEPTH] {
    let mut bytes = [[0; 32]; KVSHARD_DEPTH];
    for (place, node) in bytes.iter_mut().zip(path) {
        *place = node.into_array();
    }
    bytes
}

/// Writes the siblings from a leaf to the root over all leaves, lowest first: 32 places of 32
/// bytes. Places above the tree's depth are zero.
///
/// # Safety
///
/// As for [`kvshard_append`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_witness(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    position: u64,
    path: *mut u8,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: the caller keeps to this function's contract, which is the callee's.
    unsafe {
        on_tree(
            callbacks,
            scheme,
            Ok(Config::default()),
            path.cast(),
            report,
            |tree| tree.witness(position).map(path_bytes),
        )
    }
}

/// Writes the siblings from a leaf to the root at a checkpoint, lowest first: 32 places of 32
/// bytes. Places above the tree's depth are zero.
///
/// # Safety
///
/// As for [`kvshard_append`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_witness_at(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    position: u64,
    id: u32,
    path: *mut u8,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: the caller keeps to this function's contract, which is the callee's.
    unsafe {
        on_tree(
            callbacks,
            scheme,
            Ok(Config::default()),
            path.cast(),
            report,
            |tree| tree.witness_at(position, id).map(path_bytes),
        )
    }
}

/// Drops everything that came after a checkpoint.
///
/// # Safety
///
/// As for [`kvshard_append`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_rewind(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    id: u32,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: the caller keeps to this function's contract, which is the callee's.
    unsafe {
        on_tree(
            callbacks,
            scheme,
            Ok(Config::default()),
            nowhere(),
            report,
            |tree| tree.rewind(id),
        )
    }
}

/// Lists the checkpoints by ascending id, 13 bytes each: id u32 LE, size u64 LE, retained u8.
///
/// # Safety
///
/// As for [`kvshard_append`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_checkpoints(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    out: *mut KvshardBuffer,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: the caller keeps to this function's contract, which is the callee's.
    unsafe {
        on_tree(
            callbacks,
            scheme,
            Ok(Config::default()),
            out,
            report,
            |tree| {
                let mut bytes = vec![];
                for checkpoint in tree.checkpoints()? {
                    bytes.extend_from_slice(&checkpoint.id.to_le_bytes());
                    bytes.extend_from_slice(&checkpoint.size.to_le_bytes());
                    bytes.push(u8::from(checkpoint.retained));
                }
                Ok(bytes.into())
            },
        )
    }
}

/// Writes the newest checkpoint.
///
/// # Safety
///
/// As for [`kvshard_append`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_newest(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    newest: *mut KvshardNewest,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: the caller keeps to this function's contract, which is the callee's.
    unsafe {
        on_tree(
            callbacks,
            scheme,
            Ok(Config::default()),
            newest,
            report,
            |tree| {
                let newest = tree.newest()?;
                Ok(KvshardNewest {
                    size: newest.map_or(0, |checkpoint| checkpoint.size),
                    id: newest.map_or(0, |checkpoint| checkpoint.id),
                    retained: newest.is_some_and(|checkpoint| checkpoint.retained).into(),
                    found: newest.is_some().into(),
                })
            },
        )
    }
}

/// Exempts a checkpoint from pruning.
///
/// # Safety
///
/// As for [`kvshard_append`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_retain_checkpoint(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    id: u32,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: the caller keeps to this function's contract, which is the callee's.
    unsafe {
        on_tree(
            callbacks,
            scheme,
            Ok(Config::default()),
            nowhere(),
            report,
            |tree| tree.retain_checkpoint(id),
        )
    }
}

/// Lets a checkpoint be pruned again.
///
/// # Safety
///
/// As for [`kvshard_append`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_release_checkpoint(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    id: u32,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: the caller keeps to this function's contract, which is the callee's.
    unsafe {
        on_tree(
            callbacks,
            scheme,
            Ok(Config::default()),
            nowhere(),
            report,
            |tree| tree.release_checkpoint(id),
        )
    }
}

/// Removes a leaf's mark as of a checkpoint, and writes 1 if the leaf has one, 0 if not.
///
/// # Safety
///
/// As for [`kvshard_append`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_remove_mark(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    position: u64,
    as_of: u32,
    removed: *mut u8,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: the caller keeps to this function's contract, which is the callee's.
    unsafe {
        on_tree(
            callbacks,
            scheme,
            Ok(Config::default()),
            removed,
            report,
            |tree| tree.remove_mark(position, as_of).map(u8::from),
        )
    }
}

/// Writes the frontier.
///
/// # Safety
///
/// As for [`kvshard_append`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_frontier(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    frontier: *mut KvshardFrontier,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: the caller keeps to this function's contract, which is the callee's.
    unsafe {
        on_tree(
            callbacks,
            scheme,
            Ok(Config::default()),
            frontier,
            report,
            |tree| tree.frontier().map(KvshardFrontier::from),
        )
    }
}

/// Writes the frontier at a checkpoint.
///
/// # Safety
///
/// As for [`kvshard_append`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_frontier_at(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    id: u32,
    frontier: *mut KvshardFrontier,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: the caller keeps to this function's contract, which is the callee's.
    unsafe {
        on_tree(
            callbacks,
            scheme,
            Ok(Config::default()),
            frontier,
            report,
            |tree| tree.frontier_at(id).map(KvshardFrontier::from),
        )
    }
}

/// Writes the frontier that the tree had when it had `size` leaves.
///
/// # Safety
///
/// As for [`kvshard_append`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_frontier_at_size(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    size: u64,
    frontier: *mut KvshardFrontier,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: the caller keeps to this function's contract, which is the callee's.
    unsafe {
        on_tree(
            callbacks,
            scheme,
            Ok(Config::default()),
            frontier,
            report,
            |tree| tree.frontier_at_size(size).map(KvshardFrontier::from),
        )
    }
}

/// Starts an empty tree from a frontier. In the report, an invalid leaf has index 0, an invalid
/// ommer its place plus 1.
///
/// # Safety
///
/// As for [`kvshard_append`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_insert_frontier(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    config: *const KvshardConfig,
    frontier: *const KvshardFrontier,
    id: u32,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: the caller keeps to this function's contract, which is the callees'; `frontier` is
    // null or valid for a read by the same.
    unsafe {
        let config = read_config(config);
        let frontier = frontier.as_ref();
        on_tree(callbacks, scheme, config, nowhere(), report, |tree| {
            let frontier = frontier.ok_or_else(|| null("the frontier"))?;
            let frontier = parse_frontier(tree.scheme(), frontier)?;
            tree.insert_frontier(&frontier, id)
        })
    }
}

pub(super) fn parse_frontier(
    scheme: &AnyScheme<'_>,
    frontier: &KvshardFrontier,
) -> Result<TreeFrontier<Bytes>, Error> {
    let count = frontier.ommer_count;
    let ommers = frontier
        .ommers
        .get(..count)
        .ok_or_else(|| Error::InvalidArgument(format!("a frontier of {count} ommers")))?;
    let parse = |bytes: &[u8; 32], index: usize| {
        let index = index as u64;
        scheme.node(bytes).ok_or(Error::InvalidNode { index })
    };
    Ok(TreeFrontier {
        size: frontier.size,
        leaf: match frontier.size {
            0 => None,
            _ => Some(parse(&frontier.leaf, 0)?),
        },
        ommers: ommers
            .iter()
            .enumerate()
            .map(|(index, ommer)| parse(ommer, index + 1))
            .collect::<Result<_, _>>()?,
    })
}

/// Takes over a store that a plain `ShardTree` wrote, and writes the number of leaves. Their root
/// must be the given one, 32 bytes. An invalid root has index 0 in the report.
///
/// # Safety
///
/// As for [`kvshard_append`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_adopt(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    config: *const KvshardConfig,
    root: *const u8,
    size: *mut u64,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: the caller keeps to this function's contract, which is the callees'.
    unsafe {
        on_tree(
            callbacks,
            scheme,
            read_config(config),
            size,
            report,
            |tree| {
                let root = read_nodes(tree.scheme(), root, 1)?;
                tree.adopt(&root[0])
            },
        )
    }
}

/// Checks the whole store and lists what is wrong, one line for each violation: the invariant's
/// name, the key in hex and the detail, separated by tabs. Empty if the store is sound.
///
/// # Safety
///
/// As for [`kvshard_append`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_check(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    out: *mut KvshardBuffer,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: the caller keeps to this function's contract, which is the callee's.
    unsafe {
        on_tree(
            callbacks,
            scheme,
            Ok(Config::default()),
            out,
            report,
            |tree| {
                let lines = tree.check()?.into_iter().map(|v| format!("{v}\n"));
                Ok(lines.collect::<String>().into_bytes().into())
            },
        )
    }
}

/// Draws the tree in text.
///
/// # Safety
///
/// As for [`kvshard_append`].
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_dump(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    out: *mut KvshardBuffer,
    report: *mut KvshardReport,
) -> i32 {
    // SAFETY: the caller keeps to this function's contract, which is the callee's.
    unsafe {
        on_tree(
            callbacks,
            scheme,
            Ok(Config::default()),
            out,
            report,
            |tree| Ok(tree.dump()?.into_bytes().into()),
        )
    }
}
