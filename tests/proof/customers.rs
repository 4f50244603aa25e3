//! The load: customers, each with a wave of one to three events at a time, some of which several callers submit at once.
//! A wave ends when each of its events was answered, by whichever call and after however many crashes; so the gateway
//! records the waves of a customer in their order, and what is in one wave in any.

use crate::callers::{Answer, Lines, run};
use crate::chance::Chance;
use crate::events::{Key, Mode};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Between two calls for the same event when the first broke.
const PAUSE: Duration = Duration::from_millis(15);

/// What whoever directs the load and the load itself share.
#[derive(Debug, Default)]
pub(crate) struct Signals {
    /// Events that were answered 2xx so far.
    pub(crate) accepted: AtomicU64,
    /// No wave begins any more.
    pub(crate) no_more: AtomicBool,
    /// Nobody is there to be called: what is not answered stays so.
    pub(crate) gone: AtomicBool,
}

pub(crate) struct Customer {
    number: u16,
    chance: Chance,
    waves: u32,
    wave: Vec<Call>,
}

/// An event that is being submitted.
struct Call {
    key: Key,
    mode: Mode,
    told: Option<Box<[u8]>>,
    /// Answers that were not said to be an earlier one's words.
    firsts: u32,
}

/// An event that was answered 2xx, and the words.
pub(crate) struct Accepted {
    pub(crate) key: Key,
    pub(crate) mode: Mode,
    pub(crate) told: Box<[u8]>,
}

/// What the callers heard.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) accepted: Vec<Accepted>,
    pub(crate) faults: Vec<String>,
    /// Answers that promised nothing, by status, with the words of the first.
    pub(crate) refused: BTreeMap<u16, (u64, String)>,
    /// Answers that were not marked as an earlier one's words, and were.
    pub(crate) unmarked: u64,
    pub(crate) calls: u64,
    /// Calls without an answer, by what befell them.
    pub(crate) broken: BTreeMap<String, u64>,
}

impl Customer {
    pub(crate) fn new(number: u16, chance: Chance) -> Self {
        Self { number, chance, waves: 0, wave: Vec::new() }
    }

    /// Events whose callers have no answer.
    pub(crate) fn unanswered(&self) -> usize {
        self.wave.iter().filter(|call| call.told.is_none()).count()
    }

    /// Mostly the same one, now and then any.
    fn gateway(&mut self, count: usize) -> usize {
        let any = self.chance.between(0, count as u64) as usize;
        if self.chance.once_in(4) { any } else { usize::from(self.number) % count }
    }

    fn begin_wave(&mut self) {
        let size = *self.chance.pick(&[1, 1, 2, 3]);
        let key = |place| Key { customer: self.number, wave: self.waves, place };
        let call = |key: Key| Call { key, mode: key.mode(), told: None, firsts: 0 };
        self.wave = (0..size).map(key).map(call).collect();
        self.waves += 1;
    }
}

/// Lets the customers call until they are told to end, and tells what they heard.
pub(crate) fn load(
    addresses: &[SocketAddr],
    customers: Vec<Customer>,
    signals: &Arc<Signals>,
) -> (Vec<Customer>, Heard) {
    let desk = Rc::new(Desk {
        lines: Lines::to(addresses),
        signals: signals.clone(),
        heard: RefCell::default(),
        back: RefCell::default(),
    });
    run(customers.into_iter().map(|customer| desk.clone().serve(customer)));
    (desk.back.take(), desk.heard.take())
}

struct Desk {
    lines: Lines,
    signals: Arc<Signals>,
    heard: RefCell<Heard>,
    back: RefCell<Vec<Customer>>,
}

impl Desk {
    async fn serve(self: Rc<Self>, mut customer: Customer) {
        loop {
            if customer.unanswered() == 0 {
                self.take_over(&mut customer.wave);
                if self.signals.no_more.load(Relaxed) {
                    break;
                }
                customer.begin_wave();
            }
            self.submit(&mut customer).await;
            if customer.unanswered() > 0 {
                if self.signals.gone.load(Relaxed) {
                    break;
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
        self.back.borrow_mut().push(customer);
    }

    fn take_over(&self, wave: &mut Vec<Call>) {
        let accepted = wave.drain(..).filter_map(|call| {
            let Call { key, mode, told, .. } = call;
            Some(Accepted { key, mode, told: told? })
        });
        self.heard.borrow_mut().accepted.extend(accepted);
    }

    /// Calls for all events of the wave that are not answered, at once; for some of them twice or three times.
    async fn submit(self: &Rc<Self>, customer: &mut Customer) {
        let mut calls = Vec::new();
        for place in 0..customer.wave.len() {
            let (key, mode) = (customer.wave[place].key, customer.wave[place].mode);
            if customer.wave[place].told.is_some() {
                continue;
            }
            let copies = if customer.chance.once_in(8) { customer.chance.between(2, 4) } else { 1 };
            for _ in 0..copies {
                let gateway = customer.gateway(self.lines.count());
                let (desk, request) = (self.clone(), key.submission(mode));
                let called =
                    tokio::task::spawn_local(async move { desk.lines.call(gateway, &request).await });
                calls.push((place, called));
            }
        }
        for (place, called) in calls {
            let answer = called.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
            self.hear(&mut customer.wave[place], answer);
        }
    }

    fn hear(&self, call: &mut Call, answer: std::io::Result<Answer>) {
        let mut heard = self.heard.borrow_mut();
        heard.calls += 1;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                *heard.broken.entry(error.kind().to_string()).or_default() += 1;
                return;
            }
        };
        let id = call.key.id();
        if !matches!(answer.status, 200 | 202) {
            if !matches!(answer.status, 429 | 503) {
                heard.faults.push(format!("{id} was answered {}: {}", answer.status, answer.text()));
            }
            heard.refused.entry(answer.status).or_insert_with(|| (0, answer.text())).0 += 1;
            return;
        }
        call.firsts += u32::from(!answer.replayed);
        heard.unmarked += u64::from(call.firsts > 1 && !answer.replayed);
        match &call.told {
            None => {
                self.signals.accepted.fetch_add(1, Relaxed);
                call.told = Some(answer.body);
            }
            Some(told) if *told != answer.body => {
                let first = String::from_utf8_lossy(told).into_owned();
                heard.faults.push(format!("{id} was told two things: {first} and {}", answer.text()));
            }
            Some(_) => {}
        }
    }
}
