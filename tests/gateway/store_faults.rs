//! A store that fails for a while heals by itself, and nobody is told what is not true meanwhile; one that is damaged is
//! refused, in words that say what to do.

use crate::harness::{Config, Folder, Gateway, Response, Simulator, Stopwatch, Tenant, event, until};
use rusqlite::Connection;
use std::fs;
use std::thread;
use std::time::Duration;

/// Who waits for a store that does not answer waits no longer, with room for a busy machine.
const ANSWER_MAX: Duration = Duration::from_secs(8);

/// Another process locks the store for so long, while callers go on.
fn is_locked_for(seconds: u64) {
    let tenants = [Tenant::first_bank()];
    let xceed = Simulator::start(&tenants);
    let gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    let first = gateway.submit(&event("e-first"));
    assert_eq!(first.status, 200);
    let other = Connection::open(gateway.file("gateway.db")).expect("a store");
    other.execute_batch("BEGIN EXCLUSIVE").expect("the gateway writes only now and then");
    let locked = Stopwatch::start();
    let given: Vec<(String, Response)> = thread::scope(|scope| {
        let callers: Vec<_> = (0..6)
            .map(|worker| {
                let (caller, locked) = (gateway.caller(), &locked);
                scope.spawn(move || {
                    let mut given = Vec::new();
                    for n in 0.. {
                        let id = format!("e-{worker}-{n}");
                        let query = if n % 2 == 0 { "" } else { "?mode=ack" };
                        let asked = Stopwatch::start();
                        let response = caller.submit_with(query, &[], event(&id).to_string());
                        assert!(asked.elapsed() < ANSWER_MAX, "{:?}", asked.elapsed());
                        given.push((id, response));
                        if locked.elapsed() > Duration::from_secs(seconds + 1) {
                            break;
                        }
                    }
                    given
                })
            })
            .collect();
        until("the lock's time to be over", || {
            (locked.elapsed() > Duration::from_secs(seconds)).then_some(())
        });
        assert_eq!(gateway.submit(&event("e-first")).body, first.body, "it still reads");
        other.execute_batch("ROLLBACK").expect("it is ours");
        callers.into_iter().flat_map(|caller| caller.join().expect("no panic")).collect()
    });
    let ready = || gateway.caller().call(&gateway.caller().request("GET", "/readyz"));
    until("a gateway that is ready again", || (ready().status == 200).then_some(()));
    assert!(
        given.iter().any(|(_, response)| [200, 202].contains(&response.status)),
        "nobody was served again"
    );
    assert_eq!(
        given.iter().any(|(_, response)| response.status == 503),
        seconds > 2,
        "a short lock is waited for"
    );
    for (id, response) in given {
        let again = gateway.submit(&event(&id));
        if response.status == 503 {
            assert_eq!(response.json()["type"], "urn:xceed-gateway:problem:store_unavailable");
            assert!([200, 202].contains(&again.status), "{id}: {}", again.text());
        } else {
            assert_eq!((again.status, &again.body), (response.status, &response.body), "{id}");
            assert!(again.is_replay(), "{id} was forgotten");
        }
        gateway.caller().until_state(&id, "SETTLED");
    }
}

#[test]
fn a_store_that_another_process_locks_for_a_moment_is_waited_for() {
    is_locked_for(1);
}

#[test]
fn a_store_that_another_process_locks_for_long_promises_nothing_meanwhile() {
    is_locked_for(10);
}

/// The file of a store with some events, which nobody uses any more.
fn store() -> Vec<u8> {
    let tenants = [Tenant::first_bank()];
    let xceed = Simulator::start(&tenants);
    let mut gateway = Gateway::start(Config::new(tenants, &xceed.url()));
    for n in 0..60 {
        assert_eq!(gateway.submit(&event(&format!("e-{n}"))).status, 200);
    }
    assert!(gateway.terminate().success());
    assert!(!gateway.file("gateway.db-wal").exists(), "it has closed its store");
    fs::read(gateway.file("gateway.db")).expect("it is there")
}

/// What a gateway says that is started on these bytes.
fn start_on(bytes: &[u8]) -> Result<Gateway, String> {
    let folder = Folder::new();
    fs::write(folder.join("gateway.db"), bytes).expect("the folder can be written");
    Gateway::try_start(Config::new([Tenant::first_bank()], "http://127.0.0.1:9/nobody"), folder)
}

#[track_caller]
fn assert_says_what_to_do(said: &str) {
    for part in ["gateway.db", "damaged", "restore"] {
        assert!(said.contains(part), "{said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn a_store_whose_end_is_missing_is_refused() {
    let sound = store();
    start_on(&sound).expect("it is sound");
    for length in [sound.len() / 2, sound.len() - 4096, 5000, 100] {
        assert_says_what_to_do(&start_on(&sound[..length]).expect_err("its end is missing"));
    }
}

#[test]
fn a_store_with_a_page_of_something_else_is_refused() {
    let sound = store();
    let pages = sound.len() / 4096;
    for page in [1, 2, pages / 2, pages - 1] {
        let mut damaged = sound.clone();
        damaged[page * 4096..][..512].fill(0xa5);
        assert_says_what_to_do(&start_on(&damaged).expect_err("a page is damaged"));
    }
}

#[test]
fn a_store_with_a_wrong_bit_is_refused_or_answers_what_it_answered() {
    let sound = store();
    // Places that are the same in every run, all over the file.
    for n in 0..24_usize {
        let place = n * 7919 * 131 % sound.len();
        let mut damaged = sound.clone();
        damaged[place] ^= 1 << (n % 8);
        match start_on(&damaged) {
            Ok(gateway) => {
                // SQLite does not see a bit of a text; whatever it does, the gateway lives and answers.
                let seen: Vec<_> = (0..60).map(|n| gateway.look_up(&format!("e-{n}")).status).collect();
                assert!(seen.iter().all(|status| [200, 404, 503].contains(status)), "{place}: {seen:?}");
                assert!(seen.iter().filter(|status| **status != 200).count() <= 1, "{place}: {seen:?}");
            }
            Err(said) => assert_says_what_to_do(&said),
        }
    }
}
