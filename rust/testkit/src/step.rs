//! What a history is made of, as numbers that have a meaning in any state: a history stays valid
//! when steps are left out.

use kvshard::engine::Retention;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::input::Input;

/// The leaves that the deepest tree holds.
const CAPACITY: u64 = 1 << 32;

/// A checkpoint, chosen among those that there are.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    /// One that exists, if any does.
    Kept(u16),
    /// The id after one that exists.
    Behind(u16),
}

/// The id of a new checkpoint.
#[derive(Clone, Copy, Debug)]
pub enum NextId {
    /// This far above the newest; 0 is the newest itself.
    Above(u32),
    /// This one.
    Exactly(u32),
}

/// A step.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Append {
        count: u16,
        retention: Retention,
    },
    Checkpoint(NextId),
    Rewind(Which),
    RemoveMark {
        as_of: Which,
        position: u16,
    },
    Retain(Which),
    Release(Which),
    /// A frontier of this size, perhaps with one ommer too many.
    Start {
        size: u64,
        one_too_many: bool,
        id: NextId,
        retention: Retention,
    },
    /// From now on at most this many checkpoints.
    MaxCheckpoints(u32),
    /// Another store with the same records takes the place of the store.
    Reopen,
}

/// How random steps are drawn.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The share of the appends that is [`Retention::Marked`].
    pub marked: f64,
    /// The most leaves in a batch.
    pub batch: u16,
}

impl Step {
    pub fn random(rng: &mut ChaCha8Rng, kind: Kind) -> Step {
        let which = Which::Kept(rng.random());
        match rng.random_range(0..100) {
            0..53 => Step::Append {
                count: match rng.random_range(0..10) {
                    0..5 => 1,
                    5..8 => rng.random_range(0..=kind.batch.min(20)),
                    _ => rng.random_range(0..=kind.batch),
                },
                retention: match rng.random_bool(kind.marked) {
                    true => Retention::Marked,
                    false => Retention::Ephemeral,
                },
            },
            53..80 => Step::checkpoint(rng),
            80..84 => Step::Rewind(which),
            84..91 => Step::RemoveMark {
                as_of: which,
                position: rng.random(),
            },
            91..95 => Step::Retain(which),
            95..98 => Step::Release(which),
            _ => Step::Reopen,
        }
    }

    /// The next checkpoint, most often at the next id.
    pub fn checkpoint(rng: &mut ChaCha8Rng) -> Step {
        Step::Checkpoint(NextId::Above(match rng.random_range(0..3) {
            0 => rng.random_range(1..600),
            _ => 1,
        }))
    }

    /// The step that the next bytes spell. [`Step::Reopen`] also takes the retention of the steps
    /// that follow.
    pub fn read(input: &mut Input, retention: &mut Retention) -> Step {
        let append = |count, retention: &Retention| Step::Append {
            count,
            retention: *retention,
        };
        match input.byte() % 16 {
            0..3 => append(1, retention),
            3..5 => append(input.byte().into(), retention),
            5 => append(input.short() % 300, retention),
            6..9 => Step::Checkpoint(NextId::read(input)),
            9 => Step::Rewind(Which::read(input)),
            10 => Step::RemoveMark {
                as_of: Which::read(input),
                position: input.short(),
            },
            11 => Step::Retain(Which::read(input)),
            12 => Step::Release(Which::read(input)),
            13 => {
                *retention = match input.byte() % 2 {
                    0 => Retention::Marked,
                    _ => Retention::Ephemeral,
                };
                Step::Reopen
            }
            14 => Step::MaxCheckpoints(1 + u32::from(input.byte()) % 200),
            _ => Step::Start {
                size: match input.byte() {
                    byte @ 0..128 => u64::from(byte),
                    byte @ 128..192 => CAPACITY + 1 - u64::from(byte - 128),
                    _ => input.long() % (CAPACITY + 1),
                },
                one_too_many: input.byte() == 255,
                id: NextId::read(input),
                retention: *retention,
            },
        }
    }
}

impl Which {
    pub fn read(input: &mut Input) -> Which {
        match input.byte() {
            byte @ 255 => Which::Behind(byte.into()),
            byte => Which::Kept(byte.into()),
        }
    }
}

impl NextId {
    fn read(input: &mut Input) -> NextId {
        match input.byte() {
            1 => NextId::Exactly(u32::MAX - 1),
            3 => NextId::Exactly(u32::MAX),
            2 => NextId::Above(input.long() as u32),
            step => NextId::Above(step.into()),
        }
    }
}
