//! A secret key is changed without an event lost: Xceed moves to the next key when it likes, and the gateway follows at
//! the first refusal, for good.

use crate::harness::{Config, Gateway, Simulator, Tenant, event};
use serde_json::{Value, json};

const OLD: &str = "311a5439c8bda8ef";
const NEXT: &str = "0123456789abcdef0123456789abcdef";
const WRONG: &str = "ffffffffffffffff";

/// A gateway with these keys, and an Xceed that knows one.
fn start(secret: &str, next: &str, known: &str) -> (Simulator, Gateway) {
    let xceed = Simulator::start(&[Tenant::first_bank().secret(known)]);
    let gateway =
        Gateway::start(Config::new([Tenant::first_bank().secret(secret).next_secret(next)], &xceed.url()));
    (xceed, gateway)
}

fn assert_scored(gateway: &Gateway, event_id: &str) {
    let told = gateway.submit(&event(event_id)).json();
    assert_eq!((&told["outcome"], &told["returnCode"]), (&json!("SCORED"), &json!("SUCCESS")), "{told}");
}

/// Whether the hash was right, for each arrival of an event.
fn hashes(xceed: &Simulator, event_id: &str) -> Vec<bool> {
    xceed.received_of(event_id).iter().filter_map(|request| request["hashOk"].as_bool()).collect()
}

#[test]
fn the_next_key_is_tried_once_and_kept_for_good() {
    let (xceed, mut gateway) = start(OLD, NEXT, NEXT);
    assert_scored(&gateway, "e-1");
    assert_eq!(hashes(&xceed, "e-1"), [false, true]);
    // Nobody but the store knows now.
    gateway.kill();
    gateway.restart();
    assert_scored(&gateway, "e-2");
    assert!(gateway.terminate().success());
    gateway.restart();
    assert_scored(&gateway, "e-3");
    assert_eq!(
        (hashes(&xceed, "e-2"), hashes(&xceed, "e-3")),
        (vec![true], vec![true]),
        "no refusal any more"
    );
    let seen = gateway.look_up("e-1").json();
    assert_eq!((&seen["state"], &seen["attempts"]), (&json!("SETTLED"), &json!(1)), "{seen}");
}

#[test]
fn the_next_key_waits_until_xceed_moves() {
    let (xceed, gateway) = start(OLD, NEXT, OLD);
    assert_scored(&gateway, "e-1");
    assert_scored(&gateway, "e-2");
    assert_eq!((hashes(&xceed, "e-1"), hashes(&xceed, "e-2")), (vec![true], vec![true]));
}

#[test]
fn a_promotion_belongs_to_the_key_that_was_promoted() {
    let (_before, mut gateway) = start(OLD, NEXT, NEXT);
    assert_scored(&gateway, "e-1");
    // The next rotation: what was next is current, and another one is next, which Xceed does not know yet.
    let xceed = Simulator::start(&[Tenant::first_bank().secret(NEXT)]);
    let tenant = Tenant::first_bank().secret(NEXT).next_secret(WRONG);
    gateway.restart_with(Config::new([tenant], &xceed.url()));
    assert_scored(&gateway, "e-2");
    assert_eq!(hashes(&xceed, "e-2"), [true]);
}

#[test]
fn where_both_keys_are_wrong_the_event_is_kept_for_a_person() {
    let (xceed, mut gateway) = start(OLD, NEXT, WRONG);
    for id in ["e-1", "e-2"] {
        let told = gateway.submit(&event(id)).json();
        assert_eq!(
            (&told["outcome"], &told["returnCode"]),
            (&json!("FALLBACK"), &json!("HASH_KEY_FAIL")),
            "{told}"
        );
        assert_eq!((&told["basis"], &told["disposition"]), (&json!("return_code"), &json!("NOT_PROCESSED")));
        let seen = gateway.look_up(id).json();
        assert_eq!((&seen["state"], &seen["late"]), (&json!("PARKED"), &Value::Null), "{seen}");
        assert_eq!(hashes(&xceed, id), [false, false], "each key is tried once, and none is promoted");
    }
    gateway.kill();
    gateway.restart();
    assert_eq!(gateway.look_up("e-1").json()["state"], "PARKED");
}
