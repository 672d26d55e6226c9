//! Commits that git printed in the output of a command: `[branch id] subject`.

/// Commits read of one output.
const MAX_COMMITS: usize = 64;
/// Longest subject in characters.
const MAX_SUBJECT: usize = 200;
/// Subcommands that make commits.
const COMMITTING: [&str; 7] = ["commit", "cherry-pick", "revert", "merge", "rebase", "am", "pull"];

/// A commit as git printed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrintedCommit {
    /// Abbreviated id: 7 to 40 hexadecimal digits.
    pub id: String,
    /// First line of the message.
    pub subject: String,
}

/// Reads the commits that an output reports, each once, in their order.
pub fn read_printed_commits(output: &str) -> Vec<PrintedCommit> {
    let mut commits: Vec<PrintedCommit> = Vec::new();
    for line in output.lines().filter(|line| line.starts_with('[')) {
        let Some(commit) = read_commit(line).filter(|commit| !commits.contains(commit)) else { continue };
        commits.push(commit);
        if commits.len() == MAX_COMMITS {
            break;
        }
    }
    commits
}

/// Returns true if a command line runs git so that it may print a commit.
pub fn makes_commits(command: &str) -> bool {
    let mut words = command.split(|c: char| c.is_whitespace() || "\"'`();|&[],".contains(c));
    command.contains("git") && words.any(|word| COMMITTING.contains(&word))
}

fn read_commit(line: &str) -> Option<PrintedCommit> {
    let (inside, subject) = line.strip_prefix('[')?.split_once("] ")?;
    // A branch has no spaces, but `detached HEAD` and `main (root-commit)` are printed in its place.
    let (branch, id) = inside.rsplit_once(' ')?;
    let is_id = (7..=40).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let subject: String = subject.trim().chars().take(MAX_SUBJECT).collect();
    (is_id && !branch.trim().is_empty() && !subject.is_empty()).then(|| PrintedCommit { id: id.to_owned(), subject })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_commits_are_read_and_nothing_else() {
        let output = "hook ran\n[main 0a1b2c3] fix: round 价格\n 1 file changed\n[detached HEAD 1234567890abcdef] second one\n\
                      [feature/x (root-commit) abcdef0] first\n[main 0a1b2c3] fix: round 价格\n[INFO] done\n[main] x\n[1 2345] y\n [main abcdef1] indented";
        let found: Vec<_> =
            read_printed_commits(output).into_iter().map(|commit| (commit.id, commit.subject)).collect();
        let expected = [("0a1b2c3", "fix: round 价格"), ("1234567890abcdef", "second one"), ("abcdef0", "first")];
        assert_eq!(found, expected.map(|(id, subject)| (id.to_owned(), subject.to_owned())));
        assert!(makes_commits("cd x && git add -A && git commit -m 'a'") && makes_commits("[\"git\",\"commit\"]"));
        assert!(
            makes_commits("git -C x commit --amend")
                && !makes_commits("git log --oneline")
                && !makes_commits("make commits")
        );
    }
}
