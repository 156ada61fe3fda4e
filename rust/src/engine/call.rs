//! One call: what it reads, what it hashes, and what it writes in the end.

use super::Config;
use super::hasher::Hasher;
use super::reads::Reads;
use super::writes::Writes;
use crate::codec::TreeNode;
use crate::error::Error;
use crate::kv::Kv;

pub(super) struct Call<'k, K, H, const DEPTH: u8> {
    pub config: Config,
    pub reads: Reads<'k, K, H, DEPTH>,
    pub hasher: Hasher<H>,
    pub writes: Writes,
    /// The checkpoints that this call lists as prunable because none was listed before.
    pub listed_now: Option<Vec<(u32, bool)>>,
}

impl<'k, K: Kv, H: TreeNode, const DEPTH: u8> Call<'k, K, H, DEPTH> {
    pub fn new(kv: &'k mut K, config: Config) -> Self {
        Call {
            config,
            reads: Reads::new(kv),
            hasher: Hasher::new(config.threads),
            writes: Writes::default(),
            listed_now: None,
        }
    }

    /// Writes what was staged, in key order, but for what is there already.
    pub fn commit(&mut self) -> Result<(), Error> {
        for (key, value) in self.writes.take() {
            if self.reads.has_seen(&key, &value) {
                continue;
            }
            match value {
                Some(value) => self.reads.kv_mut().set(&key, &value)?,
                None => self.reads.kv_mut().delete(&key)?,
            }
        }
        Ok(())
    }
}
