//! What the signatures bind beside the bundle.

/// The bytes that a bundle's signatures cover beside its effects: for the chain's id, the account
/// that pays (bech32), and the account that receives what leaves the pool (bech32, empty if nothing
/// does), each its length as a little-endian u32, and its bytes. The Go function `Bound` writes the
/// same; `testdata/bound.json` holds both.
///
/// # Panics
///
/// If a text has 2^32 bytes or more.
pub fn bound(chain_id: &str, sender: &str, recipient: &str) -> Vec<u8> {
    let mut out = vec![];
    for text in [chain_id, sender, recipient] {
        let length = u32::try_from(text.len()).expect("an id or an address is short");
        out.extend(length.to_le_bytes());
        out.extend(text.as_bytes());
    }
    out
}
