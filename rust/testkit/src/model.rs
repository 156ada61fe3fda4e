//! The tree as it must be: leaves, marks and checkpoints in plain lists; every hash is computed
//! anew.

use std::collections::BTreeMap;

use kvshard::engine::{CheckpointInfo, Retention, TreeFrontier};
use kvshard::error::Error;

use crate::call::{Answer, Call};
use crate::complete::Complete;
use crate::node::{TestNode, leaves};
use crate::step::{NextId, Step, Which};

/// The most checkpoints that a call prunes, and the most removed marks that it clears.
const MOST_PRUNED: usize = 2;
const MOST_CLEARED: usize = 16;

/// The tree.
#[derive(Clone, Debug)]
pub struct Model<H> {
    pub max_checkpoints: u32,
    depth: u8,
    tree: Complete<H>,
    /// For each known leaf, whether it is marked.
    marked: Vec<bool>,
    /// By ascending id.
    checkpoints: Vec<CheckpointInfo>,
    /// Marks removed as of a checkpoint, by the checkpoint's id and the leaf's position. The value
    /// is true if the mark was removed before that checkpoint and stays only because the checkpoint
    /// ends with its leaf.
    removed: BTreeMap<(u32, u64), bool>,
    next_leaf: u64,
}

impl<H: TestNode> Model<H> {
    /// An empty tree. Its leaves will be numbered from `next_leaf`.
    pub fn new(depth: u8, max_checkpoints: u32, next_leaf: u64) -> Self {
        Model {
            max_checkpoints,
            depth,
            tree: Complete::new(depth),
            marked: vec![],
            checkpoints: vec![],
            removed: BTreeMap::new(),
            next_leaf,
        }
    }

    pub fn size(&self) -> u64 {
        self.tree.size()
    }

    /// The most leaves that the tree holds.
    pub fn capacity(&self) -> u64 {
        1 << self.depth
    }

    /// How many leaves are known. Leaves before a frontier are not.
    pub fn known(&self) -> usize {
        self.marked.len()
    }

    pub fn tree(&self) -> &Complete<H> {
        &self.tree
    }

    pub fn checkpoints(&self) -> &[CheckpointInfo] {
        &self.checkpoints
    }

    pub fn find(&self, id: u32) -> Option<CheckpointInfo> {
        self.checkpoints.iter().copied().find(|c| c.id == id)
    }

    /// The id of the checkpoint that is meant.
    pub fn id(&self, which: Which) -> u32 {
        let (Which::Kept(at) | Which::Behind(at)) = which;
        let Some(at) = usize::from(at).checked_rem(self.checkpoints.len()) else {
            return at.into();
        };
        let id = self.checkpoints[at].id;
        match which {
            Which::Kept(_) => id,
            Which::Behind(_) => id.wrapping_add(1),
        }
    }

    /// The position that is meant: a leaf's, or one a little off.
    pub fn position(&self, at: u16) -> u64 {
        let at = u64::from(at);
        match at {
            0xff00.. => self.tree.first().wrapping_sub(at & 0xff),
            _ => self.tree.first() + at % (self.known() as u64 + 2),
        }
    }

    fn next_id(&self, id: NextId) -> u32 {
        let newest = self.checkpoints.last().map_or(0, |newest| newest.id);
        match id {
            NextId::Above(step) => newest.saturating_add(step),
            NextId::Exactly(id) => id,
        }
    }

    fn next_leaves(&mut self, count: u64) -> Vec<H> {
        let first = self.next_leaf;
        self.next_leaf += count;
        leaves(first, count)
    }

    /// The call that a step makes in this state, if it makes one.
    pub fn call(&mut self, step: Step) -> Option<Call<H>> {
        Some(match step {
            Step::Append { count, retention } => {
                Call::Append(self.next_leaves(count.into()), retention)
            }
            Step::Checkpoint(id) => Call::Checkpoint(self.next_id(id)),
            Step::Rewind(which) => Call::Rewind(self.id(which)),
            Step::RemoveMark { as_of, position } => {
                Call::RemoveMark(self.position(position), self.id(as_of))
            }
            Step::Retain(which) => Call::Retain(self.id(which)),
            Step::Release(which) => Call::Release(self.id(which)),
            Step::Start {
                size,
                one_too_many,
                id,
                retention,
            } => {
                let ones = size.saturating_sub(1).count_ones();
                let ommers = self.next_leaves(u64::from(ones) + u64::from(one_too_many));
                let leaf = self.next_leaves(1).pop().filter(|_| size > 0);
                let frontier = TreeFrontier { size, leaf, ommers };
                Call::InsertFrontier(frontier, self.next_id(id), retention)
            }
            Step::MaxCheckpoints(_) | Step::Reopen => return None,
        })
    }

    /// The only right answer, except that a leaf which need not be kept may be pruned. The model
    /// does not know what a dump shows, nor which nodes of a level are pruned.
    pub fn answer(&self, call: &Call<H>) -> Result<Answer<H>, Error> {
        let size = self.size();
        Ok(match call {
            Call::Append(leaves, _) => {
                let count = leaves.len() as u64;
                match count > self.capacity() - size {
                    true => return Err(Error::TreeFull { size, count }),
                    false => Answer::Number(size),
                }
            }
            Call::Checkpoint(id) => {
                self.may_follow(*id)?;
                Answer::Done
            }
            Call::Rewind(id) | Call::Retain(id) | Call::Release(id) => {
                self.at(*id)?;
                Answer::Done
            }
            Call::RemoveMark(position, id) => {
                Self::within(*position, self.at(*id)?.size)?;
                Answer::Bool(self.is_marked(*position))
            }
            Call::InsertFrontier(frontier, id, _) => {
                self.may_start(frontier)?;
                self.may_follow(*id)?;
                Answer::Done
            }
            Call::Size => Answer::Number(size),
            Call::SizeAt(id) => Answer::Number(self.at(*id)?.size),
            Call::Root => Answer::Node(self.tree.root(size)),
            Call::RootAt(id) => Answer::Node(self.tree.root(self.at(*id)?.size)),
            Call::Frontier => Answer::Frontier(self.tree.frontier(size)),
            Call::FrontierAt(id) => Answer::Frontier(self.tree.frontier(self.at(*id)?.size)),
            Call::FrontierAtSize(asked) => self.past_frontier(*asked)?,
            Call::Newest => {
                Answer::Checkpoints(self.checkpoints.last().copied().into_iter().collect())
            }
            Call::Checkpoints => Answer::Checkpoints(self.checkpoints.clone()),
            Call::Check => Answer::Text(String::new()),
            Call::Leaf(position) => {
                self.is_known(*position, size)?;
                Answer::Node(self.tree.leaf(*position).clone())
            }
            Call::Witness(position) => self.path(*position, size)?,
            Call::WitnessAt(position, id) => self.path(*position, self.at(*id)?.size)?,
            Call::Nodes(..) | Call::Dump => panic!("the answer to {call:?} is not known"),
        })
    }

    /// Panics unless a call may have had this outcome.
    pub fn assert_right(&self, call: &Call<H>, outcome: &Result<Answer<H>, Error>) {
        if let Call::Nodes(level, first, count) = call {
            let right = self.may_be_nodes(*level, *first, *count, outcome);
            assert!(right, "{call:?}: {outcome:?}");
            return;
        }
        let right = match (self.answer(call), outcome) {
            (Ok(_), Err(Error::Pruned { position })) => {
                let asked = match call {
                    Call::Leaf(asked) | Call::Witness(asked) | Call::WitnessAt(asked, _) => *asked,
                    Call::FrontierAtSize(size) => size - 1,
                    _ => panic!("{call:?}: {outcome:?}"),
                };
                asked == *position && !self.is_kept(*position)
            }
            (Err(Error::InvalidArgument(_)), Err(Error::InvalidArgument(_))) => true,
            (right, outcome) => right == *outcome,
        };
        assert!(
            right,
            "{call:?}: {outcome:?}, but {:?} is right",
            self.answer(call)
        );
    }

    /// Whether this outcome is right for a range of nodes. Nodes before a frontier are not
    /// compared.
    fn may_be_nodes(
        &self,
        level: u8,
        first: u64,
        count: u64,
        outcome: &Result<Answer<H>, Error>,
    ) -> bool {
        let size = self.size();
        match outcome {
            Ok(Answer::Path(nodes)) => {
                let known = |index: u64| index << level >= self.tree.first();
                nodes.len() as u64 == count
                    && (first..).zip(nodes).all(|(index, node)| {
                        !known(index) || *node == self.tree.node(level, index, size)
                    })
            }
            Err(Error::NodeNotFound { .. }) => first.saturating_add(count) > size >> level,
            Err(Error::NodePruned { level, index }) => {
                let mut below = index << level..(index + 1) << level;
                below.any(|position| !self.is_kept(position))
            }
            _ => false,
        }
    }

    fn past_frontier(&self, asked: u64) -> Result<Answer<H>, Error> {
        let size = self.size();
        if asked > size {
            return Err(Error::SizeNotReached { asked, size });
        }
        if let Some(position) = asked.checked_sub(1) {
            self.is_known(position, asked)?;
        }
        Ok(Answer::Frontier(self.tree.frontier(asked)))
    }

    fn at(&self, id: u32) -> Result<CheckpointInfo, Error> {
        self.find(id).ok_or(Error::CheckpointNotFound { id })
    }

    fn may_follow(&self, id: u32) -> Result<(), Error> {
        match self.checkpoints.last() {
            Some(newest) if id <= newest.id => Err(Error::CheckpointOrder {
                id,
                newest: newest.id,
            }),
            _ if id == u32::MAX => Err(Error::LastCheckpoint),
            _ => Ok(()),
        }
    }

    fn may_start(&self, frontier: &TreeFrontier<H>) -> Result<(), Error> {
        let size = self.size();
        let ones = frontier.size.saturating_sub(1).count_ones() as usize;
        match size {
            1.. => Err(Error::NotEmpty { size }),
            0 if ones != frontier.ommers.len() || frontier.size > self.capacity() => {
                Err(Error::InvalidArgument("a wrong frontier".into()))
            }
            0 => Ok(()),
        }
    }

    fn within(position: u64, size: u64) -> Result<(), Error> {
        match position < size {
            true => Ok(()),
            false => Err(Error::PositionNotFound { position, size }),
        }
    }

    /// Whether a leaf is known in the tree of a size. The leaf before a frontier's is known too if
    /// the two are a pair.
    fn is_known(&self, position: u64, size: u64) -> Result<(), Error> {
        Self::within(position, size)?;
        let first = self.tree.first();
        match position >= first || (first % 2 == 1 && position + 1 == first) {
            true => Ok(()),
            false => Err(Error::Pruned { position }),
        }
    }

    fn path(&self, position: u64, size: u64) -> Result<Answer<H>, Error> {
        self.is_known(position, size)?;
        Ok(Answer::Path(self.tree.path(position, size)))
    }

    fn is_marked(&self, position: u64) -> bool {
        let at = position.checked_sub(self.tree.first());
        at.is_some_and(|at| self.marked.get(at as usize) == Some(&true))
    }

    /// Whether a leaf must be there: it is marked, or the last one, now or at a checkpoint.
    pub fn is_kept(&self, position: u64) -> bool {
        let ends = |size: u64| size == position + 1;
        let known = (self.tree.first()..self.size()).contains(&position);
        known
            && (self.is_marked(position)
                || ends(self.size())
                || self.checkpoints.iter().any(|c| ends(c.size)))
    }

    /// Makes a call on the model. The call must be one that succeeds.
    pub fn apply(&mut self, call: &Call<H>) {
        match call {
            Call::Append(leaves, retention) => {
                self.tree.append(leaves);
                let marked = *retention == Retention::Marked;
                self.marked.extend(leaves.iter().map(|_| marked));
            }
            Call::Checkpoint(id) => self.checkpoint(*id),
            Call::Rewind(id) => self.rewind(*id),
            Call::RemoveMark(position, id) if self.is_marked(*position) => {
                self.removed.entry((*id, *position)).or_insert(false);
            }
            Call::Retain(id) => self.set_retained(*id, true),
            Call::Release(id) => self.set_retained(*id, false),
            Call::InsertFrontier(frontier, id, retention) => {
                self.tree = Complete::from_frontier(self.depth, frontier);
                let marked = *retention == Retention::Marked;
                self.marked = frontier.leaf.iter().map(|_| marked).collect();
                self.checkpoint(*id);
            }
            _ => {}
        }
    }

    fn set_retained(&mut self, id: u32, retained: bool) {
        for checkpoint in self.checkpoints.iter_mut().filter(|c| c.id == id) {
            checkpoint.retained = retained;
        }
    }

    fn checkpoint(&mut self, id: u32) {
        self.checkpoints.push(CheckpointInfo {
            id,
            size: self.size(),
            retained: false,
        });
        for _ in 0..MOST_PRUNED {
            let prunable = self.checkpoints.iter().filter(|c| !c.retained).count();
            if prunable > self.max_checkpoints as usize {
                let oldest = self.checkpoints.iter().position(|c| !c.retained);
                self.checkpoints.remove(oldest.expect("counted"));
            }
        }
        self.clear_removed();
    }

    /// A mark is cleared once no checkpoint is left up to those that removed it, and no checkpoint
    /// ends with its leaf.
    fn clear_removed(&mut self) {
        let CheckpointInfo { id, size, .. } = self.checkpoints[0];
        let first = self.removed.keys().take(MOST_CLEARED);
        let due: Vec<_> = first.copied().filter(|(as_of, _)| *as_of < id).collect();
        for (as_of, mark) in due {
            self.removed.remove(&(as_of, mark));
            if self.removed.keys().any(|(_, other)| *other == mark) {
                continue;
            }
            match mark + 1 == size {
                true => drop(self.removed.insert((id, mark), true)),
                false => self.marked[(mark - self.tree.first()) as usize] = false,
            }
        }
    }

    fn rewind(&mut self, id: u32) {
        self.checkpoints.retain(|checkpoint| checkpoint.id <= id);
        self.removed
            .retain(|(as_of, _), before| *as_of < id || (*as_of == id && *before));
        let size = self.checkpoints.last().map_or(0, |newest| newest.size);
        match size {
            0 => {
                self.tree = Complete::new(self.depth);
                self.removed.clear();
            }
            _ => self.tree.truncate(size),
        }
        self.marked.truncate((size - self.tree.first()) as usize);
    }
}
