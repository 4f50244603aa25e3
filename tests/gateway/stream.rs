//! `GET /v1/decisions`: each decision of the tenant once, in the order in which they fell, also for whoever comes back after
//! a while, to the same gateway or to another one.

use crate::harness::{
    Caller, Config, Database, Gateway, Listener, News, Simulator, Tenant, customer_event, event, until,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::thread;

fn start(tenants: &[Tenant]) -> (Gateway, Simulator) {
    let xceed = Simulator::start(tenants);
    let gateway = Gateway::start(Config::new(tenants.to_vec(), &xceed.url()));
    (gateway, xceed)
}

fn ids(news: &[News]) -> Vec<&str> {
    news.iter().map(|news| news.data["eventId"].as_str().expect("an id")).collect()
}

#[test]
fn a_listener_hears_each_decision_of_its_tenant_in_its_words() {
    let tenants = [Tenant::first_bank(), Tenant::new("other-bank", 210_022)];
    let (gateway, _xceed) = start(&tenants);
    gateway.submit(&event("e-before"));
    let mut listener = Listener::follow(&gateway.caller(), None);
    let mut other = Listener::follow(&gateway.caller_of("other-bank"), None);
    let answers = ["e-1", "e-2", "e-3"].map(|id| gateway.submit(&event(id)).json());
    gateway.submit_with("?mode=ack", &[], event("e-ack").to_string());
    gateway.caller_of("other-bank").submit(&event("e-other"));
    let last = gateway.submit(&event("e-4")).json();
    let mut news = listener.take_in(4);
    if ids(&news)[0] == "e-before" {
        // In a shared store the end is where the oldest transaction under way began, whosever that is.
        news.remove(0);
        news.extend(listener.take_in(1));
    }
    assert_eq!(ids(&news), ["e-1", "e-2", "e-3", "e-4"], "no acknowledgement, and nothing from before");
    assert!(news.iter().all(|news| news.kind == "decision"));
    let told: Vec<Value> = news.into_iter().map(|news| news.data).collect();
    assert_eq!(told, [answers.to_vec(), vec![last]].concat());
    assert_eq!(ids(&other.take_in(1)), ["e-other"], "a tenant hears its own");
}

#[test]
fn what_xceed_says_late_is_heard_as_late_beside_what_was_told() {
    let tenants = [Tenant::first_bank().with("policy.deadline_ms = 300")];
    let (gateway, _xceed) = start(&tenants);
    let mut listener = Listener::follow(&gateway.caller(), None);
    let told = gateway.submit(&customer_event("e-1", "SIM-SLOW-900-ACTION-Deny")).json();
    assert_eq!((&told["outcome"], &told["basis"]), (&json!("FALLBACK"), &json!("deadline")));
    let news = listener.take_in(2);
    assert_eq!((news[0].kind.as_str(), &news[0].data), ("decision", &told));
    let late = &news[1];
    assert_eq!(
        (late.kind.as_str(), &late.data["eventId"], &late.data["decision"]),
        ("late", &json!("e-1"), &told)
    );
    assert_eq!(late.data["late"]["decision"], json!("BLOCK"));
    assert_eq!(gateway.look_up("e-1").json()["late"], late.data["late"]);
}

#[test]
fn whoever_comes_back_misses_nothing_through_kills_and_hears_nothing_twice() {
    let (mut gateway, _xceed) = start(&[Tenant::first_bank()]);
    let mut heard: Vec<News> = Vec::new();
    let mut at = Listener::follow(&gateway.caller(), None).at;
    let mut expected = Vec::new();
    for round in 0..3 {
        let mut listener = Listener::follow(&gateway.caller(), Some(&at));
        assert_eq!(listener.at, at, "it says where it begins");
        for n in 0..20 {
            let id = format!("e-{round}-{n}");
            assert_eq!(gateway.submit(&event(&id)).status, 200);
            expected.push(id);
            // Some are heard, and the kill comes between.
            if n == 7 {
                heard.extend(listener.take_in(5));
                at = heard.last().expect("some were heard").id.clone();
            }
        }
        drop(listener);
        if round != 1 {
            gateway.kill();
        }
        gateway.restart();
    }
    let mut listener = Listener::follow(&gateway.caller(), Some(&at));
    heard.extend(listener.take_in(expected.len() - heard.len()));
    assert_eq!(ids(&heard), expected);
    assert_eq!(gateway.submit(&event("e-last")).status, 200);
    assert_eq!(ids(&listener.take_in(1)), ["e-last"]);
    let query = gateway.caller().request("GET", &format!("/v1/decisions?lastEventId={}", heard[57].id));
    let mut connection = crate::harness::Connection::open(gateway.address()).expect("it listens");
    connection.write(&query).expect("it reads");
    assert_eq!(connection.begin().expect("it answers").status, 200);
    let text = until("the rest", || {
        let text = String::from_utf8(connection.chunk().expect("it goes on")).expect("UTF-8");
        text.contains("event: decision").then_some(text)
    });
    assert!(text.contains("e-2-18") && !text.contains("e-2-17"), "{text}");
}

#[test]
fn the_stream_ends_with_the_gateway() {
    let (mut gateway, _xceed) = start(&[Tenant::first_bank()]);
    let mut listener = Listener::follow(&gateway.caller(), None);
    assert!(gateway.terminate().success());
    assert_eq!(listener.next(), None);
}

#[test]
fn the_stream_ends_for_a_key_that_is_taken_out() {
    let both = [Tenant::first_bank(), Tenant::new("other-bank", 210_022)];
    let (mut gateway, xceed) = start(&both);
    let mut listener = Listener::follow(&gateway.caller(), None);
    let [_, other] = both;
    gateway.reconfigure(Config::new([other], &xceed.url()));
    // At the next sign of life at the latest.
    assert_eq!(listener.next(), None);
}

#[test]
fn a_wrong_id_is_refused_and_so_is_a_key_that_is_none() {
    let (gateway, _xceed) = start(&[Tenant::first_bank()]);
    gateway.submit(&event("e-1"));
    for id in
        ["17", "x-1", "-1-2", "1--2", "0-1x", "e-1", "9223372036854775807-0", "99999999999999999999-1", "é"]
    {
        let refused = Listener::try_follow(&gateway.caller(), Some(id)).err().expect(id);
        assert_eq!(
            (refused.status, &refused.json()["type"]),
            (400, &json!("urn:xceed-gateway:problem:bad_query")),
            "{id}"
        );
    }
    let stranger = Caller { address: gateway.address(), key: "nobody".to_owned() };
    assert_eq!(Listener::try_follow(&stranger, None).err().map(|refused| refused.status), Some(401));
    for role in ["caller", "operator", "auditor"] {
        let caller = Caller { address: gateway.address(), key: format!("{role}-of-first-bank") };
        Listener::follow(&caller, None);
    }
}

#[test]
fn so_many_listen_and_no_more_until_one_leaves() {
    let (gateway, _xceed) = start(&[Tenant::first_bank()]);
    let mut listeners: Vec<Listener> = (0..64).map(|_| Listener::follow(&gateway.caller(), None)).collect();
    let refused = Listener::try_follow(&gateway.caller(), None).err().expect("64 listen");
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("10")), "{}", refused.text());
    assert_eq!(refused.json()["type"], "urn:xceed-gateway:problem:too_many_listeners");
    assert_eq!(gateway.submit(&event("e-1")).status, 200);
    for listener in &mut listeners {
        assert_eq!(ids(&listener.take_in(1)), ["e-1"]);
    }
    drop(listeners.pop());
    // That it has left shows when something is said to it.
    let mut n = 1;
    until("a free place", || {
        n += 1;
        gateway.submit(&event(&format!("e-{n}")));
        Listener::try_follow(&gateway.caller(), None).ok()
    });
}

#[test]
fn whoever_never_reads_is_in_nobodys_way() {
    let (gateway, _xceed) = start(&[Tenant::first_bank()]);
    let silent = Listener::follow(&gateway.caller(), None);
    let mut listener = Listener::follow(&gateway.caller(), None);
    // More than the connection and the gateway hold for it.
    let count = 1500;
    thread::scope(|scope| {
        for caller in 0..3 {
            let gateway = &gateway;
            scope.spawn(move || {
                for n in 0..count / 3 {
                    assert_eq!(gateway.submit(&event(&format!("e-{caller}-{n}"))).status, 200);
                }
            });
        }
        let news = listener.take_in(count);
        let heard: BTreeSet<&str> = ids(&news).into_iter().collect();
        assert_eq!(heard.len(), count, "each once");
    });
    drop(silent);
}

#[test]
fn a_listener_hears_of_all_gateways_on_a_store_and_goes_on_at_another() {
    let Some(database) = Database::new() else { return };
    let tenants = [Tenant::first_bank()];
    let xceed = Simulator::start(&tenants);
    let config = || {
        let store = format!("store.url = \"{}\"", database.url());
        Config::new([Tenant::first_bank()], &xceed.url()).with(&store)
    };
    let (a, b) = (Gateway::start(config()), Gateway::start(config()));
    let submit = |from: usize, count: usize| {
        thread::scope(|scope| {
            for gateway in [&a, &b] {
                let name = gateway.id();
                scope.spawn(move || {
                    for n in from..from + count {
                        assert_eq!(gateway.submit(&event(&format!("e-{name}-{n}"))).status, 200);
                    }
                });
            }
        });
    };
    let mut listener = Listener::follow(&a.caller(), None);
    submit(0, 40);
    let mut heard = listener.take_in(30);
    let mut elsewhere = Listener::follow(&b.caller(), Some(&heard[29].id));
    drop(listener);
    submit(40, 40);
    heard.extend(elsewhere.take_in(130));
    let different: BTreeSet<&str> = ids(&heard).into_iter().collect();
    assert_eq!((heard.len(), different.len()), (160, 160), "each once, whoever decided it");
    for gateway in [&a, &b] {
        let name = format!("e-{}-", gateway.id());
        let of_one: Vec<&str> = ids(&heard).into_iter().filter(|id| id.starts_with(&name)).collect();
        let expected: Vec<String> = (0..80).map(|n| format!("{name}{n}")).collect();
        assert_eq!(of_one, expected, "in the order in which they fell");
    }
}
