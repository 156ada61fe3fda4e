//! A store as C sees it: callbacks over a sorted map, with `malloc`ed buffers. It counts everything
//! that it hands out, and can fail at any callback.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_void;
use std::{ptr, slice};

use kvshard::kv_shard_store::{KvCallbacks, KvShardStore};

/// What a callback does instead of its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers -1, or a null iterator.
    Error,
    /// Answers with a status that does not exist, or a null iterator.
    UnknownStatus,
    /// Says that there is a value, and leaves null. A write fails, and so does opening an iterator.
    NullValue,
    /// Says that there is nothing, or nothing more. A write fails, and so does opening an iterator.
    Absent,
}

pub const FAULTS: [Fault; 4] = [
    Fault::Error,
    Fault::UnknownStatus,
    Fault::NullValue,
    Fault::Absent,
];

thread_local! {
    /// Buffers handed out on this thread and not freed. Kept per thread, because `free_buf` is not
    /// told which store a buffer came from.
    static BUFFERS: RefCell<Ledger> = RefCell::default();
    // Each in a box of its own: the callbacks know its address.
    #[allow(clippy::vec_box)]
    static KEPT: RefCell<Vec<Box<CStore>>> = RefCell::default();
}

#[derive(Default)]
struct Ledger {
    live: BTreeMap<usize, usize>,
    handed_out: u64,
    broken: Vec<String>,
}

/// The store behind the callbacks. Its address is the callbacks' `ctx`.
#[derive(Default)]
pub struct CStore {
    pub records: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Callbacks called, except those that free.
    pub calls: u64,
    /// Iterators opened.
    pub iterators: u64,
    /// Writes that were carried out.
    pub writes: u64,
    pub fault: Option<(u64, Fault)>,
    live_iterators: BTreeSet<usize>,
    broken: Vec<String>,
}

struct CIter {
    store: *mut CStore,
    entries: std::vec::IntoIter<(Vec<u8>, Vec<u8>)>,
}

impl CStore {
    pub fn new() -> Box<Self> {
        Box::default()
    }

    pub fn with(records: BTreeMap<Vec<u8>, Vec<u8>>) -> Box<Self> {
        Box::new(CStore {
            records,
            ..CStore::default()
        })
    }

    /// The table. Use it only while this box lives, and borrow the box in no other way while a
    /// callback runs.
    pub fn callbacks(self: &mut Box<Self>) -> KvCallbacks {
        KvCallbacks {
            ctx: ptr::from_mut::<CStore>(self).cast(),
            get,
            set,
            delete,
            iter_create,
            iter_next,
            iter_free,
            free_buf,
        }
    }

    /// A `ShardStore` over this store. The box must not move while the store is used.
    pub fn shard_store<H, const SHARD_HEIGHT: u8>(
        self: &mut Box<Self>,
    ) -> KvShardStore<H, SHARD_HEIGHT> {
        // SAFETY: the callbacks below keep to the types' documentation, and never unwind; the
        // tests drop the store before the box.
        unsafe { KvShardStore::new(self.callbacks()) }
    }

    /// Panics unless everything handed out was given back and no rule was broken.
    pub fn assert_clean(&self) {
        assert!(self.broken.is_empty(), "{:#?}", self.broken);
        assert!(self.live_iterators.is_empty(), "iterators left open");
        BUFFERS.with_borrow(|ledger| {
            assert!(ledger.broken.is_empty(), "{:#?}", ledger.broken);
            assert!(ledger.live.is_empty(), "{} buffers leak", ledger.live.len());
        });
    }

    fn turn(&mut self) -> Option<Fault> {
        let at = self.calls;
        self.calls += 1;
        let (when, fault) = self.fault?;
        (when == at).then_some(fault)
    }

    fn write(&mut self) -> i32 {
        if self.turn().is_some() {
            return -1;
        }
        if !self.live_iterators.is_empty() {
            self.broken.push("a write under an open iterator".into());
        }
        self.writes += 1;
        0
    }
}

/// Buffers handed out on this thread so far.
pub fn buffers_handed_out() -> u64 {
    BUFFERS.with_borrow(|ledger| ledger.handed_out)
}

/// A store that lives as long as this thread: for suites that make their own trees.
pub fn kept_store<H, const SHARD_HEIGHT: u8>() -> KvShardStore<H, SHARD_HEIGHT> {
    KEPT.with_borrow_mut(|kept| {
        kept.push(CStore::new());
        kept.last_mut().expect("one was pushed").shard_store()
    })
}

/// Panics unless everything that this thread's stores handed out was given back. Drop the trees
/// first.
pub fn assert_all_clean() {
    CStore::default().assert_clean();
    KEPT.take().iter().for_each(|store| store.assert_clean());
}

fn hand_out(bytes: &[u8], out: *mut *mut u8, out_len: *mut usize) {
    // SAFETY: `malloc` may be called with any length; at least one byte keeps it from null. The
    // new buffer is written within its length, and both out-pointers are the caller's locals.
    unsafe {
        let buffer = libc::malloc(bytes.len().max(1)).cast::<u8>();
        assert!(!buffer.is_null());
        ptr::copy_nonoverlapping(bytes.as_ptr(), buffer, bytes.len());
        *out = buffer;
        *out_len = bytes.len();
        BUFFERS.with_borrow_mut(|ledger| {
            ledger.handed_out += 1;
            ledger.live.insert(buffer as usize, bytes.len());
        });
    }
}

unsafe extern "C" fn free_buf(ptr: *mut u8, len: usize) {
    let known = BUFFERS.with_borrow_mut(|ledger| {
        let known = ledger.live.remove(&(ptr as usize));
        if known != Some(len) {
            let what = format!("{len} bytes freed, of a buffer of {known:?}");
            ledger.broken.push(what);
        }
        known
    });
    if known.is_some() {
        // SAFETY: `hand_out` malloc'ed it, and it has just been taken out of the ledger.
        unsafe { libc::free(ptr.cast()) }
    }
}

unsafe fn store<'a>(ctx: *mut c_void) -> &'a mut CStore {
    // SAFETY: `ctx` is the address of a store that outlives the call; callbacks do not nest.
    unsafe { &mut *ctx.cast::<CStore>() }
}

unsafe fn bytes(ptr: *const u8, len: usize) -> Vec<u8> {
    // SAFETY: the caller's slice, valid during the call.
    unsafe { slice::from_raw_parts(ptr, len) }.to_vec()
}

unsafe extern "C" fn get(
    ctx: *mut c_void,
    key: *const u8,
    key_len: usize,
    out_val: *mut *mut u8,
    out_val_len: *mut usize,
) -> i32 {
    // SAFETY: the arguments are the caller's, as the type's documentation says.
    let (store, key) = unsafe { (store(ctx), bytes(key, key_len)) };
    match (store.turn(), store.records.get(&key)) {
        (Some(Fault::Error), _) => -1,
        (Some(Fault::UnknownStatus), _) => 77,
        (Some(Fault::NullValue), _) => 0,
        (Some(Fault::Absent), _) | (None, None) => 1,
        (None, Some(value)) => {
            hand_out(value, out_val, out_val_len);
            0
        }
    }
}

unsafe extern "C" fn set(
    ctx: *mut c_void,
    key: *const u8,
    key_len: usize,
    val: *const u8,
    val_len: usize,
) -> i32 {
    // SAFETY: the arguments are the caller's, as the type's documentation says.
    let (store, key, val) = unsafe { (store(ctx), bytes(key, key_len), bytes(val, val_len)) };
    let status = store.write();
    if status == 0 {
        store.records.insert(key, val);
    }
    status
}

unsafe extern "C" fn delete(ctx: *mut c_void, key: *const u8, key_len: usize) -> i32 {
    // SAFETY: the arguments are the caller's, as the type's documentation says.
    let (store, key) = unsafe { (store(ctx), bytes(key, key_len)) };
    let status = store.write();
    if status == 0 {
        store.records.remove(&key);
    }
    status
}

unsafe extern "C" fn iter_create(
    ctx: *mut c_void,
    prefix: *const u8,
    prefix_len: usize,
    reverse: u8,
) -> *mut c_void {
    // SAFETY: the arguments are the caller's, as the type's documentation says.
    let (store, prefix) = unsafe { (store(ctx), bytes(prefix, prefix_len)) };
    if store.turn().is_some() {
        return ptr::null_mut();
    }
    let below = store
        .records
        .iter()
        .filter(|(key, _)| key.starts_with(&prefix));
    let mut entries: Vec<_> = below.map(|(k, v)| (k.clone(), v.clone())).collect();
    if reverse != 0 {
        entries.reverse();
    }
    let iter = Box::into_raw(Box::new(CIter {
        store,
        entries: entries.into_iter(),
    }));
    store.iterators += 1;
    store.live_iterators.insert(iter as usize);
    iter.cast()
}

unsafe extern "C" fn iter_next(
    iter: *mut c_void,
    out_key: *mut *mut u8,
    out_key_len: *mut usize,
    out_val: *mut *mut u8,
    out_val_len: *mut usize,
) -> i32 {
    // SAFETY: `iter` was made by `iter_create` and is not freed; its store outlives it.
    let iter = unsafe { &mut *iter.cast::<CIter>() };
    // SAFETY: as above.
    let fault = unsafe { (*iter.store).turn() };
    match (fault, iter.entries.next()) {
        (Some(Fault::Error), _) => -1,
        (Some(Fault::UnknownStatus), _) => 77,
        (Some(Fault::NullValue), _) => 0,
        (Some(Fault::Absent), _) | (None, None) => 1,
        (None, Some((key, value))) => {
            hand_out(&key, out_key, out_key_len);
            hand_out(&value, out_val, out_val_len);
            0
        }
    }
}

unsafe extern "C" fn iter_free(iter: *mut c_void) {
    let handle = iter as usize;
    // SAFETY: `iter` was made by `iter_create`, and its store outlives it.
    let store = unsafe { &mut *(*iter.cast::<CIter>()).store };
    if store.live_iterators.remove(&handle) {
        // SAFETY: the iterator was live until now, so it is freed once.
        drop(unsafe { Box::from_raw(iter.cast::<CIter>()) });
    } else {
        store.broken.push("an iterator was freed twice".into());
    }
}
