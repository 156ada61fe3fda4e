//! Listings that cannot be trusted to end.

pub(super) const STRANGE: &str = "no record of this tree has such a key";
pub(super) const OUT_OF_ORDER: &str = "listed out of order";

/// Whether the keys of a listing ascend.
#[derive(Default)]
pub(super) struct InOrder {
    last: Option<Vec<u8>>,
}

impl InOrder {
    pub fn next(&mut self, key: &[u8]) -> bool {
        let ascends = self.last.as_deref().is_none_or(|last| last < key);
        self.last = Some(key.to_vec());
        ascends
    }
}
