//! Field arithmetic of arm64 with the carries in the flags, by hand.
//!
//! Every arm64 has `mul` and `umulh`, the halves of a product, and chains of additions by `adcs`
//! and of subtractions by `sbcs`. The compiler knows the instructions, but not the chains: it moves
//! most carries to a register and back, in a square through `mrs` and `msr`, and a subtraction of
//! the modulus becomes comparisons with constants. docs/costs.md counts what that saves.
//!
//! The calculation is that of [`super::field`], limb by limb, so the bounds are the same, and the
//! results are equal even where an argument is out of bounds. In a Montgomery round the lowest limb
//! t0 and the low half of m·P\[0\] add up to 0 or 2^64. So that half is not multiplied: the carry is
//! whether t0 is not 0, which a comparison with 1 says. And m·(P\[0\] + 2^64·P\[1\]) is added up
//! first, as then its carry goes no further.
//!
//! Each piece of assembly is a function of values in registers; the compiler places them. Within
//! one, multiplications stand between the additions, as they leave the flags alone.
#![allow(unsafe_code)]

#[cfg(not(target_arch = "aarch64"))]
pub(crate) use super::field::Plain as Umulh;
#[cfg(target_arch = "aarch64")]
pub(crate) use aarch64::Umulh;

/// Whether the processor has the instructions: every arm64 has.
#[inline]
pub(crate) fn is_available() -> bool {
    cfg!(target_arch = "aarch64")
}

#[cfg(target_arch = "aarch64")]
mod aarch64 {
    use std::arch::asm;

    use super::super::field::{Fp, Multiply};
    use super::super::modulus::{MINUS_P_INVERSE, P};

    pub(crate) struct Umulh;

    /// A constant whose value the compiler does not see: it stays in a register, where the compiler
    /// would build each one again, in up to four instructions, at each use.
    #[inline(always)]
    fn constant(value: u64) -> u64 {
        let mut out = value;
        // SAFETY: there is no instruction.
        unsafe {
            asm!("/* {0} */", inout(reg) out, options(pure, nomem, nostack, preserves_flags));
        }
        out
    }

    /// (a·b + m·p) / 2^64 with the m that makes it whole: the first row of a product, and its
    /// round.
    #[inline(always)]
    fn first_step(a: &[u64; 4], b: u64) -> [u64; 4] {
        let (r0, r1, r2, r3);
        // SAFETY: the assembly reads and writes registers alone, all of which are named.
        unsafe {
            asm!(
                "mul {t0}, {a0}, {b}",
                "mul {t1}, {a1}, {b}",
                "mul {m}, {t0}, {inverse}",
                "umulh {x0}, {a0}, {b}",
                "mul {t2}, {a2}, {b}",
                "umulh {x1}, {a1}, {b}",
                "adds {t1}, {t1}, {x0}",
                "umulh {high}, {m}, {p0}",
                "mul {t3}, {a3}, {b}",
                "umulh {x0}, {a2}, {b}",
                "adcs {t2}, {t2}, {x1}",
                "mul {low}, {m}, {p1}",
                "umulh {t4}, {a3}, {b}",
                "adcs {t3}, {t3}, {x0}",
                "umulh {top}, {m}, {p1}",
                "adc {t4}, {t4}, xzr",
                // The round. Limb 3 of the modulus is 2^62, so m times it is m shifted.
                "lsl {x0}, {m}, #62",
                "cmp {t0}, #1",
                "adcs {low}, {low}, {high}",
                "lsr {m}, {m}, #2",
                "adc {top}, {top}, xzr",
                "adds {t1}, {t1}, {low}",
                "adcs {t2}, {t2}, {top}",
                "adcs {t3}, {t3}, {x0}",
                "adc {t4}, {t4}, {m}",
                a0 = in(reg) a[0],
                a1 = in(reg) a[1],
                a2 = in(reg) a[2],
                a3 = in(reg) a[3],
                b = in(reg) b,
                p0 = in(reg) constant(P[0]),
                p1 = in(reg) constant(P[1]),
                inverse = in(reg) constant(MINUS_P_INVERSE),
                t0 = out(reg) _,
                t1 = out(reg) r0,
                t2 = out(reg) r1,
                t3 = out(reg) r2,
                t4 = out(reg) r3,
                x0 = out(reg) _,
                x1 = out(reg) _,
                m = out(reg) _,
                low = out(reg) _,
                high = out(reg) _,
                top = out(reg) _,
                options(pure, nomem, nostack),
            );
        }
        [r0, r1, r2, r3]
    }

    /// (t + a·b + m·p) / 2^64 with the m that makes it whole: a further row, and its round.
    #[inline(always)]
    fn step(t: [u64; 4], a: &[u64; 4], b: u64) -> [u64; 4] {
        let (r0, r1, r2, r3);
        // SAFETY: as in `first_step`.
        unsafe {
            asm!(
                // The low halves of the row, then the high ones.
                "mul {x0}, {a0}, {b}",
                "mul {x1}, {a1}, {b}",
                "adds {t0}, {t0}, {x0}",
                "mul {x2}, {a2}, {b}",
                "mul {m}, {t0}, {inverse}",
                "adcs {t1}, {t1}, {x1}",
                "mul {x1}, {a3}, {b}",
                "umulh {x0}, {a0}, {b}",
                "adcs {t2}, {t2}, {x2}",
                "umulh {x2}, {a1}, {b}",
                "umulh {t4}, {a3}, {b}",
                "adcs {t3}, {t3}, {x1}",
                "umulh {high}, {m}, {p0}",
                "adc {t4}, {t4}, xzr",
                "umulh {x1}, {a2}, {b}",
                "mul {low}, {m}, {p1}",
                "adds {t1}, {t1}, {x0}",
                "umulh {top}, {m}, {p1}",
                "adcs {t2}, {t2}, {x2}",
                "adcs {t3}, {t3}, {x1}",
                "adc {t4}, {t4}, xzr",
                // The round.
                "lsl {x0}, {m}, #62",
                "cmp {t0}, #1",
                "adcs {low}, {low}, {high}",
                "lsr {m}, {m}, #2",
                "adc {top}, {top}, xzr",
                "adds {t1}, {t1}, {low}",
                "adcs {t2}, {t2}, {top}",
                "adcs {t3}, {t3}, {x0}",
                "adc {t4}, {t4}, {m}",
                a0 = in(reg) a[0],
                a1 = in(reg) a[1],
                a2 = in(reg) a[2],
                a3 = in(reg) a[3],
                b = in(reg) b,
                p0 = in(reg) constant(P[0]),
                p1 = in(reg) constant(P[1]),
                inverse = in(reg) constant(MINUS_P_INVERSE),
                t0 = inout(reg) t[0] => _,
                t1 = inout(reg) t[1] => r0,
                t2 = inout(reg) t[2] => r1,
                t3 = inout(reg) t[3] => r2,
                t4 = out(reg) r3,
                x0 = out(reg) _,
                x1 = out(reg) _,
                x2 = out(reg) _,
                m = out(reg) _,
                low = out(reg) _,
                high = out(reg) _,
                top = out(reg) _,
                options(pure, nomem, nostack),
            );
        }
        [r0, r1, r2, r3]
    }

    /// (t + m·p) / 2^64 with the m that makes it whole: a round alone.
    #[inline(always)]
    fn round(t: [u64; 4]) -> [u64; 4] {
        let (r0, r1, r2, r3);
        // SAFETY: as in `first_step`.
        unsafe {
            asm!(
                "mul {m}, {t0}, {inverse}",
                "umulh {high}, {m}, {p0}",
                "mul {low}, {m}, {p1}",
                "umulh {top}, {m}, {p1}",
                "cmp {t0}, #1",
                "lsl {t0}, {m}, #62",
                "adcs {low}, {low}, {high}",
                "lsr {m}, {m}, #2",
                "adc {top}, {top}, xzr",
                "adds {t1}, {t1}, {low}",
                "adcs {t2}, {t2}, {top}",
                "adcs {t3}, {t3}, {t0}",
                "adc {m}, {m}, xzr",
                p0 = in(reg) constant(P[0]),
                p1 = in(reg) constant(P[1]),
                inverse = in(reg) constant(MINUS_P_INVERSE),
                t0 = inout(reg) t[0] => _,
                t1 = inout(reg) t[1] => r0,
                t2 = inout(reg) t[2] => r1,
                t3 = inout(reg) t[3] => r2,
                m = out(reg) r3,
                low = out(reg) _,
                high = out(reg) _,
                top = out(reg) _,
                options(pure, nomem, nostack),
            );
        }
        [r0, r1, r2, r3]
    }

    /// a² in eight limbs, the low four first.
    #[inline(always)]
    fn wide_square(a: &[u64; 4]) -> ([u64; 4], [u64; 4]) {
        let (r0, r1, r2, r3, r4, r5, r6, r7);
        // SAFETY: as in `first_step`.
        unsafe {
            asm!(
                // The products of different limbs, once each.
                "mul {t1}, {a0}, {a1}",
                "mul {t2}, {a0}, {a2}",
                "umulh {x0}, {a0}, {a1}",
                "mul {t3}, {a0}, {a3}",
                "umulh {x1}, {a0}, {a2}",
                "adds {t2}, {t2}, {x0}",
                "umulh {t4}, {a0}, {a3}",
                "adcs {t3}, {t3}, {x1}",
                "mul {x0}, {a1}, {a2}",
                "adc {t4}, {t4}, xzr",
                "umulh {x1}, {a1}, {a2}",
                "mul {x2}, {a1}, {a3}",
                "adds {t3}, {t3}, {x0}",
                "umulh {t5}, {a1}, {a3}",
                "adcs {t4}, {t4}, {x1}",
                "mul {x0}, {a2}, {a3}",
                "adc {t5}, {t5}, xzr",
                "umulh {t6}, {a2}, {a3}",
                "adds {t4}, {t4}, {x2}",
                "adcs {t5}, {t5}, {x0}",
                "mul {t0}, {a0}, {a0}",
                "adc {t6}, {t6}, xzr",
                // Twice those, and then the squares of the limbs.
                "umulh {x0}, {a0}, {a0}",
                "adds {t1}, {t1}, {t1}",
                "mul {x1}, {a1}, {a1}",
                "adcs {t2}, {t2}, {t2}",
                "umulh {x2}, {a1}, {a1}",
                "adcs {t3}, {t3}, {t3}",
                "mul {a0}, {a2}, {a2}",
                "adcs {t4}, {t4}, {t4}",
                "umulh {a2}, {a2}, {a2}",
                "adcs {t5}, {t5}, {t5}",
                "mul {a1}, {a3}, {a3}",
                "adcs {t6}, {t6}, {t6}",
                "umulh {a3}, {a3}, {a3}",
                "adc {a3}, {a3}, xzr",
                "adds {t1}, {t1}, {x0}",
                "adcs {t2}, {t2}, {x1}",
                "adcs {t3}, {t3}, {x2}",
                "adcs {t4}, {t4}, {a0}",
                "adcs {t5}, {t5}, {a2}",
                "adcs {t6}, {t6}, {a1}",
                "adc {a3}, {a3}, xzr",
                a0 = inout(reg) a[0] => _,
                a1 = inout(reg) a[1] => _,
                a2 = inout(reg) a[2] => _,
                a3 = inout(reg) a[3] => r7,
                t0 = out(reg) r0,
                t1 = out(reg) r1,
                t2 = out(reg) r2,
                t3 = out(reg) r3,
                t4 = out(reg) r4,
                t5 = out(reg) r5,
                t6 = out(reg) r6,
                x0 = out(reg) _,
                x1 = out(reg) _,
                x2 = out(reg) _,
                options(pure, nomem, nostack),
            );
        }
        ([r0, r1, r2, r3], [r4, r5, r6, r7])
    }

    /// a + b, less p if it is not below p. The sum is below 2^256.
    #[inline(always)]
    fn add(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
        let (s0, s1, s2, s3);
        // SAFETY: as in `first_step`.
        unsafe {
            asm!(
                "adds {s0}, {s0}, {b0}",
                "adcs {s1}, {s1}, {b1}",
                "adcs {s2}, {s2}, {b2}",
                "adc {s3}, {s3}, {b3}",
                b0 = in(reg) b[0],
                b1 = in(reg) b[1],
                b2 = in(reg) b[2],
                b3 = in(reg) b[3],
                s0 = inout(reg) a[0] => s0,
                s1 = inout(reg) a[1] => s1,
                s2 = inout(reg) a[2] => s2,
                s3 = inout(reg) a[3] => s3,
                options(pure, nomem, nostack),
            );
        }
        reduce_once(&[s0, s1, s2, s3])
    }

    /// See [`super::super::field::reduce_once`].
    #[inline(always)]
    fn reduce_once(x: &[u64; 4]) -> [u64; 4] {
        let (r0, r1, r2, r3);
        // SAFETY: as in `first_step`.
        unsafe {
            asm!(
                "subs {d0}, {x0}, {p0}",
                "sbcs {d1}, {x1}, {p1}",
                "sbcs {d2}, {x2}, xzr",
                "sbcs {d3}, {x3}, {p3}",
                "csel {x0}, {x0}, {d0}, lo",
                "csel {x1}, {x1}, {d1}, lo",
                "csel {x2}, {x2}, {d2}, lo",
                "csel {x3}, {x3}, {d3}, lo",
                x0 = inout(reg) x[0] => r0,
                x1 = inout(reg) x[1] => r1,
                x2 = inout(reg) x[2] => r2,
                x3 = inout(reg) x[3] => r3,
                p0 = in(reg) constant(P[0]),
                p1 = in(reg) constant(P[1]),
                p3 = in(reg) P[3],
                d0 = out(reg) _,
                d1 = out(reg) _,
                d2 = out(reg) _,
                d3 = out(reg) _,
                options(pure, nomem, nostack),
            );
        }
        [r0, r1, r2, r3]
    }

    /// See [`Fp::sub`].
    #[inline(always)]
    fn sub(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
        let (r0, r1, r2, r3);
        // SAFETY: as in `first_step`.
        unsafe {
            asm!(
                "subs {r0}, {r0}, {b0}",
                "sbcs {r1}, {r1}, {b1}",
                "sbcs {r2}, {r2}, {b2}",
                "sbcs {r3}, {r3}, {b3}",
                // p, if that is negative, else nothing.
                "csel {x0}, {p0}, xzr, lo",
                "csel {x1}, {p1}, xzr, lo",
                "csel {x3}, {p3}, xzr, lo",
                "adds {r0}, {r0}, {x0}",
                "adcs {r1}, {r1}, {x1}",
                "adcs {r2}, {r2}, xzr",
                "adc {r3}, {r3}, {x3}",
                r0 = inout(reg) a[0] => r0,
                r1 = inout(reg) a[1] => r1,
                r2 = inout(reg) a[2] => r2,
                r3 = inout(reg) a[3] => r3,
                b0 = in(reg) b[0],
                b1 = in(reg) b[1],
                b2 = in(reg) b[2],
                b3 = in(reg) b[3],
                p0 = in(reg) constant(P[0]),
                p1 = in(reg) constant(P[1]),
                p3 = in(reg) P[3],
                x0 = out(reg) _,
                x1 = out(reg) _,
                x3 = out(reg) _,
                options(pure, nomem, nostack),
            );
        }
        [r0, r1, r2, r3]
    }

    /// See [`Fp::minus`].
    #[inline(always)]
    fn minus(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
        let (r0, r1, r2, r3);
        // SAFETY: as in `first_step`.
        unsafe {
            asm!(
                "subs {r0}, {r0}, {b0}",
                "sbcs {r1}, {r1}, {b1}",
                "sbcs {r2}, {r2}, {b2}",
                "sbc {r3}, {r3}, {b3}",
                "adds {r0}, {r0}, {p0}",
                "adcs {r1}, {r1}, {p1}",
                "adcs {r2}, {r2}, xzr",
                "adc {r3}, {r3}, {p3}",
                r0 = inout(reg) a[0] => r0,
                r1 = inout(reg) a[1] => r1,
                r2 = inout(reg) a[2] => r2,
                r3 = inout(reg) a[3] => r3,
                b0 = in(reg) b[0],
                b1 = in(reg) b[1],
                b2 = in(reg) b[2],
                b3 = in(reg) b[3],
                p0 = in(reg) constant(P[0]),
                p1 = in(reg) constant(P[1]),
                p3 = in(reg) P[3],
                options(pure, nomem, nostack),
            );
        }
        [r0, r1, r2, r3]
    }

    /// As [`super::super::field::montgomery`], but for the last subtraction of p.
    #[inline(always)]
    fn product(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
        let t = first_step(a, b[0]);
        let t = step(t, a, b[1]);
        let t = step(t, a, b[2]);
        step(t, a, b[3])
    }

    impl Multiply for Umulh {
        #[inline(always)]
        fn near(a: &Fp, b: &Fp) -> Fp {
            Fp(product(&a.0, &b.0))
        }

        #[inline(always)]
        fn mul(a: &Fp, b: &Fp) -> Fp {
            Fp(reduce_once(&product(&a.0, &b.0)))
        }

        #[inline(always)]
        fn square(a: &Fp) -> Fp {
            let (low, high) = wide_square(&a.0);
            Fp(add(&round(round(round(round(low)))), &high))
        }

        #[inline(always)]
        fn double(a: &Fp) -> Fp {
            Fp(add(&a.0, &a.0))
        }

        #[inline(always)]
        fn sub(a: &Fp, b: &Fp) -> Fp {
            Fp(sub(&a.0, &b.0))
        }

        #[inline(always)]
        fn minus(a: &Fp, b: &Fp) -> Fp {
            Fp(minus(&a.0, &b.0))
        }
    }
}

#[cfg(all(test, target_arch = "aarch64"))]
mod tests {
    use super::super::testing::assert_calculates_as_plain;
    use super::Umulh;

    #[test]
    fn the_assembly_calculates_as_plain_rust_does() {
        assert_calculates_as_plain::<Umulh>();
    }
}
