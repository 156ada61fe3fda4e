//! What other trees need for the same work, with `orchard`'s own hash, for benchmarks that run
//! beside it: reads one command a line and answers with nanoseconds.
//!
//! - `frontier`: `incrementalmerkletree`'s in-memory `Frontier` of 1,000,000 leaves takes ten more
//!   and computes its root. It can prove nothing: no tree can do with less.
//! - `build N`: an in-memory `ShardTree` takes N marked leaves and computes their root.
//! - `block`: the `ShardTree` of the last `build` takes ten more, a checkpoint, and its root.

use std::io::{BufRead, Write};
use std::time::Instant;

use incrementalmerkletree::frontier::{Frontier, NonEmptyFrontier};
use incrementalmerkletree::{Position, Retention};
use orchard::tree::MerkleHashOrchard;
use shardtree::ShardTree;
use shardtree::store::memory::MemoryShardStore;

type Tree = ShardTree<MemoryShardStore<MerkleHashOrchard, u32>, 32, 4>;

/// The `n`-th leaf: pseudorandom, and below the modulus since it is below 2^248.
fn leaf(n: u64) -> MerkleHashOrchard {
    let mut bytes = [0; 32];
    let mut state = n;
    for chunk in bytes[..31].chunks_mut(8) {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
    }
    MerkleHashOrchard::from_bytes(&bytes).expect("below the modulus")
}

fn started_frontier(size: u64) -> Frontier<MerkleHashOrchard, 32> {
    let position = size - 1;
    let ommers = (0..position.count_ones())
        .map(|i| leaf(u64::from(i)))
        .collect();
    NonEmptyFrontier::from_parts(Position::from(position), leaf(size), ommers)
        .and_then(Frontier::try_from)
        .expect("as many ommers as 1 bits")
}

fn main() {
    let mut frontier = started_frontier(1_000_000);
    let mut tree = Tree::new(MemoryShardStore::empty(), 100);
    let (mut next, mut height) = (0, 0);
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line of standard input");
        let words: Vec<_> = line.split_whitespace().collect();
        let started = Instant::now();
        match words[..] {
            ["frontier"] => {
                for _ in 0..10 {
                    assert!(frontier.append(leaf(next)));
                    next += 1;
                }
                std::hint::black_box(frontier.root());
            }
            ["build", count] => {
                tree = Tree::new(MemoryShardStore::empty(), 100);
                let count: u64 = count.parse().expect("a number of leaves");
                let leaves = (0..count).map(|n| (leaf(n), Retention::Marked));
                tree.batch_insert(Position::from(0), leaves)
                    .expect("a batch");
                std::hint::black_box(tree.root_at_checkpoint_depth(None)).expect("a root");
            }
            ["block"] => {
                height += 1;
                for _ in 0..10 {
                    tree.append(leaf(next), Retention::Marked)
                        .expect("an append");
                    next += 1;
                }
                tree.checkpoint(height).expect("a checkpoint");
                std::hint::black_box(tree.root_at_checkpoint_depth(None)).expect("a root");
            }
            _ => panic!("unknown command {line:?}"),
        }
        println!("{}", started.elapsed().as_nanos());
        std::io::stdout().flush().expect("standard output");
    }
}
