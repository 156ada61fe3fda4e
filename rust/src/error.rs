//! What can go wrong: with the store ([`KvError`]), and with a call ([`Error`]).

use std::fmt;

/// A scheme's name in a tree's tip: 8 bytes that no other scheme has.
pub type Fingerprint = [u8; 8];

/// A hash failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashFailure {
    /// Why.
    pub reason: String,
}

/// An error about a record of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KvError {
    /// The store answered an operation with an error. The owner of the callbacks has that error.
    Store {
        /// The operation: `get`, `set`, `delete`, `iterate` or `next`.
        operation: &'static str,
        /// The key; for an iteration, its prefix.
        key: Vec<u8>,
    },
    /// A record is not what kvshard writes.
    Corrupt {
        /// The record's key.
        key: Vec<u8>,
        /// What is wrong with it.
        reason: String,
    },
    /// A record has a version byte that this release does not know.
    UnsupportedVersion {
        /// The record's key.
        key: Vec<u8>,
        /// The version byte that was found.
        version: u8,
    },
    /// There are shards, but no tip: something else wrote this store, or shares its keys.
    Foreign {
        /// The first key that lies where shards do, or a checkpoint's beside no summary.
        key: Vec<u8>,
    },
    /// The tip names a different scheme from the one that the tree was opened with.
    SchemeMismatch {
        /// The tip's key.
        key: Vec<u8>,
        /// The fingerprint in the tip; `None` for an Orchard tree, whose tip has none.
        stored: Option<Fingerprint>,
        /// The fingerprint of the scheme that the tree was opened with.
        opened: Option<Fingerprint>,
    },
    /// A `ShardStore` method that writes was called on a store that the engine keeps.
    EngineOwned {
        /// The record that the engine keeps there.
        key: Vec<u8>,
    },
    /// A shard's root is not at the shard level.
    NotAShard {
        /// The level of that root.
        level: u8,
    },
}

impl KvError {
    /// A [`KvError::Corrupt`] about the record at `key`.
    pub fn corrupt(key: &[u8], reason: impl Into<String>) -> Self {
        KvError::Corrupt {
            key: key.to_vec(),
            reason: reason.into(),
        }
    }
}

/// Bytes as hex, as keys are shown.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// How a fingerprint is shown.
fn scheme_name(fingerprint: &Option<Fingerprint>) -> String {
    match fingerprint {
        None => "Orchard's scheme".into(),
        Some(bytes) => format!("the scheme {}", hex(bytes)),
    }
}

/// The likely cause of a record that no release of kvshard wrote.
const PREFIX_HINT: &str = "if the module's own keys lie under 0f to 15, give the tree a prefix";

impl fmt::Display for KvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KvError::Store { operation, key } => {
                write!(f, "the store failed: {operation} of key {}", hex(key))
            }
            KvError::Corrupt { key, reason } => {
                write!(f, "record at key {} is corrupt: {reason}", hex(key))
            }
            KvError::UnsupportedVersion { key, version } => write!(
                f,
                "record at key {} has version {version}, which this release cannot read; \
                 {PREFIX_HINT}",
                hex(key)
            ),
            KvError::Foreign { key } => write!(
                f,
                "record at key {} lies where a tree's do, and there is no tip: a plain ShardTree \
                 wrote it, which Adopt takes over, or another program; {PREFIX_HINT}",
                hex(key)
            ),
            KvError::SchemeMismatch {
                key,
                stored,
                opened,
            } => write!(
                f,
                "record at key {} is the tip of a tree of {}; this call was made with {}: open \
                 the tree with the scheme that it was made with",
                hex(key),
                scheme_name(stored),
                scheme_name(opened)
            ),
            KvError::EngineOwned { key } => write!(
                f,
                "the engine keeps this tree (record at key {}); a plain ShardTree may only read it",
                hex(key)
            ),
            KvError::NotAShard { level } => {
                write!(f, "a subtree with its root at level {level} is no shard")
            }
        }
    }
}

impl std::error::Error for KvError {}

/// An error of a call of the [engine](crate::engine).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// About a record of the store.
    Kv(KvError),
    /// The node at this index of the input is no canonical field element.
    InvalidNode {
        /// Its index in the input.
        index: u64,
    },
    /// The tree has no room for these leaves.
    TreeFull {
        /// Leaves in the tree.
        size: u64,
        /// Leaves to be appended.
        count: u64,
    },
    /// No leaf has this position, in the whole tree or at the checkpoint asked for.
    PositionNotFound {
        /// The position asked for.
        position: u64,
        /// Leaves in the tree that was asked.
        size: u64,
    },
    /// The leaf was not kept.
    Pruned {
        /// Its position.
        position: u64,
    },
    /// A node is not complete: not all of its leaves are there.
    NodeNotFound {
        /// Its level.
        level: u8,
        /// Its index.
        index: u64,
        /// Leaves in the tree.
        size: u64,
    },
    /// The node, or what it is computed from, was not kept.
    NodePruned {
        /// Its level.
        level: u8,
        /// Its index.
        index: u64,
    },
    /// The tree does not have that many leaves.
    SizeNotReached {
        /// The size asked for.
        asked: u64,
        /// Leaves in the tree.
        size: u64,
    },
    /// There is no such checkpoint, or it was pruned or rewound.
    CheckpointNotFound {
        /// The id asked for.
        id: u32,
    },
    /// A new checkpoint's id must be above the newest checkpoint's.
    CheckpointOrder {
        /// The id that was given.
        id: u32,
        /// The newest checkpoint's id.
        newest: u32,
    },
    /// The id is the highest there is, so no checkpoint could follow it.
    LastCheckpoint,
    /// Only an empty tree can start from a frontier.
    NotEmpty {
        /// Leaves in the tree.
        size: u64,
    },
    /// The root of the leaves is not the one that the caller gave.
    RootMismatch {
        /// The root of the leaves in the store.
        computed: Vec<u8>,
        /// The root that was given.
        given: Vec<u8>,
    },
    /// The scheme's hash failed.
    Hash(HashFailure),
    /// The caller's input makes no sense.
    InvalidArgument(String),
}

impl From<KvError> for Error {
    fn from(e: KvError) -> Self {
        Error::Kv(e)
    }
}

impl From<HashFailure> for Error {
    fn from(e: HashFailure) -> Self {
        Error::Hash(e)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Kv(e) => e.fmt(f),
            Error::InvalidNode { index } => write!(
                f,
                "node {index} is not the canonical encoding of a Pallas base field element"
            ),
            Error::TreeFull { size, count } => {
                write!(
                    f,
                    "the tree holds {size} leaves and has no room for {count} more"
                )
            }
            Error::PositionNotFound { position, size } => {
                write!(f, "position {position} is not below the size {size}")
            }
            Error::Pruned { position } => {
                write!(f, "the leaf at position {position} was not kept")
            }
            Error::NodeNotFound { level, index, size } => {
                let complete = size >> level;
                write!(
                    f,
                    "node {index} of level {level} is not complete: {size} leaves complete {complete} \
                     nodes of that level"
                )
            }
            Error::NodePruned { level, index } => {
                write!(f, "node {index} of level {level} was not kept")
            }
            Error::SizeNotReached { asked, size } => {
                write!(f, "size {asked} is above the tree's size {size}")
            }
            Error::CheckpointNotFound { id } => {
                write!(
                    f,
                    "checkpoint {id} does not exist, or was pruned or rewound"
                )
            }
            Error::CheckpointOrder { id, newest } => {
                write!(
                    f,
                    "checkpoint {id} is not above the newest checkpoint {newest}"
                )
            }
            Error::LastCheckpoint => write!(
                f,
                "checkpoint {} could never be followed by another; is it a cast of -1?",
                u32::MAX
            ),
            Error::NotEmpty { size } => write!(
                f,
                "a frontier can only start an empty tree; this one holds {size} leaves"
            ),
            Error::RootMismatch { computed, given } => write!(
                f,
                "the leaves have root {}, not {}",
                hex(computed),
                hex(given)
            ),
            Error::Hash(e) => write!(f, "the hash failed: {}", e.reason),
            Error::InvalidArgument(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Kv(e) => Some(e),
            _ => None,
        }
    }
}
