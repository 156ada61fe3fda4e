//! Keys from a seed, the notes of a bundle that a seed owns, and bundles with proof and signatures.
//!
//! Like all of this crate, an example. It keeps keys in plain memory and seeds in plain files.

use std::fmt;
use std::sync::OnceLock;

use incrementalmerkletree::Hashable;
use orchard::builder::{Builder, BundleType};
use orchard::bundle::Flags;
use orchard::circuit::ProvingKey;
use orchard::keys::{FullViewingKey, OutgoingViewingKey, Scope, SpendAuthorizingKey, SpendingKey};
use orchard::tree::{MerkleHashOrchard, MerklePath};
use orchard::value::NoteValue;
use orchard::{Address, Anchor, Note};
use rand::SeedableRng;
use rand::rngs::{StdRng, SysRng};
use zcash_primitives::transaction::components::orchard::write_v5_bundle;
use zcash_protocol::value::ZatBalance;
use zip32::AccountId;

use crate::{MAX_ACTIONS, OrchardBundle, sighash, version};

/// The coin type of ZIP 32 for every network but Zcash's own, as SLIP 44 has it. A wallet of
/// `zcash_client_sqlite` on a `LocalNetwork` has the same, so one seed is one account in both.
const COIN_TYPE: u32 = 1;

/// The bytes of a witness: the position as a little-endian u32, and the 32 nodes of the path, lowest
/// first.
pub const WITNESS_BYTES: usize = 4 + 32 * 32;

/// What stands in the way of a bundle.
#[derive(Debug)]
pub struct Error(String);

impl Error {
    /// An error with this text.
    pub fn new(text: impl fmt::Display) -> Error {
        Error(text.to_string())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// The key that proofs are made with, built at the first call (some 4 s of processor time).
pub fn proving_key() -> &'static ProvingKey {
    static KEY: OnceLock<ProvingKey> = OnceLock::new();
    KEY.get_or_init(|| ProvingKey::build(version().circuit_version()))
}

/// Randomness of the operating system.
///
/// # Errors
///
/// If the operating system has none.
pub fn randomness() -> Result<StdRng, Error> {
    StdRng::try_from_rng(&mut SysRng)
        .map_err(|error| Error(format!("no randomness of the operating system: {error}")))
}

/// The keys of a seed: account 0 of ZIP 32, with the coin type of test networks.
pub struct Keys {
    spending: SpendingKey,
    viewing: FullViewingKey,
}

/// A note of a bundle that a seed owns.
pub struct Owned {
    /// The index of its action in the bundle.
    pub action: usize,
    /// The note.
    pub note: Note,
}

impl Keys {
    /// The keys of a seed of 32 to 252 bytes.
    ///
    /// # Errors
    ///
    /// If the seed has another length.
    pub fn from_seed(seed: &[u8]) -> Result<Keys, Error> {
        if !(32..=252).contains(&seed.len()) {
            return Err(Error(format!(
                "a seed of {} bytes: it must have 32 to 252",
                seed.len()
            )));
        }
        let spending = SpendingKey::from_zip32_seed(seed, COIN_TYPE, AccountId::ZERO)
            .map_err(|error| Error(format!("no key of this seed: {error}")))?;
        let viewing = FullViewingKey::from(&spending);
        Ok(Keys { spending, viewing })
    }

    /// The key that sees all notes of the account.
    pub fn viewing(&self) -> &FullViewingKey {
        &self.viewing
    }

    /// The address of an index, to be given to others.
    pub fn address(&self, index: u32) -> Address {
        self.viewing.address_at(index, Scope::External)
    }

    /// The account's own address, where change goes.
    pub fn change_address(&self) -> Address {
        self.viewing.address_at(0u32, Scope::Internal)
    }

    /// The notes of a bundle that these keys can spend: its other outputs cannot be read.
    pub fn notes(&self, bundle: &OrchardBundle) -> Vec<Owned> {
        let keys = [Scope::External, Scope::Internal].map(|scope| self.viewing.to_ivk(scope));
        let found = bundle.decrypt_outputs_with_keys(&keys);
        found
            .into_iter()
            .map(|(action, _, note, ..)| Owned { action, note })
            .collect()
    }

    fn outgoing(&self) -> OutgoingViewingKey {
        self.viewing.to_ovk(Scope::External)
    }
}

/// Value for an address.
#[derive(Clone, Copy)]
pub struct Payment {
    /// Who receives it.
    pub to: Address,
    /// How much.
    pub value: u64,
}

/// A note with its path.
pub struct Spend {
    /// The note, of the keys that pay.
    pub note: Note,
    /// Its path to the anchor.
    pub path: MerklePath,
}

/// A bundle that brings value into the pool. Its anchor is the root of the empty tree, and its spends
/// are disabled.
///
/// # Errors
///
/// If the value is too large.
pub fn shield(payment: Payment, bound: &[u8]) -> Result<OrchardBundle, Error> {
    let empty = MerkleHashOrchard::empty_root(32.into()).into();
    let mut builder = builder(Flags::SPENDS_DISABLED, empty)?;
    output(&mut builder, None, payment)?;
    finish(builder, bound, &[], randomness()?)
}

/// A bundle that spends notes: `payments` go to their addresses, `unshield` leaves the pool, and what
/// is left goes back as change.
///
/// # Errors
///
/// If a note is not of these keys, a path does not lead to the anchor, the notes are worth less than
/// what is asked, or the bundle would have too many actions.
pub fn pay(
    keys: &Keys,
    spends: Vec<Spend>,
    anchor: Anchor,
    payments: &[Payment],
    unshield: u64,
    bound: &[u8],
) -> Result<OrchardBundle, Error> {
    let have: u128 = spends
        .iter()
        .map(|spend| u128::from(spend.note.value().inner()))
        .sum();
    let paid: u128 = payments
        .iter()
        .map(|payment| u128::from(payment.value))
        .sum();
    let asked = paid + u128::from(unshield);
    let Some(change) = have.checked_sub(asked) else {
        return Err(Error(format!(
            "the notes are worth {have}, less than the {asked} asked for"
        )));
    };
    let mut builder = builder(version().default_flags(), anchor)?;
    for Spend { note, path } in spends {
        builder
            .add_spend(keys.viewing.clone(), note, path)
            .map_err(|error| Error(format!("the note cannot be spent: {error}")))?;
    }
    for payment in payments {
        output(&mut builder, Some(keys.outgoing()), *payment)?;
    }
    if change > 0 {
        let value = u64::try_from(change).map_err(|_| Error(format!("change of {change}")))?;
        let change = Payment {
            to: keys.change_address(),
            value,
        };
        output(
            &mut builder,
            Some(keys.viewing.to_ovk(Scope::Internal)),
            change,
        )?;
    }
    let signing = [SpendAuthorizingKey::from(&keys.spending)];
    finish(builder, bound, &signing, randomness()?)
}

/// The bytes of a bundle, as [`crate::parse`] reads them.
pub fn to_bytes(bundle: &OrchardBundle) -> Vec<u8> {
    let mut out = vec![];
    write_v5_bundle(Some(bundle), &mut out).expect("a vector takes every byte");
    out
}

/// Reads an address: 43 bytes, as 86 hex digits.
///
/// # Errors
///
/// If it is no address.
pub fn read_address(text: &str) -> Result<Address, Error> {
    let bytes: Option<[u8; 43]> = hex::decode(text)
        .ok()
        .and_then(|bytes| bytes.try_into().ok());
    let address = bytes.and_then(|bytes| Address::from_raw_address_bytes(&bytes).into());
    address.ok_or_else(|| Error(format!("{text:?} is no address: it has 86 hex digits")))
}

/// Reads an anchor: a root of 32 bytes, as 64 hex digits.
///
/// # Errors
///
/// If it is no root.
pub fn read_anchor(text: &str) -> Result<Anchor, Error> {
    let bytes: Option<[u8; 32]> = hex::decode(text)
        .ok()
        .and_then(|bytes| bytes.try_into().ok());
    let anchor = bytes.and_then(|bytes| Anchor::from_bytes(bytes).into());
    anchor.ok_or_else(|| Error(format!("{text:?} is no anchor: it has 64 hex digits")))
}

/// Reads a witness of [`WITNESS_BYTES`].
///
/// # Errors
///
/// If the length is another, or a node is not canonical.
pub fn read_witness(bytes: &[u8]) -> Result<MerklePath, Error> {
    if bytes.len() != WITNESS_BYTES {
        return Err(Error(format!(
            "a witness has {WITNESS_BYTES} bytes, not {}",
            bytes.len()
        )));
    }
    let (position, nodes) = bytes
        .split_first_chunk::<4>()
        .expect("the length is checked");
    let (nodes, _) = nodes.as_chunks::<32>();
    let mut path = Vec::with_capacity(32);
    for (level, node) in nodes.iter().enumerate() {
        let node = Option::from(MerkleHashOrchard::from_bytes(node));
        path.push(
            node.ok_or_else(|| Error(format!("node {level} of the witness is not canonical")))?,
        );
    }
    let path = path.try_into().expect("the length is checked");
    Ok(MerklePath::from_parts(u32::from_le_bytes(*position), path))
}

fn builder(flags: Flags, anchor: Anchor) -> Result<Builder, Error> {
    Builder::new(BundleType::DEFAULT, version(), flags, anchor).map_err(Error::new)
}

fn output(
    builder: &mut Builder,
    ovk: Option<OutgoingViewingKey>,
    payment: Payment,
) -> Result<(), Error> {
    let value = NoteValue::from_raw(payment.value);
    builder
        .add_output(ovk, payment.to, value, [0; 512])
        .map_err(Error::new)
}

/// Proves and signs.
fn finish(
    builder: Builder,
    bound: &[u8],
    signing: &[SpendAuthorizingKey],
    mut rng: StdRng,
) -> Result<OrchardBundle, Error> {
    let built = builder.build::<ZatBalance>(&mut rng).map_err(Error::new)?;
    let (unproven, _) = built.ok_or_else(|| Error("a bundle without spends and outputs".into()))?;
    let actions = unproven.actions().len();
    if actions > MAX_ACTIONS {
        return Err(Error(format!(
            "{actions} actions, the most are {MAX_ACTIONS}"
        )));
    }
    let hash = sighash(&unproven, bound);
    let proven = unproven
        .create_proof(proving_key(), &mut rng)
        .map_err(Error::new)?;
    proven
        .apply_signatures(&mut rng, hash, signing)
        .map_err(Error::new)
}
