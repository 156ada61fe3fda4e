//! The keys of every record: the twin of the Go package's `keys.go`.
//!
//! `testdata/keys.txt` holds both against the same list of examples.
//!
//! | first byte | rest | record |
//! |---|---|---|
//! | `0x0F` | `u64` BE shard index | [shard](crate::codec) |
//! | `0x10` | | cap |
//! | `0x11` | `u32` BE checkpoint id | checkpoint |
//! | `0x12` | `u32` BE checkpoint id | this checkpoint is retained |
//! | `0x13` | | tip: size and the newest completed nodes |
//! | `0x14` | | summary of the checkpoints |
//! | `0x14 01` | `u32` BE checkpoint id | this checkpoint may be pruned |
//! | `0x14 02` | `u32` BE checkpoint id, `u64` BE position | a mark removed as of this checkpoint |
//! | `0x14 03` | `u64` BE position | the checkpoints as of which the mark was removed |
//! | `0x14 04` | `u64` BE position | retained checkpoints at this leaf, which has no mark |
//! | `0x15` | `u8` level, `u64` BE index | quad: four completed siblings |
//!
//! Numbers are big-endian, so the keys sort as the numbers do. The Go side puts the caller's prefix in
//! front; it never reaches this crate.

/// First byte of a shard's key.
pub const SHARD: u8 = 0x0F;
/// First byte, and whole key, of the cap.
pub const CAP: u8 = 0x10;
/// First byte of a checkpoint's key.
pub const CHECKPOINT: u8 = 0x11;
/// First byte of the key that says that a checkpoint is retained.
pub const RETAINED: u8 = 0x12;
/// First byte, and whole key, of the tip.
pub const TIP: u8 = 0x13;
/// First byte, and whole key, of the checkpoints' summary.
pub const SUMMARY: u8 = 0x14;
/// Second byte, behind [`SUMMARY`], of the key that lists a prunable checkpoint.
pub const PRUNABLE: u8 = 0x01;
/// Second byte, behind [`SUMMARY`], of the key of a mark removed as of a checkpoint.
pub const REMOVED: u8 = 0x02;
/// Second byte, behind [`SUMMARY`], of the key of the removals of one mark.
pub const REMOVALS: u8 = 0x03;
/// Second byte, behind [`SUMMARY`], of the key that counts retained checkpoints at a leaf.
pub const RETAINED_CUT: u8 = 0x04;
/// First byte of a quad's key.
pub const QUAD: u8 = 0x15;

/// Key of the shard with this index: its leaves are at `16 * index ..`.
pub fn shard(index: u64) -> Vec<u8> {
    prefixed(SHARD, &index.to_be_bytes())
}

/// Key of the cap.
pub fn cap() -> Vec<u8> {
    vec![CAP]
}

/// Key of a checkpoint.
pub fn checkpoint(id: u32) -> Vec<u8> {
    prefixed(CHECKPOINT, &id.to_be_bytes())
}

/// Key that is present if the checkpoint is retained.
pub fn retained(id: u32) -> Vec<u8> {
    prefixed(RETAINED, &id.to_be_bytes())
}

/// Key of the tip.
pub fn tip() -> Vec<u8> {
    vec![TIP]
}

/// Key of the checkpoints' summary.
pub fn summary() -> Vec<u8> {
    vec![SUMMARY]
}

/// Key that lists a checkpoint as one that may be pruned.
pub fn prunable(id: u32) -> Vec<u8> {
    beside_summary(PRUNABLE, &id.to_be_bytes())
}

/// Key of a mark's removal as of a checkpoint.
pub fn removed(id: u32, position: u64) -> Vec<u8> {
    let mut key = beside_summary(REMOVED, &id.to_be_bytes());
    key.extend_from_slice(&position.to_be_bytes());
    key
}

/// Key of the list of checkpoints as of which the mark at this position was removed.
pub fn removals(position: u64) -> Vec<u8> {
    beside_summary(REMOVALS, &position.to_be_bytes())
}

/// Key of the number of retained checkpoints whose newest leaf, unmarked, is at this position.
pub fn retained_cut(position: u64) -> Vec<u8> {
    beside_summary(RETAINED_CUT, &position.to_be_bytes())
}

/// Key of the quad that holds the nodes `4 * index .. 4 * index + 4` of `level`.
pub fn quad(level: u8, index: u64) -> Vec<u8> {
    let mut key = vec![QUAD, level];
    key.extend_from_slice(&index.to_be_bytes());
    key
}

/// The shard index in a shard's key, if it is one.
pub fn parse_shard(key: &[u8]) -> Option<u64> {
    parse(SHARD, key).map(u64::from_be_bytes)
}

/// The id in a key of `kind` [`CHECKPOINT`] or [`RETAINED`], if it is one.
pub fn parse_id(kind: u8, key: &[u8]) -> Option<u32> {
    parse(kind, key).map(u32::from_be_bytes)
}

/// The id in the key of a prunable checkpoint, if it is one.
pub fn parse_prunable(key: &[u8]) -> Option<u32> {
    parse_beside_summary(PRUNABLE, key).map(u32::from_be_bytes)
}

/// The id and position in the key of a removed mark, if it is one.
pub fn parse_removed(key: &[u8]) -> Option<(u32, u64)> {
    let rest: [u8; 12] = parse_beside_summary(REMOVED, key)?;
    let (id, position) = rest.split_first_chunk::<4>()?;
    let position = position.try_into().ok()?;
    Some((u32::from_be_bytes(*id), u64::from_be_bytes(position)))
}

/// The position in a key of `kind` [`REMOVALS`] or [`RETAINED_CUT`], if it is one.
pub fn parse_position(kind: u8, key: &[u8]) -> Option<u64> {
    parse_beside_summary(kind, key).map(u64::from_be_bytes)
}

/// The level and index in a quad's key, if it is one.
pub fn parse_quad(key: &[u8]) -> Option<(u8, u64)> {
    let rest: [u8; 9] = parse(QUAD, key)?;
    let index = rest[1..].try_into().ok()?;
    Some((rest[0], u64::from_be_bytes(index)))
}

/// Whether this is the key of a record.
pub fn is_record(key: &[u8]) -> bool {
    match key.first() {
        Some(&SHARD) => parse_shard(key).is_some(),
        Some(&(CHECKPOINT | RETAINED)) => parse_id(key[0], key).is_some(),
        Some(&QUAD) => parse_quad(key).is_some(),
        Some(&SUMMARY) if key.len() > 1 => {
            parse_prunable(key).is_some()
                || parse_removed(key).is_some()
                || parse_position(REMOVALS, key).is_some()
                || parse_position(RETAINED_CUT, key).is_some()
        }
        Some(&(CAP | TIP | SUMMARY)) => key.len() == 1,
        _ => false,
    }
}

fn prefixed(kind: u8, rest: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + rest.len());
    key.push(kind);
    key.extend_from_slice(rest);
    key
}

fn beside_summary(kind: u8, rest: &[u8]) -> Vec<u8> {
    [&[SUMMARY, kind], rest].concat()
}

fn parse_beside_summary<const N: usize>(kind: u8, key: &[u8]) -> Option<[u8; N]> {
    key.strip_prefix(&[SUMMARY, kind])?.try_into().ok()
}

fn parse<const N: usize>(kind: u8, key: &[u8]) -> Option<[u8; N]> {
    match key.split_first() {
        Some((first, rest)) if *first == kind => rest.try_into().ok(),
        _ => None,
    }
}
