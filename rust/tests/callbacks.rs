//! `KvShardStore` and the C functions over real C callbacks. The public test suites of `shardtree`
//! and `incrementalmerkletree` pass, a fault at any callback comes back as an error, and no buffer
//! and no iterator is left.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use incrementalmerkletree::{Hashable, Position, Retention};
use incrementalmerkletree_testing::complete_tree::CompleteTree;
use incrementalmerkletree_testing::{self as imt, CombinedTree};
use kvshard::error::KvError;
use kvshard::ffi;
use kvshard::hash::OrchardNode;
use kvshard::kv_shard_store::{KvCallbacks, KvShardStore};
use kvshard_testkit::c_store::{
    CStore, FAULTS, Fault, assert_all_clean, buffers_handed_out, kept_store,
};
use kvshard_testkit::cases::proptest_config;
use kvshard_testkit::complete::Complete;
use kvshard_testkit::node::{CheapNode, TestNode, leaves};
use proptest::prelude::*;
use shardtree::ShardTree;
use shardtree::error::ShardTreeError;
use shardtree::store::{Checkpoint, ShardStore};
use shardtree::testing::{
    check_shard_sizes, check_shardtree_insertion, check_witness_with_pruned_subtrees,
};

fn shard_tree<H: TestNode, const DEPTH: u8, const SHARD_HEIGHT: u8>(
    max_checkpoints: usize,
) -> ShardTree<KvShardStore<H, SHARD_HEIGHT>, DEPTH, SHARD_HEIGHT> {
    ShardTree::new(kept_store(), max_checkpoints)
}

#[test]
fn shardtree_suites() {
    check_shardtree_insertion(shard_tree(100));
    check_shard_sizes(shard_tree(100));
    check_witness_with_pruned_subtrees(shard_tree(100));
    assert_all_clean();
    assert!(buffers_handed_out() > 0);
}

/// The suites count checkpoints in `usize`, the store in `u32`.
struct WideIds<T>(T);

impl<H, T: imt::Tree<H, u32>> imt::Tree<H, usize> for WideIds<T> {
    fn depth(&self) -> u8 {
        self.0.depth()
    }
    fn append(&mut self, value: H, retention: Retention<usize>) -> bool {
        self.0.append(value, retention.map(|id| *id as u32))
    }
    fn current_position(&self) -> Option<Position> {
        self.0.current_position()
    }
    fn get_marked_leaf(&self, position: Position) -> Option<H> {
        self.0.get_marked_leaf(position)
    }
    fn marked_positions(&self) -> BTreeSet<Position> {
        self.0.marked_positions()
    }
    fn root(&self, checkpoint_depth: Option<usize>) -> Option<H> {
        self.0.root(checkpoint_depth)
    }
    fn witness(&self, position: Position, checkpoint_depth: usize) -> Option<Vec<H>> {
        self.0.witness(position, checkpoint_depth)
    }
    fn remove_mark(&mut self, position: Position) -> bool {
        self.0.remove_mark(position)
    }
    fn checkpoint(&mut self, id: usize) -> bool {
        self.0.checkpoint(id as u32)
    }
    fn checkpoint_count(&self) -> usize {
        self.0.checkpoint_count()
    }
    fn rewind(&mut self, checkpoint_depth: usize) -> bool {
        self.0.rewind(checkpoint_depth)
    }
}

type WideTree<H, const SHARD_HEIGHT: u8> =
    WideIds<ShardTree<KvShardStore<H, SHARD_HEIGHT>, 4, SHARD_HEIGHT>>;
type Combined<H, const SHARD_HEIGHT: u8> =
    CombinedTree<H, usize, CompleteTree<H, usize, 4>, WideTree<H, SHARD_HEIGHT>>;

fn wide<H: TestNode, const SHARD_HEIGHT: u8>(max: usize) -> WideTree<H, SHARD_HEIGHT> {
    WideIds(shard_tree(max))
}

fn combined<H, const SHARD_HEIGHT: u8>(max: usize) -> Combined<H, SHARD_HEIGHT>
where
    H: TestNode + Hashable + Ord + Debug,
{
    CombinedTree::new(CompleteTree::new(max), wide(max))
}

fn seven_suites<const SHARD_HEIGHT: u8>() {
    imt::check_append(wide::<String, SHARD_HEIGHT>);
    imt::check_root_hashes(wide::<String, SHARD_HEIGHT>);
    imt::check_witnesses(wide::<String, SHARD_HEIGHT>);
    imt::check_append(wide::<CheapNode, SHARD_HEIGHT>);
    imt::check_root_hashes(wide::<CheapNode, SHARD_HEIGHT>);
    imt::check_witnesses(wide::<CheapNode, SHARD_HEIGHT>);
    imt::check_witness_consistency(wide::<String, SHARD_HEIGHT>);
    imt::check_checkpoint_rewind(wide::<String, SHARD_HEIGHT>);
    imt::check_remove_mark(wide::<String, SHARD_HEIGHT>);
    imt::check_rewind_remove_mark(wide::<String, SHARD_HEIGHT>);

    imt::check_append(combined::<String, SHARD_HEIGHT>);
    imt::check_rewind_remove_mark(combined::<String, SHARD_HEIGHT>);
    assert_all_clean();
}

#[test]
fn incrementalmerkletree_suites() {
    seven_suites::<3>();
    seven_suites::<4>();
}

/// Random operations beside a complete tree; nothing is left at the end.
fn check_random<H, const SHARD_HEIGHT: u8>(
    operations: &[imt::Operation<H, ()>],
) -> Result<(), TestCaseError>
where
    H: TestNode + Hashable + Ord + Debug,
{
    let mut store = CStore::new();
    let tree = CombinedTree::<H, u32, _, _>::new(
        CompleteTree::<H, u32, 4>::new(100),
        ShardTree::<_, 4, SHARD_HEIGHT>::new(store.shard_store::<H, SHARD_HEIGHT>(), 100),
    );
    let operations: Vec<_> = (operations.iter().zip(0u32..))
        .map(|(operation, id)| operation.map_checkpoint_id(|_| id))
        .collect();
    imt::check_operations(tree, &operations)?;
    store.assert_clean();
    Ok(())
}

fn positions() -> impl Strategy<Value = Position> + Clone {
    (0u64..100).prop_map(Position::from)
}

proptest! {
    #![proptest_config(proptest_config(4000))]

    #[test]
    fn random_operations_on_numbers(
        operations in proptest::collection::vec(
            imt::arb_operation((1..33u64).prop_map(CheapNode), positions()),
            1..100,
        )
    ) {
        check_random::<_, 3>(&operations)?;
    }

    #[test]
    fn random_operations_on_strings(
        operations in proptest::collection::vec(
            imt::arb_operation((97u8..123).prop_map(|c| char::from(c).to_string()), positions()),
            1..100,
        )
    ) {
        check_random::<_, 3>(&operations)?;
    }

    #[test]
    fn random_operations_on_full_shards(
        operations in proptest::collection::vec(
            imt::arb_operation((97u8..123).prop_map(|c| char::from(c).to_string()), positions()),
            1..100,
        )
    ) {
        check_random::<_, 4>(&operations)?;
    }
}

type Plain = ShardTree<KvShardStore<String, 4>, 8, 4>;
type PlainError = ShardTreeError<KvError>;
type PlainStep = fn(&mut Plain) -> Result<String, PlainError>;

/// Steps that together call each method of the store.
const PLAIN_STEPS: [PlainStep; 16] = [
    |tree| {
        for leaf in 0..20 {
            tree.append(String::leaf(leaf), Retention::Marked)?;
        }
        Ok(String::new())
    },
    |tree| Ok(format!("{}", tree.checkpoint(1)?)),
    |tree| {
        let leaves = (20..40).map(|leaf| (String::leaf(leaf), Retention::Marked));
        Ok(format!("{:?}", tree.batch_insert(20.into(), leaves)?))
    },
    |tree| Ok(format!("{}", tree.checkpoint(2)?)),
    |tree| tree.ensure_retained(1).map(|()| String::new()),
    |tree| Ok(format!("{}", tree.remove_mark(3.into(), Some(&1))?)),
    |tree| Ok(format!("{:?}", tree.root_at_checkpoint_id(&1)?)),
    |tree| {
        Ok(format!(
            "{:?}",
            tree.root_at_checkpoint_depth_caching(Some(0))?
        ))
    },
    |tree| {
        Ok(format!(
            "{:?}",
            tree.witness_at_checkpoint_id(5.into(), &2)?
        ))
    },
    |tree| Ok(format!("{:?}", tree.marked_positions()?)),
    |tree| Ok(format!("{:?}", tree.max_leaf_position(None)?)),
    |tree| Ok(format!("{:?}", tree.frontier()?)),
    |tree| Ok(format!("{}", tree.checkpoint(3)?)),
    |tree| tree.remove_retained_checkpoint(&1).map(|_| String::new()),
    |tree| Ok(format!("{}", tree.checkpoint(4)?)),
    |tree| Ok(format!("{}", tree.truncate_to_checkpoint(&2)?)),
];

/// A fault at each callback of each step. An error status comes back as an error of the store.
/// Other wrong answers look like right ones, so the step may end in an error or in an answer.
/// Nothing is left behind. If the step wrote nothing, a second try gives the same answer as without
/// the fault.
#[test]
fn faults_under_a_plain_tree() {
    let mut start = BTreeMap::new();
    let mut injected = 0;
    for (number, step) in PLAIN_STEPS.iter().enumerate() {
        let mut sound = CStore::with(start.clone());
        let answer = step(&mut Plain::new(sound.shard_store(), 2)).unwrap();
        for at in 0..sound.calls {
            for fault in FAULTS {
                let mut store = CStore::with(start.clone());
                store.fault = Some((at, fault));
                let outcome = step(&mut Plain::new(store.shard_store(), 2));
                store.assert_clean();
                let written = store.writes;
                if matches!(fault, Fault::Error | Fault::UnknownStatus) {
                    let from_store =
                        matches!(outcome, Err(ShardTreeError::Storage(KvError::Store { .. })));
                    assert!(from_store, "step {number}, callback {at}: {outcome:?}");
                    assert_eq!(store.calls, at + 1, "step {number}: called after a failure");
                }
                if written == 0 {
                    assert_eq!(store.records, start);
                    store.fault = None;
                    let again = step(&mut Plain::new(store.shard_store(), 2)).unwrap();
                    assert_eq!(again, answer);
                    assert_eq!(store.records, sound.records);
                }
                injected += 1;
            }
        }
        sound.assert_clean();
        start = sound.records;
    }
    assert!(injected > 1000, "{injected} faults");
}

/// A null scheme means Orchard's.
const ORCHARD: *const ffi::KvshardScheme = std::ptr::null();

/// A step through the C functions: its status and its result as bytes.
type FfiStep = fn(*const KvCallbacks, *mut ffi::KvshardReport) -> (i32, Vec<u8>);

const CONFIG: ffi::KvshardConfig = ffi::KvshardConfig {
    max_checkpoints: 2,
    retention: 0,
    threads: 1,
};

fn append(
    callbacks: *const KvCallbacks,
    report: *mut ffi::KvshardReport,
    first: u64,
    count: u64,
    retention: u32,
) -> (i32, Vec<u8>) {
    let leaves: Vec<u8> = (first..first + count)
        .flat_map(|leaf| OrchardNode::leaf(leaf).to_bytes())
        .collect();
    let config = ffi::KvshardConfig {
        retention,
        ..CONFIG
    };
    let mut position = 0;
    let status = unsafe {
        let leaves = leaves.as_ptr();
        ffi::kvshard_append(
            callbacks,
            ORCHARD,
            &config,
            leaves,
            count as usize,
            &mut position,
            report,
        )
    };
    (status, position.to_le_bytes().to_vec())
}

fn checkpoint(
    callbacks: *const KvCallbacks,
    report: *mut ffi::KvshardReport,
    id: u32,
) -> (i32, Vec<u8>) {
    let status = unsafe { ffi::kvshard_checkpoint(callbacks, ORCHARD, &CONFIG, id, report) };
    (status, vec![])
}

/// A call whose result is `N` bytes.
fn fixed<const N: usize>(call: impl FnOnce(*mut u8) -> i32) -> (i32, Vec<u8>) {
    let mut out = [0; N];
    let status = call(out.as_mut_ptr());
    (status, out.to_vec())
}

/// A call whose result is a buffer, which it gives back.
fn buffer(call: impl FnOnce(*mut ffi::KvshardBuffer) -> i32) -> (i32, Vec<u8>) {
    let mut out = ffi::KvshardBuffer {
        ptr: std::ptr::null_mut(),
        len: 0,
        capacity: 0,
    };
    let status = call(&mut out);
    let bytes = match status {
        ffi::KVSHARD_OK => unsafe { std::slice::from_raw_parts(out.ptr, out.len) }.to_vec(),
        _ => vec![],
    };
    unsafe { ffi::kvshard_buffer_free(out) };
    (status, bytes)
}

/// A call whose result is a frontier.
fn frontier(call: impl FnOnce(*mut ffi::KvshardFrontier) -> i32) -> (i32, Vec<u8>) {
    let mut out: ffi::KvshardFrontier = unsafe { std::mem::zeroed() };
    let status = call(&mut out);
    let ommers = out.ommers[..out.ommer_count].concat();
    (
        status,
        [&out.size.to_le_bytes()[..], &out.leaf, &ommers].concat(),
    )
}

/// Each C function that is given a store.
const FFI_STEPS: [FfiStep; 29] = [
    |c, r| append(c, r, 0, 5, 0),
    |c, r| checkpoint(c, r, 1),
    |c, r| append(c, r, 5, 12, 1),
    |c, r| checkpoint(c, r, 2),
    |c, r| append(c, r, 17, 3, 0),
    |c, r| {
        (
            unsafe { ffi::kvshard_retain_checkpoint(c, ORCHARD, 1, r) },
            vec![],
        )
    },
    |c, r| fixed::<1>(|out| unsafe { ffi::kvshard_remove_mark(c, ORCHARD, 3, 2, out, r) }),
    |c, r| checkpoint(c, r, 300),
    |c, r| fixed::<8>(|out| unsafe { ffi::kvshard_size(c, ORCHARD, out.cast(), r) }),
    |c, r| fixed::<8>(|out| unsafe { ffi::kvshard_size_at(c, ORCHARD, 2, out.cast(), r) }),
    |c, r| fixed::<32>(|out| unsafe { ffi::kvshard_root(c, ORCHARD, out, r) }),
    |c, r| fixed::<32>(|out| unsafe { ffi::kvshard_root_at(c, ORCHARD, 2, out, r) }),
    |c, r| fixed::<32>(|out| unsafe { ffi::kvshard_leaf(c, ORCHARD, 18, out, r) }),
    |c, r| fixed::<1024>(|out| unsafe { ffi::kvshard_witness(c, ORCHARD, 1, out, r) }),
    |c, r| fixed::<1024>(|out| unsafe { ffi::kvshard_witness_at(c, ORCHARD, 2, 1, out, r) }),
    |c, r| buffer(|out| unsafe { ffi::kvshard_checkpoints(c, ORCHARD, out, r) }),
    |c, r| buffer(|out| unsafe { ffi::kvshard_check(c, ORCHARD, out, r) }),
    |c, r| buffer(|out| unsafe { ffi::kvshard_dump(c, ORCHARD, out, r) }),
    |c, r| {
        let mut out: ffi::KvshardNewest = unsafe { std::mem::zeroed() };
        let status = unsafe { ffi::kvshard_newest(c, ORCHARD, &mut out, r) };
        (status, format!("{out:?}").into_bytes())
    },
    |c, r| frontier(|out| unsafe { ffi::kvshard_frontier(c, ORCHARD, out, r) }),
    |c, r| frontier(|out| unsafe { ffi::kvshard_frontier_at(c, ORCHARD, 2, out, r) }),
    |c, r| frontier(|out| unsafe { ffi::kvshard_frontier_at_size(c, ORCHARD, 17, out, r) }),
    |c, r| buffer(|out| unsafe { ffi::kvshard_nodes(c, ORCHARD, 4, 0, 1, out, r) }),
    |c, r| {
        (
            unsafe { ffi::kvshard_release_checkpoint(c, ORCHARD, 1, r) },
            vec![],
        )
    },
    |c, r| append(c, r, 20, 150, 0),
    |c, r| checkpoint(c, r, 301),
    |c, r| fixed::<1024>(|out| unsafe { ffi::kvshard_witness_at(c, ORCHARD, 18, 301, out, r) }),
    |c, r| (unsafe { ffi::kvshard_rewind(c, ORCHARD, 300, r) }, vec![]),
    |c, r| checkpoint(c, r, 302),
];

fn run_ffi(step: &FfiStep, store: &mut Box<CStore>) -> (i32, Vec<u8>, String) {
    let callbacks = store.callbacks();
    let mut report: ffi::KvshardReport = unsafe { std::mem::zeroed() };
    let (status, bytes) = step(&callbacks, &mut report);
    let text = String::from_utf8(report.message[..report.message_len].to_vec()).unwrap();
    assert_eq!(
        status == ffi::KVSHARD_OK,
        text.is_empty(),
        "{status}: {text}"
    );
    (status, bytes, text)
}

fn ffi_faults(start: BTreeMap<Vec<u8>, Vec<u8>>, steps: &[FfiStep]) -> u64 {
    let mut start = start;
    let mut injected = 0;
    for (number, step) in steps.iter().enumerate() {
        let mut sound = CStore::with(start.clone());
        let answer = run_ffi(step, &mut sound);
        assert_eq!(answer.0, ffi::KVSHARD_OK, "step {number}: {}", answer.2);
        for at in 0..sound.calls {
            for fault in FAULTS {
                let mut store = CStore::with(start.clone());
                store.fault = Some((at, fault));
                let (status, _, text) = run_ffi(step, &mut store);
                store.assert_clean();
                if matches!(fault, Fault::Error | Fault::UnknownStatus) {
                    assert_eq!(status, ffi::KVSHARD_STORE, "step {number}, {at}: {text}");
                    assert!(text.starts_with("the store failed: "), "{text}");
                    assert_eq!(store.calls, at + 1, "step {number}: called after a failure");
                }
                assert_ne!(status, ffi::KVSHARD_INTERNAL, "step {number}, {at}: {text}");
                if store.writes == 0 {
                    assert_eq!(store.records, start);
                }
                injected += 1;
            }
        }
        let mut again = CStore::with(start);
        assert_eq!(run_ffi(step, &mut again), answer);
        assert_eq!(again.records, sound.records);
        sound.assert_clean();
        start = again.records;
    }
    injected
}

#[test]
fn faults_under_the_c_functions() {
    let injected = ffi_faults(BTreeMap::new(), &FFI_STEPS);
    assert!(injected > 500, "{injected} faults");
    let start: [FfiStep; 2] = [
        |c, r| {
            let mut frontier: ffi::KvshardFrontier = unsafe { std::mem::zeroed() };
            frontier.size = 1 << 20;
            frontier.ommer_count = 20;
            let status =
                unsafe { ffi::kvshard_insert_frontier(c, ORCHARD, &CONFIG, &frontier, 9, r) };
            (status, vec![])
        },
        |c, r| append(c, r, 0, 2, 0),
    ];
    ffi_faults(BTreeMap::new(), &start);
}

/// Null pointers get an error and are never followed.
#[test]
fn null_pointers() {
    let mut store = CStore::new();
    let callbacks = store.callbacks();
    let null = std::ptr::null();
    let nowhere = std::ptr::null_mut();
    let mut report: ffi::KvshardReport = unsafe { std::mem::zeroed() };
    let mut size = 0;
    unsafe {
        let invalid = ffi::KVSHARD_INVALID_ARGUMENT;
        assert_eq!(
            ffi::kvshard_size(null, ORCHARD, &mut size, &mut report),
            invalid
        );
        assert!(report.message_len > 0);
        let nobody = std::ptr::null_mut();
        assert_eq!(
            ffi::kvshard_size(&callbacks, ORCHARD, nobody, &mut report),
            invalid
        );
        assert_eq!(
            ffi::kvshard_size(&callbacks, ORCHARD, &mut size, std::ptr::null_mut()),
            0
        );
        let status = ffi::kvshard_append(
            &callbacks,
            ORCHARD,
            &CONFIG,
            null.cast(),
            1,
            &mut size,
            nowhere,
        );
        assert_eq!(status, invalid);
        let status = ffi::kvshard_append(
            &callbacks,
            ORCHARD,
            &CONFIG,
            null.cast(),
            0,
            &mut size,
            nowhere,
        );
        assert_eq!(status, ffi::KVSHARD_OK);
        let status = ffi::kvshard_checkpoint(&callbacks, ORCHARD, null.cast(), 1, nowhere);
        assert_eq!(status, invalid);
        let status =
            ffi::kvshard_insert_frontier(&callbacks, ORCHARD, &CONFIG, null.cast(), 1, nowhere);
        assert_eq!(status, invalid);
        let status =
            ffi::kvshard_frontier_root(ORCHARD, null.cast(), [0; 32].as_mut_ptr(), nowhere);
        assert_eq!(status, invalid);
        let nobody = std::ptr::null_mut();
        let status = ffi::kvshard_nodes(&callbacks, ORCHARD, 0, 0, 0, nobody, nowhere);
        assert_eq!(status, invalid);
        let nobody = std::ptr::null_mut();
        assert_eq!(
            ffi::kvshard_newest(&callbacks, ORCHARD, nobody, nowhere),
            invalid
        );
    }
    assert!(store.records.is_empty());
    store.assert_clean();
}

/// A retention, a limit, a node or a level that makes no sense is refused and writes nothing. An
/// empty tip is corrupt.
#[test]
fn bad_input_writes_nothing() {
    let mut store = CStore::new();
    let callbacks = store.callbacks();
    let mut report: ffi::KvshardReport = unsafe { std::mem::zeroed() };
    let mut first = 0;
    for config in [
        ffi::KvshardConfig {
            max_checkpoints: 0,
            ..CONFIG
        },
        ffi::KvshardConfig {
            retention: 2,
            ..CONFIG
        },
    ] {
        let status =
            unsafe { ffi::kvshard_checkpoint(&callbacks, ORCHARD, &config, 1, &mut report) };
        assert_eq!(status, ffi::KVSHARD_INVALID_ARGUMENT);
    }
    let mut leaves = OrchardNode::leaf(1).to_bytes().to_vec();
    leaves.extend([0xff; 32]);
    let status = unsafe {
        let leaves = leaves.as_ptr();
        ffi::kvshard_append(
            &callbacks,
            ORCHARD,
            &CONFIG,
            leaves,
            2,
            &mut first,
            &mut report,
        )
    };
    assert_eq!((status, report.index), (ffi::KVSHARD_INVALID_NODE, 1));
    for (level, count) in [(33, 1), (300, 1), (u32::MAX, 0), (0, u64::MAX)] {
        let (status, _) = buffer(|out| unsafe {
            ffi::kvshard_nodes(&callbacks, ORCHARD, level, 0, count, out, &mut report)
        });
        assert_eq!(status, ffi::KVSHARD_INVALID_ARGUMENT);
    }
    assert!(store.records.is_empty());

    store.records.insert(vec![0x13], vec![]);
    let status = unsafe { ffi::kvshard_size(&store.callbacks(), ORCHARD, &mut first, &mut report) };
    assert_eq!(status, ffi::KVSHARD_CORRUPT);
    store.assert_clean();
}

/// The root of a frontier, and the error for what is no frontier.
#[test]
fn bad_input_has_no_root() {
    let mut report: ffi::KvshardReport = unsafe { std::mem::zeroed() };
    let mut frontier: ffi::KvshardFrontier = unsafe { std::mem::zeroed() };
    let mut root = |frontier: &ffi::KvshardFrontier| {
        let (status, root) = fixed::<32>(|out| unsafe {
            ffi::kvshard_frontier_root(ORCHARD, frontier, out, &mut report)
        });
        (status, root, report.index, report.hashes)
    };
    let empty = OrchardNode::empty_root(32.into()).to_bytes().to_vec();
    assert_eq!(root(&frontier), (ffi::KVSHARD_OK, empty, 0, 0));

    frontier.size = 6;
    frontier.leaf = OrchardNode::leaf(5).to_bytes();
    frontier.ommer_count = 2;
    frontier.ommers[0] = OrchardNode::leaf(4).to_bytes();
    let quarter = Complete::of(2, &leaves::<OrchardNode>(0, 4)).root(4);
    frontier.ommers[1] = quarter.to_bytes();
    let all = Complete::of(32, &leaves::<OrchardNode>(0, 6)).root(6);
    let right = (ffi::KVSHARD_OK, all.to_bytes().to_vec(), 0, 32);
    assert_eq!(root(&frontier), right);

    for count in [0, 1, 3, 32, 33, usize::MAX] {
        let mut bad = frontier;
        bad.ommer_count = count;
        assert_eq!(root(&bad).0, ffi::KVSHARD_INVALID_ARGUMENT, "{count}");
    }
    let mut bad = frontier;
    bad.size = u64::MAX;
    assert_eq!(root(&bad).0, ffi::KVSHARD_INVALID_ARGUMENT);
    bad = frontier;
    bad.leaf = [0xff; 32];
    assert_eq!((root(&bad).0, root(&bad).2), (ffi::KVSHARD_INVALID_NODE, 0));
    bad = frontier;
    bad.ommers[1] = [0xff; 32];
    assert_eq!((root(&bad).0, root(&bad).2), (ffi::KVSHARD_INVALID_NODE, 2));
}

/// A store's writing methods, for a checkpoint with marks. An empty retained value is corrupt.
#[test]
fn empty_values_are_values() {
    let mut store = CStore::new();
    store.records.insert(vec![0x12, 0, 0, 0, 7], vec![]);
    let plain = store.shard_store::<String, 4>();
    assert!(matches!(
        plain.retained_checkpoints(),
        Err(KvError::Corrupt { .. })
    ));
    let mut plain = store.shard_store::<String, 4>();
    plain.add_checkpoint(1, Checkpoint::tree_empty()).unwrap();
    assert_eq!(plain.checkpoint_count(), Ok(1));
    store.assert_clean();
}
