//! Checking a whole store against the invariants.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use shardtree::RetentionFlags;
use shardtree::store::Checkpoint;

use super::Engine;
use super::call::{Call, size_of};
use super::cap::Cap;
use super::shard::{LEAVES, Shard};
use crate::codec::{self, SHARD_HEIGHT, Summary, Tip, TreeNode};
use crate::error::{Error, KvError, hex};
use crate::keys;
use crate::kv::{Direction, Kv, MemKv};
use crate::listing;

/// The shards whose roots are merged at once.
const CHUNK: usize = 256;

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

impl<K: Kv, H: TreeNode, const DEPTH: u8> Engine<K, H, DEPTH> {
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
    /// - `flags`: a leaf without a mark is kept for a checkpoint exactly if there is one;
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

pub(super) struct Check<'c, 'k, K, H, const DEPTH: u8> {
    call: &'c mut Call<'k, K, H, DEPTH>,
    violations: Vec<Violation>,
}

/// The outcome of decoding one record; the store's own failures are errors of the check.
fn decoded<T>(outcome: Result<T, KvError>) -> Result<Result<T, KvError>, Error> {
    match outcome {
        Err(e @ (KvError::Store { .. } | KvError::Foreign { .. })) => Err(e.into()),
        other => Ok(other),
    }
}

impl<K: Kv, H: TreeNode, const DEPTH: u8> Check<'_, '_, K, H, DEPTH> {
    fn run(&mut self) -> Result<(), Error> {
        let tip = self.call.tip();
        let Some(tip) = self.decoded("tip", tip)? else {
            return self.keys();
        };
        let summary = self.call.summary();
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
            self.removed_state(&summary, &checkpoints, &removed);
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
        for entry in self.call.kv().iterate(prefix, Direction::Ascending)? {
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

    /// The kinds of which the others do not list every key.
    fn keys(&mut self) -> Result<(), Error> {
        for kind in [keys::CAP, keys::TIP] {
            self.entries(kind, |key| (key == [kind]).then_some(()))?;
        }
        // Those beside the summary that have the shape of a key were looked at by kind.
        self.entries(keys::SUMMARY, |key| {
            let known = key == [keys::SUMMARY]
                || keys::parse_prunable(key).is_some()
                || keys::parse_removed(key).is_some()
                || keys::parse_position(keys::REMOVALS, key).is_some()
                || keys::parse_position(keys::RETAINED_CUT, key).is_some();
            known.then_some(())
        })?;
        Ok(())
    }

    fn checkpoints(&mut self, tip: &Tip<H>) -> Result<BTreeMap<u32, Checkpoint>, Error> {
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
            if size < before || !tip.grew_from(size) {
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
        tip: &Tip<H>,
        checkpoints: &BTreeMap<u32, Checkpoint>,
        removed: &BTreeSet<u64>,
    ) -> Result<UnmarkedCuts, Error> {
        let mut scan = Scan::new(tip, checkpoints, removed);
        match self.stored_cap(tip)? {
            Some(cap) => scan.rebuilt.start(&cap)?,
            // Without its ommers, a started tree cannot be built again.
            None => scan.sound = tip.origin == 0,
        }
        let mut order = InOrder::default();
        for entry in self
            .call
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
        self.call.count_hashes(scan.hashes);
        match scan.sound {
            true => self.rebuilt(tip, scan.rebuilt)?,
            false => self.entries(keys::QUAD, keys::parse_quad).map(drop)?,
        }
        Ok(scan.unmarked)
    }

    /// The frontier's ommers in the cap of a started tree: nothing else vouches for them.
    fn stored_cap(&mut self, tip: &Tip<H>) -> Result<Option<Cap<H>>, Error> {
        let cap = self.call.cap_mut(tip).cloned();
        self.decoded("cap", cap)
    }

    /// Compares the records above the shards with those that the shards give.
    fn rebuilt(&mut self, tip: &Tip<H>, rebuilt: Rebuilt<H, DEPTH>) -> Result<(), Error> {
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
        let stored_cap = self.call.kv().get(&keys::cap())?;
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

const STRANGE: &str = "no record of this tree has such a key";
const OUT_OF_ORDER: &str = "listed out of order";

/// Whether the keys of a listing ascend.
#[derive(Default)]
struct InOrder {
    last: Option<Vec<u8>>,
}

impl InOrder {
    fn next(&mut self, key: &[u8]) -> bool {
        let ascends = self.last.as_deref().is_none_or(|last| last < key);
        self.last = Some(key.to_vec());
        ascends
    }
}

/// The checkpoints at leaves without a mark.
#[derive(Default)]
pub(super) struct UnmarkedCuts {
    /// How many.
    unmarked: u32,
    /// The leaves.
    positions: BTreeSet<u64>,
}

impl UnmarkedCuts {
    /// How many retained checkpoints are at each of the leaves.
    fn retained_cuts(
        &self,
        checkpoints: &BTreeMap<u32, Checkpoint>,
        retained: &BTreeSet<u32>,
    ) -> BTreeMap<u64, u32> {
        let mut counts = BTreeMap::new();
        for checkpoint in retained.iter().filter_map(|id| checkpoints.get(id)) {
            let position = checkpoint.position().map(u64::from);
            if let Some(position) = position.filter(|p| self.positions.contains(p)) {
                *counts.entry(position).or_default() += 1;
            }
        }
        counts
    }
}

/// What is found in the shards, one after the other. The listing borrows the call meanwhile, so that
/// reports and hashes are noted afterwards.
struct Scan<'t, H, const DEPTH: u8> {
    tip: &'t Tip<H>,
    /// How many checkpoints are at a position.
    cuts: BTreeMap<u64, u32>,
    /// Leaves whose marks were removed and must still be there.
    removed: &'t BTreeSet<u64>,
    /// The index of the next shard.
    expected: u64,
    /// Sound shards whose roots are not merged yet.
    chunk: Vec<Shard<H>>,
    rebuilt: Rebuilt<H, DEPTH>,
    /// Whether the records above can be built from the shards.
    sound: bool,
    /// The checkpoints at leaves without a mark.
    unmarked: UnmarkedCuts,
    hashes: u64,
    found: Vec<(&'static str, Vec<u8>, String)>,
}

impl<'t, H: TreeNode, const DEPTH: u8> Scan<'t, H, DEPTH> {
    fn new(
        tip: &'t Tip<H>,
        checkpoints: &BTreeMap<u32, Checkpoint>,
        removed: &'t BTreeSet<u64>,
    ) -> Self {
        let mut cuts: BTreeMap<u64, u32> = BTreeMap::new();
        for position in checkpoints.values().filter_map(Checkpoint::position) {
            *cuts.entry(position.into()).or_default() += 1;
        }
        Scan {
            tip,
            cuts,
            removed,
            expected: tip.origin >> SHARD_HEIGHT,
            chunk: vec![],
            rebuilt: Rebuilt::new(tip),
            sound: true,
            unmarked: UnmarkedCuts::default(),
            hashes: 0,
            found: vec![],
        }
    }

    /// Takes the next entry of the listing.
    fn entry(&mut self, key: Vec<u8>, value: &[u8]) -> Result<(), Error> {
        let Some(index) = keys::parse_shard(&key) else {
            self.found.push(("keys", key, STRANGE.to_string()));
            return Ok(());
        };
        if index != self.expected || index << SHARD_HEIGHT >= self.tip.size {
            self.unsound(key, format!("shard {} was expected", self.expected));
            return Ok(());
        }
        self.expected += 1;
        let tree = codec::decode_tree(&key, value, SHARD_HEIGHT);
        match tree.and_then(|tree| Shard::<H>::from_tree(index, self.tip.size, &tree)) {
            Err(KvError::Corrupt { reason, .. }) => self.unsound(key, reason),
            Err(other) => self.unsound(key, other.to_string()),
            Ok(shard) => self.shard(&key, shard),
        }
        match self.chunk.len() == CHUNK {
            true => self.merge(),
            false => Ok(()),
        }
    }

    fn unsound(&mut self, key: Vec<u8>, detail: String) {
        self.found.push(("shards", key, detail));
        self.sound = false;
    }

    fn shard(&mut self, key: &[u8], shard: Shard<H>) {
        let wrong = check_flags(&shard, self.tip, &self.cuts, &mut self.unmarked).into_iter();
        self.found.extend(check_removed(&shard, self.removed));
        self.found
            .extend(wrong.map(|detail| ("flags", key.to_vec(), detail)));
        self.chunk.push(shard);
    }

    /// Merges the roots of the shards that were read, as long as none was wrong.
    fn merge(&mut self) -> Result<(), Error> {
        if self.sound {
            self.hashes += self.rebuilt.add(&mut self.chunk)?;
        }
        self.chunk.clear();
        Ok(())
    }

    /// Takes the end of the listing.
    fn end(&mut self) -> Result<(), Error> {
        let first = self.tip.origin >> SHARD_HEIGHT;
        let wanted = self.tip.size.div_ceil(LEAVES).max(first);
        if self.expected != wanted {
            let detail = format!("missing, of {wanted}");
            self.unsound(keys::shard(self.expected), detail);
        }
        self.merge()
    }
}

/// A mark stays until its removal is worked off.
fn check_removed<H: TreeNode>(
    shard: &Shard<H>,
    removed: &BTreeSet<u64>,
) -> impl Iterator<Item = (&'static str, Vec<u8>, String)> {
    let marked = |position| {
        let leaf = shard.leaf(position);
        leaf.is_some_and(|(_, flags)| flags.is_marked())
    };
    let here = removed.range(shard.start()..shard.end());
    here.filter(move |position| !marked(**position))
        .map(|position| {
            let detail = format!("there is no mark at {position}");
            ("removals", keys::removals(*position), detail)
        })
}

/// Counts a shard's checkpoints at leaves without a mark, and says what is wrong with its flags.
fn check_flags<H: TreeNode>(
    shard: &Shard<H>,
    tip: &Tip<H>,
    cuts: &BTreeMap<u64, u32>,
    unmarked: &mut UnmarkedCuts,
) -> Vec<String> {
    let mut wrong = vec![];
    for position in shard.start()..shard.end() {
        let checkpoints = cuts.get(&position).copied().unwrap_or(0);
        let newest = position + 1 == tip.size;
        let Some((_, flags)) = shard.leaf(position) else {
            if checkpoints > 0 {
                wrong.push(format!(
                    "the leaf of a checkpoint at {position} is not kept"
                ));
            }
            continue;
        };
        if !flags.is_marked() {
            if checkpoints > 0 {
                unmarked.unmarked += checkpoints;
                unmarked.positions.insert(position);
            }
            let kept = flags == RetentionFlags::CHECKPOINT;
            if kept != (checkpoints > 0 && !newest) {
                wrong.push(format!(
                    "{flags} at {position}, with {checkpoints} checkpoints"
                ));
            }
        }
        if newest && flags.is_marked() != tip.last_marked {
            wrong.push(format!(
                "{flags} at the newest position {position}; the tip says otherwise"
            ));
        }
    }
    wrong
}

/// The records above the shards, built again from their roots in a store of their own.
struct Rebuilt<H, const DEPTH: u8> {
    kv: MemKv,
    tip: Tip<H>,
}

impl<H: TreeNode, const DEPTH: u8> Rebuilt<H, DEPTH> {
    fn new(tip: &Tip<H>) -> Self {
        Rebuilt {
            kv: MemKv::new(),
            tip: Tip {
                size: tip.origin,
                origin: tip.origin,
                ..Tip::empty()
            },
        }
    }

    /// Takes the ommers of the frontier that the tree was started from, if it was.
    fn start(&mut self, cap: &Cap<H>) -> Result<(), KvError> {
        let origin = self.tip.origin;
        if origin == 0 {
            return Ok(());
        }
        let ommers = cap.to_tree(DEPTH, origin, origin);
        self.kv.set(&keys::cap(), &codec::encode_tree(&ommers))
    }

    /// Merges the roots of the next shards, of which only the last may be incomplete. Returns the
    /// hashes computed.
    fn add(&mut self, shards: &mut [Shard<H>]) -> Result<u64, Error> {
        let mut call = Call::<_, H, DEPTH>::new(&mut self.kv, super::Config::default());
        call.threads = call
            .config
            .threads
            .for_batch(shards.len() * LEAVES as usize);
        call.fill_records(shards);
        let complete = shards.iter().filter(|shard| shard.is_complete());
        let roots: Vec<H> = complete.filter_map(|shard| shard.root().cloned()).collect();
        let size = self.tip.size + roots.len() as u64 * LEAVES;
        call.complete_shards(&mut self.tip, size, roots)?;
        call.commit()?;
        Ok(call.hashes())
    }
}
