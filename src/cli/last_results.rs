//! Ids of the last results on the command line, in a file of the data folder, so that `show 1` opens the first of them.
//! Holds ids only, never a text.

use serde::{Deserialize, Serialize};

use crate::config::Paths;
use crate::disk;
use crate::domain::{Failure, FailureCode};

/// Most bytes of the file: more was not written by this program.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// Most digits of a number; longer ones are ids.
const MAX_NUMBER_DIGITS: usize = 3;

/// One numbered result: a message, or a session without a message of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NumberedResult {
    /// Id of the message; absent for a session in a list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
    /// Id of the session.
    pub(super) session: String,
}

impl NumberedResult {
    /// Returns the id that opens the result: of the message, else of the session.
    pub(super) fn opening_id(&self) -> &str {
        self.message.as_deref().unwrap_or(&self.session)
    }
}

/// Saves the results in the order of their numbers. A folder that cannot be written changes nothing else.
pub(super) fn save_results(paths: &Paths, results: &[NumberedResult]) {
    let text = serde_json::to_vec(results).unwrap_or_default();
    // Numbers are a convenience: an answer is complete without them.
    let _ = disk::write_atomic(&paths.last_results_file(), &text);
}

/// Returns the result that `text` numbers; `None` if it is no number.
///
/// # Errors
/// A number that the last results do not have.
pub(super) fn find_result(paths: &Paths, text: &str) -> Result<Option<NumberedResult>, Failure> {
    if text.is_empty() || text.len() > MAX_NUMBER_DIGITS || !text.chars().all(|digit| digit.is_ascii_digit()) {
        return Ok(None);
    }
    let number: usize = text.parse().unwrap_or(0);
    let read = disk::read_foreign_text(&paths.last_results_file(), MAX_FILE_BYTES).unwrap_or_default();
    let mut results: Vec<NumberedResult> = serde_json::from_str(&read).unwrap_or_default();
    let count = results.len();
    if number >= 1 && number <= count {
        return Ok(Some(results.swap_remove(number - 1)));
    }
    let (message, hint) = if count == 0 {
        (format!("there are no results to take number {number} from"), "run `claude-memory search` first, or use an id")
    } else {
        (format!("the last results end with number {count}"), "use one of their numbers, or an id")
    };
    Err(Failure::new(FailureCode::NotFound, message, Some(hint)))
}

/// Returns the id of the session that `text` numbers, or `text` itself.
///
/// # Errors
/// A number that the last results do not have.
pub(super) fn resolve_session(paths: &Paths, text: &str) -> Result<String, Failure> {
    Ok(find_result(paths, text)?.map_or_else(|| text.to_owned(), |result| result.session))
}

/// Returns the id of the message or session that `text` numbers, or `text` itself.
///
/// # Errors
/// A number that the last results do not have.
pub(super) fn resolve_reference(paths: &Paths, text: &str) -> Result<String, Failure> {
    Ok(find_result(paths, text)?.map_or_else(|| text.to_owned(), |result| result.opening_id().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_opens_one_of_the_last_results() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::resolve_home(Some(folder.path().to_owned())).unwrap();
        assert!(find_result(&paths, "1").unwrap_err().to_string().contains("no results"));
        let message = NumberedResult { message: Some("m".to_owned()), session: "s".to_owned() };
        let session = NumberedResult { message: None, session: "t".to_owned() };
        save_results(&paths, &[message.clone(), session.clone()]);
        assert_eq!(find_result(&paths, "1").unwrap(), Some(message));
        assert_eq!(resolve_reference(&paths, "2").unwrap(), "t");
        assert_eq!(
            (resolve_session(&paths, "1").unwrap(), resolve_session(&paths, "3a90").unwrap()),
            ("s".to_owned(), "3a90".to_owned())
        );
        assert!(find_result(&paths, "3").unwrap_err().to_string().contains("end with number 2"));
        assert_eq!(find_result(&paths, "5453").unwrap(), None, "four digits are the beginning of an id");
        disk::write_atomic(&paths.last_results_file(), b"broken").unwrap();
        assert!(find_result(&paths, "1").is_err());
    }
}
