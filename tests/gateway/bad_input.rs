//! Whatever body a caller sends, the gateway says what is wrong without repeating it, and goes on serving: on the same
//! connection where it leaves that open, on a new one in any case.

use crate::harness::{Caller, Config, Connection, Gateway, Request, Response, Simulator, Tenant, event};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Stands in values that must not be repeated.
const CANARY: &str = "CANARY-6b1f";
const MIB: usize = 1024 * 1024;

pub(crate) struct Desk {
    _xceed: Simulator,
    gateway: Gateway,
    pub(crate) caller: Caller,
    goods: AtomicU32,
}

impl Desk {
    pub(crate) fn open() -> Self {
        let tenants = [Tenant::first_bank()];
        let xceed = Simulator::start(&tenants);
        let gateway = Gateway::start(Config::new(tenants, &xceed.url()));
        let caller = gateway.caller();
        Self { _xceed: xceed, gateway, caller, goods: AtomicU32::new(0) }
    }

    /// Sends something bad, then something good on the same connection, where it is left open, and on a new one.
    pub(crate) fn send(&self, request: &Request) -> Response {
        self.send_bytes(&request.bytes())
    }

    pub(crate) fn send_bytes(&self, bytes: &[u8]) -> Response {
        let mut connection = Connection::open(self.caller.address).expect("it listens");
        let response = connection.send_bytes(bytes).expect("an answer, also to what is bad");
        if response.header("connection") != Some("close") {
            self.good(&mut connection);
        }
        self.good(&mut Connection::open(self.caller.address).expect("it still listens"));
        response
    }

    pub(crate) fn good(&self, connection: &mut Connection) {
        let event = event(&format!("good-{}", self.goods.fetch_add(1, Relaxed)));
        let response =
            connection.send(&self.caller.submission("", event.to_string())).expect("a good one is served");
        assert_eq!(response.status, 200, "{}", response.text());
    }

    fn submit(&self, body: impl Into<Vec<u8>>) -> Response {
        self.send(&self.caller.submission("", body))
    }
}

#[track_caller]
pub(crate) fn assert_problem(response: &Response, status: u16, name: &str) {
    let text = response.text();
    assert_eq!(response.status, status, "{text}");
    assert_eq!(response.header("content-type"), Some("application/problem+json"), "{text}");
    let problem = response.json();
    assert_eq!(problem["type"], format!("urn:xceed-gateway:problem:{name}"), "{text}");
    assert_eq!(problem["status"], status, "{text}");
    let words = |member: &str| problem[member].as_str().is_some_and(|text| !text.is_empty());
    assert!(words("title") && words("detail"), "{text}");
    assert!(!text.contains(CANARY), "a value is repeated: {text}");
}

/// The fields at fault, with the rule that each breaks.
#[track_caller]
fn assert_faults(response: &Response, faults: &[(&str, &str)]) {
    assert_problem(response, 422, "invalid_event");
    let problem = response.json();
    let told = problem["errors"].as_array().expect("a list").iter();
    let told: Vec<_> = told.map(|error| (error["field"].as_str(), error["rule"].as_str())).collect();
    let expected: Vec<_> = faults.iter().map(|(field, rule)| (Some(*field), Some(*rule))).collect();
    assert_eq!(told, expected, "{problem}");
}

#[test]
fn what_is_no_json_object_is_refused() {
    let desk = Desk::open();
    let deep = |open: &str, close: &str, count: usize| {
        format!(
            "{{\"eventId\":\"e\",\"attributes\":{{\"a\":{}{}}}}}",
            open.repeat(count),
            close.repeat(count)
        )
    };
    let cases: [(&str, Vec<u8>); 25] = [
        ("not_json", vec![]),
        ("not_json", b" \n".to_vec()),
        ("not_json", b"CANARY-6b1f".to_vec()),
        ("not_json", b"{\"eventId\":\"CANARY-6b1f\"".to_vec()),
        ("not_json", b"{'eventId':'CANARY-6b1f'}".to_vec()),
        ("not_json", b"{\"eventId\":\"CANARY-6b1f\",}".to_vec()),
        ("not_json", b"{\"eventId\":\"CANARY-6b1f\"} {}".to_vec()),
        ("not_json", b"{\"eventId\":\"CANARY-6b1f\"} // why".to_vec()),
        ("not_json", b"{\"eventId\":\"CANARY-6b1f\0\"}".to_vec()),
        ("not_json", b"{\"eventId\":\"CANARY-6b1f\n\"}".to_vec()),
        ("not_json", b"{\"eventId\":\"CANARY-6b1f\",\"transaction\":{\"amount\":NaN}}".to_vec()),
        ("not_json", b"{\"eventId\":\"CANARY-6b1f\",\"transaction\":{\"amount\":+1}}".to_vec()),
        ("not_json", b"{\"eventId\":\"CANARY-6b1f\",\"transaction\":{\"amount\":01}}".to_vec()),
        ("not_json", b"{\"eventId\":\"CANARY-6b1f\xff\"}".to_vec()),
        ("not_json", b"{\"eventId\":\"CANARY-6b1f\xed\xa0\x80\"}".to_vec()),
        ("not_json", b"\xef\xbb\xbf{\"eventId\":\"CANARY-6b1f\"}".to_vec()),
        ("not_json", "{\"eventId\":\"CANARY-6b1f\"}".encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("not_json", b"<!DOCTYPE html><p>CANARY-6b1f".to_vec()),
        ("not_json", "[".repeat(100_000).into_bytes()),
        ("not_json", "{\"a\":".repeat(100_000).into_bytes()),
        ("too_deep", deep("[", "]", 100_000).into_bytes()),
        ("too_deep", deep("{\"a\":", "}", 31).replace(":}", ":1}").into_bytes()),
        ("not_an_object", b"[{\"eventId\":\"CANARY-6b1f\"}]".to_vec()),
        ("not_an_object", b"\"CANARY-6b1f\"".to_vec()),
        ("not_an_object", b"null".to_vec()),
    ];
    for (name, body) in cases {
        assert_problem(&desk.submit(body), 400, name);
    }
}

#[test]
fn a_name_that_stands_twice_is_refused_at_every_depth() {
    let desk = Desk::open();
    for body in [
        r#"{"eventId":"e-1","eventId":"CANARY-6b1f","eventType":"Login"}"#,
        r#"{"eventId":"e-1","event\u0049d":"CANARY-6b1f","eventType":"Login"}"#,
        r#"{"eventId":"e-1","eventType":"Login","customer":{"id":"CANARY-6b1f","id":"C-1"}}"#,
        r#"{"eventId":"e-1","eventType":"Login","attributes":{"a":"CANARY-6b1f","a":null}}"#,
        r#"{"eventId":"e-1","eventType":"Login","attributes":{"a":[{"b":"CANARY-6b1f","b":2}]}}"#,
    ] {
        assert_problem(&desk.submit(body), 400, "duplicate_key");
    }
    let twins =
        r#"{"eventId":"e-1","eventType":"Login","attributes":{"a":1,"A":2,"é":3,"e\u0301":4,"__proto__":5}}"#;
    assert_eq!(desk.submit(twins).status, 200, "names that only look alike are different names");
}

#[test]
fn a_body_has_a_limit_of_one_mebibyte() {
    let desk = Desk::open();
    let sized = |id: &str, size: usize| {
        let event = event(id).to_string();
        format!("{event}{}", " ".repeat(size - event.len()))
    };
    assert_eq!(desk.submit(sized("e-1", MIB)).status, 200);
    assert_eq!(desk.send(&desk.caller.submission("", sized("e-2", MIB)).chunked()).status, 200);
    assert_problem(&desk.submit(sized("e-3", MIB + 1)), 413, "too_large");
    assert_problem(
        &desk.send(&desk.caller.submission("", sized("e-4", MIB + 1)).chunked()),
        413,
        "too_large",
    );
    assert_problem(&desk.submit(sized("e-5", 8 * MIB)), 413, "too_large");
    let announced = desk.caller.request("POST", "/v1/events").header("Content-Type", "application/json");
    let announced = announced.bytes_with("Content-Length: 18446744073709551615\r\n\r\n{");
    assert!([400, 413].contains(&desk.send_bytes(&announced).status));
    // Exactly as large as is allowed, in one value: it is taken, and what the payload has no room for is left out.
    let mut large = event("e-6");
    large["attributes"] = json!({ "Memo": "" });
    let room = MIB - large.to_string().len();
    large["attributes"]["Memo"] = json!("x".repeat(room));
    assert_eq!(large.to_string().len(), MIB);
    assert_eq!(desk.submit(large.to_string()).status, 200);
    assert_eq!(desk.caller.look_up("e-3").status, 404);
}

#[test]
fn fields_that_cant_be_taken_are_named_with_their_rule() {
    let desk = Desk::open();
    let login = |members: &str| format!(r#"{{"eventId":"e-1","eventType":"Login"{members}}}"#);
    let amount = |amount: &str| {
        let customer = r#""customer":{"id":"CANARY-6b1f"}"#;
        format!(
            r#"{{"eventId":"e-1","eventType":"WireTransfer",{customer},"transaction":{{"amount":{amount}}}}}"#
        )
    };
    let emoji = "😀".repeat(129);
    let cases: Vec<(String, &[(&str, &str)])> = vec![
        (r#"{"eventType":"Login"}"#.into(), &[("eventId", "required")]),
        ("{}".into(), &[("eventId", "required"), ("eventType", "required")]),
        (r#"{"eventId":"CANARY-6b1f é","eventType":"Login"}"#.into(), &[("eventId", "pattern")]),
        (r#"{"eventId":["CANARY-6b1f"],"eventType":"Login"}"#.into(), &[("eventId", "type")]),
        (login(r#","occurredAt":"2026-11-22T08:00:00""#), &[("occurredAt", "time_zone")]),
        (login(r#","occurredAt":"CANARY-6b1f""#), &[("occurredAt", "date_time")]),
        (login(r#","customer":{"id":"CANARY-6b1f\u0000"}"#), &[("customer.id", "character")]),
        (login(r#","customer":{"id":"CANARY-6b1f\ud800"}"#), &[("customer.id", "character")]),
        (login(r#","customer":{"id":"\udc00\ud800CANARY-6b1f"}"#), &[("customer.id", "character")]),
        (login(r#","attributes":{"Memo":"CANARY-6b1f\ufffe"}"#), &[("attributes.Memo", "character")]),
        (login(r#","session":{"id":{"CANARY-6b1f":1}}"#), &[("session.id", "type")]),
        (login(r#","session":"CANARY-6b1f""#), &[("session", "type")]),
        (login(&format!(r#","customer":{{"id":"{emoji}"}}"#)), &[("customer.id", "length")]),
        (login(&format!(r#","customer":{{"id":"{}"}}"#, "x".repeat(200_000))), &[("customer.id", "length")]),
        (login(r#","custommer":{"id":"CANARY-6b1f"}"#), &[("custommer", "unknown")]),
        (amount("1e400"), &[("transaction.amount", "money")]),
        (amount("1E2"), &[("transaction.amount", "money")]),
        (amount("-0"), &[("transaction.amount", "money")]),
        (amount("-1.00"), &[("transaction.amount", "money")]),
        (amount("0.00001"), &[("transaction.amount", "money")]),
        (amount("1000000000000000"), &[("transaction.amount", "money")]),
        (amount(&"9".repeat(100_000)), &[("transaction.amount", "money")]),
        (amount("\"CANARY-6b1f\""), &[("transaction.amount", "type")]),
        (amount("true"), &[("transaction.amount", "type")]),
        (amount("[1]"), &[("transaction.amount", "type")]),
    ];
    for (body, faults) in cases {
        assert_faults(&desk.submit(body), faults);
    }
    assert_eq!(desk.caller.look_up("e-1").status, 404, "what is refused is not recorded");
    let log = desk.gateway.log();
    assert!(!log.contains(CANARY), "a value is logged: {log}");
}

#[test]
fn text_that_looks_dangerous_is_only_text() {
    let desk = Desk::open();
    let texts = [
        "]]>",
        "<![CDATA[x]]>",
        "<!DOCTYPE x [<!ENTITY e SYSTEM \"file:///etc/passwd\">]>&e;",
        "</EventId><EventId>",
        "<!-- -->",
        "<?php ?>",
        "&amp;&lt;&#0;&#x1F;",
        "a\r\nb\rc\td",
        "' OR 1=1; DROP TABLE event;--",
        "${jndi:ldap://x}",
        "\u{202e}gnirts\u{200b}\u{feff}",
        "e\u{301}\u{fffd}\u{e000}\u{10ffff}",
        "\u{85}\u{a0}\u{2028}\u{2029}",
        "%00%s%n",
    ];
    for (n, text) in texts.into_iter().enumerate() {
        let mut event = event(&format!("e-{n}"));
        event["customer"]["id"] = json!(text);
        event["attributes"] = json!({ text: text, "emoji": "😀".repeat(128) });
        let told = desk.submit(event.to_string());
        assert_eq!(
            (told.status, &told.json()["outcome"]),
            (200, &json!("SCORED")),
            "{text}: {}",
            told.text()
        );
    }
}

/// A body of JSON in which something was exchanged, doubled or left out.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let hostile = prop_oneof![
        Just(json!(null)),
        Just(json!({})),
        Just(json!([[]])),
        Just(json!(-1)),
        Just(json!(1e300)),
        any::<bool>().prop_map(|value| json!(value)),
        any::<String>().prop_map(|value| json!(value)),
        "[\\x00-\\x1f<&\\]>]{1,8}".prop_map(|value| json!(value)),
    ];
    let paths = prop::sample::select(vec![
        "/eventId",
        "/eventType",
        "/occurredAt",
        "/outcome",
        "/customer",
        "/customer/id",
        "/customer/accountType",
        "/session",
        "/session/ipAddress",
        "/transaction",
        "/transaction/amount",
        "/transaction/currency",
        "/transaction/valueDate",
        "/transaction/payee",
    ]);
    let splice = prop::option::weighted(0.2, (any::<prop::sample::Index>(), any::<u8>()));
    (prop::collection::vec((paths, hostile), 0..4), splice, any::<u32>()).prop_map(|(changes, splice, id)| {
        let mut event = crate::harness::wire(&format!("p-{id}"), "C-1", 20);
        event["customer"]["id"] = json!(format!("C-{id}"));
        for (path, value) in changes {
            if let Some(place) = event.pointer_mut(path) {
                *place = value;
            }
        }
        let mut bytes = event.to_string().into_bytes();
        if let Some((at, byte)) = splice {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

#[test]
fn any_body_is_answered_with_a_decision_or_a_problem() {
    let desk = Desk::open();
    let connection = std::cell::RefCell::new(Connection::open(desk.caller.address).expect("it listens"));
    let config = ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() };
    let outcome = TestRunner::new(config).run(&mutated(), |body| {
        let response = connection.borrow_mut().send(&desk.caller.submission("", body));
        let response = response.map_err(|error| TestCaseError::fail(error.to_string()))?;
        match response.status {
            200 => prop_assert!(response.json()["decision"].is_string()),
            400 | 422 => {
                let problem: Value = response.json();
                let known = problem["type"]
                    .as_str()
                    .is_some_and(|name| name.starts_with("urn:xceed-gateway:problem:"));
                prop_assert!(known && problem["status"] == response.status, "{}", problem);
            }
            status => prop_assert!(false, "{status}: {}", response.text()),
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
