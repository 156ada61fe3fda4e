//! Writes kvshard's test data, or checks that the committed files are what it
//! would write.
//!
//! Each argument is a directory; its last name says which files belong there:
//!
//! - `roots`: the Orchard commitments of real blocks and the root after each
//! - `frontiers`: frontiers of the main chain's tree, up to 49.5 million leaves
//! - `vectors`: the published test vectors of the tree's hash
//!
//! It reads only what the crates carry and the facts in this source, so the
//! same versions write the same bytes. Anything that does not follow from
//! `orchard`'s own hash is an error, and then nothing is written.

mod frontiers;
mod roots;
mod vectors;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use orchard::tree::MerkleHashOrchard;
use serde::{Serialize, Serializer};

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

const USAGE: &str = "usage: kvshard-testdata [--check] DIR...
DIR ends in roots, frontiers or vectors, e.g. testdata/roots
--check  write nothing; fail if a file differs from what would be written";

/// A file's name inside its directory, and its content.
pub type File = (&'static str, String);

/// A node as the files show it: hex of its serialized (little-endian) bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Node(pub MerkleHashOrchard);

impl Node {
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self> {
        Option::from(MerkleHashOrchard::from_bytes(&bytes))
            .map(Node)
            .ok_or_else(|| format!("{} is not canonical", hex::encode(bytes)).into())
    }

    pub fn from_hex(text: &str) -> Result<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|e| format!("{text}: {e}"))?;
        Self::from_bytes(bytes)
    }
}

impl std::fmt::Display for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0.to_bytes()))
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The JSON text of a file: two spaces, one newline at the end.
pub fn json(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

fn files_of(dir: &Path) -> Result<Vec<File>> {
    match dir.file_name().and_then(|name| name.to_str()) {
        Some("roots") => roots::files(),
        Some("frontiers") => frontiers::files(),
        Some("vectors") => vectors::files(),
        _ => Err(format!("nothing is known to write to {}\n{USAGE}", dir.display()).into()),
    }
}

fn run(args: impl Iterator<Item = String>) -> Result<()> {
    let mut check = false;
    let mut dirs = Vec::new();
    for arg in args {
        match arg.as_str() {
            "--check" => check = true,
            flag if flag.starts_with('-') => {
                return Err(format!("unknown option {flag}\n{USAGE}").into());
            }
            dir => dirs.push(PathBuf::from(dir)),
        }
    }
    if dirs.is_empty() {
        return Err(USAGE.into());
    }

    // Everything is made and verified before the first byte is written.
    let mut wanted = Vec::new();
    for dir in dirs {
        for (name, content) in files_of(&dir)? {
            wanted.push((dir.join(name), content));
        }
    }

    let mut differing = 0;
    for (path, content) in wanted {
        let shown = path.display();
        if check {
            match std::fs::read(&path) {
                Ok(bytes) if bytes == content.as_bytes() => println!("{shown}: as generated"),
                Ok(_) => {
                    eprintln!("{shown}: differs from what the generator writes");
                    differing += 1;
                }
                Err(e) => {
                    eprintln!("{shown}: {e}");
                    differing += 1;
                }
            }
        } else {
            if let Some(dir) = path.parent() {
                std::fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
            }
            std::fs::write(&path, content).map_err(|e| format!("{shown}: {e}"))?;
            println!("{shown}: written");
        }
    }
    match differing {
        0 => Ok(()),
        n => Err(format!("{n} file(s) differ; run without --check to write them").into()),
    }
}

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::FAILURE
        }
    }
}
