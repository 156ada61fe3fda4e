//! Curve points, eight at a time: the same formulas as in
//! [`super::super::curve`]. All coordinates are below 2p.

use std::arch::x86_64::*;

use super::super::curve::Affine;
use super::super::field::Fp;
use super::lanes::Lanes;
use super::point_vector;

/// Eight affine points.
#[derive(Clone, Copy, Default)]
pub(super) struct Affine8 {
    pub(super) x: Lanes,
    pub(super) y: Lanes,
}

/// Eight points (x/zz, y/zzz) with zz³ = zzz².
#[derive(Clone, Copy)]
pub(super) struct Projective8 {
    pub(super) x: Lanes,
    pub(super) y: Lanes,
    pub(super) zz: Lanes,
    pub(super) zzz: Lanes,
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn low_words(a: __m512i, b: __m512i) -> __m512i {
    _mm512_unpacklo_epi64(a, b)
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn high_words(a: __m512i, b: __m512i) -> __m512i {
    _mm512_unpackhi_epi64(a, b)
}

/// Quarters 0 and 2 of both.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn even(a: __m512i, b: __m512i) -> __m512i {
    _mm512_shuffle_i64x2::<0b10_00_10_00>(a, b)
}

/// Quarters 1 and 3 of both.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn odd(a: __m512i, b: __m512i) -> __m512i {
    _mm512_shuffle_i64x2::<0b11_01_11_01>(a, b)
}

/// Eight points of eight words as eight vectors of one word each.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn transpose([a, b, c, d, e, f, g, h]: [__m512i; 8]) -> [__m512i; 8] {
    // Words of neighbouring rows side by side, then the quarters in which
    // they are.
    let (ab0, ab1) = (low_words(a, b), high_words(a, b));
    let (cd0, cd1) = (low_words(c, d), high_words(c, d));
    let (ef0, ef1) = (low_words(e, f), high_words(e, f));
    let (gh0, gh1) = (low_words(g, h), high_words(g, h));
    let (abcd0, efgh0) = (even(ab0, cd0), even(ef0, gh0));
    let (abcd1, efgh1) = (even(ab1, cd1), even(ef1, gh1));
    let (abcd2, efgh2) = (odd(ab0, cd0), odd(ef0, gh0));
    let (abcd3, efgh3) = (odd(ab1, cd1), odd(ef1, gh1));
    [
        even(abcd0, efgh0),
        even(abcd1, efgh1),
        even(abcd2, efgh2),
        even(abcd3, efgh3),
        odd(abcd0, efgh0),
        odd(abcd1, efgh1),
        odd(abcd2, efgh2),
        odd(abcd3, efgh3),
    ]
}

impl Affine8 {
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn load(points: [&Affine; 8]) -> Affine8 {
        let [a, b, c, d, e, f, g, h] = points;
        let [x0, x1, x2, x3, y0, y1, y2, y3] = transpose([
            point_vector(a),
            point_vector(b),
            point_vector(c),
            point_vector(d),
            point_vector(e),
            point_vector(f),
            point_vector(g),
            point_vector(h),
        ]);
        Affine8 {
            x: Lanes::from_limbs([x0, x1, x2, x3]),
            y: Lanes::from_limbs([y0, y1, y2, y3]),
        }
    }

    /// The eight points, reduced.
    #[target_feature(enable = "avx512f,avx512ifma")]
    pub(super) fn store(&self) -> [Affine; 8] {
        let (x, y) = (self.x.to_elements(), self.y.to_elements());
        let mut out = [Affine::ZERO; 8];
        for (out, (x, y)) in out.iter_mut().zip(x.into_iter().zip(y)) {
            *out = Affine { x: Fp(x), y: Fp(y) };
        }
        out
    }

    /// The sums without an inversion.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn add_affine(&self, other: &Affine8) -> Projective8 {
        let p = other.x.sub::<2>(&self.x);
        let r = other.y.sub::<2>(&self.y);
        let (x, y, pp, ppp) = third_on_line(&self.x, &self.y, &p, &r);
        Projective8 {
            x,
            y,
            zz: pp,
            zzz: ppp,
        }
    }
}

/// The part that all projective additions share: for a point (x1, y1) and the
/// differences p of the x and r of the y, over a common denominator: the new
/// x and y, p² and p³.
///
/// Bounds: p and r are below 4p, so r² is below p + 16/63·p and the new x,
/// before its reduction, below 7.3p < 2^257. The two products that make y are
/// below 4p·4p + 2p·2p.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn third_on_line(x1: &Lanes, y1: &Lanes, p: &Lanes, r: &Lanes) -> (Lanes, Lanes, Lanes, Lanes) {
    let pp = p.square();
    let ppp = p.mul(&pp);
    let q = x1.mul(&pp);
    let x = r.square_sub_twice::<6>(&ppp, &q).reduce();
    let y = r.mul_add(&q.sub::<2>(&x), &y1.negate::<2>(), &ppp);
    (x, y, pp, ppp)
}

impl Projective8 {
    /// The sums with affine points.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn add_affine(&self, other: &Affine8) -> Projective8 {
        let p = other.x.mul_sub::<2>(&self.zz, &self.x);
        let r = other.y.mul_sub::<2>(&self.zzz, &self.y);
        let (x, y, pp, ppp) = third_on_line(&self.x, &self.y, &p, &r);
        Projective8 {
            x,
            y,
            zz: self.zz.mul(&pp),
            zzz: self.zzz.mul(&ppp),
        }
    }

    /// The sums.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn add(&self, other: &Projective8) -> Projective8 {
        let x1 = self.x.mul(&other.zz);
        let y1 = self.y.mul(&other.zzz);
        let p = other.x.mul_sub::<2>(&self.zz, &x1);
        let r = other.y.mul_sub::<2>(&self.zzz, &y1);
        let (x, y, pp, ppp) = third_on_line(&x1, &y1, &p, &r);
        Projective8 {
            x,
            y,
            zz: self.zz.mul(&other.zz).mul(&pp),
            zzz: self.zzz.mul(&other.zzz).mul(&ppp),
        }
    }

    /// The affine points, given 1/zzz.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn to_affine_given(self, inverse: &Lanes) -> Affine8 {
        let z_inverse = self.zz.mul(inverse);
        Affine8 {
            x: self.x.mul(&z_inverse.square()),
            y: self.y.mul(inverse),
        }
    }

    /// The sum of each lane's point and that of lane i ^ `distance`.
    ///
    /// What the other point contributes to the differences is what the other
    /// lane calculates for its own: two multiplications less.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn fold(&self, distance: u64) -> Projective8 {
        let (other_zz, other_zzz) = (self.zz.swap(distance), self.zzz.swap(distance));
        let x1 = self.x.mul(&other_zz);
        let y1 = self.y.mul(&other_zzz);
        let p = x1.swap(distance).sub::<2>(&x1);
        let r = y1.swap(distance).sub::<2>(&y1);
        let (x, y, pp, ppp) = third_on_line(&x1, &y1, &p, &r);
        Projective8 {
            x,
            y,
            zz: self.zz.mul(&other_zz).mul(&pp),
            zzz: self.zzz.mul(&other_zzz).mul(&ppp),
        }
    }

    /// The x and zz of [`Projective8::fold`].
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn fold_x(&self, distance: u64) -> (Lanes, Lanes) {
        let (other_zz, other_zzz) = (self.zz.swap(distance), self.zzz.swap(distance));
        let x1 = self.x.mul(&other_zz);
        let y1 = self.y.mul(&other_zzz);
        let p = x1.swap(distance).sub::<2>(&x1);
        let r = y1.swap(distance).sub::<2>(&y1);
        let pp = p.square();
        let (ppp, q) = (p.mul(&pp), x1.mul(&pp));
        let x = r.square_sub_twice::<6>(&ppp, &q).reduce();
        (x, self.zz.mul(&other_zz).mul(&pp))
    }

    /// `other`'s points where the mask is set.
    #[target_feature(enable = "avx512f,avx512ifma")]
    #[inline]
    pub(super) fn blend(&self, mask: __mmask8, other: &Projective8) -> Projective8 {
        Projective8 {
            x: self.x.blend(mask, &other.x),
            y: self.y.blend(mask, &other.y),
            zz: self.zz.blend(mask, &other.zz),
            zzz: self.zzz.blend(mask, &other.zzz),
        }
    }
}
