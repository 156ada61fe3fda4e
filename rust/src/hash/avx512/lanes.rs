//! The Pallas base field, eight elements at a time: what both ways to hold them can do.
#![allow(unsafe_code)]

use super::super::curve::Affine;
use super::super::field::power_of_two;
use super::super::invert::divide_integers;

/// Eight elements, in Montgomery form x·2^[FORM](super::Way::FORM). Its default is zeros, for buffers not yet used.
///
/// Elements need not be reduced. Each operation states which multiple of p its
/// operands stay below, and what it returns. A product a·b is reduced to below
/// p + a·b/2^260, and 2^260 > 63·p: with operands below a·p and b·p, where
/// a·b ≤ 63, it stays below 2p.
///
/// What calculates with them is inlined into functions of [`Lanes::run`]. Without the processor's
/// features, the compiler would call a function for each operation.
pub(crate) trait Lanes: Copy + Default + 'static {
    /// See [`super::Way::FORM`].
    const FORM: usize;

    /// Whether the processor has the instructions.
    fn is_available() -> bool;

    /// Runs `f`, in a function of its own that has the processor's features. Only where they are
    /// [available](Lanes::is_available).
    fn run<R>(f: impl FnOnce() -> R) -> R;

    /// The same element in all lanes.
    fn splat(x: &[u64; 4]) -> Self;
    /// The coordinates of eight points.
    fn load(points: [&Affine; 8]) -> (Self, Self);
    /// The element in each lane, reduced from below 2p.
    fn elements(&self) -> [[u64; 4]; 8];
    /// The element in the first lane, reduced from below 2p.
    fn first(&self) -> [u64; 4];

    /// a·b, below 2p.
    fn mul(&self, b: &Self) -> Self;
    /// a·b - c + N·p for c below N·p.
    fn mul_sub<const N: u64>(&self, b: &Self, c: &Self) -> Self;
    /// a·b + c·d, below 2p where the sum of the bounds' products is at most 63. One of the two products
    /// may be of two results of `sub`, the other of one.
    fn mul_add(&self, b: &Self, c: &Self, d: &Self) -> Self;
    /// a², below 2p.
    fn square(&self) -> Self;
    /// a² - b - c + N·p for b + c below N·p.
    fn square_sub<const N: u64>(&self, b: &Self, c: &Self) -> Self;
    /// a² - b - 2c + N·p for b + 2c below N·p.
    fn square_sub_twice<const N: u64>(&self, b: &Self, c: &Self) -> Self;
    /// a - b + N·p for b below N·p; only to be multiplied.
    fn sub<const N: u64>(&self, b: &Self) -> Self;
    /// a - b - 2c + N·p for b + 2c below N·p.
    fn sub_twice<const N: u64>(&self, b: &Self, c: &Self) -> Self;
    /// N·p - a for a below N·p; only to be multiplied.
    fn negate<const N: u64>(&self) -> Self;
    /// The element from below 2^257 brought below 2p.
    fn reduce(&self) -> Self;

    /// Lane i holds what lane i ^ `distance` held.
    fn swap(&self, distance: u64) -> Self;
    /// `other`'s lanes where the mask is set.
    fn blend(&self, mask: u8, other: &Self) -> Self;

    #[inline(always)]
    fn one() -> Self {
        Self::splat(&const { power_of_two(Self::FORM) })
    }

    /// The integers that the elements stand for, below 2p.
    #[inline(always)]
    fn integers(&self) -> Self {
        self.mul(&Self::splat(&[1, 0, 0, 0]))
    }

    /// The inverses of eight elements below 2p, at the price of one inversion
    /// and six multiplications; nothing if any of them is zero.
    #[inline(always)]
    fn invert(&self) -> Option<Self> {
        Self::run(|| {
            // Each swap joins the products of two groups of lanes. What a lane has
            // not joined itself is the product of all other lanes.
            let others4 = self.swap(4);
            let four = self.mul(&others4);
            let others2 = four.swap(2);
            let two = four.mul(&others2);
            let others1 = two.swap(1);
            let all = two.mul(&others1);
            let others = others4.mul(&others2).mul(&others1);
            Some(others.mul(&all.invert_first()?))
        })
    }

    /// The inverse of the first lane's element, in all lanes.
    #[inline(always)]
    fn invert_first(&self) -> Option<Self> {
        // R²/(x·R) = x^-1·R, with R = 2^FORM.
        let square = const { power_of_two(2 * Self::FORM) };
        let inverse = divide_integers(&square, &self.first())?;
        Some(Self::splat(&inverse))
    }
}

/// Calls a method of a type that [`lanes!`] is used for.
macro_rules! here {
    ($call:expr) => {
        // SAFETY: elements are calculated with in `super::Way` alone, which sees first that the
        // processor has the features.
        unsafe { $call }
    };
}

/// Gives a type the trait [`Lanes`]. It has methods of the same names, which have the target features.
macro_rules! lanes {
    ($type:ident, $form:literal, $features:literal = $($feature:tt)&&+) => {
        impl super::lanes::Lanes for $type {
            const FORM: usize = $form;

            #[inline]
            fn is_available() -> bool {
                $(is_x86_feature_detected!($feature))&&+
            }

            #[inline(always)]
            fn run<R>(f: impl FnOnce() -> R) -> R {
                #[target_feature(enable = $features)]
                fn with_features<R>(f: impl FnOnce() -> R) -> R {
                    f()
                }
                here!(with_features(f))
            }

            #[inline(always)]
            fn splat(x: &[u64; 4]) -> Self {
                here!(<$type>::splat(x))
            }

            #[inline(always)]
            fn load(points: [&Affine; 8]) -> (Self, Self) {
                here!(<$type>::load(points))
            }

            #[inline(always)]
            fn elements(&self) -> [[u64; 4]; 8] {
                here!(<$type>::elements(self))
            }

            #[inline(always)]
            fn first(&self) -> [u64; 4] {
                here!(<$type>::first(self))
            }

            #[inline(always)]
            fn mul(&self, b: &Self) -> Self {
                here!(<$type>::mul(self, b))
            }

            #[inline(always)]
            fn mul_sub<const N: u64>(&self, b: &Self, c: &Self) -> Self {
                here!(<$type>::mul_sub::<N>(self, b, c))
            }

            #[inline(always)]
            fn mul_add(&self, b: &Self, c: &Self, d: &Self) -> Self {
                here!(<$type>::mul_add(self, b, c, d))
            }

            #[inline(always)]
            fn square(&self) -> Self {
                here!(<$type>::square(self))
            }

            #[inline(always)]
            fn square_sub<const N: u64>(&self, b: &Self, c: &Self) -> Self {
                here!(<$type>::square_sub::<N>(self, b, c))
            }

            #[inline(always)]
            fn square_sub_twice<const N: u64>(&self, b: &Self, c: &Self) -> Self {
                here!(<$type>::square_sub_twice::<N>(self, b, c))
            }

            #[inline(always)]
            fn sub<const N: u64>(&self, b: &Self) -> Self {
                here!(<$type>::sub::<N>(self, b))
            }

            #[inline(always)]
            fn sub_twice<const N: u64>(&self, b: &Self, c: &Self) -> Self {
                here!(<$type>::sub_twice::<N>(self, b, c))
            }

            #[inline(always)]
            fn negate<const N: u64>(&self) -> Self {
                here!(<$type>::negate::<N>(self))
            }

            #[inline(always)]
            fn reduce(&self) -> Self {
                here!(<$type>::reduce(self))
            }

            #[inline(always)]
            fn swap(&self, distance: u64) -> Self {
                here!(<$type>::swap(self, distance))
            }

            #[inline(always)]
            fn blend(&self, mask: u8, other: &Self) -> Self {
                here!(<$type>::blend(self, mask, other))
            }
        }
    };
}

pub(super) use {here, lanes};
