//! The C functions. `tree` has those of a tree, `hash` those of the hash alone, `scheme` the scheme
//! that a call names. This file has what they share.
//!
//! Every function has one shape: null checks, a guard that catches unwinding, and a safe call of
//! the [engine](crate::engine). It returns a `KVSHARD_*` status and fills a [`KvshardReport`]. It
//! writes its output only if the status is [`KVSHARD_OK`]. Nothing is kept between two calls, and
//! only a [`KvshardBuffer`] is allocated for the caller.
//!
//! Nodes are 32 bytes: the canonical little-endian encoding of a Pallas base field element, or what
//! the caller's own scheme says.
#![allow(unsafe_code)]

mod hash;
mod scheme;
mod tree;

use std::any::Any;
use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

use crate::callbacks::{CallbackKv, KvCallbacks};
use crate::engine::{Config, MAX_NODES, Retention, SchemeEngine, Threads, TreeFrontier};
use crate::error::{Error, KvError};
use scheme::{AnyScheme, Bytes};

pub use hash::{kvshard_combine, kvshard_empty_root, kvshard_frontier_root, kvshard_witness_root};
pub use scheme::{
    KVSHARD_SCHEME_HASHER, KVSHARD_SCHEME_VOTE_POSEIDON, KvshardHasher, KvshardScheme,
};
pub use tree::*;

/// The call did what it was asked.
pub const KVSHARD_OK: i32 = 0;
/// A node is no canonical field element; its index is in the report.
pub const KVSHARD_INVALID_NODE: i32 = 1;
/// The leaves do not fit.
pub const KVSHARD_TREE_FULL: i32 = 2;
/// There is no leaf at this position, no complete node at this place, or no tree of this size.
pub const KVSHARD_POSITION_NOT_FOUND: i32 = 3;
/// The leaf, or node, was not kept.
pub const KVSHARD_PRUNED: i32 = 4;
/// There is no such checkpoint.
pub const KVSHARD_CHECKPOINT_NOT_FOUND: i32 = 5;
/// The id is not above the newest checkpoint's.
pub const KVSHARD_CHECKPOINT_ORDER: i32 = 6;
/// The tree has leaves.
pub const KVSHARD_NOT_EMPTY: i32 = 7;
/// A record is not what kvshard writes.
pub const KVSHARD_CORRUPT: i32 = 8;
/// A record has a version that this release does not know.
pub const KVSHARD_UNSUPPORTED_VERSION: i32 = 9;
/// A callback answered with an error.
pub const KVSHARD_STORE: i32 = 10;
/// A panic in this library was caught.
pub const KVSHARD_INTERNAL: i32 = 11;
/// The caller's input makes no sense.
pub const KVSHARD_INVALID_ARGUMENT: i32 = 12;
/// There are shards or checkpoints, but no tip: something else wrote the store, or shares its keys.
pub const KVSHARD_FOREIGN_STORE: i32 = 13;
/// The tip names a different scheme from the one that the call names.
pub const KVSHARD_SCHEME_MISMATCH: i32 = 14;
/// The caller's hash answered with an error.
pub const KVSHARD_HASH: i32 = 15;
/// The root of the leaves is not the one that the caller gave.
pub const KVSHARD_ROOT_MISMATCH: i32 = 16;

/// The version of these functions and structures. A caller built for another version must stop.
pub const KVSHARD_ABI: u32 = 2;

/// A checkpoint with this id panics between a read and a write. Tests use it to see what a panic
/// does to a Go program.
#[cfg(feature = "test-panic")]
const TEST_PANIC: u32 = 0xDEAD_BEEF;

/// Levels of a path.
pub const KVSHARD_DEPTH: usize = 32;

/// Levels that an empty subtree can have, 0 included.
pub const KVSHARD_EMPTY_ROOTS: usize = 33;

/// The most nodes that a call lists.
pub const KVSHARD_MAX_NODES: u64 = 65536;

const _: () = assert!(KVSHARD_MAX_NODES == MAX_NODES);
const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => c"unknown",
    };

/// The caller's choices; none of them is stored.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct KvshardConfig {
    /// Checkpoints kept besides the retained ones; at least 1.
    pub max_checkpoints: u32,
    /// 0 Marked, 1 Ephemeral.
    pub retention: u32,
    /// The most threads that a batch uses; 0 lets the library choose.
    pub threads: u32,
}

/// What a call did; filled by every call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct KvshardReport {
    /// Hashes computed.
    pub hashes: u64,
    /// The index of the offending node, for [`KVSHARD_INVALID_NODE`].
    pub index: u64,
    /// Bytes of text in `message`; 0 if the call succeeded.
    pub message_len: usize,
    /// UTF-8: what happened, and where. Cut to fit.
    pub message: [u8; 480],
}

/// Bytes that this library allocated. Give them back once, with [`kvshard_buffer_free`].
#[repr(C)]
#[derive(Debug)]
pub struct KvshardBuffer {
    /// The first byte.
    pub ptr: *mut u8,
    /// Bytes.
    pub len: usize,
    /// Bytes allocated.
    pub capacity: usize,
}

/// A frontier.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct KvshardFrontier {
    /// Leaves; the leaf is at `size - 1`.
    pub size: u64,
    /// The newest leaf, if `size` is not 0.
    pub leaf: [u8; 32],
    /// Ommers: one for each 1 bit of `size - 1`.
    pub ommer_count: usize,
    /// The ommers, lowest level first.
    pub ommers: [[u8; 32]; KVSHARD_DEPTH],
}

/// The newest checkpoint.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct KvshardNewest {
    /// Leaves in the tree when it was made.
    pub size: u64,
    /// Its id.
    pub id: u32,
    /// 1 if it is exempt from pruning.
    pub retained: u8,
    /// 1 if there is a checkpoint; if not, every field is 0.
    pub found: u8,
}

/// A tree of any scheme: what every function works on.
type AnyTree<'s> = SchemeEngine<CallbackKv, AnyScheme<'s>>;

impl From<Vec<u8>> for KvshardBuffer {
    fn from(bytes: Vec<u8>) -> Self {
        let mut bytes = std::mem::ManuallyDrop::new(bytes);
        KvshardBuffer {
            ptr: bytes.as_mut_ptr(),
            len: bytes.len(),
            capacity: bytes.capacity(),
        }
    }
}

impl From<TreeFrontier<Bytes>> for KvshardFrontier {
    fn from(frontier: TreeFrontier<Bytes>) -> Self {
        let mut ommers = [[0; 32]; KVSHARD_DEPTH];
        for (place, ommer) in ommers.iter_mut().zip(&frontier.ommers) {
            *place = ommer.into_array();
        }
        KvshardFrontier {
            size: frontier.size,
            leaf: frontier.leaf.map_or([0; 32], Bytes::into_array),
            ommer_count: frontier.ommers.len(),
            ommers,
        }
    }
}

impl KvshardReport {
    fn empty() -> Self {
        KvshardReport {
            hashes: 0,
            index: 0,
            message_len: 0,
            message: [0; 480],
        }
    }

    fn say(&mut self, message: &str) {
        let mut len = message.len().min(self.message.len());
        while !message.is_char_boundary(len) {
            len -= 1;
        }
        self.message[..len].copy_from_slice(&message.as_bytes()[..len]);
        self.message_len = len;
    }
}

fn status_of(error: &Error) -> i32 {
    match error {
        Error::InvalidNode { .. } => KVSHARD_INVALID_NODE,
        Error::TreeFull { .. } => KVSHARD_TREE_FULL,
        Error::PositionNotFound { .. }
        | Error::NodeNotFound { .. }
        | Error::SizeNotReached { .. } => KVSHARD_POSITION_NOT_FOUND,
        Error::Pruned { .. } | Error::NodePruned { .. } => KVSHARD_PRUNED,
        Error::CheckpointNotFound { .. } => KVSHARD_CHECKPOINT_NOT_FOUND,
        Error::CheckpointOrder { .. } | Error::LastCheckpoint => KVSHARD_CHECKPOINT_ORDER,
        Error::NotEmpty { .. } => KVSHARD_NOT_EMPTY,
        Error::InvalidArgument(_) => KVSHARD_INVALID_ARGUMENT,
        Error::Kv(KvError::Corrupt { .. }) => KVSHARD_CORRUPT,
        Error::Kv(KvError::UnsupportedVersion { .. }) => KVSHARD_UNSUPPORTED_VERSION,
        Error::Kv(KvError::Foreign { .. }) => KVSHARD_FOREIGN_STORE,
        Error::Kv(KvError::SchemeMismatch { .. }) => KVSHARD_SCHEME_MISMATCH,
        Error::Hash(_) => KVSHARD_HASH,
        Error::RootMismatch { .. } => KVSHARD_ROOT_MISMATCH,
        Error::Kv(KvError::Store { .. }) => KVSHARD_STORE,
        Error::Kv(KvError::EngineOwned { .. } | KvError::NotAShard { .. }) => KVSHARD_INTERNAL,
    }
}

fn null(what: &str) -> Error {
    Error::InvalidArgument(format!("{what} is null"))
}

fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is no text")
}

/// Runs a call, catches what unwinds, writes what it gives to `out`, and fills the report.
///
/// # Safety
///
/// `out` and `report` must each be null or valid for a write of their type.
unsafe fn guarded<T>(
    out: *mut T,
    report: *mut KvshardReport,
    run: impl FnOnce(&mut u64) -> Result<T, Error>,
) -> i32 {
    let mut filled = KvshardReport::empty();
    let hashes = &mut filled.hashes;
    let outcome = match out.is_null() {
        true => Ok(Err(null("the place for the result"))),
        // The state behind a panic is dropped with the call, so no broken state outlives the call.
        false => catch_unwind(AssertUnwindSafe(|| run(hashes))),
    };
    let failure = match outcome {
        Ok(Ok(value)) => {
            // SAFETY: `out` is not null, and so by this function's contract valid for the write.
            unsafe { out.write(value) };
            None
        }
        Ok(Err(error)) => Some(Failure::Error(error)),
        Err(payload) => Some(Failure::Panic(payload)),
    };
    let status = settle(failure, &mut filled);
    if !report.is_null() {
        // SAFETY: `report` is not null, and so by this function's contract valid for the write.
        unsafe { report.write(filled) };
    }
    status
}

/// How a call failed.
enum Failure {
    Error(Error),
    Panic(Box<dyn Any + Send>),
}

/// The status of a failed call; the report gets its message. One copy serves all functions.
#[inline(never)]
fn settle(failure: Option<Failure>, filled: &mut KvshardReport) -> i32 {
    match failure {
        None => KVSHARD_OK,
        Some(Failure::Error(error)) => {
            if let Error::InvalidNode { index } = error {
                filled.index = index;
            }
            filled.say(&error.to_string());
            status_of(&error)
        }
        Some(Failure::Panic(payload)) => {
            filled.say(&format!("a panic was caught: {}", panic_text(&*payload)));
            // A payload may panic when dropped.
            std::mem::forget(payload);
            KVSHARD_INTERNAL
        }
    }
}

/// Runs a call on the tree behind `callbacks`.
///
/// # Safety
///
/// As for [`guarded`]. `callbacks` must be null or point to a table whose functions keep to the
/// contract of [`CallbackKv::new`] during this call. `scheme` must be null or point to a scheme
/// whose callback keeps to its documentation.
unsafe fn on_tree<T>(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    config: Result<Config, Error>,
    out: *mut T,
    report: *mut KvshardReport,
    run: impl FnOnce(&mut AnyTree<'_>) -> Result<T, Error>,
) -> i32 {
    let run = |hashes: &mut u64| {
        // SAFETY: this function's contract is that of `open`; the tree lives for this call only.
        let mut tree = unsafe { open(callbacks, scheme, config) }?;
        let outcome = run(&mut tree);
        *hashes = tree.hashes();
        outcome
    };
    // SAFETY: the same contract for `out` and `report`.
    unsafe { guarded(out, report, run) }
}

/// The tree behind `callbacks`. One copy serves all functions.
///
/// # Safety
///
/// As for [`on_tree`], as long as the tree lives.
#[inline(never)]
unsafe fn open<'s>(
    callbacks: *const KvCallbacks,
    scheme: *const KvshardScheme,
    config: Result<Config, Error>,
) -> Result<AnyTree<'s>, Error> {
    // SAFETY: null, or valid for a read as long as the tree lives, by this function's contract.
    let (callbacks, scheme) = unsafe { (callbacks.as_ref(), scheme.as_ref()) };
    let callbacks = callbacks.ok_or_else(|| null("the table of callbacks"))?;
    // SAFETY: this function's contract is that of `new`.
    let kv = unsafe { CallbackKv::new(*callbacks) };
    Ok(AnyTree::with_scheme(kv, AnyScheme::new(scheme)?, config?))
}

/// The caller's choices, checked.
///
/// # Safety
///
/// `config` must be null or valid for a read.
unsafe fn read_config(config: *const KvshardConfig) -> Result<Config, Error> {
    // SAFETY: null, or valid for a read by this function's contract.
    let config = unsafe { config.as_ref() }.ok_or_else(|| null("the configuration"))?;
    if config.max_checkpoints == 0 {
        return Err(Error::InvalidArgument("max_checkpoints is 0".into()));
    }
    Ok(Config {
        max_checkpoints: config.max_checkpoints,
        retention: match config.retention {
            0 => Retention::Marked,
            1 => Retention::Ephemeral,
            other => return Err(Error::InvalidArgument(format!("unknown retention {other}"))),
        },
        threads: match config.threads {
            0 => Threads::Auto,
            bound => Threads::AtMost(bound as usize),
        },
    })
}

/// The nodes at `ptr`, each checked.
///
/// # Safety
///
/// `ptr` must be null or valid for a read of `32 * count` bytes.
unsafe fn read_nodes(
    scheme: &AnyScheme<'_>,
    ptr: *const u8,
    count: usize,
) -> Result<Vec<Bytes>, Error> {
    if count == 0 {
        return Ok(vec![]);
    }
    if ptr.is_null() {
        return Err(null("the list of nodes"));
    }
    if count > isize::MAX as usize / 32 {
        return Err(Error::InvalidArgument(format!("{count} nodes in memory")));
    }
    // SAFETY: not null, and valid for the read by this function's contract; bytes need no
    // alignment, and the length is below `isize::MAX`.
    let bytes = unsafe { slice::from_raw_parts(ptr.cast::<[u8; 32]>(), count) };
    let node = |(index, bytes)| {
        scheme.node(bytes).ok_or(Error::InvalidNode {
            index: index as u64,
        })
    };
    bytes.iter().enumerate().map(node).collect()
}

/// The output pointer of a call without a result.
fn nowhere() -> *mut () {
    std::ptr::dangling_mut()
}

/// Gives a buffer back. A buffer that was never filled, all zero, is fine.
///
/// # Safety
///
/// `buffer` must be as a call filled it, or all zero, and must be given back once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn kvshard_buffer_free(buffer: KvshardBuffer) {
    if !buffer.ptr.is_null() {
        // SAFETY: by this function's contract these are the parts of a `Vec` that was taken apart
        // in `From<Vec<u8>>` and not put together since.
        drop(unsafe { Vec::from_raw_parts(buffer.ptr, buffer.len, buffer.capacity) });
    }
}

/// The version of this library, as text.
#[unsafe(no_mangle)]
pub extern "C" fn kvshard_version() -> *const c_char {
    VERSION.as_ptr()
}

/// [`KVSHARD_ABI`].
#[unsafe(no_mangle)]
pub extern "C" fn kvshard_abi() -> u32 {
    KVSHARD_ABI
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The status and the message of a call that panics with this value.
    fn caught(payload: Box<dyn Any + Send>) -> (i32, String) {
        let mut report = KvshardReport::empty();
        let run = |_: &mut u64| std::panic::resume_unwind(payload);
        // SAFETY: both places are live locals.
        let status = unsafe { guarded(&mut (), &mut report, run) };
        let text = String::from_utf8_lossy(&report.message[..report.message_len]);
        (status, text.into_owned())
    }

    #[test]
    fn a_panic_is_an_internal_error() {
        let (status, text) = caught(Box::new("odd"));
        assert_eq!(
            (status, text.as_str()),
            (KVSHARD_INTERNAL, "a panic was caught: odd")
        );
        let (status, text) = caught(Box::new(String::from("very odd")));
        assert_eq!(
            (status, text.as_str()),
            (KVSHARD_INTERNAL, "a panic was caught: very odd")
        );
        let (status, text) = caught(Box::new(7));
        assert_eq!(status, KVSHARD_INTERNAL);
        assert!(text.contains("no text"), "{text}");
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let mut report = KvshardReport::empty();
        report.say(&"é".repeat(479));
        assert_eq!(report.message_len, 480);
        report.say(&format!("a{}", "é".repeat(479)));
        assert_eq!(report.message_len, 479);
        assert!(std::str::from_utf8(&report.message[..report.message_len]).is_ok());
    }
}
