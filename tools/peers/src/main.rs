//! `peers TREE` runs another tree, or kvshard's engine by itself, so that `kvshard
//! bench` can measure it beside its own tree. Standard input has one command a
//! line; leaves and nodes follow the line, 32 bytes each. Each command is answered
//! with a line of JSON.
//!
//! - `start SIZE NODES`, and the nodes: start from a frontier of that size. Its
//! leaf comes first, then its ommers.
//! - `build N`, and the leaves: append them at once, and take the root.
//! - `checkpoints N`: make N checkpoints.
//! - `block N`, and the leaves: append them, make a checkpoint, take its root.
//! - `append N`, and the leaves: append them.
//! - `witness POSITION`: prove the leaf against the newest checkpoint.
//! - `root`: take the root at that checkpoint.
//! - `open`: forget everything that is not in the store, and take the root.
//!
//! Times and counts cover the tree's own work, not the reading and checking.

use std::io::{self, BufRead, Read, Write};
use std::process::ExitCode;
use std::time::Instant;

use peers::{Bytes, Peer, engine, sinsemilla, vote};

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    let tree: Box<dyn Peer> = match name.as_str() {
        "kvshard" => Box::new(engine::EngineTree::default()),
        "frontier" => Box::new(sinsemilla::InMemoryFrontier::default()),
        "shardtree" => Box::new(sinsemilla::InMemoryShardTree::default()),
        "vote" => Box::new(vote::VoteTree::default()),
        _ => {
            eprintln!("usage: peers kvshard | frontier | shardtree | vote");
            return ExitCode::from(2);
        }
    };
    match serve(tree, io::stdin().lock(), io::stdout().lock()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("peers {name}: {e}");
            ExitCode::FAILURE
        }
    }
}

fn serve(mut tree: Box<dyn Peer>, mut input: impl BufRead, mut out: impl Write) -> io::Result<()> {
    let mut leaves: Vec<Bytes> = Vec::new();
    let mut root = [0; 32]; // of the newest checkpoint
    loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |i: usize| -> io::Result<u64> {
            let word = words.get(i).and_then(|word| word.parse().ok());
            word.ok_or_else(|| io::Error::other(format!("no number in {line:?}")))
        };
        let mut nodes = Vec::new();
        match words.first() {
            Some(&"start") => nodes = read_nodes(&mut input, number(2)?)?,
            Some(&("build" | "block" | "append")) => nodes = read_nodes(&mut input, number(1)?)?,
            _ => {}
        }
        let mut proof = None;
        let before = tree.work();
        let started = Instant::now();
        match words.first() {
            Some(&"start") => tree.start(number(1)?, &nodes),
            Some(&"build") => {
                tree.build(&nodes);
                tree.checkpoint();
                root = tree.root();
            }
            Some(&"checkpoints") => (0..number(1)?).for_each(|_| tree.checkpoint()),
            Some(&"block") => {
                tree.append(&nodes);
                tree.checkpoint();
                root = tree.root();
            }
            Some(&"append") => tree.append(&nodes),
            Some(&"witness") => proof = Some((number(1)?, tree.witness(number(1)?))),
            Some(&"root") => root = tree.root(),
            Some(&"open") => {
                tree.open();
                root = tree.root();
            }
            _ => return Err(io::Error::other(format!("unknown command {line:?}"))),
        }
        let nanoseconds = started.elapsed().as_nanos();
        let now = tree.work();
        if words[0] != "start" {
            leaves.append(&mut nodes);
        }
        if let Some((position, path)) = proof
            && path(&leaves[position as usize]) != root
        {
            return Err(io::Error::other("a witness does not lead to the root"));
        }
        let hex: String = root.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(
            out,
            r#"{{"nanoseconds":{nanoseconds},"hashes":{},"kv_operations":{},"gas":{},"bytes_read":{},"bytes_written":{},"root":"{hex}"}}"#,
            now.hashes - before.hashes,
            now.ops - before.ops,
            now.gas - before.gas,
            now.read - before.read,
            now.written - before.written,
        )?;
        out.flush()?;
    }
}

fn read_nodes(input: &mut impl Read, count: u64) -> io::Result<Vec<Bytes>> {
    let mut nodes = vec![[0; 32]; count as usize];
    for node in &mut nodes {
        input.read_exact(node)?;
    }
    Ok(nodes)
}
