//! Folders in which a store cannot live, or whose names are odd: an exact message and nothing written, or all is well.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::home::{TestHome, say, skip};
use crate::rig::{faults, under};

fn save(home: &TestHome, folder: &Path, faults: &[(&str, &str)]) -> (i32, String) {
    let mut command = home.command();
    if let (Some(library), false) = (crate::rig::faults(), faults.is_empty()) {
        under(&mut command, home, library);
    }
    command.envs(faults.iter().copied()).env("CLAUDE_MEMORY_HOME", folder);
    let output = command.args(["save", "a text in an odd place"]).output().unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn network_file_systems_are_refused() {
    if faults().is_none() {
        return;
    }
    for (number, name) in [("26985", "NFS"), ("4266872130", "SMB"), ("4283649346", "CIFS"), ("16914839", "9P")] {
        let home = TestHome::new();
        let (code, talk) = save(&home, &home.memory(), &[("FAULTS_FILESYSTEM", number)]);
        assert_eq!(code, 2, "{name}: {talk}");
        assert!(talk.contains(&format!("is on {name}")) && talk.contains("--home"), "{talk}");
        assert!(!home.memory().exists(), "{name}: something was written");
    }
    let home = TestHome::new();
    // ext4 and tmpfs are fine.
    assert_eq!(save(&home, &home.memory(), &[("FAULTS_FILESYSTEM", "61267")]).0, 0);
    assert_eq!(save(&home, &home.memory(), &[("FAULTS_FILESYSTEM", "16914836")]).0, 0);
}

#[test]
fn folders_of_others_are_refused() {
    if faults().is_none() {
        return;
    }
    let home = TestHome::new();
    assert_eq!(save(&home, &home.memory(), &[]).0, 0);
    let before = std::fs::read(home.memory().join("memory.db")).unwrap();
    let (code, talk) = save(&home, &home.memory(), &[("FAULTS_USER", "4711")]);
    assert_eq!(code, 2, "{talk}");
    assert!(talk.contains("belongs to another user") && talk.contains("--home"), "{talk}");
    assert_eq!(std::fs::read(home.memory().join("memory.db")).unwrap(), before);
}

#[test]
fn odd_names_are_names() {
    let home = TestHome::new();
    let names = [
        "with space",
        "line\nbreak",
        "文件夹 🗂",
        "per%20cent",
        "what?really",
        "hash#tag",
        "-dash",
        "quo'te\"s",
        "a/deep/er/one",
    ];
    for name in names {
        let folder = home.path().join(name);
        let (code, talk) = save(&home, &folder, &[]);
        assert_eq!(code, 0, "{name:?}: {talk}");
        let mut command = home.command();
        command.env("CLAUDE_MEMORY_HOME", &folder);
        let output = command.args(["search", "odd place", "--mode", "keyword", "--json"]).output().unwrap();
        assert!(String::from_utf8_lossy(&output.stdout).contains("a text in an odd place"), "{name:?}");
        assert!(folder.join("memory.db").is_file(), "{name:?}");
    }
    // A link to a folder is that folder; a file is none.
    let (real, link) = (home.path().join("real"), home.path().join("link"));
    std::fs::create_dir(&real).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    assert_eq!(save(&home, &link, &[]).0, 0);
    assert!(real.join("memory.db").is_file());
    let file = home.write("file", "not a folder");
    let (code, talk) = save(&home, &file, &[]);
    assert!(code == 3 && talk.contains("Not a directory"), "{code}: {talk}");
}

#[test]
fn a_folder_that_may_only_be_read_is_read() {
    let home = TestHome::new();
    let _ = home.import_samples();
    let lock = |mode: u32| {
        std::fs::set_permissions(home.memory(), PermissionsExt::from_mode(mode)).unwrap();
        std::fs::set_permissions(home.memory().join("memory.db"), PermissionsExt::from_mode(mode & 0o444)).unwrap();
    };
    lock(0o555);
    if std::fs::File::create(home.memory().join("probe")).is_ok() {
        lock(0o755);
        std::fs::remove_file(home.memory().join("probe")).unwrap();
        // Root may write everywhere. In CI the same is done as another user.
        return as_nobody(&home);
    }
    read_only(&home.run(&["search", "connection pool", "--mode", "keyword"]).stdout, &home.run(&["save", "x"]).stderr);
    lock(0o755);
}

fn read_only(found: &str, refused: &str) {
    assert!(found.contains("pool"), "{found}");
    assert!(refused.contains("cannot") && refused.contains("--home"), "{refused}");
}

/// The same with the rights of nobody, which root can take.
fn as_nobody(home: &TestHome) {
    let shell = |script: &str| {
        let program = home.command();
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", script]);
        command.env("PROGRAM", program.get_program()).env("HOME", home.path());
        command.env("CLAUDE_MEMORY_HOME", home.memory()).env("CLAUDE_MEMORY_EMBED_MODEL", "off").output()
    };
    let owner = std::process::Command::new("chown").args(["-R", "65534:65534"]).arg(home.path()).status();
    if !owner.is_ok_and(|status| status.success()) || shell("true").is_err() {
        return skip("setpriv", "install util-linux, or run the tests as another user than root");
    }
    if !shell("test -x \"$PROGRAM\"").is_ok_and(|output| output.status.success()) {
        return say("skipped: nobody may not run the program from here");
    }
    let script = "chmod 555 \"$CLAUDE_MEMORY_HOME\"; chmod 444 \"$CLAUDE_MEMORY_HOME\"/memory.db; \"$PROGRAM\" ";
    let found = shell(&format!("{script} search 'connection pool' --mode keyword")).unwrap();
    let refused = shell(&format!("{script} save x")).unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    read_only(&(text(&found.stdout) + &text(&found.stderr)), &text(&refused.stderr));
    shell("chmod 755 \"$CLAUDE_MEMORY_HOME\"").unwrap();
    std::process::Command::new("chown").args(["-R", "0:0"]).arg(home.path()).status().unwrap();
}
