//! The frontier: taking it out of a tree, and starting a tree from one.

use shardtree::RetentionFlags;

use super::call::Call;
use super::cap::Cap;
use super::fill::Wanted;
use super::shard::{LEAVES, Shard};
use super::{Retention, SchemeEngine};
use crate::codec::{SHARD_HEIGHT, Tip};
use crate::error::{Error, KvError};
use crate::hash::Sibling;
use crate::keys;
use crate::kv::Kv;
use crate::scheme::Scheme;

/// The newest leaf and its ommers: all that a tree needs to grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeFrontier<H> {
    /// Leaves in the tree; the leaf is at `size - 1`.
    pub size: u64,
    /// The newest leaf; `None` exactly if `size` is 0.
    pub leaf: Option<H>,
    /// The completed left siblings on its path, lowest level first: one for each 1 bit of
    /// `size - 1`.
    pub ommers: Vec<H>,
}

impl<H> TreeFrontier<H> {
    /// The frontier of an empty tree.
    pub fn empty() -> Self {
        TreeFrontier {
            size: 0,
            leaf: None,
            ommers: vec![],
        }
    }
}

impl<H: Clone> TreeFrontier<H> {
    /// What the leaf is combined with on its way to the root of a tree of this depth, lowest first.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidArgument`] if the number of ommers is not that of the 1 bits of the position.
    pub fn siblings(&self, depth: u8) -> Result<Vec<Sibling<H>>, Error> {
        check_frontier(self, depth)?;
        let position = self.size.saturating_sub(1);
        let mut ommers = self.ommers.iter().cloned();
        let siblings = (0..depth).map(|level| match position >> level & 1 {
            1 => ommers.next().map_or(Sibling::EmptyRight, Sibling::Left),
            _ => Sibling::EmptyRight,
        });
        Ok(siblings.collect())
    }
}

/// The levels below `depth` at which the path of a leaf has a left sibling.
fn ommer_levels(position: u64, depth: u8) -> impl Iterator<Item = u8> {
    (0..depth).filter(move |level| position >> level & 1 == 1)
}

impl<K: Kv, S: Scheme> SchemeEngine<K, S> {
    /// The tree's frontier. Reads the tip, the cap and the newest shard. If an ommer's sibling was
    /// completed since, also reads the quad or shard that has the ommer.
    pub fn frontier(&mut self) -> Result<TreeFrontier<S::Node>, Error> {
        self.call(|call| {
            let tip = call.reads.tip()?;
            call.frontier_of(&tip, tip.size)
        })
    }

    /// Starts an empty tree from a frontier, and makes checkpoint `id` of it. Leaves before the
    /// frontier's cannot be proven; its own can, if the retention is `Marked`.
    ///
    /// # Errors
    ///
    /// [`Error::NotEmpty`] if there are leaves; [`Error::CheckpointOrder`];
    /// [`Error::InvalidArgument`] if the number of ommers is not that of the 1 bits of the
    /// position.
    pub fn insert_frontier(
        &mut self,
        frontier: &TreeFrontier<S::Node>,
        id: u32,
    ) -> Result<(), Error> {
        self.call(|call| {
            let mut tip = call.reads.tip()?;
            if tip.size > 0 {
                return Err(Error::NotEmpty { size: tip.size });
            }
            check_frontier(frontier, call.depth())?;
            if let Some(leaf) = &frontier.leaf {
                tip = call.start_from(frontier, leaf)?;
                call.stage_tip(&tip);
            }
            call.add_checkpoint(&tip, id)?;
            call.commit()
        })
    }
}

fn check_frontier<H>(frontier: &TreeFrontier<H>, depth: u8) -> Result<(), Error> {
    let invalid = |what: String| Err(Error::InvalidArgument(what));
    if frontier.size > 1 << depth {
        return invalid(format!(
            "a frontier of {} leaves does not fit a tree of depth {depth}",
            frontier.size
        ));
    }
    let ommers = match frontier.size.checked_sub(1) {
        None => 0,
        Some(position) => position.count_ones() as usize,
    };
    if frontier.ommers.len() != ommers || frontier.leaf.is_some() != (frontier.size > 0) {
        return invalid(format!(
            "a frontier of {} leaves has {ommers} ommers, not {}",
            frontier.size,
            frontier.ommers.len()
        ));
    }
    Ok(())
}

impl<S: Scheme> Call<'_, S> {
    /// The frontier with the leaf at this position as its newest, which must be there.
    pub fn frontier_with(
        &self,
        tip: &Tip<S::Node>,
        position: u64,
    ) -> Result<TreeFrontier<S::Node>, Error> {
        let shard = self.reads.shard(position >> SHARD_HEIGHT, tip.size)?;
        let key = keys::shard(shard.index());
        let at = position - shard.start();
        let wanted: Vec<Wanted> = ommer_levels(at, SHARD_HEIGHT)
            .map(|level| (0, level, (at >> level) - 1))
            .collect();
        let mut shards = [shard];
        self.hasher.fill(&mut shards, &wanted)?;
        let missing = |what: &str| {
            let reason = format!("it does not hold {what} {position}");
            KvError::corrupt(&key, reason)
        };
        let leaf = shards[0].leaf(position).map(|(leaf, _)| leaf.clone());
        let leaf = leaf.ok_or_else(|| missing("the leaf at position"))?;
        let mut ommers = vec![];
        for (_, level, index) in wanted {
            let ommer = shards[0].node(level, index);
            ommers.push(
                ommer
                    .cloned()
                    .ok_or_else(|| missing("an ommer of the leaf at position"))?,
            );
        }
        for level in ommer_levels(position, self.depth()).skip_while(|level| *level < SHARD_HEIGHT)
        {
            ommers.push(self.node(tip, level, (position >> level) - 1)?);
        }
        Ok(TreeFrontier {
            size: position + 1,
            leaf: Some(leaf),
            ommers,
        })
    }

    /// Stages shard, cap and quads of a tree that begins with this frontier, and returns its tip.
    fn start_from(
        &mut self,
        frontier: &TreeFrontier<S::Node>,
        leaf: &S::Node,
    ) -> Result<Tip<S::Node>, Error> {
        let position = frontier.size - 1;
        let index = position >> SHARD_HEIGHT;
        let mut shard = Shard::empty(index);
        let mut cap = Cap::empty();
        for (level, ommer) in ommer_levels(position, self.depth()).zip(&frontier.ommers) {
            let at = (position >> level) - 1;
            if level < SHARD_HEIGHT {
                shard.set_node(level, at - (shard.start() >> level), ommer.clone());
            } else {
                cap.insert(level, at, ommer.clone());
            }
        }
        let last_marked = self.config.retention == Retention::Marked;
        shard.set_leaves(position - shard.start());
        shard.push(
            leaf.clone(),
            match last_marked {
                true => RetentionFlags::MARKED,
                false => RetentionFlags::EPHEMERAL,
            },
        );
        shard.set_newest(true);

        let mut shards = [shard];
        self.hasher.fill_records(&mut shards)?;
        self.writes.stage_shard(&shards[0]);
        let roots = shards[0].root().cloned().into_iter().collect();
        self.start_with_ommers(frontier.size, index * LEAVES, cap, roots, last_marked)
    }

    /// Stages the cap of a tree that begins behind these ommers, with at most one shard complete.
    fn start_with_ommers(
        &mut self,
        size: u64,
        origin: u64,
        ommers: Cap<S::Node>,
        roots: Vec<S::Node>,
        last_marked: bool,
    ) -> Result<Tip<S::Node>, Error> {
        let mut tip = Tip {
            size: origin,
            origin,
            last_marked,
            ommer: None,
            members: vec![],
        };
        if origin > 0 {
            let value = ommers.encode(self.depth(), origin, origin);
            self.writes.stage(keys::cap(), value);
        }
        self.reads.begin_with(ommers);
        self.complete_shards(&mut tip, size, roots)?;
        Ok(tip)
    }
}
