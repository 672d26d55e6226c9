//! Edits as diffs: the lines that differ between an old and a new text, and patches that agents write. Bounded: long
//! texts are listed and not compared.

use similar::{Algorithm, ChangeTag, capture_diff_slices};

use super::code::tokenise_line;
use super::document::{DiffLine, DiffSign, EditBlock, EditOperation};
use super::languages::Language;

/// Unchanged lines that are shown around a change.
const CONTEXT_LINES: usize = 3;
/// Most lines of both texts together that are compared.
const MAX_COMPARED_LINES: usize = 4_000;
/// Most lines of a diff that are shown.
const MAX_SHOWN_LINES: usize = 1_200;

/// Builder of the diff of one file.
pub(super) struct EditBuilder {
    edit: EditBlock,
    language: Option<&'static Language>,
    numbers: Option<(usize, usize)>,
}

impl EditBuilder {
    pub(super) fn for_path(path: &str, change: EditOperation) -> Self {
        let edit = EditBlock { path: path.to_owned(), change, added: 0, removed: 0, lines: Vec::new(), hidden: 0 };
        Self { edit, language: Language::find_language(path), numbers: None }
    }

    /// Sets the numbers of the next line in the old and the new file.
    pub(super) fn set_numbers(&mut self, old: usize, new: usize) {
        self.numbers = Some((old, new));
    }

    /// Adds a line.
    pub(super) fn add_line(&mut self, sign: DiffSign, text: &str) {
        let (in_old, in_new) = match sign {
            DiffSign::Same => (true, true),
            DiffSign::Added => (false, true),
            DiffSign::Removed => (true, false),
            DiffSign::Gap => (false, false),
        };
        self.edit.added += usize::from(sign == DiffSign::Added);
        self.edit.removed += usize::from(sign == DiffSign::Removed);
        let numbers = self.numbers;
        if let Some((old, new)) = &mut self.numbers {
            *old += usize::from(in_old);
            *new += usize::from(in_new);
        }
        if self.edit.lines.len() >= MAX_SHOWN_LINES {
            self.edit.hidden += 1;
            return;
        }
        let tokens = tokenise_line(self.language, text);
        let old = numbers.filter(|_| in_old).map(|(old, _)| old);
        let new = numbers.filter(|_| in_new).map(|(_, new)| new);
        self.edit.lines.push(DiffLine { sign, old, new, tokens });
    }

    /// Adds what differs between two texts, with the lines around it.
    pub(super) fn add_change(&mut self, old: &str, new: &str) {
        if !self.edit.lines.is_empty() {
            self.add_line(DiffSign::Gap, "");
        }
        let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
        if old.len() + new.len() > MAX_COMPARED_LINES {
            old.iter().for_each(|line| self.add_line(DiffSign::Removed, line));
            new.iter().for_each(|line| self.add_line(DiffSign::Added, line));
            return;
        }
        let operations = capture_diff_slices(Algorithm::Myers, &old, &new);
        let changes: Vec<(DiffSign, &str)> = operations
            .iter()
            .flat_map(|operation| operation.iter_changes(&old, &new))
            .map(|change| match change.tag() {
                ChangeTag::Equal => (DiffSign::Same, change.value()),
                ChangeTag::Insert => (DiffSign::Added, change.value()),
                ChangeTag::Delete => (DiffSign::Removed, change.value()),
            })
            .collect();
        self.add_near_changes(&changes);
    }

    /// Adds lines that are changed or near a changed one; others become a gap.
    fn add_near_changes(&mut self, changes: &[(DiffSign, &str)]) {
        let mut near = vec![false; changes.len()];
        for at in (0..changes.len()).filter(|at| changes.get(*at).is_some_and(|(sign, _)| *sign != DiffSign::Same)) {
            let until = (at + CONTEXT_LINES + 1).min(near.len());
            if let Some(lines) = near.get_mut(at.saturating_sub(CONTEXT_LINES)..until) {
                lines.fill(true);
            }
        }
        let mut skipped = false;
        for ((sign, text), near) in changes.iter().zip(near) {
            if near {
                if std::mem::take(&mut skipped) && !self.edit.lines.is_empty() {
                    self.add_line(DiffSign::Gap, "");
                }
                self.add_line(*sign, text);
            } else {
                skipped = true;
            }
        }
    }

    pub(super) fn finish_edit(self) -> EditBlock {
        self.edit
    }
}

/// Returns the edits of a patch in the form of `apply_patch`; empty if the text is none.
pub(super) fn parse_patch(text: &str) -> Vec<EditBlock> {
    let mut lines = text.lines().skip_while(|line| line.trim() != "*** Begin Patch").skip(1);
    let (mut edits, mut current) = (Vec::new(), None::<EditBuilder>);
    for line in lines.by_ref().take_while(|line| line.trim() != "*** End Patch") {
        let header = |prefix: &str| line.strip_prefix(prefix).map(str::trim);
        let opened = if let Some(path) = header("*** Add File: ") {
            let mut builder = EditBuilder::for_path(path, EditOperation::Written);
            builder.set_numbers(1, 1);
            Some(builder)
        } else if let Some(path) = header("*** Update File: ") {
            Some(EditBuilder::for_path(path, EditOperation::Changed))
        } else {
            header("*** Delete File: ").map(|path| EditBuilder::for_path(path, EditOperation::Deleted))
        };
        if let Some(builder) = opened {
            edits.extend(current.replace(builder).map(EditBuilder::finish_edit));
            continue;
        }
        let Some(builder) = &mut current else { continue };
        if let Some(place) = line.strip_prefix("@@") {
            builder.add_line(DiffSign::Gap, place.trim().trim_end_matches("@@").trim());
        } else if !line.starts_with("*** ") {
            let (sign, text) = split_sign(line);
            builder.add_line(sign, text);
        }
    }
    edits.extend(current.map(EditBuilder::finish_edit));
    edits
}

fn split_sign(line: &str) -> (DiffSign, &str) {
    if let Some(text) = line.strip_prefix('+') {
        (DiffSign::Added, text)
    } else if let Some(text) = line.strip_prefix('-') {
        (DiffSign::Removed, text)
    } else {
        (DiffSign::Same, line.strip_prefix(' ').unwrap_or(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outline(edit: &EditBlock) -> String {
        let sign = |sign| match sign {
            DiffSign::Same => ' ',
            DiffSign::Added => '+',
            DiffSign::Removed => '-',
            DiffSign::Gap => '@',
        };
        let text = |line: &DiffLine| line.tokens.iter().map(|token| token.1.as_str()).collect::<String>();
        edit.lines.iter().map(|line| format!("{}{}", sign(line.sign), text(line))).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn only_what_differs_is_shown_with_what_is_around_it() {
        let old = (1..=30).map(|line| format!("line {line}")).collect::<Vec<_>>();
        let mut new = old.clone();
        new[4] = "changed".to_owned();
        new.remove(20);
        let mut builder = EditBuilder::for_path("a.txt", EditOperation::Changed);
        builder.add_change(&old.join("\n"), &new.join("\n"));
        let edit = builder.finish_edit();
        assert_eq!((edit.added, edit.removed), (1, 2));
        assert_eq!(
            outline(&edit),
            " line 2| line 3| line 4|-line 5|+changed| line 6| line 7| line 8|@| line 18| line 19| line 20|-line 21| line 22| line 23| line 24"
        );
    }

    #[test]
    fn long_texts_are_listed_and_cut() {
        let many = "x\n".repeat(3_000);
        let mut builder = EditBuilder::for_path("a", EditOperation::Changed);
        builder.add_change(&many, &many.replace('x', "y"));
        let edit = builder.finish_edit();
        assert_eq!((edit.added, edit.removed, edit.lines.len(), edit.hidden), (3_000, 3_000, 1_200, 4_800));
    }

    #[test]
    fn patches_name_their_files() {
        let patch = "*** Begin Patch\n*** Update File: src/a.rs\n@@ fn main()\n one\n-two\n+three\n*** Add File: b.md\n+# B\n*** Delete File: c\n*** End Patch";
        let edits = parse_patch(patch);
        let told: Vec<_> = edits.iter().map(|edit| (edit.path.as_str(), edit.change, outline(edit))).collect();
        assert_eq!(
            told,
            [
                ("src/a.rs", EditOperation::Changed, "@fn main()| one|-two|+three".to_owned()),
                ("b.md", EditOperation::Written, "+# B".to_owned()),
                ("c", EditOperation::Deleted, String::new())
            ]
        );
        assert_eq!(edits[1].lines[0].new, Some(1));
        assert!(parse_patch("no patch").is_empty());
    }
}
