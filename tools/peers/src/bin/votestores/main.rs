//! Stores of the vote chain as the crate `vote-commitment-tree` leaves them:
//!
//! - `votestores write DIR [NAME...]` writes each into a file, with what the crate says of it.
//! - `votestores check DIR [NAME...]` compares the files with what it would write.
//! - `votestores cost SIZE...` prints what a block and a path cost the crate at these numbers of
//! leaves.
//!
//! A store grows block by block as under the chain's keeper. Each leaf is a record of the keeper's.
//! At the end of a block the crate reads the new leaves, makes a checkpoint and takes the root. The
//! blocks after the store was written down are its future.

mod chain;
mod cost;
mod dump;

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match args.as_slice() {
        ["write", dir, names @ ..] => each(dir, names, write),
        ["check", dir, names @ ..] => each(dir, names, check),
        ["cost", sizes @ ..] if !sizes.is_empty() => cost::print(sizes),
        _ => {
            eprintln!("usage: votestores write|check DIR [NAME...], or votestores cost SIZE...");
            return ExitCode::from(2);
        }
    };
    if let Err(e) = done {
        eprintln!("votestores: {e}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Does this with the stores of these names, or with all.
fn each(
    dir: &str,
    names: &[&str],
    f: impl Fn(&Path, &str) -> Result<(), String>,
) -> Result<(), String> {
    let stores = stores();
    for name in names {
        if stores.iter().all(|(of, _)| of != name) {
            return Err(format!("there is no store {name}"));
        }
    }
    for (name, blocks) in stores {
        if names.is_empty() || names.contains(&name) {
            let file: PathBuf = Path::new(dir).join(format!("{name}.txt.gz"));
            let done = f(&file, &dump::dump(&blocks));
            done.map_err(|e| format!("{}: {e}", file.display()))?;
        }
    }
    Ok(())
}

/// The stores by name: the leaves of each block.
fn stores() -> Vec<(&'static str, Vec<u64>)> {
    vec![
        ("1", vec![1]),
        ("5", vec![1, 2, 2]),
        ("16", vec![5, 3, 8]),
        ("17", vec![8, 8, 1]),
        ("100", vec![1, 2, 3, 4, 5, 5, 4, 3, 2, 1, 10, 20, 30, 10]),
        ("1000", vec![10; 100]),
        // The crate allows this and the keeper does not do it: the empty tree's record differs,
        // too.
        ("checkpoints-without-leaves", vec![0, 3, 0, 13, 0, 0, 5]),
        ("3000-in-1500-blocks", vec![2; 1500]),
        ("2100-checkpoints", vec![1; 2100]),
    ]
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    let mut out = GzEncoder::new(Vec::new(), Compression::best());
    let written = out.write_all(text.as_bytes());
    let done = written.and_then(|()| fs::write(file, out.finish()?));
    done.map_err(|e| e.to_string())
}

/// Compares the content of the file. Another compressor may have written other bytes.
fn check(file: &Path, text: &str) -> Result<(), String> {
    let data = fs::read(file).map_err(|e| e.to_string())?;
    let mut found = String::new();
    let read = GzDecoder::new(data.as_slice()).read_to_string(&mut found);
    read.map_err(|e| e.to_string())?;
    if found == text {
        return Ok(());
    }
    let same = found.lines().zip(text.lines()).take_while(|(a, b)| a == b);
    let line = same.count() + 1;
    Err(format!("line {line} differs from what the crate gives"))
}
