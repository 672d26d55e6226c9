//! Zero-copy reading of arrays from the bytes of a file.

use zerocopy::{FromBytes, Immutable};

/// Alignment of arrays in a file, in bytes.
const ALIGN: usize = 64;

/// Error for a model file that is damaged or of another kind; the text is the cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DamagedFile(pub(crate) &'static str);

impl std::fmt::Display for DamagedFile {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for DamagedFile {}

/// Cursor over the bytes of a file.
#[derive(Debug)]
pub(crate) struct ArrayReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> ArrayReader<'a> {
    /// Reads the header: eight letters, then `N` numbers.
    pub(crate) fn open<const N: usize>(bytes: &'a [u8], letters: [u8; 8]) -> Result<(Self, [usize; N]), DamagedFile> {
        if bytes.get(..8) != Some(&letters[..]) {
            return Err(DamagedFile("it does not begin like such a file"));
        }
        let mut numbers = [0; N];
        for (index, number) in numbers.iter_mut().enumerate() {
            let field =
                bytes.get(8 + index * 8..).and_then(|rest| rest.first_chunk()).ok_or(DamagedFile("it is cut off"))?;
            *number = usize::try_from(u64::from_le_bytes(*field)).map_err(|_| DamagedFile("a length is too large"))?;
        }
        Ok((Self { bytes, at: 8 + N * 8 }, numbers))
    }

    /// Returns the next array, of `count` values.
    pub(crate) fn take<T: FromBytes + Immutable>(&mut self, count: usize) -> Result<&'a [T], DamagedFile> {
        let start = self.at.next_multiple_of(ALIGN);
        let length = count.checked_mul(size_of::<T>()).ok_or(DamagedFile("a length is too large"))?;
        let end = start.checked_add(length).ok_or(DamagedFile("a length is too large"))?;
        let part = self.bytes.get(start..end).ok_or(DamagedFile("it is cut off"))?;
        self.at = end;
        <[T]>::ref_from_bytes(part).map_err(|_| DamagedFile("it is not aligned in memory"))
    }

    /// Checks that no bytes follow.
    pub(crate) fn finish(self) -> Result<(), DamagedFile> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(DamagedFile("it is longer than its head says")) }
    }
}
