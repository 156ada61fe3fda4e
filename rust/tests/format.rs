//! The stored format does not change: frozen keys (`testdata/keys.txt`) and values
//! (`testdata/format/v1/*.hex`) are read, written again byte for byte, and made anew from the
//! histories that they came from.
//!
//! Files are only ever added: a release must read what every release before it wrote.
//! `UPDATE_FORMAT=1` writes missing files, and never overwrites one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use incrementalmerkletree::Position;
use kvshard::codec::{self, NodeCodec, Plain, Summary};
use kvshard::engine::{Config, Engine, Retention, TreeFrontier};
use kvshard::error::KvError;
use kvshard::hash::{OrchardNode, TreeHash, VoteNode};
use kvshard::keys;
use kvshard::kv::{Kv, MemKv};
use kvshard_testkit::node::{TestNode, leaves};
use kvshard_testkit::{Tree, open};
use shardtree::store::{Checkpoint, TreeState};

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    let text = text.trim();
    assert!(text.len().is_multiple_of(2), "{text}");
    (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
        .collect()
}

/// An Orchard tree whose leaf `i` is the field element `1000 + i`.
struct History {
    kv: MemKv,
    max_checkpoints: u32,
    next: u64,
}

impl History {
    fn new(max_checkpoints: u32) -> Self {
        History {
            kv: MemKv::new(),
            max_checkpoints,
            next: 0,
        }
    }

    fn engine(&mut self, retention: Retention) -> Tree<&mut MemKv, OrchardNode, 32> {
        let config = Config {
            max_checkpoints: self.max_checkpoints,
            retention,
            ..Config::default()
        };
        open(&mut self.kv, config)
    }

    fn append(&mut self, count: u64, retention: Retention) {
        let new: Vec<OrchardNode> = leaves(self.next, count);
        self.next += count;
        self.engine(retention).append(&new).unwrap();
    }

    fn checkpoint(&mut self, id: u32) {
        self.engine(Retention::Marked).checkpoint(id).unwrap();
    }

    fn record(&self, key: &[u8]) -> Vec<u8> {
        self.kv.get(key).unwrap().expect("the history writes it")
    }
}

/// What a frozen value is, and how it is read.
#[derive(Clone, Copy)]
enum Kind {
    Shard,
    Cap,
    Checkpoint,
    Retained,
    Tip,
    VoteTip,
    Summary,
    Quad { nodes: u64 },
    Prunable,
    Removed,
    Removals,
    RetainedCut,
}

/// All marked: 300 leaves, checkpoints at 0, 5, 150 and 300 leaves, one of them retained.
fn marked() -> History {
    let mut history = History::new(100);
    history.checkpoint(1);
    history.append(5, Retention::Marked);
    history.checkpoint(2);
    history.append(145, Retention::Marked);
    history.checkpoint(1_687_106);
    history.append(150, Retention::Marked);
    history.checkpoint(1_687_107);
    history
        .engine(Retention::Marked)
        .retain_checkpoint(2)
        .unwrap();
    history
}

/// As [`marked`]; then marks removed as of two checkpoints, and two more checkpoints while one is
/// retained.
fn with_ledger() -> History {
    let mut history = marked();
    let mut engine = history.engine(Retention::Marked);
    assert_eq!(engine.remove_mark(3, 1_687_106), Ok(true));
    assert_eq!(engine.remove_mark(149, 1_687_106), Ok(true));
    assert_eq!(engine.remove_mark(3, 1_687_107), Ok(true));
    engine.checkpoint(1_687_108).unwrap();
    engine.checkpoint(1_687_109).unwrap();
    history
}

/// Leaf 5 ends two checkpoints, both retained, and is not marked.
fn retained_cuts() -> History {
    let mut history = ephemeral();
    let mut engine = history.engine(Retention::Ephemeral);
    engine.retain_checkpoint(1).unwrap();
    engine.retain_checkpoint(2).unwrap();
    engine.checkpoint(3).unwrap();
    history
}

/// The summary of [`marked`] as written before it had a ledger: it is still read.
fn summary_one_retained() -> Vec<u8> {
    codec::encode_summary(&Summary {
        count: 4,
        retained: 1,
        oldest: 1,
        newest: 1_687_107,
        ..Summary::default()
    })
}

/// A checkpoint's record that lists its removed marks itself, as written before removed marks had
/// records of their own: it is still read.
fn checkpoint_with_removed_marks() -> Vec<u8> {
    let state = TreeState::AtPosition(149.into());
    let marks = [3, 149].map(Position::from);
    codec::encode_checkpoint(&Checkpoint::from_parts(state, marks.into()))
}

/// Only leaf 20 is marked: 37 leaves, checkpoints at 6 and 36.
fn ephemeral() -> History {
    let mut history = History::new(100);
    history.append(6, Retention::Ephemeral);
    history.checkpoint(1);
    history.append(14, Retention::Ephemeral);
    history.append(1, Retention::Marked);
    history.append(15, Retention::Ephemeral);
    history.checkpoint(2);
    history.append(1, Retention::Ephemeral);
    history
}

/// Started from a frontier of 5,000,000 leaves with ommers 1500, 1501, …; then 300 leaves.
fn started() -> History {
    let mut history = History::new(100);
    let size = 5_000_000u64;
    let frontier = TreeFrontier {
        size,
        leaf: Some(OrchardNode::leaf(499)),
        ommers: leaves(500, (size - 1).count_ones().into()),
    };
    let mut engine = history.engine(Retention::Marked);
    engine.insert_frontier(&frontier, 7).unwrap();
    history.append(300, Retention::Marked);
    history
}

/// The tip of a tree of another scheme, with 20 leaves, after a frontier of this size if one is
/// given.
fn vote_tip(frontier: &[u64]) -> Vec<u8> {
    let mut tree: Engine<_, VoteNode, { VoteNode::DEPTH }> =
        Engine::new(MemKv::new(), Config::default());
    let leaf = |n: u8| VoteNode::from_bytes(&[n; 32]).unwrap();
    for size in frontier {
        let frontier = TreeFrontier {
            size: *size,
            leaf: Some(leaf(1)),
            ommers: vec![leaf(2); (size - 1).count_ones() as usize],
        };
        tree.insert_frontier(&frontier, 1).unwrap();
    }
    tree.append(&[leaf(3); 20]).unwrap();
    tree.kv().get(&keys::tip()).unwrap().unwrap()
}

/// Each frozen value, made anew, with its file's name.
fn values() -> Vec<(&'static str, Kind, Vec<u8>)> {
    let (marked, ephemeral, started) = (marked(), ephemeral(), started());
    let (ledger, cuts) = (with_ledger(), retained_cuts());
    let first = (5_000_000 - 1) / 16;
    let quad_of_first = 5_000_000u64 >> 7;
    vec![
        (
            "shard-full-marked",
            Kind::Shard,
            marked.record(&keys::shard(0)),
        ),
        (
            "shard-partial-marked-12",
            Kind::Shard,
            marked.record(&keys::shard(18)),
        ),
        (
            "shard-full-ephemeral-checkpoint-at-5",
            Kind::Shard,
            ephemeral.record(&keys::shard(0)),
        ),
        (
            "shard-full-ephemeral-one-marked",
            Kind::Shard,
            ephemeral.record(&keys::shard(1)),
        ),
        (
            "shard-partial-ephemeral-checkpoint-and-newest",
            Kind::Shard,
            ephemeral.record(&keys::shard(2)),
        ),
        (
            "shard-started",
            Kind::Shard,
            started.record(&keys::shard(first)),
        ),
        ("cap-300-leaves", Kind::Cap, marked.record(&keys::cap())),
        ("cap-started", Kind::Cap, started.record(&keys::cap())),
        (
            "checkpoint-empty-tree",
            Kind::Checkpoint,
            marked.record(&keys::checkpoint(1)),
        ),
        (
            "checkpoint-at-5",
            Kind::Checkpoint,
            marked.record(&keys::checkpoint(2)),
        ),
        (
            "checkpoint-with-removed-marks",
            Kind::Checkpoint,
            checkpoint_with_removed_marks(),
        ),
        (
            "retained",
            Kind::Retained,
            marked.record(&keys::retained(2)),
        ),
        ("tip-300-leaves", Kind::Tip, marked.record(&keys::tip())),
        (
            "tip-newest-not-marked",
            Kind::Tip,
            ephemeral.record(&keys::tip()),
        ),
        ("tip-started", Kind::Tip, started.record(&keys::tip())),
        ("tip-of-a-vote-tree", Kind::VoteTip, vote_tip(&[])),
        ("tip-of-a-vote-tree-started", Kind::VoteTip, vote_tip(&[33])),
        (
            "summary-one-retained",
            Kind::Summary,
            summary_one_retained(),
        ),
        (
            "summary-unmarked",
            Kind::Summary,
            ephemeral.record(&keys::summary()),
        ),
        (
            "summary-with-ledger",
            Kind::Summary,
            ledger.record(&keys::summary()),
        ),
        (
            "prunable",
            Kind::Prunable,
            ledger.record(&keys::prunable(1_687_108)),
        ),
        (
            "removed-mark",
            Kind::Removed,
            ledger.record(&keys::removed(1_687_106, 149)),
        ),
        (
            "removals-of-a-mark",
            Kind::Removals,
            ledger.record(&keys::removals(3)),
        ),
        (
            "retained-checkpoints-at-a-leaf",
            Kind::RetainedCut,
            cuts.record(&keys::retained_cut(5)),
        ),
        (
            "quad",
            Kind::Quad { nodes: 4 },
            marked.record(&keys::quad(5, 1)),
        ),
        (
            "quad-started",
            Kind::Quad { nodes: 3 },
            started.record(&keys::quad(5, quad_of_first)),
        ),
    ]
}

impl Kind {
    fn is_one_byte(self) -> bool {
        matches!(self, Kind::Retained | Kind::Prunable | Kind::Removed)
    }

    fn has_version(self) -> bool {
        !self.is_one_byte()
            && !matches!(self, Kind::Checkpoint | Kind::Removals | Kind::RetainedCut)
    }
}

/// Reads a value as its kind and writes it again.
fn written_again(kind: Kind, value: &[u8]) -> Result<Vec<u8>, KvError> {
    let key = b"frozen";
    Ok(match kind {
        Kind::Shard => codec::encode_tree(&codec::decode_tree(
            &Plain::<OrchardNode>::default(),
            key,
            value,
            4,
        )?),
        Kind::Cap => codec::encode_tree(&codec::decode_tree(
            &Plain::<OrchardNode>::default(),
            key,
            value,
            32,
        )?),
        Kind::Checkpoint => codec::encode_checkpoint(&codec::decode_checkpoint(key, value)?),
        Kind::Retained => {
            assert_eq!(value, codec::RETAINED_VALUE);
            codec::RETAINED_VALUE.to_vec()
        }
        Kind::Prunable => {
            assert_eq!(value, codec::LISTED);
            codec::LISTED.to_vec()
        }
        Kind::Removed => {
            assert_eq!(value, codec::REMOVED_VALUE);
            codec::REMOVED_VALUE.to_vec()
        }
        Kind::Removals => codec::encode_removals(&codec::decode_removals(5, value)?),
        Kind::RetainedCut => codec::encode_retained_cut(codec::decode_retained_cut(5, value)?),
        Kind::Tip => codec::encode_tip(
            &codec::decode_tip(&Plain::<OrchardNode>::default(), 32, None, value)?,
            None,
        ),
        Kind::VoteTip => codec::encode_tip(
            &codec::decode_tip(
                &Plain::<VoteNode>::default(),
                24,
                VoteNode::NAME.map(|(_, name)| name),
                value,
            )?,
            VoteNode::NAME.map(|(_, name)| name),
        ),
        Kind::Summary => codec::encode_summary(&codec::decode_summary(value)?),
        Kind::Quad { nodes } => codec::encode_quad(&codec::decode_quad(
            &Plain::<OrchardNode>::default(),
            key,
            value,
            nodes,
        )?),
    })
}

#[test]
fn values_are_frozen() {
    let folder = testdata().join("format/v1");
    let update = std::env::var_os("UPDATE_FORMAT").is_some_and(|set| set == "1");
    let mut frozen: BTreeMap<String, String> = BTreeMap::new();
    for (name, kind, value) in values() {
        let file = folder.join(format!("{name}.hex"));
        if update && !file.exists() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&file, hex(&value) + "\n").unwrap();
        }
        let text = std::fs::read_to_string(&file);
        let text = text.unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        assert_eq!(text, hex(&value) + "\n", "{name} is made otherwise now");
        let bytes = unhex(&text);
        assert_eq!(written_again(kind, &bytes), Ok(bytes.clone()), "{name}");
        for cut in 0..bytes.len() {
            // A list without its last entry is still a valid list.
            let list_without_last = matches!(kind, Kind::Removals) && cut == 4;
            if !kind.is_one_byte() && !list_without_last {
                assert!(
                    written_again(kind, &bytes[..cut]).is_err(),
                    "{name} cut at {cut}"
                );
            }
        }
        frozen.insert(format!("{name}.hex"), text);
    }
    for file in std::fs::read_dir(&folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(frozen.contains_key(&name), "no test reads {name}");
    }
}

/// The histories are sound, and their engines read what they wrote.
#[test]
fn histories_are_sound() {
    let histories = [
        marked(),
        ephemeral(),
        started(),
        with_ledger(),
        retained_cuts(),
    ];
    for mut history in histories {
        assert_eq!(history.engine(Retention::Marked).check(), Ok(vec![]));
    }
}

/// One changed byte means another version: every versioned value states its version.
#[test]
fn other_versions_are_named() {
    for (name, kind, mut value) in values() {
        if !kind.has_version() {
            continue;
        }
        value[0] = 3;
        let refused = matches!(
            written_again(kind, &value),
            Err(KvError::UnsupportedVersion { version: 3, .. })
        );
        assert!(refused, "{name}");
    }
}

/// The key that a name such as `quad(5,0)` means.
fn key(name: &str) -> Vec<u8> {
    let (kind, arguments) = name.split_once('(').unwrap_or((name, ")"));
    let arguments: Vec<u64> = (arguments.trim_end_matches(')').split(','))
        .filter(|argument| !argument.is_empty())
        .map(|argument| argument.trim().parse().unwrap())
        .collect();
    match (kind, &arguments[..]) {
        ("shard", [index]) => keys::shard(*index),
        ("cap", []) => keys::cap(),
        ("checkpoint", [id]) => keys::checkpoint(u32::try_from(*id).unwrap()),
        ("retained", [id]) => keys::retained(u32::try_from(*id).unwrap()),
        ("tip", []) => keys::tip(),
        ("summary", []) => keys::summary(),
        ("prunable", [id]) => keys::prunable(u32::try_from(*id).unwrap()),
        ("removed", [id, position]) => keys::removed(u32::try_from(*id).unwrap(), *position),
        ("removals", [position]) => keys::removals(*position),
        ("retained_cut", [position]) => keys::retained_cut(*position),
        ("quad", [level, index]) => keys::quad(u8::try_from(*level).unwrap(), *index),
        _ => panic!("{name} names no key"),
    }
}

fn parsed_beside_summary(key: &[u8]) -> Option<Vec<u8>> {
    match key[1] {
        keys::PRUNABLE => keys::parse_prunable(key).map(keys::prunable),
        keys::REMOVED => keys::parse_removed(key).map(|(id, at)| keys::removed(id, at)),
        keys::REMOVALS => keys::parse_position(keys::REMOVALS, key).map(keys::removals),
        kind => keys::parse_position(kind, key).map(keys::retained_cut),
    }
}

#[test]
fn keys_are_frozen() {
    let text = std::fs::read_to_string(testdata().join("keys.txt")).unwrap();
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    let mut kinds = std::collections::BTreeSet::new();
    for line in lines {
        let (name, expected) = line.split_once(' ').unwrap();
        let key = key(name);
        assert_eq!(hex(&key), expected, "{name}");
        let first = key[0];
        kinds.insert(first);
        let parsed = match first {
            keys::SHARD => keys::parse_shard(&key).map(keys::shard),
            keys::CHECKPOINT => keys::parse_id(first, &key).map(keys::checkpoint),
            keys::RETAINED => keys::parse_id(first, &key).map(keys::retained),
            keys::QUAD => keys::parse_quad(&key).map(|(level, index)| keys::quad(level, index)),
            keys::SUMMARY if key.len() > 1 => parsed_beside_summary(&key),
            _ => Some(key.clone()),
        };
        assert_eq!(parsed, Some(key), "{name}");
    }
    assert_eq!(
        kinds,
        (keys::SHARD..=keys::QUAD).collect(),
        "a kind is missing"
    );
}

/// A node is 32 bytes, and only canonical bytes are a node.
#[test]
fn nodes_are_canonical() {
    let node = OrchardNode::leaf(0);
    let mut bytes = vec![];
    node.write(&mut bytes);
    assert_eq!(bytes.len(), 32);
    assert_eq!(OrchardNode::read(&mut &bytes[..]), Some(node));
    assert_eq!(OrchardNode::read(&mut &bytes[..31]), None);
    assert_eq!(OrchardNode::read(&mut &[0xff; 32][..]), None);
    // The modulus itself, and the field element below it.
    let modulus = unhex("01000000ed302d991bf94c09fc98462200000000000000000000000000000040");
    assert_eq!(OrchardNode::read(&mut &modulus[..]), None);
    let mut last = modulus;
    last[0] = 0;
    assert!(OrchardNode::read(&mut &last[..]).is_some());
}
