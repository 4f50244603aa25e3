//! Tampering with a trail as somebody would who can write to the database, and who can't sign. Each kind at many places
//! drawn at random: every one is found, and the first bad entry named.
//!
//! The long form: `AUDIT_PLACES=500 cargo test --release --test gateway audit_tampering`. It prints what it did.

use crate::harness::{Callback, Config, Gateway, Simulator, Tenant, customer_event, event, until, verified};
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::cell::Cell;
use std::fs;
use std::path::PathBuf;

/// Places for each kind, unless `AUDIT_PLACES` says otherwise.
const PLACES: u64 = 4;

/// A gateway's folder after a life of some seconds, ended in good order: the trail, and the numbers that are signed.
struct Trail {
    gateway: Gateway,
    database: Vec<u8>,
    checkpoints: String,
    signed: Vec<i64>,
    last: i64,
    spoilt: Cell<u64>,
}

impl Trail {
    fn record() -> Self {
        let tenant = || [Tenant::first_bank().with("xceed.callback_id = \"gw1\"")];
        let xceed = Simulator::start(&tenant());
        let mut gateway = Gateway::start(Config::new(tenant(), &xceed.url()));
        xceed.behave(&json!({ "callback": "never" }));
        for round in 0..3 {
            let before = gateway.checkpoints();
            for n in 0..4 {
                let id = format!("e-{round}-{n}");
                gateway.submit(&event(&id));
                gateway.submit_with("?mode=async", &[], event(&format!("a-{id}")).to_string());
                gateway.call_back(&Callback::of(&format!("a-{id}")).request());
                gateway.call_back(&Callback::of(&format!("unknown-{id}")).request());
                gateway.submit(&customer_event(&format!("p-{id}"), &format!("SIM-REQUEST_ERROR~{id}")));
            }
            until("another checkpoint", || (gateway.checkpoints() > before).then_some(()));
        }
        assert!(gateway.terminate().success());
        let said = verified(&gateway.folder());
        assert_eq!(said["ok"], true, "{said}");
        let checkpoints = fs::read_to_string(gateway.file("audit.checkpoints")).expect("there");
        let number = |line: &str| {
            let line: Value = serde_json::from_str(line).expect("JSON");
            line["n"].as_i64().expect("a number")
        };
        let signed: Vec<_> = checkpoints.lines().map(number).collect();
        let database = fs::read(gateway.file("gateway.db")).expect("there");
        let last = *signed.last().expect("signed at the end");
        assert!(signed.len() >= 4 && last > 100, "{signed:?}");
        Self { gateway, database, checkpoints, signed, last, spoilt: Cell::new(0) }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.gateway.file(name)
    }

    /// Everything as it was when the gateway had ended.
    fn restore(&self) {
        for leftover in ["gateway.db-wal", "gateway.db-shm"] {
            let _ = fs::remove_file(self.file(leftover));
        }
        fs::write(self.file("gateway.db"), &self.database).expect("the folder can be written");
        fs::write(self.file("audit.checkpoints"), &self.checkpoints).expect("the folder can be written");
    }

    /// Spoils a trail that is whole, and says what the auditor then finds first.
    fn spoil(&self, tamper: impl FnOnce(&Connection)) -> (String, i64, i64) {
        self.restore();
        let database = Connection::open(self.file("gateway.db")).expect("a database");
        tamper(&database);
        database.close().expect("nothing is under way");
        self.found()
    }

    fn found(&self) -> (String, i64, i64) {
        self.spoilt.set(self.spoilt.get() + 1);
        let said = verified(&self.gateway.folder());
        assert_eq!(said["ok"], false, "it was not found");
        let finding = &said["findings"][0];
        let number = |name: &str| finding[name].as_i64().expect("a number");
        assert!(finding["why"].as_str().is_some_and(|why| why.contains("entry")), "{finding}");
        (finding["what"].as_str().expect("a word").to_owned(), number("entry"), number("to"))
    }

    /// The last signed number before a place, and the first at or behind it.
    fn between(&self, n: i64) -> (i64, i64) {
        let before = self.signed.iter().rev().find(|signed| **signed < n).expect("0 is signed");
        let behind = self.signed.iter().find(|signed| **signed >= n).expect("the last is signed");
        (before + 1, *behind)
    }
}

/// Makes the hashes of all entries from a number on fit again.
fn mend(database: &Connection, from: i64) {
    let mut entries =
        database.prepare("SELECT n, body FROM audit WHERE n >= ?1 ORDER BY place").expect("SQL");
    let entries: Vec<(i64, String)> = entries
        .query_map([from], |row| Ok((row.get(0)?, row.get(1)?)))
        .and_then(Iterator::collect)
        .expect("rows");
    let before = "SELECT hash FROM audit WHERE n = ?1 - 1";
    let mut before: Vec<u8> =
        database.query_row(before, [from], |row| row.get(0)).unwrap_or_else(|_| vec![0; 32]);
    for (n, body) in entries {
        let hash = Sha256::digest(format!("{}\n{body}", hex::encode(&before))).to_vec();
        let update = "UPDATE audit SET before = ?2, hash = ?3 WHERE n = ?1";
        database.execute(update, params![n, before, hash]).expect("SQL");
        before = hash;
    }
}

fn edit(database: &Connection, n: i64) {
    let update =
        "UPDATE audit SET body = replace(body, '\"timestamp\":\"20', '\"timestamp\":\"19') WHERE n = ?1";
    assert_eq!(database.execute(update, [n]).expect("SQL"), 1);
}

fn sql(database: &Connection, text: &str, n: i64) {
    database.execute(text, [n]).expect("SQL");
}

/// Numbers that look drawn at random, and are the same in every run.
struct Dice(u64);

impl Dice {
    /// A number from 1 to `most`.
    fn roll(&mut self, most: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        1 + i64::try_from(self.0 % u64::try_from(most).expect("positive")).expect("small")
    }
}

#[test]
fn six_kinds_of_tampering_at_many_places_are_found_and_the_first_bad_entry_named() {
    let places = std::env::var("AUDIT_PLACES").map_or(PLACES, |text| text.parse().expect("a number"));
    let (trail, mut dice) = (Trail::record(), Dice(0x5EED));
    let last = trail.last;
    for _ in 0..places {
        let n = dice.roll(last);
        // 1: an entry's text is changed; and another's hash.
        assert_eq!(trail.spoil(|database| edit(database, n)), ("edited".into(), n, n));
        let change = "UPDATE audit SET hash = randomblob(32) WHERE n = ?1";
        assert_eq!(trail.spoil(|database| sql(database, change, n)), ("edited".into(), n, n));
        // 2: entries are taken out of the middle.
        let (middle, many) = (dice.roll(last - 1), dice.roll(5));
        let end = (middle + many).min(last);
        let deletion = format!("DELETE FROM audit WHERE n >= ?1 AND n < {end}");
        let found = trail.spoil(|database| sql(database, &deletion, middle));
        assert_eq!(found, ("deleted".into(), middle, end - 1));
        // 3: the end is cut off.
        if n > 1 {
            let found = trail.spoil(|database| sql(database, "DELETE FROM audit WHERE n >= ?1", n));
            assert_eq!(found, ("cut".into(), n, last));
        }
        // 4: everything behind a place is written anew, as long as it was, and every hash fits.
        let found = trail.spoil(|database| {
            edit(database, n);
            mend(database, n);
        });
        let (from, to) = trail.between(n);
        assert_eq!(found, ("rewritten".into(), from, to), "entry {n}");
        // 5: the chain goes on in two ways.
        let branch = "INSERT INTO audit (gateway, n, before, body, hash)
                      SELECT gateway, n, before, body || ' ', randomblob(32) FROM audit WHERE n >= ?1";
        assert_eq!(trail.spoil(|database| sql(database, branch, n)), ("forked".into(), n, n));
    }
    // 6: the log is deleted, in each way that it can be; or what witnesses it.
    let emptied = trail.spoil(|database| sql(database, "DELETE FROM audit WHERE n > ?1", 0));
    assert_eq!(emptied, ("log_deleted".into(), 1, last));
    let dropped = trail.spoil(|database| database.execute_batch("DROP TABLE audit").expect("SQL"));
    assert_eq!(dropped, ("log_deleted".into(), 1, last));
    trail.restore();
    fs::remove_file(trail.file("gateway.db")).expect("there");
    assert_eq!(trail.found(), ("log_deleted".into(), 1, last));
    trail.restore();
    fs::remove_file(trail.file("audit.checkpoints")).expect("there");
    assert_eq!(trail.found(), ("checkpoints_deleted".into(), 1, last));
    trail.restore();
    assert_eq!(verified(&trail.gateway.folder())["ok"], true, "all of it was the tampering");
    eprintln!("{} spoilt trails of {last} entries, all found", trail.spoilt.get());
}

#[test]
fn the_whole_chain_written_anew_is_found_from_its_first_entry_on() {
    let trail = Trail::record();
    let found = trail.spoil(|database| {
        for n in 1..=trail.last {
            edit(database, n);
        }
        mend(database, 1);
    });
    assert_eq!(found, ("rewritten".into(), 1, 1), "the start is signed before anything else happens");
}

#[test]
fn a_checkpoint_can_not_be_made_to_fit() {
    let trail = Trail::record();
    trail.restore();
    let lines: Vec<&str> = trail.checkpoints.lines().collect();
    let last = lines[lines.len() - 1];
    for bad in [last.replace("\"hash\":\"", "\"hash\":\"0"), last.replace("\"at\":\"20", "\"at\":\"19")] {
        let text = format!("{}\n{bad}\n", lines[..lines.len() - 1].join("\n"));
        fs::write(trail.file("audit.checkpoints"), text).expect("written");
        let said = verified(&trail.gateway.folder());
        let finding = &said["findings"][0];
        assert_eq!(finding["what"], "bad_checkpoint", "{said}");
        let line = format!("line {} of the checkpoints", lines.len());
        assert!(finding["why"].as_str().is_some_and(|why| why.contains(&line)), "{said}");
    }
}

#[test]
fn two_gateways_that_went_on_from_one_store_are_found() {
    let mut trail = Trail::record();
    let go_on = |trail: &mut Trail, id: &str| {
        trail.restore();
        trail.gateway.restart();
        trail.gateway.submit(&event(id));
        assert!(trail.gateway.terminate().success());
        assert_eq!(verified(&trail.gateway.folder())["ok"], true);
        fs::read_to_string(trail.file("audit.checkpoints")).expect("there")
    };
    let one = go_on(&mut trail, "one");
    let two = go_on(&mut trail, "two");
    let both = format!("{one}{}", &two[trail.checkpoints.len()..]);
    fs::write(trail.file("audit.checkpoints"), both).expect("written");
    assert_eq!(trail.found(), ("forked".into(), trail.last + 1, trail.last + 1));
    fs::write(trail.file("audit.checkpoints"), one).expect("written");
    let (what, n, _) = trail.found();
    assert_eq!(
        (what.as_str(), n),
        ("rewritten", trail.last + 1),
        "the checkpoints of one, the store of the other"
    );
}
