//! A [`Kv`] that holds each call to what the engine promises, and that can fail at any operation.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use kvshard::error::KvError;
use kvshard::kv::{Direction, Entries, Kv, MemKv};

/// What happened on a store since the last [`StrictKv::begin`].
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Operations: gets, sets, deletes, iterators opened, and nexts.
    pub operations: u64,
    /// Iterators opened.
    pub iterators: u64,
    /// Gets.
    pub gets: u64,
    /// Sets and deletes.
    pub writes: u64,
    /// Each operation in a line.
    pub trace: Vec<String>,
    /// Rules broken.
    pub broken: Vec<String>,
    written: BTreeSet<Vec<u8>>,
}

/// The store.
#[derive(Debug, Default)]
pub struct StrictKv {
    pub inner: MemKv,
    seen: RefCell<Seen>,
    open: Cell<u32>,
    fail_at: Option<u64>,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl StrictKv {
    pub fn over(inner: MemKv) -> Self {
        StrictKv {
            inner,
            ..StrictKv::default()
        }
    }

    /// A store whose operation `at`, counted from 0, fails, and each one after it.
    pub fn failing(inner: MemKv, at: u64) -> Self {
        StrictKv {
            fail_at: Some(at),
            ..StrictKv::over(inner)
        }
    }

    /// A new call begins: what the last one did.
    pub fn begin(&mut self) -> Seen {
        assert_eq!(self.open.get(), 0, "iterators are open between two calls");
        self.seen.take()
    }

    fn operation(
        &self,
        operation: &'static str,
        key: &[u8],
        note: impl FnOnce(&mut Seen),
    ) -> Result<(), KvError> {
        let mut seen = self.seen.borrow_mut();
        let at = seen.operations;
        seen.operations += 1;
        seen.trace.push(format!("{operation} {}", hex(key)));
        if self.fail_at.is_some_and(|fail_at| at >= fail_at) {
            return Err(KvError::Store {
                operation,
                key: key.to_vec(),
            });
        }
        note(&mut seen);
        Ok(())
    }

    fn read(&self, operation: &'static str, key: &[u8]) -> Result<(), KvError> {
        self.operation(operation, key, |seen| {
            if seen.writes > 0 {
                seen.broken
                    .push(format!("{operation} {} after a write", hex(key)));
            }
        })
    }

    fn write(
        &mut self,
        operation: &'static str,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), KvError> {
        let old = self.inner.records().get(key).map(Vec::as_slice);
        self.operation(operation, key, |seen| {
            seen.writes += 1;
            let what = format!("{operation} {}", hex(key));
            if old == value {
                seen.broken.push(format!("{what} changes nothing"));
            }
            if value.is_some_and(<[u8]>::is_empty) {
                seen.broken.push(format!("{what} of an empty value"));
            }
            if self.open.get() > 0 {
                seen.broken.push(format!("{what} under an open iterator"));
            }
            if seen.written.last().is_some_and(|last| &last[..] >= key) {
                seen.broken.push(format!("{what} out of key order"));
            }
            seen.written.insert(key.to_vec());
        })
    }
}

impl Kv for StrictKv {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        self.read("get", key)?;
        self.seen.borrow_mut().gets += 1;
        self.inner.get(key)
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), KvError> {
        self.write("set", key, Some(value))?;
        self.inner.set(key, value)
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), KvError> {
        self.write("delete", key, None)?;
        self.inner.delete(key)
    }

    fn iterate(&self, prefix: &[u8], direction: Direction) -> Result<Entries<'_>, KvError> {
        self.read("iterate", prefix)?;
        self.seen.borrow_mut().iterators += 1;
        self.open.set(self.open.get() + 1);
        Ok(Box::new(Open {
            kv: self,
            prefix: prefix.to_vec(),
            entries: self.inner.iterate(prefix, direction)?,
            failed: false,
        }))
    }
}

/// An iterator that is open.
struct Open<'a> {
    kv: &'a StrictKv,
    prefix: Vec<u8>,
    entries: Entries<'a>,
    failed: bool,
}

impl Iterator for Open<'_> {
    type Item = Result<(Vec<u8>, Vec<u8>), KvError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        if let Err(e) = self.kv.read("next", &self.prefix) {
            self.failed = true;
            return Some(Err(e));
        }
        self.entries.next()
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.kv.open.set(self.kv.open.get() - 1);
    }
}
