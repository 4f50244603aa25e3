//! What two gateways on one database see of each other.

use crate::open::{Open, bank, done, event, gateway, heard_by, now, read};
use crate::postgres::Database;
use std::sync::Arc;
use std::time::Duration;
use xceed_gateway::application::ports::{Check, Mode, Record, Recorded};
use xceed_gateway::domain::delivery::State;
use xceed_gateway::domain::going_back::When::Always;
use xceed_gateway::domain::identifiers::EventId;
use xceed_gateway::domain::limits::Rule;

fn two() -> Option<(Arc<Database>, Open, Open)> {
    let database = Arc::new(Database::new()?);
    let (one, other) = (gateway(&database), gateway(&database));
    Some((database, one, other))
}

fn check(record: Record) -> Record {
    let rule = Rule { count: 3, window: Duration::from_secs(600) };
    Record { check: Some(Check { rule, limited: b"limited".to_vec() }), ..record }
}

#[test]
fn of_many_checks_at_once_exactly_so_many_are_let_through() {
    let Some((database, one, other)) = two() else { return };
    let receipts: Vec<_> = (0..20)
        .map(|n| {
            let open = if n % 2 == 0 { &one } else { &other };
            let record = check(event(open, &format!("e-{n}"), Mode::Deferred));
            open.store.record(Record { told: Some(b"pending".to_vec()), begun: true, ..record })
        })
        .collect();
    let recorded: Vec<Recorded> = receipts.into_iter().map(done).collect();
    let limited = recorded.iter().filter(|recorded| **recorded == Recorded::Limited).count();
    assert_eq!(limited, 17, "{recorded:?}");
    assert_eq!(database.ask("SELECT count(*) FROM event WHERE is_check AND response"), "3");
    assert_eq!(database.ask("SELECT count(*) FROM told WHERE body = 'limited'"), "17");
    assert_eq!(database.ask("SELECT count(*) FROM decided WHERE body = 'limited'"), "17");
    assert_eq!(database.ask("SELECT count(*) FROM delivery WHERE state = 'SENDING'"), "3");
    let begin = xceed_gateway::application::ports::Place(0, 0);
    assert_eq!(one.page(&begin, 17).0.len(), 17, "a refusal is a decision");
    let id = EventId::parse("e-0").expect("an id");
    assert!(read(other.store.view(&bank(), &id)).expect("it can be read").is_some());
}

#[test]
fn another_type_another_customer_and_what_is_no_check_are_counted_by_themselves() {
    let Some((_database, one, other)) = two() else { return };
    for n in 0..5 {
        let record = event(&one, &format!("e-ack-{n}"), Mode::Ack);
        assert_eq!(done(one.store.record(record)), Recorded::First);
    }
    for n in 0..3 {
        let record = check(event(&one, &format!("e-{n}"), Mode::Sync));
        assert_eq!(done(one.store.record(record)), Recorded::First);
    }
    let changed = |id: &str, change: fn(&mut xceed_gateway::application::ports::Prepared)| {
        let record = check(event(&other, id, Mode::Sync));
        let mut prepared = (*record.prepared).clone();
        change(&mut prepared);
        done(other.store.record(Record { prepared: Arc::new(prepared), ..record }))
    };
    assert_ne!(
        changed("e-type", |prepared| prepared.facts.event_type = "Logout".to_owned()),
        Recorded::Limited
    );
    assert_eq!(changed("e-same", |_| {}), Recorded::Limited);
    assert_ne!(changed("e-nobody", |prepared| prepared.facts.customer = None), Recorded::Limited);
    let old = check(event(&other, "e-later", Mode::Sync));
    let later = Record { received_at: now() + Duration::from_secs(601), ..old };
    assert_ne!(done(other.store.record(later)), Recorded::Limited, "the others are ten minutes old by then");
}

#[test]
fn a_push_is_one_gateways_until_that_is_gone() {
    let Some((database, one, other)) = two() else { return };
    let record = heard_by(event(&one, "e-1", Mode::Sync), &[("webhook:0", Always)]);
    let seq = record.seq;
    one.record(record);
    one.tell(seq, "told");
    let mine = one.claim();
    assert_eq!(mine.len(), 1);
    assert!(other.claim().is_empty(), "it is claimed");
    database.run("UPDATE push SET lease_until = 0");
    let theirs = other.claim();
    assert_eq!((theirs.len(), theirs[0].fence), (1, mine[0].fence + 1));
    one.end(&mine[0], "landed", State::Settled);
    assert_eq!(database.ask("SELECT count(*) FROM push"), "1", "who has lost it says nothing any more");
    other.end(&theirs[0], "status 503", State::Queued { due: now() });
    let again = one.claim();
    assert_eq!((again.len(), again[0].attempts), (1, 1));
    drop(one.store);
    assert_eq!(other.claim().len(), 1, "whoever ends leaves it to others at once");
}

#[test]
fn nobody_reads_on_past_what_is_still_being_written() {
    let Some((database, one, other)) = two() else { return };
    let begin = read(other.store.journal_end()).expect("it can be read");
    let slow = |open: &Open, id: &str| {
        let record = event(open, id, Mode::Sync);
        let seq = record.seq;
        open.record(record);
        open.tell(seq, id);
    };
    slow(&one, "e-1");
    let (_, upto) = other.page(&begin, 1);
    // As if a third gateway's transaction had begun and was not committed.
    let url = database.url();
    let (begun, is_begun) = std::sync::mpsc::channel();
    let (commit, committed) = std::sync::mpsc::channel::<()>();
    let third = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.expect("a server");
            let driver = tokio::spawn(connection);
            client
                .batch_execute("BEGIN; INSERT INTO journal (tenant, seq, is_late, at) SELECT tenant, seq, true, at FROM journal LIMIT 1")
                .await
                .expect("SQL");
            begun.send(()).expect("somebody waits");
            committed.recv().expect("an order");
            client.batch_execute("COMMIT").await.expect("SQL");
            drop(client);
            let _ = driver.await;
        });
    });
    is_begun.recv().expect("it has begun");
    slow(&one, "e-2");
    assert_eq!(other.page_now(&upto).0, [], "what comes behind it waits for it");
    commit.send(()).expect("it waits");
    third.join().expect("it ends");
    let after: Vec<_> = other.page(&upto, 2).0.into_iter().map(|(id, kind, _)| (id, kind)).collect();
    assert_eq!(
        after,
        [("e-1".to_owned(), "late"), ("e-2".to_owned(), "decision")],
        "in the order of transactions"
    );
}

#[test]
fn a_journal_that_was_moved_to_another_server_is_read_in_its_order_and_goes_on() {
    let Some(database) = Database::new().map(Arc::new) else { return };
    let one = gateway(&database);
    let decide = |open: &Open, id: &str| {
        let record = event(open, id, Mode::Sync);
        let seq = record.seq;
        open.record(record);
        open.tell(seq, id);
    };
    ["e-1", "e-2", "e-3"].iter().for_each(|id| decide(&one, id));
    // As if the old server had counted further: some of its transactions are ahead of this one's, and some are not.
    database.run("UPDATE journal SET xid = xid + 1000000000000 WHERE place > 1");
    let one = one.again();
    decide(&one, "e-4");
    let begin = xceed_gateway::application::ports::Place(0, 0);
    let heard: Vec<String> = one.page(&begin, 4).0.into_iter().map(|(id, ..)| id).collect();
    assert_eq!(heard, ["e-1", "e-2", "e-3", "e-4"]);
    let end = read(one.store.journal_end()).expect("it can be read");
    assert!(end.0 < 1_000_000_000_000, "a place from there is ahead of the end, which a listener is told");
}
