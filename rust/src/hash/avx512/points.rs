//! Curve points, eight at a time: the same formulas as in
//! [`super::super::curve`]. All coordinates are below 2p, but for y of [`Folded`], which is below 4p.

use super::super::curve::Affine;
use super::super::field::Fp;
use super::lanes::Lanes;

/// Eight affine points.
#[derive(Clone, Copy, Default)]
pub(super) struct Affine8<L: Lanes> {
    pub(super) x: L,
    pub(super) y: L,
}

/// Eight points (x/zz, y/zzz) with zz³ = zzz².
#[derive(Clone, Copy)]
pub(super) struct Projective8<L: Lanes> {
    pub(super) x: L,
    pub(super) y: L,
    pub(super) zz: L,
    pub(super) zzz: L,
}

impl<L: Lanes> Affine8<L> {
    #[inline(always)]
    pub(super) fn load(points: [&Affine; 8]) -> Affine8<L> {
        let (x, y) = L::load(points);
        Affine8 { x, y }
    }

    /// The eight points, reduced.
    #[inline(always)]
    pub(super) fn store(&self) -> [Affine; 8] {
        let (x, y) = (self.x.elements(), self.y.elements());
        let mut out = [Affine::ZERO; 8];
        for (out, (x, y)) in out.iter_mut().zip(x.into_iter().zip(y)) {
            *out = Affine { x: Fp(x), y: Fp(y) };
        }
        out
    }

    /// The sums without an inversion.
    #[inline(always)]
    pub(super) fn add_affine(&self, other: &Affine8<L>) -> Projective8<L> {
        L::run(|| {
            let p = other.x.sub::<2>(&self.x);
            let r = other.y.sub::<2>(&self.y);
            let (x, y, pp, ppp) = third_on_line(&self.x, &self.y, &p, &r);
            Projective8 {
                x,
                y,
                zz: pp,
                zzz: ppp,
            }
        })
    }
}

/// The part that all projective additions share: for a point (x1, y1) and the
/// differences p of the x and r of the y, over a common denominator: the new
/// x and y, p² and p³.
///
/// Bounds: p and r are below 4p, so r² is below p + 16/63·p and the new x,
/// before its reduction, below 7.3p < 2^257. The two products that make y are
/// below 4p·4p + 2p·2p.
#[inline(always)]
fn third_on_line<L: Lanes>(x1: &L, y1: &L, p: &L, r: &L) -> (L, L, L, L) {
    let pp = p.square();
    let ppp = p.mul(&pp);
    let q = x1.mul(&pp);
    let x = r.square_sub_twice::<6>(&ppp, &q).reduce();
    let y = r.mul_add(&q.sub::<2>(&x), &y1.negate::<2>(), &ppp);
    (x, y, pp, ppp)
}

impl<L: Lanes> Projective8<L> {
    /// The sums with affine points.
    #[inline(always)]
    pub(super) fn add_affine(&self, other: &Affine8<L>) -> Projective8<L> {
        L::run(|| {
            let p = other.x.mul_sub::<2>(&self.zz, &self.x);
            let r = other.y.mul_sub::<2>(&self.zzz, &self.y);
            let (x, y, pp, ppp) = third_on_line(&self.x, &self.y, &p, &r);
            Projective8 {
                x,
                y,
                zz: self.zz.mul(&pp),
                zzz: self.zzz.mul(&ppp),
            }
        })
    }

    /// The sums.
    #[inline(always)]
    pub(super) fn add(&self, other: &Projective8<L>) -> Projective8<L> {
        L::run(|| {
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
        })
    }

    /// The affine points, given 1/zzz.
    #[inline(always)]
    pub(super) fn to_affine_given(self, inverse: &L) -> Affine8<L> {
        L::run(|| {
            let z_inverse = self.zz.mul(inverse);
            Affine8 {
                x: self.x.mul(&z_inverse.square()),
                y: self.y.mul(inverse),
            }
        })
    }

    /// The sums of the points of lane i and lane i + 4.
    #[inline(always)]
    pub(super) fn fold(&self) -> Folded<L> {
        L::run(|| {
            let (other_zz, other_zzz) = (self.zz.swap(4), self.zzz.swap(4));
            let x1 = self.x.mul(&other_zz);
            let y1 = self.y.mul(&other_zzz);
            let xy1 = halves(&x1, &y1.swap(4));
            let pr = halves(&x1.swap(4), &y1).sub::<2>(&xy1);
            let z = halves(&self.zz, &self.zzz).mul(&halves(&other_zz, &other_zzz));
            Folded::third_on_line(&xy1, &pr, &pr.square(), &z)
        })
    }
}

/// Four points: x and zz in lanes 0 to 3, y and zzz in lanes 4 to 7. So one product of eight does for both.
#[derive(Clone, Copy)]
pub(super) struct Folded<L: Lanes> {
    xy: L,
    z: L,
}

/// Lanes 0 to 3 of the one, 4 to 7 of the other.
#[inline(always)]
fn halves<L: Lanes>(low: &L, high: &L) -> L {
    low.blend(0b1111_0000, high)
}

impl<L: Lanes> Folded<L> {
    /// The sums of the points of lane i and lane i ^ `distance`, 2 or 1, where i is the lower one. No
    /// other lane has a point then.
    #[inline(always)]
    pub(super) fn fold(&self, distance: u64) -> Folded<L> {
        L::run(|| {
            let (xy1, pr, squares) = self.squares(distance);
            Folded::third_on_line(&xy1, &pr, &squares, &squares.swap(distance))
        })
    }

    /// The first lane's x and zz of [`Folded::fold`] by 1.
    #[inline(always)]
    pub(super) fn fold_x(&self) -> (L, L) {
        L::run(|| {
            let (xy1, pr, squares) = self.squares(1);
            // As in `third_on_line`; lane 1 has the product of the denominators, for p².
            let a = halves(&pr, &xy1.swap(4)).blend(0b10, &squares);
            let b = halves(&squares, &squares.swap(4)).blend(0b10, &squares.swap(1));
            let pq = a.mul(&b);
            (third_x(&squares, &pq), pq.swap(1))
        })
    }

    /// x1 and y1; p and r; their squares, and in the upper one of each two lanes the product of their
    /// denominators.
    ///
    /// What the other point contributes to the differences is what the other
    /// lane calculates for its own. So p and r are in both, but for their signs, and one of both does.
    #[inline(always)]
    fn squares(&self, distance: u64) -> (L, L, L) {
        let upper = if distance == 2 {
            0b1100_1100
        } else {
            0b1010_1010
        };
        let other = self.z.swap(distance);
        let xy1 = self.xy.mul(&other);
        let pr = xy1.swap(distance).sub::<2>(&xy1);
        let squares = pr.blend(upper, &self.z).mul(&pr.blend(upper, &other));
        (xy1, pr, squares)
    }

    /// The sums with the affine points of lanes 0 to 3.
    #[inline(always)]
    pub(super) fn add_affine(&self, other: &Affine8<L>) -> Folded<L> {
        L::run(|| {
            let pr = halves(&other.x, &other.y.swap(4)).mul_sub::<4>(&self.z, &self.xy);
            Folded::third_on_line(&self.xy, &pr, &pr.square(), &self.z)
        })
    }

    /// `other`'s points where the mask of four is set.
    #[inline(always)]
    pub(super) fn blend(&self, mask: u8, other: &Folded<L>) -> Folded<L> {
        let mask = mask | mask << 4;
        Folded {
            xy: self.xy.blend(mask, &other.xy),
            z: self.z.blend(mask, &other.z),
        }
    }

    /// As the function of the same name: x1 and y1 side by side, p and r, their squares, and the
    /// denominators before they are multiplied by p² and p³. The new y is below 4p.
    ///
    /// Bounds: p and r are below 6p.
    #[inline(always)]
    fn third_on_line(xy1: &L, pr: &L, squares: &L, z: &L) -> Folded<L> {
        // p·p² and x1·p², which is q.
        let pp = halves(squares, &squares.swap(4));
        let pq = halves(pr, &xy1.swap(4)).mul(&pp);
        let x = third_x(squares, &pq);
        // y1·p³ and r·(q - x).
        let products = halves(&xy1.swap(4), pr).mul(&halves(&pq, &pq.sub::<2>(&x.swap(4))));
        let y = products.sub::<2>(&products.swap(4));
        Folded {
            xy: halves(&x, &y),
            z: z.mul(&halves(squares, &pq.swap(4))),
        }
    }

    /// The points in lanes 0 to 3. Other lanes are products of what was added up. One of them is zero if
    /// one of these is, or if two partial sums have the same y: then [`Lanes::invert`] finds nothing, as in
    /// the other exceptional cases.
    #[inline(always)]
    pub(super) fn unfold(&self) -> Projective8<L> {
        Projective8 {
            x: self.xy,
            y: self.xy.swap(4),
            zz: self.z,
            zzz: self.z.swap(4),
        }
    }
}

/// The new x in lanes 0 to 3.
#[inline(always)]
fn third_x<L: Lanes>(squares: &L, pq: &L) -> L {
    squares.swap(4).sub_twice::<6>(pq, &pq.swap(4)).reduce()
}
