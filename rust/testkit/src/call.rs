//! Every public call of the engine as a value, and its answer.

use kvshard::engine::{CheckpointInfo, Config, Retention, TreeFrontier};
use kvshard::error::Error;
use kvshard::kv::Kv;

use crate::node::TestNode;
use crate::{Tree, open};

/// A call.
#[derive(Clone, Debug, PartialEq)]
pub enum Call<H> {
    Append(Vec<H>, Retention),
    Checkpoint(u32),
    Size,
    SizeAt(u32),
    Root,
    RootAt(u32),
    Leaf(u64),
    Witness(u64),
    WitnessAt(u64, u32),
    Rewind(u32),
    Checkpoints,
    Retain(u32),
    Release(u32),
    RemoveMark(u64, u32),
    Frontier,
    FrontierAt(u32),
    FrontierAtSize(u64),
    Nodes(u8, u64, u64),
    Newest,
    InsertFrontier(TreeFrontier<H>, u32, Retention),
    Check,
    Dump,
}

/// What a call answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<H> {
    Done,
    Number(u64),
    Bool(bool),
    Node(H),
    Path(Vec<H>),
    Checkpoints(Vec<CheckpointInfo>),
    Frontier(TreeFrontier<H>),
    Text(String),
}

impl<H: TestNode> Call<H> {
    /// Makes the call.
    pub fn run<K: Kv, const DEPTH: u8>(
        &self,
        kv: K,
        max_checkpoints: u32,
    ) -> Result<Answer<H>, Error> {
        let config = Config {
            max_checkpoints,
            retention: match self {
                Call::Append(_, retention) | Call::InsertFrontier(_, _, retention) => *retention,
                _ => Retention::Marked,
            },
            ..Config::default()
        };
        self.run_on(&mut open::<K, H, DEPTH>(kv, config))
    }

    /// Makes the call on an engine that may have made others. The engine's own retention counts,
    /// not the call's.
    pub fn run_on<K: Kv, const DEPTH: u8>(
        &self,
        tree: &mut Tree<K, H, DEPTH>,
    ) -> Result<Answer<H>, Error> {
        Ok(match self {
            Call::Append(leaves, _) => Answer::Number(tree.append(leaves)?),
            Call::Checkpoint(id) => {
                tree.checkpoint(*id)?;
                Answer::Done
            }
            Call::Size => Answer::Number(tree.size()?),
            Call::SizeAt(id) => Answer::Number(tree.size_at(*id)?),
            Call::Root => Answer::Node(tree.root()?),
            Call::RootAt(id) => Answer::Node(tree.root_at(*id)?),
            Call::Leaf(position) => Answer::Node(tree.leaf(*position)?),
            Call::Witness(position) => Answer::Path(tree.witness(*position)?),
            Call::WitnessAt(position, id) => Answer::Path(tree.witness_at(*position, *id)?),
            Call::Rewind(id) => {
                tree.rewind(*id)?;
                Answer::Done
            }
            Call::Checkpoints => Answer::Checkpoints(tree.checkpoints()?),
            Call::Retain(id) => {
                tree.retain_checkpoint(*id)?;
                Answer::Done
            }
            Call::Release(id) => {
                tree.release_checkpoint(*id)?;
                Answer::Done
            }
            Call::RemoveMark(position, id) => Answer::Bool(tree.remove_mark(*position, *id)?),
            Call::Frontier => Answer::Frontier(tree.frontier()?),
            Call::FrontierAt(id) => Answer::Frontier(tree.frontier_at(*id)?),
            Call::FrontierAtSize(size) => Answer::Frontier(tree.frontier_at_size(*size)?),
            Call::Nodes(level, first, count) => Answer::Path(tree.nodes(*level, *first, *count)?),
            Call::Newest => Answer::Checkpoints(tree.newest()?.into_iter().collect()),
            Call::InsertFrontier(frontier, id, _) => {
                tree.insert_frontier(frontier, *id)?;
                Answer::Done
            }
            Call::Check => {
                let violations = tree.check()?;
                let lines = violations.iter().map(|violation| format!("{violation}\n"));
                Answer::Text(lines.collect())
            }
            Call::Dump => Answer::Text(tree.dump()?),
        })
    }
}
