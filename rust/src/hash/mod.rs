//! `MerkleCRH^Orchard`: the hash, which takes nearly all of a tree's time.
//!
//! # The sum
//!
//! The hash is Sinsemilla over the Pallas curve (Zcash protocol
//! specification, 5.4.1.3 and 5.4.1.9). Its message has a fixed length, 52
//! words of ten bits. Sinsemilla's steps acc ← 2·acc + S\[word\] are linear in
//! its generators. So the hash is the x coordinate of
//!
//! ```text
//! 2^52·Q + Σ 2^(51-i)·S\[word_i\]          i = 0..52
//! ```
//!
//! which is a start point for each level, and one entry from each of 51 tables
//! of 1024 points (`tables`). The words are bits of the nodes' bytes
//! (`message`). Adding up 52 points (`sum`) is all that is left, and the order
//! is free:
//!
//! - many sums at once are added in affine coordinates. All additions of a
//!   round share one inversion, at six field multiplications each;
//! - a single sum is added partly in projective coordinates, with few
//!   inversions;
//! - if half of a sum is known before the other (an empty right sibling, a
//!   sibling on the way to the root), only 26 points are left to add.
//!
//! `portable` adds in 64-bit arithmetic: plain Rust, or with the products of
//! `mulx`, if the processor has BMI2 and ADX, or on arm64 with the field of
//! `umulh`. `ifma` adds in eight lanes, if the processor has AVX-512 IFMA. All
//! give the same bytes.
//!
//! # Exceptional cases
//!
//! Sinsemilla is defined with incomplete addition. It yields ⊥ if two points
//! with the same x, or the identity, are added; `orchard` then returns 0.
//! Theorem 5.4.4 of the protocol specification (in 5.4.1.9, "Sinsemilla hash
//! function") shows that a message whose hash is ⊥ gives a nontrivial discrete
//! logarithm relation between the generators. Nobody can find one without
//! breaking the discrete logarithm problem on Pallas, on which the hash's
//! collision resistance rests anyway.
//!
//! The sums here are added in another order, so they have other exceptional
//! cases: two partial sums, or two entries, with the same x. Each is again a
//! relation of that kind. Unlike ⊥, these cases say nothing about the result,
//! so they are handled exactly. A zero denominator makes the product of all
//! denominators zero; the shared inversion notices that, and the hashes that
//! shared it are computed again by the definition, through `orchard` itself.
//! One case is not noticed: a message for which the definition yields ⊥ while
//! none of our denominators is zero. To know such a message is to know a
//! relation.

mod backend;
mod curve;
mod field;
mod ifma;
mod invert;
mod message;
mod modulus;
mod mulx;
mod node;
#[doc(hidden)]
pub mod orchard_hash;
mod portable;
mod shares;
mod sum;
mod tables;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod tree_hash;
mod umulh;
mod vote;

pub use backend::Backend;
pub use node::OrchardNode;
pub use tree_hash::{Sibling, TreeHash};
pub use vote::VoteNode;
