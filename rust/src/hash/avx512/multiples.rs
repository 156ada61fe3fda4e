//! Multiples of p in limbs of any width, for constants.

/// n·p, for p in limbs of so many bits; the last limb takes what is above.
pub(super) const fn multiple<const LIMBS: usize>(
    p: &[u64; LIMBS],
    bits: u32,
    n: u64,
) -> [u64; LIMBS] {
    let mut out = [0; LIMBS];
    let (mut carry, mut i) = (0, 0);
    while i < LIMBS {
        let limb = p[i] * n + carry;
        carry = limb >> bits;
        out[i] = if i < LIMBS - 1 {
            limb & ((1 << bits) - 1)
        } else {
            limb
        };
        i += 1;
    }
    out
}

/// What [`super::lanes::Lanes::reduce`] takes off, by the element's bits from 254 on: one multiple of p
/// less than they say, limb by limb.
pub(super) const fn excess<const LIMBS: usize>(p: &[u64; LIMBS], bits: u32) -> [[u64; 8]; LIMBS] {
    let mut out = [[0; 8]; LIMBS];
    let mut n = 1;
    while n < 8 {
        let limbs = multiple(p, bits, n as u64 - 1);
        let mut i = 0;
        while i < LIMBS {
            out[i][n] = limbs[i];
            i += 1;
        }
        n += 1;
    }
    out
}
