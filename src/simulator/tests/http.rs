//! A tiny HTTP client, so that what is seen on the socket is seen without anybody's help.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Far more than any test takes; a test that hangs fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// All that came before the connection ended, and how it ended.
pub(super) struct Exchange {
    pub(super) bytes: Vec<u8>,
    pub(super) end: io::Result<()>,
}

pub(super) struct Response {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

/// One request on a connection of its own.
pub(super) async fn exchange(address: SocketAddr, method: &str, path: &str, body: &str) -> Exchange {
    let mut stream = send(address, method, path, body).await;
    let mut bytes = Vec::new();
    let read = stream.read_to_end(&mut bytes);
    let end = timeout(PATIENCE, read).await.expect("the connection ends");
    Exchange { bytes, end: end.map(drop) }
}

/// Sends a request and does not wait.
pub(super) async fn send(address: SocketAddr, method: &str, path: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: simulator\r\nConnection: close\r\n\
         Content-Type: text/xml; charset=utf-8\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + body).as_bytes()).await.unwrap();
    stream
}

pub(super) async fn call(address: SocketAddr, method: &str, path: &str, body: &str) -> Response {
    let exchange = exchange(address, method, path, body).await;
    exchange.end.expect("the connection ends in good order");
    response(&exchange.bytes)
}

fn response(bytes: &[u8]) -> Response {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head");
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let rest = &bytes[end + 4..];
    let body = if head.contains("transfer-encoding: chunked") { unchunk(rest) } else { rest.to_vec() };
    Response { status, head, body }
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n").unwrap();
        let size = std::str::from_utf8(&rest[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 4 + size..];
    }
}

impl Response {
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}
