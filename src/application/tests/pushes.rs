//! Decisions on their way back: how many at a time, how often, and what an outage of a target does to them.

use super::*;
use crate::application::push;
use crate::domain::bringing_back::{IN_FLIGHT_MAX, Pause, Pushed};
use crate::domain::going_back::Kind;
use std::collections::HashMap;

const SECOND: Duration = Duration::from_secs(1);

/// How an attempt ends, by what is brought and when.
type Says = dyn Fn(&Push, Duration) -> Pushed;

/// Platforms that do as they are told, and know what came when.
struct FakePlatforms {
    begun: Instant,
    takes: Duration,
    says: Box<Says>,
    came: Rc<RefCell<Vec<(PushId, Duration)>>>,
    now: Rc<Cell<usize>>,
    most: Rc<Cell<usize>>,
}

impl Pushing for FakePlatforms {
    fn push(&self, push: Push) -> Local<Pushed> {
        let at = self.begun.elapsed();
        self.came.borrow_mut().push((push.id, at));
        self.now.set(self.now.get() + 1);
        self.most.set(self.most.get().max(self.now.get()));
        let (says, takes, now) = ((self.says)(&push, at), self.takes, self.now.clone());
        Box::pin(async move {
            sleep(takes).await;
            now.set(now.get() - 1);
            says
        })
    }
}

struct Scene {
    world: World,
    platforms: Rc<FakePlatforms>,
}

/// So many decisions for each of these targets, and platforms that say this after 100 ms.
fn scene(targets: &[(&str, i64)], says: impl Fn(&Push, Duration) -> Pushed + 'static) -> Scene {
    let store = FakeStore::default();
    for (target, count) in targets {
        for _ in 0..*count {
            let mut pushes = store.pushes.lock().expect("whole");
            let id = i64::try_from(pushes.len()).expect("a few");
            pushes.push((waiting(id, target), Instant::now()));
        }
    }
    let world = World::new(store, MS, scored(1));
    let platforms = Rc::new(FakePlatforms {
        begun: Instant::now(),
        takes: 100 * MS,
        says: Box::new(says),
        came: Rc::default(),
        now: Rc::default(),
        most: Rc::default(),
    });
    tokio::task::spawn_local(push::run(world.desk.gateway.clone(), platforms.clone()));
    Scene { world, platforms }
}

fn waiting(id: PushId, target: &str) -> Push {
    Push {
        id,
        fence: 1,
        tenant: TenantName::new("bank"),
        event_id: EventId::parse("e-1").expect("an id"),
        target: target.to_owned(),
        interaction: None,
        participant: None,
        high_risk_above: None,
        kind: Kind::Decision,
        words: Vec::new(),
        late: None,
        at: Timestamp::UNIX_EPOCH,
        attempts: 0,
    }
}

impl Scene {
    /// How the attempts ended, counted.
    fn ends(&self) -> HashMap<String, usize> {
        let mut ends = HashMap::new();
        for line in self.world.store.written() {
            let words = line.split_once(' ').and_then(|(_, rest)| rest.split_once(' '));
            *ends.entry(words.map_or(line.as_str(), |(_, end)| end).to_owned()).or_default() += 1;
        }
        ends
    }

    fn attempts(&self) -> usize {
        self.platforms.came.borrow().len()
    }
}

fn later(left: bool, pause: Option<Pause>) -> Pushed {
    Pushed::Later { why: "down", left, pause }
}

#[test]
fn at_most_16_go_to_one_target_at_a_time_and_others_do_not_wait_for_it() {
    in_virtual_time(async {
        let scene = scene(&[("cxone", 40), ("webhook:a", 1)], |_, _| Pushed::Landed);
        sleep(90 * MS).await;
        assert_eq!(scene.platforms.now.get(), IN_FLIGHT_MAX + 1);
        sleep(400 * MS).await;
        assert_eq!(scene.platforms.most.get(), IN_FLIGHT_MAX + 1);
        assert_eq!(scene.ends(), HashMap::from([("landed SETTLED".to_owned(), 41)]));
    });
}

#[test]
fn however_many_targets_there_are_no_more_than_256_are_on_their_way() {
    in_virtual_time(async {
        let names: Vec<String> = (0..30).map(|n| format!("webhook:{n}")).collect();
        let targets: Vec<(&str, i64)> = names.iter().map(|name| (name.as_str(), 16)).collect();
        let scene = scene(&targets, |_, _| Pushed::Landed);
        sleep(2 * SECOND).await;
        assert_eq!(scene.platforms.most.get(), 256);
        assert_eq!(scene.ends()["landed SETTLED"], 480);
    });
}

#[test]
fn an_outage_of_tokens_costs_no_decision_an_attempt_and_all_go_back_when_it_is_over() {
    in_virtual_time(async {
        let scene = scene(&[("cxone", 100)], |_, at| match at < 60 * SECOND {
            true => later(false, Some(Pause::Growing)),
            false => Pushed::Landed,
        });
        sleep(59 * SECOND).await;
        let asked = scene.attempts();
        assert!((IN_FLIGHT_MAX..IN_FLIGHT_MAX + 10).contains(&asked), "{asked}");
        assert!(scene.world.store.pushes.lock().expect("whole").iter().all(|(push, _)| push.attempts == 0));
        sleep(20 * SECOND).await;
        let ends = scene.ends();
        assert_eq!((ends["landed SETTLED"], ends.len()), (100, 2), "{ends:?}");
    });
}

#[test]
fn a_target_that_asks_for_time_gets_it_and_another_goes_on() {
    in_virtual_time(async {
        let scene = scene(&[("cxone", 3), ("genesys", 3)], |push, at| {
            let asked = later(false, Some(Pause::Asked(7 * SECOND)));
            if push.target == "cxone" && at < SECOND { asked } else { Pushed::Landed }
        });
        sleep(7 * SECOND).await;
        assert_eq!(scene.ends()["landed SETTLED"], 3, "those of the other");
        assert_eq!(scene.attempts(), 6);
        sleep(2 * SECOND).await;
        assert_eq!(scene.ends()["landed SETTLED"], 6);
        assert_eq!(scene.attempts(), 9, "each once more");
        let came = scene.platforms.came.borrow();
        assert!(came[6..].iter().all(|(_, at)| *at >= 7 * SECOND), "{came:?}");
    });
}

#[test]
fn what_fails_20_times_is_kept_for_a_person() {
    in_virtual_time(async {
        let scene = scene(&[("webhook:a", 1)], |_, _| later(true, None));
        sleep(10 * SECOND).await;
        assert!(scene.attempts() < 6, "later and later: {}", scene.attempts());
        sleep(3000 * SECOND).await;
        assert_eq!(scene.attempts(), 20);
        assert_eq!(scene.ends()["down PARKED"], 1);
    });
}

#[test]
fn what_is_new_waits_for_nobody_to_look() {
    in_virtual_time(async {
        let scene = scene(&[], |_, _| Pushed::Landed);
        sleep(510 * MS).await;
        scene.world.store.pushes.lock().expect("whole").push((waiting(1, "cxone"), Instant::now()));
        scene.world.desk.gateway.pushes.notify_one();
        sleep(20 * MS).await;
        assert_eq!(scene.attempts(), 1);
    });
}

#[test]
fn the_end_waits_for_what_is_under_way_and_begins_nothing_more() {
    in_virtual_time(async {
        let scene = scene(&[("cxone", 20)], |_, _| Pushed::Landed);
        sleep(50 * MS).await;
        let gateway = &scene.world.desk.gateway;
        gateway.ending.begin();
        assert_eq!(gateway.pushes.under_way(), IN_FLIGHT_MAX);
        sleep(10 * SECOND).await;
        assert_eq!(gateway.pushes.under_way(), 0);
        assert_eq!(scene.ends(), HashMap::from([("landed SETTLED".to_owned(), IN_FLIGHT_MAX)]));
    });
}
