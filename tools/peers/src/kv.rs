//! A store in memory behind the C callbacks that `vote-commitment-tree` takes. It counts operations
//! and bytes as kvshard's `kvtest.TraceStore` does, and gas as the SDK does by default. It counts
//! the calls that the crate's Go half makes for the callbacks: for an entry of an iterator, the
//! key, the value, and Next.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ops::Bound;
use std::slice;

use vote_commitment_tree::kv_shard_store::KvCallbacks;

use crate::Work;

const READ_FLAT: u64 = 1000;
const READ_BYTE: u64 = 3;
const WRITE_FLAT: u64 = 2000;
const WRITE_BYTE: u64 = 30;
const DELETE: u64 = 1000;
const ITER_NEXT: u64 = 30;

pub type Records = BTreeMap<Vec<u8>, Vec<u8>>;

#[derive(Default)]
pub struct Store {
    prefix: Vec<u8>,
    records: RefCell<Records>,
    work: Cell<Work>,
}

impl Store {
    /// A store whose callbacks put `prefix` before each key. The prefix must end in a byte below
    /// 255.
    pub fn under(prefix: &[u8]) -> Self {
        Self {
            prefix: prefix.to_vec(),
            ..Self::default()
        }
    }

    /// All records, by their keys with the prefix.
    pub fn records(&self) -> Records {
        self.records.borrow().clone()
    }

    /// Writes a record that is not the tree's own, and counts nothing.
    pub fn put(&self, key: &[u8], value: &[u8]) {
        let mut records = self.records.borrow_mut();
        records.insert(key.to_vec(), value.to_vec());
    }

    pub fn work(&self) -> Work {
        self.work.get()
    }

    fn full(&self, key: &[u8]) -> Vec<u8> {
        [&self.prefix, key].concat()
    }

    /// Callbacks that reach this store. The store must not move while they are used.
    pub fn callbacks(&self) -> KvCallbacks {
        KvCallbacks {
            ctx: (&raw const *self).cast_mut().cast(),
            get,
            set,
            delete,
            iter_create,
            iter_next,
            iter_free,
            free_buf,
        }
    }

    fn count(&self, gas: u64, read: usize, written: usize) {
        let mut work = self.work.get();
        work.ops += 1;
        work.gas += gas;
        work.read += read as u64;
        work.written += written as u64;
        self.work.set(work);
    }
}

struct Iter {
    store: *const Store,
    from: Bound<Vec<u8>>,
    to: Bound<Vec<u8>>,
    reverse: bool,
}

impl Iter {
    fn entry(&self, store: &Store) -> Option<(Vec<u8>, Vec<u8>)> {
        let records = store.records.borrow();
        let mut range = records.range((self.from.clone(), self.to.clone()));
        let entry = if self.reverse {
            range.next_back()
        } else {
            range.next()
        };
        entry.map(|(key, value)| (key.clone(), value.clone()))
    }
}

/// What the SDK charges for the entry at which an iterator stands.
fn seek_gas(entry: &Option<(Vec<u8>, Vec<u8>)>) -> u64 {
    let length = entry
        .as_ref()
        .map_or(0, |(key, value)| key.len() + value.len());
    ITER_NEXT + READ_BYTE * length as u64
}

/// Hands a buffer out, for [`free_buf`].
///
/// # Safety
///
/// Both pointers can be written to.
unsafe fn give(value: Vec<u8>, out: *mut *mut u8, out_len: *mut usize) {
    let value = value.into_boxed_slice();
    // SAFETY: the caller's.
    unsafe {
        *out_len = value.len();
        *out = Box::into_raw(value).cast();
    }
}

// The crate passes these functions slices and the ctx of `Store::callbacks`, which is a live Store.

unsafe extern "C" fn get(
    ctx: *mut c_void,
    key: *const u8,
    key_len: usize,
    out: *mut *mut u8,
    out_len: *mut usize,
) -> i32 {
    // SAFETY: as above.
    let (store, key) = unsafe { (&*ctx.cast::<Store>(), slice::from_raw_parts(key, key_len)) };
    let key = store.full(key);
    let value = store.records.borrow().get(&key).cloned();
    let length = key.len() + value.as_ref().map_or(0, Vec::len);
    store.count(READ_FLAT + READ_BYTE * length as u64, length, 0);
    let Some(value) = value else { return 1 };
    // SAFETY: the crate's own variables.
    unsafe { give(value, out, out_len) };
    0
}

unsafe extern "C" fn set(
    ctx: *mut c_void,
    key: *const u8,
    key_len: usize,
    value: *const u8,
    value_len: usize,
) -> i32 {
    // SAFETY: as above.
    let (store, key, value) = unsafe {
        (
            &*ctx.cast::<Store>(),
            slice::from_raw_parts(key, key_len),
            slice::from_raw_parts(value, value_len),
        )
    };
    let key = store.full(key);
    let length = key.len() + value_len;
    store.count(WRITE_FLAT + WRITE_BYTE * length as u64, 0, length);
    store.records.borrow_mut().insert(key, value.to_vec());
    0
}

unsafe extern "C" fn delete(ctx: *mut c_void, key: *const u8, key_len: usize) -> i32 {
    // SAFETY: as above.
    let (store, key) = unsafe { (&*ctx.cast::<Store>(), slice::from_raw_parts(key, key_len)) };
    store.count(DELETE, 0, 0);
    store.records.borrow_mut().remove(&store.full(key));
    0
}

unsafe extern "C" fn iter_create(
    ctx: *mut c_void,
    prefix: *const u8,
    prefix_len: usize,
    reverse: u8,
) -> *mut c_void {
    // SAFETY: as above.
    let (store, prefix) = unsafe {
        (
            &*ctx.cast::<Store>(),
            slice::from_raw_parts(prefix, prefix_len),
        )
    };
    let prefix = store.full(prefix);
    let mut end = prefix.clone();
    *end.last_mut().expect("a prefix") += 1; // the crate's prefixes are one byte, below 255
    let iter = Iter {
        store,
        from: Bound::Included(prefix),
        to: Bound::Excluded(end),
        reverse: reverse != 0,
    };
    store.count(seek_gas(&iter.entry(store)), 0, 0);
    Box::into_raw(Box::new(iter)).cast()
}

unsafe extern "C" fn iter_next(
    iter: *mut c_void,
    out_key: *mut *mut u8,
    out_key_len: *mut usize,
    out_value: *mut *mut u8,
    out_value_len: *mut usize,
) -> i32 {
    // SAFETY: made by iter_create, and its store lives as long as the callbacks.
    let iter = unsafe { &mut *iter.cast::<Iter>() };
    // SAFETY: as above.
    let store = unsafe { &*iter.store };
    let entry = iter.entry(store);
    let gas = seek_gas(&entry);
    let Some((key, value)) = entry else { return 1 };
    store.count(gas, key.len() + value.len(), 0);
    let passed = Bound::Excluded(key.clone());
    if iter.reverse {
        iter.to = passed;
    } else {
        iter.from = passed;
    }
    // SAFETY: the crate's own variables.
    unsafe {
        give(key[store.prefix.len()..].to_vec(), out_key, out_key_len);
        give(value, out_value, out_value_len);
    }
    0
}

unsafe extern "C" fn iter_free(iter: *mut c_void) {
    // SAFETY: made by iter_create, and freed once.
    drop(unsafe { Box::from_raw(iter.cast::<Iter>()) });
}

unsafe extern "C" fn free_buf(buffer: *mut u8, length: usize) {
    // SAFETY: made by give, with this length.
    drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(buffer, length)) });
}
