//! A store that counts, and that refuses what the engine promises not to do.

use std::cell::Cell;

use kvshard::error::KvError;
use kvshard::kv::{Direction, Entries, Kv, MemKv};

/// A [`MemKv`] for one call at a time: no more than `budget` operations; no read once something was
/// written; the writes in the order of their keys, each key once; and, unless the store is damaged,
/// no write that changes nothing.
#[derive(Clone, Debug, Default)]
pub struct WatchedKv {
    pub mem: MemKv,
    budget: Cell<u64>,
    last_write: Option<Vec<u8>>,
    damaged: bool,
}

impl WatchedKv {
    pub fn damaged(mem: MemKv) -> Self {
        WatchedKv {
            mem,
            damaged: true,
            ..Self::default()
        }
    }

    /// The next call may do this many operations.
    pub fn start(&mut self, budget: u64) {
        self.budget.set(budget);
        self.last_write = None;
    }

    fn spend(&self) {
        let left = self.budget.get().checked_sub(1);
        self.budget
            .set(left.expect("more operations than the call may cost"));
    }

    fn read(&self) {
        self.spend();
        assert!(self.last_write.is_none(), "a read behind a write");
    }

    fn write(&mut self, key: &[u8], value: Option<&[u8]>) {
        self.spend();
        if let Some(last) = &self.last_write {
            assert!(last.as_slice() < key, "{key:x?} written behind {last:x?}");
        }
        let seen = self.mem.records().get(key).map(Vec::as_slice);
        assert!(
            self.damaged || seen != value,
            "a write to {key:x?} that changes nothing"
        );
        self.last_write = Some(key.to_vec());
    }
}

impl Kv for WatchedKv {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        self.read();
        self.mem.get(key)
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), KvError> {
        assert!(!value.is_empty(), "an empty value");
        self.write(key, Some(value));
        self.mem.set(key, value)
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), KvError> {
        self.write(key, None);
        self.mem.delete(key)
    }

    fn iterate(&self, prefix: &[u8], direction: Direction) -> Result<Entries<'_>, KvError> {
        self.read();
        let entries = self.mem.iterate(prefix, direction)?;
        Ok(Box::new(entries.inspect(|_| self.spend())))
    }
}
