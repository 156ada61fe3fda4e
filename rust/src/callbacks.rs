//! The C callbacks through which a store is reached. Unsafe.
//!
//! Who owns what: slices handed to the store stay this crate's, and are valid for that one call. The
//! store `malloc`s the values and keys that it hands back. They are copied here at once and given
//! back once with [`KvFreeBufFn`], before the store is asked for anything else. An iterator handle is
//! the store's, and is given back once with [`KvIterFreeFn`], on every path.
//!
//! Nothing unwinds into C: every answer of a callback becomes a `Result`. A callback must not unwind
//! into Rust either; the Go side recovers in each of them.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr;

use crate::error::KvError;
use crate::kv::{Direction, Entries, Entry, Kv};

/// What a callback answers: it did what it was asked.
pub const KV_OK: i32 = 0;
/// There is no value at the key.
pub const KV_ABSENT: i32 = 1;
/// The iterator has no further entry.
pub const KV_EXHAUSTED: i32 = 1;
/// It failed. The owner of the callbacks knows why.
pub const KV_ERROR: i32 = -1;

/// Reads the value at a key: [`KV_OK`] found, [`KV_ABSENT`], or [`KV_ERROR`]. A found value is `malloc`ed by the callee
/// and given back with [`KvFreeBufFn`]; a found empty value may be null.
pub type KvGetFn = unsafe extern "C" fn(
    ctx: *mut c_void,
    key: *const u8,
    key_len: usize,
    out_val: *mut *mut u8,
    out_val_len: *mut usize,
) -> i32;

/// Writes the value at a key: [`KV_OK`] or [`KV_ERROR`]. The callee copies what it keeps.
pub type KvSetFn = unsafe extern "C" fn(
    ctx: *mut c_void,
    key: *const u8,
    key_len: usize,
    val: *const u8,
    val_len: usize,
) -> i32;

/// Removes the value at a key: [`KV_OK`] or [`KV_ERROR`]. An absent key is no error.
pub type KvDeleteFn = unsafe extern "C" fn(ctx: *mut c_void, key: *const u8, key_len: usize) -> i32;

/// Opens an iterator over the keys with a prefix, in ascending order, or descending if `reverse` is
/// not 0. An opaque handle, or null for an error.
pub type KvIterCreateFn = unsafe extern "C" fn(
    ctx: *mut c_void,
    prefix: *const u8,
    prefix_len: usize,
    reverse: u8,
) -> *mut c_void;

/// Takes the next entry: [`KV_OK`] an entry, [`KV_EXHAUSTED`], or [`KV_ERROR`]. Key and value are `malloc`ed by the
/// callee and given back with [`KvFreeBufFn`].
pub type KvIterNextFn = unsafe extern "C" fn(
    iter: *mut c_void,
    out_key: *mut *mut u8,
    out_key_len: *mut usize,
    out_val: *mut *mut u8,
    out_val_len: *mut usize,
) -> i32;

/// Closes an iterator and forgets its handle.
pub type KvIterFreeFn = unsafe extern "C" fn(iter: *mut c_void);

/// Frees what a callback `malloc`ed: C's `free`.
pub type KvFreeBufFn = unsafe extern "C" fn(ptr: *mut u8, len: usize);

/// The functions that reach a store, and the context that they are given.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct KvCallbacks {
    /// Handed to each callback as it is; never looked into.
    pub ctx: *mut c_void,
    /// See [`KvGetFn`].
    pub get: KvGetFn,
    /// See [`KvSetFn`].
    pub set: KvSetFn,
    /// See [`KvDeleteFn`].
    pub delete: KvDeleteFn,
    /// See [`KvIterCreateFn`].
    pub iter_create: KvIterCreateFn,
    /// See [`KvIterNextFn`].
    pub iter_next: KvIterNextFn,
    /// See [`KvIterFreeFn`].
    pub iter_free: KvIterFreeFn,
    /// See [`KvFreeBufFn`].
    pub free_buf: KvFreeBufFn,
}

/// A [`Kv`] behind callbacks.
#[derive(Debug)]
pub struct CallbackKv {
    callbacks: KvCallbacks,
}

impl CallbackKv {
    /// A store behind these callbacks.
    ///
    /// # Safety
    ///
    /// While the returned value lives, each function must be callable with `ctx` from the thread
    /// that uses the value, keep to its type's documentation, and not unwind.
    pub unsafe fn new(callbacks: KvCallbacks) -> Self {
        CallbackKv { callbacks }
    }

    /// Copies a buffer that a callback handed out, and frees it.
    ///
    /// # Safety
    ///
    /// `ptr` must be null, or point to `len` bytes that a callback of this table has just
    /// `malloc`ed and nobody has freed.
    unsafe fn copy_and_free(&self, ptr: *mut u8, len: usize) -> Vec<u8> {
        if ptr.is_null() {
            return Vec::new();
        }
        // SAFETY: `ptr` is not null. By this function's contract it is valid for `len` bytes until it
        // is freed, which happens below, after the copy.
        let copy = unsafe { std::slice::from_raw_parts(ptr, len) }.to_vec();
        // SAFETY: by this function's contract `ptr` was malloc'ed by the callee and is freed only
        // here; the slice over it is gone.
        unsafe { (self.callbacks.free_buf)(ptr, len) };
        copy
    }
}

fn failed(operation: &'static str, key: &[u8]) -> KvError {
    KvError::Store {
        operation,
        key: key.to_vec(),
    }
}

impl Kv for CallbackKv {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        let (mut ptr, mut len) = (ptr::null_mut(), 0);
        // SAFETY: the contract of `new` lets `get` be called with `ctx`; `key` is valid for its
        // length during the call, and both out-pointers point to live locals.
        let status = unsafe {
            (self.callbacks.get)(
                self.callbacks.ctx,
                key.as_ptr(),
                key.len(),
                &mut ptr,
                &mut len,
            )
        };
        match status {
            // SAFETY: it says that the callee has just malloc'ed `len` bytes at `ptr`, or left null.
            KV_OK => Ok(Some(unsafe { self.copy_and_free(ptr, len) })),
            KV_ABSENT => Ok(None),
            _ => Err(failed("get", key)),
        }
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), KvError> {
        // SAFETY: the contract of `new` lets `set` be called with `ctx`; both slices are valid for
        // their lengths during the call, and the callee keeps neither.
        let status = unsafe {
            (self.callbacks.set)(
                self.callbacks.ctx,
                key.as_ptr(),
                key.len(),
                value.as_ptr(),
                value.len(),
            )
        };
        match status {
            KV_OK => Ok(()),
            _ => Err(failed("set", key)),
        }
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), KvError> {
        // SAFETY: as for `set`, with one slice.
        let status =
            unsafe { (self.callbacks.delete)(self.callbacks.ctx, key.as_ptr(), key.len()) };
        match status {
            KV_OK => Ok(()),
            _ => Err(failed("delete", key)),
        }
    }

    fn iterate(&self, prefix: &[u8], direction: Direction) -> Result<Entries<'_>, KvError> {
        let reverse = u8::from(direction == Direction::Descending);
        // SAFETY: the contract of `new` lets `iter_create` be called with `ctx`; `prefix` is valid
        // for its length during the call.
        let handle = unsafe {
            (self.callbacks.iter_create)(self.callbacks.ctx, prefix.as_ptr(), prefix.len(), reverse)
        };
        if handle.is_null() {
            return Err(failed("iterate", prefix));
        }
        Ok(Box::new(CallbackIter {
            kv: self,
            handle,
            prefix: prefix.to_vec(),
            ended: false,
        }))
    }
}

/// An open iterator; closed when dropped.
struct CallbackIter<'a> {
    kv: &'a CallbackKv,
    handle: *mut c_void,
    prefix: Vec<u8>,
    ended: bool,
}

impl Iterator for CallbackIter<'_> {
    type Item = Result<Entry, KvError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let (mut key, mut key_len) = (ptr::null_mut(), 0);
        let (mut value, mut value_len) = (ptr::null_mut(), 0);
        // SAFETY: `handle` is what `iter_create` gave, not null, and freed only in `drop`; the four
        // out-pointers point to live locals.
        let status = unsafe {
            (self.kv.callbacks.iter_next)(
                self.handle,
                &mut key,
                &mut key_len,
                &mut value,
                &mut value_len,
            )
        };
        if status == KV_OK {
            // SAFETY: it says that the callee has just malloc'ed both buffers, or left them null.
            let entry = unsafe {
                (
                    self.kv.copy_and_free(key, key_len),
                    self.kv.copy_and_free(value, value_len),
                )
            };
            return Some(Ok(entry));
        }
        self.ended = true;
        match status {
            KV_EXHAUSTED => None,
            _ => Some(Err(failed("next", &self.prefix))),
        }
    }
}

impl Drop for CallbackIter<'_> {
    fn drop(&mut self) {
        // SAFETY: `handle` is what `iter_create` gave, not null. A value is dropped once, so the
        // handle is freed once.
        unsafe { (self.kv.callbacks.iter_free)(self.handle) }
    }
}
