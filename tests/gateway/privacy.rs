//! Nothing of a person and no secret is ever logged, at whatever level, whatever goes wrong. Ids of events, codes and
//! durations are.

use crate::harness::{
    Caller, Canned, Config, Do, Folder, Gateway, Simulator, Tenant, answer as canned_answer, audit_of, body,
    customer_event, event, exported, until, wire, write_private,
};
use serde_json::{Value, json};

/// Each stands in one place, so that a log that holds it tells where it leaks.
const SECRET: &str = "5ec2e75ec2e75ec2e7";
const NEXT_SECRET: &str = "5ec2e75ec2e75ec2e8";

#[test]
fn the_finest_log_holds_no_person_and_no_secret() {
    let tenant = || Tenant::first_bank().with("xceed.attempt_timeout = \"400ms\"");
    let xceed = Simulator::start(&[tenant().secret(NEXT_SECRET)]);
    let keys = tenant().secret(SECRET).next_secret(NEXT_SECRET);
    let mut gateway = Gateway::start(Config::new([keys], &xceed.url()).log_level("trace"));
    let submit = |id: &str, customer: &str| {
        let mut event = wire(id, &format!("{customer}~CANARY-CUSTOMER"), 987_654_321);
        event["customer"]["accountId"] = json!("CANARY-ACCOUNT");
        event["customer"]["accountType"] = json!("CANARY-WORD");
        event["session"] =
            json!({ "id": "CANARY-SESSION", "ipAddress": "CANARY-ADDRESS", "deviceId": "CANARY-DEVICE" });
        event["interaction"] =
            json!({ "id": "CANARY-CALL", "agentId": "CANARY-AGENT", "ani": "CANARY-PHONE" });
        event["transaction"]["id"] = json!("CANARY-TRANSACTION");
        event["transaction"]["payee"] = json!("CANARY-PAYEE");
        event["attributes"] = json!({ "CANARY-NAME": "CANARY-VALUE", "card": "4111111111111111" });
        event
    };
    for customer in
        ["C-1", "SIM-XML_VALIDATION_FAIL", "SIM-RESET", "SIM-DROP", "SIM-GARBAGE", "SIM-FAULT", "SIM-odd"]
    {
        let event = submit(&format!("e-{customer}"), customer);
        assert_eq!(gateway.submit(&event).status, 200);
        assert_eq!(gateway.submit(&event).status, 200);
        assert_eq!(gateway.look_up(&format!("e-{customer}")).status, 200);
    }
    for (path, value) in [("eventId", "CANARY ID"), ("occurredAt", "CANARY-TIME"), ("other", "CANARY-OTHER")]
    {
        let mut event = submit("e-bad", "C-1");
        event[path] = json!(value);
        assert_eq!(gateway.submit(&event).status, 422);
    }
    assert_eq!(gateway.submit_with("?mode=CANARY-QUERY", &[("X-Name", "CANARY-HEADER")], "{}").status, 400);
    assert_eq!(gateway.submit_with("", &[("Idempotency-Key", "CANARY-KEY")], "CANARY-BODY").status, 400);
    gateway.terminate();
    let log = gateway.log();
    assert!(log.contains("DEBUG") && log.contains("e-C-1"), "it logs finely, and names events");
    let foreign =
        |line: &&str| (line.contains("TRACE ") || line.contains("DEBUG ")) && !line.contains("xceed_gateway");
    assert_eq!(log.lines().find(foreign), None, "what others write finely may hold anything");
    for private in ["CANARY", "4111111111111111", "987654321", "caller-of-first-bank", SECRET, NEXT_SECRET] {
        for form in forms(private) {
            let line = log.lines().find(|line| line.contains(&form));
            assert_eq!(line, None, "{private} is logged as {form}");
        }
    }
}

#[test]
fn the_log_names_a_customer_as_the_audit_trail_does_and_only_who_has_the_key_can_tell_whom() {
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let gateway = Gateway::start(Config::new([Tenant::first_bank()], &xceed.url()));
    let customers = ["SIM-ACTION-Hold~one", "SIM-ACTION-Hold~other", "SIM-ACTION-Hold~one", "C-1"];
    for (n, customer) in customers.iter().enumerate() {
        assert_eq!(gateway.submit(&customer_event(&format!("e-{n}"), customer)).status, 200);
    }
    let log = until("the last decision that stops a call", || {
        let log = gateway.log();
        log.contains("e-2").then_some(log)
    });
    let customer_of = |id: &str| {
        let about = |line: &&str| line.contains("decided") && line.contains(&format!("\"{id}\""));
        let line = log.lines().find(about).unwrap_or_else(|| panic!("no line of {id}: {log}"));
        assert!(line.contains("REVIEW") && line.contains("SCORED"), "{line}");
        let (_, behind) = line.split_once("customer=\"").expect("a customer");
        behind[..16].to_owned()
    };
    assert_eq!(customer_of("e-0"), customer_of("e-2"));
    assert_ne!(customer_of("e-0"), customer_of("e-1"));
    assert!(!log.contains("e-3"), "what stops nothing is not told at this level: {log}");
    let accepted = |line: &Value| body(line)["kind"] == "accepted" && body(line)["eventId"] == "e-0";
    let entry = exported(&gateway.folder(), &[]).into_iter().find(accepted).expect("its entry");
    let hash = body(&entry)["customer"].as_str().expect("a hash").to_owned();
    assert_eq!(hash.get(..16), Some(customer_of("e-0").as_str()));
    let words = ["fingerprint", "customer", "--output", "json"];
    let told = audit_of(&gateway.folder(), &words, &format!("{}\n", customers[0]));
    let told: Value = serde_json::from_str(&told.stdout).unwrap_or_else(|_| panic!("{told:?}"));
    assert_eq!((&told["customer"], &told["log"]), (&json!(hash), &json!(customer_of("e-0"))));
    let nothing = audit_of(&gateway.folder(), &words, "");
    assert!(nothing.code == Some(1) && nothing.stderr.contains("standard input"), "{nothing:?}");
}

/// One for each place that a private text can come from; none is a part of another.
fn canary(number: usize) -> String {
    format!("Kanarie{:02}Zoe{:04}", number, 7919 * number % 10_000)
}

/// An Xceed whose every answer holds some: in Results, a Fault, a page, a return code.
fn talkative_xceed() -> Canned {
    let answer = |body: String| {
        let soap = "http://schemas.xmlsoap.org/soap/envelope/";
        format!("<s:Envelope xmlns:s=\"{soap}\"><s:Body>{body}</s:Body></s:Envelope>")
    };
    let results = move |inner: String| {
        answer(format!(
            "<addEventResponse xmlns=\"urn:xceed:api:1.0\"><Results>{inner}</Results></addEventResponse>"
        ))
    };
    Canned::start(move |heard| {
        let (message, reason, code) = (canary(30), canary(31), canary(34));
        let body = match (heard.place + heard.connection) % 4 {
            0 => results(format!(
                "<returnCode>SUCCESS</returnCode><returnMessage>{message}</returnMessage>\
                 <riskScore>95.0</riskScore><reason>{reason}</reason>"
            )),
            1 => answer(format!(
                "<s:Fault><faultcode>s:Server</faultcode><faultstring>{}</faultstring></s:Fault>",
                canary(32)
            )),
            2 => format!("<html>{}</html>", canary(33)),
            _ => results(format!("<returnCode>{code}</returnCode>")),
        };
        vec![Do::Say(canned_answer(200, "text/xml; charset=utf-8", body.as_bytes()))]
    })
}

/// An event with one in every member that takes text.
fn private_event() -> Value {
    let mut event = wire("e-0", &canary(0), 12);
    let members = [
        ("customer", "accountId"),
        ("customer", "accountType"),
        ("session", "id"),
        ("session", "ipAddress"),
        ("session", "deviceId"),
        ("session", "userAgent"),
        ("interaction", "id"),
        ("interaction", "agentId"),
        ("interaction", "ani"),
        ("transaction", "id"),
        ("transaction", "payee"),
        ("device", "fingerprint"),
    ];
    for (n, (section, member)) in members.into_iter().enumerate() {
        event[section][member] = json!(canary(n + 1));
    }
    event["attributes"] = json!({ canary(13): canary(14), "card": "4111 1111 1111 1111" });
    event
}

/// Through every door, with one in every header that is looked at, and in some that are not.
fn call_every_door(gateway: &Gateway, event: &mut Value) {
    let (caller, json) = (gateway.caller(), [("Content-Type", "application/json")]);
    let names =
        ["Idempotency-Key", "User-Agent", "Cookie", "X-Name", "Forwarded", "X-Forwarded-For", "Referer"];
    let values: Vec<String> = (15..22).map(canary).collect();
    let headers: Vec<(&str, &str)> = names.into_iter().zip(values.iter().map(String::as_str)).collect();
    for n in 0..8 {
        event["eventId"] = json!(format!("e-{n}"));
        let query = ["", "?mode=ack", "?mode=async"][n % 3];
        let answer = gateway.submit_with(query, &headers[usize::from(n > 0)..], event.to_string());
        assert!(answer.status < 300, "{}", answer.text());
    }
    let body = |text: &str| text.replace("WHO", &canary(22)).replace("WHAT", &canary(23));
    for (door, text) in [
        ("/v1/cxone/assess", r#"{"contactId":"WHAT","customerId":"WHO","transactionId":"t","amount":"x"}"#),
        (
            "/v1/cxone/data-action",
            r#"{"eventType":"Login","data":{"interactionId":"WHAT","customerId":"WHO"}}"#,
        ),
        ("/v1/genesys/assess", r#"{"customer_id":"WHO","device_fingerprint":"WHAT","timestamp":"WHAT"}"#),
    ] {
        caller.post(door, &json, body(text));
    }
    let lines = format!("{event}\n{{\"eventId\":\"{}\"}}\n", canary(24));
    caller.post("/v1/batches", &[("Content-Type", "application/x-ndjson")], lines);
}

/// Wrong paths, queries, names, keys, bodies and callbacks, each with one.
fn call_wrongly(gateway: &Gateway, event: &Value) {
    let (caller, json) = (gateway.caller(), [("Content-Type", "application/json")]);
    for target in [
        format!("/v1/events/{}", canary(25)),
        format!("/{}", canary(26)),
        format!("/v1/parked?limit={}", canary(27)),
    ] {
        caller.call(&caller.request("GET", &target));
    }
    caller.post(&format!("/v1/sources/{}", canary(28)), &json, "{}");
    let stranger = Caller { key: canary(29), ..gateway.caller() };
    assert_eq!(stranger.submit(event).status, 401);
    for bad in [
        format!("{{\"{}\":1,", canary(35)),
        format!("{{\"eventId\":\"e\",\"{}\":1}}", canary(36)),
        format!("[{}]", canary(37)),
    ] {
        assert!(gateway.submit_with("", &[], bad).status >= 400);
    }
    let callback = format!("<a><eventId>{}</eventId></a>", canary(38));
    caller.post(&format!("/xceed/callback/{}", canary(39)), &[("Content-Type", "text/xml")], callback);
}

/// Forty private texts, each in a place of its own, at the most talkative level.
#[test]
fn forty_private_texts_from_every_door_header_and_answer_are_in_nothing_that_it_writes() {
    let xceed = talkative_xceed();
    let tenant = Tenant::first_bank().with("xceed.callback_id = \"gw1\"");
    let config = Config::new([tenant], &xceed.url()).log_level("trace");
    forty_are_in_nothing_that_it_writes(Gateway::start(config));
}

/// The same where each line of the log is JSON.
#[test]
fn forty_private_texts_are_in_no_log_of_json_either() {
    let xceed = talkative_xceed();
    let tenant = Tenant::first_bank().with("xceed.callback_id = \"gw1\"");
    let config = Config::new([tenant], &xceed.url()).log_level("trace");
    forty_are_in_nothing_that_it_writes(Gateway::start(config.log_json()));
}

/// What would end a line, go on in another, or speak to a terminal.
#[test]
fn whatever_is_sent_each_line_of_the_log_is_one_object_of_a_bounded_length() {
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let config = Config::new([Tenant::first_bank()], &xceed.url()).log_level("trace").log_json();
    let mut gateway = Gateway::start(config);
    let caller = gateway.caller();
    let long = "long".repeat(1500);
    for text in ["a\r\nb", "a\u{1b}[2Jb", "x\u{202e}y", "\",\"level\":\"ERROR\",\"x\":\"", "%0d%0a%1b", &long]
    {
        let coded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for target in
            [format!("/v1/events/{coded}"), format!("/v1/sources/{coded}"), format!("/{coded}?mode={coded}")]
        {
            caller.call(&caller.request("GET", &target));
        }
        let body = json!({ "customer_id": text, "event_type": text, "device_fingerprint": text }).to_string();
        caller.post("/v1/genesys/assess", &[("Content-Type", "application/json")], body.clone());
        gateway.submit_with("", &[], body);
        let stranger = Caller { key: coded.clone(), ..gateway.caller() };
        stranger.call(&stranger.request("GET", "/v1/parked"));
        let name = text.replace(|letter: char| letter.is_control() || !letter.is_ascii(), "?");
        for header in ["ININ-Correlation-Id", "Idempotency-Key", "X-Forwarded-For"] {
            let _ = caller.try_call(&caller.submission("", event("e-1").to_string()).header(header, &name));
        }
    }
    gateway.terminate();
    let log = gateway.log();
    assert!(log.lines().count() > 12, "it says much: {log}");
    for line in log.lines() {
        let told: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        assert!(told["level"].is_string() && told["fields"]["message"].is_string(), "{line}");
        assert_ne!((&told["level"], &told["x"]), (&json!("ERROR"), &json!("")), "{line}");
        assert!(line.len() < 2048, "a line of {} bytes", line.len());
        assert!(!line.contains(['\u{1b}', '\u{202e}', '\r']), "{line}");
    }
}

fn forty_are_in_nothing_that_it_writes(mut gateway: Gateway) {
    let mut event = private_event();
    call_every_door(&gateway, &mut event);
    call_wrongly(&gateway, &event);
    gateway.terminate();
    let written = gateway.log();
    let checkpoints = std::fs::read(gateway.file("audit.checkpoints")).unwrap_or_default();
    let secrets = ["311a5439c8bda8ef", "caller-of-first-bank", "4111 1111 1111 1111", "4111111111111111"];
    let private: Vec<String> = (0..40).map(canary).chain(secrets.map(str::to_owned)).collect();
    for text in &private {
        for form in forms(text) {
            let line = written.lines().find(|line| line.contains(&form));
            assert_eq!(line, None, "{text} is logged as {form}");
            assert!(!holds(&checkpoints, &form), "{text} stands in the checkpoints");
        }
    }
    assert!(private.len() == 44 && written.contains("DEBUG"), "the log says much");
}

/// A text as it might stand in a log: plain, in hexadecimal, in base64 from whichever place of three it begins at, in a URL.
fn forms(text: &str) -> Vec<String> {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
    let hex = hex::encode(text);
    let escaped = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    // What stands before and behind it changes the characters at its ends.
    let shifted = (0..3).map(|shift| {
        let coded = BASE64.encode([&vec![0; shift], text.as_bytes()].concat());
        let (from, to) = (if shift == 0 { 0 } else { 4 }, coded.len() - coded.len() % 4);
        coded[from..to.max(from)].to_owned()
    });
    let all = [text.to_owned(), hex.to_uppercase(), hex, escaped].into_iter().chain(shifted);
    all.filter(|form| form.len() >= 4).collect()
}

#[test]
fn a_secret_that_is_refused_is_not_shown() {
    let tenant = Tenant::first_bank().secret("CANARY-SECRET").next_secret("311A5439C8BDA8EF");
    let config = Config::new([tenant], "http://127.0.0.1:9/nobody");
    let refused = Gateway::try_start(config, Folder::new()).expect_err("no secret has that form");
    assert!(refused.contains("tenants.first-bank.xceed.secret_key:"), "{refused}");
    assert!(refused.contains("tenants.first-bank.xceed.secret_key_next:"), "{refused}");
    assert!(!refused.contains("CANARY") && !refused.contains("311A5439"), "{refused}");
}

/// What every payload holds.
const PERSON: &str = "Zoë Canary-Person";

fn sealed(key: &std::path::Path, more: &str) -> String {
    format!("store.encryption_key = {{ file = '{}' }}\n{more}", key.display())
}

fn key_file(folder: &Folder, name: &str, digit: &str) -> std::path::PathBuf {
    let file = folder.join(name);
    write_private(&file, &format!("{}\n", digit.repeat(64)));
    file
}

fn with_person(id: &str) -> Value {
    let mut event = wire(id, &format!("C-{id}"), 10);
    event["transaction"]["payee"] = json!(PERSON);
    event
}

/// Everything that the store has written, as one heap of bytes.
fn on_disk(gateway: &Gateway) -> Vec<u8> {
    let files =
        ["gateway.db", "gateway.db-wal"].map(|name| std::fs::read(gateway.file(name)).unwrap_or_default());
    files.concat()
}

fn holds(heap: &[u8], text: &str) -> bool {
    heap.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn payloads_are_sealed_on_disk_and_sent_as_they_were_also_after_a_crash_and_with_another_key() {
    let folder = Folder::new();
    let (first, second) = (key_file(&folder, "first", "a"), key_file(&folder, "second", "b"));
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let config = |over: &str| Config::new([Tenant::first_bank()], &xceed.url()).with(over);
    let mut gateway = Gateway::start(config(&sealed(&first, "")));
    assert_eq!(gateway.submit(&with_person("e-1")).json()["outcome"], "SCORED");
    // What waits is read from the disk and opened again.
    xceed.behave(&json!({ "code": "ERROR" }));
    for n in 2..5 {
        gateway.submit(&with_person(&format!("e-{n}")));
    }
    gateway.kill();
    assert!(!holds(&on_disk(&gateway), PERSON), "the payee is readable on disk");
    xceed.behave_as_usual();
    let both = format!("store.encryption_key_old = {{ file = '{}' }}", first.display());
    gateway.restart_with(config(&sealed(&second, &both)));
    for n in 2..5 {
        gateway.caller().until_state(&format!("e-{n}"), "SETTLED");
        let arrived = xceed.received_of(&format!("e-{n}"));
        let last = arrived.last().expect("it arrived");
        assert_eq!((&last["hashOk"], &last["validationErrors"]), (&json!(true), &json!([])), "{last}");
    }
    assert_eq!(gateway.submit(&with_person("e-5")).json()["outcome"], "SCORED");
    gateway.kill();
    assert!(!holds(&on_disk(&gateway), PERSON));
}

#[test]
fn a_store_that_is_sealed_with_another_key_is_refused_and_one_in_the_clear_is_not() {
    let folder = Folder::new();
    let (right, wrong) = (key_file(&folder, "right", "a"), key_file(&folder, "wrong", "b"));
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let config = |over: &str| Config::new([Tenant::first_bank()], &xceed.url()).with(over);
    let mut gateway = Gateway::start(config(""));
    assert_eq!(gateway.submit(&with_person("clear")).status, 200);
    gateway.restart_with(config(&sealed(&right, "")));
    assert_eq!(gateway.submit(&with_person("sealed")).status, 200);
    gateway.kill();
    for over in [String::new(), sealed(&wrong, "")] {
        gateway.reconfigure(config(&over));
        let refused = gateway.try_restart().expect_err("it can't be read");
        assert!(refused.contains("store.encryption_key"), "{refused}");
        assert!(!refused.contains(&"a".repeat(20)) && !refused.contains(&"b".repeat(20)), "{refused}");
    }
    gateway.restart_with(config(&sealed(&right, "")));
    assert_eq!(gateway.look_up("clear").status, 200);
    let short = folder.join("short");
    write_private(&short, "abc");
    let refused = Gateway::try_start(config(&sealed(&short, "")), Folder::new()).expect_err("no key");
    assert!(refused.contains("openssl rand -hex 32"), "{refused}");
}
