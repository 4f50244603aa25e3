//! Xceed dies under load and comes back: the breaker opens, every caller is answered on time, what was taken in is kept
//! and leaves in order once Xceed is well, and nothing arrives twice but what was under way when it died.

use crate::arrivals::Arrivals;
use crate::book::Book;
use crate::callers::{Lines, call_all, run};
use crate::customers::Accepted;
use crate::events::{Key, Mode};
use crate::harness::{Config, Gateway, Simulator, Tenant, Way};
use crate::report::{Findings, Request};
use crate::stall::Stall;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

const CUSTOMERS: u16 = 100;
const DEADLINE: Duration = Duration::from_millis(300);
/// Xceed is well for so long at first.
const BEFORE: Duration = Duration::from_secs(5);
/// How long it may take until everything has left.
const DRAIN_MAX: Duration = Duration::from_secs(300);
const LOOK: Duration = Duration::from_millis(100);

pub(crate) fn prove(request: &Request) -> Findings {
    let dead = Duration::from_secs(request.get("--seconds", 5, 120));
    let rate: f64 = request.get("--rate", 100.0, 200.0);
    let mut found = Findings::new("breaker: Xceed dies under load, and comes back");
    let mut scene = Scene::start();
    let address = scene.gateway.address();
    let (stall, begun, enough) = (Stall::watch(), Instant::now(), Arc::<AtomicBool>::default());
    let (heard, moves, cut) = thread::scope(|scope| {
        let moves = scope.spawn(|| follow(address, begun, &enough));
        let load = scope.spawn(|| load(address, rate, &enough));
        thread::sleep(BEFORE);
        let cut = scene.way.cut();
        thread::sleep(dead);
        scene.way.mend();
        scene.wait_until_it_is_closed();
        enough.store(true, SeqCst);
        (load.join().expect("a load"), moves.join().expect("a watch"), cut)
    });
    scene.judge(&heard, (stall.worst(), request.slack()), &mut found);
    for (after, what) in moves {
        found.fact(&format!("after {:.1} s", after.as_secs_f64()), what);
    }
    scene.drain(heard, cut, &mut found);
    found
}

struct Scene {
    // Before the simulator, so that it ends first.
    gateway: Gateway,
    way: Way,
    xceed: Simulator,
}

/// An answer, and how long it took.
struct Heard {
    accepted: Accepted,
    basis: String,
    took: Duration,
}

impl Scene {
    fn start() -> Self {
        let tenant = || Tenant::first_bank().with(&format!("policy.deadline_ms = {}", DEADLINE.as_millis()));
        let xceed = Simulator::start(&[tenant()]);
        let to = xceed.platform();
        let way = Way::to(to.trim_start_matches("http://").parse().expect("an address"));
        let config = Config::new([tenant()], &format!("http://{}/xceed", way.address()));
        // The attempts themselves are not told: there are tens of thousands.
        let config =
            config.log_level("error,xceed_gateway::cli=info,xceed_gateway::application::breakers=info");
        Self { gateway: Gateway::start(config), way, xceed }
    }

    fn wait_until_it_is_closed(&self) {
        let begun = Instant::now();
        while begun.elapsed() < DRAIN_MAX {
            if is_closed(self.gateway.address()) {
                return;
            }
            thread::sleep(LOOK);
        }
        panic!("it never closes: {}", breaker(self.gateway.address()));
    }

    /// Everyone was answered in time.
    fn judge(&self, heard: &[Heard], (stall, slack): (Duration, Duration), found: &mut Findings) {
        let mut by_basis: BTreeMap<&str, usize> = BTreeMap::new();
        for one in heard {
            *by_basis.entry(&one.basis).or_default() += 1;
        }
        let late = heard.iter().filter(|one| one.took > DEADLINE + slack + stall).count();
        found.must(late == 0, || format!("{late} of {} callers waited too long", heard.len()));
        let kept = by_basis.get("FALLBACK breaker").copied().unwrap_or(0);
        found.must(kept > 0, || format!("nobody met an open breaker: {by_basis:?}"));
        let mut took: Vec<Duration> = heard.iter().map(|one| one.took).collect();
        took.sort();
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
        found.fact("events in all", heard.len());
        for (basis, count) in by_basis {
            found.fact(&format!("answered {basis}"), count);
        }
        found.fact(
            "answered after, median, 99 %, 99.9 % and longest",
            format!("{:.1?}, {:.1?}, {:.1?}, {:.1?}", at(0.5), at(0.99), at(0.999), at(1.0)),
        );
        found.fact("worst stall of a thread that does nothing but sleep", format!("{stall:.1?}"));
    }

    fn drain(&self, heard: Vec<Heard>, cut: usize, found: &mut Findings) {
        let (begun, count) = (Instant::now(), heard.len());
        let (mut book, mut arrivals) = (Book::default(), Arrivals::default());
        let mut settled = Vec::new();
        book.accept(heard.into_iter().map(|one| one.accepted).collect());
        while book.open() > 0 && begun.elapsed() < DRAIN_MAX {
            settled.extend(book.settle(&[self.gateway.address()], |_| true, found));
            arrivals.read(&self.xceed, found);
            thread::sleep(2 * LOOK);
        }
        arrivals.read(&self.xceed, found);
        book.must_have_arrived(&settled, &arrivals, found);
        if let Some(key) = book.an_open_one() {
            let open = book.open();
            found.fault(format!("{open} are not delivered after {DRAIN_MAX:?}, {} among them", key.id()));
        }
        let repeats = arrivals.repeats;
        found.must(repeats <= cut as u64, || {
            format!("{repeats} arrived more than once, and at most {cut} were under way when Xceed died")
        });
        found.fact("delivered", format!("{} of {count}", settled.len()));
        found
            .fact("the last of them after the load ended", format!("{:.1} s", begun.elapsed().as_secs_f64()));
        found.fact("order inversions", arrivals.inversions);
        found.fact("arrived twice, and connections cut when Xceed died", format!("{repeats}, {cut}"));
        found.fact("with two final decisions", book.contradictions);
    }
}

/// Nothing keeps events from leaving, and none is kept.
pub(crate) fn is_closed(address: SocketAddr) -> bool {
    let seen = breaker(address);
    seen["state"] == "CLOSED" && seen["kept"] == 0
}

fn breaker(address: SocketAddr) -> Value {
    let request =
        "GET /v1/breaker HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer operator-of-first-bank\r\n\r\n";
    let answer = call_all(&[address], 1, vec![request]).remove(0).expect("an answer");
    serde_json::from_slice(&answer.body).expect("JSON")
}

/// Each change of the breaker, and of what it keeps when it comes.
fn follow(address: SocketAddr, begun: Instant, enough: &AtomicBool) -> Vec<(Duration, String)> {
    let (mut moves, mut before, mut most) = (Vec::new(), String::new(), 0);
    while !enough.load(SeqCst) {
        let seen = breaker(address);
        let state = seen["state"].as_str().unwrap_or("?").to_owned();
        most = seen["kept"].as_u64().unwrap_or(0).max(most);
        if state != before {
            moves.push((begun.elapsed(), format!("{state}, {} kept", seen["kept"])));
            before = state;
        }
        thread::sleep(LOOK);
    }
    moves.push((begun.elapsed(), format!("nothing is kept any more; the most that was: {most} lines")));
    moves
}

/// Each customer submits an event now and then, one after the other.
fn load(address: SocketAddr, rate: f64, enough: &Arc<AtomicBool>) -> Vec<Heard> {
    let heard = Rc::new(RefCell::new(Vec::new()));
    let lines = Rc::new(Lines::to(&[address]));
    let (pause, begun) = (Duration::from_secs_f64(f64::from(CUSTOMERS) / rate), Instant::now());
    run((0..CUSTOMERS).map(|number| {
        let customer = Customer {
            // None of these numbers asks the simulator for something unusual.
            number: 12 * (number / 6) + 6 + number % 6,
            first: begun + pause.mul_f64(f64::from(number) / f64::from(CUSTOMERS)),
            pause,
            enough: enough.clone(),
        };
        customer.submit(lines.clone(), heard.clone())
    }));
    heard.take()
}

struct Customer {
    number: u16,
    first: Instant,
    pause: Duration,
    enough: Arc<AtomicBool>,
}

impl Customer {
    async fn submit(self, lines: Rc<Lines>, heard: Rc<RefCell<Vec<Heard>>>) {
        for wave in 0.. {
            tokio::time::sleep_until((self.first + self.pause * wave).into()).await;
            if self.enough.load(SeqCst) {
                return;
            }
            let key = Key { customer: self.number, wave, place: 0 };
            let called = Instant::now();
            let answer = lines.call(0, &key.submission(Mode::Sync)).await;
            let answer = answer.unwrap_or_else(|error| panic!("{} gets no answer: {error}", key.id()));
            assert_eq!(answer.status, 200, "{}: {}", key.id(), answer.text());
            let told: Value = serde_json::from_slice(&answer.body).expect("JSON");
            let word = |name: &str| told[name].as_str().unwrap_or("?").to_owned();
            heard.borrow_mut().push(Heard {
                basis: format!("{} {}", word("outcome"), word("basis")),
                accepted: Accepted { key, mode: Mode::Sync, told: answer.body },
                took: called.elapsed(),
            });
        }
    }
}
