//! How a vector becomes bytes: signs, a coarse code, and what the coarse code leaves out.
//!
//! Coarse: `round(127 v / max|v|)`, one scale per vector; its dot products differ from those of the floats in the third
//! digit. Fine: the rest, 254 steps to one step of the coarse code; both together are nearer to the encoder's floats than the
//! half floats in the store are.

use super::dot;

/// Steps of the fine code in one step of the coarse one.
const FINE_STEPS: f32 = 254.0;

/// A vector as bytes.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) scale: f32,
    pub(super) coarse: Vec<i8>,
    pub(super) fine: Vec<i8>,
    pub(super) signs: Vec<u64>,
}

impl Code {
    #[expect(clippy::cast_possible_truncation, reason = "between -127 and 127 by construction")]
    pub(super) fn new(vector: &[f32]) -> Self {
        let largest = vector.iter().fold(0.0_f32, |largest, value| largest.max(value.abs())).max(1e-12);
        let scale = largest / 127.0;
        let (mut coarse, mut fine) = (Vec::with_capacity(vector.len()), Vec::with_capacity(vector.len()));
        for value in vector {
            let steps = value / scale;
            let near = steps.round();
            coarse.push(near as i8);
            fine.push(((steps - near) * FINE_STEPS).clamp(-127.0, 127.0).round() as i8);
        }
        Self { scale, signs: signs(vector), coarse, fine }
    }
}

/// Words that hold the signs of a vector.
pub(super) const fn sign_words(dimensions: usize) -> usize {
    dimensions.div_ceil(64)
}

fn signs(vector: &[f32]) -> Vec<u64> {
    let bit = |(at, value): (usize, &f32)| u64::from(*value >= 0.0) << at;
    vector.chunks(64).map(|chunk| chunk.iter().enumerate().map(bit).fold(0, |bits, bit| bits | bit)).collect()
}

/// A query in the form of the codes.
#[derive(Debug)]
pub struct Probe(pub(super) Code);

impl Probe {
    /// The dot product with a row by its coarse code.
    pub(super) fn near(&self, scale: f32, coarse: &[i8]) -> f32 {
        f32_of(dot::one(coarse, &self.0.coarse)) * scale * self.0.scale
    }

    /// The dot product with a row by both codes; the product of the two fine ones is below the last digit.
    pub(super) fn exact(&self, scale: f32, coarse: &[i8], fine: &[i8]) -> f32 {
        let whole = f32_of(dot::one(coarse, &self.0.coarse));
        let rest = f32_of(dot::one(coarse, &self.0.fine) + dot::one(fine, &self.0.coarse));
        (whole + rest / FINE_STEPS) * scale * self.0.scale
    }
}

#[expect(clippy::cast_precision_loss, reason = "a dot product of codes is far below 2^24 for 1024 dimensions")]
pub(super) const fn f32_of(dot: i32) -> f32 {
    dot as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::tests::vectors;

    #[test]
    fn the_coarse_code_is_near_and_both_together_are_exact() {
        let all = vectors(40, 384);
        let query = Probe(Code::new(&all[0]));
        for vector in &all {
            let code = Code::new(vector);
            let dot: f32 = all[0].iter().zip(vector).map(|(a, b)| a * b).sum();
            assert!((query.near(code.scale, &code.coarse) - dot).abs() < 2e-2);
            assert!((query.exact(code.scale, &code.coarse, &code.fine) - dot).abs() < 5e-5);
        }
        assert_eq!(Code::new(&[0.0; 70]).signs, [u64::MAX, 63]);
    }
}
