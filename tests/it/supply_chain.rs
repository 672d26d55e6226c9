//! What others wrote and this program is made with: actions of workflows, packages of Python and Debian, crates. Each is
//! pinned by what it is, not by its name.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::home::{Ran, TestHome, skip};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(name: &str) -> String {
    std::fs::read_to_string(Path::new(ROOT).join(name)).unwrap()
}

fn workflows() -> Vec<(String, String)> {
    let folder = std::fs::read_dir(Path::new(ROOT).join(".github/workflows")).unwrap();
    let names = folder.map(|entry| format!(".github/workflows/{}", entry.unwrap().file_name().to_str().unwrap()));
    names.map(|name| (name.clone(), read(&name))).collect()
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[test]
fn actions_are_pinned_by_commit_and_leave_no_credentials() {
    let mut pinned = 0;
    for (name, text) in workflows() {
        assert!(text.contains("\npermissions:\n  contents: read\n"), "{name}: what jobs may do is what they need");
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let Some((_, action)) = line.split_once("uses: ") else { continue };
            let (commit, version) =
                action.split_once('@').and_then(|(_, pin)| pin.split_once(" # v")).unwrap_or_default();
            assert!(is_hex(commit, 40) && !version.is_empty(), "{name}: {action} is not pinned by commit and version");
            pinned += 1;
            if action.starts_with("actions/checkout@") {
                let with = lines[at + 1..].iter().take(2).map(|line| line.trim()).collect::<Vec<_>>();
                assert_eq!(with, ["with:", "persist-credentials: false"], "{name}");
            }
        }
        let writes = text.lines().filter(|line| line.trim_end().ends_with(": write")).count();
        assert_eq!(writes, if name.ends_with("release.yml") { 3 } else { 0 }, "{name}: permissions to write");
    }
    assert!(pinned >= 12, "{pinned}");
}

#[test]
fn a_release_is_approved_and_attested() {
    let release = read(".github/workflows/release.yml");
    let publish = release.split_once("\n  publish:\n").unwrap().1;
    assert!(publish.contains("\n    environment: release\n"), "a person approves what is published");
    // What install.sh asks about is what is attested.
    let attested = release.split_once("subject-path: |").unwrap().1;
    for subject in ["target/archives/claude-memory-*", "target/dist/claude-memory\n", "target/dist/claude-memory.exe\n"]
    {
        assert!(attested.contains(subject), "{subject}");
    }
    assert!(read("data/dist/install.sh").contains("gh attestation verify \"$here/bin/claude-memory\""));
}

#[test]
fn what_models_are_made_of_is_pinned_by_hash() {
    let (script, tools, inputs) = (read("models/build.py"), read("models/tools.txt"), read("models/INPUTS"));
    for line in tools.lines().filter(|line| !line.starts_with('#')) {
        let (package, rest) = line.split_once(" --hash=sha256:").unwrap_or_default();
        assert!(package.contains("==") && is_hex(rest.get(..64).unwrap_or(""), 64), "{line}");
    }
    let listed: BTreeSet<&str> = inputs
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (digest, name) = line.split_once("  ").unwrap();
            assert!(is_hex(digest, 64), "{line}");
            name
        })
        .collect();
    let list = |name: &str| {
        let line = script.lines().find_map(|line| line.strip_prefix(&format!("{name} = ["))).unwrap();
        line.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()
    };
    let (wheels, packages) = (list("WHEELS"), list("DEBS"));
    for input in wheels.iter().map(|wheel| wheel.replace('-', "_").replace("==", "-")).chain(packages.clone()) {
        assert!(listed.iter().any(|name| name.starts_with(&input)), "{input} is not in models/INPUTS");
    }
    assert_eq!(listed.iter().filter(|name| name.starts_with("onnxruntime-")).count(), 4);
    assert_eq!(listed.len(), wheels.len() + packages.len() + 4);
    let (checked, unpacked) =
        (script.find("        check_inputs(work)").unwrap(), script.find("\"dpkg-deb\"").unwrap());
    assert!(checked < unpacked, "compared before it is unpacked");
}

#[test]
fn an_input_of_the_models_that_is_another_one_stops_the_build() {
    let home = TestHome::new();
    let download = home.write("work/dl/jieba-0.42.1.tar.gz", "not the pinned one");
    let mut command = Command::new("python3");
    command.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(Path::new(ROOT).join("models"));
    let work = download.ancestors().nth(2).unwrap().display().to_string();
    command.args(["-c", "import build, sys; build.check_inputs(sys.argv[1])", &work]);
    let Ok(output) = command.output() else { return skip("python3", "install it to make models") };
    let ran = Ran::new(output);
    assert!(ran.stderr.contains("jieba-0.42.1.tar.gz") && ran.stderr.contains("not in INPUTS"), "{}", ran.stderr);
    assert!(ran.code == 1 && ran.stderr.contains("nothing was unpacked"), "{}", ran.stderr);
}

#[test]
fn crates_are_checked_without_network_and_what_is_accepted_has_a_reason() {
    assert!(read(".ci/run").contains("\n.ci/supply-chain\n"));
    assert!(read(".ci/tools.txt").matches("--hash=sha256:").count() >= 2);
    let excerpt: serde_json::Value = serde_json::from_str(&read(".ci/advisories.json")).unwrap();
    let date = excerpt["date"].as_str().unwrap();
    assert!(is_hex(excerpt["commit"].as_str().unwrap(), 40) && date.len() == 10 && date.starts_with("20"), "{date}");
    let known = excerpt["advisories"].as_array().unwrap();
    assert!(known.len() > 50, "{}", known.len());
    for line in read(".cargo/audit.toml").lines().filter(|line| line.trim_start().starts_with('"')) {
        let id = line.split('"').nth(1).unwrap();
        assert!(known.iter().any(|advisory| advisory["id"] == id), "{id} is no known advisory");
        assert!(line.split_once('#').is_some_and(|(_, reason)| reason.len() > 20), "{id}: why is it accepted?");
    }
}
