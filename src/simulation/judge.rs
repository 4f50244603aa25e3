//! What must hold of a run, by what callers heard, what arrived at Xceed, and what is on disk in the end.

use super::scene::{BEGIN, Heard, Scene, What, bank, reader};
use super::story::{ATTEMPT, Call, DEADLINE, Event};
use super::xceed::Arrival;
use crate::application::gateway::Desk;
use crate::application::look_up::look_up;
use crate::application::ports::{Mode, Place, View};
use crate::domain::breaker::{ATTEMPTS_MIN, OPEN_FOR, WINDOW};
use crate::domain::going_back::Kind;
use crate::domain::identifiers::EventId;
use rusqlite::Row;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// What the machinery itself may add in virtual time: timers go by whole milliseconds.
const SLACK: Duration = Duration::from_millis(3);

/// All that is wrong.
pub(super) async fn judge(scene: &Scene, desk: &Desk) -> Vec<String> {
    let mut wrong = Vec::new();
    let calls = &scene.story.calls;
    let heard = scene.heard.borrow().clone();
    let mut views: HashMap<String, Option<View>> = HashMap::new();
    for call in calls {
        for event in &call.events {
            let id = EventId::parse(&event.id).expect("an id");
            let view = look_up(desk, &bank(), &id, Duration::ZERO).await.expect("it can be read");
            views.insert(event.id.clone(), view);
        }
    }
    for (number, _) in calls.iter().enumerate() {
        if !heard.iter().any(|one| one.call == number) {
            wrong.push(format!("call {number} is never answered"));
        }
    }
    for one in &heard {
        let call = &calls[one.call];
        answered(scene, one, call, &views, &mut wrong);
    }
    words_stand(calls, &heard, &mut wrong);
    for (id, view) in &views {
        if let Some(view) = view {
            at_rest(id, view, &mut wrong);
        }
    }
    let arrivals = scene.arrivals.borrow().clone();
    let lines = lines(scene);
    in_order(&lines, &arrivals, &mut wrong);
    arrived(&views, &arrivals, &mut wrong);
    not_again(scene, &arrivals, &mut wrong);
    breaker_kept(scene, &arrivals, &mut wrong);
    decided_once(desk, &views, &mut wrong).await;
    if scene.story.is_limited {
        limited(scene, &mut wrong);
    }
    let (pool, tickets) = (desk.gateway.relay.pool().count(), desk.gateway.tickets.count());
    if (pool, tickets) != (0, 0) {
        wrong.push(format!("at rest {pool} events of batches wait, and {tickets} are under way"));
    }
    wrong
}

/// A single answer: in time, and of an event that is there.
fn answered(
    scene: &Scene,
    one: &Heard,
    call: &Call,
    views: &HashMap<String, Option<View>>,
    wrong: &mut Vec<String>,
) {
    let ids: Vec<&str> = call.events.iter().map(|event| event.id.as_str()).collect();
    if one.what == What::Never {
        wrong.push(format!("call {} ({ids:?}, {:?}) hears nothing for a minute", one.call, call.mode));
        return;
    }
    if matches!(one.what, What::Told { .. } | What::TakenIn) {
        for id in &ids {
            if views[*id].is_none() {
                wrong.push(format!("{id} was promised, and is forgotten"));
            }
        }
    }
    let waited = one.told.saturating_sub(one.asked);
    if !call.mode.is_batch()
        && waited > DEADLINE + SLACK
        && scene.story.is_disk_well(one.asked.saturating_sub(DEADLINE), one.told)
    {
        let what = format!("{:?} {:?}", call.mode, one.what);
        wrong.push(format!("call {} of {ids:?} waited {waited:?} for {what} at {:?}", one.call, one.asked));
    }
}

/// Everyone who asks for the same event hears the same words, and another body's caller none of them.
fn words_stand(calls: &[Call], heard: &[Heard], wrong: &mut Vec<String>) {
    let mut words: HashMap<&str, (&Event, &[u8])> = HashMap::new();
    let mut first: HashMap<&str, u32> = HashMap::new();
    for one in heard {
        let (What::Told { body, replayed }, call) = (&one.what, &calls[one.call]) else { continue };
        let event = &call.events[0];
        match words.get(event.id.as_str()) {
            None => drop(words.insert(&event.id, (event, body))),
            Some((other, _)) if *other != event => {
                wrong.push(format!("two bodies of {} were answered", event.id));
            }
            Some((_, before)) if before != body => {
                let text = String::from_utf8_lossy;
                wrong.push(format!("{} was told {} and then {}", event.id, text(before), text(body)));
            }
            Some(_) => {}
        }
        *first.entry(&event.id).or_default() += u32::from(!replayed);
    }
    for (id, count) in first {
        if count > 1 {
            wrong.push(format!("{count} answers for {id} say that they are the first"));
        }
    }
}

/// Nothing is left to be done.
fn at_rest(id: &str, view: &View, wrong: &mut Vec<String>) {
    if !["SETTLED", "PARKED", "DISCARDED"].contains(&view.state.as_str()) {
        wrong.push(format!("{id} has no rest: it is {} after {} attempts", view.state, view.attempts));
    }
    if view.mode.is_told_pending() && view.decided.is_none() {
        wrong.push(format!("{id} is never decided"));
    }
    if view.told.is_none() && view.mode == Mode::Sync && view.state == "SETTLED" {
        wrong.push(format!("{id} is settled, and nobody could be told anything"));
    }
}

/// Events with their customers, in the order of recording.
fn lines(scene: &Scene) -> HashMap<String, Line> {
    let reader = reader(scene);
    let query = "SELECT event_id, seq, customer, received_at FROM event";
    let mut query = reader.prepare(query).expect("the table is there");
    let read = |row: &Row<'_>| {
        let received_at = row.get::<_, i64>(3)? - BEGIN * 1_000_000;
        let received_at = Duration::from_micros(received_at.try_into().unwrap_or(0));
        Ok((row.get(0)?, Line { seq: row.get(1)?, customer: row.get(2)?, received_at }))
    };
    query.query_map([], read).expect("rows").map(|row| row.expect("a row")).collect()
}

/// A recorded event.
struct Line {
    seq: i64,
    customer: Option<String>,
    received_at: Duration,
}

/// One customer's events arrive in the order of recording, also those that arrive again.
fn in_order(lines: &HashMap<String, Line>, arrivals: &[Arrival], wrong: &mut Vec<String>) {
    let mut latest: HashMap<&str, (i64, &str)> = HashMap::new();
    let mut seen: HashSet<&str> = HashSet::new();
    for arrival in arrivals {
        let Some(Line { seq, customer: Some(customer), received_at }) = lines.get(&arrival.event_id) else {
            continue;
        };
        // Sent before a full disk could say that it can't be recorded, and recorded when it was submitted again.
        if arrival.at < *received_at {
            continue;
        }
        let last = latest.entry(customer).or_insert((i64::MIN, ""));
        let first = seen.insert(&arrival.event_id);
        // A chunk whose fate is in doubt arrives again as a whole.
        if *seq < last.0 && (first || !arrival.in_chunk) {
            wrong.push(format!(
                "{} of {customer} arrived behind {}, at {:?} in life {}",
                arrival.event_id, last.1, arrival.at, arrival.life
            ));
        }
        // What Xceed refused has overtaken nobody.
        let is_there = arrival.settles || arrival.code.is_none();
        if is_there && (*seq > last.0 || (arrival.in_chunk && !first)) {
            *last = (*seq, &arrival.event_id);
        }
    }
}

/// What is settled has arrived.
fn arrived(views: &HashMap<String, Option<View>>, arrivals: &[Arrival], wrong: &mut Vec<String>) {
    for (id, view) in views {
        let settled = view.as_ref().is_some_and(|view| view.state == "SETTLED");
        if settled && !arrivals.iter().any(|arrival| arrival.event_id == *id) {
            wrong.push(format!("{id} is settled and never arrived"));
        }
    }
    for arrival in arrivals {
        if views[&arrival.event_id].is_none() {
            wrong.push(format!("{} arrived and is not recorded", arrival.event_id));
        }
    }
}

/// What Xceed has settled is not sent again, unless nobody could know, or an operator wanted it.
fn not_again(scene: &Scene, arrivals: &[Arrival], wrong: &mut Vec<String>) {
    let (crashed, replayed) = (scene.crashed.borrow(), scene.replayed.borrow());
    let mut before: HashMap<&str, &Arrival> = HashMap::new();
    for arrival in arrivals {
        if let Some(before) = before.insert(&arrival.event_id, arrival) {
            let from = before.at.saturating_sub(ATTEMPT);
            let excused = crashed.iter().any(|at| from <= *at && *at <= arrival.at)
                || !scene.story.is_disk_well(from, arrival.at)
                || replayed.contains(&arrival.event_id);
            let in_doubt = !scene.story.resend_in_doubt && before.in_doubt;
            if before.settles && !excused {
                wrong.push(format!(
                    "{} arrived again at {:?}, settled by {:?} at {:?}",
                    arrival.event_id, arrival.at, before.code, before.at
                ));
            } else if in_doubt && !replayed.contains(&arrival.event_id) {
                let (id, at) = (&arrival.event_id, arrival.at);
                wrong.push(format!("{id} was in doubt at {:?}, and sent again at {at:?}", before.at));
            }
        }
    }
}

/// Where within half a minute ten attempts failed and none was good, nothing arrives for a minute.
fn breaker_kept(scene: &Scene, arrivals: &[Arrival], wrong: &mut Vec<String>) {
    let bad = |arrival: &Arrival| match arrival.code.as_deref() {
        None | Some("ERROR" | "TIMEOUT") => true,
        Some(_) => false,
    };
    let crashed = scene.crashed.borrow();
    for (place, last) in arrivals.iter().enumerate() {
        let Some(end) = last.ended.filter(|_| bad(last)) else { continue };
        let ends: Vec<(Duration, &Arrival)> = arrivals[..=place + 8.min(arrivals.len() - 1 - place)]
            .iter()
            .filter(|one| one.life == last.life)
            .filter_map(|one| Some((one.ended?, one)))
            .filter(|(at, _)| *at <= end && *at + WINDOW > end)
            .collect();
        let first = ends.iter().map(|(at, _)| *at).min().unwrap_or(end);
        let is_full = ends.len() >= ATTEMPTS_MIN as usize && ends.iter().all(|(_, one)| bad(one));
        // Chunks are one attempt, and arrive as many.
        let distinct = ends.iter().map(|(at, one)| (*at, one.at)).collect::<std::collections::BTreeSet<_>>();
        if !is_full || distinct.len() < ATTEMPTS_MIN as usize || first == end {
            continue;
        }
        let until = end + OPEN_FOR;
        if crashed.iter().any(|at| first <= *at && *at <= until) {
            continue;
        }
        // It may have been open before, and these its probes.
        for late in arrivals.iter().filter(|one| one.at > end + SLACK && one.at + SLACK < first + OPEN_FOR) {
            wrong.push(format!("{} left at {:?}, while the breaker was open", late.event_id, late.at));
        }
    }
}

/// The journal has one decision of each event that one was asked for, and it is the one that is told.
async fn decided_once(desk: &Desk, views: &HashMap<String, Option<View>>, wrong: &mut Vec<String>) {
    let mut after = Place(0, 0);
    let mut fallen: HashMap<String, Vec<Vec<u8>>> = HashMap::new();
    loop {
        let page = desk.gateway.store.journal(&bank(), after, 500).await.expect("it can be read");
        if page.entries.is_empty() {
            break;
        }
        after = page.upto;
        for entry in page.entries.into_iter().filter(|entry| entry.kind == Kind::Decision) {
            fallen.entry(entry.event_id).or_default().push(entry.words);
        }
    }
    for (id, view) in views {
        let Some(view) = view else { continue };
        let words = if view.mode.is_told_pending() { &view.decided } else { &view.told };
        let is_decision = view.mode.is_told_pending() || view.mode == Mode::Sync;
        let wanted: Vec<_> = words.iter().filter(|_| is_decision).cloned().collect();
        let found = fallen.remove(id).unwrap_or_default();
        if found != wanted {
            let text = |all: &[Vec<u8>]| {
                all.iter().map(|one| String::from_utf8_lossy(one).into_owned()).collect::<Vec<_>>()
            };
            wrong.push(format!("{id}: the journal has {:?}, not {:?}", text(&found), text(&wanted)));
        }
    }
}

/// No customer is checked more than three times within ten minutes.
fn limited(scene: &Scene, wrong: &mut Vec<String>) {
    let reader = reader(scene);
    let mut query = reader
        .prepare("SELECT customer, received_at FROM event WHERE is_check AND customer IS NOT NULL ORDER BY received_at")
        .expect("the table is there");
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    let mut times: HashMap<String, Vec<i64>> = HashMap::new();
    for row in rows {
        let (customer, at): (String, i64) = row.expect("a row");
        times.entry(customer).or_default().push(at);
    }
    for (customer, times) in times {
        let window = 600 * 1_000_000;
        if let Some(four) = times.windows(4).find(|four| four[3] - four[0] < window) {
            wrong.push(format!("{customer} was checked four times within ten minutes: {four:?}"));
        }
    }
}
