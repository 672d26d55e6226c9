//! What a question is about, as far as a few words tell it. Rules only, no model.

use super::is_cjk;

/// Whether the asker speaks of themselves ("what did I say about …", "我的…"): then their own words answer more often
/// than the assistant's. "We" does not count: what we did is told by either.
pub fn speaks_of_self(question: &str) -> bool {
    question.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’' && c != '_').any(|word| {
        let own = ["i", "my", "me", "mine", "myself", "i'm", "i've", "i'd", "i’m", "i’ve", "i’d"];
        own.iter().any(|known| word.eq_ignore_ascii_case(known))
            || word.chars().any(|c| is_cjk(c) && c == '我') && !word.contains("我们")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_person_in_two_languages() {
        for question in
            ["What did I say about tabs?", "my preferred editor", "我曾经推荐过哪部电影", "I've mentioned it"]
        {
            assert!(speaks_of_self(question), "{question}");
        }
        for question in
            ["why did we change the pool", "review feedback", "我们什么时候备份", "implementation of mine_field", ""]
        {
            assert!(!speaks_of_self(question), "{question}");
        }
    }
}
