//! Record, flush, answer: for every event that is accepted, its record and the words of its answer were written to the
//! log, and the log was flushed, before the first byte of the answer left, as a trace of the system calls shows. For a
//! tenant that lets nothing be sent twice, its record also before the first byte left for Xceed.

mod marks;

use crate::callers::call_all;
use crate::events::{Key, SECOND};
use crate::harness::{Config, Gateway, Simulator, Tenant};
use crate::report::{Findings, Request};
use crate::store::Store;
use crate::trace::{self, Tracer};
use marks::Marks;

/// Callers at a time, so that events share flushes.
const WIDTH: usize = 12;
/// Of so many events the words of one may lie in two writes to the log, and are then not seen in one piece.
const DIVIDED_IN: usize = 50;

pub(crate) fn prove(request: &Request, name: &str) -> Findings {
    let events = request.get("--events", 50, 1000);
    let title = format!("disk: record, flush, answer ({name})");
    let Some(store) = Store::alone(name) else {
        return Findings::skipped(title, "this machine has no such store");
    };
    let mut found = Findings::new(title);
    found.must(trace::can_be_read(), || "a trace that is known is read otherwise".to_owned());
    let tenants =
        [Tenant::first_bank(), Tenant::new("second-bank", 310_031).with("xceed.resend_in_doubt = false")];
    let xceed = Simulator::start(&tenants);
    let gateway = Gateway::start(store.of(Config::new(tenants, &xceed.url())));
    let mut processes = store.processes();
    processes.push(gateway.id());
    let Some(tracer) = Tracer::attach(&processes, &gateway.file("trace")) else {
        found.fault("strace is not there, or may not trace these processes");
        return found;
    };
    let keys: Vec<Key> = (0..events).map(key).collect();
    let submissions: Vec<_> = keys.iter().map(|key| key.submission(key.mode_without_callback())).collect();
    let answers = call_all(&[gateway.address()], WIDTH, submissions);
    let mut accepted = Vec::new();
    for (key, answer) in keys.into_iter().zip(answers) {
        match answer {
            Ok(answer) if matches!(answer.status, 200 | 202) => accepted.push(key),
            other => found.fault(format!("{} was not accepted: {other:?}", key.id())),
        }
    }
    let calls = trace::read(&tracer.finish());
    let marks = Marks::of(&calls);
    let Judged { faults, sent, divided } = judge(&marks, &accepted);
    faults.into_iter().for_each(|fault| found.fault(fault));
    found.must(sent > 0, || "no event of the strict tenant was seen to leave".to_owned());
    found
        .must(divided <= events as usize / DIVIDED_IN + 1, || format!("of {divided} the words are not seen"));
    found.fact("events accepted, each flushed before its answer", accepted.len());
    found.fact("of them of a tenant with `resend_in_doubt = false`, flushed before they left", sent);
    found.fact("judged by their record, since their words lie in two writes", divided);
    found.fact("system calls in the trace", calls.len());
    found.fact("flushes of the log among them", marks.flushes());
    // Who finds nothing wrong must be able to: in the same trace with each flush behind all else, every event is wrong.
    let Judged { faults, .. } = judge(&marks.with_late_flushes(), &accepted);
    found
        .must(faults.len() >= accepted.len(), || "a trace whose flushes come last passes as well".to_owned());
    found
}

/// One event of many customers, of both tenants in turn.
fn key(wave: u32) -> Key {
    let customer = 12 * (wave / 2 % 40) as u16 + 7;
    Key { customer: if wave.is_multiple_of(2) { customer } else { SECOND + customer }, wave, place: 0 }
}

struct Judged {
    faults: Vec<String>,
    /// How many of the strict tenant's were seen to leave.
    sent: usize,
    /// How many answers' words were not seen in one piece.
    divided: usize,
}

fn judge(marks: &Marks, accepted: &[Key]) -> Judged {
    let mut judged = Judged { faults: Vec::new(), sent: 0, divided: 0 };
    for &key in accepted {
        let id = key.id();
        let Some(recorded) = marks.recorded(key) else {
            judged.faults.push(format!("{id} was answered, and no flush of its record is seen"));
            continue;
        };
        let worded = marks.worded(key);
        judged.divided += usize::from(worded.is_none());
        let flushed = worded.unwrap_or(recorded);
        match marks.answered(key) {
            None => judged.faults.push(format!("{id} was answered, and that is not seen")),
            Some(answered) if answered < flushed => {
                judged.faults.push(format!("{id} was answered on line {answered}, and flushed by {flushed}"));
            }
            Some(_) => {}
        }
        let left = marks.left(key).filter(|_| key.customer >= SECOND);
        judged.sent += usize::from(left.is_some());
        if let Some(left) = left.filter(|left| *left < recorded) {
            judged.faults.push(format!("{id} left on line {left}, and was flushed by {recorded}"));
        }
    }
    judged
}
