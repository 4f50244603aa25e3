//! The one path against a store and an Xceed that do as they are told, in virtual time: what is told when, and what is
//! on disk by then.

use super::admission::Places;
use super::gateway::{Desk, Gateway, Ground, STORE_PATIENCE};
use super::ports::*;
use super::queue::{self, queue};
use super::submit_event::{Refusal, Reply, Submission, submit};
use super::tenants::Tenant;
use crate::domain::decision::{Answer, Results};
use crate::domain::delivery::{Attempt, State};
use crate::domain::event::{Facts, FieldFault, Tier, Traces};
use crate::domain::field::Field;
use crate::domain::going_back::Back;
use crate::domain::identifiers::{CustomerId, EventId, TenantName};
use crate::domain::limits::Rule;
use crate::domain::policy::Policy;
use crate::domain::return_code::Received;
use jiff::Timestamp;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};

mod fake_store;
mod holds;
mod listeners;
mod pushes;

use fake_store::FakeStore;

const MS: Duration = Duration::from_millis(1);

/// An Xceed that answers after a while.
struct FakeXceed {
    after: Duration,
    attempt: Attempt,
    sent: Cell<u32>,
    /// Whether the last one did.
    wanted_a_score: Cell<bool>,
    /// What the store had written when the attempt left.
    written_before: RefCell<Vec<String>>,
    store: Arc<FakeStore>,
}

impl Scoring for FakeXceed {
    fn prepare(&self, _: &TenantName, event: &Field<'_>, _: Timestamp) -> Result<Prepared, Vec<FieldFault>> {
        let id = crate::domain::event::event_id(event).ok_or_else(Vec::new)?;
        let Field::Object(members) = event else { return Err(vec![]) };
        let customer = members.iter().find_map(|(name, value)| match value {
            Field::Text(id) if name == "customer" => Some(CustomerId::new(id)),
            _ => None,
        });
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
        self.sent.set(self.sent.get() + 1);
        self.wanted_a_score.set(message.response_required);
        *self.written_before.borrow_mut() = self.store.written();
        let (after, attempt) = (self.after, self.attempt.clone());
        Box::pin(async move {
            sleep(after).await;
            Sent { attempt, promoted_key: None }
        })
    }
    fn send_chunk(&self, _: &TenantName, _: Chunk) -> Local<Sent> {
        let attempt = self.attempt.clone();
        Box::pin(async move { Sent { attempt, promoted_key: None } })
    }
    fn fit_together(&self, _: &str, _: &str) -> bool {
        true
    }
}

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }
}

fn wording(answer: &Answer) -> Vec<u8> {
    let decision = &answer.decision;
    let verdict = decision.verdict.map_or("-", |verdict| verdict.name());
    format!("{verdict} {} {}", decision.outcome.name(), decision.basis.name()).into_bytes()
}

fn scored(score: u32) -> Attempt {
    Attempt::Answered(Results {
        code: Received::parse("SUCCESS"),
        risk_score: Some(score.into()),
        risk_action: None,
        reasons: vec![],
        remarks: vec![],
        concerns: None,
        faulty: vec![],
    })
}

fn refused(code: &str) -> Attempt {
    let Attempt::Answered(results) = scored(0) else { unreachable!("it is an answer") };
    Attempt::Answered(Results { code: Received::parse(code), risk_score: None, ..results })
}

struct World {
    desk: Desk,
    store: Arc<FakeStore>,
    xceed: Rc<FakeXceed>,
    tenant: Arc<Tenant>,
    _due: queue::Due,
}

impl World {
    fn new(store: FakeStore, after: Duration, attempt: Attempt) -> Self {
        Self::with_tenant(store, after, attempt, true)
    }

    fn with_tenant(store: FakeStore, after: Duration, attempt: Attempt, resend_in_doubt: bool) -> Self {
        let name = TenantName::new("bank");
        let tenant = || Tenant {
            name: name.clone(),
            policy: Policy::default(),
            resend_in_doubt,
            callback: None,
            checks: Rule::default(),
            requests_per_second: u32::MAX,
            chunk: 500,
            targets: vec!["cxone".to_owned()],
        };
        let store = Arc::new(store);
        let xceed = Rc::new(FakeXceed {
            after,
            attempt,
            sent: Cell::default(),
            wanted_a_score: Cell::default(),
            written_before: RefCell::default(),
            store: store.clone(),
        });
        let (queue, due) = queue();
        let ground = Ground {
            store: store.clone(),
            clock: Arc::new(Noon),
            places: Places::new(1024, 1),
            wording,
            random: || 1.0,
            mint: || "minted".into(),
        };
        let gateway = Gateway::new([tenant()].into_iter().collect(), ground, queue);
        let desk = Desk { gateway: Arc::new(gateway), xceed: xceed.clone() };
        Self { desk, store, xceed, tenant: Arc::new(tenant()), _due: due }
    }

    async fn submit(&self, id: &str, mode: Mode, key: Option<&str>) -> Result<Reply, Refusal> {
        self.submit_of(id, None, mode, key).await
    }

    async fn submit_of(
        &self,
        id: &str,
        customer: Option<&str>,
        mode: Mode,
        key: Option<&str>,
    ) -> Result<Reply, Refusal> {
        let mut members = vec![("eventId".into(), Field::Text(id.to_owned().into()))];
        members.extend(customer.map(|id| ("customer".into(), Field::Text(id.to_owned().into()))));
        let event = Field::Object(members);
        let tenant = &self.tenant;
        let call = Submission {
            tenant,
            event: &event,
            fingerprint: event.fingerprint(),
            mode,
            idempotency_key: key,
            received: Instant::now(),
            deadline: tenant.policy.deadline,
            back: Back::default(),
        };
        submit(&self.desk, call).await
    }
}

fn words(reply: Result<Reply, Refusal>) -> String {
    String::from_utf8(reply.expect("answered").body.to_vec()).expect("UTF-8")
}

/// Runs in virtual time: a sleep takes as long as it says, and no time passes otherwise.
fn in_virtual_time(work: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    LocalSet::new().block_on(&runtime.expect("a runtime"), work);
}

#[test]
fn xceed_in_time_decides_and_the_record_shares_the_settlements_flush() {
    in_virtual_time(async {
        let world = World::new(FakeStore { flush: 3 * MS, ..FakeStore::default() }, 100 * MS, scored(70));
        let began = Instant::now();
        assert_eq!(words(world.submit("e-1", Mode::Sync, None).await), "REVIEW SCORED threshold");
        assert_eq!(began.elapsed(), 103 * MS, "the answer waits for the flush and for nothing else");
        assert_eq!(world.store.written(), ["record e-1", "settle 0 told"]);
        assert_eq!(*world.xceed.written_before.borrow(), ["record e-1"], "queued before it is sent");
    });
}

#[test]
fn past_the_deadline_the_fallback_is_on_disk_in_time_and_xceed_is_late() {
    in_virtual_time(async {
        let world = World::new(FakeStore { flush: 3 * MS, ..FakeStore::default() }, 1500 * MS, scored(70));
        let began = Instant::now();
        assert_eq!(words(world.submit("e-1", Mode::Sync, None).await), "ALLOW FALLBACK deadline");
        assert_eq!(began.elapsed(), 293 * MS, "deadline, less the lead, and a flush");
        sleep(2000 * MS).await;
        assert_eq!(world.store.written(), ["record e-1", "tell 0", "settle 0 late"]);
        assert_eq!(world.desk.gateway.tickets.count(), 0);
    });
}

#[test]
fn no_answer_at_all_falls_back_and_stays_queued() {
    in_virtual_time(async {
        let world = World::new(FakeStore::default(), 20 * MS, Attempt::InDoubt("reset"));
        assert_eq!(words(world.submit("e-1", Mode::Sync, None).await), "ALLOW FALLBACK transport");
        assert_eq!(world.store.written(), ["record e-1", "settle 0 told queued"]);
    });
}

#[test]
fn an_acknowledgement_comes_with_the_record_and_the_event_goes_behind() {
    in_virtual_time(async {
        let world = World::new(FakeStore { flush: 3 * MS, ..FakeStore::default() }, 100 * MS, scored(70));
        let began = Instant::now();
        assert_eq!(words(world.submit("e-1", Mode::Ack, None).await), "- ACKNOWLEDGED acknowledgement");
        assert_eq!(began.elapsed(), 3 * MS, "Xceed is not waited for");
        sleep(200 * MS).await;
        assert_eq!(world.store.written(), ["record e-1 told", "settle 0"]);
    });
}

#[test]
fn a_store_that_can_not_record_promises_nothing() {
    in_virtual_time(async {
        for mode in [Mode::Sync, Mode::Ack] {
            let world = World::new(FakeStore { fails: true, ..FakeStore::default() }, 20 * MS, scored(70));
            assert!(matches!(world.submit("e-1", mode, None).await, Err(Refusal::Store)));
        }
    });
}

#[test]
fn a_disk_that_hangs_is_not_waited_for_for_ever() {
    in_virtual_time(async {
        let hangs = FakeStore { flush: Duration::from_secs(3600), ..FakeStore::default() };
        let world = World::new(hangs, 20 * MS, scored(70));
        let began = Instant::now();
        assert!(matches!(world.submit("e-1", Mode::Sync, None).await, Err(Refusal::Store)));
        assert_eq!(began.elapsed(), 20 * MS + STORE_PATIENCE);
    });
}

#[test]
fn after_a_failed_commit_or_where_nothing_may_be_sent_twice_the_record_comes_first() {
    in_virtual_time(async {
        let flush = 30 * MS;
        let unwell = FakeStore { unwell: true, flush, ..FakeStore::default() };
        let strict = FakeStore { flush, ..FakeStore::default() };
        for world in
            [World::new(unwell, 20 * MS, scored(70)), World::with_tenant(strict, 20 * MS, scored(70), false)]
        {
            let began = Instant::now();
            assert_eq!(words(world.submit("e-1", Mode::Sync, None).await), "REVIEW SCORED threshold");
            assert_eq!(began.elapsed(), 80 * MS, "record, send and settle one after the other");
        }
        let broken = FakeStore { unwell: true, fails: true, ..FakeStore::default() };
        let world = World::new(broken, 20 * MS, scored(70));
        assert!(matches!(world.submit("e-1", Mode::Sync, None).await, Err(Refusal::Store)));
        assert_eq!(world.xceed.sent.get(), 0, "the gate is shut");
    });
}

#[test]
fn twins_share_one_attempt_and_one_answer() {
    in_virtual_time(async {
        let world = World::new(FakeStore::default(), 100 * MS, scored(70));
        let (one, two) =
            tokio::join!(world.submit("e-1", Mode::Sync, None), world.submit("e-1", Mode::Ack, None));
        let (one, two) = (one.expect("answered"), two.expect("answered"));
        assert_eq!(one.body, two.body);
        assert_eq!((one.replayed, two.replayed, two.mode), (false, true, Mode::Sync));
        assert_eq!(world.xceed.sent.get(), 1);
    });
}

#[test]
fn under_an_explicit_key_a_twin_in_flight_is_told_to_come_back() {
    in_virtual_time(async {
        let world = World::new(FakeStore::default(), 100 * MS, scored(70));
        let (one, two) = tokio::join!(
            world.submit("e-1", Mode::Sync, Some("k")),
            world.submit("e-1", Mode::Sync, Some("k"))
        );
        assert!(one.is_ok() && matches!(two, Err(Refusal::InFlight)));
    });
}

#[test]
fn a_deferred_caller_hears_at_once_and_the_decision_falls_behind() {
    in_virtual_time(async {
        let world = World::new(FakeStore::default(), 100 * MS, scored(70));
        let told = world.submit("e-1", Mode::Deferred, None).await;
        assert_eq!(words(told), "- PENDING acknowledgement");
        assert_eq!(world.store.written(), ["record e-1 told"], "and nothing was waited for");
        sleep(200 * MS).await;
        assert_eq!(world.store.written(), ["record e-1 told", "settle 0 decided"]);
        assert_eq!(world.xceed.written_before.borrow().as_slice(), ["record e-1 told"]);
    });
}

#[test]
fn a_deferred_decision_is_the_fallbacks_at_its_deadline_and_xceed_is_late() {
    in_virtual_time(async {
        let world = World::new(FakeStore::default(), 1000 * MS, scored(70));
        world.submit("e-1", Mode::Deferred, None).await.expect("answered");
        sleep(2000 * MS).await;
        assert_eq!(world.store.written(), ["record e-1 told", "decide 0", "settle 0 late"]);
    });
}

#[test]
fn one_check_too_many_is_looked_at_by_a_person_and_asks_for_no_score() {
    in_virtual_time(async {
        let world = World::new(FakeStore::default(), 10 * MS, scored(70));
        let submit = |id: &'static str, mode| world.submit_of(id, Some("C-1"), mode, None);
        for id in ["e-1", "e-2", "e-3"] {
            assert_eq!(words(submit(id, Mode::Sync).await), "REVIEW SCORED threshold");
        }
        assert_eq!(words(submit("e-4", Mode::Ack).await), "- ACKNOWLEDGED acknowledgement");
        sleep(100 * MS).await;
        let before = world.store.written().len();
        assert_eq!(words(submit("e-5", Mode::Sync).await), "REVIEW LIMITED limit");
        sleep(100 * MS).await;
        assert_eq!(world.store.written()[before..], ["record e-5 told", "settle 4"]);
        assert!(!world.xceed.wanted_a_score.get());
        assert_eq!(
            words(world.submit_of("e-6", Some("C-2"), Mode::Sync, None).await),
            "REVIEW SCORED threshold"
        );
        assert_eq!(words(world.submit("e-7", Mode::Sync, None).await), "REVIEW SCORED threshold");
    });
}

#[test]
fn a_check_that_could_not_be_recorded_does_not_count() {
    in_virtual_time(async {
        let world = World::new(FakeStore { fails: true, ..FakeStore::default() }, 10 * MS, scored(70));
        for id in ["e-1", "e-2", "e-3", "e-4", "e-5"] {
            let told = world.submit_of(id, Some("C-1"), Mode::Sync, None).await;
            assert!(matches!(told, Err(Refusal::Store)), "{id}");
        }
    });
}

#[test]
fn the_same_name_for_another_body_in_flight_is_refused() {
    in_virtual_time(async {
        let world = World::new(FakeStore::default(), 100 * MS, scored(70));
        let other = async {
            let members = vec![("eventId".into(), Field::Text("e-1".into())), ("x".into(), Field::Null)];
            let event = Field::Object(members);
            let call = Submission {
                tenant: &world.tenant,
                event: &event,
                fingerprint: event.fingerprint(),
                mode: Mode::Sync,
                idempotency_key: None,
                received: Instant::now(),
                deadline: world.tenant.policy.deadline,
                back: Back::default(),
            };
            submit(&world.desk, call).await
        };
        let (one, two) = tokio::join!(world.submit("e-1", Mode::Sync, None), other);
        assert!(one.is_ok() && matches!(two, Err(Refusal::OtherBody)));
    });
}

#[test]
fn a_caller_who_hangs_up_changes_nothing() {
    in_virtual_time(async {
        let world = World::new(FakeStore::default(), 100 * MS, scored(70));
        let hung_up = tokio::time::timeout(50 * MS, world.submit("e-1", Mode::Sync, None)).await;
        assert!(hung_up.is_err());
        sleep(100 * MS).await;
        assert_eq!(world.store.written(), ["record e-1", "settle 0 told"]);
    });
}

#[test]
fn one_customers_events_leave_one_after_the_other_and_others_do_not_wait() {
    in_virtual_time(async {
        let world = World::new(FakeStore { flush: 3 * MS, ..FakeStore::default() }, 100 * MS, scored(70));
        let submit = |id, customer| {
            let world = &world;
            async move {
                let began = Instant::now();
                let words = words(world.submit_of(id, Some(customer), Mode::Sync, None).await);
                assert_eq!(words, "REVIEW SCORED threshold");
                began.elapsed()
            }
        };
        let (one, two, other) =
            tokio::join!(submit("e-1", "C-1"), submit("e-2", "C-1"), submit("e-3", "C-2"));
        assert_eq!((one, other), (103 * MS, 103 * MS));
        assert_eq!(two, 206 * MS, "the second leaves when the end of the first is on disk");
    });
}

#[test]
fn whose_turn_does_not_come_in_time_falls_back_and_stays_queued() {
    in_virtual_time(async {
        let world = World::new(FakeStore::default(), 1000 * MS, scored(70));
        let first = world.submit_of("e-1", Some("C-1"), Mode::Sync, None);
        let second = world.submit_of("e-2", Some("C-1"), Mode::Sync, None);
        let (first, second) = tokio::join!(first, second);
        assert_eq!(words(first), "ALLOW FALLBACK deadline");
        assert_eq!(words(second), "ALLOW FALLBACK order");
        sleep(2000 * MS).await;
        assert_eq!(world.store.written(), ["record e-1", "record e-2", "tell 0", "tell 1", "settle 0 late"]);
        assert_eq!(world.xceed.sent.get(), 1, "the relay has the second");
    });
}

#[test]
fn what_is_taken_over_while_an_event_is_recorded_goes_before_it() {
    in_virtual_time(async {
        let seq = AtomicI64::new(7);
        let store = FakeStore { flush: 20 * MS, shared: true, seq, ..FakeStore::default() };
        let world = World::new(store, 10 * MS, scored(70));
        let taken_over = async {
            sleep(10 * MS).await;
            for (customer, seq) in [("C-1", 3), ("C-2", 4)] {
                let whose = (TenantName::new("bank"), CustomerId::new(customer));
                world.desk.gateway.lines.rejoin(Some(whose), seq);
            }
        };
        let sync = world.submit_of("e-1", Some("C-1"), Mode::Sync, None);
        let ack = world.submit_of("e-2", Some("C-2"), Mode::Ack, None);
        let (sync, ack, ()) = tokio::join!(sync, ack, taken_over);
        assert_eq!(words(sync), "ALLOW FALLBACK order");
        assert!(ack.is_ok(), "what is on disk is acknowledged");
        sleep(1000 * MS).await;
        assert_eq!(world.xceed.sent.get(), 0, "the relay has both");
    });
}
