//! The times of Go's `Combine` and `CombineBatch`, read from what `go test -bench` printed.

use std::collections::BTreeMap;
use std::{fs, io};

/// What a pair takes in a batch of this size; of size 0, in a call of `Combine`.
pub struct Go {
    pub pairs: usize,
    pub nanos: f64,
}

impl Go {
    pub fn title(&self) -> String {
        match self.pairs {
            0 => "1, by `Combine`".into(),
            pairs => format!("{pairs}, by `CombineBatch`"),
        }
    }
}

/// Reads lines such as `BenchmarkCombine/batch=64-2 500 90000 ns/op 1406 ns/pair`; of several runs the
/// median counts.
pub fn read(path: &str) -> io::Result<Vec<Go>> {
    let mut runs: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for line in fs::read_to_string(path)?.lines() {
        let Some(rest) = line.strip_prefix("BenchmarkCombine/") else {
            continue;
        };
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let name = fields[0]
            .rsplit_once('-')
            .map_or(fields[0], |(name, _)| name);
        let pairs = match name.split_once('=') {
            Some((_, pairs)) => pairs.parse().map_err(io::Error::other)?,
            None => 0,
        };
        let at = fields.iter().position(|field| *field == "ns/pair");
        let nanos = at.map(|at| fields[at - 1].parse::<f64>());
        let nanos =
            nanos.ok_or_else(|| io::Error::other(format!("{path}: no ns/pair in {line}")))?;
        runs.entry(pairs)
            .or_default()
            .push(nanos.map_err(io::Error::other)?);
    }
    if runs.is_empty() {
        return Err(io::Error::other(format!(
            "{path} has no line of BenchmarkCombine"
        )));
    }
    let median = |(pairs, mut nanos): (usize, Vec<f64>)| {
        nanos.sort_by(f64::total_cmp);
        let nanos = nanos[nanos.len() / 2];
        Go { pairs, nanos }
    };
    Ok(runs.into_iter().map(median).collect())
}
