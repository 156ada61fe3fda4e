//! Every decoder: the encoder gives back the same bytes for whatever the decoder reads.

use kvshard::codec::{self, Plain, TreeNode};
use kvshard::error::KvError;
use kvshard::hash::OrchardNode;
use orchard::tree::MerkleHashOrchard;

use crate::node::CheapNode;

/// The first byte selects the decoder; the others are a record's value.
pub fn decode(data: &[u8]) {
    let Some((which, value)) = data.split_first() else {
        return;
    };
    let key = [0xaa, *which];
    let again = match which % 8 {
        0 => tree::<OrchardNode>(&key, value, codec::SHARD_HEIGHT),
        1 => tree::<OrchardNode>(&key, value, 32),
        2 => tree::<MerkleHashOrchard>(&key, value, codec::SHARD_HEIGHT),
        3 => tree::<CheapNode>(&key, value, 32),
        4 => codec::decode_checkpoint(&key, value).map(|c| codec::encode_checkpoint(&c)),
        5 => codec::decode_tip(&Plain::<OrchardNode>::default(), 32, None, value)
            .map(|tip| codec::encode_tip(&tip, None)),
        6 => codec::decode_summary(value).map(|s| codec::encode_summary(&s)),
        _ => {
            let count = u64::from(which >> 3) % 5;
            codec::decode_quad(&Plain::<OrchardNode>::default(), &key, value, count)
                .map(|nodes| codec::encode_quad(&nodes))
        }
    };
    match again {
        Ok(again) => assert_eq!(again, value, "decoder {which}"),
        Err(KvError::Corrupt { .. } | KvError::UnsupportedVersion { .. }) => {}
        Err(other) => panic!("decoder {which}: {other}"),
    }
}

fn tree<H: TreeNode>(key: &[u8], value: &[u8], height: u8) -> Result<Vec<u8>, KvError> {
    codec::decode_tree(&Plain::<H>::default(), key, value, height)
        .map(|tree| codec::encode_tree(&tree))
}
