//! Checking a whole store against the invariants.

mod ledger;
mod order;
mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use shardtree::store::Checkpoint;

use super::SchemeEngine;
use super::call::Call;
use super::cap::Cap;
use super::reads::{grew_from, size_of};
use super::rebuilt::Rebuilt;
use crate::codec::{self, Summary, Tip};
use crate::error::{Error, KvError, hex};
use crate::keys;
use crate::kv::{Direction, Kv};
use crate::listing;
use crate::scheme::Scheme;
use order::{InOrder, OUT_OF_ORDER, STRANGE};
use scan::{Scan, UnmarkedCuts};

/// A broken invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its name: `keys`, `tip`, `summary`, `checkpoints`, `retained`, `ledger`, `removals`, `shards`,
    /// `flags`, `cap` or `quads`.
    pub invariant: &'static str,
    /// The key of the record that breaks it.
    pub key: Vec<u8>,
    /// What is wrong.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = match self.key.is_empty() {
            true => "-".to_string(),
            false => hex(&self.key),
        };
        write!(f, "{}\t{key}\t{}", self.invariant, self.detail)
    }
}

impl<K: Kv, S: Scheme> SchemeEngine<K, S> {
    /// Reads the whole store and reports every violation of these invariants:
    ///
    /// - `keys`: every key in the tree's range is that of a record;
    /// - `tip`, `summary`: they decode, and say what the other records say;
    /// - `checkpoints`: they decode, ascend in size with their ids, lie within the tree, and remove
    ///   marks that are there;
    /// - `retained`: every retained id is that of a checkpoint;
    /// - `ledger`: prunable checkpoints are listed, and retained ones counted at leaves without a
    ///   mark, as the summary says;
    /// - `removals`: a removed mark that waits is there still, waits for a checkpoint that is kept,
    ///   and is listed by checkpoint and by position alike;
    /// - `shards`: one for each 16 leaves, each as its leaves and flags determine it;
    /// - `flags`: a leaf without a mark is kept if, and only if, a checkpoint is there;
    /// - `cap`, `quads`: they are the nodes that the shards' roots give.
    ///
    /// Reads every record once and hashes every leaf; keeps the quads in memory.
    ///
    /// # Errors
    ///
    /// Only if the store itself fails, or is not a tree's: [`KvError::Foreign`].
    pub fn check(&mut self) -> Result<Vec<Violation>, Error> {
        self.call(|call| {
            let mut check = Check {
                call,
                violations: vec![],
            };
            check.run()?;
            Ok(check.violations)
        })
    }
}

pub(super) struct Check<'c, 'k, S: Scheme> {
    call: &'c mut Call<'k, S>,
    violations: Vec<Violation>,
}

/// The outcome of decoding one record; the store's own failures are errors of the check.
fn decoded<T>(outcome: Result<T, KvError>) -> Result<Result<T, KvError>, Error> {
    match outcome {
        Err(
            e @ (KvError::Store { .. } | KvError::Foreign { .. } | KvError::SchemeMismatch { .. }),
        ) => Err(e.into()),
        other => Ok(other),
    }
}

impl<S: Scheme> Check<'_, '_, S> {
    fn run(&mut self) -> Result<(), Error> {
        let tip = self.call.reads.tip();
        let Some(tip) = self.decoded("tip", tip)? else {
            return self.keys();
        };
        let summary = self.call.reads.summary();
        let summary = self.decoded("summary", summary)?;
        let checkpoints = self.checkpoints(&tip)?;
        let retained = self.retained(&checkpoints)?;
        let removed = self.removed_marks(&tip, &checkpoints)?;
        let seen = self.shards(&tip, &checkpoints, &removed.positions)?;
        if let Some(summary) = summary {
            self.summary(&summary, &checkpoints, &retained, seen.unmarked);
            self.listed(&summary, &checkpoints, &retained)?;
            let counts = seen.retained_cuts(&checkpoints, &retained);
            self.retained_cuts(&summary, counts)?;
            self.first_removed(&summary, &removed);
        }
        self.keys()
    }

    pub(super) fn report(
        &mut self,
        invariant: &'static str,
        key: Vec<u8>,
        detail: impl Into<String>,
    ) {
        self.violations.push(Violation {
            invariant,
            key,
            detail: detail.into(),
        });
    }

    /// The record, or `None` and a violation.
    pub(super) fn decoded<T>(
        &mut self,
        invariant: &'static str,
        outcome: Result<T, KvError>,
    ) -> Result<Option<T>, Error> {
        match decoded(outcome)? {
            Ok(record) => Ok(Some(record)),
            Err(e) => {
                let key = match &e {
                    KvError::Corrupt { key, .. } | KvError::UnsupportedVersion { key, .. } => {
                        key.clone()
                    }
                    _ => vec![],
                };
                let detail = match e {
                    KvError::Corrupt { reason, .. } => reason,
                    other => other.to_string(),
                };
                self.report(invariant, key, detail);
                Ok(None)
            }
        }
    }

    /// Every entry under a kind's first byte, those with strange keys reported.
    fn entries<N>(
        &mut self,
        kind: u8,
        parse: impl Fn(&[u8]) -> Option<N>,
    ) -> Result<Vec<(N, Vec<u8>)>, Error> {
        self.entries_below(&[kind], parse)
    }

    /// Every entry under a prefix, those with strange keys reported. A listing that is out of order
    /// is not followed: it may have no end.
    pub(super) fn entries_below<N>(
        &mut self,
        prefix: &[u8],
        parse: impl Fn(&[u8]) -> Option<N>,
    ) -> Result<Vec<(N, Vec<u8>)>, Error> {
        let mut found = vec![];
        let mut strange = vec![];
        let mut order = InOrder::default();
        for entry in self.call.reads.kv().iterate(prefix, Direction::Ascending)? {
            let (key, value) = entry?;
            if !order.next(&key) {
                strange.push((key, OUT_OF_ORDER));
                break;
            }
            match parse(&key) {
                Some(name) => found.push((name, value)),
                None => strange.push((key, STRANGE)),
            }
        }
        for (key, detail) in strange {
            self.report("keys", key, detail);
        }
        Ok(found)
    }

    /// The kinds whose keys the other checks do not all list.
    fn keys(&mut self) -> Result<(), Error> {
        // Those beside the summary that have the shape of a key were looked at by kind.
        for kind in [keys::CAP, keys::TIP, keys::SUMMARY] {
            self.entries(kind, |key| keys::is_record(key).then_some(()))?;
        }
        Ok(())
    }

    fn checkpoints(&mut self, tip: &Tip<S::Node>) -> Result<BTreeMap<u32, Checkpoint>, Error> {
        let parse = |key: &[u8]| keys::parse_id(keys::CHECKPOINT, key);
        let mut checkpoints = BTreeMap::new();
        let mut before = 0;
        for (id, value) in self.entries(keys::CHECKPOINT, parse)? {
            let key = keys::checkpoint(id);
            let checkpoint = codec::decode_checkpoint(&key, &value);
            let Some(checkpoint) = self.decoded("checkpoints", checkpoint)? else {
                continue;
            };
            let size = size_of(&checkpoint);
            if size < before || !grew_from(tip, size) {
                let first = before.max(tip.origin);
                let detail = format!("its size {size} is not in {first}..={}", tip.size);
                self.report("checkpoints", key.clone(), detail);
            }
            if checkpoint
                .marks_removed()
                .iter()
                .any(|m| !(tip.origin..size).contains(&u64::from(*m)))
            {
                let detail = format!("it removed a mark that is not in {}..{size}", tip.origin);
                self.report("checkpoints", key, detail);
            }
            before = before.max(size);
            checkpoints.insert(id, checkpoint);
        }
        Ok(checkpoints)
    }

    fn retained(
        &mut self,
        checkpoints: &BTreeMap<u32, Checkpoint>,
    ) -> Result<BTreeSet<u32>, Error> {
        let parse = |key: &[u8]| keys::parse_id(keys::RETAINED, key);
        let mut retained = BTreeSet::new();
        for (id, value) in self.entries(keys::RETAINED, parse)? {
            self.decoded("retained", listing::check_retained(id, &value))?;
            if !checkpoints.contains_key(&id) {
                self.report(
                    "retained",
                    keys::retained(id),
                    "there is no such checkpoint",
                );
            }
            retained.insert(id);
        }
        Ok(retained)
    }

    fn summary(
        &mut self,
        summary: &Summary,
        checkpoints: &BTreeMap<u32, Checkpoint>,
        retained: &BTreeSet<u32>,
        unmarked: u32,
    ) {
        let prunable = checkpoints.keys().find(|id| !retained.contains(id));
        let expected = Summary {
            count: checkpoints.len() as u32,
            retained: retained.len() as u32,
            oldest: prunable.copied().unwrap_or(0),
            newest: checkpoints.keys().next_back().copied().unwrap_or(0),
            unmarked,
            ledger: summary.ledger,
        };
        if *summary != expected {
            let detail = format!("it says {summary:?}, the records {expected:?}");
            self.report("summary", keys::summary(), detail);
        }
    }

    /// Checks the shards and all that follows from their roots.
    fn shards(
        &mut self,
        tip: &Tip<S::Node>,
        checkpoints: &BTreeMap<u32, Checkpoint>,
        removed: &BTreeSet<u64>,
    ) -> Result<UnmarkedCuts, Error> {
        let scheme = self.call.hasher.scheme();
        let mut scan = Scan::new(scheme, tip, checkpoints, removed);
        match self.stored_cap(tip)? {
            Some(cap) => scan.rebuilt.start(&cap)?,
            // Without its ommers, a started tree cannot be built again.
            None => scan.sound = tip.origin == 0,
        }
        let mut order = InOrder::default();
        for entry in self
            .call
            .reads
            .kv()
            .iterate(&[keys::SHARD], Direction::Ascending)?
        {
            let (key, value) = entry?;
            if !order.next(&key) {
                scan.unsound(key, OUT_OF_ORDER.to_string());
                break;
            }
            scan.entry(key, &value)?;
        }
        scan.end()?;
        for (invariant, key, detail) in scan.found {
            self.report(invariant, key, detail);
        }
        self.call.hasher.add(scan.hashes);
        match scan.sound {
            true => self.rebuilt(tip, scan.rebuilt)?,
            false => self.entries(keys::QUAD, keys::parse_quad).map(drop)?,
        }
        Ok(scan.unmarked)
    }

    /// The frontier's ommers in the cap of a started tree: nothing else vouches for them.
    fn stored_cap(&mut self, tip: &Tip<S::Node>) -> Result<Option<Cap<S::Node>>, Error> {
        let cap = self.call.reads.cap(tip).cloned();
        self.decoded("cap", cap)
    }

    /// Compares the records above the shards with those that the shards give.
    fn rebuilt(&mut self, tip: &Tip<S::Node>, rebuilt: Rebuilt<'_, S>) -> Result<(), Error> {
        let expected_tip = Tip {
            size: tip.size,
            last_marked: tip.last_marked,
            ..rebuilt.tip
        };
        if *tip != expected_tip {
            self.report(
                "tip",
                keys::tip(),
                "its nodes are not those that the shards give",
            );
        }
        let expected_cap = rebuilt.kv.get(&keys::cap())?;
        let stored_cap = self.call.reads.kv().get(&keys::cap())?;
        if stored_cap != expected_cap {
            self.report("cap", keys::cap(), "it is not what the shards give");
        }
        let mut expected: BTreeMap<_, _> = rebuilt
            .kv
            .records()
            .iter()
            .filter(|(key, _)| key.first() == Some(&keys::QUAD))
            .collect();
        for ((level, index), value) in self.entries(keys::QUAD, keys::parse_quad)? {
            let key = keys::quad(level, index);
            match expected.remove(&key) {
                None => self.report("quads", key, "this tree has no such quad"),
                Some(nodes) if *nodes != value => {
                    self.report("quads", key, "it is not what the shards give");
                }
                Some(_) => {}
            }
        }
        for key in expected.into_keys() {
            self.report("quads", key.clone(), "missing");
        }
        Ok(())
    }
}
