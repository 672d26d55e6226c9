//! The lines between the client and the protocol: a line that is no message, or too long, is answered with the error that JSON-RPC
//! has for it instead of being passed over in silence, and costs nothing else. Does not own what makes a message.

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, DuplexStream, duplex};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;

use super::envelope::{self, Checked, Refusal};
use crate::domain::limits;

/// Bytes that wait between two ends.
const BUFFER: usize = 64 << 10;
/// Lines that wait to be written.
const WAITING: usize = 16;
/// Bytes of each end of a line that is too long: enough to find its id.
const KEPT_OF_LONG: usize = 1 << 10;

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
    error: Option<IgnoredAny>,
}

impl Open {
    /// Remembers a request; `false` when one with its id is open already.
    fn enters(&self, id: Option<&String>) -> bool {
        id.is_none_or(|id| self.ids().insert(id.clone()))
    }

    /// Lets an answer end its request. Returns whether it is an error without an id.
    fn leaves(&self, line: &[u8]) -> bool {
        let Ok(Head { id, method: None, error }) = serde_json::from_slice(line) else { return false };
        if let Some(id) = &id {
            self.ids().remove(&id.to_string());
        }
        id.is_none() && error.is_some()
    }

    /// The error as it is sent: the id of a request that is being worked on belongs to its own answer.
    fn answer(&self, mut refusal: Refusal) -> Vec<u8> {
        if self.ids().contains(&refusal.id.to_string()) {
            refusal.id = Value::Null;
        }
        format!("{}\n", refusal.to_json()).into_bytes()
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
        let checked = if whole {
            envelope::check(&line)
        } else {
            let refusal = Refusal::invalid(id_of_long(&line), "the line is longer than 16 MiB");
            Checked::Refused(vec![refusal])
        };
        let refusals = match checked {
            Checked::Message { mut text, request } if open.enters(request.as_ref()) => {
                text.push(b'\n');
                good.write_all(&text).await?;
                continue;
            }
            Checked::Message { .. } => {
                vec![Refusal::invalid(Value::Null, "a request with this id is still being worked on")]
            }
            Checked::Refused(refusals) => refusals,
            Checked::Ignored => continue,
        };
        for refusal in refusals {
            if errors.send(open.answer(refusal)).await.is_err() {
                return good.shutdown().await;
            }
        }
    }
    good.shutdown().await
}

/// The id of a line of which both ends were kept.
fn id_of_long(ends: &[u8]) -> Value {
    match ends.split_at_checked(KEPT_OF_LONG) {
        Some((start, end)) => envelope::id_at_end(end).unwrap_or_else(|| envelope::id_in(start)),
        None => Value::Null,
    }
}

/// Reads a line into `line`; `None` at the end, `Some(false)` when it was too long: then `line` holds its two ends.
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
        line.extend(piece.iter().take(taken));
        if !whole {
            // Its end is needed, what is between is not.
            let between = line.len().saturating_sub(KEPT_OF_LONG).max(KEPT_OF_LONG);
            line.drain(KEPT_OF_LONG.min(line.len())..between.min(line.len()));
            line.shrink_to(BUFFER);
        }
        input.consume(taken);
        if end.is_some() {
            return Ok(Some(whole));
        }
    }
}

async fn forward(from: DuplexStream, out: Sender<Vec<u8>>, open: &Open) -> io::Result<()> {
    let mut from = BufReader::new(from);
    loop {
        let mut line = Vec::new();
        if from.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        if open.leaves(&line) {
            line = with_null_id(&line).unwrap_or(line);
        }
        if out.send(line).await.is_err() {
            return Ok(());
        }
    }
}

/// The error with `"id": null`, which JSON-RPC asks for.
fn with_null_id(line: &[u8]) -> Option<Vec<u8>> {
    let mut error: Map<String, Value> = serde_json::from_slice(line).ok()?;
    error.insert("id".to_owned(), Value::Null);
    Some(format!("{}\n", Value::Object(error)).into_bytes())
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
        let open = Open::default();
        let error = br#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"x"}}"#;
        assert!(open.leaves(error));
        let sent: Value = serde_json::from_slice(&with_null_id(error).unwrap()).unwrap();
        assert!(sent.as_object().unwrap().contains_key("id"));
        assert!(open.enters(Some(&"1".to_owned())) && !open.enters(Some(&"1".to_owned())) && open.enters(None));
        let refused: Value = serde_json::from_slice(&open.answer(Refusal::invalid(1.into(), "x"))).unwrap();
        assert!(refused["id"].is_null(), "the open request gets its own answer");
        assert!(!open.leaves(br#"{"jsonrpc":"2.0","id":1,"result":{}}"#) && open.enters(Some(&"1".to_owned())));
    }
}
