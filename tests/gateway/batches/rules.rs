//! What becomes of each event of a chunk, by what Xceed answers: each sentence of the published rules for batches.

use super::{counts, events, id, start};
use crate::harness::{Caller, Config, Gateway, Simulator, Tenant, customer_event, until};
use serde_json::{Value, json};

const RIGHT: &str = "311a5439c8bda8ef";
const WRONG: &str = "ffffffffffffffff";

/// Ten events, of which some trigger that at the simulator.
fn ten(trigger: &str, which: &[usize]) -> Vec<Value> {
    let mut ten = events(0..10);
    for n in which {
        ten[*n] = customer_event(&id(*n), &format!("SIM-{trigger}~{n}"));
    }
    ten
}

fn states(gateway: &Gateway) -> Vec<String> {
    let state = |n| gateway.look_up(&id(n)).json()["state"].as_str().expect("a state").to_owned();
    (0..10).map(state).collect()
}

/// How often each arrived.
fn times(simulator: &Simulator) -> Vec<usize> {
    let arrived = simulator.arrivals();
    (0..10).map(|n| arrived.iter().filter(|other| **other == id(n)).count()).collect()
}

#[test]
fn a_validation_failure_with_a_list_parks_those_and_the_rest_is_processed() {
    let (simulator, gateway) = start("");
    let caller = gateway.caller();
    let batch = caller.until_done(&caller.posted("", &ten("XML_VALIDATION_FAIL", &[3, 7])));
    assert_eq!(counts(&batch), [10, 0, 0, 8, 0, 2], "{batch}");
    let states = states(&gateway);
    assert!(
        states.iter().enumerate().all(|(n, state)| (state == "PARKED") == [3, 7].contains(&n)),
        "{states:?}"
    );
    assert_eq!(times(&simulator), [1; 10], "nothing is sent twice");
}

#[test]
fn a_validation_failure_without_a_list_parks_all() {
    let (simulator, gateway) = start("");
    let caller = gateway.caller();
    simulator.behave(&json!({ "code": "XML_VALIDATION_FAIL" }));
    let batch = caller.until_done(&caller.posted("", &events(0..10)));
    assert_eq!(counts(&batch), [10, 0, 0, 0, 0, 10], "{batch}");
    assert_eq!(times(&simulator), [1; 10]);
}

#[test]
fn another_code_that_names_an_event_divides_the_chunk_there() {
    let (simulator, gateway) = start("");
    let caller = gateway.caller();
    let batch = caller.until_done(&caller.posted("", &ten("INVALID_MSG", &[4])));
    assert_eq!(counts(&batch), [10, 0, 0, 9, 0, 1], "{batch}");
    assert_eq!(gateway.look_up(&id(4)).json()["state"], "PARKED");
    assert_eq!(simulator.chunks(), [(0..10).map(id).collect::<Vec<_>>(), (5..10).map(id).collect()]);
    let seen = gateway.look_up(&id(9)).json();
    assert_eq!(seen["state"], "SETTLED", "{seen}");
}

#[test]
fn an_event_that_is_named_backs_off_by_its_own_row_and_the_others_do_not_wait() {
    let (simulator, gateway) = start("");
    let caller = gateway.caller();
    let posted = caller.posted("", &ten("ERROR", &[0, 5]));
    let batch =
        until("the others", || Some(caller.look_up_batch(&posted)).filter(|batch| counts(batch)[3] == 8));
    assert_eq!((counts(&batch), &batch["state"]), ([10, 0, 0, 8, 2, 0], &json!("SENDING")), "{batch}");
    let chunks = simulator.chunks();
    let named = |n: usize| (n..10).map(id).collect::<Vec<_>>();
    // Those two may be tried again by then, alone or together.
    let of_many: Vec<_> = chunks.into_iter().filter(|chunk| chunk.len() > 2).collect();
    assert_eq!(of_many, [named(0), named(1), named(6)], "stopped at 0, then at 5");
    let times = times(&simulator);
    assert!(
        times[1..5].iter().all(|times| *times == 2) && times[6..].iter().all(|times| *times == 3),
        "{times:?}"
    );
}

#[test]
fn a_code_that_names_an_unknown_event_or_none_is_about_the_whole_chunk() {
    for behaviour in [json!({ "code": "ERROR", "fault": "wrong_id" }), json!({ "code": "ERROR" })] {
        let (simulator, gateway) = start("");
        let caller = gateway.caller();
        simulator.behave(&behaviour);
        let posted = caller.posted("", &events(0..10));
        until("another attempt", || (simulator.received().len() >= 2).then_some(()));
        assert_eq!(counts(&caller.look_up_batch(&posted)), [10, 0, 0, 0, 10, 0]);
        simulator.behave_as_usual();
        assert_eq!(counts(&caller.until_done(&posted)), [10, 0, 0, 10, 0, 0]);
        for chunk in simulator.chunks() {
            assert_eq!(chunk, (0..10).map(id).collect::<Vec<_>>(), "it backs off as a whole");
        }
    }
}

#[test]
fn a_wrong_number_of_events_parks_them_and_they_leave_again_only_by_force() {
    let (simulator, gateway) = start("");
    let caller = gateway.caller();
    simulator.behave(&json!({ "code": "WRONG_NUM_EVENTS" }));
    let batch = caller.until_done(&caller.posted("", &events(0..2)));
    assert_eq!(counts(&batch), [2, 0, 0, 0, 0, 2], "{batch}");
    let operator = Caller { key: "operator-of-first-bank".to_owned(), ..caller };
    let listed = operator.call(&operator.request("GET", "/v1/parked")).json();
    let first = listed["parked"][0]["deliveryId"].as_str().expect("an id").to_owned();
    let replay = |query: &str| {
        operator.call(&operator.request("POST", &format!("/v1/parked/{first}/replay{query}"))).status
    };
    assert_eq!((replay(""), replay("?force=true")), (409, 202));
}

#[test]
fn a_transport_failure_is_tried_again_under_the_same_ids() {
    for fault in ["reset", "garbage", "soap_fault", "doctype", "huge"] {
        let (simulator, gateway) = start("");
        let caller = gateway.caller();
        simulator.behave(&json!({ "fault": fault }));
        let posted = caller.posted("", &events(0..10));
        until("another attempt", || (simulator.received().len() >= 2).then_some(()));
        simulator.behave_as_usual();
        assert_eq!(counts(&caller.until_done(&posted)), [10, 0, 0, 10, 0, 0], "{fault}");
        let requests = simulator.received();
        assert!(requests.windows(2).all(|pair| pair[0]["payload"] == pair[1]["payload"]), "{fault}");
    }
}

#[test]
fn where_nothing_may_be_sent_twice_what_is_in_doubt_is_parked() {
    let (simulator, gateway) = start("xceed.resend_in_doubt = false");
    let caller = gateway.caller();
    simulator.behave(&json!({ "fault": "reset" }));
    let batch = caller.until_done(&caller.posted("", &events(0..10)));
    assert_eq!(counts(&batch), [10, 0, 0, 0, 0, 10], "{batch}");
    assert_eq!(times(&simulator), [1; 10]);
}

#[test]
fn the_next_key_is_tried_with_the_whole_chunk_and_kept() {
    let simulator = Simulator::start(&[Tenant::first_bank()]);
    let tenant = Tenant::first_bank().secret(WRONG).next_secret(RIGHT);
    let gateway = Gateway::start(Config::new([tenant], &simulator.url()));
    let caller = gateway.caller();
    assert_eq!(counts(&caller.until_done(&caller.posted("", &events(0..10))))[3], 10);
    caller.until_done(&caller.posted("", &events(10..20)));
    let hashes: Vec<_> = simulator.received().iter().map(|request| request["hashOk"].clone()).collect();
    assert_eq!(hashes, [json!(false), json!(true), json!(true)]);
}

#[test]
fn a_refused_hash_holds_the_queue_and_the_right_key_sends_all_of_it_in_order() {
    let simulator = Simulator::start(&[Tenant::first_bank()]);
    let tenant = |secret: &str| Tenant::first_bank().secret(secret).with("batch.chunk = 5");
    let mut gateway = Gateway::start(Config::new([tenant(WRONG)], &simulator.url()));
    let one_customer: Vec<_> = (0..40).map(|n| customer_event(&id(n), "C-1")).collect();
    let posted = gateway.caller().posted("", &one_customer);
    gateway.caller().until_state(&id(39), "HELD");
    let batch = gateway.caller().look_up_batch(&posted);
    assert_eq!((counts(&batch), &batch["state"]), ([40, 0, 0, 0, 37, 3], &json!("SENDING")), "{batch}");
    let before = until("a quiet Xceed", || Some(simulator.received().len()));
    gateway.restart_with(Config::new([tenant(RIGHT)], &simulator.url()));
    let batch = gateway.caller().until_done(&posted);
    assert_eq!(counts(&batch), [40, 0, 0, 40, 0, 0], "{batch}");
    let good: Vec<_> =
        simulator.received()[before..].iter().filter(|request| request["hashOk"] == true).cloned().collect();
    let arrived: Vec<_> = good.iter().flat_map(crate::harness::ids).collect();
    assert_eq!(arrived, (0..40).map(id).collect::<Vec<_>>(), "in order");
    assert!(good.iter().all(|request| request["operation"] == "addMEvents"));
}
