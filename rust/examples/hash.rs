//! The hash by itself: a node, a batch, a frontier, and the path in use. `cargo run --example hash`.

use incrementalmerkletree::frontier::Frontier;
use kvshard::hash::{Backend, Hashable, Level, OrchardNode, TreeHash};
use orchard::tree::MerkleHashOrchard;

fn main() -> Result<(), &'static str> {
    println!("kvshard hashes by {}", Backend::best());

    // Bytes from outside are checked once, here.
    let leaves = (1..=8)
        .map(|i| OrchardNode::from_bytes(&[i; 32]).ok_or("not a canonical node"))
        .collect::<Result<Vec<_>, _>>()?;

    // A tree of eight leaves, row by row, each in one batch.
    let mut row = leaves.clone();
    for level in (0..3u8).map(Level::from) {
        let mut above = Vec::with_capacity(row.len() / 2);
        OrchardNode::combine_batch(level, &row, 1, &mut above);
        row = above;
    }
    println!("root of 8 leaves, depth 3:  {}", row[0]);

    // The same leaves in a tree of 32 levels, of which only the frontier is kept.
    let mut ours = Frontier::<OrchardNode, 32>::empty();
    let mut theirs = Frontier::<MerkleHashOrchard, 32>::empty();
    for leaf in &leaves {
        assert!(ours.append(*leaf) && theirs.append((*leaf).into()));
    }
    println!("root of 8 leaves, depth 32: {}", ours.root());
    assert_eq!(ours.root(), theirs.root().into(), "orchard's root");

    // From depth 3 to depth 32 all siblings are empty.
    let root = (3..32u8).map(Level::from).fold(row[0], |node, level| {
        OrchardNode::combine_empty_right(level, &node)
    });
    assert_eq!(root, ours.root());
    println!(
        "of a tree without leaves:   {}",
        OrchardNode::empty_root(32.into())
    );
    Ok(())
}
