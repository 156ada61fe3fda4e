//! What a wallet builds its own tree from: nodes of any level, past frontiers, the newest
//! checkpoint. They are compared with a tree that keeps every leaf, over random histories and in
//! trees of every kind. Their costs are counted. What a wallet makes of them is in `wallet.rs`.

use std::collections::BTreeSet;

use kvshard::codec;
use kvshard::engine::{Config, MAX_NODES, Retention, TreeFrontier};
use kvshard::error::Error;
use kvshard::hash::OrchardNode;
use kvshard::keys;
use kvshard::kv::MemKv;
use kvshard_testkit::cases::for_seeds;
use kvshard_testkit::complete::Complete;
use kvshard_testkit::history::History;
use kvshard_testkit::model::Model;
use kvshard_testkit::node::{CheapNode, TestNode, leaves};
use kvshard_testkit::step::Kind;
use kvshard_testkit::strict::StrictKv;
use kvshard_testkit::{Tree, open};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use shardtree::{Node, PrunableTree};

fn config(retention: Retention) -> Config {
    Config {
        max_checkpoints: 4,
        retention,
        ..Config::default()
    }
}

/// Leaves before the first shard, as the tip tells.
fn origin<H: TestNode, const DEPTH: u8>(kv: &MemKv) -> u64 {
    kv.records().get(&keys::tip()).map_or(0, |tip| {
        let plain = codec::Plain::<H>::default();
        codec::decode_tip(&plain, DEPTH, None, tip).unwrap().origin
    })
}

/// Whether the part of a shard below a record's node leads to this node.
fn is_held<H>(tree: &PrunableTree<H>, at: u8, level: u8, index: u64) -> bool {
    match &**tree {
        Node::Nil => false,
        Node::Leaf { .. } => at == level,
        Node::Parent { left, right, .. } if at <= level => {
            is_held(left, at - 1, at - 1, 0) && is_held(right, at - 1, at - 1, 0)
        }
        Node::Parent { left, right, .. } => match index >> (at - 1 - level) & 1 {
            0 => is_held(left, at - 1, level, index),
            _ => is_held(right, at - 1, level, index),
        },
    }
}

/// Whether the store has what a complete node is computed from, as its records are laid out.
fn is_kept<H: TestNode, const DEPTH: u8>(kv: &MemKv, level: u8, index: u64) -> bool {
    let origin = origin::<H, DEPTH>(kv);
    if (index + 1) << level <= origin {
        // Ommers of the frontier are siblings of the first shard's path.
        return level >= 4 && (origin >> level) & 1 == 1 && index + 1 == origin >> level;
    }
    if level >= 4 {
        return true;
    }
    let key = keys::shard(index << level >> 4);
    let plain = codec::Plain::<H>::default();
    let tree = codec::decode_tree(&plain, &key, &kv.records()[&key], 4).unwrap();
    is_held(&tree, 4, level, index & ((16 >> level) - 1))
}

/// Compares every node, ranges of nodes, every frontier and the newest checkpoint.
fn verify<H: TestNode, const DEPTH: u8>(
    rng: &mut ChaCha8Rng,
    kv: &MemKv,
    complete: &Complete<H>,
    checkpoints: &[(u32, u64)],
) {
    let mut tree = open::<_, H, DEPTH>(StrictKv::over(kv.clone()), Config::default());
    let size = complete.size();
    for level in 0..=DEPTH {
        let count = size >> level;
        let all: Vec<Option<H>> = (0..count)
            .map(|index| {
                is_kept::<H, DEPTH>(kv, level, index).then(|| complete.node(level, index, size))
            })
            .collect();
        for (index, node) in all.iter().enumerate() {
            let index = index as u64;
            let want = match node {
                Some(node) => Ok(vec![node.clone()]),
                None => Err(Error::NodePruned { level, index }),
            };
            assert_eq!(
                tree.nodes(level, index, 1),
                want,
                "{level}, {index} of {size}"
            );
        }
        for _ in 0..4 {
            let first = rng.random_range(0..=count);
            let end = rng.random_range(first..=count);
            verify_range(&mut tree, &all, level, first, end);
        }
        verify_range(&mut tree, &all, level, 0, count);
        for (first, count_past) in [(count, 1), (0, count + 1), (count + 1, 0), (u64::MAX, 3)] {
            let index = first.max(count);
            let want = Err(Error::NodeNotFound { level, index, size });
            assert_eq!(tree.nodes(level, first, count_past), want);
        }
    }
    for at in 0..=size {
        let ours = tree.frontier_at_size(at);
        match at
            .checked_sub(1)
            .map(|position| (position, tree.leaf(position)))
        {
            Some((position, Err(unkept))) => {
                assert_eq!(unkept, Error::Pruned { position });
                assert_eq!(ours, Err(unkept));
            }
            _ => assert_eq!(ours, Ok(complete.frontier(at)), "at {at} of {size}"),
        }
    }
    let asked = size + 1;
    let beyond = Err(Error::SizeNotReached { asked, size });
    assert_eq!(tree.frontier_at_size(asked), beyond);
    for &(id, at) in checkpoints {
        assert_eq!(tree.frontier_at(id), Ok(complete.frontier(at)), "{id}");
    }
    let listed = tree.checkpoints().unwrap();
    assert_eq!(tree.newest(), Ok(listed.last().copied()));
    let id = listed.last().map_or(0, |newest| newest.id) + 1;
    assert_eq!(tree.frontier_at(id), Err(Error::CheckpointNotFound { id }));
    let seen = tree.kv_mut().begin();
    assert!(seen.broken.is_empty(), "{:#?}", seen.broken);
    assert_eq!(seen.writes, 0);
}

fn no_tip<H: TestNode, const DEPTH: u8>(tree: &Tree<StrictKv, H, DEPTH>) -> bool {
    !tree.kv().inner.records().contains_key(&keys::tip())
}

/// A range is its nodes one by one, or the error of the first that is missing.
fn verify_range<H: TestNode, const DEPTH: u8>(
    tree: &mut Tree<StrictKv, H, DEPTH>,
    all: &[Option<H>],
    level: u8,
    first: u64,
    end: u64,
) {
    let want: Result<Vec<H>, Error> = (first..end)
        .map(|index| {
            let node = all[index as usize].clone();
            node.ok_or(Error::NodePruned { level, index })
        })
        .collect();
    tree.kv_mut().begin();
    assert_eq!(tree.nodes(level, first, end - first), want);
    let seen = tree.kv_mut().begin();
    let once: BTreeSet<_> = seen.trace.iter().collect();
    assert_eq!(once.len(), seen.trace.len(), "{:#?}", seen.trace);
    assert_eq!(seen.writes, 0);
    // Without a tip, a look for foreign shards.
    assert_eq!(
        seen.iterators,
        u64::from(all.is_empty() && seen.gets == 1 && no_tip(tree))
    );
    // The tip, the cap, and one record a node; a few more for what the newest quads do not hold.
    assert!(seen.gets <= 2 + (end - first) + 8, "{:#?}", seen.trace);
}

fn history<H: TestNode, const DEPTH: u8>(rng: &mut ChaCha8Rng, calls: usize, marked: f64) {
    let mut kv = MemKv::new();
    let kind = Kind { marked, batch: 40 };
    let mut history = History::<H>::new(Model::new(DEPTH, 4, 0), kind);
    for round in 0..calls {
        let call = history.call(rng);
        call.run::<_, DEPTH>(&mut kv, 4).unwrap();
        if round % 8 == 7 {
            let model = &history.model;
            let kept = model.checkpoints().iter().map(|c| (c.id, c.size));
            let checkpoints: Vec<_> = kept.collect();
            verify::<H, DEPTH>(rng, &kv, model.tree(), &checkpoints);
        }
    }
}

#[test]
fn histories() {
    for_seeds("histories", 0, 24, |rng| {
        for marked in [0.0, 0.5, 1.0] {
            history::<CheapNode, 12>(rng, 48, marked);
            history::<CheapNode, 5>(rng, 24, marked);
        }
    });
}

#[test]
fn histories_with_orchards_hash() {
    for_seeds("histories_with_orchards_hash", 100, 1, |rng| {
        history::<OrchardNode, 32>(rng, 8, 0.6);
    });
}

/// Starts from a frontier. Nodes before it exist only if the frontier tells them.
fn from_frontier<H: TestNode, const DEPTH: u8>(
    rng: &mut ChaCha8Rng,
    size: u64,
    retention: Retention,
) {
    let mut complete = Complete::of(DEPTH, &leaves::<H>(0, size));
    let frontier = complete.frontier(size);
    let mut kv = MemKv::new();
    let mut tree = open::<_, H, DEPTH>(&mut kv, config(retention));
    tree.insert_frontier(&frontier, 1).unwrap();
    let mut checkpoints = vec![(1, size)];
    verify::<H, DEPTH>(rng, &kv, &complete, &checkpoints);
    for (id, count) in [(2, 1), (3, 14), (4, rng.random_range(0..300))] {
        let count = count.min((1 << DEPTH) - complete.size());
        let new = leaves::<H>(10_000 * u64::from(id), count);
        let mut tree = open::<_, H, DEPTH>(&mut kv, config(retention));
        tree.append(&new).unwrap();
        tree.checkpoint(id).unwrap();
        complete.append(&new);
        checkpoints.push((id, complete.size()));
        verify::<H, DEPTH>(rng, &kv, &complete, &checkpoints);
    }
}

#[test]
fn trees_from_a_frontier() {
    let sizes = [
        1, 2, 3, 15, 16, 17, 18, 31, 33, 100, 127, 128, 129, 500, 513, 1000, 1024,
    ];
    for_seeds("trees_from_a_frontier", 200, 2, |rng| {
        for size in sizes {
            from_frontier::<CheapNode, 12>(rng, size, Retention::Marked);
            from_frontier::<CheapNode, 12>(rng, size, Retention::Ephemeral);
        }
        let any = rng.random_range(1..4000);
        from_frontier::<CheapNode, 12>(rng, any, Retention::Marked);
    });
}

/// The last leaf completes the root.
#[test]
fn a_full_tree() {
    let all = leaves::<CheapNode>(0, 1 << 7);
    let complete = Complete::of(7, &all);
    let mut kv = MemKv::new();
    let mut tree = open::<_, CheapNode, 7>(&mut kv, config(Retention::Marked));
    tree.append(&all).unwrap();
    assert_eq!(tree.nodes(7, 0, 1), tree.root().map(|root| vec![root]));
    for_seeds("a_full_tree", 300, 1, |rng| {
        verify::<CheapNode, 7>(rng, &kv, &complete, &[]);
    });
}

#[test]
fn count_and_level_are_bounded() {
    let mut tree = open::<_, CheapNode, 32>(StrictKv::default(), config(Retention::Marked));
    for (level, count) in [
        (33, 0),
        (33, 1),
        (255, 1),
        (0, MAX_NODES + 1),
        (16, u64::MAX),
    ] {
        let refused = tree.nodes(level, 0, count);
        assert!(
            matches!(refused, Err(Error::InvalidArgument(_))),
            "{refused:?}"
        );
        assert_eq!(tree.kv_mut().begin().operations(), 0);
    }
    for level in 0..=32 {
        assert_eq!(tree.nodes(level, 0, 0), Ok(vec![]));
        let (index, size) = (0, 0);
        let none = Err(Error::NodeNotFound { level, index, size });
        assert_eq!(tree.nodes(level, 0, MAX_NODES), none);
    }
    assert_eq!(tree.newest(), Ok(None));
    assert_eq!(tree.frontier_at_size(0), Ok(TreeFrontier::empty()));
    tree.checkpoint(7).unwrap();
    assert_eq!(tree.frontier_at(7), Ok(TreeFrontier::empty()));
}

const LARGE: u64 = 200_000;

fn large_tree(retention: Retention) -> Tree<StrictKv, CheapNode, 32> {
    let mut tree = open(StrictKv::default(), config(retention));
    tree.append(&leaves::<CheapNode>(0, LARGE)).unwrap();
    tree.checkpoint(1).unwrap();
    tree.kv_mut().begin();
    tree
}

/// Gets and hashes of a call that opens no iterator.
fn cost<T>(
    tree: &mut Tree<StrictKv, CheapNode, 32>,
    call: impl FnOnce(&mut Tree<StrictKv, CheapNode, 32>) -> Result<T, Error>,
) -> (u64, u64) {
    tree.kv_mut().begin();
    call(tree).expect("the tree has it");
    let seen = tree.kv_mut().begin();
    assert_eq!((seen.operations(), seen.iterators), (seen.gets, 0));
    (seen.gets, tree.hashes())
}

#[test]
fn costs() {
    let mut tree = large_tree(Retention::Marked);
    assert_eq!(cost(&mut tree, |t| t.nodes(16, 0, 3)), (3, 2));
    assert_eq!(cost(&mut tree, |t| t.nodes(0, 65_536, 65_536)), (4_097, 0));
    assert_eq!(
        cost(&mut tree, |t| t.nodes(4, 0, 4_096)),
        (4_097, 15 * 4_096)
    );
    assert_eq!(cost(&mut tree, |t| t.nodes(5, 0, 4_096)), (1 + 1_024, 0));
    assert_eq!(cost(&mut tree, |t| t.nodes(8, 0, 256)), (2 + 128, 256));
    assert_eq!(cost(&mut tree, |t| t.nodes(3, 8, 0)), (1, 0));
    assert_eq!(cost(&mut tree, |t| t.newest()), (3, 0));
    tree.retain_checkpoint(1).unwrap();
    assert_eq!(cost(&mut tree, |t| t.newest()), (4, 0));
    assert!(cost(&mut tree, |t| t.frontier_at(1)).0 <= 11);
}

#[test]
fn a_frontier_of_the_past_takes_ten_gets() {
    let mut tree = large_tree(Retention::Marked);
    let some = (0..=LARGE).step_by(61);
    let near = (0..18).flat_map(|level| {
        let last = LARGE >> level << level;
        [(1 << level) - 1, 1 << level, last - 1, last, last + 1].map(|size| size.min(LARGE))
    });
    let mut most = 0;
    for size in some.chain(near) {
        let (gets, hashes) = cost(&mut tree, |t| t.frontier_at_size(size));
        assert!(hashes <= 40, "{hashes} at {size}");
        most = most.max(gets);
    }
    assert_eq!(most, 10);
}
