//! Damaged, cut off, mixed up or missing files of the vector index and the columns: the answer is right at once, and the
//! files are whole again afterwards.

use std::path::{Path, PathBuf};

use claude_memory::testing::domain::SearchMode;

use crate::home::say;
use crate::rig::{Random, beside, copy, found, generated, open};
use crate::{extent, seed};

/// The shared files of a store.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("index")).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.file_name().unwrap() != "lock");
    files.sort();
    files
}

#[test]
fn whatever_happens_to_the_shared_files_the_answer_is_right() {
    let damages = extent(30, 300, 2_000);
    let made = tempfile::tempdir().unwrap();
    let (store, questions) = generated(made.path(), 1_200);
    let loaded = open(&store);
    let answers = |folder: &Path| {
        let memory = beside(&loaded, folder).unwrap();
        let ask = |text: &String| SearchMode::ALL.map(|mode| found(&memory, text, mode).unwrap());
        questions.iter().map(ask).collect::<Vec<_>>()
    };
    let right = answers(&store);
    assert_eq!(files(&store).len(), 3, "columns, manifest and one segment");
    let (scratch, mut random) = (tempfile::tempdir().unwrap(), Random::new(seed()));
    for number in 0..damages {
        let folder = scratch.path().join("store");
        copy(&store, &folder);
        let all = files(&folder);
        let file = &all[random.at(all.len())];
        let mut bytes = std::fs::read(file).unwrap();
        let place = random.at(bytes.len());
        let kind = random.below(8);
        match kind {
            0 => bytes.truncate(place),
            1 => bytes[place] ^= 1 << random.below(8),
            2 => bytes[place / 4096 * 4096..].iter_mut().take(4096).for_each(|byte| *byte = 0),
            3 => bytes.clear(),
            4 => bytes = std::fs::read(&all[random.at(all.len())]).unwrap(),
            5 => bytes.extend_from_slice(&[0xff; 100]),
            6 => bytes[place..].iter_mut().take(64).for_each(|byte| *byte = random.below(256) as u8),
            _ => {}
        }
        if kind == 7 {
            std::fs::remove_file(file).unwrap();
        } else {
            std::fs::write(file, &bytes).unwrap();
        }
        assert_eq!(answers(&folder), right, "damage {number} of kind {kind} at {place} of {}", file.display());
        std::fs::remove_dir_all(folder).unwrap();
    }
    say(&format!("damaged index files: {damages}, every answer right at once, 0 exits, 0 panics (seed {})", seed()));
}
