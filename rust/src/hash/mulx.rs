//! Field multiplication with `mulx`, `adcx` and `adox`, by hand.
//!
//! `mulx` (BMI2) leaves the flags as they are, and `adcx` and `adox` (ADX) each have a carry of
//! their own. So a row of a product takes two chains of additions side by side, with no carry moved
//! to a register. The compiler knows `mulx`, but keeps one chain only and moves carries about: with
//! the two features turned on it gains a tenth, where this gains nearly a half.
//!
//! The calculation is that of [`super::field`], limb by limb, so the bounds are the same, and the
//! results are equal even where an argument is out of bounds. Two things differ in a Montgomery
//! round. The lowest limb t0 and the low half of m·P\[0\] add up to 0 or 2^64, so the carry is
//! whether t0 is not 0, which `neg` says. And m·(P\[0\] + 2^64·P\[1\]) is added up first, and then
//! added to t: two additions less than two chains would take.
#![allow(unsafe_code)]

#[cfg(not(target_arch = "x86_64"))]
pub(crate) use super::field::Plain as Mulx;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::Mulx;

/// Whether the processor has the instructions.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn is_available() -> bool {
    is_x86_feature_detected!("bmi2") && is_x86_feature_detected!("adx")
}

/// Where there are no such instructions: never available, so never called.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub(crate) fn is_available() -> bool {
    false
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use std::arch::asm;

    use super::super::field::{Fp, Multiply, reduce_once};
    use super::super::modulus::{MINUS_P_INVERSE, P};

    /// Only for a processor that [`super::is_available`] is true of: [`super::super::Backend`] asks.
    pub(crate) struct Mulx;

    static CONSTANTS: [u64; 3] = [P[0], P[1], MINUS_P_INVERSE];

    /// One Montgomery round on (t0, t1, t2, t3, t4), see [`super::super::field`]: (t1, t2, t3, t4)
    /// is the result. Limb 3 of the modulus is 2^62, so m times it is m shifted.
    macro_rules! round {
        ($t0:literal, $t1:literal, $t2:literal, $t3:literal, $t4:literal) => {
            concat!(
                round!(sum $t0, $t1, $t2, $t3),
                "adc {", $t4, "}, rdx\n",
            )
        };
        // t4 is zero, and takes the place of t0.
        ($t0:literal, $t1:literal, $t2:literal, $t3:literal) => {
            concat!(
                round!(sum $t0, $t1, $t2, $t3),
                "mov {", $t0, "}, rdx\n",
                "adc {", $t0, "}, 0\n",
            )
        };
        // The additions to all limbs but t4, to which rdx and a carry are left to add.
        (sum $t0:literal, $t1:literal, $t2:literal, $t3:literal) => {
            concat!(
                "mov rdx, {", $t0, "}\n",
                "imul rdx, [rip + {k} + 16]\n",
                "mulx {high}, {low}, [rip + {k}]\n",
                "mulx {top}, {low}, [rip + {k} + 8]\n",
                "add {low}, {high}\n",
                "adc {top}, 0\n",
                "mov {high}, rdx\n",
                "shl {high}, 62\n",
                "shr rdx, 2\n",
                "neg {", $t0, "}\n",
                "adc {", $t1, "}, {low}\n",
                "adc {", $t2, "}, {top}\n",
                "adc {", $t3, "}, {high}\n",
            )
        };
    }

    /// Adds a·b\[i\], with b\[i\] at the byte `$at`, to (t0, t1, t2, t3), and makes t4.
    macro_rules! row {
        ($at:literal, $t0:literal, $t1:literal, $t2:literal, $t3:literal, $t4:literal) => {
            concat!(
                "mov rdx, [{b} + ",
                $at,
                "]\n",
                "xor {",
                $t4,
                "}, {",
                $t4,
                "}\n", // and both carries
                "mulx {high}, {low}, [{a}]\n",
                "adcx {",
                $t0,
                "}, {low}\n",
                "adox {",
                $t1,
                "}, {high}\n",
                "mulx {high}, {low}, [{a} + 8]\n",
                "adcx {",
                $t1,
                "}, {low}\n",
                "adox {",
                $t2,
                "}, {high}\n",
                "mulx {high}, {low}, [{a} + 16]\n",
                "adcx {",
                $t2,
                "}, {low}\n",
                "adox {",
                $t3,
                "}, {high}\n",
                "mulx {high}, {low}, [{a} + 24]\n",
                "adcx {",
                $t3,
                "}, {low}\n",
                "adox {",
                $t4,
                "}, {high}\n",
                "adc {",
                $t4,
                "}, 0\n",
            )
        };
    }

    /// As [`super::super::field::montgomery`], but for the last subtraction of p.
    #[inline(always)]
    fn product(a: &[u64; 4], b: &[u64; 4]) -> [u64; 4] {
        let (r0, r1, r2, r3);
        // SAFETY: the processor has the instructions, as who uses `Mulx` has asked. The assembly
        // reads four words each behind `a` and `b` and three behind `CONSTANTS`, which are arrays
        // of that length, and writes to registers alone, all of which are named.
        unsafe {
            asm!(
                "mov rdx, [{b}]",
                "mulx {t1}, {t0}, [{a}]",
                "mulx {t2}, {low}, [{a} + 8]",
                "mulx {t3}, {top}, [{a} + 16]",
                "mulx {t4}, {high}, [{a} + 24]",
                "add {t1}, {low}",
                "adc {t2}, {top}",
                "adc {t3}, {high}",
                "adc {t4}, 0",
                round!("t0", "t1", "t2", "t3", "t4"),
                row!("8", "t1", "t2", "t3", "t4", "t0"),
                round!("t1", "t2", "t3", "t4", "t0"),
                row!("16", "t2", "t3", "t4", "t0", "t1"),
                round!("t2", "t3", "t4", "t0", "t1"),
                row!("24", "t3", "t4", "t0", "t1", "t2"),
                round!("t3", "t4", "t0", "t1", "t2"),
                a = in(reg) a.as_ptr(),
                b = in(reg) b.as_ptr(),
                k = sym CONSTANTS,
                t0 = out(reg) r1,
                t1 = out(reg) r2,
                t2 = out(reg) r3,
                t3 = out(reg) _,
                t4 = out(reg) r0,
                low = out(reg) _,
                high = out(reg) _,
                top = out(reg) _,
                out("rdx") _,
                options(pure, readonly, nostack),
            );
        }
        [r0, r1, r2, r3]
    }

    /// a² / 2^256 mod p for a below 1.6p, but for the last subtraction of p: see [`Fp::square`].
    #[inline(always)]
    fn square(a: &[u64; 4]) -> [u64; 4] {
        let (r0, r1, r2, r3);
        // SAFETY: as in `product`.
        unsafe {
            asm!(
                // The products of different limbs, once each.
                "mov rdx, [{a}]",
                "mulx {t2}, {t1}, [{a} + 8]",
                "mulx {t3}, {low}, [{a} + 16]",
                "mulx {t4}, {high}, [{a} + 24]",
                "add {t2}, {low}",
                "adc {t3}, {high}",
                "adc {t4}, 0",
                "mov rdx, [{a} + 8]",
                "xor {t5}, {t5}", // and both carries
                "mulx {high}, {low}, [{a} + 16]",
                "adcx {t3}, {low}",
                "adox {t4}, {high}",
                "mulx {high}, {low}, [{a} + 24]",
                "adcx {t4}, {low}",
                "adox {t5}, {high}",
                "adc {t5}, 0",
                "mov rdx, [{a} + 16]",
                "mulx {t6}, {low}, [{a} + 24]",
                "add {t5}, {low}",
                "adc {t6}, 0",
                // Twice those by one carry, and the squares of the limbs by the other.
                "xor {t7}, {t7}",
                "mov rdx, [{a}]",
                "mulx {high}, {t0}, rdx",
                "adcx {t1}, {t1}",
                "adox {t1}, {high}",
                "mov rdx, [{a} + 8]",
                "mulx {high}, {low}, rdx",
                "adcx {t2}, {t2}",
                "adox {t2}, {low}",
                "adcx {t3}, {t3}",
                "adox {t3}, {high}",
                "mov rdx, [{a} + 16]",
                "mulx {high}, {low}, rdx",
                "adcx {t4}, {t4}",
                "adox {t4}, {low}",
                "adcx {t5}, {t5}",
                "adox {t5}, {high}",
                "mov rdx, [{a} + 24]",
                "mulx {high}, {low}, rdx",
                "adcx {t6}, {t6}",
                "adox {t6}, {low}",
                "adcx {t7}, {t7}",
                "adox {t7}, {high}",
                // The low half reduced to at most p, and the high half.
                round!("t0", "t1", "t2", "t3"),
                round!("t1", "t2", "t3", "t0"),
                round!("t2", "t3", "t0", "t1"),
                round!("t3", "t0", "t1", "t2"),
                "add {t0}, {t4}",
                "adc {t1}, {t5}",
                "adc {t2}, {t6}",
                "adc {t3}, {t7}",
                a = in(reg) a.as_ptr(),
                k = sym CONSTANTS,
                t0 = out(reg) r0,
                t1 = out(reg) r1,
                t2 = out(reg) r2,
                t3 = out(reg) r3,
                t4 = out(reg) _,
                t5 = out(reg) _,
                t6 = out(reg) _,
                t7 = out(reg) _,
                low = out(reg) _,
                high = out(reg) _,
                top = out(reg) _,
                out("rdx") _,
                options(pure, readonly, nostack),
            );
        }
        [r0, r1, r2, r3]
    }

    impl Multiply for Mulx {
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
            Fp(reduce_once(&square(&a.0)))
        }
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::super::testing::assert_calculates_as_plain;
    use super::{Mulx, is_available};

    #[test]
    fn the_assembly_calculates_as_plain_rust_does() {
        if !is_available() {
            println!("skipped: no BMI2 and ADX here");
            return;
        }
        assert_calculates_as_plain::<Mulx>();
    }
}
