//! The whole round: callers → the gateway's own process → an Xceed that answers at once → the decision, on disk. Gateway,
//! callers and Xceed share the machine's cores, so read figures beside each other and not as what a machine can do.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod gateway;
mod measure;

use gateway::callers::{Callers, Heard};
use gateway::http::{Connection, find};
use gateway::{Home, Process};
use measure::{Arguments, Report, Samples};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

const USAGE: &str = "\
cargo bench --bench round -- [options]
  --callers 32,256   each with one call at a time; one pass for each number
  --seconds 5        of load in each pass
  --rounds 3         each has all passes, in turn
  --json FILE        write the report there as well";

const BEFORE: &str = r#"<?xml version="1.0" encoding="UTF-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><addEventResponse xmlns="urn:xceed:api:1.0"><Results><returnCode>SUCCESS</returnCode><returnMessage>Processed</returnMessage><eventId>"#;
const BEHIND: &str = "</eventId><riskScore>73.0</riskScore><riskAction>Hold</riskAction><reason>First wire to this payee</reason><reason>Amount above the customer's usual</reason></Results></addEventResponse></soap:Body></soap:Envelope>";
const RIGHT: &str = r#""decision":"REVIEW","outcome":"SCORED","basis":"action","riskScore":73.0"#;

fn main() {
    let arguments = Arguments::read(USAGE);
    let seconds = Duration::from_secs_f64(arguments.get("--seconds", 5.0));
    let rounds: usize = arguments.get("--rounds", 3);
    let callers: String = arguments.get("--callers", "32,256".to_owned());
    let passes: Vec<usize> = callers.split(',').filter_map(|count| count.parse().ok()).collect();
    let home = Home::new(Duration::from_secs(5));
    let upstream = home.upstream;
    std::thread::spawn(move || play_xceed(upstream));
    let gateway = home.start("serve", &[], home.gateway);
    load(&home, 32, Duration::from_secs(2));
    let mut found: Vec<Vec<Pass>> = passes.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        for (count, found) in passes.iter().zip(&mut found) {
            found.push(Pass::run(&home, &gateway, *count, seconds));
        }
    }
    let method = format!(
        "closed loop, {rounds} rounds of {} s; times of all rounds together; CPU is the gateway's own, user and system",
        seconds.as_secs_f64()
    );
    let mut report = Report::new("round: caller, gateway, Xceed and back", method);
    report.table(&[
        "callers",
        "req/s median",
        "req/s best",
        "p50 ms",
        "p99 ms",
        "p99.9 ms",
        "max ms",
        "CPU s/1000",
        "right %",
    ]);
    for (count, passes) in passes.iter().zip(found) {
        summarise(*count, passes, &mut report);
    }
    report.finish(&arguments);
}

fn load(home: &Home, count: usize, time: Duration) -> Heard {
    Callers { gateway: home.gateway, count, rate: None, calls: u64::MAX, time, right: RIGHT }.call()
}

struct Pass {
    heard: Heard,
    cpu: Duration,
}

impl Pass {
    fn run(home: &Home, gateway: &Process, count: usize, time: Duration) -> Self {
        let before = gateway.cpu();
        let heard = load(home, count, time);
        Self { heard, cpu: gateway.cpu() - before }
    }
}

fn summarise(count: usize, passes: Vec<Pass>, report: &mut Report) {
    let rates = passes.iter().map(|pass| -(pass.heard.millis.len() as f64 / pass.heard.wall.as_secs_f64()));
    let rates = Samples::of(rates.collect());
    let cpu: f64 = passes.iter().map(|pass| pass.cpu.as_secs_f64()).sum();
    let right = passes.iter().map(|pass| pass.heard.right()).sum::<f64>() / passes.len() as f64;
    for wrong in passes.iter().filter_map(|pass| pass.heard.first_wrong.as_ref()).take(1) {
        eprintln!("a wrong answer: {wrong}");
    }
    let millis: Vec<f64> = passes.into_iter().flat_map(|pass| pass.heard.millis).collect();
    let cpu = cpu * 1e3 / millis.len() as f64;
    let millis = Samples::of(millis);
    let times = [0.5, 0.99, 0.999, 1.0].map(|share| millis.at(share));
    let values = [&[-rates.at(0.5), -rates.at(0.0)][..], &times, &[cpu, right * 100.0]].concat();
    report.row(count.to_string(), &values);
}

/// An Xceed that answers the same to every event, at once, on a thread of its own.
fn play_xceed(address: SocketAddr) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        let listener = TcpListener::bind(address).await.expect("the address is free");
        while let Ok((stream, _)) = listener.accept().await {
            tokio::task::spawn_local(answer(stream));
        }
    });
}

/// Answers until the other side closes.
async fn answer(stream: TcpStream) -> std::io::Result<()> {
    let mut connection = Connection::over(stream)?;
    loop {
        let request = connection.read().await?;
        let body = [BEFORE.as_bytes(), event_id(connection.body(&request)), BEHIND.as_bytes()].concat();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        connection.write(&[head.as_bytes(), &body].concat()).await?;
    }
}

/// The event's id, from a payload whose markup is escaped.
fn event_id(request: &[u8]) -> &[u8] {
    const NAME: &[u8] = b"EventId&gt;";
    let behind = find(request, NAME).map_or(&[][..], |at| &request[at + NAME.len()..]);
    let end = behind.iter().position(|byte| *byte == b'&').unwrap_or(0);
    &behind[..end]
}
