//! The text of a store: testdata/README.md has the format.

use sha2::{Digest, Sha256};

use crate::chain::{Chain, Made, leaf};

/// The checkpoints that the crate keeps.
const MAX_CHECKPOINTS: usize = 1000;
/// Blocks after the store was written down.
const FUTURE: u64 = 100;
/// If a checkpoint has more paths than this, only the hash of all its paths is
/// written down.
const WHOLE_PATHS: u64 = 100;

/// The text of a store that grows by blocks of these numbers of leaves, with
/// what the crate says of it.
pub fn dump(blocks: &[u64]) -> String {
    let mut chain = Chain::new();
    for &leaves in blocks {
        chain.block(leaves);
    }
    let mut lines = vec![format!("prefix {}", hex(&chain.prefix))];
    let records = chain.store.records();
    lines.extend(
        records
            .iter()
            .map(|(key, value)| format!("record {} {}", hex(key), hex(value))),
    );
    // Every path of the newest checkpoint, and some of the checkpoints before
    // it.
    let kept = &chain.made[chain.made.len().saturating_sub(MAX_CHECKPOINTS)..];
    for Made { height, size } in kept {
        let root = hex(&chain.root(*height));
        lines.push(format!("checkpoint {height} {size} {root}"));
    }
    lines.extend(paths(&chain, kept.last().expect("a block")));
    for (i, made) in kept.iter().enumerate() {
        if made.size > 0 && (kept.len() < 20 || i % 40 == 0) {
            lines.push(path(&chain, made.height, i as u64 * 7 % made.size));
        }
    }
    for i in 0..FUTURE {
        let first = chain.size;
        let Made { height, size } = chain.block(1 + i % 2);
        let root = hex(&chain.root(height));
        let leaves: Vec<String> = (first..size).map(|at| hex(&leaf(at).to_bytes())).collect();
        lines.push(format!("block {height} {root} {}", leaves.join(" ")));
        if i % 10 == 9 {
            lines.push(path(&chain, height, i * 31 % size));
        }
    }
    lines.join("\n") + "\n"
}

fn path(chain: &Chain, height: u32, position: u64) -> String {
    let path = chain.path_bytes(height, position);
    format!("path {height} {position} {}", hex(&path))
}

/// All paths of a checkpoint.
fn paths(chain: &Chain, made: &Made) -> Vec<String> {
    if made.size <= WHOLE_PATHS {
        return (0..made.size)
            .map(|position| path(chain, made.height, position))
            .collect();
    }
    let mut all = Sha256::new();
    for position in 0..made.size {
        all.update(chain.path_bytes(made.height, position));
    }
    vec![format!("paths {} {}", made.height, hex(&all.finalize()))]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
