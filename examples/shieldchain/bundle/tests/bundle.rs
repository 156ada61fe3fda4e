//! Bundles made, verified and refused. `UPDATE_BUNDLES=1` writes those of `testdata/` anew, which the
//! Go tests read too.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use incrementalmerkletree::{Hashable, Level, Position};
use orchard::circuit::OrchardCircuitVersion;
use orchard::note::ExtractedNoteCommitment;
use orchard::tree::{MerkleHashOrchard, MerklePath};
use serde_json::{Value, json};
use shieldbundle::wallet::{Keys, Payment, Spend, pay, shield, to_bytes};
use shieldbundle::{MAX_ACTIONS, MAX_BYTES, OrchardBundle, Refused, bound, parse, verify, version};

const CHAIN: &str = "shieldchain-1";
const SENDER: &str = "cosmos1qyqszqgpqyqszqgpqyqszqgpqyqszqgpjnp7du";
const RECIPIENT: &str = "cosmos1qgpqyqszqgpqyqszqgpqyqszqgpqyqszrh8mx2";

fn keys(seed: u8) -> Keys {
    Keys::from_seed(&[seed; 32]).unwrap()
}

/// Brings 500,000 into the pool, to the first address of seed 7.
fn shielded() -> OrchardBundle {
    let payment = Payment {
        to: keys(7).address(0),
        value: 500_000,
    };
    shield(payment, &bound(CHAIN, SENDER, "")).unwrap()
}

/// Spends that note: 300,000 to seed 8, 150,000 out of the pool, 50,000 back.
fn spent(from: &OrchardBundle) -> OrchardBundle {
    let owned = keys(7).notes(from).remove(0);
    let path = path(from, owned.action);
    let anchor = path.root(commitment(&owned.note));
    let payment = Payment {
        to: keys(8).address(3),
        value: 300_000,
    };
    let bound = bound(CHAIN, SENDER, RECIPIENT);
    let spends = vec![Spend {
        note: owned.note,
        path,
    }];
    pay(&keys(7), spends, anchor, &[payment], 150_000, &bound).unwrap()
}

fn commitment(note: &orchard::Note) -> ExtractedNoteCommitment {
    note.commitment().into()
}

/// The path of an action's note in the tree of the bundle's two commitments.
fn path(bundle: &OrchardBundle, action: usize) -> MerklePath {
    assert_eq!(bundle.actions().len(), 2);
    let sibling = MerkleHashOrchard::from_cmx(bundle.actions()[1 - action].cmx());
    let mut nodes = vec![sibling];
    nodes.extend((1..32).map(|level| MerkleHashOrchard::empty_root(Level::from(level))));
    let position = u32::try_from(u64::from(Position::from(action as u64))).unwrap();
    MerklePath::from_parts(position, nodes.try_into().unwrap())
}

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(name)
}

fn described(bundle: &OrchardBundle, recipient: &str) -> Value {
    let actions: Vec<Value> = bundle
        .actions()
        .iter()
        .map(|action| {
            json!({
                "nullifier": hex::encode(action.nullifier().to_bytes()),
                "commitment": hex::encode(action.cmx().to_bytes()),
                "ephemeral_key": hex::encode(action.encrypted_note().epk_bytes),
                "ciphertext": hex::encode(&action.encrypted_note().enc_ciphertext.0[..52]),
            })
        })
        .collect();
    json!({
        "chain_id": CHAIN,
        "sender": SENDER,
        "recipient": recipient,
        "anchor": hex::encode(bundle.anchor().to_bytes()),
        "value_balance": i64::from(*bundle.value_balance()),
        "spends_enabled": bundle.flags().spends_enabled(),
        "outputs_enabled": bundle.flags().outputs_enabled(),
        "actions": actions,
    })
}

/// The two bundles of testdata, with what binds their signatures.
fn committed() -> [(Vec<u8>, Vec<u8>); 2] {
    static WRITTEN: OnceLock<()> = OnceLock::new();
    WRITTEN.get_or_init(|| {
        if std::env::var_os("UPDATE_BUNDLES").is_some_and(|set| set == "1") {
            let first = shielded();
            let second = spent(&first);
            for (name, bundle, recipient) in [("shield", first, ""), ("spend", second, RECIPIENT)] {
                let text =
                    serde_json::to_string_pretty(&described(&bundle, recipient)).unwrap() + "\n";
                std::fs::write(testdata(&format!("{name}.json")), text).unwrap();
                std::fs::write(testdata(&format!("{name}.bundle")), to_bytes(&bundle)).unwrap();
            }
        }
    });
    let read = |name| std::fs::read(testdata(name)).unwrap();
    [
        (read("shield.bundle"), bound(CHAIN, SENDER, "")),
        (read("spend.bundle"), bound(CHAIN, SENDER, RECIPIENT)),
    ]
}

fn check(raw: &[u8], bound: &[u8]) -> Result<(), Refused> {
    verify(&parse(raw)?, bound)
}

/// The Go tests read these vectors too.
#[test]
fn what_is_bound_has_one_encoding() {
    let vectors = std::fs::read_to_string(testdata("bound.json")).unwrap();
    let vectors: Value = serde_json::from_str(&vectors).unwrap();
    let vectors = vectors.as_array().unwrap();
    assert!(vectors.len() > 3);
    for vector in vectors {
        let text = |name: &str| vector[name].as_str().unwrap();
        let got = bound(text("chain_id"), text("sender"), text("recipient"));
        assert_eq!(hex::encode(got), text("bound"), "{vector}");
    }
}

#[test]
fn the_circuit_is_the_fixed_one_and_payments_are_allowed() {
    assert_eq!(
        version().circuit_version(),
        OrchardCircuitVersion::FixedPostNu6_2
    );
    assert!(version().default_flags().cross_address_enabled());
}

#[test]
fn committed_bundles_are_accepted() {
    let [shield, spend] = committed();
    for ((raw, bound), recipient, name) in [(&shield, "", "shield"), (&spend, RECIPIENT, "spend")] {
        check(raw, bound).unwrap();
        let text = std::fs::read_to_string(testdata(&format!("{name}.json"))).unwrap();
        let want: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(described(&parse(raw).unwrap(), recipient), want, "{name}");
    }
    // The notes that each seed finds, and that the second bundle spends the first one's.
    let (first, second) = (parse(&shield.0).unwrap(), parse(&spend.0).unwrap());
    let note = keys(7).notes(&first).remove(0).note;
    assert_eq!(note.value().inner(), 500_000);
    let spent = note.nullifier(keys(7).viewing());
    assert!(
        second
            .actions()
            .iter()
            .any(|action| *action.nullifier() == spent)
    );
    let values = |seed: u8| -> Vec<u64> {
        keys(seed)
            .notes(&second)
            .iter()
            .map(|owned| owned.note.value().inner())
            .collect()
    };
    assert_eq!(
        (values(8), values(7), values(9)),
        (vec![300_000], vec![50_000], vec![])
    );
}

#[test]
fn bundles_made_now_are_accepted() {
    let first = shielded();
    let second = spent(&first);
    check(&to_bytes(&first), &bound(CHAIN, SENDER, "")).unwrap();
    check(&to_bytes(&second), &bound(CHAIN, SENDER, RECIPIENT)).unwrap();
    assert_eq!(i64::from(*first.value_balance()), -500_000);
    assert_eq!(i64::from(*second.value_balance()), 150_000);
}

#[test]
fn another_bound_is_refused() {
    for (raw, bound) in committed() {
        let mut shorter = bound.clone();
        shorter.pop();
        let other = shieldbundle::bound(CHAIN, SENDER, SENDER);
        for wrong in [&shorter[..], &[], &other] {
            assert!(matches!(check(&raw, wrong), Err(Refused::Invalid(_))));
        }
    }
}

/// Each byte belongs to something that is checked: a point, a field element, a flag, the proof, a
/// signature, or the ciphertexts that the signatures cover.
#[test]
fn a_changed_byte_is_refused() {
    let [_, (raw, bound)] = committed();
    for at in (0..raw.len()).step_by(211).chain([0, raw.len() - 1]) {
        for bit in [1, 0x80] {
            let mut changed = raw.clone();
            changed[at] ^= bit;
            assert!(check(&changed, &bound).is_err(), "byte {at}, bit {bit}");
        }
    }
}

/// The signatures do not cover the proof and each other; these too belong to the bundle.
#[test]
fn parts_of_another_bundle_are_refused() {
    let [(raw, bound), _] = committed();
    let other = to_bytes(&shielded());
    let signatures = raw.len() - 3 * 64;
    let proof = signatures - 7264;
    for (from, to, want) in [
        (proof, signatures, "the proof is wrong"),
        (
            signatures,
            signatures + 64,
            "the spend authorisation of action 0 is wrong",
        ),
        (raw.len() - 64, raw.len(), "the binding signature is wrong"),
    ] {
        let mut mixed = raw.clone();
        mixed[from..to].copy_from_slice(&other[from..to]);
        assert_eq!(check(&mixed, &bound), Err(Refused::Invalid(want.into())));
    }
}

#[test]
fn other_bytes_are_no_bundle() {
    let malformed = |raw: &[u8]| matches!(parse(raw), Err(Refused::Malformed(_)));
    let [_, (raw, _)] = committed();
    for length in (0..raw.len()).step_by(97).chain([raw.len() - 1]) {
        assert!(malformed(&raw[..length]), "cut to {length} bytes");
    }
    assert!(malformed(&[&raw[..], &[0]].concat()));
    assert!(malformed(&[&raw[..], &raw[..]].concat()));
    // The number of actions in five bytes, and the proof's length in five.
    assert!(malformed(&[&[0xfe, 2, 0, 0, 0], &raw[1..]].concat()));
    let proof = raw.len() - 3 * 64 - 7264;
    let long = [&raw[..proof - 3], &[0xfe, 0x60, 0x1c, 0, 0], &raw[proof..]].concat();
    assert_eq!(raw[proof - 3..proof], [0xfd, 0x60, 0x1c]);
    assert!(malformed(&long));
    // Flags that are reserved, and more value than there is.
    let flags = proof - 3 - 32 - 8 - 1;
    assert_eq!(raw[flags], 3);
    for bit in 2..8 {
        let mut changed = raw.clone();
        changed[flags] |= 1 << bit;
        assert!(malformed(&changed), "flag {bit}");
    }
    let mut changed = raw.clone();
    changed[flags + 1..flags + 9].copy_from_slice(&i64::MAX.to_le_bytes());
    assert!(malformed(&changed));
    // Fields that are not canonical: value commitment, nullifier, key, commitment, ephemeral key.
    for field in 0..5 {
        let mut changed = raw.clone();
        changed[1 + 32 * field..][..32].fill(0xff);
        assert!(malformed(&changed), "field {field}");
    }
    // The identity is no key.
    for field in [2, 4] {
        let mut changed = raw.clone();
        changed[1 + 32 * field..][..32].fill(0);
        assert!(malformed(&changed), "field {field}");
    }
}

/// A bundle of 16 actions has exactly the most bytes; one of 17 is refused, whatever it holds.
#[test]
fn the_number_of_actions_is_bounded() {
    let [_, (raw, _)] = committed();
    let with = |actions: u8| {
        let mut out = vec![actions];
        for _ in 0..actions {
            out.extend(&raw[1..821]);
        }
        let proof = 2720 + 2272 * usize::from(actions);
        out.extend(&raw[1641..1682]);
        out.push(0xfd);
        out.extend((proof as u16).to_le_bytes());
        out.resize(out.len() + proof + 64 * usize::from(actions) + 64, 0);
        out
    };
    let most = with(MAX_ACTIONS as u8);
    assert_eq!(most.len(), MAX_BYTES);
    assert_eq!(parse(&most).unwrap().actions().len(), MAX_ACTIONS);
    let more = with(MAX_ACTIONS as u8 + 1);
    let refused = parse(&more).unwrap_err();
    assert_eq!(refused, Refused::Malformed("more than 16 actions".into()));
    assert!(matches!(parse(&[0xfd, 17, 0]), Err(Refused::Malformed(_))));
    assert!(matches!(parse(&[0]), Err(Refused::Malformed(_))));
}

#[test]
fn the_wallet_says_why_not() {
    let [(raw, _), _] = committed();
    let bundle = parse(&raw).unwrap();
    let note = || keys(7).notes(&bundle).remove(0);
    let owned = note();
    let right = path(&bundle, owned.action);
    let anchor = right.root(commitment(&owned.note));
    let try_pay = |seed, note, path, anchor, value, unshield| {
        let payment = Payment {
            to: keys(8).address(0),
            value,
        };
        let spends = vec![Spend { note, path }];
        pay(&keys(seed), spends, anchor, &[payment], unshield, b"")
            .unwrap_err()
            .to_string()
    };
    let wrong_path = path(&bundle, 1 - owned.action);
    let text = try_pay(7, owned.note, wrong_path, anchor, 1, 0);
    assert!(text.contains("the note cannot be spent"), "{text}");
    let text = try_pay(8, note().note, path(&bundle, owned.action), anchor, 1, 0);
    assert!(text.contains("the note cannot be spent"), "{text}");
    let text = try_pay(7, note().note, right, anchor, 500_000, 1);
    assert!(
        text.contains("worth 500000, less than the 500001"),
        "{text}"
    );
    let text = try_pay(
        7,
        note().note,
        path(&bundle, owned.action),
        anchor,
        u64::MAX,
        u64::MAX,
    );
    assert!(text.contains("less than"), "{text}");
    assert!(Keys::from_seed(&[1; 31]).is_err());
}
