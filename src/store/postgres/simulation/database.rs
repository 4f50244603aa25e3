//! The tables as gateways that share them see them, in memory: what the statements look up for a batch, and what they make of
//! what the batch has come to. Each batch is one step, since its locks keep all others off what it is about; what takes over
//! from a gateway that is gone takes no locks, and may come between its look and its write.

use super::super::batch::{Batch, lose};
use super::super::command::{Outcome, Write};
use super::super::heart::ALIVE;
use super::super::line;
use super::super::standing::{Changes, Duty, Standing};
use super::super::writer::ADOPTED;
use crate::application::ports::Seq;
use crate::store::audit::{Head, Key, Pen};
use crate::store::falls::Event;
use jiff::Timestamp;
use std::collections::{BTreeMap, HashMap, HashSet};

/// A gateway that has left a delivery alone for so long has forgotten it.
const FORGOTTEN: i64 = 600_000_000;
/// How long a delivery is a gateway's alone from when its attempt may begin.
pub(super) const LEASE: i64 = 15_000_000;

/// An event with all that hangs on it.
pub(super) struct Row {
    pub(super) event: Event,
    line: Option<i64>,
    pub(super) told: Option<Vec<u8>>,
    pub(super) decided: Option<Vec<u8>>,
    said: Option<[String; 3]>,
    is_late: bool,
    pub(super) attempts: i64,
    pub(super) duty: Option<Duty>,
    /// How often it was taken from a gateway that had it to send.
    pub(super) taken: u32,
}

/// The database.
pub(super) struct Database {
    /// Its time, in microseconds since 1970.
    pub(super) now: i64,
    pub(super) rows: BTreeMap<Seq, Row>,
    ids: HashMap<String, Seq>,
    alive_until: Vec<i64>,
    trails: Vec<(Key, Head)>,
    place: i64,
    /// What must not be.
    pub(super) wrong: Vec<String>,
}

impl Database {
    pub(super) fn new(now: i64, gateways: usize) -> Self {
        let key = |n: usize| Key::of(&format!("{n:064x}")).expect("a key");
        Self {
            now,
            rows: BTreeMap::new(),
            ids: HashMap::new(),
            alive_until: vec![0; gateways],
            trails: (0..gateways).map(|n| (key(n), Head::START)).collect(),
            place: 0,
            wrong: Vec::new(),
        }
    }

    /// One batch of a gateway's, by the fences that it knows. `between` takes over meanwhile; comes to what.
    pub(super) fn commit(
        &mut self,
        me: usize,
        writes: &[&Write],
        fences: &HashMap<Seq, i64>,
        between: Option<usize>,
    ) -> (Vec<Outcome>, Changes, Vec<(Seq, i64)>) {
        let about: HashSet<Seq> = writes.iter().flat_map(|write| write.about()).copied().collect();
        let claims: Vec<Seq> = writes.iter().flat_map(|write| write.claims().0).copied().collect();
        let standing =
            about.iter().filter_map(|seq| Some((*seq, self.standing(*seq, me, &claims)?))).collect();
        let records = writes.iter().filter_map(|write| match write {
            Write::Record(record) => Some(record),
            _ => None,
        });
        let (mut placed, mut busy) = (HashMap::new(), HashMap::new());
        for record in records {
            let line = line::of(record);
            if let Some((line, first)) = line.and_then(|line| Some((line, self.first_of_others(line, me)?))) {
                busy.insert(line, first);
            }
            let event = Event::of(record);
            if self.ids.contains_key(&event.subject.event_id) {
                continue;
            }
            self.place += 1;
            placed.insert(record.seq, self.place);
            self.ids.insert(event.subject.event_id.clone(), record.seq);
            let row = Row {
                event,
                line,
                told: None,
                decided: None,
                said: None,
                is_late: false,
                attempts: 0,
                duty: None,
                taken: 0,
            };
            self.rows.insert(record.seq, row);
        }
        let (key, head) = &self.trails[me];
        let now = Timestamp::from_microsecond(self.now).expect("a time");
        let batch = Batch {
            me: number(me),
            now: self.now,
            attempt: LEASE,
            standing,
            busy,
            placed,
            checked: HashMap::new(),
            going: HashMap::new(),
            let_through: HashMap::new(),
            held: HashSet::new(),
            fences,
            pen: Pen::new(key, *head, now),
        };
        let (mut outcomes, mut changes, head) = batch.run(writes);
        self.trails[me].1 = head;
        let adopted = between.map_or_else(Vec::new, |other| self.adopt(other));
        let written = self.write(writes, &changes);
        lose(writes, &written, &mut outcomes, &mut changes);
        (outcomes, changes, adopted)
    }

    fn standing(&self, seq: Seq, me: usize, claims: &[Seq]) -> Option<Standing> {
        let row = self.rows.get(&seq)?;
        let duty = row.duty.clone();
        let is_attended = duty.as_ref().is_some_and(|duty| {
            usize::try_from(duty.owner).is_ok_and(|owner| self.is_alive(owner))
                && duty.lease_until.max(duty.due) > self.now - FORGOTTEN
        });
        let is_behind =
            claims.contains(&seq) && duty.as_ref().is_some_and(|duty| self.is_behind(seq, duty, me));
        Some(Standing {
            event: row.event.clone(),
            told: row.told.clone(),
            decided: row.decided.clone(),
            is_late: row.is_late,
            said: row.said.clone(),
            attempts: row.attempts,
            duty,
            is_attended,
            is_behind,
        })
    }

    /// Deliveries of a line that are still to leave.
    pub(super) fn to_leave(&self, line: Option<i64>) -> impl Iterator<Item = (Seq, &Duty)> {
        let rows = self.rows.iter().filter(move |(_, row)| line.is_some() && row.line == line);
        let duties = rows.filter_map(|(seq, row)| Some((*seq, row.duty.as_ref()?)));
        duties.filter(|(_, duty)| matches!(duty.state.as_str(), "QUEUED" | "SENDING"))
    }

    fn is_behind(&self, seq: Seq, duty: &Duty, me: usize) -> bool {
        let has_own_before = |place: i64| {
            self.to_leave(duty.line)
                .any(|(own, other)| other.owner == number(me) && other.place < place && own > seq)
        };
        self.to_leave(duty.line).any(|(_, other)| {
            other.place < duty.place && other.owner != number(me) && !has_own_before(other.place)
        })
    }

    fn first_of_others(&self, line: i64, me: usize) -> Option<(i32, Seq)> {
        let others = self.to_leave(Some(line)).filter(|(_, duty)| duty.owner != number(me));
        others.min_by_key(|(_, duty)| duty.place).map(|(seq, duty)| (duty.owner, seq))
    }

    pub(super) fn is_alive(&self, gateway: usize) -> bool {
        self.alive_until[gateway] > self.now
    }

    /// What the batch has come to. What would be written twice is what no statement may be asked for. Comes to the deliveries
    /// that are as the batch has it.
    fn write(&mut self, writes: &[&Write], changes: &Changes) -> HashSet<Seq> {
        let wrong = &mut self.wrong;
        let mut once = |is_new: bool, seq: &Seq, what: &str| {
            if !is_new {
                wrong.push(format!("{seq} is {what} twice"));
            }
        };
        for (seq, words) in &changes.told {
            let Some(row) = self.rows.get_mut(seq) else { continue };
            once(row.told.replace(words.clone()).is_none(), seq, "told");
        }
        for (seq, words) in &changes.decided {
            let Some(row) = self.rows.get_mut(seq) else { continue };
            once(row.decided.replace(words.clone()).is_none(), seq, "decided");
        }
        for (seq, said, _) in &changes.callbacks {
            let Some(row) = self.rows.get_mut(seq) else { continue };
            once(row.said.replace(said.clone()).is_none(), seq, "called back");
        }
        for (seq, _) in &changes.late {
            let Some(row) = self.rows.get_mut(seq) else { continue };
            once(!std::mem::replace(&mut row.is_late, true), seq, "late");
        }
        for (n, attempt) in &changes.attempts {
            let Some(row) = writes[*n].about().first().and_then(|seq| self.rows.get_mut(seq)) else {
                continue;
            };
            once(*attempt == row.attempts + 1, &row.event.subject.seq, "attempted under one number");
            row.attempts = *attempt;
        }
        let mut written = HashSet::new();
        for (seq, duty) in &changes.duties {
            let Some(row) = self.rows.get_mut(seq) else { continue };
            if row.duty.as_ref().is_some_and(|before| before.fence > duty.fence) {
                continue;
            }
            written.insert(*seq);
            let before = row.duty.replace(duty.clone());
            let Some(before) = before.filter(|before| is_taken(before, duty)) else { continue };
            row.taken += 1;
            let is_left = before.lease_until.max(before.due) < self.now - FORGOTTEN;
            let is_there =
                usize::try_from(before.owner).is_ok_and(|owner| self.alive_until[owner] > self.now);
            if before.lease_until > self.now || (is_there && !is_left) {
                self.wrong.push(format!("{seq} was taken from a gateway that has it: {before:?}, {duty:?}"));
            }
        }
        for seq in &changes.done {
            if let Some(row) = self.rows.get_mut(seq) {
                row.duty = None;
            }
        }
        written
    }

    /// A gateway says that it is alive.
    pub(super) fn beat(&mut self, me: usize) {
        self.alive_until[me] = self.now + ALIVE;
    }

    /// A gateway takes over what others have left that are gone; comes to the fence of each.
    pub(super) fn adopt(&mut self, me: usize) -> Vec<(Seq, i64)> {
        let (now, alive_until) = (self.now, &self.alive_until);
        let mut adopted = Vec::new();
        for (seq, row) in &mut self.rows {
            let Some(duty) = row.duty.as_mut().filter(|duty| duty.state != "PARKED") else { continue };
            let is_gone = usize::try_from(duty.owner).is_ok_and(|owner| alive_until[owner] < now);
            let is_forgotten = duty.lease_until.max(duty.due) < now - FORGOTTEN;
            if duty.owner != number(me) && duty.lease_until < now && (is_gone || is_forgotten) {
                (duty.owner, duty.fence, duty.lease_until) = (number(me), duty.fence + 1, now + ADOPTED);
                row.taken += 1;
                adopted.push((*seq, duty.fence));
            }
        }
        adopted
    }

    /// A gateway ends in order.
    pub(super) fn leave(&mut self, me: usize) {
        self.alive_until[me] = 0;
        for (_, duty) in self.of(me) {
            duty.lease_until = 0;
        }
    }

    /// What a gateway has to send when it starts.
    pub(super) fn waiting(&mut self, me: usize) -> Vec<Seq> {
        self.of(me).map(|(seq, _)| seq).collect()
    }

    fn of(&mut self, me: usize) -> impl Iterator<Item = (Seq, &mut Duty)> {
        let duties = self.rows.iter_mut().filter_map(|(seq, row)| Some((*seq, row.duty.as_mut()?)));
        duties.filter(move |(_, duty)| duty.owner == number(me) && duty.state != "PARKED")
    }

    /// When the delivery of an event is due, whose line it stands in while it has to leave, and its state.
    pub(super) fn delivery(&self, seq: Seq) -> Option<(i64, Option<i64>, &str)> {
        let duty = self.rows.get(&seq)?.duty.as_ref()?;
        let line = duty.line.filter(|_| duty.state != "AWAITING_CALLBACK");
        Some((duty.due, line, &duty.state))
    }

    /// The event that has this name.
    pub(super) fn named(&self, id: &str) -> Option<Seq> {
        self.ids.get(id).copied()
    }
}

/// Whether a delivery that was still to leave is another gateway's now.
fn is_taken(before: &Duty, now: &Duty) -> bool {
    before.owner != now.owner && before.state != "PARKED"
}

/// A gateway's number in the database.
fn number(gateway: usize) -> i32 {
    i32::try_from(gateway).unwrap_or(i32::MAX)
}
