//! Record, flush, answer: for every event that is accepted, its record and the words of its answer were written to the
//! log, and the log was flushed, before the first byte of the answer left, as a trace of the system calls shows. For a
//! tenant that lets nothing be sent twice, its record also before the first byte left for Xceed.

use crate::callers::call_all;
use crate::events::{Key, SECOND};
use crate::harness::{Config, Gateway, Simulator, Tenant};
use crate::report::{Findings, Request};
use crate::trace::{self, SystemCall, Tracer};

/// Callers at a time, so that events share flushes.
const WIDTH: usize = 12;

pub(crate) fn prove(request: &Request) -> Findings {
    let events = request.get("--events", 50, 1000);
    let mut found = Findings::new("disk: record, flush, answer (SQLite)");
    found.must(trace::can_be_read(), || "a trace that is known is read otherwise".to_owned());
    let strict = Tenant::new("second-bank", 310_031).with("xceed.resend_in_doubt = false");
    let tenants = [Tenant::first_bank(), strict];
    let xceed = Simulator::start(&tenants);
    let gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    let Some(tracer) = Tracer::attach(&[gateway.id()], &gateway.file("trace")) else {
        found.fault("strace is not there, or may not trace this process");
        return found;
    };
    let customer = |wave| if wave % 2 == 0 { 7 } else { SECOND + 7 };
    let keys = (0..events).map(|wave| Key {
        customer: customer(wave) + 12 * (wave / 2 % 40) as u16,
        wave,
        place: 0,
    });
    let keys: Vec<Key> = keys.collect();
    let submissions: Vec<_> = keys.iter().map(|key| key.submission(key.mode_without_callback())).collect();
    let answers = call_all(&[gateway.address()], WIDTH, submissions);
    let mut accepted = Vec::new();
    for (key, answer) in keys.into_iter().zip(answers) {
        match answer {
            Ok(answer) if matches!(answer.status, 200 | 202) => accepted.push(key),
            other => found.fault(format!("{} was not accepted: {other:?}", key.id())),
        }
    }
    let mut calls = trace::read(&tracer.finish());
    let (faults, sent) = judge(&calls, &accepted);
    faults.into_iter().for_each(|fault| found.fault(fault));
    found.must(sent > 0, || "no event of the strict tenant was seen to leave".to_owned());
    found.fact("events accepted, each flushed before its answer", accepted.len());
    found.fact("of them of a tenant with `resend_in_doubt = false`, flushed before they left", sent);
    found.fact("system calls in the trace", calls.len());
    found.fact("flushes of the log among them", Log::of(&calls).flushes.len());
    // Who finds nothing wrong must be able to: in the same trace with each flush behind all else, every event is wrong.
    for call in calls.iter_mut().filter(|call| is_flush(call)) {
        call.ended = usize::MAX;
    }
    let (faults, _) = judge(&calls, &accepted);
    found
        .must(faults.len() >= accepted.len(), || "a trace whose flushes come last passes as well".to_owned());
    found
}

/// What is wrong with each of these events, and how many of the strict tenant's were seen to leave.
fn judge(calls: &[SystemCall], accepted: &[Key]) -> (Vec<String>, usize) {
    let log = Log::of(calls);
    let (mut faults, mut sent) = (Vec::new(), 0);
    for key in accepted {
        let id = key.id();
        let begins = |holds: &str| {
            let wanted = |call: &&SystemCall| to_a_socket(call, holds) && call.arguments.contains(&id);
            calls.iter().find(wanted).map(|call| call.began)
        };
        // The very words of the answer, as they stand in the log.
        let words = format!(r#"\"eventId\":\"{id}\",\"decision\":"#);
        let (Some(recorded), Some(flushed)) = (log.flushed(&id), log.flushed(&words)) else {
            faults.push(format!("{id} was answered, and no flush of its record or of its answer is seen"));
            continue;
        };
        match begins("HTTP/1.1 20") {
            None => faults.push(format!("{id} was answered, and that is not seen")),
            Some(answered) if answered < flushed => {
                faults.push(format!("{id} was answered on line {answered}, and flushed by line {flushed}"));
            }
            Some(_) => {}
        }
        let left = begins("POST /xceed").filter(|_| key.customer >= SECOND);
        sent += usize::from(left.is_some());
        if left.is_some_and(|left| left < recorded) {
            faults.push(format!("{id} left on line {left:?}, and was flushed by line {recorded}"));
        }
    }
    (faults, sent)
}

fn is_flush(call: &SystemCall) -> bool {
    matches!(call.name.as_str(), "fsync" | "fdatasync")
}

fn to_a_socket(call: &SystemCall, holds: &str) -> bool {
    call.arguments.contains("<TCP:[") && call.arguments.contains(holds)
}

/// What happened to the write-ahead log.
struct Log<'a> {
    writes: Vec<&'a SystemCall>,
    flushes: Vec<&'a SystemCall>,
}

impl<'a> Log<'a> {
    fn of(calls: &'a [SystemCall]) -> Self {
        let (mut writes, mut flushes) = (Vec::new(), Vec::new());
        for call in calls.iter().filter(|call| descriptor(call).ends_with("-wal") && call.succeeded) {
            if is_flush(call) { flushes.push(call) } else { writes.push(call) }
        }
        Self { writes, flushes }
    }

    /// The line by which these bytes were flushed, when they stood in the log for the first time.
    fn flushed(&self, bytes: &str) -> Option<usize> {
        let written = self.writes.iter().find(|call| call.arguments.contains(bytes))?.ended;
        self.flushes.iter().find(|call| call.began > written).map(|call| call.ended)
    }
}

/// What a call's descriptor is: a path, or a socket.
fn descriptor(call: &SystemCall) -> &str {
    let inside = call.arguments.split_once('<').map_or("", |(_, rest)| rest);
    inside.split_once('>').map_or("", |(path, _)| path)
}
