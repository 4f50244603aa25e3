//! An Xceed that is ill in every way that the network and a server can be, one way for each event: so that one run meets all
//! of them side by side. Whatever it does, only a whole, timely answer about the very event may decide.

use crate::harness::results;
use socket2::SockRef;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// The ways, by name. What only takes its time is no fault where it takes little.
pub(crate) const WAYS: [&str; 26] = [
    "closes at once",
    "resets at once",
    "closes after the request",
    "resets after the request",
    "says nothing for ever",
    "says a head and nothing more",
    "trickles",
    "resets within the body",
    "answers after 150 ms",
    "answers after 450 ms",
    "answers garbage",
    "answers an empty body",
    "breaks off the body",
    "answers HTML",
    "labels its answer text/plain",
    "answers with status 500",
    "answers a SOAP Fault",
    "answers in UTF-16",
    "answers gzip",
    "answers more than 256 KiB",
    "answers with a DOCTYPE",
    "answers about another event",
    "answers two documents",
    "answers a word of its own",
    "redirects elsewhere",
    "answers before it has read",
];

/// Of so many events one meets a fault, and the next the next one: fewer than half, so that the breaker stays closed.
const ONE_IN: usize = 3;

/// What an event meets: well, or a way of being ill.
pub(crate) fn way_of(number: usize) -> Option<usize> {
    number.is_multiple_of(ONE_IN).then(|| number / ONE_IN % WAYS.len())
}

/// How it was met, by its name.
pub(crate) fn name_of(number: usize) -> &'static str {
    way_of(number).map_or("is well", |way| WAYS[way])
}

/// A server that is ill.
pub(crate) struct Ill {
    address: SocketAddr,
    met: Arc<Mutex<BTreeMap<&'static str, usize>>>,
}

impl Ill {
    pub(crate) fn start() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        listener.set_nonblocking(true).expect("it can be");
        let met: Arc<Mutex<BTreeMap<&'static str, usize>>> = Arc::default();
        thread::spawn({
            let met = met.clone();
            move || {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
                runtime.block_on(async {
                    let listener = TcpListener::from_std(listener).expect("a listener");
                    while let Ok((stream, _)) = listener.accept().await {
                        let met = met.clone();
                        tokio::spawn(async move { drop(serve(stream, &met).await) });
                    }
                });
            }
        });
        Self { address, met }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/xceed", self.address)
    }

    /// How many requests met each way.
    pub(crate) fn met(&self) -> BTreeMap<&'static str, usize> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Serves one connection until it is broken.
async fn serve(mut stream: TcpStream, met: &Mutex<BTreeMap<&'static str, usize>>) -> std::io::Result<()> {
    let mut read = Vec::new();
    loop {
        let (head, length) = loop {
            if let Some(at) = read.windows(4).position(|window| window == b"\r\n\r\n") {
                break (at + 4, length_of(&read[..at]));
            }
            if stream.read_buf(&mut read).await? == 0 {
                return Ok(());
            }
        };
        // The number stands in the payload's first element, and is there before the body ends.
        while read.len() < head + length {
            if stream.read_buf(&mut read).await? == 0 {
                return Ok(());
            }
        }
        let number = number_of(&read[head..head + length]);
        read.drain(..head + length);
        let way = way_of(number);
        let name = name_of(number);
        *met.lock().unwrap_or_else(PoisonError::into_inner).entry(name).or_default() += 1;
        let good = results("SUCCESS", "95.0");
        match way.map(|way| WAYS[way]) {
            None => stream.write_all(&good).await?,
            Some("answers after 150 ms") => {
                sleep(Duration::from_millis(150)).await;
                stream.write_all(&good).await?;
            }
            Some("answers after 450 ms") => {
                sleep(Duration::from_millis(450)).await;
                stream.write_all(&good).await?;
            }
            Some(name) => return be_ill(stream, name, &good).await,
        }
    }
}

async fn be_ill(mut stream: TcpStream, name: &str, good: &[u8]) -> std::io::Result<()> {
    let reset = |stream: TcpStream| {
        let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        drop(stream);
    };
    let text = String::from_utf8_lossy(good).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
    let answer = |head: &str, body: &str| {
        let length = body.len();
        format!("{head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}").into_bytes()
    };
    let ok = "HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8";
    match name {
        "closes at once" | "closes after the request" => return Ok(()),
        "resets at once" | "resets after the request" => {
            reset(stream);
            return Ok(());
        }
        "says nothing for ever" => sleep(Duration::from_secs(20)).await,
        "says a head and nothing more" => {
            stream.write_all(format!("{head}\r\n\r\n").as_bytes()).await?;
            sleep(Duration::from_secs(20)).await;
        }
        "trickles" => {
            for byte in good {
                stream.write_all(&[*byte]).await?;
                sleep(Duration::from_millis(40)).await;
            }
        }
        "resets within the body" => {
            stream.write_all(&good[..good.len() - 40]).await?;
            sleep(Duration::from_millis(5)).await;
            reset(stream);
            return Ok(());
        }
        "answers garbage" => stream.write_all(b"\x16\x03\x01\x02\x00\x01garbage\r\n\r\n").await?,
        "answers an empty body" => stream.write_all(&answer(ok, "")).await?,
        "breaks off the body" => stream.write_all(&good[..good.len() - 40]).await?,
        "answers HTML" => {
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html";
            stream.write_all(&answer(head, "<html><body>Please sign in</body></html>")).await?;
        }
        "labels its answer text/plain" => {
            stream.write_all(&answer("HTTP/1.1 200 OK\r\nContent-Type: text/plain", body)).await?;
        }
        "answers with status 500" => {
            stream.write_all(&answer("HTTP/1.1 500 No\r\nContent-Type: text/xml", body)).await?;
        }
        "answers a SOAP Fault" => {
            let fault = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault>\
                         <faultcode>s:Server</faultcode><faultstring>no</faultstring></s:Fault></s:Body></s:Envelope>";
            stream.write_all(&answer(ok, fault)).await?;
        }
        "answers in UTF-16" => {
            let mut bytes = vec![0xFF, 0xFE];
            bytes.extend(body.encode_utf16().flat_map(u16::to_le_bytes));
            let head = format!("{ok}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", bytes.len());
            stream.write_all(&[head.as_bytes(), &bytes].concat()).await?;
        }
        "answers gzip" => stream.write_all(&answer(&format!("{ok}\r\nContent-Encoding: gzip"), body)).await?,
        "answers more than 256 KiB" => {
            stream.write_all(&answer(ok, &format!("{body}<!--{}-->", "x".repeat(300 * 1024)))).await?;
        }
        "answers with a DOCTYPE" => {
            stream.write_all(&answer(ok, &format!("<!DOCTYPE a [<!ENTITY b 'c'>]>{body}"))).await?;
        }
        "answers about another event" => {
            let other = body.replace("</returnCode>", "</returnCode><eventId>another</eventId>");
            stream.write_all(&answer(ok, &other)).await?;
        }
        "answers two documents" => stream.write_all(&answer(ok, &format!("{body}{body}"))).await?,
        "answers a word of its own" => {
            stream.write_all(&answer(ok, &body.replace("SUCCESS", "SUCCESS_PERHAPS"))).await?;
        }
        "redirects elsewhere" => {
            stream.write_all(&answer("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/x", "")).await?;
        }
        // The answer is there before anybody looked, and the connection ends.
        "answers before it has read" => {
            stream.write_all(&answer("HTTP/1.1 413 Too large\r\nContent-Type: text/plain", "no")).await?;
        }
        other => unreachable!("{other} is none of the ways"),
    }
    Ok(())
}

fn length_of(head: &[u8]) -> usize {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let value = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    value.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}

/// The number of the event that a request carries: `d-17`.
fn number_of(body: &[u8]) -> usize {
    let text = String::from_utf8_lossy(body);
    let behind = text.split("EventId&gt;d-").nth(1).unwrap_or_default();
    behind.split('&').next().and_then(|number| number.parse().ok()).unwrap_or(1)
}
