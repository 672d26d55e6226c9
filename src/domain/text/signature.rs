//! Signature of an error: what stays the same when it occurs again. These are its characteristic lines without numbers,
//! addresses, times and folders.

use std::sync::LazyLock;

use regex_lite::Regex;

use super::{byte_prefix, compile_rule};

/// Most lines kept of a long output.
const MAX_LINES: usize = 4;
/// Most bytes of a signature.
const MAX_BYTES: usize = 600;

static ERROR_LINE_RULE: LazyLock<Regex> = LazyLock::new(|| {
    compile_rule(
        r"(?i)\b(?:[[:word:]]*error|[[:word:]]*exception|panick?(?:ed)?|fail(?:ed|ure)?|fatal|traceback|cannot|could not|unable|denied|refused|undefined|unresolved|not found|no such|timed? ?out|abort(?:ed)?|segfault|overflow|killed|invalid|unexpected|expected|missing|ENOENT|EACCES|ECONN[[:word:]]+)\b|错误|失败|异常|找不到|拒绝|超时|无法",
    )
});
/// Folders before a file name, numbers of three and more digits that are no error code, addresses, times, ids.
static VARYING_RULE: LazyLock<Regex> = LazyLock::new(|| {
    compile_rule(
        r"0x[0-9a-fA-F]+|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F-]{22}|\b[0-9a-f]{7,64}\b|[0-9]{4}-[0-9][0-9]-[0-9][0-9][T ][0-9][0-9]:[0-9][0-9]:[0-9][0-9][^ ]*|(?:[A-Za-z]:)?(?:[/\\][[:word:].@~+-]+)*[/\\]|:[0-9]+(?::[0-9]+)?\b|\bline [0-9]+|\b(?:pid|tid|thread)[ =:]?[0-9]+|\b[0-9]+(?:\.[0-9]+)?(?:ms|s|m|MB|kB|KB|GB|%)",
    )
});

/// Returns the signature of an error text; it is made of any lines if none looks like an error.
pub fn error_signature(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut telling: Vec<&str> = lines.iter().copied().filter(|line| ERROR_LINE_RULE.is_match(line)).collect();
    if telling.is_empty() {
        telling.clone_from(&lines);
    }
    // The first says what went wrong, the last is the conclusion of a stack trace.
    if telling.len() > MAX_LINES {
        let last = telling.split_off(telling.len() - MAX_LINES / 2);
        telling.truncate(MAX_LINES / 2);
        telling.extend(last);
    }
    telling.dedup();
    let plain = telling.join("\n");
    byte_prefix(VARYING_RULE.replace_all(byte_prefix(&plain, 4 * MAX_BYTES), " ").trim(), MAX_BYTES).to_owned()
}

/// Most bytes of a line that names an error.
const MAX_LINE_BYTES: usize = 240;

/// Returns the line by which an output of a tool reports an error; `None` if the output reports none.
///
/// An output reports an error if its first lines name an exit code other than 0, or begin with the word. Text about
/// errors, which tools read too, does not.
pub fn reported_error(text: &str) -> Option<&str> {
    let has_failed = text.lines().take(4).any(|line| {
        let lower = byte_prefix(line.trim_start(), 40).to_ascii_lowercase();
        let code =
            ["exit code:", "exit code", "process exited with code"].iter().find_map(|mark| lower.strip_prefix(mark));
        let is_number = |rest: &str| rest.trim().starts_with(|first: char| first.is_ascii_digit());
        code.is_some_and(|code| is_number(code) && !code.trim().starts_with('0')) || lower.starts_with("error")
    });
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty() && line.len() <= MAX_LINE_BYTES);
    let body = || lines().filter(|line| !byte_prefix(line, 9).eq_ignore_ascii_case("exit code"));
    let telling = || body().find(|line| ERROR_LINE_RULE.is_match(line));
    if has_failed { telling().or_else(|| body().next()) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_error_has_the_same_signature() {
        let one = "2026-01-02 10:11:12 worker 7\nthread 'main' panicked at /home/a/src/pool.rs:42:7:\ncalled `Option::unwrap()` on a `None` value\nerror: test failed";
        let two = "2026-03-04 01:02:03 worker 9\nthread 'main' panicked at /srv/b/src/pool.rs:57:3:\ncalled `Option::unwrap()` on a `None` value\nerror: test failed";
        assert_eq!(error_signature(one), error_signature(two));
        assert!(
            error_signature(one).contains("pool.rs") && !error_signature(one).contains("42"),
            "{}",
            error_signature(one)
        );
        assert!(error_signature("psycopg2.OperationalError: connection refused").contains("OperationalError"));
        assert_eq!(error_signature("nothing special here"), "nothing special here");
        assert!(error_signature("启动失败：端口 8080 被占用").contains("失败"));
    }
}
