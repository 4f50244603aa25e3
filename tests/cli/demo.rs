//! `demo`: what a newcomer sees first.

use super::folder::{Folder, has};
use serde_json::Value;

#[test]
fn the_demo_shows_each_sample_with_its_decision_and_ends_when_asked_to() {
    let ended = Folder::new().run(&["demo", "--once", "--output", "json"]);
    let decisions: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(decisions.len(), 11, "{ended:?}");
    for decision in &decisions {
        assert!(decision["eventId"].is_string() && decision["outcome"].is_string(), "{decision}");
    }
    let data_action = &decisions[10];
    assert_eq!(data_action["outcome"], "PENDING", "{data_action}");
    let attributes = &data_action["interaction"]["attributes"];
    assert_eq!((&attributes["fraud_flag"], &attributes["fraud_risk_score"]), (&"HIGH".into(), &70.0.into()));
    ended.done();
    has(
        &Folder::new().run(&["demo", "--once"]).done(),
        &[
            "DECISION",
            "A wire of 12,500 USD by phone",
            "then in interaction 50011: fraud_risk_score 70.0, fraud_flag HIGH",
        ],
    );
}
