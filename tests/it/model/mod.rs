//! The only test double: a server on loopback that plays a language model for a real client, in the protocol that the client
//! speaks. What it says belongs to the tests.

mod chat_completions;
mod gemini;
mod messages;
mod protocol;
mod responses;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

pub(crate) use self::protocol::{Block, HALF, Heard, Protocol, number, rounds};

/// The server; it lives as long as the process.
pub(crate) struct Model {
    pub(crate) address: String,
    /// Bodies of the requests that it answered as a model.
    pub(crate) requests: Arc<Mutex<Vec<Value>>>,
    /// First lines of requests to other hosts, which a client sent here because this is its proxy.
    pub(crate) strays: Arc<Mutex<Vec<String>>>,
}

impl Model {
    /// `reply` says the blocks of each answer.
    pub(crate) fn start(reply: impl Fn(Protocol, &Value) -> Vec<Block> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (requests, strays) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let (seen, stray, reply) = (Arc::clone(&requests), Arc::clone(&strays), Arc::new(reply));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, stray, reply) = (Arc::clone(&seen), Arc::clone(&stray), Arc::clone(&reply));
                std::thread::spawn(move || answer(stream.unwrap(), &*reply, &seen, &stray));
            }
        });
        Self { address, requests, strays }
    }

    /// Plays the steps in order, one a round of tool results. A request that does not offer the tool of its step, such as one
    /// for a title, is answered with a word.
    pub(crate) fn scripted(steps: Vec<Block>) -> Self {
        Self::start(move |protocol, request| {
            let step = steps.get(rounds(&protocol.heard(request))).filter(|step| match step {
                Block::Call(tool, _) => protocol.name_of(request, tool).is_some(),
                _ => true,
            });
            vec![step.cloned().unwrap_or_else(|| Block::Text("Done.".to_owned()))]
        })
    }

    /// Texts of all tool results in the request that carries the most of them.
    pub(crate) fn results(&self, protocol: Protocol) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        let results = requests.iter().map(|request| {
            let results = protocol.heard(request).into_iter().filter_map(Heard::into_result);
            results.collect::<Vec<_>>()
        });
        results.max_by_key(Vec::len).unwrap_or_default()
    }
}

type Reply = dyn Fn(Protocol, &Value) -> Vec<Block>;

fn answer(stream: TcpStream, reply: &Reply, seen: &Mutex<Vec<Value>>, strays: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let (mut first, mut length) = (String::new(), 0);
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        if first.starts_with("CONNECT ") || first.contains(" http://") {
            strays.lock().unwrap().push(first.trim().to_owned());
            let _ = writer.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            return;
        }
        loop {
            let mut header = String::new();
            reader.read_line(&mut header).unwrap();
            let header = header.trim().to_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let body = parsed(&body);
        let (kind, text) = match Protocol::of(&first, &body) {
            Some(protocol) => {
                let text = protocol.events(&body, &reply(protocol, &body));
                seen.lock().unwrap().push(body);
                ("text/event-stream", text)
            }
            None => ("application/json", "{}".to_owned()),
        };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", text.len());
        if writer.write_all((head + &text).as_bytes()).is_err() {
            return;
        }
    }
}

/// A body; half of an emoji, which clients send on as it came, is replaced first.
fn parsed(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| {
        let whole = String::from_utf8_lossy(body).replace("\\ud83d", "\\ufffd");
        serde_json::from_str(&whole).unwrap_or(Value::Null)
    })
}
