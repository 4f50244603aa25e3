//! Callbacks that are not Xceed's, or not quite: each is refused in the same words, changes nothing, and leaves the
//! gateway as able as before. Whoever forges here knows a whole genuine callback, but no secret key.

mod bodies;
mod extension;

use crate::harness::{
    Callback, Caller, Config, Gateway, Request, Response, Simulator, Tenant, callback_request, customer_event,
};
use sha1::{Digest, Sha1};

const SECOND_SECRET: &str = "99999999aaaaaaaa";

/// Two tenants, each with an event `e-1` that awaits its callback.
struct Scene {
    _xceed: Simulator,
    gateway: Gateway,
}

impl Scene {
    fn start() -> Self {
        let called_back = |tenant: Tenant, id: &str| tenant.with(&format!("xceed.callback_id = \"{id}\""));
        let tenants = [
            called_back(Tenant::first_bank(), "gw1"),
            called_back(Tenant::new("second-bank", 310_031).secret(SECOND_SECRET), "gw2"),
        ];
        let xceed = Simulator::start(&tenants);
        let gateway = Gateway::start(Config::new(tenants, &xceed.url()));
        let scene = Self { _xceed: xceed, gateway };
        for caller in scene.callers() {
            await_callback(&caller, "e-1");
        }
        scene
    }

    fn callers(&self) -> [Caller; 2] {
        ["first-bank", "second-bank"].map(|tenant| self.gateway.caller_of(tenant))
    }

    fn seen(&self) -> [String; 2] {
        self.callers().map(|caller| caller.look_up("e-1").text())
    }

    /// Sends each, and finds it refused; afterwards the genuine callback still decides.
    #[track_caller]
    fn refuses(&self, attempts: impl IntoIterator<Item = (String, Request)>) {
        let before = self.seen();
        for (what, request) in attempts {
            let answer = self.gateway.try_call_back(&request);
            let answer = answer.unwrap_or_else(|error| panic!("{what}: no answer ({error})"));
            assert_refused(&answer, &what);
            assert_eq!(self.seen(), before, "{what} changed something");
        }
        let answer = self.gateway.call_back(&Callback::of("e-1").request());
        assert_eq!(answer.status, 200, "the genuine one: {}", answer.text());
        let [first, second] = self.seen();
        assert!(first.contains("\"decision\":\"REVIEW\"") && first.contains("SETTLED"), "{first}");
        assert_eq!(second, before[1], "the other tenant's event");
    }
}

fn await_callback(caller: &Caller, event_id: &str) {
    let event = customer_event(event_id, "SIM-CALLBACK-NEVER").to_string();
    assert_eq!(caller.submit_with("?mode=async", &[], event).status, 202);
    caller.until_state(event_id, "AWAITING_CALLBACK");
}

/// One and the same answer to everything, so that it teaches nothing.
#[track_caller]
fn assert_refused(answer: &Response, what: &str) {
    let fault =
        "<soap:Fault><faultcode>soap:Client</faultcode><faultstring>refused</faultstring></soap:Fault>";
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><soap:Envelope \
         xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body>{fault}</soap:Body></soap:Envelope>"
    );
    assert_eq!((answer.status, answer.text()), (500, body), "{what}");
    assert_eq!(answer.header("content-type"), Some("text/xml; charset=utf-8"), "{what}");
}

fn named(what: &str, request: Request) -> (String, Request) {
    (what.to_owned(), request)
}

/// A genuine callback, changed after it was signed.
fn changed(what: &str, change: impl Fn(&mut Callback)) -> (String, Request) {
    let mut callback = Callback::of("e-1").sealed();
    change(&mut callback);
    named(what, callback.request())
}

#[test]
fn a_hash_is_right_to_the_letter() {
    let scene = Scene::start();
    let genuine = Callback::of("e-1");
    let hash = genuine.hash();
    let with = |what: &str, hash: &str| named(what, genuine.hashed(hash).request());
    let digest = |text: &str| hex::encode(Sha1::digest(text));
    let key = &genuine.secret;
    let other =
        Callback { service_id: "310031".to_owned(), secret: SECOND_SECRET.to_owned(), ..genuine.clone() };
    scene.refuses([
        with("of nothing", &digest("")),
        with("all zeros", &"0".repeat(40)),
        with("empty", ""),
        with("upper-case", &hash.to_uppercase()),
        with("one digit in upper case", &hash.replacen(|c: char| c.is_ascii_lowercase(), "F", 1)),
        with("39 digits", &hash[..39]),
        with("41 digits", &format!("{hash}0")),
        with("twice", &format!("{hash}{hash}")),
        with("with a space before", &format!(" {hash}")),
        with("with a line end behind", &format!("{hash}\n")),
        with("without the secret", &digest(&genuine.text().replace(key, ""))),
        with("with the secret at the end", &digest(&(genuine.text().replace(key, "") + key))),
        with("of another tenant", &other.hash()),
        with("of another tenant's secret alone", &digest(&genuine.text().replace(key, SECOND_SECRET))),
        with("in base64", "DWho2RtF2GqRlStqO6KjLYZ7GoQ="),
        with("of a request", &digest(&format!("3210021Wire{key}e-1gw1"))),
    ]);
}

#[test]
fn what_is_signed_can_not_be_changed() {
    let scene = Scene::start();
    let text = str::to_owned;
    scene.refuses([
        changed("another action", |callback| callback.risk_action = text("Allow")),
        changed("no action", |callback| callback.risk_action.clear()),
        changed("another score", |callback| callback.risk_score = text("7.0")),
        changed("the same score in other words", |callback| callback.risk_score = text("73")),
        changed("no score", |callback| callback.risk_score.clear()),
        changed("another code", |callback| callback.return_code = text("DATA_COLLECTION")),
        changed("the code in lower case", |callback| callback.return_code = text("success")),
        changed("another callback id", |callback| callback.callback_id = text("gw2")),
        changed("an unknown callback id", |callback| callback.callback_id = text("gw3")),
        changed("a callback id in upper case", |callback| callback.callback_id = text("GW1")),
        changed("no callback id", |callback| callback.callback_id.clear()),
    ]);
}

#[test]
fn what_is_signed_as_one_text_can_not_be_divided_elsewhere() {
    let scene = Scene::start();
    // Events that the shifted ids would name await their callbacks as well.
    for event_id in ["e-", "e", "e-1S", "e-1SUCCESS", "e-1SUCC"] {
        await_callback(&scene.gateway.caller(), event_id);
    }
    let shifted = |event_id: &str, code: &str, score: &str, action: &str| {
        let genuine = Callback::of("e-1").sealed();
        let [event_id, return_code, risk_score, risk_action] =
            [event_id, code, score, action].map(str::to_owned);
        let callback = Callback { event_id, return_code, risk_score, risk_action, ..genuine };
        assert_eq!(callback.text(), Callback::of("e-1").text(), "the concatenation stays");
        (format!("{callback:?}"), callback.request())
    };
    scene.refuses([
        shifted("e-1", "SUCCESS", "73", ".0Hold"),
        shifted("e-1", "SUCCESS", "7", "3.0Hold"),
        shifted("e-1", "SUCCESS", "", "73.0Hold"),
        shifted("e-1", "SUCCESS7", "3.0", "Hold"),
        shifted("e-1", "SUCCESS73.0", "", "Hold"),
        shifted("e-1", "SUCCESS73.0Hold", "", ""),
        shifted("e-", "1SUCCESS", "73.0", "Hold"),
        shifted("e", "-1SUCCESS", "73.0", "Hold"),
        shifted("e-1S", "UCCESS", "73.0", "Hold"),
        shifted("e-1SUCC", "ESS", "73.0", "Hold"),
        shifted("e-1SUCCESS", "", "73.0", "Hold"),
    ]);
    for event_id in ["e-", "e", "e-1S", "e-1SUCCESS", "e-1SUCC"] {
        assert_eq!(scene.gateway.look_up(event_id).json()["state"], "AWAITING_CALLBACK", "{event_id}");
    }
    let mut action = Callback::of("e-1").sealed();
    (action.risk_action, action.callback_id) = ("Holdg".to_owned(), "w1".to_owned());
    assert_refused(&scene.gateway.call_back(&callback_request("gw1", action.envelope())), "w1 at gw1");
    assert_refused(&scene.gateway.call_back(&callback_request("w1", action.envelope())), "w1 at w1");
}

#[test]
fn only_an_event_that_awaits_a_callback_can_have_one() {
    let scene = Scene::start();
    let caller = scene.gateway.caller();
    for (event_id, query) in [("e-sync", ""), ("e-ack", "?mode=ack")] {
        let event = customer_event(event_id, "C-1").to_string();
        caller.submit_with(query, &[], event);
        caller.until_state(event_id, "SETTLED");
    }
    let second = scene.gateway.caller_of("second-bank");
    await_callback(&second, "e-second");
    let before = ["e-sync", "e-ack"].map(|event_id| caller.look_up(event_id).text());
    let of = |what: &str, event_id: &str| named(what, Callback::of(event_id).request());
    let elsewhere = Callback::of("e-1").envelope();
    let nowhere =
        Request::new("POST", "/xceed/callback").header("Content-Type", "text/xml").body(elsewhere.clone());
    scene.refuses([
        of("an unknown event", "e-404"),
        of("an event with a decision", "e-sync"),
        of("an event that asked for none", "e-ack"),
        of("another tenant's event", "e-second"),
        of("no event", ""),
        of("no event's id", "e/1"),
        of("an id that is too long", &"e".repeat(129)),
        named("no address", nowhere),
        named("another tenant's address", callback_request("gw2", elsewhere.clone())),
        named("an unknown address", callback_request("gw3", elsewhere.clone())),
        named("an address in upper case", callback_request("GW1", elsewhere.clone())),
        named("an address with more behind", callback_request("gw1%00", elsewhere.clone())),
        named("an address with markup", callback_request("%3Cgw1%3E", elsewhere)),
    ]);
    assert_eq!(["e-sync", "e-ack"].map(|event_id| caller.look_up(event_id).text()), before);
}
