//! Points of the Pallas curve y² = x³ + 5, in the two forms that the sums use.
//!
//! Neither form can express the identity, or double by addition. If two points
//! with the same x are added, a denominator becomes zero, and so does every
//! product that it goes into. The one inversion at the end finds the zero and
//! says so. No other check is needed.

use super::field::{Fp, Multiply, Plain};

/// A point (x, y); never the identity. One cache line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(64))]
pub(crate) struct Affine {
    pub(crate) x: Fp,
    pub(crate) y: Fp,
}

/// A point (x/zz, y/zzz) with zz³ = zzz², so that adding needs no inversion.
/// Formulas: <https://hyperelliptic.org/EFD/g1p/auto-shortw-xyzz.html>.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Projective {
    x: Fp,
    y: Fp,
    zz: Fp,
    pub(crate) zzz: Fp,
}

impl Affine {
    pub(crate) const ZERO: Affine = Affine {
        x: Fp::ZERO,
        y: Fp::ZERO,
    };

    /// The sum with another point, given 1/(other.x - self.x): three
    /// multiplications.
    #[inline(always)]
    pub(crate) fn add_given(&self, other: &Affine, inverse: &Fp) -> Affine {
        let slope = other.y.sub(&self.y).mul(inverse);
        self.third_on_line::<Plain>(&slope, &other.x)
    }

    /// Twice the point, given 1/(2·self.y).
    pub(crate) fn double_given(&self, inverse: &Fp) -> Affine {
        let square = self.x.square();
        let slope = square.double().add(&square).mul(inverse);
        self.third_on_line::<Plain>(&slope, &self.x)
    }

    /// The mirror image of the third point at which the line meets the curve:
    /// the line of this slope through the point and another with the given x.
    #[inline(always)]
    pub(crate) fn third_on_line<M: Multiply>(&self, slope: &Fp, other_x: &Fp) -> Affine {
        let x = M::sub(&M::sub(&M::square(slope), &self.x), other_x);
        let y = M::sub(&M::mul(slope, &M::minus(&self.x, &x)), &self.y);
        Affine { x, y }
    }

    /// The sum without an inversion: six multiplications.
    pub(crate) fn add_affine<M: Multiply>(&self, other: &Affine) -> Projective {
        let p = M::sub(&other.x, &self.x);
        let r = M::sub(&other.y, &self.y);
        let pp = M::square(&p);
        let ppp = M::mul(&p, &pp);
        let q = M::mul(&self.x, &pp);
        let x = M::sub(&M::sub(&M::square(&r), &ppp), &M::double(&q));
        let y = M::sub(&M::mul(&r, &M::minus(&q, &x)), &M::mul(&self.y, &ppp));
        Projective {
            x,
            y,
            zz: pp,
            zzz: ppp,
        }
    }
}

impl Projective {
    /// The sum with an affine point: ten multiplications.
    pub(crate) fn add_affine<M: Multiply>(&self, other: &Affine) -> Projective {
        let p = M::sub(&M::mul(&other.x, &self.zz), &self.x);
        let r = M::sub(&M::mul(&other.y, &self.zzz), &self.y);
        let pp = M::square(&p);
        let ppp = M::mul(&p, &pp);
        let q = M::mul(&self.x, &pp);
        let x = M::sub(&M::sub(&M::square(&r), &ppp), &M::double(&q));
        let y = M::sub(&M::mul(&r, &M::minus(&q, &x)), &M::mul(&self.y, &ppp));
        Projective {
            x,
            y,
            zz: M::mul(&self.zz, &pp),
            zzz: M::mul(&self.zzz, &ppp),
        }
    }

    /// The affine point, given 1/zzz.
    pub(crate) fn to_affine_given<M: Multiply>(self, inverse: &Fp) -> Affine {
        let z_inverse = M::mul(&self.zz, inverse);
        Affine {
            x: M::mul(&self.x, &M::square(&z_inverse)),
            y: M::mul(&self.y, inverse),
        }
    }
}
