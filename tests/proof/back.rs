//! kill -9 at random moments while decisions go back: each decision that fell is in its interaction and with whoever listens
//! at the end, as it was told, and a listener can tell what came twice.

use crate::callers::{Answer, Lines, call_all, run};
use crate::chance::Chance;
use crate::harness::{
    Config, Gateway, Secrets, Simulator, Tenant, customer_event, own_address, with_cxone, with_webhook,
};
use crate::report::{Findings, Request};
use crate::store::Store;
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

const CALLERS: u32 = 16;
/// How long all decisions may take to be there after the last kill.
const DRAIN_MAX: Duration = Duration::from_secs(180);

pub(crate) fn prove(request: &Request, store: &str, gateways: usize) -> Findings {
    let title = format!("back: kill -9 while decisions go back, {store}, {gateways} gateways");
    let Some(store) = Store::named(store) else {
        return Findings::skipped(title, "there is no PostgreSQL here");
    };
    let cycles: u32 = request.get("--cycles", 4, 60);
    let rate: f64 = request.get("--rate", 60.0, 100.0);
    let mut found = Findings::new(title);
    let mut scene = Scene::start(&store, gateways);
    let (addresses, stop) = (scene.addresses.clone(), Arc::new(AtomicBool::new(false)));
    let told = thread::scope(|scope| {
        let load = scope.spawn(|| load(&addresses, rate, &stop));
        scene.kill(cycles, Chance::new(request.seed()));
        stop.store(true, SeqCst);
        load.join().expect("the load ends well")
    });
    found.fact("kills", cycles);
    found.fact("events that were answered", told.len());
    scene.judge(&told, &mut found);
    found
}

struct Scene {
    // Before the simulator, so that they end first.
    gateways: Vec<Gateway>,
    addresses: Vec<SocketAddr>,
    xceed: Simulator,
    _secrets: Secrets,
}

/// A call that was answered: its number, and its event.
struct Told {
    number: u32,
    event_id: String,
    body: Value,
}

impl Told {
    fn is_data_action(&self) -> bool {
        self.number.is_multiple_of(2)
    }
}

impl Scene {
    fn start(store: &Store, count: usize) -> Self {
        let (xceed, secrets) = (Simulator::start(&[Tenant::first_bank()]), Secrets::new());
        let platform = xceed.platform();
        let addresses: Vec<_> = (0..count).map(|_| own_address()).collect();
        let start = |address: &SocketAddr| {
            let tenant = with_cxone(Tenant::first_bank(), &platform, &secrets, "");
            let tenant = with_webhook(tenant, &format!("{platform}/webhook/crm"), &secrets, "");
            let config = Config::new([tenant], &xceed.url()).log_level("error,xceed_gateway::cli=info");
            Gateway::start(store.of(config.with(&format!("server.bind = \"{address}\""))))
        };
        let gateways = addresses.iter().map(start).collect();
        Self { gateways, addresses, xceed, _secrets: secrets }
    }

    /// Kills and starts again, while the platforms have a bad day too.
    fn kill(&mut self, cycles: u32, mut chance: Chance) {
        for _ in 0..cycles {
            let statuses: Vec<u64> = (0..5).map(|_| *chance.pick(&[200, 200, 200, 503, 429, 500])).collect();
            let some = json!({ "statuses": statuses, "delay_ms": chance.between(0, 60) });
            let token = json!({ "delay_ms": chance.between(0, 100), "revoke": chance.once_in(4) });
            self.xceed.platforms_behave(&json!({ "api": some, "webhook": some, "token": token }));
            thread::sleep(Duration::from_millis(chance.between(50, 1500)));
            let one = chance.between(0, self.gateways.len() as u64) as usize;
            self.gateways[one].kill();
            thread::sleep(Duration::from_millis(chance.between(0, 200)));
            self.gateways[one].restart();
        }
        self.xceed.platforms_behave(&json!({}));
    }

    fn judge(&self, told: &[Told], found: &mut Findings) {
        let begun = Instant::now();
        let mut landed = Landed::read(&self.xceed);
        while !landed.has(told) && begun.elapsed() < DRAIN_MAX {
            thread::sleep(Duration::from_millis(300));
            landed = Landed::read(&self.xceed);
        }
        found.fact("all of it there after", format!("{:.1} s", begun.elapsed().as_secs_f64()));
        let head = "HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer caller-of-first-bank\r\n";
        let look_ups = told.iter().map(|one| format!("GET /v1/events/{} {head}\r\n", one.event_id));
        let seen = call_all(&self.addresses, 8, look_ups.collect());
        let (mut lost, mut twice) = (0, 0);
        for (one, seen) in told.iter().zip(seen) {
            let seen: Value = serde_json::from_slice(&seen.expect("an answer").body).expect("JSON");
            let heard = landed.heard.get(&one.event_id).map(Vec::as_slice).unwrap_or_default();
            let same = |data: &Value| {
                ["decision", "outcome", "riskScore", "decidedAt"].iter().all(|name| data[name] == seen[name])
            };
            lost += usize::from(heard.is_empty());
            twice += heard.len().saturating_sub(1);
            found.must(heard.iter().all(|(_, data)| same(data)), || {
                format!("{}: {heard:?}, not {seen}", one.event_id)
            });
            let ids: BTreeSet<&str> = heard.iter().map(|(id, _)| id.as_str()).collect();
            found.must(ids.len() <= 1, || format!("{} came under more than one id: {ids:?}", one.event_id));
            if one.is_data_action() {
                let brought =
                    landed.brought.get(&interaction(one.number)).map(Vec::as_slice).unwrap_or_default();
                lost += usize::from(brought.is_empty());
                twice += brought.len().saturating_sub(1);
                let right = |body: &Value| body["attributes"]["assessment_time"] == seen["decidedAt"];
                found
                    .must(brought.iter().all(right), || format!("{}: {brought:?}, not {seen}", one.event_id));
            } else {
                found.must(same(&one.body), || format!("what was told has changed: {} is {seen}", one.body));
            }
        }
        found.must(lost == 0, || format!("{lost} decisions did not come back"));
        found.fact("decisions brought back, of them more than once", format!("{}, {twice}", landed.count()));
        found.fact("lost", lost);
    }
}

/// What arrived and was taken.
struct Landed {
    /// At the webhook, by event: the message's id and the decision.
    heard: HashMap<String, Vec<(String, Value)>>,
    /// In interactions.
    brought: HashMap<String, Vec<Value>>,
}

impl Landed {
    fn read(xceed: &Simulator) -> Self {
        let mut landed = Self { heard: HashMap::new(), brought: HashMap::new() };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for one in xceed.brought() {
            if one["status"].as_u64() >= Some(300) {
                continue;
            }
            let mut body: Value = serde_json::from_str(&text(&one["body"])).unwrap_or_default();
            if one["what"] == "cxone-patch" {
                landed.brought.entry(text(&one["id"])).or_default().push(body);
            } else if body["type"] == "decision" {
                let (data, id) = (body["data"].take(), text(&one["parameters"]["webhook-id"]));
                landed.heard.entry(text(&data["eventId"])).or_default().push((id, data));
            }
        }
        landed
    }

    fn has(&self, told: &[Told]) -> bool {
        told.iter().all(|one| {
            let brought = !one.is_data_action() || self.brought.contains_key(&interaction(one.number));
            brought && self.heard.contains_key(&one.event_id)
        })
    }

    fn count(&self) -> usize {
        self.heard.values().map(Vec::len).sum::<usize>() + self.brought.values().map(Vec::len).sum::<usize>()
    }
}

/// Callers who ask again until they are answered.
fn load(gateways: &[SocketAddr], rate: f64, stop: &Arc<AtomicBool>) -> Vec<Told> {
    let told = Rc::new(RefCell::new(Vec::new()));
    let lines = Rc::new(Lines::to(gateways));
    let pause = Duration::from_secs_f64(f64::from(CALLERS) / rate);
    run((0..CALLERS).map(|caller| {
        let (told, lines, stop) = (told.clone(), lines.clone(), stop.clone());
        async move {
            for wave in 0.. {
                if stop.load(SeqCst) {
                    return;
                }
                let number = wave * CALLERS + caller;
                let answer = call_until_answered(&lines, number).await;
                let body: Value = serde_json::from_slice(&answer.body).expect("JSON");
                let event_id = body["eventId"].as_str().unwrap_or_default().to_owned();
                told.borrow_mut().push(Told { number, event_id, body });
                tokio::time::sleep(pause).await;
            }
        }
    }));
    told.take()
}

async fn call_until_answered(lines: &Lines, number: u32) -> Answer {
    let request = submission(number);
    for tries in number as usize.. {
        match lines.call(tries % lines.count(), &request).await {
            Ok(answer) if answer.status == 200 => return answer,
            Ok(answer) => assert_eq!(answer.status, 503, "{}", answer.text()),
            Err(_) => {}
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    unreachable!("it asks for ever")
}

fn interaction(number: u32) -> String {
    format!("i-{number}")
}

/// Each is of a customer of its own; every other one a data action, which is told at once and decided behind.
fn submission(number: u32) -> Vec<u8> {
    let customer = format!("SIM-SCORE-{}~{number}", number % 100);
    let (door, body) = match number % 2 {
        0 => {
            let data = json!({ "interactionId": interaction(number), "transactionId": format!("T-{number}"),
                "amount": 125, "customerId": customer, "attributes": {} });
            ("/v1/cxone/data-action", json!({ "eventType": "WireTransfer", "data": data }))
        }
        _ => ("/v1/events", customer_event(&format!("b-{number}"), &customer)),
    };
    let body = body.to_string();
    format!(
        "POST {door} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer caller-of-first-bank\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
