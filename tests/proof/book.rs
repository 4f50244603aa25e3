//! What callers were told, against what the gateway says now: every word stands, and a decision falls once.

use crate::arrivals::Arrivals;
use crate::callers::call_all;
use crate::chance::Chance;
use crate::customers::Accepted;
use crate::events::{Key, Mode};
use crate::report::Findings;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;

/// Calls at a time when the book is checked.
const WIDTH: usize = 24;

#[derive(Default)]
pub(crate) struct Book {
    /// Accepted, and not found settled yet.
    open: Vec<Accepted>,
    settled: Vec<Settled>,
    pub(crate) lost: u64,
    pub(crate) contradictions: u64,
}

/// What is kept of a settled event: fingerprints of what was told and of what was decided.
struct Settled {
    key: Key,
    mode: Mode,
    told: u64,
    decided: u64,
}

impl Book {
    pub(crate) fn accept(&mut self, accepted: Vec<Accepted>) {
        self.open.extend(accepted);
    }

    pub(crate) fn open(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn accepted(&self) -> usize {
        self.open.len() + self.settled.len()
    }

    /// The first event that is not settled, for a person.
    pub(crate) fn an_open_one(&self) -> Option<Key> {
        self.open.first().map(|accepted| accepted.key)
    }

    pub(crate) fn a_settled_one(&self) -> Option<Key> {
        self.settled.iter().find(|one| one.mode != Mode::Async).map(|one| one.key)
    }

    /// Looks up what is open and may be settled; what is, is held against what was told, and kept. Says which those are.
    pub(crate) fn settle(
        &mut self,
        gateways: &[SocketAddr],
        may_be: impl Fn(Key) -> bool,
        found: &mut Findings,
    ) -> Vec<Key> {
        let open = std::mem::take(&mut self.open);
        let (open, others) = open.into_iter().partition(|accepted: &Accepted| may_be(accepted.key));
        self.open = others;
        let requests = open.iter().map(|accepted| accepted.key.look_up()).collect();
        let mut now_settled = Vec::new();
        for (accepted, seen) in open.into_iter().zip(call_all(gateways, WIDTH, requests)) {
            let id = accepted.key.id();
            let seen = match seen {
                Ok(seen) if seen.status == 200 => seen,
                Ok(seen) if seen.status == 404 => {
                    self.lost += 1;
                    found.fault(format!("{id} was accepted and is forgotten: {}", seen.text()));
                    continue;
                }
                other => {
                    found.fault(format!("{id} can't be looked up: {other:?}"));
                    self.open.push(accepted);
                    continue;
                }
            };
            let (decided, state) = parts(&seen.body);
            match state {
                "SETTLED" => {
                    self.compare(&accepted, decided, found);
                    now_settled.push(accepted.key);
                    self.settled.push(Settled {
                        key: accepted.key,
                        mode: accepted.mode,
                        told: print(&accepted.told),
                        decided: print(decided),
                    });
                }
                _ => self.open.push(accepted),
            }
        }
        now_settled
    }

    /// Each of these must be at Xceed.
    pub(crate) fn must_have_arrived(&mut self, keys: &[Key], arrivals: &Arrivals, found: &mut Findings) {
        for key in keys.iter().filter(|key| !arrivals.has(**key)) {
            self.lost += 1;
            found.fault(format!("{} is settled and never arrived", key.id()));
        }
    }

    fn compare(&mut self, accepted: &Accepted, decided: &[u8], found: &mut Findings) {
        let told = accepted.told.strip_suffix(b"}").unwrap_or(&accepted.told);
        let pending = decided.windows(PENDING.len()).any(|window| window == PENDING);
        let right = match accepted.mode {
            Mode::Async => !pending,
            _ => told == decided,
        };
        if !right {
            self.contradictions += 1;
            let (told, decided) = (String::from_utf8_lossy(told), String::from_utf8_lossy(decided));
            found.fault(format!("{} was told {told} and is now {decided}", accepted.key.id()));
        }
    }

    /// Asks for some settled events again, both ways: they must say what they always said.
    pub(crate) fn ask_again(
        &mut self,
        gateways: &[SocketAddr],
        count: usize,
        chance: &mut Chance,
        found: &mut Findings,
    ) {
        if self.settled.is_empty() {
            return;
        }
        let whole = count >= self.settled.len();
        let places = 0..count.min(self.settled.len());
        let asked: Vec<&Settled> = places
            .map(|place| if whole { &self.settled[place] } else { chance.pick(&self.settled) })
            .collect();
        let requests =
            asked.iter().flat_map(|one| [one.key.look_up(), one.key.submission(one.mode)]).collect();
        let answers = call_all(gateways, WIDTH, requests);
        let mut wrong = Vec::new();
        for (one, answers) in asked.into_iter().zip(answers.chunks(2)) {
            let id = one.key.id();
            let [Ok(seen), Ok(told)] = answers else {
                wrong.push(format!("{id} is not answered any more: {answers:?}"));
                continue;
            };
            if print(parts(&seen.body).0) != one.decided {
                wrong.push(format!("{id} is decided otherwise now: {}", seen.text()));
            }
            if !told.replayed || print(&told.body) != one.told {
                wrong.push(format!("{id} is told otherwise now: {}", told.text()));
            }
        }
        self.contradictions += wrong.len() as u64;
        wrong.into_iter().for_each(|what| found.fault(what));
    }
}

const PENDING: &[u8] = br#""decision":"PENDING""#;
const STATE: &[u8] = br#","state":""#;

/// A looked-up event: the decision without its closing brace, and the delivery's state.
fn parts(body: &[u8]) -> (&[u8], &str) {
    let at = body.windows(STATE.len()).rposition(|window| window == STATE);
    let Some(at) = at else { return (body, "") };
    let behind = &body[at + STATE.len()..];
    let end = behind.iter().position(|byte| *byte == b'"').unwrap_or(0);
    (&body[..at], std::str::from_utf8(&behind[..end]).unwrap_or_default())
}

fn print(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
