//! Callbacks that are not Xceed's, or not quite: each is refused in the same words, changes nothing, and leaves the
//! gateway as able as before. Whoever forges here knows a whole genuine callback, but no secret key.

mod bodies;

use crate::harness::forged::{self, DIVIDED_IDS, Forged, SECOND_SECRET, named};
use crate::harness::{
    Callback, Caller, Config, Gateway, Response, Simulator, Tenant, callback_request, customer_event,
};

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
    fn refuses(&self, attempts: impl IntoIterator<Item = Forged>) {
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

#[test]
fn a_hash_is_right_to_the_letter() {
    Scene::start().refuses(forged::hashes());
}

#[test]
fn what_is_signed_can_not_be_changed() {
    Scene::start().refuses(forged::changed());
}

#[test]
fn a_hash_that_was_extended_without_the_secret_carries_nothing_in() {
    Scene::start().refuses(forged::extended());
}

#[test]
fn what_is_signed_as_one_text_can_not_be_divided_elsewhere() {
    let scene = Scene::start();
    for event_id in DIVIDED_IDS {
        await_callback(&scene.gateway.caller(), event_id);
    }
    scene.refuses(forged::divided());
    for event_id in DIVIDED_IDS {
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
    let unfit = [
        of("an unknown event", "e-404"),
        of("an event with a decision", "e-sync"),
        of("an event that asked for none", "e-ack"),
        of("another tenant's event", "e-second"),
        of("no event", ""),
        of("no event's id", "e/1"),
        of("an id that is too long", &"e".repeat(129)),
    ];
    scene.refuses(unfit.into_iter().chain(forged::elsewhere()));
    assert_eq!(["e-sync", "e-ack"].map(|event_id| caller.look_up(event_id).text()), before);
}
