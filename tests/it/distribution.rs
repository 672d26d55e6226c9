//! The archive of a release: it holds what it says, installs where it is told, works from there, and is taken away again without a trace.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::home::{Ran, TestHome, skip};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|ran| ran.status.success())
}

/// Packs the program that is tested.
fn pack(out: &Path) -> PathBuf {
    let mut command = Command::new("python3");
    command.arg(Path::new(ROOT).join("data/dist/package.py")).args(["--without-bill", "--program"]);
    let ran = command.arg(env!("CARGO_BIN_EXE_claude-memory")).arg("--out").arg(out).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    PathBuf::from(String::from_utf8(ran.stdout).unwrap().lines().last().unwrap())
}

fn install(home: &TestHome, folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("/bin/sh");
    command.env_clear().env("HOME", home.path()).env("PATH", "/usr/bin:/bin").current_dir("/");
    command.arg(folder.join("install.sh")).args(arguments).output().unwrap()
}

fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn an_archive_installs_a_program_that_works_from_there() {
    if !has("python3") || !cfg!(unix) {
        return skip("python3", "install it to make archives");
    }
    let home = TestHome::new();
    let (one, two) = (home.path().join("one"), home.path().join("two"));
    let (archive, again) = std::thread::scope(|scope| {
        let again = scope.spawn(|| pack(&two));
        (pack(&one), again.join().unwrap())
    });
    let bytes = std::fs::read(&archive).unwrap();
    assert!(bytes == std::fs::read(&again).unwrap(), "two runs over the same program differ");
    let name = archive.file_name().unwrap().to_str().unwrap().to_owned();
    let sum = std::fs::read_to_string(one.join(format!("{name}.sha256"))).unwrap();
    assert_eq!(sum, format!("{}  {name}\n", claude_memory::testing::domain::hash::sha256_hex(&bytes)));

    assert!(Command::new("tar").arg("xzf").arg(&archive).arg("-C").arg(home.path()).status().unwrap().success());
    let folder = home.path().join(name.trim_end_matches(".tar.gz"));
    let held = files(&folder);
    for wanted in [
        "bin/claude-memory",
        "completions/_claude-memory",
        "completions/claude-memory.bash",
        "completions/claude-memory.fish",
        "completions/claude-memory.ps1",
        "install.sh",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "man/claude-memory-search.1",
        "man/claude-memory.1",
        "NOTICE",
        "README.md",
        "README.zh-CN.md",
        "SHA256SUMS",
    ] {
        assert!(held.iter().any(|file| file == wanted), "{wanted} is missing: {held:?}");
    }

    let ran = Ran::new(install(&home, &folder, &[]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("/.local/bin into PATH"), "{}", ran.stdout);
    let program = home.path().join(".local/bin/claude-memory");
    let mut command = Command::new(&program);
    command.env_clear().env("HOME", home.path()).current_dir("/").arg("init");
    let ran = Ran::new(command.output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(home.path().join(".local/share/claude-memory/memory.db").exists());
    assert!(home.path().join(".local/share/man/man1/claude-memory-search.1").exists());
    // Over an older one, elsewhere too; a folder that is named with a space.
    let elsewhere = home.path().join("my programs");
    for prefix in [home.path().join(".local"), elsewhere.clone()] {
        assert!(install(&home, &folder, &["--prefix", prefix.to_str().unwrap()]).status.success());
    }
    assert!(elsewhere.join("bin/claude-memory").exists());

    assert!(install(&home, &folder, &["--uninstall"]).status.success());
    let left: Vec<String> = files(&home.path().join(".local"))
        .into_iter()
        .filter(|file| !file.starts_with("share/claude-memory/"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(
        home.path().join(".local/share/claude-memory/memory.db").exists(),
        "the memory is not the program's to remove"
    );

    attestations(&home, &folder);

    // A byte of the program is another one.
    let mut program = std::fs::read(folder.join("bin/claude-memory")).unwrap();
    let middle = program.len() / 2;
    program[middle] ^= 1;
    std::fs::remove_file(folder.join("bin/claude-memory")).unwrap();
    std::fs::write(folder.join("bin/claude-memory"), program).unwrap();
    Ran::new(install(&home, &folder, &[])).fails(1, "nothing was installed");
    assert!(files(&home.path().join(".local")).iter().all(|file| file.starts_with("share/claude-memory/")));
    Ran::new(install(&home, &folder, &["--nonsense"])).fails(2, "--nonsense");
}

/// Where GitHub's program is logged in, the attestation decides; who insists on one gets none without it.
fn attestations(home: &TestHome, folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let tools = home.path().join("tools");
    let prefix = home.path().join("attested");
    // Stands for `gh`: logged in or not, and what it says about an attestation.
    let gh = |logged_in: u8, verified: u8| {
        let script = format!(
            "#!/bin/sh\necho \"$@\" >>{}\ncase $1 in auth) exit {logged_in} ;; *) exit {verified} ;; esac\n",
            tools.join("asked").display()
        );
        let path = home.write("tools/gh", script);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    let run = |arguments: &[&str]| {
        let mut command = Command::new("/bin/sh");
        command.env_clear().env("HOME", home.path()).current_dir("/");
        command.env("PATH", format!("{}:/usr/bin:/bin", tools.display())).arg(folder.join("install.sh"));
        let ran = Ran::new(command.args(arguments).args(["--prefix", prefix.to_str().unwrap()]).output().unwrap());
        let installed = prefix.join("bin/claude-memory").exists();
        let _ = std::fs::remove_dir_all(&prefix);
        (ran, installed)
    };
    gh(0, 0);
    let (ran, installed) = run(&[]);
    assert!(installed && ran.stdout.contains("not made by a release"), "{}{}", ran.stdout, ran.stderr);
    let (ran, installed) = run(&["--repo", "me/claude-memory"]);
    assert!(installed && ran.stdout.contains("built by a release of me/claude-memory"), "{}{}", ran.stdout, ran.stderr);
    let asked = std::fs::read_to_string(tools.join("asked")).unwrap();
    assert!(
        asked.contains(&format!("attestation verify {}/bin/claude-memory --repo me/claude-memory", folder.display()))
            && asked.contains("--signer-workflow me/claude-memory/.github/workflows/release.yml"),
        "{asked}"
    );
    gh(0, 1);
    let (ran, installed) = run(&["--repo", "me/claude-memory"]);
    assert!(!installed && ran.code == 1 && ran.stderr.contains("has not attested"), "{}{}", ran.stdout, ran.stderr);
    let (ran, installed) = run(&["--repo", "me/claude-memory", "--no-attestation"]);
    assert!(installed, "{}{}", ran.stdout, ran.stderr);
    gh(1, 1);
    let (ran, installed) = run(&["--repo", "me/claude-memory"]);
    assert!(!installed && ran.stderr.contains("gh auth login"), "{}{}", ran.stdout, ran.stderr);
    // An archive of a release names its repository.
    home.write("REPOSITORY", "me/claude-memory\n");
    std::fs::copy(home.path().join("REPOSITORY"), folder.join("REPOSITORY")).unwrap();
    let (ran, installed) = run(&[]);
    assert!(installed && ran.stdout.contains("no attestation was compared"), "{}{}", ran.stdout, ran.stderr);
    gh(0, 1);
    let (ran, installed) = run(&[]);
    assert!(!installed && ran.stderr.contains("has not attested"), "{}{}", ran.stdout, ran.stderr);
    std::fs::remove_file(folder.join("REPOSITORY")).unwrap();
}

/// What documents and the release say about the oldest Rust is what Cargo holds it to, and what clippy checks the code against.
#[test]
fn the_oldest_rust_is_told_the_same_everywhere() {
    let read = |name: &str| std::fs::read_to_string(Path::new(ROOT).join(name)).unwrap();
    let manifest = read("Cargo.toml");
    let version = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).unwrap().trim_matches('"');
    assert!(read("data/dist/Dockerfile").contains(&format!("FROM rust:{version}-")), "{version}");
    for document in ["docs/installing.md", "CONTRIBUTING.md"] {
        assert!(read(document).contains(&format!("Rust {version}")), "{document} does not name Rust {version}");
    }
    // The command that makes bills of materials is the same wherever it is written.
    let package = read("data/dist/package.py");
    let command = package.lines().find_map(|line| line.strip_prefix("CYCLONEDX = ")).unwrap().trim_matches('"');
    assert!(read(".github/workflows/release.yml").contains(command));
}
