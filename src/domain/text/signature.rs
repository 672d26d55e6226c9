//! What stays the same when an error occurs again: its telling lines without numbers, addresses, times and folders.

use std::sync::LazyLock;

use regex_lite::Regex;

use super::{prefix, rule};

/// Lines of a long output that are kept.
const MOST_LINES: usize = 4;
/// Bytes of a signature.
const MOST_BYTES: usize = 600;

static TELLING: LazyLock<Regex> = LazyLock::new(|| {
    rule(
        r"(?i)\b(?:[[:word:]]*error|[[:word:]]*exception|panick?(?:ed)?|fail(?:ed|ure)?|fatal|traceback|cannot|could not|unable|denied|refused|undefined|unresolved|not found|no such|timed? ?out|abort(?:ed)?|segfault|overflow|killed|invalid|unexpected|expected|missing|ENOENT|EACCES|ECONN[[:word:]]+)\b|错误|失败|异常|找不到|拒绝|超时|无法",
    )
});
/// Folders before a file name, numbers of three and more digits that are no error code, addresses, times, ids.
static VARYING: LazyLock<Regex> = LazyLock::new(|| {
    rule(
        r"0x[0-9a-fA-F]+|[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F-]{22}|\b[0-9a-f]{7,64}\b|[0-9]{4}-[0-9][0-9]-[0-9][0-9][T ][0-9][0-9]:[0-9][0-9]:[0-9][0-9][^ ]*|(?:[A-Za-z]:)?(?:[/\\][[:word:].@~+-]+)*[/\\]|:[0-9]+(?::[0-9]+)?\b|\bline [0-9]+|\b(?:pid|tid|thread)[ =:]?[0-9]+|\b[0-9]+(?:\.[0-9]+)?(?:ms|s|m|MB|kB|KB|GB|%)",
    )
});

/// The signature of an error text; the text itself, shortened, when nothing in it looks like an error.
pub fn signature(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut telling: Vec<&str> = lines.iter().copied().filter(|line| TELLING.is_match(line)).collect();
    if telling.is_empty() {
        telling.clone_from(&lines);
    }
    // The first says what went wrong, the last is the conclusion of a stack trace.
    if telling.len() > MOST_LINES {
        let last = telling.split_off(telling.len() - MOST_LINES / 2);
        telling.truncate(MOST_LINES / 2);
        telling.extend(last);
    }
    telling.dedup();
    let plain = telling.join("\n");
    prefix(VARYING.replace_all(prefix(&plain, 4 * MOST_BYTES), " ").trim(), MOST_BYTES).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_error_has_the_same_signature() {
        let one = "2026-01-02 10:11:12 worker 7\nthread 'main' panicked at /home/a/src/pool.rs:42:7:\ncalled `Option::unwrap()` on a `None` value\nerror: test failed";
        let two = "2026-03-04 01:02:03 worker 9\nthread 'main' panicked at /srv/b/src/pool.rs:57:3:\ncalled `Option::unwrap()` on a `None` value\nerror: test failed";
        assert_eq!(signature(one), signature(two));
        assert!(signature(one).contains("pool.rs") && !signature(one).contains("42"), "{}", signature(one));
        assert!(signature("psycopg2.OperationalError: connection refused").contains("OperationalError"));
        assert_eq!(signature("nothing special here"), "nothing special here");
        assert!(signature("启动失败：端口 8080 被占用").contains("失败"));
    }
}
