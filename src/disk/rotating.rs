//! Rotating log file: rotated at a size, the oldest file is deleted. Owns the names of the rotated files; the lines are
//! up to the caller.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::{create_private_folder, open_private_append, publish_path};

/// Size at which a log is rotated.
const LOG_BYTES: u64 = 10 << 20;
/// Number of rotated files that are kept.
const ROTATED_LOGS: usize = 5;

/// Append-only log with rotation.
#[derive(Debug)]
pub struct RotatingLog {
    path: PathBuf,
    file: Option<File>,
}

impl RotatingLog {
    /// Opens the log at `path`; creates its folder now, the file only when something is written.
    ///
    /// # Errors
    /// When the folder cannot be created.
    pub fn new(path: PathBuf) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            create_private_folder(folder)?;
        }
        Ok(Self { path, file: None })
    }

    /// Appends whole lines; rotates a log that is large already first.
    pub fn append_lines(&mut self, lines: &[u8]) -> io::Result<()> {
        // The name is checked each time: another process may have rotated or deleted the file.
        let is_empty = fs::metadata(&self.path).map_or(true, |data| data.len() == 0);
        if self.rotate_if_large()? || is_empty {
            self.file = None;
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(open_private_append(&self.path)?),
        };
        file.write_all(lines)
    }

    /// Appends whole lines and syncs them to the disk.
    pub fn append_lines_synced(&mut self, lines: &[u8]) -> io::Result<()> {
        self.append_lines(lines)?;
        self.file.as_ref().map_or(Ok(()), File::sync_data)
    }

    /// Rotates the log if it is large; returns true if it was.
    pub fn rotate_if_large(&mut self) -> io::Result<bool> {
        let large = fs::metadata(&self.path).is_ok_and(|data| data.len() >= LOG_BYTES);
        if large {
            self.rotate_files()?;
            self.file = None;
        }
        Ok(large)
    }

    /// Renames each file to the next number, overwriting the oldest.
    fn rotate_files(&self) -> io::Result<()> {
        let aside = |number: usize| self.path.with_extension(format!("log.{number}"));
        for number in (1..ROTATED_LOGS).rev() {
            if aside(number).exists() {
                publish_path(&aside(number), &aside(number + 1))?;
            }
        }
        publish_path(&self.path, &aside(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_log_is_put_aside_and_nothing_is_lost_in_between() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/x.log");
        let mut log = RotatingLog::new(path.clone()).unwrap();
        for number in 0..8 {
            log.append_lines(format!("{number}\n").as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("{number}\n"));
            File::options().append(true).open(&path).unwrap().set_len(LOG_BYTES).unwrap();
        }
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1 + ROTATED_LOGS);
        log.append_lines_synced(b"last\n").unwrap();
        fs::remove_file(&path).unwrap();
        log.append_lines(b"again\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "again\n");
    }
}
