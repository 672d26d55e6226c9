//! Texts as compressed, checksummed frames. Owns the dictionary that ships with the program.
//!
//! zstd level 3 with a dictionary: a dictionary halves short messages, higher levels cost four times the time for two
//! points (measured, docs/decisions/0004). Every frame carries zstd's content checksum: SQLite does not notice a flipped
//! bit in a blob, zstd without a checksum misses a third of them.

use std::sync::{Mutex, PoisonError};

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::CParameter;

use super::error::DAMAGED;
use crate::domain::limits;

/// Row of the dictionary that ships with this version.
pub(super) const DICTIONARY_ID: i64 = 1;
/// Its bytes; made only from texts of this project (models/dictionary.py).
pub(super) const DICTIONARY: &[u8] = include_bytes!("frames.dict");

const LEVEL: i32 = 3;

/// Compresses texts. One per thread that prepares writes.
pub(super) struct Packer(Mutex<Compressor<'static>>);

impl std::fmt::Debug for Packer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Packer")
    }
}

impl Packer {
    pub(super) fn new() -> std::io::Result<Self> {
        let mut compressor = Compressor::with_dictionary(LEVEL, DICTIONARY)?;
        compressor.set_parameter(CParameter::ChecksumFlag(true))?;
        Ok(Self(Mutex::new(compressor)))
    }

    pub(super) fn pack(&self, text: &str) -> std::io::Result<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).compress(text.as_bytes())
    }
}

/// Decompresses and verifies frames. One per connection.
pub(super) struct Unpacker(Mutex<Decompressor<'static>>);

impl Unpacker {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self(Mutex::new(Decompressor::with_dictionary(DICTIONARY)?)))
    }

    /// The text of a frame whose length is known; the length bounds the memory that a damaged frame can ask for.
    pub(super) fn unpack(&self, frame: &[u8], bytes: i64) -> Result<String, String> {
        let bytes = usize::try_from(bytes).ok().filter(|bytes| *bytes <= limits::TEXT_BYTES);
        let bytes = bytes.ok_or_else(|| format!("{DAMAGED}: impossible length"))?;
        let mut decompressor = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let raw = decompressor.decompress(frame, bytes).map_err(|error| format!("{DAMAGED}: {error}"))?;
        if raw.len() != bytes {
            return Err(format!("{DAMAGED}: {} bytes where {bytes} were written", raw.len()));
        }
        String::from_utf8(raw).map_err(|_| format!("{DAMAGED}: not UTF-8"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_is_noticed() {
        let text = "cargo test failed: 数据库 locked, retry with busy_timeout".repeat(3);
        let frame = Packer::new().unwrap().pack(&text).unwrap();
        let unpacker = Unpacker::new().unwrap();
        let length = i64::try_from(text.len()).unwrap();
        assert_eq!(unpacker.unpack(&frame, length).as_deref(), Ok(text.as_str()));
        for bit in 0..frame.len() * 8 {
            let mut damaged = frame.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            // A flip in the frame header may leave the content readable and right; never readable and wrong.
            assert!(
                unpacker.unpack(&damaged, length).is_ok_and(|read| read == text)
                    || unpacker.unpack(&damaged, length).is_err()
            );
        }
        assert!(unpacker.unpack(&frame, 5).is_err());
        assert!(unpacker.unpack(&frame, -1).is_err());
    }
}
