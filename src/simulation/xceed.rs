//! An Xceed as the story has it: what arrives, how each attempt ends, and when it calls back.

use super::scene::Scene;
use super::story::{ATTEMPT, Spell, Weather};
use crate::application::ports::{Chunk, Local, Message, Prepared, Scoring, Sent};
use crate::domain::decision::Results;
use crate::domain::delivery::Attempt;
use crate::domain::event::{Facts, FieldFault, Tier, Traces, event_id};
use crate::domain::field::Field;
use crate::domain::identifiers::{CustomerId, EventId, TenantName};
use crate::domain::return_code::{Next, Received};
use jiff::Timestamp;
use std::rc::Rc;
use std::time::Duration;
use tokio::time::sleep;

/// What has arrived.
#[derive(Clone, Debug)]
pub(super) struct Arrival {
    pub(super) event_id: String,
    /// When it came, and when its answer was there; none while it is under way, or where the gateway crashed meanwhile.
    pub(super) at: Duration,
    pub(super) ended: Option<Duration>,
    /// Which life of the gateway it came from.
    pub(super) life: u32,
    /// Whether others came with it.
    pub(super) in_chunk: bool,
    /// Whether Xceed's answer settles it.
    pub(super) settles: bool,
    pub(super) code: Option<String>,
    /// Whether nobody can know what became of it.
    pub(super) in_doubt: bool,
}

/// A callback that is to be made.
#[derive(Clone, Debug)]
pub(super) struct Calling {
    pub(super) event_id: EventId,
    pub(super) due: Duration,
    pub(super) score: u32,
    pub(super) tries: u32,
}

/// Xceed, as the gateway's threads see it.
pub(super) struct Xceed(pub(super) Rc<Scene>);

/// One answer: after how long, how it ends, and whether anything arrives.
struct Course {
    after: Duration,
    attempt: Attempt,
    arrives: bool,
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Results with a code, and with a score where the code brings one.
pub(super) fn results(code: &str, score: Option<u32>) -> Results {
    Results {
        code: Received::parse(code),
        risk_score: score.map(Into::into),
        risk_action: None,
        reasons: vec![],
        remarks: vec![],
        concerns: None,
        faulty: vec![],
    }
}

impl Xceed {
    fn course(&self, scored: bool) -> Course {
        let (scene, chance) = (&self.0, &self.0.chance);
        let answers = |after, code: &str| {
            let score = (scored && code == "SUCCESS").then(|| chance.between(0, 101) as u32);
            Course { after, attempt: Attempt::Answered(results(code, score)), arrives: true }
        };
        let half = |after, attempt| Course { after, attempt, arrives: chance.is(50) };
        match Spell::at(&scene.story.weather, scene.now()) {
            None if chance.is(2) => answers(millis(20), "ERROR"),
            None => answers(millis(chance.between(2, 90)), "SUCCESS"),
            Some(Weather::Slow) => answers(millis(chance.between(150, 1500)), "SUCCESS"),
            Some(Weather::Dead) => {
                Course { after: millis(1), attempt: Attempt::NotSent("nobody listens"), arrives: false }
            }
            Some(Weather::Hole) => half(ATTEMPT, Attempt::InDoubt("no answer in time")),
            Some(Weather::Reset) => half(millis(15), Attempt::InDoubt("reset")),
            Some(Weather::Strange) => half(millis(25), Attempt::Refused("no Xceed")),
            Some(Weather::Says(code)) => answers(millis(chance.between(2, 90)), code),
        }
    }

    fn arrive(&self, ids: &[EventId], course: &Course, in_chunk: bool) -> Vec<usize> {
        if !course.arrives {
            return Vec::new();
        }
        let results = course.attempt.results();
        let mut arrivals = self.0.arrivals.borrow_mut();
        let mut places = Vec::new();
        for id in ids {
            places.push(arrivals.len());
            arrivals.push(Arrival {
                event_id: id.as_str().to_owned(),
                at: self.0.now(),
                ended: None,
                life: self.0.life.get(),
                in_chunk,
                settles: results.is_some_and(|results| results.code.row().next == Next::Settle),
                code: results.map(|results| results.code.word().to_owned()),
                in_doubt: matches!(course.attempt, Attempt::InDoubt(_)),
            });
        }
        places
    }

    fn call_back_for(&self, id: &EventId) {
        let chance = &self.0.chance;
        if chance.is(10) {
            return;
        }
        let times = if chance.is(15) { 2 } else { 1 };
        let score = chance.between(0, 101) as u32;
        for _ in 0..times {
            let due = self.0.now() + millis(chance.between(0, 20_000));
            let score = if chance.is(5) { score / 2 } else { score };
            self.0.callings.borrow_mut().push(Calling { event_id: id.clone(), due, score, tries: 0 });
        }
    }
}

impl Scoring for Xceed {
    fn prepare(&self, _: &TenantName, event: &Field<'_>, _: Timestamp) -> Result<Prepared, Vec<FieldFault>> {
        let id = event_id(event).ok_or_else(Vec::new)?;
        let customer = match event.at("customer") {
            Some(Field::Text(id)) => Some(CustomerId::new(id)),
            _ => None,
        };
        let facts = Facts { event_type: "Login".into(), customer, tier: Tier::Other, amount: None };
        let message = Message {
            event_id: id,
            channel: "Wire".into(),
            payload: "<Events/>".into(),
            response_required: true,
            callback_id: None,
        };
        Ok(Prepared { facts, traces: Traces::default(), message, schema: "1.0".into(), defaulted: vec![] })
    }

    fn send(&self, _: &TenantName, message: Message) -> Local<Sent> {
        let this = Self(self.0.clone());
        Box::pin(async move {
            let by_callback = message.callback_id.is_some();
            let course = this.course(message.response_required && !by_callback);
            let ids = [message.event_id];
            let places = this.arrive(&ids, &course, false);
            let is_taken = course.attempt.results().is_some_and(|results| results.code.word() == "SUCCESS");
            if by_callback && is_taken {
                this.call_back_for(&ids[0]);
            }
            sleep(course.after).await;
            this.0.ended(&places);
            Sent { attempt: course.attempt, promoted_key: None }
        })
    }

    fn send_chunk(&self, _: &TenantName, chunk: Chunk) -> Local<Sent> {
        let this = Self(self.0.clone());
        Box::pin(async move {
            let course = this.course(false);
            let ids: Vec<_> = chunk.events.into_iter().map(|(id, _)| id).collect();
            let places = this.arrive(&ids, &course, true);
            sleep(course.after).await;
            this.0.ended(&places);
            Sent { attempt: course.attempt, promoted_key: None }
        })
    }

    fn fit_together(&self, _: &str, _: &str) -> bool {
        true
    }
}
