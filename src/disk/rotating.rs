//! A log file that does not grow without end: put aside at a size, the oldest goes. Owns the names of what is put aside; lines are
//! its owner's business.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::{append_private, create_private_folder, publish};

/// A log is put aside at this size.
const LOG_BYTES: u64 = 10 << 20;
/// So many are kept aside.
const OLD_LOGS: usize = 5;

/// A log, written at its end.
#[derive(Debug)]
pub struct RotatingLog {
    path: PathBuf,
    file: Option<File>,
}

impl RotatingLog {
    /// The log at `path`; its folder is made, the file only when something is written.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn new(path: PathBuf) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            create_private_folder(folder)?;
        }
        Ok(Self { path, file: None })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes whole lines at the end; a log that is large already is put aside before.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        // The name is looked at each time: somebody else may have put the file aside or taken it away.
        let is_empty = fs::metadata(&self.path).map_or(true, |data| data.len() == 0);
        if self.put_aside_if_large()? || is_empty {
            self.file = None;
        }
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(append_private(&self.path)?),
        };
        file.write_all(lines)
    }

    /// As [`RotatingLog::append`], and returns when it is on the disk.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn append_synced(&mut self, lines: &[u8]) -> io::Result<()> {
        self.append(lines)?;
        self.file.as_ref().map_or(Ok(()), File::sync_data)
    }

    /// Puts it aside if it is large; returns whether it was.
    ///
    /// # Errors
    /// When it cannot be renamed.
    pub fn put_aside_if_large(&mut self) -> io::Result<bool> {
        let large = fs::metadata(&self.path).is_ok_and(|data| data.len() >= LOG_BYTES);
        if large {
            self.put_aside()?;
            self.file = None;
        }
        Ok(large)
    }

    /// The names move up by one, the oldest goes.
    fn put_aside(&self) -> io::Result<()> {
        let aside = |number: usize| self.path.with_extension(format!("log.{number}"));
        for number in (1..OLD_LOGS).rev() {
            if aside(number).exists() {
                publish(&aside(number), &aside(number + 1))?;
            }
        }
        publish(&self.path, &aside(1))
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
            log.append(format!("{number}\n").as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("{number}\n"));
            File::options().append(true).open(&path).unwrap().set_len(LOG_BYTES).unwrap();
        }
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1 + OLD_LOGS);
        log.append_synced(b"last\n").unwrap();
        fs::remove_file(&path).unwrap();
        log.append(b"again\n").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "again\n");
    }
}
