//! Compressed, checksummed frames of texts. Owns the dictionary that ships with the program.
//!
//! zstd level 3 with a dictionary: a dictionary halves short messages, higher levels cost four times the time for two
//! points (measured, docs/decisions/0004). Every frame carries zstd's content checksum: SQLite does not notice a flipped
//! bit in a blob, zstd without a checksum misses a third of them.

use std::sync::{Mutex, PoisonError};

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

use super::error::DAMAGED_FRAME;
use crate::domain::limits;

/// Row id of the dictionary that ships with this version.
pub(super) const DICTIONARY_ID: i64 = 1;
/// Bytes of the dictionary, trained only on texts of this project (models/dictionary.py).
pub(super) const DICTIONARY: &[u8] = include_bytes!("frames.dict");

const ZSTD_LEVEL: i32 = 3;

/// Compresses texts. One per thread that prepares writes.
pub(super) struct TextCompressor(Mutex<Compressor<'static>>);

impl std::fmt::Debug for TextCompressor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Packer")
    }
}

impl TextCompressor {
    pub(super) fn new() -> std::io::Result<Self> {
        let mut compressor = Compressor::with_dictionary(ZSTD_LEVEL, DICTIONARY)?;
        compressor.set_parameter(CParameter::ChecksumFlag(true))?;
        Ok(Self(Mutex::new(compressor)))
    }

    pub(super) fn compress_text(&self, text: &str) -> std::io::Result<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).compress(text.as_bytes())
    }
}

/// Decompresses and verifies frames. One per connection.
pub(super) struct TextDecompressor(Mutex<Decompressor<'static>>);

impl TextDecompressor {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self(Mutex::new(Decompressor::with_dictionary(DICTIONARY)?)))
    }

    /// Decompresses a frame of known length. The length bounds the memory that a damaged frame can ask for.
    pub(super) fn decompress_text(&self, frame: &[u8], bytes: i64) -> Result<String, String> {
        let bytes = usize::try_from(bytes).ok().filter(|bytes| *bytes <= limits::TEXT_BYTES);
        let bytes = bytes.ok_or_else(|| format!("{DAMAGED_FRAME}: impossible length"))?;
        let mut decompressor = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let raw = decompressor.decompress(frame, bytes).map_err(|error| format!("{DAMAGED_FRAME}: {error}"))?;
        if raw.len() != bytes {
            return Err(format!("{DAMAGED_FRAME}: {} bytes where {bytes} were written", raw.len()));
        }
        String::from_utf8(raw).map_err(|_| format!("{DAMAGED_FRAME}: not UTF-8"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_noticed() {
        let text = "cargo test failed: 数据库 locked, retry with busy_timeout".repeat(3);
        let frame = TextCompressor::new().unwrap().compress_text(&text).unwrap();
        let unpacker = TextDecompressor::new().unwrap();
        let length = i64::try_from(text.len()).unwrap();
        assert_eq!(unpacker.decompress_text(&frame, length).as_deref(), Ok(text.as_str()));
        for bit in 0..frame.len() * 8 {
            let mut damaged = frame.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            // A flip in the frame header may leave the content readable and right; never readable and wrong.
            assert!(
                unpacker.decompress_text(&damaged, length).is_ok_and(|read| read == text)
                    || unpacker.decompress_text(&damaged, length).is_err()
            );
        }
        assert!(unpacker.decompress_text(&frame, 5).is_err());
        assert!(unpacker.decompress_text(&frame, -1).is_err());
    }
}
