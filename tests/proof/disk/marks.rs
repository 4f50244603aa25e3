//! Where in a trace each event is written down, flushed, answered and sent: the line of the first such system call.

use crate::events::Key;
use crate::trace::SystemCall;
use std::collections::HashMap;

/// How an answer's words begin behind the event's id.
const WORDS: &[u8] = b"\",\"decision\":";
/// A page of PostgreSQL's log, and its header, which may stand in the midst of a record.
const PAGE: usize = 8192;
const HEADER: usize = 24;

/// What a system call is for.
#[derive(Clone, Copy, PartialEq)]
enum Purpose {
    Log,
    Flush,
    Answer,
    Send,
    Other,
}

/// The line on which the first call of a kind ended (of a write to the log) or began (of an answer, of a request).
#[derive(Default)]
pub(crate) struct Marks {
    recorded: HashMap<Key, usize>,
    worded: HashMap<Key, usize>,
    answered: HashMap<Key, usize>,
    left: HashMap<Key, usize>,
    /// Flushes of the log: their first and last line.
    flushes: Vec<(usize, usize)>,
}

impl Marks {
    pub(crate) fn of(calls: &[SystemCall]) -> Self {
        let mut marks = Self::default();
        for call in calls {
            match purpose(call) {
                Purpose::Flush if call.succeeded => marks.flushes.push((call.began, call.ended)),
                Purpose::Log if call.succeeded => marks.take_record(call),
                Purpose::Answer => note(&mut marks.answered, call, call.began),
                Purpose::Send => note(&mut marks.left, call, call.began),
                _ => {}
            }
        }
        marks
    }

    fn take_record(&mut self, call: &SystemCall) {
        let bytes = without_headers(call);
        for (key, behind) in events(&bytes) {
            self.recorded.entry(key).or_insert(call.ended);
            if behind.starts_with(WORDS) {
                self.worded.entry(key).or_insert(call.ended);
            }
        }
    }

    pub(crate) fn flushes(&self) -> usize {
        self.flushes.len()
    }

    /// The same with every flush behind all else.
    pub(crate) fn with_late_flushes(self) -> Self {
        let flushes = self.flushes.iter().map(|(began, _)| (*began, usize::MAX)).collect();
        Self { flushes, ..self }
    }

    /// By when the event's record was flushed.
    pub(crate) fn recorded(&self, key: Key) -> Option<usize> {
        self.flushed(*self.recorded.get(&key)?)
    }

    /// By when the words of its answer were flushed; `None` also where they lie in two writes.
    pub(crate) fn worded(&self, key: Key) -> Option<usize> {
        self.flushed(*self.worded.get(&key)?)
    }

    pub(crate) fn answered(&self, key: Key) -> Option<usize> {
        self.answered.get(&key).copied()
    }

    pub(crate) fn left(&self, key: Key) -> Option<usize> {
        self.left.get(&key).copied()
    }

    /// The end of the first flush that began after this line.
    fn flushed(&self, written: usize) -> Option<usize> {
        self.flushes.iter().filter(|(began, _)| *began > written).map(|(_, ended)| *ended).min()
    }
}

fn purpose(call: &SystemCall) -> Purpose {
    let descriptor = call.arguments.split_once(", ").map_or(call.arguments.as_str(), |(first, _)| first);
    if descriptor.contains("<TCP:[") {
        return match () {
            () if call.arguments.contains("HTTP/1.1 20") => Purpose::Answer,
            () if call.arguments.contains("POST /xceed") => Purpose::Send,
            () => Purpose::Other,
        };
    }
    let is_log = descriptor.contains("-wal>") || descriptor.contains("/pg_wal/");
    match call.name.as_str() {
        _ if !is_log => Purpose::Other,
        "fsync" | "fdatasync" => Purpose::Flush,
        _ => Purpose::Log,
    }
}

fn note(marks: &mut HashMap<Key, usize>, call: &SystemCall, line: usize) {
    for (key, _) in events(&call.bytes()) {
        marks.entry(key).or_insert(line);
    }
}

/// What was written, without what PostgreSQL puts between the pages of its log.
fn without_headers(call: &SystemCall) -> Vec<u8> {
    let bytes = call.bytes();
    if !call.arguments.contains("/pg_wal/") {
        return bytes;
    }
    let kept = bytes.chunks(PAGE).flat_map(|page| page.get(HEADER..).unwrap_or_default());
    kept.copied().collect()
}

/// The ids of events in there, each with what is behind it.
fn events(bytes: &[u8]) -> impl Iterator<Item = (Key, &[u8])> {
    const LENGTH: usize = "e-0000-000000-0".len();
    bytes.windows(LENGTH).enumerate().filter(|(_, window)| window.starts_with(b"e-")).filter_map(
        |(at, window)| {
            let key = std::str::from_utf8(window).ok().and_then(Key::parse)?;
            Some((key, &bytes[at + LENGTH..]))
        },
    )
}
