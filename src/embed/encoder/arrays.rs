//! Reading arrays from the bytes of a file without copying them.

use zerocopy::{FromBytes, Immutable};

/// Arrays begin on multiples of this.
const ALIGN: usize = 64;

/// Why a file of the model cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damaged(pub(crate) &'static str);

impl std::fmt::Display for Damaged {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for Damaged {}

/// A place in a file.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Reads the head: eight letters, then `N` numbers.
    pub(crate) fn open<const N: usize>(bytes: &'a [u8], letters: [u8; 8]) -> Result<(Self, [usize; N]), Damaged> {
        if bytes.get(..8) != Some(&letters[..]) {
            return Err(Damaged("it does not begin like such a file"));
        }
        let mut numbers = [0; N];
        for (index, number) in numbers.iter_mut().enumerate() {
            let field =
                bytes.get(8 + index * 8..).and_then(|rest| rest.first_chunk()).ok_or(Damaged("it is cut off"))?;
            *number = usize::try_from(u64::from_le_bytes(*field)).map_err(|_| Damaged("a length is too large"))?;
        }
        Ok((Self { bytes, at: 8 + N * 8 }, numbers))
    }

    /// Takes the next array, of `count` values.
    pub(crate) fn take<T: FromBytes + Immutable>(&mut self, count: usize) -> Result<&'a [T], Damaged> {
        let start = self.at.next_multiple_of(ALIGN);
        let length = count.checked_mul(size_of::<T>()).ok_or(Damaged("a length is too large"))?;
        let end = start.checked_add(length).ok_or(Damaged("a length is too large"))?;
        let part = self.bytes.get(start..end).ok_or(Damaged("it is cut off"))?;
        self.at = end;
        <[T]>::ref_from_bytes(part).map_err(|_| Damaged("it is not aligned in memory"))
    }

    /// Checks that nothing follows.
    pub(crate) fn finish(self) -> Result<(), Damaged> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(Damaged("it is longer than its head says")) }
    }
}
