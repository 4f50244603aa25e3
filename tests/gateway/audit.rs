//! The audit trail: what is in it, what is not, and that it is whole whatever happens to the process.

use crate::harness::{
    Callback, Caller, Config, Folder, Gateway, Simulator, Tenant, audit, body, callback_request,
    customer_event, event, exported, until, verified, wire,
};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;

fn bank() -> Tenant {
    Tenant::first_bank().with("xceed.callback_id = \"gw1\"")
}

fn open() -> (Simulator, Gateway) {
    let xceed = Simulator::start(&[bank()]);
    let gateway = Gateway::start(Config::new([bank()], &xceed.url()));
    (xceed, gateway)
}

fn operator(gateway: &Gateway) -> Caller {
    Caller { key: "operator-of-first-bank".to_owned(), ..gateway.caller() }
}

/// The texts of the entries of a kind about an event, in order.
fn about(lines: &[Value], event_id: &str, kind: &str) -> Vec<Value> {
    lines.iter().filter(|line| line["eventId"] == event_id && line["kind"] == kind).map(body).collect()
}

#[test]
fn every_step_of_an_event_is_an_entry() {
    let (_xceed, gateway) = open();
    let mut submitted = wire("e-1", "C-1", 12_500);
    submitted["interaction"] = json!({ "id": "123456789", "ani": "+15550100" });
    let told = gateway.submit(&submitted).json();
    let lines = exported(&gateway.folder(), &[]);
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().expect("a kind")).collect();
    assert_eq!(kinds, ["start", "accepted", "attempt", "decision"]);
    for line in &lines[1..] {
        assert_eq!((&line["interactionId"], &line["transactionId"]), (&json!("123456789"), &json!("T-1")));
        assert_eq!((&line["eventId"], line["hash"].as_str().map(str::len)), (&json!("e-1"), Some(64)));
        assert!(line["timestamp"].as_str().is_some_and(|at| at.ends_with('Z')), "{line}");
    }
    let flag = if told["decision"] == "ALLOW" { "LOW" } else { "HIGH" };
    assert_eq!((&lines[3]["riskScore"], &lines[3]["fraudFlag"]), (&told["riskScore"], &json!(flag)));
    let decision = body(&lines[3]);
    for member in ["decision", "outcome", "basis"] {
        assert_eq!(decision[member], told[member], "{member}");
    }
    let attempt = body(&lines[2]);
    assert_eq!((&attempt["returnCode"], &attempt["state"]), (&json!("SUCCESS"), &json!("SETTLED")));
    assert_eq!(attempt["riskScore"], told["riskScore"]);
}

#[test]
fn a_decision_is_flagged_high_unless_it_is_to_allow() {
    let (xceed, gateway) = open();
    for (action, flag) in [("Allow", "LOW"), ("StepUp", "HIGH"), ("Hold", "HIGH"), ("Deny", "HIGH")] {
        xceed.behave(&json!({ "code": "SUCCESS", "score": 50.0, "action": action }));
        gateway.submit(&event(action));
        let lines = exported(&gateway.folder(), &["--event", action]);
        let decision = lines.iter().find(|line| line["kind"] == "decision").expect("a decision");
        assert_eq!(
            (&decision["fraudFlag"], &decision["riskScore"]),
            (&json!(flag), &json!(50.0)),
            "{action}"
        );
    }
}

#[test]
fn a_callback_is_an_entry_whatever_it_changes() {
    let (xceed, gateway) = open();
    xceed.behave(&json!({ "callback": "never" }));
    gateway.submit_with("?mode=async", &[], event("e-1").to_string());
    gateway.caller().until_state("e-1", "AWAITING_CALLBACK");
    let first = Callback::of("e-1");
    let other = Callback { risk_score: "7.0".into(), risk_action: "Allow".into(), ..Callback::of("e-1") };
    for callback in [&first, &first, &other] {
        assert_eq!(gateway.call_back(&callback.request()).status, 200);
    }
    let lines = exported(&gateway.folder(), &["--event", "e-1"]);
    let effects: Vec<_> =
        about(&lines, "e-1", "callback").iter().map(|body| body["effect"].clone()).collect();
    assert_eq!(effects, ["decided", "same", "conflict"]);
    let decisions = about(&lines, "e-1", "decision");
    let outcomes: Vec<_> = decisions.iter().map(|body| body["outcome"].clone()).collect();
    assert_eq!(outcomes, ["PENDING", "SCORED"]);
    assert_eq!((&decisions[0]["fraudFlag"], &decisions[1]["fraudFlag"]), (&Value::Null, &json!("HIGH")));
}

#[test]
fn forged_callbacks_by_the_thousand_are_on_record_and_cost_no_entry_each() {
    let (_xceed, gateway) = open();
    const FORGED: u64 = 1000;
    for n in 0..FORGED {
        let forged = Callback::of(&format!("e-{n}"));
        assert_eq!(gateway.call_back(&forged.request()).status, 500);
    }
    assert_eq!(gateway.call_back(&callback_request("gw1", "no envelope")).status, 500);
    let counted = until("all refusals on record", || {
        let lines = exported(&gateway.folder(), &[]);
        let refused: Vec<_> = lines.iter().filter(|line| line["kind"] == "refused").map(body).collect();
        let count = |why: &str| -> u64 {
            refused.iter().filter(|body| body["why"] == why).filter_map(|body| body["count"].as_u64()).sum()
        };
        (count("event or signature") == FORGED && count("form") == 1).then_some(refused.len())
    });
    assert!(counted < 120, "{counted} entries: at most one for each second and reason");
}

#[test]
fn what_operators_do_is_on_record() {
    let (xceed, gateway) = open();
    let operator = operator(&gateway);
    let park = |id: &str| {
        let parked = customer_event(id, &format!("SIM-REQUEST_ERROR~{id}"));
        assert_eq!(gateway.submit(&parked).status, 200);
        gateway.caller().until_state(id, "PARKED");
        let rows = operator.call(&operator.request("GET", "/v1/parked")).json();
        let rows = rows["parked"].as_array().expect("an array").clone();
        let row = rows.into_iter().find(|row| row["eventId"] == id).expect("listed");
        row["deliveryId"].as_str().expect("an id").to_owned()
    };
    let (kept, given_up) = (park("e-1"), park("e-2"));
    xceed.behave(&json!({ "code": "SUCCESS", "score": 91.0, "action": "Deny" }));
    operator.call(&operator.request("POST", &format!("/v1/parked/{kept}/replay")));
    operator.call(&operator.request("DELETE", &format!("/v1/parked/{given_up}")));
    gateway.caller().until_state("e-1", "SETTLED");
    let lines = exported(&gateway.folder(), &[]);
    assert_eq!(about(&lines, "e-1", "replay").len(), 1);
    assert_eq!(about(&lines, "e-2", "discard").len(), 1);
    let late = about(&lines, "e-1", "late");
    assert_eq!((late.len(), &late[0]["fraudFlag"]), (1, &json!("HIGH")));
}

#[test]
fn nothing_of_a_person_is_in_the_trail_but_keyed_hashes() {
    let (_xceed, gateway) = open();
    let submit = |id: &str, customer: &str, account: &str| {
        let mut event = wire(id, customer, 12_500);
        event["customer"]["accountId"] = json!(account);
        event["interaction"] = json!({ "id": "call-7", "agentId": "CANARY-AGENT", "ani": "CANARY-PHONE" });
        event["session"] =
            json!({ "id": "CANARY-SESSION", "ipAddress": "CANARY-IP", "deviceId": "CANARY-D" });
        event["transaction"]["payee"] = json!("CANARY-PAYEE");
        event["attributes"] = json!({ "CANARY-NAME": "CANARY-VALUE" });
        assert_eq!(gateway.submit(&event).status, 200);
    };
    submit("e-1", "CANARY-ONE", "CANARY-ACCOUNT");
    submit("e-2", "CANARY-ONE", "CANARY-OTHER");
    submit("e-3", "CANARY-THREE", "CANARY-ACCOUNT");
    let text = audit(&gateway.folder(), &["export"]).stdout;
    assert!(!text.contains("CANARY"), "{text}");
    let lines = exported(&gateway.folder(), &[]);
    let hidden = |id: &str, member: &str| {
        let text = about(&lines, id, "accepted")[0][member].as_str().expect("a hash").to_owned();
        assert_eq!(text.len(), 64);
        text
    };
    assert_eq!(hidden("e-1", "customer"), hidden("e-2", "customer"), "the same person is the same");
    assert_ne!(hidden("e-1", "customer"), hidden("e-3", "customer"));
    assert_eq!(hidden("e-1", "account"), hidden("e-3", "account"));
    assert_eq!(hidden("e-1", "ani"), hidden("e-2", "ani"));
}

#[test]
fn an_export_is_filtered_by_time_and_event_and_every_line_says_what_its_text_says() {
    let (_xceed, gateway) = open();
    for n in 0..5 {
        gateway.submit(&event(&format!("e-{n}")));
    }
    let all = exported(&gateway.folder(), &[]);
    assert_eq!(all.len(), 16);
    for line in &all {
        let text = body(line);
        for member in
            ["interactionId", "transactionId", "riskScore", "fraudFlag", "timestamp", "kind", "gateway", "n"]
        {
            assert_eq!(line[member], text.get(member).cloned().unwrap_or_default(), "{member} of {line}");
        }
    }
    let middle = all[7]["timestamp"].as_str().expect("a time");
    let since = exported(&gateway.folder(), &["--since", middle]);
    let until = exported(&gateway.folder(), &["--until", middle]);
    assert_eq!([until, since].concat(), all);
    let one = exported(&gateway.folder(), &["--event", "e-3"]);
    assert_eq!(one.len(), 3);
    assert!(one.iter().all(|line| line["eventId"] == "e-3"));
    assert_eq!(audit(&gateway.folder(), &["export", "--since", "yesterday"]).code, Some(2));
}

#[test]
fn the_trail_is_whole_while_the_gateway_runs_after_a_kill_and_after_each_start() {
    let (_xceed, mut gateway) = open();
    for round in 0..3 {
        for n in 0..20 {
            gateway.submit(&event(&format!("e-{round}-{n}")));
        }
        assert_eq!(verified(&gateway.folder())["ok"], true, "it runs");
        gateway.kill();
        let said = verified(&gateway.folder());
        assert_eq!(said["ok"], true, "it was killed: {said}");
        assert!(said["chains"][0]["entries"].as_u64() >= Some(61 * (round + 1)), "{said}");
        gateway.restart();
    }
    gateway.submit(&event("e-last"));
    assert!(gateway.terminate().success());
    let said = verified(&gateway.folder());
    assert_eq!((&said["ok"], &said["chains"][0]["uncovered"]), (&json!(true), &json!(0)), "{said}");
    let starts = exported(&gateway.folder(), &[]).iter().filter(|line| line["kind"] == "start").count();
    assert_eq!(starts, 4);
}

#[test]
fn a_checkpoint_follows_within_seconds_and_covers_what_was_there() {
    let (_xceed, gateway) = open();
    gateway.submit(&event("e-1"));
    until("a checkpoint", || (verified(&gateway.folder())["chains"][0]["uncovered"] == 0).then_some(()));
    let before = gateway.checkpoints();
    gateway.submit(&event("e-2"));
    until("another one", || (gateway.checkpoints() > before).then_some(()));
}

#[test]
fn the_key_is_made_once_for_nobody_else_and_its_public_half_is_printed() {
    let (_xceed, mut gateway) = open();
    let key = gateway.file("audit.key");
    let made = std::fs::read_to_string(&key).expect("made at the first start");
    assert_eq!(std::fs::metadata(&key).expect("there").permissions().mode() & 0o777, 0o600);
    let printed = audit(&gateway.folder(), &["key", "--output", "json"]).stdout;
    let printed: Value = serde_json::from_str(&printed).expect("JSON");
    let public = printed["key"].as_str().expect("a key");
    assert_eq!((public.len(), printed["gateway"].as_str().map(str::len)), (64, Some(16)));
    assert!(!made.contains(public));
    gateway.restart();
    assert_eq!(std::fs::read_to_string(&key).expect("there"), made);
    assert_eq!(audit(&gateway.folder(), &["verify", "--key", public]).code, Some(0));
    let other = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let ended = audit(&gateway.folder(), &["verify", "--key", other]);
    assert_eq!(ended.code, Some(1), "another gateway's trail: {ended:?}");
    assert!(ended.stderr.contains("entry 1 is missing"), "{ended:?}");
}

#[test]
fn a_key_or_checkpoints_that_can_not_be_made_stop_the_start() {
    let config = |extra: &str| Config::new([bank()], "http://127.0.0.1:9/nobody").with(extra);
    let refused = |extra: &str, words: &[&str]| {
        let log = Gateway::try_start(config(extra), Folder::new()).expect_err("it can't start");
        for word in words {
            assert!(log.contains(word), "{word} is not in: {log}");
        }
    };
    let key = "audit.signing_key = { file = \"/proc/nobody/audit.key\" }";
    refused(key, &["error: ", "/proc/nobody/audit.key", "signing_key = { file ="]);
    refused(
        "audit.checkpoints = \"/proc/nobody/audit.checkpoints\"",
        &["/proc/nobody/audit.checkpoints", "[audit] checkpoints ="],
    );
    refused("audit.signing_key = { env = \"NO_SUCH_VARIABLE\" }", &["audit.signing_key", "NO_SUCH_VARIABLE"]);
    refused("audit.check_points = \"x\"", &["audit.check_points", "checkpoints"]);
    let folder = Folder::new();
    std::fs::write(folder.join("audit.key"), "no key").expect("written");
    let log = Gateway::try_start(config(""), folder).expect_err("it is none");
    assert!(log.contains("audit.key") && log.contains("64 hexadecimal digits"), "{log}");
}

#[test]
fn a_gateway_without_a_trail_is_told_so() {
    let folder = Folder::new();
    Config::new([bank()], "http://127.0.0.1:9/nobody").write(&folder);
    let ended = audit(folder.path(), &["verify"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("the signing key is not there"), "{ended:?}");
    assert!(!folder.join("audit.key").exists() && !folder.join("gateway.db").exists(), "it only reads");
}
