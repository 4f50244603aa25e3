//! Callers that load a gateway, on one thread: each has a connection of its own and one call at a time. In a closed
//! loop the next call leaves when the last is answered; at a rate, calls leave when they are due, and one that leaves
//! late counts from when it was due. Every event has an id and a customer of its own, and ids are scattered.

use super::http::{Connection, find};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::task::LocalSet;

const EVENT: &str = include_str!("../event.json").trim_ascii_end();
/// A call that is not answered by then is broken.
const PATIENCE: Duration = Duration::from_secs(10);
/// Digits of an event id that count; those before them tell one load from another.
const COUNT_DIGITS: usize = 16;
const CUSTOMER_DIGITS: usize = 10;

/// How the gateway is loaded.
pub(crate) struct Callers {
    pub(crate) gateway: SocketAddr,
    pub(crate) key: &'static str,
    pub(crate) count: usize,
    /// Calls a second; `None` for as many as can be.
    pub(crate) rate: Option<f64>,
    /// So many calls at most, and none behind this time.
    pub(crate) calls: u64,
    pub(crate) time: Duration,
    /// `?mode=…`, or nothing.
    pub(crate) query: &'static str,
    /// What every right answer holds.
    pub(crate) right: &'static str,
}

/// What the callers heard.
#[derive(Default)]
pub(crate) struct Heard {
    /// Milliseconds of every right answer.
    pub(crate) millis: Vec<f64>,
    /// The same, from when each call left, however late that was.
    pub(crate) exchanged: Vec<f64>,
    /// Milliseconds of every answer that refused the call, 429 or 503, from when it left.
    pub(crate) refused: Vec<f64>,
    pub(crate) wrong: u64,
    pub(crate) broken: u64,
    /// The first that was not right, for a person.
    pub(crate) first_wrong: Option<String>,
    pub(crate) wall: Duration,
}

impl Heard {
    /// The share of answers that were right.
    pub(crate) fn right(&self) -> f64 {
        let right = self.millis.len() as f64;
        right / (right + (self.wrong + self.broken) as f64).max(1.0)
    }
}

struct Load {
    callers: Callers,
    begun: Instant,
    seed: u64,
    made: RefCell<u64>,
    heard: RefCell<Heard>,
}

impl Callers {
    /// Loads the gateway, and tells what was heard.
    pub(crate) fn call(self) -> Heard {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
        let count = self.count;
        let load = Load {
            callers: self,
            begun: Instant::now(),
            seed,
            made: RefCell::default(),
            heard: RefCell::default(),
        };
        let load = Rc::new(load);
        let local = LocalSet::new();
        for _ in 0..count {
            local.spawn_local(caller(load.clone()));
        }
        runtime.block_on(local);
        let wall = load.begun.elapsed();
        Heard { wall, ..load.heard.take() }
    }
}

async fn caller(load: Rc<Load>) {
    let mut request = Request::new(load.callers.query, load.callers.key);
    let mut connection = None;
    while let Some((number, due)) = load.next() {
        if let Some(due) = due {
            tokio::time::sleep_until(due.into()).await;
        }
        request.number(load.seed, number);
        let started = match due {
            // The timer is exact to a millisecond; what is later is this caller's own delay.
            Some(due) if due.elapsed() > Duration::from_millis(2) => due,
            _ => Instant::now(),
        };
        let left = Instant::now();
        let exchanged = exchange(&mut connection, load.callers.gateway, &request.bytes);
        let answered = tokio::time::timeout(PATIENCE, exchanged).await;
        let took = started.elapsed();
        let text = match &answered {
            Ok(Ok(text)) => Ok(text.as_str()),
            _ => Err(()),
        };
        if text.is_err() {
            connection = None;
        }
        load.hear(text, took, left.elapsed());
    }
}

/// One call and the whole text of its answer.
async fn exchange(
    connection: &mut Option<Connection>,
    gateway: SocketAddr,
    request: &[u8],
) -> std::io::Result<String> {
    let open = match connection.take() {
        Some(open) => open,
        None => Connection::open(gateway).await?,
    };
    let open = connection.insert(open);
    open.write(request).await?;
    let answer = open.read().await?;
    let text = [open.head(&answer), open.body(&answer)].concat();
    Ok(String::from_utf8_lossy(&text).into_owned())
}

impl Load {
    /// The number of the next call and when it is due; `None` where no more is to be made.
    fn next(&self) -> Option<(u64, Option<Instant>)> {
        let mut made = self.made.borrow_mut();
        let due = self.callers.rate.map(|rate| self.begun + Duration::from_secs_f64(*made as f64 / rate));
        let leaves = due.unwrap_or_else(Instant::now);
        let ended = *made >= self.callers.calls || leaves >= self.begun + self.callers.time;
        if ended {
            return None;
        }
        *made += 1;
        Some((*made, due))
    }

    /// `took` is from when the call was due, `exchanged` from when it left.
    fn hear(&self, answer: Result<&str, ()>, took: Duration, exchanged: Duration) {
        let mut heard = self.heard.borrow_mut();
        let right =
            answer.is_ok_and(|text| text.starts_with("HTTP/1.1 20") && text.contains(self.callers.right));
        if right {
            heard.millis.push(took.as_secs_f64() * 1e3);
            heard.exchanged.push(exchanged.as_secs_f64() * 1e3);
            return;
        }
        if answer.is_ok_and(|text| text.starts_with("HTTP/1.1 503") || text.starts_with("HTTP/1.1 429")) {
            heard.refused.push(exchanged.as_secs_f64() * 1e3);
        }
        match answer {
            Ok(_) => heard.wrong += 1,
            Err(()) => heard.broken += 1,
        }
        heard.first_wrong.get_or_insert_with(|| answer.unwrap_or("no answer").to_owned());
    }
}

/// A request, and where in it stands what differs from call to call.
struct Request {
    bytes: Vec<u8>,
    id: usize,
    customer: usize,
}

impl Request {
    fn new(query: &str, key: &str) -> Self {
        let length = EVENT.len();
        let head = format!(
            "POST /v1/events{query} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {key}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        let bytes = (head + EVENT).into_bytes();
        let behind =
            |name: &str| find(&bytes, name.as_bytes()).expect("the event has its members") + name.len();
        let (id, customer) = (behind("\"eventId\":\""), behind("\"customer\":{\"id\":\"C-"));
        Self { bytes, id, customer }
    }

    fn number(&mut self, seed: u64, number: u64) {
        let id = format!("{:016x}{number:0COUNT_DIGITS$x}", scattered(seed.wrapping_add(number)));
        let customer = seed.wrapping_add(number) % 10_u64.pow(CUSTOMER_DIGITS as u32);
        let customer = format!("{customer:0CUSTOMER_DIGITS$}");
        for (at, text) in [(self.id, id), (self.customer, customer)] {
            self.bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
        }
    }
}

/// Ids as callers mint them: one lies anywhere between the others (the finaliser of SplitMix64, which is one to one).
fn scattered(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
