//! Frontiers of the main chain's tree: only what the next leaf needs.

use incrementalmerkletree::Position;
use incrementalmerkletree::frontier::Frontier;
use orchard::tree::MerkleHashOrchard;
use serde::Serialize;

use crate::{File, Node, Result, json};

const SOURCE: &str = "Electric-Coin-Company/zcash-swift-wallet-sdk, \
    Sources/ZcashLightClientKit/Resources/checkpoints/mainnet/<height>.json, field orchardTree, \
    commit 0bd788c333fb45334e25515f14b420322d72a38e";
const ATTRIBUTION: &str = "MIT License, Copyright (c) 2020 Zcash";

#[derive(Serialize)]
struct Chain {
    network: &'static str,
    source: &'static str,
    attribution: &'static str,
    frontiers: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    height: u32,
    size: u64,
    leaf: Node,
    ommers: Vec<Node>,
    root: Node,
}

pub fn files() -> Result<Vec<File>> {
    Ok(vec![(
        "mainnet.json",
        json(&Chain {
            network: "mainnet",
            source: SOURCE,
            attribution: ATTRIBUTION,
            frontiers: FACTS.iter().map(entry).collect::<Result<_>>()?,
        })?,
    )])
}

fn entry(fact: &Fact) -> Result<Entry> {
    let height = fact.height;
    let leaf = Node::from_hex(fact.leaf)?;
    let ommers: Vec<Node> = fact
        .ommers
        .iter()
        .map(|hex| Node::from_hex(hex))
        .collect::<Result<_>>()?;

    // `from_parts` refuses a wrong number of ommers: there must be one for each
    // 1 bit of the position.
    let frontier = Frontier::<MerkleHashOrchard, 32>::from_parts(
        Position::from(fact.size - 1),
        leaf.0,
        ommers.iter().map(|ommer| ommer.0).collect(),
    )
    .map_err(|e| format!("frontier at {height}: {e:?}"))?;
    let root = Node(frontier.root());
    if root != Node::from_hex(fact.root)? {
        return Err(format!(
            "frontier at {height} has the root {root}, not {}",
            fact.root
        )
        .into());
    }
    Ok(Entry {
        height,
        size: fact.size,
        leaf,
        ommers,
        root,
    })
}

struct Fact {
    height: u32,
    size: u64,
    leaf: &'static str,
    ommers: &'static [&'static str],
    /// The source lists no root: this one was computed when the frontier was
    /// taken from the source.
    root: &'static str,
}

/// The first and the last frontier of the source, and one in the middle with 18
/// ommers and a complete last shard (16 leaves).
const FACTS: [Fact; 3] = [
    Fact {
        height: 1_690_000,
        size: 114,
        leaf: "bb08724d6a6e7fd012018e39243a708d2e937dd351172da6ae34c8a1f606d101",
        ommers: &[
            "14abb37d2467a1125c549c18e1a1388314bc53c3b76a4d004f6b7c5e1077a106",
            "fd57d4c86c6ca78d2f981128888acb71d873180a296d7832ba23fc6416a78732",
            "d9ed87513756d355cdec68c4f7f57349b5bbd8a979a8d5c96a8045ca0565bb17",
            "d8e69b3185a5f1df294a1c16595b072755733098c57064e6366ca71ce0f78e39",
        ],
        root: "5ccbbddb2eddd59212fc981c43a2a6839834a645f5451189a318e5cfd23c9024",
    },
    Fact {
        height: 2_402_500,
        size: 48_707_008,
        leaf: "feb5495c73ee9b621d3a05e831885a733861c98d9d0e683586617c8de9a24333",
        ommers: &[
            "cd2671b7ec38f1f2354e80df977a2fa41ac2c334adb74fec7ddb7e25ddd1e504",
            "aa9fc33097903e624e9ddeb821cf3ae669540e5f388e3966cd42466512dd6018",
            "19ac9ce1e78bc526ee1a9ef25027ca52b56a502a385d7ce7c3519f186cbcab21",
            "2a06de7a737028946c17ffb98279cc30635110c595ea548eb2b885a469d02d08",
            "a955bab6035986aad7253c8b5aca86c3cd952b194fcc1fc109d7947b3eb28628",
            "5bf72e1fbe4ec50349cd777ca2c3febcdfe46d18eab1e66079a1f61a4014112f",
            "d6e57310281b3386aaef8c54a4b1ac4ff8a305a4668542efc2660969ab91fe3d",
            "68ea7f18b1e74674e60a921ae7c0230a3c7ddc2e2c85066dac16c72df5fe7c2b",
            "7b372892c552d84631cd03e79f81f0e45851ee28f794b77e8c5904e4e1aa5412",
            "1b63dcc8a9ee5e977c5f0073ab36de03e8338e5b985973996aba8494aa8c181b",
            "ccf7051662434b7a702780324182e7704a9c31fb25cf7e1c99c90cc7f865d003",
            "d386508c9fabdc60836bfe3c7251fcbdd4617180a804d40fa29dc25fb9c0aa34",
            "cf3bf92f69798e68555548afcce1648add1fb2548d64fa9a1ec22a3e26e78901",
            "e637281deb58dff0c44ba13149b784a95da1b493005efd057e6f4ac20ef5d81d",
            "cc2dcaa338b312112db04b435a706d63244dd435238f0aa1e9e1598d35470810",
            "2dcc4273c8a0ed2337ecf7879380a07e7d427c7f9d82e538002bd1442978402c",
            "daf63debf5b40df902dae98dadc029f281474d190cddecef1b10653248a23415",
            "e2bca6a8d987d668defba89dc082196a922634ed88e065c669e526bb8815ee1b",
        ],
        root: "32c1cb1e45da46337a2dc27f00015b9026bd02c46945930408b964e344f86814",
    },
    Fact {
        height: 3_155_000,
        size: 49_517_611,
        leaf: "4dbd4684522a6c8cb49591d3735b54125c8f3f7dff586a919e3cdd7144ef6a2a",
        ommers: &[
            "799fe38cfbf91a63e2a69df18af806ca3c4bbaec984f6cb8fafe56f90ba3483d",
            "c5cb34a0c9d55f9092d44074cb221b0cb82777cda5bfb5015480edb6253c7a19",
            "440c39fe84799f6ddd624c01eea111957913aa570c638ee420e70ffac6d88d21",
            "86f56a8fdbb26ee66d414b3061947abf46f1bd9b616eea52ab328d772c437a0f",
            "73d3cea648d19659542370e670bba27030c90d5db89b41f3be6a336a0d72b608",
            "99c8414fa10f1f53c79fc94977a367fb3357ea1f3e4819afeecfe4c1ef1c420d",
            "2b54af73061b31e19c35e5ab464cda2485e2c236a00b8cfebc2be9e90effd013",
            "905ae252612cb76b216003da1312a47b95d56eeb72207dbe5a809e5303215727",
            "7c8ece2b2ab2355d809b58809b21c7a5e95cfc693cd689387f7533ec8749261e",
            "cc2dcaa338b312112db04b435a706d63244dd435238f0aa1e9e1598d35470810",
            "2dcc4273c8a0ed2337ecf7879380a07e7d427c7f9d82e538002bd1442978402c",
            "daf63debf5b40df902dae98dadc029f281474d190cddecef1b10653248a23415",
            "e2bca6a8d987d668defba89dc082196a922634ed88e065c669e526bb8815ee1b",
        ],
        root: "2320cb691c12f29aa10e732d3e8fc7642ebb0052bf049f8bbb514a2e4ca08937",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(fact: Fact, why: &str) {
        let error = entry(&fact).map(|_| ()).expect_err(why).to_string();
        assert!(error.contains(why), "{error}");
    }

    #[test]
    fn a_frontier_that_does_not_fit_is_refused() {
        refused(
            Fact {
                size: 115,
                ..FACTS[0]
            },
            "has the root",
        );
        refused(
            Fact {
                size: 116,
                ..FACTS[0]
            },
            "PositionMismatch",
        );
        refused(
            Fact {
                root: FACTS[1].root,
                ..FACTS[0]
            },
            "has the root",
        );
    }
}
