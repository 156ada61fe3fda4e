//! Random calls that succeed.

use rand_chacha::ChaCha8Rng;

use crate::call::Call;
use crate::model::Model;
use crate::node::TestNode;
use crate::step::{Kind, Step};

/// A tree's past, and how its next calls are drawn.
pub struct History<H> {
    pub model: Model<H>,
    pub kind: Kind,
    /// The tree grows to this size and no further.
    pub capacity: u64,
}

impl<H: TestNode> History<H> {
    /// A history that goes on from this model.
    pub fn new(model: Model<H>, kind: Kind) -> Self {
        History {
            capacity: model.capacity(),
            model,
            kind,
        }
    }

    /// The next call of any kind that writes.
    pub fn call(&mut self, rng: &mut ChaCha8Rng) -> Call<H> {
        self.call_that(rng, |_| true)
    }

    /// The next call that satisfies a condition.
    pub fn call_that(
        &mut self,
        rng: &mut ChaCha8Rng,
        is_wanted: impl Fn(&Call<H>) -> bool,
    ) -> Call<H> {
        loop {
            let step = Step::random(rng, self.kind);
            if let Some(call) = self.succeeding(step).filter(&is_wanted) {
                self.model.apply(&call);
                return call;
            }
        }
    }

    pub fn calls(&mut self, rng: &mut ChaCha8Rng, count: usize) -> Vec<Call<H>> {
        (0..count).map(|_| self.call(rng)).collect()
    }

    /// A checkpoint.
    pub fn checkpoint(&mut self, rng: &mut ChaCha8Rng) -> Call<H> {
        let call = self.succeeding(Step::checkpoint(rng)).expect("a later id");
        self.model.apply(&call);
        call
    }

    fn succeeding(&mut self, mut step: Step) -> Option<Call<H>> {
        if let Step::Append { count, .. } = &mut step {
            let room = self.capacity - self.model.size();
            *count = (*count).min(u16::try_from(room).unwrap_or(u16::MAX));
        }
        let call = self.model.call(step)?;
        self.model.answer(&call).is_ok().then_some(call)
    }
}
