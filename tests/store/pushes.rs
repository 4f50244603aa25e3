//! Decisions on their way back: made in the transaction of their words, handed out one of each line, until they land.

use crate::open::{Open, bank, done, each, event, heard_by, late, now, read, settled, within};
use std::time::Duration;
use xceed_gateway::application::ports::{Act, Mode};
use xceed_gateway::domain::delivery::State;
use xceed_gateway::domain::going_back::When::{Always, Late};

/// What is due: target, event, and what goes back.
fn due(open: &Open) -> Vec<(String, String, &'static str)> {
    let pushes = open.claim().into_iter();
    pushes.map(|push| (push.target, push.event_id.as_str().to_owned(), push.kind.name())).collect()
}

fn row(target: &str, event: &str, kind: &'static str) -> (String, String, &'static str) {
    (target.to_owned(), event.to_owned(), kind)
}

#[test]
fn a_decision_goes_to_those_who_hear_of_it_and_what_is_late_to_all() {
    each(|open| {
        let record = heard_by(event(&open, "e-1", Mode::Sync), &[("cxone", Late), ("webhook:crm", Always)]);
        let seq = record.seq;
        open.record(record);
        assert_eq!(due(&open), [], "nothing has fallen");
        open.tell(seq, "decision");
        let pushes = open.claim();
        assert_eq!(pushes.len(), 1);
        let push = &pushes[0];
        assert_eq!(
            (push.target.as_str(), push.kind.name(), push.words.as_slice()),
            ("webhook:crm", "decision", &b"decision"[..])
        );
        assert_eq!((push.interaction.as_deref(), push.attempts, &push.late), (Some("i-1"), 0, &None));
        assert_eq!(due(&open), [], "it is claimed");
        open.end(push, "landed", State::Settled);
        assert_eq!(due(&open), [], "it is there");
        done(open.store.settle(settled(seq, Some(late()))));
        let pushes = open.claim();
        let late: Vec<_> = pushes.iter().map(|push| (push.target.as_str(), push.kind.name())).collect();
        assert_eq!(late, [("cxone", "late"), ("webhook:crm", "late")]);
        assert!(pushes.iter().all(|push| push.words == b"decision" && push.late.is_some()));
    });
}

#[test]
fn an_acknowledgement_goes_nowhere_and_what_is_decided_behind_does() {
    each(|open| {
        for (id, mode) in [("e-ack", Mode::Ack), ("e-batch", Mode::Batch), ("e-behind", Mode::Deferred)] {
            let record = heard_by(event(&open, id, mode), &[("webhook:0", Always)]);
            let seq = record.seq;
            open.record(record);
            open.tell(seq, "acknowledged");
            assert_eq!(due(&open), [], "{id}");
            if mode == Mode::Deferred {
                done(open.store.decide(seq, b"decided".to_vec()));
                let pushes = open.claim();
                assert_eq!(pushes.len(), 1);
                assert_eq!(pushes[0].words, b"decided");
            }
        }
    });
}

#[test]
fn of_one_interaction_only_the_oldest_leaves() {
    each(|open| {
        for (id, interaction) in
            [("e-1", Some("i-1")), ("e-2", Some("i-1")), ("e-3", Some("i-2")), ("e-4", None)]
        {
            let record = heard_by(event(&open, id, Mode::Sync), &[("cxone", Always), ("webhook:0", Always)]);
            let record = within(record, interaction);
            let seq = record.seq;
            open.record(record);
            open.tell(seq, id);
        }
        let first = open.claim();
        let mut due_now: Vec<_> =
            first.iter().map(|push| (push.target.as_str(), push.event_id.as_str())).collect();
        due_now.sort_unstable();
        let each_of = |target| [(target, "e-1"), (target, "e-3"), (target, "e-4")];
        assert_eq!(due_now, [each_of("cxone"), each_of("webhook:0")].concat());
        let cxone = first.iter().find(|push| push.target == "cxone" && push.event_id.as_str() == "e-1");
        let cxone = cxone.expect("it is due");
        open.end(cxone, "status 500", State::Queued { due: now() + Duration::from_secs(30) });
        assert_eq!(due(&open), [], "the first of its line waits, and what is behind it waits for it");
        let webhook = first.iter().find(|push| push.target == "webhook:0" && push.event_id.as_str() == "e-1");
        open.end(webhook.expect("it is due"), "forbidden", State::Parked { reason: "forbidden".to_owned() });
        assert_eq!(due(&open), [row("webhook:0", "e-2", "decision")], "who is parked stands in nobody's way");
        let later =
            read(open.store.pushes(now() + Duration::from_secs(60), 100, &[])).expect("it can be read");
        let later: Vec<_> =
            later.iter().map(|push| (push.target.as_str(), push.event_id.as_str(), push.attempts)).collect();
        assert_eq!(later, [("cxone", "e-1", 1)]);
    });
}

#[test]
fn a_target_that_pauses_gets_nothing_and_each_gets_its_share() {
    each(|open| {
        for n in 0..6 {
            let record = heard_by(event(&open, &format!("e-{n}"), Mode::Sync), &[("cxone", Always)]);
            let record = within(record, Some(&format!("i-{n}")));
            let record = if n == 5 { heard_by(record, &[("genesys", Always)]) } else { record };
            let seq = record.seq;
            open.record(record);
            open.tell(seq, "told");
        }
        let at = now() + Duration::from_secs(1);
        let paused = [(bank(), "cxone".to_owned())];
        let pushes = read(open.store.pushes(at, 2, &paused)).expect("it can be read");
        assert_eq!(pushes.iter().map(|push| push.target.as_str()).collect::<Vec<_>>(), ["genesys"]);
        open.end(&pushes[0], "status 500", State::Queued { due: now() });
        let mut pushes = read(open.store.pushes(at, 2, &[])).expect("it can be read");
        pushes.sort_by(|one, other| one.target.cmp(&other.target));
        let shares: Vec<_> = pushes.iter().map(|push| push.target.as_str()).collect();
        assert_eq!(shares, ["cxone", "genesys"], "the many of one target are in nobody's way");
    });
}

#[test]
fn what_waits_and_what_is_parked_is_there_after_a_restart_and_what_has_landed_is_not() {
    each(|open| {
        for id in ["e-1", "e-2", "e-3"] {
            let record = within(heard_by(event(&open, id, Mode::Sync), &[("webhook:0", Always)]), None);
            let seq = record.seq;
            open.record(record);
            open.tell(seq, id);
        }
        let pushes = open.claim();
        open.end(&pushes[0], "landed", State::Settled);
        open.end(&pushes[1], "unauthorized", State::Parked { reason: "unauthorized".to_owned() });
        let open = open.again();
        assert_eq!(due(&open), [row("webhook:0", "e-3", "decision")], "its claim ended with the gateway");
        let parked = read(open.store.parked_pushes(&bank(), None, 10)).expect("it can be read");
        assert_eq!(parked.len(), 1);
        let one = &parked[0];
        assert_eq!((one.event_id.as_str(), one.reason.as_str(), one.attempts), ("e-2", "unauthorized", 1));
        let below = read(open.store.parked_pushes(&bank(), Some(one.id), 10)).expect("it can be read");
        assert!(below.is_empty());
        assert!(open.operate(one.id, Act::Replay(now())));
        assert!(!open.operate(one.id, Act::Discard), "it is not parked any more");
        assert_eq!(due(&open), [row("webhook:0", "e-2", "decision")]);
    });
}

#[test]
fn an_event_stays_as_long_as_its_decision_is_not_back() {
    each(|open| {
        for id in ["e-1", "e-2", "e-last"] {
            let record = heard_by(event(&open, id, Mode::Sync), &[("webhook:0", Always)]);
            let record = if id == "e-last" { heard_by(record, &[]) } else { within(record, None) };
            let seq = record.seq;
            open.record(record);
            open.tell(seq, id);
            done(open.store.settle(settled(seq, None)));
        }
        let pushes = open.claim();
        assert_eq!(pushes[0].event_id.as_str(), "e-1");
        open.end(&pushes[0], "gone", State::Settled);
        open.end(&pushes[1], "forbidden", State::Parked { reason: "forbidden".to_owned() });
        open.prune();
        let there = |id: &str| {
            let id = xceed_gateway::domain::identifiers::EventId::parse(id).expect("an id");
            read(open.store.view(&bank(), &id)).expect("it can be read").is_some()
        };
        assert!(!there("e-1") && there("e-2"));
        let parked = read(open.store.parked_pushes(&bank(), None, 10)).expect("it can be read");
        assert!(open.operate(parked[0].id, Act::Discard));
        open.prune();
        assert!(!there("e-2"));
    });
}
