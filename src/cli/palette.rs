//! Colours and weight of text on the command line, by meaning, and the escape sequences for them. Decides from the
//! environment whether they are printed. Signs and words carry the meaning too, so that nothing is lost without colours.

use std::io::IsTerminal as _;

use crate::config::env::{self, ColourWish};
use crate::domain::ContentHash;

/// Meaning of a piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// Titles and the current item.
    Title,
    /// Metadata and explanations.
    Meta,
    /// Accents and keys.
    Accent,
    /// Name of the person in a session.
    Person,
    /// Name of the model in a session.
    Model,
    /// Good states, added lines.
    Good,
    /// Errors, removed lines.
    Bad,
    /// Weak matches, what changed later.
    Weak,
}

/// Colours of the square before the name of a project.
const PROJECT_COLOURS: [&str; 8] = ["36", "35", "34", "33", "31", "32", "37", "90"];

/// Number of colours that may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ColourDepth {
    None,
    Sixteen,
    Many,
}

/// Colours of one stream of this process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Palette {
    depth: ColourDepth,
}

impl Palette {
    /// Returns the palette of stdout.
    pub(super) fn for_stdout() -> Self {
        Self::choose_depth(std::io::stdout().is_terminal())
    }

    /// Returns the palette of stderr.
    pub(super) fn for_stderr() -> Self {
        Self::choose_depth(std::io::stderr().is_terminal())
    }

    fn choose_depth(is_terminal: bool) -> Self {
        let depth = match env::colour_wish() {
            ColourWish::Never => ColourDepth::None,
            ColourWish::OnTerminal if !is_terminal => ColourDepth::None,
            ColourWish::OnTerminal | ColourWish::Always if env::has_many_colours() => ColourDepth::Many,
            ColourWish::OnTerminal | ColourWish::Always => ColourDepth::Sixteen,
        };
        Self { depth }
    }

    /// Returns true if there are colours at all.
    pub(super) fn is_coloured(self) -> bool {
        self.depth != ColourDepth::None
    }

    /// Returns the text in the colour of its meaning.
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        let (sixteen, many) = match tone {
            Tone::Title => ("1", "1"),
            Tone::Meta => ("90", "38;5;245"),
            Tone::Accent => ("36", "38;5;79"),
            Tone::Person => ("1;36", "1;38;5;79"),
            Tone::Model => ("33", "38;5;173"),
            Tone::Good => ("32", "38;5;114"),
            Tone::Bad => ("31", "38;5;210"),
            Tone::Weak => ("33", "38;5;215"),
        };
        match self.depth {
            ColourDepth::None => text.to_owned(),
            ColourDepth::Sixteen => wrap_in_code(sixteen, text),
            ColourDepth::Many => wrap_in_code(many, text),
        }
    }

    /// Returns the square of a project, which stands before its name.
    pub(super) fn paint_project(self, project: &str) -> String {
        if self.depth == ColourDepth::None {
            return "■".to_owned();
        }
        let place = ContentHash::of_text(project).short_key().rem_euclid(8);
        let colour = usize::try_from(place).ok().and_then(|place| PROJECT_COLOURS.get(place)).unwrap_or(&"36");
        wrap_in_code(colour, "■")
    }
}

fn wrap_in_code(code: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("\u{1b}[{code}m{text}\u{1b}[0m") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_has_a_colour_for_each_kind_of_terminal() {
        let paint = |depth| Palette { depth }.paint(Tone::Person, "You");
        assert_eq!(paint(ColourDepth::None), "You");
        assert_eq!(paint(ColourDepth::Sixteen), "\u{1b}[1;36mYou\u{1b}[0m");
        assert_eq!(paint(ColourDepth::Many), "\u{1b}[1;38;5;79mYou\u{1b}[0m");
        let square = |name| Palette { depth: ColourDepth::Sixteen }.paint_project(name);
        assert_eq!(square("orders"), square("orders"));
        assert_eq!(Palette { depth: ColourDepth::None }.paint_project("orders"), "■");
        assert_eq!(Palette { depth: ColourDepth::Many }.paint(Tone::Meta, ""), "");
    }
}
