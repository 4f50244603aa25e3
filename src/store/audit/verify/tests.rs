//! Trails that are whole, and every way to spoil one.

use super::*;
use crate::store::audit::chain::{NOTHING, hash};
use crate::store::audit::checkpoint::{Accepted, Checkpoint, Other};
use crate::store::audit::key::Key;
use jiff::Timestamp;
use proptest::prelude::*;
use std::convert::Infallible;

const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
const OTHER: &str = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";

fn key() -> Key {
    Key::of(SEED).expect("a seed")
}

/// A chain from `from` on; `salt` makes it another one.
fn chain(key: &Key, from: Head, length: i64, salt: &str) -> Vec<Entry> {
    let mut before = from.hash;
    let mut made = Vec::new();
    for n in from.n + 1..=length {
        let gateway = key.gateway().to_owned();
        let body = format!(
            "{{\"gateway\":\"{gateway}\",\"n\":{n},\"kind\":\"accepted\",\"eventId\":\"e-{n}{salt}\"}}"
        );
        let sum = hash(&before, &body);
        made.push(Entry { gateway, n, before, body, hash: sum });
        before = sum;
    }
    made
}

/// Checkpoints at these numbers.
fn signed(key: &Key, entries: &[Entry], at: &[i64]) -> String {
    let head = |n: i64| entries.iter().find(|entry| entry.n == n).map_or(Head::START, Entry::head);
    at.iter().map(|n| Checkpoint::signed(key, head(*n), Timestamp::UNIX_EPOCH, None) + "\n").collect()
}

fn look(entries: &[Entry], checkpoints: &str) -> Report {
    let entries = entries.iter().cloned().map(Ok::<_, Infallible>);
    let report = verify(entries, &Checkpoints::read(checkpoints), &[key().public()], false);
    report.unwrap_or_else(|never| match never {})
}

/// The only thing that is wrong: what, and which is the first bad entry.
#[track_caller]
fn found(entries: &[Entry], checkpoints: &str) -> (What, i64, i64) {
    let report = look(entries, checkpoints);
    assert_eq!(report.findings.len(), 1, "{report:?}");
    let Finding { what, n, to, .. } = report.findings[0];
    (what, n, to)
}

/// Makes the hashes of everything from here on fit again, as somebody would who can write to the database.
fn mend(entries: &mut [Entry], from: usize) {
    for place in from..entries.len() {
        entries[place].before = if place == 0 { NOTHING } else { entries[place - 1].hash };
        entries[place].hash = hash(&entries[place].before, &entries[place].body);
    }
}

#[test]
fn a_whole_trail_is_good_and_says_what_no_checkpoint_covers_yet() {
    let entries = chain(&key(), Head::START, 12, "");
    let report = look(&entries, &signed(&key(), &entries, &[0, 1, 5, 9]));
    assert_eq!((&report.findings[..], &report.notes[..]), (&[][..], &[][..]));
    let gateway = key().gateway().to_owned();
    assert_eq!(report.chains, [ChainReport { gateway, entries: 12, checkpoints: 4, uncovered: 3 }]);
}

#[test]
fn chains_of_several_gateways_may_come_mixed() {
    let other = Key::of(OTHER).expect("a seed");
    let (one, two) = (chain(&key(), Head::START, 6, ""), chain(&other, Head::START, 6, ""));
    let mixed: Vec<Entry> = one.iter().zip(&two).flat_map(|(a, b)| [a.clone(), b.clone()]).collect();
    let checkpoints = signed(&key(), &one, &[0, 6]) + &signed(&other, &two, &[0, 3]);
    let report = look(&mixed, &checkpoints);
    assert_eq!((report.findings.len(), report.chains.len()), (0, 2), "{report:?}");
    assert!(report.notes.iter().any(|note| note.contains(other.gateway())), "its key is nobody's here");
}

#[test]
fn a_deleted_log_and_deleted_checkpoints_are_found() {
    let entries = chain(&key(), Head::START, 9, "");
    let checkpoints = signed(&key(), &entries, &[0, 4, 9]);
    assert_eq!(found(&[], &checkpoints), (What::LogDeleted, 1, 9));
    assert_eq!(found(&entries, ""), (What::CheckpointsDeleted, 1, 9));
    assert_eq!(found(&[], ""), (What::LogDeleted, 1, 1), "both: nothing is left of a gateway that was there");
}

#[test]
fn a_trail_that_somebody_else_has_made_and_signed_is_not_ours() {
    let other = Key::of(OTHER).expect("a seed");
    let entries = chain(&other, Head::START, 9, "");
    let report = look(&entries, &signed(&other, &entries, &[0, 9]));
    assert_eq!(report.findings.len(), 1, "{report:?}");
    assert_eq!(
        (report.findings[0].what, report.findings[0].gateway.as_str()),
        (What::LogDeleted, key().gateway())
    );
}

#[test]
fn a_checkpoint_that_was_changed_or_signed_by_another_is_told_by_its_line() {
    let entries = chain(&key(), Head::START, 9, "");
    let good = signed(&key(), &entries, &[0, 9]);
    let changed = good.replace("\"n\":9", "\"n\":8");
    let own = Key::of(OTHER).expect("a seed");
    let stolen = signed(&own, &entries, &[9]).replace(own.gateway(), key().gateway());
    for bad in [
        changed,
        format!("{good}{stolen}"),
        format!("{good}no checkpoint\n"),
        good.replace("at\":\"1", "at\":\"2"),
    ] {
        let report = look(&entries, &bad);
        let finding = &report.findings[0];
        assert_eq!((finding.what, finding.n), (What::BadCheckpoint, 0), "{bad}");
        assert!(finding.why.contains("line "), "{finding:?}");
    }
    assert!(
        look(&entries, &good[..good.len() - 40]).findings.is_empty(),
        "a crash may cut the last line short"
    );
}

#[test]
fn two_gateways_that_went_on_from_one_store_are_a_fork() {
    let (one, two) = {
        let one = chain(&key(), Head::START, 9, "");
        let two = chain(&key(), one[4].head(), 12, "'");
        (one, two)
    };
    let both = signed(&key(), &one, &[0, 3, 5, 9]) + &signed(&key(), &two, &[7, 12]);
    assert_eq!(found(&one, &both), (What::Forked, 6, 6));
    let second: Vec<Entry> = one[..5].iter().chain(&two).cloned().collect();
    assert_eq!(found(&second, &both), (What::Forked, 6, 6), "whichever of the two is there");
    let rows: Vec<Entry> = one.iter().chain(&two).cloned().collect();
    assert_eq!(found(&rows, &signed(&key(), &one, &[0, 3, 5])), (What::Forked, 6, 6), "both in one table");
}

#[test]
fn a_restored_store_is_bad_until_an_operator_has_accepted_it_and_a_note_from_then_on() {
    let old = chain(&key(), Head::START, 20, "");
    let before = signed(&key(), &old, &[0, 5, 10, 20]);
    let mut entries = old[..12].to_vec();
    assert_eq!(found(&entries, &before), (What::Cut, 13, 20));
    entries.extend(chain(&key(), old[11].head(), 30, "'"));
    assert_eq!(found(&entries, &before), (What::Rewritten, 11, 20), "it went on meanwhile");
    let accepted = Accepted { by: "ops".into(), since: 10, over: 20, other: None };
    let line = |n: usize| {
        Checkpoint::signed(&key(), entries[n - 1].head(), Timestamp::UNIX_EPOCH, Some(accepted.clone()))
            + "\n"
    };
    let after = format!("{before}{}{}", line(15), signed(&key(), &entries, &[22, 30]));
    let report = look(&entries, &after);
    assert_eq!((report.findings.len(), report.notes.len()), (0, 1), "{report:?}");
    assert!(report.notes[0].contains("ops accepted"), "{report:?}");
    let mut spoilt = entries.clone();
    spoilt[10].body = spoilt[10].body.replace("accepted", "late");
    mend(&mut spoilt, 10);
    assert_eq!(
        found(&spoilt, &after),
        (What::Rewritten, 11, 15),
        "accepted is what was there, and nothing else"
    );
}

#[test]
fn in_a_shared_store_each_gateway_is_held_against_its_own_checkpoints() {
    let other = Key::of(OTHER).expect("a seed");
    let (ours, mut theirs) = (chain(&key(), Head::START, 4, ""), chain(&other, Head::START, 9, ""));
    let checkpoints = signed(&key(), &ours, &[0, 4]);
    let look = |theirs: &[Entry]| {
        let entries = ours.iter().chain(theirs).cloned().map(Ok::<_, Infallible>);
        verify(entries, &Checkpoints::read(&checkpoints), &[key().public()], true)
            .unwrap_or_else(|never| match never {})
    };
    let report = look(&theirs);
    assert_eq!((report.findings.len(), report.notes.len()), (0, 1), "{report:?}");
    theirs[4].body.push(' ');
    let report = look(&theirs);
    assert_eq!(
        (report.findings.len(), report.findings[0].n),
        (1, 5),
        "that it fits together is seen: {report:?}"
    );
}

#[test]
fn a_store_without_its_key_is_bad_until_an_operator_has_accepted_it() {
    let other = Key::of(OTHER).expect("a seed");
    let mut entries = chain(&other, Head::START, 9, "");
    let ours = chain(&key(), Head::START, 4, "");
    entries.extend(ours.iter().cloned());
    let checkpoints = signed(&key(), &ours, &[0, 4]);
    assert_eq!(found(&entries, &checkpoints), (What::CheckpointsDeleted, 1, 9));
    let taken = |n: i64, by: &Key| {
        let other = Some(Other { gateway: other.gateway().to_owned(), n });
        let accepted = Accepted { by: "ops".into(), since: 0, over: 0, other };
        let head = if by.gateway() == key().gateway() { ours[1].head() } else { Head::START };
        Checkpoint::signed(by, head, Timestamp::UNIX_EPOCH, Some(accepted)) + "\n"
    };
    let with = |line: String| signed(&key(), &ours, &[0]) + &line + &signed(&key(), &ours, &[4]);
    let report = look(&entries, &with(taken(9, &key())));
    assert_eq!((report.findings.len(), report.notes.len()), (0, 1), "{report:?}");
    assert_eq!(
        found(&entries, &with(taken(8, &key()))),
        (What::CheckpointsDeleted, 1, 9),
        "one more came after"
    );
    let stranger = Key::of(&SEED.replace('9', "a")).expect("a seed");
    let report = look(&entries, &with(taken(9, &stranger)));
    assert!(report.findings.iter().any(|finding| finding.what == What::CheckpointsDeleted), "{report:?}");
}

/// Where one entry lies, in a trail of so many, with checkpoints somewhere and at the end.
fn trail() -> impl Strategy<Value = (Vec<Entry>, String, usize)> {
    (2..40_i64, proptest::collection::btree_set(1..40_i64, 0..5)).prop_flat_map(|(length, at)| {
        let entries = chain(&key(), Head::START, length, "");
        let mut at: Vec<i64> = at.into_iter().filter(|n| *n < length).collect();
        at.insert(0, 0);
        at.push(length);
        let checkpoints = signed(&key(), &entries, &at);
        let places = 0..entries.len();
        (Just(entries), Just(checkpoints), places)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_edited_entry_is_named((mut entries, checkpoints, place) in trail(), with_hash in any::<bool>()) {
        let entry = &mut entries[place];
        entry.body = entry.body.replace("accepted", "replay");
        if with_hash {
            entry.hash = hash(&entry.before, &entry.body);
        }
        let (what, n, to) = found(&entries, &checkpoints);
        let last = place + 1 == entries.len();
        // With its own hash made to fit, the last entry is a rewrite of what follows the checkpoint before it.
        prop_assert!(what == What::Edited || (what == What::Rewritten && with_hash), "{:?}", what);
        prop_assert!((n..=to).contains(&(place as i64 + 1)));
        prop_assert!(what == What::Rewritten || n == place as i64 + 1, "{n} is not {}", place + 1);
        prop_assert!(!last || n <= to);
    }

    #[test]
    fn deleted_entries_are_named((mut entries, checkpoints, place) in trail(), many in 1..5_usize) {
        let end = (place + many).min(entries.len());
        entries.drain(place..end);
        let first = place as i64 + 1;
        let (what, n, _) = found(&entries, &checkpoints);
        prop_assert_eq!(n, first);
        prop_assert!(matches!(what, What::Deleted | What::Cut | What::LogDeleted), "{:?}", what);
    }

    #[test]
    fn a_cut_tail_is_named((mut entries, checkpoints, place) in trail()) {
        entries.truncate(place);
        let (what, n, to) = found(&entries, &checkpoints);
        prop_assert_eq!(what, if place == 0 { What::LogDeleted } else { What::Cut });
        prop_assert_eq!(n, place as i64 + 1);
        prop_assert!(to > place as i64);
    }

    #[test]
    fn a_rewrite_of_equal_length_is_found((mut entries, checkpoints, place) in trail()) {
        let body = &mut entries[place].body;
        *body = body.replace("\"e-", "\"f-");
        mend(&mut entries, place);
        let (what, n, to) = found(&entries, &checkpoints);
        prop_assert_eq!(what, What::Rewritten);
        // No finer than the checkpoints are; they say between which two it lies.
        prop_assert!((n..=to).contains(&(place as i64 + 1)), "{} not in {}..={}", place + 1, n, to);
    }

    #[test]
    fn entries_that_change_places_are_found((mut entries, checkpoints, place) in trail()) {
        let other = (place + 1) % entries.len();
        entries.swap(place, other);
        let (_, n, _) = found(&entries, &checkpoints);
        prop_assert_eq!(n, place.min(other) as i64 + 1);
    }
}
