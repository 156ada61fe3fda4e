//! Any sequence of calls, beside the model of the tree.

use kvshard::engine::Retention;

use crate::call::Call;
use crate::input::Input;
use crate::model::Model;
use crate::node::CheapNode;
use crate::step::{Step, Which};
use crate::strict::StrictKv;

const DEPTH: u8 = 32;

/// More operations than any call here may cost. Batches and rewinds cost the most.
const BUDGET: u64 = 4000;

/// The most leaves, so that an input takes microseconds.
const MOST_LEAVES: usize = 400;

struct Player {
    kv: StrictKv,
    model: Model<CheapNode>,
}

/// Plays the bytes as calls.
pub fn history(data: &[u8]) {
    let mut input = Input(data);
    let max_checkpoints = 1 + u32::from(input.byte() % 8);
    let mut player = Player {
        kv: StrictKv::default().at_most(BUDGET),
        model: Model::new(DEPTH, max_checkpoints, 0),
    };
    let mut retention = Retention::Marked;
    let mut calls = 0;
    while !input.is_empty() && calls < 64 {
        player.play(Step::read(&mut input, &mut retention));
        player.look(&mut input);
        calls += 1;
    }
    player.check();
}

impl Player {
    fn play(&mut self, step: Step) {
        match step {
            Step::Append { count, .. } if self.model.known() + usize::from(count) > MOST_LEAVES => {
            }
            Step::MaxCheckpoints(most) => self.model.max_checkpoints = most,
            _ => {
                if let Some(call) = self.model.call(step) {
                    self.make(&call);
                }
            }
        }
    }

    /// Makes a call on both. A refused call changes nothing.
    fn make(&mut self, call: &Call<CheapNode>) {
        let before = self.kv.inner.clone();
        let outcome = call.run::<_, DEPTH>(&mut self.kv, self.model.max_checkpoints);
        self.kv.assert_kept();
        self.model.assert_right(call, &outcome);
        match outcome {
            Ok(_) => self.model.apply(call),
            Err(_) => assert_eq!(self.kv.inner, before),
        }
    }

    /// Asks a query or two after each step.
    fn look(&mut self, input: &mut Input) {
        self.make(&Call::Size);
        match input.byte() % 16 {
            0 => self.check(),
            1 => self.make(&Call::Root),
            2 => self.make(&Call::Frontier),
            3 | 4 => {
                let id = self.model.id(Which::read(input));
                let position = self.model.position(input.short());
                self.make(&match self.model.find(id) {
                    Some(_) => Call::WitnessAt(position, id),
                    None => Call::Witness(position),
                });
            }
            5 => {
                let position = self.model.position(input.short());
                self.make(&Call::Leaf(position));
            }
            6 => {
                let level = input.byte() % 8;
                let first = self.model.position(input.short()) >> level;
                self.make(&Call::Nodes(level, first, (input.byte() % 8).into()));
            }
            7 => {
                let size = self.model.position(input.short());
                self.make(&Call::FrontierAtSize(size));
            }
            _ => {}
        }
    }

    /// Compares everything.
    fn check(&mut self) {
        for call in [
            Call::Check,
            Call::Root,
            Call::Frontier,
            Call::Newest,
            Call::Checkpoints,
        ] {
            self.make(&call);
        }
        let checkpoints: Vec<_> = self.model.checkpoints().iter().map(|c| c.id).collect();
        for id in checkpoints.into_iter().take(8) {
            self.make(&Call::SizeAt(id));
            self.make(&Call::RootAt(id));
        }
        let dump = Call::<CheapNode>::Dump.run::<_, DEPTH>(&mut self.kv, 1);
        dump.expect("a sound store");
        self.kv.assert_kept();
    }
}
