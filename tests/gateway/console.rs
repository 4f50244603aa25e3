//! The console from the outside: who gets in, what every page carries, what is escaped, and that an act is an operator's own.

use crate::harness::{
    Caller, Config, Gateway, Request, Response, Simulator, Tenant, body, customer_event, event, exported,
    until,
};
use serde_json::json;
use sha2::{Digest, Sha256};

const PAGES: [&str; 4] = ["/console/now", "/console/events", "/console/care", "/console/system"];

struct Scene {
    gateway: Gateway,
    xceed: Simulator,
}

fn operators() -> String {
    let one = |name: &str, role: &str| {
        let hash = hex::encode(Sha256::digest(format!("console-{name}")));
        format!("{{ name = \"{name}\", hash = \"sha256:{hash}\", role = \"{role}\" }}")
    };
    format!("console.operators = [{}, {}]", one("ops", "operator"), one("eye", "auditor"))
}

impl Scene {
    fn start() -> Self {
        let xceed = Simulator::start(&[Tenant::first_bank()]);
        let config = Config::new([Tenant::first_bank()], &xceed.url()).with(&operators());
        Self { gateway: Gateway::start(config), xceed }
    }

    fn call(&self, request: &Request) -> Response {
        self.gateway.caller().call(request)
    }

    /// Signs in, and gives the cookie.
    fn sign_in(&self, name: &str) -> String {
        let answer = self.call(&form("/console/sign-in", &format!("key=console-{name}")));
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, Some("/console/now")),
            "{}",
            answer.text()
        );
        let cookie = answer.header("set-cookie").expect("a cookie").to_owned();
        for part in ["HttpOnly", "SameSite=Strict", "Path=/console"] {
            assert!(cookie.contains(part), "{cookie}");
        }
        cookie.split(';').next().expect("its value").to_owned()
    }

    fn page(&self, target: &str, cookie: &str) -> Response {
        self.call(&Request::new("GET", target).header("Cookie", cookie))
    }

    /// What each form of the session carries.
    fn form_of(&self, cookie: &str) -> String {
        let page = self.page("/console/system", cookie).text();
        let rest = page.split("name=\"form\" value=\"").nth(1).expect("a form");
        rest.split('"').next().expect("its value").to_owned()
    }

    fn parked(&self, id: &str) -> String {
        self.gateway.submit(&customer_event(id, "SIM-XML_VALIDATION_FAIL"));
        self.gateway.caller().until_state(id, "PARKED");
        let operator = Caller { key: "operator-of-first-bank".to_owned(), ..self.gateway.caller() };
        let list = operator.call(&operator.request("GET", "/v1/parked")).json();
        let rows = list["parked"].as_array().expect("a list");
        let row = rows.iter().find(|row| row["eventId"] == id).expect("it is parked");
        row["deliveryId"].as_str().expect("an id").to_owned()
    }
}

fn form(target: &str, text: &str) -> Request {
    let request = Request::new("POST", target).header("Content-Type", "application/x-www-form-urlencoded");
    request.body(text)
}

#[track_caller]
fn is_a_page(answer: &Response) {
    let policy = answer.header("content-security-policy").expect("a policy");
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let text = answer.text();
    for inline in ["<script>", "style=", "onclick", "javascript:"] {
        assert!(!text.contains(inline), "{inline}");
    }
}

#[test]
fn without_a_key_there_is_only_the_page_that_asks_for_one() {
    let scene = Scene::start();
    for target in PAGES.into_iter().chain(["/console", "/console/nothing", "/console/events/first-bank/e-1"])
    {
        let answer = scene.page(target, "xceed_gateway_console=0000");
        assert_eq!(answer.status, 401, "{target}");
        is_a_page(&answer);
        assert!(answer.text().contains("Operator key"), "{target}");
    }
    for wrong in ["", "key=", "key=wrong", "other=console-ops"] {
        let answer = scene.call(&form("/console/sign-in", wrong));
        assert!(answer.status == 401 && answer.header("set-cookie").is_none(), "{wrong}");
        is_a_page(&answer);
    }
    let foreign = form("/console/sign-in", "key=console-ops").header("Origin", "https://elsewhere.example");
    assert_eq!(scene.call(&foreign).status, 403);
    let foreign = form("/console/sign-in", "key=console-ops").header("Sec-Fetch-Site", "cross-site");
    assert_eq!(scene.call(&foreign).status, 403);
    let stream = scene.page("/console/now/stream", "");
    assert_eq!(stream.status, 401);
}

#[test]
fn each_page_shows_what_there_is_and_nothing_private() {
    let scene = Scene::start();
    let mut event = customer_event("e-1", "C-private");
    event["customer"]["accountId"] = json!("ACCOUNT-private");
    assert_eq!(scene.gateway.submit(&event).status, 200);
    scene.parked("p-1");
    let cookie = scene.sign_in("eye");
    for target in PAGES.into_iter().chain(["/console/events/first-bank/e-1", "/console/events?event=e-1"]) {
        let answer = scene.page(target, &cookie);
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        is_a_page(&answer);
        let text = answer.text();
        assert!(!text.contains("private") && !text.contains("311a5439c8bda8ef"), "{target}: {text}");
    }
    let now = scene.page("/console/now", &cookie).text();
    assert!(now.contains("e-1") && now.contains("XML_VALIDATION_FAIL") && now.contains("ALLOW"), "{now}");
    let one = scene.page("/console/events/first-bank/e-1", &cookie).text();
    for words in
        ["Attempt 1: answered SUCCESS", "Decision: ALLOW", "CustomerId", "•••", "Audit trail", "accepted"]
    {
        assert!(one.contains(words), "{words}: {one}");
    }
    assert_eq!(scene.page("/console/events/first-bank/e-404", &cookie).status, 404);
    assert_eq!(scene.page("/console/events/other-bank/e-1", &cookie).status, 404);
    for (asked, found) in [
        ("event=e-1", true),
        ("event=p-1", false),
        ("outcome=SCORED", true),
        ("outcome=FALLBACK", false),
        ("code=SUCCESS", true),
        ("customer=C-private", true),
        ("customer=C-other", false),
        ("until=2020-01-01T00:00", false),
    ] {
        let page = scene.page(&format!("/console/events?{asked}"), &cookie).text();
        assert_eq!(page.contains("/console/events/first-bank/e-1"), found, "{asked}");
    }
}

#[test]
fn what_is_typed_is_only_text() {
    let scene = Scene::start();
    let cookie = scene.sign_in("ops");
    let hostile = "%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E";
    for target in [
        format!("/console/events?event={hostile}&until={hostile}"),
        format!("/console/care/{hostile}/d-1/replay"),
    ] {
        let page = scene.page(&target, &cookie);
        assert!(page.status < 500 && !page.text().contains("<script>alert"), "{}", page.text());
        is_a_page(&page);
    }
}

#[test]
fn an_act_is_an_operators_own_and_is_audited() {
    let mut scene = Scene::start();
    let id = scene.parked("p-1");
    let target = format!("/console/care/first-bank/{id}/replay");
    let (cookie, eye) = (scene.sign_in("ops"), scene.sign_in("eye"));
    let act = |cookie: &str, form_of: &str, more: (&str, &str)| {
        let request = form(&target, &format!("form={form_of}")).header("Cookie", cookie);
        scene.call(&request.header(more.0, more.1))
    };
    let nothing = ("X-Nothing", "1");
    let own = scene.form_of(&cookie);
    assert_eq!(act("", &own, nothing).status, 401);
    assert_eq!(act(&cookie, "", nothing).status, 403, "without the form's own word");
    assert_eq!(act(&cookie, &scene.form_of(&eye), nothing).status, 403, "another session's");
    assert_eq!(act(&cookie, &own, ("Origin", "https://elsewhere.example")).status, 403);
    assert_eq!(act(&eye, &scene.form_of(&eye), nothing).status, 403, "an auditor looks");
    assert_eq!(scene.xceed.received_of("p-1").len(), 1, "nothing was done");
    let asked = scene.page(&target, &cookie);
    assert!(asked.status == 200 && asked.text().contains("audit trail under your name, ops"));
    scene.xceed.behave(&json!({ "code": "SUCCESS" }));
    let done = act(&cookie, &own, nothing);
    assert_eq!((done.status, done.header("location")), (303, Some("/console/care")), "{}", done.text());
    scene.gateway.caller().until_state("p-1", "SETTLED");
    assert_eq!(scene.xceed.received_of("p-1").len(), 2);
    assert_eq!(act(&cookie, &own, nothing).status, 404, "somebody was quicker");
    let one = scene.page("/console/events/first-bank/p-1", &cookie).text();
    assert!(one.contains("<strong>replay</strong> by ops"), "{one}");
    scene.gateway.terminate();
    let entries = exported(&scene.gateway.folder(), &[]);
    let replay = entries.iter().map(body).find(|entry| entry["kind"] == "replay").expect("it is audited");
    assert_eq!((&replay["by"], &replay["eventId"]), (&json!("ops"), &json!("p-1")));
}

#[test]
fn whoever_signs_out_or_loses_the_key_is_out() {
    let mut scene = Scene::start();
    let (cookie, other) = (scene.sign_in("ops"), scene.sign_in("ops"));
    let own = scene.form_of(&cookie);
    scene.call(&form("/console/sign-out", "form=wrong").header("Cookie", &cookie));
    assert_eq!(scene.page("/console/now", &cookie).status, 200, "that was not its form");
    scene.call(&form("/console/sign-out", &format!("form={own}")).header("Cookie", &cookie));
    assert_eq!(scene.page("/console/now", &cookie).status, 401);
    assert_eq!(scene.page("/console/now", &other).status, 200);
    let config = Config::new([Tenant::first_bank()], &scene.xceed.url());
    scene.gateway.reconfigure(config.with("console.operators = []"));
    until("a session that ends with its key", || {
        (scene.page("/console/now", &other).status == 401).then_some(())
    });
}

#[test]
fn decisions_are_seen_as_they_fall() {
    let scene = Scene::start();
    let cookie = scene.sign_in("eye");
    let mut line = crate::harness::Connection::open(scene.gateway.address()).expect("it listens");
    line.write(&Request::new("GET", "/console/now/stream").header("Cookie", &cookie)).expect("sent");
    let head = line.begin().expect("an answer");
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
    scene.gateway.submit(&event("seen-1"));
    let mut heard = String::new();
    until("the event", || {
        heard.push_str(&String::from_utf8_lossy(&line.chunk().expect("it goes on")));
        heard.contains("seen-1").then_some(())
    });
    assert!(heard.contains("event: lines"), "{heard}");
}
