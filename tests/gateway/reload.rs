//! Settings, sets and tenants that change under a gateway that runs: whole or not at all.

use crate::harness::{Config, Folder, Gateway, Simulator, Tenant, customer_event, event, repository, until};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

fn configuration(gateway: &Gateway) -> Value {
    let request = gateway.caller().request("GET", "/readyz");
    gateway.caller().call(&request).json()["configuration"].clone()
}

fn is_in_use(gateway: &Gateway, times: usize) {
    until("a configuration in use", || {
        (gateway.log().matches("was read anew and is in use").count() >= times).then_some(())
    });
}

/// Xceed scores it with 42, and with an action that no tenant maps.
fn scored(id: &str) -> Value {
    customer_event(id, &format!("SIM-SCORE-42-ACTION-Shrug~{id}"))
}

#[test]
fn a_threshold_that_changes_decides_the_next_event() {
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let with = |standard: &str| {
        let tenant = Tenant::first_bank().with(&format!("policy.thresholds.standard = {standard}"));
        Config::new([tenant], &xceed.url())
    };
    let mut gateway = Gateway::start(with("50.0"));
    assert_eq!(gateway.submit(&scored("e-1")).json()["decision"], "ALLOW");
    gateway.reconfigure(with("40.0"));
    is_in_use(&gateway, 1);
    assert_eq!(gateway.submit(&scored("e-2")).json()["decision"], "REVIEW");
    assert_eq!(gateway.submit(&scored("e-1")).json()["decision"], "ALLOW", "what was told stays told");
    // The signal does not wait for a second look.
    gateway.reconfigure(with("50.0"));
    gateway.signal("HUP");
    is_in_use(&gateway, 2);
    assert_eq!(gateway.submit(&scored("e-3")).json()["decision"], "ALLOW");
}

#[test]
fn a_wrong_file_keeps_the_old_settings_and_says_so() {
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let config = Config::new([Tenant::first_bank()], &xceed.url());
    let mut gateway = Gateway::start(config.clone());
    assert_eq!(configuration(&gateway), "current");
    let wrong = Tenant::first_bank().with("policy.block_at = 900.0\npolicy.deadline = 3");
    gateway.reconfigure(Config::new([wrong], &xceed.url()));
    until("a refusal", || (configuration(&gateway) == "refused").then_some(()));
    let log = gateway.log();
    for error in
        ["policy.block_at: must be a number", "policy.deadline: is unknown", "the one before goes on"]
    {
        assert!(log.contains(error), "{error}: {log}");
    }
    assert_eq!(gateway.submit(&event("e-1")).status, 200);
    fs::write(gateway.file("gateway.toml"), "[server").expect("the test's folder can be written");
    gateway.signal("HUP");
    until("another refusal", || gateway.log().contains("is no TOML").then_some(()));
    assert_eq!(gateway.submit(&event("e-2")).status, 200);
    gateway.reconfigure(config);
    until("a sound one", || (configuration(&gateway) == "current").then_some(()));
}

#[test]
fn a_tenant_that_is_added_is_served_and_one_that_is_taken_out_is_not() {
    let (first, second) = (Tenant::first_bank(), Tenant::new("second-bank", 210_022));
    let xceed = Simulator::start(&[first.clone(), second.clone()]);
    let mut gateway = Gateway::start(Config::new([first.clone()], &xceed.url()));
    let second_caller = gateway.caller_of("second-bank");
    assert_eq!(second_caller.submit(&event("e-1")).status, 401);
    gateway.reconfigure(Config::new([first, second.clone()], &xceed.url()));
    is_in_use(&gateway, 1);
    assert_eq!(second_caller.submit(&event("e-1")).json()["outcome"], "SCORED");
    gateway.reconfigure(Config::new([second], &xceed.url()));
    is_in_use(&gateway, 2);
    assert_eq!(gateway.caller_of("first-bank").submit(&event("e-2")).status, 401);
    assert_eq!(second_caller.submit(&event("e-2")).json()["outcome"], "SCORED");
    assert_eq!(second_caller.look_up("e-1").status, 200);
}

#[test]
fn a_mapping_that_changes_fills_the_next_payload_and_one_that_is_wrong_does_not_come_in() {
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let config = Config::new([Tenant::first_bank()], &xceed.url());
    let sets = Folder::new();
    copy(&repository("xsd"), sets.path());
    let gateway = Gateway::start(config.schemas(sets.path().to_owned()));
    let mapping = sets.join("1.0/mapping.toml");
    let text = fs::read_to_string(&mapping).expect("a mapping");
    let filled = |id: &str| {
        let mut event = event(id);
        event["interaction"] = json!({ "id": "i-1", "agentId": "a-17" });
        assert_eq!(gateway.submit(&event).status, 200);
        let received = xceed.received_of(id);
        received[0]["payload"].as_str().expect("a payload").contains("<AgentId>i-1</AgentId>")
    };
    assert!(!filled("e-1"));
    let (agent, interaction) = ("AgentId = \"interaction.agentId\"", "AgentId = \"interaction.id\"");
    assert!(text.contains(agent), "{text}");
    fs::write(&mapping, text.replace(agent, interaction)).expect("the copy can be written");
    is_in_use(&gateway, 1);
    assert!(filled("e-2"));
    fs::write(&mapping, text.replace(agent, "AgentIdd = 3")).expect("the copy can be written");
    until("a refusal", || (configuration(&gateway) == "refused").then_some(()));
    assert!(filled("e-3"));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).expect("a file can be copied");
        }
    }
}

#[test]
fn calls_go_on_while_settings_change_and_none_is_lost() {
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let with = |n: u32| {
        let tenant = Tenant::first_bank()
            .with(&format!("policy.block_at = {}.0\nxceed.attempt_timeout = \"{n}s\"", 50 + n));
        Config::new([tenant], &xceed.url())
    };
    let mut gateway = Gateway::start(with(20));
    let caller = gateway.caller();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|n| {
                let (caller, done) = (caller.clone(), &done);
                scope.spawn(move || {
                    let mut calls = 0;
                    while !done.load(SeqCst) {
                        let answer = caller.submit(&event(&format!("e-{n}-{calls}")));
                        assert_eq!((answer.status, &answer.json()["outcome"]), (200, &Value::from("SCORED")));
                        calls += 1;
                    }
                    calls
                })
            })
            .collect();
        for n in 1..=10 {
            gateway.reconfigure(with(20 - n));
            gateway.signal("HUP");
            is_in_use(&gateway, n as usize);
        }
        done.store(true, SeqCst);
        let calls: u64 = callers.into_iter().map(|caller| caller.join().expect("answered")).sum();
        assert!(calls > 0);
        until("all of them", || (xceed.events() == calls).then_some(()));
    });
}

#[test]
fn what_takes_a_new_start_is_said() {
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let config = Config::new([Tenant::first_bank()], &xceed.url());
    let mut gateway = Gateway::start(config.clone());
    gateway.reconfigure(config.with("server.workers = 1"));
    is_in_use(&gateway, 1);
    assert!(gateway.log().contains("[server], [store] and [audit] take effect at the next start"));
}
