//! Reads compressed transcripts (`.jsonl.zst`). Codex compresses sessions that were not opened for a week.

use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::super::Position;
use super::super::lines::LineReader;
use crate::disk::{ForeignFile, UnpackBudget, UnpackedReader};

/// Base-2 logarithm of the largest decompression window: 128 MiB of memory.
const MAX_WINDOW_LOG: u32 = 27;

/// Shared slot for the error that ended an archive early.
pub(super) type Damage = Arc<Mutex<Option<String>>>;

/// Returns true if the file is compressed.
pub(super) fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|kind| kind == "zst")
}

/// Opens the lines of a transcript, compressed or not. The lines of a damaged archive end at the damage, and `damage`
/// receives the error.
pub(super) fn open_lines(path: &Path, longest: usize, damage: &Damage) -> io::Result<LineReader> {
    if !is_compressed(path) {
        return LineReader::open(path, Position::default(), longest);
    }
    let file = ForeignFile::open(path)?;
    let budget = UnpackBudget::for_archive(file.size()?);
    let mut decoder = zstd::stream::read::Decoder::new(file)?;
    decoder.window_log_max(MAX_WINDOW_LOG)?;
    let archive = ZstdReader { unpacked: UnpackedReader::new(decoder, &budget), damage: Arc::clone(damage) };
    Ok(LineReader::from_input(Box::new(archive), Position::default(), longest))
}

/// Takes the error out of the slot, if there is one.
pub(super) fn take_damage(damage: &Damage) -> Option<String> {
    damage.lock().unwrap_or_else(PoisonError::into_inner).take()
}

struct ZstdReader {
    unpacked: UnpackedReader<zstd::stream::read::Decoder<'static, BufReader<ForeignFile>>>,
    damage: Damage,
}

impl Read for ZstdReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.unpacked.read(buffer) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                *self.damage.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
                Ok(0)
            }
            read => read,
        }
    }
}
