//! What leaves for Xceed leaves once: no library sends it again, follows a redirect, or waits longer than an attempt
//! may take. And what Xceed's side of a connection can do wrong costs one event its score at most.

use crate::harness::{Canned, Config, Do, Gateway, Stopwatch, Tenant, answer, event, results, until};
use serde_json::{Value, json};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;
use std::time::Duration;

/// A bank that would rather have a person look than an event sent twice: what the network itself did twice would show.
fn strict() -> Tenant {
    Tenant::first_bank().with("xceed.resend_in_doubt = false")
}

fn assert_scored(told: &Value) {
    assert_eq!((&told["outcome"], &told["riskScore"]), (&json!("SCORED"), &json!(12.0)), "{told}");
}

fn assert_transport(told: &Value) {
    assert_eq!((&told["outcome"], &told["basis"]), (&json!("FALLBACK"), &json!("transport")), "{told}");
    assert_eq!((&told["disposition"], &told["returnCode"]), (&json!("UNKNOWN"), &Value::Null), "{told}");
}

fn good() -> Vec<Do> {
    vec![Do::Say(results("SUCCESS", "12.0"))]
}

#[test]
fn a_request_says_what_it_is_and_asks_for_nothing_that_is_not_understood() {
    let xceed = Canned::start(|_| good());
    let gateway = Gateway::start(Config::new([strict()], &xceed.url()));
    assert_scored(&gateway.submit(&event("e-1")).json());
    let heard = &xceed.heard()[0];
    let line = |name: &str| {
        let lines = heard.head.lines().filter_map(|line| line.split_once(':'));
        let values: Vec<_> =
            lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim()).collect();
        values.join(", ")
    };
    assert!(heard.head.starts_with("POST /xceed HTTP/1.1\r\n"), "{}", heard.head);
    assert_eq!(line("content-type"), "text/xml; charset=utf-8");
    assert_eq!(line("soapaction"), "\"urn:xceed:api:1.0#addEvent\"");
    assert_eq!(line("content-length"), heard.body.len().to_string());
    assert_eq!((line("accept-encoding"), line("transfer-encoding"), line("expect")), Default::default());
    assert!(
        !heard.head.contains("311a5439c8bda8ef") && !heard.body.contains("311a5439c8bda8ef"),
        "the secret is sent"
    );
}

#[test]
fn connections_are_kept_and_used_again() {
    let xceed = Canned::start(|_| good());
    let gateway = Gateway::start(Config::new([strict()], &xceed.url()).with("server.workers = 1"));
    for n in 0..5 {
        assert_scored(&gateway.submit(&event(&format!("e-{n}"))).json());
    }
    assert!(xceed.heard().iter().all(|heard| heard.connection == 0));
}

#[test]
fn a_connection_that_xceed_has_closed_meanwhile_costs_nothing() {
    let xceed = Canned::start(|_| vec![Do::Say(results("SUCCESS", "12.0")), Do::Close]);
    let gateway = Gateway::start(Config::new([strict()], &xceed.url()).with("server.workers = 1"));
    for n in 0..5 {
        let id = format!("e-{n}");
        assert_scored(&gateway.submit(&event(&id)).json());
        assert_eq!(xceed.heard_of(&id).len(), 1);
        // Time enough for the news of the closing to arrive.
        thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_request_whose_connection_breaks_is_in_doubt_and_no_library_sends_it_again() {
    // The first request on each connection is answered, the second finds it closing: as it is with a server that ends
    // idle connections at that very moment.
    let xceed = Canned::start(|heard| if heard.place == 0 { good() } else { vec![Do::Close] });
    let gateway = Gateway::start(Config::new([strict()], &xceed.url()).with("server.workers = 1"));
    for n in 0..6 {
        let id = format!("e-{n}");
        let told = gateway.submit(&event(&id)).json();
        if n % 2 == 0 {
            assert_scored(&told);
        } else {
            assert_transport(&told);
            let seen = gateway.look_up(&id).json();
            assert_eq!((&seen["state"], &seen["attempts"]), (&json!("PARKED"), &json!(1)), "{seen}");
        }
        assert_eq!(xceed.heard_of(&id).len(), 1, "{id} is sent once");
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let elsewhere = Canned::start(|_| good());
    let target = elsewhere.url();
    let xceed = Canned::start(move |heard| {
        let status = [301, 302, 303, 307, 308][heard.place % 5];
        let head = format!("HTTP/1.1 {status} -\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n");
        vec![Do::Say(head.into_bytes())]
    });
    let tenant = strict().with("xceed.attempt_timeout = \"10s\"");
    let gateway = Gateway::start(Config::new([tenant], &xceed.url()));
    for n in 0..5 {
        assert_transport(&gateway.submit(&event(&format!("e-{n}"))).json());
    }
    assert!(elsewhere.heard().is_empty());
}

#[test]
fn an_answer_beyond_256_kib_is_not_read_to_its_end() {
    let padded = |size: usize| {
        let mut whole = String::from_utf8(results("SUCCESS", "12.0")).expect("text");
        let body = whole.split_off(whole.find("\r\n\r\n").expect("a head") + 4);
        let body = format!("{body}<!--{}-->", "x".repeat(size - body.len() - 7));
        assert_eq!(body.len(), size);
        body.into_bytes()
    };
    let xml = "text/xml; charset=utf-8";
    let exactly = answer(200, xml, &padded(256 * 1024));
    let announced = answer(200, xml, &padded(256 * 1024 + 1));
    let head = move |more: &str| format!("HTTP/1.1 200 -\r\nContent-Type: {xml}\r\n{more}\r\n").into_bytes();
    let xceed = Canned::start(move |heard| {
        let endless = |first: Vec<u8>, piece: Vec<u8>| {
            let pieces = std::iter::repeat_n(Do::Say(piece), 10_000);
            std::iter::once(Do::Say(first)).chain(pieces).chain([Do::Close]).collect()
        };
        let chunk = format!("8000\r\n{}\r\n", " ".repeat(0x8000)).into_bytes();
        match () {
            () if heard.body.contains("e-exactly") => vec![Do::Say(exactly.clone())],
            () if heard.body.contains("e-announced") => vec![Do::Say(announced.clone())],
            () if heard.body.contains("e-chunked") => endless(head("Transfer-Encoding: chunked\r\n"), chunk),
            () if heard.body.contains("e-unbounded") => endless(head(""), vec![b' '; 0x8000]),
            () if heard.body.contains("e-head") => endless(head("X: "), vec![b'x'; 0x8000]),
            () => vec![
                Do::Say(head("Content-Length: 9223372036854775807\r\n")),
                Do::Pause(Duration::from_secs(1)),
            ],
        }
    });
    let gateway = Gateway::start(Config::new([Tenant::first_bank()], &xceed.url()));
    assert_scored(&gateway.submit(&event("e-exactly")).json());
    for id in ["e-announced", "e-chunked", "e-unbounded", "e-head", "e-absurd"] {
        assert_transport(&gateway.submit(&event(id)).json());
    }
}

#[test]
fn an_answer_that_trickles_is_cut_when_the_attempt_has_to_end() {
    let trickle = |bytes: &[u8]| {
        bytes
            .iter()
            .flat_map(|byte| [Do::Say(vec![*byte]), Do::Pause(Duration::from_millis(100))])
            .collect::<Vec<_>>()
    };
    let xceed = Canned::start(move |heard| {
        let bytes = results("SUCCESS", "12.0");
        let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
        if heard.body.contains("e-head") {
            return trickle(&bytes);
        }
        [vec![Do::Say(bytes[..head].to_vec())], trickle(&bytes[head..])].concat()
    });
    let tenant = Tenant::first_bank().with("xceed.attempt_timeout = \"700ms\"");
    let gateway = Gateway::start(Config::new([tenant], &xceed.url()));
    for id in ["e-head", "e-body"] {
        let watch = Stopwatch::start();
        assert_transport(&gateway.submit(&event(id)).json());
        assert!(
            watch.elapsed() < Duration::from_secs(5),
            "{id} was waited for to the deadline: {:?}",
            watch.elapsed()
        );
    }
}

#[test]
fn an_answer_in_another_coding_is_none() {
    let xceed = Canned::start(|heard| {
        let whole = String::from_utf8(results("SUCCESS", "12.0")).expect("text");
        let change = |from: &str, to: &str| vec![Do::Say(whole.replacen(from, to, 1).into_bytes())];
        match () {
            () if heard.body.contains("e-gzip") => {
                change("Content-Type", "Content-Encoding: gzip\r\nContent-Type")
            }
            () if heard.body.contains("e-latin") => change("charset=utf-8", "charset=iso-8859-1"),
            () if heard.body.contains("e-plain") => change("text/xml", "text/plain"),
            () if heard.body.contains("e-untyped") => change("Content-Type: text/xml; charset=utf-8\r\n", ""),
            () => change("HTTP/1.1 200", "HTTP/1.1 202"),
        }
    });
    let gateway = Gateway::start(Config::new([Tenant::first_bank()], &xceed.url()));
    for id in ["e-gzip", "e-latin", "e-plain", "e-untyped", "e-accepted"] {
        assert_transport(&gateway.submit(&event(id)).json());
    }
}

#[test]
fn an_event_waits_for_an_xceed_that_is_not_there_yet() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    drop(listener);
    // Nothing left this machine, so that even the strict may be sent again.
    let gateway = Gateway::start(Config::new([strict()], &format!("http://{address}/xceed")));
    let told = gateway.submit(&event("e-1"));
    assert_transport(&told.json());
    let seen = gateway.look_up("e-1").json();
    assert!(["QUEUED", "SENDING"].contains(&seen["state"].as_str().unwrap_or_default()), "{seen}");
    let listener = until("its port, which was free a moment ago", || TcpListener::bind(address).ok());
    let xceed = Canned::listen(listener, |_| good());
    let seen = gateway.caller().until_state("e-1", "SETTLED");
    assert_eq!((&seen["late"]["riskScore"], xceed.heard_of("e-1").len()), (&json!(12.0), 1));
    assert_eq!(gateway.submit(&event("e-1")).body, told.body);
}
