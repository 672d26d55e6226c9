//! A client in a terminal: `script` gives it one, keys go in, and what it draws is only watched for rest.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(super) const UP: &str = "\x1b[A";
pub(super) const ENTER: &str = "\r";
pub(super) const ERASE_LINE: &str = "\x15";

pub(super) struct Terminal {
    child: Child,
    keys: ChildStdin,
    drawn: Arc<Mutex<Vec<u8>>>,
}

impl Terminal {
    /// Starts `command` in a terminal of 140 columns, with its environment and folder, and waits until it has drawn `ready`.
    pub(super) fn start(command: &Command, ready: &str) -> Self {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words: Vec<String> = words.map(|word| format!("'{}'", word.to_string_lossy())).collect();
        let mut terminal = Command::new("script");
        terminal.args(["-qefc", &format!("stty rows 50 cols 140; exec {}", words.join(" ")), "/dev/null"]);
        terminal.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        terminal
            .env("TERM", "xterm-256color")
            .env("COLORTERM", "truecolor")
            .current_dir(command.get_current_dir().unwrap());
        let mut child = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let drawn = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&drawn);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 1 << 16];
            while let Ok(read @ 1..) = screen.read(&mut buffer) {
                all.lock().unwrap().extend_from_slice(&buffer[..read]);
            }
        });
        let terminal = Self { child, keys, drawn };
        let drawn = || String::from_utf8_lossy(&terminal.drawn.lock().unwrap()).contains(ready);
        assert!(within(1200, drawn), "the client did not draw {ready:?} in a minute");
        terminal.rest();
        terminal
    }

    pub(super) fn press(&mut self, key: &str) {
        self.keys.write_all(key.as_bytes()).unwrap();
        self.keys.flush().unwrap();
        self.rest();
    }

    pub(super) fn enter(&mut self, line: &str) {
        self.press(line);
        self.press(ENTER);
    }

    /// Waits until nothing is drawn for a while, or a little longer when something keeps moving.
    pub(super) fn rest(&self) {
        let mut before = 0;
        let mut still = 0;
        for _ in 0..40 {
            std::thread::sleep(Duration::from_millis(50));
            let now = self.drawn.lock().unwrap().len();
            still = if now == before { still + 1 } else { 0 };
            before = now;
            if still == 8 {
                return;
            }
        }
    }

    /// Types a line and waits until the client has written `word` below `folder`.
    pub(super) fn ask(&mut self, line: &str, folder: &Path, word: &str) {
        self.enter(line);
        self.wait(folder, word);
        self.rest();
    }

    /// Waits for a word; a key that came too early for the client is pressed again.
    pub(super) fn wait(&mut self, folder: &Path, word: &str) {
        for _ in 0..6 {
            if within(200, || super::files::holds(folder, word)) {
                return;
            }
            self.press(ENTER);
        }
        panic!("{word} was not written in a minute");
    }

    /// Leaves by a command of the client.
    pub(super) fn leave(mut self, command: &str) {
        self.enter(command);
        for _ in 0..200 {
            if self.child.try_wait().unwrap().is_some() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        self.child.kill().unwrap();
        let _ = self.child.wait();
    }
}

/// Whether it comes true within so many twentieths of a second.
fn within(ticks: usize, is: impl Fn() -> bool) -> bool {
    (0..ticks).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        is()
    })
}
