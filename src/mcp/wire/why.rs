//! JSON types of the answer of `memory_why`, and the words in which a grade or a silence is explained.

use schemars::JsonSchema;
use serde::Serialize;

use super::outgoing::{SafeText, sanitize_name, sanitize_title};
use crate::memory::{
    CommitExplanation, CommitName, FileExplanation, Ground, LineGroup, SessionLink, Silence, SilenceReason,
};

/// Characters of a line of code that are shown.
const LINE_CHARACTERS: usize = 200;
/// Digits of a commit's id that are shown.
const ID_DIGITS: usize = 10;

/// The answer of `memory_why`.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct WhyAnswer {
    /// File, relative to the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<SafeText>,
    /// The lines that were asked about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<QuotedLine>,
    /// Lines, or commits of a range, with a proved attribution.
    pub proved: usize,
    /// Lines or commits with a likely attribution.
    pub likely: usize,
    /// Lines or commits without one.
    pub unknown: usize,
    /// Attributions: of lines the most certain first, of commits the newest first.
    pub attributions: Vec<WhyEntry>,
}

/// One line of a file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct QuotedLine {
    /// Number from 1.
    pub number: u32,
    /// Text of the line.
    pub text: SafeText,
}

/// Attribution of lines or of a commit.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WhyEntry {
    /// Lines with this attribution, such as `4-6, 10`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<String>,
    /// Number of lines.
    pub count: usize,
    /// Commit; absent for what is not committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<CommitEntry>,
    /// proved, likely or unknown.
    pub grade: String,
    /// Reason of the grade, in words; of unknown: which silence it is.
    pub reason: String,
    /// Short name of the reason.
    pub ground: String,
    /// Session that wrote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<WhySession>,
    /// Other sessions that wrote parts of the commit, or that used the file if the attribution is unknown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<WhySession>,
    /// Request behind the edit and what was said; only for the first attributions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<super::request::RequestEntry>,
}

/// Commit that wrote something.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CommitEntry {
    /// Id of the commit.
    pub id: String,
    /// The author's date, RFC 3339.
    pub ts: String,
    /// Name of the author.
    pub author: SafeText,
    /// First line of its message.
    pub subject: SafeText,
}

/// A session that wrote something.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WhySession {
    /// Session id, as `memory_get` takes it.
    pub session_id: String,
    /// Name of the project.
    pub project: SafeText,
    /// Title of the session.
    pub title: SafeText,
    /// First message, RFC 3339.
    pub started_at: String,
    /// proved, likely or unknown.
    pub grade: String,
}

impl WhyAnswer {
    /// Converts the attribution of lines.
    pub fn from_file(found: FileExplanation) -> Self {
        let [proved, likely, unknown] = found.counts;
        Self {
            path: Some(sanitize_name(&found.path)),
            lines: found
                .shown
                .iter()
                .map(|(number, text)| QuotedLine {
                    number: *number,
                    text: SafeText::single_line(text, LINE_CHARACTERS),
                })
                .collect(),
            proved,
            likely,
            unknown,
            attributions: found.groups.into_iter().map(WhyEntry::from_group).collect(),
        }
    }

    /// Converts the attributions of commits.
    pub fn from_commits(found: Vec<CommitExplanation>) -> Self {
        let attributions: Vec<WhyEntry> = found.into_iter().map(WhyEntry::from_commit).collect();
        let count = |grade: &str| attributions.iter().filter(|entry| entry.grade == grade).count();
        Self {
            proved: count("proved"),
            likely: count("likely"),
            unknown: count("unknown"),
            attributions,
            ..Self::default()
        }
    }
}

impl WhyEntry {
    fn from_group(group: LineGroup) -> Self {
        let ranges: Vec<String> = group.ranges.iter().map(|(first, last)| format_range(*first, *last)).collect();
        let entry = Self::build(group.commit, group.link.into_iter().collect(), group.silence);
        Self { lines: Some(ranges.join(", ")), count: group.lines, ..entry }
    }

    fn from_commit(found: CommitExplanation) -> Self {
        Self::build(found.commit, found.links, found.silence)
    }

    fn build(commit: Option<CommitName>, mut links: Vec<SessionLink>, silence: Option<Silence>) -> Self {
        let others = links.split_off(links.len().min(1));
        let link = links.pop();
        let (reason, ground) = match (&link, &silence) {
            (Some(link), _) => (describe_link(link), link.ground.map_or("", Ground::name)),
            (None, Some(silence)) => (describe_silence(silence), silence.reason.name()),
            (None, None) => (String::new(), ""),
        };
        let silent = silence.map(|silence| silence.sessions).unwrap_or_default();
        Self {
            lines: None,
            count: 0,
            commit: commit.map(CommitEntry::from),
            grade: link.as_ref().map_or("unknown", |link| link.grade.name()).to_owned(),
            reason,
            ground: ground.to_owned(),
            session: link.map(WhySession::from),
            others: others
                .into_iter()
                .map(WhySession::from)
                .chain(silent.into_iter().map(WhySession::unknown))
                .collect(),
            request: None,
        }
    }
}

impl From<CommitName> for CommitEntry {
    fn from(commit: CommitName) -> Self {
        Self {
            ts: commit.at.to_string(),
            author: sanitize_name(&commit.author),
            subject: sanitize_title(&commit.subject),
            id: commit.id,
        }
    }
}

impl CommitEntry {
    /// Returns the id as people write it.
    pub fn short_id(&self) -> &str {
        self.id.get(..ID_DIGITS).unwrap_or(&self.id)
    }
}

impl From<SessionLink> for WhySession {
    fn from(link: SessionLink) -> Self {
        Self { grade: link.grade.name().to_owned(), ..Self::unknown(link.session) }
    }
}

impl WhySession {
    fn unknown(session: crate::store::SessionSummary) -> Self {
        Self {
            project: sanitize_name(&session.project),
            title: sanitize_title(&session.title),
            started_at: session.started_at.to_string(),
            session_id: session.session,
            grade: "unknown".to_owned(),
        }
    }
}

fn format_range(first: u32, last: u32) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

fn describe_link(link: &SessionLink) -> String {
    let share = format!("{:.0} %", link.share * 100.0);
    let age = describe_age(link.edit_age_ms);
    let moved = if link.is_moved { "; it wrote these lines in another file" } else { "" };
    let words = match link.ground {
        Some(Ground::PrintedId) => "the session printed this commit's id".to_owned(),
        Some(Ground::PrintedSubject) => "the session printed this commit's subject when the change was made".to_owned(),
        Some(Ground::Share | Ground::NearlyAll) => {
            format!("its edits hold {share} of the commit's distinct text, the last one {age}")
        }
        Some(Ground::Contributor) => {
            format!("one of several sessions: its edits hold {share} of the commit's distinct text, the last one {age}")
        }
        Some(Ground::Squashed) => {
            format!(
                "one of the sessions that were squashed into this commit: its edits hold {share} of its distinct text"
            )
        }
        Some(Ground::LargeShare | Ground::FewLines) => {
            format!("its edits hold only {share} of the commit's distinct text, the last one {age}")
        }
        Some(Ground::Uncommitted) => {
            format!("not committed; the last edit with this text was made {}", age.replace("before", "ago"))
        }
        None => String::new(),
    };
    words + moved
}

fn describe_silence(silence: &Silence) -> String {
    let words = match silence.reason {
        SilenceReason::BeforeHistory => "the commit is older than the first stored session",
        SilenceReason::ShallowClone => "the clone does not have the commit that wrote it; run `git fetch --unshallow`",
        SilenceReason::NotReadYet => {
            "the edits stored by an earlier version are not read yet; run `claude-memory doctor --fix`"
        }
        SilenceReason::NoSession => "no stored session used this in the 14 days before the commit",
        SilenceReason::EndsBefore => "the sessions that used this file end before the commit and did not write this",
        SilenceReason::OtherLines => "one session worked on this and did not write these lines",
        SilenceReason::SeveralSessions => "several sessions worked on this and none wrote these lines for certain",
        SilenceReason::NoText => "it has no text that could tell sessions apart",
    };
    words.to_owned()
}

/// Formats the time between an edit and the commit: `7 minutes before`.
fn describe_age(milliseconds: i64) -> String {
    let minutes = milliseconds / 60_000;
    let (number, unit) = match minutes {
        ..=0 => return "at the same time".to_owned(),
        1..=119 => (minutes, "minute"),
        120..=2879 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    format!("{number} {unit}{} before", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_ranges_read_as_words() {
        let minute = 60_000;
        for (age, words) in [
            (-5, "at the same time"),
            (minute, "1 minute before"),
            (7 * minute, "7 minutes before"),
            (180 * minute, "3 hours before"),
            (3 * 1440 * minute, "3 days before"),
        ] {
            assert_eq!(describe_age(age), words);
        }
        assert_eq!((format_range(4, 4), format_range(4, 6)), ("4".to_owned(), "4-6".to_owned()));
    }
}
