//! Whether callers hear a decision by their deadline while Xceed takes five times as long, and whether Xceed still gets
//! every event. Beside the answers stands the worst stall of a thread that does nothing but sleep: what is later than
//! that is the gateway's own, the rest is the machine's.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

mod gateway;
mod measure;

use gateway::callers::Callers;
use gateway::http::Connection;
use gateway::{Home, Setup};
use measure::{Arguments, Report, Samples};
use serde_json::Value;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

const USAGE: &str = "\
cargo bench --bench deadline -- [options]
  --calls 10000        sync calls in all
  --rate 200           calls a second; 0 for a closed loop
  --callers 256        each with one call at a time
  --deadline-ms 300    of the callers
  --xceed-ms 1500      that Xceed takes for its answer
  --json FILE          write the report there as well";

const RIGHT: &str = r#""outcome":"FALLBACK","basis":"deadline""#;
/// No call leaves later than this.
const LONGEST: Duration = Duration::from_secs(3600);
/// How long Xceed may take, when all callers have their answers, to have got the last event.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let arguments = Arguments::read(USAGE);
    let calls: u64 = arguments.get("--calls", 10_000);
    let rate: f64 = arguments.get("--rate", 200.0);
    let deadline: u64 = arguments.get("--deadline-ms", 300);
    let xceed_ms: u64 = arguments.get("--xceed-ms", 1500);
    let count: usize = arguments.get("--callers", 256);
    let home = Home::new(&Setup { deadline: Duration::from_millis(deadline), ..Setup::default() });
    let _simulator = home.start("simulate", &["--bind", &home.upstream.to_string()], home.upstream);
    let behaviour = format!(r#"{{"delay_ms":{xceed_ms}}}"#);
    ask(home.upstream, "PUT /_sim/behaviour", &behaviour);
    let gateway = home.start("serve", &[], home.gateway);
    let (cpu, stall) = (gateway.cpu(), Stall::watch());
    let heard = Callers {
        key: gateway::KEY,
        gateway: home.gateway,
        count,
        rate: (rate > 0.0).then_some(rate),
        calls,
        time: LONGEST,
        query: "",
        right: RIGHT,
    }
    .call();
    let (cpu, stall) = (gateway.cpu() - cpu, stall.worst());
    let arrived = wait_for(home.upstream, calls);

    let pace = if rate > 0.0 { format!("open loop at {rate}/s") } else { "closed loop".to_owned() };
    let method = format!(
        "{calls} sync calls, {pace} over {count} connections; deadline {deadline} ms, Xceed answers after {xceed_ms} ms"
    );
    let mut report = Report::new("deadline: a decision in time while Xceed is late", method);
    report.table(&["", "found"]);
    let within = |extra: f64| {
        let in_time = heard.millis.iter().filter(|&&millis| millis <= deadline as f64 + extra).count();
        in_time as f64 * 100.0 / calls as f64
    };
    report.row("answers that are right, %", &[heard.right() * 100.0]);
    for extra in [0.0, 5.0, 25.0] {
        report.row(format!("within the deadline + {extra} ms, %"), &[within(extra)]);
    }
    let right = heard.right();
    let millis = Samples::of(heard.millis);
    for (name, share) in [("p50 ms", 0.5), ("p99 ms", 0.99), ("p99.9 ms", 0.999), ("worst ms", 1.0)] {
        report.row(name, &[millis.at(share)]);
    }
    report.row("worst stall of a thread that sleeps, ms", &[stall.as_secs_f64() * 1e3]);
    report.row("events that reached Xceed", &[arrived as f64]);
    report.row("CPU s/1000", &[cpu.as_secs_f64() * 1e3 / calls as f64]);
    report.row("wall s", &[heard.wall.as_secs_f64()]);
    report.finish(&arguments);
    if let Some(wrong) = heard.first_wrong {
        eprintln!("a wrong answer of {}, {} calls broke: {wrong}", heard.wrong, heard.broken);
    }
    if arrived == calls && right == 1.0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A thread that sleeps a millisecond at a time and notes by how much it overslept.
struct Stall {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Duration>,
}

impl Stall {
    fn watch() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let nap = Duration::from_millis(1);
            let mut worst = Duration::ZERO;
            while !stopped.load(Relaxed) {
                let begun = Instant::now();
                std::thread::sleep(nap);
                worst = worst.max(begun.elapsed().saturating_sub(nap));
            }
            worst
        });
        Self { stop, thread }
    }

    fn worst(self) -> Duration {
        self.stop.store(true, Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

/// Distinct events that the simulator has got, once that is all of them, or for as long as it takes.
fn wait_for(simulator: SocketAddr, events: u64) -> u64 {
    let until = Instant::now() + PATIENCE;
    loop {
        let count: Value =
            serde_json::from_str(&ask(simulator, "GET /_sim/received/count", "")).unwrap_or_default();
        let arrived = count["events"].as_u64().unwrap_or(0);
        if arrived >= events || Instant::now() >= until {
            return arrived;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// One call to the simulator and the text that it answers.
fn ask(simulator: SocketAddr, what: &str, body: &str) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let length = body.len();
    let request = format!("{what} HTTP/1.1\r\nHost: simulator\r\nContent-Length: {length}\r\n\r\n{body}");
    let answered: std::io::Result<String> = runtime.block_on(async {
        let mut connection = Connection::open(simulator).await?;
        connection.write(request.as_bytes()).await?;
        let answer = connection.read().await?;
        Ok(String::from_utf8_lossy(connection.body(&answer)).into_owned())
    });
    answered.expect("the simulator answers")
}
