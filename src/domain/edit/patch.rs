//! Patches in the form of `apply_patch`: files with added and removed lines, without line numbers. Also reads the hunks of
//! unified diffs.

use super::file_edit::FileEdit;

/// Reads the files of a patch with their lines. Text around the patch is left out.
pub(super) fn read_patch(text: &str) -> Vec<FileEdit> {
    let mut files: Vec<FileEdit> = Vec::new();
    for line in text.lines() {
        if let Some(path) = read_file_header(line) {
            files.push(FileEdit { path: Some(path.to_owned()), ..FileEdit::default() });
            continue;
        }
        if line.starts_with("*** End Patch") {
            break;
        }
        let Some(file) = files.last_mut() else { continue };
        if let Some(path) = line.strip_prefix("*** Move to: ") {
            file.path = Some(path.trim().to_owned());
        } else if let Some(inserted) = line.strip_prefix('+') {
            file.inserted.push(inserted.to_owned());
        } else if let Some(removed) = line.strip_prefix('-') {
            file.removed.push(removed.to_owned());
        }
    }
    files
}

/// Reads unified diffs of several files as a call with the changes of each file lists them: `path: @@ … @@`.
pub(super) fn read_changes(text: &str) -> Vec<FileEdit> {
    let mut files: Vec<FileEdit> = Vec::new();
    for line in text.lines() {
        if let Some((path, _)) = line.split_once(": @@ -") {
            files.push(FileEdit { path: Some(path.to_owned()), ..FileEdit::default() });
        } else if let Some(file) = files.last_mut() {
            if let Some(inserted) = line.strip_prefix('+') {
                file.inserted.push(inserted.to_owned());
            } else if let Some(removed) = line.strip_prefix('-') {
                file.removed.push(removed.to_owned());
            }
        }
    }
    files
}

fn read_file_header(line: &str) -> Option<&str> {
    let headers = ["*** Update File: ", "*** Add File: ", "*** Delete File: "];
    headers.iter().find_map(|header| line.strip_prefix(header)).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_a_patch_has_its_lines() {
        let patch = "*** Begin Patch\n*** Update File: src/a.rs\n@@ fn main\n context\n-old line\n+new line\n\
                     *** Add File: b.md\n+# Title\n+--- not a header\n*** Update File: c\n*** Move to: d\n+x\n*** End Patch\n+after";
        let files = read_patch(patch);
        let found: Vec<_> =
            files.iter().map(|file| (file.path.as_deref(), file.inserted.len(), file.removed.len())).collect();
        assert_eq!(found, [(Some("src/a.rs"), 1, 1), (Some("b.md"), 2, 0), (Some("d"), 1, 0)]);
        let changes = read_changes("/w/a.rs: @@ -1,2 +1,2 @@\n-old line\n+new line\n same");
        assert_eq!((changes.len(), changes[0].inserted.as_slice()), (1, &["new line".to_owned()][..]));
    }
}
