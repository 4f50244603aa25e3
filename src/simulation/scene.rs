//! What one run is made of beside the gateway itself: what has come so far of all that the story says, and the lives of
//! the gateway on one disk.

use super::chance::{self, Chance};
use super::story::{ATTEMPT, CALLBACK, Call, DEADLINE, Disk, Event, Spell, Story};
use super::xceed::{Arrival, Calling, Xceed, results};
use crate::app::resume;
use crate::application::accept_callback::{Verified, accept};
use crate::application::admission::Places;
use crate::application::gateway::{Desk, Gateway, Ground};
use crate::application::ports::{Clock, Mode, Store};
use crate::application::queue::queue;
use crate::application::submit_batch::Intake;
use crate::application::submit_event::{Refusal, Submission, submit};
use crate::application::tenants::{Callback, Tenant};
use crate::application::{batching, parked, relay};
use crate::domain::decision::Answer;
use crate::domain::field::Field;
use crate::domain::going_back::Back;
use crate::domain::identifiers::TenantName;
use crate::domain::limits::Rule;
use crate::domain::pass_through;
use crate::domain::policy::Policy;
use crate::store::audit;
use crate::store::stepwise::{self, Stepper};
use jiff::Timestamp;
use rust_decimal::Decimal;
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// When it all begins: behind any day on which this may run, so that no name is forgotten that was just given.
pub(super) const BEGIN: i64 = 2_208_988_800;
/// A caller who has heard nothing by then never will.
const FOR_EVER: Duration = Duration::from_secs(60);

/// What callers heard.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) call: usize,
    pub(super) asked: Duration,
    pub(super) told: Duration,
    pub(super) life: u32,
    pub(super) what: What,
}

/// The answer to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Told {
        body: Vec<u8>,
        replayed: bool,
    },
    /// The batch was taken in, all of it.
    TakenIn,
    /// Another body stands under that id.
    OtherBody,
    /// Nothing was promised.
    Refused,
    Never,
}

pub(super) struct Scene {
    pub(super) story: Story,
    pub(super) chance: Chance,
    folder: PathBuf,
    begun: Instant,
    pub(super) life: Cell<u32>,
    pub(super) heard: RefCell<Vec<Heard>>,
    done: RefCell<HashSet<usize>>,
    pub(super) arrivals: RefCell<Vec<Arrival>>,
    pub(super) callings: RefCell<Vec<Calling>>,
    /// When the gateway was killed.
    pub(super) crashed: RefCell<Vec<Duration>>,
    /// Events that an operator has sent again.
    pub(super) replayed: RefCell<HashSet<String>>,
}

struct SimulatedClock(Instant);

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        let begin = Timestamp::from_second(BEGIN).expect("a time");
        begin + self.0.elapsed()
    }
}

/// As many words as are needed to tell one decision from another.
fn wording(answer: &Answer) -> Vec<u8> {
    let decision = &answer.decision;
    let verdict = decision.verdict.map_or("-", |verdict| verdict.name());
    let (outcome, basis) = (decision.outcome.name(), decision.basis.name());
    let score = decision.risk_score.map(|score| score.to_string()).unwrap_or_default();
    format!("{{{} {verdict} {outcome} {basis} {score} {}}}", answer.event_id, answer.decided_at).into_bytes()
}

pub(super) fn bank() -> TenantName {
    TenantName::new("bank")
}

impl Scene {
    pub(super) fn new(story: Story, folder: &Path) -> Rc<Self> {
        let chance = story.chance();
        chance::seed_jitter(story.seed);
        Rc::new(Self {
            story,
            chance,
            folder: folder.to_owned(),
            begun: Instant::now(),
            life: Cell::default(),
            heard: RefCell::default(),
            done: RefCell::default(),
            arrivals: RefCell::default(),
            callings: RefCell::default(),
            crashed: RefCell::default(),
            replayed: RefCell::default(),
        })
    }

    /// All that was heard and all that arrived, in the order of time, for a person.
    pub(super) fn tell(&self) {
        let heard = self.heard.borrow();
        let heard = heard.iter().map(|one| {
            let call = &self.story.calls[one.call];
            let ids: Vec<_> = call.events.iter().map(|event| &event.id).collect();
            let what = match &one.what {
                What::Told { body, replayed } => {
                    format!("{}{}", String::from_utf8_lossy(body), if *replayed { " again" } else { "" })
                }
                other => format!("{other:?}"),
            };
            let (asked, life, mode) = (one.asked, one.life, call.mode.name());
            (one.told, format!("life {life}: {ids:?} {mode} asked at {asked:?} heard {what}"))
        });
        let arrivals = self.arrivals.borrow();
        let arrived = arrivals.iter().map(|one| {
            let code = one.code.as_deref().unwrap_or("in doubt");
            (one.at, format!("life {}: {} arrived, {code} at {:?}", one.life, one.event_id, one.ended))
        });
        let crashed = self.crashed.borrow();
        let crashed = crashed.iter().map(|at| (*at, "crashed".to_owned()));
        let mut lines: Vec<_> = heard.chain(arrived).chain(crashed).collect();
        lines.sort();
        lines.into_iter().for_each(|(at, line)| println!("{at:?} {line}"));
    }

    /// Since the beginning.
    pub(super) fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(super) fn ended(&self, places: &[usize]) {
        let now = self.now();
        let mut arrivals = self.arrivals.borrow_mut();
        places.iter().for_each(|place| arrivals[*place].ended = Some(now));
    }

    pub(super) fn file(&self) -> PathBuf {
        self.folder.join("gateway.db")
    }

    fn tenant(&self) -> Tenant {
        let pass_through =
            self.story.passes_through.then(|| pass_through::Rule { over: Decimal::new(5, 2), slots: 2 });
        let freely = Rule { count: 1000, ..Rule::default() };
        Tenant {
            name: bank(),
            policy: Policy { deadline: DEADLINE, pass_through, ..Policy::default() },
            resend_in_doubt: self.story.resend_in_doubt,
            callback: Some(Callback { id: Some("gw1".into()), timeout: CALLBACK }),
            checks: if self.story.is_limited { Rule::default() } else { freely },
            requests_per_second: u32::MAX,
            chunk: 4,
            targets: Vec::new(),
        }
    }

    /// One life of the gateway after the other; at the end of the last one `judge` looks at it.
    pub(super) async fn play(self: &Rc<Self>, judge: impl AsyncFnOnce(&Desk)) {
        for crash in self.story.crashes.clone() {
            // Another may have come while it was down.
            if crash.at <= self.now() {
                continue;
            }
            let (desk, life) = self.begin();
            life.run_until(sleep_until(self.begun + crash.at)).await;
            drop((life, desk));
            self.crashed.borrow_mut().push(self.now());
            sleep(crash.down).await;
        }
        let (desk, life) = self.begin();
        life.run_until(async {
            sleep_until(self.begun + self.story.end).await;
            judge(&desk).await;
        })
        .await;
    }

    fn begin(self: &Rc<Self>) -> (Desk, LocalSet) {
        self.life.set(self.life.get() + 1);
        let audit = audit::Settings::within(&self.folder);
        let (store, stepper) = stepwise::open(&self.file(), Duration::from_secs(72 * 3600), &audit)
            .unwrap_or_else(|error| panic!("the store does not open: {error}"));
        let clock = SimulatedClock(self.begun);
        let resumption = store.resumption(clock.now()).expect("it can be read");
        let (relay, due) = queue();
        let ground = Ground {
            store: Arc::new(store) as Arc<dyn Store>,
            clock: Arc::new(clock),
            places: Places::new(1024, 1),
            wording,
            random: chance::jitter,
            mint: chance::mint,
        };
        let gateway = Arc::new(Gateway::new([self.tenant()].into_iter().collect(), ground, relay));
        resume(&gateway, resumption);
        let desk = Desk { gateway, xceed: Rc::new(Xceed(self.clone())) };
        let life = LocalSet::new();
        life.spawn_local(write(self.clone(), stepper));
        life.spawn_local(relay::run(desk.clone(), due));
        life.spawn_local(batching::run(desk.clone()));
        life.spawn_local(call_back(self.clone(), desk.clone()));
        life.spawn_local(operate(self.clone(), desk.clone()));
        for call in 0..self.story.calls.len() {
            if !self.done.borrow().contains(&call) {
                life.spawn_local(call_in(self.clone(), desk.clone(), call));
            }
        }
        (desk, life)
    }

    fn hear(&self, call: usize, asked: Duration, what: What) {
        self.done.borrow_mut().insert(call);
        self.heard.borrow_mut().push(Heard { call, asked, told: self.now(), life: self.life.get(), what });
    }
}

/// The disk: what is queued when a flush begins is written together.
async fn write(scene: Rc<Scene>, mut stepper: Stepper) {
    let bell = stepper.bell.clone();
    loop {
        bell.notified().await;
        while let (true, is_awaited) = stepper.gather() {
            if !is_awaited {
                sleep(Duration::from_millis(5)).await;
                stepper.gather();
            }
            let took = match Spell::at(&scene.story.disk, scene.now()) {
                Some(Disk::Slow(millis)) => Duration::from_millis(millis),
                Some(Disk::Full) | None => Duration::from_micros(scene.chance.between(50, 2000)),
            };
            sleep(took).await;
            if Spell::at(&scene.story.disk, scene.now()) == Some(Disk::Full) {
                stepper.fail();
                sleep(Duration::from_millis(100)).await;
            } else {
                stepper.recover();
                stepper.commit(took);
            }
        }
    }
}

/// What Xceed has to call back, it calls back, again where it is not heard.
async fn call_back(scene: Rc<Scene>, desk: Desk) {
    loop {
        sleep(Duration::from_millis(250)).await;
        let now = scene.now();
        let due: Vec<Calling> = {
            let mut callings = scene.callings.borrow_mut();
            let (due, later) = callings.drain(..).partition(|calling| calling.due <= now);
            *callings = later;
            due
        };
        for calling in due {
            let (gateway, id) = (&desk.gateway, &calling.event_id);
            let awaited = gateway.store.awaited(&bank(), id).await;
            let heard = match awaited {
                Ok(Some(awaited)) => {
                    let verified = Verified {
                        tenant: gateway.tenants.get(&bank()).expect("it is served"),
                        event_id: id.clone(),
                        awaited,
                        said: ["SUCCESS".to_owned(), calling.score.to_string(), String::new()],
                        results: results("SUCCESS", Some(calling.score)),
                    };
                    accept(gateway, verified).await.is_ok()
                }
                _ => false,
            };
            if !heard && calling.tries < 30 {
                let due = scene.now() + Duration::from_secs(2);
                scene.callings.borrow_mut().push(Calling { due, tries: calling.tries + 1, ..calling });
            }
        }
    }
}

/// An operator looks at what is parked now and then, and sends some of it again.
async fn operate(scene: Rc<Scene>, desk: Desk) {
    loop {
        sleep(Duration::from_secs(11)).await;
        let Ok(list) = desk.gateway.store.parked(&bank(), None, 50).await else { continue };
        for one in list {
            if !scene.chance.is(40) {
                continue;
            }
            let by = (false, "ops".to_owned());
            if parked::replay(&desk.gateway, &bank(), one.seq, by).await.is_ok() {
                scene.replayed.borrow_mut().insert(one.event_id);
            }
        }
    }
}

fn fields(event: &Event) -> Field<'_> {
    let text = |text: &str| Field::Text(text.to_owned().into());
    let mut members =
        vec![("eventId".into(), text(&event.id)), ("body".into(), text(&event.body.to_string()))];
    members.extend(event.customer.as_ref().map(|id| ("customer".into(), text(id))));
    Field::Object(members)
}

/// One call, again until it is answered.
async fn call_in(scene: Rc<Scene>, desk: Desk, number: usize) {
    let call = scene.story.calls[number].clone();
    sleep_until(scene.begun + call.at).await;
    loop {
        let asked = scene.now();
        let answered =
            async { if call.mode.is_batch() { bring(&desk, &call).await } else { ask(&desk, &call).await } };
        let what = timeout(FOR_EVER, answered).await.unwrap_or(What::Never);
        if what != What::Refused {
            return scene.hear(number, asked, what);
        }
        sleep(Duration::from_secs(1)).await;
    }
}

async fn ask(desk: &Desk, call: &Call) -> What {
    let (tenant, event) = (desk.gateway.tenants.get(&bank()).expect("served"), fields(&call.events[0]));
    let deadline = if call.mode == Mode::Deferred { ATTEMPT } else { DEADLINE };
    let submission = Submission {
        tenant: &tenant,
        event: &event,
        fingerprint: event.fingerprint(),
        mode: call.mode,
        idempotency_key: call.key.as_deref(),
        received: Instant::now(),
        deadline,
        back: Back(Vec::new()),
    };
    match submit(desk, submission).await {
        Ok(reply) => What::Told { body: reply.body.to_vec(), replayed: reply.replayed },
        Err(Refusal::OtherBody) => What::OtherBody,
        Err(Refusal::Store | Refusal::InFlight) => What::Refused,
        Err(other) => panic!("{call:?}: {other:?}"),
    }
}

async fn bring(desk: &Desk, call: &Call) -> What {
    let tenant = desk.gateway.tenants.get(&bank()).expect("served");
    let Some(mut intake) = Intake::begin(desk, tenant, call.mode, Instant::now()) else {
        return What::Refused;
    };
    for (line, event) in (1..).zip(&call.events) {
        if intake.take(line, &fields(event)).await.is_err() {
            intake.break_off().await;
            return What::Refused;
        }
    }
    match intake.end().await {
        Ok((Some(_), told)) if told.failed == 0 => What::TakenIn,
        Ok(_) => What::OtherBody,
        Err(_) => What::Refused,
    }
}

/// A reader of its own, for whoever judges.
pub(super) fn reader(scene: &Scene) -> rusqlite::Connection {
    rusqlite::Connection::open(scene.file()).expect("it is there")
}
