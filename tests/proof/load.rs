//! A large file brought by `load`, killed twice on the way: the loader once, the gateway once. Every event gets to Xceed,
//! none twice but what was under way when the gateway died, each customer's in order; and neither program's memory grows
//! with the file.

use crate::harness::{
    Config, Connection, Gateway, Request as Call, Simulator, Tenant, customer_event, own_address,
};
use crate::report::{Findings, Request};
use crate::store::Store;
use serde::Deserialize;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const FILE: &str = "events.ndjson";
/// Requests that are read at a time: each has hundreds of events.
const PAGE: usize = 20;
const STEP: Duration = Duration::from_millis(50);
/// How long nothing may move.
const PATIENCE: Duration = Duration::from_secs(90);
/// Each customer has so many events.
const OF_ONE: usize = 10;
/// What may be under way when a gateway dies: chunks, and events in each.
const UNDER_WAY: usize = 4 * 500;

pub(crate) fn prove(request: &Request, name: &str) -> Findings {
    let Some(store) = Store::named(name) else {
        return Findings::skipped(format!("load: {name}"), "this machine has no such store");
    };
    let count = request.get("--events", 20_000, 1_000_000);
    let mut run = Run::start(store, count);
    let mut found = Findings::new(format!("load: {count} events, {name}"));
    found.must(doubts(), || "what was put wrong is not found".to_owned());
    let bytes = run.write().expect("the file is written");
    run.load(&mut found);
    run.judge(bytes, &mut found);
    found
}

struct Run {
    gateway: Gateway,
    xceed: Simulator,
    // Behind the gateway, so that it is there until that has ended.
    _store: Store,
    arrived: Arrived,
    count: usize,
    loader_peak: u64,
    gateway_peak: u64,
    told: Value,
    took: Duration,
}

/// How often each event arrived, and whether in order.
struct Arrived {
    after: u64,
    times: Vec<u16>,
    different: usize,
    /// By customer, the last event that arrived for the first time.
    latest: Vec<Option<usize>>,
    requests: u64,
    refused: u64,
    strange: u64,
    inversions: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Arrival {
    seq: u64,
    event_ids: Vec<String>,
    return_code: Option<String>,
}

impl Arrived {
    fn none(count: usize) -> Self {
        Self {
            after: 0,
            times: vec![0; count],
            different: 0,
            latest: vec![None; count.div_ceil(OF_ONE)],
            requests: 0,
            refused: 0,
            strange: 0,
            inversions: 0,
        }
    }

    fn read(&mut self, xceed: &Simulator) {
        loop {
            let listing = call(xceed, "GET", &format!("after={}&limit={PAGE}", self.after));
            let page: Vec<Arrival> = serde_json::from_slice(&listing).expect("a listing");
            for request in &page {
                self.take(request);
            }
            if page.len() < PAGE {
                break;
            }
        }
        call(xceed, "DELETE", &format!("through={}", self.after));
    }

    fn take(&mut self, request: &Arrival) {
        self.after = request.seq;
        self.requests += 1;
        self.refused += u64::from(request.return_code.as_deref() != Some("SUCCESS"));
        for id in &request.event_ids {
            match number(id).filter(|number| *number < self.times.len()) {
                Some(number) => self.arrive(number),
                None => self.strange += 1,
            }
        }
    }

    fn arrive(&mut self, number: usize) {
        self.times[number] += 1;
        if self.times[number] > 1 {
            return;
        }
        self.different += 1;
        let latest = &mut self.latest[customer(number, self.times.len())];
        self.inversions += u64::from(latest.is_some_and(|latest| latest > number));
        *latest = Some(number);
    }

    fn lost(&self) -> usize {
        self.times.len() - self.different
    }

    fn again(&self) -> usize {
        self.times.iter().map(|times| usize::from(times.saturating_sub(1))).sum()
    }
}

/// A customer's events lie far from each other in the file.
fn customer(number: usize, count: usize) -> usize {
    number % count.div_ceil(OF_ONE)
}

fn number(id: &str) -> Option<usize> {
    id.strip_prefix("load-")?.parse().ok()
}

fn call(xceed: &Simulator, method: &str, query: &str) -> Vec<u8> {
    let url = xceed.url();
    let address = url.trim_start_matches("http://").split('/').next().and_then(|host| host.parse().ok());
    let request = Call::new(method, &format!("/_sim/received?{query}"));
    let connection = Connection::open(address.expect("an address"));
    connection.and_then(|mut connection| connection.send(&request)).expect("the simulator answers").body
}

impl Run {
    fn start(store: Store, count: usize) -> Self {
        let tenant = Tenant::first_bank();
        let xceed = Simulator::start(std::slice::from_ref(&tenant));
        let config = Config::new([tenant], &xceed.url())
            .log_level("warn,xceed_gateway::cli=info")
            .with(&format!("server.bind = \"{}\"", own_address()));
        Self {
            gateway: Gateway::start(store.of(config)),
            xceed,
            _store: store,
            arrived: Arrived::none(count),
            count,
            loader_peak: 0,
            gateway_peak: 0,
            told: Value::Null,
            took: Duration::ZERO,
        }
    }

    /// About 600 bytes each.
    fn write(&self) -> std::io::Result<u64> {
        let path = self.gateway.file(FILE);
        let mut file = BufWriter::new(File::create(&path)?);
        for number in 0..self.count {
            let id = format!("load-{number:07}");
            let mut event = customer_event(&id, &format!("C-{:06}", customer(number, self.count)));
            event["interaction"] =
                json!({ "id": format!("i-{number}"), "platform": "cxone", "agentId": "a-17" });
            event["attributes"] = json!({ "Branch": number % 97, "Note": "n".repeat(200) });
            writeln!(file, "{event}")?;
        }
        file.flush()?;
        Ok(fs::metadata(path)?.len())
    }

    fn loader(&self) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xceed-gateway"));
        command.arg("load").arg(self.gateway.file(FILE)).args(["--output", "json"]);
        command.args(["--url", &format!("http://{}", self.gateway.address())]);
        command.env("XCEED_GATEWAY_KEY", "caller-of-first-bank");
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.spawn().expect("the loader starts")
    }

    fn load(&mut self, found: &mut Findings) {
        let begun = Instant::now();
        let mut loader = self.loader();
        if !self.watch(&mut loader, self.count / 3, found) {
            return found.fault("the loader ended before it could be killed: more events are needed");
        }
        loader.kill().and_then(|()| loader.wait()).expect("the loader is killed");
        println!(
            "  the loader was killed with {} at Xceed, after {:.0?}",
            self.arrived.different,
            begun.elapsed()
        );
        let mut loader = self.loader();
        if !self.watch(&mut loader, self.count / 3 * 2, found) {
            return found
                .fault("the loader ended before the gateway could be killed: more events are needed");
        }
        self.gateway.kill();
        println!(
            "  the gateway was killed with {} at Xceed, after {:.0?}",
            self.arrived.different,
            begun.elapsed()
        );
        self.gateway.restart();
        self.watch(&mut loader, usize::MAX, found);
        let output = loader.wait_with_output().expect("the loader ends");
        self.told = serde_json::from_slice(&output.stdout).unwrap_or_default();
        self.took = begun.elapsed();
        found.must(output.status.success(), || format!("the loader failed: {}", self.told));
        self.arrived.read(&self.xceed);
    }

    /// Until so many have arrived, which is told, or the loader has ended.
    fn watch(&mut self, loader: &mut Child, wanted: usize, found: &mut Findings) -> bool {
        let mut moved = (0, Instant::now());
        loop {
            self.loader_peak = self.loader_peak.max(peak(loader.id()));
            self.gateway_peak = self.gateway_peak.max(peak(self.gateway.id()));
            self.arrived.read(&self.xceed);
            if self.arrived.different >= wanted {
                return true;
            }
            if loader.try_wait().expect("its state can be asked").is_some() {
                return false;
            }
            if self.arrived.different > moved.0 {
                moved = (self.arrived.different, Instant::now());
            }
            if moved.1.elapsed() > PATIENCE {
                found.fault(format!("nothing has moved for {PATIENCE:?}, with {} at Xceed", moved.0));
                let _ = loader.kill();
            }
            sleep(STEP);
        }
    }

    fn judge(&self, bytes: u64, found: &mut Findings) {
        let (arrived, told) = (&self.arrived, &self.told);
        let number = |name: &str| told[name].as_u64().unwrap_or_default();
        verify(arrived, found);
        let known = number("accepted") + number("duplicates");
        found.must(known == self.count as u64 && number("failed") == 0, || format!("the loader told {told}"));
        let files = ["progress", "failures.ndjson"].map(|behind| format!("{FILE}.{behind}"));
        let left: Vec<_> = files.iter().filter(|name| Path::new(&self.gateway.file(name)).exists()).collect();
        found.must(left.is_empty(), || format!("{left:?} are left"));
        found.fact("bytes of the file", bytes);
        found.fact("events at Xceed, of them again", format!("{}, {}", arrived.different, arrived.again()));
        found.fact("requests at Xceed", arrived.requests);
        found.fact("lost", arrived.lost());
        found.fact("order inversions", arrived.inversions);
        found.fact("lines known when they came again", number("duplicates"));
        let seconds = self.took.as_secs_f64();
        found.fact("time, kills and waits included", format!("{seconds:.1} s"));
        found.fact("events a second, from the file to Xceed", format!("{:.0}", self.count as f64 / seconds));
        found.fact("peak memory of the gateway", format!("{:.1} MiB", self.gateway_peak as f64 / 1024.0));
        found.fact("peak memory of the loader", format!("{:.1} MiB", self.loader_peak as f64 / 1024.0));
    }
}

fn verify(arrived: &Arrived, found: &mut Findings) {
    found.must(arrived.lost() == 0, || format!("{} events are lost", arrived.lost()));
    let again = arrived.again();
    found.must(again <= UNDER_WAY, || {
        format!("{again} events were sent again, and {UNDER_WAY} were under way at most")
    });
    found.must(arrived.inversions == 0, || format!("{} arrived out of order", arrived.inversions));
    found.must(arrived.strange == 0, || format!("{} arrived that nobody has sent", arrived.strange));
    found.must(arrived.refused == 0, || format!("Xceed refused {} requests", arrived.refused));
}

/// Whoever finds nothing wrong must be able to: one that is lost, many that came again, and one out of order are found.
fn doubts() -> bool {
    let faults = |arrivals: &mut dyn Iterator<Item = usize>| {
        let (mut arrived, mut found) = (Arrived::none(3 * OF_ONE), Findings::silent());
        arrivals.for_each(|number| arrived.arrive(number));
        verify(&arrived, &mut found);
        found.faults()
    };
    let all = || 0..3 * OF_ONE;
    let good = faults(&mut all());
    let lost = faults(&mut all().skip(1));
    let again = faults(&mut all().chain(std::iter::repeat_n(7, UNDER_WAY + 1)));
    let swapped = faults(&mut all().rev());
    (good, lost, again, swapped) == (0, 1, 1, 1)
}

/// The most memory that a process has had, in KiB.
fn peak(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok()).unwrap_or_default()
}
