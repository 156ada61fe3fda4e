//! Damaged stores. Each bit of each record is flipped, each record is cut at each length, extended,
//! deleted and put in another's place, and foreign records are added. Every call then gives a right
//! answer or an error that names a record; it never panics and never loops without end. Where an
//! answer is wrong, `check` reports something.
//!
//! Some damage cannot be seen, because the damaged store is the store of another history. `unseen`
//! lets exactly this pass:
//!
//! - a node's hash in the incomplete shard: nothing above holds its root;
//! - an ommer of the frontier that a tree was started from, as long as no completed node above the
//!   ommer is stored;
//! - a leaf's mark, set or cleared, if the leaf's sibling is kept or keeps the leaf from being
//!   merged, and no checkpoint is at the leaf;
//! - the size at a checkpoint, between the sizes of its neighbours, if each leaf in between is
//!   marked or kept for another checkpoint;
//! - a removed mark that is dropped, or moved to another marked leaf within the checkpoint's size;
//! - a checkpoint's id, except the highest and the lowest not retained: such damage is a record
//!   moved to another key;
//! - a retained mark moved from one checkpoint to another;
//! - the flag that the mark of a checkpoint's leaf was removed before that checkpoint.
//!
//! Only a comparison with another copy finds these: of a root that is known from elsewhere or, in a
//! chain, of the application hash, which covers every record.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use incrementalmerkletree::{Address, Level};
use kvshard::codec;
use kvshard::engine::{Config, Retention, TreeFrontier};
use kvshard::error::{Error, KvError};
use kvshard::hash::OrchardNode;
use kvshard::keys;
use kvshard::kv::{Kv, MemKv};
use kvshard::kv_shard_store::KvShardStore;
use kvshard_testkit::call::{Answer, Call};
use kvshard_testkit::cases::{cases, for_seeds, pick};
use kvshard_testkit::node::{CheapNode, TestNode, leaves};
use kvshard_testkit::open;
use rand::RngExt;
use shardtree::store::ShardStore;
use shardtree::{Node, PrunableTree, RetentionFlags};

const DEPTH: u8 = 20;

type Records = BTreeMap<Vec<u8>, Vec<u8>>;
type Outcome<H> = Result<Answer<H>, Error>;

fn store(records: &Records) -> MemKv {
    let mut kv = MemKv::new();
    kv.records_mut().clone_from(records);
    kv
}

/// One thing that happens to a store.
#[derive(Clone, Debug)]
enum Damage {
    Flip { key: Vec<u8>, at: usize, mask: u8 },
    Cut { key: Vec<u8>, len: usize },
    Extend { key: Vec<u8>, by: Vec<u8> },
    Delete { key: Vec<u8> },
    Swap { key: Vec<u8>, other: Vec<u8> },
    Copy { key: Vec<u8>, to: Vec<u8> },
    Move { key: Vec<u8>, to: Vec<u8> },
    Put { key: Vec<u8>, value: Vec<u8> },
}

impl Damage {
    fn apply(&self, sound: &Records) -> Records {
        let mut records = sound.clone();
        match self {
            Damage::Flip { key, at, mask } => records.get_mut(key).unwrap()[*at] ^= mask,
            Damage::Cut { key, len } => records.get_mut(key).unwrap().truncate(*len),
            Damage::Extend { key, by } => records.get_mut(key).unwrap().extend(by),
            Damage::Delete { key } => drop(records.remove(key)),
            Damage::Swap { key, other } => {
                let (a, b) = (records[key].clone(), records[other].clone());
                records.extend([(key.clone(), b), (other.clone(), a)]);
            }
            Damage::Copy { key, to } => drop(records.insert(to.clone(), records[key].clone())),
            Damage::Move { key, to } => {
                let value = records.remove(key).unwrap();
                records.insert(to.clone(), value);
            }
            Damage::Put { key, value } => drop(records.insert(key.clone(), value.clone())),
        }
        records
    }
}

/// Every damage of every kind; flips only with these masks.
fn damages(records: &Records, masks: &[u8]) -> Vec<Damage> {
    let mut all = vec![];
    for (key, value) in records {
        let key = || key.clone();
        for at in 0..value.len() {
            let flip = |&mask| Damage::Flip {
                key: key(),
                at,
                mask,
            };
            all.extend(masks.iter().map(flip));
            all.push(Damage::Cut {
                key: key(),
                len: at,
            });
        }
        for by in [vec![0], vec![1], vec![0; 8], value.clone()] {
            all.push(Damage::Extend { key: key(), by });
        }
        all.push(Damage::Delete { key: key() });
        if key()[0] == keys::RETAINED {
            // To other checkpoints: flipped bits alone hardly ever lead there.
            let ids = records
                .keys()
                .filter_map(|key| keys::parse_id(keys::CHECKPOINT, key));
            let to = ids
                .map(keys::retained)
                .filter(|to| !records.contains_key(to));
            all.extend(to.map(|to| Damage::Move { key: key(), to }));
        }
        for bit in 0..8 * key().len() {
            let mut to = key();
            to[bit / 8] ^= 1 << (bit % 8);
            all.push(Damage::Move { key: key(), to });
        }
        for other in records.keys() {
            if *other != key() {
                let other = other.clone();
                let to = other.clone();
                all.push(Damage::Copy { key: key(), to });
                if key() < other {
                    all.push(Damage::Swap { key: key(), other });
                }
            }
        }
    }
    all
}

/// Records that no tree has, among the tree's own keys.
fn foreign() -> Vec<Damage> {
    let mut keys = vec![];
    for kind in keys::SHARD..=keys::QUAD {
        for len in 1..14 {
            let mut key = vec![0; len];
            key[0] = kind;
            keys.push(key.clone());
            key[len - 1] |= 0xff;
            key[0] = kind;
            keys.push(key);
        }
    }
    for (level, index) in [
        (5, 0),
        (5, 1 << 40),
        (6, 0),
        (7, 1),
        (4, 0),
        (255, u64::MAX),
    ] {
        keys.push(keys::quad(level, index));
    }
    keys.push(keys::shard(u64::MAX));
    keys.push(keys::shard(1 << 60));
    let values = [vec![], vec![1], vec![1, 0], vec![0; 13]];
    let put = |key: &Vec<u8>| {
        let put = |value: &Vec<u8>| Damage::Put {
            key: key.clone(),
            value: value.clone(),
        };
        values.iter().map(put).collect::<Vec<_>>()
    };
    keys.iter().flat_map(put).collect()
}

/// A sound store, and calls with their right answers.
struct Shape<H> {
    name: &'static str,
    records: Records,
    max_checkpoints: u32,
    calls: Vec<Call<H>>,
    answers: Vec<Outcome<H>>,
}

/// What happened on damaged stores.
#[derive(Debug, Default)]
struct Tally {
    damages: u64,
    calls: u64,
    /// Calls whose result differs from the sound store's and is no error about a record.
    misled: u64,
    /// Damages that `check` does not see, by their kind.
    unseen: BTreeMap<&'static str, u64>,
}

impl<H: TestNode> Shape<H> {
    fn new(name: &'static str, max_checkpoints: u32, history: &[Call<H>]) -> Self {
        let mut kv = MemKv::new();
        for call in history {
            call.run::<_, DEPTH>(&mut kv, max_checkpoints).unwrap();
        }
        let records = kv.records().clone();
        let mut tree = open::<_, H, DEPTH>(kv, Config::default());
        assert_eq!(tree.check(), Ok(vec![]), "{name}");
        let size = tree.size().unwrap();
        let checkpoints = tree.checkpoints().unwrap();

        let newest = checkpoints.last().map_or(0, |newest| newest.id);
        let mut calls = vec![
            Call::Size,
            Call::Root,
            Call::Frontier,
            Call::FrontierAtSize(size / 2),
            Call::Nodes(0, size / 2, size.min(3)),
            Call::Nodes(2, 0, size >> 2),
            Call::Nodes(6, 0, size >> 6),
            Call::Newest,
            Call::Checkpoints,
            Call::Append(leaves(9000, 1), Retention::Marked),
            Call::Append(leaves(9000, 150), Retention::Ephemeral),
            Call::InsertFrontier(TreeFrontier::empty(), u32::MAX, Retention::Marked),
            Call::Checkpoint(newest + 1),
        ];
        let last = size.saturating_sub(1);
        for position in BTreeSet::from([0, 5, 16, size / 2, last, size]) {
            calls.extend([Call::Leaf(position), Call::Witness(position)]);
        }
        for checkpoint in &checkpoints {
            let id = checkpoint.id;
            calls.extend([
                Call::SizeAt(id),
                Call::RootAt(id),
                Call::FrontierAt(id),
                Call::Rewind(id),
                Call::Retain(id),
                Call::Release(id),
                Call::RemoveMark(checkpoint.size / 2, id),
                Call::WitnessAt(checkpoint.size.saturating_sub(1), id),
            ]);
        }
        let mut shape = Shape {
            name,
            records,
            max_checkpoints,
            calls,
            answers: vec![],
        };
        shape.answers = shape.answers_on(&shape.records);
        shape
    }

    fn answers_on(&self, records: &Records) -> Vec<Outcome<H>> {
        let mut kv = store(records);
        let run = |call: &Call<H>| {
            let answer = call.run::<_, DEPTH>(&mut kv, self.max_checkpoints);
            if kv.records() != records {
                // The store as it now is must not bring anything down either.
                for after in [Call::<H>::Root, Call::Frontier, Call::Checkpoints] {
                    let _ = after.run::<_, DEPTH>(&mut kv, self.max_checkpoints);
                }
                kv = store(records);
            }
            answer
        };
        self.calls.iter().map(run).collect()
    }

    fn check(&self, records: &Records) -> String {
        match Call::<H>::Check.run::<_, DEPTH>(store(records), 1) {
            Ok(Answer::Text(text)) => text,
            Err(Error::Kv(KvError::Foreign { .. })) => "foreign".to_string(),
            Err(Error::Kv(KvError::SchemeMismatch { .. })) => "of another scheme".to_string(),
            other => panic!("{}: {other:?}", self.name),
        }
    }

    fn try_damage(&self, damage: &Damage, tally: &mut Tally) {
        let records = damage.apply(&self.records);
        if records == self.records {
            return;
        }
        let started = Instant::now();
        let tried = catch_unwind(AssertUnwindSafe(|| {
            read_as_shard_store::<H>(&records);
            let _ = Call::<H>::Dump.run::<_, DEPTH>(store(&records), 1);
            (self.answers_on(&records), self.check(&records))
        }));
        let mut told = format!("{}, {damage:02x?}", self.name);
        told.truncate(1000);
        let (answers, violations) = tried.unwrap_or_else(|_| panic!("{told}: a panic"));
        let took = started.elapsed();
        assert!(took < Duration::from_secs(20), "{told}: {took:?}");
        let mut misled = vec![];
        for ((call, sound), answer) in self.calls.iter().zip(&self.answers).zip(answers) {
            match answer {
                Err(Error::Kv(KvError::Corrupt { key, .. })) => assert!(!key.is_empty(), "{told}"),
                Err(Error::Kv(
                    KvError::UnsupportedVersion { .. }
                    | KvError::Foreign { .. }
                    | KvError::SchemeMismatch { .. },
                )) => {}
                Err(Error::Kv(e)) => panic!("{told}: {call:?} gives {e}"),
                answer if answer == *sound => {}
                answer => misled.push((call, answer)),
            }
        }
        tally.damages += 1;
        tally.calls += self.calls.len() as u64;
        tally.misled += misled.len() as u64;
        if violations.is_empty() {
            let what = unseen::<H>(&self.records, &records);
            let what = what.unwrap_or_else(|| {
                let calls: Vec<_> = misled.iter().map(|(call, _)| call).collect();
                panic!("{told}: check sees nothing; misled are {calls:?}")
            });
            *tally.unseen.entry(what).or_default() += 1;
        }
    }

    fn try_all(&self, damages: &[Damage]) {
        let mut tally = Tally::default();
        for damage in damages {
            self.try_damage(damage, &mut tally);
        }
        println!("{}: {tally:?}", self.name);
    }
}

/// Reads everything as a plain `ShardTree` would.
fn read_as_shard_store<H: TestNode>(records: &Records) {
    let plain = KvShardStore::<H, 4, MemKv>::over(store(records));
    let _ = plain.last_shard();
    let _ = plain.get_shard_roots();
    let _ = plain.get_cap();
    let _ = plain.checkpoint_count();
    let _ = plain.min_checkpoint_id();
    let _ = plain.max_checkpoint_id();
    let _ = plain.get_checkpoint_at_depth(1);
    let _ = plain.retained_checkpoints();
    let _ = plain.for_each_checkpoint(usize::MAX, |_, _| Ok(()));
    for key in records.keys() {
        if let Some(index) = keys::parse_shard(key) {
            let _ = plain.get_shard(Address::from_parts(Level::from(4), index));
        }
    }
}

/// The kind of a damage that cannot be seen, if it is one of the list at the top of this file.
fn unseen<H: TestNode>(sound: &Records, damaged: &Records) -> Option<&'static str> {
    let tip = codec::decode_tip(
        &codec::Plain::<H>::default(),
        DEPTH,
        None,
        sound.get(&keys::tip())?,
    );
    let (size, origin) = tip.map(|tip| (tip.size, tip.origin)).ok()?;
    let keys: BTreeSet<_> = sound.keys().chain(damaged.keys()).collect();
    let changed: Vec<_> = keys
        .into_iter()
        .map(|key| (key, sound.get(key), damaged.get(key)))
        .filter(|(_, before, after)| before != after)
        .collect();
    let moved = |kind| {
        let of_kind = changed.iter().all(|(key, ..)| key[0] == kind);
        let gone = changed.iter().filter(|(_, _, after)| after.is_none());
        let come = changed.iter().filter(|(_, before, _)| before.is_none());
        of_kind && changed.len() == 2 && gone.count() == 1 && come.count() == 1
    };
    if moved(keys::CHECKPOINT) {
        return Some("a checkpoint's id");
    }
    if moved(keys::RETAINED) {
        return Some("another checkpoint retained");
    }
    let mut what = None;
    for (key, before, after) in &changed {
        let (before, after) = ((*before)?, (*after)?);
        what = Some(match key[0] {
            keys::SHARD => {
                let index = keys::parse_shard(key)?;
                let whole = (index + 1) << 4 <= size;
                let [before, after] = [before, after].map(|value| {
                    codec::decode_tree(&codec::Plain::<H>::default(), key, value, 4).ok()
                });
                shard_difference(&before?, &after?, 4, whole)?
            }
            keys::CAP => {
                let [before, after] = [before, after].map(|value| {
                    codec::decode_tree(&codec::Plain::<H>::default(), key, value, DEPTH).ok()
                });
                ommer_difference(&before?, &after?, DEPTH, 0, origin)?
            }
            keys::CHECKPOINT => {
                let [before, after] =
                    [before, after].map(|value| codec::decode_checkpoint(key, value).ok());
                match before?.position() == after?.position() {
                    true => "removed marks",
                    false => "a checkpoint's size",
                }
            }
            keys::SUMMARY if keys::parse_removed(key).is_some() => {
                "that a mark was removed before the checkpoint at its leaf"
            }
            _ => return None,
        });
    }
    what
}

/// The difference of two shards of one shape, if it is a mark or, in an incomplete shard, a hash.
fn shard_difference<H: TestNode>(
    before: &PrunableTree<H>,
    after: &PrunableTree<H>,
    level: u8,
    whole: bool,
) -> Option<&'static str> {
    match (&**before, &**after) {
        (Node::Nil, Node::Nil) => Some(""),
        (Node::Leaf { value: (a, f) }, Node::Leaf { value: (b, g) }) => {
            let marks = RetentionFlags::MARKED;
            match (a == b, f == g) {
                (true, true) => Some(""),
                (false, true) if !whole => Some("a hash in the shard that is not complete"),
                (true, false) if level == 0 && *f ^ *g == marks => Some("a mark"),
                _ => None,
            }
        }
        (
            Node::Parent { left, right, .. },
            Node::Parent {
                left: l, right: r, ..
            },
        ) => {
            let left = shard_difference(left, l, level - 1, whole)?;
            let right = shard_difference(right, r, level - 1, whole)?;
            Some(if left.is_empty() { right } else { left })
        }
        _ => None,
    }
}

/// The difference of two caps of one shape, if it is in the ommers of the frontier.
fn ommer_difference<H: TestNode>(
    before: &PrunableTree<H>,
    after: &PrunableTree<H>,
    level: u8,
    index: u64,
    origin: u64,
) -> Option<&'static str> {
    match (&**before, &**after) {
        _ if before == after => Some(""),
        (Node::Leaf { value: (_, f) }, Node::Leaf { value: (_, g) }) => {
            let ommer = (index + 1) << level <= origin;
            (ommer && f == g).then_some("an ommer of the frontier")
        }
        (
            Node::Parent { ann, left, right },
            Node::Parent {
                ann: a,
                left: l,
                right: r,
            },
        ) if ann == a => {
            let left = ommer_difference(left, l, level - 1, 2 * index, origin)?;
            let right = ommer_difference(right, r, level - 1, 2 * index + 1, origin)?;
            Some(if left.is_empty() { right } else { left })
        }
        _ => None,
    }
}

fn small_shapes<H: TestNode>() -> Vec<Shape<H>> {
    use Retention::{Ephemeral, Marked};
    let frontier = |size: u64| TreeFrontier {
        size,
        leaf: Some(H::leaf(1)),
        ommers: leaves(500, (size - 1).count_ones().into()),
    };
    vec![
        Shape::new("empty", 5, &[]),
        Shape::new(
            "empty, with checkpoints",
            5,
            &[Call::Checkpoint(1), Call::Checkpoint(2), Call::Retain(1)],
        ),
        Shape::new("one leaf", 5, &[Call::Append(leaves(0, 1), Ephemeral)]),
        Shape::new(
            "partial shard",
            5,
            &[
                Call::Append(leaves(0, 5), Marked),
                Call::Checkpoint(1),
                Call::Append(leaves(5, 6), Marked),
                Call::Checkpoint(7),
                Call::RemoveMark(2, 7),
                Call::Append(leaves(11, 2), Marked),
            ],
        ),
        Shape::new(
            "one shard",
            5,
            &[Call::Append(leaves(0, 16), Marked), Call::Checkpoint(1)],
        ),
        Shape::new(
            "pruned",
            2,
            &[
                Call::Append(leaves(0, 20), Ephemeral),
                Call::Checkpoint(1),
                Call::Append(leaves(20, 1), Marked),
                Call::Checkpoint(2),
                Call::Append(leaves(21, 4), Ephemeral),
                Call::RemoveMark(20, 2),
                Call::Checkpoint(3),
                Call::Append(leaves(25, 20), Ephemeral),
                Call::Checkpoint(4),
                Call::Append(leaves(45, 2), Ephemeral),
            ],
        ),
        Shape::new(
            "retained",
            2,
            &[
                Call::Append(leaves(0, 3), Ephemeral),
                Call::Checkpoint(3),
                Call::Retain(3),
                Call::Append(leaves(3, 30), Ephemeral),
                Call::Checkpoint(260),
                Call::Checkpoint(261),
                Call::Retain(260),
                Call::Append(leaves(33, 1), Marked),
                Call::Checkpoint(262),
                Call::Checkpoint(300),
            ],
        ),
        Shape::new(
            "retained among others",
            9,
            &[
                Call::Checkpoint(1),
                Call::Append(leaves(0, 2), Marked),
                Call::Checkpoint(2),
                Call::Checkpoint(4),
                Call::Retain(2),
                Call::Checkpoint(5),
            ],
        ),
        Shape::new(
            "from a frontier",
            3,
            &[
                Call::Checkpoint(1),
                Call::InsertFrontier(frontier(101), 2, Marked),
                Call::Append(leaves(0, 3), Marked),
                Call::Checkpoint(3),
            ],
        ),
        Shape::new(
            "from a frontier, grown",
            3,
            &[
                Call::InsertFrontier(frontier(5000), 2, Marked),
                Call::Append(leaves(0, 45), Ephemeral),
                Call::Checkpoint(3),
                Call::Append(leaves(45, 120), Ephemeral),
                Call::Checkpoint(4),
            ],
        ),
    ]
}

fn large_shapes<H: TestNode>() -> Vec<Shape<H>> {
    use Retention::{Ephemeral, Marked};
    vec![
        Shape::new(
            "many shards",
            4,
            &[
                Call::Append(leaves(0, 40), Marked),
                Call::Checkpoint(1),
                Call::Append(leaves(40, 137), Marked),
                Call::Checkpoint(2),
                Call::RemoveMark(50, 2),
                Call::Append(leaves(177, 30), Marked),
                Call::Checkpoint(9),
                Call::Append(leaves(207, 3), Marked),
            ],
        ),
        Shape::new(
            "many pruned shards",
            4,
            &[
                Call::Append(leaves(0, 700), Ephemeral),
                Call::Checkpoint(1),
                Call::Append(leaves(700, 50), Marked),
                Call::Checkpoint(2),
                Call::Append(leaves(750, 500), Ephemeral),
                Call::Checkpoint(9),
            ],
        ),
    ]
}

const EACH_BIT: [u8; 8] = [1, 2, 4, 8, 16, 32, 64, 128];

#[test]
fn every_bit_of_small_stores() {
    for shape in small_shapes::<CheapNode>() {
        let mut masks = EACH_BIT.to_vec();
        masks.push(0xff);
        shape.try_all(&damages(&shape.records, &masks));
    }
}

/// Some of all damages; all of them with `KVSHARD_CASES`.
#[test]
fn samples_of_large_stores() {
    let step = 9 / cases(1).min(9) as usize;
    for shape in large_shapes::<CheapNode>() {
        let all = damages(&shape.records, &[1, 2, 0x80]);
        let some: Vec<_> = all.into_iter().step_by(step).collect();
        shape.try_all(&some);
    }
}

#[test]
fn foreign_records_are_seen() {
    for shape in &small_shapes::<CheapNode>() {
        for damage in foreign() {
            let mut tally = Tally::default();
            shape.try_damage(&damage, &mut tally);
            assert!(tally.unseen.is_empty(), "{}: {damage:02x?}", shape.name);
        }
    }
}

/// The index in a shard's key may be so high that its leaves have no position.
#[test]
fn dump_names_a_shard_beyond_the_tree() {
    let mut kv = MemKv::new();
    let append: Call<CheapNode> = Call::Append(leaves(0, 40), Retention::Marked);
    append.run::<_, DEPTH>(&mut kv, 1).unwrap();
    let first = kv.records()[&keys::shard(0)].clone();
    for index in [3, 1 << 28, 1 << 60, u64::MAX] {
        for value in [vec![1, 0], first.clone()] {
            let mut damaged = kv.clone();
            damaged.set(&keys::shard(index), &value).unwrap();
            let dump = Call::<CheapNode>::Dump.run::<_, DEPTH>(damaged, 1);
            let Err(Error::Kv(KvError::Corrupt { key, .. })) = dump else {
                panic!("shard {index}: {dump:?}");
            };
            assert_eq!(key, keys::shard(index));
        }
    }
}

/// With nodes whose length the record gives, and with nodes for which most bytes are invalid.
#[test]
fn samples_with_other_hashes() {
    let strings = small_shapes::<String>();
    let orchard = small_shapes::<OrchardNode>();
    let masks = EACH_BIT;
    let of_strings: Vec<_> = strings
        .iter()
        .map(|s| damages(&s.records, &masks))
        .collect();
    let of_orchard: Vec<_> = orchard
        .iter()
        .map(|s| damages(&s.records, &masks))
        .collect();
    let mut tally = Tally::default();
    for_seeds("samples_with_other_hashes", 0, 12, |rng| {
        for (shape, damages) in strings.iter().zip(&of_strings).skip(1) {
            for _ in 0..10 {
                shape.try_damage(pick(rng, damages), &mut tally);
            }
        }
        let at = rng.random_range(1..orchard.len());
        for _ in 0..2 {
            orchard[at].try_damage(pick(rng, &of_orchard[at]), &mut tally);
        }
    });
    println!("{tally:?}");
}

/// Several damages at once.
#[test]
fn several_damages() {
    let shapes: Vec<_> = small_shapes::<CheapNode>().into_iter().skip(1).collect();
    for_seeds("several_damages", 100, 1500, |rng| {
        let shape = pick(rng, &shapes);
        let mut records = shape.records.clone();
        for _ in 0..rng.random_range(2..5) {
            // One record at a time, so that few damages are listed.
            let Some(key) = records.keys().nth(rng.random_range(0..=records.len())) else {
                continue;
            };
            let one = Records::from([(key.clone(), records[key].clone())]);
            let damage = pick(rng, &damages(&one, &EACH_BIT)).clone();
            records = damage.apply(&records);
        }
        let tried = catch_unwind(AssertUnwindSafe(|| {
            read_as_shard_store::<CheapNode>(&records);
            (shape.answers_on(&records), shape.check(&records))
        }));
        assert!(tried.is_ok(), "{}: a panic on {records:02x?}", shape.name);
    });
}

/// A megabyte of anything ends in an error: parents nested in parents, leaves without end, marks
/// without end.
#[test]
fn oversized_and_deep_values() {
    let parents = [2, 0].repeat(1 << 19);
    let annotated = [&[2, 1][..], &[7; 8]].concat().repeat(100_000);
    let many = |bytes: &[u8]| [&[1][..], bytes].concat();
    let mut marks = vec![1, 5, 0, 0, 0, 0, 0, 0, 0];
    marks.extend(u32::MAX.to_le_bytes());
    marks.resize(1 << 20, 0);
    let values = [
        many(&parents),
        many(&annotated),
        many(&[1; 1 << 20]),
        many(&[0; 1 << 20]),
        vec![0xff; 1 << 20],
        marks,
    ];
    for shape in small_shapes::<CheapNode>()
        .iter()
        .chain(&large_shapes()[..1])
    {
        // One record of each kind.
        let kinds: BTreeMap<u8, _> = shape.records.keys().map(|key| (key[0], key)).collect();
        for &key in kinds.values() {
            for value in &values {
                let mut tally = Tally::default();
                let (key, value) = (key.clone(), value.clone());
                shape.try_damage(&Damage::Put { key, value }, &mut tally);
                assert!(tally.unseen.is_empty());
            }
        }
    }
    let mut plain = KvShardStore::<OrchardNode, 4, MemKv>::over(MemKv::new());
    for (key, value) in [
        (keys::cap(), many(&parents)),
        (keys::shard(0), many(&parents)),
    ] {
        plain = {
            let mut kv = plain.into_kv();
            kv.set(&key, &value).unwrap();
            KvShardStore::over(kv)
        };
    }
    assert!(matches!(plain.get_cap(), Err(KvError::Corrupt { .. })));
    assert!(matches!(plain.last_shard(), Err(KvError::Corrupt { .. })));
}
