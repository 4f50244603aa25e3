//! What one event costs in process, on one thread, without HTTP: each step of the translation, and the record on disk.
//! Not the whole round: `round` is.

#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

#[path = "translate/desk.rs"]
mod desk;
mod measure;
#[path = "translate/record.rs"]
mod record;

use desk::{Desk, EVENT};
use measure::{Arguments, Report, Samples};
use serde_json::{Value, json};
use std::hint::black_box;
use std::time::{Duration, Instant};
use xceed_gateway::http::{answer, json as body};

const USAGE: &str = "\
cargo bench --bench translate -- [options]
  --seconds 1        of measuring for each step
  --events 8000      recorded in each pass
  --translate-only   the translation alone, as one line of JSON
  --json FILE        write the report there as well";

/// Calls in a batch: short enough that most batches are not interrupted, long enough for the clock.
const BATCH: u32 = 50;
const WHOLE: &str = "translate: parse to wrap";

fn main() {
    let arguments = Arguments::read(USAGE);
    let seconds = Duration::from_secs_f64(arguments.get("--seconds", 1.0));
    let desk = Desk::new();
    if arguments.has("--translate-only") {
        println!("{}", translation(&desk, seconds));
        return;
    }
    let method = format!(
        "batches of {BATCH} calls for {} s a step, one thread; the event has {} bytes",
        seconds.as_secs_f64(),
        EVENT.len()
    );
    let mut report = Report::new("translate: one event in process", method);
    report.table(&["step", "us median", "us best"]);
    for (name, samples) in steps(&desk, seconds) {
        report.row(name, &[samples.at(0.5), samples.at(0.0)]);
    }
    record::measure(&desk, arguments.get("--events", 8000), &mut report);
    report.finish(&arguments);
}

/// Microseconds of one call, by batch.
fn time<T>(total: Duration, mut call: impl FnMut() -> T) -> Samples {
    let end = Instant::now() + total;
    let mut batches = Vec::new();
    while Instant::now() < end {
        let begun = Instant::now();
        for _ in 0..BATCH {
            black_box(call());
        }
        batches.push(begun.elapsed().as_secs_f64() * 1e6 / f64::from(BATCH));
    }
    Samples::of(batches)
}

/// Every step, and the whole translation, from the body to the signed request, with and without the schema.
fn steps(desk: &Desk, each: Duration) -> Vec<(&'static str, Samples)> {
    let event = body::read(EVENT).expect("JSON");
    let prepared = desk.prepared();
    let payload = &*prepared.message.payload;
    let answer = desk.answer(&prepared);
    vec![
        ("parse the JSON", time(each, || body::read(EVENT))),
        ("fingerprint", time(each, || event.fingerprint())),
        ("read the facts, fill the payload", time(each, || desk.payload(&event))),
        ("validate", time(each, || desk.violations(payload))),
        ("sign", time(each, || desk.hash(payload))),
        ("sign and wrap", time(each, || desk.request(payload))),
        (WHOLE, time(each, || desk.request(&desk.prepared().message.payload))),
        (
            "the same without validation",
            time(each, || desk.request(&desk.payload(&body::read(EVENT).expect("JSON")))),
        ),
        ("parse the Results", time(each, || desk.attempt())),
        ("word the answer", time(each, || answer::words(&answer))),
    ]
}

/// The translation alone, for comparisons side by side.
fn translation(desk: &Desk, each: Duration) -> Value {
    let steps = steps(desk, each);
    let at = |name: &str, share: f64| {
        steps.iter().find(|(step, _)| *step == name).map(|(_, samples)| samples.at(share))
    };
    let median = |name: &str| at(name, 0.5).unwrap_or(f64::NAN);
    let payload = desk.prepared().message.payload;
    json!({
        "us_median": at(WHOLE, 0.5),
        "us_min": at(WHOLE, 0.0),
        "parts_us": {
            "parse": median("parse the JSON"),
            "payload": median("read the facts, fill the payload"),
            "validate": median("validate"),
            "sha1": median("sign"),
            "envelope": median("sign and wrap") - median("sign"),
        },
        "bytes": { "event": EVENT.len(), "payload": payload.len(), "envelope": desk.request(&payload).len() },
    })
}
