//! Other trees. The program `peers` lets `kvshard bench` measure them beside
//! kvshard's own tree; the program `votestores` writes the stores that they leave.

pub mod engine;
pub mod kv;
pub mod sinsemilla;
pub mod vote;

pub type Bytes = [u8; 32];

/// A tree. It is never asked to do what it cannot do.
pub trait Peer {
    fn start(&mut self, _size: u64, _nodes: &[Bytes]) {
        unimplemented!("only a frontier starts from one")
    }
    fn append(&mut self, leaves: &[Bytes]);
    /// Appends as [`Peer::append`] does, by the tree's fastest call for many
    /// leaves.
    fn build(&mut self, leaves: &[Bytes]) {
        self.append(leaves);
    }
    fn checkpoint(&mut self) {}
    fn root(&mut self) -> Bytes;
    fn witness(&mut self, _position: u64) -> Box<dyn Fn(&Bytes) -> Bytes> {
        unimplemented!("a frontier proves nothing")
    }
    fn open(&mut self) {
        unimplemented!("there is no store to open")
    }
    /// What was counted so far.
    fn work(&self) -> Work;
}

/// What a tree did: its hashes, its operations on a store, and the gas that the SDK
/// charges for them.
#[derive(Clone, Copy, Default)]
pub struct Work {
    pub hashes: u64,
    pub ops: u64,
    pub gas: u64,
    pub read: u64,
    pub written: u64,
}
