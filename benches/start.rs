//! How long a start takes with many deliveries pending: from the process's start until it says that it is ready. Xceed
//! takes connections and says nothing meanwhile, so that each round finds the same. The store's pages are at hand, as
//! they are after a crash of the process.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

#[path = "../tests/gateway/harness/filling.rs"]
mod filling;
#[expect(dead_code, reason = "no load is measured here")]
mod gateway;
mod measure;

use filling::Copies;
use gateway::{Home, KEY, Setup};
use measure::{Arguments, Report, Samples};
use rusqlite::Connection;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

const USAGE: &str = "\
cargo bench --bench start -- [options]
  --pending 0,100000   deliveries that wait; one line for each number
  --settled 0          events of the last hour that are done, beside them
  --customers 20000    that they belong to
  --rounds 5
  --json FILE          write the report there as well";

const EVENT: &str = include_str!("event.json");
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    let arguments = Arguments::read(USAGE);
    let pending: String = arguments.get("--pending", "0,100000".to_owned());
    let customers: u64 = arguments.get("--customers", 20_000);
    let settled: u64 = arguments.get("--settled", 0);
    let rounds: usize = arguments.get("--rounds", 5);
    let method = format!(
        "{rounds} starts each, until GET /readyz says 200; {settled} events are done; {customers} customers"
    );
    let mut report = Report::new("start: until the gateway is ready", method);
    report.table(&["pending", "median ms", "best ms", "worst ms", "CPU ms"]);
    for count in pending.split(',').filter_map(|count| count.parse().ok()) {
        let home = Home::new(&Setup::default());
        let _silent = TcpListener::bind(home.upstream).expect("the address is free");
        prepare(&home, (settled, count), customers);
        let (times, cpu) = (0..rounds).map(|_| start(&home)).unzip();
        let (times, cpu) = (Samples::of(times), Samples::of(cpu));
        report.row(count.to_string(), &[times.at(0.5), times.at(0.0), times.at(1.0), cpu.at(0.5)]);
    }
    report.finish(&arguments);
}

/// A store with one event that a gateway has recorded itself, and its copies.
fn prepare(home: &Home, (settled, pending): (u64, u64), customers: u64) {
    let gateway = home.start("serve", &[], home.gateway);
    let mut event: serde_json::Value = serde_json::from_str(EVENT).expect("the event is JSON");
    event["eventId"] = "the-pending-one".into();
    event["customer"]["id"] = "the-customer".into();
    let answer = ask(home.gateway, "POST /v1/events?mode=ack", &event.to_string());
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    drop(gateway);
    let customer_id = format!("'C-' || (n % {customers})");
    let copies = Copies {
        event_id: "the-pending-one",
        customer: "the-customer",
        count: settled + pending,
        id: "printf('%08x-%d', (n * 2654435761) & 4294967295, n)",
        customer_id: &customer_id,
    };
    copies.put_into(&home.store()).expect("a store that nobody uses");
    let store = Connection::open(home.store()).expect("a store");
    let done = "DELETE FROM delivery WHERE seq <= (SELECT max(seq) FROM event) - ?1";
    store.execute(done, [pending as i64]).expect("SQL");
    drop(store);
    // What is written here is not to be flushed while a start is measured.
    File::open(home.store()).and_then(|store| store.sync_all()).expect("a disk");
}

/// Milliseconds until it is ready, and of its CPU time by then.
fn start(home: &Home) -> (f64, f64) {
    let begun = Instant::now();
    let gateway = home.start("serve", &[], home.gateway);
    while !ask(home.gateway, "GET /readyz", "").starts_with("HTTP/1.1 200") {
        assert!(begun.elapsed() < PATIENCE, "it is never ready");
        std::thread::sleep(Duration::from_millis(1));
    }
    (begun.elapsed().as_secs_f64() * 1e3, gateway.cpu().as_secs_f64() * 1e3)
}

fn ask(address: SocketAddr, call: &str, body: &str) -> String {
    let (method, target) = call.split_once(' ').expect("a method and a target");
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let exchange = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    exchange().unwrap_or_default()
}
