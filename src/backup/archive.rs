//! Backup file format: a zstd-compressed tar of `manifest.json`, `memory.db` and, if present, `config.toml`. Owns the
//! format, and the rule that nothing else is ever unpacked: file names come from the list here, never from the archive.
//!
//! It contains no secrets: the HTTP server's token, the key of the placeholders and the unpacked runtime are not backed
//! up.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::encryption::BackupKeys;
use crate::backup::{Error, Result};
use crate::disk;
use crate::domain::hash::to_hex;

/// Version of the backup format.
const FORMAT: u32 = 1;
const MANIFEST: &str = "manifest.json";
/// Name of the database in the archive and in the folder it is unpacked to.
pub(super) const DATABASE: &str = "memory.db";
/// Name of the settings file in the archive.
pub(super) const CONFIG: &str = "config.toml";
/// Files allowed in an archive beside the manifest.
const ALLOWED_FILES: [&str; 2] = [DATABASE, CONFIG];
const MAX_MANIFEST_BYTES: u64 = 1 << 20;
const LEVEL: i32 = 3;
const COPY_BUFFER: usize = 1 << 20;

/// Manifest of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupManifest {
    /// Version of the format.
    pub format: u32,
    /// Name and version of the program that created it.
    pub program: String,
    /// Schema version of the database.
    pub schema: i64,
    /// Time of creation, RFC 3339.
    pub created_at: String,
    /// Row counts of the database, compared after restoring.
    pub counts: BackupCounts,
    /// Files of the archive.
    pub files: Vec<ArchiveFile>,
}

/// Row counts of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupCounts {
    pub messages: u64,
    pub conversations: u64,
    /// Parts of messages.
    pub parts: u64,
    pub vectors: u64,
    /// Notes saved on purpose.
    pub notes: u64,
}

/// One file of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveFile {
    /// File name, one of a fixed list.
    pub name: String,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

impl BackupManifest {
    pub(super) fn new(created_at: String, schema: i64, counts: BackupCounts, files: Vec<ArchiveFile>) -> Self {
        let program = format!("claude-memory {}", env!("CARGO_PKG_VERSION"));
        Self { format: FORMAT, program, schema, created_at, counts, files }
    }

    fn check_format(&self) -> std::result::Result<(), String> {
        if self.format != FORMAT {
            return Err(format!("it has format {}, this program supports format {FORMAT}", self.format));
        }
        match self.files.iter().find(|file| !ALLOWED_FILES.contains(&file.name.as_str())) {
            Some(file) => Err(format!("it contains an unexpected file {:?}", file.name)),
            None if !self.files.iter().any(|file| file.name == DATABASE) => Err("it contains no database".to_owned()),
            None => Ok(()),
        }
    }
}

/// Computes length and checksum of a file.
pub(super) fn measure_file(name: &str, path: &Path) -> Result<ArchiveFile> {
    let read = || -> io::Result<ArchiveFile> {
        let (mut sink, mut file) = (HashingWriter::new(io::sink()), File::open(path)?);
        copy_bytes(&mut file, &mut sink)?;
        Ok(ArchiveFile { name: name.to_owned(), bytes: sink.bytes, sha256: sink.hex_digest() })
    };
    read().map_err(Error::from_io("read", path))
}

/// Writes the archive of a folder that contains the files of the manifest.
pub(super) fn write_archive(folder: &Path, manifest: &BackupManifest, into: &mut dyn Write) -> io::Result<()> {
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

/// Reads only the manifest.
///
/// # Errors
/// [`Error::BadBackup`] if the file is not a backup of this program.
pub(super) fn load_manifest(path: &Path, keys: &BackupKeys) -> Result<BackupManifest> {
    let file = keys.open_backup(path)?;
    let wrong = |error: io::Error| Error::bad_backup(path, error.to_string());
    let mut archive = tar::Archive::new(zstd::Decoder::new(file).map_err(wrong)?);
    let first = archive.entries().map_err(wrong)?.next();
    let first = first.ok_or_else(|| Error::bad_backup(path, "it is empty"))?.map_err(wrong)?;
    read_manifest(first).map_err(|why| Error::bad_backup(path, why))
}

/// Unpacks an archive into a folder and verifies every file against the manifest.
///
/// # Errors
/// [`Error::BadBackup`] if anything differs; the unpacked files are then useless.
pub(super) fn unpack_archive(path: &Path, keys: &BackupKeys, folder: &Path) -> Result<BackupManifest> {
    let file = keys.open_backup(path)?;
    let wrong = |error: io::Error| Error::bad_backup(path, error.to_string());
    let mut archive = tar::Archive::new(zstd::Decoder::new(file).map_err(wrong)?);
    let mut entries = archive.entries().map_err(wrong)?;
    let first = entries.next().ok_or_else(|| Error::bad_backup(path, "it is empty"))?.map_err(wrong)?;
    let manifest = read_manifest(first).map_err(|why| Error::bad_backup(path, why))?;
    for expected in &manifest.files {
        let entry = entries.next().ok_or_else(|| Error::bad_backup(path, format!("{} is missing", expected.name)))?;
        let entry = entry.map_err(wrong)?;
        let plain = entry.header().entry_type().is_file() && entry.path_bytes() == expected.name.as_bytes();
        if !plain || entry.size() != expected.bytes {
            return Err(Error::bad_backup(path, format!("{} is not where the manifest says", expected.name)));
        }
        let target = folder.join(&expected.name);
        let mut unpacked =
            HashingWriter::new(disk::create_private_file(&target).map_err(Error::from_io("create", &target))?);
        copy_bytes(&mut entry.take(expected.bytes), &mut unpacked).map_err(wrong)?;
        unpacked.inner.sync_all().map_err(Error::from_io("sync", &target))?;
        if unpacked.bytes != expected.bytes || unpacked.hex_digest() != expected.sha256 {
            return Err(Error::bad_backup(path, format!("{} does not match its checksum", expected.name)));
        }
    }
    if entries.next().is_some() {
        return Err(Error::bad_backup(path, "it contains more files than its manifest lists"));
    }
    // Read to the end: zstd's checksum is there.
    copy_bytes(&mut archive.into_inner(), &mut io::sink()).map_err(wrong)?;
    Ok(manifest)
}

fn read_manifest(entry: impl Read) -> std::result::Result<BackupManifest, String> {
    let mut text = Vec::new();
    entry.take(MAX_MANIFEST_BYTES).read_to_end(&mut text).map_err(|error| error.to_string())?;
    let manifest: BackupManifest =
        serde_json::from_slice(&text).map_err(|_| "it is not a backup of this program".to_owned())?;
    manifest.check_format().map(|()| manifest)
}

fn copy_bytes(from: &mut impl Read, into: &mut impl Write) -> io::Result<()> {
    let mut piece = vec![0; COPY_BUFFER];
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

/// Writer that counts and hashes what passes through.
struct HashingWriter<W> {
    inner: W,
    bytes: u64,
    hash: Sha256,
}

impl<W> HashingWriter<W> {
    fn new(inner: W) -> Self {
        Self { inner, bytes: 0, hash: Sha256::new() }
    }

    fn hex_digest(self) -> String {
        to_hex(&self.hash.finalize())
    }
}

impl<W: Write> Write for HashingWriter<W> {
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
