//! Stands in for encryption in a program that was built without the feature `encrypted-backups`: recipients are an
//! error, so that no backup is left unencrypted by mistake, and so is an encrypted backup.

use std::io::{Read, Seek as _, SeekFrom};
use std::path::Path;

use crate::backup::{Error, Result};
use crate::config::BackupSettings;
use crate::disk::ForeignFile;

/// First bytes of an encrypted file.
const MAGIC: &[u8] = b"age-encryption.org/";

const HINT: &str = "build it with `cargo build --release --features encrypted-backups`, or install a released archive";

/// Keys of backups. There are none in this program.
#[derive(Debug, Clone, Default)]
pub struct BackupKeys {}

impl BackupKeys {
    /// Returns no keys.
    ///
    /// # Errors
    /// If the settings name recipients.
    pub fn from_settings(settings: &BackupSettings, _: Option<&Path>) -> Result<Self> {
        if settings.recipients.is_empty() {
            return Ok(Self {});
        }
        Err(Error::Invalid {
            message: "backup.recipients is set, but this program was built without the feature `encrypted-backups`"
                .to_owned(),
            hint: HINT,
        })
    }

    /// Returns no keys.
    ///
    /// # Errors
    /// If the settings name recipients.
    pub(super) fn recipients_of(settings: &BackupSettings) -> Result<Self> {
        Self::from_settings(settings, None)
    }

    /// Returns no keys.
    pub(super) const fn without_recipients(&self) -> Self {
        Self {}
    }

    /// Returns false: no backup is encrypted.
    pub const fn has_recipients(&self) -> bool {
        false
    }

    /// Encrypts nothing.
    ///
    /// # Errors
    /// Always.
    pub(super) fn encrypt_file(&self, plain: &Path, _: &Path) -> Result<()> {
        Err(Error::Invalid { message: format!("cannot encrypt {}", plain.display()), hint: HINT })
    }

    /// Opens a backup for reading.
    ///
    /// # Errors
    /// If the file cannot be read or is encrypted.
    pub(super) fn open_backup(&self, path: &Path) -> Result<Box<dyn Read>> {
        let mut file = ForeignFile::open(path).map_err(Error::from_io("open", path))?;
        let mut head = vec![0; MAGIC.len()];
        let is_encrypted = file.read_exact(&mut head).is_ok() && head == MAGIC;
        file.seek(SeekFrom::Start(0)).map_err(Error::from_io("read", path))?;
        if is_encrypted {
            return Err(Error::Invalid {
                message: format!(
                    "the backup {} is encrypted, and this program was built without the feature `encrypted-backups`",
                    path.display()
                ),
                hint: HINT,
            });
        }
        Ok(Box::new(file))
    }
}

/// Returns true if a backup is encrypted.
pub(super) fn is_encrypted(path: &Path) -> Result<bool> {
    let mut head = Vec::new();
    let file = ForeignFile::open(path).map_err(Error::from_io("open", path))?;
    file.take(MAGIC.len() as u64).read_to_end(&mut head).map_err(Error::from_io("read", path))?;
    Ok(head == MAGIC)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LayeredSettings;

    #[test]
    fn recipients_and_encrypted_backups_are_errors_that_name_the_feature() {
        let text = "[backup]\nrecipients = [\"age1x\"]\n";
        let settings = LayeredSettings::from_text(Path::new("config.toml"), text).unwrap().settings.backup;
        let error = BackupKeys::from_settings(&settings, None).unwrap_err().to_string();
        assert!(error.contains("`encrypted-backups`"), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("memory.tar.zst.age");
        crate::disk::write_atomic(&file, b"age-encryption.org/v1\n").unwrap();
        let error = BackupKeys {}.open_backup(&file).err().unwrap().to_string();
        assert!(error.contains("`encrypted-backups`"), "{error}");
        crate::disk::write_atomic(&file, b"plain").unwrap();
        let mut plain = String::new();
        BackupKeys {}.open_backup(&file).unwrap().read_to_string(&mut plain).unwrap();
        assert_eq!(plain, "plain");
    }
}
