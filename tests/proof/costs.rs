//! What hostile inputs cost: none takes more than ten times the processor's time, or of memory, that the largest event takes
//! which is taken in. Measured as the process's own time, so whoever else is busy does not count.

use crate::harness::{Caller, Canned, Config, Do, Gateway, Tenant, answer, event, forged, results};
use crate::report::{Findings, Request};
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;

/// At most so many times the largest legal one.
const TIMES_MAX: f64 = 10.0;
/// A body's limit, and what an event of that size leaves of it for its other members.
const BODY_MAX: usize = 1 << 20;

/// What was sent, and how often.
type Input<'a> = (String, Box<dyn Fn(usize) + 'a>);

pub(crate) fn prove(request: &Request) -> Findings {
    let times: usize = request.get("--times", 3, 20);
    let mut found = Findings::new("costs: what hostile inputs take");
    let xceed = hostile_xceed();
    let tenant = Tenant::first_bank().with("xceed.callback_id = \"gw1\"\npolicy.deadline_ms = 1000");
    let config = Config::new([tenant], &xceed.url()).log_level("off,xceed_gateway::cli=info");
    let gateway = Gateway::start(config);
    let caller = gateway.caller();
    // What is made once and kept is not what an input costs.
    for n in 0..20 {
        caller.submit(&event(&format!("warm-{n}")));
    }
    let legal = |n: usize| {
        let told = caller.submit(&largest(&format!("legal-{n}")));
        assert_eq!(told.status, 200, "{}", told.text());
    };
    let (largest_time, largest_memory) = measure(&gateway, times, &legal);
    found.fact("the largest event that is taken in: processor's time", format!("{largest_time:.1?}"));
    let mut worst = (0.0, String::new());
    for (what, send) in bodies(&caller).into_iter().chain(callbacks(&gateway)).chain(answers(&caller)) {
        let (time, memory) = measure(&gateway, times, &send);
        let ratio = time.as_secs_f64() / largest_time.as_secs_f64();
        found.must(ratio <= TIMES_MAX, || {
            format!("{what}: {time:.1?}, {ratio:.1} times the largest legal one")
        });
        let room = (largest_memory.max(4 << 20) as f64) * TIMES_MAX;
        found.must(memory as f64 <= room, || format!("{what}: its peak grows by {memory} bytes"));
        if ratio > worst.0 {
            worst = (ratio, what.clone());
        }
        found.fact(&what, format!("{time:.1?}, {ratio:.2} times as much"));
    }
    found.fact("the dearest", format!("{}, {:.2} times as much", worst.1, worst.0));
    let told = caller.submit(&event("after"));
    found.must(told.status == 200, || format!("it does not serve any more: {}", told.text()));
    found
}

/// The time and the growth of the peak of memory that one takes.
fn measure(gateway: &Gateway, times: usize, send: &dyn Fn(usize)) -> (Duration, u64) {
    let (time, peak) = (processor_time(gateway.id()), peak(gateway.id()));
    (0..times).for_each(send);
    let taken = processor_time(gateway.id()).saturating_sub(time);
    (taken / times as u32, self::peak(gateway.id()).saturating_sub(peak))
}

/// Of all its threads, to the nanosecond.
fn processor_time(process: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{process}/task")).expect("it runs").flatten();
    let time = |text: String| text.split(' ').next()?.parse::<u64>().ok();
    let times =
        threads.filter_map(|thread| fs::read_to_string(thread.path().join("schedstat")).ok().and_then(time));
    Duration::from_nanos(times.sum())
}

fn peak(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() * 1024
}

fn largest(id: &str) -> Value {
    let mut event = event(id);
    let attributes = (0..19_800).map(|n| (format!("attribute-{n:06}"), json!(format!("value {n:024}"))));
    event["attributes"] = Value::Object(attributes.collect());
    let size = event.to_string().len();
    assert!((BODY_MAX * 9 / 10..BODY_MAX).contains(&size), "{size} bytes");
    event
}

fn bodies(caller: &Caller) -> Vec<Input<'_>> {
    let fill = |piece: &str| piece.repeat((BODY_MAX - 200) / piece.len());
    let member =
        |text: String| format!("{{\"eventId\":\"e-h\",\"eventType\":\"Login\",\"attributes\":{text}}}");
    let numbered =
        |of: &dyn Fn(usize) -> String, count: usize| (0..count).map(of).collect::<Vec<_>>().join(",");
    let all = vec![
        ("500 000 opening brackets", fill("[")),
        ("500 000 opening braces", fill("{\"a\":")),
        ("the same name 100 000 times", format!("{{{}}}", numbered(&|_| "\"a\":1".to_owned(), 100_000))),
        ("100 000 names that nobody knows", format!("{{{}}}", numbered(&|n| format!("\"n{n}\":1"), 70_000))),
        ("a number of a million digits", member(format!("{{\"a\":{}}}", fill("7")))),
        ("a million escapes", member(format!("{{\"a\":\"{}\"}}", fill("\\u0041")))),
        ("what XML forbids, a hundred thousand times", member(format!("{{\"a\":\"{}\"}}", fill("\\u0001")))),
        ("a text that is all separators", member(format!("{{\"a\":\"{}\"}}", fill("|=%")))),
        ("digits that may be a card's", member(format!("{{\"a\":\"{}\"}}", fill("4111 1111 1111 1111 ")))),
        (
            "attributes that are no scalars",
            member(format!("{{{}}}", numbered(&|n| format!("\"n{n}\":[]"), 70_000))),
        ),
        ("blank space", format!("{}{{", fill(" \n"))),
        ("a million ampersands", member(format!("{{\"a\":\"{}\"}}", fill("&<>")))),
        ("half of a character, many times", member(format!("{{\"a\":\"{}\"}}", fill("\\ud800")))),
    ];
    all.into_iter()
        .map(|(what, body)| {
            let send = move |n: usize| {
                let body = body.replacen("e-h", &format!("e-h{}-{n}", body.len() % 9973), 1);
                let _ = caller.try_call(&caller.submission("", body));
            };
            (format!("event: {what}"), Box::new(send) as Box<dyn Fn(usize)>)
        })
        .collect()
}

fn callbacks(gateway: &Gateway) -> Vec<Input<'_>> {
    let all = forged::costly().into_iter().chain(forged::no_plain_soap());
    all.map(|(what, request)| {
        let send = move |_| drop(gateway.try_call_back(&request));
        (format!("callback: {what}"), Box::new(send) as Box<dyn Fn(usize)>)
    })
    .collect()
}

/// Answers of an Xceed that is no friend, by the customer whose event it gets.
const ANSWERS: [&str; 7] = ["attributes", "levels", "namespaces", "elements", "entities", "comments", "text"];

fn hostile_answer(which: &str) -> Vec<u8> {
    let soap = "http://schemas.xmlsoap.org/soap/envelope/";
    let whole = |attributes: &str, inner: &str| {
        format!(
            "<s:Envelope xmlns:s=\"{soap}\"><s:Body><addEventResponse xmlns=\"urn:xceed:api:1.0\"{attributes}><Results>\
             {inner}<returnCode>SUCCESS</returnCode></Results></addEventResponse></s:Body></s:Envelope>"
        )
    };
    let many = |of: &dyn Fn(usize) -> String, count: usize| (0..count).map(of).collect::<String>();
    let body = match which {
        "attributes" => whole(&many(&|n| format!(" a{n}=\"\""), 22_000), ""),
        "levels" => whole("", &many(&|_| "<a>".to_owned(), 80_000)),
        "namespaces" => whole(&many(&|n| format!(" xmlns:n{n}=\"u\""), 13_000), ""),
        "elements" => whole("", &many(&|_| "<reason/>".to_owned(), 28_000)),
        "entities" => whole("", &format!("<reason>{}</reason>", many(&|_| "&amp;".to_owned(), 50_000))),
        "comments" => whole("", &many(&|_| "<!---->".to_owned(), 35_000)),
        _ => whole("", &format!("<reason>{}</reason>", "x".repeat(250_000))),
    };
    answer(200, "text/xml; charset=utf-8", body.as_bytes())
}

fn hostile_xceed() -> Canned {
    let answers: Vec<_> =
        ANSWERS.iter().map(|which| (format!("hostile-{which}-"), hostile_answer(which))).collect();
    Canned::start(move |heard| {
        let hostile = answers.iter().find(|(which, _)| heard.body.contains(which.as_str()));
        vec![Do::Say(hostile.map_or_else(|| results("SUCCESS", "10"), |(_, answer)| answer.clone()))]
    })
}

fn answers(caller: &Caller) -> Vec<Input<'_>> {
    let all = ANSWERS.into_iter().map(|which| {
        let send = move |n: usize| drop(caller.submit(&event(&format!("hostile-{which}-{n}"))));
        (format!("answer: {which}"), Box::new(send) as Box<dyn Fn(usize)>)
    });
    all.collect()
}
