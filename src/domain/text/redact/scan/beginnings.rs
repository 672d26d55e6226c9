//! Lists of words that a text may begin with, looked up by the first byte.

/// A list of words.
#[derive(Debug)]
pub(super) struct Beginnings(Vec<Vec<(usize, &'static str)>>);

impl Beginnings {
    /// Creates the list. An empty word begins no text.
    pub(super) fn new(words: impl IntoIterator<Item = &'static str>) -> Self {
        let mut by_first_byte = vec![Vec::new(); 256];
        for (index, word) in words.into_iter().enumerate() {
            let first = word.bytes().next().map(|byte| byte.to_ascii_lowercase());
            if let Some(words) = first.and_then(|byte| by_first_byte.get_mut(usize::from(byte))) {
                words.push((index, word));
            }
        }
        Self(by_first_byte)
    }

    /// Returns the first word of the list that the text begins with, and its place in the list.
    pub(super) fn find(&self, text: &[u8]) -> Option<(usize, &'static str)> {
        self.find_by(text, |start, word| start == word)
    }

    /// Like [`Self::find`], in any case of ASCII letters.
    pub(super) fn find_any_case(&self, text: &[u8]) -> Option<(usize, &'static str)> {
        self.find_by(text, <[u8]>::eq_ignore_ascii_case)
    }

    fn find_by(&self, text: &[u8], is_same: impl Fn(&[u8], &[u8]) -> bool) -> Option<(usize, &'static str)> {
        let words = self.0.get(usize::from(text.first()?.to_ascii_lowercase()))?;
        let begins = |word: &str| text.get(..word.len()).is_some_and(|start| is_same(start, word.as_bytes()));
        words.iter().find(|(_, word)| begins(word)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_of_the_list_is_found() {
        let list = Beginnings::new(["pass", "pwd", "", "Pas", "é"]);
        assert_eq!(list.find(b"password"), Some((0, "pass")));
        assert_eq!(list.find(b"Pascal"), Some((3, "Pas")));
        assert_eq!(list.find_any_case(b"PASS"), Some((0, "pass")));
        assert_eq!(list.find("était".as_bytes()), Some((4, "é")));
        assert_eq!((list.find(b"pas"), list.find(b"")), (None, None));
    }
}
