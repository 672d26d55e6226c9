//! The file of a backup: a zstd-compressed tar of `manifest.json`, `memory.db` and, if there is one, `config.toml`. Owns the
//! format, and that nothing else is ever unpacked: names come from the list here, never from the archive.
//!
//! No secret is in it: the token of the HTTP server, the key of the placeholders and the unpacked runtime stay where they are.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::crypt::Keys;
use crate::disk;
use crate::domain::hash::hex;
use crate::ops::error::{Error, Result};

/// The version of the format.
const FORMAT: u32 = 1;
const MANIFEST: &str = "manifest.json";
/// The database in the archive, and in the folder it is unpacked to.
pub(super) const DATABASE: &str = "memory.db";
/// The settings.
pub(super) const CONFIG: &str = "config.toml";
/// What may be in an archive beside the manifest.
const NAMES: [&str; 2] = [DATABASE, CONFIG];
const LARGEST_MANIFEST: u64 = 1 << 20;
const LEVEL: i32 = 3;
const PIECE: usize = 1 << 20;

/// What a backup says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the format.
    pub format: u32,
    /// The program that made it.
    pub program: String,
    /// The schema of the database.
    pub schema: i64,
    /// When, RFC 3339.
    pub created_at: String,
    /// What is in it.
    pub counts: Counts,
    /// Its files.
    pub files: Vec<Entry>,
}

/// How much is in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Messages.
    pub messages: u64,
    /// Conversations.
    pub conversations: u64,
    /// Parts of messages.
    pub parts: u64,
    /// Vectors.
    pub vectors: u64,
    /// Memories saved on purpose.
    pub notes: u64,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name, one of a fixed list.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// Its checksum.
    pub sha256: String,
}

impl Manifest {
    pub(super) fn new(created_at: String, schema: i64, counts: Counts, files: Vec<Entry>) -> Self {
        let program = format!("claude-memory {}", env!("CARGO_PKG_VERSION"));
        Self { format: FORMAT, program, schema, created_at, counts, files }
    }

    fn check(&self) -> std::result::Result<(), String> {
        if self.format != FORMAT {
            return Err(format!("it has format {}, this claude-memory understands {FORMAT}", self.format));
        }
        match self.files.iter().find(|file| !NAMES.contains(&file.name.as_str())) {
            Some(file) => Err(format!("it holds a file {:?}, which no backup has", file.name)),
            None if !self.files.iter().any(|file| file.name == DATABASE) => Err("it holds no database".to_owned()),
            None => Ok(()),
        }
    }
}

/// Length and checksum of a file.
///
/// # Errors
/// When it cannot be read.
pub(super) fn measure(name: &str, path: &Path) -> Result<Entry> {
    let read = || -> io::Result<Entry> {
        let (mut sink, mut file) = (Measured::new(io::sink()), File::open(path)?);
        copy(&mut file, &mut sink)?;
        Ok(Entry { name: name.to_owned(), bytes: sink.bytes, sha256: sink.sum() })
    };
    read().map_err(Error::io("read", path))
}

/// Writes the archive of a folder that holds the files of the manifest.
///
/// # Errors
/// Any I/O error.
pub(super) fn write(folder: &Path, manifest: &Manifest, into: &mut dyn Write) -> io::Result<()> {
    let mut compressed = zstd::Encoder::new(into, LEVEL)?;
    compressed.include_checksum(true)?;
    let mut archive = tar::Builder::new(compressed);
    let head = |bytes: u64| {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes);
        header.set_mode(0o600);
        header
    };
    let text = serde_json::to_vec_pretty(manifest)?;
    archive.append_data(&mut head(text.len() as u64), MANIFEST, text.as_slice())?;
    for file in &manifest.files {
        archive.append_data(
            &mut head(file.bytes),
            &file.name,
            File::open(folder.join(&file.name))?.take(file.bytes),
        )?;
    }
    archive.into_inner()?.finish()?.flush()
}

/// Reads the manifest only.
///
/// # Errors
/// [`Error::BadBackup`] when the file is not one of ours.
pub(super) fn manifest(path: &Path, keys: &Keys) -> Result<Manifest> {
    let file = keys.open(path)?;
    let wrong = |error: io::Error| Error::bad(path, error.to_string());
    let mut archive = tar::Archive::new(zstd::Decoder::new(file).map_err(wrong)?);
    let first = archive.entries().map_err(wrong)?.next();
    let first = first.ok_or_else(|| Error::bad(path, "it is empty"))?.map_err(wrong)?;
    read_manifest(first).map_err(|why| Error::bad(path, why))
}

/// Unpacks an archive into a folder and compares every byte with the manifest.
///
/// # Errors
/// [`Error::BadBackup`] when anything differs; what was unpacked is then of no use.
pub(super) fn unpack(path: &Path, keys: &Keys, folder: &Path) -> Result<Manifest> {
    let file = keys.open(path)?;
    let wrong = |error: io::Error| Error::bad(path, error.to_string());
    let mut archive = tar::Archive::new(zstd::Decoder::new(file).map_err(wrong)?);
    let mut entries = archive.entries().map_err(wrong)?;
    let first = entries.next().ok_or_else(|| Error::bad(path, "it is empty"))?.map_err(wrong)?;
    let manifest = read_manifest(first).map_err(|why| Error::bad(path, why))?;
    for expected in &manifest.files {
        let entry = entries.next().ok_or_else(|| Error::bad(path, format!("{} is missing", expected.name)))?;
        let entry = entry.map_err(wrong)?;
        let plain = entry.header().entry_type().is_file() && entry.path_bytes() == expected.name.as_bytes();
        if !plain || entry.size() != expected.bytes {
            return Err(Error::bad(path, format!("{} is not where the manifest says", expected.name)));
        }
        let target = folder.join(&expected.name);
        let mut unpacked = Measured::new(disk::create_private_file(&target).map_err(Error::io("create", &target))?);
        copy(&mut entry.take(expected.bytes), &mut unpacked).map_err(wrong)?;
        unpacked.inner.sync_all().map_err(Error::io("sync", &target))?;
        if unpacked.bytes != expected.bytes || unpacked.sum() != expected.sha256 {
            return Err(Error::bad(path, format!("{} does not match its checksum", expected.name)));
        }
    }
    if entries.next().is_some() {
        return Err(Error::bad(path, "it holds more than its manifest says"));
    }
    // To the end, where the checksum of the compression stands.
    copy(&mut archive.into_inner(), &mut io::sink()).map_err(wrong)?;
    Ok(manifest)
}

fn read_manifest(entry: impl Read) -> std::result::Result<Manifest, String> {
    let mut text = Vec::new();
    entry.take(LARGEST_MANIFEST).read_to_end(&mut text).map_err(|error| error.to_string())?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|_| "it is no backup of this program".to_owned())?;
    manifest.check().map(|()| manifest)
}

fn copy(from: &mut impl Read, into: &mut impl Write) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let read = match from.read(&mut piece) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        match piece.get(..read) {
            Some(bytes) if read > 0 => into.write_all(bytes)?,
            _ => return Ok(()),
        }
    }
}

/// Counts and sums what passes.
struct Measured<W> {
    inner: W,
    bytes: u64,
    hash: Sha256,
}

impl<W> Measured<W> {
    fn new(inner: W) -> Self {
        Self { inner, bytes: 0, hash: Sha256::new() }
    }

    fn sum(self) -> String {
        hex(&self.hash.finalize())
    }
}

impl<W: Write> Write for Measured<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.bytes += written as u64;
        self.hash.update(bytes.get(..written).unwrap_or(&[]));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
