//! Which project something belongs to, and putting it right by hand.

use std::path::Path;

use serde_json::Value;

use crate::home::{Ran, TestHome, user};

/// A checkout with a remote, as git leaves it.
fn checkout(home: &TestHome, name: &str, remote: &str) {
    home.write(&format!("{name}/.git/config"), format!("[remote \"origin\"]\n\turl = {remote}\n"));
}

/// Imports one session said in a folder.
fn said(home: &TestHome, session: &str, folder: &Path, text: &str) {
    let line = user(&format!("u-{session}"), session, text).replace("/work/project", folder.to_str().unwrap());
    let path = home.write(&format!("transcripts/{session}.jsonl"), line + "\n");
    let _ = home.json(&["import", "claude-code", path.to_str().unwrap()]);
}

fn names(home: &TestHome) -> Vec<(String, u64)> {
    let listed = home.json(&["projects"]);
    let of = |project: &Value| (project["name"].as_str().unwrap().to_owned(), project["messages"].as_u64().unwrap());
    let mut names: Vec<_> = listed["projects"].as_array().unwrap().iter().map(of).collect();
    names.sort();
    names
}

#[test]
fn clones_and_worktrees_are_one_project() {
    let home = TestHome::new();
    checkout(&home, "one/shop", "https://example.com/me/shop.git");
    checkout(&home, "two/shop-again", "git@example.com:me/shop.git");
    checkout(&home, "three/other", "https://example.com/me/other.git");
    home.write("tree/.git", format!("gitdir: {}\n", home.path().join("one/shop/.git/worktrees/tree").display()));
    home.write("one/shop/.git/worktrees/tree/commondir", "../..\n");
    for (number, folder) in ["one/shop", "one/shop/src", "two/shop-again", "tree", "three/other"].iter().enumerate() {
        std::fs::create_dir_all(home.path().join(folder)).unwrap();
        said(&home, &format!("session-{number}"), &home.path().join(folder), &format!("said in {folder}"));
    }
    assert_eq!(names(&home), [("other".to_owned(), 1), ("shop".to_owned(), 4)]);
}

/// "team/app" is the name of a project, also inside the checkout of another one, until a folder of that name is there.
#[test]
fn a_name_with_a_slash_is_no_path_into_the_checkout_around() {
    let home = TestHome::new();
    for folder in ["work", "one/app", "two/app"] {
        checkout(&home, folder, &format!("https://example.com/me/{}.git", folder.replace('/', "-")));
        said(
            &home,
            &format!("s-{}", folder.replace('/', "-")),
            &home.path().join(folder),
            &format!("said in {folder}"),
        );
    }
    let search = |project: &str| {
        let mut command = home.command();
        command.current_dir(home.path().join("work")).args(["search", "said", "--json", "--project", project]);
        Ran::new(command.output().unwrap())
    };
    let found = search("one/app").json();
    assert_eq!(found["results"][0]["project"], "one/app", "{found}");
    search("no/such").fails(1, "no project is called");
    std::fs::create_dir_all(home.path().join("work/src/deep")).unwrap();
    assert_eq!(search("src/deep").json()["results"][0]["project"], "work");
}

#[test]
fn a_folder_that_is_gone_belongs_to_the_one_above_it() {
    let home = TestHome::new();
    said(&home, "s-1", Path::new("/gone/me/shop"), "at the top");
    said(&home, "s-2", Path::new("/gone/me/shop/src/deep"), "further down");
    said(&home, "s-3", Path::new("/gone/me"), "in a home folder");
    said(&home, "s-4", Path::new("/gone/me/music"), "not the home folder's");
    assert_eq!(names(&home), [("me".to_owned(), 1), ("music".to_owned(), 1), ("shop".to_owned(), 2)]);
}

#[test]
fn projects_are_renamed_merged_and_split() {
    let home = TestHome::new();
    said(&home, "s-1", Path::new("/gone/me/shop"), "the shop sells apples");
    said(&home, "s-2", Path::new("/gone/me/shop/labs"), "the labs brew tea");
    said(&home, "s-3", Path::new("/gone/me/store"), "the store sells pears");
    let renamed = home.json(&["projects", "rename", "store", "Laden 店"]);
    assert_eq!(renamed["name"], "Laden 店");
    let merged = home.json(&["projects", "merge", "Laden 店", "shop"]);
    assert_eq!((merged["moved"].as_u64(), merged["name"].as_str()), (Some(1), Some("shop")));
    assert_eq!(names(&home), [("shop".to_owned(), 3)]);
    // What was merged stays so when more comes from there.
    said(&home, "s-4", Path::new("/gone/me/store"), "the store sells plums");
    assert_eq!(names(&home), [("shop".to_owned(), 4)]);
    // A search by project sees it at once.
    let found = home.json(&["search", "store", "--project", "shop", "--mode", "keyword"]);
    assert_eq!(found["results"].as_array().unwrap().len(), 2, "{found}");
    let split = home.json(&["projects", "split", "/gone/me/shop/labs", "--name", "labs"]);
    assert_eq!(split["moved"], 1);
    said(&home, "s-5", Path::new("/gone/me/shop/labs/deeper"), "deeper labs brew coffee");
    assert_eq!(names(&home), [("labs".to_owned(), 2), ("shop".to_owned(), 3)]);
    let found = home.json(&["search", "brew", "--project", "labs", "--mode", "keyword"]);
    assert_eq!(found["results"].as_array().unwrap().len(), 2, "{found}");
    assert!(home.json(&["projects", "show", "labs"])["projects"][0]["directories"].as_array().unwrap().len() == 2);
    let _ = home.run(&["init", "--verify", "--json"]).json();

    home.run(&["projects", "merge", "shop", "shop"]).fails(2, "one project already");
    home.run(&["projects", "merge", "shop", "nothing"]).fails(1, "no project is called");
    home.run(&["projects", "split", "/nowhere"]).fails(1, "nothing was ever said");
    home.run(&["projects", "rename", "shop", " "]).fails(2, "cannot be the name");
}

/// A history of Windows that is imported anywhere.
#[test]
fn a_windows_directory_is_one_project_in_every_spelling() {
    let home = TestHome::new();
    for (number, folder) in
        [r"C:\\work\\shop", r"c:\\work\\shop", "C:/work/shop", r"c:\\work\\Shop\\"].iter().enumerate()
    {
        said(&home, &format!("s-{number}"), Path::new(folder), &format!("said in spelling {number}"));
    }
    assert_eq!(names(&home), [("shop".to_owned(), 4)]);
    said(&home, "s-deep", Path::new(r"C:\\Users\\mei\\code\\api"), "at the top");
    said(&home, "s-deeper", Path::new(r"c:\\Users\\mei\\code\\api\\src\\deep"), "further down");
    said(&home, "s-home", Path::new(r"C:\\Users\\mei"), "in a home folder");
    assert_eq!(names(&home), [("api".to_owned(), 2), ("mei".to_owned(), 1), ("shop".to_owned(), 4)]);
    let found = home.json(&["search", "said", "--project", r"c:\work\shop", "--limit", "50"]);
    assert_eq!(found["results"].as_array().map(Vec::len), Some(4), "{found}");
    let split = home.json(&["projects", "split", r"c:\users\mei\code\api\src"]);
    assert_eq!(split["moved"], 1, "{split}");
    assert_eq!(names(&home)[0], ("api".to_owned(), 1));
}
