//! The published test vectors of the tree's hash, computed again by `orchard`.

use incrementalmerkletree::frontier::Frontier;
use incrementalmerkletree::{Hashable, Level, MerklePath, Position};
use orchard::tree::MerkleHashOrchard;
use serde::Serialize;

use crate::{File, Node, Result, json};

const DEPTH: u8 = 4;

#[derive(Serialize)]
struct EmptyRoots {
    source: &'static str,
    roots: Vec<Node>,
}

#[derive(Serialize)]
struct Depth4 {
    source: &'static str,
    leaves: Vec<Node>,
    trees: Vec<Tree>,
}

/// A tree of depth 4 that has the first `size` leaves.
#[derive(Serialize)]
struct Tree {
    size: usize,
    paths: Vec<Vec<Node>>,
    root: Node,
}

pub fn files() -> Result<Vec<File>> {
    Ok(vec![
        (
            "empty_roots.json",
            json(&EmptyRoots {
                source: "computed by orchard 0.16; the same as zcash/zcash-test-vectors \
                    orchard_empty_roots.json",
                roots: (0..=32)
                    .map(|level| Node(MerkleHashOrchard::empty_root(level.into())))
                    .collect(),
            })?,
        ),
        ("merkle_depth4.json", json(&depth4()?)?),
    ])
}

fn depth4() -> Result<Depth4> {
    let leaves: Vec<Node> = LEAVES
        .iter()
        .map(|hex| Node::from_hex(hex))
        .collect::<Result<_>>()?;
    let trees = (1..=leaves.len())
        .map(|size| tree(&leaves[..size]))
        .collect::<Result<_>>()?;
    Ok(Depth4 {
        source: "leaves from zcash/zcash-test-vectors orchard_merkle_tree.json (MIT OR Apache-2.0), \
            paths and roots computed by orchard 0.16; the same as there",
        leaves,
        trees,
    })
}

fn tree(leaves: &[Node]) -> Result<Tree> {
    let size = leaves.len();

    // All 31 nodes, row by row from the leaves up to the root.
    let mut rows = vec![leaves.iter().map(|leaf| leaf.0).collect::<Vec<_>>()];
    rows[0].resize(1 << DEPTH, MerkleHashOrchard::empty_leaf());
    for level in 0..DEPTH {
        let above = rows[usize::from(level)]
            .chunks(2)
            .map(|pair| MerkleHashOrchard::combine(Level::from(level), &pair[0], &pair[1]))
            .collect();
        rows.push(above);
    }
    let root = rows[usize::from(DEPTH)][0];

    // The same root computed in another way, and from every leaf with its path.
    let mut frontier = Frontier::<MerkleHashOrchard, DEPTH>::empty();
    for leaf in leaves {
        frontier.append(leaf.0);
    }
    if frontier.root() != root {
        return Err(format!("two roots for {size} leaves").into());
    }
    let mut paths = Vec::new();
    for (position, leaf) in leaves.iter().enumerate() {
        let path: Vec<_> = (0..usize::from(DEPTH))
            .map(|level| rows[level][(position >> level) ^ 1])
            .collect();
        let checked =
            MerklePath::<_, DEPTH>::from_parts(path.clone(), Position::from(position as u64))
                .map_err(|()| "a path of the wrong length")?;
        if checked.root(leaf.0) != root {
            return Err(
                format!("path {position} of {size} leaves does not lead to the root").into(),
            );
        }
        paths.push(path.into_iter().map(Node).collect());
    }
    Ok(Tree {
        size,
        paths,
        root: Node(root),
    })
}

/// The 16 leaves of zcash-test-vectors.
const LEAVES: [&str; 1 << DEPTH] = [
    "3dc166d56a1d62f5a8d7551db5fd9313e8c7203d996af7d477083756d59af80d",
    "495c222f7fba1e31defa3d5a57efc2e1e9b01a035587d5fb1a38e01d94903d3c",
    "e2885315eb4671098b79535e790fe53e29fef2b3766697ac32b4f473f468a008",
    "4b192232ecb9f0c02411e52596bc5e90457e745939ffedbd12863ce71a02af11",
    "05415d4642789d38f50b8dbcc129cab3d17d19f3355bcf73cecb8cb8a5da0130",
    "7152f13936a270572670dc82d39026c6cb4cd4b0f7f5aa2a4f5a5341ec5dd715",
    "406f2fdd2afa733f5f641c8c21862a1bafce2609d9eecfa158cfb5cd79f88008",
    "868c53239cfbdf73caec65604037314faaceb56218c6bd30f8374ac13386793f",
    "21a9fb80ad03bc0cda4a44946c00e1b1a1df0e5b87b5bece477a709649e95006",
    "26d62e9596fa825c6bf21aff9e68625a192440ea06828123d97884806f15fa08",
    "0814d3a2d452431c32d411ac1cce82ad0229407bbc48985675e3f874a4533f1d",
    "3d51ddddba5d657b43ee8da645443814cc7329f3e9b4e54c236c29af39231017",
    "736c23357c85f45791e1708029d9824d90704607f387a03e49bf983657443134",
    "0c0536acddf6f1aeab016b6bc1ec144b4e553acfd670f77e755fc88e0677e31b",
    "a459b44e307768958fe3789d41c2b1ff434cb30e15914f01bc6bc2307b488d25",
    "56d7b7380ea4ffd712f6b02fe806b94569cd4059f396bf29b99d0a40e5e1711c",
];
