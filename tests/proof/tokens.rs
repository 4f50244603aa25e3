//! A token endpoint that is down for a while under load: callers don't notice, whoever needs no token hears at once, and
//! when it is back every decision goes into its interaction, with one request for a token at a time and none in vain.

use crate::callers::{Lines, call_all, run};
use crate::harness::{Config, Gateway, Secrets, Simulator, Tenant, with_cxone, with_webhook};
use crate::report::{Findings, Request};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Callers at the same time.
const CALLERS: u32 = 20;
/// How long decisions may take to be there once tokens are given again: the longest pause of a target is 15 s.
const DRAIN_MAX: Duration = Duration::from_secs(120);

pub(crate) fn prove(request: &Request) -> Findings {
    let time = Duration::from_secs(request.get("--seconds", 5, 60));
    let rate: f64 = request.get("--rate", 40.0, 100.0);
    let mut found = Findings::new("tokens: a token endpoint that is down under load");
    let scene = Scene::start();
    scene.go_down();
    let told = scene.load(time, rate, &mut found);
    scene.judge_the_outage(&told, &mut found);
    scene.come_back(&told, &mut found);
    scene.judge_what_landed(&told, &mut found);
    found
}

struct Scene {
    // Before the simulator, so that it ends first.
    gateway: Gateway,
    xceed: Simulator,
    _secrets: Secrets,
}

/// A call's answer: the interaction that it was about, its event, and how long it took.
struct Told {
    interaction: String,
    event_id: String,
    took: Duration,
}

impl Scene {
    fn start() -> Self {
        let (xceed, secrets) = (Simulator::start(&[Tenant::first_bank()]), Secrets::new());
        let platform = xceed.platform();
        let tenant = with_cxone(Tenant::first_bank(), &platform, &secrets, "");
        let tenant = with_webhook(tenant, &format!("{platform}/webhook/crm"), &secrets, "");
        let config = Config::new([tenant], &xceed.url()).log_level("warn,xceed_gateway::cli=info");
        Self { gateway: Gateway::start(config), xceed, _secrets: secrets }
    }

    /// Tokens that were given are good no more, and there are no others.
    fn go_down(&self) {
        let warm = call_all(&[self.gateway.address()], 1, vec![data_action("warm", 0)]).remove(0);
        assert_eq!(warm.expect("an answer").status, 200);
        self.xceed.brought_times("warm", 1);
        let down = json!({ "token": { "status": 503, "delay_ms": 200, "revoke": true } });
        self.xceed.platforms_behave(&down);
    }

    fn load(&self, time: Duration, rate: f64, found: &mut Findings) -> Vec<Told> {
        let told = Rc::new(RefCell::new(Vec::new()));
        let lines = Rc::new(Lines::to(&[self.gateway.address()]));
        let pause = Duration::from_secs_f64(f64::from(CALLERS) / rate);
        let begun = Instant::now();
        run((0..CALLERS).map(|caller| {
            let (told, lines) = (told.clone(), lines.clone());
            async move {
                for wave in 0.. {
                    let due = begun + pause * wave + pause * caller / CALLERS;
                    if due > begun + time {
                        return;
                    }
                    tokio::time::sleep_until(due.into()).await;
                    let number = wave * CALLERS + caller + 1;
                    let interaction = format!("i-{number}");
                    let called = Instant::now();
                    let answer = lines.call(0, &data_action(&interaction, number)).await;
                    let answer =
                        answer.unwrap_or_else(|error| panic!("{interaction} gets no answer: {error}"));
                    let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
                    assert_eq!(
                        (answer.status, &value["outcome"]),
                        (200, &json!("PENDING")),
                        "{}",
                        answer.text()
                    );
                    let event_id = value["eventId"].as_str().unwrap_or_default().to_owned();
                    told.borrow_mut().push(Told { interaction, event_id, took: called.elapsed() });
                }
            }
        }));
        let told = told.take();
        let mut took: Vec<Duration> = told.iter().map(|one| one.took).collect();
        took.sort();
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
        found.fact("data actions while tokens were refused", told.len());
        found.fact(
            "answered PENDING after, median, 99 % and longest",
            format!("{:.1?}, {:.1?}, {:.1?}", at(0.5), at(0.99), at(1.0)),
        );
        told
    }

    fn judge_the_outage(&self, told: &[Told], found: &mut Findings) {
        // Whoever needs no token hears of each decision meanwhile.
        let heard = self.xceed.brought_times("crm", told.len() + 1).len();
        found.must(heard == told.len() + 1, || {
            format!("the webhook heard {heard} times of {} events", told.len() + 1)
        });
        found.fact("decisions at the webhook by then", heard - 1);
        // What had a token when it was taken back finds out by being refused.
        let landed = self.landed();
        found.must(landed.len() == 1, || format!("{} decisions landed without a token", landed.len() - 1));
        let tokens = self.xceed.tokens();
        found.fact("requests for a token by then", &tokens["requests"]);
    }

    fn come_back(&self, told: &[Told], found: &mut Findings) {
        self.xceed.platforms_behave(&json!({ "token": { "delay_ms": 200 } }));
        let begun = Instant::now();
        while self.landed().len() < told.len() + 1 && begun.elapsed() < DRAIN_MAX {
            std::thread::sleep(Duration::from_millis(100));
        }
        found.fact("all in their interactions after", format!("{:.1} s", begun.elapsed().as_secs_f64()));
    }

    fn judge_what_landed(&self, told: &[Told], found: &mut Findings) {
        let landed = self.landed();
        let look_ups = told.iter().map(|one| {
            let head = "HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer caller-of-first-bank\r\n";
            format!("GET /v1/events/{} {head}\r\n", one.event_id)
        });
        let decided = call_all(&[self.gateway.address()], 8, look_ups.collect());
        let (mut lost, mut twice) = (0, 0);
        for (one, decided) in told.iter().zip(decided) {
            let decided: Value =
                serde_json::from_slice(&decided.expect("an answer").body).expect("a decision");
            let Some(bodies) = landed.get(&one.interaction) else {
                lost += 1;
                continue;
            };
            twice += usize::from(bodies.len() > 1);
            let attributes: Value = serde_json::from_str(&bodies[0]).unwrap_or_default();
            let attributes = &attributes["attributes"];
            let flag = if decided["decision"] == "ALLOW" { "LOW" } else { "HIGH" };
            let says =
                [&attributes["fraud_risk_score"], &attributes["fraud_flag"], &attributes["assessment_time"]];
            let same = says == [&decided["riskScore"], &json!(flag), &decided["decidedAt"]];
            found.must(same, || format!("{}: {attributes} is not {decided}", one.interaction));
        }
        found.must(lost == 0, || format!("{lost} decisions are not in their interactions"));
        found.fact("decisions that were lost, that landed twice", format!("{lost}, {twice}"));
        let tokens = self.xceed.tokens();
        found.must(tokens["concurrentMax"] == 1, || {
            format!("more than one asked for a token at a time: {tokens}")
        });
        found.must(tokens["given"] == 2, || format!("more tokens than needed: {tokens}"));
        found.fact("at the same time at most", &tokens["concurrentMax"]);
        found.fact("tokens that were given, the first included", &tokens["given"]);
    }

    /// What was taken, by interaction.
    fn landed(&self) -> HashMap<String, Vec<String>> {
        let mut landed: HashMap<String, Vec<String>> = HashMap::new();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        for one in self.xceed.brought() {
            if one["what"] == "cxone-patch" && one["status"] == 200 {
                landed.entry(text(&one["id"])).or_default().push(text(&one["body"]));
            }
        }
        landed
    }
}

fn data_action(interaction: &str, number: u32) -> Vec<u8> {
    // Each is of a customer of its own, and they score differently.
    let customer = format!("SIM-SCORE-{}~{number}", number % 100);
    let body = json!({ "eventType": "WireTransfer", "data": {
        "interactionId": interaction, "transactionId": format!("T-{number}"), "amount": 125,
        "customerId": customer, "attributes": {} } });
    let body = body.to_string();
    format!(
        "POST /v1/cxone/data-action HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer caller-of-first-bank\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
