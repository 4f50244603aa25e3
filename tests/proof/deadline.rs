//! A decision in time, whatever is wrong with Xceed: sync calls while it is ill in all ways at once. Each caller is answered
//! 200 by the deadline, by Xceed where that answered whole and in time, and by the fallback otherwise.

use crate::callers::{Lines, run};
use crate::harness::{Config, Gateway, Tenant, customer_event};
use crate::ill::{Ill, WAYS, name_of, way_of};
use crate::report::{Findings, Request};
use crate::stall::Stall;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

const CALLERS: usize = 100;
const DEADLINE: Duration = Duration::from_millis(300);

struct Told {
    number: usize,
    outcome: String,
    took: Duration,
}

pub(crate) fn prove(request: &Request) -> Findings {
    let calls: usize = request.get("--calls", 1_000, 100_000);
    let rate: f64 = request.get("--rate", 200.0, 300.0);
    let mut found = Findings::new("deadline: sync calls while Xceed is ill in every way at once");
    let xceed = Ill::start();
    let deadline = DEADLINE.as_millis();
    let tenant = Tenant::first_bank()
        .with(&format!("policy.deadline_ms = {deadline}\nxceed.attempt_timeout = \"1s\""));
    let config = Config::new([tenant], &xceed.url()).log_level("error,xceed_gateway::cli=info");
    let gateway = Gateway::start(config);
    let stall = Stall::watch();
    let told = load(&gateway, calls, rate);
    judge(&told, (stall.worst(), request.slack()), &mut found);
    for (name, count) in xceed.met() {
        found.fact(&format!("requests that met an Xceed that {name}"), count);
    }
    found.must(xceed.met().len() == WAYS.len() + 1, || format!("not every way was met: {:?}", xceed.met()));
    found
}

fn load(gateway: &Gateway, calls: usize, rate: f64) -> Vec<Told> {
    let told = Rc::new(RefCell::new(Vec::with_capacity(calls)));
    let lines = Rc::new(Lines::to(&[gateway.address()]));
    let begun = Instant::now() + Duration::from_millis(100);
    run((0..CALLERS).map(|caller| {
        let (told, lines) = (told.clone(), lines.clone());
        async move {
            for number in (caller..calls).step_by(CALLERS) {
                let due = begun + Duration::from_secs_f64(number as f64 / rate);
                tokio::time::sleep_until(due.into()).await;
                let called = Instant::now();
                let answer = lines.call(0, &submission(number)).await;
                let took = called.elapsed();
                let answer = answer.unwrap_or_else(|error| panic!("{number} gets no answer: {error}"));
                assert_eq!(answer.status, 200, "{}", answer.text());
                let answer: Value = serde_json::from_slice(&answer.body).expect("JSON");
                let word = |name: &str| answer[name].as_str().unwrap_or("?").to_owned();
                let outcome = format!("{} {}", word("outcome"), word("basis"));
                told.borrow_mut().push(Told { number, outcome, took });
            }
        }
    }));
    told.take()
}

fn judge(told: &[Told], (stall, slack): (Duration, Duration), found: &mut Findings) {
    let mut by_outcome: BTreeMap<&str, usize> = BTreeMap::new();
    for one in told {
        *by_outcome.entry(&one.outcome).or_default() += 1;
        let way = way_of(one.number).map(|way| WAYS[way]);
        // What only takes its time may be in time; nothing else that is ill decides.
        let may_score = matches!(way, None | Some("answers after 150 ms"));
        let is_scored = one.outcome.starts_with("SCORED");
        found.must(!is_scored || may_score, || {
            format!("d-{} was decided by an Xceed that {}", one.number, name_of(one.number))
        });
    }
    let late = told.iter().filter(|one| one.took > DEADLINE + slack + stall).count();
    found.must(late == 0, || format!("{late} of {} callers waited too long", told.len()));
    let mut took: Vec<Duration> = told.iter().map(|one| one.took).collect();
    took.sort();
    let share = |within: Duration| {
        let within = took.partition_point(|one| *one <= within);
        format!("{:.3} %", within as f64 * 100.0 / took.len() as f64)
    };
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    found.fact("calls", told.len());
    for (outcome, count) in by_outcome {
        found.fact(&format!("answered {outcome}"), count);
    }
    found.fact("within the deadline + 5 ms", share(DEADLINE + Duration::from_millis(5)));
    found.fact("within the deadline + 25 ms", share(DEADLINE + Duration::from_millis(25)));
    found.fact(
        "median, 99 %, 99.9 %, worst",
        format!("{:.1?}, {:.1?}, {:.1?}, {:.1?}", at(0.5), at(0.99), at(0.999), at(1.0)),
    );
    found.fact("worst stall of a thread that does nothing but sleep", format!("{stall:.1?}"));
}

fn submission(number: usize) -> Vec<u8> {
    let body = customer_event(&format!("d-{number}"), &format!("C-{number}")).to_string();
    let head = "POST /v1/events HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer caller-of-first-bank\r\n";
    format!("{head}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}
