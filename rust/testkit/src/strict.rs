//! A [`Kv`] that checks what the engine promises of each call, and that can fail at any operation.

use std::cell::{Cell, RefCell};

use kvshard::error::KvError;
use kvshard::kv::{Direction, Entries, Kv, MemKv};

/// An operation and its key.
pub type Operation = (&'static str, Vec<u8>);

/// What happened on a store since the last [`StrictKv::begin`].
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Each get, set, delete, iterator opened and next.
    pub trace: Vec<Operation>,
    /// Iterators opened.
    pub iterators: u64,
    /// Gets.
    pub gets: u64,
    /// Sets and deletes.
    pub writes: u64,
    /// Rules broken.
    pub broken: Vec<String>,
    last_write: Option<Vec<u8>>,
}

impl Seen {
    /// How many operations there were.
    pub fn operations(&self) -> u64 {
        self.trace.len() as u64
    }
}

/// The store. Its rules: no read after the first write; writes in the order of their keys; each key
/// written once; no write under an open iterator; no empty value; no write that changes nothing.
#[derive(Debug)]
pub struct StrictKv {
    pub inner: MemKv,
    seen: RefCell<Seen>,
    open: Cell<u32>,
    fail_at: u64,
    budget: u64,
    damaged: bool,
}

impl Default for StrictKv {
    fn default() -> Self {
        StrictKv::over(MemKv::new())
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl StrictKv {
    pub fn over(inner: MemKv) -> Self {
        StrictKv {
            inner,
            seen: RefCell::default(),
            open: Cell::new(0),
            fail_at: u64::MAX,
            budget: u64::MAX,
            damaged: false,
        }
    }

    /// A store whose operation `at`, counted from 0, fails, and each later one too.
    pub fn failing(inner: MemKv, at: u64) -> Self {
        StrictKv {
            fail_at: at,
            ..StrictKv::over(inner)
        }
    }

    /// A store of arbitrary records. Here a call may write what is already there.
    pub fn damaged(inner: MemKv) -> Self {
        StrictKv {
            damaged: true,
            ..StrictKv::over(inner)
        }
    }

    /// Panics at a call that does more operations than these: it might never end.
    pub fn at_most(self, budget: u64) -> Self {
        StrictKv { budget, ..self }
    }

    /// Begins a new call, and returns what the last one did.
    pub fn begin(&mut self) -> Seen {
        assert_eq!(self.open.get(), 0, "iterators are open between two calls");
        self.seen.take()
    }

    /// As [`StrictKv::begin`]; panics if the last call broke a rule.
    pub fn assert_kept(&mut self) {
        let broken = self.begin().broken;
        assert!(broken.is_empty(), "{broken:#?}");
    }

    fn operation(
        &self,
        operation: &'static str,
        key: &[u8],
        note: impl FnOnce(&mut Seen),
    ) -> Result<(), KvError> {
        let mut seen = self.seen.borrow_mut();
        let at = seen.operations();
        assert!(at < self.budget, "more operations than the call may cost");
        seen.trace.push((operation, key.to_vec()));
        if at >= self.fail_at {
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
            let mut broken =
                |what: &str| seen.broken.push(format!("{operation} {} {what}", hex(key)));
            if old == value && !self.damaged {
                broken("changes nothing");
            }
            if value.is_some_and(<[u8]>::is_empty) {
                broken("of an empty value");
            }
            if self.open.get() > 0 {
                broken("under an open iterator");
            }
            if seen.last_write.as_deref() >= Some(key) {
                broken("out of key order");
            }
            seen.last_write = Some(key.to_vec());
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules that a call broke, in the words of the store.
    fn broken(call: impl FnOnce(&mut StrictKv)) -> Vec<String> {
        let mut kv = StrictKv::default();
        kv.set(b"b", b"1").expect("sound");
        kv.assert_kept();
        call(&mut kv);
        kv.begin().broken
    }

    #[test]
    fn each_rule_is_seen() {
        let set = |kv: &mut StrictKv, key: &[u8], value: &[u8]| {
            kv.set(key, value).expect("it is noted, not refused");
        };
        assert!(broken(|kv| set(kv, b"b", b"2")).is_empty());
        assert_eq!(broken(|kv| set(kv, b"b", b"1")), ["set 62 changes nothing"]);
        assert_eq!(
            broken(|kv| set(kv, b"c", b"")),
            ["set 63 of an empty value"]
        );
        let unordered = |kv: &mut StrictKv| {
            set(kv, b"c", b"1");
            kv.delete(b"b").expect("it is noted");
        };
        assert_eq!(broken(unordered), ["delete 62 out of key order"]);
        let late = |kv: &mut StrictKv| {
            set(kv, b"c", b"1");
            kv.get(b"b").expect("it is noted");
        };
        assert_eq!(broken(late), ["get 62 after a write"]);
    }

    #[test]
    #[should_panic(expected = "more operations")]
    fn a_budget_is_kept() {
        let kv = StrictKv::default().at_most(1);
        let _ = kv.get(b"a");
        let _ = kv.get(b"a");
    }
}
