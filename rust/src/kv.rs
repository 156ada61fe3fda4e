//! The key-value store as the rest of the crate sees it. It is safe, and the borrow checker forbids a
//! write under an open iterator.

use std::collections::BTreeMap;

use crate::error::KvError;

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// The entries below a prefix, in key order or against it. Ends after its first error.
pub type Entries<'a> = Box<dyn Iterator<Item = Result<Entry, KvError>> + 'a>;

/// Which way an iteration goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the lowest key up.
    Ascending,
    /// From the highest key down.
    Descending,
}

/// A sorted key-value store.
///
/// [`Entries`] borrow the store, so the compiler refuses a write while one is open. The SDK's stores
/// forbid such a write, and some of them deadlock.
pub trait Kv {
    /// The value at `key`; an empty value is a value.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KvError>;
    /// Writes the value at `key`.
    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), KvError>;
    /// Removes the value at `key`, if there is one.
    fn delete(&mut self, key: &[u8]) -> Result<(), KvError>;
    /// The entries whose keys start with `prefix`.
    fn iterate(&self, prefix: &[u8], direction: Direction) -> Result<Entries<'_>, KvError>;
}

impl<K: Kv + ?Sized> Kv for &mut K {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        (**self).get(key)
    }
    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), KvError> {
        (**self).set(key, value)
    }
    fn delete(&mut self, key: &[u8]) -> Result<(), KvError> {
        (**self).delete(key)
    }
    fn iterate(&self, prefix: &[u8], direction: Direction) -> Result<Entries<'_>, KvError> {
        (**self).iterate(prefix, direction)
    }
}

/// A [`Kv`] in memory, for tests and for Rust programs without a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemKv {
    records: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl MemKv {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// All records, by key.
    pub fn records(&self) -> &BTreeMap<Vec<u8>, Vec<u8>> {
        &self.records
    }

    /// All records, by key, to take or to change.
    pub fn records_mut(&mut self) -> &mut BTreeMap<Vec<u8>, Vec<u8>> {
        &mut self.records
    }
}

impl Kv for MemKv {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        Ok(self.records.get(key).cloned())
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), KvError> {
        self.records.insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    fn delete(&mut self, key: &[u8]) -> Result<(), KvError> {
        self.records.remove(key);
        Ok(())
    }

    fn iterate(&self, prefix: &[u8], direction: Direction) -> Result<Entries<'_>, KvError> {
        let prefix = prefix.to_vec();
        let below = self
            .records
            .range(prefix.clone()..)
            .take_while(move |(key, _)| key.starts_with(&prefix));
        let entry = |(key, value): (&Vec<u8>, &Vec<u8>)| Ok((key.clone(), value.clone()));
        Ok(match direction {
            Direction::Ascending => Box::new(below.map(entry)),
            // `take_while` cannot be reversed, so the entries are gathered first.
            Direction::Descending => {
                let gathered: Vec<_> = below.map(entry).collect();
                Box::new(gathered.into_iter().rev())
            }
        })
    }
}
