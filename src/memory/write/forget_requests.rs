//! Pending deletion requests between preview and deletion: each is a file in the data folder with message ids and no
//! text. A misled model can ask for deletions; anything beyond a few messages waits for the person.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::disk;
use crate::domain::hash::random_hex;
use crate::domain::{MessageId, Timestamp};
use crate::memory::{Error, Memory, Result};

/// Maximum number of messages that a model may delete within a day without the person.
pub const MAX_MODEL_DELETIONS: usize = 20;
/// Time window over which deletions by models are counted together.
const COUNT_WINDOW_MS: i64 = 86_400_000;
/// Requests that may wait for the person, and maximum bytes of one.
const MAX_WAITING: usize = 50;
const MAX_REQUEST_BYTES: u64 = 16 << 20;
/// File that counts the messages deleted by models.
const DELETED_LOG: &str = "deleted.log";
/// Lifetime of an unused preview, and of a request that waits for the person.
const PREVIEW_LIFETIME_MS: i64 = 3_600_000;
const PENDING_LIFETIME_MS: i64 = 30 * 86_400_000;

/// Request to delete messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgetRequest {
    /// Code that identifies the request and proves that its preview was seen.
    pub code: String,
    /// Messages to delete.
    pub ids: Vec<MessageId>,
    /// True if backups are cleaned too.
    pub include_backups: bool,
    /// Session that made the request.
    pub session: Option<String>,
    /// Time of the request.
    pub at: Timestamp,
    /// True if the person must confirm the request.
    pub waits_for_person: bool,
}

/// File format of a request.
#[derive(Serialize, Deserialize)]
struct StoredForgetRequest {
    ids: Vec<String>,
    include_backups: bool,
    session: Option<String>,
    at_ms: i64,
    waits_for_person: bool,
}

impl Memory {
    /// Records a deletion request of a model. `whole` means that it names a project or a session rather than messages.
    pub fn request_deletion(
        &self,
        ids: Vec<MessageId>,
        whole: bool,
        include_backups: bool,
        session: Option<&str>,
        now: Timestamp,
    ) -> Result<ForgetRequest> {
        // Many small deletions add up to a large one.
        let today = self.deleted_by_models(now);
        let waits_for_person = whole || include_backups || today + ids.len() > MAX_MODEL_DELETIONS;
        if self.waiting_forget_requests(now)?.len() >= MAX_WAITING {
            return Err(Error::Invalid {
                message: format!("{MAX_WAITING} deletion requests already wait for the user"),
                hint: Some("the user decides with `claude-memory forget --waiting`".to_owned()),
            });
        }
        let stored = StoredForgetRequest {
            ids: ids.iter().map(ToString::to_string).collect(),
            include_backups,
            session: session.map(str::to_owned),
            at_ms: now.to_milliseconds(),
            waits_for_person,
        };
        let bytes = serde_json::to_vec(&stored).map_err(|error| Error::invalid_input(error.to_string()))?;
        let code = random_hex();
        let path = self.request_file(&code);
        let folder = self.paths().forget_requests();
        disk::create_private_folder(&folder)
            .and_then(|()| disk::write_atomic(&path, &bytes))
            .map_err(Error::path_error(&path))?;
        let session = session.map(str::to_owned);
        Ok(ForgetRequest { code, ids, include_backups, session, at: now, waits_for_person })
    }

    /// Returns a request by its code.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is none or it has expired.
    pub fn find_forget_request(&self, code: &str, now: Timestamp) -> Result<ForgetRequest> {
        self.remove_old_requests(now)?;
        let found = if is_code(code) { self.read_request(code)? } else { None };
        found.ok_or_else(|| Error::NotFound {
            message: format!("there is no deletion request {code:?}"),
            hint: Some("a preview returns the code; it is valid for one hour and one deletion".to_owned()),
        })
    }

    /// Returns the requests that wait for the person, oldest first.
    pub fn waiting_forget_requests(&self, now: Timestamp) -> Result<Vec<ForgetRequest>> {
        let mut waiting = self.remove_old_requests(now)?;
        waiting.retain(|request| request.waits_for_person);
        waiting.sort_by(|left, right| (left.at, &left.code).cmp(&(right.at, &right.code)));
        Ok(waiting)
    }

    /// Discards a request; nothing is deleted by it any more.
    pub fn discard_forget_request(&self, request: &ForgetRequest) -> Result<()> {
        let path = self.request_file(&request.code);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::path_error(&path)(error)),
            _ => Ok(()),
        }
    }

    /// Returns the number of messages that models deleted within the last day without the person.
    pub fn deleted_by_models(&self, now: Timestamp) -> usize {
        let text = fs::read_to_string(self.request_file(DELETED_LOG)).unwrap_or_default();
        let counts = text.lines().filter_map(|line| {
            let (at, count) = line.split_once(' ')?;
            let at: i64 = at.parse().ok()?;
            (now.to_milliseconds() - at < COUNT_WINDOW_MS).then(|| count.parse::<usize>().ok())?
        });
        counts.sum()
    }

    /// Records that a model deletes `count` messages.
    ///
    /// # Errors
    /// If the file cannot be written: nothing should then be deleted.
    pub fn record_deletion_by_model(&self, count: usize, now: Timestamp) -> Result<()> {
        use std::io::Write as _;
        let path = self.request_file(DELETED_LOG);
        let line = format!("{} {count}\n", now.to_milliseconds());
        disk::open_private_append(&path)
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .map_err(Error::path_error(&path))
    }

    fn request_file(&self, code: &str) -> PathBuf {
        self.paths().forget_requests().join(code)
    }

    fn read_forget_requests(&self) -> Result<Vec<ForgetRequest>> {
        let folder = self.paths().forget_requests();
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::path_error(&folder)(error)),
        };
        let mut found = Vec::new();
        for entry in entries.flatten() {
            let name = entry.file_name();
            found.extend(name.to_str().filter(|name| is_code(name)).and_then(|code| self.read_request(code).ok()?));
        }
        Ok(found)
    }

    /// Reads the file of a request; `None` if it is missing or incomplete.
    fn read_request(&self, code: &str) -> Result<Option<ForgetRequest>> {
        let path = self.request_file(code);
        if !fs::metadata(&path).is_ok_and(|data| data.is_file() && data.len() <= MAX_REQUEST_BYTES) {
            return Ok(None);
        }
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::path_error(&path)(error)),
        };
        let Ok(stored) = serde_json::from_slice::<StoredForgetRequest>(&bytes) else { return Ok(None) };
        let Ok(ids) = stored.ids.iter().map(|id| id.parse()).collect() else { return Ok(None) };
        Ok(Some(ForgetRequest {
            code: code.to_owned(),
            ids,
            include_backups: stored.include_backups,
            session: stored.session,
            at: Timestamp::from_milliseconds(stored.at_ms),
            waits_for_person: stored.waits_for_person,
        }))
    }

    /// Removes expired requests and returns the others.
    fn remove_old_requests(&self, now: Timestamp) -> Result<Vec<ForgetRequest>> {
        let (old, kept): (Vec<_>, Vec<_>) = self.read_forget_requests()?.into_iter().partition(|request| {
            let most = if request.waits_for_person { PENDING_LIFETIME_MS } else { PREVIEW_LIFETIME_MS };
            // A request dated in the future was not written by this program.
            let age = now.to_milliseconds() - request.at.to_milliseconds();
            age > most || age < -PREVIEW_LIFETIME_MS || request.ids.is_empty()
        });
        old.iter().try_for_each(|request| self.discard_forget_request(request))?;
        Ok(kept)
    }
}

fn is_code(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
