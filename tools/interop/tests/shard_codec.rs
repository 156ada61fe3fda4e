//! `zcash_client_backend` reads kvshard's shards and caps, kvshard reads
//! theirs, and the bytes are equal.

use std::io::Cursor;
use std::path::Path;

use kvshard::codec::{self, Plain};
use kvshard::engine::{Config, Retention, TreeFrontier};
use kvshard::hash::OrchardNode;
use kvshard::keys;
use kvshard::kv::MemKv;
use kvshard_testkit::{Tree, open};
use orchard::tree::MerkleHashOrchard;
use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use shardtree::PrunableTree;
use shardtree::testing::arb_prunable_tree;
use zcash_client_backend::serialization::shardtree::{read_shard, write_shard};

fn theirs_read(blob: &[u8]) -> std::io::Result<PrunableTree<MerkleHashOrchard>> {
    let mut reader = Cursor::new(blob);
    let tree = read_shard(&mut reader)?;
    assert_eq!(reader.position(), blob.len() as u64, "bytes are left over");
    Ok(tree)
}

fn theirs_write(tree: &PrunableTree<MerkleHashOrchard>) -> Vec<u8> {
    let mut blob = vec![];
    write_shard(&mut blob, tree).unwrap();
    blob
}

/// They read this blob of ours as the same tree as we do, and write it as we
/// do.
fn assert_shared(blob: &[u8], height: u8) {
    let ours =
        codec::decode_tree(&Plain::<MerkleHashOrchard>::default(), b"key", blob, height).unwrap();
    let theirs = theirs_read(blob).unwrap();
    assert_eq!(ours, theirs);
    assert_eq!(theirs_write(&theirs), blob);
    assert_eq!(codec::encode_tree(&ours), blob);
}

#[test]
fn they_read_our_frozen_blobs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/format/v1");
    let mut read = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let name = file.file_name().unwrap().to_str().unwrap();
        let height = match name.split('-').next() {
            Some("shard") => 4,
            Some("cap") => 32,
            _ => continue,
        };
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.trim();
        let blob: Vec<u8> = (0..text.len() / 2)
            .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        assert_shared(&blob, height);
        read += 1;
    }
    assert!(read >= 8, "only {read} blobs of shards and caps");
}

fn leaf(rng: &mut ChaCha8Rng) -> OrchardNode {
    let mut bytes: [u8; 32] = rng.random();
    // Below the modulus, whatever the other bytes are.
    bytes[31] &= 0x3f;
    OrchardNode::from_bytes(&bytes).unwrap()
}

fn engine(kv: &mut MemKv, retention: Retention) -> Tree<&mut MemKv, OrchardNode, 32> {
    let config = Config {
        max_checkpoints: 2,
        retention,
        ..Config::default()
    };
    open(kv, config)
}

/// Random trees of the engine: marked and not, pruned, started from a frontier.
#[test]
fn they_read_our_stores() {
    let (mut shards, mut caps) = (0, 0);
    for seed in 0..12 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut kv = MemKv::new();
        if seed % 3 == 2 {
            let size = rng.random_range(1u64..1 << 31);
            let ommers = (size - 1).count_ones();
            let frontier = TreeFrontier {
                size,
                leaf: Some(leaf(&mut rng)),
                ommers: (0..ommers).map(|_| leaf(&mut rng)).collect(),
            };
            let mut tree = engine(&mut kv, Retention::Marked);
            tree.insert_frontier(&frontier, 1).unwrap();
        }
        for id in 2..8 {
            let retention = match seed % 3 {
                0 => Retention::Marked,
                _ if rng.random_bool(0.5) => Retention::Marked,
                _ => Retention::Ephemeral,
            };
            let count = rng.random_range(1..60);
            let leaves: Vec<_> = (0..count).map(|_| leaf(&mut rng)).collect();
            let mut tree = engine(&mut kv, retention);
            tree.append(&leaves).unwrap();
            tree.checkpoint(id).unwrap();
        }
        for (key, value) in kv.records() {
            match key[0] {
                keys::SHARD => {
                    assert_shared(value, codec::SHARD_HEIGHT);
                    shards += 1;
                }
                keys::CAP => {
                    assert_shared(value, 32);
                    caps += 1;
                }
                _ => {}
            }
        }
    }
    assert!(shards > 80 && caps > 4, "{shards} shards, {caps} caps");
}

fn arb_node() -> impl Strategy<Value = MerkleHashOrchard> + Clone {
    any::<[u8; 32]>().prop_map(|mut bytes| {
        bytes[31] &= 0x3f;
        MerkleHashOrchard::from_bytes(&bytes).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(5000)
    })]

    #[test]
    fn we_read_what_they_write(tree in arb_prunable_tree(arb_node(), 8, 64)) {
        let blob = theirs_write(&tree);
        let ours = codec::decode_tree(&Plain::<MerkleHashOrchard>::default(), b"key", &blob, 8).unwrap();
        prop_assert_eq!(&ours, &tree);
        prop_assert_eq!(codec::encode_tree(&ours), blob.clone());
        let nodes = codec::decode_tree(&Plain::<OrchardNode>::default(), b"key", &blob, 8).unwrap();
        prop_assert_eq!(codec::encode_tree(&nodes), blob);
    }

    /// Damage: if both read a tree, it is the same tree; what they refuse, we
    /// refuse. We also refuse bytes left over, a tree that is too deep, and a
    /// parent without children.
    #[test]
    fn damaged_blobs(
        tree in arb_prunable_tree(arb_node(), 4, 16),
        at in any::<prop::sample::Index>(),
        flip in 1u8..=255,
    ) {
        let mut blob = theirs_write(&tree);
        let at = at.index(blob.len());
        blob[at] ^= flip;
        let ours = codec::decode_tree(&Plain::<MerkleHashOrchard>::default(), b"key", &blob, 4);
        if let Ok(ours) = ours {
            prop_assert_eq!(theirs_read(&blob).unwrap(), ours);
        }
    }
}
