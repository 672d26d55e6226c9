//! Encryption of backups for age recipients (<https://age-encryption.org/v1>); an age identity decrypts them. Owns the
//! choice of keys; the format is age's.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use crate::backup::{Error, Result};
use crate::config::BackupSettings;
use crate::disk::{self, ForeignFile};

/// First bytes of an encrypted file.
const MAGIC: &[u8] = b"age-encryption.org/";

/// Recipients that backups are encrypted for, and identities that decrypt them.
#[derive(Clone, Default)]
pub struct BackupKeys {
    recipients: Vec<age::x25519::Recipient>,
    identities: Vec<age::x25519::Identity>,
}

impl std::fmt::Debug for BackupKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Keys").field("recipients", &self.recipients.len()).finish_non_exhaustive()
    }
}

impl BackupKeys {
    /// Reads the keys of the settings; `identity` names a file that replaces the one of the settings.
    ///
    /// # Errors
    /// If a recipient is malformed, or the identity file cannot be read or contains no identity.
    pub fn from_settings(settings: &BackupSettings, identity: Option<&Path>) -> Result<Self> {
        let recipient = |text: &String| {
            text.trim().parse::<age::x25519::Recipient>().map_err(|why| Error::Invalid {
                message: format!("backup.recipients contains {text:?}, which is not an age recipient: {why}"),
                hint: "a recipient begins with age1; `age-keygen -y FILE` prints the one of an identity",
            })
        };
        let named = (!settings.identity_file.is_empty()).then(|| Path::new(&settings.identity_file));
        let identities = match identity.or(named) {
            Some(file) => read_identities(file)?,
            None => Vec::new(),
        };
        Ok(Self { recipients: settings.recipients.iter().map(recipient).collect::<Result<_>>()?, identities })
    }

    /// Reads only the recipients: a new backup needs no identity, which may be kept elsewhere.
    ///
    /// # Errors
    /// If a recipient is malformed.
    pub(super) fn recipients_of(settings: &BackupSettings) -> Result<Self> {
        let without = BackupSettings { identity_file: String::new(), ..settings.clone() };
        Self::from_settings(&without, None)
    }

    /// Returns true if new backups are encrypted.
    pub fn has_recipients(&self) -> bool {
        !self.recipients.is_empty()
    }

    /// Encrypts `plain` into `sealed` and syncs it.
    pub(super) fn encrypt_file(&self, plain: &Path, sealed: &Path) -> Result<()> {
        let write = || -> io::Result<()> {
            let recipients = self.recipients.iter().map(|recipient| recipient as &dyn age::Recipient);
            let encryptor = age::Encryptor::with_recipients(recipients).map_err(io::Error::other)?;
            let mut writer = encryptor.wrap_output(disk::create_private_file(sealed)?)?;
            io::copy(&mut File::open(plain)?, &mut writer)?;
            let mut file = writer.finish()?;
            file.flush()?;
            file.sync_all()
        };
        write().map_err(Error::from_io("encrypt into", sealed))
    }

    /// Opens a backup for reading, decrypted if it is encrypted.
    ///
    /// # Errors
    /// If the file cannot be read, or is encrypted and no identity matches.
    pub(super) fn open_backup(&self, path: &Path) -> Result<Box<dyn Read>> {
        let mut file = ForeignFile::open(path).map_err(Error::from_io("open", path))?;
        let mut head = vec![0; MAGIC.len()];
        let begins = file.read_exact(&mut head).is_ok() && head == MAGIC;
        file.seek(SeekFrom::Start(0)).map_err(Error::from_io("read", path))?;
        if !begins {
            return Ok(Box::new(file));
        }
        let identities = self.identities.iter().map(|identity| identity as &dyn age::Identity);
        if self.identities.is_empty() {
            return Err(Error::Invalid {
                message: format!("the backup {} is encrypted", path.display()),
                hint: "pass your age identity with --identity FILE, or set backup.identity_file",
            });
        }
        let decryptor = age::Decryptor::new_buffered(BufReader::new(file))
            .map_err(|error| Error::bad_backup(path, error.to_string()))?;
        let reader = decryptor.decrypt(identities).map_err(|error| Error::bad_backup(path, error.to_string()))?;
        Ok(Box::new(reader))
    }
}

/// Returns true if a backup is encrypted.
pub(super) fn is_encrypted(path: &Path) -> Result<bool> {
    let mut head = Vec::new();
    let file = File::open(path).map_err(Error::from_io("open", path))?;
    file.take(MAGIC.len() as u64).read_to_end(&mut head).map_err(Error::from_io("read", path))?;
    Ok(head == MAGIC)
}

fn read_identities(file: &Path) -> Result<Vec<age::x25519::Identity>> {
    let text = std::fs::read_to_string(file).map_err(Error::from_io("read the age identity", file))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let identities: Option<Vec<_>> = lines.map(|line| line.parse::<age::x25519::Identity>().ok()).collect();
    identities.filter(|found| !found.is_empty()).ok_or_else(|| Error::Invalid {
        message: format!("{} contains no age identity", file.display()),
        hint: "create one with `age-keygen -o FILE`; it begins with AGE-SECRET-KEY-1",
    })
}
