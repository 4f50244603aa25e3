//! A store from a backup is older than what was signed of it: it says so, and sends nothing until an operator decides.

use crate::harness::{
    Caller, Config, Gateway, Response, Simulator, Tenant, event, exported, until, verified,
};
use serde_json::json;
use std::fs;

struct Bank {
    xceed: Simulator,
    gateway: Gateway,
    /// Requests that Xceed had received when the backup was put back.
    received: usize,
}

impl Bank {
    /// A gateway that has run on from its backup: one event in it is still to be sent, and was sent afterwards.
    fn restored() -> Self {
        let tenants = || [Tenant::first_bank()];
        let xceed = Simulator::start(&tenants());
        let mut gateway = Gateway::start(Config::new(tenants(), &xceed.url()));
        xceed.behave(&json!({ "fault": "reset" }));
        assert_eq!(gateway.submit(&event("e-1")).status, 200);
        assert!(gateway.terminate().success());
        let backup = fs::read(gateway.file("gateway.db")).expect("there");
        xceed.behave_as_usual();
        gateway.restart();
        gateway.caller().until_state("e-1", "SETTLED");
        gateway.submit(&event("e-2"));
        assert!(gateway.terminate().success());
        assert_eq!(verified(&gateway.folder())["ok"], true);
        for leftover in ["gateway.db-wal", "gateway.db-shm"] {
            let _ = fs::remove_file(gateway.file(leftover));
        }
        fs::write(gateway.file("gateway.db"), backup).expect("the folder can be written");
        let said = verified(&gateway.folder());
        assert_eq!(said["findings"][0]["what"], "cut", "{said}");
        let received = xceed.received().len();
        gateway.restart();
        Self { xceed, gateway, received }
    }

    fn call(&self, method: &str, target: &str) -> Response {
        let operator = Caller { key: "operator-of-first-bank".to_owned(), ..self.gateway.caller() };
        operator.call(&operator.request(method, target))
    }
}

#[test]
fn a_restored_store_sends_nothing_until_an_operator_has_decided() {
    let mut bank = Bank::restored();
    let log = bank.gateway.log();
    assert!(log.contains("the store is older than its checkpoints") && log.contains("resume"), "{log}");
    let ready = bank.call("GET", "/readyz").json();
    assert!(ready["reasons"].as_array().is_some_and(|all| all.contains(&json!("store_older"))), "{ready}");
    let held = bank.call("GET", "/v1/held").json();
    assert_eq!((&held["held"][0]["queue"], &held["held"][0]["code"]), (&json!("all"), &json!("STORE_OLDER")));
    let told = bank.gateway.submit(&event("e-3")).json();
    assert_eq!((&told["outcome"], &told["basis"]), (&json!("FALLBACK"), &json!("held")));
    bank.gateway.kill();
    bank.gateway.restart();
    assert_eq!(bank.call("GET", "/v1/held").json()["held"][0]["code"], "STORE_OLDER", "it does not forget");
    assert_eq!(bank.xceed.received().len(), bank.received, "nothing was sent");
    let sent = |id: &str| bank.xceed.received_of(id).len();
    let before = (sent("e-1"), sent("e-3"));
    let said = verified(&bank.gateway.folder());
    assert_eq!(said["ok"], false, "nobody has decided: {said}");

    assert_eq!(bank.call("POST", "/v1/held/all/resume").status, 202);
    for id in ["e-1", "e-3"] {
        bank.gateway.caller().until_state(id, "SETTLED");
    }
    assert_eq!((sent("e-1"), sent("e-3")), (before.0 + 1, 1));
    let ready = bank.call("GET", "/readyz").json();
    assert_eq!(ready["reasons"], json!([]));
    let lines = exported(&bank.gateway.folder(), &[]);
    let decided: Vec<_> =
        lines.iter().filter(|line| line["kind"] == "restored").map(crate::harness::body).collect();
    assert_eq!((decided.len(), &decided[0]["by"]), (1, &json!("operator")));
    until("a checkpoint behind the decision", || {
        (verified(&bank.gateway.folder())["chains"][0]["uncovered"] == 0).then_some(())
    });
    assert!(bank.gateway.terminate().success());
    let said = verified(&bank.gateway.folder());
    assert_eq!(said["ok"], true, "{said}");
    let note = said["notes"][0].as_str().expect("a note");
    assert!(note.contains("operator accepted a store"), "{note}");
    bank.gateway.restart();
    assert_eq!(bank.call("GET", "/v1/held").json(), json!({ "held": [] }), "it was decided once and for all");
}

#[test]
fn a_store_that_is_gone_waits_for_an_operator_as_well() {
    let mut bank = Bank::restored();
    bank.gateway.kill();
    for part in ["gateway.db", "gateway.db-wal", "gateway.db-shm"] {
        let _ = fs::remove_file(bank.gateway.file(part));
    }
    bank.gateway.restart();
    assert_eq!(bank.gateway.submit(&event("e-4")).json()["basis"], "held");
    assert_eq!(bank.xceed.received().len(), bank.received);
    assert_eq!(bank.call("POST", "/v1/held/all/resume").status, 202);
    bank.gateway.caller().until_state("e-4", "SETTLED");
    assert!(bank.gateway.terminate().success());
    assert_eq!(verified(&bank.gateway.folder())["ok"], true);
}

#[test]
fn a_store_without_its_checkpoints_waits_as_well() {
    let mut bank = Bank::restored();
    bank.gateway.kill();
    fs::remove_file(bank.gateway.file("audit.checkpoints")).expect("there");
    bank.gateway.restart();
    assert!(bank.gateway.log().contains("the file of its checkpoints is gone"));
    assert_eq!(bank.gateway.submit(&event("e-4")).json()["basis"], "held");
    assert_eq!(bank.call("POST", "/v1/held/all/resume").status, 202);
    bank.gateway.caller().until_state("e-4", "SETTLED");
    assert!(bank.gateway.terminate().success());
    let said = verified(&bank.gateway.folder());
    assert_eq!((&said["ok"], said["notes"].as_array().map(Vec::len)), (&json!(true), Some(1)), "{said}");
}

#[test]
fn a_backup_on_a_machine_that_has_neither_key_nor_checkpoints_waits_as_well() {
    let mut bank = Bank::restored();
    bank.gateway.kill();
    for part in ["audit.checkpoints", "audit.key"] {
        fs::remove_file(bank.gateway.file(part)).expect("there");
    }
    for _ in 0..2 {
        bank.gateway.restart();
        assert!(bank.gateway.log().contains("the file of its checkpoints is gone"));
        assert_eq!(verified(&bank.gateway.folder())["findings"][0]["what"], "checkpoints_deleted");
    }
    assert_eq!(bank.gateway.submit(&event("e-4")).json()["basis"], "held");
    assert_eq!(bank.xceed.received().len(), bank.received);
    assert_eq!(bank.call("POST", "/v1/held/all/resume").status, 202);
    bank.gateway.caller().until_state("e-4", "SETTLED");
    bank.gateway.restart();
    assert_eq!(bank.call("GET", "/v1/held").json(), json!({ "held": [] }), "it was decided once and for all");
    let said = verified(&bank.gateway.folder());
    assert_eq!((&said["ok"], said["notes"].as_array().map(Vec::len)), (&json!(true), Some(1)), "{said}");
}
