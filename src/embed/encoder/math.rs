//! Exponential and GELU, with the polynomials of ONNX Runtime's CPU kernels (MLAS), so that the bits are the same.

use std::f32::consts::{FRAC_1_SQRT_2, LOG2_E};

use crate::kernel::{Kernel, Lanes as _};

/// Rounding constant, 1.5 * 2^23: adding it rounds a small number to an integer in the low bits.
const ROUNDER: f32 = 12_582_912.0;
/// Lower bound of the exponent; below it e^x is taken to be e^this.
const LEAST: f32 = -88.376_26;
/// ln 2 in two parts.
const LN_2: [f32; 2] = [0.693_145_75, 1.428_606_8e-6];
/// Coefficients of e^x for softmax, from the sixth power down to the second.
const SOFTMAX: [f32; 5] = [
    f32::from_bits(0x3AB4_A000),
    f32::from_bits(0x3C09_2F6E),
    f32::from_bits(0x3D2A_ADAD),
    f32::from_bits(0x3E2A_AA28),
    f32::from_bits(0x3EFF_FFFB),
];
/// Coefficients of e^x inside erf, in the same order.
const IN_ERF: [f32; 5] = [0.001_383_198_1, 0.008_375_5, 0.041_668_95, 0.166_664_47, 0.499_999_85];
/// Bounds of the parts of erf: a series up to the first, an exponential up to the second, and 1 above.
const ERF_BOUNDS: [f32; 2] = [0.921_875, 3.925];
const ERF_SMALL: [f32; 6] =
    [-0.000_599_104_97, 0.004_993_396, -0.026_766_734, 0.112_818_025, -0.376_124_86, 0.128_379_15];
const ERF_LARGE: [f32; 7] =
    [1.729_489_3e-5, -0.000_383_208_68, 0.003_883_934_3, -0.024_254_56, 0.106_777_85, 0.634_846_7, 0.128_717_51];

/// Evaluates a polynomial: `start * x^n + coefficients[0] * x^(n-1) + …`.
#[inline(always)]
fn horner<K: Kernel, const N: usize>(kernel: K, coefficients: &[f32; N], x: K::Lanes) -> K::Lanes {
    let mut sum = kernel.splat(coefficients[0]);
    for coefficient in &coefficients[1..] {
        sum = sum.mul_add(x, kernel.splat(*coefficient));
    }
    sum
}

#[inline(always)]
fn exp<K: Kernel>(kernel: K, x: K::Lanes, polynomial: &[f32; 5]) -> K::Lanes {
    let x = x.max(kernel.splat(LEAST));
    let biased = x.mul_add(kernel.splat(LOG2_E), kernel.splat(ROUNDER));
    let whole = biased - kernel.splat(ROUNDER);
    let fraction = whole.mul_add(kernel.splat(-LN_2[0]), x);
    let fraction = whole.mul_add(kernel.splat(-LN_2[1]), fraction);
    let one = kernel.splat(1.0);
    let power = horner(kernel, polynomial, fraction).mul_add(fraction, one).mul_add(fraction, one);
    power * biased.power_of_two()
}

/// Computes e^x for x up to 0, with the coefficients of softmax.
#[inline(always)]
pub(crate) fn exponential<K: Kernel>(kernel: K, x: K::Lanes) -> K::Lanes {
    exp(kernel, x, &SOFTMAX)
}

/// Computes GELU: x * (erf(x / sqrt 2) + 1) / 2.
#[inline(always)]
pub(crate) fn gelu<K: Kernel>(kernel: K, value: K::Lanes) -> K::Lanes {
    let one = kernel.splat(1.0);
    let (middle, last) = (kernel.splat(ERF_BOUNDS[0]), kernel.splat(ERF_BOUNDS[1]));
    let signed = value * kernel.splat(FRAC_1_SQRT_2);
    let x = signed.abs().min(last);
    let large = horner(kernel, &ERF_LARGE, x).mul_add(x, x);
    let large = one - exp(kernel, large.negate(), &IN_ERF);
    let small = horner(kernel, &ERF_SMALL, x * x).mul_add(x, x);
    let erf = x.select_greater(middle, large, small).with_signs(signed);
    value * (erf + one) * kernel.splat(0.5)
}
