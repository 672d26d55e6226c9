//! Names, labels, merging and splitting of projects.

use crate::memory::Error;
use crate::memory::test_corpus::{NOW, TestCorpus};

fn corpus() -> TestCorpus {
    let mut corpus = TestCorpus::new(&[("s1", "user", 10, "in the shop")]);
    corpus.import("/home/dev/work/cli", &[("s2", "user", 9, "in one cli")]);
    corpus.import("/home/dev/oss/cli", &[("s3", "user", 8, "in another cli")]);
    corpus
}

#[test]
fn projects_are_found_by_name_label_path_and_number() {
    let corpus = corpus();
    let rows =
        |wanted: &str| corpus.memory.resolve_projects(wanted, None).map(|rows| rows.map_or(0, |rows| rows.len()));
    assert_eq!(rows("shop").unwrap(), 1);
    assert_eq!(rows("cli").unwrap(), 2, "a name that two share names both");
    assert_eq!(rows("work/cli").unwrap(), 1);
    assert_eq!(rows("/home/dev/oss/cli").unwrap(), 1);
    assert_eq!(corpus.memory.resolve_projects("all", None).unwrap(), None);
    let Err(Error::NotFound { hint: Some(hint), .. }) = corpus.memory.resolve_projects("clo", None) else {
        panic!("an unknown name is not found")
    };
    assert!(hint.contains("work/cli") && hint.contains("shop"), "{hint}");
}

#[test]
fn what_needs_one_project_refuses_a_name_that_two_share() {
    let corpus = corpus();
    let refused = corpus.memory.rename_project("cli", "tools", None).unwrap_err();
    assert!(refused.to_string().contains("several projects"), "{refused}");
    let renamed = corpus.memory.rename_project("oss/cli", "tools", None).unwrap();
    assert_eq!(renamed.name, "tools");
    assert_eq!(corpus.memory.resolve_projects("cli", None).unwrap().map(|rows| rows.len()), Some(1));
    for name in ["", "all", "current"] {
        assert!(corpus.memory.rename_project("shop", name, None).is_err(), "{name:?}");
    }
}

#[test]
fn a_merged_project_keeps_every_message_and_a_split_one_gets_its_own() {
    let corpus = corpus();
    let moved = corpus.memory.merge_projects("work/cli", "oss/cli", None, NOW).unwrap();
    assert_eq!(moved.messages, 1);
    let projects = |text: &str| corpus.search(text, |_| {}).hits.into_iter().map(|hit| hit.project).collect::<Vec<_>>();
    assert_eq!(projects("in one cli").len(), 2);
    assert!(corpus.memory.merge_projects("cli", "cli", None, NOW).is_err());
    let split = corpus.memory.split_project("/home/dev/work/cli", Some("desk"), None, NOW).unwrap();
    assert_eq!(split.messages, 1);
    assert!(projects("in one cli").contains(&"desk".to_owned()));
    assert!(corpus.memory.split_project("/home/dev/nothing", None, None, NOW).is_err());
}
