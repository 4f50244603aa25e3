//! What the database says of what a batch of writes is about, and what the batch changes in it.

use super::news::News;
use crate::application::ports::{Batch, Hold, Late, PushId, Seq};
use crate::domain::going_back::Kind;
use crate::store::audit::{Entry, Subject, Tally};
use crate::store::falls::{Event, NewPush};
use std::collections::{BTreeMap, HashMap};

/// What the database says of an event.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    pub(super) event: Event,
    pub(super) told: Option<Vec<u8>>,
    pub(super) decided: Option<Vec<u8>>,
    pub(super) is_late: bool,
    /// What the first callback said.
    pub(super) said: Option<[String; 3]>,
    pub(super) attempts: i64,
    pub(super) duty: Option<Duty>,
    /// Whether the delivery's gateway is there.
    pub(super) is_attended: bool,
    /// Whether another gateway has to send something of the same customer before.
    pub(super) is_behind: bool,
}

impl Standing {
    /// An event that is recorded just now.
    pub(super) fn new(event: Event, duty: Duty) -> Self {
        Self {
            event,
            told: None,
            decided: None,
            is_late: false,
            said: None,
            attempts: 0,
            duty: Some(duty),
            is_attended: true,
            is_behind: false,
        }
    }

    /// Whether the decision has fallen, whoever was told it, and how.
    pub(super) fn has_fallen(&self) -> bool {
        if self.event.mode.is_told_the_decision() { self.told.is_some() } else { self.decided.is_some() }
    }
}

/// A row of `delivery`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Duty {
    pub(super) state: String,
    pub(super) due: i64,
    pub(super) reason: Option<String>,
    pub(super) line: Option<i64>,
    pub(super) place: i64,
    pub(super) owner: i32,
    pub(super) fence: i64,
    pub(super) lease_until: i64,
}

/// A row of `push`.
#[derive(Clone, Debug)]
pub(super) struct Going {
    pub(super) subject: Subject,
    pub(super) target: String,
    pub(super) kind: Kind,
    pub(super) fence: i64,
    pub(super) attempts: i64,
    pub(super) is_parked: bool,
}

/// A row of `push` as it is from now on.
#[derive(Clone, Debug)]
pub(super) struct Gone {
    pub(super) id: PushId,
    pub(super) due: i64,
    pub(super) attempts: i64,
    pub(super) reason: Option<String>,
    pub(super) parked_at: Option<i64>,
}

/// Rows to be written.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// What they count for, once they are on disk.
    pub(super) tally: Tally,
    pub(super) told: Vec<(Seq, Vec<u8>)>,
    pub(super) decided: Vec<(Seq, Vec<u8>)>,
    pub(super) callbacks: Vec<(Seq, [String; 3], i64)>,
    pub(super) late: Vec<(Seq, Late)>,
    /// Events that were one check too many on their customer.
    pub(super) limited: Vec<Seq>,
    /// What has fallen, in that order: whose, of which event, and whether late.
    pub(super) journal: Vec<(String, Seq, bool)>,
    /// What goes back of it.
    pub(super) pushes: Vec<(String, Seq, bool, NewPush)>,
    /// What is back, or was given up.
    pub(super) pushed: Vec<PushId>,
    /// What goes on its way again, or waits for a person.
    pub(super) pushing: Vec<Gone>,
    pub(super) batches: Vec<Batch>,
    /// Which settlement of the batch is an event's attempt, and its number.
    pub(super) attempts: Vec<(usize, i64)>,
    pub(super) promoted: BTreeMap<String, String>,
    pub(super) holds: Vec<Hold>,
    /// Tenants whose holds end, because all of it is held now.
    pub(super) unheld: Vec<String>,
    /// Deliveries as they are now.
    pub(super) duties: Vec<(Seq, Duty)>,
    /// Deliveries that are done.
    pub(super) done: Vec<Seq>,
    /// The fence under which this gateway has a delivery, where it is not the first.
    pub(super) taken: HashMap<Seq, i64>,
    /// What the audit trail tells of all that.
    pub(super) entries: Vec<Entry>,
    /// What other gateways are told.
    pub(super) news: Vec<News>,
}

impl Changes {
    /// Others may wait for what is said of an event.
    pub(super) fn announce(&mut self, event: &Event) {
        let (tenant, event_id) = (event.subject.tenant.clone(), event.subject.event_id.clone());
        self.news.push(News::Decided { tenant, event_id });
    }

    /// A decision falls, or Xceed says something after it.
    pub(super) fn fall(&mut self, event: &Event, kind: Kind) {
        let (tenant, seq, is_late) = (&event.subject.tenant, event.subject.seq, kind == Kind::Late);
        self.journal.push((tenant.clone(), seq, is_late));
        let pushes = event.pushes(kind).into_iter();
        self.pushes.extend(pushes.map(|push| (tenant.clone(), seq, is_late, push)));
    }

    /// A delivery is this gateway's from now on.
    pub(super) fn take(&mut self, seq: Seq, duty: &mut Duty, me: i32) {
        if duty.owner != me {
            duty.owner = me;
            duty.fence += 1;
        }
        if duty.fence > 0 {
            self.taken.insert(seq, duty.fence);
        }
    }
}
