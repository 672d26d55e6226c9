//! Texts that are looked for in many others, by their pieces first.

use memchr::memmem::Finder;

use super::grams::slot_of_bytes;
use super::view::View;

/// A text that is looked for in many others.
#[derive(Debug)]
pub(super) struct Literal {
    finder: Finder<'static>,
    /// Slots of its pieces. A text without one of them has it in no case.
    slots: Vec<usize>,
}

impl Literal {
    pub(super) fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let slots = bytes.windows(3).map(slot_of_bytes);
        Self { finder: Finder::new(text).into_owned(), slots: slots.collect() }
    }

    /// Returns false if the view has the text in no case; true says nothing.
    pub(super) fn may_occur_in(&self, view: &View<'_>) -> bool {
        view.grams().has_all(&self.slots)
    }

    /// Returns true if the view has the text.
    pub(super) fn occurs_in(&self, view: &View<'_>) -> bool {
        self.may_occur_in(view) && self.finder.find(view.text().as_bytes()).is_some()
    }

    /// Returns the places of the text in the view, in order and disjoint.
    pub(super) fn find_in<'a>(&'a self, view: &'a View<'_>) -> impl Iterator<Item = usize> + 'a {
        let text = if self.may_occur_in(view) { view.text() } else { "" };
        self.finder.find_iter(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_found_and_missing_ones_are_certain() {
        let view = View::of("a PWD and a sk-x, pw");
        assert!(Literal::new("sk-").occurs_in(&view) && Literal::new("pwd").may_occur_in(&view));
        assert!(!Literal::new("pwd").occurs_in(&view) && !Literal::new("token").may_occur_in(&view));
        assert_eq!(Literal::new("a ").find_in(&view).collect::<Vec<_>>(), [0, 10]);
    }
}
