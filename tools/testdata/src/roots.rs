//! Real blocks: the commitments that each adds, and the root that it must end with.

use std::collections::BTreeMap;

use incrementalmerkletree::frontier::Frontier;
use orchard::tree::MerkleHashOrchard;
use serde::Serialize;
use sha2::{Digest, Sha256};
use zcash_primitives::block::Block;
use zcash_protocol::consensus::Network;
use zebra_test::vectors::{
    MAINNET_BLOCKS, MAINNET_FINAL_ORCHARD_ROOTS, TESTNET_BLOCKS, TESTNET_FINAL_ORCHARD_ROOTS,
};

use crate::{File, Node, Result, json};

/// Every testnet block since NU5 that zebra-test has. Heights between them are
/// missing, but no commitment is: the roots follow without a gap.
const TESTNET_HEIGHTS: [u32; 5] = [1_842_421, 1_842_432, 1_842_462, 1_842_467, 1_842_468];

/// The first mainnet blocks since NU5. zebra-test also has 1687113, 1687118 and
/// 1687121, whose roots do not follow: commitments were added in 1687109-1687112,
/// which it does not have.
const MAINNET_HEIGHTS: [u32; 3] = [1_687_106, 1_687_107, 1_687_108];

type Blocks = BTreeMap<u32, &'static [u8]>;
type Roots = BTreeMap<u32, &'static [u8; 32]>;

#[derive(Serialize)]
struct Chain {
    network: &'static str,
    source: String,
    blocks: Vec<BlockEnd>,
}

#[derive(Debug, Serialize)]
struct BlockEnd {
    height: u32,
    commitments: Vec<Node>,
    size_after: u64,
    root_after: Node,
}

pub fn files() -> Result<Vec<File>> {
    Ok(vec![
        (
            "testnet.json",
            json(&Chain {
                network: "testnet",
                source: source("block-test-1-842-*.txt", "TESTNET_FINAL_ORCHARD_ROOTS"),
                blocks: replay(
                    Network::TestNetwork,
                    &TESTNET_HEIGHTS,
                    &TESTNET_BLOCKS,
                    &TESTNET_FINAL_ORCHARD_ROOTS,
                )?,
            })?,
        ),
        (
            "mainnet.json",
            json(&Chain {
                network: "mainnet",
                source: source("block-main-1-687-*.txt", "MAINNET_FINAL_ORCHARD_ROOTS"),
                blocks: replay(
                    Network::MainNetwork,
                    &MAINNET_HEIGHTS,
                    &MAINNET_BLOCKS,
                    &MAINNET_FINAL_ORCHARD_ROOTS,
                )?,
            })?,
        ),
    ])
}

fn source(blocks: &str, roots: &str) -> String {
    format!("crate zebra-test 5.0 (ZcashFoundation/zebra): src/vectors/{blocks} and {roots}")
}

/// Appends the blocks' commitments to a tree that starts empty. Fails unless the tree
/// has the consensus root after each block.
fn replay(
    network: Network,
    heights: &[u32],
    blocks: &Blocks,
    roots: &Roots,
) -> Result<Vec<BlockEnd>> {
    let mut tree = Frontier::<MerkleHashOrchard, 32>::empty();
    let mut seen = vec![tree.root()];
    let mut ends = Vec::new();
    for &height in heights {
        let bytes = blocks
            .get(&height)
            .ok_or(format!("block {height} is missing"))?;
        let block = parse(network, height, bytes)?;

        let mut commitments = Vec::new();
        let mut anchors = Vec::new();
        for bundle in block.vtx().iter().filter_map(|tx| tx.orchard_bundle()) {
            anchors.push(bundle.anchor().to_bytes());
            for action in bundle.actions() {
                let commitment = MerkleHashOrchard::from_cmx(action.cmx());
                if !tree.append(commitment) {
                    return Err(format!("block {height}: the tree is full").into());
                }
                commitments.push(Node(commitment));
            }
        }

        // A spend is proven against the root after an earlier block. Only a tree that
        // begins with the chain knows all these roots.
        for anchor in anchors {
            if !seen.iter().any(|root| root.to_bytes() == anchor) {
                let anchor = hex::encode(anchor);
                return Err(format!("block {height}: anchor {anchor} is no earlier root").into());
            }
        }

        // The table holds the bytes reversed, as block explorers show hashes.
        let mut consensus = **roots
            .get(&height)
            .ok_or(format!("root {height} is missing"))?;
        consensus.reverse();
        let consensus = Node::from_bytes(consensus)?;
        let root = Node(tree.root());
        if root != consensus {
            return Err(format!(
                "block {height}: the commitments give the root {root}, the chain has {consensus}"
            )
            .into());
        }

        seen.push(root.0);
        ends.push(BlockEnd {
            height,
            commitments,
            size_after: tree.tree_size(),
            root_after: root,
        });
    }
    Ok(ends)
}

/// Parses a block and checks the bytes: writing the block again gives the same bytes,
/// and its transactions give the header's Merkle root.
fn parse(network: Network, height: u32, bytes: &[u8]) -> Result<Block> {
    let block = Block::read(bytes, &network).map_err(|e| format!("block {height}: {e}"))?;
    if u32::from(block.claimed_height()) != height {
        return Err(format!("block {height} says it is {}", block.claimed_height()).into());
    }

    let mut again = Vec::new();
    block.write(&mut again)?;
    if again != bytes {
        return Err(format!("block {height} does not serialize to its own bytes").into());
    }

    let txids = block.vtx().iter().map(|tx| *tx.txid().as_ref()).collect();
    if merkle_root(txids) != block.header().merkle_root {
        return Err(format!("block {height}: not the transactions of its header").into());
    }
    Ok(block)
}

/// Bitcoin's Merkle root: double SHA-256; the last node of an odd row is paired with
/// itself.
fn merkle_root(mut row: Vec<[u8; 32]>) -> [u8; 32] {
    while row.len() > 1 {
        row = row
            .chunks(2)
            .map(|pair| {
                let inner = Sha256::new()
                    .chain_update(pair[0])
                    .chain_update(pair[pair.len() - 1])
                    .finalize();
                Sha256::digest(inner).into()
            })
            .collect();
    }
    row[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mainnet(heights: &[u32], blocks: &Blocks, roots: &Roots) -> Result<Vec<BlockEnd>> {
        replay(Network::MainNetwork, heights, blocks, roots)
    }

    fn refused(result: Result<Vec<BlockEnd>>, why: &str) {
        let error = result.expect_err(why).to_string();
        assert!(error.contains(why), "{error}");
    }

    #[test]
    fn the_number_of_commitments_is_known() {
        let size = |ends: Vec<BlockEnd>| ends.last().map(|end| end.size_after);
        let ends = mainnet(
            &MAINNET_HEIGHTS,
            &MAINNET_BLOCKS,
            &MAINNET_FINAL_ORCHARD_ROOTS,
        );
        assert_eq!(size(ends.unwrap()), Some(2));
        let ends = replay(
            Network::TestNetwork,
            &TESTNET_HEIGHTS,
            &TESTNET_BLOCKS,
            &TESTNET_FINAL_ORCHARD_ROOTS,
        );
        assert_eq!(size(ends.unwrap()), Some(8));
    }

    #[test]
    fn a_root_that_does_not_follow_is_refused() {
        // Commitments were added between 1687108 and 1687113.
        let gap = [1_687_106, 1_687_107, 1_687_108, 1_687_113];
        let ends = mainnet(&gap, &MAINNET_BLOCKS, &MAINNET_FINAL_ORCHARD_ROOTS);
        refused(ends, "block 1687113: the commitments give the root");
    }

    #[test]
    fn an_anchor_from_nowhere_is_refused() {
        let ends = mainnet(&[1_687_118], &MAINNET_BLOCKS, &MAINNET_FINAL_ORCHARD_ROOTS);
        refused(ends, "is no earlier root");
    }

    #[test]
    fn a_changed_block_is_refused() {
        let changed: Vec<u8> = {
            let mut bytes = MAINNET_BLOCKS[&1_687_107].to_vec();
            // A byte of the Merkle root in the header.
            bytes[40] ^= 1;
            bytes
        };
        let mut blocks = MAINNET_BLOCKS.clone();
        blocks.insert(1_687_107, Box::leak(changed.into_boxed_slice()));
        let ends = mainnet(&MAINNET_HEIGHTS, &blocks, &MAINNET_FINAL_ORCHARD_ROOTS);
        refused(ends, "not the transactions of its header");
    }
}
