//! Whoever listens to a tenant's decisions, on a thread of its own: `GET /v1/decisions`, read as it comes, and gone on with
//! where it was broken off.

use serde_json::Value;
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What is in the stream is heard by then.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Listener {
    heard: Arc<Mutex<Heard>>,
}

#[derive(Default)]
struct Heard {
    /// What came late, by event, in order.
    late: HashMap<String, Vec<Value>>,
    last_id: Option<String>,
}

impl Listener {
    /// Listens from now on, until the gateway ends for good.
    pub(crate) fn begin(gateway: SocketAddr, key: &str) -> Self {
        let heard: Arc<Mutex<Heard>> = Arc::default();
        let (ears, key) = (heard.clone(), key.to_owned());
        thread::spawn(move || {
            let mut vain = 0;
            while vain < 20 {
                vain = if listen(gateway, &key, &ears).is_ok() { 0 } else { vain + 1 };
                thread::sleep(Duration::from_millis(100));
            }
        });
        let listener = Self { heard };
        let begun = Instant::now();
        while listener.heard().last_id.is_none() {
            assert!(begun.elapsed() < PATIENCE, "the stream says where it begins");
            thread::sleep(Duration::from_millis(10));
        }
        listener
    }

    /// What came late, once it is so much.
    pub(crate) fn late(&self, count: usize) -> HashMap<String, Vec<Value>> {
        let begun = Instant::now();
        while self.heard().late.len() < count && begun.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(50));
        }
        self.heard().late.clone()
    }

    fn heard(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection, until it ends.
fn listen(gateway: SocketAddr, key: &str, ears: &Mutex<Heard>) -> io::Result<()> {
    let mut stream = TcpStream::connect(gateway)?;
    let last_id = ears.lock().unwrap_or_else(PoisonError::into_inner).last_id.clone();
    let resume = last_id.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
    let head =
        format!("GET /v1/decisions HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {key}\r\n{resume}\r\n");
    stream.write_all(head.as_bytes())?;
    let mut reader = BufReader::new(Chunks { stream: BufReader::new(stream), left: 0, in_head: true });
    let (mut kind, mut data, mut line) = (String::new(), String::new(), String::new());
    loop {
        line.clear();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        match line.trim_end().split_once(": ") {
            Some(("event", word)) => kind = word.to_owned(),
            Some(("data", text)) => data = text.to_owned(),
            Some(("id", id)) => {
                ears.lock().unwrap_or_else(PoisonError::into_inner).last_id = Some(id.to_owned());
            }
            _ if line.trim_end().is_empty() => {
                note(ears, &kind, &data);
                (kind, data) = (String::new(), String::new());
            }
            _ => {}
        }
    }
}

fn note(ears: &Mutex<Heard>, kind: &str, data: &str) {
    if kind != "late" {
        return;
    }
    let value: Value = serde_json::from_str(data).unwrap_or_default();
    let id = value["eventId"].as_str().unwrap_or_default().to_owned();
    let mut heard = ears.lock().unwrap_or_else(PoisonError::into_inner);
    heard.late.entry(id).or_default().push(value["late"].clone());
}

/// The bytes of a body that comes in chunks.
struct Chunks {
    stream: BufReader<TcpStream>,
    left: usize,
    in_head: bool,
}

impl Chunks {
    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.in_head {
            let status = self.line()?;
            if !status.contains(" 200 ") {
                return Err(io::Error::other(status));
            }
            while !self.line()?.is_empty() {}
            self.in_head = false;
        }
        if self.left == 0 {
            let mut size = self.line()?;
            if size.is_empty() {
                // The end of the chunk before.
                size = self.line()?;
            }
            self.left = usize::from_str_radix(&size, 16).map_err(io::Error::other)?;
            if self.left == 0 {
                return Ok(0);
            }
        }
        let most = buffer.len().min(self.left);
        let read = self.stream.read(&mut buffer[..most])?;
        self.left -= read;
        Ok(read)
    }
}
