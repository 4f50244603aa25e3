//! `kill -9` at random moments under load, cycle after cycle on the same store: whatever was acknowledged gets to Xceed,
//! nothing is decided twice, each customer's events leave in order, and the audit trail stays valid.

mod cycle;
mod doubt;

use crate::arrivals::Arrivals;
use crate::audit;
use crate::book::Book;
use crate::chance::Chance;
use crate::customers::{Customer, Heard};
use crate::harness::{Config, Gateway, Simulator, Tenant, own_address};
use crate::report::{Findings, Request};
use crate::store::Store;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long after the last cycle nothing may move before everything is settled: a backoff is a minute at most.
const PATIENCE: Duration = Duration::from_secs(75);
/// More faults than that say nothing new.
const FAULTS_MAX: usize = 200;

pub(crate) fn prove(request: &Request, name: &str, gateways: usize) -> Findings {
    let Some(store) = Store::named(name) else {
        return Findings::skipped(format!("kill: {name}"), "this machine has no such store");
    };
    let count = request.get("--gateways", gateways, gateways);
    let cycles = request.get("--cycles", 3, if gateways == 1 { 200 } else { 100 });
    let mut run = Run {
        events: request.get("--events", 300, if gateways == 1 { 2000 } else { 500 }),
        sample: if request.is_long() { 2000 } else { usize::MAX },
        ..Run::start(
            store,
            name,
            count,
            request.get("--customers", 60, if gateways == 1 { 200 } else { 600 }),
            request.seed(),
        )
    };
    for number in 1..=cycles {
        run.cycle(number, cycles);
        if run.found.faults() > FAULTS_MAX {
            run.found.fault(format!("broken off after cycle {number} of {cycles}"));
            break;
        }
    }
    run.end(cycles)
}

/// All cycles.
struct Run {
    // Before the simulator, so that they end first.
    gateways: Vec<Gateway>,
    /// Those that were killed and are not started again.
    down: Vec<usize>,
    xceed: Simulator,
    // Behind the gateways, so that it is there until they have ended.
    _store: Store,
    customers: Vec<Customer>,
    chance: Chance,
    arrivals: Arrivals,
    book: Book,
    found: Findings,
    /// Accepted in a cycle, about.
    events: u64,
    /// Settled events that are asked for again at the end.
    sample: usize,
    audited: bool,
    begun: Instant,
    sums: Sums,
}

/// What is counted over all cycles.
#[derive(Default)]
struct Sums {
    kills: u64,
    kills_at_start: u64,
    verified: u64,
    taken_over: u64,
    longest_take_over: Duration,
    calls: u64,
    unmarked: u64,
    broken: BTreeMap<String, u64>,
    unanswered: u64,
    refused: BTreeMap<u16, (u64, String)>,
    starts: Vec<Duration>,
}

impl Run {
    fn start(store: Store, name: &str, count: usize, customers: u16, seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let tenant = Tenant::first_bank()
            .with("xceed.callback_id = \"gw1\"\nxceed.attempt_timeout = \"2s\"\npolicy.deadline_ms = 300");
        let addresses: Vec<_> = (0..count).map(|_| own_address()).collect();
        let xceed = Simulator::start_calling_back(std::slice::from_ref(&tenant), addresses[0]);
        let gateways = addresses.iter().map(|address| {
            let config = Config::new([tenant.clone()], &xceed.url())
                .log_level("warn,xceed_gateway::cli=info")
                .with(&format!("server.bind = \"{address}\""));
            Gateway::start(store.of(config))
        });
        let title = format!("kill: {name}, {count} gateway{}", if count == 1 { "" } else { "s" });
        let audited = audit::is_kept();
        if !audited {
            println!("  this gateway has no `audit verify`: the audit trail is not looked at");
        }
        Self {
            gateways: gateways.collect(),
            down: Vec::new(),
            customers: (0..customers).map(|number| Customer::new(number, chance.fork())).collect(),
            xceed,
            chance,
            arrivals: Arrivals::default(),
            book: Book::default(),
            found: Findings::new(title),
            events: 0,
            sample: 0,
            _store: store,
            audited,
            begun: Instant::now(),
            sums: Sums::default(),
        }
    }

    fn take(&mut self, heard: Heard) {
        self.book.accept(heard.accepted);
        self.sums.calls += heard.calls;
        self.sums.unmarked += heard.unmarked;
        for (what, count) in heard.broken {
            *self.sums.broken.entry(what).or_default() += count;
        }
        for (status, (count, words)) in heard.refused {
            self.sums.refused.entry(status).or_insert((0, words)).0 += count;
        }
        heard.faults.into_iter().for_each(|fault| self.found.fault(fault));
    }

    /// The audit trail of every gateway.
    fn verify(&mut self) {
        if !self.audited {
            return;
        }
        let folders: Vec<_> = self.gateways.iter().map(|gateway| gateway.file("")).collect();
        self.sums.verified += 1;
        if let Err(said) = audit::verify(&folders) {
            self.found.fault(format!("the audit trail is not valid: {said}"));
        }
    }

    /// Everything settles, and says what it always said.
    fn end(mut self, cycles: u64) -> Findings {
        // As long as it gets less.
        let (mut least, mut since) = (usize::MAX, Instant::now());
        while self.book.open() > 0 && since.elapsed() < PATIENCE {
            let open = self.look();
            if open < least {
                (least, since) = (open, Instant::now());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        self.look_at_all();
        if let Some(key) = self.book.an_open_one() {
            let open = self.book.open();
            self.found.fault(format!("{open} are not settled, {} among them, and nothing moves", key.id()));
        }
        let addresses = self.addresses();
        let again = self.sample.min(self.book.accepted());
        self.book.ask_again(&addresses, again, &mut self.chance, &mut self.found);
        self.verify();
        self.doubt();
        let trail = self.audited.then(|| audit::read(&self.gateways[0].file(""), &mut self.found));
        let (mut found, sums, arrivals) = (self.found, self.sums, self.arrivals);
        found.must(sums.unmarked == 0, || {
            format!("{} answers were an earlier one's words, and not marked so", sums.unmarked)
        });
        found.must(arrivals.refused == 0, || format!("{} requests had a wrong hash", arrivals.refused));
        let accepted = self.book.accepted();
        found.fact("cycles", cycles);
        found.fact("kills, of them while it started", format!("{}, {}", sums.kills, sums.kills_at_start));
        found.fact("events accepted (2xx)", accepted);
        let rate = accepted as f64 / self.begun.elapsed().as_secs_f64();
        found.fact("accepted a second, over all", format!("{rate:.0}"));
        let broken: Vec<_> = sums.broken.iter().map(|(what, count)| format!("{what} {count}")).collect();
        found.fact("calls, of them without an answer", format!("{}, {}", sums.calls, broken.join(", ")));
        found.fact("events without an answer at the kill, asked again", sums.unanswered);
        found.fact(
            "requests at Xceed, repeats among them",
            format!("{}, {}", arrivals.requests, arrivals.repeats),
        );
        for (status, (count, words)) in &sums.refused {
            found.fact(&format!("answers {status}, which promise nothing"), format!("{count} ({words})"));
        }
        if sums.taken_over > 0 {
            found.fact(
                "times that the others had to carry out all that a killed gateway left",
                sums.taken_over,
            );
            let longest = sums.longest_take_over;
            found.fact("the longest that took, until all was settled", format!("{longest:.0?}"));
        }
        found.fact("lost", self.book.lost);
        found.fact("with two final decisions", self.book.contradictions);
        found.fact("order inversions", arrivals.inversions);
        found.fact("asked again at the end, as always", again);
        found.fact("audit trail verified, times", sums.verified);
        if let Some((recorded, decided)) = trail {
            found.must(recorded >= accepted, || {
                format!("the audit trail has {recorded} of {accepted} events")
            });
            found.fact("events in the audit trail, each accepted once", recorded);
            found.fact("decisions of theirs in it, one of each at most", decided);
        }
        let longest = sums.starts.iter().max().copied().unwrap_or_default();
        let mean = sums.starts.iter().sum::<Duration>() / (sums.starts.len().max(1) as u32);
        found.fact("start until it listens, mean and longest", format!("{mean:.0?}, {longest:.0?}"));
        found
    }
}
