//! An outage of Xceed, of every kind in turn: each caller is answered in time without a score, and when Xceed is back each
//! of these decisions gets its late score, in the stream and in the interaction; those stricter than what was told alarm.

use crate::callers::{Lines, call_all, run};
use crate::harness::{Config, Gateway, Secrets, Simulator, Tenant, customer_event, with_cxone};
use crate::report::{Findings, Request};
use crate::stall::Stall;
use crate::stream::Listener;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

const CALLERS: u32 = 20;
const DEADLINE: Duration = Duration::from_millis(300);
/// How long late scores may take: at least five events a second are sent again.
const DRAIN_MAX: Duration = Duration::from_secs(45 * 60);

pub(crate) fn prove(request: &Request) -> Findings {
    let time = Duration::from_secs(request.get("--seconds", 5, 600));
    let rate: f64 = request.get("--rate", 6.0, 5.0);
    let mut found = Findings::new("outage: Xceed is out of order, and late scores follow");
    let scene = Scene::start();
    let listener = Listener::begin(scene.gateway.address(), "caller-of-first-bank");
    let stall = Stall::watch();
    let told = thread::scope(|scope| {
        scope.spawn(|| scene.weather(time));
        scene.load(time, rate)
    });
    scene.judge_the_answers(&told, (stall.worst(), request.slack()), &mut found);
    scene.come_back(&told, &mut found);
    scene.judge_what_came_late(&told, &listener, &mut found);
    found
}

struct Scene {
    // Before the simulator, so that it ends first.
    gateway: Gateway,
    xceed: Simulator,
    _secrets: Secrets,
}

struct Told {
    number: u32,
    answer: Value,
    took: Duration,
}

impl Told {
    fn id(&self) -> String {
        format!("o-{}", self.number)
    }
}

impl Scene {
    fn start() -> Self {
        let (xceed, secrets) = (Simulator::start(&[Tenant::first_bank()]), Secrets::new());
        let over = format!("policy.deadline_ms = {}", DEADLINE.as_millis());
        let tenant = with_cxone(Tenant::first_bank(), &xceed.platform(), &secrets, &over);
        let config = Config::new([tenant], &xceed.url()).log_level("error,xceed_gateway::cli=info");
        Self { gateway: Gateway::start(config), xceed, _secrets: secrets }
    }

    /// One kind of outage after the other; at the end Xceed is well.
    fn weather(&self, time: Duration) {
        let kinds = [
            json!({ "fault": "reset" }),
            json!({ "fault": "html" }),
            json!({ "fault": "soap_fault" }),
            json!({ "delay_ms": 800 }),
            json!({ "code": "ERROR" }),
            json!({ "fault": "drop" }),
        ];
        let count = u32::try_from(kinds.len()).unwrap_or(1);
        for kind in &kinds {
            self.xceed.behave(kind);
            thread::sleep(time / count);
        }
        // Callers that come at the very end meet the last one too.
        thread::sleep(DEADLINE);
        self.xceed.behave_as_usual();
    }

    fn load(&self, time: Duration, rate: f64) -> Vec<Told> {
        let told = Rc::new(RefCell::new(Vec::new()));
        let lines = Rc::new(Lines::to(&[self.gateway.address()]));
        let pause = Duration::from_secs_f64(f64::from(CALLERS) / rate);
        // The first kind of outage has begun by then.
        let begun = Instant::now() + Duration::from_millis(200);
        run((0..CALLERS).map(|caller| {
            let (told, lines) = (told.clone(), lines.clone());
            async move {
                for wave in 0.. {
                    let due = begun + pause * wave + pause * caller / CALLERS;
                    if due > begun + time - DEADLINE {
                        return;
                    }
                    tokio::time::sleep_until(due.into()).await;
                    let number = wave * CALLERS + caller;
                    let called = Instant::now();
                    let answer = lines.call(0, &submission(number)).await;
                    let answer = answer.unwrap_or_else(|error| panic!("{number} gets no answer: {error}"));
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    let answer = serde_json::from_slice(&answer.body).expect("JSON");
                    told.borrow_mut().push(Told { number, answer, took: called.elapsed() });
                }
            }
        }));
        told.take()
    }

    fn judge_the_answers(&self, told: &[Told], (stall, slack): (Duration, Duration), found: &mut Findings) {
        let mut by_basis: BTreeMap<String, usize> = BTreeMap::new();
        for one in told {
            let word = |name: &str| one.answer[name].as_str().unwrap_or("?").to_owned();
            *by_basis.entry(format!("{} {}", word("outcome"), word("basis"))).or_default() += 1;
        }
        let late = told.iter().filter(|one| one.took > DEADLINE + slack + stall).count();
        found.must(late == 0, || format!("{late} of {} callers waited too long", told.len()));
        found.fact("events during the outage", told.len());
        for (basis, count) in by_basis {
            found.must(basis.starts_with("FALLBACK "), || format!("{count} were answered {basis}"));
            found.fact(&format!("answered {basis}"), count);
        }
        let longest = told.iter().map(|one| one.took).max().unwrap_or_default();
        found.fact(
            "longest wait of a caller, worst stall of the machine",
            format!("{longest:.1?}, {stall:.1?}"),
        );
    }

    fn views(&self, told: &[Told]) -> Vec<Value> {
        let head = "HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer caller-of-first-bank\r\n";
        let look_ups = told.iter().map(|one| format!("GET /v1/events/{} {head}\r\n", one.id()));
        let answers = call_all(&[self.gateway.address()], 8, look_ups.collect());
        let read = |answer: std::io::Result<crate::callers::Answer>| {
            serde_json::from_slice(&answer.expect("an answer").body).expect("JSON")
        };
        answers.into_iter().map(read).collect()
    }

    fn come_back(&self, told: &[Told], found: &mut Findings) {
        let begun = Instant::now();
        let open = || self.views(told).iter().filter(|seen| seen["late"].is_null()).count();
        while open() > 0 && begun.elapsed() < DRAIN_MAX {
            thread::sleep(Duration::from_millis(500));
        }
        found.fact("all have their late score after", format!("{:.1} s", begun.elapsed().as_secs_f64()));
    }

    fn judge_what_came_late(&self, told: &[Told], listener: &Listener, found: &mut Findings) {
        let views = self.views(told);
        let streamed = listener.late(told.len());
        let landed = self.landed();
        let alarmed = self.alarmed();
        let mut strict = HashSet::new();
        for (one, seen) in told.iter().zip(&views) {
            let (id, late) = (one.id(), &seen["late"]);
            found.must(!late.is_null(), || format!("{id} has no late score: {seen}"));
            let in_stream = streamed.get(&id).map(Vec::as_slice).unwrap_or_default();
            found.must(in_stream == [late.clone()], || {
                format!("{id}: the stream has {in_stream:?}, not {late}")
            });
            let interaction = format!("i-{}", one.number);
            let attributes = landed.get(&interaction).map(Vec::as_slice).unwrap_or_default();
            let marked = attributes.last().is_some_and(|last| {
                last["fraud_late"] == true && last["fraud_risk_score"] == late["riskScore"]
            });
            found.must(marked, || format!("{interaction} holds {attributes:?}, not {late}"));
            if late["decision"] != "ALLOW" {
                strict.insert(id);
            }
        }
        found.must(alarmed == strict, || {
            let odd: Vec<_> = alarmed.symmetric_difference(&strict).take(5).collect();
            format!("{} alarms for {} that are stricter: {odd:?}", alarmed.len(), strict.len())
        });
        let all: usize = streamed.values().map(Vec::len).sum();
        found.fact("late scores in the stream, and in interactions", format!("{all}, {}", landed.len()));
        found.fact(
            "stricter than what was told, and alarms for them",
            format!("{}, {}", strict.len(), alarmed.len()),
        );
    }

    /// Attributes that were set, by interaction, in order.
    fn landed(&self) -> HashMap<String, Vec<Value>> {
        let mut landed: HashMap<String, Vec<Value>> = HashMap::new();
        for one in self.xceed.brought() {
            if one["what"] == "cxone-patch" && one["status"] == 200 {
                let body: Value =
                    serde_json::from_str(one["body"].as_str().unwrap_or_default()).unwrap_or_default();
                let id = one["id"].as_str().unwrap_or_default().to_owned();
                landed.entry(id).or_default().push(body["attributes"].clone());
            }
        }
        landed
    }

    /// Events that a person was told of.
    fn alarmed(&self) -> HashSet<String> {
        let log = self.gateway.log();
        let lines =
            log.lines().filter(|line| line.contains("ERROR") && line.contains("stricter than what was told"));
        let id = |line: &str| line.split_once("event_id=").map(|(_, rest)| rest.to_owned());
        lines.filter_map(id).map(|rest| rest.split(' ').next().unwrap_or_default().to_owned()).collect()
    }
}

/// Each is of a customer and an interaction of its own. Once Xceed is well, a third is blocked and a third reviewed.
fn submission(number: u32) -> Vec<u8> {
    let customer = match number % 3 {
        0 => format!("SIM-SCORE-95~{number}"),
        1 => format!("SIM-SCORE-70~{number}"),
        _ => format!("C-{number}"),
    };
    let mut event = customer_event(&format!("o-{number}"), &customer);
    event["interaction"] = json!({ "id": format!("i-{number}"), "platform": "cxone" });
    let body = event.to_string();
    format!(
        "POST /v1/events HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer caller-of-first-bank\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
