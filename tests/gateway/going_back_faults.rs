//! What goes wrong on the way back: tokens that are refused, platforms that are slow, full, gone or broken. No decision is
//! lost, none is brought where it isn't wanted, and what needs a person is kept for one.

use crate::going_back::{Bank, act};
use crate::harness::{
    CLIENT_SECRET, Canned, Config, Database, Do, Gateway, HOOK_SECRET, KEY_SECRET, OLD_HOOK_SECRET, Secrets,
    Simulator, Tenant, answer, customer_event, until, with_cxone, with_webhook,
};
use serde_json::{Value, json};
use std::thread;
use std::time::Duration;

/// The statuses of what was brought, in order.
fn statuses(brought: &[Value]) -> Vec<u64> {
    brought.iter().map(|landing| landing["status"].as_u64().expect("a status")).collect()
}

fn time(landing: &Value) -> jiff::Timestamp {
    landing["at"].as_str().expect("a time").parse().expect("a time")
}

/// The one thing that is parked, once it is.
fn one_parked(bank: &Bank) -> Value {
    until("something that is parked", || bank.parked().first().cloned())
}

#[test]
fn a_token_that_is_refused_is_renewed_once() {
    let bank = Bank::with_cxone("");
    bank.act("i-1", "C-1");
    bank.xceed.brought_times("i-1", 1);
    bank.xceed.platforms_behave(&json!({ "token": { "revoke": true } }));
    bank.act("i-2", "C-2");
    assert_eq!(statuses(&bank.xceed.brought_times("i-2", 2)), [401, 200]);
    assert_eq!(bank.xceed.tokens()["requests"], 2);

    bank.xceed.platforms_behave(&json!({ "api": { "status": 401 } }));
    bank.act("i-3", "C-3");
    let parked = one_parked(&bank);
    let seen = ["reason", "to", "what"].map(|name| &parked[name]);
    assert_eq!(seen, ["unauthorized", "cxone", "decision"], "{parked}");
    assert_eq!(statuses(&bank.xceed.brought_to("i-3")), [401, 401], "once more, and no oftener");
}

#[test]
fn what_is_forbidden_is_parked_and_an_operator_sends_it_again_or_gives_it_up() {
    let bank = Bank::with_cxone("");
    bank.xceed.platforms_behave(&json!({ "api": { "status": 403 } }));
    let parks = |n: usize| {
        bank.act(&format!("i-{n}"), &format!("C-{n}"));
        until("one more that is parked", || Some(bank.parked()).filter(|parked| parked.len() == n))
    };
    parks(1);
    let parked = parks(2);
    assert!(parked.iter().all(|row| row["reason"] == "forbidden"), "{parked:?}");
    bank.xceed.platforms_behave(&json!({}));
    let operator = bank.operator();
    let id = |n: usize| parked[n]["deliveryId"].as_str().expect("an id").to_owned();
    let call = |method: &str, target: &str| operator.call(&operator.request(method, target));
    let page = call("GET", "/v1/parked?limit=1").json();
    assert_eq!((&page["parked"][0]["deliveryId"], &page["next"]), (&json!(id(0)), &json!(id(0))));
    let rest = call("GET", &format!("/v1/parked?before={}", id(0))).json();
    assert_eq!((&rest["parked"][0]["deliveryId"], &rest["next"]), (&json!(id(1)), &Value::Null));
    let replayed = call("POST", &format!("/v1/parked/{}/replay", id(1)));
    assert_eq!((replayed.status, &replayed.json()["state"]), (202, &json!("QUEUED")));
    assert_eq!(statuses(&bank.xceed.brought_times("i-1", 2)), [403, 200]);
    let discarded = call("DELETE", &format!("/v1/parked/{}", id(0)));
    assert_eq!((discarded.status, &discarded.json()["state"]), (200, &json!("DISCARDED")));
    until("nothing that is parked", || bank.parked().is_empty().then_some(()));
    assert_eq!(call("POST", &format!("/v1/parked/{}/replay", id(0))).status, 404);
    assert_eq!(statuses(&bank.xceed.brought_to("i-2")), [403]);
}

#[test]
fn an_interaction_that_has_ended_takes_nothing_and_nobody_minds() {
    let bank = Bank::with_cxone("");
    for (n, status) in [404, 410].into_iter().enumerate() {
        let gone = format!("SIM-{status}");
        bank.act(&gone, &format!("C-{n}"));
        assert_eq!(statuses(&bank.xceed.brought_times(&gone, 1)), [status]);
    }
    bank.act("i-1", "C-9");
    bank.xceed.brought_times("i-1", 1);
    assert!(bank.parked().is_empty());
    assert_eq!(bank.xceed.brought_to("SIM-404").len(), 1);
}

#[test]
fn a_platform_that_is_full_is_left_alone_as_long_as_it_asks_and_nobody_else_waits() {
    let bank = Bank::open(|tenant, platform, secrets| {
        let tenant = with_cxone(tenant, platform, secrets, "");
        with_webhook(tenant, &format!("{platform}/webhook/crm"), secrets, "")
    });
    bank.xceed.platforms_behave(&json!({ "api": { "statuses": [429], "retry_after": "3" } }));
    bank.act("i-1", "C-1");
    let first = bank.xceed.brought_times("i-1", 1);
    bank.act("i-2", "C-2");
    bank.xceed.brought_times("crm", 2);
    let second = bank.xceed.brought_times("i-2", 1);
    let waited = time(&second[0]).duration_since(time(&first[0]));
    assert!(waited.as_millis() >= 2_900, "{waited}");
    let brought = bank.xceed.brought_times("i-1", 2);
    assert_eq!(statuses(&brought), [429, 200]);
    let heard = &bank.xceed.brought_to("crm")[1];
    assert!(time(heard) < time(&second[0]), "the webhook hears of the second before");
}

#[test]
fn what_fails_or_is_not_answered_in_time_is_brought_later() {
    let bank = Bank::with_cxone("cxone.timeout = \"300ms\"");
    bank.xceed.platforms_behave(&json!({ "api": { "statuses": [503, 500] } }));
    bank.act("i-1", "C-1");
    assert_eq!(statuses(&bank.xceed.brought_times("i-1", 3)), [503, 500, 200]);
    bank.xceed.platforms_behave(&json!({ "api": { "delay_ms": 900 } }));
    bank.act("i-2", "C-2");
    bank.xceed.brought_times("i-2", 1);
    bank.xceed.platforms_behave(&json!({}));
    // What was taken in without an answer is brought once more: it says the same.
    let brought = bank.xceed.brought_times("i-2", 2);
    assert_eq!(brought[0]["body"], brought[1]["body"]);
    assert!(bank.parked().is_empty());
}

#[test]
fn a_token_endpoint_that_answers_with_a_page_is_told_clearly_and_costs_no_decision() {
    let bank = Bank::with_cxone("");
    bank.xceed.platforms_behave(&json!({ "token": { "html": true } }));
    bank.act("i-1", "C-1");
    until("the log to say why", || {
        bank.gateway.log().contains("a page instead of a token; check token_url").then_some(())
    });
    assert!(!bank.gateway.log().contains("Sign in"), "what was answered is not shown");
    bank.xceed.platforms_behave(&json!({}));
    assert_eq!(statuses(&bank.xceed.brought_times("i-1", 1)), [200]);
}

#[test]
fn a_token_endpoint_that_is_slow_or_leads_elsewhere_is_told_clearly_and_nobody_follows() {
    let elsewhere =
        Canned::start(|_| vec![Do::Say(answer(200, "application/json", br#"{"access_token":"stolen"}"#))]);
    let away = format!("HTTP/1.1 307 -\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", elsewhere.url());
    let leads = Canned::start(move |_| vec![Do::Say(away.clone().into_bytes())]);
    let bank = Bank::with_cxone(&format!("cxone.token_url = \"{}\"", leads.url()));
    bank.act("i-1", "C-1");
    until("the log to say why", || {
        bank.gateway.log().contains("leads elsewhere; set token_url").then_some(())
    });
    assert!(elsewhere.heard().is_empty(), "a secret goes where it is configured to go, and nowhere else");

    let bank = Bank::with_cxone("cxone.timeout = \"300ms\"");
    bank.xceed.platforms_behave(&json!({ "token": { "delay_ms": 2000 } }));
    bank.act("i-1", "C-1");
    until("the log to say why", || bank.gateway.log().contains("did not answer in time").then_some(()));
    bank.xceed.platforms_behave(&json!({}));
    assert_eq!(statuses(&bank.xceed.brought_times("i-1", 1)), [200]);
}

#[test]
fn a_decision_does_not_take_the_place_of_what_came_after_it() {
    let bank = Bank::with_cxone("xceed.attempt_timeout = \"20s\"");
    bank.xceed.platforms_behave(&json!({ "api": { "statuses": [403] } }));
    bank.act("i-1", "SIM-SLOW-7500-SCORE-95");
    let parked = one_parked(&bank);
    assert_eq!(statuses(&bank.xceed.brought_times("i-1", 2)), [403, 200], "what came late is there");
    let operator = bank.operator();
    let target = format!("/v1/parked/{}/replay", parked["deliveryId"].as_str().expect("an id"));
    let refused = operator.call(&operator.request("POST", &target));
    assert_eq!(refused.status, 409, "{}", refused.text());
    let forced = operator.call(&operator.request("POST", &format!("{target}?force=true")));
    assert_eq!(forced.status, 202, "{}", forced.text());
    bank.xceed.brought_times("i-1", 3);
}

#[test]
fn other_listeners_and_other_platforms_are_configured_while_the_gateway_runs() {
    let mut bank = Bank::with_cxone("");
    bank.act("i-1", "C-1");
    bank.xceed.brought_times("i-1", 1);
    let (platform, secrets) = (bank.xceed.platform(), Secrets::new());
    let tenant = with_cxone(Tenant::first_bank(), &platform, &secrets, "cxone.push = \"signal\"");
    let tenant = with_webhook(tenant, &format!("{platform}/webhook/new"), &secrets, "");
    bank.gateway.reconfigure(Config::new([tenant], &bank.xceed.url()));
    until("the new configuration", || bank.gateway.log().contains("is in use").then_some(()));
    bank.act("i-2", "C-2");
    assert_eq!(bank.xceed.brought_times("i-2", 1)[0]["what"], "cxone-signal");
    bank.xceed.brought_times("new", 1);
}

#[test]
fn an_outage_of_tokens_under_load_loses_nothing_and_one_asks_at_a_time() {
    let bank = Bank::with_cxone("");
    bank.xceed.platforms_behave(&json!({ "token": { "status": 503, "delay_ms": 100 } }));
    let ids: Vec<String> = (0..60).map(|n| format!("i-{n}")).collect();
    thread::scope(|scope| {
        for chunk in ids.chunks(15) {
            scope.spawn(|| chunk.iter().for_each(|id| drop(bank.act(id, &format!("C-{id}")))));
        }
    });
    until("some requests in vain", || (bank.xceed.tokens()["requests"].as_u64() >= Some(3)).then_some(()));
    assert!(bank.xceed.brought().is_empty());
    bank.xceed.platforms_behave(&json!({ "token": { "delay_ms": 100 } }));
    for id in &ids {
        assert_eq!(statuses(&bank.xceed.brought_times(id, 1)), [200], "{id}");
    }
    let tokens = bank.xceed.tokens();
    assert_eq!((&tokens["concurrentMax"], &tokens["given"]), (&json!(1), &json!(1)), "{tokens}");
    assert!(bank.parked().is_empty());
}

#[test]
fn a_decision_goes_back_after_a_kill_between_the_two() {
    let mut bank = Bank::with_cxone("");
    bank.xceed.platforms_behave(&json!({ "token": { "status": 503 } }));
    let told = bank.act("i-1", "C-1");
    let id = told["eventId"].as_str().expect("an id").to_owned();
    bank.gateway.caller().look_up_until(&id, |seen| seen["outcome"] == "SCORED");
    bank.gateway.kill();
    bank.xceed.platforms_behave(&json!({}));
    bank.gateway.restart();
    assert_eq!(statuses(&bank.xceed.brought_times("i-1", 1)), [200]);
}

#[test]
fn what_is_under_way_at_the_end_ends_first() {
    let mut bank = Bank::with_cxone("");
    bank.act("i-0", "C-0");
    bank.xceed.brought_times("i-0", 1);
    bank.xceed.platforms_behave(&json!({ "api": { "delay_ms": 1500 } }));
    bank.act("i-1", "C-1");
    bank.xceed.brought_times("i-1", 1);
    assert!(bank.gateway.terminate().success());
    bank.xceed.platforms_behave(&json!({}));
    bank.gateway.restart();
    bank.act("i-2", "C-2");
    bank.xceed.brought_times("i-2", 1);
    assert_eq!(bank.xceed.brought_to("i-1").len(), 1, "it was there, and known to be");
}

#[test]
fn what_a_gateway_leaves_its_twin_on_the_same_store_brings_back() {
    let Some(database) = Database::new() else { return };
    let (xceed, secrets) = (Simulator::start(&[Tenant::first_bank()]), Secrets::new());
    let start = || {
        let tenant = with_cxone(Tenant::first_bank(), &xceed.platform(), &secrets, "");
        let store = format!("store.url = \"{}\"", database.url());
        Gateway::start(Config::new([tenant], &xceed.url()).with(&store))
    };
    let mut a = start();
    act(&a, "i-1", "C-1");
    assert_eq!(statuses(&xceed.brought_times("i-1", 1)), [200]);
    let b = start();
    for n in 2..10 {
        act(if n % 2 == 0 { &a } else { &b }, &format!("i-{n}"), &format!("C-{n}"));
        assert_eq!(statuses(&xceed.brought_times(&format!("i-{n}"), 1)), [200]);
    }
    xceed.platforms_behave(&json!({ "api": { "status": 503 } }));
    let told = act(&a, "i-10", "C-10");
    let id = told["eventId"].as_str().expect("an id").to_owned();
    b.caller().look_up_until(&id, |seen| seen["outcome"] == "SCORED");
    xceed.brought_times("i-10", 1);
    a.kill();
    xceed.platforms_behave(&json!({}));
    until("it to be there", || xceed.brought_to("i-10").iter().any(|one| one["status"] == 200).then_some(()));
    thread::sleep(Duration::from_millis(700));
    let landed = xceed.brought().into_iter().filter(|one| one["status"] == 200).count();
    assert_eq!(landed, 10, "each once");
}

#[test]
fn neither_secrets_nor_tokens_are_ever_logged() {
    let (xceed, secrets) = (Simulator::start(&[Tenant::first_bank()]), Secrets::new());
    let platform = xceed.platform();
    let key = format!(
        "cxone.access_key_id = \"k\"\ncxone.access_key_secret = {}\ncxone.grant = \"password\"",
        secrets.source("key")
    );
    let previous = format!("secret_previous = {}", secrets.source("old-hook"));
    let tenant = with_cxone(Tenant::first_bank(), &platform, &secrets, &key);
    let tenant = with_webhook(tenant, &format!("{platform}/webhook/crm"), &secrets, &previous);
    let mut gateway = Gateway::start(Config::new([tenant], &xceed.url()).log_level("trace"));
    xceed.platforms_behave(&json!({ "webhook_secrets": { "crm": ["CANARY-another"] } }));
    act(&gateway, "CANARY-CALL", "CANARY-CUSTOMER");
    xceed.brought_times("CANARY-CALL", 1);
    for (n, told, logged) in [
        (1, json!({ "api": { "status": 401 } }), "unauthorized"),
        (2, json!({ "token": { "status": 401, "revoke": true } }), "refuses the client"),
        (3, json!({ "token": { "html": true } }), "a page instead of a token"),
    ] {
        xceed.platforms_behave(&told);
        act(&gateway, &format!("i-{n}"), &format!("C-{n}"));
        until(logged, || gateway.log().contains(logged).then_some(()));
    }
    gateway.submit(&customer_event("e-9", "C-9"));
    gateway.terminate();
    let log = gateway.log();
    assert!(log.contains("DEBUG"), "it logs finely");
    // A client and its secret as they are sent.
    let basic = "Z2F0ZXdheTpDQU5BUlk";
    for private in [
        "CANARY",
        CLIENT_SECRET,
        KEY_SECRET,
        HOOK_SECRET,
        OLD_HOOK_SECRET,
        "simulated-token",
        basic,
        "<html>",
    ] {
        let line = log.lines().find(|line| line.contains(private));
        assert_eq!(line, None, "{private} is logged");
    }
}
