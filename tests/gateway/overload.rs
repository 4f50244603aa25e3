//! More calls than can be served: what has no place is refused at once, before its body is read; the platforms' doors hear the
//! fallback; whoever floods keeps no other tenant out; and when there is room again, calls come in as before.

use crate::harness::{
    Config, Connection, Gateway, Response, Simulator, Tenant, customer_event, event, flat, until,
};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

/// Two banks, so many calls at a time, and an Xceed that takes its time.
fn start(in_flight: usize) -> (Simulator, Gateway) {
    let tenants = [Tenant::first_bank(), Tenant::new("second-bank", 210_099)];
    let xceed = Simulator::start(&tenants);
    let config = Config::new(tenants, &xceed.url()).with(&format!("server.in_flight = {in_flight}"));
    (xceed, Gateway::start(config))
}

fn slow(n: usize) -> Value {
    customer_event(&format!("slow-{n}"), &format!("SIM-SLOW-2500~{n}"))
}

#[track_caller]
fn assert_refused(answer: &Response) {
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{}", answer.text());
    assert_eq!(answer.json()["type"], "urn:xceed-gateway:problem:overload");
}

#[test]
fn what_has_no_place_is_refused_at_once_and_later_it_comes_in() {
    let (xceed, gateway) = start(4);
    let caller = gateway.caller();
    thread::scope(|scope| {
        let under_way: Vec<_> = (0..4)
            .map(|n| {
                let caller = &caller;
                scope.spawn(move || caller.submit(&slow(n)))
            })
            .collect();
        until("their arrival", || (xceed.received().len() == 4).then_some(()));
        for query in ["", "?mode=ack", "?mode=async"] {
            assert_refused(&gateway.submit_with(query, &[], event("e-1").to_string()));
        }
        // Refused before its body is there at all.
        let mut line = TcpStream::connect(gateway.address()).expect("it listens");
        let head = caller.submission("", "").bytes_with("Content-Length: 1000\r\n\r\n");
        line.write_all(&head).expect("sent");
        let mut start = [0; 12];
        line.read_exact(&mut start).expect("an answer");
        assert_eq!(&start, b"HTTP/1.1 503");
        // A connection that is kept goes on.
        let mut kept = Connection::open(gateway.address()).expect("it listens");
        for _ in 0..3 {
            assert_refused(&kept.send(&caller.submission("", event("e-1").to_string())).expect("an answer"));
        }
        let body = json!({ "customer_id": "C-9", "conversation_id": "c-1", "transaction_amount": 5.0 });
        let told =
            caller.post("/v1/genesys/assess", &[("Content-Type", "application/json")], body.to_string());
        let told = flat(&told);
        assert_eq!((&told["outcome"], &told["basis"]), (&json!("FALLBACK"), &json!("overload")), "{told}");
        let ready = caller.call(&caller.request("GET", "/readyz")).json();
        assert!(ready["refused"].as_u64().is_some_and(|refused| refused >= 8), "{ready}");
        for answer in under_way {
            assert_eq!(answer.join().expect("answered").json()["outcome"], "SCORED");
        }
    });
    assert_eq!(gateway.look_up("e-1").status, 404, "nothing was promised, and nothing recorded");
    let told = gateway.submit(&event("e-1"));
    assert_eq!((told.status, &told.json()["outcome"]), (200, &json!("SCORED")));
    until("a line of the log", || {
        gateway.log().contains("more calls than the machine can serve").then_some(())
    });
}

#[test]
fn whoever_floods_keeps_no_other_tenant_out() {
    let (xceed, gateway) = start(4);
    let (flood, other) = (gateway.caller(), gateway.caller_of("second-bank"));
    thread::scope(|scope| {
        let calls: Vec<_> = (0..40)
            .map(|n| {
                let flood = &flood;
                scope.spawn(move || flood.submit(&slow(n)).status)
            })
            .collect();
        until("a flood", || (xceed.received().len() >= 4).then_some(()));
        for n in 0..5 {
            let told = other.submit(&event(&format!("other-{n}")));
            assert_eq!((told.status, &told.json()["outcome"]), (200, &json!("SCORED")), "{}", told.text());
        }
        let statuses: Vec<u16> = calls.into_iter().map(|call| call.join().expect("answered")).collect();
        let served = statuses.iter().filter(|status| **status == 200).count();
        assert!(served >= 4 && statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    });
}

#[test]
fn connections_that_say_nothing_do_not_keep_callers_out() {
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let config = Config::new([Tenant::first_bank()], &xceed.url());
    let gateway = Gateway::start(config.with("server = { connections = 40, workers = 2 }"));
    let mut idle: Vec<TcpStream> =
        (0..30).map(|_| TcpStream::connect(gateway.address()).expect("it listens")).collect();
    // Some begin a head and never end it.
    for line in idle.iter_mut().take(10) {
        line.write_all(b"POST /v1/events HTTP/1.1\r\nHost: x\r\n").expect("sent");
    }
    assert_eq!(gateway.submit(&event("e-1")).status, 200);
    // All places are taken now; whoever says nothing loses his.
    idle.extend((0..40).map(|_| TcpStream::connect(gateway.address()).expect("it listens")));
    assert_eq!(gateway.submit(&event("e-2")).status, 200);
    for line in &mut idle {
        line.set_read_timeout(Some(Duration::from_secs(20))).expect("it can be");
        let mut rest = Vec::new();
        let _ = line.read_to_end(&mut rest);
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&rest));
    }
}

/// The processor's time that a process has taken, in hundredths of a second.
fn cpu(id: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).expect("it runs");
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    behind_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}

#[test]
fn without_file_descriptors_it_neither_ends_nor_spins_and_goes_on_when_there_are_some() {
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let gateway = Gateway::start_limited(Config::new([Tenant::first_bank()], &xceed.url()), "-n 64");
    assert_eq!(gateway.submit(&event("e-1")).status, 200);
    let mut idle: Vec<TcpStream> = Vec::new();
    for _ in 0..200 {
        idle.extend(TcpStream::connect(gateway.address()));
    }
    let before = cpu(gateway.id());
    thread::sleep(Duration::from_secs(2));
    let taken = cpu(gateway.id()) - before;
    assert!(taken < 100, "it takes {taken} hundredths of a second of two seconds, for nothing");
    drop(idle);
    until("an answer", || {
        let caller = gateway.caller();
        let answer = caller.try_call(&caller.submission("", event("e-2").to_string())).ok()?;
        (answer.status == 200).then_some(())
    });
    gateway.caller().until_state("e-2", "SETTLED");
}
