//! The published vectors of zcash-test-vectors: empty roots, and trees of sixteen leaves.

use std::fs;

use incrementalmerkletree::Hashable;
use kvshard::hash::OrchardNode;
use kvshard_testkit::complete::fold;

/// The nodes that a file of `testdata/` has as strings, in order.
fn nodes_in(name: &str) -> Vec<OrchardNode> {
    let path = format!("{}/../testdata/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let strings = text.split('"').filter(|part| part.len() == 64);
    let byte = |digits: &[u8; 2]| u8::from_str_radix(str::from_utf8(digits).unwrap(), 16).unwrap();
    strings
        .map(|digits| {
            let bytes: Vec<u8> = digits.as_bytes().as_chunks().0.iter().map(byte).collect();
            OrchardNode::from_bytes(&bytes.try_into().unwrap()).unwrap()
        })
        .collect()
}

#[test]
fn the_published_empty_roots() {
    let roots = nodes_in("orchard_empty_roots.json");
    assert_eq!(roots.len(), 33);
    for (level, root) in (0..=32u8).zip(roots) {
        assert_eq!(OrchardNode::empty_root(level.into()), root);
    }
}

/// Trees of depth 4: sixteen leaves, sixteen paths of four, and the root.
#[test]
fn the_published_trees() {
    let trees = nodes_in("orchard_merkle_tree.json");
    let (trees, []) = trees.as_chunks::<81>() else {
        panic!("a tree is cut short");
    };
    assert_eq!(trees.len(), 16);
    for tree in trees {
        let (leaves, paths) = tree.split_at(16);
        for (position, (leaf, path)) in (0..).zip(leaves.iter().zip(paths.as_chunks::<4>().0)) {
            assert_eq!(fold(position, leaf, path), tree[80]);
        }
    }
}
