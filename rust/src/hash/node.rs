//! A node of the Orchard tree as the store holds it.

use core::fmt;

use orchard::tree::MerkleHashOrchard;

use super::field::{is_canonical, limbs};

/// A node of the Orchard tree: 32 bytes, the canonical little-endian encoding
/// of a Pallas base field element. The order is that of the bytes, so it is no
/// order of numbers.
///
/// `From` converts to and from `orchard`'s `MerkleHashOrchard`. The way there
/// decodes a field element; the way back encodes one.
///
/// ```
/// use kvshard::hash::OrchardNode;
///
/// assert!(OrchardNode::from_bytes(&[0xff; 32]).is_none()); // above the modulus
/// let node = OrchardNode::from_bytes(&[7; 32]).ok_or("not a canonical node")?;
/// assert_eq!(node.to_string(), "07".repeat(32));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct OrchardNode([u8; 32]);

impl OrchardNode {
    /// The node of these bytes; nothing if they are the modulus or above.
    /// Costs an integer comparison.
    #[inline]
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        is_canonical(&limbs(bytes)).then_some(OrchardNode(*bytes))
    }

    /// The canonical bytes.
    #[inline]
    pub fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// The canonical bytes, borrowed.
    #[inline]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The node of bytes that are canonical by how they came about.
    #[inline]
    pub(super) fn from_canonical(bytes: [u8; 32]) -> Self {
        debug_assert!(is_canonical(&limbs(&bytes)));
        OrchardNode(bytes)
    }
}

/// The 64 lower-case hex digits of the bytes, in their order: the least significant byte comes first.
impl fmt::Display for OrchardNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for OrchardNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<MerkleHashOrchard> for OrchardNode {
    fn from(node: MerkleHashOrchard) -> Self {
        OrchardNode::from_canonical(node.to_bytes())
    }
}

impl From<OrchardNode> for MerkleHashOrchard {
    fn from(node: OrchardNode) -> Self {
        let decoded = MerkleHashOrchard::from_bytes(&node.0);
        Option::from(decoded).expect("the bytes of an OrchardNode are canonical")
    }
}
