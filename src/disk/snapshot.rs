//! A file of numbered sections that is written once, mapped into memory and shared by all processes that read it.
//!
//! Owns the container: lengths, checksums, the mapping. Does not own what the sections mean. Nothing that is read from a
//! section is unverified: the table is checked when the file is opened, every block when it is first touched, so that a large
//! file opens in microseconds and a damaged byte is an error and never an answer.
//!
//! Layout, in the byte order of the machine: magic, tag, number of sections, length of the file, checksum of the table;
//! the table (offset and length of each section); the checksums of all blocks; the sections, each on a multiple of 64 bytes.

use std::io::{self, Write as _};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::Mmap;
use xxhash_rust::xxh3::xxh3_64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::atomic::write_atomic_with;
use super::map::map;

/// Changes with the layout. A machine of the other byte order reads another number.
const MAGIC: u64 = 0x434d_534e_4150_0001;
/// Bytes that are verified together.
const BLOCK: usize = 32 << 10;
/// Sections begin on multiples of this, so that rows of any width are aligned and do not share cache lines with others.
const ALIGN: usize = 64;
/// More would be a mistake of the caller or a damaged file.
const MOST_SECTIONS: usize = 64;

#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Head {
    magic: u64,
    tag: [u8; 8],
    sections: u64,
    length: u64,
    table: u64,
}

#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Entry {
    offset: u64,
    length: u64,
}

/// Where a section lies, and its first block among all blocks.
#[derive(Debug)]
struct Section {
    range: Range<usize>,
    first_block: usize,
}

/// An open file.
#[derive(Debug)]
pub struct Snapshot {
    map: Mmap,
    sections: Vec<Section>,
    sums: Vec<u64>,
    /// Bit per block: whether this process has verified it.
    verified: Vec<AtomicU64>,
}

impl Snapshot {
    /// Writes the sections to a temporary file, syncs it and renames it to `path`. `tag` says what they are, and in which
    /// version.
    ///
    /// # Errors
    /// Any I/O error; `path` is then unchanged.
    pub fn write(path: &Path, tag: [u8; 8], sections: &[&[u8]]) -> io::Result<()> {
        let sums: Vec<u64> = sections.iter().flat_map(|section| section.chunks(BLOCK)).map(xxh3_64).collect();
        let mut end =
            size_of::<Head>() + size_of_val(sections) / size_of::<&[u8]>() * size_of::<Entry>() + sums.len() * 8;
        let mut entries = Vec::with_capacity(sections.len());
        for section in sections {
            let offset = end.next_multiple_of(ALIGN);
            entries.push(Entry { offset: offset as u64, length: section.len() as u64 });
            end = offset + section.len();
        }
        let table = [entries.as_bytes(), sums.as_bytes()].concat();
        let head = Head {
            magic: MAGIC,
            tag,
            sections: sections.len() as u64,
            length: end as u64,
            table: xxh3_64(&[tag.as_slice(), &(end as u64).to_ne_bytes(), &table].concat()),
        };
        write_atomic_with(path, &mut |file| {
            let mut file = io::BufWriter::with_capacity(1 << 20, file);
            file.write_all(head.as_bytes())?;
            file.write_all(&table)?;
            let mut at = size_of::<Head>() + table.len();
            for section in sections {
                let padding = at.next_multiple_of(ALIGN) - at;
                file.write_all([0_u8; ALIGN].get(..padding).unwrap_or(&[]))?;
                file.write_all(section)?;
                at += padding + section.len();
            }
            file.flush()
        })
    }

    /// Maps a file and checks its table.
    ///
    /// # Errors
    /// `InvalidData` when it is damaged, cut off, of another machine or has another tag; any other I/O error.
    pub fn open(path: &Path, tag: [u8; 8]) -> io::Result<Self> {
        let map = map(path)?;
        let (head, rest) = Head::read_from_prefix(&map).map_err(|_| damaged("it is too short"))?;
        let count = usize::try_from(head.sections).unwrap_or(usize::MAX);
        if head.magic != MAGIC || head.tag != tag || head.length != map.len() as u64 || count > MOST_SECTIONS {
            return Err(damaged("its first bytes are not those of such a file"));
        }
        let entries = rest.get(..count * size_of::<Entry>()).ok_or_else(|| damaged("its table is cut off"))?;
        let mut sections = Vec::with_capacity(count);
        let mut blocks = 0_usize;
        for entry in entries.chunks_exact(size_of::<Entry>()) {
            let entry = Entry::read_from_bytes(entry).map_err(|_| damaged("its table is cut off"))?;
            let number = |value: u64| usize::try_from(value).ok();
            let range = number(entry.offset).zip(number(entry.length));
            let range = range.and_then(|(offset, length)| Some(offset..offset.checked_add(length)?));
            let range = range.filter(|range| range.end <= map.len() && range.start % ALIGN == 0);
            let range = range.ok_or_else(|| damaged("a section lies outside it"))?;
            let first_block = blocks;
            blocks += range.len().div_ceil(BLOCK);
            sections.push(Section { range, first_block });
        }
        let table = rest.get(..entries.len() + blocks * 8).ok_or_else(|| damaged("its checksums are cut off"))?;
        if xxh3_64(&[tag.as_slice(), &head.length.to_ne_bytes(), table].concat()) != head.table {
            return Err(damaged("its table does not match its checksum"));
        }
        let sums = table.get(entries.len()..).unwrap_or(&[]).as_chunks::<8>().0;
        let sums = sums.iter().map(|bytes| u64::from_ne_bytes(*bytes)).collect();
        let verified = std::iter::repeat_with(AtomicU64::default).take(blocks.div_ceil(64)).collect();
        Ok(Self { map, sections, sums, verified })
    }

    /// All bytes of a section, verified.
    ///
    /// # Errors
    /// `InvalidData` when there is no such section or a block does not match its checksum.
    pub fn section(&self, number: usize) -> io::Result<&[u8]> {
        let length = self.sections.get(number).map_or(0, |section| section.range.len());
        self.part(number, 0..length)
    }

    /// Some bytes of a section; only the blocks that hold them are verified.
    ///
    /// # Errors
    /// As [`Snapshot::section`], and when the range is not inside it.
    pub fn part(&self, number: usize, range: Range<usize>) -> io::Result<&[u8]> {
        let section = self.sections.get(number).ok_or_else(|| damaged("it lacks a section"))?;
        if range.start > range.end || range.end > section.range.len() {
            return Err(damaged("a section is too short"));
        }
        for block in range.start / BLOCK..range.end.div_ceil(BLOCK) {
            let (word, bit) = ((section.first_block + block) / 64, 1_u64 << ((section.first_block + block) % 64));
            let done = self.verified.get(word).is_some_and(|word| word.load(Ordering::Relaxed) & bit != 0);
            if !done {
                self.verify(section, block)?;
                if let Some(word) = self.verified.get(word) {
                    word.fetch_or(bit, Ordering::Relaxed);
                }
            }
        }
        let range = section.range.start + range.start..section.range.start + range.end;
        self.map.get(range).ok_or_else(|| damaged("a section lies outside it"))
    }

    /// Some bytes of a section as they stand in the file, not verified: for asking the processor to fetch them, not for reading.
    pub fn place(&self, number: usize, range: Range<usize>) -> &[u8] {
        let start = self.sections.get(number).map_or(usize::MAX / 2, |section| section.range.start);
        self.map.get(start + range.start..start + range.end).unwrap_or(&[])
    }

    /// Verifies everything now, so that nothing has to be verified later.
    ///
    /// # Errors
    /// As [`Snapshot::section`].
    pub fn whole(self) -> io::Result<Whole> {
        for number in 0..self.sections.len() {
            self.section(number)?;
        }
        Ok(Whole(self))
    }

    #[cold]
    fn verify(&self, section: &Section, block: usize) -> io::Result<()> {
        let start = section.range.start + block * BLOCK;
        let bytes = self.map.get(start..(start + BLOCK).min(section.range.end)).unwrap_or(&[]);
        if self.sums.get(section.first_block + block) == Some(&xxh3_64(bytes)) {
            Ok(())
        } else {
            Err(damaged("a block does not match its checksum"))
        }
    }
}

/// An open file, all of which was verified.
#[derive(Debug)]
pub struct Whole(Snapshot);

impl Whole {
    /// All bytes of a section; none when there is no such section.
    pub fn section(&self, number: usize) -> &[u8] {
        let range = self.0.sections.get(number).map_or(0..0, |section| section.range.clone());
        self.0.map.get(range).unwrap_or(&[])
    }
}

fn damaged(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the file is damaged: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: [u8; 8] = *b"test   1";

    #[test]
    fn every_flipped_or_missing_byte_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let long: Vec<u8> = (0..100_000_u32).map(|number| number.to_le_bytes()[0]).collect();
        Snapshot::write(&path, TAG, &[b"one", b"", &long]).unwrap();
        let read = |path: &Path| -> io::Result<usize> {
            let snapshot = Snapshot::open(path, TAG)?;
            (0..3).map(|number| snapshot.section(number).map(<[u8]>::len)).sum()
        };
        assert_eq!(read(&path).unwrap(), 100_003);
        assert_eq!(Snapshot::open(&path, TAG).unwrap().part(2, 70_000..70_003).unwrap(), &long[70_000..70_003]);
        assert!(Snapshot::open(&path, *b"test   2").is_err());
        let whole = std::fs::read(&path).unwrap();
        let damaged = folder.path().join("d");
        for at in (0..200).chain((200..whole.len()).step_by(997)) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            super::super::write_atomic(&damaged, &bytes).unwrap();
            // The bytes between sections belong to nobody.
            let padding = bytes.len() - 100_003 - 40 - 3 * 16 - 5 * 8;
            assert!(padding < 192);
            if read(&damaged).is_ok() {
                let snapshot = Snapshot::open(&damaged, TAG).unwrap();
                assert_eq!(snapshot.section(2).unwrap(), long, "byte {at}");
                assert_eq!(snapshot.section(0).unwrap(), b"one");
            }
            super::super::write_atomic(&damaged, &whole[..at]).unwrap();
            assert!(read(&damaged).is_err(), "cut at {at}");
        }
    }
}
