//! The modulus of the Pallas base field, in 64-bit limbs, lowest first.

/// The modulus.
pub(crate) const P: [u64; 4] = [0x992d_30ed_0000_0001, 0x2246_98fc_094c_f91b, 0, 1 << 62];

/// -p^-1 mod 2^64. As p = 1 + c·2^32 (mod 2^64), this is c·2^32 - 1: their
/// product is c²·2^64 - 1.
pub(crate) const MINUS_P_INVERSE: u64 = P[0].wrapping_sub(2);
