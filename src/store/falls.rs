//! A decision falls, or Xceed says something after it: that goes into the journal, and on its way to everyone who hears
//! of it, in the transaction of its words.

use super::audit::Subject;
use super::entries::Page;
use super::rows::time;
use crate::application::ports::{Mode, Record};
use crate::domain::going_back::{Back, Kind, Target};
use rusqlite::params;

/// A recorded event, as far as what is said of it concerns anybody.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// As entries of the audit trail name it.
    pub(super) subject: Subject,
    /// What the caller asked for.
    pub(super) mode: Mode,
    /// Who hears of its decision, as it is kept.
    pub(super) back: Option<String>,
}

impl Event {
    /// The event of a record.
    pub(super) fn of(new: &Record) -> Self {
        Self { subject: Subject::of(new), mode: new.mode, back: new.back.text() }
    }

    /// Everyone who hears of that, and where what they hear of has its order.
    pub(super) fn pushes(&self, kind: Kind) -> Vec<NewPush> {
        // Nearly always nobody does.
        if self.back.is_none() {
            return Vec::new();
        }
        let back = Back::read(self.back.as_deref());
        let line = line(&self.subject);
        let push = |target: &Target| NewPush {
            target: target.name.clone(),
            line: line.clone(),
            participant: target.participant.clone(),
        };
        back.takers(kind).map(push).collect()
    }
}

/// A decision that has to go to somebody.
#[derive(Clone, Debug)]
pub(super) struct NewPush {
    /// To whom.
    pub(super) target: String,
    /// What goes there in order.
    pub(super) line: String,
    /// Whose attributes are set in the interaction.
    pub(super) participant: Option<String>,
}

/// What goes to a target in order: all of an interaction, or else of an event.
fn line(subject: &Subject) -> String {
    match &subject.interaction {
        Some(interaction) => format!("interaction {interaction}"),
        None => format!("event {}", subject.event_id),
    }
}

/// Notes it.
pub(super) fn falls(page: &Page<'_>, event: &Event, kind: Kind) -> rusqlite::Result<()> {
    let (tenant, seq, at) = (&event.subject.tenant, event.subject.seq, time(page.now));
    let is_late = kind == Kind::Late;
    let mut insert = page
        .transaction
        .prepare_cached("INSERT INTO journal (tenant, seq, is_late, at) VALUES (?1,?2,?3,?4)")?;
    insert.execute(params![tenant, seq, is_late, at])?;
    for push in event.pushes(kind) {
        let mut insert = page.transaction.prepare_cached(
            "INSERT INTO push (seq, tenant, target, line, participant, is_late, at, due, attempts)
             VALUES (?1,?2,?3,?4,?5,?6,?7,?7,0)",
        )?;
        insert.execute(params![seq, tenant, push.target, push.line, push.participant, is_late, at])?;
    }
    Ok(())
}
