//! Whoever calls, however, and whatever for: the gateway says what is wrong with the call, and goes on serving. What may
//! be wrong with a body is told elsewhere (`bad_input.rs`).

use crate::bad_input::{Desk, assert_problem};
use crate::harness::{Connection, Request, event};

#[test]
fn only_plain_json_in_utf8_is_taken() {
    let desk = Desk::open();
    let post = || desk.caller.request("POST", "/v1/events").body(event("e-1").to_string());
    for (name, value) in [
        ("Content-Type", "text/plain"),
        ("Content-Type", "application/xml"),
        ("Content-Type", "application/x-www-form-urlencoded"),
        ("Content-Type", "multipart/form-data; boundary=x"),
        ("Content-Type", "application/json; charset=iso-8859-1"),
        ("Content-Type", "application/json; charset=utf-16"),
        ("Content-Type", "application/jsonx"),
        ("Content-Type", ""),
        ("Content-Encoding", "gzip"),
        ("Content-Encoding", "zstd"),
        ("Content-Encoding", "identity, gzip"),
    ] {
        let response = desk.send(&post().header(name, value));
        assert_problem(&response, 415, "unsupported_media_type");
    }
    for (n, value) in ["application/json", "Application/JSON; Charset=\"UTF-8\"", "application/vnd.bank+json"]
        .iter()
        .enumerate()
    {
        let event = event(&format!("ok-{n}")).to_string();
        let request = desk.caller.request("POST", "/v1/events").header("Content-Type", value).body(event);
        assert_eq!(desk.send(&request).status, 200, "{value}");
    }
    assert_eq!(desk.caller.look_up("e-1").status, 404);
}

#[test]
fn a_caller_needs_a_key_with_the_role() {
    let desk = Desk::open();
    let with = |headers: &[(&str, &str)]| {
        let request = Request::new("POST", "/v1/events").header("Content-Type", "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        desk.send(&request.body(event("e-1").to_string()))
    };
    for headers in [
        &[][..],
        &[("Authorization", "")],
        &[("Authorization", "Bearer")],
        &[("Authorization", "Bearer ")],
        &[("Authorization", "Bearer CANARY-6b1f")],
        &[("Authorization", "Basic Y2FsbGVyLW9mLWZpcnN0LWJhbms=")],
        &[("Authorization", "Bearer Caller-of-first-bank")],
        &[("X-Api-Key", "CANARY-6b1f")],
        &[("X-Api-Key", "")],
    ] {
        let response = with(headers);
        assert_problem(&response, 401, "unauthorized");
        assert_eq!(response.header("www-authenticate"), Some("Bearer"));
    }
    assert_problem(&with(&[("Authorization", "Bearer auditor-of-first-bank")]), 403, "forbidden");
    assert_problem(&with(&[("X-Api-Key", "operator-of-first-bank")]), 403, "forbidden");
    assert_eq!(desk.caller.look_up("e-1").status, 404, "none of them was recorded");
    assert_eq!(with(&[("X-Api-Key", "caller-of-first-bank")]).status, 200);
    for target in ["/v1/events/e-1", "/v1/return-codes"] {
        assert_problem(&desk.send(&Request::new("GET", target)), 401, "unauthorized");
        let auditor = Request::new("GET", target).header("X-Api-Key", "auditor-of-first-bank");
        assert_eq!(desk.send(&auditor).status, 200, "{target}");
    }
}

#[test]
fn calls_that_are_none_are_told_so() {
    let desk = Desk::open();
    let call = |method: &str, target: &str| desk.send(&desk.caller.request(method, target));
    for target in [
        "/",
        "/v1",
        "/v1/event",
        "/v1/events/",
        "/v1/events/a/b",
        "/v2/events",
        "/V1/EVENTS",
        "/v1/events%2f",
    ] {
        assert_problem(&call("GET", target), 404, "not_found");
    }
    for (method, target, allowed) in [
        ("GET", "/v1/events", "POST"),
        ("PUT", "/v1/events", "POST"),
        ("DELETE", "/v1/events/e-1", "GET"),
        ("POST", "/v1/return-codes", "GET"),
        ("POST", "/healthz", "GET"),
    ] {
        let response = call(method, target);
        assert_problem(&response, 405, "method_not_allowed");
        assert_eq!(response.header("allow"), Some(allowed), "{method} {target}");
    }
    for id in ["e%00", "%C3%A9", "CANARY-6b1f%20", "%ff", &"x".repeat(129)] {
        assert_problem(&call("GET", &format!("/v1/events/{id}")), 404, "unknown_event");
    }
    for wait in ["CANARY-6b1f", "-1", "", "NaN", "inf"] {
        assert_problem(&call("GET", &format!("/v1/events/e-1?wait={wait}")), 400, "bad_query");
    }
    for mode in ["CANARY-6b1f", "", "SYNC", "sync,ack"] {
        let request = desk.caller.submission(&format!("?mode={mode}"), event("e-1").to_string());
        assert_problem(&desk.send(&request), 400, "bad_query");
    }
    let asynchronous = desk.caller.submission("?mode=async", event("e-1").to_string());
    assert_problem(&desk.send(&asynchronous), 422, "no_callback");
    for key in ["", "é", &"k".repeat(256)] {
        let request = desk.caller.submission("", event("e-1").to_string()).header("Idempotency-Key", key);
        assert_problem(&desk.send(&request), 400, "bad_key");
    }
    assert_eq!(desk.caller.look_up("e-1").status, 404, "none of them was recorded");
}

#[test]
fn what_is_no_http_is_refused_and_never_taken_for_two_requests() {
    let desk = Desk::open();
    let smuggled = desk.caller.submission("", event("smuggled").to_string()).bytes();
    let smuggled = String::from_utf8(smuggled).expect("it is text");
    let head =
        "POST /v1/events HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Bearer caller-of-first-bank\r\n";
    for bad in [
        "CANARY-6b1f\r\n\r\n".to_owned(),
        "GET /v1/events/é HTTP/1.1\r\nHost: gateway.test\r\n\r\n".to_owned(),
        "GET /v1/return-codes HTTP/1.1\r\n\r\n".to_owned(),
        format!("{head}X: {}\r\n\r\n", "x".repeat(300_000)),
        format!("{head}X Y: z\r\n\r\n"),
        format!("{head}Content-Length: -1\r\n\r\n{smuggled}"),
        format!("{head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}{smuggled}"),
        format!("{head}Content-Length: 2, 2\r\n\r\n{{}}{smuggled}"),
        format!("{head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        format!("{head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{smuggled}"),
    ] {
        let response = desk.send_bytes(bad.as_bytes());
        assert!([400, 431].contains(&response.status), "{bad}: {}", response.status);
        assert_eq!(response.header("connection"), Some("close"), "{bad}");
    }
    let broken_chunk = desk.caller.request("POST", "/v1/events").header("Content-Type", "application/json");
    let broken_chunk =
        broken_chunk.bytes_with(&format!("Transfer-Encoding: chunked\r\n\r\nzz\r\n{smuggled}"));
    assert_eq!(desk.send_bytes(&broken_chunk).status, 400);
    assert_eq!(desk.caller.look_up("smuggled").status, 404);
}

#[test]
fn who_sends_too_slowly_is_cut_off_and_others_are_served() {
    let desk = Desk::open();
    let body = desk.caller.request("POST", "/v1/events").header("Content-Type", "application/json");
    let beginnings = [b"POST /v1/events HT".to_vec(), body.bytes_with("Content-Length: 100\r\n\r\n{")];
    let mut slow: Vec<_> = beginnings
        .iter()
        .map(|bytes| {
            let mut connection = Connection::open(desk.caller.address).expect("it listens");
            connection.write_bytes(bytes).expect("it listens");
            connection
        })
        .collect();
    desk.good(&mut Connection::open(desk.caller.address).expect("it listens"));
    let answers: Vec<_> = slow.iter_mut().map(|connection| connection.response()).collect();
    assert!(answers[0].as_ref().map_or(true, |answer| answer.status == 408), "a head that does not come");
    let answer = answers[1].as_ref().expect("an answer to a body that does not come");
    assert_problem(answer, 408, "slow_body");
    assert_eq!(answer.header("connection"), Some("close"));
}
