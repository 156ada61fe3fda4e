//! One call: what it reads, what it hashes, and what it writes in the end.

use super::Config;
use super::hasher::Hasher;
use super::reads::Reads;
use super::writes::Writes;
use crate::codec::{self, Tip};
use crate::error::Error;
use crate::keys;
use crate::kv::Kv;
use crate::scheme::Scheme;

pub(super) struct Call<'k, S: Scheme> {
    pub config: Config,
    pub reads: Reads<'k, S>,
    pub hasher: Hasher<'k, S>,
    pub writes: Writes,
    /// The checkpoints that this call lists as prunable because none was listed before.
    pub listed_now: Option<Vec<(u32, bool)>>,
}

impl<'k, S: Scheme> Call<'k, S> {
    pub fn new(kv: &'k mut dyn Kv, scheme: &'k S, config: Config) -> Self {
        Call {
            config,
            reads: Reads::new(kv, scheme),
            hasher: Hasher::new(scheme, config.threads),
            writes: Writes::default(),
            listed_now: None,
        }
    }

    /// The levels below the root.
    pub fn depth(&self) -> u8 {
        self.hasher.scheme().depth()
    }

    /// Stages the tip, with the name of the tree's scheme.
    pub fn stage_tip(&mut self, tip: &Tip<S::Node>) {
        let value = codec::encode_tip(tip, self.hasher.scheme().fingerprint());
        self.writes.stage(keys::tip(), value);
    }

    /// Writes what was staged, in key order, except what is there already.
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
