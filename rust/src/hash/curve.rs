//! Points of the Pallas curve y² = x³ + 5, in the two forms that the sums use.
//!
//! Neither form can express the identity, or double by addition. If two points
//! with the same x are added, a denominator becomes zero, and so does every
//! product that it goes into. The one inversion at the end finds the zero and
//! says so. No other check is needed.

use super::field::Fp;

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
        self.third_on_line(&slope, &other.x)
    }

    /// Twice the point, given 1/(2·self.y).
    pub(crate) fn double_given(&self, inverse: &Fp) -> Affine {
        let square = self.x.square();
        let slope = square.double().add(&square).mul(inverse);
        self.third_on_line(&slope, &self.x)
    }

    /// The mirror image of the third point at which the line meets the curve:
    /// the line of this slope through the point and another with the given x.
    #[inline(always)]
    pub(crate) fn third_on_line(&self, slope: &Fp, other_x: &Fp) -> Affine {
        let x = slope.square().sub(&self.x).sub(other_x);
        let y = slope.mul(&self.x.minus(&x)).sub(&self.y);
        Affine { x, y }
    }

    /// The sum without an inversion: six multiplications.
    pub(crate) fn add_affine(&self, other: &Affine) -> Projective {
        let p = other.x.sub(&self.x);
        let r = other.y.sub(&self.y);
        let pp = p.square();
        let ppp = p.mul(&pp);
        let q = self.x.mul(&pp);
        let x = r.square().sub(&ppp).sub(&q.double());
        let y = r.mul(&q.minus(&x)).sub(&self.y.mul(&ppp));
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
    pub(crate) fn add_affine(&self, other: &Affine) -> Projective {
        let p = other.x.mul(&self.zz).sub(&self.x);
        let r = other.y.mul(&self.zzz).sub(&self.y);
        let pp = p.square();
        let ppp = p.mul(&pp);
        let q = self.x.mul(&pp);
        let x = r.square().sub(&ppp).sub(&q.double());
        let y = r.mul(&q.minus(&x)).sub(&self.y.mul(&ppp));
        Projective {
            x,
            y,
            zz: self.zz.mul(&pp),
            zzz: self.zzz.mul(&ppp),
        }
    }

    /// The affine point, given 1/zzz.
    pub(crate) fn to_affine_given(self, inverse: &Fp) -> Affine {
        let z_inverse = self.zz.mul(inverse);
        Affine {
            x: self.x.mul(&z_inverse.square()),
            y: self.y.mul(inverse),
        }
    }
}
