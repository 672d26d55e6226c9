//! The token that every request has to bring: in a file that only its owner can read, never in an argument, a log or an
//! answer.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use crate::disk;
use crate::domain::ContentHash;
use crate::domain::hash::{hex, random_32};

/// A secret. Shows nothing of itself. Clones are the same token: when one is replaced all are.
#[derive(Clone)]
pub struct Token(Arc<RwLock<ContentHash>>);

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token")
    }
}

impl Token {
    /// From its text.
    pub fn new(text: &str) -> Self {
        Self(Arc::new(RwLock::new(ContentHash::of(text))))
    }

    /// Whether this is the token. Hashes are compared: how long that takes says nothing about the text.
    pub fn is(&self, text: &str) -> bool {
        ContentHash::of(text) == self.hash()
    }

    /// Puts another one in its place, in every clone.
    pub fn replace(&self, other: &Self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = other.hash();
    }

    pub(super) fn hash(&self) -> ContentHash {
        *self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The token in a file, made at the first time.
///
/// # Errors
/// When the file cannot be read or made, or others can read it.
pub fn load_or_create(path: &Path) -> io::Result<Token> {
    if let Some(folder) = path.parent() {
        disk::create_private_folder(folder)?;
    }
    disk::create_atomic(path, format!("{}\n", hex(&random_32())).as_bytes())?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "others can read it; chmod 600 it, or remove it",
            ));
        }
    }
    let text = fs::read_to_string(path)?;
    let text = text.trim();
    if text.len() < 32 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it holds no token; remove it and start again"));
    }
    Ok(Token::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once_and_hides_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("home/http.token");
        let token = load_or_create(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(token.is(text.trim()) && !token.is("x") && load_or_create(&path).unwrap().is(text.trim()));
        let clone = token.clone();
        token.replace(&Token::new("another"));
        assert!(clone.is("another") && !clone.is(text.trim()), "clones are the same");
        assert!(!format!("{token:?}").contains(text.trim()));
    }

    #[test]
    #[cfg(unix)]
    fn a_token_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("http.token");
        load_or_create(&path).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        assert!(load_or_create(&path).is_err());
    }
}
