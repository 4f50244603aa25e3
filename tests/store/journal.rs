//! The journal: decisions as they fall and late scores, each once, in order, for their tenant alone.

use crate::open::{bank, done, each, event, late, read, settled};
use std::time::Duration;
use xceed_gateway::application::ports::{Callback, Effect, Known, Mode, Place};
use xceed_gateway::domain::delivery::State;
use xceed_gateway::domain::identifiers::TenantName;

fn row(event: &str, kind: &'static str, words: &str) -> (String, &'static str, String) {
    (event.to_owned(), kind, words.to_owned())
}

#[test]
fn it_says_what_fell_in_that_order_and_no_acknowledgements() {
    each(|open| {
        let begin = read(open.store.journal_end()).expect("it can be read");
        let seqs: Vec<i64> = [
            ("e-ack", Mode::Ack),
            ("e-sync", Mode::Sync),
            ("e-async", Mode::Async),
            ("e-behind", Mode::Deferred),
        ]
        .map(|(id, mode)| {
            let record = event(&open, id, mode);
            let seq = record.seq;
            open.record(record);
            seq
        })
        .to_vec();
        open.tell(seqs[0], "acknowledged");
        open.tell(seqs[2], "pending");
        open.tell(seqs[3], "pending");
        done(open.store.decide(seqs[3], b"behind".to_vec()));
        open.tell(seqs[1], "now");
        let said = ["SUCCESS", "7", ""].map(str::to_owned);
        let callback = Callback {
            seq: seqs[2],
            said,
            at: late().at,
            state: State::Settled,
            decided: b"called back".to_vec(),
            late: Some(late()),
        };
        assert_eq!(done(open.store.call_back(callback)), Effect::Decided);
        done(open.store.settle(settled(seqs[1], Some(late()))));
        done(open.store.settle(settled(seqs[0], Some(late()))));
        let (entries, upto) = open.page(&begin, 4);
        let expected = [
            row("e-behind", "decision", "behind"),
            row("e-sync", "decision", "now"),
            row("e-async", "decision", "called back"),
            row("e-sync", "late", "now"),
        ];
        assert_eq!(entries, expected);
        assert_eq!(open.page_now(&upto).0, []);
        let behind = read(open.store.journal(&bank(), begin.clone(), 1)).expect("it can be read").upto;
        assert_eq!(open.page(&behind, 3).0, expected[1..], "it goes on where a page ended");
        assert_eq!(Place::parse(&upto.to_string()), Some(upto.clone()));
        let other = read(open.store.journal(&TenantName::new("other"), begin, 100)).expect("it can be read");
        assert!(other.entries.is_empty() && other.upto == upto, "nothing of another tenant's");
        let open = open.again();
        assert_eq!(open.page(&behind, 3).0, expected[1..], "and it is there after a restart");
    });
}

#[test]
fn what_falls_with_a_write_is_not_late_and_what_fell_before_stands() {
    each(|open| {
        let mut begin = read(open.store.journal_end()).expect("it can be read");
        for (id, mode) in [("e-sync", Mode::Sync), ("e-behind", Mode::Deferred)] {
            let record = event(&open, id, mode);
            let seq = record.seq;
            open.record(record);
            let words = |text: &str| Some(text.as_bytes().to_vec());
            let says = |text| match mode {
                Mode::Sync => (words(text), None),
                _ => (None, words(text)),
            };
            let state = State::Queued { due: late().at + Duration::from_secs(60) };
            let (told, decided) = says("first");
            let first = xceed_gateway::application::ports::Settlement {
                told,
                decided,
                state,
                ..settled(seq, Some(late()))
            };
            assert_eq!(done(open.store.settle(first)), None);
            let (entries, upto) = open.page(&begin, 1);
            assert_eq!(entries, [row(id, "decision", "first")]);
            let (told, decided) = says("second");
            let second =
                xceed_gateway::application::ports::Settlement { told, decided, ..settled(seq, Some(late())) };
            assert_eq!(done(open.store.settle(second)), words("first"), "what fell first stands");
            let (entries, upto) = open.page(&upto, 1);
            assert_eq!(entries, [row(id, "late", "first")]);
            begin = upto;
        }
        let id = xceed_gateway::domain::identifiers::EventId::parse("e-sync").expect("an id");
        let known: Option<Known> = read(open.store.find(&bank(), &id, None)).expect("it can be read");
        assert_eq!(known.and_then(|known| known.told), Some(b"first".to_vec()));
    });
}

#[test]
fn it_ages_out_with_the_events() {
    each(|open| {
        let begin = read(open.store.journal_end()).expect("it can be read");
        for n in 0..3 {
            let record = event(&open, &format!("e-{n}"), Mode::Sync);
            let seq = record.seq;
            open.record(record);
            open.tell(seq, "told");
            done(open.store.settle(settled(seq, None)));
        }
        open.page(&begin, 3);
        open.prune();
        assert!(open.page_now(&begin).0.len() <= 1, "the newest may stay");
        let record = event(&open, "e-new", Mode::Sync);
        let seq = record.seq;
        open.record(record);
        open.tell(seq, "told");
        let (rows, _) = open.page(&begin, 1);
        assert_eq!(rows.last(), Some(&row("e-new", "decision", "told")));
    });
}
