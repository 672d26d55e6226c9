//! The head of a commit: its identity, times and subject, and the line in which git prints them.

use crate::domain::Timestamp;

/// First byte of the line that opens a commit. No line of a patch begins with it.
pub(super) const HEAD_MARK: &[u8] = b"\x1e";
/// Separator of its fields.
const FIELD_MARK: char = '\u{1f}';
/// Format of that line: id, parents, times, author, committer's address, subject.
pub(super) const HEAD_FORMAT: &str = "--format=%x1e%H%x1f%P%x1f%at%x1f%ct%x1f%an%x1f%ce%x1f%s";

/// Identity of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitHead {
    /// Id, 40 or 64 hexadecimal digits; empty for what is not committed.
    pub id: String,
    /// Ids of the parents.
    pub parents: Vec<String>,
    /// Time at which the change was made; rebase and amend keep it.
    pub author_at: Timestamp,
    /// Time at which this commit was made.
    pub committer_at: Timestamp,
    /// Name of the author.
    pub author: String,
    /// Address of the committer.
    pub committer_email: String,
    /// First line of the message.
    pub subject: String,
}

impl CommitHead {
    /// Returns true for a commit with several parents.
    pub const fn is_merge(&self) -> bool {
        self.parents.len() > 1
    }
}

/// Parses the line that opens a commit, without its mark.
pub(super) fn parse_head(line: &[u8]) -> Option<CommitHead> {
    let text = String::from_utf8_lossy(line);
    let mut fields = text.splitn(7, FIELD_MARK);
    let mut next = || fields.next();
    let (id, parents) = (next()?, next()?);
    let (author_at, committer_at) = (parse_seconds(next()?)?, parse_seconds(next()?)?);
    let (author, committer_email, subject) = (next()?, next()?, next()?);
    Some(CommitHead {
        id: id.to_owned(),
        parents: parents.split_whitespace().map(str::to_owned).collect(),
        author_at,
        committer_at,
        author: author.to_owned(),
        committer_email: committer_email.to_owned(),
        subject: subject.to_owned(),
    })
}

fn parse_seconds(text: &str) -> Option<Timestamp> {
    Some(Timestamp::from_milliseconds(text.parse::<i64>().ok()?.checked_mul(1000)?))
}
