//! A store that is full, read-only, taken, too new, or none: what can't be promised is refused, in words that say what to
//! do.

use crate::harness::{Config, Folder, Gateway, Response, Simulator, Tenant, event, until};

#[test]
fn one_store_has_one_gateway() {
    let mut gateway = Gateway::start(Config::new([Tenant::first_bank()], "http://127.0.0.1:9/nobody"));
    let store = format!("store.url = \"sqlite:{}\"", gateway.file("gateway.db").display());
    let second = || Config::new([Tenant::first_bank()], "http://127.0.0.1:9/nobody").with(&store);
    let refused = Gateway::try_start(second(), Folder::new()).expect_err("the store is taken");
    assert!(refused.contains("error: ") && refused.contains("another gateway uses this store"), "{refused}");
    assert_eq!(gateway.submit(&event("e-1")).status, 200, "the first one goes on");
    gateway.kill();
    let successor =
        Gateway::try_start(second(), Folder::new()).expect("a killed gateway leaves no lock behind");
    assert_eq!(successor.look_up("e-1").status, 200);
}

#[test]
fn a_store_of_a_newer_version_or_of_another_kind_is_refused() {
    let folder = Folder::new();
    let file = folder.join("gateway.db");
    let newer = rusqlite::Connection::open(&file).expect("the folder can be written");
    newer.pragma_update(None, "user_version", 99).expect("it is a database");
    newer.close().expect("nothing is under way");
    let config = || Config::new([Tenant::first_bank()], "http://127.0.0.1:9/nobody");
    let refused = Gateway::try_start(config(), folder).expect_err("it is too new");
    assert!(refused.contains("version 99") && refused.contains("run a newer gateway"), "{refused}");
    let folder = Folder::new();
    std::fs::write(folder.join("gateway.db"), "no database at all, but something else ".repeat(100))
        .expect("written");
    let refused = Gateway::try_start(config(), folder).expect_err("it is no database");
    assert!(refused.contains("gateway.db") && refused.contains("not a database"), "{refused}");
}

#[test]
fn a_full_store_promises_nothing_and_recovers_without_a_restart() {
    let tenants = [Tenant::first_bank()];
    let xceed = Simulator::start(&tenants);
    let Some(gateway) = Gateway::start_confined(Config::new(tenants, &xceed.url()), "size=1m") else {
        return eprintln!("skipped: this machine lets nobody mount a small file system");
    };
    let gateway = gateway.expect("an empty store has room");
    let mut given = vec![("e-first".to_owned(), gateway.submit(&event("e-first")))];
    let filler = gateway.confined().join("filler");
    let full = std::fs::write(&filler, vec![b'x'; 2 << 20]).expect_err("the file system is smaller");
    assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);

    // Pages that the store has already may still take some, also later, so that it may take a few until it is seen:
    // after one that could not be recorded, the next is not even sent.
    let mut n = 0;
    let mut submit = |query: &str| {
        n += 1;
        let (id, query) = (format!("e-{n}"), query.to_owned());
        let response = gateway.submit_with(&query, &[], event(&id).to_string());
        if response.status != 503 {
            given.push((id, response));
            return None;
        }
        assert_refused(&response);
        Some(id)
    };
    let ready = || gateway.caller().call(&gateway.caller().request("GET", "/readyz")).status;
    let refused = until("a store that is full", || {
        let ids = [submit("")?, submit("")?, submit("?mode=ack")?];
        let unsent = ids[1..].iter().all(|id| xceed.received_of(id).is_empty());
        (unsent && ready() == 503).then_some(ids)
    });
    assert_eq!(gateway.look_up("e-first").status, 200, "it still reads");
    for id in &refused {
        assert_eq!(gateway.look_up(id).status, 404);
    }

    std::fs::remove_file(&filler).expect("it is there");
    // Whoever is not ready gets no calls: it has to find out by itself.
    until("a gateway that is ready again", || (ready() == 200).then_some(()));
    for id in &refused {
        let told = gateway.submit(&event(id));
        assert_eq!((told.status, told.is_replay()), (200, false), "{id}: {}", told.text());
    }
    for (id, response) in given {
        let again = gateway.submit(&event(&id));
        assert_eq!((again.status, again.text()), (response.status, response.text()), "{id}");
        assert!(again.is_replay(), "{id} was forgotten");
        gateway.caller().until_state(&id, "SETTLED");
        assert!(!xceed.received_of(&id).is_empty(), "{id} never arrived");
    }
}

#[track_caller]
fn assert_refused(response: &Response) {
    assert_eq!((response.status, response.header("retry-after")), (503, Some("1")), "{}", response.text());
    assert_eq!(response.json()["type"], "urn:xceed-gateway:problem:store_unavailable");
}

#[test]
fn a_store_that_is_read_only_is_refused_at_the_start() {
    let config = Config::new([Tenant::first_bank()], "http://127.0.0.1:9/nobody");
    let Some(gateway) = Gateway::start_confined(config, "size=1m,ro") else {
        return eprintln!("skipped: this machine lets nobody mount a small file system");
    };
    let refused = gateway.expect_err("nothing can be recorded");
    assert!(refused.contains("gateway.db") && refused.contains("Read-only file system"), "{refused}");
}
