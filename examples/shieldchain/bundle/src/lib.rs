//! Orchard bundles for shieldchain: [`parse`], [`verify`] and the C functions over them ([`ffi`]),
//! which the Go package `bundle` links; and [`wallet`], which makes bundles.
//!
//! This is an example. It has not been audited; value of any worth needs more than this.
//!
//! # What a chain checks
//!
//! A bundle has the encoding of a version 5 transaction of Zcash (ZIP 225), and the rules of its
//! upgrade NU6.2: that is the circuit without the fault of the older ones, and it lets notes go from
//! one address to another. [`verify`] checks the proof, a spend authorisation for each action, and
//! the binding signature. All signatures are over [`sighash`]: it covers the effects of the bundle,
//! and what a message says beside it ([`bound`]).
//!
//! Neither the anchor, nor the nullifiers, nor the value balance are checked here: what they must be
//! depends on the chain's state.
//!
//! # The same answer on every machine
//!
//! Proof and signatures are verified one by one, and without randomness. A batch would save little
//! for one bundle, and its random weights would leave each machine its own chance of 2^-128 to
//! accept what is false.

mod bound;
mod check;
pub mod cli;
pub mod ffi;
pub mod wallet;

pub use bound::bound;
pub use check::{
    MAX_ACTIONS, MAX_BYTES, OrchardBundle, Refused, parse, sighash, verify, verifying_key, version,
};
