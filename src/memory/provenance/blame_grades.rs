//! Grades of the edits in the history of a file: which of them stand in the file now, and how certain that is.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::rule::Grade;
use crate::domain::{MessageId, Timestamp};
use crate::memory::{Blame, Memory, Result};
use crate::repository::Repository;

impl Memory {
    /// Adds to each edit of a file the grade and the number of the lines that it wrote and that stand in the file now, and
    /// puts the certain ones first.
    ///
    /// # Errors
    /// Errors of the store or of git.
    pub fn grade_blame(&self, blame: &mut Blame, repository: &Repository, path: &str, now: Timestamp) -> Result<()> {
        let explained = self.explain_file(repository, path, None, now)?;
        let snapshot = self.snapshot()?;
        let mut standing: HashMap<MessageId, (Grade, usize)> = HashMap::new();
        for group in &explained.groups {
            let Some(part) = group.link.as_ref().and_then(|link| link.part) else { continue };
            for edit in snapshot.read_edits(&[part])? {
                let (grade, lines) = standing.entry(edit.message).or_default();
                *grade = group.grade().max(*grade);
                *lines += group.lines;
            }
        }
        for edit in &mut blame.edits {
            for (grade, lines) in edit.edits.iter().filter_map(|id| standing.get(id)) {
                edit.grade = edit.grade.max(*grade);
                edit.lines += lines;
            }
        }
        blame.edits.sort_by_key(|edit| Reverse((edit.grade, edit.at)));
        Ok(())
    }
}
