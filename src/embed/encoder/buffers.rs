//! Buffers of a forward pass that the next one reuses.

use crate::COLUMNS;

/// Sixteen numbers in one cache line: two halves of eight.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub(crate) struct CacheLine(pub(crate) [[f32; 8]; 2]);

impl CacheLine {
    pub(crate) const ZERO: Self = Self([[0.0; 8]; 2]);
}

/// Sixteen quantised numbers.
pub(crate) type QuantisedLine = [u8; COLUMNS];

/// Returns the first `count` elements of a buffer, which grows and never shrinks. Old contents stay in it.
pub(crate) fn first<T: Copy>(buffer: &mut Vec<T>, count: usize, value: T) -> &mut [T] {
    if buffer.len() < count {
        buffer.resize(count, value);
    }
    buffer.get_mut(..count).unwrap_or_default()
}
