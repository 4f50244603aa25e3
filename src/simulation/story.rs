//! What happens in one run, all of it decided beforehand by the seed: who calls when with what, how Xceed and the disk are
//! meanwhile, and when the gateway crashes.

use super::chance::Chance;
use crate::application::ports::Mode;
use std::time::Duration;

/// The deadline of callers.
pub(super) const DEADLINE: Duration = Duration::from_millis(300);
/// An attempt ends within this time.
pub(super) const ATTEMPT: Duration = Duration::from_secs(5);
/// How long a callback is awaited.
pub(super) const CALLBACK: Duration = Duration::from_secs(180);
/// Calls come within this time.
const SPAN: u64 = 90_000;
/// Everything is well and nobody calls for so long before it is judged: an open breaker, probes that take nothing failed,
/// a callback that never comes, the longest backoff, a held queue, one after the other.
const REST: Duration = Duration::from_secs(900);

/// One run.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) seed: u64,
    pub(super) calls: Vec<Call>,
    pub(super) weather: Vec<Spell<Weather>>,
    pub(super) disk: Vec<Spell<Disk>>,
    pub(super) crashes: Vec<Crash>,
    pub(super) resend_in_doubt: bool,
    pub(super) is_limited: bool,
    pub(super) passes_through: bool,
    /// When it is judged.
    pub(super) end: Duration,
}

/// A call, or a batch.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) at: Duration,
    pub(super) mode: Mode,
    pub(super) events: Vec<Event>,
    pub(super) key: Option<String>,
}

/// An event in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) customer: Option<String>,
    /// Another body under the same id has another.
    pub(super) body: u64,
}

/// Something that lasts.
#[derive(Clone, Debug)]
pub(super) struct Spell<T> {
    pub(super) from: Duration,
    pub(super) to: Duration,
    pub(super) what: T,
}

/// How Xceed is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weather {
    Slow,
    /// Nobody listens.
    Dead,
    /// Nothing ever comes back.
    Hole,
    /// Connections are reset, before or behind what they carried.
    Reset,
    /// Something answers that is no Xceed.
    Strange,
    /// It answers with this code.
    Says(&'static str),
}

/// How the disk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disk {
    /// Each flush takes so many milliseconds.
    Slow(u64),
    Full,
}

/// The gateway is killed, and starts again after a while.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crash {
    pub(super) at: Duration,
    pub(super) down: Duration,
}

const CODES: [&str; 9] = [
    "ERROR",
    "TIMEOUT",
    "MAINTENANCE",
    "INVALID_MSG",
    "MSG_OOO",
    "HASH_KEY_FAIL",
    "INVALID_CHANNEL",
    "XML_VALIDATION_FAIL",
    "A_WORD_OF_ITS_OWN",
];

impl Story {
    pub(super) fn of(seed: u64) -> Self {
        let chance = Chance::new(seed);
        let customers = chance.between(1, 8);
        let mut calls: Vec<Call> = Vec::new();
        for n in 0..chance.between(10, 70) {
            let at = Duration::from_millis(chance.between(0, SPAN));
            let mode = mode(&chance);
            let count = if mode.is_batch() { chance.between(2, 9) } else { 1 };
            let event = |line: u64| Event {
                id: format!("e-{n}-{line}"),
                customer: (!chance.is(10)).then(|| format!("C-{}", chance.between(0, customers))),
                body: 0,
            };
            let key = (!mode.is_batch() && chance.is(10)).then(|| format!("key-{n}"));
            let call = Call { at, mode, events: (0..count).map(event).collect(), key };
            if chance.is(25) {
                calls.push(again(&call, &chance));
            }
            calls.push(call);
        }
        let spells = |most: u64, longest: u64| -> Vec<(Duration, Duration)> {
            (0..chance.between(0, most))
                .map(|_| {
                    let from = chance.between(0, SPAN);
                    let to = from + chance.between(10, longest);
                    (Duration::from_millis(from), Duration::from_millis(to))
                })
                .collect()
        };
        let weather = spells(5, 40_000);
        let disk = spells(3, 3_000);
        let crashes = spells(4, 4_000);
        let weather: Vec<_> =
            weather.into_iter().map(|(from, to)| Spell { from, to, what: weather_of(&chance) }).collect();
        let disk = disk
            .into_iter()
            .map(|(from, to)| {
                let what = if chance.is(50) { Disk::Full } else { Disk::Slow(chance.between(20, 900)) };
                Spell { from, to, what }
            })
            .collect();
        let mut crashes: Vec<_> =
            crashes.into_iter().map(|(at, up)| Crash { at, down: up.saturating_sub(at) }).collect();
        crashes.sort_by_key(|crash| crash.at);
        let calm = Duration::from_millis(SPAN + 40_000);
        Self {
            seed,
            calls,
            weather,
            disk,
            crashes,
            resend_in_doubt: !chance.is(20),
            is_limited: chance.is(30),
            passes_through: chance.is(20),
            end: calm + REST,
        }
    }

    /// What chance decides while it runs.
    pub(super) fn chance(&self) -> Chance {
        Chance::new(!self.seed)
    }

    /// Whether the disk was in order all the time from some moment on.
    pub(super) fn is_disk_well(&self, from: Duration, to: Duration) -> bool {
        // A flush that began before its end may take a second.
        self.disk.iter().all(|spell| spell.to + Duration::from_secs(1) < from || to < spell.from)
    }
}

impl<T: Copy> Spell<T> {
    /// What is the case at that time; the first counts.
    pub(super) fn at(spells: &[Self], time: Duration) -> Option<T> {
        spells.iter().find(|spell| spell.from <= time && time < spell.to).map(|spell| spell.what)
    }
}

/// The same call a little later; now and then with another body, or another mode.
fn again(call: &Call, chance: &Chance) -> Call {
    let mut again = call.clone();
    again.at +=
        Duration::from_millis(if chance.is(60) { chance.between(0, 400) } else { chance.between(0, 30_000) });
    if chance.is(15) {
        again.events.iter_mut().for_each(|event| event.body = 1);
    } else if chance.is(20) && !call.mode.is_batch() {
        again.mode = mode(chance);
        if again.mode.is_batch() {
            again.key = None;
        }
    }
    again
}

fn mode(chance: &Chance) -> Mode {
    match chance.between(0, 100) {
        0..50 => Mode::Sync,
        50..62 => Mode::Ack,
        62..77 => Mode::Async,
        77..88 => Mode::Deferred,
        88..96 => Mode::Batch,
        _ => Mode::AsyncBatch,
    }
}

fn weather_of(chance: &Chance) -> Weather {
    match chance.between(0, 9) {
        0..2 => Weather::Slow,
        2 => Weather::Dead,
        3 => Weather::Hole,
        4 => Weather::Reset,
        5 => Weather::Strange,
        _ => Weather::Says(chance.pick::<&str>(&CODES)),
    }
}
