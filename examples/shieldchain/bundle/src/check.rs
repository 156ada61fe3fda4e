//! Reading and verifying a bundle.

use std::fmt;
use std::sync::OnceLock;

use orchard::bundle::{Authorization, Authorized, BundleVersion, TxVersion};
use orchard::circuit::VerifyingKey;
use orchard::{Bundle, Proof};
use zcash_primitives::transaction::components::orchard::{
    ACTION_SIZE, SPEND_AUTH_SIG_SIZE, read_v5_bundle, write_v5_bundle,
};
use zcash_protocol::consensus::BranchId;
use zcash_protocol::value::ZatBalance;

/// A bundle with its proof and signatures. The value balance is what leaves the pool.
pub type OrchardBundle = Bundle<Authorized, ZatBalance>;

/// The most actions of one bundle: they bound what a message can cost.
pub const MAX_ACTIONS: usize = 16;

/// The bytes of a bundle of [`MAX_ACTIONS`] actions: their number, the actions, flags, value
/// balance, anchor, the proof behind its length, the signatures.
pub const MAX_BYTES: usize = 1
    + MAX_ACTIONS * ACTION_SIZE
    + 1
    + 8
    + 32
    + 3
    + PROOF_OF_MAX
    + MAX_ACTIONS * SPEND_AUTH_SIG_SIZE
    + 64;

const PROOF_OF_MAX: usize = Proof::expected_proof_size(MAX_ACTIONS);

/// Domain of [`sighash`].
const PERSONAL: &[u8; 16] = b"shieldchain_orch";

/// Why a bundle is refused.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// The bytes are no bundle, or not in the one encoding that a bundle has.
    Malformed(String),
    /// The proof or a signature is wrong.
    Invalid(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Malformed(why) | Refused::Invalid(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Refused {}

/// The rules of NU6.2: the circuit that is sound, and payments between addresses.
pub fn version() -> BundleVersion {
    BundleVersion::orchard_v2()
}

/// The key that proofs are verified with, built at the first call (some 3 s of processor time).
pub fn verifying_key() -> &'static VerifyingKey {
    static KEY: OnceLock<VerifyingKey> = OnceLock::new();
    KEY.get_or_init(|| VerifyingKey::build(version().circuit_version()))
}

/// Reads a bundle: no proof and no signature is verified.
///
/// # Errors
///
/// [`Refused::Malformed`] if there are no actions or more than [`MAX_ACTIONS`], a field is not
/// canonical, bytes are missing or left over.
pub fn parse(raw: &[u8]) -> Result<OrchardBundle, Refused> {
    let malformed = |why: String| Err(Refused::Malformed(why));
    match raw.first() {
        None => return malformed("there are no bytes".into()),
        Some(0) => return malformed("the bundle has no actions".into()),
        // From 253 on the number is longer than this byte.
        Some(&count) if usize::from(count) > MAX_ACTIONS => {
            return malformed(format!("more than {MAX_ACTIONS} actions"));
        }
        Some(_) => {}
    }
    if raw.len() > MAX_BYTES {
        return malformed(format!("{} bytes, the most are {MAX_BYTES}", raw.len()));
    }
    let mut rest = raw;
    let bundle = match read_v5_bundle(&mut rest, BranchId::Nu6_2) {
        Ok(Some(bundle)) => bundle,
        Ok(None) => return malformed("the bundle has no actions".into()),
        Err(error) => return malformed(error.to_string()),
    };
    if !rest.is_empty() {
        return malformed(format!("{} bytes behind the bundle", rest.len()));
    }
    let mut again = Vec::with_capacity(raw.len());
    write_v5_bundle(Some(&bundle), &mut again).expect("a vector takes every byte");
    if again != raw {
        return malformed("not the canonical encoding".into());
    }
    Ok(bundle)
}

/// What all signatures of a bundle sign: BLAKE2b-256 with the personalisation `shieldchain_orch` of
/// the bundle's commitment (ZIP 244, version 5) and `bound`.
pub fn sighash<T: Authorization>(bundle: &Bundle<T, ZatBalance>, bound: &[u8]) -> [u8; 32] {
    let commitment: [u8; 32] = bundle
        .commitment(TxVersion::V5)
        .expect("a bundle of NU6.2 belongs into a version 5 transaction")
        .into();
    let hash = blake2b_simd::Params::new()
        .hash_length(32)
        .personal(PERSONAL)
        .to_state()
        .update(&commitment)
        .update(bound)
        .finalize();
    hash.as_bytes().try_into().expect("32 bytes were asked for")
}

/// Verifies the signatures over [`sighash`], and then the proof.
///
/// # Errors
///
/// [`Refused::Invalid`], with the first thing that is wrong.
pub fn verify(bundle: &OrchardBundle, bound: &[u8]) -> Result<(), Refused> {
    let invalid = |why: String| Err(Refused::Invalid(why));
    let sighash = sighash(bundle, bound);
    for (index, action) in bundle.actions().iter().enumerate() {
        if action
            .rk()
            .verify(&sighash, action.authorization())
            .is_err()
        {
            return invalid(format!(
                "the spend authorisation of action {index} is wrong"
            ));
        }
    }
    let binding = bundle.authorization().binding_signature();
    if bundle
        .binding_validating_key()
        .verify(&sighash, binding)
        .is_err()
    {
        return invalid("the binding signature is wrong".into());
    }
    if bundle.verify_proof(verifying_key()).is_err() {
        return invalid("the proof is wrong".into());
    }
    Ok(())
}
