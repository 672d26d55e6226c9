//! Backups that only their owner can read: encrypted for age recipients (<https://age-encryption.org/v1>), read with an age identity.
//! Owns which keys are used; the format is age's.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use crate::config::BackupSettings;
use crate::disk;
use crate::ops::error::{Error, Result};

/// How an encrypted file begins.
const MAGIC: &[u8] = b"age-encryption.org/";

/// Whom backups are written for, and with what they are read.
#[derive(Clone, Default)]
pub struct Keys {
    recipients: Vec<age::x25519::Recipient>,
    identities: Vec<age::x25519::Identity>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Keys").field("recipients", &self.recipients.len()).finish_non_exhaustive()
    }
}

impl Keys {
    /// Those of the settings; `identity` names a file instead of the one of the settings.
    ///
    /// # Errors
    /// A recipient that is none, or a file that cannot be read or holds no identity.
    pub fn of(settings: &BackupSettings, identity: Option<&Path>) -> Result<Self> {
        let recipient = |text: &String| {
            text.trim().parse::<age::x25519::Recipient>().map_err(|why| Error::Invalid {
                message: format!("backup.recipients holds {text:?}, which is no age recipient: {why}"),
                hint: "a recipient begins with age1; `age-keygen -y` prints that of an identity",
            })
        };
        let named = (!settings.identity_file.is_empty()).then(|| Path::new(&settings.identity_file));
        let identities = match identity.or(named) {
            Some(file) => read(file)?,
            None => Vec::new(),
        };
        Ok(Self { recipients: settings.recipients.iter().map(recipient).collect::<Result<_>>()?, identities })
    }

    /// For reading only.
    pub(super) fn reading(&self) -> Self {
        Self { recipients: Vec::new(), identities: self.identities.clone() }
    }

    /// Whether new backups are encrypted.
    pub fn encrypts(&self) -> bool {
        !self.recipients.is_empty()
    }

    /// Writes `plain` encrypted into `sealed` and syncs it.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub(super) fn seal(&self, plain: &Path, sealed: &Path) -> Result<()> {
        let write = || -> io::Result<()> {
            let recipients = self.recipients.iter().map(|recipient| recipient as &dyn age::Recipient);
            let encryptor = age::Encryptor::with_recipients(recipients).map_err(io::Error::other)?;
            let mut writer = encryptor.wrap_output(disk::create_private_file(sealed)?)?;
            io::copy(&mut File::open(plain)?, &mut writer)?;
            let mut file = writer.finish()?;
            file.flush()?;
            file.sync_all()
        };
        write().map_err(Error::io("encrypt into", sealed))
    }

    /// What is in a backup, decrypted if need be.
    ///
    /// # Errors
    /// When the file cannot be read, or is encrypted and no identity fits.
    pub(super) fn open(&self, path: &Path) -> Result<Box<dyn Read>> {
        let mut file = File::open(path).map_err(Error::io("open", path))?;
        let mut head = vec![0; MAGIC.len()];
        let begins = file.read_exact(&mut head).is_ok() && head == MAGIC;
        file.seek(SeekFrom::Start(0)).map_err(Error::io("read", path))?;
        if !begins {
            return Ok(Box::new(file));
        }
        let identities = self.identities.iter().map(|identity| identity as &dyn age::Identity);
        if self.identities.is_empty() {
            return Err(Error::Invalid {
                message: format!("the backup {} is encrypted", path.display()),
                hint: "name the file with your age identity: --identity FILE, or the setting backup.identity_file",
            });
        }
        let decryptor =
            age::Decryptor::new_buffered(BufReader::new(file)).map_err(|error| Error::bad(path, error.to_string()))?;
        let reader = decryptor.decrypt(identities).map_err(|error| Error::bad(path, error.to_string()))?;
        Ok(Box::new(reader))
    }
}

fn read(file: &Path) -> Result<Vec<age::x25519::Identity>> {
    let text = std::fs::read_to_string(file).map_err(Error::io("read the age identity", file))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let identities: Option<Vec<_>> = lines.map(|line| line.parse::<age::x25519::Identity>().ok()).collect();
    identities.filter(|found| !found.is_empty()).ok_or_else(|| Error::Invalid {
        message: format!("{} holds no age identity", file.display()),
        hint: "`age-keygen -o FILE` makes one; it begins with AGE-SECRET-KEY-1",
    })
}
