//! Reads what `kvshard witness --binary` writes, using only the crate `orchard`:
//! the position, `u32` little-endian, then the 32 siblings from the leaf up, 32
//! bytes each.

use orchard::note::ExtractedNoteCommitment;
use orchard::tree::{Anchor, MerkleHashOrchard, MerklePath};

/// The length of the binary form.
pub const LENGTH: usize = 4 + 32 * 32;

/// The path, as an Orchard spend takes it; `None` if the bytes are not a path.
pub fn read(witness: &[u8]) -> Option<MerklePath> {
    let witness: &[u8; LENGTH] = witness.try_into().ok()?;
    let (position, nodes) = witness.split_first_chunk::<4>()?;
    let mut path = Vec::with_capacity(32);
    for node in nodes.as_chunks::<32>().0 {
        path.push(Option::from(MerkleHashOrchard::from_bytes(node))?);
    }
    Some(MerklePath::from_parts(
        u32::from_le_bytes(*position),
        path.try_into().ok()?,
    ))
}

/// Whether the path leads from the commitment to the anchor, computed with
/// `orchard`'s own hash.
pub fn verify(path: &MerklePath, commitment: &[u8; 32], anchor: &[u8; 32]) -> bool {
    let commitment: Option<_> = ExtractedNoteCommitment::from_bytes(commitment).into();
    let anchor: Option<_> = Anchor::from_bytes(*anchor).into();
    match (commitment, anchor) {
        (Some(commitment), Some(anchor)) => path.root(commitment) == anchor,
        _ => false,
    }
}

/// 32 bytes from 64 hex digits.
pub fn hex(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u8>> = text
        .trim()
        .chars()
        .map(|c| c.to_digit(16).map(|d| d as u8))
        .collect();
    let digits = digits.filter(|digits| digits.len() == 64)?;
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    Some(bytes)
}
