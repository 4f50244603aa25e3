//! The whole round: callers → the gateway's own process → an Xceed that answers at once → the decision, on disk. Gateway,
//! callers and Xceed share the machine's cores, so read figures beside each other and not as what a machine can do.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

#[path = "../tests/gateway/harness/filling.rs"]
mod filling;
mod gateway;
mod measure;
#[path = "measure/xceed.rs"]
mod xceed;

use filling::Copies;
use gateway::callers::{Callers, Heard};
use gateway::{Home, KEY, Process, Setup};
use measure::{Arguments, Report, Samples};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};
use xceed::{SCORED, play_xceed};

const USAGE: &str = "\
cargo bench --bench round -- [options]
  --mode sync        or ack: the durable acknowledgement alone, with the delivery behind it
  --store URL        postgres://…; SQLite in a folder of its own unless it is given
  --strict           with resend_in_doubt = false: recorded before it is sent
  --callers 32,256   each with one call at a time; one pass for each number
  --kept 0           so many events the store holds already; SQLite in a folder of its own alone
  --seconds 5        of load in each pass
  --rounds 3         each has all passes, in turn
  --json FILE        write the report there as well";

const ACKNOWLEDGED: &str = r#""outcome":"ACKNOWLEDGED""#;

fn main() {
    let arguments = Arguments::read(USAGE);
    let seconds = Duration::from_secs_f64(arguments.get("--seconds", 5.0));
    let rounds: usize = arguments.get("--rounds", 3);
    let callers: String = arguments.get("--callers", "32,256".to_owned());
    let passes: Vec<usize> = callers.split(',').filter_map(|count| count.parse().ok()).collect();
    let mode: String = arguments.get("--mode", "sync".to_owned());
    let (query, right) = match mode.as_str() {
        "ack" => ("?mode=ack", ACKNOWLEDGED),
        _ => ("", SCORED),
    };
    let store: String = arguments.get("--store", String::new());
    let strict = arguments.has("--strict");
    let setup = Setup {
        store: Some(store.clone()).filter(|url| !url.is_empty()),
        resend_in_doubt: !strict,
        ..Setup::default()
    };
    let home = Home::new(&setup);
    let load = |count: usize, time: Duration| {
        Callers { gateway: home.gateway, key: KEY, count, rate: None, calls: u64::MAX, time, query, right }
            .call()
    };
    let upstream = home.upstream;
    std::thread::spawn(move || play_xceed(upstream, || Duration::ZERO));
    let kept: u64 = arguments.get("--kept", 0);
    if kept > 0 {
        fill(&home, kept);
    }
    let gateway = home.start("serve", &[], home.gateway);
    load(32, Duration::from_secs(2));
    let mut flushes = Vec::new();
    let mut found: Vec<Vec<Pass>> = passes.iter().map(|_| Vec::new()).collect();
    for _ in 0..rounds {
        flushes.push(-flushes_a_second(Duration::from_secs(1)));
        for (count, found) in passes.iter().zip(&mut found) {
            found.push(Pass::run(&gateway, || load(*count, seconds)));
        }
    }
    let store = if store.is_empty() { "SQLite" } else { "PostgreSQL" };
    let strict = if strict { ", resend_in_doubt = false" } else { "" };
    let kept = if kept > 0 { format!(" with {kept} events") } else { String::new() };
    let method = format!(
        "mode {mode}, {store}{kept}{strict}; closed loop, {rounds} rounds of {} s; times of all rounds together; CPU is the gateway's own, user and system",
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
    let flushes = Samples::of(flushes);
    report.table(&["the disk alone, between the rounds", "median", "best"]);
    report.row("flushes of 4 KiB a second, one after the other", &[-flushes.at(0.5), -flushes.at(0.0)]);
    report.finish(&arguments);
}

/// Lets a gateway record one event, and copies it.
fn fill(home: &Home, count: u64) {
    let gateway = home.start("serve", &[], home.gateway);
    let (right, time) = (SCORED, Duration::from_secs(5));
    let one =
        Callers { gateway: home.gateway, key: KEY, count: 1, rate: None, calls: 1, time, query: "", right };
    assert_eq!(one.call().millis.len(), 1, "the event that is copied is scored");
    drop(gateway);
    let only = "SELECT event_id, customer FROM event";
    let event = rusqlite::Connection::open(home.store()).and_then(|store| {
        store.query_row(only, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
    });
    let (event_id, customer) = event.expect("the event is recorded");
    let copies = Copies {
        event_id: &event_id,
        customer: &customer,
        count,
        id: "printf('%08x%024x', (n * 2654435761) & 4294967295, n)",
        customer_id: "printf('C-%010d', n)",
    };
    copies.put_into(&home.store()).expect("a store that nobody uses");
    // What is written here is not to be flushed while the gateway is measured.
    File::open(home.store()).and_then(|store| store.sync_all()).expect("a disk");
}

/// How many flushes the disk makes when little else is done: 4 KiB are appended and flushed, again and again.
fn flushes_a_second(time: Duration) -> f64 {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("flushes-{}", std::process::id()));
    let mut file = File::create(&path).expect("a file");
    let (begun, mut flushes) = (Instant::now(), 0);
    while begun.elapsed() < time {
        file.write_all(&[b'x'; 4096]).and_then(|()| file.sync_data()).expect("the disk takes it");
        flushes += 1;
    }
    let _ = std::fs::remove_file(path);
    f64::from(flushes) / begun.elapsed().as_secs_f64()
}

struct Pass {
    heard: Heard,
    cpu: Duration,
}

impl Pass {
    fn run(gateway: &Process, load: impl FnOnce() -> Heard) -> Self {
        let before = gateway.cpu();
        let heard = load();
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
