//! Maps two nodes to the table entries whose sum is their hash.
//!
//! The message is 52 words of ten bits: the level, then the low 255 bits of
//! the left node, then those of the right one, each lowest bit first. So
//! words 1 to 25 are the left node's bits 0 to 249; word 26 is its last five
//! bits, below the first five of the right node; words 27 to 51 are the rest
//! of the right node. (Word 0, the level, is part of the start point.)
//!
//! A term is the index of a table entry: the row (the word's place, from 0
//! for word 1) times 1024, plus the word's value.

use super::field::limbs;

/// Words that each side has for itself.
pub(crate) const HALF: usize = 25;
/// All words except the level's.
pub(crate) const WORDS: usize = 2 * HALF + 1;
/// Values of a word, and so points in a row.
pub(crate) const GENERATORS: usize = 1024;
/// The row of the word that both sides share.
const SHARED: usize = HALF;

/// A node's 255 bits: the bytes' limbs.
pub(crate) type Bits = [u64; 4];

/// The index of a table entry; 51·1024 of them fit.
pub(crate) type Term = u16;

pub(crate) fn bits(node: &[u8; 32]) -> Bits {
    limbs(node)
}

/// Ten bits of the node from bit `at` on.
#[inline(always)]
fn word(node: &Bits, at: usize) -> u16 {
    let (limb, shift) = (at / 64, at % 64);
    let low = node[limb] >> shift;
    let high = if shift > 54 && limb < 3 {
        node[limb + 1] << (64 - shift)
    } else {
        0
    };
    ((low | high) & 0x3ff) as u16
}

#[inline(always)]
fn term(row: usize, word: u16) -> Term {
    (row * GENERATORS) as u16 | word
}

/// The term of the shared word.
#[inline(always)]
fn shared(left: &Bits, right: &Bits) -> Term {
    term(SHARED, (left[3] >> 58 & 31 | (right[0] & 31) << 5) as u16)
}

#[inline(always)]
fn put_left(out: &mut [Term; HALF], left: &Bits) {
    for (i, slot) in out.iter_mut().enumerate() {
        *slot = term(i, word(left, 10 * i));
    }
}

#[inline(always)]
fn put_right(out: &mut [Term; HALF], right: &Bits) {
    for (i, slot) in out.iter_mut().enumerate() {
        *slot = term(SHARED + 1 + i, word(right, 10 * i + 5));
    }
}

/// The words that the left node fills alone.
pub(crate) fn left_half(left: &Bits) -> [Term; HALF] {
    let mut out = [0; HALF];
    put_left(&mut out, left);
    out
}

/// The words that the right node fills alone.
pub(crate) fn right_half(right: &Bits) -> [Term; HALF] {
    let mut out = [0; HALF];
    put_right(&mut out, right);
    out
}

/// All words except those that the right node fills alone.
pub(crate) fn without_right(left: &Bits, right: &Bits) -> [Term; HALF + 1] {
    let mut out = [shared(left, right); HALF + 1];
    if let Some(half) = out.first_chunk_mut() {
        put_left(half, left);
    }
    out
}

/// All words except those that the left node fills alone.
pub(crate) fn without_left(left: &Bits, right: &Bits) -> [Term; HALF + 1] {
    let mut out = [shared(left, right); HALF + 1];
    if let Some(half) = out.first_chunk_mut() {
        put_right(half, right);
    }
    out
}

/// All words.
pub(crate) fn whole(left: &Bits, right: &Bits) -> [Term; WORDS] {
    let mut out = [shared(left, right); WORDS];
    if let Some(half) = out.first_chunk_mut() {
        put_left(half, left);
    }
    if let Some(half) = out.last_chunk_mut() {
        put_right(half, right);
    }
    out
}
