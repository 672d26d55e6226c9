//! Compressed transcripts (`.jsonl.zst`). Codex compresses sessions that nobody opened for a week.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::super::Position;
use super::super::lines::Lines;

/// Logarithm of the largest window that is decompressed: 128 MiB of memory.
const MAX_WINDOW_LOG: u32 = 27;

/// Why an archive could not be read to its end.
pub(super) type Damage = Arc<Mutex<Option<String>>>;

/// Returns `true` for compressed files.
pub(super) fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|kind| kind == "zst")
}

/// Opens the lines of a transcript, compressed or not. Where an archive is damaged its lines end, and `damage` says
/// why.
///
/// # Errors
/// When the file cannot be opened.
pub(super) fn open_lines(path: &Path, longest: usize, damage: &Damage) -> io::Result<Lines> {
    if !is_compressed(path) {
        return Lines::open(path, Position::default(), longest);
    }
    let mut decoder = zstd::stream::read::Decoder::new(File::open(path)?)?;
    decoder.window_log_max(MAX_WINDOW_LOG)?;
    let archive = Archive { decoder, damage: Arc::clone(damage) };
    Ok(Lines::over(Box::new(archive), Position::default(), longest))
}

/// Takes the reason out, if there is one.
pub(super) fn take_damage(damage: &Damage) -> Option<String> {
    damage.lock().unwrap_or_else(PoisonError::into_inner).take()
}

struct Archive {
    decoder: zstd::stream::read::Decoder<'static, BufReader<File>>,
    damage: Damage,
}

impl Read for Archive {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.decoder.read(buffer) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                *self.damage.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
                Ok(0)
            }
            read => read,
        }
    }
}
