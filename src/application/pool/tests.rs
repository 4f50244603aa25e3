//! Who leaves when, and with whom.

use super::*;

const NOON: Timestamp = Timestamp::UNIX_EPOCH;

fn group(channel: &str) -> Group {
    Group { tenant: TenantName::new("bank"), channel: channel.into(), is_async: false }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).expect("a time")
}

/// A pool with events of these numbers on disk, of one channel, that may leave.
fn with(seqs: std::ops::Range<Seq>) -> Pool {
    let pool = Pool::default();
    for seq in seqs.clone() {
        pool.expect(&group("Wire"), seq, 100);
        pool.recorded(seq);
    }
    pool.release(seqs, NOON);
    pool
}

fn take(pool: &Pool, now: Timestamp) -> Option<Seq> {
    pool.take(now, || true, |_| 500).map(|taken| taken.seq)
}

fn next(seq: Seq, due: Timestamp) -> Next {
    Next { due, seq, hurried: false, again: false }
}

#[test]
fn a_chunk_leaves_once_it_is_full_or_has_waited_a_moment() {
    let pool = with(1..4);
    assert_eq!(take(&pool, NOON), None, "others may come");
    let first = pool.take(NOON, || true, |_| 3).expect("three make a chunk");
    let more = || pool.take_more(&first, NOON, 1000).map(|taken| taken.seq);
    assert_eq!((first.seq, more(), more(), more()), (1, Some(2), Some(3), None));
    assert_eq!(take(&with(1..2), at(10)), Some(1));
}

#[test]
fn what_takes_more_room_than_there_is_waits() {
    let pool = with(1..3);
    let first = pool.take(at(10), || true, |_| 500).expect("one");
    assert!(pool.take_more(&first, at(10), 99).is_none());
    assert!(pool.take_with(first.lane, 2, 99).is_none());
    assert_eq!(pool.take_with(first.lane, 2, 100).map(|taken| taken.seq), Some(2));
    assert!(pool.take_with(first.lane, 2, 100).is_none(), "once");
}

#[test]
fn until_its_batch_is_taken_in_an_event_leaves_only_for_who_waits_for_it() {
    let pool = Pool::default();
    for seq in [1, 2] {
        pool.expect(&group("Wire"), seq, 100);
    }
    assert!(pool.push(Next { hurried: true, ..next(2, NOON) }), "it is known");
    assert_eq!(take(&pool, at(10)), None, "and not on disk");
    pool.recorded(1);
    pool.recorded(2);
    assert_eq!((take(&pool, NOON), take(&pool, at(10))), (Some(2), None));
    assert!(!pool.push(next(3, NOON)), "that is none of a batch");
}

#[test]
fn what_is_said_of_one_that_is_taken_holds_when_it_is_let_go() {
    let pool = with(1..2);
    assert_eq!(take(&pool, at(10)), Some(1));
    pool.push(next(1, at(20)));
    assert_eq!(take(&pool, at(40)), None);
    pool.let_go(1);
    assert_eq!(take(&pool, at(40)), Some(1));
    pool.let_go(1);
    assert_eq!(take(&pool, at(90)), None, "whoever goes before it brings it");
    pool.put_back(next(1, at(100)));
    assert!(pool.press(1, at(90)), "who waits for a time of its own need not");
    assert_eq!(take(&pool, at(90)), Some(1));
    pool.forget(1);
    assert_eq!((pool.count(), pool.press(1, NOON)), (0, false));
}

#[test]
fn what_was_sent_before_waits_apart_and_for_the_budget() {
    let pool = with(1..3);
    pool.push(Next { again: true, ..next(1, NOON) });
    assert_eq!(pool.take(at(10), || false, |_| 500).map(|taken| (taken.seq, taken.again)), Some((2, false)));
    assert_eq!(pool.take(at(10), || false, |_| 500).map(|taken| taken.seq), None);
    assert_eq!(pool.take(at(10), || true, |_| 500).map(|taken| (taken.seq, taken.again)), Some((1, true)));
}

#[test]
fn channels_take_turns() {
    let pool = with(1..3);
    pool.expect(&group("ACH"), 9, 100);
    pool.recorded(9);
    pool.release([9], NOON);
    assert_eq!((take(&pool, at(10)), take(&pool, at(10))), (Some(1), Some(9)), "whoever has fewer under way");
}

#[test]
fn what_is_found_in_the_store_is_looked_up_before_it_leaves() {
    let pool = Pool::default();
    pool.resume(7);
    assert!(pool.push(next(7, NOON)));
    assert_eq!(take(&pool, at(10)), None);
    let found: Vec<_> = pool.take_strange(NOON, 10).iter().map(|next| next.seq).collect();
    assert_eq!(found, [7]);
    assert!(pool.take_strange(NOON, 10).is_empty());
    pool.let_go(7);
    pool.learn(&group("Wire"), 100, next(7, NOON));
    assert_eq!(take(&pool, at(10)), Some(7));
}
