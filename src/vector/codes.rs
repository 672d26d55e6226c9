//! Quantisation of vectors: signs, a coarse 8-bit code, and a fine code for the remainder.
//!
//! Coarse: `round(127 v / max|v|)`, one scale per vector; its dot products differ from those of the floats in the third
//! digit. Fine: the remainder, 254 steps to one step of the coarse code; both together are nearer to the floats of the
//! embedding model than the half floats in the store are.

use super::dot;

/// Steps of the fine code in one step of the coarse code.
const FINE_STEPS: f32 = 254.0;

/// Vector as a scale, a coarse code, a fine code and signs.
#[derive(Debug)]
pub(super) struct VectorCode {
    pub(super) scale: f32,
    pub(super) coarse: Vec<i8>,
    pub(super) fine: Vec<i8>,
    pub(super) signs: Vec<u64>,
}

impl VectorCode {
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
        Self { scale, signs: pack_signs(vector), coarse, fine }
    }
}

/// Returns the number of 64-bit words that hold the signs of one vector.
pub(super) const fn sign_word_count(dimensions: usize) -> usize {
    dimensions.div_ceil(64)
}

fn pack_signs(vector: &[f32]) -> Vec<u64> {
    let bit = |(at, value): (usize, &f32)| u64::from(*value >= 0.0) << at;
    vector.chunks(64).map(|chunk| chunk.iter().enumerate().map(bit).fold(0, |bits, bit| bits | bit)).collect()
}

/// Query in the same form as the rows, to be compared with them.
#[derive(Debug)]
pub struct QueryCode(pub(super) VectorCode);

impl QueryCode {
    /// Returns the approximate dot product with a row, from the coarse codes.
    pub(super) fn approximate_dot(&self, scale: f32, coarse: &[i8]) -> f32 {
        dot_to_f32(dot::dot_pair(coarse, &self.0.coarse)) * scale * self.0.scale
    }

    /// Returns the dot product with a row from both codes; the product of the two fine codes is below the last digit.
    pub(super) fn exact_dot(&self, scale: f32, coarse: &[i8], fine: &[i8]) -> f32 {
        let whole = dot_to_f32(dot::dot_pair(coarse, &self.0.coarse));
        let rest = dot_to_f32(dot::dot_pair(coarse, &self.0.fine) + dot::dot_pair(fine, &self.0.coarse));
        (whole + rest / FINE_STEPS) * scale * self.0.scale
    }
}

#[expect(clippy::cast_precision_loss, reason = "a dot product of codes is far below 2^24 for 1024 dimensions")]
pub(super) const fn dot_to_f32(dot: i32) -> f32 {
    dot as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vector::tests::vectors;

    #[test]
    fn the_coarse_code_is_near_and_both_together_are_exact() {
        let all = vectors(40, 384);
        let query = QueryCode(VectorCode::new(&all[0]));
        for vector in &all {
            let code = VectorCode::new(vector);
            let dot: f32 = all[0].iter().zip(vector).map(|(a, b)| a * b).sum();
            assert!((query.approximate_dot(code.scale, &code.coarse) - dot).abs() < 2e-2);
            assert!((query.exact_dot(code.scale, &code.coarse, &code.fine) - dot).abs() < 5e-5);
        }
        assert_eq!(VectorCode::new(&[0.0; 70]).signs, [u64::MAX, 63]);
    }
}
