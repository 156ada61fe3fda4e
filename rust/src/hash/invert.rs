//! Division modulo p by the "safegcd" of Bernstein and Yang (*Fast
//! constant-time gcd computation and modular inversion*, 2019,
//! <https://gcd.cr.yp.to/papers.html>), in variable time.
//!
//! A division step halves g, after it subtracts f if g is odd. Sixty-two steps
//! depend on the low 62 bits alone. So they run on single words and are
//! gathered in a 2×2 matrix, which is then applied to the long numbers: to
//! (f, g), and modulo p to (d, e), so that a·f = d·b and a·g = e·b (mod p) stay
//! true. At the end g = 0, f = ±1 and d = ±a/b. In the paper, a is 1.
//!
//! It takes nine or ten such matrices, a little over a microsecond. Raising to
//! the power p - 2 would cost some 300 multiplications.

use super::modulus::{MINUS_P_INVERSE, P};

const MASK: u64 = u64::MAX >> 2;

/// A signed integer in 62-bit limbs: all but the top one are in 0..2^62.
type Signed = [i64; 5];

/// p in 62-bit limbs.
const P62: Signed = split(&P);

/// p^-1 mod 2^62.
const P_INVERSE: u64 = MINUS_P_INVERSE.wrapping_neg() & MASK;

/// 62 division steps: 2^62·(f', g') = (u·f + v·g, q·f + r·g).
struct Steps {
    u: i64,
    v: i64,
    q: i64,
    r: i64,
}

const fn split(x: &[u64; 4]) -> Signed {
    [
        (x[0] & MASK) as i64,
        ((x[0] >> 62 | x[1] << 2) & MASK) as i64,
        ((x[1] >> 60 | x[2] << 4) & MASK) as i64,
        ((x[2] >> 58 | x[3] << 6) & MASK) as i64,
        (x[3] >> 56) as i64,
    ]
}

const fn join(x: &Signed) -> [u64; 4] {
    let [a, b, c, d, e] = [
        x[0] as u64,
        x[1] as u64,
        x[2] as u64,
        x[3] as u64,
        x[4] as u64,
    ];
    [
        a | b << 62,
        b >> 2 | c << 60,
        c >> 4 | d << 58,
        d >> 6 | e << 56,
    ]
}

/// Runs 62 division steps on the low words of f and g. `eta` is minus the
/// paper's delta; the new one is returned.
fn divide_steps(mut eta: i64, f: u64, g: u64) -> (i64, Steps) {
    let (mut f, mut g) = (f, g);
    let (mut u, mut v, mut q, mut r) = (1u64, 0u64, 0u64, 1u64);
    let mut left = 62u32;
    // -1/f = f·(f² - 2) (mod 64) for odd f: known before g, for which all else waits.
    let inverse = |f: u64| f.wrapping_mul(f.wrapping_mul(f).wrapping_sub(2));
    let mut minus_inverse = inverse(f);
    loop {
        // Halve as long as g is even, but not beyond the last step.
        let zeros = (g | u64::MAX << left).trailing_zeros();
        g >>= zeros;
        u <<= zeros;
        v <<= zeros;
        eta -= i64::from(zeros);
        left -= zeros;
        if left == 0 {
            break;
        }
        if eta < 0 {
            eta = -eta;
            (f, g) = (g, f.wrapping_neg());
            (u, q) = (q, u.wrapping_neg());
            (v, r) = (r, v.wrapping_neg());
            minus_inverse = inverse(f);
        }
        // Until eta turns negative every step adds f or not, so up to six of
        // them together add the multiple of f that clears the low bits of g.
        let w = minus_inverse.wrapping_mul(g) & (63 >> (5 - eta.min(5))) & !(u64::MAX << left);
        g = g.wrapping_add(f.wrapping_mul(w));
        q = q.wrapping_add(u.wrapping_mul(w));
        r = r.wrapping_add(v.wrapping_mul(w));
    }
    let steps = Steps {
        u: u as i64,
        v: v as i64,
        q: q as i64,
        r: r as i64,
    };
    (eta, steps)
}

#[inline(always)]
fn product(a: i64, b: i64) -> i128 {
    i128::from(a) * i128::from(b)
}

/// Applies the steps to (f, g), which they divide by 2^62 without remainder.
#[inline(always)]
fn update_fg(f: &mut Signed, g: &mut Signed, t: &Steps, len: usize) {
    let mut cf = (product(t.u, f[0]) + product(t.v, g[0])) >> 62;
    let mut cg = (product(t.q, f[0]) + product(t.r, g[0])) >> 62;
    for i in 1..len {
        cf += product(t.u, f[i]) + product(t.v, g[i]);
        cg += product(t.q, f[i]) + product(t.r, g[i]);
        f[i - 1] = (cf as u64 & MASK) as i64;
        g[i - 1] = (cg as u64 & MASK) as i64;
        cf >>= 62;
        cg >>= 62;
    }
    f[len - 1] = cf as i64;
    g[len - 1] = cg as i64;
}

/// Applies the steps to (d, e) modulo p. Both stay in -2p < x < p.
#[inline(always)]
fn update_de(d: &mut Signed, e: &mut Signed, t: &Steps) {
    // Bring negative inputs up by p, then choose the multiples of p that make
    // the results divisible by 2^62.
    let (sd, se) = (d[4] >> 63, e[4] >> 63);
    let mut md = (t.u & sd) + (t.v & se);
    let mut me = (t.q & sd) + (t.r & se);
    let mut cd = product(t.u, d[0]) + product(t.v, e[0]);
    let mut ce = product(t.q, d[0]) + product(t.r, e[0]);
    md -= (P_INVERSE.wrapping_mul(cd as u64).wrapping_add(md as u64) & MASK) as i64;
    me -= (P_INVERSE.wrapping_mul(ce as u64).wrapping_add(me as u64) & MASK) as i64;
    cd = (cd + product(P62[0], md)) >> 62;
    ce = (ce + product(P62[0], me)) >> 62;
    for i in 1..5 {
        cd += product(t.u, d[i]) + product(t.v, e[i]) + product(P62[i], md);
        ce += product(t.q, d[i]) + product(t.r, e[i]) + product(P62[i], me);
        d[i - 1] = (cd as u64 & MASK) as i64;
        e[i - 1] = (ce as u64 & MASK) as i64;
        cd >>= 62;
        ce >>= 62;
    }
    d[4] = cd as i64;
    e[4] = ce as i64;
}

/// x or -x, plus p if that is negative; carries settled.
fn negate_if(x: &Signed, negate: bool) -> Signed {
    let mut out = *x;
    let sign = if negate { -1 } else { 1 };
    let mut carry = 0i64;
    for limb in &mut out[..4] {
        carry += *limb * sign;
        *limb = carry & MASK as i64;
        carry >>= 62;
    }
    out[4] = out[4] * sign + carry;
    out
}

fn add_p_if_negative(x: &Signed) -> Signed {
    let mut out = *x;
    if out[4] < 0 {
        for (limb, p) in out.iter_mut().zip(P62) {
            *limb += p;
        }
        out = negate_if(&out, false);
    }
    out
}

/// Drops the topmost of the `len` limbs if it is only a sign (0 or -1) in both
/// numbers. The sign then moves into the limb below.
#[inline(always)]
fn shorten(f: &mut Signed, g: &mut Signed, len: usize) -> usize {
    let is_sign = |top: i64| top == top >> 63;
    let (top_f, top_g) = (f[len - 1], g[len - 1]);
    if len > 1 && is_sign(top_f) && is_sign(top_g) {
        f[len - 2] |= top_f << 62;
        g[len - 2] |= top_g << 62;
        return len - 1;
    }
    len
}

/// a/b mod p for a and b in 0..p; nothing if b is zero. To divide takes no longer than to invert.
pub(crate) fn divide_integers(a: &[u64; 4], b: &[u64; 4]) -> Option<[u64; 4]> {
    let (mut f, mut g) = (P62, split(b));
    let (mut d, mut e): (Signed, Signed) = ([0; 5], split(a));
    let (mut eta, mut len) = (-1, 5);
    while g[..len].iter().any(|limb| *limb != 0) {
        let (next, steps) = divide_steps(eta, f[0] as u64, g[0] as u64);
        eta = next;
        update_de(&mut d, &mut e, &steps);
        update_fg(&mut f, &mut g, &steps, len);
        len = shorten(&mut f, &mut g, len);
    }
    // f is now ±gcd(b, p): 1 for all b but zero, for which the loop never ran.
    if b.iter().all(|limb| *limb == 0) {
        return None;
    }
    let d = add_p_if_negative(&d);
    let d = negate_if(&d, f[len - 1] < 0);
    Some(join(&add_p_if_negative(&d)))
}

#[cfg(test)]
mod tests {
    use super::super::field::Fp;
    use super::super::testing::Random;
    use super::*;

    #[test]
    fn quotients_times_divisors_are_dividends() {
        for (a, b) in Random::new(10).integer_pairs() {
            let Some(quotient) = divide_integers(&a, &b) else {
                assert_eq!(b, [0; 4]);
                continue;
            };
            let product = Fp::from_integer(&quotient).mul(&Fp::from_integer(&b));
            assert_eq!(product.to_integer(), a, "{a:x?} {b:x?}");
        }
    }
}
