//! Xceed falls to half of what it is asked for, for a while: everybody is answered on time, what can't be scored in time is
//! kept and gets there, retries add little, and soon after Xceed is itself again so are the answers. A system that stays slow
//! after the cause has gone would be found here.

use crate::arrivals::Arrivals;
use crate::book::Book;
use crate::breaker::is_closed;
use crate::callers::{Lines, run};
use crate::customers::Accepted;
use crate::events::{Key, Mode};
use crate::harness::{Config, Gateway, Simulator, Tenant, Way};
use crate::report::{Findings, Request};
use crate::stall::Stall;
use serde_json::Value;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

const CUSTOMERS: u16 = 100;
const DEADLINE: Duration = Duration::from_millis(300);
/// Xceed is well for so long at first.
const BEFORE: Duration = Duration::from_secs(4);
/// The breaker may stay open for a minute after Xceed is well again, and then lets probes through.
const RECOVERS: Duration = Duration::from_secs(75);
/// So long after that, answers are as they were; and they are watched for so long.
const SETTLES: Duration = Duration::from_secs(10);
const AFTER: Duration = Duration::from_secs(5);
/// How long it may take until everything has left.
const DRAIN_MAX: Duration = Duration::from_secs(120);
/// Attempts for each event, at most.
const AMPLIFIES: f64 = 1.10;
const LOOK: Duration = Duration::from_millis(100);

/// An answer: when it was asked for, how long it took, and how it came about.
struct Heard {
    accepted: Accepted,
    at: Duration,
    took: Duration,
    scored: bool,
}

pub(crate) fn prove(request: &Request) -> Findings {
    let half = Duration::from_secs(request.get("--seconds", 10, 600));
    let rate: f64 = request.get("--rate", 60.0, 100.0);
    let mut found = Findings::new("slow: Xceed falls to half of what it is asked");
    let tenant = || Tenant::first_bank().with(&format!("policy.deadline_ms = {}", DEADLINE.as_millis()));
    let xceed = Simulator::start(&[tenant()]);
    let mut way = Way::to(xceed.platform().trim_start_matches("http://").parse().expect("an address"));
    let config = Config::new([tenant()], &format!("http://{}/xceed", way.address()))
        .log_level("error,xceed_gateway::cli=info");
    let gateway = Gateway::start(config);
    let (stall, disk, enough) = (Stall::watch(), Stall::of_the_disk(), Arc::<AtomicBool>::default());
    let address = gateway.address();
    let begun = Instant::now();
    let (heard, ended) = thread::scope(|scope| {
        let load = scope.spawn(|| load(address, rate, begun, &enough));
        thread::sleep(BEFORE);
        way.narrow(rate / 2.0);
        thread::sleep(half);
        way.mend();
        let ended = begun.elapsed();
        while begun.elapsed() < ended + RECOVERS && !is_closed(address) {
            thread::sleep(LOOK);
        }
        let well = begun.elapsed() + SETTLES;
        thread::sleep(SETTLES + AFTER);
        enough.store(true, SeqCst);
        (load.join().expect("a load"), (ended, well))
    });
    judge(&heard, ended, (stall.worst(), disk.worst(), request.slack()), &mut found);
    drain(&gateway, &xceed, heard, &mut found);
    found
}

fn judge(
    heard: &[Heard],
    (ended, well): (Duration, Duration),
    (stall, disk, slack): (Duration, Duration, Duration),
    found: &mut Findings,
) {
    let beyond = |limit: Duration| heard.iter().filter(|one| one.took > limit).count();
    // Nothing is told before it is on disk, so a flush that takes long is waited for.
    let late = beyond(DEADLINE + slack + stall + disk);
    found.must(late == 0, || format!("{late} of {} callers waited too long", heard.len()));
    let part = |from: Duration, to: Duration| -> Vec<&Heard> {
        heard.iter().filter(|one| from <= one.at && one.at < to).collect()
    };
    let scored = |part: &[&Heard]| part.iter().filter(|one| one.scored).count();
    let p99 = |part: &[&Heard]| {
        let mut took: Vec<Duration> = part.iter().map(|one| one.took).collect();
        took.sort();
        took[(took.len() - 1) * 99 / 100]
    };
    let (before, during) = (part(Duration::from_secs(1), BEFORE), part(BEFORE, ended));
    let after = part(well, Duration::MAX);
    found.fact("calls", heard.len());
    for (name, part) in [("before", &before), ("meanwhile", &during), ("afterwards", &after)] {
        let share = scored(part) as f64 * 100.0 / part.len().max(1) as f64;
        found.fact(&format!("{name}: scored, and p99"), format!("{share:.1} %, {:.1?}", p99(part)));
    }
    // The last answer without a score tells when all was as before.
    let last = heard.iter().filter(|one| !one.scored).map(|one| one.at).max().unwrap_or_default();
    let well = last.saturating_sub(ended);
    found.fact(
        "the last answer without a score, after Xceed was well",
        format!("{:.1} s", well.as_secs_f64()),
    );
    found.must(scored(&during) < during.len(), || "nobody met a slow Xceed".to_owned());
    found.must(scored(&after) == after.len(), || format!("it stays slow: {} scored", scored(&after)));
    let longest = heard.iter().map(|one| one.took).max().unwrap_or_default();
    let within = [5, 25].map(|more| beyond(DEADLINE + Duration::from_millis(more)));
    found.fact(
        "later than 305 ms, than 325 ms, and the longest",
        format!("{}, {}, {longest:.1?}", within[0], within[1]),
    );
    found.fact("worst stall of a thread that does nothing but sleep", format!("{stall:.1?}"));
    found.fact("worst flush of a thread that flushes a few bytes now and then", format!("{disk:.1?}"));
}

fn drain(gateway: &Gateway, xceed: &Simulator, heard: Vec<Heard>, found: &mut Findings) {
    let (begun, count) = (Instant::now(), heard.len());
    let (mut book, mut arrivals) = (Book::default(), Arrivals::default());
    let mut settled = Vec::new();
    book.accept(heard.into_iter().map(|one| one.accepted).collect());
    while book.open() > 0 && begun.elapsed() < DRAIN_MAX {
        settled.extend(book.settle(&[gateway.address()], |_| true, found));
        thread::sleep(LOOK);
    }
    arrivals.read(xceed, found);
    book.must_have_arrived(&settled, &arrivals, found);
    found.must(book.open() == 0, || format!("{} are not delivered after {DRAIN_MAX:?}", book.open()));
    let amplified = arrivals.requests as f64 / count as f64;
    found.must(amplified <= AMPLIFIES, || format!("{amplified:.3} attempts for each event"));
    found.fact("delivered", format!("{} of {count}", settled.len()));
    found.fact("attempts that arrived for each event", format!("{amplified:.3}"));
    found.fact("order inversions", arrivals.inversions);
}

/// Each customer submits an event now and then, one after the other.
fn load(address: std::net::SocketAddr, rate: f64, begun: Instant, enough: &Arc<AtomicBool>) -> Vec<Heard> {
    let heard = Rc::new(RefCell::new(Vec::new()));
    let lines = Rc::new(Lines::to(&[address]));
    let pause = Duration::from_secs_f64(f64::from(CUSTOMERS) / rate);
    run((0..CUSTOMERS).map(|number| {
        let (heard, lines, enough) = (heard.clone(), lines.clone(), enough.clone());
        let first = begun + pause.mul_f64(f64::from(number) / f64::from(CUSTOMERS));
        // None of these numbers asks the simulator for something unusual.
        let customer = 12 * (number / 6) + 6 + number % 6;
        async move {
            for wave in 0.. {
                tokio::time::sleep_until((first + pause * wave).into()).await;
                if enough.load(SeqCst) {
                    return;
                }
                let key = Key { customer, wave, place: 0 };
                let called = Instant::now();
                let answer = lines.call(0, &key.submission(Mode::Sync)).await;
                let answer = answer.unwrap_or_else(|error| panic!("{} gets no answer: {error}", key.id()));
                assert_eq!(answer.status, 200, "{}: {}", key.id(), answer.text());
                let told: Value = serde_json::from_slice(&answer.body).expect("JSON");
                heard.borrow_mut().push(Heard {
                    at: called - begun,
                    took: called.elapsed(),
                    scored: told["outcome"] == "SCORED",
                    accepted: Accepted { key, mode: Mode::Sync, told: answer.body },
                });
            }
        }
    }));
    heard.take()
}
