//! The lines between the client and the protocol: a line that is no JSON, or too long, is answered with the error that JSON-RPC
//! has for it instead of being passed over in silence, and costs nothing else. Does not own what the messages mean.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, DuplexStream, duplex};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

use crate::domain::limits;

/// Bytes that wait between two ends.
const BUFFER: usize = 64 << 10;
/// Lines that wait to be written.
const WAITING: usize = 16;

/// The tasks that carry the lines.
#[derive(Debug)]
pub(super) struct Lines {
    reading: JoinHandle<()>,
    answering: JoinHandle<()>,
    writing: JoinHandle<()>,
}

impl Lines {
    /// Starts, and gives the two ends that the protocol reads from and writes to. Must be called inside a runtime.
    pub(super) fn start(
        input: impl AsyncRead + Send + Unpin + 'static,
        output: impl AsyncWrite + Send + Unpin + 'static,
    ) -> ((DuplexStream, DuplexStream), Self) {
        let (from_client, good) = duplex(BUFFER);
        let (answers, to_client) = duplex(BUFFER);
        let (out, waiting) = channel(WAITING);
        let errors = out.clone();
        let open = Arc::new(Open::default());
        let answered = Arc::clone(&open);
        let lines = Self {
            // The far end going away is the end of the work, not a failure.
            reading: tokio::spawn(async move { drop(read(input, from_client, errors, &open).await) }),
            answering: tokio::spawn(async move { drop(forward(to_client, out, &answered).await) }),
            writing: tokio::spawn(async move { drop(write(waiting, output).await) }),
        };
        ((good, answers), lines)
    }

    /// Waits until everything that was answered is written.
    pub(super) async fn finish(self) {
        self.reading.abort();
        let _ = self.answering.await;
        let _ = self.writing.await;
    }
}

/// The ids of the requests that are being worked on: an id must not be used twice at once, because one of the two would
/// never be answered.
#[derive(Debug, Default)]
struct Open(Mutex<HashSet<String>>);

#[derive(Deserialize)]
struct Head {
    id: Option<Value>,
    method: Option<IgnoredAny>,
}

impl Open {
    /// Whether a line may pass; a request is remembered.
    fn enters(&self, line: &[u8]) -> bool {
        match serde_json::from_slice(line) {
            Ok(Head { id: Some(id), method: Some(_) }) if !id.is_null() => self.ids().insert(id.to_string()),
            _ => true,
        }
    }

    /// An answer ends its request.
    fn leaves(&self, line: &[u8]) {
        if let Ok(Head { id: Some(id), method: None }) = serde_json::from_slice(line) {
            self.ids().remove(&id.to_string());
        }
    }

    fn ids(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(
    input: impl AsyncRead + Unpin,
    mut good: DuplexStream,
    errors: Sender<Vec<u8>>,
    open: &Open,
) -> io::Result<()> {
    let mut input = BufReader::with_capacity(BUFFER, input);
    let mut line = Vec::new();
    while let Some(whole) = next_line(&mut input, &mut line).await? {
        let problem = match check(&line) {
            _ if !whole => Some((-32600, "the line is longer than 16 MiB")),
            None if !open.enters(&line) => Some((-32600, "a request with this id is still being worked on")),
            problem => problem,
        };
        if let Some((code, message)) = problem {
            let error =
                serde_json::json!({ "jsonrpc": "2.0", "id": null, "error": { "code": code, "message": message } });
            if errors.send(format!("{error}\n").into_bytes()).await.is_err() {
                break;
            }
        } else if !line.trim_ascii().is_empty() {
            good.write_all(&line).await?;
        }
    }
    good.shutdown().await
}

/// Reads a line into `line`; `None` at the end, `Some(false)` when it was too long and its rest was dropped.
async fn next_line(input: &mut (impl AsyncBufReadExt + Unpin), line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    let mut whole = true;
    loop {
        let piece = input.fill_buf().await?;
        if piece.is_empty() {
            // A last line without its end is a line.
            return Ok((!line.is_empty() || !whole).then(|| {
                line.push(b'\n');
                whole
            }));
        }
        let end = piece.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(piece.len(), |end| end + 1);
        // The end of a line is not part of it.
        whole &= line.len() + end.unwrap_or(taken) <= limits::LINE_BYTES;
        if whole {
            line.extend(piece.iter().take(taken));
        } else {
            *line = Vec::new();
        }
        input.consume(taken);
        if end.is_some() {
            return Ok(Some(whole));
        }
    }
}

/// What is wrong with a line, if anything: its JSON-RPC code and what to say.
pub fn check(line: &[u8]) -> Option<(i32, &'static str)> {
    let Ok(text) = std::str::from_utf8(line) else { return Some((-32700, "the line is not UTF-8")) };
    if text.trim().is_empty() {
        return None;
    }
    if serde_json::from_str::<IgnoredAny>(text).is_err() {
        return Some((-32700, "the line is not valid JSON"));
    }
    // The parser behind this refuses deeper ones without a word.
    (depth(text) > limits::MESSAGE_DEPTH).then_some((-32700, "the line is nested too deeply"))
}

/// How deep valid JSON is nested.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut inside, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b'[' | b'{' if !inside => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !inside => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

async fn forward(from: DuplexStream, out: Sender<Vec<u8>>, open: &Open) -> io::Result<()> {
    let mut from = BufReader::new(from);
    loop {
        let mut line = Vec::new();
        if from.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        open.leaves(&line);
        if out.send(line).await.is_err() {
            return Ok(());
        }
    }
}

async fn write(mut waiting: Receiver<Vec<u8>>, mut output: impl AsyncWrite + Unpin) -> io::Result<()> {
    while let Some(line) = waiting.recv().await {
        output.write_all(&line).await?;
        output.flush().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    /// What comes through to the protocol, and what is answered at once.
    async fn through(input: &[u8]) -> (String, String) {
        let (client, far) = duplex(1 << 20);
        let ((mut good, answers), rest) = Lines::start(io::Cursor::new(input.to_vec()), far);
        let mut passed = String::new();
        good.read_to_string(&mut passed).await.unwrap();
        drop(answers);
        rest.finish().await;
        let mut answered = String::new();
        let mut client = client;
        client.read_to_string(&mut answered).await.unwrap();
        (passed, answered)
    }

    #[tokio::test]
    async fn good_lines_pass_and_bad_ones_are_answered() {
        let (passed, answered) = through(b"{\"a\":1}\n\xff\n\n{\"b\":\n[2]").await;
        assert_eq!(passed, "{\"a\":1}\n[2]\n");
        let codes: Vec<i64> = answered
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["error"]["code"].as_i64().unwrap())
            .collect();
        assert_eq!(codes, [-32700, -32700]);
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_dropped_and_the_next_one_read() {
        let mut input = vec![b'x'; limits::LINE_BYTES];
        input.extend(b"y\n{\"c\":3}\n");
        let (passed, answered) = through(&input).await;
        assert_eq!(passed, "{\"c\":3}\n");
        assert!(answered.contains("-32600"), "{answered}");
        let deep = "[".repeat(100_000) + &"]".repeat(100_000);
        assert!(check(deep.as_bytes()).is_some());
        assert!(check(br#"{"a":"[[[[\"{{{{"}"#).is_none() && depth(r#"{"a":"[[[\"[["}"#) == 1);
    }
}
