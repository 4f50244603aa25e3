//! Batches: what was taken in, how far its events have come, and which of them leave together.

use crate::open::{bank, batch, done, each, event, now, read, settled};
use xceed_gateway::application::ports::{Act, Claimed, Mode, Record, Settlement};
use xceed_gateway::domain::delivery::State;

#[test]
fn a_batch_says_how_far_its_events_have_come() {
    each(|open| {
        assert!(read(open.store.batch_view(&bank(), "b-1")).expect("it can be read").is_none());
        let seqs: Vec<i64> = (0..4)
            .map(|n| {
                let record = event(&open, &format!("e-{n}"), Mode::Batch);
                let record = Record { batch: Some("b-1".to_owned()), told: Some(b"ok".to_vec()), ..record };
                let seq = record.seq;
                open.record(record);
                seq
            })
            .collect();
        done(open.store.batch(batch("b-1")));
        let counts = || {
            let view =
                read(open.store.batch_view(&bank(), "b-1")).expect("it can be read").expect("it is there");
            (view.queued, view.parked, view.discarded)
        };
        assert_eq!(counts(), (4, 0, 0));
        let claimed = read(open.store.claim_together(seqs.clone())).expect("it can be claimed");
        let ids: Vec<_> = claimed
            .iter()
            .map(|claimed| match claimed {
                Claimed::Mine(delivery) => delivery.message.event_id.as_str().to_owned(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(ids, ["e-0", "e-1", "e-2", "e-3"], "all of one customer, and in that order");
        done(open.store.settle(settled(seqs[0], None)));
        for seq in &seqs[1..3] {
            let state = State::Parked { reason: "XML_VALIDATION_FAIL".to_owned() };
            done(open.store.settle(Settlement { state, ..settled(*seq, None) }));
        }
        done(open.store.operate(seqs[2], Act::Discard, None));
        assert_eq!(counts(), (1, 1, 1));
        let claimed = read(open.store.claim_together(seqs)).expect("it can be claimed");
        let which: Vec<_> = claimed.iter().map(|claimed| matches!(claimed, Claimed::Mine(_))).collect();
        assert_eq!(which, [false, false, false, true]);
        let view = read(open.store.batch_view(&bank(), "b-1")).expect("it can be read").expect("it is there");
        assert_eq!((view.batch.lines, view.batch.accepted, view.batch.failed), (4, 3, 1));
        assert_eq!((view.batch.mode, view.batch.failures.as_str()), (Mode::Batch, "[{\"line\":2}]"));
        open.prune();
        assert!(
            read(open.store.batch_view(&bank(), "b-1")).expect("it can be read").is_some(),
            "some of it is to do"
        );
    });
}

#[test]
fn a_batch_ages_out_when_its_events_have() {
    each(|open| {
        done(open.store.batch(batch("b-old")));
        for id in ["e-1", "e-2"] {
            let record = event(&open, id, Mode::Sync);
            let seq = record.seq;
            open.record(record);
            done(open.store.settle(settled(seq, None)));
        }
        open.prune();
        assert!(read(open.store.batch_view(&bank(), "b-old")).expect("it can be read").is_none());
    });
}

#[test]
fn a_start_knows_which_deliveries_leave_together_and_which_decide_behind() {
    each(|open| {
        for (id, mode) in
            [("e-1", Mode::Batch), ("e-2", Mode::Deferred), ("e-3", Mode::Sync), ("e-4", Mode::Deferred)]
        {
            let decided = (id == "e-4").then(|| b"decided".to_vec());
            let record = event(&open, id, mode);
            open.record(Record { decided, told: Some(b"told".to_vec()), received_at: now(), ..record });
        }
        let (_, resumption) = open.resumed();
        let waiting: Vec<_> = resumption.waiting.iter().map(|one| (one.in_batch, one.by_callback)).collect();
        assert_eq!(waiting, [(true, false), (false, true), (false, false), (false, false)]);
    });
}
