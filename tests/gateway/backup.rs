//! A backup that is made while the gateway runs has all that was answered before it, and a gateway starts from it. How it
//! is made is in the README.

use crate::harness::{Caller, Config, Folder, Gateway, Simulator, Tenant, event, until};
use rusqlite::Connection;
use serde_json::json;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};
use std::thread;

const README: &str = include_str!("../../README.md");

#[test]
fn a_backup_made_under_load_has_all_that_was_answered_before_and_a_gateway_starts_from_it() {
    let tenants = [Tenant::first_bank()];
    let xceed = Simulator::start(&tenants);
    let config = Config::new(tenants, &xceed.url());
    let mut gateway = Gateway::start(config.clone());
    let backup = Folder::new();
    let command = "VACUUM INTO ";
    assert!(README.contains(command), "the README says how");
    let (stopped, given) = (AtomicBool::new(false), Mutex::new(HashMap::new()));
    let known = || given.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let before: HashMap<String, Vec<u8>> = thread::scope(|scope| {
        for worker in 0..4 {
            let (caller, stopped, given) = (gateway.caller(), &stopped, &given);
            scope.spawn(move || {
                for n in 0.. {
                    let id = format!("e-{worker}-{n}");
                    let query = if n % 2 == 0 { "" } else { "?mode=ack" };
                    let response = caller.submit_with(query, &[], event(&id).to_string());
                    assert!([200, 202].contains(&response.status), "{}", response.text());
                    given.lock().unwrap_or_else(PoisonError::into_inner).insert(id, response.body);
                    if stopped.load(SeqCst) {
                        return;
                    }
                }
            });
        }
        let enough =
            |count: usize| until("some answers", || Some(known()).filter(|given| given.len() >= count));
        let before = enough(200);
        let store = Connection::open(gateway.file("gateway.db")).expect("the gateway does not mind");
        let into = backup.join("gateway.db");
        store.execute(&format!("{command}?1"), [into.to_str().expect("a plain path")]).expect("a backup");
        enough(before.len() + 200);
        stopped.store(true, SeqCst);
        before
    });
    assert!(gateway.terminate().success());
    for file in ["audit.key", "audit.checkpoints"] {
        std::fs::copy(gateway.file(file), backup.join(file)).expect("they lie beside the store");
    }
    drop(gateway);
    let restored =
        Gateway::try_start(config, backup).unwrap_or_else(|log| panic!("it does not start: {log}"));
    let operator = Caller { key: "operator-of-first-bank".to_owned(), ..restored.caller() };
    let ready = operator.call(&operator.request("GET", "/readyz"));
    assert_eq!((ready.status, &ready.json()["reasons"]), (200, &json!(["store_older"])), "it is found out");
    let arrived = xceed.received().len();
    let told = restored.submit(&event("e-held")).json();
    assert_eq!((&told["outcome"], &told["basis"]), (&json!("FALLBACK"), &json!("held")));
    assert_eq!(xceed.received().len(), arrived, "nothing is sent until an operator has decided");
    assert_eq!(operator.call(&operator.request("POST", "/v1/held/all/resume")).status, 202);
    restored.caller().until_state("e-held", "SETTLED");
    for (id, told) in &before {
        let again = restored.submit(&event(id));
        assert!(again.is_replay() && again.body == *told, "{id}: {}", again.text());
        restored.caller().until_state(id, "SETTLED");
    }
    let after: Vec<_> = known().into_keys().filter(|id| !before.contains_key(id)).collect();
    assert!(after.iter().any(|id| restored.look_up(id).status == 404), "some came after the backup");
    for id in &after {
        // Sent again by their callers, they are answered like new ones.
        assert!([200, 202].contains(&restored.submit(&event(id)).status));
    }
}
