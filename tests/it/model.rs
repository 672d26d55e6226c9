//! The only test double: a server on loopback that plays a language model for a real client. What it says belongs to the tests.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::Value;

/// The server; it lives as long as the process.
pub(crate) struct Model {
    pub(crate) address: String,
    /// Bodies of the requests that it answered as a model.
    pub(crate) requests: Arc<Mutex<Vec<Value>>>,
}

impl Model {
    /// `reply` says events of a stream to a path and a body; what it leaves out is answered with an empty object.
    pub(crate) fn start(reply: impl Fn(&str, &Value) -> Option<String> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (requests, reply) = (Arc::new(Mutex::new(Vec::new())), Arc::new(reply));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, reply) = (Arc::clone(&seen), Arc::clone(&reply));
                std::thread::spawn(move || answer(stream.unwrap(), &*reply, &seen));
            }
        });
        Self { address, requests }
    }
}

fn answer(stream: TcpStream, reply: &dyn Fn(&str, &Value) -> Option<String>, seen: &Mutex<Vec<Value>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    loop {
        let (mut first, mut length) = (String::new(), 0);
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
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
        let (kind, text) = match reply(&first, &body) {
            Some(text) => {
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
