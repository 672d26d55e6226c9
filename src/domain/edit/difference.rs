//! Lines that one text has and another has not, as multisets. Lines that differ in whitespace alone are equal: an edit that
//! indents a block did not write it.

use std::collections::HashMap;

/// Returns the lines of `new` that `old` does not have, and those of `old` that `new` does not have, in their order.
pub(super) fn changed_lines(old: &str, new: &str) -> (Vec<String>, Vec<String>) {
    (lines_only_in(new, old), lines_only_in(old, new))
}

fn lines_only_in(text: &str, other: &str) -> Vec<String> {
    let mut spare: HashMap<String, usize> = HashMap::new();
    for line in other.lines() {
        *spare.entry(without_whitespace(line)).or_default() += 1;
    }
    let is_new = |line: &&str| match spare.get_mut(&without_whitespace(line)) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    };
    text.lines().filter(is_new).map(str::to_owned).collect()
}

fn without_whitespace(line: &str) -> String {
    line.split_whitespace().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_compared_as_often_as_they_occur() {
        let (inserted, removed) = changed_lines("a\nb\nb\nc", "  a\nb\nd\nd");
        assert_eq!((inserted, removed), (vec!["d".to_owned(), "d".to_owned()], vec!["b".to_owned(), "c".to_owned()]));
        assert_eq!(changed_lines("", "x\n\ny").0, ["x", "", "y"]);
    }
}
