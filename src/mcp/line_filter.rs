//! Line filter between stdin, stdout and the protocol layer. An invalid or overlong line is answered with its JSON-RPC
//! error instead of being dropped in silence, and does not affect other lines. The rules for messages are in
//! `envelope`.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, DuplexStream, duplex};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

use super::envelope::{self, CheckedMessage, RpcError};
use crate::domain::limits;

/// Bytes buffered in each pipe.
const BUFFER: usize = 64 << 10;
/// Maximum number of lines queued for writing.
const MAX_QUEUED_LINES: usize = 16;
/// Bytes kept of each end of an overlong line: enough to find its id.
const OVERLONG_END_BYTES: usize = 1 << 10;

/// Tasks that read, forward and write lines.
#[derive(Debug)]
pub(super) struct LineFilter {
    reading: JoinHandle<()>,
    answering: JoinHandle<()>,
    writing: JoinHandle<()>,
}

impl LineFilter {
    /// Spawns the tasks and returns the pipe ends that the protocol layer reads from and writes to. Needs a tokio
    /// runtime.
    pub(super) fn spawn_tasks(
        input: impl AsyncRead + Send + Unpin + 'static,
        output: impl AsyncWrite + Send + Unpin + 'static,
    ) -> ((DuplexStream, DuplexStream), Self) {
        let (from_client, good) = duplex(BUFFER);
        let (answers, to_client) = duplex(BUFFER);
        let (out, waiting) = channel(MAX_QUEUED_LINES);
        let errors = out.clone();
        let open = Arc::new(OpenRequests::default());
        let answered = Arc::clone(&open);
        let lines = Self {
            // A disconnected peer ends the task; it is not a failure.
            reading: tokio::spawn(async move { drop(read_lines(input, from_client, errors, &open).await) }),
            answering: tokio::spawn(async move { drop(forward_answers(to_client, out, &answered).await) }),
            writing: tokio::spawn(async move { drop(write_lines(waiting, output).await) }),
        };
        ((good, answers), lines)
    }

    /// Stops reading and waits until all answers are written.
    pub(super) async fn finish_writing(self) {
        self.reading.abort();
        let _ = self.answering.await;
        let _ = self.writing.await;
    }
}

/// Ids of the requests in flight. An id must not be in use twice at once: one of the two requests would never be
/// answered.
#[derive(Debug, Default)]
struct OpenRequests(Mutex<HashSet<String>>);

#[derive(Deserialize)]
struct MessageHead {
    id: Option<Value>,
    method: Option<IgnoredAny>,
    error: Option<IgnoredAny>,
}

impl OpenRequests {
    /// Adds a request; returns false if a request with the same id is in flight.
    fn add_request(&self, id: Option<&String>) -> bool {
        id.is_none_or(|id| self.lock_ids().insert(id.clone()))
    }

    /// Removes the request that a line answers. Returns true if the line is an error without an id.
    fn remove_answered(&self, line: &[u8]) -> bool {
        let Ok(MessageHead { id, method: None, error }) = serde_json::from_slice(line) else { return false };
        if let Some(id) = &id {
            self.lock_ids().remove(&id.to_string());
        }
        id.is_none() && error.is_some()
    }

    /// Encodes a refusal as a line. Its id becomes null if a request with that id is in flight and will get its own
    /// answer.
    fn encode_refusal(&self, mut refusal: RpcError) -> Vec<u8> {
        if self.lock_ids().contains(&refusal.id.to_string()) {
            refusal.id = Value::Null;
        }
        format!("{}\n", refusal.to_json()).into_bytes()
    }

    fn lock_ids(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read_lines(
    input: impl AsyncRead + Unpin,
    mut good: DuplexStream,
    errors: Sender<Vec<u8>>,
    open: &OpenRequests,
) -> io::Result<()> {
    let mut input = BufReader::with_capacity(BUFFER, input);
    let mut line = Vec::new();
    while let Some(whole) = next_line(&mut input, &mut line).await? {
        let checked = if whole {
            envelope::check_message(&line)
        } else {
            let refusal = RpcError::invalid_request(id_of_overlong(&line), "the line is longer than 16 MiB");
            CheckedMessage::Refused(vec![refusal])
        };
        let refusals = match checked {
            CheckedMessage::Message { mut text, request } if open.add_request(request.as_ref()) => {
                text.push(b'\n');
                good.write_all(&text).await?;
                continue;
            }
            CheckedMessage::Message { .. } => {
                vec![RpcError::invalid_request(Value::Null, "a request with this id is still being worked on")]
            }
            CheckedMessage::Refused(refusals) => refusals,
            CheckedMessage::Ignored => continue,
        };
        for refusal in refusals {
            if errors.send(open.encode_refusal(refusal)).await.is_err() {
                return good.shutdown().await;
            }
        }
    }
    good.shutdown().await
}

/// Finds the id of an overlong line in its two ends.
fn id_of_overlong(ends: &[u8]) -> Value {
    match ends.split_at_checked(OVERLONG_END_BYTES) {
        Some((start, end)) => envelope::find_trailing_id(end).unwrap_or_else(|| envelope::find_id(start)),
        None => Value::Null,
    }
}

/// Reads the next line into `line`. `None` at the end; `Some(false)` if it was too long: then `line` holds its two
/// ends.
async fn next_line(input: &mut (impl AsyncBufReadExt + Unpin), line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    line.clear();
    let mut whole = true;
    loop {
        let piece = input.fill_buf().await?;
        if piece.is_empty() {
            // The last line may have no line feed.
            return Ok((!line.is_empty() || !whole).then(|| {
                line.push(b'\n');
                whole
            }));
        }
        let end = piece.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(piece.len(), |end| end + 1);
        // The line feed does not count.
        whole &= line.len() + end.unwrap_or(taken) <= limits::LINE_BYTES;
        line.extend(piece.iter().take(taken));
        if !whole {
            // Keep both ends, drop the middle.
            let between = line.len().saturating_sub(OVERLONG_END_BYTES).max(OVERLONG_END_BYTES);
            line.drain(OVERLONG_END_BYTES.min(line.len())..between.min(line.len()));
            line.shrink_to(BUFFER);
        }
        input.consume(taken);
        if end.is_some() {
            return Ok(Some(whole));
        }
    }
}

async fn forward_answers(from: DuplexStream, out: Sender<Vec<u8>>, open: &OpenRequests) -> io::Result<()> {
    let mut from = BufReader::new(from);
    loop {
        let mut line = Vec::new();
        if from.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        if open.remove_answered(&line) {
            line = with_null_id(&line).unwrap_or(line);
        }
        if out.send(line).await.is_err() {
            return Ok(());
        }
    }
}

/// Adds `"id": null` to an error, which JSON-RPC requires.
fn with_null_id(line: &[u8]) -> Option<Vec<u8>> {
    let mut error: Map<String, Value> = serde_json::from_slice(line).ok()?;
    error.insert("id".to_owned(), Value::Null);
    Some(format!("{}\n", Value::Object(error)).into_bytes())
}

async fn write_lines(mut waiting: Receiver<Vec<u8>>, mut output: impl AsyncWrite + Unpin) -> io::Result<()> {
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

    /// Returns the lines passed to the protocol layer and those answered directly.
    async fn through(input: &[u8]) -> (String, String) {
        let (client, far) = duplex(1 << 20);
        let ((mut good, answers), rest) = LineFilter::spawn_tasks(io::Cursor::new(input.to_vec()), far);
        let mut passed = String::new();
        good.read_to_string(&mut passed).await.unwrap();
        drop(answers);
        rest.finish_writing().await;
        let mut answered = String::new();
        let mut client = client;
        client.read_to_string(&mut answered).await.unwrap();
        (passed, answered)
    }

    #[tokio::test]
    async fn good_lines_pass_and_bad_ones_are_answered() {
        let list = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
        let input = [list.as_bytes(), b"\n\xff\n\n{\"b\":\n[2]\n", list.replace('1', "2").as_bytes()].concat();
        let (passed, answered) = through(&input).await;
        assert_eq!(passed, format!("{list}\n{}\n", list.replace('1', "2")));
        let codes: Vec<i64> = answered
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["error"]["code"].as_i64().unwrap())
            .collect();
        assert_eq!(codes, [-32700, -32700, -32600]);
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_refused_under_its_id_and_the_next_one_read() {
        let list = r#"{"jsonrpc":"2.0","id":3,"method":"tools/list"}"#;
        let text = "y".repeat(limits::LINE_BYTES);
        for (long, id) in [
            (format!("{text}y"), Value::Null),
            (format!(r#"{{"jsonrpc":"2.0","id":7,"method":"m","params":{{"a":"{text}"}}}}"#), 7.into()),
            (format!(r#"{{"method":"m","params":{{"a":"{text}"}},"jsonrpc":"2.0","id":8}}"#), 8.into()),
        ] {
            let (passed, answered) = through(format!("{long}\n{list}\n").as_bytes()).await;
            assert_eq!(passed, format!("{list}\n"));
            let error: Value = serde_json::from_str(&answered).unwrap();
            assert_eq!((&error["id"], &error["error"]["code"]), (&id, &(-32600).into()));
        }
    }

    #[test]
    fn an_error_always_has_an_id() {
        let open = OpenRequests::default();
        let error = br#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"x"}}"#;
        assert!(open.remove_answered(error));
        let sent: Value = serde_json::from_slice(&with_null_id(error).unwrap()).unwrap();
        assert!(sent.as_object().unwrap().contains_key("id"));
        assert!(
            open.add_request(Some(&"1".to_owned()))
                && !open.add_request(Some(&"1".to_owned()))
                && open.add_request(None)
        );
        let refused: Value =
            serde_json::from_slice(&open.encode_refusal(RpcError::invalid_request(1.into(), "x"))).unwrap();
        assert!(refused["id"].is_null(), "the open request gets its own answer");
        assert!(
            !open.remove_answered(br#"{"jsonrpc":"2.0","id":1,"result":{}}"#)
                && open.add_request(Some(&"1".to_owned()))
        );
    }
}
