//! One cycle: load, the kill, the start, and the checks.

use super::Run;
use crate::chance::Chance;
use crate::customers::{Signals, load};
use crate::weather::Weather;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::thread;
use std::time::{Duration, Instant};

/// The kill comes by then, however few were accepted.
const LOAD_MAX: Duration = Duration::from_secs(20);
/// How long a cycle waits for its events to settle; what is not settled goes along with the next.
const DRAIN_MAX: Duration = Duration::from_millis(1500);
/// Unless it is more than this: then for longer.
const BACKLOG_MAX: usize = 3000;
const DRAIN_LONG: Duration = Duration::from_secs(8);
/// How long those who have no answer ask again.
const REPEAT_MAX: Duration = Duration::from_secs(40);
/// How long the others may take to carry out what a killed gateway left.
const TAKE_OVER_MAX: Duration = Duration::from_secs(45);
const STEP: Duration = Duration::from_millis(2);
/// Settled events of earlier cycles that are asked for again.
const SAMPLE: usize = 50;

impl Run {
    pub(super) fn cycle(&mut self, number: u64, cycles: u64) {
        let (accepted, begun) = (self.book.accepted(), Instant::now());
        self.load_and_kill();
        let unanswered: usize = self.customers.iter().map(|customer| customer.unanswered()).sum();
        self.sums.unanswered += unanswered as u64;
        // As the crash left it, where nobody else writes.
        if self.gateways.len() == 1 {
            self.verify();
        }
        // The one that is called back lives: then the others can do without the killed one for longer.
        if !self.down.contains(&0) && self.chance.once_in(4) {
            self.take_over();
        }
        self.start_again();
        self.repeat();
        let draining = Instant::now();
        // The backlog may not grow without an end.
        let enough = |open: usize, waited: Duration| {
            open == 0 || waited > if open > BACKLOG_MAX { DRAIN_LONG } else { DRAIN_MAX }
        };
        while !enough(self.look(), draining.elapsed()) {
            thread::sleep(Duration::from_millis(50));
        }
        let addresses = self.addresses();
        self.book.ask_again(&addresses, SAMPLE, &mut self.chance, &mut self.found);
        if self.gateways.len() > 1 {
            self.verify();
        }
        let (all, open) = (self.book.accepted(), self.book.open());
        let took = begun.elapsed();
        println!(
            "  cycle {number}/{cycles}: {} accepted in {:.1} s ({all} in all, {:.0}/s); {unanswered} had no answer, \
             {open} go along; {} lost, {} decided twice, {} out of order, {} faults",
            all - accepted,
            took.as_secs_f64(),
            all as f64 / self.begun.elapsed().as_secs_f64(),
            self.book.lost,
            self.book.contradictions,
            self.arrivals.inversions,
            self.found.faults(),
        );
    }

    /// Where the gateways are that live.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        let live = self.gateways.iter().enumerate().filter(|(place, _)| !self.down.contains(place));
        live.map(|(_, gateway)| gateway.address()).collect()
    }

    /// Reads what arrived, and looks up what is open of it; how many are still open.
    pub(super) fn look(&mut self) -> usize {
        self.arrivals.read(&self.xceed, &mut self.found);
        self.book.settle(&self.addresses(), |key| self.arrivals.has(key), &mut self.found);
        self.book.open()
    }

    /// The same for all that is open, whether it has arrived or not.
    pub(super) fn look_at_all(&mut self) {
        let settled = self.book.settle(&self.addresses(), |_| true, &mut self.found);
        self.arrivals.read(&self.xceed, &mut self.found);
        self.book.must_have_arrived(&settled, &self.arrivals, &mut self.found);
    }

    /// Loads the gateways and kills at a moment that chance decides: one, some or all of them. While others live, the
    /// load goes on without the killed ones.
    fn load_and_kill(&mut self) {
        let signals = Arc::new(Signals::default());
        let moment = self.chance.between(self.events / 4, self.events * 7 / 4);
        let extra = Duration::from_micros(self.chance.between(0, 20_000));
        let victims = victims(self.gateways.len(), &mut self.chance);
        let all = victims.len() == self.gateways.len();
        let (customers, addresses) = (std::mem::take(&mut self.customers), self.addresses());
        let mut weather = Weather::over(&self.xceed, self.chance.fork());
        let alone = Duration::from_millis(self.chance.between(50, 1200));
        let (customers, heard) = thread::scope(|scope| {
            let loading = scope.spawn(|| load(&addresses, customers, &signals));
            let begun = Instant::now();
            while signals.accepted.load(Relaxed) < moment && begun.elapsed() < LOAD_MAX {
                weather.pass();
                thread::sleep(STEP);
            }
            thread::sleep(extra);
            for &victim in &victims {
                self.gateways[victim].kill();
                self.sums.kills += 1;
            }
            if !all {
                let begun = Instant::now();
                while begun.elapsed() < alone {
                    weather.pass();
                    thread::sleep(STEP);
                }
            }
            weather.clear();
            signals.no_more.store(true, SeqCst);
            signals.gone.store(true, SeqCst);
            loading.join().expect("the load ends")
        });
        self.customers = customers;
        self.take(heard);
        self.down = victims;
    }

    /// What the killed gateways left is carried out by those that live.
    fn take_over(&mut self) {
        self.repeat();
        let begun = Instant::now();
        while self.look() > 0 && begun.elapsed() < TAKE_OVER_MAX {
            thread::sleep(Duration::from_millis(200));
        }
        self.sums.taken_over += 1;
        let left = self.book.open();
        let (took, key) = (begun.elapsed(), self.book.an_open_one());
        self.found
            .must(left == 0, || format!("{left} events wait {took:.0?} for a gateway that is gone: {key:?}"));
        self.sums.longest_take_over = self.sums.longest_take_over.max(took);
    }

    /// Starts what was killed; now and then it is killed once more while it starts.
    fn start_again(&mut self) {
        for one in std::mem::take(&mut self.down) {
            if self.chance.once_in(5) {
                let until = Duration::from_millis(self.chance.between(0, 400));
                self.gateways[one].start_and_kill_after(until);
                self.sums.kills += 1;
                self.sums.kills_at_start += 1;
            }
            let begun = Instant::now();
            self.gateways[one].restart();
            self.sums.starts.push(begun.elapsed());
        }
    }

    /// Whoever has no answer asks again until there is one.
    fn repeat(&mut self) {
        let signals = Arc::new(Signals::default());
        signals.no_more.store(true, SeqCst);
        let (customers, addresses) = (std::mem::take(&mut self.customers), self.addresses());
        let (customers, heard) = thread::scope(|scope| {
            let loading = scope.spawn(|| load(&addresses, customers, &signals));
            let begun = Instant::now();
            while !loading.is_finished() {
                thread::sleep(STEP);
                if begun.elapsed() > REPEAT_MAX {
                    signals.gone.store(true, SeqCst);
                }
            }
            loading.join().expect("the load ends")
        });
        self.customers = customers;
        self.take(heard);
        let silent: usize = self.customers.iter().map(|customer| customer.unanswered()).sum();
        self.found.must(silent == 0, || format!("{silent} events get no answer after the start"));
    }
}

/// Whom the kill hits: each alike, all of them now and then.
fn victims(count: usize, chance: &mut Chance) -> Vec<usize> {
    if count == 1 || chance.once_in(4) {
        return (0..count).collect();
    }
    vec![chance.between(0, count as u64) as usize]
}
