//! Callbacks: many copies of one at once change one thing and are all acknowledged alike; forged ones of every kind are
//! refused in the same words, change nothing, and cost no memory.

use crate::callers::{Answer, call_all};
use crate::chance::Chance;
use crate::harness::forged::{self, DIVIDED_IDS, Forged, SECOND_SECRET};
use crate::harness::{Callback, Caller, Config, Gateway, Simulator, Tenant, customer_event};
use crate::report::{Findings, Request};
use std::io;
use std::rc::Rc;

/// Callers at a time.
const WIDTH: usize = 32;
/// Forged callbacks that are made and sent together.
const BATCH: usize = 2000;
/// One in so many is one that would cost much.
const COSTLY_IN: usize = 400;
/// What the process may grow by and still count as flat, in KiB: about one costly body for each caller.
const FLAT: u64 = 24 * 1024;

pub(crate) fn prove(request: &Request) -> Findings {
    let copies = request.get("--copies", 1000, 1000);
    let forged = request.get("--forged", 2000, 100_000);
    let mut found = Findings::new("callbacks: copies and forgeries");
    let mut scene = Scene::start();
    scene.copies(copies, &mut found);
    scene.flood(forged, request.seed(), &mut found);
    scene.after_a_restart(&mut found);
    found
}

/// Two tenants whose events `e-1` await their callbacks, and some events beside them.
struct Scene {
    // Before the simulator, so that it ends first.
    gateway: Gateway,
    _xceed: Simulator,
}

impl Scene {
    fn start() -> Self {
        let tenants = [
            Tenant::first_bank().with("xceed.callback_id = \"gw1\""),
            Tenant::new("second-bank", 310_031).secret(SECOND_SECRET).with("xceed.callback_id = \"gw2\""),
        ];
        let xceed = Simulator::start(&tenants);
        let gateway =
            Gateway::start(Config::new(tenants, &xceed.url()).log_level("warn,xceed_gateway::cli=info"));
        let scene = Self { gateway, _xceed: xceed };
        for caller in scene.callers() {
            await_callback(&caller, "e-1");
        }
        for event_id in DIVIDED_IDS.into_iter().chain(["e-copied"]) {
            await_callback(&scene.callers()[0], event_id);
        }
        scene
    }

    fn callers(&self) -> [Caller; 2] {
        ["first-bank", "second-bank"].map(|tenant| self.gateway.caller_of(tenant))
    }

    /// What the gateway says of every event that a forged callback may be about.
    fn seen(&self) -> Vec<String> {
        let [first, second] = self.callers();
        let events = DIVIDED_IDS.into_iter().chain(["e-1", "e-copied"]);
        events.map(|event_id| first.look_up(event_id).text()).chain([second.look_up("e-1").text()]).collect()
    }

    fn copies(&self, count: usize, found: &mut Findings) {
        let request: Rc<[u8]> = Callback::of("e-copied").request().bytes().into();
        let answers = call_all(&[self.gateway.address()], count, vec![request; count]);
        let good: Vec<&Answer> = answers.iter().flatten().filter(|answer| answer.status == 200).collect();
        let alike = good.iter().filter(|answer| answer.body == good[0].body).count();
        found.must(good.len() == count && alike == count, || {
            format!("of {count} copies {} were acknowledged, {alike} alike", good.len())
        });
        found.must(good.first().is_some_and(|answer| answer.text().contains("<ack>OK</ack>")), || {
            "the acknowledgement is none".to_owned()
        });
        let seen = self.callers()[0].until_state("e-copied", "SETTLED");
        found.must(seen["decision"] == "REVIEW" && seen["late"].is_null() && seen["attempts"] == 1, || {
            format!("the copies left more than one change: {seen}")
        });
        found.must(!self.gateway.log().contains("says something else"), || {
            "a copy was taken for another result".to_owned()
        });
        found.fact("copies of one callback at once", count);
        found.fact("acknowledged with the same bytes", alike);
    }

    fn flood(&self, count: usize, seed: u64, found: &mut Findings) {
        let cheap = cheap();
        let kinds = cheap.len() + forged::costly().len() + 1;
        let before = self.seen();
        let mut flood =
            Flood { chance: Chance::new(seed), cheap, costly: forged::costly(), sent: 0, unknown: 0 };
        // All kinds once, so that what is allocated once has been.
        flood.send_costly(&self.gateway, usize::MAX, found);
        flood.send(&self.gateway, BATCH.min(count / 4), found);
        let resting = memory(&self.gateway);
        while flood.sent < count {
            let batch = BATCH.min(count - flood.sent);
            flood.send(&self.gateway, batch, found);
            flood.send_costly(&self.gateway, batch / COSTLY_IN, found);
            println!("  {} forged callbacks sent, {} KiB", flood.sent, memory(&self.gateway));
        }
        let after = memory(&self.gateway);
        found.must(after < resting + FLAT, || format!("the memory grew from {resting} to {after} KiB"));
        found.must(self.seen() == before, || "a forged callback changed something".to_owned());
        found.fact("forged callbacks, of that many kinds", format!("{}, {kinds}", flood.sent));
        found.fact("about events that nobody knows, well signed", flood.unknown);
        found.fact("resident memory before and after, KiB", format!("{resting}, {after}"));
    }

    /// The genuine ones count all the same; and a callback of before the restart changes nothing after it.
    fn after_a_restart(&mut self, found: &mut Findings) {
        let genuine = Callback::of("e-1").request();
        let first = self.gateway.call_back(&genuine);
        let seen = self.seen();
        found.must(first.status == 200 && seen.iter().any(|text| text.contains("SETTLED")), || {
            format!("the genuine callback is not taken: {}", first.text())
        });
        self.gateway.restart();
        for request in [&genuine, &Callback::of("e-copied").request()] {
            let again = self.gateway.call_back(request);
            found.must((again.status, &again.body) == (200, &first.body), || {
                format!("a replay after the restart hears {}: {}", again.status, again.text())
            });
        }
        found.must(self.seen() == seen, || "a replay after the restart changed something".to_owned());
        found.fact("replays after a restart", "acknowledged alike, nothing changed");
    }
}

fn await_callback(caller: &Caller, event_id: &str) {
    let event = customer_event(event_id, "SIM-CALLBACK-NEVER").to_string();
    let told = caller.submit_with("?mode=async", &[], event);
    assert_eq!(told.status, 202, "{}", told.text());
    caller.until_state(event_id, "AWAITING_CALLBACK");
}

/// Every kind that is cheap to send, as bytes.
fn cheap() -> Vec<(String, Rc<[u8]>)> {
    let lists = [
        forged::hashes(),
        forged::changed(),
        forged::divided(),
        forged::elsewhere(),
        forged::extended(),
        forged::no_plain_soap(),
        forged::foreign_types(),
    ];
    let bytes = |(what, request): Forged| (what, Rc::from(request.bytes()));
    lists.into_iter().flatten().map(bytes).collect()
}

struct Flood {
    chance: Chance,
    cheap: Vec<(String, Rc<[u8]>)>,
    costly: Vec<Forged>,
    sent: usize,
    unknown: usize,
}

impl Flood {
    /// Half of them about events that nobody knows, the rest of every kind.
    fn send(&mut self, gateway: &Gateway, count: usize, found: &mut Findings) {
        let mut requests: Vec<(String, Rc<[u8]>)> = Vec::with_capacity(count);
        for number in self.sent..self.sent + count {
            if number % 2 == 0 {
                let event_id = format!("e-404-{:016x}", self.chance.next());
                let bytes = Callback::of(&event_id).request().bytes();
                requests.push((event_id, bytes.into()));
                self.unknown += 1;
            } else {
                requests.push(self.cheap[number / 2 % self.cheap.len()].clone());
            }
        }
        let (names, requests): (Vec<_>, Vec<_>) = requests.into_iter().unzip();
        for (name, answer) in names.iter().zip(call_all(&[gateway.address()], WIDTH, requests)) {
            self.judge(name, &answer.map(|answer| (answer.status, answer.text())), found);
        }
    }

    /// One after the other: they may be refused before they are read to the end.
    fn send_costly(&mut self, gateway: &Gateway, count: usize, found: &mut Findings) {
        for _ in 0..count.min(self.costly.len()) {
            self.costly.rotate_left(1);
            let (name, request) = &self.costly[0];
            let (name, answer) = (name.clone(), gateway.try_call_back(request));
            self.judge(&name, &answer.map(|answer| (answer.status, answer.text())), found);
        }
    }

    fn judge(&mut self, name: &str, answer: &io::Result<(u16, String)>, found: &mut Findings) {
        self.sent += 1;
        let refused = answer.as_ref().is_ok_and(|(status, text)| {
            *status == 500
                && text.contains("<faultcode>soap:Client</faultcode><faultstring>refused</faultstring>")
        });
        found.must(refused, || format!("a forged callback ({name}) hears {answer:?}"));
    }
}

/// What the gateway holds in memory, in KiB.
fn memory(gateway: &Gateway) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.id())).unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    resident.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
