//! The cost of the crate's calls, counted on the store: gas as the SDK charges it
//! by default.

use std::time::Instant;

use peers::kv::Store;
use vote_commitment_tree::TreeServer;

use crate::chain::{leaf, round_prefix};

/// Leaves of a block.
const LEAVES: u64 = 10;
/// The blocks that are measured, and then the paths.
const CALLS: u64 = 4;

/// Prints a line for each size: a block (append, checkpoint, root) and a path. The
/// crate then keeps as many checkpoints as it ever keeps. The keeper's own records
/// are not counted.
pub fn print(sizes: &[&str]) -> Result<(), String> {
    println!("| leaves | block: gas | operations | ms | path: gas | operations | ms |");
    println!("|---:|---:|---:|---:|---:|---:|---:|");
    for size in sizes {
        let size: u64 = size.parse().map_err(|e| format!("{size}: {e}"))?;
        println!("| {size} | {} |", measure(size));
    }
    Ok(())
}

fn measure(size: u64) -> String {
    let store = Box::new(Store::under(&round_prefix()));
    let mut tree = TreeServer::new(store.callbacks(), 0);
    let append = |tree: &mut TreeServer, leaves| {
        for _ in 0..leaves {
            let position = tree.size();
            tree.append(leaf(position).inner()).expect("an append");
        }
    };
    append(&mut tree, size);
    let mut height = 0;
    for _ in 0..1000 {
        height += 1;
        tree.checkpoint(height).expect("a checkpoint");
    }
    let block = mean(&store, |_| {
        append(&mut tree, LEAVES);
        height += 1;
        tree.checkpoint(height).expect("a checkpoint");
        tree.root();
    });
    let path = mean(&store, |i| {
        tree.path(i * 7919 % size, height).expect("a path");
    });
    format!("{block} | {path}")
}

fn mean(store: &Store, mut call: impl FnMut(u64)) -> String {
    let before = store.work();
    let began = Instant::now();
    (0..CALLS).for_each(&mut call);
    let ms = began.elapsed().as_secs_f64() * 1000.0 / CALLS as f64;
    let now = store.work();
    let gas = (now.gas - before.gas) / CALLS;
    let ops = (now.ops - before.ops) / CALLS;
    format!("{gas} | {ops} | {ms:.1}")
}
