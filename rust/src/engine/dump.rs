//! A picture of the tree in text.

use std::fmt::Write;

use super::SchemeEngine;
use super::call::Call;
use super::cap::Cap;
use super::reads::size_of;
use super::shard::Shard;
use crate::codec::{self, SHARD_HEIGHT, StoredNode, Tip};
use crate::edge;
use crate::error::{Error, KvError};
use crate::keys;
use crate::kv::{Direction, Kv};
use crate::listing;
use crate::scheme::Scheme;

impl<K: Kv, S: Scheme> SchemeEngine<K, S> {
    /// Draws the tree: its size and root, then each kind of record with its bytes. Like shards in a
    /// row take one line. Reads every record once.
    pub fn dump(&mut self) -> Result<String, Error> {
        self.call(|call| {
            let mut out = String::new();
            let tip = call.reads.tip()?;
            let root = call.root_at_size(&tip, tip.size)?;
            line(
                &mut out,
                format!(
                    "tree of depth {}: {} leaves, root {}",
                    call.depth(),
                    tip.size,
                    show(&root)
                ),
            );
            if tip.origin > 0 {
                line(
                    &mut out,
                    format!(
                        "started from a frontier: no shard before position {}",
                        tip.origin
                    ),
                );
            }
            call.dump_checkpoints(&mut out)?;
            call.dump_cap(&mut out, &tip)?;
            call.dump_quads(&mut out)?;
            call.dump_tip(&mut out, &tip)?;
            call.dump_shards(&mut out, &tip)?;
            Ok(out)
        })
    }
}

/// Bytes of a record, 0 if there is none.
fn length(value: Option<&[u8]>) -> Result<usize, KvError> {
    Ok(value.map_or(0, <[u8]>::len))
}

fn line(out: &mut String, text: String) {
    out.push_str(&text);
    out.push('\n');
}

/// The node's bytes as hex.
fn show<H: StoredNode>(node: &H) -> String {
    crate::error::hex(&codec::node_bytes(node))
}

/// Counts of one kind's records.
#[derive(Default)]
struct Totals {
    records: usize,
    bytes: usize,
}

impl Totals {
    fn add(&mut self, key: usize, value: usize) {
        self.records += 1;
        self.bytes += key + value;
    }

    fn text(&self) -> String {
        format!("{} records, {} bytes with keys", self.records, self.bytes)
    }
}

impl<S: Scheme> Call<'_, S> {
    fn dump_checkpoints(&mut self, out: &mut String) -> Result<(), Error> {
        let summary = self.reads.summary()?;
        let retained: Vec<u32> = listing::retained(self.reads.kv())?.collect::<Result<_, _>>()?;
        let mut totals = Totals::default();
        let mut lines = String::new();
        let listed = listing::checkpoints(
            self.reads.kv(),
            vec![keys::CHECKPOINT],
            Direction::Ascending,
        )?;
        for checkpoint in listed {
            let (id, checkpoint) = checkpoint?;
            let bytes = codec::encode_checkpoint(&checkpoint).len();
            totals.add(keys::checkpoint(id).len(), bytes);
            let _ = write!(lines, "  checkpoint {id} at size {}", size_of(&checkpoint));
            if retained.binary_search(&id).is_ok() {
                lines.push_str(", retained");
            }
            match checkpoint.marks_removed().len() {
                0 => {}
                marks => {
                    let _ = write!(lines, ", {marks} marks removed");
                }
            }
            lines.push('\n');
        }
        line(
            out,
            format!(
                "checkpoints: {}, {} retained",
                totals.text(),
                summary.retained
            ),
        );
        out.push_str(&lines);
        Ok(())
    }

    fn dump_cap(&mut self, out: &mut String, tip: &Tip<S::Node>) -> Result<(), Error> {
        let bytes = self.reads.record(keys::cap(), length)?;
        line(out, format!("cap: {bytes} bytes"));
        let cap = self.reads.cap(tip)?;
        for (level, index) in Cap::<S::Node>::places(self.depth(), tip.size, tip.origin) {
            if let Some(node) = cap.get(level, index) {
                line(
                    out,
                    format!("  level {level:2} index {index}: {}", show(node)),
                );
            }
        }
        Ok(())
    }

    fn dump_quads(&mut self, out: &mut String) -> Result<(), Error> {
        let mut levels: Vec<(u8, Totals)> = vec![];
        for quad in listing::quads(self.reads.kv())? {
            let ((level, index), value) = quad?;
            if levels.last().is_none_or(|(last, _)| *last != level) {
                levels.push((level, Totals::default()));
            }
            if let Some((_, totals)) = levels.last_mut() {
                totals.add(keys::quad(level, index).len(), value.len());
            }
        }
        line(out, format!("quads: at {} levels", levels.len()));
        for (level, totals) in levels {
            line(out, format!("  level {level:2}: {}", totals.text()));
        }
        Ok(())
    }

    fn dump_tip(&mut self, out: &mut String, tip: &Tip<S::Node>) -> Result<(), Error> {
        let bytes = self.reads.record(keys::tip(), length)?;
        line(out, format!("tip: {bytes} bytes"));
        let first = edge::member_indices(tip.size, tip.origin).start;
        for (member, index) in tip.members.iter().zip(first..) {
            line(
                out,
                format!(
                    "  level {:2} index {index}: {}",
                    super::QUAD_LEVEL,
                    show(member)
                ),
            );
        }
        if let Some(ommer) = &tip.ommer {
            let index = (tip.size >> SHARD_HEIGHT) - 1;
            line(
                out,
                format!("  level {SHARD_HEIGHT:2} index {index}: {}", show(ommer)),
            );
        }
        Ok(())
    }

    fn dump_shards(&mut self, out: &mut String, tip: &Tip<S::Node>) -> Result<(), Error> {
        let mut totals = Totals::default();
        let mut runs: Vec<(u64, u64, String)> = vec![];
        for entry in listing::shards(self.reads.kv(), Direction::Ascending)? {
            let (index, value) = entry?;
            let key = keys::shard(index);
            totals.add(key.len(), value.len());
            let shard = Shard::decode(self.hasher.scheme(), index, tip.size, &value)?;
            let shape = shard.shape(value.len());
            match runs.last_mut() {
                Some((_, last, same)) if *last + 1 == index && *same == shape => *last = index,
                _ => runs.push((index, index, shape)),
            }
        }
        line(out, format!("shards: {}", totals.text()));
        for (first, last, shape) in runs {
            let name = match first == last {
                true => format!("shard {first}"),
                false => format!("shards {first} to {last}, each"),
            };
            line(out, format!("  {name}: {shape}"));
        }
        Ok(())
    }
}

impl<H: StoredNode> Shard<H> {
    /// One character a leaf: `M` marked, `c` kept for a checkpoint, `o` kept as the newest or as a
    /// sibling, `.` merged into a larger node, blank where there is none yet.
    fn shape(&self, bytes: usize) -> String {
        let mut leaves = String::new();
        for position in self.start()..self.end() {
            leaves.push(match self.leaf(position) {
                None => '.',
                Some((_, flags)) if flags.is_marked() => 'M',
                Some((_, flags)) if flags.is_checkpoint() => 'c',
                Some(_) => 'o',
            });
        }
        format!("[{leaves:16}] {bytes} bytes")
    }
}
