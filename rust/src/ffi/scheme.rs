//! The scheme that a call names: Orchard's, one that is built in, or the caller's own hash.
//!
//! All of them share one instance of the engine, so a further scheme costs no second copy of it.

use std::ffi::c_void;
use std::slice;

use incrementalmerkletree::Level;

use super::{KVSHARD_DEPTH, KVSHARD_EMPTY_ROOTS};
use crate::callbacks::KV_OK;
use crate::codec::NodeCodec;
use crate::error::Error;
use crate::error::HashFailure;
use crate::hash::{OrchardNode, Sibling, TreeHash, VoteNode};
use crate::scheme::NodeReader;
use crate::scheme::{Fingerprint, Scheme, climb_steps};

/// Poseidon over Pallas at depth 24, as in the crate `vote-commitment-tree`.
pub const KVSHARD_SCHEME_VOTE_POSEIDON: u32 = 1;
/// The hash of a [`KvshardHasher`].
pub const KVSHARD_SCHEME_HASHER: u32 = 2;

/// See [`KvshardHasher::combine`], which writes it out: cbindgen does not see that an `Option` of an
/// alias is a pointer.
type KvCombineFn = unsafe extern "C" fn(
    ctx: *mut c_void,
    level: u32,
    children: *const u8,
    count: usize,
    parents: *mut u8,
) -> i32;

/// The caller's own hash. It is called on the thread of the call, never at the same time as a
/// callback of the store.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct KvshardHasher {
    /// Handed to the callback as it is; this library never looks into it.
    pub ctx: *mut c_void,
    /// Combines `count` pairs of nodes of `level`, 64 bytes each, and writes `count` nodes of 32
    /// bytes. Returns [`KV_OK`]; any other value means that it failed, and the owner of the
    /// callback knows why.
    pub combine: Option<
        unsafe extern "C" fn(
            ctx: *mut c_void,
            level: u32,
            children: *const u8,
            count: usize,
            parents: *mut u8,
        ) -> i32,
    >,
}

/// The scheme of a tree that is not Orchard's.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct KvshardScheme {
    /// `KVSHARD_SCHEME_*`. Only [`KVSHARD_SCHEME_HASHER`] uses the fields below.
    pub kind: u32,
    /// Levels between the leaves and the root: 1 to 32.
    pub depth: u32,
    /// The scheme's name in the tree's tip.
    pub fingerprint: [u8; 8],
    /// The roots of empty subtrees by level, from 0 to `depth`.
    pub empty_roots: [[u8; 32]; KVSHARD_EMPTY_ROOTS],
    /// The hash.
    pub hasher: KvshardHasher,
}

/// A node of any scheme: 32 bytes, which mean what the scheme says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Bytes([u8; 32]);

impl Bytes {
    pub(super) fn into_array(self) -> [u8; 32] {
        self.0
    }
}

impl NodeCodec for Bytes {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let (node, rest) = bytes.split_first_chunk()?;
        *bytes = rest;
        Some(Bytes(*node))
    }
}

/// A hash that is built in, over a type that holds the bytes of a node and nothing else.
trait BuiltIn: TreeHash + Copy {
    fn to_bytes(self) -> [u8; 32];
    fn cast(nodes: &[Bytes]) -> &[Self];
}

macro_rules! built_in {
    ($node:ty) => {
        impl BuiltIn for $node {
            fn to_bytes(self) -> [u8; 32] {
                <$node>::to_bytes(self)
            }

            fn cast(nodes: &[Bytes]) -> &[Self] {
                // SAFETY: both types are `repr(transparent)` over the same array, and any bytes
                // are a valid value of either. `read_node` and `node` checked that the nodes are
                // canonical, but memory safety does not need that.
                unsafe { slice::from_raw_parts(nodes.as_ptr().cast(), nodes.len()) }
            }
        }
    };
}

built_in!(OrchardNode);
built_in!(VoteNode);

fn cast_one<H: BuiltIn>(node: &Bytes) -> H {
    H::cast(slice::from_ref(node))[0]
}

fn combine_batch<H: BuiltIn>(level: u8, children: &[Bytes], threads: usize) -> Vec<Bytes> {
    let mut parents = Vec::with_capacity(children.len() / 2);
    H::combine_batch(Level::from(level), H::cast(children), threads, &mut parents);
    parents
        .into_iter()
        .map(|node| Bytes(node.to_bytes()))
        .collect()
}

fn combine_empty_right<H: BuiltIn>(level: u8, left: &Bytes) -> Bytes {
    Bytes(H::combine_empty_right(Level::from(level), &cast_one(left)).to_bytes())
}

fn climb<H: BuiltIn>(level: u8, node: &Bytes, siblings: &[Sibling<Bytes>]) -> Bytes {
    let siblings: Vec<Sibling<H>> = siblings
        .iter()
        .map(|sibling| match sibling {
            Sibling::Left(left) => Sibling::Left(cast_one(left)),
            Sibling::Right(right) => Sibling::Right(cast_one(right)),
            Sibling::EmptyRight => Sibling::EmptyRight,
        })
        .collect();
    Bytes(H::climb(Level::from(level), &cast_one(node), &siblings).to_bytes())
}

fn empty_root<H: BuiltIn>(level: u8) -> Bytes {
    Bytes(H::empty_root(Level::from(level)).to_bytes())
}

/// The scheme of a call.
#[derive(Clone, Copy, Debug)]
pub(super) enum AnyScheme<'s> {
    Orchard,
    VotePoseidon,
    Hasher(&'s KvshardScheme, KvCombineFn),
}

impl<'s> AnyScheme<'s> {
    /// The scheme that the caller names, or Orchard's for `None`.
    pub fn new(scheme: Option<&'s KvshardScheme>) -> Result<Self, Error> {
        let invalid = |what: String| Err(Error::InvalidArgument(what));
        let Some(scheme) = scheme else {
            return Ok(AnyScheme::Orchard);
        };
        match (scheme.kind, scheme.hasher.combine) {
            (KVSHARD_SCHEME_VOTE_POSEIDON, _) => Ok(AnyScheme::VotePoseidon),
            (KVSHARD_SCHEME_HASHER, _) if !(1..=KVSHARD_DEPTH as u32).contains(&scheme.depth) => {
                invalid(format!("a scheme of depth {}", scheme.depth))
            }
            (KVSHARD_SCHEME_HASHER, Some(combine)) => Ok(AnyScheme::Hasher(scheme, combine)),
            (KVSHARD_SCHEME_HASHER, None) => invalid("the hasher's callback is null".into()),
            (other, _) => invalid(format!("unknown scheme {other}")),
        }
    }

    /// The node of these bytes, if they are one. A caller checks the nodes of its own hash itself.
    pub fn node(&self, bytes: &[u8; 32]) -> Option<Bytes> {
        let canonical = match self {
            AnyScheme::Orchard => OrchardNode::from_bytes(bytes).is_some(),
            AnyScheme::VotePoseidon => VoteNode::from_bytes(bytes).is_some(),
            AnyScheme::Hasher(..) => true,
        };
        canonical.then_some(Bytes(*bytes))
    }
}

impl NodeReader for AnyScheme<'_> {
    type Node = Bytes;

    fn read_node(&self, bytes: &mut &[u8]) -> Option<Bytes> {
        self.node(&Bytes::read(bytes)?.0)
    }
}

impl Scheme for AnyScheme<'_> {
    fn depth(&self) -> u8 {
        match self {
            AnyScheme::Orchard => KVSHARD_DEPTH as u8,
            AnyScheme::VotePoseidon => VoteNode::DEPTH,
            AnyScheme::Hasher(scheme, _) => scheme.depth as u8,
        }
    }

    fn fingerprint(&self) -> Option<Fingerprint> {
        match self {
            AnyScheme::Orchard => OrchardNode::NAME.map(|(_, name)| name),
            AnyScheme::VotePoseidon => VoteNode::NAME.map(|(_, name)| name),
            AnyScheme::Hasher(scheme, _) => Some(scheme.fingerprint),
        }
    }

    fn empty_root(&self, level: u8) -> Bytes {
        match self {
            AnyScheme::Orchard => empty_root::<OrchardNode>(level),
            AnyScheme::VotePoseidon => empty_root::<VoteNode>(level),
            AnyScheme::Hasher(scheme, _) => Bytes(scheme.empty_roots[usize::from(level)]),
        }
    }

    fn combine_batch(
        &self,
        level: u8,
        children: &[Bytes],
        threads: usize,
    ) -> Result<Vec<Bytes>, HashFailure> {
        match self {
            AnyScheme::Orchard => Ok(combine_batch::<OrchardNode>(level, children, threads)),
            AnyScheme::VotePoseidon => Ok(combine_batch::<VoteNode>(level, children, threads)),
            AnyScheme::Hasher(scheme, combine) => {
                call_hasher(*combine, scheme.hasher.ctx, level, children)
            }
        }
    }

    fn knows_empty_right(&self) -> bool {
        matches!(self, AnyScheme::Orchard)
    }

    fn combine_empty_right(&self, level: u8, left: &Bytes) -> Result<Bytes, HashFailure> {
        match self {
            AnyScheme::Orchard => Ok(combine_empty_right::<OrchardNode>(level, left)),
            AnyScheme::VotePoseidon => Ok(combine_empty_right::<VoteNode>(level, left)),
            AnyScheme::Hasher(..) => self.combine(level, left, &self.empty_root(level)),
        }
    }

    fn climb(
        &self,
        level: u8,
        node: &Bytes,
        siblings: &[Sibling<Bytes>],
    ) -> Result<Bytes, HashFailure> {
        match self {
            AnyScheme::Orchard => Ok(climb::<OrchardNode>(level, node, siblings)),
            AnyScheme::VotePoseidon => Ok(climb::<VoteNode>(level, node, siblings)),
            AnyScheme::Hasher(..) => climb_steps(self, level, node, siblings),
        }
    }
}

/// One crossing to the caller's hash.
fn call_hasher(
    combine: KvCombineFn,
    ctx: *mut c_void,
    level: u8,
    children: &[Bytes],
) -> Result<Vec<Bytes>, HashFailure> {
    let mut parents = vec![Bytes([0; 32]); children.len() / 2];
    // SAFETY: `AnyScheme::new` took the callback from a scheme that keeps to its documentation, by
    // the contract of the function that was called; the children are `64 * count` bytes and the
    // parents `32 * count`, both valid during the call.
    let status = unsafe {
        combine(
            ctx,
            level.into(),
            children.as_ptr().cast(),
            parents.len(),
            parents.as_mut_ptr().cast(),
        )
    };
    match status {
        KV_OK => Ok(parents),
        _ => Err(HashFailure {
            reason: format!("the hasher answered {status} at level {level}"),
        }),
    }
}
