//! A wrong secret under load, for two tenants at once: after a few refusals the queue is held, every caller hears the
//! fallback in time, and no event is parked by the thousand. Then one gets the right secret and an operator resumes, the
//! other gets it as its next one and the probe finds it; and everything leaves, in order.

use crate::arrivals::Arrivals;
use crate::book::Book;
use crate::callers::{Lines, call_all, run};
use crate::customers::Accepted;
use crate::events::{Key, Mode, SECOND};
use crate::harness::{Config, Gateway, Simulator, Tenant};
use crate::report::{Findings, Request};
use crate::stall::Stall;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

const RIGHT: &str = "311a5439c8bda8ef";
const WRONG: &str = "0000000000000bad";
const CUSTOMERS: u16 = 40;
const DEADLINE: Duration = Duration::from_millis(300);
/// What may be parked of a tenant: the three events that the hold takes, and what was under way by then.
const PARKED_MAX: usize = 3 + CUSTOMERS as usize;
/// How long the queues may take to drain: a probe leaves each 30 s.
const DRAIN_MAX: Duration = Duration::from_secs(300);

pub(crate) fn prove(request: &Request) -> Findings {
    let seconds = Duration::from_secs(request.get("--seconds", 5, 600));
    let rate: f64 = request.get("--rate", 100.0, 100.0);
    let mut found = Findings::new("secret: a wrong secret under load");
    let mut scene = Scene::start();
    let stall = Stall::watch();
    let heard = scene.load(seconds, rate);
    scene.judge(&heard, (stall.worst(), request.slack()), &mut found);
    scene.mend(&mut found);
    scene.drain(heard, &mut found);
    found
}

struct Scene {
    // Before the simulator, so that it ends first.
    gateway: Gateway,
    xceed: Simulator,
}

/// An answer, and how long it took.
struct Heard {
    accepted: Accepted,
    basis: String,
    took: Duration,
}

fn tenants(secret: impl Fn(Tenant, &str) -> Tenant) -> [Tenant; 2] {
    let deadline = format!("policy.deadline_ms = {}", DEADLINE.as_millis());
    [("first-bank", 210_021), ("second-bank", 310_031)]
        .map(|(name, service_id)| secret(Tenant::new(name, service_id).with(&deadline), name))
}

impl Scene {
    fn start() -> Self {
        let xceed = Simulator::start(&tenants(|tenant, _| tenant.secret(RIGHT)));
        let wrong = tenants(|tenant, _| tenant.secret(WRONG));
        let config = Config::new(wrong, &xceed.url()).log_level("warn,xceed_gateway::cli=info");
        Self { gateway: Gateway::start(config), xceed }
    }

    /// Each customer submits an event now and then, one after the other.
    fn load(&self, time: Duration, rate: f64) -> Vec<Heard> {
        let heard = Rc::new(RefCell::new(Vec::new()));
        let lines = Rc::new(Lines::to(&[self.gateway.address()]));
        let pause = Duration::from_secs_f64(f64::from(2 * CUSTOMERS) / rate);
        let begun = Instant::now();
        run((0..2 * CUSTOMERS).map(|number| {
            let customer = Customer {
                // None of these numbers asks the simulator for something unusual.
                number: 12 * (number / 2) + 7 + if number % 2 == 0 { 0 } else { SECOND },
                first: begun + pause.mul_f64(f64::from(number) / f64::from(2 * CUSTOMERS)),
                pause,
                until: begun + time,
            };
            customer.submit(lines.clone(), heard.clone())
        }));
        heard.take()
    }

    /// Everyone was answered in time, with the fallback; all but the first because the queue is held.
    fn judge(&self, heard: &[Heard], (stall, slack): (Duration, Duration), found: &mut Findings) {
        let mut by_basis: BTreeMap<&str, usize> = BTreeMap::new();
        for one in heard {
            *by_basis.entry(&one.basis).or_default() += 1;
        }
        let late = heard.iter().filter(|one| one.took > DEADLINE + slack + stall).count();
        let held = by_basis.get("FALLBACK held").copied().unwrap_or(0);
        found.must(late == 0, || format!("{late} of {} callers waited too long", heard.len()));
        found.must(held + 2 * PARKED_MAX >= heard.len() && held > 0, || {
            format!("of {} answers {held} are the held queue's: {by_basis:?}", heard.len())
        });
        for (tenant, parked) in self.parked() {
            found.must(parked <= PARKED_MAX, || format!("{parked} events of {tenant} are parked"));
            found.fact(&format!("parked when the hold came, {tenant}"), parked);
        }
        let mut took: Vec<Duration> = heard.iter().map(|one| one.took).collect();
        took.sort();
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
        found.fact("events while the secret was wrong", heard.len());
        for (basis, count) in by_basis {
            found.fact(&format!("answered {basis}"), count);
        }
        found.fact(
            "answered after, median, 99 % and longest",
            format!("{:.1?}, {:.1?}, {:.1?}", at(0.5), at(0.99), at(1.0)),
        );
        found.fact("worst stall of a thread that does nothing but sleep", format!("{stall:.1?}"));
    }

    fn parked(&self) -> [(&'static str, usize); 2] {
        ["first-bank", "second-bank"].map(|tenant| {
            let listed = self.operate(tenant, "GET /v1/parked?limit=100");
            let listed: Value = serde_json::from_slice(&listed).expect("JSON");
            let count = listed["parked"].as_array().map(Vec::len);
            (tenant, count.unwrap_or_else(|| panic!("no list of parked deliveries: {listed}")))
        })
    }

    /// What an operator is told; 503 promises nothing, and is asked again.
    fn operate(&self, tenant: &str, what: &str) -> Box<[u8]> {
        let request = format!(
            "{what} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer operator-of-{tenant}\r\nContent-Length: 0\r\n\r\n"
        );
        for _ in 0..30 {
            let answer = call_all(&[self.gateway.address()], 1, vec![request.clone()]).remove(0);
            let answer = answer.expect("an answer");
            if answer.status != 503 {
                let already = answer.status == 404 && answer.text().contains(":not_held");
                assert!(answer.status < 300 || already, "{what}: {} {}", answer.status, answer.text());
                return answer.body;
            }
            std::thread::sleep(Duration::from_secs(1));
        }
        panic!("{what} is not answered: {}", self.gateway.log());
    }

    /// One tenant's secret is right now, and an operator resumes; the other's next one is.
    fn mend(&mut self, found: &mut Findings) {
        let mended = tenants(|tenant, name| match name {
            "first-bank" => tenant.secret(RIGHT),
            _ => tenant.secret(WRONG).next_secret(RIGHT),
        });
        let config = Config::new(mended, &self.xceed.url()).log_level("warn,xceed_gateway::cli=info");
        self.gateway.restart_with(config);
        // A probe may have been quicker.
        self.operate("first-bank", "POST /v1/held/all/resume");
        found.fact(
            "then",
            "first-bank has the right secret and is resumed; second-bank has it as its next one",
        );
    }

    fn drain(&self, heard: Vec<Heard>, found: &mut Findings) {
        let (begun, count) = (Instant::now(), heard.len());
        let (mut book, mut arrivals) = (Book::default(), Arrivals::default());
        let mut settled = Vec::new();
        book.accept(heard.into_iter().map(|one| one.accepted).collect());
        while book.open() > 0 && begun.elapsed() < DRAIN_MAX {
            settled.extend(book.settle(&[self.gateway.address()], |_| true, found));
            arrivals.read(&self.xceed, found);
            std::thread::sleep(Duration::from_millis(200));
        }
        arrivals.read(&self.xceed, found);
        book.must_have_arrived(&settled, &arrivals, found);
        if let Some(key) = book.an_open_one() {
            found.fault(format!(
                "{} are not delivered after {DRAIN_MAX:?}, {} among them",
                book.open(),
                key.id()
            ));
        }
        for (tenant, parked) in self.parked() {
            found.must(parked == 0, || format!("{parked} events of {tenant} stay parked"));
        }
        found.fact("delivered afterwards", format!("{} of {count}", settled.len()));
        found.fact("in", format!("{:.1} s", begun.elapsed().as_secs_f64()));
        found.fact("order inversions", arrivals.inversions);
        found.fact("requests that Xceed refused in all that time", arrivals.refused);
        found.fact("with two final decisions", book.contradictions);
    }
}

struct Customer {
    number: u16,
    first: Instant,
    pause: Duration,
    until: Instant,
}

impl Customer {
    async fn submit(self, lines: Rc<Lines>, heard: Rc<RefCell<Vec<Heard>>>) {
        for wave in 0.. {
            let due = self.first + self.pause * wave;
            if due > self.until {
                return;
            }
            tokio::time::sleep_until(due.into()).await;
            let key = Key { customer: self.number, wave, place: 0 };
            let called = Instant::now();
            let answer = lines.call(0, &key.submission(Mode::Sync)).await;
            let answer = answer.unwrap_or_else(|error| panic!("{} gets no answer: {error}", key.id()));
            assert_eq!(answer.status, 200, "{}: {}", key.id(), answer.text());
            let told: Value = serde_json::from_slice(&answer.body).expect("JSON");
            heard.borrow_mut().push(Heard {
                accepted: Accepted { key, mode: Mode::Sync, told: answer.body },
                basis: format!("{} {}", word(&told["outcome"]), word(&told["basis"])),
                took: called.elapsed(),
            });
        }
    }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}
