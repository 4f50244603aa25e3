//! Traces: a collector is told the steps of a call, under its caller's trace; Xceed hears of it; and where nobody wants
//! them, or the collector is away, nothing changes.

use crate::harness::{Config, Gateway, Simulator, Tenant, customer_event, until};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const CALLERS: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PATIENCE: Duration = Duration::from_secs(20);

/// Takes whatever is posted, and answers that it is well.
struct Collector {
    address: SocketAddr,
    spans: Arc<Mutex<Vec<Value>>>,
}

impl Collector {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let (address, spans) = (listener.local_addr().expect("bound"), Arc::<Mutex<Vec<Value>>>::default());
        let kept = spans.clone();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.set_read_timeout(Some(PATIENCE));
                let document = request(&mut stream);
                let found = document["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().cloned();
                kept.lock().expect("kept").extend(found.unwrap_or_default());
                let _ =
                    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
            }
        });
        Self { address, spans }
    }

    /// The spans of a trace, once there are so many.
    fn of(&self, id: &str, count: usize) -> Vec<Value> {
        let own = || -> Vec<Value> {
            let spans = self.spans.lock().expect("kept").clone();
            spans.into_iter().filter(|span| span["traceId"] == id).collect()
        };
        until("the spans are there", || (own().len() >= count).then_some(()));
        own()
    }
}

/// The body of one request.
fn request(stream: &mut impl Read) -> Value {
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let head = all.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4);
        if let Some(head) = head {
            let words = String::from_utf8_lossy(&all[..head]).to_ascii_lowercase();
            let length = words.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
            let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
            if all.len() >= head + length {
                return serde_json::from_slice(&all[head..head + length]).unwrap_or_default();
            }
        }
        match stream.read(&mut piece) {
            Ok(read) if read > 0 => all.extend_from_slice(&piece[..read]),
            _ => return Value::Null,
        }
    }
}

fn traced(collector: &SocketAddr, share: &str) -> (Simulator, Gateway) {
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let traces = format!("telemetry.traces = {{ url = \"http://{collector}/v1/traces\", share = {share} }}");
    let gateway = Gateway::start(Config::new([Tenant::first_bank()], &xceed.url()).with(&traces));
    (xceed, gateway)
}

#[test]
fn a_collector_is_told_the_steps_of_a_call_under_its_callers_trace() {
    let collector = Collector::start();
    let (xceed, gateway) = traced(&collector.address, "0.0");
    let answer =
        gateway.submit_with("", &[("traceparent", CALLERS)], customer_event("t-1", "C-1").to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
    let spans = collector.of(ID, 4);
    let named = |name: &str| {
        spans.iter().find(|span| span["name"] == name).unwrap_or_else(|| panic!("no {name} in {spans:?}"))
    };
    let (call, prepare, send, settle) =
        (named("POST /v1/events"), named("prepare"), named("send"), named("settle"));
    assert_eq!((&call["parentSpanId"], &call["kind"]), (&json!("00f067aa0ba902b7"), &json!(2)));
    for step in [prepare, send, settle] {
        assert_eq!(step["parentSpanId"], call["spanId"], "{step}");
    }
    assert_eq!(send["kind"], 3);
    let said = send["attributes"].to_string();
    assert!(said.contains("SUCCESS") && said.contains("t-1") && said.contains("first-bank"), "{said}");
    assert!(call["attributes"].to_string().contains("\"200\""), "{call}");
    let at = |span: &Value, key: &str| span[key].as_str().expect("a time").parse::<u64>().expect("a number");
    assert!(at(call, "startTimeUnixNano") <= at(prepare, "startTimeUnixNano"));
    assert!(at(send, "endTimeUnixNano") <= at(settle, "endTimeUnixNano"));
    let heard = xceed.received().pop().expect("it arrived");
    let own = format!("00-{ID}-{}-01", send["spanId"].as_str().expect("an id"));
    assert_eq!(heard["traceparent"], own, "{heard}");
    let told = serde_json::to_string(&spans).expect("JSON");
    assert!(!told.contains("C-1"), "nobody's customer is named: {told}");
}

#[test]
fn a_call_whose_caller_samples_nothing_is_traced_by_nobody_and_xceed_hears_of_that() {
    let collector = Collector::start();
    let (xceed, gateway) = traced(&collector.address, "1.0");
    let unsampled = CALLERS.replace("-01", "-00");
    gateway.submit_with("", &[("traceparent", &unsampled)], customer_event("t-2", "C-2").to_string());
    let heard = xceed.received().pop().expect("it arrived");
    let told = heard["traceparent"].as_str().unwrap_or_default();
    assert!(told.starts_with(&format!("00-{ID}-")) && told.ends_with("-00"), "{heard}");
    // A call without a caller's trace is sampled; when it is there, the other would be too.
    gateway.submit(&customer_event("t-3", "C-3"));
    let is_there = || {
        let spans = collector.spans.lock().expect("kept");
        spans.iter().any(|span| span.to_string().contains("t-3")).then_some(())
    };
    until("the other call's spans are there", is_there);
    assert!(collector.of(ID, 0).is_empty());
}

#[test]
fn a_collector_that_is_away_changes_nothing() {
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let (_xceed, gateway) = traced(&nobody, "1.0");
    for number in 0..20 {
        let id = format!("t-away-{number}");
        assert_eq!(gateway.submit(&customer_event(&id, &format!("C-{id}"))).status, 200);
    }
    until("the log says so", || gateway.log().contains("spans were dropped").then_some(()));
}

#[test]
fn without_traces_nothing_is_passed_on() {
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let gateway = Gateway::start(Config::new([Tenant::first_bank()], &xceed.url()));
    gateway.submit_with("", &[("traceparent", CALLERS)], customer_event("t-4", "C-4").to_string());
    assert_eq!(xceed.received().pop().expect("it arrived")["traceparent"], Value::Null);
}
