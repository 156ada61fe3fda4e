//! The C functions, which the Go package `bundle` calls.
//!
//! Each catches panics, reads only the bytes that it is given, and writes only its outputs. They may
//! be called from any thread, at the same time. Nothing but the verifying key is kept.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

use orchard::bundle::Flags;

use crate::{MAX_ACTIONS, MAX_BYTES, OrchardBundle, Refused, parse, verify, verifying_key};

/// The bundle is accepted.
pub const SHIELDBUNDLE_OK: i32 = 0;
/// The bytes are no bundle, or not in the one encoding that a bundle has.
pub const SHIELDBUNDLE_MALFORMED: i32 = 1;
/// The proof or a signature is wrong.
pub const SHIELDBUNDLE_INVALID: i32 = 2;
/// A panic in this library was caught.
pub const SHIELDBUNDLE_INTERNAL: i32 = 3;

/// The most actions of one bundle.
pub const SHIELDBUNDLE_MAX_ACTIONS: usize = 16;
/// The most bytes of one bundle.
pub const SHIELDBUNDLE_MAX_BYTES: usize = 53325;

const _: () = assert!(SHIELDBUNDLE_MAX_ACTIONS == MAX_ACTIONS);
const _: () = assert!(SHIELDBUNDLE_MAX_BYTES == MAX_BYTES);

/// Of an action: the note that it spends, and the note that it makes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ShieldbundleAction {
    /// The nullifier of the note that is spent.
    pub nullifier: [u8; 32],
    /// The commitment of the new note: the leaf.
    pub commitment: [u8; 32],
    /// The key that the new note is encrypted for, with the receiver's.
    pub ephemeral_key: [u8; 32],
    /// The first bytes of the encrypted note, enough to find it.
    pub ciphertext: [u8; 52],
}

/// What a bundle does.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ShieldbundleEffects {
    /// What leaves the pool; below 0, what enters it.
    pub value_balance: i64,
    /// Actions.
    pub action_count: u32,
    /// 1 if notes may be spent, 0 if not.
    pub spends_enabled: u8,
    /// 1 if notes may be made, 0 if not.
    pub outputs_enabled: u8,
    /// The root that the spent notes lie below.
    pub anchor: [u8; 32],
    /// The actions, of which the first `action_count` are filled.
    pub actions: [ShieldbundleAction; SHIELDBUNDLE_MAX_ACTIONS],
}

/// Why a call did not answer SHIELDBUNDLE_OK.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ShieldbundleReport {
    /// Bytes of text in `message`.
    pub message_len: u32,
    /// UTF-8, cut to fit.
    pub message: [u8; 252],
}

/// Reads the bundle of `len` bytes at `raw`. Fills `effects` if the answer is SHIELDBUNDLE_OK, and
/// else `report`.
///
/// # Safety
///
/// `raw` is valid for `len` bytes, or `len` is 0; `effects` and `report` are valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shieldbundle_parse(
    raw: *const u8,
    len: usize,
    effects: *mut ShieldbundleEffects,
    report: *mut ShieldbundleReport,
) -> i32 {
    // SAFETY: the caller's promise.
    let (raw, effects, report) = unsafe { (bytes(raw, len), &mut *effects, &mut *report) };
    guard(report, || {
        #[cfg(feature = "test-panic")]
        assert!(raw != b"panic", "on purpose, {}", "é".repeat(300));
        *effects = of(&parse(raw)?);
        Ok(())
    })
}

/// Reads a bundle and verifies its proof and its signatures, which bind the `bound_len` bytes at
/// `bound`. Fills `report` if the answer is not SHIELDBUNDLE_OK.
///
/// # Safety
///
/// `raw` and `bound` are valid for their lengths, or these are 0; `report` is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shieldbundle_verify(
    raw: *const u8,
    len: usize,
    bound: *const u8,
    bound_len: usize,
    report: *mut ShieldbundleReport,
) -> i32 {
    // SAFETY: the caller's promise.
    let (raw, bound) = unsafe { (bytes(raw, len), bytes(bound, bound_len)) };
    // SAFETY: the caller's promise.
    let report = unsafe { &mut *report };
    guard(report, || verify(&parse(raw)?, bound))
}

/// Builds the verifying key, if no call has done it yet. Fills `report` if the answer is not
/// SHIELDBUNDLE_OK.
///
/// # Safety
///
/// `report` is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn shieldbundle_warm(report: *mut ShieldbundleReport) -> i32 {
    // SAFETY: the caller's promise.
    let report = unsafe { &mut *report };
    guard(report, || {
        verifying_key();
        Ok(())
    })
}

/// # Safety
///
/// `at` is valid for `len` bytes for as long as the call lasts, or `len` is 0.
unsafe fn bytes<'a>(at: *const u8, len: usize) -> &'a [u8] {
    if len == 0 {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { slice::from_raw_parts(at, len) }
}

/// Runs `call`, turns a panic into an answer, and fills the report.
fn guard(report: &mut ShieldbundleReport, call: impl FnOnce() -> Result<(), Refused>) -> i32 {
    let (status, message) = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(())) => return SHIELDBUNDLE_OK,
        Ok(Err(refused @ Refused::Malformed(_))) => (SHIELDBUNDLE_MALFORMED, refused.to_string()),
        Ok(Err(refused @ Refused::Invalid(_))) => (SHIELDBUNDLE_INVALID, refused.to_string()),
        Err(panic) => (SHIELDBUNDLE_INTERNAL, text(panic.as_ref()).to_owned()),
    };
    let fits = message.floor_char_boundary(report.message.len());
    report.message[..fits].copy_from_slice(&message.as_bytes()[..fits]);
    report.message_len = fits as u32;
    status
}

/// The text of a panic.
fn text(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    let text = owned.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a text")
}

fn of(bundle: &OrchardBundle) -> ShieldbundleEffects {
    const NONE: ShieldbundleAction = ShieldbundleAction {
        nullifier: [0; 32],
        commitment: [0; 32],
        ephemeral_key: [0; 32],
        ciphertext: [0; 52],
    };
    let flags: &Flags = bundle.flags();
    let mut effects = ShieldbundleEffects {
        value_balance: i64::from(*bundle.value_balance()),
        action_count: bundle.actions().len() as u32,
        spends_enabled: flags.spends_enabled().into(),
        outputs_enabled: flags.outputs_enabled().into(),
        anchor: bundle.anchor().to_bytes(),
        actions: [NONE; MAX_ACTIONS],
    };
    for (to, action) in effects.actions.iter_mut().zip(bundle.actions()) {
        to.nullifier = action.nullifier().to_bytes();
        to.commitment = action.cmx().to_bytes();
        to.ephemeral_key = action.encrypted_note().epk_bytes;
        let compact = to.ciphertext.len();
        to.ciphertext
            .copy_from_slice(&action.encrypted_note().enc_ciphertext.0[..compact]);
    }
    effects
}
