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
    /// Its name: `keys`, `tip`, `summary`, `checkpoints`, `retained`, `shards`, `flags`, `cap` or
    /// `quads`.
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
    /// - `shards`: one for each 16 leaves, each as its leaves and flags determine it;
    /// - `flags`: a leaf without a mark is kept for a checkpoint exactly if there is one;
    /// - `cap`, `quads`: they are the nodes that the shards' roots give.
    ///
    /// Reads every record once and hashes every leaf; keeps the quads in memory.
    ///
    /// # Errors
    ///
    /// Only if the store itself fails.
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

struct Check<'c, 'k, K, H, const DEPTH: u8> {
    call: &'c mut Call<'k, K, H, DEPTH>,
    violations: Vec<Violation>,
}

/// The outcome of decoding one record; the store's own failures are errors of the check.
fn decoded<T>(outcome: Result<T, KvError>) -> Result<Result<T, KvError>, Error> {
    match outcome {
        Err(e @ KvError::Store { .. }) => Err(e.into()),
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
        let unmarked = self.shards(&tip, &checkpoints)?;
        if let Some(summary) = summary {
            self.summary(&summary, &checkpoints, &retained, unmarked);
        }
        self.keys()
    }

    fn report(&mut self, invariant: &'static str, key: Vec<u8>, detail: impl Into<String>) {
        self.violations.push(Violation {
            invariant,
            key,
            detail: detail.into(),
        });
    }

    /// The record, or `None` and a violation.
    fn decoded<T>(
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
        let mut found = vec![];
        let mut strange = vec![];
        for entry in self.call.kv().iterate(&[kind], Direction::Ascending)? {
            let (key, value) = entry?;
            match parse(&key) {
                Some(name) => found.push((name, value)),
                None => strange.push(key),
            }
        }
        for key in strange {
            self.report("keys", key, "no record of this tree has such a key");
        }
        Ok(found)
    }

    /// The kinds of which the others do not list every key.
    fn keys(&mut self) -> Result<(), Error> {
        for kind in [keys::CAP, keys::TIP, keys::SUMMARY] {
            self.entries(kind, |key| (key == [kind]).then_some(()))?;
        }
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
        };
        if *summary != expected {
            let detail = format!("it says {summary:?}, the records {expected:?}");
            self.report("summary", keys::summary(), detail);
        }
    }

    /// Checks the shards and all that follows from their roots; counts the checkpoints at leaves
    /// without a mark.
    fn shards(
        &mut self,
        tip: &Tip<H>,
        checkpoints: &BTreeMap<u32, Checkpoint>,
    ) -> Result<u32, Error> {
        let mut scan = Scan::new(tip, checkpoints);
        match self.stored_cap(tip)? {
            Some(cap) => scan.rebuilt.start(&cap)?,
            // Without its ommers, a started tree cannot be built again.
            None => scan.sound = tip.origin == 0,
        }
        for entry in self
            .call
            .kv()
            .iterate(&[keys::SHARD], Direction::Ascending)?
        {
            let (key, value) = entry?;
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

/// What is found in the shards, one after the other. The listing borrows the call meanwhile, so that
/// reports and hashes are noted afterwards.
struct Scan<'t, H, const DEPTH: u8> {
    tip: &'t Tip<H>,
    /// How many checkpoints are at a position.
    cuts: BTreeMap<u64, u32>,
    /// A checkpoint that says of a position that its mark was removed.
    removals: BTreeMap<u64, u32>,
    /// The index of the next shard.
    expected: u64,
    /// Sound shards whose roots are not merged yet.
    chunk: Vec<Shard<H>>,
    rebuilt: Rebuilt<H, DEPTH>,
    /// Whether the records above can be built from the shards.
    sound: bool,
    /// The checkpoints at leaves without a mark.
    unmarked: u32,
    hashes: u64,
    found: Vec<(&'static str, Vec<u8>, String)>,
}

impl<'t, H: TreeNode, const DEPTH: u8> Scan<'t, H, DEPTH> {
    fn new(tip: &'t Tip<H>, checkpoints: &BTreeMap<u32, Checkpoint>) -> Self {
        let mut cuts: BTreeMap<u64, u32> = BTreeMap::new();
        let mut removals = BTreeMap::new();
        for (id, checkpoint) in checkpoints {
            if let Some(position) = checkpoint.position() {
                *cuts.entry(position.into()).or_default() += 1;
            }
            let marks = checkpoint.marks_removed().iter();
            removals.extend(marks.map(|mark| (u64::from(*mark), *id)));
        }
        Scan {
            tip,
            cuts,
            removals,
            expected: tip.origin >> SHARD_HEIGHT,
            chunk: vec![],
            rebuilt: Rebuilt::new(tip),
            sound: true,
            unmarked: 0,
            hashes: 0,
            found: vec![],
        }
    }

    /// Takes the next entry of the listing.
    fn entry(&mut self, key: Vec<u8>, value: &[u8]) -> Result<(), Error> {
        let Some(index) = keys::parse_shard(&key) else {
            let detail = "no record of this tree has such a key".to_string();
            self.found.push(("keys", key, detail));
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
        let (unmarked, wrong) = check_flags(&shard, self.tip, &self.cuts);
        self.unmarked += unmarked;
        self.found.extend(check_removals(&shard, &self.removals));
        let wrong = wrong.into_iter();
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

/// A mark stays until no checkpoint says any more that it was removed.
fn check_removals<H: TreeNode>(
    shard: &Shard<H>,
    removals: &BTreeMap<u64, u32>,
) -> impl Iterator<Item = (&'static str, Vec<u8>, String)> {
    let marked = |position| {
        let leaf = shard.leaf(position);
        leaf.is_some_and(|(_, flags)| flags.is_marked())
    };
    let here = removals.range(shard.start()..shard.end());
    here.filter(move |(position, _)| !marked(**position))
        .map(|(position, id)| {
            let detail = format!("it removed a mark at {position}, where there is none");
            ("checkpoints", keys::checkpoint(*id), detail)
        })
}

/// Counts a shard's checkpoints at leaves without a mark, and says what is wrong with its flags.
fn check_flags<H: TreeNode>(
    shard: &Shard<H>,
    tip: &Tip<H>,
    cuts: &BTreeMap<u64, u32>,
) -> (u32, Vec<String>) {
    let mut unmarked = 0;
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
            unmarked += checkpoints;
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
    (unmarked, wrong)
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
