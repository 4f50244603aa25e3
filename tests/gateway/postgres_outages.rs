//! A database that fails, says nothing, is emptied or is too new: callers hear the truth, and the gateway heals by
//! itself.

use crate::harness::{
    Caller, Config, Database, Folder, Gateway, Response, Server, Simulator, Stopwatch, Tenant, Way, event,
    flat, until,
};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// A server that nobody else uses, a database on it, and gateways.
struct Site {
    gateways: Vec<Gateway>,
    xceed: Simulator,
    _database: Database,
    server: Server,
}

impl Site {
    fn open(gateways: usize) -> Option<Self> {
        let server = Server::start()?;
        let database = server.database();
        let xceed = Simulator::start(&[Tenant::first_bank()]);
        let gateways = (0..gateways).map(|_| Gateway::start(config(&xceed.url(), &database))).collect();
        Some(Self { gateways, xceed, _database: database, server })
    }
}

fn config(xceed: &str, database: &Database) -> Config {
    Config::new([Tenant::first_bank()], xceed).with(&format!("store.url = \"{}\"", database.url()))
}

/// Calls until told to stop; what was answered with 2xx is a promise.
fn load(caller: &Caller, name: &str, stopped: &AtomicBool, given: &Mutex<Vec<(String, String, Response)>>) {
    for n in 0.. {
        let id = format!("{name}-{n}");
        let query = if n % 2 == 0 { "" } else { "?mode=ack" };
        let response = caller.submit_with(query, &[], event(&id).to_string());
        match response.status {
            200 | 202 => {
                let mut given = given.lock().unwrap_or_else(PoisonError::into_inner);
                given.push((id, query.to_owned(), response));
            }
            503 => thread::sleep(Duration::from_millis(50)),
            other => panic!("{other}: {}", response.text()),
        }
        if stopped.load(SeqCst) {
            return;
        }
    }
}

#[test]
fn a_database_that_is_killed_and_started_again_under_load_has_lost_nothing() {
    let Some(mut site) = Site::open(2) else { return };
    let (stopped, given) = (AtomicBool::new(false), Mutex::default());
    thread::scope(|scope| {
        for (n, gateway) in site.gateways.iter().enumerate() {
            for worker in 0..3 {
                let (caller, stopped, given) = (gateway.caller(), &stopped, &given);
                scope.spawn(move || load(&caller, &format!("e-{n}-{worker}"), stopped, given));
            }
        }
        for _ in 0..2 {
            thread::sleep(Duration::from_millis(700));
            site.server.order("kill");
            thread::sleep(Duration::from_millis(500));
            site.server.order("start");
            let back = Stopwatch::start();
            for (n, gateway) in site.gateways.iter().enumerate() {
                let id = format!("back-{n}");
                until("a gateway that records again", || {
                    (gateway.submit(&event(&id)).status == 200).then_some(())
                });
            }
            assert!(back.elapsed() < Duration::from_secs(5), "it took {:?}", back.elapsed());
        }
        stopped.store(true, SeqCst);
    });
    let given = given.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(given.len() > 20, "there was load: {}", given.len());
    for (id, query, response) in &given {
        let again = site.gateways[0].submit_with(query, &[], event(id).to_string());
        assert_eq!((again.status, again.text()), (response.status, response.text()), "{id}");
        assert!(again.is_replay(), "{id} was forgotten");
    }
    for (id, ..) in &given {
        site.gateways[1].caller().until_state(id, "SETTLED");
        assert!(!site.xceed.received_of(id).is_empty(), "{id} never arrived");
    }
}

/// What is wrong with the way to the database in a round, and whether nothing can be recorded meanwhile.
fn make_ill(way: &mut Way, round: usize) -> bool {
    match round % 5 {
        0 => _ = way.cut(),
        1 => way.fall_silent(),
        2 => way.delay(Duration::from_secs(2)),
        // In the midst of a message, at a place of its own each time.
        3 => way.reset_after(1 + (round as u64 * 7919) % 4000),
        _ => way.narrow(100.0),
    }
    round % 5 < 2
}

#[test]
fn a_way_to_the_database_that_is_cut_slow_silent_and_reset_loses_nothing_and_takes_no_connection_along() {
    let Some(database) = Database::new() else { return };
    let mut way = Way::to(database.address());
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let url = database.url_by_way_of(way.address());
    let config = Config::new([Tenant::first_bank()], &xceed.url()).with(&format!("store.url = \"{url}\""));
    let gateway = Gateway::start(config);
    let (stopped, given) = (AtomicBool::new(false), Mutex::default());
    let mut refused = 0;
    thread::scope(|scope| {
        for worker in 0..3 {
            let (caller, stopped, given) = (gateway.caller(), &stopped, &given);
            scope.spawn(move || load(&caller, &format!("e-{worker}"), stopped, given));
        }
        for round in 0..15 {
            let is_gone = make_ill(&mut way, round);
            thread::sleep(Duration::from_millis(400));
            if is_gone {
                let told = gateway.submit(&event(&format!("gone-{round}")));
                refused += usize::from(told.status == 503);
            }
            way.mend();
            let (back, id) = (Stopwatch::start(), format!("back-{round}"));
            until("a gateway that records again", || {
                (gateway.submit(&event(&id)).status == 200).then_some(())
            });
            assert!(back.elapsed() < Duration::from_secs(10), "round {round}: it took {:?}", back.elapsed());
        }
        stopped.store(true, SeqCst);
    });
    assert!(refused > 0, "nobody met a database that is gone");
    let given = given.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(given.len() > 20, "there was load: {}", given.len());
    for (id, query, response) in &given {
        let again = gateway.submit_with(query, &[], event(id).to_string());
        assert_eq!((again.status, again.text()), (response.status, response.text()), "{id}");
        gateway.caller().until_state(id, "SETTLED");
        assert!(!xceed.received_of(id).is_empty(), "{id} never arrived");
    }
    let connections = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()";
    until("no more connections than it needs", || {
        (database.ask(connections).parse::<usize>().expect("a number") <= 8).then_some(())
    });
    let stuck =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'";
    assert_eq!(database.ask(stuck), "0", "none is left in the midst of a transaction");
}

#[test]
fn a_database_that_says_nothing_any_more_is_noticed_and_healed_from() {
    let Some(mut site) = Site::open(1) else { return };
    assert_eq!(site.gateways[0].submit(&event("e-1")).status, 200);
    site.server.order("freeze");
    let waited = Stopwatch::start();
    let refused = site.gateways[0].submit(&event("e-2"));
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")), "{}", refused.text());
    assert!(waited.elapsed() < Duration::from_secs(5), "{:?}", waited.elapsed());
    let caller = site.gateways[0].caller();
    until("a gateway that is not ready", || {
        (caller.call(&caller.request("GET", "/readyz")).status == 503).then_some(())
    });
    site.server.order("thaw");
    let back = Stopwatch::start();
    until("a gateway that records again", || (caller.submit(&event("e-3")).status == 200).then_some(()));
    assert!(back.elapsed() < Duration::from_secs(6), "it took {:?}", back.elapsed());
    assert_eq!(caller.look_up("e-1").status, 200);
}

#[test]
fn a_database_that_was_emptied_is_no_place_to_go_on_as_if_nothing_had_happened() {
    let Some(database) = Database::new() else { return };
    let xceed = Simulator::start(&[Tenant::first_bank()]);
    let mut gateway = Gateway::start(config(&xceed.url(), &database));
    assert_eq!(gateway.submit(&event("e-1")).status, 200);
    database.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    for n in 2..5 {
        assert_eq!(gateway.submit(&event(&format!("e-{n}"))).status, 503);
    }
    until("an explanation", || gateway.log().contains("it was emptied or replaced").then_some(()));
    assert_eq!(gateway.submit(&event("e-9")).status, 503, "until a person decides");
    gateway.restart();
    assert_eq!(gateway.submit(&event("e-9")).status, 200, "who starts it anew says so");
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    let Some(database) = Database::new() else { return };
    drop(Gateway::start(config("http://127.0.0.1:9/nobody", &database)));
    database.run("INSERT INTO schema_version VALUES (99)");
    let refused = Gateway::try_start(config("http://127.0.0.1:9/nobody", &database), Folder::new());
    let refused = refused.expect_err("it is too new");
    assert!(refused.contains("version 99") && refused.contains("run a newer gateway"), "{refused}");
    assert!(!refused.contains(&database.password()), "the password is shown: {refused}");
}

#[test]
fn a_wrong_password_and_an_absent_database_are_told_without_the_password() {
    let Some(database) = Database::new() else { return };
    let wrong = database.url().replace(&database.password(), "not-the-password");
    let elsewhere = format!("{}_not_there", database.url());
    for (url, expected) in [(wrong, "password authentication failed"), (elsewhere, "does not exist")] {
        let config = Config::new([Tenant::first_bank()], "http://127.0.0.1:9/nobody");
        let refused = Gateway::try_start(config.with(&format!("store.url = \"{url}\"")), Folder::new());
        let refused = refused.expect_err("there is no way in");
        assert!(refused.contains(expected), "{refused}");
        assert!(
            !refused.contains("not-the-password") && !refused.contains(&database.password()),
            "{refused}"
        );
    }
}

#[test]
fn a_platform_hears_the_fallback_in_time_from_a_database_that_says_nothing() {
    let Some(mut site) = Site::open(1) else { return };
    let caller = site.gateways[0].caller();
    let ask = |door: &str, n: usize| {
        // Each has both platforms' names of a contact and a customer.
        let id = format!("c-{n}");
        let body = json!({
            "contactId": id, "customerId": id, "conversation_id": id, "customer_id": id, "data": { "interactionId": id }
        });
        let watch = Stopwatch::start();
        let told = flat(&caller.post(door, &[], body.to_string()));
        assert!(watch.elapsed() < Duration::from_millis(7500), "{door}: {:?}", watch.elapsed());
        told
    };
    let doors = ["/v1/cxone/assess", "/v1/genesys/assess", "/v1/cxone/data-action"];
    doors.iter().for_each(|door| assert_ne!(ask(door, 0)["basis"], "store"));
    site.server.order("freeze");
    for (n, door) in doors.iter().enumerate() {
        let told = ask(door, 10 + n);
        assert_eq!((&told["outcome"], &told["basis"]), (&json!("FALLBACK"), &json!("store")), "{door}");
    }
    site.server.order("thaw");
    until("a gateway that records again", || (ask(doors[0], 20)["basis"] != "store").then_some(()));
}
