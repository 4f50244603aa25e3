//! What the proofs about the ground under a store share: a gateway that is loaded, brought down, and held against what it
//! has answered.

use crate::arrivals::Arrivals;
use crate::audit;
use crate::book::Book;
use crate::callers::{Answer, call_all};
use crate::chance::Chance;
use crate::customers::Accepted;
use crate::events::{Key, Mode};
use crate::harness::{Config, Gateway, Simulator, Tenant};
use crate::report::Findings;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

/// Callers at a time.
const WIDTH: usize = 8;
/// How long it may take until everything has left.
const DRAIN_MAX: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(50);

/// A gateway on SQLite and its Xceed.
pub(crate) struct Ground {
    pub(crate) gateway: Gateway,
    xceed: Simulator,
    book: Book,
    arrivals: Arrivals,
    /// Calls that promised nothing, over all rounds.
    pub(crate) refused: u64,
}

impl Ground {
    pub(crate) fn start() -> Self {
        let xceed = Simulator::start(&[Tenant::first_bank()]);
        let config = Config::new([Tenant::first_bank()], &xceed.url());
        let gateway = Gateway::start(config.log_level("off,xceed_gateway::cli=info"));
        let (book, arrivals, refused) = Default::default();
        Self { gateway, xceed, book, arrivals, refused }
    }

    /// Writes down what was promised; whatever is neither a promise nor a refusal is a fault, unless the gateway was brought
    /// down under the call.
    pub(crate) fn note(&mut self, answers: Answers, brought_down: bool, found: &mut Findings) {
        let mut accepted = Vec::new();
        for (key, answer) in answers {
            match answer {
                Ok(answer) if matches!(answer.status, 200 | 202) => {
                    accepted.push(Accepted { key, mode: key.mode_without_callback(), told: answer.body });
                }
                Ok(answer) if answer.status == 503 => self.refused += 1,
                Err(_) if brought_down => self.refused += 1,
                other => found.fault(format!("{} was neither accepted nor refused: {other:?}", key.id())),
            }
        }
        self.book.accept(accepted);
    }

    pub(crate) fn accept(&mut self, accepted: Accepted) {
        self.book.accept(vec![accepted]);
    }

    /// The gateway runs on sound ground again: everything that it has answered 2xx is there, as it was told, and gets to Xceed;
    /// and its trail is whole.
    pub(crate) fn settle(&mut self, found: &mut Findings) {
        let begun = Instant::now();
        let mut settled = Vec::new();
        while self.book.open() > 0 && begun.elapsed() < DRAIN_MAX {
            settled.extend(self.book.settle(&[self.gateway.address()], |_| true, found));
            thread::sleep(LOOK);
        }
        self.arrivals.read(&self.xceed, found);
        self.book.must_have_arrived(&settled, &self.arrivals, found);
        if let Some(key) = self.book.an_open_one() {
            found.fault(format!("{} is not settled after {DRAIN_MAX:?}", key.id()));
        }
        if let Err(said) = audit::verify(&[self.folder()]) {
            found.fault(format!("the audit trail is broken: {said}"));
        }
    }

    /// Whether it says of something that was settled anything else than it did then.
    pub(crate) fn forgets(&mut self) -> bool {
        let mut found = Findings::silent();
        self.book.ask_again(&[self.gateway.address()], usize::MAX, &mut Chance::new(0), &mut found);
        found.faults() > 0
    }

    /// What is told of all rounds.
    pub(crate) fn sum_up(&self, found: &mut Findings) {
        found.fact("events accepted, all there, all at Xceed in the end", self.book.accepted());
        found.fact("calls that promised nothing", self.refused);
        found.fact("lost, contradicted, out of order", {
            format!("{}, {}, {}", self.book.lost, self.book.contradictions, self.arrivals.inversions)
        });
        found.must(self.book.accepted() > 0, || "nothing was accepted at all".to_owned());
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> PathBuf {
        self.gateway.folder()
    }
}

/// What became of each call.
pub(crate) type Answers = Vec<(Key, io::Result<Answer>)>;

/// Some customers' events of a round.
pub(crate) fn wave(round: u32, customers: u16) -> Vec<Key> {
    // None of these numbers asks the simulator for something unusual.
    let number = |n: u16| 12 * (n / 6) + 6 + n % 6;
    (0..customers).map(|n| Key { customer: number(n), wave: round, place: 0 }).collect()
}

/// Submits them, several at a time.
pub(crate) fn submit(address: SocketAddr, keys: &[Key]) -> Answers {
    let submissions = keys.iter().map(|key| key.submission(key.mode_without_callback())).collect();
    keys.iter().copied().zip(call_all(&[address], WIDTH, submissions)).collect()
}

/// Submits an acknowledgement-only event until it is taken in, or time is up.
pub(crate) fn is_taken_in(address: SocketAddr, key: Key, within: Duration) -> Option<Accepted> {
    let begun = Instant::now();
    while begun.elapsed() < within {
        let answer = call_all(&[address], 1, vec![key.submission(Mode::Ack)]).remove(0);
        if let Some(answer) = answer.ok().filter(|answer| answer.status == 202) {
            return Some(Accepted { key, mode: Mode::Ack, told: answer.body });
        }
        thread::sleep(LOOK);
    }
    None
}
