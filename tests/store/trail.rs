//! What the audit trail says of decisions on their way back, of batches, and of settings that were read anew.

use crate::open::{Open, bank, batch, done, each, event, heard_by, now, read, within};
use serde_json::{Value, json};
use xceed_gateway::application::ports::{Act, Mode};
use xceed_gateway::domain::delivery::State;
use xceed_gateway::domain::going_back::When::Always;

/// What stands in the entries of these kinds, without what all entries have.
fn said(open: &Open, kinds: &[&str]) -> Vec<Value> {
    let entries = open.trail().into_iter().filter(|entry| kinds.iter().any(|kind| entry["kind"] == *kind));
    let each = entries.map(|mut entry| {
        let members = entry.as_object_mut().expect("an object");
        for common in
            ["gateway", "n", "timestamp", "seq", "interactionId", "transactionId", "push", "endedAt"]
        {
            members.remove(common);
        }
        entry
    });
    each.collect()
}

#[test]
fn it_says_what_became_of_each_decision_on_its_way_and_not_how_often_it_was_tried() {
    each(|open| {
        for id in ["e-landed", "e-gone", "e-parked"] {
            let record = within(heard_by(event(&open, id, Mode::Sync), &[("webhook:crm", Always)]), None);
            let seq = record.seq;
            open.record(record);
            open.tell(seq, "{}");
        }
        let pushes = open.claim();
        open.end(&pushes[0], "status 503", State::Queued { due: now() });
        let again = open.claim();
        open.end(&again[0], "landed", State::Settled);
        open.end(&pushes[1], "gone", State::Settled);
        open.end(&pushes[2], "forbidden", State::Parked { reason: "forbidden".to_owned() });
        let parked = read(open.store.parked_pushes(&bank(), None, 1)).expect("it can be read");
        assert!(open.operate(parked[0].id, Act::Replay(now())));
        open.end(&open.claim()[0], "unauthorized", State::Parked { reason: "unauthorized".to_owned() });
        assert!(open.operate(parked[0].id, Act::Discard));
        let push = |event: &str, ended: &str, why: Option<&str>| {
            json!({ "kind": "push", "tenant": "bank", "eventId": event, "target": "webhook:crm", "what": "decision",
                    "ended": ended, "why": why, "tookMicros": 7000 })
        };
        let operated = |kind: &str| {
            json!({ "kind": kind, "tenant": "bank", "eventId": "e-parked", "target": "webhook:crm",
                    "what": "decision", "by": "ops" })
        };
        let expected = [
            push("e-landed", "landed", None),
            push("e-gone", "gone", None),
            push("e-parked", "parked", Some("forbidden")),
            operated("replay"),
            push("e-parked", "parked", Some("unauthorized")),
            operated("discard"),
        ];
        assert_eq!(said(&open, &["push", "replay", "discard"]), expected);
        open.verify();
    });
}

#[test]
fn a_batch_and_settings_that_were_read_anew_are_entries() {
    each(|open| {
        let batch = batch("b-1");
        let received = format!("{:.6}", batch.received_at);
        done(open.store.batch(batch));
        for settings in ["one", "one", "other"] {
            done(open.store.reloaded(settings.to_owned()));
        }
        let expected = json!({ "kind": "batch", "tenant": "bank", "batchId": "b-1", "mode": "batch",
            "receivedAt": received, "lines": 4, "accepted": 3, "duplicates": 0, "failed": 1 });
        assert_eq!(said(&open, &["batch"]), [expected]);
        let reloads = said(&open, &["reload"]);
        assert_eq!((reloads.len(), &reloads[0]), (3, &reloads[1]));
        assert_ne!(reloads[1], reloads[2]);
        let hash = reloads[0]["configuration"].as_str().expect("a hash");
        assert!(hash.len() == 64 && hash != "one", "{hash}");
        // Whoever is restarted goes on with the same chain.
        let open = open.again();
        done(open.store.reloaded("third".to_owned()));
        open.verify();
    });
}
