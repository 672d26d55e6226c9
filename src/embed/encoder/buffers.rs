//! Memory of a forward pass that is used again by the next one.

use crate::COLUMNS;

/// Sixteen numbers side by side, on a cache line of their own: two halves of eight.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [[f32; 8]; 2]);

impl Line {
    pub(crate) const ZERO: Self = Self([[0.0; 8]; 2]);
}

/// Sixteen bytes side by side.
pub(crate) type Bytes = [u8; COLUMNS];

/// The first `count` places of a buffer, which grows and never shrinks.
pub(crate) fn first<T: Copy>(buffer: &mut Vec<T>, count: usize, value: T) -> &mut [T] {
    if buffer.len() < count {
        buffer.resize(count, value);
    }
    buffer.get_mut(..count).unwrap_or_default()
}
