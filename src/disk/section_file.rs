//! File of numbered sections that is written once, mapped into memory and shared by all processes that read it.
//!
//! Owns the container: lengths, checksums, the mapping. Does not own the meaning of the sections. Nothing that is read
//! from a section is unverified: the table is checked when the file is opened, every block when it is first touched, so
//! that a large file opens in microseconds and a damaged byte is an error and never an answer.
//!
//! Layout, in the byte order of the machine: magic, tag, number of sections, length of the file, checksum of the table;
//! the table (offset and length of each section); the checksums of all blocks; the sections, each on a multiple of 64
//! bytes.

use std::io::{self, Write as _};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::Mmap;
use xxhash_rust::xxh3::xxh3_64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::atomic::write_atomic_with;
use super::mmap::map_file;

/// Magic number. Changes with the layout; a machine of the other byte order reads another number.
const MAGIC: u64 = 0x434d_534e_4150_0001;
/// Bytes that share one checksum.
const BLOCK: usize = 32 << 10;
/// Alignment of sections, so that rows of any width are aligned and do not share cache lines with others.
const ALIGN: usize = 64;
/// Most sections of a file; more means a mistake of the caller or a damaged file.
const MAX_SECTIONS: usize = 64;

#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct SectionFileHeader {
    magic: u64,
    tag: [u8; 8],
    sections: u64,
    length: u64,
    table: u64,
}

#[derive(Debug, Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct SectionEntry {
    offset: u64,
    length: u64,
}

/// Position of a section in the file, and its first block among all blocks.
#[derive(Debug)]
struct SectionRange {
    range: Range<usize>,
    first_block: usize,
}

/// Open, mapped file of sections, verified as it is read.
#[derive(Debug)]
pub struct SectionFile {
    map: Mmap,
    sections: Vec<SectionRange>,
    sums: Vec<u64>,
    /// One bit per block, set once this process has verified it.
    verified: Vec<AtomicU64>,
}

impl SectionFile {
    /// Writes the sections to a temporary file, syncs it and renames it to `path`. `tag` names their kind and version.
    ///
    /// # Errors
    /// Any I/O error; `path` is then unchanged.
    pub fn write_sections(path: &Path, tag: [u8; 8], sections: &[&[u8]]) -> io::Result<()> {
        let sums: Vec<u64> = sections.iter().flat_map(|section| section.chunks(BLOCK)).map(xxh3_64).collect();
        let mut end = size_of::<SectionFileHeader>()
            + size_of_val(sections) / size_of::<&[u8]>() * size_of::<SectionEntry>()
            + sums.len() * 8;
        let mut entries = Vec::with_capacity(sections.len());
        for section in sections {
            let offset = end.next_multiple_of(ALIGN);
            entries.push(SectionEntry { offset: offset as u64, length: section.len() as u64 });
            end = offset + section.len();
        }
        let table = [entries.as_bytes(), sums.as_bytes()].concat();
        let head = SectionFileHeader {
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
            let mut at = size_of::<SectionFileHeader>() + table.len();
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
    /// `InvalidData` when it is damaged, truncated, from a machine of another byte order or has another tag; any other
    /// I/O error.
    pub fn open(path: &Path, tag: [u8; 8]) -> io::Result<Self> {
        let map = map_file(path)?;
        let (head, rest) = SectionFileHeader::read_from_prefix(&map).map_err(|_| damaged_error("it is too short"))?;
        let count = usize::try_from(head.sections).unwrap_or(usize::MAX);
        if head.magic != MAGIC || head.tag != tag || head.length != map.len() as u64 || count > MAX_SECTIONS {
            return Err(damaged_error("its first bytes are not those of such a file"));
        }
        let entries =
            rest.get(..count * size_of::<SectionEntry>()).ok_or_else(|| damaged_error("its table is cut off"))?;
        let mut sections = Vec::with_capacity(count);
        let mut blocks = 0_usize;
        for entry in entries.chunks_exact(size_of::<SectionEntry>()) {
            let entry = SectionEntry::read_from_bytes(entry).map_err(|_| damaged_error("its table is cut off"))?;
            let number = |value: u64| usize::try_from(value).ok();
            let range = number(entry.offset).zip(number(entry.length));
            let range = range.and_then(|(offset, length)| Some(offset..offset.checked_add(length)?));
            let range = range.filter(|range| range.end <= map.len() && range.start % ALIGN == 0);
            let range = range.ok_or_else(|| damaged_error("a section lies outside it"))?;
            let first_block = blocks;
            blocks += range.len().div_ceil(BLOCK);
            sections.push(SectionRange { range, first_block });
        }
        let table = rest.get(..entries.len() + blocks * 8).ok_or_else(|| damaged_error("its checksums are cut off"))?;
        if xxh3_64(&[tag.as_slice(), &head.length.to_ne_bytes(), table].concat()) != head.table {
            return Err(damaged_error("its table does not match its checksum"));
        }
        let sums = table.get(entries.len()..).unwrap_or(&[]).as_chunks::<8>().0;
        let sums = sums.iter().map(|bytes| u64::from_ne_bytes(*bytes)).collect();
        let verified = std::iter::repeat_with(AtomicU64::default).take(blocks.div_ceil(64)).collect();
        Ok(Self { map, sections, sums, verified })
    }

    /// Returns all bytes of a section, verified.
    ///
    /// # Errors
    /// `InvalidData` when there is no such section or a block does not match its checksum.
    pub fn read_section(&self, number: usize) -> io::Result<&[u8]> {
        let length = self.sections.get(number).map_or(0, |section| section.range.len());
        self.read_part(number, 0..length)
    }

    /// Returns some bytes of a section; verifies only the blocks that hold them.
    ///
    /// # Errors
    /// As [`SectionFile::read_section`], and when the range is not inside it.
    pub fn read_part(&self, number: usize, range: Range<usize>) -> io::Result<&[u8]> {
        let section = self.sections.get(number).ok_or_else(|| damaged_error("it lacks a section"))?;
        if range.start > range.end || range.end > section.range.len() {
            return Err(damaged_error("a section is too short"));
        }
        for block in range.start / BLOCK..range.end.div_ceil(BLOCK) {
            let (word, bit) = ((section.first_block + block) / 64, 1_u64 << ((section.first_block + block) % 64));
            let done = self.verified.get(word).is_some_and(|word| word.load(Ordering::Relaxed) & bit != 0);
            if !done {
                self.verify_block(section, block)?;
                if let Some(word) = self.verified.get(word) {
                    word.fetch_or(bit, Ordering::Relaxed);
                }
            }
        }
        let range = section.range.start + range.start..section.range.start + range.end;
        self.map.get(range).ok_or_else(|| damaged_error("a section lies outside it"))
    }

    /// Returns some bytes of a section without verifying them: for prefetching, not for reading.
    pub fn unverified_part(&self, number: usize, range: Range<usize>) -> &[u8] {
        let start = self.sections.get(number).map_or(usize::MAX / 2, |section| section.range.start);
        self.map.get(start + range.start..start + range.end).unwrap_or(&[])
    }

    /// Verifies all sections now, so that later reads cannot fail.
    ///
    /// # Errors
    /// As [`SectionFile::read_section`].
    pub fn verify_all(self) -> io::Result<VerifiedSectionFile> {
        for number in 0..self.sections.len() {
            self.read_section(number)?;
        }
        Ok(VerifiedSectionFile(self))
    }

    #[cold]
    fn verify_block(&self, section: &SectionRange, block: usize) -> io::Result<()> {
        let start = section.range.start + block * BLOCK;
        let bytes = self.map.get(start..(start + BLOCK).min(section.range.end)).unwrap_or(&[]);
        if self.sums.get(section.first_block + block) == Some(&xxh3_64(bytes)) {
            Ok(())
        } else {
            Err(damaged_error("a block does not match its checksum"))
        }
    }
}

/// Open file whose sections have all been verified.
#[derive(Debug)]
pub struct VerifiedSectionFile(SectionFile);

impl VerifiedSectionFile {
    /// Returns all bytes of a section; empty when there is no such section.
    pub fn section_bytes(&self, number: usize) -> &[u8] {
        let range = self.0.sections.get(number).map_or(0..0, |section| section.range.clone());
        self.0.map.get(range).unwrap_or(&[])
    }
}

fn damaged_error(why: &str) -> io::Error {
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
        SectionFile::write_sections(&path, TAG, &[b"one", b"", &long]).unwrap();
        let read = |path: &Path| -> io::Result<usize> {
            let snapshot = SectionFile::open(path, TAG)?;
            (0..3).map(|number| snapshot.read_section(number).map(<[u8]>::len)).sum()
        };
        assert_eq!(read(&path).unwrap(), 100_003);
        assert_eq!(SectionFile::open(&path, TAG).unwrap().read_part(2, 70_000..70_003).unwrap(), &long[70_000..70_003]);
        assert!(SectionFile::open(&path, *b"test   2").is_err());
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
                let snapshot = SectionFile::open(&damaged, TAG).unwrap();
                assert_eq!(snapshot.read_section(2).unwrap(), long, "byte {at}");
                assert_eq!(snapshot.read_section(0).unwrap(), b"one");
            }
            super::super::write_atomic(&damaged, &whole[..at]).unwrap();
            assert!(read(&damaged).is_err(), "cut at {at}");
        }
    }
}
