//! Walks the entries of a ZIP archive and of archives inside it, because the Privacy Portal of ChatGPT sends a ZIP in a
//! ZIP. Owns the limits on what an archive may unpack to; the export interprets the entries.

use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zip::read::ZipFile;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use crate::disk::{UnpackBudget, UnpackedReader};

/// Maximum nesting depth of archives.
const MAX_DEPTH: u32 = 3;

/// Maximum size in bytes of a compressed inner archive, which is unpacked into memory.
const MAX_INNER_BYTES: u64 = 512 << 20;

/// Magic bytes at the start of every ZIP archive.
pub(super) const ZIP_MAGIC: &[u8] = b"PK";

/// A seekable byte source: a file or a window into one.
trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

/// The outermost archive or one inside another.
type NestedArchive<'a> = ZipArchive<Box<dyn ReadSeek + 'a>>;

/// Visits entries of an archive.
pub(super) trait Visitor {
    /// Returns the rank of an entry in the order of visits, lowest first. Entries with `None` are not opened.
    fn rank_entry(&self, name: &str) -> Option<u8>;

    /// Reads an entry. Returns `false` to end the walk.
    ///
    /// # Errors
    /// When the entry cannot be read to its end. It is reported with [`Self::report_entry`] and the walk goes on.
    fn visit_entry(&mut self, path: &Path, input: &mut dyn BufRead) -> io::Result<bool>;

    /// Reports an unreadable entry with the reason. Returns `false` to end the walk.
    fn report_entry(&mut self, path: &Path, why: String) -> bool;
}

/// Visits the entries of an archive and of the archives inside it. Returns `false` if a visit ended the walk.
///
/// # Errors
/// When the archive itself cannot be read.
pub(super) fn walk_entries(mut input: impl Read + Seek, path: &Path, visitor: &mut dyn Visitor) -> io::Result<bool> {
    // All entries together, because several may be made of the same bytes.
    let budget = UnpackBudget::for_archive(input.seek(SeekFrom::End(0))?);
    walk_layer(Box::new(input), path, &Layer { depth: 1, budget }, visitor)
}

/// One archive: how many are around it, and what the outermost one may still unpack to.
struct Layer {
    depth: u32,
    budget: Arc<UnpackBudget>,
}

impl Layer {
    fn below(&self) -> Self {
        Self { depth: self.depth + 1, budget: Arc::clone(&self.budget) }
    }
}

fn walk_layer(
    input: Box<dyn ReadSeek + '_>,
    path: &Path,
    layer: &Layer,
    visitor: &mut dyn Visitor,
) -> io::Result<bool> {
    let damaged = |error: ZipError| io::Error::new(io::ErrorKind::InvalidData, error.to_string());
    let mut archive: NestedArchive<'_> = ZipArchive::new(input).map_err(damaged)?;
    let mut entries: Vec<(u8, usize, PathBuf)> = Vec::new();
    for index in 0..archive.len() {
        let Ok(entry) = archive.by_index_raw(index) else { continue };
        let Ok(name) = entry.name() else { continue };
        let rank = if is_archive(&name) { Some(u8::MAX) } else { visitor.rank_entry(&name) };
        entries.extend(rank.filter(|_| !name.ends_with('/')).map(|rank| (rank, index, path.join(&*name))));
    }
    entries.sort_by_key(|(rank, index, _)| (*rank, *index));
    for (rank, index, path) in entries {
        let goes_on = if rank == u8::MAX {
            walk_inner(&mut archive, index, &path, layer, visitor)
        } else {
            let entry = archive.by_index(index).map_err(damaged);
            entry.and_then(|entry| {
                let unpacked = UnpackedReader::new(entry, &layer.budget);
                visitor.visit_entry(&path, &mut BufReader::with_capacity(1 << 16, unpacked))
            })
        };
        if !goes_on.unwrap_or_else(|error| visitor.report_entry(&path, explain_error(error.to_string()))) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn is_archive(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|kind| kind.eq_ignore_ascii_case("zip"))
}

/// Walks through an archive inside another. A stored inner archive is read in place, a compressed one is unpacked into
/// memory.
fn walk_inner(
    outer: &mut NestedArchive<'_>,
    index: usize,
    path: &Path,
    layer: &Layer,
    visitor: &mut dyn Visitor,
) -> io::Result<bool> {
    if layer.depth >= MAX_DEPTH {
        return Err(io::Error::other(format!("more than {MAX_DEPTH} archives inside each other; unpack them first")));
    }
    let unreadable = |error: ZipError| io::Error::new(io::ErrorKind::InvalidData, error.to_string());
    let is_stored = |entry: ZipFile<'_, _>| entry.compression() == CompressionMethod::Stored && !entry.encrypted();
    if outer.by_index_raw(index).is_ok_and(is_stored) {
        let window = outer.by_index_seek(index).map_err(unreadable)?;
        return walk_layer(Box::new(window), path, &layer.below(), visitor);
    }
    let mut bytes = Vec::new();
    let inner = UnpackedReader::new(outer.by_index(index).map_err(unreadable)?, &layer.budget);
    inner.take(MAX_INNER_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_INNER_BYTES {
        let mib = MAX_INNER_BYTES >> 20;
        return Err(io::Error::other(format!(
            "an archive inside another that unpacks to more than {mib} MiB; unpack it and import the inner one"
        )));
    }
    walk_layer(Box::new(Cursor::new(bytes)), path, &layer.below(), visitor)
}

/// Appends to an archive error what the user can do about it.
fn explain_error(why: String) -> String {
    let lower = why.to_lowercase();
    let can_be_unpacked = ["not supported", "unsupported", "password"].iter().any(|word| lower.contains(word));
    if can_be_unpacked { format!("{why}; unpack the archive and import the folder") } else { why }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::write::SimpleFileOptions;

    use super::*;

    #[derive(Default)]
    struct Collected {
        read: Vec<(String, String)>,
        bad: Vec<(String, String)>,
    }

    impl Visitor for Collected {
        fn rank_entry(&self, name: &str) -> Option<u8> {
            name.contains(".json").then_some(u8::from(!name.contains("first")))
        }

        fn visit_entry(&mut self, path: &Path, input: &mut dyn BufRead) -> io::Result<bool> {
            let mut text = String::new();
            input.read_to_string(&mut text)?;
            self.read.push((path.display().to_string(), text));
            Ok(true)
        }

        fn report_entry(&mut self, path: &Path, why: String) -> bool {
            self.bad.push((path.display().to_string(), why));
            true
        }
    }

    fn zipped(entries: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in entries {
            archive.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
            archive.write_all(content).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    fn walked(bytes: &[u8]) -> Collected {
        let mut collected = Collected::default();
        assert!(walk_entries(Cursor::new(bytes), Path::new("a.zip"), &mut collected).unwrap());
        collected
    }

    #[test]
    fn archives_inside_archives() {
        for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
            let inner = zipped(&[("x/b.json", b"b"), ("first.json", b"a"), ("note.txt", b"n")], method);
            let outer = zipped(&[("Activity/inner.ZIP", &inner), ("c.json", b"c")], method);
            let expected = [("a.zip/c.json", "c"), ("a.zip/Activity/inner.ZIP/first.json", "a")];
            let read = walked(&outer).read;
            let read: Vec<(&str, &str)> = read.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
            assert_eq!(read[..2], expected);
            assert_eq!(read[2], ("a.zip/Activity/inner.ZIP/x/b.json", "b"));
            let deep = (0..3).fold(outer, |inner, _| zipped(&[("more.zip", &inner)], method));
            let deep = walked(&deep);
            assert!(deep.read.is_empty() && deep.bad[0].1.contains("unpack them first"), "{:?}", deep.bad);
        }
    }

    #[test]
    fn an_archive_that_unpacks_to_far_more_than_its_size_is_not_read_to_its_end() {
        let bomb = vec![b' '; 40 << 20];
        let bytes = zipped(&[("a.json", &bomb), ("b.json", &bomb), ("c.json", b"c")], CompressionMethod::Deflated);
        let walked = walked(&bytes);
        let read: Vec<&str> = walked.read.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(read, ["a.zip/a.json", "a.zip/c.json"]);
        assert!(walked.bad.len() == 1 && walked.bad[0].1.contains("no honest file"), "{:?}", walked.bad);
    }

    #[test]
    fn an_entry_that_cannot_be_read_costs_no_other() {
        let mut bytes = zipped(&[("bad.json", b"0123456789"), ("good.json", b"good")], CompressionMethod::Stored);
        let at = bytes.windows(10).position(|window| window == b"0123456789").unwrap();
        bytes[at] = b'x';
        let walked = walked(&bytes);
        assert_eq!(walked.read, [("a.zip/good.json".to_owned(), "good".to_owned())]);
        assert_eq!(walked.bad[0].0, "a.zip/bad.json");
        for why in
            [ZipError::CompressionMethodNotSupported(12), ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED)]
        {
            let why = explain_error(why.to_string());
            assert!(why.contains("unpack the archive and import the folder"), "{why}");
        }
        assert!(walk_entries(Cursor::new(b"PK"), Path::new("a.zip"), &mut Collected::default()).is_err());
    }
}
