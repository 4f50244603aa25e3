//! A server that answers with exactly the bytes it is given, and keeps what it heard: for all that a well-behaved HTTP
//! server can't be made to say. It knows no SOAP.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// One request, as it came.
#[derive(Clone, Debug)]
pub(crate) struct Heard {
    /// The connection that it came on, counted from 0.
    pub(crate) connection: usize,
    /// Its place on that connection, counted from 0.
    pub(crate) place: usize,
    /// Request line and headers.
    pub(crate) head: String,
    pub(crate) body: String,
}

/// One step of an answer.
#[derive(Clone, Debug)]
pub(crate) enum Do {
    Say(Vec<u8>),
    Pause(Duration),
    Close,
}

type Script = dyn Fn(&Heard) -> Vec<Do> + Send + Sync;

pub(crate) struct Canned {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    stopped: Arc<AtomicBool>,
}

impl Canned {
    /// Starts a server that answers each request with what the script says.
    pub(crate) fn start(script: impl Fn(&Heard) -> Vec<Do> + Send + Sync + 'static) -> Self {
        Self::listen(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port"), script)
    }

    /// The same on a socket that is bound already.
    pub(crate) fn listen(
        listener: TcpListener,
        script: impl Fn(&Heard) -> Vec<Do> + Send + Sync + 'static,
    ) -> Self {
        let address = listener.local_addr().expect("it is bound");
        let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
        let stopped: Arc<AtomicBool> = Arc::default();
        let script: Arc<Script> = Arc::new(script);
        thread::spawn({
            let (heard, stopped) = (heard.clone(), stopped.clone());
            move || {
                for (connection, stream) in listener.incoming().flatten().enumerate() {
                    if stopped.load(SeqCst) {
                        return;
                    }
                    let (heard, script) = (heard.clone(), script.clone());
                    thread::spawn(move || serve(stream, connection, &heard, &*script));
                }
            }
        });
        Self { address, heard, stopped }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/xceed", self.address)
    }

    /// What it heard, in order.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What it heard that mentions this event.
    pub(crate) fn heard_of(&self, event_id: &str) -> Vec<Heard> {
        self.heard().into_iter().filter(|heard| heard.body.contains(event_id)).collect()
    }
}

impl Drop for Canned {
    /// Its connections end with their clients.
    fn drop(&mut self) {
        self.stopped.store(true, SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(stream: TcpStream, connection: usize, all: &Mutex<Vec<Heard>>, script: &Script) {
    let _ = stream.set_nodelay(true);
    let mut stream = BufReader::new(stream);
    for place in 0.. {
        let Some((head, body)) = read(&mut stream) else { return };
        let heard = Heard { connection, place, head, body };
        all.lock().unwrap_or_else(PoisonError::into_inner).push(heard.clone());
        for step in script(&heard) {
            match step {
                Do::Say(bytes) => {
                    if stream.get_mut().write_all(&bytes).is_err() {
                        return;
                    }
                }
                Do::Pause(time) => thread::sleep(time),
                Do::Close => return,
            }
        }
    }
}

fn read(stream: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line.trim_end().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some((head, String::from_utf8_lossy(&body).into_owned()))
}

/// A whole HTTP response.
pub(crate) fn answer(status: u16, content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status} -\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// A whole HTTP response with good Results: this return code and score, without an action.
pub(crate) fn results(code: &str, score: &str) -> Vec<u8> {
    let body = format!(
        "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body>\
         <addEventResponse xmlns=\"urn:xceed:api:1.0\"><Results><returnCode>{code}</returnCode>\
         <riskScore>{score}</riskScore></Results></addEventResponse></soap:Body></soap:Envelope>"
    );
    answer(200, "text/xml; charset=utf-8", body.as_bytes())
}
