//! Hours of it: calls at an even pace while one request in a hundred meets a fault. What the gateway takes of the machine
//! (memory, descriptors, threads, its log on disk) and how long its answers take stay as they were once it was warm.

use crate::arrivals::forget_all;
use crate::callers::{Lines, run};
use crate::events::{Key, Mode};
use crate::harness::{Config, Gateway, Simulator, Tenant};
use crate::report::{Findings, Request};
use std::cell::RefCell;
use std::fs;
use std::net::SocketAddr;
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

const CUSTOMERS: u16 = 200;
const CALLERS: u16 = 32;
const DEADLINE: Duration = Duration::from_millis(300);
/// The write-ahead log, at most.
const LOG_MAX: u64 = 64 << 20;
/// How long it may take until descriptors and threads are as they were.
const RETURNS: Duration = Duration::from_secs(10);
/// Of memory, an hour: more is a leak. What a cache takes up to its limit is over by the first tenth.
const GROWS_MAX: f64 = 2.0;

pub(crate) fn prove(request: &Request) -> Findings {
    let lasts = Duration::from_secs(request.get("--seconds", 20, 28_800));
    let rate: f64 = request.get("--rate", 100.0, 500.0);
    let mut found = Findings::new("soak: hours of calls with a fault now and then");
    let tenant = || Tenant::first_bank().with(&format!("policy.deadline_ms = {}", DEADLINE.as_millis()));
    let xceed = Simulator::start(&[tenant()]);
    let config = Config::new([tenant()], &xceed.url()).log_level("off,xceed_gateway::cli=info");
    let gateway = Gateway::start(config);
    let idle = Taken::by(&gateway);
    let parts = thread::scope(|scope| {
        let (address, begun) = (gateway.address(), Instant::now());
        let load = scope.spawn(move || load(address, rate, lasts));
        // What is taken at the end of each tenth.
        let taken: Vec<Taken> = (1..=10)
            .map(|tenth| {
                thread::sleep((lasts.mul_f64(f64::from(tenth) / 10.0)).saturating_sub(begun.elapsed()));
                // The simulator keeps what it receives until it is told to.
                forget_all(&xceed);
                Taken::by(&gateway)
            })
            .collect();
        load.join().expect("a load").into_iter().zip(taken).collect::<Vec<_>>()
    });
    found.fact(
        "calls, at so many a second",
        format!("{}, {rate:.0}", parts.iter().map(|part| part.0.len()).sum::<usize>()),
    );
    for (tenth, (took, taken)) in parts.iter().enumerate() {
        let value = format!(
            "{:.1?}; {:.1} MiB, {} descriptors, {} threads, a log of {:.1} MiB",
            p99(took),
            mebibytes(taken.memory),
            taken.descriptors,
            taken.threads,
            mebibytes(taken.log)
        );
        found.fact(&format!("tenth {}: p99, and what it takes", tenth + 1), value);
        found.must(taken.log <= LOG_MAX, || format!("a log of {} bytes", taken.log));
    }
    let late =
        parts.iter().flat_map(|part| &part.0).filter(|took| **took > DEADLINE + request.slack()).count();
    found.must(late == 0, || format!("{late} callers waited too long"));
    let (warm, end) = (&parts[4].1, &parts[9].1);
    let hours = lasts.as_secs_f64() * 0.5 / 3600.0;
    let grows = (end.memory as f64 / warm.memory as f64 - 1.0) * 100.0 / hours;
    if lasts > Duration::from_secs(1800) {
        found.must(grows <= GROWS_MAX, || format!("its memory grows by {grows:.1} % an hour"));
        found.fact("memory grows, in the second half", format!("{grows:.2} % an hour"));
    } else {
        let grown = end.memory.saturating_sub(idle.memory);
        found.must(mebibytes(grown) <= 96.0, || {
            format!("it takes {:.1} MiB more than idle", mebibytes(grown))
        });
        found.fact("more than when it was idle", format!("{:.1} MiB", mebibytes(grown)));
    }
    let begun = Instant::now();
    let mut after = Taken::by(&gateway);
    while begun.elapsed() < RETURNS && !after.is_back_at(&idle) {
        thread::sleep(Duration::from_millis(200));
        after = Taken::by(&gateway);
    }
    found.must(after.is_back_at(&idle), || {
        let (now, then) = ((after.descriptors, after.threads), (idle.descriptors, idle.threads));
        format!("{RETURNS:?} after the last call it has {now:?} descriptors and threads, idle {then:?}")
    });
    found.fact("descriptors and threads as when it was idle, after", format!("{:.1?}", begun.elapsed()));
    found
}

/// What a gateway takes of the machine.
struct Taken {
    memory: u64,
    descriptors: usize,
    threads: usize,
    log: u64,
}

impl Taken {
    fn by(gateway: &Gateway) -> Self {
        let process = format!("/proc/{}", gateway.id());
        let count = |what: &str| fs::read_dir(format!("{process}/{what}")).map_or(0, Iterator::count);
        let status = fs::read_to_string(format!("{process}/status")).unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes = resident.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
        Self {
            memory: kibibytes.unwrap_or_default() * 1024,
            descriptors: count("fd"),
            threads: count("task"),
            log: fs::metadata(gateway.file("gateway.db-wal")).map_or(0, |file| file.len()),
        }
    }

    /// A few connections to Xceed may be kept, and readers of the store.
    fn is_back_at(&self, idle: &Self) -> bool {
        self.descriptors <= idle.descriptors + 12 && self.threads <= idle.threads + 1
    }
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn p99(took: &[Duration]) -> Duration {
    let mut took = took.to_vec();
    took.sort();
    took.get(took.len().saturating_sub(1) * 99 / 100).copied().unwrap_or_default()
}

/// How long each answer took, by the tenth in which it was asked for.
fn load(address: SocketAddr, rate: f64, lasts: Duration) -> Vec<Vec<Duration>> {
    let took = Rc::new(RefCell::new(vec![Vec::new(); 10]));
    let lines = Rc::new(Lines::to(&[address]));
    let (begun, calls) = (Instant::now(), (rate * lasts.as_secs_f64()) as u32);
    run((0..CALLERS).map(|caller| {
        let (took, lines) = (took.clone(), lines.clone());
        async move {
            for number in (u32::from(caller)..calls).step_by(CALLERS.into()) {
                let due = Duration::from_secs_f64(f64::from(number) / rate);
                tokio::time::sleep_until((begun + due).into()).await;
                let key = Key { customer: customer(number), wave: number, place: 0 };
                let called = Instant::now();
                let answer = lines.call(0, &key.submission(Mode::Sync)).await;
                let answer = answer.unwrap_or_else(|error| panic!("{number} gets no answer: {error}"));
                assert_eq!(answer.status, 200, "{number}: {}", answer.text());
                let tenth = (due.as_secs_f64() * 10.0 / lasts.as_secs_f64()) as usize;
                took.borrow_mut()[tenth.min(9)].push(called.elapsed());
            }
        }
    }));
    took.take()
}

/// One in a hundred is a customer whose events the simulator is slow with.
fn customer(number: u32) -> u16 {
    let usual = (number % u32::from(CUSTOMERS)) as u16;
    if number.is_multiple_of(100) { 48 * (usual / 48) + 5 } else { 12 * (usual / 6) + 6 + usual % 6 }
}
