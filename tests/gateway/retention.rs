//! What is old and done is taken out of the store, whoever calls meanwhile; what is still to be done stays. A key is
//! usable anew when its time is over, while its event is still known. Time is made to pass by SQL.

use crate::harness::{Caller, Config, Copies, Gateway, Simulator, Tenant, customer_event, event, until};
use rusqlite::Connection;
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;

const HOUR: i64 = 60 * 60 * 1_000_000;

/// Makes the events older whose ids are like this; the gateway must not run.
fn age(gateway: &Gateway, ids: &str, hours: i64) {
    let store = Connection::open(gateway.file("gateway.db")).expect("a store that nobody uses");
    let update = "UPDATE event SET received_at = received_at - ?1 WHERE event_id LIKE ?2";
    assert!(store.execute(update, rusqlite::params![hours * HOUR, ids]).expect("SQL") > 0);
}

/// How many rows of a table hang on no event.
fn orphans(gateway: &Gateway, table: &str) -> i64 {
    let store = Connection::open(gateway.file("gateway.db")).expect("a store");
    let count = format!("SELECT count(*) FROM {table} WHERE seq NOT IN (SELECT seq FROM event)");
    store.query_row(&count, [], |row| row.get(0)).expect("SQL")
}

#[test]
fn what_is_old_and_done_is_gone_and_what_is_to_be_done_stays() {
    let tenants = [Tenant::first_bank().with("policy.deadline_ms = 300")];
    let xceed = Simulator::start(&tenants);
    let config = Config::new(tenants, &xceed.url()).with("store.retention = \"72h\"");
    let mut gateway = Gateway::start(config);
    let caller = gateway.caller();
    let [late, parked, discarded] = [
        customer_event("old-late", "SIM-SLOW-600"),
        customer_event("old-parked", "SIM-XML_VALIDATION_FAIL"),
        customer_event("old-discarded", "SIM-INVALID_MSG"),
    ];
    assert_eq!(gateway.submit_with("?mode=ack", &[], event("old-ack").to_string()).status, 202);
    // The newest one stays whatever its age.
    for event in [&event("old-scored"), &late, &parked, &discarded, &event("new")] {
        assert_eq!(gateway.submit(event).status, 200);
    }
    caller.look_up_until("old-late", |seen| !seen["late"].is_null());
    let operator = |method: &str, target: &str| {
        let operator = Caller { key: "operator-of-first-bank".to_owned(), ..gateway.caller() };
        operator.call(&operator.request(method, target))
    };
    let listed = operator("GET", "/v1/parked").json();
    let listed = listed["parked"].as_array().expect("a list");
    let delivery = listed.iter().find(|parked| parked["eventId"] == "old-discarded").expect("it is parked");
    let delivery = delivery["deliveryId"].as_str().expect("an id");
    assert_eq!(operator("DELETE", &format!("/v1/parked/{delivery}")).status, 200);
    caller.until_state("old-ack", "SETTLED");
    assert!(gateway.terminate().success());
    age(&gateway, "old-%", 73);
    gateway.restart();
    for gone in ["old-scored", "old-late", "old-discarded", "old-ack"] {
        until(&format!("{gone} to be gone"), || (gateway.look_up(gone).status == 404).then_some(()));
    }
    assert_eq!(gateway.look_up("old-parked").json()["state"], "PARKED");
    assert!(gateway.submit(&event("new")).is_replay());
    for table in ["told", "decided", "callback", "attempt", "late", "delivery"] {
        assert_eq!(orphans(&gateway, table), 0, "{table}");
    }
    let again = gateway.submit(&event("old-scored"));
    assert_eq!((again.status, again.is_replay()), (200, false), "its id is a new event's now");
    assert_eq!(xceed.received_of("old-scored").len(), 2);
}

#[test]
fn the_newest_event_is_kept_so_that_no_number_is_given_twice() {
    let tenants = [Tenant::first_bank()];
    let xceed = Simulator::start(&tenants);
    let mut gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    for id in ["e-1", "e-2"] {
        assert_eq!(gateway.submit(&event(id)).status, 200);
    }
    assert!(gateway.terminate().success());
    age(&gateway, "e-%", 31 * 24);
    gateway.restart();
    until("the older one to be gone", || (gateway.look_up("e-1").status == 404).then_some(()));
    assert_eq!(gateway.look_up("e-2").status, 200);
}

#[test]
fn a_key_is_usable_anew_after_its_time_and_its_event_is_known_all_the_same() {
    let tenants = [Tenant::first_bank()];
    let xceed = Simulator::start(&tenants);
    let mut gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    let submit = |gateway: &Gateway, id: &str, key: &str| {
        gateway.submit_with("", &[("Idempotency-Key", key)], event(id).to_string())
    };
    let told = submit(&gateway, "old-1", "k-1");
    assert_eq!(submit(&gateway, "young-1", "k-2").status, 200);
    assert!(gateway.terminate().success());
    age(&gateway, "old-%", 73);
    age(&gateway, "young-%", 71);
    gateway.restart();
    assert_eq!(submit(&gateway, "other", "k-2").status, 422, "71 hours are not enough");
    let anew = submit(&gateway, "e-2", "k-1");
    assert_eq!((anew.status, anew.is_replay()), (200, false), "{}", anew.text());
    let known = gateway.submit(&event("old-1"));
    assert!(known.is_replay() && known.body == told.body);
    assert_eq!(gateway.look_up("old-1").status, 200);
    let again = submit(&gateway, "e-2", "k-1");
    assert!(again.is_replay() && again.body == anew.body, "the key is the new event's");
    assert_eq!(submit(&gateway, "old-1", "k-1").status, 422, "and no longer the old one's");
}

#[test]
fn thousands_of_old_events_go_while_callers_are_answered() {
    let tenants = [Tenant::first_bank()];
    let xceed = Simulator::start(&tenants);
    let mut gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    assert_eq!(gateway.submit(&customer_event("the-old-one", "somebody")).status, 200);
    assert!(gateway.terminate().success());
    let copies = Copies {
        event_id: "the-old-one",
        customer: "somebody",
        count: 5_000,
        id: "'old-' || n",
        customer_id: "'C-' || n",
    };
    copies.put_into(&gateway.file("gateway.db")).expect("a store that nobody uses");
    age(&gateway, "%old%", 31 * 24);
    gateway.restart();
    let gone = AtomicBool::new(false);
    thread::scope(|scope| {
        for worker in 0..4 {
            let (caller, gone) = (gateway.caller(), &gone);
            scope.spawn(move || {
                for n in 0.. {
                    let told = caller.submit(&event(&format!("e-{worker}-{n}")));
                    assert_eq!(
                        (told.status, &told.json()["outcome"]),
                        (200, &json!("SCORED")),
                        "{}",
                        told.text()
                    );
                    if gone.load(SeqCst) {
                        break;
                    }
                }
            });
        }
        let last = || (gateway.look_up("old-4999").status == 404).then_some(());
        until("the old ones to be gone", last);
        gone.store(true, SeqCst);
    });
    assert_eq!(orphans(&gateway, "told") + orphans(&gateway, "attempt"), 0);
}
