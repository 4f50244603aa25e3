//! `demo`: what a newcomer sees first.

use super::folder::{Folder, has};
use serde_json::Value;

#[test]
fn the_demo_shows_each_sample_with_its_decision_and_ends_when_asked_to() {
    let ended = Folder::new().run(&["demo", "--once", "--output", "json"]);
    let decisions: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(decisions.len(), 10, "{ended:?}");
    for decision in &decisions {
        assert!(decision["eventId"].is_string() && decision["outcome"].is_string(), "{decision}");
    }
    ended.done();
    has(&Folder::new().run(&["demo", "--once"]).done(), &["DECISION", "A wire of 12,500 USD by phone"]);
}
