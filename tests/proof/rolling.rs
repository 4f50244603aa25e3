//! Two gateways on one PostgreSQL are ended and started anew, one after the other, while callers go on behind a balancer:
//! nothing that was answered is lost or told otherwise, each customer's events leave in order, and nobody is late.

use crate::arrivals::Arrivals;
use crate::audit;
use crate::book::Book;
use crate::callers::{Answer, Lines, run};
use crate::chance::Chance;
use crate::customers::Accepted;
use crate::events::Key;
use crate::harness::{Config, Gateway, Simulator, Tenant, own_address};
use crate::report::{Findings, Request};
use crate::stall::Stall;
use crate::store::Store;
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

const CUSTOMERS: u16 = 100;
const GATEWAYS: usize = 2;
const DEADLINE: Duration = Duration::from_millis(300);
/// Both serve for so long between two restarts.
const BETWEEN: Duration = Duration::from_secs(2);
/// A balancer leaves a gateway alone for so long after it has refused a call or was not there.
const AVOIDED: Duration = Duration::from_millis(200);
/// Whoever finds no gateway at all gives up after so many attempts.
const ATTEMPTS_MAX: u32 = 20;
const DRAIN_MAX: Duration = Duration::from_secs(60);

pub(crate) fn prove(request: &Request) -> Findings {
    let title = "rolling: two gateways on one PostgreSQL are restarted one after the other, under load";
    let Some(store) = Store::named("postgres") else {
        return Findings::skipped(title, "this machine has no PostgreSQL");
    };
    let restarts: usize = request.get("--restarts", 2, 20);
    let rate: f64 = request.get("--rate", 100.0, 200.0);
    let mut found = Findings::new(title);
    let mut scene = Scene::start(&store);
    let (stall, disk, enough) = (Stall::watch(), Stall::of_the_disk(), Arc::<AtomicBool>::default());
    let addresses = scene.addresses.clone();
    let (heard, downs) = thread::scope(|scope| {
        let load = scope.spawn(|| load(&addresses, rate, &enough));
        let downs: Vec<Duration> =
            (0..restarts).map(|number| scene.restart(number % GATEWAYS, &mut found)).collect();
        thread::sleep(BETWEEN);
        enough.store(true, SeqCst);
        (load.join().expect("a load"), downs)
    });
    found.fact("restarts", restarts);
    let longest = downs.iter().max().copied().unwrap_or_default();
    found.fact("the longest from SIGTERM until it served again", format!("{longest:.0?}"));
    judge(&heard, (stall.worst(), disk.worst(), request.slack()), &mut found);
    scene.settle(heard, request, &mut found);
    found
}

struct Scene {
    // Before the simulator, so that they end first.
    gateways: Vec<Gateway>,
    addresses: Vec<SocketAddr>,
    xceed: Simulator,
}

/// An answer that promises something, and what it took to get it.
struct Heard {
    accepted: Accepted,
    took: Duration,
    /// How often another gateway had to be asked.
    moved: u32,
}

impl Scene {
    fn start(store: &Store) -> Self {
        let tenant = Tenant::first_bank().with(&format!("policy.deadline_ms = {}", DEADLINE.as_millis()));
        let xceed = Simulator::start(std::slice::from_ref(&tenant));
        let addresses: Vec<_> = (0..GATEWAYS).map(|_| own_address()).collect();
        let gateways = addresses.iter().map(|address| {
            let config = Config::new([tenant.clone()], &xceed.url())
                .log_level("error,xceed_gateway::cli=info")
                .with(&format!("server.bind = \"{address}\""));
            Gateway::start(store.of(config))
        });
        Self { gateways: gateways.collect(), addresses, xceed }
    }

    /// Ends one in order and starts it again; how long it was away.
    fn restart(&mut self, one: usize, found: &mut Findings) -> Duration {
        thread::sleep(BETWEEN);
        let begun = Instant::now();
        let status = self.gateways[one].terminate();
        found.must(status.success(), || format!("gateway {one} ended with {status}"));
        self.gateways[one].restart();
        begun.elapsed()
    }

    /// Everything that was answered is there as it was told, and at Xceed.
    fn settle(&self, heard: Vec<Heard>, request: &Request, found: &mut Findings) {
        let (begun, count) = (Instant::now(), heard.len());
        let (mut book, mut arrivals, mut settled) = (Book::default(), Arrivals::default(), Vec::new());
        book.accept(heard.into_iter().map(|one| one.accepted).collect());
        while book.open() > 0 && begun.elapsed() < DRAIN_MAX {
            settled.extend(book.settle(&self.addresses, |_| true, found));
            thread::sleep(Duration::from_millis(100));
        }
        arrivals.read(&self.xceed, found);
        book.must_have_arrived(&settled, &arrivals, found);
        if let Some(key) = book.an_open_one() {
            found.fault(format!("{} are not settled, {} among them", book.open(), key.id()));
        }
        let again = if request.is_long() { 2000 } else { 200 };
        book.ask_again(&self.addresses, again, &mut Chance::new(request.seed()), found);
        let folders: Vec<_> = self.gateways.iter().map(Gateway::folder).collect();
        if let Err(said) = audit::verify(&folders) {
            found.fault(format!("the audit trail is not valid: {said}"));
        }
        found.must(arrivals.inversions == 0, || format!("{} left out of order", arrivals.inversions));
        found.fact("settled, and at Xceed", format!("{} of {count}", settled.len()));
        found.fact("lost", book.lost);
        found.fact("with two final decisions", book.contradictions);
        found.fact("order inversions", arrivals.inversions);
        found.fact("arrived twice", arrivals.repeats);
    }
}

/// Everyone has an answer, and has it in time, whichever gateway it came from in the end.
fn judge(heard: &[Heard], (stall, disk, slack): (Duration, Duration, Duration), found: &mut Findings) {
    let mut took: Vec<Duration> = heard.iter().map(|one| one.took).collect();
    took.sort();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    let beyond = |more: Duration| took.iter().filter(|took| **took > DEADLINE + more).count();
    let late = beyond(slack + stall + disk);
    found.must(late == 0, || format!("{late} of {} callers waited too long", heard.len()));
    let moved = heard.iter().filter(|one| one.moved > 0).count();
    found.must(moved > 0, || "no call had to go elsewhere, so nothing was shown".to_owned());
    found.fact("events answered", heard.len());
    found.fact("of them asked at another gateway, since the first was ending or away", moved);
    let fallbacks = heard.iter().filter(|one| has(&one.accepted.told, b"\"FALLBACK\"")).count();
    found.fact("of them answered by the fallback", fallbacks);
    found.fact(
        "answered after, median, 99 %, 99.9 % and longest",
        format!("{:.1?}, {:.1?}, {:.1?}, {:.1?}", at(0.5), at(0.99), at(0.999), at(1.0)),
    );
    let (five, twenty_five) = (beyond(Duration::from_millis(5)), beyond(Duration::from_millis(25)));
    found.fact("late: after the deadline + 5 ms, + 25 ms", format!("{five}, {twenty_five}"));
    found.fact("worst stall of a thread that does nothing but sleep", format!("{stall:.1?}"));
    found.fact("worst flush of a thread that flushes a few bytes now and then", format!("{disk:.1?}"));
}

fn has(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// Each customer submits an event now and then, one after the other, through one balancer.
fn load(addresses: &[SocketAddr], rate: f64, enough: &Arc<AtomicBool>) -> Vec<Heard> {
    let heard = Rc::new(RefCell::new(Vec::new()));
    let balancer = Rc::new(Balancer::over(addresses));
    let (pause, begun) = (Duration::from_secs_f64(f64::from(CUSTOMERS) / rate), Instant::now());
    run((0..CUSTOMERS).map(|number| {
        let (balancer, heard, enough) = (balancer.clone(), heard.clone(), enough.clone());
        // None of these numbers asks the simulator for something unusual.
        let customer = 12 * (number / 6) + 6 + number % 6;
        let first = begun + pause.mul_f64(f64::from(number) / f64::from(CUSTOMERS));
        async move {
            for wave in 0.. {
                tokio::time::sleep_until((first + pause * wave).into()).await;
                if enough.load(SeqCst) {
                    return;
                }
                let key = Key { customer, wave, place: 0 };
                let (called, mode) = (Instant::now(), key.mode_without_callback());
                let (answer, moved) = balancer.call(&key.submission(mode)).await;
                let answer = answer.unwrap_or_else(|| panic!("{} finds no gateway", key.id()));
                assert!(matches!(answer.status, 200 | 202), "{}: {}", key.id(), answer.text());
                let accepted = Accepted { key, mode, told: answer.body };
                heard.borrow_mut().push(Heard { accepted, took: called.elapsed(), moved });
            }
        }
    }));
    heard.take()
}

/// What stands before several gateways: calls go to each in turn, and at once to the next where one is not there or says
/// that it takes nothing in.
struct Balancer {
    lines: Lines,
    next: Cell<usize>,
    avoided_until: Vec<Cell<Instant>>,
}

impl Balancer {
    fn over(addresses: &[SocketAddr]) -> Self {
        let avoided_until = addresses.iter().map(|_| Cell::new(Instant::now())).collect();
        Self { lines: Lines::to(addresses), next: Cell::default(), avoided_until }
    }

    /// The answer, and how often another gateway had to be asked.
    async fn call(&self, request: &[u8]) -> (Option<Answer>, u32) {
        for attempt in 0..ATTEMPTS_MAX {
            let one = self.choose();
            match self.lines.call(one, request).await {
                Ok(answer) if answer.status != 503 => return (Some(answer), attempt),
                _ => self.avoided_until[one].set(Instant::now() + AVOIDED),
            }
        }
        (None, ATTEMPTS_MAX)
    }

    fn choose(&self) -> usize {
        let count = self.avoided_until.len();
        let turn = self.next.replace(self.next.get() + 1);
        let places = (0..count).map(|step| (turn + step) % count);
        let now = Instant::now();
        places.clone().find(|one| self.avoided_until[*one].get() <= now).unwrap_or(turn % count)
    }
}
